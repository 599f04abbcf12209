"""Compressed values: their bytes, and how their tags tell of it.

A serializer's tag says how a value is to be read. ``zstd:msgpack`` is msgpack that was compressed
with zstd. A colon, because LangGraph's ``EncryptedSerializer`` takes whatever follows the first
``+`` of a tag for the name of its cipher: ``zstd:msgpack+aes`` is the same, encrypted.

``zlib`` is always there; zstd comes with Python 3.14 or the package ``zstandard``, lz4 with the
package ``lz4``. A level says how hard to try, and no reader needs to know it.
"""

from __future__ import annotations

import importlib
import threading
import zlib
from collections.abc import Callable
from typing import Any

from statemeter.errors import CodecMissing, DamagedValue

Buffer = bytes | bytearray | memoryview

NAMES = ("zstd", "lz4", "zlib")
LEVELS = {"zstd": (1, 22, 3), "lz4": (0, 16, 0), "zlib": (1, 9, 6)}
"""Codec → lowest and highest level, and the one that its library takes by itself."""

_PACKAGES = {"zstd": "zstandard", "lz4": "lz4"}
_WINDOW_BYTES = 1 << 27
"""Most memory for zstd's window: what its library allows by itself, also at its highest level."""
_local = threading.local()
"""Compressors of zstd by level, and its decompressor: none may be used by two threads at once."""
_found: dict[str, Any] = {}
"""Codec → its module: asking for one that is not there takes longer than compressing."""


def split(tag: str) -> tuple[str, str]:
    """Codec and inner tag of a tag; the codec is empty for what is not compressed, or encrypted."""
    codec, colon, inner = tag.partition(":")
    return (codec, inner) if colon and codec in NAMES and "+" not in tag else ("", tag)


def missing(codec: str) -> str:
    """The command that installs what a codec needs here; empty: it is there."""
    try:
        _module(codec)
    except CodecMissing:
        return f"pip install {_PACKAGES[codec]}"
    return ""


def compress(codec: str, data: Buffer, level: int) -> bytes:
    """The bytes, compressed.

    Raises:
        CodecMissing: its package is not installed.
    """
    module = _module(codec)
    if codec == "zlib":
        return zlib.compress(data, level)
    if codec == "lz4":
        return bytes(module.compress(data, compression_level=level))
    if not _is_zstandard(module):
        return bytes(module.compress(data, level))
    name = f"level {level}"
    made = _local.__dict__.get(name)
    if made is None:
        made = _local.__dict__[name] = module.ZstdCompressor(level=level)
    return bytes(made.compress(data))


def expand(codec: str, data: Buffer, most: int | None = None) -> bytes:
    """The bytes as they were before.

    Args:
        codec: one of ``NAMES``.
        data: compressed; with ``most``, its beginning is enough.
        most: no more than so many bytes are made, whatever the data claims to hold; None: all.

    Raises:
        CodecMissing: its package is not installed.
        DamagedValue: the data is not of this codec; without ``most``, also if its end is missing.
    """
    module = _module(codec)
    failures: tuple[type[Exception], ...] = (
        zlib.error, RuntimeError, EOFError, ValueError, OverflowError, *_errors(module),
    )  # fmt: skip
    try:
        made, whole = _EXPAND[codec](module, data, most)
    except failures:
        raise DamagedValue(f"{len(data):,} bytes are not {codec}, or are damaged.") from None
    if most is None and not whole:
        raise DamagedValue(f"{len(data):,} bytes of {codec} lack their end.")
    return made


def _zlib(_: Any, data: Buffer, most: int | None) -> tuple[bytes, bool]:
    reader = zlib.decompressobj()
    return reader.decompress(data, most or 0), reader.eof


def _lz4(module: Any, data: Buffer, most: int | None) -> tuple[bytes, bool]:
    reader = module.LZ4FrameDecompressor()
    return reader.decompress(data, max_length=-1 if most is None else most), reader.eof


def _zstd(module: Any, data: Buffer, most: int | None) -> tuple[bytes, bool]:
    if not _is_zstandard(module):
        reader = module.ZstdDecompressor()
        return reader.decompress(data, -1 if most is None else most), reader.eof
    if most is not None:
        bounded = module.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        return bounded.stream_reader(data).read(most), True
    made = _local.__dict__.get("reader")
    if made is None:
        made = _local.__dict__["reader"] = module.ZstdDecompressor()
    reader = made.decompressobj()
    return reader.decompress(data), reader.eof


_EXPAND: dict[str, Callable[[Any, Buffer, int | None], tuple[bytes, bool]]] = {
    "zstd": _zstd, "lz4": _lz4, "zlib": _zlib,
}  # fmt: skip


def _is_zstandard(module: Any) -> bool:
    """Whether it is the package; Python's own has other names."""
    return hasattr(module, "ZstdDecompressionReader")


def _errors(module: Any) -> tuple[type[Exception], ...]:
    error = getattr(module, "ZstdError", None)
    return (error,) if error is not None else ()


def _module(codec: str) -> Any:
    if codec in _found:
        return _found[codec]
    if codec == "zlib":
        return zlib
    names = ("compression.zstd", "zstandard") if codec == "zstd" else ("lz4.frame",)
    for name in names:
        try:
            module = _found[codec] = importlib.import_module(name)
            return module
        except ImportError:
            continue
    raise CodecMissing(
        f"{codec} needs the package {_PACKAGES[codec]}, which is not installed here: "
        f"pip install {_PACKAGES[codec]}. zlib needs none."
    )
