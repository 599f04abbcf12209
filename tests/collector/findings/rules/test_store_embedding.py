"""store-embedding: unchanged items that are put again are found, changed ones are not."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.memory import InMemoryStore

import statemeter
from tests.collector.findings.conftest import Found

RULE = "store-embedding"
ITEMS, ROUNDS = 20, 4
SPACE = ("users", "ada")


class Counting(Embeddings):
    def __init__(self) -> None:
        self.texts = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.texts += len(texts)
        return [[float(len(text)), 1.0] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def store_of(embeddings: Any) -> Any:
    return statemeter.instrument(InMemoryStore(index={"dims": 2, "embed": embeddings}))


def put_changed(store: Any, key: str, value: Any) -> None:
    item = store.get(SPACE, key)
    if item is None or item.value != value:
        store.put(SPACE, key, value)


def test_unchanged_items_are_found_and_mended(found: Found) -> None:
    """Texts are counted by the embeddings themselves, too; the fix saves those again."""
    embeddings, mended = Counting(), Counting()
    store, better = store_of(embeddings), store_of(mended)
    for _ in range(ROUNDS):
        for n in range(ITEMS):
            store.put(SPACE, str(n), {"text": f"note {n}"})
            put_changed(better, str(n), {"text": f"note {n}"})
    (finding,) = found(RULE)
    told = {one.name: one.value for one in finding.measured}
    again = told["texts embedded again in a day"]
    assert told["embedded before"] == pytest.approx(1 - ITEMS / embeddings.texts)
    assert embeddings.texts == ITEMS * ROUNDS
    assert again == embeddings.texts - mended.texts


def test_changed_items_are_healthy(found: Found) -> None:
    """As many puts of the same keys, each with another text."""
    store = store_of(Counting())
    for again in range(ROUNDS):
        for n in range(ITEMS):
            store.put(SPACE, str(n), {"text": f"note {n} {again}"})
    assert found(RULE) == []
