"""The same chatbot, tuned; ``python -m examples.tour.after THREAD FILE`` runs it.

Its checkpoints are in the SQLite file, or in the PostgreSQL that ``TOUR_DATABASE`` names: by the
environment, as everybody may read the password in a command line.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import closing, nullcontext
from functools import lru_cache
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

import statemeter
from examples.tour import talk

KEPT_REFERENCES = 6
SUMMARY_CHARS = 400

load_prompt = lru_cache(maxsize=8)(talk.load_prompt)


class Chat(TypedDict):
    """A summary, and references: the text is in a table of the application."""

    turn: int
    summary: str
    references: list[str]


def build(saver: Any, messages: sqlite3.Connection) -> Any:
    """The graph, compiled with ``saver``; the text of messages goes to ``messages``."""
    messages.execute("CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, body TEXT)")

    def respond(state: Chat) -> dict[str, Any]:
        """Answers; prompt and answer are one step, one checkpoint."""
        turn = state["turn"]
        text = talk.answer(turn, load_prompt(talk.topic(turn)))
        rows = {f"question-{turn:03}": talk.question(turn), f"answer-{turn:03}": text}
        with messages:
            messages.executemany("INSERT OR REPLACE INTO messages VALUES (?, ?)", rows.items())
        known = [*state.get("references", []), *rows]
        return {
            "summary": f"{state.get('summary', '')} {turn}: {talk.topic(turn)}."[-SUMMARY_CHARS:],
            "references": known[-KEPT_REFERENCES:],
        }

    builder = StateGraph(Chat)
    builder.add_node("respond", respond)
    builder.add_edge(START, "respond")
    builder.add_edge("respond", END)
    return builder.compile(checkpointer=saver, name="chatbot")


_HELD_IN_FILE = """
SELECT (SELECT sum(length(checkpoint)) FROM checkpoints WHERE thread_id = :thread)
+ (SELECT sum(length(value)) FROM writes WHERE thread_id = :thread)"""
_HELD_ON_SERVER = """
SELECT (SELECT sum(octet_length(checkpoint::text)) FROM checkpoints WHERE thread_id = %(thread)s)
+ (SELECT sum(octet_length(blob)) FROM checkpoint_blobs WHERE thread_id = %(thread)s)
+ (SELECT sum(octet_length(blob)) FROM checkpoint_writes WHERE thread_id = %(thread)s) AS bytes"""
"""Checkpoints and pending writes of a thread, as the database adds them up."""


def in_file(thread: str, path: str, messages: sqlite3.Connection) -> None:
    """With one SQLite file for one process."""
    with SqliteSaver.from_conn_string(path) as saver:
        graph = statemeter.instrument(build(saver, messages))
        talk.run(
            lambda turn: graph.invoke({"turn": turn}, talk.config(thread)),
            lambda: saver.conn.execute(_HELD_IN_FILE, {"thread": thread}).fetchone()[0],
        )


async def on_server(thread: str, url: str, messages: sqlite3.Connection) -> None:
    """On PostgreSQL: a pool, so that a connection that breaks is replaced and calls do not wait for
    one another; ``setup()`` makes the tables and the indexes that look-ups go by."""
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415
    from psycopg.rows import dict_row  # noqa: PLC0415 - neither is needed for a file
    from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415

    class PooledSaver(AsyncPostgresSaver):
        """Each call takes a connection of its own: the fix of the rule one-lock-saver."""

        def __init__(self, pool: Any) -> None:
            super().__init__(pool)
            self.lock: Any = nullcontext()  # the pool's connections keep calls apart

    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(url, min_size=2, max_size=4, timeout=10, kwargs=options) as pool:
        saver = PooledSaver(pool)
        await saver.setup()
        graph = statemeter.instrument(build(saver, messages))
        loop = asyncio.get_running_loop()

        def wait(work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result()

        async def held() -> int:
            async with pool.connection() as connection:
                rows = await connection.execute(_HELD_ON_SERVER, {"thread": thread})
                found: Any = await rows.fetchone()
                return int(found["bytes"])

        await asyncio.to_thread(
            talk.run,
            lambda turn: wait(graph.ainvoke({"turn": turn}, talk.config(thread))),
            lambda: wait(held()),
        )


def main(thread: str, path: str) -> None:
    """Run it; the application's own table lies beside the SQLite file."""
    statemeter.watch_cache("prompt", load_prompt)
    url = os.environ.get("TOUR_DATABASE", "")
    with closing(sqlite3.connect(f"{path}-messages", check_same_thread=False)) as messages:
        if url:
            asyncio.run(on_server(thread, url, messages))
        else:
            in_file(thread, path, messages)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
