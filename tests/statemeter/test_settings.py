"""Settings: each with a default that parses, and a message for what does not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import statemeter
from statemeter import SettingError, probe, settings


@pytest.mark.parametrize("name", settings.SETTINGS)
def test_each_setting_has_a_default_unit_and_help(name: str) -> None:
    """Unset, a setting has the value of its default; the table is complete."""
    setting = settings.SETTINGS[name]
    assert setting.name == name
    assert name.startswith("STATEMETER_")
    assert setting.unit
    assert setting.help


BAD = {
    "STATEMETER_ENABLED": ["maybe", "2"],
    "STATEMETER_FLUSH_SECONDS": ["0", "-1", "soon", "inf", "nan", "1e300"],
    "STATEMETER_QUEUE_EVENTS": ["0", "0.5", "-3", "many", "1e300", "99999999999999999999"],
    "STATEMETER_QUEUE_MB": ["0", "inf", "1e300", "64MB"],
    "STATEMETER_SEGMENT_MB": ["0", "0.000001", "nan"],
    "STATEMETER_SPOOL_MB": ["0", "-1", "1e300"],
    "STATEMETER_RETENTION_DAYS": ["0", "forever"],
    "STATEMETER_ALLOW_PUBLIC": ["perhaps"],
    "STATEMETER_SHOW_VALUES": ["yes"],
    "STATEMETER_CONTROL": ["off!"],
    "STATEMETER_REDACT": ["(", "fine;;[a-", "a{99999999999999999999}"],
    "STATEMETER_ROOTS": ["/srv:~nobody-of-this-name"],
    "STATEMETER_SPOOL": ["~nobody-of-this-name/spool"],
}
CASES = [(name, text) for name, texts in BAD.items() for text in texts]


@pytest.mark.parametrize(("name", "text"), CASES)
def test_a_value_that_cannot_be_used_is_told(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the variable, its value, what it is for, and its unit."""
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingError) as caught:
        settings.get(name)
    message = str(caught.value)
    assert f"{name}={text!r}" in message
    assert settings.SETTINGS[name].unit in message
    assert "unset it" in message


@pytest.mark.parametrize(
    ("name", "text"),
    [case for case in CASES if case[0].partition("_")[2].startswith(("F", "Q", "SEG", "SPOOL_"))],
)
def test_the_probe_goes_on_with_the_default(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong setting warns, and never stops the application."""
    monkeypatch.setattr("os.register_at_fork", lambda **hooks: None)
    monkeypatch.setattr("atexit.register", lambda function: function)
    usual = probe.Probe()
    monkeypatch.setenv(name, text)
    target = probe.Probe()
    for attribute in ("queue_events", "held_limit", "flush_seconds"):
        assert getattr(target, attribute) == getattr(usual, attribute)
    assert target.writer.segment_bytes == usual.writer.segment_bytes
    assert target.writer.spool_bytes == usual.writer.spool_bytes
    assert f"{name}={text!r} cannot be used" in caplog.text
    assert f"Using {settings.SETTINGS[name].default}" in caplog.text


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("STATEMETER_ENABLED", "off", False), ("STATEMETER_ENABLED", "TRUE", True),
        ("STATEMETER_QUEUE_EVENTS", " 5 ", 5), ("STATEMETER_SEGMENT_MB", "0.064", 0.064),
        ("STATEMETER_FLUSH_SECONDS", "", 0.2), ("STATEMETER_SPOOL", "/a/../b", Path("/a/../b")),
    ],
)  # fmt: skip
def test_a_value_that_can_be_used(
    name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blanks around a value do not matter; an empty one is unset."""
    monkeypatch.setenv(name, text)
    assert settings.get(name) == value


def test_patterns_and_folders_are_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting may have several patterns or folders; without folders, there are two."""
    monkeypatch.setenv("STATEMETER_REDACT", "(?i)iban;; \\d{4}-\\d{4} ;;\nssn$")
    assert [one.pattern for one in settings.get("STATEMETER_REDACT")] == [
        "(?i)iban", r"\d{4}-\d{4}", "ssn$",
    ]  # fmt: skip
    assert settings.roots() == (Path.home(), Path.cwd())
    monkeypatch.setenv("STATEMETER_ROOTS", os.pathsep.join(["/srv", "", "~/data"]))
    assert settings.roots() == (Path("/srv"), Path.home() / "data")


def test_places_default_to_the_users_data(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Probe and collector of one user find each other with nothing configured."""
    monkeypatch.delenv("STATEMETER_SPOOL")
    monkeypatch.delenv("STATEMETER_STORE")
    if sys.platform == "linux":
        assert settings.data_folder() == isolated / "statemeter"
    assert settings.spool_folder() == settings.data_folder() / "spool"
    assert settings.store_url() == f"sqlite:///{settings.data_folder() / 'store.sqlite'}"


@pytest.mark.parametrize(
    ("environment", "arguments", "name"),
    [
        ({"STATEMETER_APP": "shop", "OTEL_SERVICE_NAME": "other"}, ["x.py"], "shop"),
        ({"OTEL_SERVICE_NAME": "other"}, ["x.py"], "other"),
        ({}, ["/srv/support_bot.py"], "support_bot"),
        ({}, ["/srv/package/__main__.py"], "package"),
        ({}, [""], "python"), ({}, [], "python"), ({"STATEMETER_APP": " "}, ["-c"], "-c"),
    ],
)  # fmt: skip
def test_the_name_of_the_application(
    environment: dict[str, str],
    arguments: list[str],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the user set, what OpenTelemetry was told, then the name of the script."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(sys, "argv", arguments)
    assert settings.application() == name


def test_errors_have_one_base() -> None:
    """One ``except`` catches all that Statemeter raises."""
    assert issubclass(SettingError, statemeter.StatemeterError)
    assert issubclass(SettingError, ValueError)
