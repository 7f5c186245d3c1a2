"""Files to send: encoded once, shared by every request that carries them."""

from __future__ import annotations

import base64
import threading

from broadcaster.domain.instances import Wire

# Large enough that a piece costs little, and small enough that a request in flight copies little.
PIECE_BYTES = 256 * 1024


class EncodedFile:
    """A file in base64 for each encoding, cut into pieces that requests share.

    The form encoding escapes `+`, `/` and `=`. That second copy is made on first use. Encoding takes about a
    millisecond per megabyte, so make and prepare large files off the event loop.
    """

    __slots__ = ("_base64", "_escaped", "_making")

    def __init__(self, encoded: bytes) -> None:
        """`encoded` is the file in base64."""
        self._base64 = _cut(encoded)
        self._escaped: tuple[memoryview, ...] | None = None
        self._making = threading.Lock()

    @classmethod
    def from_bytes(cls, data: bytes) -> EncodedFile:
        """Encode the content of a file."""
        return cls(base64.b64encode(data))

    def pieces(self, wire: Wire) -> tuple[memoryview, ...]:
        """The pieces of the field `body`. May be called from any thread."""
        if wire is Wire.JSON:
            return self._base64
        with self._making:
            if self._escaped is None:
                self._escaped = tuple(map(_escape, self._base64))
            return self._escaped

    def is_prepared(self, wire: Wire) -> bool:
        """Whether `pieces` has nothing left to compute."""
        return wire is Wire.JSON or self._escaped is not None

    @property
    def size_in_memory(self) -> int:
        """Bytes held now. They grow once, when the form encoding is prepared."""
        return sum(map(len, self._base64)) + sum(map(len, self._escaped or ()))


def _cut(encoded: bytes) -> tuple[memoryview, ...]:
    view = memoryview(encoded)
    return tuple(view[start : start + PIECE_BYTES] for start in range(0, len(view), PIECE_BYTES))


def _escape(piece: memoryview) -> memoryview:
    return memoryview(bytes(piece).replace(b"+", b"%2B").replace(b"/", b"%2F").replace(b"=", b"%3D"))
