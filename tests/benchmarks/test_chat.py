"""The chat benchmark: that it measures what it says, never how much that is."""

from __future__ import annotations

from benchmarks import chat, conversation


def test_both_arms_hold_the_same_conversation() -> None:
    """With and without the probe a run is complete, and its CPU time is told."""
    for name in ("bare", "probe"):
        with chat.Arm(name) as arm:
            assert arm.talk() > 0  # raises where the probe lost events
            assert arm.talk() > 0


def test_single_calls_are_timed_one_by_one() -> None:
    """Each kind of call has a time for every call."""
    with chat.Arm("emit", "50") as arm:
        taken = arm.read()
    assert set(taken) == {"clock", "emit", "bare", "call", "async_bare", "async_call"}
    assert {len(times) for times in taken.values()} == {50}


def test_spooled_bytes_are_those_of_a_turn() -> None:
    """The probe spools something each turn, in the first ones and in the last."""
    first, last = chat.bytes_figures()
    assert first["value"] > 100
    assert last["value"] > 100
    assert first["unit"] == "bytes"


def test_the_graph_has_two_nodes_and_grows() -> None:
    """A turn adds the question and the answer to ``messages``."""
    graph = conversation.build(lambda compiled: compiled)
    conversation.talk(graph, "t", 3)
    state = graph.get_state({"configurable": {"thread_id": "t"}})
    assert len(state.values["messages"]) == 6
    assert {len(message.content) for message in state.values["messages"]} == {500}
    assert set(graph.nodes) == {"__start__", "classify", "reply"}
