"""What a trial of serializers says, in plain words. Names of classes are the user's data."""

from __future__ import annotations

from pages.ui.formats import count, duration, share, size
from storage.serializer_advice import FIXED, WORTH, Advice, thread_bytes
from storage.serializer_trials import Candidate, Trial


def verdict(advice: Advice) -> str:
    """One line: what to do."""
    if advice.base is None or advice.best is None:
        return "Nothing can be advised: today's serializer could not be measured."
    if advice.kind == "fixed":
        return "This saver takes no other serializer."
    if advice.kind == "stay":
        return f"Stay with {advice.base.label}."
    saved = (
        f"{share(advice.saved_share)} fewer bytes" if advice.kind == "smaller"
        else f"{share(advice.saved_us / advice.base.total_us)} less time"
    )  # fmt: skip
    return f"{advice.best.label}: {saved}, nothing lost."


def reason(advice: Advice, trial: Trial) -> str:
    """Why, with the numbers, and what it would save in all."""
    base, best = advice.base, advice.best
    if base is None or best is None:
        return ""
    if advice.kind == "fixed":
        return (
            f"{trial.class_name or 'RedisSaver'} is built on {FIXED[trial.backend]} and keeps JSON "
            "documents. The numbers show what other serializers would make of the same states, on "
            "a backend that takes them."
        )
    if advice.kind == "stay":
        return (
            f"Of what loses nothing and can be given to a saver, nothing saves {share(WORTH)} of "
            "its bytes at a similar time, or of its time at the same bytes."
        )
    took = _time(advice)
    saved = thread_bytes(trial, base) - thread_bytes(trial, best)
    more = (
        f" Over the {count(trial.of_steps)} steps of {_whose(trial)}: {size(saved)} less."
        if saved > 0 else ""
    )  # fmt: skip
    return f"{size(best.bytes)} a step in place of {size(base.bytes)}, {took}.{more}"


def _whose(trial: Trial) -> str:
    return "this thread" if trial.thread else "all threads of this storage"


def _time(advice: Advice) -> str:
    assert advice.base is not None
    assert advice.best is not None
    times = f"{duration(advice.best.total_us)} against {duration(advice.base.total_us)}"
    if advice.same_time:
        return f"and as much time within the noise ({times})"
    change = abs(advice.saved_us)
    return f"{duration(change)} {'less' if advice.saved_us > 0 else 'more'} a step ({times})"


def lost(one: Candidate) -> str:
    """What comes back otherwise."""
    if one.failed:
        return f"it cannot take these states ({one.failed})"
    if one.install:
        return f"not installed here: {one.install}"
    return ", ".join(f"{change.type} → {change.became}" for change in one.changes[:4]) + (
        ", …" if len(one.changes) > 4 else ""
    )


def measured(trial: Trial) -> str:
    """What was measured, and how well that stands for the thread."""
    parts = [
        f"{count(trial.steps)} of {count(trial.of_steps)} steps, "
        + ("spread over the thread" if trial.thread else "the newest"),
        f"{count(trial.values)} values",
        f"times of {count(trial.timed)} of them: medians of {trial.rounds} rounds, all in turn",
    ]
    if trial.skipped:
        parts.append(f"{count(trial.skipped)} steps left out: gone, unreadable or out of time")
    return ", ".join(parts) + "."


def caveats(trial: Trial) -> list[str]:
    """What the numbers do not hold."""
    found = []
    if trial.stand_ins:
        named = ", ".join(f"{count(n)} of {name}" for name, n in list(trial.stand_ins.items())[:5])
        found.append(
            f"Objects of classes of the application are not imported: {named} were measured by "
            "their parts. Bytes of LangGraph's msgpack are exact, its times without what these "
            "classes themselves take."
        )
    if trial.unread:
        named = ", ".join(f"{why} ({count(n)})" for why, n in list(trial.unread.items())[:5])
        found.append(f"Values that could not be measured: {named}.")
    if trial.of("msgpack") is not None:
        found.append(
            "What LangGraph's msgpack itself changes when it writes (a tuple is a list afterwards) "
            "happened before and cannot be seen here."
        )
    return found
