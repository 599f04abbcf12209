"""Findings in a report: what is wrong with a thread or an application, what it costs, the fix."""

from __future__ import annotations

from sqlalchemy import Engine

from storage import queries_findings
from storage.queries import ALL, Scope
from storage.queries_findings import Shown
from storage.shared_names import Names
from storage.shared_report import Column, Section, Table

ROWS = 50
"""Most findings listed, the worst."""

_COLUMNS = (
    Column("severity", "Severity"), Column("rule", "Rule"), Column("finding", "Finding"),
    Column("thread", "Thread"), Column("channel", "Channel"), Column("node", "Node"),
    Column("since_at", "Since (UTC)", "at"), Column("cost_bytes", "Held without need", "bytes"),
    Column("cost_usd_a_month", "USD a month", "usd"), Column("fix", "Fix"),
)  # fmt: skip


def section(engine: Engine, names: Names, scope: Scope = ALL, thread_key: int = 0) -> Section:
    """The section; where nothing was found, it says which rules looked.

    Args:
        engine: a reader's.
        names: how threads are called. A short name is no title of a finding, which may hold others:
            then what its rule looks for stands there.
        scope: of an application.
        thread_key: row of a thread; 0: of all.
    """
    found = [one for one in queries_findings.findings(engine, "open", scope)
             if thread_key in {0, one.thread_key}]  # fmt: skip
    rules = queries_findings.rules(engine)
    titles = {one.about.id: one.about.title for one in rules}
    looked = sum(one.ran for one in rules)
    lead = (
        f"{len(found)} open, the worst first." if found
        else f"Nothing found by {looked} of {len(rules)} rules." if rules
        else "The rules have not looked yet."
    )  # fmt: skip
    rows = [_row(one, names, titles) for one in found[:ROWS]]
    left = f"{len(found) - ROWS:,} more are left out." if len(found) > ROWS else ""
    could_not = [f"{one.about.id} could not look: {one.why}" for one in rules if one.why]
    return Section(
        "findings", "Findings", lead=lead,
        tables=(Table("findings", "Open findings", _COLUMNS, rows, note=left),) if rows else (),
        notes=() if names.anonymous else tuple(could_not),
    )  # fmt: skip


def _row(one: Shown, names: Names, titles: dict[str, str]) -> list[str | float | None]:
    finding, subject = one.finding, one.finding.subject
    title = titles.get(finding.rule, "") if names.anonymous else finding.title
    return [
        finding.severity, finding.rule, title,
        names.thread(one.thread_key, subject.thread) if one.thread_key else None,
        subject.channel or None, subject.node or None, one.since_us, finding.cost.bytes,
        finding.cost.usd_a_month, finding.fixes[0].words if finding.fixes else None,
    ]  # fmt: skip
