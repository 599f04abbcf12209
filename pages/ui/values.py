"""Values of a checkpoint on demand, from the user's own database; nothing of them is stored.

``allowed()`` says whether they may be shown at all, ``checkpoint()`` fetches those of one
checkpoint. Both give words to show where there is nothing else to show.
"""

from __future__ import annotations

from typing import Any

from statemeter import settings
from statemeter.errors import SettingError
from storage.values import Answer

HOW_TO_ALLOW = (
    "Values are not shown: start the dashboard with STATEMETER_SHOW_VALUES=1 to read them on "
    "demand from your own database. Nothing of them is stored."
)


def allowed() -> str:
    """Empty where values may be shown, else the one line that says how to allow them."""
    try:
        return "" if settings.get("STATEMETER_SHOW_VALUES") else HOW_TO_ALLOW
    except SettingError as error:
        return str(error)


def checkpoint(thread: Any, ns: str, checkpoint_id: str) -> Answer:
    """The values of one checkpoint, or the problem that keeps them from being shown.

    Args:
        thread: row of the thread, of ``data.find_thread``: id, thread_id, saver, backend.
        ns: checkpoint namespace.
        checkpoint_id: empty for the newest of the namespace.
    """
    why = allowed()
    if why:
        return Answer(problem=why)
    return Answer(problem="The viewer is not part of this version yet.")
