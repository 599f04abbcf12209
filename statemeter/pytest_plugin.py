"""The pytest plugin of the probe: checkpoint budgets, a baseline, a summary. docs/budgets.md

A test without marker, fixture or option is not touched. What a test stored travels on its report,
so that with pytest-xdist the controller writes baseline and summary.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from statemeter import baselines, budgets, settings
from statemeter.errors import UnusableBudget
from statemeter.in_process import InProcess
from statemeter.measured import Measured

MARKER = "checkpoint_budget"
FIXTURE = "state_budget"
_GITHUB = "GITHUB_STEP_SUMMARY"
_ON_REPORT = "statemeter_line"
_NOTHING = (
    "Checkpoint budget: no graph of this process stored a checkpoint in the test. Compile one with "
    "a checkpointer, or take the budget away."
)


class StateBudget:
    """The fixture ``state_budget``: ``state_budget(max_step="64KB")`` limits the test it is in, and
    ``state_budget.measured()`` is what it stored so far."""

    def __init__(self, checker: Checker, given: dict[str, Any]) -> None:
        self._checker = checker
        self._given = given
        self.budget = budgets.read(given)

    def __call__(self, **limits: Any) -> None:
        """Limit this test; ``None`` takes a limit away.

        Raises:
            UnusableBudget: no such limit, or a value that it cannot have.
        """
        self.budget = budgets.read(self._given | limits)
        self._given |= limits

    def measured(self) -> Measured:
        """What the graphs of this test stored so far."""
        return self._checker.source.measured()


_BUDGET = pytest.StashKey[StateBudget]()
_LINE = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the plugin."""
    group = parser.getgroup("statemeter", "checkpoint budgets (statemeter)")
    add = group.addoption
    add("--checkpoint-baseline", metavar="FILE", help="compare the bytes of each test with FILE")
    add(
        "--checkpoint-baseline-update",
        action="store_true",
        help="record the bytes of the tests that pass in the file of --checkpoint-baseline",
    )
    add(
        "--checkpoint-tolerance",
        metavar="PERCENT",
        default="10",
        help="growth beyond the baseline that fails a test (default: 10)",
    )
    add("--checkpoint-summary", metavar="FILE", help="write a Markdown table of all tests to FILE")
    add("--checkpoint-github-summary", action="store_true",
        help=f"append that table to the file named by ${_GITHUB}")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Begin a session."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}({', '.join(budgets.LIMITS)}): limits of the checkpoint bytes of a test",
    )
    try:
        config.pluginmanager.register(Checker(config), "statemeter_checker")
    except UnusableBudget as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture(name=FIXTURE)
def state_budget(request: pytest.FixtureRequest) -> StateBudget:
    """Limits the checkpoint bytes of this test, and tells them."""
    return request.node.stash[_BUDGET]  # type: ignore[no-any-return]


