"""Messages of a list channel from its plain data, to be read by people.

LangChain's messages, ``{"role": …, "content": …}`` and ``(role, text)`` come out the same. Content
may be text or blocks; what is no text is told by kind and bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from storage.values import Value

Plain = Any
TYPE = "__type__"

ROLES = {
    "user": "user", "human": "user", "assistant": "assistant", "ai": "assistant",
    "system": "system", "developer": "system", "tool": "tool", "function": "tool",
    "remove": "remove", "HumanMessageChunk": "user", "AIMessageChunk": "assistant",
    "SystemMessageChunk": "system", "ToolMessageChunk": "tool", "FunctionMessageChunk": "tool",
}  # fmt: skip
"""Roles of OpenAI and types of LangChain → role shown."""

_MESSAGES = "langchain_core.messages."
_EXTRAS = (
    "usage_metadata", "response_metadata", "additional_kwargs", "invalid_tool_calls", "artifact",
    "status", "example",
)  # fmt: skip
_TEXT_KEYS = ("text", "thinking", "reasoning", "refusal", "summary", "content")


@dataclass(frozen=True)
class Part:
    """One block of a message's content."""

    kind: str
    """``text``, ``reasoning``, ``image``, ``audio``, ``file``, ``tool_use``, …: as it says."""
    text: str = ""
    """What can be read of it; of an image its address, if that is not the image itself."""
    media: str = ""
    """``image/png``."""
    bytes: int = -1
    """Of an image or file within the message, after base64; -1: not within, or unknown."""
    beyond: int = 0
    """Bytes of the text that a limit left out; -1: unknown how many."""


@dataclass(frozen=True)
class Call:
    """A tool call that a message asks for."""

    name: str
    args: Plain
    id: str = ""


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: str
    """``user``, ``assistant``, ``system``, ``tool``, ``remove``, one of the application's own, or
    empty: the element is no message, see ``data``."""
    parts: list[Part] = field(default_factory=list)
    name: str = ""
    """Who: of a tool message, the tool."""
    id: str = ""
    calls: list[Call] = field(default_factory=list)
    answers: str = ""
    """Id of the tool call that this message answers."""
    extras: dict[str, Plain] = field(default_factory=dict)
    """Usage and response metadata, …: what is not empty."""
    bytes: int = -1
    """Serialized, as the backend holds it; -1: unknown."""
    data: Plain = None
    """The element as it is."""

    @property
    def text(self) -> str:
        """All that can be read of the content."""
        return "\n".join(part.text for part in self.parts if part.text)


def is_message(data: Plain) -> bool:
    """Whether plain data is a message object, or a dict that stands for one."""
    if not isinstance(data, dict):
        return False
    if TYPE in data:
        return str(data[TYPE]).startswith(_MESSAGES) and isinstance(data.get("value"), dict)
    role = data.get("role", data.get("type"))
    return isinstance(role, str) and role in ROLES and ("content" in data or "tool_calls" in data)


def is_conversation(value: Value) -> bool:
    """Whether a value is a list that has messages in it."""
    return any(map(_is_like_message, _elements(value.data)))


def messages(value: Value) -> list[Message]:
    """The messages of a value; none where it is no conversation.

    An element that is no message (a limit cut it, or the application mixes) has no role.
    """
    if not is_conversation(value):
        return []
    elements = _elements(value.data)
    sizes = value.elements + [-1] * (len(elements) - len(value.elements))
    return [_message(data, size) for data, size in zip(elements, sizes, strict=False)]


def _elements(data: Plain) -> list[Plain]:
    if isinstance(data, dict) and data.get(TYPE) in ("list", "collections.deque"):
        data = data.get("value")
    return data if isinstance(data, list) else []


def _is_like_message(data: Plain) -> bool:
    return is_message(data) or is_pair(data)


def is_pair(data: Plain) -> bool:
    """``(role, text)``; a tuple is a list in every format."""
    return (
        isinstance(data, list)
        and len(data) == 2
        and isinstance(data[0], str)
        and data[0] in ROLES
        and isinstance(data[1], str | list)
    )


