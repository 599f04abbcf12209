"""A probe of its own for each test, and the spool that it writes, read back."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from statemeter import faults, probe
from tests.statemeter.spooled import Spooled


@pytest.fixture
def no_faults() -> bool:
    """Whether a fault of the probe fails the test; a module that makes faults overrides it."""
    return True


@contextlib.contextmanager
def own_probe(monkeypatch: pytest.MonkeyPatch) -> Iterator[probe.Probe]:
    """A probe in place of the process's own, with the settings of now; nothing of it is left."""
    # Forks are tested in child processes; here the probes of all tests would follow each one.
    with monkeypatch.context() as patched:
        patched.setattr("os.register_at_fork", lambda **hooks: None)
        target = probe.Probe()
    monkeypatch.setattr(probe, "_probe", target)
    yield target
    atexit.unregister(target._at_exit)
    for finalizer in list(multiprocessing.util._finalizer_registry.values()):
        if finalizer._callback == target._at_exit:
            finalizer.cancel()  # it would run at the end of all tests, and keeps the probe
    target._wake.set()
    if target._thread is not None:
        target._thread.join()
    target.writer.close()


@pytest.fixture
def spool(isolated: Path, no_faults: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spooled]:
    """The spool of a new probe; a fault of the probe fails the test."""
    faults.reset()
    with own_probe(monkeypatch) as target:
        yield Spooled(target.writer.folder)
    if no_faults:
        assert faults._counts == {}