class Checker:
    """Measures the tests of a session, judges them, and writes what was asked for."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.getoption
        self.source = InProcess()
        self.lines: dict[str, dict[str, Any]] = {}
        self.writes = not hasattr(config, "workerinput")
        self.update = bool(option("checkpoint_baseline_update"))
        self.path = _path(config, option("checkpoint_baseline"))
        self.summaries = [path for path in [_path(config, option("checkpoint_summary"))] if path]
        self.tolerance_percent = _percent(option("checkpoint_tolerance"))
        if option("checkpoint_github_summary"):
            if not os.environ.get(_GITHUB):
                raise UnusableBudget(
                    f"--checkpoint-github-summary: ${_GITHUB} is not set, as it is in a step of "
                    "GitHub Actions. Leave the option out elsewhere."
                )
            self.github: Path | None = Path(os.environ[_GITHUB])
        else:
            self.github = None
        if self.update and self.path is None:
            raise UnusableBudget(
                "--checkpoint-baseline-update needs a file: --checkpoint-baseline FILE."
            )
        self.baseline: baselines.Baseline | None = None
        if self.path is not None and (self.path.exists() or not self.update):
            self.baseline = baselines.load(self.path)
        self.every = bool(self.path or self.summaries or self.github)
        self.enabled = bool(settings.usable("STATEMETER_ENABLED"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Measure from before the fixtures on, where it is wanted."""
        marks = list(item.iter_markers(MARKER))
        if marks or self.every or FIXTURE in getattr(item, "fixturenames", ()):
            wrong = ""
            item.stash[_BUDGET] = StateBudget(self, {})
            try:
                item.stash[_BUDGET] = StateBudget(self, _limits(marks))
            except UnusableBudget as error:
                wrong = f"{item.nodeid}: {error}"
            if self.enabled:
                self.source.begin()
            result = yield
            if wrong:  # not before: what pytest itself set up, it takes down
                pytest.fail(wrong, pytrace=False)
            return result
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Judge what a test stored that passed by itself."""
        passed = False
        try:
            result = yield
            passed = True
        finally:
            said = self._judge(item, passed) if _BUDGET in item.stash else []
        if said:
            pytest.fail("\n".join(said), pytrace=False)
        return result

    def _judge(self, item: pytest.Item, passed: bool) -> list[str]:
        budget = item.stash[_BUDGET].budget
        measured = self.source.measured() if self.enabled else Measured()
        unknown = [] if budget.is_empty() else budgets.unknown(budget, measured)
        said: list[str] = []
        if not self.enabled:
            if not budget.is_empty():
                unknown = ["the budget was not checked, as STATEMETER_ENABLED=0 is set."]
        elif not measured.steps:
            if passed and not budget.is_empty():
                said = [_NOTHING]
        else:
            said = [f"Checkpoint budget: {s}" for s in budgets.exceeded(budget, measured)]
        row = baselines.row_of(measured)
        before = self.baseline.tests.get(item.nodeid) if self.baseline else None
        compared: list[str] = []
        if before and not self.update and measured.steps:
            compared = baselines.regressions(row, before, self.tolerance_percent)
        ratios = [thread.amplification for thread in measured.threads.values() if thread.steps]
        known = [ratio for ratio in ratios if ratio is not None]
        item.stash[_LINE] = {
            "test": item.nodeid,
            "row": msgspec.to_builtins(row),
            "amplification": max(known) if known and len(known) == len(ratios) else None,
            "budget": _word(budget.is_empty(), "none", said, unknown) if passed else "test failed",
            "baseline": self._against(before is not None, compared),
            "unknown": unknown,
            "passed": passed and not said,
        }
        said += [f"Checkpoint baseline: {s}" for s in compared]
        return said if passed else []

    def _against(self, has_entry: bool, compared: list[str]) -> str:
        if self.path is None:
            return "not compared"
        if self.update:
            return "recorded"
        return _word(not has_entry, "new: no entry", compared, [])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
        """Send what was measured with the report, to the controller of pytest-xdist too."""
        report = yield
        if report.when == "call" and _LINE in item.stash:
            setattr(report, _ON_REPORT, item.stash[_LINE])
        return report

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Leave the next test alone."""
        self.source.rest()
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect, here and on the controller of pytest-xdist."""
        line = getattr(report, _ON_REPORT, None)
        if line is not None:
            self.lines[line["test"]] = line

    def pytest_sessionfinish(self) -> None:
        """Write the baseline and the summaries."""
        if not self.writes:
            return
        lines = [
            self.lines[test] for test in sorted(self.lines) if self.lines[test]["row"]["steps"]
        ]
        if self.update and self.path is not None:
            baseline = self.baseline or baselines.Baseline({})
            for line in lines:
                if line["passed"]:
                    baseline.tests[line["test"]] = msgspec.convert(line["row"], baselines.Row)
            baselines.save(self.path, baseline)
        for path in self.summaries:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(baselines.markdown(lines), "utf-8")
        if self.github is not None:
            with self.github.open("a", encoding="utf-8") as summary:
                summary.write(baselines.markdown(lines))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell what was not checked, and which tests the baseline does not know."""
        told = [f"{test}: {said}" for test, line in sorted(self.lines.items())
                for said in line["unknown"]]  # fmt: skip
        told += [
            f"{test}: no entry in the baseline; record it with --checkpoint-baseline-update."
            for test, line in sorted(self.lines.items())
            if line["baseline"].startswith("new") and line["row"]["steps"]
        ]
        if told:
            terminalreporter.section("checkpoint budgets")
            for line in told:
                terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        """Give the probe its spool back."""
        self.source.end()


def _limits(marks: list[pytest.Mark]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for mark in reversed(marks):  # the closest one has the last word
        if mark.args:
            raise UnusableBudget(
                f"checkpoint_budget{mark.args!r}: limits have names, such as "
                'checkpoint_budget(max_step="64KB").'
            )
        given |= mark.kwargs
    return given


def _word(without: bool, nothing: str, over: list[str], unknown: list[str]) -> str:
    if without:
        return nothing
    return "exceeded" if over else "unknown" if unknown else "within"


def _path(config: pytest.Config, given: str | None) -> Path | None:
    return config.invocation_params.dir / given if given else None


def _percent(given: str) -> float:
    try:
        percent = float(given)
    except ValueError:
        percent = -1
    if not 0 <= percent < float("inf"):
        raise UnusableBudget(
            f"--checkpoint-tolerance {given!r} is no percentage. "
            "Give a number from 0 on, such as 10."
        )
    return percent
