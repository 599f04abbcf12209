"""Whether ``setup()`` of the savers and stores for PostgreSQL was run, and ended well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.inspection import installed
from collector.inspection.errors import CouldNotLook
from collector.inspection.findings import Findings
from collector.inspection.url import Address

if TYPE_CHECKING:
    from collector.inspection.postgres import Reader

SAVER = ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations")
STORE = ("store", "store_migrations")
KEYS = {
    "checkpoints": "thread_id, checkpoint_ns, checkpoint_id",
    "checkpoint_blobs": "thread_id, checkpoint_ns, channel, version",
    "checkpoint_writes": "thread_id, checkpoint_ns, checkpoint_id, task_id, idx",
    "store": "prefix, key",
    "store_vectors": "prefix, key, field_name",
}
"""Tables with content → primary key."""

SHALLOW_KEYS = KEYS | {
    "checkpoints": "thread_id, checkpoint_ns",
    "checkpoint_blobs": "thread_id, checkpoint_ns, channel",
}
"""Those of ShallowPostgresSaver, which keeps one checkpoint a thread."""

INDEXES = {
    "checkpoints_thread_id_idx": ("checkpoints", "(thread_id)"),
    "checkpoint_blobs_thread_id_idx": ("checkpoint_blobs", "(thread_id)"),
    "checkpoint_writes_thread_id_idx": ("checkpoint_writes", "(thread_id)"),
    "store_prefix_idx": ("store", "USING btree (prefix text_pattern_ops)"),
    "idx_store_expires_at": ("store", "(expires_at) WHERE expires_at IS NOT NULL"),
}
"""What ``setup()`` makes beside primary keys: index → (table, definition)."""

SETUP_SAVER = (
    "from langgraph.checkpoint.postgres import PostgresSaver\n"
    "with PostgresSaver.from_conn_string(url) as saver:\n"
    "    saver.setup()"
)
SETUP_STORE = (
    "from langgraph.store.postgres import PostgresStore\n"
    "with PostgresStore.from_conn_string(url) as store:\n"
    "    store.setup()"
)


def tables(reader: Reader) -> dict[str, int]:
    """Tables of LangGraph on the search path, with their oid."""
    rows = reader.rows(
        "SELECT relname, oid::bigint FROM pg_catalog.pg_class "
        "WHERE relname = ANY(%s) AND relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(oid) "
        "ORDER BY relname",
        [*SAVER, *STORE, "store_vectors"],
    )
    return dict(rows)


def check(reader: Reader, found: dict[str, int], address: Address, findings: Findings) -> None:
    """Tell of tables, migrations and indexes.

    Raises:
        CouldNotLook: the database has other tables only.
    """
    if not found:
        _check_none(reader, address, findings)
        return
    if set(found) & set(SAVER):
        with findings.trying("setup", "Migrations of PostgresSaver"):
            _check_saver(reader, found, findings)
    if set(found) & set(STORE):
        with findings.trying("setup.store", "Migrations of PostgresStore"):
            _check_version(
                reader, found, ("setup.store", "PostgresStore", STORE, "postgres store"), findings
            )
    with findings.trying("index", "Indexes"):
        _check_indexes(reader, found, findings)


def _check_none(reader: Reader, address: Address, findings: Findings) -> None:
    others = reader.rows(
        "SELECT schemaname || '.' || tablename FROM pg_catalog.pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 5"
    )
    if others:
        some = ", ".join(name for (name,) in others)
        raise CouldNotLook(
            f"{address.shown} has no tables of LangGraph that this user sees on its search path, "
            f"but {some}. Name the database and user of the saver "
            "(?options=-csearch_path%3Dschema for another schema), or run saver.setup() there."
        )
    findings.add(
        "setup", "Tables of LangGraph", "none", status="critical",
        why="The database is empty: setup() was never run here, so every run fails.",
        mend=SETUP_SAVER, language="python",
    )  # fmt: skip


def _check_saver(reader: Reader, found: dict[str, int], findings: Findings) -> None:
    kind = "postgres shallow" if is_shallow(reader, found) else "postgres"
    saver = "PostgresSaver" if kind == "postgres" else "ShallowPostgresSaver"
    _check_version(reader, found, ("setup", saver, SAVER, kind), findings)


def is_shallow(reader: Reader, found: dict[str, int]) -> bool:
    """Whether the tables are those of ShallowPostgresSaver."""
    return "checkpoints" in found and not reader.one(
        "SELECT count(*) FROM pg_catalog.pg_attribute "
        "WHERE attrelid = %s AND attname = 'checkpoint_id' AND NOT attisdropped",
        found["checkpoints"],
    )


def _check_version(
    reader: Reader,
    found: dict[str, int],
    of: tuple[str, str, tuple[str, ...], str],
    findings: Findings,
) -> None:
    """Compare the migrations that were made with those that the installed package knows."""
    id, owner, wanted, kind = of
    newest, source = installed.newest(kind)
    missing = [name for name in wanted if name not in found]
    version = -1
    if wanted[-1] in found:
        version = reader.one(f"SELECT coalesce(max(v), -1) FROM {wanted[-1]}")
    mend = SETUP_STORE if id == "setup.store" else SETUP_SAVER
    mend = mend.replace("PostgresSaver", owner)
    if owner == "ShallowPostgresSaver":
        mend = mend.replace("checkpoint.postgres ", "checkpoint.postgres.shallow ")
    if missing:
        why = f"Missing: {', '.join(missing)}. Runs fail with 'relation does not exist'."
    elif version < newest:
        why = f"{source} knows {newest}: run setup() after each upgrade, before the application."
    else:
        why = f"{source} knows {newest}."
    wrong = bool(missing) or version < newest
    findings.add(
        id, f"Migrations of {owner}", f"{version} of {newest}",
        status="critical" if missing else "warning" if wrong else "ok",
        why=why, mend=mend if wrong else "", language="python" if wrong else "",
    )  # fmt: skip


def _check_indexes(reader: Reader, found: dict[str, int], findings: Findings) -> None:
    rows = reader.rows(
        "SELECT c.relname, t.relname, i.indisvalid, i.indisprimary, "
        "pg_catalog.pg_relation_size(c.oid) "
        "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_catalog.pg_class t ON t.oid = i.indrelid "
        "WHERE i.indrelid = ANY(%s::bigint[]::oid[]) ORDER BY t.relname, c.relname",
        list(found.values()),
    )
    for index, table, valid, _, size in rows:
        known = f"{index} on {table}"
        if valid:
            findings.add("index", "Index", size, "bytes", subject=known)
            continue
        quoted = '"' + index.replace('"', '""') + '"'
        findings.add(
            "index", "Index", "invalid", subject=known, status="critical",
            why="CREATE INDEX CONCURRENTLY was interrupted: it is kept up at every write and used "
            "by no read, and setup() passes it over, since its name exists.",
            mend=f"REINDEX INDEX CONCURRENTLY {quoted};", language="sql",
        )  # fmt: skip
    keyed = {table for _, table, _, primary, _ in rows if primary}
    keys = SHALLOW_KEYS if is_shallow(reader, found) else KEYS
    for table in sorted((found.keys() & keys.keys()) - keyed):
        findings.add(
            "index", "Primary key", "missing", subject=table, status="critical",
            why="Writes fail with 'no unique or exclusion constraint matching', and reads of "
            "one checkpoint read many rows.",
            mend=f"ALTER TABLE {table} ADD PRIMARY KEY ({keys[table]});", language="sql",
        )  # fmt: skip
    there = {index for index, *_ in rows}
    for index, (table, definition) in INDEXES.items():
        if table in found and index not in there:
            findings.add(
                "index", "Index", "missing", subject=f"{index} on {table}", status="warning",
                why="setup() makes it; it was dropped, or setup() did not come so far.",
                mend=f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} {definition};",
                language="sql",
            )  # fmt: skip
