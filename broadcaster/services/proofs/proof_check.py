"""Checks a proof: by its own lines alone, without the books, in memory that does not grow with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar

import msgspec

from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.proof_format import (
    BEGINNING,
    FORMAT,
    LONGEST_LINE,
    VERSION,
    Digests,
    MessageRecord,
    ProofHeader,
    link_of,
    read_signature,
    said_of,
    signed_text,
    split_line,
)
from broadcaster.domain.states import MessageState
from broadcaster.domain.whatsapp_numbers import sure_forms
from broadcaster.errors import InputError
from broadcaster.services.proofs.proof_beginning import AS_IT_WAS, BLANKS, has_blanks, is_broken, why_not_begun
from broadcaster.signatures import KEY_BYTES, is_signed

_header = msgspec.json.Decoder(ProofHeader)
_record = msgspec.json.Decoder(MessageRecord)
_UNREADABLE = (msgspec.DecodeError, ValueError, OverflowError, RecursionError)
"""What decoding raises: for wrong JSON, bytes that are no UTF-8, numbers out of range, and deep nesting."""
Document = TypeVar("Document", ProofHeader, MessageRecord)


class ProofError(InputError):
    """The proof does not hold. `line` counts from 1; `record` is 0 where it is about no record."""

    def __init__(self, line: int, what: str, *, is_record: bool = True) -> None:
        self.line, self.record = line, line - 1 if is_record else 0
        where = f"record {self.record:,} (line {line:,})" if self.record else f"line {line:,}"
        super().__init__(f"{where}{', the header' if line == 1 else ''}: {what}")


@dataclass(frozen=True, slots=True)
class CheckedProof:
    """A proof that holds: what it says, and what it says of the phones that were asked for."""

    header: ProofHeader
    records: int
    accepted_more_than_once: int
    """Messages with more than one attempt that the gateway accepted."""
    found: list[MessageRecord] = field(default_factory=list)


def check_proof(
    file: BinaryIO,
    *,
    public_key: bytes | None = None,
    phone: str | None = None,
    digest_key: bytes | None = None,
) -> CheckedProof:
    """Read a proof to its end, and return what it says if every line of it holds.

    `public_key` is whose signature it must have; None: that of the key it names itself. `phone` (E.164 digits) is
    looked for, under all forms of the number that are this person's for certain, by the `digest_key` where phones are
    hashed. Raises ProofError with the first line that does not hold, and InputError where the key is another proof's.
    """
    reading = _Reading(file)
    header = _read_header(reading)
    _require_key(header, public_key)
    tally = _Tally(header, _phones_wanted(header, phone, digest_key))
    while (signature := read_signature(line := reading.next())) is None:
        if _is_for_signature(line, header, reading.line):
            raise reading.no_signature(line)
        tally.add(reading.document(line, _record, "record"), reading.line)
    if not is_signed(bytes.fromhex(header.public_key), signature, signed_text(reading.link)):
        raise reading.fault(
            "the signature is not of these records by this key: it was changed, or all before it was written anew",
            is_record=False,
        )
    if file.read(1):
        reading.line += 1
        raise reading.fault("something follows the signature, which ends a proof", is_record=False)
    return tally.result()


class _Reading:
    """The lines of a proof, each with what is before it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.line = 0
        self.link = BEGINNING

    def next(self) -> bytes:
        """The next line. Raises ProofError where there is none, or no whole one."""
        read = self._file.readline(LONGEST_LINE + 1)
        self.line += 1
        if not read and self.line == 1:
            raise self.fault("the file is empty")
        if not read:
            raise self.fault(
                "the proof ends before this, without its signature: something was cut off", is_record=False
            )
        if self.line == 1 and (why := why_not_begun(read, self._file)):
            raise self.fault(why)
        if len(read) > LONGEST_LINE:
            raise self.fault(f"it has more than {LONGEST_LINE:,} bytes, as no line of a proof")
        if not read.endswith(b"\n"):
            self._refuse_other_line_ends(read)
            raise self.fault("the line ends in the middle: something was cut off", is_record=False)
        return read

    def document(self, line: bytes, decoder: msgspec.json.Decoder[Document], kind: str) -> Document:
        """What the line says, where it follows from all before it and is written as it is by us, byte for byte.

        Otherwise a field that we do not know, or one that is there twice, would be signed and told to nobody.
        """
        said = self._said(line)
        try:
            document = decoder.decode(said + b"}")
            is_ours = said_of(document) == said
        except _UNREADABLE as error:
            raise self.fault(f"it is no {kind}: {error}") from None
        if not is_ours:
            raise self.fault(f"it is no {kind} as broadcaster writes one: fields or their spelling differ")
        return document

    def _said(self, line: bytes) -> bytes:
        parts = split_line(line)
        if parts is None:
            self._refuse_other_line_ends(line)
            self._refuse_blanks(line)
            if is_broken(line):
                raise self.fault(f"the line ends in the middle: mail breaks long lines. {AS_IT_WAS}")
            raise self.fault("this is no line of a proof: it has no link to the line before")
        said, link = parts
        if link_of(self.link, said) != link:
            self._refuse_blanks(line)
            if self.line == 1:
                raise self.fault("it was changed: its link is not that of what it says")
            raise self.fault(
                "it does not follow from the line before: it was changed, or lines before it were removed, added or "
                "put elsewhere"
            )
        self.link = link
        return said

    def no_signature(self, line: bytes) -> ProofError:
        """What is wrong with the line that stands where the signature does."""
        self._refuse_other_line_ends(line)
        self._refuse_blanks(line, is_record=False)
        return self.fault("this is no signature: it was changed", is_record=False)

    def _refuse_other_line_ends(self, line: bytes) -> None:
        # A proof has none of its own: JSON writes it as an escape.
        if b"\r" in line:
            raise self.fault(
                f"its line ends were changed: each is one byte (LF) in a proof. {AS_IT_WAS}", is_record=False
            )

    def _refuse_blanks(self, line: bytes, *, is_record: bool = True) -> None:
        if has_blanks(line):
            raise self.fault(f"{BLANKS}. {AS_IT_WAS}", is_record=is_record)

    def fault(self, what: str, *, is_record: bool = True) -> ProofError:
        return ProofError(self.line, what, is_record=is_record)


