"""A comparison of backends: what is asked for, and what was found.

Both are JSON of a job of the kind ``compare`` (``storage.jobs``). A reader of another version finds
what it knows: fields that it does not know are passed over, those that are missing have defaults.
"""

from __future__ import annotations

import msgspec

from storage.workloads import WORKLOADS, Size

KIND = "compare"

DURABILITIES = ("sync", "async", "exit")
MODES = ("sync", "async")
OPERATIONS = ("put", "put_writes", "get_tuple", "list", "turn")
"""What is timed; a turn is one run of the graph. Of replays: one recorded super-step."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

MOST_ROUNDS = 50
MOST_CLIENTS = 256
MOST_BACKENDS = 12

ALWAYS = ("memory", "sqlite")
"""Keys of the backends that need no server."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A backend that is compared."""

    key: str
    """``memory``, ``sqlite``, or the name of the secret that holds its URL."""
    backend: str
    """``memory``, ``sqlite``, ``postgres``, ``redis``, ``valkey`` or ``mongodb``."""
    shown: str = ""
    """For people: without password."""


NAMES = {
    "memory": "In memory", "sqlite": "SQLite", "postgres": "PostgreSQL", "redis": "Redis",
    "valkey": "Valkey", "mongodb": "MongoDB",
}  # fmt: skip
"""Backend → what it is called."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    workload: str = "chat"
    size: Size = WORKLOADS["chat"].size
    targets: list[Target] = []
    durability: list[str] = msgspec.field(default_factory=lambda: ["async"])
    """LangGraph's default first."""
    modes: list[str] = msgspec.field(default_factory=lambda: ["sync"])
    concurrency: list[int] = msgspec.field(default_factory=lambda: [1, 8])
    """Clients at once, each with a thread of its own, count."""
    pool: list[int] = msgspec.field(default_factory=lambda: [10])
    """Connections of a pool, count: PostgreSQL."""
    rounds: int = 5
    """How often each run is repeated; with fewer than 3, everything is a tie."""
    compressed: float = 0.4
    """What zlib leaves of the made-up content, 0 to 1."""
    kill: bool = True
    """Whether a process is killed in mid-run, to see what survives."""
    thread: str = ""
    """Workload ``thread``: id of the recorded thread."""
    saver: str = ""
    """Workload ``thread``: key of its storage; empty: the one that has such a thread.
    Workload ``source``: key of the attached database."""


class Spread(msgspec.Struct, kw_only=True):
    """A latency over all rounds, µs; ``values`` are at ``QUANTILES``."""

    count: int = 0
    values: list[float] = []


class Round(msgspec.Struct, kw_only=True):
    """One run."""

    turns: int = 0
    seconds: float = 0.0
    turns_per_second: float = 0.0
    operations_per_second: float = 0.0
    """Calls of the saver."""
    cpu_us_per_turn: float = 0.0
    """Of this process, all threads: not of the server."""
    p50_us: dict[str, float] = {}
    """Operation → µs."""
    p95_us: dict[str, float] = {}
    p99_us: dict[str, float] = {}


class Cell(msgspec.Struct, kw_only=True):
    """One backend under one setting."""

    backend: str
    """Key of the target."""
    durability: str = "async"
    mode: str = "sync"
    concurrency: int = 1
    pool: int = 0
    """0: it has none."""
    rounds: list[Round] = []
    spread: dict[str, Spread] = {}
    """Operation → its latency over all rounds."""


class Point(msgspec.Struct, kw_only=True):
    """What is held after so many turns of each thread."""

    turns: int
    disk_bytes: int | None = None
    """By the server's own account; None: it tells none."""
    memory_bytes: int | None = None
    parts: dict[str, int] = {}
    """What these are made of, and what else the server tells; bytes, or counts by name."""


class Footprint(msgspec.Struct, kw_only=True):
    """What a backend holds as threads grow."""

    backend: str
    durability: str = "async"
    threads: int = 1
    how: str = ""
    """Where the numbers come from."""
    points: list[Point] = []


class Survival(msgspec.Struct, kw_only=True):
    """What was there after the client was killed in mid-run."""

    backend: str
    durability: str = "async"
    turns_acknowledged: int = 0
    turns_found: int = 0
    steps_acknowledged: int = 0
    """Steps of the turn that was broken off which had ended."""
    steps_found: int = 0
    """Of these, the ones that did not run again."""
    resumed: bool = False
    """Whether the thread could be taken up again, and went on."""


