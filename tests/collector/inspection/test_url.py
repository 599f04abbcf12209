"""What users name databases by, and what is shown of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.inspection import url
from collector.inspection.errors import BadAddress


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ("postgresql://me@host/db", "postgres"),
        ("postgres://me@host/db", "postgres"),
        ("postgresql+psycopg://me@host/db", "postgres"),
        ("POSTGRESQL:///db", "postgres"),
        ("redis://host", "redis"),
        ("rediss://host", "redis"),
        ("valkey://host:6379/1", "valkey"),
        ("mongodb://h1:1,h2:2/db", "mongodb"),
        ("mongodb+srv://host/db", "mongodb"),
    ],
)
def test_a_scheme_names_the_backend(text: str, backend: str) -> None:
    assert url.parse(text).backend == backend


@pytest.mark.parametrize(
    "pasted",
    [
        " postgresql://me:x@host/db \n",
        "'postgresql://me:x@host/db'",
        '"postgresql://me:x@host/db";',
        "`postgresql://me:x@host/db`",
        "<postgresql://me:x@host/db>",
        "DATABASE_URL=postgresql://me:x@host/db",
        "export DB_URI = 'postgresql+asyncpg://me:x@host/db'",
        "“postgres+psycopg://me:x@host/db”",
    ],
)
def test_what_copying_put_around_it_is_taken_off(pasted: str) -> None:
    """Quotes, spaces, and the name of a variable before it."""
    assert url.parse(pasted).url.replace("postgres:", "postgresql:") == "postgresql://me:x@host/db"


def test_a_quoted_path(tmp_path: Path) -> None:
    """As a shell's completion and a file manager give it."""
    path = tmp_path.resolve() / "my chat.sqlite"
    assert url.parse(f"'{path}'").url == url.parse(f' "{path}" ').url == str(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("localhost", "Write postgresql://localhost, redis://localhost"),
        ("localhost:5432/chat", "Write postgresql://localhost:5432/chat."),
        ("127.0.0.1:6379", "Write redis://127.0.0.1:6379."),
        ("db.example.com:27017/chat", "Write mongodb://db.example.com:27017/chat."),
        ("[::1]:5432", "Write postgresql://[::1]:5432."),
        ("me:hunter2@db.example.com/chat", "me:***@db.example.com/chat names a server"),
        ("jdbc:postgresql://me:hunter2@db/chat", "does not begin with a scheme"),
        ("psql postgresql://me:hunter2@db/chat", "does not begin with a scheme"),
        ("host=db user=me password=hunter2 dbname=chat", "Write it as a URL"),
        ("file:///var/lib/chat.sqlite", "without file://"),
        (":memory:", "Instrument the application"),
        ("InMemorySaver", "Instrument the application"),
        ("memory://", "Instrument the application"),
    ],
)
def test_what_is_no_path_is_told(text: str, told: str) -> None:
    """What to write, and never the password."""
    with pytest.raises(BadAddress, match=re.escape(told)) as caught:
        url.parse(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["chat.sqlite", "chat", "a@b/chat.db", "data/chat", "x:y.sqlite"])
def test_a_path_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Names that look a little like servers are paths; one that is there is, however it looks."""
    monkeypatch.chdir(tmp_path)
    assert url.parse(name).url == str(tmp_path.resolve() / name)
    (tmp_path / "localhost:5432").touch()
    assert url.parse("localhost:5432").url == str(tmp_path.resolve() / "localhost:5432")
    assert url.parse("./localhost").url == str(tmp_path.resolve() / "localhost")


def test_a_driver_is_taken_off_the_scheme() -> None:
    """As SQLAlchemy writes it, and libpq does not."""
    assert url.parse("postgresql+psycopg://me:x@host/db").url == "postgresql://me:x@host/db"


@pytest.mark.parametrize("prefix", ["", "sqlite:///", "sqlite+aiosqlite:///"])
def test_a_file_is_known_by_its_real_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    """Relative, or through a link: one file has one address."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real.sqlite").touch()
    (tmp_path / "link.sqlite").symlink_to("real.sqlite")
    for name in ("real.sqlite", "link.sqlite", f"{tmp_path}/link.sqlite", "./x/../real.sqlite"):
        address = url.parse(prefix + name)
        assert (address.backend, address.url) == ("sqlite", str(tmp_path.resolve() / "real.sqlite"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "No database is named"),
        ("  ", "No database is named"),
        ("a\0b", "No database is named"),
        ("mysql://me:hunter2@host/db", "mysql:// of mysql://me:***@host/db is none"),
        ("redis+sentinel://host:26379/service", "redis+sentinel:// of redis+sentinel://host:26379"),
        ("postgers://host", "Did you mean postgres://"),
        ("monogdb://host", "Did you mean mongodb://"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("redis://", "names no server"),
        ("~nobody-of-this-name/x.sqlite", "cannot be used"),
    ],
)
def test_what_names_nothing_is_told(text: str, told: str) -> None:
    """With the value, and what to write."""
    with pytest.raises(BadAddress, match=re.escape(told)) as caught:
        url.parse(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:hunter2@host/0", "redis://:***@host/0"),
        ("mongodb://me:hunter2@h1:1,h2:2/db?authSource=x", "mongodb://me:***@h1:1,h2:2/db?…"),
        ("mongodb://h1:1,h2:2/db", "mongodb://h1:1,h2:2/db"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("postgresql://me:hun@ter/2?#@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me@host/db?password=hunter2", "postgresql://me@host/db?…"),
        ("postgresql://me:hunter2/db", "postgresql://me:***/db"),
        ("redis://:hunter2", "redis://:***"),
        ("me:hunter2@host/db", "me:***@host/db"),
        ("/data/me@home.sqlite", "/data/me@home.sqlite"),
        ("/data/a\x1b[31m\nb", "/data/a�[31m�b"),
    ],
)
def test_a_password_is_not_shown(text: str, shown: str) -> None:
    """Nor is a query, nor what a terminal would obey."""
    assert url.masked(text) == shown


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_no_text_of_a_driver_tells_the_password(password: str) -> None:
    """Whole, or cut where its special characters seem to end it."""
    secret = f"begin{password}end"
    address = url.Address("postgres", f"postgresql://me:{secret}@host/db", "")
    pieces = [piece for piece in url._SPECIAL.split(secret) if piece]
    said = address.scrubbed(f"cannot resolve {secret} or {' or '.join(pieces)}", most=10_000)
    assert not any(piece in said for piece in ("begin", "end"))
    assert said.startswith("cannot resolve ")


def test_a_short_password_leaves_other_figures_alone() -> None:
    address = url.Address("redis", "redis://:1@host:6379/0", "")
    assert address.scrubbed("port 6379, password 1") == "port 6379, password ***"


def test_long_texts_are_one_line() -> None:
    address = url.Address("redis", "redis://host", "")
    assert address.scrubbed("a\n\tb" * 1_000).endswith("…")
    assert len(address.scrubbed("x" * 1_000)) == 300
