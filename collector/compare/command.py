"""``python -m collector compare``: the same work on several backends, measured and compared.

The job goes through the same files as one of the Backends page, and its result stays there. Where
no collector works on the store, one is run meanwhile. Ctrl-C cancels the job; what was found until
then stays. The exit code is 0: all was compared; 1: some of it; 2: nothing could be.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from collector.attach import watching
from collector.compare import form, report, targets
from collector.errors import CollectorError
from statemeter import settings
from statemeter.errors import SettingError
from storage import comparisons, jobs, queries_jobs
from storage.comparisons import DURABILITIES, KIND, MODES, Asked
from storage.errors import StoreError, StoreMissing
from storage.jobs import JobError
from storage.queries_jobs import Job
from storage.ranking import MEASURES, REACH, Demands
from storage.store import open_reader
from storage.workloads import WORKLOADS

EPILOG = """Backends are memory, sqlite, and URLs: postgresql://…, redis://…, valkey://… or
mongodb://…; - asks for one (or reads a line of standard input), and env:NAME takes it from an
environment variable, so that no password is in a list of processes. Each gets a schema, database
or key prefix of its own, which is removed in the end. Rounds are interleaved over the backends;
docs/compare.md says what each number means."""

LOOK_SECONDS = 0.5
GONE_SECONDS = 10.0
DONE, PARTIAL, FAILED = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Compare, and print what was found."""
    told = _parser().parse_args(arguments)
    try:
        store = told.store or settings.store_url()
        spool = Path(told.spool).expanduser().absolute() if told.spool else settings.spool_folder()
        if told.form:
            sys.stdout.write(form.ask(sys.stdin.readline(), spool, store) + "\n")
            return DONE
        asked, secrets = _asked(told)
        secrets |= {"store": store, "spool": str(spool)}
        request = jobs.ask(spool, KIND, told.name, msgspec.to_builtins(asked), secrets)
        with watching.collecting(store, spool) as child:
            try:
                job, result = _wait(store, request.id, child)
            except KeyboardInterrupt:
                sys.stderr.write("\ncancelling…\n")
                with contextlib.suppress(jobs.JobMissing):  # it has just ended
                    jobs.cancel(spool, request.id)
                job, result = _wait(store, request.id, child)
            _wait_until_gone(spool, request.id)
    except (CollectorError, JobError, SettingError, StoreError, ValueError) as error:
        sys.stderr.write(f"compare: {error}\n")
        return FAILED
    return _tell(job, result, told)


def _asked(told: argparse.Namespace) -> tuple[Asked, dict[str, str]]:
    names = [name for one in told.backends or ["memory,sqlite"] for name in targets.split(one)]
    found, secrets = targets.named(names)
    size = WORKLOADS[told.workload].size
    given = {"turns": told.turns, "threads": told.threads, "value_bytes": told.bytes,
             "width": told.width}  # fmt: skip
    size = msgspec.structs.replace(size, **{k: v for k, v in given.items() if v is not None})
    asked = Asked(
        workload=told.workload, size=size, targets=found, durability=told.durability,
        modes=told.mode, concurrency=told.concurrency, pool=told.pool, rounds=told.rounds,
        compressed=told.compressed, kill=not told.no_kill, thread=told.thread, saver=told.source,
    )  # fmt: skip
    comparisons.check(asked)
    return asked, secrets


def _wait(store: str, key: str, child: Any) -> tuple[Job, str]:
    """Show how far it is, until it has ended."""
    shown = watching.Progress()
    while True:
        if child is not None and child.poll() is not None:
            raise watching.CannotBeRead(
                f"The collector ended (exit code {child.returncode}): run python -m collector to "
                "see why."
            )
        found = _job(store, key)
        if found is not None and found[0].ended:
            shown.end()
            return found
        if found is None or found[0].state == "waiting":
            shown.show("waiting for the collector")
        else:
            share = "" if found[0].share is None else f" ({found[0].share:.0%})"
            shown.show(f"{found[0].phase}{share}")
        time.sleep(LOOK_SECONDS)


def _wait_until_gone(spool: Path, key: str) -> None:
    """The collector removes the request, which holds URLs, once the end is stored."""
    end = time.monotonic() + GONE_SECONDS
    while jobs.path(spool, key, jobs.REQUEST).exists() and time.monotonic() < end:
        time.sleep(0.1)


