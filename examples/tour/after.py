"""The same chatbot, tuned; ``python -m examples.tour.after THREAD FILE`` runs it."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
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
    """A summary, and where the newest messages are: their text is in a table of the application."""

    turn: int
    summary: str
    references: list[str]
    prompt_chars: int


def build(saver: Any, messages: sqlite3.Connection) -> Any:
    """The graph, compiled with ``saver``; the text of messages goes to ``messages``."""
    messages.execute("CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, body TEXT)")

    def respond(state: Chat) -> dict[str, Any]:
        """Answers; prompt and answer are one step, one checkpoint."""
        turn = state["turn"]
        rows = {f"question-{turn:03}": talk.question(turn), f"answer-{turn:03}": talk.answer(turn)}
        with messages:
            messages.executemany("INSERT OR REPLACE INTO messages VALUES (?, ?)", rows.items())
        known = [*state.get("references", []), *rows]
        return {
            "summary": f"{state.get('summary', '')} {turn}: delivery."[-SUMMARY_CHARS:],
            "references": known[-KEPT_REFERENCES:],
            "prompt_chars": len(load_prompt()),
        }

    builder = StateGraph(Chat)
    builder.add_node("respond", respond)
    builder.add_edge(START, "respond")
    builder.add_edge("respond", END)
    return builder.compile(checkpointer=saver, name="chatbot")


def held_bytes(saver: SqliteSaver) -> int:
    """Checkpoints and pending writes, as SQLite adds them up."""
    (total,) = saver.conn.execute(
        "SELECT (SELECT sum(length(checkpoint)) FROM checkpoints) "
        "+ (SELECT sum(length(value)) FROM writes)"
    ).fetchone()
    return int(total)


def main(thread: str, path: str) -> None:
    """Run it on the SQLite file ``path``; the application's own table lies beside it."""
    statemeter.watch_cache("prompt", load_prompt)
    with (
        SqliteSaver.from_conn_string(path) as saver,
        closing(sqlite3.connect(f"{path}-messages", check_same_thread=False)) as messages,
    ):
        graph = statemeter.instrument(build(saver, messages))
        talk.run(
            lambda turn: graph.invoke({"turn": turn}, talk.config(thread)),
            lambda: held_bytes(saver),
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
