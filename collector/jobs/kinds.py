"""The kinds of jobs, and what one is to the process that runs it.

A module of a kind has ``run(work)``, which does the job and tells ``work`` how far it is, and
``clean(request, made)``, which removes what a job created and left behind when it was killed;
cleaning what is not there changes nothing.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Protocol

from storage.jobs import Request

KINDS: dict[str, str] = {
    "compare": "collector.compare.job",
    "serializers": "collector.whatif.serializers",
    "designs": "collector.designs.job",
}
"""Kind → module; it is imported by the child alone."""


class Work(Protocol):
    """A job, as its kind sees it."""

    partial: bool
    """Set by a kind that ends well without all that was asked for: one server of several failed."""

    @property
    def request(self) -> Request:
        """What is asked for, with secrets."""

    def tell(self, phase: str, share: float | None = None, result: object = None) -> None:
        """Say how far it is: often, as it also sees to limits; told on at most twice a second.

        Args:
            phase: what it does now, in words.
            share: how much is done, 0 to 1.
            result: what was found so far, as JSON can hold it; None: as told before.

        Raises:
            Cancelled: it is asked to end; a kind cleans up and lets it pass.
            TooLarge: it needs more memory than there is.
        """

    def made(self, name: str) -> None:
        """Note that it is about to create a thing that ``clean`` would have to remove.

        Args:
            name: what ``clean`` goes by, such as ``redis:<prefix>``; no secret.
        """


def module(kind: str) -> ModuleType | None:
    """The module of a kind; None: this version knows none."""
    name = KINDS.get(kind)
    return None if name is None else import_module(name)
