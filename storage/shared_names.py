"""Names in a report: as they are, or short ones instead of those that may tell of people.

What is replaced: ids of threads, storages (labels hold hosts and files), the addresses of compared
databases. A short name is the row of the store: the same in each report of one store, and no way
leads back to the id. What programs are made of keeps its name: applications, graphs, nodes,
channels, types.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from storage.comparisons import NAMES, Comparison, Outcome
from storage.workloads import WORKLOADS

FAILED = "It failed; the reason is left out here, as it may name a host or a file."


@dataclass(frozen=True)
class Names:
    """How things are called in one report."""

    anonymous: bool = False

    def thread(self, row: int, thread_id: str) -> str:
        """A thread by its row and id."""
        return f"thread {row}" if self.anonymous else thread_id

    def storage(self, row: int, label: str) -> str:
        """A storage by its row and label."""
        return f"storage {row}" if self.anonymous else label

    def problem(self, text: str) -> str:
        """Why something failed."""
        return FAILED if self.anonymous and text else text

    def comparison(self, name: str, found: Comparison) -> tuple[str, Comparison]:
        """A comparison and its name."""
        if not self.anonymous:
            return name, found
        workload = WORKLOADS.get(found.workload)
        kinds = [one.backend for one in found.backends]
        return workload.title if workload else found.workload, msgspec.structs.replace(
            found,
            backends=[
                _unnamed(one, kinds[: place + 1], kinds) for place, one in enumerate(found.backends)
            ],
            # Of a recorded thread or an attached database, they name it.
            notes=found.notes if workload and workload.built_in else [],
        )


def _unnamed(one: Outcome, until: list[str], kinds: list[str]) -> Outcome:
    label = NAMES.get(one.backend, one.backend)
    if kinds.count(one.backend) > 1:
        label = f"{label} {until.count(one.backend)}"
    return msgspec.structs.replace(
        one, label=label, shown="", problem=FAILED if one.problem else ""
    )  # fmt: skip
