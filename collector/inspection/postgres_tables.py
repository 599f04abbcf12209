"""Size, dead rows and bloat of a PostgreSQL table and of its TOAST table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from collector.inspection.findings import Findings
from collector.inspection.limits import MB, Limits

if TYPE_CHECKING:
    from collector.inspection.postgres import Reader

DEAD_ROWS = 1_000
"""Fewer dead rows are nothing to act on; autovacuum starts at 50 + 20 % of the rows."""
BLOAT_WARN_SHARE = 0.5
BLOAT_WARN_BYTES = 64 * MB
SWEEP_LATE = "1 hour"
"""A sweeper runs every few minutes."""
_PAGE_BYTES = 8192
_PAGE_HEADER = 24
_ROW_OVERHEAD = 28  # tuple header with its alignment 24, line pointer 4
_CHUNK_BYTES = 2_032  # a full TOAST chunk: 1996 of data, headers, line pointer; 4 in a page

_DEAD = {"table": "Dead rows", "toast": "Dead chunks of large values"}
_BLOAT = {"table": "Free room in the table (bloat)", "toast": "Free room in TOAST (bloat)"}

_SIZES = (
    "SELECT pg_catalog.pg_relation_size(c.oid), "
    "pg_catalog.pg_indexes_size(c.oid), "
    "CASE WHEN c.reltoastrelid = 0 THEN 0 "
    "ELSE pg_catalog.pg_total_relation_size(c.reltoastrelid) END, "
    "c.reltuples, s.n_live_tup, s.n_dead_tup, "
    "greatest(s.last_vacuum, s.last_autovacuum), greatest(s.last_analyze, s.last_autoanalyze), "
    "coalesce(t.n_live_tup, 0), coalesce(t.n_dead_tup, 0), "
    "CASE WHEN c.reltoastrelid = 0 THEN 0 "
    "ELSE pg_catalog.pg_relation_size(c.reltoastrelid) END, "
    "greatest(t.last_vacuum, t.last_autovacuum) "
    "FROM pg_catalog.pg_class c "
    "LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid "
    "LEFT JOIN pg_catalog.pg_stat_all_tables t ON t.relid = c.reltoastrelid WHERE c.oid = %s"
)
_WIDTH = (
    "SELECT coalesce(sum((1 - null_frac) * avg_width), 0)::float8, count(*) "
    "FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_class c ON c.relname = s.tablename "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = s.schemaname "
    "WHERE c.oid = %s"
)


def check(reader: Reader, name: str, oid: int, findings: Findings, limits: Limits) -> None:
    """Tell of one table; nothing of it is read but statistics."""
    row = reader.rows(_SIZES, oid)[0]
    heap, indexes, toast, estimated, live, dead, vacuumed, analyzed = row[:8]
    toast_live, toast_dead, toast_heap, toast_vacuumed = row[8:]
    rows = int(estimated) if estimated >= 0 and analyzed else int(live or 0)
    findings.add("table.rows", "Rows", rows, "rows", subject=name, estimate=True)
    findings.add("table.size", "Table", heap, "bytes", subject=name)
    findings.add("table.indexes", "Indexes", indexes, "bytes", subject=name)
    if toast:
        findings.add(
            "toast.size", "Large values (TOAST)", toast, "bytes", subject=name,
            why="Compressed and kept apart by PostgreSQL: growth of the state shows here.",
        )  # fmt: skip
    _check_dead(name, "table", (live or 0, dead or 0, vacuumed), findings, limits)
    if toast:
        state = (toast_live, toast_dead, toast_vacuumed)
        _check_dead(name, "toast", state, findings, limits)
    if analyzed and estimated > 0:
        width, columns = reader.rows(_WIDTH, oid)[0]
        if columns:
            room = _PAGE_BYTES - _PAGE_HEADER
            needed = estimated * (width + _ROW_OVERHEAD) / room * _PAGE_BYTES
            _check_bloat(name, "table", heap, needed, findings)
    if toast_vacuumed:
        _check_bloat(name, "toast", toast_heap, toast_live * _CHUNK_BYTES, findings)


def check_expired(reader: Reader, findings: Findings) -> None:
    """Tell of items of the store that a TTL sweeper should have deleted."""
    if not reader.rows(
        "SELECT 1 FROM pg_catalog.pg_attribute WHERE attrelid = 'store'::regclass "
        "AND attname = 'expires_at'"
    ):
        return
    late = f"expires_at < now() - interval '{SWEEP_LATE}'"
    count = reader.one(f"SELECT count(*) FROM store WHERE {late}")
    findings.add(
        "store.expired", "Items expired for more than an hour", count, "rows",
        status="warning" if count else "ok",
        why="No TTL sweeper runs: call store.start_ttl_sweeper() after opening the store."
        if count else "",
        mend=f"DELETE FROM store WHERE {late};" if count else "",
        language="sql" if count else "",
    )  # fmt: skip


def _check_dead(
    name: str,
    part: str,
    state: tuple[int, int, datetime | None],
    findings: Findings,
    limits: Limits,
) -> None:
    live, dead, vacuumed = state
    percent = 100 * dead / (live + dead) if live + dead else 0.0
    many = dead >= DEAD_ROWS and percent >= limits.dead_percent
    last = _ago(vacuumed)
    findings.add(
        f"{part}.dead", _DEAD[part], dead, "rows", subject=name, estimate=True,
        status="warning" if many else "ok",
        why=f"{percent:.0f} % of all; last vacuumed {last}. They take room and slow every scan. "
        "Where autovacuum does not come after it, an old transaction holds it back (see idle "
        "transactions), or deletes come in masses." if many else f"Last vacuumed {last}.",
        mend=f"VACUUM (ANALYZE) {name};" if many else "", language="sql" if many else "",
    )  # fmt: skip


def _check_bloat(name: str, part: str, size: int, needed: float, findings: Findings) -> None:
    free = max(0, int(size - needed))
    much = free >= BLOAT_WARN_BYTES and free > BLOAT_WARN_SHARE * size
    findings.add(
        f"{part}.bloat", _BLOAT[part], free, "bytes", subject=name,
        estimate=True, status="warning" if much else "ok",
        why=f"About {free / size:.0%} of it is empty, by the statistics of ANALYZE. It is used "
        "again by new rows. VACUUM FULL gives it back and locks the table meanwhile; pg_repack "
        "does so without." if much else "",
        mend=f"VACUUM (FULL, ANALYZE) {name};" if much else "", language="sql" if much else "",
    )  # fmt: skip


def _ago(at: datetime | None) -> str:
    if at is None:
        return "never"
    seconds = max(0.0, (datetime.now(UTC) - at).total_seconds())
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} seconds ago"
