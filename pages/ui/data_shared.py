"""What makes a report of what a page shows, when it is asked for; see ``share``.

Each reads the filters of the page at once, and the store when it is called, outside a page's run.
"""

from __future__ import annotations

from typing import Any

from pages.ui import filters
from pages.ui.data import engine_of, file
from pages.ui.share import Make
from storage.comparison_costs import Scale
from storage.ranking import Demands, Setting
from storage.shared_application import of_application
from storage.shared_comparison import of_comparison
from storage.shared_thread import of_thread


def thread(row: Any) -> Make:
    """A thread, a row of ``data.find_thread``; its cost is that of the window."""
    store, window_s, thread_id, saver = file(), filters.window_seconds(), row.thread_id, row.saver
    return lambda names: of_thread(
        engine_of(store), thread_id, saver, window_s=window_s, names=names
    )


def application(name: str) -> Make:
    """An application, over the window."""
    store, window_s = file(), filters.window_seconds()
    return lambda names: of_application(engine_of(store), name, window_s=window_s, names=names)


def comparison(key: str, demands: Demands, scale: Scale, setting: Setting) -> Make:
    """A comparison by its id, with what the visitor asks of a backend."""
    store = file()
    return lambda names: of_comparison(
        engine_of(store), key, names=names, demands=demands, scale=scale, setting=setting
    )
