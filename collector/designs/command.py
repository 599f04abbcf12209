"""``python -m collector designs THREAD``: what a thread would take under other state designs.

Predicted from what the store knows, at once. With --measure, the thread is also replayed here, with
made-up contents of the same sizes, and timed.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from collector.designs import job
from collector.designs.replay import Replay
from collector.jobs.errors import CannotRun
from statemeter import settings
from statemeter.errors import SettingError
from storage import text_table
from storage.design_thread import Recorded
from storage.design_trials import Asked, Trials
from storage.designs import Predicted, Prediction, Settings, predict


def main(arguments: list[str]) -> int:
    """Print them; the exit code is 0, or 2 for bad input."""
    told = _parser().parse_args(arguments)
    try:
        asked = Asked(
            thread=told.thread, saver=told.saver or "", designs=tuple(told.design),
            settings=_settings(told), rounds=told.rounds,
        )  # fmt: skip
        thread = job.load(told.store or settings.store_url(), asked)
        found = predict(thread, asked.settings)
        if found.today is None:
            raise CannotRun(thread.problem)
        unknown = set(asked.designs) - {one.design.id for one in found.others}
        if unknown:
            raise CannotRun(
                f"The thread has no design {', '.join(sorted(unknown))}; it has "
                f"{', '.join(one.design.id for one in found.others) or 'none'}."
            )
        trials = _measured(thread, asked) if told.measure else None
    except (CannotRun, SettingError) as error:
        sys.stderr.write(f"designs: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    shown = [one for one in found.others if not asked.designs or one.design.id in asked.designs]
    if told.json:
        sys.stdout.write(_json(found, shown, trials) + "\n")
    else:
        _print(found, shown, trials, told.code)
    return 0


def _measured(thread: Recorded, asked: Asked) -> Trials:
    replay = Replay(thread, asked.designs, asked.settings, asked.rounds)

    def tell(phase: str, share: float, _: Trials) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{share:4.0%}  {phase}")

    found = replay.run(tell)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    return found


def _json(found: Predicted, shown: list[Prediction], trials: Trials | None) -> str:
    whole = {
        "thread": found.thread.thread_id, "backend": found.thread.backend,
        "checkpoints": len(found.thread.puts), "notes": found.notes, "today": found.today,
        "designs": shown, "measured": trials,
    }  # fmt: skip
    return msgspec.json.encode(whole).decode()


def _print(found: Predicted, shown: list[Prediction], trials: Trials | None, code: bool) -> None:
    assert found.today is not None
    possible = [one for one in shown if not one.why_not]
    measured = {one.design: one for one in trials.trials} if trials else {}
    rows = [_row(one, measured) for one in (found.today, *possible)]
    lines = [text_table.table(rows)]
    lines += [f"not possible: {one.design.id}: {one.why_not}" for one in shown if one.why_not]
    lines += [*found.notes, *(trials.notes if trials else ())]
    for one in possible if code else ():
        lines += ["", f"# {one.design.name}", *(f"# {text}" for text in one.gives_up), one.code]
    sys.stdout.write("\n".join(lines) + "\n")


def _row(one: Prediction, measured: dict[str, Any]) -> dict[str, Any]:
    row = {
        "design": one.design.id, "stored_bytes": one.stored_bytes,
        "elsewhere_bytes": one.elsewhere_bytes, "saved_bytes": one.saved_bytes,
        "written_bytes": one.written_bytes, "step_us": _whole(one.step_us),
        "read_bytes": one.read_bytes, "ancestors": one.ancestors,
        "most_ancestors": one.most_ancestors,
    }  # fmt: skip
    if measured:
        trial = measured.get(one.design.id)
        row["put_us"] = _whole(trial and trial.put_us)
        row["load_us"] = _whole(trial and trial.load_us)
        row["worst_load_us"] = _whole(trial and trial.worst_load_us)
    return row


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _settings(told: argparse.Namespace) -> Settings:
    """Settings with the given parameters in the place of the usual."""
    given = {
        "frequencies": tuple(told.delta), "lengths": tuple(told.trim), "kept": tuple(told.keep)
    }  # fmt: skip
    return msgspec.structs.replace(
        Settings(), **{name: numbers for name, numbers in given.items() if numbers}
    )


def _number(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise ValueError(text)
    return number


_number.__name__ = "number (1 to 1000000)"  # argparse names it in its message


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m collector designs", description=__doc__)
    parser.add_argument("thread", metavar="THREAD", help="its id")
    parser.add_argument("--saver", metavar="KEY", help="where several storages have such a thread")
    parser.add_argument("--store", metavar="URL", help="metrics store; default: STATEMETER_STORE")
    parser.add_argument(
        "--design", metavar="ID", action="append", default=[],
        help="this one only, such as delta-messages-50; again for more",
    )  # fmt: skip
    for name, text in (
        ("delta", "updates between two snapshots of a DeltaChannel"),
        ("trim", "newest elements that a list keeps"),
        ("keep", "newest checkpoints that pruning keeps"),
    ):
        parser.add_argument(
            f"--{name}", metavar="N", type=_number, action="append", default=[],
            help=f"{text}; again for more",
        )  # fmt: skip
    parser.add_argument("--measure", action="store_true", help="replay and time them, too")
    parser.add_argument(
        "--rounds", metavar="N", type=_number, default=3, help="of --measure; default: 3"
    )
    parser.add_argument("--code", action="store_true", help="print the code of each, too")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    return parser
