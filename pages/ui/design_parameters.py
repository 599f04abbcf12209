"""With which parameters designs are worked out: fields whose values are in the address."""

from __future__ import annotations

import msgspec
import streamlit as st

from pages.ui import formats
from storage.designs import Settings

MOST = 1_000_000
_USUAL = Settings()
_FIELDS = {
    "snapshots": ("Snapshot of a DeltaChannel every … updates", _USUAL.frequencies),
    "newest": ("A trimmed list keeps its newest …", _USUAL.lengths),
    "kept": ("Pruning keeps the newest … checkpoints", _USUAL.kept),
    "summary": ("Summarized from … elements on, to … bytes, beside the newest …", _USUAL.summary),
}


class NotNumbers(ValueError):
    """A field holds something else; the message says which and the fix."""


def draw() -> Settings:
    """Draws the fields; what they say. A field that cannot be read counts as its default, and says
    so."""
    told: dict[str, tuple[int, ...]] = {}
    with st.popover("Parameters", icon=":material/tune:", key="design-parameters"):
        for key, (label, usual) in _FIELDS.items():
            text = st.text_input(
                label, key=key, bind="query-params", placeholder=", ".join(map(str, usual))
            )
            try:
                told[key] = read(str(text or ""), usual, exact=key == "summary")
            except NotNumbers as error:
                st.error(formats.plain(error), icon=":material/error:")
                told[key] = usual
    every, size, keep = told["summary"]
    return msgspec.structs.replace(
        _USUAL, frequencies=told["snapshots"], lengths=told["newest"], kept=told["kept"],
        summary=(every, size, keep),
    )  # fmt: skip


def read(text: str, usual: tuple[int, ...], *, exact: bool = False) -> tuple[int, ...]:
    """Whole numbers between commas or spaces.

    Args:
        text: as typed; empty means the usual.
        usual: what an empty field means.
        exact: as many as the usual has.

    Raises:
        NotNumbers: it is something else.
    """
    parts = text.replace(",", " ").split()
    if not parts:
        return usual
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
    if len(numbers) != len(parts) or not all(0 < number <= MOST for number in numbers):
        raise NotNumbers(f"{text!r} are no whole numbers from 1 to {MOST:,}, such as 10, 50.")
    if exact:
        if len(numbers) != len(usual) or numbers[2] >= numbers[0]:
            raise NotNumbers(
                f"{text!r}: three numbers are needed, such as 20, 800, 4, the last smaller than "
                "the first."
            )
        return tuple(numbers)
    return tuple(sorted(set(numbers)))[:8]
