"""What the gateway saw and took. Tests and demos compare a sender's records with it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from broadcaster.errors import InputError

INCOMING = "/_sim/incoming"
"""The endpoint of entries that stand for a message *from* a phone."""

OUTGOING = "/_sim/outgoing"
"""The endpoint of entries that stand for a message *to* a phone, written by hand and not through the API."""

BY_HAND = frozenset({INCOMING, OUTGOING})
"""The endpoints of messages that a person wrote. They stand in the chat, but no request was accepted."""


class Entry(msgspec.Struct, kw_only=True, gc=False):
    """One request. Texts are kept whole, so that `/wa/messages` can show them. Of a file only the hash is kept."""

    seq: int = 0
    """1, 2, 3, … in the order of the ledger."""
    time_ns: int
    """Unix time when the last byte of the request was read."""
    monotonic_ns: int
    """The same moment on the monotonic clock, for measuring rates."""
    endpoint: str = ""
    """Empty if the request was not read."""
    instance: str = ""
    """Empty if the key is unknown or was not read."""
    key_sha256: str = ""
    """The first 12 hex digits of the key's hash: never the key."""
    phone: str = ""
    content_sha256: str = ""
    body: str = ""
    caption: str = ""
    filename: str = ""
    url: str = ""
    accepted: bool = False
    """Whether the message is in the sending queue and will be delivered, whatever the client was told."""
    fault: str | None = None
    """The kind of the fault that was applied."""
    gateway_id: str | None = None
    status: int | None = None
    """The status of the intended reply; None: no reply was intended."""
    refusal: str = ""
    """What was wrong with the request, if anything."""


def hash_of_key(key: str) -> str:
    """The hash by which the ledger knows a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class Ledger:
    """Entries in memory. With a `path`, each is appended to that file before its reply leaves.

    An existing file is read first, so that a restarted gateway remembers. A torn last line, from a gateway that was
    killed while writing, is cut off. Raises InputError if the file cannot be used.
    """

    def __init__(self, path: Path | None = None, *, fsync: bool = False) -> None:
        self.entries: list[Entry] = []
        self.arrived = 0
        """How many requests have come so far. One that a fault makes late is not an entry yet."""
        self._path = path
        self._fsync = fsync
        self._conversations: dict[str, dict[str, list[Entry]]] = {}
        self._accepted: Counter[str] = Counter()
        self._unwritten: list[bytes] = []
        self._afterwards: list[Callable[[], None]] = []
        self._committing = False
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._file = None if path is None else self._open(path)

    def append(self, entry: Entry, then: Callable[[], None] | None = None) -> None:
        """Add an entry. `then` is called once it is in the file (with fsync: on disk).

        All entries of one turn of the event loop are written together.
        """
        self._remember(entry)
        if self._file is not None:
            self._unwritten.append(_encode(entry))
        if then is not None:
            self._afterwards.append(then)
        if not self._committing:
            self._committing = True
            asyncio.get_running_loop().call_soon(self._commit)

    def accepted(self, instance: str | None = None) -> int:
        """How many messages were accepted, by all instances or by one."""
        return self._accepted.total() if instance is None else self._accepted[instance]

    def conversation(self, instance: str, phone: str) -> Iterator[Entry]:
        """Messages between an instance and a phone, accepted or written by hand on either side, newest first."""
        return reversed(self._conversations.get(instance, {}).get(phone, []))

    def phones(self, instance: str) -> Iterator[str]:
        """The phones that an instance has exchanged messages with, the latest first."""
        return reversed(self._conversations.get(instance, {}))

    def since(self, seq: int, *, instance: str | None = None, key_sha256: str | None = None) -> list[Entry]:
        """The entries after number `seq`: all, those of one instance, or those of one key's hash."""
        return [
            entry
            for entry in islice(self.entries, max(seq, 0), None)
            if (instance is None or entry.instance == instance)
            and (key_sha256 is None or entry.key_sha256 == key_sha256)
        ]

    def arrive(self) -> None:
        """A request has come, whenever it is entered."""
        self.arrived += 1
        self._wake()

    async def wait(
        self, *, accepted: int = 0, requests: int = 0, arrived: int = 0, instance: str | None = None
    ) -> None:
        """Wait until this many messages are accepted, by one instance or all, and this many requests are entered and
        have arrived.
        """

        def reached() -> bool:
            return self.accepted(instance) >= accepted and len(self.entries) >= requests and self.arrived >= arrived

        if reached():
            return
        waiter = (reached, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            await waiter[1]
        finally:
            self._waiters.remove(waiter)

    def clear(self) -> None:
        """Forget everything and empty the file."""
        self.entries.clear()
        self.arrived = 0
        self._conversations.clear()
        self._accepted.clear()
        self._unwritten.clear()
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Write the remaining entries and close the file."""
        self._commit()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _remember(self, entry: Entry) -> None:
        entry.seq = len(self.entries) + 1
        self.entries.append(entry)
        if entry.accepted:
            self._accepted[entry.instance] += 1
        if entry.accepted or entry.endpoint in BY_HAND:
            # Removed and added again, so that phones are in the order of their latest messages.
            conversations = self._conversations.setdefault(entry.instance, {})
            conversation = conversations.pop(entry.phone, [])
            conversation.append(entry)
            conversations[entry.phone] = conversation

    def _commit(self) -> None:
        # Blocking on purpose: requests that arrive during a slow fsync share the next one.
        self._committing = False
        if self._file is not None and self._unwritten:
            raw = memoryview(b"\n".join([*self._unwritten, b""]))
            self._unwritten.clear()
            while raw:
                raw = raw[os.write(self._file, raw) :]
            if self._fsync:
                os.fsync(self._file)
        afterwards, self._afterwards = self._afterwards, []
        for then in afterwards:
            then()
        self._wake()

    def _wake(self) -> None:
        for reached, future in self._waiters:
            if not future.done() and reached():
                future.set_result(None)

    def _open(self, path: Path) -> int:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise InputError(f"ledger {path}: {error.strerror}") from None
        try:
            self._load(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _load(self, path: Path, descriptor: int) -> None:
        whole = 0
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    self._remember(_decode(line))
                except msgspec.DecodeError as error:
                    raise InputError(f"ledger {path}, line {number}: {error}; move the file away") from None
                whole += len(line)
        os.ftruncate(descriptor, whole)
