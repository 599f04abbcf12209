"""What the README promises is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.findings import document
from collector.findings.book import RULES
from scripts import screenshots, settings_table
from statemeter.settings import SETTINGS
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text("utf-8")
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")])


def test_the_settings_are_those_of_the_code() -> None:
    """The table is what ``python -m scripts.settings_table`` writes."""
    assert settings_table.with_table(README) == README
    for name in SETTINGS:
        assert f"| `{name}` |" in README


def test_the_rules_are_those_of_the_code() -> None:
    """The tables of docs/findings.md are what ``python -m collector.findings.document`` writes."""
    text = document.DOCUMENT.read_text("utf-8")
    assert document.with_table(text) == text
    for rule in RULES:
        assert f"| `{rule.id}` |" in text


def test_the_table_changes_with_a_setting() -> None:
    """A README whose table is out of date is seen."""
    assert settings_table.with_table(README.replace("STATEMETER_SPOOL_MB", "OLD")) == README


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Every link to a file of the repository has a file at its end."""
    text = path.read_text("utf-8")
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"", text)
    for target in ("".join(pair) for pair in targets):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_pictures_are_those_that_are_taken() -> None:
    """``make screenshots`` takes all that README and docs show, in both themes, and no other."""
    taken = {f"{name}-{theme}.png" for name in screenshots.PAGES for theme in ("light", "dark")}
    text = "".join(path.read_text("utf-8") for path in DOCUMENTS)
    assert set(re.findall(r"images/([\w-]+\.png)", text)) == taken
    assert {path.name for path in (REPOSITORY / "docs" / "images").iterdir()} == taken


def test_the_map_names_files_that_exist() -> None:
    """Each file and folder in the map of the code exists, beside the one named first."""
    rows = README.partition("### Map of the code")[2].partition("\n## ")[0].splitlines()
    named = 0
    for row in rows:
        cells = row.split("|")
        if len(cells) < 5:
            continue
        first, more = (re.findall(r"`([^`\s]+(?:\.py|/|Makefile))`", cell) for cell in cells[2:4])
        for path in first:
            assert list(REPOSITORY.glob(path.rstrip("/"))), path
            named += 1
        folder = (REPOSITORY / first[0]).parent if first else REPOSITORY
        folders = {folder, REPOSITORY, *(REPOSITORY / path for path in first if path.endswith("/"))}
        for path in more:
            assert any((place / path).exists() for place in folders), path
            named += 1
    assert named > 20


def test_make_lists_the_commands_that_the_readme_names() -> None:
    """Each ``make x`` in the documents is a target of the Makefile with a script of its own."""
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for path in DOCUMENTS:
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text("utf-8"), re.MULTILINE))
        assert named <= targets, path
    for script in re.findall(r"scripts/[a-z]+\.sh", makefile):
        assert (REPOSITORY / script).exists(), script
