"""Processes and their regions, with the cache that all visitors share."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui.data import FRESH_SECONDS, File, engine_of, file
from storage import queries_regions
from storage.queries_regions import Told


def processes() -> list[Told]:
    """Instrumented processes, see ``queries_regions.processes``."""
    return _processes(file())


def regions(incarnation: str) -> pd.DataFrame:
    """Regions of a process, see ``queries_regions.regions``."""
    return _regions(file(), incarnation)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _processes(file: File) -> list[Told]:
    return queries_regions.processes(engine_of(file))


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def _regions(file: File, incarnation: str) -> pd.DataFrame:
    return queries_regions.regions(engine_of(file), incarnation)
