"""What ``prune`` leaves, by the rules of each saver."""

from __future__ import annotations

from collector.held import Entry
from collector.pruning import Entries, keep_latest


def entry(put: int | None = 10, root: str = "") -> Entry:
    made = Entry()
    made.put = put
    made.root = root
    made.writes = {("task", 0): 1}
    return made


def thread() -> Entries:
    """Two root checkpoints, a call of a subgraph from each, a subgraph with a state of its own,
    and pending writes whose checkpoint was never saved."""
    return {
        ("", "1"): entry(),
        ("", "2"): entry(),
        ("", "0"): entry(put=None),
        ("call:a", "11"): entry(root="1"),
        ("call:a", "10"): entry(put=None, root="1"),
        ("call:b", "21"): entry(root="2"),
        ("call:b", "20"): entry(root="2"),
        ("own", "12"): entry(root="1"),
        ("own", "11"): entry(root="1"),
    }


def test_the_newest_of_each_namespace_stays() -> None:
    """That is all there is to it where savers have no rule of their own."""
    kept = set(keep_latest(thread(), "other"))
    assert kept == {("", "2"), ("call:a", "11"), ("call:b", "21"), ("own", "12")}


def test_postgres_removes_calls_with_the_checkpoint_they_started_from() -> None:
    """Not so a namespace without a task id, and not writes that belong to no checkpoint."""
    kept = set(keep_latest(thread(), "postgres"))
    assert kept == {("", "2"), ("", "0"), ("call:b", "21"), ("own", "12")}


def test_postgres_keeps_a_call_whose_start_is_not_saved() -> None:
    """Runs save in the background: the call may be there before the root's checkpoint is."""
    entries = thread()
    entries["call:c", "31"] = entry(root="3")
    entries["call:d", "31"] = entry()
    assert {("call:c", "31"), ("call:d", "31")} <= set(keep_latest(entries, "postgres"))


def test_nothing_of_nothing() -> None:
    """A thread that holds nothing is left alone."""
    assert keep_latest({}, "postgres") == keep_latest({}, "other") == {}
