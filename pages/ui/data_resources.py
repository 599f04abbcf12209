"""What the pages Backends and Caches ask the store, shared by all visitors; see ``data``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import filters
from pages.ui.data import FRESH_SECONDS, LONG_FRESH_SECONDS, SHORT_WINDOW_S, File, engine_of, file
from storage import queries_backends, queries_curves, queries_gauges, queries_inspections
from storage import queries_resources as resources
from storage.inspections import Inspection
from storage.queries import Scope
from storage.queries_backends import Backends
from storage.queries_gauges import Gauges
from storage.queries_resources import Caches, Calls

_READ: dict[str, Callable[..., Any]] = {
    "backends": queries_backends.backends,
    "latency": queries_backends.latency_over_time,
    "rates": queries_curves.rates,
    "errors": queries_curves.errors,
    "stores": resources.stores,
    "embeddings": resources.embeddings,
    "caches": resources.caches,
    "pools": queries_gauges.pools,
    "lru": queries_gauges.lru_caches,
    "servers": queries_gauges.servers,
}


def backends() -> Backends:
    """Backends of savers, by the filters."""
    found: Backends = _read("backends")
    return found


def latency(operation: str, backend: str) -> pd.DataFrame:
    """Latency of an operation of a backend over time."""
    found: pd.DataFrame = _read("latency", operation, backend=backend)
    return found


def rates() -> pd.DataFrame:
    """Calls and written bytes of backends over time."""
    found: pd.DataFrame = _read("rates")
    return found


def errors() -> pd.DataFrame:
    """Errors of savers by class."""
    found: pd.DataFrame = _read("errors")
    return found


def stores() -> Calls:
    """Stores, by the filters."""
    found: Calls = _read("stores")
    return found


def embeddings() -> Calls:
    """Embeddings, by the filters."""
    found: Calls = _read("embeddings")
    return found


def caches() -> Caches:
    """Caches of nodes, by the filters."""
    found: Caches = _read("caches")
    return found


def pools() -> Gauges:
    """Pools of connections, by the filters."""
    found: Gauges = _read("pools")
    return found


def lru_caches() -> Gauges:
    """Watched functions; they belong to no backend."""
    found: Gauges = _read("lru", everywhere=True)
    return found


def servers() -> Gauges:
    """Servers, by the backend; they belong to no application."""
    found: Gauges = _read("servers", of_all=True)
    return found


def inspections() -> list[Inspection]:
    """The newest look into each database, of the backend that is chosen."""
    chosen = filters.scope().backend
    return [one for one in _inspections(file()) if chosen in {None, one.backend}]


def _read(
    name: str, *more: Any, backend: str = "", everywhere: bool = False, of_all: bool = False
) -> Any:
    scope, window_s = filters.scope(), filters.window_seconds()
    narrowed = Scope(
        None if everywhere else backend or scope.backend, None if of_all else scope.application
    )
    read = _soon if window_s <= SHORT_WINDOW_S else _later
    return read(file(), name, window_s, narrowed, more)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=128, show_spinner=False)
def _soon(file: File, name: str, window_s: int, scope: Scope, more: tuple[Any, ...]) -> Any:
    return _READ[name](engine_of(file), window_s, *more, scope=scope)


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=128, show_spinner=False)
def _later(file: File, name: str, window_s: int, scope: Scope, more: tuple[Any, ...]) -> Any:
    return _READ[name](engine_of(file), window_s, *more, scope=scope)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _inspections(file: File) -> list[Inspection]:
    return queries_inspections.newest(engine_of(file))
