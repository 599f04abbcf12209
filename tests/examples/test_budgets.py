"""The example of budgets, copied elsewhere as its users do, and run by the documented command."""

from __future__ import annotations

import shlex
import shutil

import langgraph.checkpoint.sqlite
import langgraph.graph  # noqa: F401 (an inner session forgets what it imports first)
import pytest

import statemeter.pytest_plugin  # noqa: F401
from tests.conftest import REPOSITORY
from tests.statemeter.conftest import no_faults, spool

__all__ = ["no_faults", "spool"]

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("spool")

COMMAND = "pytest -p statemeter.pytest_plugin examples/budgets"


def test_the_example_passes_until_the_bot_keeps_everything(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is it is within its budgets; a bot that forgets nothing fails for its messages."""
    assert f"\n{COMMAND}\n" in (REPOSITORY / "docs/budgets.md").read_text("utf-8")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.syspathinsert(REPOSITORY)
    folder = pytester.path / "examples/budgets"
    shutil.copytree(REPOSITORY / "examples/budgets", folder)
    command = shlex.split(COMMAND)[1:]
    pytester.runpytest_inprocess(*command).assert_outcomes(passed=2)

    bot = folder / "support_bot.py"
    text = bot.read_text("utf-8")
    bot.write_text(text.replace("KEPT_MESSAGES = 6", "KEPT_MESSAGES = 10_000"), "utf-8")
    result = pytester.runpytest_inprocess(*command)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([
        "Checkpoint budget: thread 'talk', step *: the checkpoint took *, max_step is 8,000. "
        "Largest channel of step *: messages, *",
        "Checkpoint budget: thread 'talk' *: stored bytes grew quadratic over 80 steps *",
    ])  # fmt: skip
