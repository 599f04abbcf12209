"""Findings and rules in a store, as a collector would have stored them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from collector.findings import keep
from collector.findings.outcome import Outcome, Ran
from collector.findings.rule import Rule
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure, Subject, Threshold
from storage.store import open_writer


def finding(rule: str = "grows", **given: Any) -> Finding:
    """A finding; its subject is ``thread`` and what else is given."""
    names = {"application": "support-bot", "backend": "sqlite", "saver": "a" * 12} | given
    subject = {name: names.pop(name) for name in list(names) if name in Subject.__struct_fields__}
    about: dict[str, Any] = {
        "severity": "warning", "title": f"{rule} in {subject.get('thread', 'all')}",
        "measured": [Measure(name="stored", value=2_000.0, unit="bytes", limit=1_000.0)],
        "since_us": 1_000, "why": "It does.",
        "fixes": [Fix(words="Trim it", code="trim()", language="python",
                      saving=Cost(bytes=900.0), loss="The past.")],
        "evidence": [Evidence(page="threads", words="See it",
                              names={"thread": subject.get("thread", "")})],
        "cost": Cost(bytes=1_000.0, usd_a_month=0.5),
    }  # fmt: skip
    return Finding(rule=rule, subject=Subject(**subject), **(about | names))


def rule(id: str = "grows", **given: Any) -> Rule:
    """A rule that never looks: what it found is told by hand."""
    about = About(
        id=id, title=f"{id} is looked for", looks_at="What there is.",
        thresholds=[Threshold(name="most", default=10, unit="times", least=1, most=100,
                              why="Because.")],
    )  # fmt: skip
    looks: dict[str, Any] = {"thread": lambda look, thread: []}
    return Rule(about=about, **(looks | given))


def store(
    path: Path,
    found: Iterable[tuple[int, Finding]],
    *,
    at_us: int,
    threads: Iterable[int] = (),
    rules: Iterable[Rule] = (),
    why: str = "",
) -> None:
    """Store the outcome of one look.

    Args:
        path: of the store.
        found: row of a thread (0: none) and finding.
        at_us: when.
        threads: rows of further threads that were looked at.
        rules: those that looked; one for each name of ``found`` at least.
        why: of rules that could not look.
    """
    told = list(found)
    known = {one.id: one for one in rules} or {"grows": rule()}
    for _, one in told:
        known.setdefault(one.rule, rule(one.rule))
    ran = {
        name: Ran(name, one.thread is not None, looks=0 if why else 5, took_us=1_000, why=why,
                  subjects=4,
                  found=[row for row in told if row[1].rule == name],
                  whole=one.whole is not None and not why)
        for name, one in known.items()
    }  # fmt: skip
    keys = [*dict.fromkeys([*(key for key, _ in told if key), *threads])]
    engine = open_writer(str(path))
    with engine.begin() as connection:
        keep.describe(connection, [one.about for one in known.values()])
        keep.store(connection, Outcome(at_us, ran, keys, None, True))
    engine.dispose()
