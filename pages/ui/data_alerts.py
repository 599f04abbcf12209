"""What the Alerts page asks the store, shared by all visitors; see ``data``."""

from __future__ import annotations

import streamlit as st

from pages.ui.data import FRESH_SECONDS, File, engine_of, file
from storage import alert_preview, queries_alerts
from storage.alert_preview import Preview
from storage.alerts import Rule, decode_rule, encode
from storage.queries_alerts import Alerts

PREVIEW_SECONDS = 30
"""How long a preview serves: it reads more than all else of the page."""


def alerts() -> Alerts:
    """All of it."""
    return _alerts(file())


def preview(rule: Rule, range_s: int) -> Preview:
    """What a rule would have done."""
    return _preview(file(), encode(rule), range_s)


def forget() -> None:
    """Something was changed: what is kept for a moment is old."""
    _alerts.clear()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _alerts(file: File) -> Alerts:
    return queries_alerts.alerts(engine_of(file))


@st.cache_data(ttl=PREVIEW_SECONDS, max_entries=64, show_spinner=False)
def _preview(file: File, rule: bytes, range_s: int) -> Preview:
    return alert_preview.preview(engine_of(file), decode_rule(rule), range_s)
