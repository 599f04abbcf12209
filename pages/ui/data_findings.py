"""What pages ask the store about findings, shared by all visitors; see ``data``."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import filters
from pages.ui.data import LONG_FRESH_SECONDS, File, engine_of, file
from storage import queries_findings
from storage.findings import Severity
from storage.queries import Scope
from storage.queries_findings import Change, RuleShown, Shown

FRESH_SECONDS = 2
"""Rules look every few seconds."""


def findings(state: str = "open", thread: str = "") -> list[Shown]:
    """Findings of the filters of all pages, the worst first."""
    return _findings(file(), state, filters.scope(), thread)


def finding(key: str) -> Shown | None:
    """One finding."""
    return _finding(file(), key)


def changes(finding_id: int) -> list[Change]:
    """Its history, newest first."""
    return _changes(file(), finding_id)


def rules() -> list[RuleShown]:
    """All rules, and how they ran."""
    return _rules(file())


def flags(thread_keys: Sequence[int]) -> dict[int, Severity]:
    """Row of a thread → the worst finding of it."""
    return _flags(file(), tuple(thread_keys))


def forget() -> None:
    """A change was stored: what is kept here is old."""
    for one in (_findings, _finding, _changes, _rules, _flags):
        one.clear()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=32, show_spinner=False)
def _findings(file: File, state: str, scope: Scope, thread: str) -> list[Shown]:
    return queries_findings.findings(engine_of(file), state, scope, thread)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=32, show_spinner=False)
def _finding(file: File, key: str) -> Shown | None:
    return queries_findings.finding(engine_of(file), key)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=32, show_spinner=False)
def _changes(file: File, finding_id: int) -> list[Change]:
    return queries_findings.changes(engine_of(file), finding_id)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _rules(file: File) -> list[RuleShown]:
    return queries_findings.rules(engine_of(file))


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=64, show_spinner=False)
def _flags(file: File, thread_keys: tuple[int, ...]) -> dict[int, Severity]:
    return queries_findings.flags(engine_of(file), thread_keys)
