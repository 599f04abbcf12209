"""The support matrix is true: its classes exist, are measured as it says, and none is missing."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any

import pytest

from scripts import support_matrix
from scripts.support_rows import ROWS
from statemeter import backends, caches, store_backends, supported

CLASSES = [(row, name) for row in ROWS for name in row.classes]


def imported(dotted: str) -> Any:
    """The class of this name."""
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_the_document_is_that_of_the_code() -> None:
    """The tables are what ``python -m scripts.support_matrix`` writes."""
    text = support_matrix.DOCUMENT.read_text("utf-8")
    assert support_matrix.with_tables(text) == text
    assert support_matrix.with_tables(text.replace("| InMemorySaver |", "| Old |")) == text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("row", "name"), CLASSES, ids=[name for _, name in CLASSES])
def test_each_class_is_measured_as_it_says(row: Any, name: str) -> None:
    """It can be imported, and the probe knows it by the backend of its row."""
    cls = imported(name)
    if row.kind == "saver":
        assert backends.of(cls).name == row.backend
    elif row.kind == "store":
        assert store_backends.of(cls).name == row.backend
    elif row.kind == "cache":
        known = {c.__module__ for c in cls.__mro__} & set(caches._BACKENDS)
        assert {caches._BACKENDS[module][0] for module in known} == (
            set() if row.backend == "other" else {row.backend}
        )


def test_no_kind_of_saver_store_or_cache_is_missing() -> None:
    """Each package that the probe knows has a row."""
    named = {kind: [n for r in ROWS if r.kind == kind for n in r.classes] for kind in
             ("saver", "store", "cache")}  # fmt: skip
    for kind, known in (
        ("saver", backends._KNOWN), ("store", store_backends._KNOWN), ("cache", caches._BACKENDS),
    ):  # fmt: skip
        for module in known:
            package = module.partition(".checkpoint.")[0] if "aws" in module else module
            package = package.partition(".cache.valkey")[0]
            assert any(name.startswith(f"{package}.") for name in named[kind]), module


def test_the_versions_are_not_newer_than_what_is_installed() -> None:
    """The tests run with the versions named, or with newer ones."""
    for row in ROWS:
        installed = metadata.version(row.package)
        tested = support_matrix.tested(row.package)
        assert supported.numbers(installed) >= supported.numbers(tested), row.package
