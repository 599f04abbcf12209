"""Each kind of leak is told from the healthy twin: by type, by line, by who holds it."""

from __future__ import annotations

import pytest

from storage.looks import Allocations, Census, Chain, Recording
from tests.collector.look.conftest import Serve
from tests.collector.look.services import LEAKING, Service, line_of

SECONDS = 4
SESSION = "__main__.Session"


def holders(service: Service, name: str, address: int = 0) -> list[tuple[list[str], list[str]]]:
    """Who holds objects of a type: types and edges of each chain."""
    found: Chain = service.found("chain", name=name, address=address)
    assert found.complete
    assert all(one.rooted for one in found.chains)
    return [([name for name, _ in one.nodes], one.edges) for one in found.chains]


@pytest.mark.parametrize(
    ("kind", "grows", "edges", "types"),
    [
        ("objects", SESSION, [".SESSIONS", "[…]"], ["module", "list", SESSION]),
        ("keys", SESSION, [".BY_USER", "[…]", "[…]"], ["module", "dict", "list", SESSION]),
        ("generators", "generator", [".STREAMS", "[…]"], ["module", "list", "generator"]),
    ],
)  # fmt: skip
def test_a_growing_type_is_named_and_who_holds_it(
    kind: str, grows: str, edges: list[str], types: list[str], serve: Serve
) -> None:
    """The census names it, and the chain reaches the variable of the module that holds it."""
    service = serve(kind).ready()
    found: Census = service.found("census", SECONDS)
    assert grows in [one.name for one in found.suspects]
    assert all(one.change > 0 for one in found.suspects)
    assert (types, edges) in holders(service, grows)
    service.end()


def test_a_growing_list_of_texts_is_named_by_its_length(serve: Serve) -> None:
    """Texts are nothing that the collector tracks; the list that holds them is."""
    service = serve("texts").ready()
    found: Census = service.found("census", SECONDS)
    (grown,) = [one for one in found.containers if one.steady]
    assert grown.name == "list"
    assert (["module", "list"], [".TEXTS"]) in holders(service, "list", grown.address)
    service.end()


def test_a_leak_is_told_from_its_healthy_twin_by_line_and_function(serve: Serve) -> None:
    """tracemalloc names the line, memray the function; of the twin both are silent."""
    line = line_of("SESSIONS.append(Session(turn))")
    kept: dict[str, dict[str, int]] = {}
    for kind in ("objects", "healthy"):
        service = serve(kind).ready()
        found: Allocations = service.found("allocations", SECONDS * 2)
        mine = {one.line for one in found.suspects if one.file == LEAKING}
        assert (line in mine) is (kind == "objects")
        if kind == "healthy":
            assert mine == set()
            census: Census = service.found("census", SECONDS)
            assert census.suspects == []
            assert [one for one in census.containers if one.steady] == []
        else:
            (leak,) = [one for one in found.suspects if one.line == line]
            assert leak.stack[0] == (LEAKING, line)
            assert leak.stack[1] == (LEAKING, line_of('_keep(kind, state["turn"])'))
        recorded: Recording = service.found("recording", SECONDS)
        assert not any("statemeter/" in one.file for one in recorded.leaks)
        kept[kind] = {}
        for one in recorded.leaks:
            if one.file == LEAKING:
                kept[kind][one.function] = kept[kind].get(one.function, 0) + one.bytes
        assert {"main", "_keep"} <= {one.function for one in recorded.peak.frames}
        service.end()
    assert set(kept["objects"]) >= {"__init__", "_keep"}
    assert sum(kept["objects"].values()) > 3 * sum(kept["healthy"].values())
