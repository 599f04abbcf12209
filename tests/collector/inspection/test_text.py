"""An inspection as a table."""

from __future__ import annotations

import pytest

from collector.inspection import text
from storage.inspections import Check, Inspection


@pytest.mark.parametrize(
    ("check", "shown"),
    [
        (Check(id="a", what="a"), "-"),
        (Check(id="a", what="a", value="wal"), "wal"),
        (Check(id="a", what="a", value=0, unit="bytes"), "0 B"),
        (Check(id="a", what="a", value=999, unit="bytes"), "999 B"),
        (Check(id="a", what="a", value=1_234_567, unit="bytes", estimate=True), "~1.23 MB"),
        (Check(id="a", what="a", value=12_345, unit="rows"), "12,345 rows"),
        (Check(id="a", what="a", value=12.34, unit="%", error=1.96), "12.3 % ± 2.0 %"),
        (Check(id="a", what="a", value=1.5), "1.5"),
    ],
)
def test_a_value_has_its_unit(check: Check, shown: str) -> None:
    assert text.value(check) == shown


def test_the_worst_come_last() -> None:
    """Where a terminal ends; names of somebody else's database cannot steer it."""
    found = Inspection(
        id="0" * 32, backend="sqlite", storage="0" * 12, label="x", at_us=0, duration_us=0,
        checks=[
            Check(id="a", what="Critical", status="critical", why="w", mend="one\ntwo",
                  language="sql"),
            Check(id="b", what="Fine", subject="\x1b[31m"),
            Check(id="c", what="Warned", status="warning"),
        ],
    )  # fmt: skip
    lines = text.table(found).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["ok", "warning", "critical"]
    assert lines[4:7] == [" " * 10 + "w", " " * 10 + "sql> one", " " * 10 + "sql> two"]
    assert lines[-1].startswith("2 wrong in 3 checks")
    assert "\x1b" not in "".join(lines)


def test_the_status_is_that_of_the_worst() -> None:
    found = Inspection(
        id="0" * 32, backend="sqlite", storage="0" * 12, label="x", at_us=0, duration_us=0,
    )  # fmt: skip
    assert found.status == "unknown"
    assert found.wrong == []
