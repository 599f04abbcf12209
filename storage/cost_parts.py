"""The parts of what one service charges, each with its formula and the figures in it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from storage import overheads
from storage.cost_terms import (
    CURRENCY,
    GB,
    GIB,
    HOURS,
    SECONDS,
    MonthlyCost,
    Part,
    Terms,
    Usage,
)
from storage.prices import Price

READS = ("get_tuple", "list", "get_delta_channel_history")
OWN_PROCESS = ("sqlite", "memory")
"""Backends that run inside the application: their machine is the application's own."""


def of_service(
    usage: Usage, rows: Sequence[Price], archive: Sequence[Price], terms: Terms
) -> MonthlyCost:
    """What a service charges; ``rows`` are its prices, ``archive`` those of a place for copies."""
    by_part: dict[str, list[Price]] = {}
    for row in rows:
        by_part.setdefault(row.part, []).append(row)
    floor = [row for row in by_part.get("instance", []) if "minimum" in row.item.casefold()]
    machines = [row for row in by_part.get("instance", []) if row not in floor]
    plan = any(row.says("up_to_gb") for row in machines)
    parts = [
        _storage(usage, by_part, plan, terms),
        _operations(usage, by_part.get("operations", []), bool(machines)),
        _memory(usage, by_part.get("memory", []), terms),
        _backups(usage, by_part.get("backups", []), archive, terms),
        _instance(usage, machines, by_part, terms),
    ]
    least = max((row.price or 0.0 for row in floor if row.currency == CURRENCY), default=0.0)
    return MonthlyCost(usage.backend, rows[0].service, rows[0].region, tuple(parts), least)


def _storage(usage: Usage, by_part: dict[str, list[Price]], plan: bool, terms: Terms) -> Part:
    rows = by_part.get("storage", [])
    if not rows and plan:
        return Part("storage", 0.0, "comes with the instance")
    if not rows and by_part.get("memory"):
        return Part("storage", 0.0, "kept in memory")
    if not rows:
        return Part("storage", None, "its price is not in the book")
    row = rows[0]
    return _of_bytes("storage", usage, row, terms, 1.0, "")


def _memory(usage: Usage, rows: Sequence[Price], terms: Terms) -> Part:
    if not rows:
        return Part("memory", 0.0, "not charged for by itself")
    return _of_bytes("memory", usage, rows[0], terms, HOURS, f" × {HOURS} h")


def _of_bytes(  # noqa: PLR0917 (what a price of bytes is made of)
    name: str, usage: Usage, row: Price, terms: Terms, hours: float, told: str
) -> Part:
    held = usage.held_bytes
    if held is None or usage.stored_bytes is None:
        return Part(name, None, "how many bytes it would hold is unknown")
    price, why = _usd(row)
    if price is None:
        return Part(name, None, why)
    amount = max(held / GB - (row.says("free_gb") or 0.0), row.says("least_gb") or 0.0, 0.0)
    how = f"{usage.stored_bytes / GB:,.3f} GB × {usage.ratio:.2f} overhead"
    if row.says("free_gb"):
        how += f" - {row.says('free_gb'):g} GB free"
    if row.says("least_gb"):
        how += f", at least {row.says('least_gb'):g} GB"
    how += f" × ${price:g} per {row.unit}{told}{_copies(terms)}"
    return Part(name, amount * price * hours * terms.replicas, how, (row.key,))


def _operations(usage: Usage, rows: Sequence[Price], machine: bool) -> Part:
    name = "operations"
    if not rows:
        if usage.backend in OWN_PROCESS:
            return Part(name, 0.0, "done by the application's own process")
        if machine:
            return Part(name, 0.0, "done by the instance")
        return Part(name, None, "its price is not in the book")
    if usage.calls is None:
        return Part(name, None, "how many calls there are is unknown")
    total, told, keys = 0.0, [], []
    for row in rows:
        price, why = _usd(row)
        if price is None:
            return Part(name, None, why)
        amount, how = _amount(usage, row.unit)
        total += amount * price
        told.append(f"{how} × ${price:g}")
        keys.append(row.key)
    return Part(name, total, " + ".join(told), tuple(keys))


def _amount(usage: Usage, unit: str) -> tuple[float, str]:
    """How many units of operations, and how that is worked out."""
    calls = usage.calls or {}
    number = sum(calls.values())
    payload = sum(usage.payload_bytes.values())
    if unit in {"million ECPU", "100k commands"}:
        known = overheads.COMMANDS.get(usage.backend, {})
        commands = sum(
            count * known.get(call, overheads.OTHER_COMMANDS) for call, count in calls.items()
        )
        if unit == "100k commands":
            return commands / 1e5, f"{commands / 1e5:,.2f} × 100k commands"
        # One for a command, and one for each KB that it moves.
        amount = (commands + payload / 1000) / 1e6
        return amount, f"({commands / 1e6:,.2f} + {payload / 1e9:,.2f} million KB) million ECPU"
    if unit == "million requests":
        reads = sum(usage.payload_bytes.get(call, 0.0) for call in READS)
        requests = sum(calls.get(c, 0.0) for c in calls) * 0.5 + (
            (payload - reads) / overheads.WRITE_PAGE + reads / overheads.READ_PAGE
        )  # half a page more a call, as the last one is not full
        return requests / 1e6, f"{requests / 1e6:,.2f} million requests of 4 KB written, 8 KB read"
    if unit == "IOPS-month":
        most = max(number / SECONDS - overheads.IOPS_INCLUDED, 0.0)
        return most, (
            f"{most:,.0f} IOPS over {overheads.IOPS_INCLUDED:,} ({number / SECONDS:,.2f} used)"
        )
    return number / 1e3, f"{number / 1e3:,.2f} × 1k requests"