def _message(data: Plain, size: int) -> Message:
    if is_pair(data):
        return Message(ROLES[data[0]], _parts(data[1]), bytes=size, data=data)
    if not is_message(data):
        return Message("", bytes=size, data=data)
    fields = data["value"] if TYPE in data else data
    role = fields.get("role") or fields.get("type") or _class_role(data.get(TYPE, ""))
    role = _shown(role)
    return Message(
        role=ROLES.get(role, role),
        parts=_parts(fields.get("content")),
        name=_shown(fields.get("name")),
        id=_shown(fields.get("id")),
        calls=_calls(fields.get("tool_calls")),
        answers=_shown(fields.get("tool_call_id")),
        extras={key: fields[key] for key in _EXTRAS if fields.get(key)},
        bytes=size,
        data=data,
    )


def _class_role(name: str) -> str:
    """``human`` for ``…HumanMessage``: JSON constructors may leave ``type`` out."""
    last = name.rpartition(".")[2].removesuffix("Chunk").removesuffix("Message")
    return {"AI": "ai"}.get(last, last.lower())


def _parts(content: Plain) -> list[Part]:
    if not isinstance(content, list):
        return [_text("text", content)] if content not in (None, "") else []
    return [_part(block) for block in content]


def _part(block: Plain) -> Part:
    if not isinstance(block, dict) or TYPE in block:
        return _text("text", block)
    kind = _shown(block.get("type")) or "text"
    media = _media(block)
    if media is not None:
        content, media_type = media
        shown_kind = kind.removesuffix("_url").removeprefix("input_")
        return _contained(shown_kind, content, media_type)
    for key in _TEXT_KEYS:
        if isinstance(block.get(key), str) or _is_cut_text(block.get(key)):
            return _text({"thinking": "reasoning"}.get(kind, kind), block[key])
    name = _shown(block.get("name"))
    return Part(kind, name)


def _media(block: dict[str, Plain]) -> tuple[Plain, str] | None:
    """(content or address, media type) of an image, a file or a sound, in whose form ever."""
    source = block.get("source")
    if isinstance(source, dict):  # Anthropic
        return source.get("data", source.get("url")), _shown(source.get("media_type"))
    for key in ("image_url", "file", "input_audio", "audio_url"):  # OpenAI
        inner = block.get(key)
        if isinstance(inner, dict):
            found = inner.get("url", inner.get("file_data", inner.get("data")))
            return found, _shown(inner.get("format"))
        if isinstance(inner, str) or _is_cut_text(inner):
            return inner, ""
    for key in ("base64", "data", "url"):  # LangChain
        if key in block and block.get("type") in ("image", "audio", "video", "file"):
            return block[key], _shown(block.get("mime_type"))
    return None


def _contained(kind: str, content: Plain, media: str) -> Part:
    """An image or file: its address, or where it is within, its bytes."""
    text, beyond = _begin(content)
    if isinstance(content, dict) and "length" in content:  # bytes
        return Part(kind, media=media, bytes=content["length"])
    if text.startswith("data:"):
        head, _, text = text.partition(",")
        media = head[5:].partition(";")[0]
    elif "://" in text[:16] or text.startswith("/"):
        return Part(kind, text, media, beyond=beyond)
    characters = len(text) + max(0, beyond)
    return Part(kind, media=media, bytes=characters * 3 // 4 - text[-2:].count("="))


def _text(kind: str, content: Plain) -> Part:
    text, beyond = _begin(content)
    return Part(kind, text, beyond=beyond)


def _is_cut_text(data: Plain) -> bool:
    return isinstance(data, dict) and data.get(TYPE) == "str"


def _begin(content: Plain) -> tuple[str, int]:
    """A text, or the beginning that a limit left of it, and how many bytes it left out."""
    if _is_cut_text(content):
        return str(content["value"]), int(content.get("cut", 0))
    return (content, 0) if isinstance(content, str) else ("", 0)


def _calls(found: Plain) -> list[Call]:
    calls = []
    for call in found if isinstance(found, list) else []:
        if not isinstance(call, dict):
            continue
        asked = call.get("function")  # OpenAI's form
        if isinstance(asked, dict):
            calls.append(
                Call(_shown(asked.get("name")), asked.get("arguments"), _shown(call.get("id")))
            )
        else:
            calls.append(Call(_shown(call.get("name")), call.get("args"), _shown(call.get("id"))))
    return calls


def _shown(data: Plain) -> str:
    return data if isinstance(data, str) else _begin(data)[0]