def _job(store: str, key: str) -> tuple[Job, str] | None:
    try:
        engine = open_reader(store)
    except StoreMissing:
        return None
    try:
        return queries_jobs.job(engine, key)
    finally:
        engine.dispose()


def _tell(job: Job, result: str, told: argparse.Namespace) -> int:
    if job.problem:
        sys.stderr.write(f"compare: {job.problem}\n")
    if result == "null":
        return FAILED
    found = comparisons.decode(result)
    demands = Demands(
        restart=told.survives_restart, reach=told.shared_by, put_ms=told.put_under_ms,
        month_usd=told.cost_under_usd, by=told.by,
    )  # fmt: skip
    sys.stdout.write((result if told.json else report.text(found, demands)) + "\n")
    sys.stderr.write(f"On the dashboard: /backends?view=Compare&comparison={job.id}\n")
    if not found.cells and not found.footprints:
        return FAILED
    return PARTIAL if job.partial else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m collector compare", description=__doc__, epilog=EPILOG
    )
    add = parser.add_argument
    add(
        "--backends",
        metavar="LIST",
        action="append",
        help="memory, sqlite, URLs, - or env:NAME, separated by commas; default: memory,sqlite",
    )
    add(
        "--workload",
        choices=list(WORKLOADS),
        default="chat",
        help="; ".join(f"{one.name}: {one.title}" for one in WORKLOADS.values()),
    )
    add("--thread", metavar="ID", default="", help="workload thread: id of a recorded one")
    add(
        "--source",
        metavar="KEY",
        default="",
        help="workload source: key of an attached database (python -m collector sources); workload "
        "thread: of its storage, where several have that id",
    )
    add("--turns", metavar="N", type=int, help="of each thread; default: as the workload says")
    add("--threads", metavar="N", type=int, help="in all, at least one for each client")
    add("--bytes", metavar="N", type=int, help="of a message, document or part")
    add("--width", metavar="N", type=int, help="workload fanout: tasks at once")
    add(
        "--compressed",
        metavar="SHARE",
        type=float,
        default=0.4,
        help="what zlib leaves of the content that is made up, 0 to 1; default 0.4",
    )
    add(
        "--durability",
        metavar="LIST",
        type=_words,
        default=["async"],
        help=f"of {','.join(DURABILITIES)}; default: async, as LangGraph's",
    )
    add(
        "--mode",
        metavar="LIST",
        type=_words,
        default=["sync"],
        help=f"of {','.join(MODES)}; default: sync",
    )
    add(
        "--concurrency",
        metavar="LIST",
        type=_numbers,
        default=[1, 8],
        help="clients at once, each with its own thread; default: 1,8",
    )
    add(
        "--pool",
        metavar="LIST",
        type=_numbers,
        default=[10],
        help="connections of the pool of PostgreSQL and MongoDB; default: 10",
    )
    add(
        "--rounds",
        metavar="N",
        type=int,
        default=5,
        help="repetitions; with fewer than 3 everything is a tie; default: 5",
    )
    add("--form", action="store_true", help="for forms: see collector.compare.form")
    add("--no-kill", action="store_true", help="do not try what survives a killed client")
    add("--name", default="", help="under which the result stays")
    add(
        "--survives-restart",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="recommend only what survives a restart, of the client and of the server",
    )
    add("--shared-by", choices=REACH, default="process", help="recommend only what serves these")
    add("--put-under-ms", metavar="MS", type=float, help="recommend only with p95 of put under it")
    add(
        "--cost-under-usd", metavar="USD", type=float, help="recommend only what costs less a month"
    )
    add("--by", choices=list(MEASURES), default="turn", help="what the recommendation goes by")
    add("--json", action="store_true", help="the whole result, as JSON")
    add("--store", metavar="URL", help="metrics store; default: STATEMETER_STORE")
    add("--spool", metavar="DIR", help="spool; default: STATEMETER_SPOOL")  # fmt: skip
    return parser


def _words(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _numbers(text: str) -> list[int]:
    return [int(one) for one in _words(text)]


_numbers.__name__ = "list of whole numbers"  # argparse names it in its messages
