"""The header: how often its live part, and the page below it, draw themselves again."""

from __future__ import annotations

from typing import Any

import pytest
import streamlit as st

from tests.pages.conftest import Visit
from tests.storage import seed


@pytest.mark.parametrize(("refresh", "seconds"), [("paused", None), ("15s", 15.0)])
def test_the_address_says_how_often(
    visit: Visit, filled: seed.Seed, monkeypatch: pytest.MonkeyPatch, refresh: str, seconds: Any
) -> None:
    """From the first run on, before a visitor touched anything: a paused page runs no more, whose
    runs would keep Streamlit from taking away what a click has replaced."""
    every: list[float | None] = []
    fragment = st.fragment

    def noted(function: Any = None, *, run_every: Any = None, **options: Any) -> Any:
        every.append(run_every)
        return fragment(function, run_every=run_every, **options)

    monkeypatch.setattr(st, "fragment", noted)
    visit("history", refresh=refresh, thread="support-1")
    assert every == [seconds, seconds]
