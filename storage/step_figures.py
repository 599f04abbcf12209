"""Figures of a thread's steps that pages and reports show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from storage.queries_steps import Steps

ROOT = "(root)"
"""What the root namespace is called, whose name is empty."""


@dataclass(frozen=True)
class Written:
    """How long checkpoints took to write; None: no probe saw them."""

    p95_us: float | None
    serde_share: float | None
    """Of that time, the part in the serializer, 0 to 1."""


def written(table: pd.DataFrame) -> Written:
    """Of rows as of ``Steps.table``; what was found in a database took no known time."""
    took = table["duration_us"].to_numpy(np.float64)
    serde = table["serde_us"].to_numpy(np.float64)
    seen = ~np.isnan(took)
    took, serde = took[seen], serde[seen]
    return Written(
        float(np.quantile(took, 0.95, method="inverted_cdf")) if len(took) else None,
        float(serde.sum() / took.sum()) if took.sum() else None,
    )


def sent_before(steps: Steps, written_bytes: int) -> int:
    """Bytes that a thread sent before the first step that was read, of ``written_bytes`` in all."""
    if steps.complete:
        return 0
    known = steps.table["written_bytes"].sum() + steps.table["pending_bytes"].sum()
    return max(0, int(written_bytes - known))
