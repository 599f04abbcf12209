"""What every page shares: the style block, cards, live sections, and faults told in words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler
from sqlalchemy.exc import SQLAlchemyError
from streamlit.delta_generator import DeltaGenerator

from pages.ui import address, filters, formats, states
from statemeter.errors import SettingError
from storage.errors import StoreError

_log = logging.getLogger("statemeter.pages")

# The only CSS of the dashboard. The theme's background is the colour of cards, because charts
# and tables paint with it; the page behind them is tinted here.
_STYLE = """
<style>
.stApp { background: light-dark(#f5f6fa, #0a0d14); }
.stApp header[data-testid="stHeader"] { background: light-dark(#f5f6fa, #0a0d14); }
/* It floats over what stands above a table, and a touch screen shows it always. */
[data-testid="stElementToolbar"] { display: none; }
.stMainBlockContainer { max-width: 1480px; padding-left: 2rem; padding-right: 2rem; }
[data-testid="stMetric"], [class*="st-key-card-"] {
  background: light-dark(#ffffff, #12161f);
  box-shadow: light-dark(0 1px 2px rgb(16 24 40 / .05), 0 0 0 transparent);
}
[class*="st-key-card-"] [data-testid="stHeading"] { padding-bottom: 0; }
[class*="st-key-address"], [data-testid="stLayoutWrapper"]:has(> [class*="st-key-address"]) {
  display: none;
}
[class*="st-key-cards"] > div { flex: 1 1 11rem; }
.st-key-backend-cards > div { flex: 1 1 15rem; min-width: 15rem; }
.st-key-source-cards > div { flex: 1 1 24rem; min-width: min(24rem, 100%); max-width: 45rem; }
.st-key-backend-cards table { width: 100%; }
.st-key-backend-cards :is(th, td) {
  padding: .2rem 0; border: 0; background: none; white-space: nowrap;
}
.st-key-backend-cards tr { border-top: 1px solid light-dark(#e9ecf1, #222835); }
.statemeter-plot .modebar { background: transparent !important; }
@media (max-width: 640px) {
  [class*="st-key-cards"] > div { flex: 1 1 44%; min-width: 9rem; }
  .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; }
  [data-testid="stMetricValue"] { font-size: 1.375rem; }
  .stMetric :is([data-testid="stMetricLabel"], [data-testid="stMetricDelta"]) * {
    white-space: normal;
  }
}
</style>
"""

_ROW_PIXELS = 33  # 2.1875rem of baseFontSize in .streamlit/config.toml
"""Height of a row of ``st.dataframe``, its header's too; a border of 3 is around them."""


def style() -> None:
    """Puts the style block into the page."""
    st.html(_STYLE)


def card(name: str, **options: Any) -> DeltaGenerator:
    """A container that looks like a card; its name is the same in every run."""
    return st.container(border=True, key=f"card-{name}", **options)


def title(text: str, detail: str = "") -> None:
    """The title of a card, with a unit or a range in grey beside it. Both are our own words."""
    st.markdown(f"**{text}** :gray[{detail}]" if detail else f"**{text}**")


def table_height(rows: int, most: int) -> int:
    """Pixels of a table that shows all its rows, up to a height from which on it scrolls."""
    return min(_ROW_PIXELS * (rows + 1) + 3, most)


def in_dollars(table: pd.DataFrame, *columns: str) -> Styler:
    """The table with amounts of US dollars as ``formats.money`` has them, which stay numbers: they
    are sorted as such. Give them a ``NumberColumn`` without a format."""
    return table.style.format(formats.money, subset=[name for name in columns if name in table])


def live(draw: Callable[[], None], part: str = "") -> None:
    """Draws a part of a page, and again as often as the visitor wants it.

    Args:
        draw: what draws it.
        part: its name, which no other part of the page has; empty: the main one.
    """
    st.fragment(lambda: guarded(draw, part), run_every=filters.refresh_seconds())()


def guarded(draw: Callable[[], None], part: str = "") -> None:
    """Draws; a fault becomes a message that says what, where and the fix."""
    address.follow(part)
    try:
        draw()
    except StoreError as error:
        states.broken(error, part)
    except SettingError as error:
        states.bad_setting(error, part)
    except SQLAlchemyError as error:
        _log.exception("a query failed")
        states.query_failed(error, part)
    except Exception:
        _log.exception("a page failed")
        states.page_failed(part)
