"""The tutorial in brief: what each change of the tour is, with the code of both programs.

The code is that of ``examples/tour``; a test holds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.ui import frame


@dataclass(frozen=True)
class Step:
    """One change."""

    title: str
    words: str
    rules: tuple[str, ...]
    """Those that find it."""
    before: str
    after: str


STEPS = (
    Step(
        "A summary and references, not all messages",
        "A channel that a step writes is stored anew, as a whole: a conversation of 100 turns "
        "stores its messages 100 times. The state keeps a summary of at most 400 characters and "
        "the ids of the newest six messages; their text lies once in a table of the application.",
        ("quadratic-channel",),
        """\
class Chat(MessagesState):
    \"\"\"The whole conversation is in the state.\"\"\"
""",
        """\
class Chat(TypedDict):
    \"\"\"A summary, and references: the text is in a table of the application.\"\"\"

    turn: int
    summary: str
    references: list[str]
""",
    ),
    Step(
        "A saver that persists",
        "An InMemorySaver frees nothing until the process ends, and then all is lost. One SQLite "
        "file serves one process; for several there is PostgreSQL, on a pool, where setup() makes "
        'the tables and the indexes that look-ups go by: make tour ARGS="--keep --after '
        'postgresql://…" plays the tuned half there.',
        ("in-memory-leak",),
        """\
saver = InMemorySaver()
graph = statemeter.instrument(build(saver))
""",
        """\
with SqliteSaver.from_conn_string(path) as saver:
    graph = statemeter.instrument(build(saver, messages))

# or, on PostgreSQL
class PooledSaver(AsyncPostgresSaver):
    \"\"\"Each call takes a connection of its own: the fix of the rule one-lock-saver.\"\"\"

    def __init__(self, pool: Any) -> None:
        super().__init__(pool)
        self.lock: Any = nullcontext()  # the pool's connections keep calls apart

options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
async with AsyncConnectionPool(url, min_size=2, max_size=4, timeout=10, kwargs=options) as pool:
    saver = PooledSaver(pool)
    await saver.setup()
    graph = statemeter.instrument(build(saver, messages))
""",
    ),
    Step(
        "A cache that finds the prompt, and has a bound",
        "The prompt is slow to load, so its node is cached. But the key is made of all that the "
        "node is given, and no turn has the messages of another: it is never found, and each of "
        "its 200 KB stays in the cache, which has no bound. That is the leak. Of the topic alone "
        "there are two prompts, and eight places.",
        ("cache-key-unstable", "cache-unbounded"),
        """\
builder.add_node("prompt", prompt, cache_policy=CachePolicy())
""",
        """\
load_prompt = lru_cache(maxsize=8)(talk.load_prompt)
""",
    ),
    Step(
        "One step a turn",
        "Each step of a run is a checkpoint. Two nodes that always run one after the other, and "
        "are never interrupted between, are one.",
        ("durability-cost",),
        """\
builder.add_edge(START, "prompt")
builder.add_edge("prompt", "respond")
builder.add_edge("respond", END)
""",
        """\
builder.add_edge(START, "respond")
builder.add_edge("respond", END)
""",
    ),
)


def draw() -> None:
    """Draws the card: a change below the other, before at the left and after at the right."""
    with frame.card("tour-words"):
        frame.title("What was changed", "the code of examples/tour")
        for number, step in enumerate(STEPS, 1):
            st.markdown(f"**{number}. {step.title}** :gray[{', '.join(step.rules)}]")
            st.text(step.words)
            left, right = st.columns(2)
            with left:
                st.caption("Before")
                st.code(step.before.rstrip(), language="python", wrap_lines=True)
            with right:
                st.caption("After")
                st.code(step.after.rstrip(), language="python", wrap_lines=True)
