"""What ``python -m storage findings`` and ``rules`` print, see docs/findings.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from storage import queries_findings
from storage.findings import Subject
from storage.queries_findings import STATES

if TYPE_CHECKING:
    from storage.report import Choice, Row


def findings(connection: Connection, choice: Choice) -> list[Row]:
    """One row a finding that is open or muted, the worst first."""
    rows: list[Row] = []
    for state in STATES[:2]:
        for one in queries_findings.read(
            connection, state, thread=choice.thread or "", limit=choice.limit
        ):
            body = msgspec.to_builtins(one.finding)
            rows.append({
                "rule": one.finding.rule, "severity": one.finding.severity, "state": one.state,
                "title": one.finding.title, **_subject(one.finding.subject),
                "since_us": one.since_us, "opened_us": one.opened_us, "opened": one.opened,
                "cost_bytes": one.finding.cost.bytes,
                "cost_bytes_a_month": one.finding.cost.bytes_a_month,
                "cost_ms": one.finding.cost.ms, "cost_usd_a_month": one.finding.cost.usd_a_month,
                "measured": body["measured"], "why": one.finding.why, "fixes": body["fixes"],
                "reason": one.reason, "key": one.key,
            })  # fmt: skip
    return rows[: choice.limit]


def rules(connection: Connection, choice: Choice) -> list[Row]:
    """One row a rule: how it ran, and its thresholds."""
    return [
        {
            "rule": one.about.id, "looks_for": one.about.title, "ran": one.ran, "open": one.open,
            "looks": one.looks, "threads": one.subjects, "why": one.why, "ran_us": one.ran_us,
            "took_us": one.took_us,
            "thresholds": {each.name: one.value(each.name) for each in one.about.thresholds},
        }
        for one in queries_findings.rules(connection.engine)
    ][: choice.limit]  # fmt: skip


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "application": subject.application, "backend": subject.backend, "saver": subject.saver,
        "thread_id": subject.thread, "ns": subject.namespace, "channel": subject.channel,
        "graph": subject.graph, "node": subject.node, "resource": subject.resource,
        "process": subject.process, "detail": subject.detail,
    }  # fmt: skip


REPORTS: dict[str, Callable[[Connection, Choice], list[Row]]] = {
    "findings": findings, "rules": rules,
}  # fmt: skip
