"""Rule: what is passed in ``config`` is copied into the metadata of each checkpoint.

Every scalar of ``configurable`` and ``metadata`` goes there: prompts, profiles, and keys of APIs in
clear. The store has the size of the metadata, no name and no value of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.formats import size

ID = "config-in-metadata"
OWN_BYTES = 150
"""What LangGraph itself writes there: step, source, parents, run and thread id."""

ABOUT = About(
    id=ID, title="Configuration is stored with each checkpoint",
    looks_at="Bytes of metadata of the newest checkpoints of a thread. Names and values are not "
    "known here: whether a secret is among them only a look into the metadata tells.",
    thresholds=[
        threshold("metadata", 2_000, "bytes", 200, 1e9,
                  "In a checkpoint. LangGraph itself writes some 150, with tracing and the headers "
                  "of a server about 1,000."),
        threshold("written", 50_000, "bytes", 0, 1e12,
                  "Of metadata in all, ever, in a thread: less is not worth a change."),
    ],
)  # fmt: skip


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """The checkpoints of the root graph."""
    known = [int(put.metadata_bytes) for put in thread.puts if put.metadata_bytes is not None]
    written = int(thread.row["metadata_bytes"])
    if not known or written < look.limits["written"]:
        return
    each = median(known)
    if each < look.limits["metadata"]:
        return
    needless = max(0, written - OWN_BYTES * round(written / each))
    usd = look.usd_a_month(thread.backend, needless)
    yield Finding(
        rule=ID, severity="warning",
        title=f"Each checkpoint stores {size(each)} of metadata, {size(written)} in all",
        subject=thread.subject(), since_us=int(thread.puts[0].at_us),
        measured=[
            Measure(name="metadata of a checkpoint", value=each, unit="bytes",
                    limit=look.limits["metadata"]),
            Measure(name="metadata ever written", value=written, unit="bytes",
                    limit=look.limits["written"]),
            Measure(name="checkpoints looked at", value=len(known), unit="count"),
            Measure(name="names in it", value=None),
        ],
        why="Each text, number and truth value in configurable and metadata of the config is "
        "copied into every checkpoint, in clear: a prompt or profile grows the database, and a key "
        "or token lies in it, in its backups, and in the hands of all who may read it.",
        fixes=[
            Fix(words="Pass it as the context of a run: it is stored nowhere",
                code="""\
@dataclass
class Context:
    profile: str

def node(state: State, runtime: Runtime[Context]) -> dict:  # from langgraph.runtime
    profile = runtime.context.profile
    ...

graph = StateGraph(State, context_schema=Context) ... .compile(checkpointer=saver)
graph.invoke(inputs, config, context=Context(profile=profile))""", language="python",
                saving=Cost(bytes=needless, usd_a_month=usd),
                loss="History cannot be searched by it. A run that goes on after an interrupt has "
                "to be given it again."),
            Fix(words="See which names are there, and whether a secret is among them",
                code="""\
found = saver.get_tuple({"configurable": {"thread_id": thread_id}})
print({name: len(str(value)) for name, value in found.metadata.items()})""",
                language="python"),
        ],
        evidence=[thread.evidence("Metadata of each checkpoint", "history")],
        cost=Cost(bytes=needless, usd_a_month=usd),
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at)
