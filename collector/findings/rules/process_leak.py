"""Rule: the memory of a process grows though its work does not, or streams are left half-read.

The judgement is that of the Process page, ``storage.leaks``; half-consumed ``stream()`` generators
keep threads and their state. What LangGraph's state in memory explains is no leak, and not told;
what the C library keeps of freed memory is, where the process has no day left.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from collector.findings.look import MONTH_US, Look
from collector.findings.rule import CannotLook, Rule, threshold
from storage import leaks, queries_processes
from storage.deaths import ALIVE, SILENT_US
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure, Subject
from storage.leaks import Growth, Leaks
from storage.suspects import Suspect

ID = leaks.RULE
PROCESSES = 10
"""Alive ones that are judged in one look, those that live longest."""
JUDGED_US = 60_000_000
"""How long a judgement holds: it reads hours of readings."""
SOON_SECONDS = 86_400.0
"""A limit that is reached within a day is critical."""

ABOUT = About(
    id=ID, title="A process grows although its work does not",
    looks_at="Memory, threads, open files and streams of each process alive over its newest six "
    "hours, at moments of like load.",
    thresholds=[
        threshold("warm_up", leaks.RULES.warm_up_s, "seconds", 1, 86_400,
                  "Left out at the beginning: imports, pools that fill, first requests."),
        threshold("least", leaks.RULES.least_s, "seconds", 10, 86_400,
                  "Shortest time after it that says anything."),
        threshold("gained", leaks.RULES.gained_bytes, "bytes", 100_000, 1e12,
                  "Least growth of memory that is told; an allocator settles below that."),
    ],
)  # fmt: skip

_ALIVE = """
SELECT id, incarnation, application, pid, host, first_seen_us FROM processes
WHERE kind = '' AND ended = :alive AND last_seen_us >= :recent ORDER BY first_seen_us LIMIT :most"""
_STREAM = """\
from contextlib import closing

with closing(graph.stream(given, config)) as parts:
    for part in parts:
        if enough(part):
            break  # the stream is closed when the block is left"""
_CODE: dict[str, tuple[str, str, Literal["python", "shell"]]] = {
    "streams": ("Close a stream that is not read to its end.", _STREAM, "python"),
    "free": ("Fewer heaps of the C library, which share what is free in them.",
             "MALLOC_ARENA_MAX=2 python app.py", "shell"),
}  # fmt: skip
"""Kind of suspect → what to do, in words and code, in place of its advice."""
_NAMES = {
    "saver_empty_threads": "entries of unknown threads", "threads": "threads",
    "fds": "open files", "left_streams": "streams left half-read", "children": "child processes",
}  # fmt: skip


def look_at(look: Look) -> Iterable[Finding]:
    """Processes that are alive."""
    rules = leaks.RULES.with_limits(look.limits)
    rows = look.rows(_ALIVE, alive=ALIVE, recent=look.at_us - SILENT_US, most=PROCESSES)
    unknown, why = 0, "No instrumented process is alive."
    before = look.kept.get(ID, {})
    look.kept[ID] = now = {}
    for row in rows:
        at_us, limits, judged = before.get(row.incarnation, (0, None, None))
        if limits != rules or not 0 <= look.at_us - at_us < JUDGED_US:
            at_us, judged = (
                look.at_us,
                queries_processes.judged(
                    look.connection.engine, row.incarnation, look.at_us, rules
                ),
            )
        now[row.incarnation] = (at_us, rules, judged)
        if judged is None or judged.leaks.verdict == "unknown":
            unknown += 1
            why = judged.leaks.why if judged is not None else why
        elif judged.leaks.verdict == "leak" or (judged.leaks.freed and _is_soon(judged.leaks)):
            subject = Subject(application=row.application, process=row.incarnation)
            yield _finding(look, judged.leaks, judged.suspects, subject, f"{row.pid} on {row.host}")
    if unknown == len(rows):
        raise CannotLook(why)


def _finding(
    look: Look, found: Leaks, suspects: list[Suspect], subject: Subject, name: str
) -> Finding:
    grown = [one for one in (found.unexplained,) if one is not None] + found.counts
    memory = found.unexplained
    is_critical = _is_soon(found) and found.verdict == "leak"
    return Finding(
        rule=ID, severity="critical" if is_critical else "warning",
        title=f"Process {name} gains {_words(grown[0])} an hour", subject=subject,
        since_us=int(look.at_us - found.seconds * 1e6),
        measured=[
            *(_measure(one) for one in grown),
            Measure(name="time looked at", value=found.seconds, unit="seconds",
                    limit=look.limits["least"]),
            Measure(name="runs meanwhile", value=found.runs, unit="count"),
            Measure(name="until the limit of its memory", value=found.limit_seconds,
                    unit="seconds"),
        ],
        why="At like load it holds more and more, and what LangGraph keeps in memory does not "
        "explain it. " + " ".join(dict.fromkeys(one.advice for one in suspects[:3])),
        fixes=_fixes(suspects, subject),
        evidence=[Evidence(page="process", words="Its memory and counts over time",
                           names={"process": subject.process})],
        cost=Cost(bytes=memory.slope.value * found.seconds if memory else None,
                  bytes_a_month=memory.slope.value * MONTH_US / 1e6 if memory else None),
    )  # fmt: skip


def _is_soon(found: Leaks) -> bool:
    return found.limit_seconds is not None and found.limit_seconds < SOON_SECONDS


def _words(one: Growth) -> str:
    if one.name in _NAMES:
        return f"{one.per_hour:,.0f} {_NAMES[one.name]}"
    return f"{one.per_hour / 1e6:,.1f} MB of memory"


def _measure(one: Growth) -> Measure:
    unit = "count" if one.name in _NAMES else "bytes"
    return Measure(name=f"{_NAMES.get(one.name, 'unexplained memory')}, an hour",
                   value=one.per_hour, unit=unit)  # fmt: skip


def _fixes(suspects: list[Suspect], subject: Subject) -> list[Fix]:
    kinds = {one.kind for one in suspects}
    fixes = [Fix(words=words, code=code, language=language)
             for kind, (words, code, language) in _CODE.items() if kind in kinds]  # fmt: skip
    fixes += [Fix(words=f"{one.name}: {one.advice}" if one.name else one.advice)
              for one in suspects[:3] if one.kind not in _CODE]  # fmt: skip
    return fixes or [Fix(words="Look at what the process allocates, on the Process page.")]


RULE = Rule(about=ABOUT, whole=look_at)
