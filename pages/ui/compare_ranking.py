"""What the user asks of a backend, and which one to take."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import data_costs, data_shared, export, formats, frame, share
from storage import comparison_costs, comparison_tables, ranking
from storage.comparison_costs import Scale
from storage.comparisons import Comparison
from storage.cost_terms import MonthlyCost
from storage.costs import terms_of
from storage.queries_jobs import Job
from storage.ranking import MEASURES, REACH, REACHES, Demands, Setting


def draw(job: Job, found: Comparison, setting: Setting) -> None:
    """Draws the card."""
    with frame.card("compare-ranking"):
        head = st.container()
        demands, scale = _demands(), _scale()
        book = data_costs.book()
        priced = comparison_costs.of_comparison(found, setting, book.prices, terms_of(book), scale)
        costs = comparison_costs.usd(priced)
        ranked = ranking.rank(found, setting, demands, costs)
        table = comparison_tables.ranks(found, ranked, demands, costs)
        with (
            head,
            st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
            ),
        ):
            frame.title("Which one to take", "of those that meet what you ask for, the best first")
            with st.container(horizontal=True, width="content"):
                export.button("ranking", lambda: table)
                share.button(
                    f"comparison-{job.name}", "comparison",
                    data_shared.comparison(job.id, demands, scale, setting),
                )  # fmt: skip
        said = ranking.recommendation(ranked, demands)
        if any(one.place for one in ranked):
            st.success(formats.plain(said), icon=":material/recommend:")
        else:
            st.warning(formats.plain(said), icon=":material/block:")
        _table(table, demands)
        _unknown(found, priced)


def _demands() -> Demands:
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-demands"):
        restart = st.toggle("Survives a restart", value=True, key="compare-restart",
                            help="Of the application and of its server.")  # fmt: skip
        reach = st.selectbox("Serves", list(REACH), key="compare-reach", width=180,
                             format_func=lambda name: REACHES[name])  # fmt: skip
        put_ms = st.number_input("p95 of put under, ms", min_value=0.0, value=None, width=180,
                                 key="compare-put-ms", placeholder="any")  # fmt: skip
        month = st.number_input("Month under, US$", min_value=0.0, value=None, width=160,
                                key="compare-month", placeholder="any")  # fmt: skip
        by = st.selectbox("Best by", list(MEASURES), key="compare-by", width=170,
                          format_func=lambda name: MEASURES[name])  # fmt: skip
    return Demands(bool(restart), str(reach), put_ms, month, str(by))


def _scale() -> Scale:
    """What the user runs, by which a month is priced."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-scale"):
        threads = st.number_input(
            "Threads kept", min_value=1, value=Scale().threads, step=1_000, width=180,
            key="compare-threads", help="Each as long as the compared ones.",
        )  # fmt: skip
        turns = st.number_input(
            "Turns a month", min_value=1, value=Scale().turns, step=10_000, width=180,
            key="compare-turns-month", help="Of all threads.",
        )  # fmt: skip
    return Scale(threads=int(threads), turns=int(turns))


def _unknown(found: Comparison, priced: dict[str, MonthlyCost]) -> None:
    """By which service a month is priced, and why some are not."""
    known, unknown = [], []
    for key, cost in priced.items():
        name = ranking.name(found.outcome(key))
        if cost.reasons:
            unknown.append(f"{name} is not priced: {'; '.join(cost.reasons)}.")
        else:
            known.append(f"{name}: {cost.service} ({cost.region})")
    said = " ".join([f"Services: {', '.join(known)}." if known else "", *unknown]).strip()
    st.caption(
        f"{formats.plain(said)} Choose services and enter prices of your own on the "
        "[Costs](costs) page."
    )


def _table(table: pd.DataFrame, demands: Demands) -> None:
    config = st.column_config
    unit = "" if demands.by == "throughput" else " ms"
    st.dataframe(
        frame.in_dollars(table, "month"), key="compare-ranking-table", hide_index=True,
        height="content", alt="Ranking",
        placeholder=formats.UNKNOWN,
        column_config={
            "place": config.TextColumn("Place", width=60, help="≈: a tie. –: it is out."),
            "backend": config.TextColumn("Backend", pinned=True),
            "value": config.NumberColumn(f"{MEASURES[demands.by]}{unit}", format="%.2f"),
            "kill": config.TextColumn("After a kill", help="All acknowledged turns were there."),
            "server": config.TextColumn("After a server restart"),
            "serves": config.TextColumn("Serves"),
            "month": config.NumberColumn("A month, US$", help="–: unknown, see below why."),
            "why": config.TextColumn("Why", width="large"),
        },
    )  # fmt: skip
