"""The options of ``python -m storage threads`` that say which threads, and in which order."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable

from storage import amounts
from storage.finding import pasted
from storage.queries import SECOND_US, Scope, now_us
from storage.queries_threads import SORTS
from storage.thread_filter import MATCHES, ORIGINS, Filter


def size(text: str) -> int:
    """Bytes, for argparse."""
    return _read(amounts.size, text)


def span(text: str) -> int:
    """Seconds, for argparse."""
    return _read(amounts.seconds, text)


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options to a parser."""
    group = parser.add_argument_group("which threads (of the report threads)")
    group.add_argument("--search", default="", metavar="TEXT", help="of the thread id")
    group.add_argument(
        "--match", choices=MATCHES, default="part", help="how --search is meant; default: part"
    )
    group.add_argument("--backend", help="such as postgres")
    group.add_argument("--application", help="name of the application")
    group.add_argument("--graph", default="", help="name of the graph")
    group.add_argument("--saver", default="", metavar="LABEL", help="label or key of the storage")
    for name in ("stored", "live"):
        for side in ("least", "most"):
            group.add_argument(
                f"--{name}-at-{side}", type=size, default=0, metavar="SIZE",
                help=f"{name} bytes, such as 1.5MB",
            )  # fmt: skip
    group.add_argument(
        "--gained-at-least", type=size, default=0, metavar="SIZE",
        help="stored bytes gained in --window",
    )  # fmt: skip
    group.add_argument(
        "--used-within", type=span, default=0, metavar="TIME", help="last used, such as 2h"
    )
    group.add_argument("--unused-for", type=span, default=0, metavar="TIME", help="such as 30d")
    group.add_argument("--errors", action="store_true", help="only threads with failed calls")
    group.add_argument(
        "--deleted", choices=("only", "without"), help="deleted threads; default: with them"
    )
    group.add_argument("--origin", choices=ORIGINS, default="", help="who told of them")
    group.add_argument("--sort", choices=SORTS, default="stored", help="default: stored")


def chosen(told: argparse.Namespace, window_s: int) -> Filter:
    """What the options say."""
    now = now_us()
    what = pasted(told.search)
    same = {
        name: getattr(told, name)
        for name in ("match", "graph", "saver", "origin", "stored_at_least", "stored_at_most",
                     "live_at_least", "live_at_most", "gained_at_least")
    }  # fmt: skip
    found = Filter(
        search=what.thread,
        scope=Scope(told.backend, told.application),
        errors_only=told.errors,
        used_after_us=now - told.used_within * SECOND_US if told.used_within else 0,
        used_before_us=now - told.unused_for * SECOND_US if told.unused_for else 0,
        begin_us=now - window_s * SECOND_US,
        deleted={"only": True, "without": False}.get(told.deleted),
        **same,
    )
    if what.whole:
        found = dataclasses.replace(found, match="exact", saver=what.saver or found.saver)
    return found


def _read(reader: Callable[[str], int], text: str) -> int:
    try:
        return reader(text)
    except amounts.NotAnAmount as error:
        raise argparse.ArgumentTypeError(str(error)) from None
