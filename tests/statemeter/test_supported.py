"""The versions that are told as tested are those that the tests ask for."""

from __future__ import annotations

import re
from importlib import metadata

import pytest

from statemeter import supported
from tests.conftest import REPOSITORY


@pytest.mark.parametrize("package", supported.PACKAGES, ids=lambda package: package.name)
def test_a_tested_version_is_one_that_the_tests_have(package: supported.Package) -> None:
    """The requirements ask for it or a newer one, and it is installed here."""
    texts = [(REPOSITORY / f"requirements{kind}.txt").read_text("utf-8") for kind in ("", "-dev")]
    pattern = rf"^{re.escape(package.name)}(?:\[[a-z]+\])?>=(\S+)"
    (asked,) = re.findall(pattern, "\n".join(texts), re.MULTILINE)
    assert asked == package.tested
    assert supported.numbers(metadata.version(package.name)) >= supported.numbers(asked)


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("1.2.22", (1, 2, 22)),
        ("1.2.22rc1", (1, 2, 22)),
        ("3.0", (3, 0)),
        ("2.1.post3", (2, 1)),
        ("1.10+local", (1, 10)),
        ("dev", ()),
    ],
)
def test_versions_compare_as_numbers(version: str, numbers: tuple[int, ...]) -> None:
    """1.10 is newer than 1.9; what follows the numbers does not count."""
    assert supported.numbers(version) == numbers