def _backups(usage: Usage, rows: Sequence[Price], archive: Sequence[Price], terms: Terms) -> Part:
    name, copies = "backups", terms.backup_copies
    if not copies:
        return Part(name, 0.0, "none are kept")
    held = usage.held_bytes
    if held is None:
        return Part(name, None, "how many bytes it would hold is unknown")
    if usage.backend == "memory":
        return Part(name, 0.0, "a process's memory is not backed up")
    elsewhere = ""
    if not rows:
        rows = [row for row in archive if row.part == "storage"][:1]
        elsewhere = f" in {rows[0].service}" if rows else ""
    if not rows:
        return Part(name, None, "its price is not in the book")
    price, why = _usd(rows[0])
    if price is None:
        return Part(name, None, why)
    free = 1.0 if rows[0].over_database else 0.0
    amount = max(copies - free, 0.0) * held / GB
    how = f"{copies:g} × {held / GB:,.3f} GB{elsewhere}"
    if free:
        how += ", the first is free"
    return Part(name, amount * price, f"{how} × ${price:g} per {rows[0].unit}", (rows[0].key,))


def _instance(
    usage: Usage, machines: Sequence[Price], by_part: dict[str, list[Price]], terms: Terms
) -> Part:
    name = "instance"
    if not machines:
        if usage.backend in OWN_PROCESS:
            return Part(name, 0.0, "the application's own machine, not counted")
        if by_part.get("operations") or by_part.get("memory"):
            return Part(name, 0.0, "none: charged by use")
        return Part(name, None, "its price is not in the book")
    chosen = [row for row in machines if row.item == terms.instances.get(usage.backend)]
    fitting = chosen or [row for row in machines if not _too_small(usage, row)]
    if not fitting:
        return Part(name, None, f"none in the book fits: {_too_small(usage, machines[-1])}")
    # Whose price is not known may be the smallest: it is no reason to take a larger one.
    row = min(fitting, key=lambda one: _each(usage, one)[0] if _usd(one)[0] is not None else -1.0)
    price, why = _usd(row)
    if price is None:
        return Part(name, None, why)
    usd, how = _each(usage, row)
    small = _too_small(usage, row)
    note = f" (chosen, though {small})" if small else ""
    if not any(row.says(what) for what in ("memory_gib", "up_to_gb", "operations")):
        note += " (the book does not say what fits on it)"
    return Part(name, usd * terms.replicas, f"{how}{_copies(terms)}{note}", (row.key,))


def _each(usage: Usage, row: Price) -> tuple[float, str]:
    """USD a month of one copy of an instance, and how that is worked out."""
    price = row.price or 0.0
    if row.unit == "month":
        return price, f"{row.item}: ${price:g} a month"
    if row.unit == "ACU-hour":
        memory = row.says("memory_gib") or 2.0
        units = max(0.5, math.ceil(2 * _wanted(usage) / GIB / memory) / 2)
        return price * units * HOURS, f"{units:g} ACU × ${price:g} per hour × {HOURS} h"
    return price * HOURS, f"{row.item}: ${price:g} per hour × {HOURS} h"


def _wanted(usage: Usage) -> float:
    """Bytes that an instance should have in memory: the newest checkpoints."""
    return (usage.live_bytes or 0.0) * (usage.ratio or 1.0)


def _too_small(usage: Usage, row: Price) -> str:
    """Why an instance does not fit, empty: it does, as far as the book says."""
    memory, disk, rate = (row.says(name) for name in ("memory_gib", "up_to_gb", "operations"))
    if memory and row.unit != "ACU-hour" and _wanted(usage) > memory * GIB:
        return f"{_wanted(usage) / GIB:,.1f} GiB of newest checkpoints exceed {memory:g} GiB"
    if disk and (usage.held_bytes or 0.0) > disk * GB:
        return f"{(usage.held_bytes or 0.0) / GB:,.1f} GB exceed {disk:g} GB"
    number = sum((usage.calls or {}).values()) / SECONDS
    if rate and number > rate:
        return f"{number:,.0f} operations a second exceed {rate:g}"
    return ""


def _usd(row: Price) -> tuple[float | None, str]:
    if row.price is None:
        return None, f"the price of {row.item} ({row.service}) is not known"
    if row.currency != CURRENCY:
        return None, (
            f"the price of {row.item} is in {row.currency}, and totals are in {CURRENCY}: enter "
            f"it in {CURRENCY}"
        )
    return row.price, ""


def _copies(terms: Terms) -> str:
    return f" × {terms.replicas:g} replicas" if terms.replicas != 1 else ""
