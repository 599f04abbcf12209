"""What a user does wrong without an error is said in the log, once, with the fix."""

from __future__ import annotations

import logging

import pytest

import statemeter
from statemeter import settings
from tests.statemeter.graphs import chat


def test_a_graph_without_a_saver_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of such a graph can show up, and that is no mystery."""
    with caplog.at_level(logging.WARNING, "statemeter"):
        graph = statemeter.instrument(chat(None))
    assert "without a checkpointer" in caplog.text
    assert graph.invoke({"messages": [("user", "hello")]})["messages"]


def test_a_misspelt_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that looks like a setting and is none is named; real ones are not."""
    monkeypatch.setenv("STATEMETER_SPOL", "somewhere")
    monkeypatch.setenv("STATEMETER_APP", "mine")
    assert settings.unknown() == ["STATEMETER_SPOL"]
