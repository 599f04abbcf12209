"""Users that may read what attaching needs, and nothing else: the statements of docs/attach.md."""

from __future__ import annotations

import streamlit as st

RIGHTS = {
    "PostgreSQL": ("sql", """\
CREATE ROLE statemeter LOGIN PASSWORD 'choose-one';
GRANT CONNECT ON DATABASE chat TO statemeter;
GRANT USAGE ON SCHEMA public TO statemeter;
GRANT SELECT ON checkpoints, checkpoint_blobs, checkpoint_writes, checkpoint_migrations
    TO statemeter;
"""),
    "MongoDB": ("javascript", """\
db.createUser({
    "user": "statemeter", "pwd": "choose-one",
    "roles": [{"role": "read", "db": "checkpointing_db"}]
})
"""),
    "Redis (Valkey: without json. and ft.)": ("redis", (
        "ACL SETUSER statemeter on >choose-one ~* -@all +@read +@connection +info "
        "+json.get +json.strlen +ft.search +ft._list\n"
    )),
}  # fmt: skip
"""Backend → language and statements; a test compares them with the docs, another runs those."""


def draw() -> None:
    """Draws them, folded."""
    with st.expander("A user that may only read", icon=":material/shield:", key="rights"):
        st.caption(
            "Nothing here writes to a database. A user of its own makes that certain: as the owner "
            "of the tables, once."
        )
        for name, (language, statements) in RIGHTS.items():
            st.markdown(f":small[**{name}**]")
            st.code(
                statements.rstrip(), language=None if language == "redis" else language,
                wrap_lines=True,
            )  # fmt: skip
