"""The checks of a look, as they are gathered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storage.inspections import Check, Language, Status


class Findings:
    """Checks; what fails on the way is one of them, so that the rest is still seen.

    Args:
        errors: what the driver raises where a statement is refused or takes too long.
        tell: its text as it may be shown.
    """

    def __init__(
        self, errors: tuple[type[Exception], ...], tell: Callable[[Exception], str]
    ) -> None:
        self.checks: list[Check] = []
        self._errors = errors
        self._tell = tell

    def add(
        self,
        id: str,
        what: str,
        value: int | float | str | None = None,
        unit: str = "",
        *,
        subject: str = "",
        status: Status = "ok",
        why: str = "",
        mend: str = "",
        language: Language = "",
        estimate: bool = False,
        error: float | None = None,
    ) -> None:
        """Note a check; see ``storage.inspections.Check``."""
        check = Check(
            id=id, what=what, subject=subject, status=status, value=value, unit=unit,
            estimate=estimate, error=error, why=why, mend=mend, language=language,
        )  # fmt: skip
        self.checks.append(check)

    @contextmanager
    def trying(self, id: str, what: str, subject: str = "") -> Iterator[None]:
        """Where the block is refused, note that this could not be seen, and go on."""
        try:
            yield
        except self._errors as error:
            self.add(id, what, subject=subject, status="unknown", why=self._tell(error))