def _read_header(reading: _Reading) -> ProofHeader:
    line = reading.next()
    if not line.startswith(b'{"format":"%b","version":%d,' % (FORMAT.encode(), VERSION)):
        raise reading.fault(f"this is no proof of version {VERSION}, the only one that is known here")
    return reading.document(line, _header, "header")


def _is_for_signature(line: bytes, header: ProofHeader, number: int) -> bool:
    """Whether a line stands where the signature does, and is no record either: `number` counts from 1."""
    records = header.total if header.remains is None else 0
    return line.startswith(b'{"signature"') or (number > records + 1 and not line.startswith(b'{"record":'))


def _require_key(header: ProofHeader, public_key: bytes | None) -> None:
    try:
        named = bytes.fromhex(header.public_key)
    except ValueError:
        named = b""
    if len(named) != KEY_BYTES or named.hex() != header.public_key:
        raise ProofError(1, "it names no public key")
    if public_key is not None and named != public_key:
        raise ProofError(1, f"it is signed by another key, {header.public_key}, and not by {public_key.hex()}")


def _phones_wanted(header: ProofHeader, phone: str | None, digest_key: bytes | None) -> frozenset[str]:
    """As they stand in the records."""
    if phone is None:
        return frozenset()
    if header.phones == "clear":
        return frozenset(sure_forms(phone))
    if digest_key is None:
        raise InputError("its phones are hashed: give the key of this proof with --key-file")
    if hashlib.sha256(digest_key).hexdigest() != header.key_sha256:
        raise InputError("--key-file: this is not the key of this proof, but perhaps of another")
    hashed = Digests(digest_key)
    return frozenset(filter(None, map(hashed.hidden, sure_forms(phone))))


class _Tally:
    """What the records add up to."""

    def __init__(self, header: ProofHeader, phones: Collection[str]) -> None:
        self._header, self._phones = header, phones
        self._states: Counter[MessageState] = Counter()
        self._seq = self._records = self._doubled = 0
        self._found: list[MessageRecord] = []

    def add(self, record: MessageRecord, line: int) -> None:
        self._records += 1
        if record.record != self._records or record.seq <= self._seq:
            raise ProofError(line, f"it calls itself record {record.record:,}, of recipient {record.seq:,}")
        self._seq = record.seq
        self._states[record.state] += 1
        attempts = record.attempts
        if len(attempts) > 1 and sum(each.outcome is Outcome.ACCEPTED for each in attempts) > 1:
            self._doubled += 1
        if record.phone in self._phones:
            self._found.append(record)

    def result(self) -> CheckedProof:
        """What it says. Raises ProofError where the header says something else."""
        header, remains = self._header, self._header.remains
        wanted = {} if remains is not None else header.messages
        if self._states != Counter(wanted):
            raise ProofError(1, f"it counts {_counted(wanted)}, and the records are {_counted(self._states)}")
        if sum(header.messages.values()) != header.total:
            raise ProofError(1, f"{_counted(header.messages)} do not add up to {header.total:,}")
        doubled = self._doubled if remains is None else remains.accepted_more_than_once
        return CheckedProof(header, self._records, doubled, self._found)


def _counted(messages: Mapping[MessageState, int]) -> str:
    return ", ".join(f"{state}: {count:,}" for state, count in sorted(messages.items())) or "none"
