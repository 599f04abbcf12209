"""Whatever fails inside the probe, a store and its embeddings give what they gave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

import statemeter
from statemeter import events, faults, probe
from tests.statemeter import storing, test_faults
from tests.statemeter.breaking import broken
from tests.statemeter.spooled import Spooled
from tests.statemeter.storing import Backend, vectors
from tests.statemeter.test_faults import quiet
from tests.statemeter.test_stores import backend

__all__ = ["backend", "quiet"]

MODULES = (
    "store_backends.", "store_bytes.", "store_calls.", "store_methods.", "store_records.",
    "stores.", "embeddings.", "accesses.", "resources.", "places.",
)  # fmt: skip
EXCEPTED = {
    "store_calls.StoreCall.__enter__": "a wrapper's body: guarded inside",
    "store_calls.StoreCall.__exit__": "a wrapper's body: guarded inside",
    "embeddings._Embedding.__enter__": "a wrapper's body: guarded inside",
    "accesses.Access.__enter__": "a wrapper's body: guarded inside",
    "accesses.Access.__exit__": "a wrapper's body: guarded inside",
    "stores.is_store": "decides whether the call is an error of the user",
}
"""What may not be broken, with the reason."""
NAMES = [name for name in test_faults.ALL if name.startswith(MODULES) and name not in EXCEPTED]
ON_SERVERS = [name for name in NAMES if name.startswith("store_bytes.")]
INDEX = {"dims": 3, "embed": vectors}


@pytest.fixture
def no_faults() -> bool:
    return False


def searches(store: Any) -> list[Any]:
    """What embeddings have a part in."""
    storing.drive(store)
    return [[row.key for row in store.search(("users",), query="hello", limit=n)] for n in (1, 9)]


def drive(measured: bool) -> list[Any]:
    """The results of a store with embeddings, of one on SQLite, and of an async one."""
    opener = Backend("sqlite", ":memory:")
    wrap = statemeter.instrument if measured else lambda store: store
    indexed: Any = wrap(InMemoryStore(index=INDEX))  # type: ignore[arg-type]

    async def through() -> list[Any]:
        async with opener.aopen("") as store:
            return await storing.adrive(wrap(store))

    with opener.open("") as store:
        return [searches(indexed), storing.drive(wrap(store)), asyncio.run(through())]


@pytest.fixture(scope="module")
def bare() -> list[Any]:
    """What the stores give without the probe."""
    return drive(measured=False)


@pytest.mark.parametrize("module", MODULES)
def test_a_broken_function_harms_no_store(
    module: str, bare: list[Any], spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each function of the probe raises while stores are made and used: same results."""
    for name in NAMES:
        if name.startswith(module):
            with monkeypatch.context() as patched:
                broken(patched, name, RuntimeError)
                assert drive(measured=True) == bare, name
                statemeter.flush()
    store = statemeter.instrument(InMemoryStore())
    store.put(("after",), "k", {})
    assert [event.part for event in spool.of(events.Access)][-1] == "after"


@pytest.mark.parametrize("backend", ["postgres", "redis"], indirect=True)
def test_a_broken_function_harms_no_store_on_a_server(
    backend: Backend, spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same of each that looks at the bytes of servers, broken after the store was made."""
    with backend.open(storing.place()) as store:
        expected = storing.drive(store)
    for name in ON_SERVERS:
        with backend.open(storing.place()) as store:
            statemeter.instrument(store)
            with monkeypatch.context() as patched:
                broken(patched, name, RuntimeError)
                assert storing.drive(store) == expected, name


def test_without_a_probe_a_store_is_as_it_was(
    bare: list[Any], quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no probe can be made, instrument() gives the store back as it is."""
    monkeypatch.setattr(probe, "_probe", None)
    broken(monkeypatch, "probe.get", MemoryError)
    assert drive(measured=True) == bare
    faults.reset()
