"""``python -m collector attach URL``: measure a database of LangGraph from the outside, read-only.

It is opened once, to see whether it can be read; the collector then reads its history and keeps up
with it. Progress is shown until the history is read; where no collector works on the store, one is
run, until Ctrl-C. The exit code is 0: it is attached; 3: it was before, and nothing was changed;
2: it cannot be attached.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

import msgspec

from collector.attach import check
from collector.errors import CollectorError
from collector.inspection.limits import MB
from statemeter import settings
from statemeter.errors import SettingError
from storage import sources
from storage.errors import StoreError
from storage.sources import Source, SourceError, SourceExists

EPILOG = """URL is the path of a SQLite file, or sqlite:///path, postgresql://…, redis://…,
valkey://… or mongodb://…; - reads it from standard input, so that its password is in no list of
processes. It is kept in a file of the spool that only this user can read, until
``python -m collector detach``."""

FAILED, KNOWN = 2, 3


def main(arguments: list[str]) -> int:
    """Attach a database."""
    told = _parser().parse_args(arguments)
    named = sys.stdin.readline().strip() if told.url == "-" else told.url
    store = ""
    try:
        store = told.store or settings.store_url()
        spool = Path(told.spool).expanduser().absolute() if told.spool else settings.spool_folder()
        source = check.check(
            named, spool=spool, store=store, application=told.app,
            mode="values" if told.values else "attach", confined=told.confined,
        )  # fmt: skip
        sources.add(spool, source, replace=told.once)
    except SourceExists as error:
        if told.check:
            _tell(error.source)
        sys.stderr.write(f"attach: {error}\n")
        return KNOWN
    except (CollectorError, SourceError, SettingError) as error:
        sys.stderr.write(f"attach: {error}\n")
        return FAILED
    if told.check:
        _tell(source)
        return 0
    sys.stdout.write(
        f"{source.shown} is attached as {source.key}, its application is called "
        f"{source.application}. The collector reads it: streamlit run app.py has one, "
        "python -m collector is one.\n"
    )
    sys.stdout.flush()
    if told.no_wait or source.mode == "values":
        return 0
    return _wait(spool, store, source, told.once)


def _wait(spool: Path, store: str, source: Source, once: bool) -> int:
    """Show how far its history is read; with ``once`` it is detached then."""
    from collector.attach import watching  # noqa: PLC0415 (brings in pandas, which only waiting needs)

    try:
        with watching.collecting(store, spool) as child:
            told = watching.watch(store, source, child)
            sys.stdout.write(
                f"{told.done_checkpoints:,} checkpoints, {told.done_bytes / MB:,.1f} MB are read.\n"
            )
            sys.stdout.flush()
            if once:
                sources.remove(spool, source.key)
                watching.wait_until_gone(store, source.key)
            elif child is not None:
                sys.stderr.write("New ones are kept up with. Ctrl-C ends that.\n")
                child.wait()
    except KeyboardInterrupt:
        sys.stderr.write(
            f"{source.shown} stays attached: a collector reads on. To end that: "
            f"python -m collector detach {source.key}\n"
        )
    except (CollectorError, SourceError, StoreError) as error:
        sys.stderr.write(f"attach: {error}\n")
        if once:
            with contextlib.suppress(SourceError):
                sources.remove(spool, source.key)
        return FAILED
    return 0


def _tell(source: Source) -> None:
    """Tell a form how it is attached: without its URL."""
    shown = msgspec.structs.replace(source, url="")
    sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m collector attach", description=__doc__, epilog=EPILOG
    )
    parser.add_argument("url", metavar="URL", help="the database")
    parser.add_argument(
        "--app", metavar="NAME", default="",
        help="name under which its threads are shown; default: as the database is called",
    )  # fmt: skip
    parser.add_argument(
        "--values", action="store_true",
        help="do not read its history: show values of checkpoints on demand, no more",
    )  # fmt: skip
    parser.add_argument(
        "--once", action="store_true", help="read what is there now, then detach it and end"
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="attach it and end: a collector reads it later"
    )
    parser.add_argument(
        "--check", action="store_true",
        help="for forms: tell on standard output, as JSON, how it is attached",
    )  # fmt: skip
    parser.add_argument(
        "--confined", action="store_true",
        help="for forms: a file has to lie inside STATEMETER_ROOTS",
    )  # fmt: skip
    parser.add_argument("--store", metavar="URL", help="metrics store; default: STATEMETER_STORE")
    parser.add_argument("--spool", metavar="DIR", help="spool; default: STATEMETER_SPOOL")
    return parser
