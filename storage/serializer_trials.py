"""What a trial of serializers found: the result of a job of the kind ``serializers``.

A thread's own states were read from the user's database, serialized and read again in every way;
kept are sizes, times and names of types: no value. See docs/serialization.md.

A *candidate* is a format (what writes the objects), a compression around it, and whether that is
encrypted: ``msgpack``, ``msgpack+zstd``, ``json+zlib+aes``. All numbers of it are of a *step*: the
values that the saver serializes for one checkpoint and its pending writes, the mean over the
steps that were measured.
"""

from __future__ import annotations

from typing import Any

import msgspec

KIND = "serializers"
"""Of its jobs."""

MOST_STEPS = 24
"""Steps measured of a thread, spread evenly over it."""

FORMATS = {
    "msgpack": "LangGraph's msgpack",
    "msgspec": "msgspec, msgpack",
    "msgspec-json": "msgspec, JSON",
    "orjson": "orjson",
    "json": "json",
    "pickle": "pickle",
}
"""Format → what people call it."""

ADOPTABLE = {"msgpack": "", "msgspec": "MsgspecSerializer"}
"""Formats that can be given to a saver as they are: the class of ``statemeter.serializers``; empty:
LangGraph's own. What else is measured shows what it would cost and lose."""

CODECS = ("zstd", "lz4", "zlib")
AES = "aes"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Values that came back otherwise."""

    type: str
    became: str
    count: int
    of: int = 0
    """How many of the type there were; 0: unknown."""


class Candidate(msgspec.Struct, kw_only=True):
    """One way to serialize, measured."""

    name: str
    format: str
    codec: str = ""
    encrypted: bool = False
    bytes: float = 0.0
    """Of a step."""
    dump_us: float = 0.0
    load_us: float = 0.0
    """Medians over the rounds, of a step."""
    low_us: float = 0.0
    high_us: float = 0.0
    """Quartiles of dump and load together, of a step: half of the rounds lie between them."""
    changes: list[Change] = []
    """Most frequent first."""
    failed: str = ""
    """Class of the exception where it cannot write or read these states at all."""
    install: str = ""
    """Command that installs what it needs; empty: it was measured."""

    @property
    def measured(self) -> bool:
        """Whether there are numbers."""
        return not self.failed and not self.install

    @property
    def total_us(self) -> float:
        """Dump and load together, of a step."""
        return self.dump_us + self.load_us

    @property
    def lossless(self) -> bool:
        """Whether all came back as it was."""
        return self.measured and not self.changes

    @property
    def adoptable(self) -> bool:
        """Whether a saver can be given it, and nothing would be lost by it."""
        return self.lossless and self.format in ADOPTABLE

    @property
    def label(self) -> str:
        """What people call it."""
        words = [FORMATS.get(self.format, self.format), *([self.codec] if self.codec else [])]
        return " + ".join([*words, *(["AES"] if self.encrypted else [])])


class Trial(msgspec.Struct, kw_only=True):
    """All that was found."""

    backend: str
    class_name: str = ""
    """Of the saver."""
    layout: str = ""
    """``whole``: a checkpoint is one value; ``channels``: each changed channel is one."""
    thread: str = ""
    """Empty: the newest steps of all threads of a storage."""
    graph: str = ""
    steps: int = 0
    """Measured."""
    timed: int = 0
    """Of them, those that were timed; bytes and changes are of all."""
    of_steps: int = 0
    """Steps of the thread, or of all of the storage, as far as is known."""
    skipped: int = 0
    """Steps that were to be measured and are no longer in the database, or were not reached."""
    values: int = 0
    """Serialized values of the steps measured."""
    stored_bytes: float = 0.0
    """The same values as the backend holds them now, of a step."""
    thread_bytes: int = 0
    """Stored by the thread, or by all of the storage, when the trial was asked for."""
    rounds: int = 0
    today: str = ""
    """Candidate that wrote the newest of it; empty: none of them did."""
    stand_ins: dict[str, int] = {}
    """``module.Class`` → objects that were measured by their parts: nothing of the application is
    imported."""
    unread: dict[str, int] = {}
    """Why values could not be measured → how many."""
    candidates: list[Candidate] = []

    def of(self, name: str) -> Candidate | None:
        """The candidate of this name."""
        return next((one for one in self.candidates if one.name == name), None)


class Step(msgspec.Struct, frozen=True, array_like=True):
    """A checkpoint to measure."""

    ns: str
    checkpoint: str
    parent: str
    thread: str = ""
    """Empty: the thread that is asked for."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial is asked to measure: ``asked`` of its job."""

    saver: str
    backend: str
    class_name: str
    layout: str
    thread: str
    """Empty: the newest steps of a storage, each with its thread."""
    graph: str = ""
    serializer: str = ""
    """Class of its serializer, as the probe told it."""
    database: str = ""
    incarnations: list[str] = []
    steps: list[Step]
    of_steps: int = 0
    thread_bytes: int = 0
    rounds: int = 7
    seconds: float = 60.0
    """Longest time for measuring; what is not reached by then is left out, and said."""


def asked(told: dict[str, Any]) -> Asked:
    """The settings of a job. Raises ``msgspec.ValidationError``."""
    return msgspec.convert(told, Asked)


_decode = msgspec.json.Decoder(Trial | None).decode


def decode(text: str) -> Trial | None:
    """The result of a job; None: there is none yet. Raises ``msgspec.MsgspecError``."""
    found: Trial | None = _decode(text.encode())
    return found
