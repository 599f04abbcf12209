"""Each kind of leak is told from the healthy twin: by type, by line, by who holds it."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

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


KINDS = {
    "objects": (SESSION, [".SESSIONS", "[…]"], ["module", "list", SESSION]),
    "keys": (SESSION, [".BY_USER", "[…]", "[…]"], ["module", "dict", "list", SESSION]),
    "generators": ("generator", [".STREAMS", "[…]"], ["module", "list", "generator"]),
    "texts": ("", [".TEXTS"], ["module", "list"]),
}  # fmt: skip
"""What leaks → the type that grows, edges and types of the chain that holds it. Texts are nothing
that the collector tracks; the list that holds them is, and grows by its length."""


def test_what_grows_is_named_and_who_holds_it(serve: Serve) -> None:
    """The census names it, and the chain reaches the variable of the module that holds it; two
    services are looked at at a time."""
    with ThreadPoolExecutor(2) as pool:
        for look in [pool.submit(_named, serve, kind) for kind in KINDS]:
            look.result()


def _named(serve: Serve, kind: str) -> None:
    grows, edges, types = KINDS[kind]
    service = serve(kind).ready()
    found: Census = service.found("census", SECONDS)
    assert all(one.change > 0 for one in found.suspects)
    if grows:
        assert grows in [one.name for one in found.suspects]
        assert (types, edges) in holders(service, grows)
    else:
        (grown,) = [one for one in found.containers if one.steady]
        assert grown.name == "list"
        assert (types, edges) in holders(service, "list", grown.address)
    service.end()


def test_a_leak_is_told_from_its_healthy_twin_by_line_and_function(serve: Serve) -> None:
    """tracemalloc names the line, memray the function; of the twin both are silent, and so is the
    census. Both are looked at side by side."""
    leaking, healthy = serve("objects"), serve("healthy")
    with ThreadPoolExecutor() as pool:
        kept_leaking = pool.submit(_leaking, leaking.ready())
        kept = _healthy(healthy.ready())
        assert sum(kept_leaking.result().values()) > 3 * sum(kept.values())
    assert set(kept_leaking.result()) >= {"__init__", "_keep"}
    leaking.end()
    healthy.end()


def _leaking(service: Service) -> dict[str, int]:
    line = line_of("SESSIONS.append(Session(turn))")
    found: Allocations = service.found("allocations", SECONDS * 2)
    (leak,) = [one for one in found.suspects if (one.file, one.line) == (LEAKING, line)]
    assert leak.stack[0] == (LEAKING, line)
    assert leak.stack[1] == (LEAKING, line_of('_keep(kind, state["turn"])'))
    return _kept(service)


def _healthy(service: Service) -> dict[str, int]:
    found: Allocations = service.found("allocations", SECONDS * 2)
    assert [one for one in found.suspects if one.file == LEAKING] == []
    census: Census = service.found("census", SECONDS)
    assert census.suspects == []
    assert [one for one in census.containers if one.steady] == []
    return _kept(service)


def _kept(service: Service) -> dict[str, int]:
    """Bytes that were not freed at the end of a recording, by function of the service."""
    recorded: Recording = service.found("recording", SECONDS)
    assert not any("statemeter/" in one.file for one in recorded.leaks)
    assert {"main", "_keep"} <= {one.function for one in recorded.peak.frames}
    kept: Counter[str] = Counter()
    for one in recorded.leaks:
        if one.file == LEAKING:
            kept[one.function] += one.bytes
    return kept
