"""``python -m collector alert-test``: what is sent, what is refused, and that no URL is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.__main__ import main
from tests.collector.alerts.receiver import SECRET, Receiver


@pytest.fixture
def targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of targets, to be written."""
    path = tmp_path / "targets"
    monkeypatch.setenv("STATEMETER_ALERTS", str(path))
    return path


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text, "utf-8")
    path.chmod(mode)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    code = main(["alert-test", *arguments])
    told = capsys.readouterr()
    assert SECRET not in told.out + told.err
    return code, told.out, told.err


def test_it_is_sent(named: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    """To the target alone, which is listed with its kind."""
    assert said(capsys) == (0, "ops: json\n", "")
    assert said(capsys, "ops") == (0, "ops: sent\n", "")
    assert [one["title"] for one in receiver.got] == ["Statemeter: test"]
    code, out, err = said(capsys, "nobody")
    assert (code, out) == (2, "")
    assert "there is no target 'nobody'. There are: ops." in err


def test_no_file(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What to write, and which variable to set."""
    monkeypatch.delenv("STATEMETER_ALERTS", raising=False)
    for arguments in ((), ("ops",)):
        code, out, err = said(capsys, *arguments)
        assert (code, out) == (2, "")
        assert "STATEMETER_ALERTS names no file with a target. Write one" in err


def test_a_file_that_is_not_there_or_open_to_others(
    targets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its path, and what to do."""
    code, _, err = said(capsys, "ops")
    assert code == 2
    assert f"there is no file {targets}. Write it" in err
    write(targets, f"ops = json://user:{SECRET}@127.0.0.1:9/x\n", 0o644)
    code, _, err = said(capsys)
    assert code == 2
    assert "chmod 600" in err


def test_lines_that_are_none_and_urls_that_apprise_does_not_know(
    targets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told by number and by name, never by what is in them; the others can be used."""
    write(targets, f"{SECRET}\nbad = nosuch://{SECRET}@x\nops = json://127.0.0.1:9/x\n")
    code, out, err = said(capsys)
    assert code == 2
    assert "line 1 is not name = scheme://" in err
    bad = "bad: Apprise cannot use this nosuch:// URL: compare it with https://appriseit.com/"
    assert bad in out
    assert "ops: json" in out
    code, out, err = said(capsys, "bad")
    assert (code, out) == (2, "")
    assert bad in err
    code, out, _ = said(capsys, "ops")
    assert (code, out) == (1, "ops: The target could not be reached, or did not take it.\n")