class Outcome(msgspec.Struct, kw_only=True):
    """A backend: what it is, and how it came through."""

    key: str
    backend: str
    shown: str = ""
    """For people: without password."""
    label: str = ""
    """What it is called: its product, with ``shown`` where several are of one."""
    server: str = ""
    """Product and version."""
    saver: str = ""
    """Classes, with the version of their package."""
    keeps: bool | None = None
    """Whether a restart of the server (or of the machine) keeps what was written; None: unknown."""
    kept_how: str = ""
    """Why, in words."""
    reach: str = "processes"
    """Who may share it: ``process`` (one), ``processes`` (several on one machine), ``machines``."""
    problem: str = ""
    """Why it failed, with the fix and without secrets; what was found before stays."""


class Comparison(msgspec.Struct, kw_only=True):
    """What was found."""

    version: int = 1
    workload: str = "chat"
    size: Size = WORKLOADS["chat"].size
    estimate_bytes: int = 0
    """What the largest run was reckoned to hold."""
    rounds: int = 0
    """Rounds that were asked for."""
    backends: list[Outcome] = []
    cells: list[Cell] = []
    footprints: list[Footprint] = []
    survivals: list[Survival] = []
    notes: list[str] = []
    """What was assumed, and what is not measured."""

    def outcome(self, key: str) -> Outcome:
        """A backend by its key."""
        return next(one for one in self.backends if one.key == key)


def outcomes(targets: list[Target]) -> list[Outcome]:
    """What is found of each target, before anything is."""
    kinds = [one.backend for one in targets]
    made = []
    for one in targets:
        named = NAMES.get(one.backend, one.backend)
        label = named if kinds.count(one.backend) == 1 else f"{named} {one.shown}"
        made.append(
            Outcome(
                key=one.key, backend=one.backend, shown=one.shown or one.backend, label=label
            )
        )  # fmt: skip
    return made


decode = msgspec.json.Decoder(Comparison).decode


def convert(asked: dict[str, object]) -> Asked:
    """Settings of a job → struct.

    Raises:
        ValueError: they make no sense; the message says which, its value, and the fix.
    """
    try:
        found = msgspec.convert(asked, Asked)
    except msgspec.ValidationError as error:
        raise ValueError(f"The comparison cannot be understood: {error}.") from None
    check(found)
    return found


def check(asked: Asked) -> None:
    """Refuse what makes no sense.

    Raises:
        ValueError: see ``convert``.
    """
    if asked.workload not in WORKLOADS:
        raise ValueError(
            f"There is no workload {asked.workload!r}. Choose one of: {', '.join(WORKLOADS)}."
        )
    if not asked.targets:
        raise ValueError("No backend is named. Choose memory, sqlite, or give URLs.")
    if len(asked.targets) > MOST_BACKENDS:
        raise ValueError(f"{len(asked.targets)} backends are too many: at most {MOST_BACKENDS}.")
    _one_of("durability", asked.durability, DURABILITIES)
    _one_of("mode", asked.modes, MODES)
    size = asked.size
    for name, values, least, most in (
        ("concurrency", asked.concurrency, 1, MOST_CLIENTS),
        ("pool size", asked.pool, 1, MOST_CLIENTS),
        ("number of rounds", [asked.rounds], 1, MOST_ROUNDS),
        ("number of turns", [size.turns], 1, 1_000_000),
        ("number of threads", [size.threads], 1, 1_000_000),
        ("number of bytes", [size.value_bytes], 1, 1_000_000_000),
        ("width", [size.width], 1, 10_000),
    ):
        if not values:
            raise ValueError(f"No {name} is given.")
        for value in values:
            if not least <= value <= most:
                raise ValueError(f"The {name} {value:,} cannot be: from {least} to {most:,}.")
    if not 0 <= asked.compressed <= 1:
        raise ValueError(f"A compressed share of {asked.compressed} cannot be: from 0 to 1.")
    if asked.workload == "thread" and not asked.thread:
        raise ValueError("No thread is named: give the id of one that was measured.")
    if asked.workload == "source" and not asked.saver:
        raise ValueError("No attached database is named: give its key, see the Connect page.")


def _one_of(name: str, values: list[str], known: tuple[str, ...]) -> None:
    if not values:
        raise ValueError(f"No {name} is given. Choose of: {', '.join(known)}.")
    for value in values:
        if value not in known:
            raise ValueError(f"There is no {name} {value!r}. Choose of: {', '.join(known)}.")
