"""What must not be shown: taken out of plain data before it leaves the process that read it.

Hidden are: the value of a key whose name matches, whatever it is; within texts (JSON and headers in
them too) what follows such a name, passwords in URLs, bearer tokens; pydantic's ``SecretStr``; and
with ``STATEMETER_REDACT`` what its expressions match, in texts, and as names of keys.

Not covered: names of keys, which are shown; the first bytes of ``bytes`` values, numbers, and
secrets that nothing next to them tells, such as ``{"name": "cookie", "value": …}``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from collector.viewer.shapes import TYPE, Plain
from storage.values import Value

HIDDEN = "•••"

_NAMES = (
    r"pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|authorization|cookies?|credentials?"
)
KEYS = re.compile(rf"(?:{_NAMES}|^pwd)$|secret|password|api[_-]?key|authorization", re.IGNORECASE)
"""Names of keys that lose their value. ``total_tokens`` is none of them."""

_NAMED = re.compile(_NAMES, re.IGNORECASE)

_IN_TEXT = re.compile(
    rf"""((?:{_NAMES})\\?["']?\s{{0,9}}[:=]\s{{0,9}}(?:(?:bearer|basic)\s{{1,9}})?)"""
    r"""(\\"[^"\\]*|"(?:[^"\\]++|\\.)*+|'[^']*|[^\s"'\\,;&{}\[\]]+)""",
    re.IGNORECASE | re.DOTALL,
)
"""A name and what follows it in a text: ``"password": "x``, ``token=x``, ``Authorization: x``."""

_TEXTS = (
    re.compile(r"(?<=://)[^\s/@:]{0,200}:[^\s/@]{1,200}(?=@)"),
    re.compile(r"(?<=\bbearer )[\w.~+/=-]{8,}", re.IGNORECASE),
)
_SECRET_CLASSES = ("SecretStr", "SecretBytes", "Secret")


class Redaction:
    """Takes out what matches, and counts how often."""

    def __init__(self, patterns: Sequence[re.Pattern[str]] = ()) -> None:
        """``patterns``: of the user, beside those above."""
        self.patterns = patterns
        self.count = 0

    def value(self, value: Value, name: str = "") -> Value:
        """A value without what must not be shown. Then its first bytes are not shown either.

        Args:
            value: as it was decoded, or why it was not: then its first bytes are all there is to
                look at, and a name in them is enough.
            name: the key that it stands under, which may itself be one to hide.
        """
        before = self.count
        data = self._of_key(name, value.data)
        if self.count == before and value.problem and self._tells(name, value.head):
            self.count += 1
        if self.count == before:
            return value
        return msgspec.structs.replace(value, data=data, head="")

    def data(self, data: Plain) -> Plain:
        """Plain data without what must not be shown."""
        if isinstance(data, str):
            return self._text(data)
        if isinstance(data, list):
            return [self.data(item) for item in data]
        if isinstance(data, dict):
            return self._object(data) if TYPE in data else self._map(data)
        return data

    def _map(self, data: dict[str, Plain]) -> Plain:
        return {key: self._of_key(key, value) for key, value in data.items()}

    def _object(self, data: dict[str, Plain]) -> Plain:
        name, value = str(data[TYPE]), data.get("value")
        if name.rpartition(".")[2] in _SECRET_CLASSES:
            return data | {"value": self._hide()}
        if name == "dict" and isinstance(value, list):
            return data | {"value": [[key, self._of_key(key, item)] for key, item in value]}
        return data | {"value": self.data(value)}

    def _of_key(self, key: Plain, value: Plain) -> Plain:
        hides = isinstance(key, str) and self._names(key)
        return self._hide() if hides and value not in (None, "", [], {}) else self.data(value)

    def _names(self, key: str) -> bool:
        """Whether a key of this name loses its value."""
        return bool(KEYS.search(key)) or self._matches(key)

    def _matches(self, content: str) -> bool:
        return any(found[0] for pattern in self.patterns for found in pattern.finditer(content))

    def _tells(self, name: str, head: str) -> bool:
        """Whether the first bytes of what was not decoded may hold something to hide."""
        if not head or self._names(name):
            return bool(head)
        content = bytes.fromhex(head).decode(errors="replace")
        return self._matches(content) or any(
            pattern.search(content) for pattern in (_NAMED, *_TEXTS)
        )

    def _hide(self) -> str:
        self.count += 1
        return HIDDEN

    def _text(self, content: str) -> str:
        content = _IN_TEXT.sub(self._behind_name, content)
        for pattern in (*_TEXTS, *self.patterns):
            content = pattern.sub(self._hidden, content)
        return content

    def _behind_name(self, found: re.Match[str]) -> str:
        quote = found[2][: len(found[2]) - len(found[2].lstrip("\\\"'"))]
        return found[1] + quote + self._hide()

    def _hidden(self, found: re.Match[str]) -> str:
        return self._hide() if found[0] else ""
