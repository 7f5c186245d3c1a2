"""A proof holds as it was written, and not with anything changed: any byte, any line, anywhere."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import hmac
import io
import json
import lzma
import os
import tracemalloc
from base64 import b64encode, encodebytes
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from quopri import encodestring
from zipfile import ZipFile

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.contents import MessageContent
from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.proof_format import (
    BEGINNING,
    LONGEST_LINE,
    AttemptRecord,
    Chain,
    ContentDigest,
    Digests,
    MessageRecord,
    ProofHeader,
    link_of,
    request_text,
    said_of,
    signature_line,
    signed_text,
)
from broadcaster.domain.states import CampaignState, MessageState
from broadcaster.errors import InputError
from broadcaster.services.proofs.proof_check import CheckedProof, ProofError, check_proof
from broadcaster.signatures import is_signed, new_signing_key, public_key_of, sign

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEY, OTHER_KEY = new_signing_key(), new_signing_key()
DIGEST_KEY = bytes(range(32))
PHONES = [f"62812000{number:04d}" for number in range(8)]


def record(number: int, **changes: object) -> MessageRecord:
    tried = AttemptRecord(1, Outcome.ACCEPTED, NOON, "accepted", 1, 200, "ab" * 32, "cd" * 32)
    digests = Digests(DIGEST_KEY)
    fields = {"record": number, "seq": number, "phone": digests.hidden(PHONES[number - 1]), "attempts": [tried]}
    told = {"instance": "main", "state": MessageState.SENT, "at": NOON, "reason": "accepted"}
    return MessageRecord(**{**fields, **told, **changes})


def header(**changes: object) -> ProofHeader:
    fields = {
        "format": "broadcaster proof",
        "version": 1,
        "written_by": "broadcaster 1",
        "campaign": "spring",
        "state": CampaignState.FINISHED,
        "as_of": NOON,
        "created_at": NOON,
        "finished_at": NOON,
        "recipients_read": 8,
        "recipients_rejected": 0,
        "total": 8,
        "messages": {MessageState.SENT: 8},
        "contents": [ContentDigest(1, ContentKind.TEXT, "ef" * 32, NOON)],
        "phones": "hashed",
        "key_sha256": Digests(DIGEST_KEY).key_sha256,
        "public_key": public_key_of(KEY).hex(),
    }
    return ProofHeader(**{**fields, **changes})


def proof(first: ProofHeader | None = None, records: Sequence[MessageRecord] | None = None, key: bytes = KEY) -> bytes:
    chain = Chain()
    lines = [chain.line(first or header())]
    lines += [chain.line(each) for each in (records if records is not None else map(record, range(1, 9)))]
    return b"".join([*lines, signature_line(sign(key, signed_text(chain.link)))])


@cache
def whole() -> bytes:
    return proof()


def check(said: bytes, **options: bytes | str | None) -> CheckedProof:
    return check_proof(io.BytesIO(said), **options)  # type: ignore[arg-type]


def refused(said: bytes) -> ProofError:
    with pytest.raises(ProofError) as caught:
        check(said, public_key=public_key_of(KEY))
    return caught.value


def test_a_proof_holds_as_it_was_written() -> None:
    checked = check(whole(), public_key=public_key_of(KEY))
    assert (checked.records, checked.accepted_more_than_once, checked.header) == (8, 0, header())


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(whole()) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole()[place]))
    changed = whole()[:place] + bytes([other]) + whole()[place + 1 :]
    assert refused(changed).line == whole()[:place].count(b"\n") + 1


def test_wherever_a_letter_is_large_instead_of_small_it_is_found() -> None:
    """Also in what is read as numbers: each value has one spelling."""
    for place, byte in enumerate(whole()):
        assert refused(whole()[:place] + bytes([byte ^ 0x20]) + whole()[place + 1 :]).line


@given(st.integers(0, 4000), st.binary(min_size=1, max_size=3))
def test_any_added_byte_is_found(place: int, added: bytes) -> None:
    place = min(place, len(whole()))
    changed = whole()[:place] + added + whole()[place:]
    if changed != whole():
        refused(changed)


@given(st.data())
def test_any_cut_is_found(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(whole()) - 1))
    end = data.draw(st.one_of(st.just(len(whole())), st.integers(start + 1, len(whole()))))
    changed = whole()[:start] + whole()[end:]
    refused(changed)


LINES = st.lists(st.integers(0, 9), min_size=0, max_size=14)


@given(LINES)
def test_any_removed_repeated_or_moved_line_is_found(order: list[int]) -> None:
    lines = whole().splitlines(keepends=True)
    if order != list(range(10)):
        refused(b"".join(lines[each] for each in order))


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
        lambda lines: [*lines[:3], *lines[4:]],
        lambda lines: [*lines[:4], lines[3], *lines[4:]],
    ],
    ids=["swapped", "removed", "repeated"],
)
def test_what_is_wrong_is_told_with_its_place(change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = whole().splitlines(keepends=True)
    fault = refused(b"".join(change(lines)))
    assert fault.record in (3, 4)
    assert str(fault).startswith(f"record {fault.record} (line {fault.line}): it does not follow from the line before")


def in_zip(whole: bytes) -> bytes:
    archive = io.BytesIO()
    with ZipFile(archive, "w") as opened:
        opened.writestr("spring.proof", whole)
    return archive.getvalue()


def wrap(whole: bytes, columns: int) -> list[bytes]:
    return [whole[start : start + columns] for start in range(0, len(whole), columns)]


def with_other_signature(whole: bytes) -> bytes:
    last = b"1" if whole[-5:-4] == b"0" else b"0"
    return whole[:-5] + last + whole[-4:]


@pytest.mark.parametrize(
    ("damage", "line", "said"),
    [
        (lambda whole: whole.replace(b"\n", b"\r\n"), 1, "its line ends were changed"),
        (lambda whole: whole.replace(b"\n", b"\r"), 1, "its line ends were changed"),
        (lambda whole: whole[:-1] + b"\r\n", 10, "its line ends were changed"),
        (lambda whole: b"\xef\xbb\xbf" + whole, 1, "something stands before it: a byte-order mark"),
        (lambda whole: whole.decode().encode("utf-16"), 1, "its encoding was changed, to UTF-16"),
        (lambda whole: b"\n" + whole, 1, "something stands before it: an empty line"),
        (lambda whole: b" \r\n" + whole, 1, "something stands before it: an empty line"),
        (lambda whole: b"Dear client,\n" + whole, 1, "something stands before it: 1 line. Ask"),
        (lambda whole: b"Dear client,\n\nhere it is:\n" + whole, 1, "something stands before it: 3 lines. Ask"),
        (lambda whole: b"> " + whole.replace(b"\n", b"\n> "), 1, "it is quoted, as in a reply to a mail"),
        (lambda whole: b"Ann wrote:\n>> " + whole.replace(b"\n", b"\n>> "), 1, "before it: 1 line, and it is quoted"),
        (encodebytes, 1, "it is in base64, as mail carries files"),
        (b64encode, 1, "it is in base64, as mail carries files"),
        (
            lambda whole: b"From: Ann\n\n" + encodebytes(whole),
            1,
            "2 lines, and it is in base64",
        ),
        (encodestring, 1, "it is in quoted-printable, as mail carries text"),
        (lambda whole: encodestring(whole).replace(b"{", b"=7B"), 1, "it is in quoted-printable"),
        (lambda whole: b"Hello,\n" + encodestring(whole), 1, "1 line, and it is in quoted-printable"),
        (gzip.compress, 1, "it is compressed (gzip): unpack it first"),
        (bz2.compress, 1, "it is compressed (bzip2): unpack it first"),
        (lzma.compress, 1, "it is compressed (xz): unpack it first"),
        (in_zip, 1, "it is in an archive (ZIP): unpack it first"),
        (lambda whole: b"  " + whole, 1, "blanks were put into it"),
        (lambda whole: whole.replace(b":", b": "), 1, "blanks were put into it"),
        (lambda whole: whole.replace(b',"', b', "'), 1, "blanks were put into it"),
        (lambda whole: whole.replace(b"\n", b" \n"), 1, "blanks were put into it"),
        (lambda whole: msgspec.json.format(whole.splitlines()[0]) + b"\n", 1, "header: blanks were put into it"),
        (
            lambda whole: whole[:-5].replace(b'{"signature":', b'{"signature": ') + whole[-5:],
            10,
            "blanks were put into it",
        ),
        (lambda whole: b"\n".join(wrap(whole, 76)), 1, "the line ends in the middle: mail breaks long lines"),
        (
            lambda whole: whole[:-5] + (b"1" if whole[-5:-4] == b"0" else b"0") + whole[-4:],
            10,
            "the signature is not of these records",
        ),
        (lambda whole: whole[:-5] + b"x" + whole[-4:], 10, "this is no signature: it was changed"),
        (lambda whole: whole.replace(b'"signature"', b'"Signature"'), 10, "this is no signature: it was changed"),
        (lambda whole: b"", 1, "the file is empty"),
        (
            lambda whole: whole.replace(b'"total":8', b'"total":9', 1),
            1,
            "it was changed: its link is not that of what",
        ),
    ],
)
def test_what_mail_and_editors_do_to_a_file_is_told_as_that(
    damage: Callable[[bytes], bytes], line: int, said: str
) -> None:
    fault = refused(damage(whole()))
    assert (fault.line, fault.record) == (line, 0)
    assert said in str(fault)
    assert "line before" not in str(fault)


def test_blanks_in_a_record_are_told_as_that() -> None:
    lines = whole().splitlines(keepends=True)
    fault = refused(b"".join([*lines[:3], b"\t" + lines[3], *lines[4:]]))
    assert str(fault).startswith("record 3 (line 4): blanks were put into it")


def test_what_somebody_else_signs_is_not_ours() -> None:
    theirs = proof(header(public_key=public_key_of(OTHER_KEY).hex()), key=OTHER_KEY)
    assert check(theirs).records == 8
    assert "signed by another key" in str(refused(theirs))
    # Nor is what names our key, and was signed by theirs.
    fault = refused(proof(key=OTHER_KEY))
    assert (fault.line, fault.record) == (10, 0)
    assert str(fault).startswith("line 10: the signature is not of these records")


@pytest.mark.parametrize(
    ("first", "records", "said"),
    [
        (header(messages={MessageState.SENT: 7, MessageState.FAILED: 1}), None, "failed: 1, sent: 7"),
        (header(total=9), None, "do not add up to 9"),
        (None, [record(number) for number in (1, 2, 3, 4, 5, 6, 8)], "calls itself record 8"),
        (None, [record(number, seq=1) for number in range(1, 9)], "of recipient 1"),
        (header(public_key="00"), None, "names no public key"),
    ],
)
def test_what_contradicts_itself_does_not_hold_though_it_is_signed(
    first: ProofHeader | None, records: list[MessageRecord] | None, said: str
) -> None:
    assert said in str(refused(proof(first, records)))


def test_what_was_accepted_twice_is_counted() -> None:
    twice = [AttemptRecord(number, Outcome.ACCEPTED, NOON, "accepted", 1) for number in (1, 2)]
    records = [record(1, attempts=twice), *map(record, range(2, 9))]
    assert check(proof(records=records)).accepted_more_than_once == 1


def test_a_phone_is_found_by_the_key_of_the_proof_alone() -> None:
    found = check(whole(), phone=PHONES[2], digest_key=DIGEST_KEY).found
    assert [each.record for each in found] == [3]
    assert check(whole(), phone="628199999999", digest_key=DIGEST_KEY).found == []
    with pytest.raises(InputError, match="hashed: give the key"):
        check(whole(), phone=PHONES[2])
    with pytest.raises(InputError, match="not the key of this proof"):
        check(whole(), phone=PHONES[2], digest_key=bytes(32))


def test_every_sure_form_of_a_number_finds_it() -> None:
    """WhatsApp keeps Mexican numbers with a 1 behind the country code, which nobody dials any more."""
    stored = record(1, phone=Digests(DIGEST_KEY).hidden("5215512345678"))
    said = proof(records=[stored, *map(record, range(2, 9))])
    assert [each.record for each in check(said, phone="525512345678", digest_key=DIGEST_KEY).found] == [1]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\n",
        b"phone,name\n",
        b"\x00" * 100,
        b'{"format":"broadcaster proof"}\n',
        b'{"format":"broadcaster proof",',
    ],
)
def test_what_is_no_proof_is_told_so(said: bytes) -> None:
    assert refused(said).line == 1


@pytest.mark.parametrize("said", [b"<html>hi</html>", b"phone,name\n628123456789,Ann\n", b"\x00" * 100])
def test_what_never_was_a_proof_is_not_cut_off(said: bytes) -> None:
    assert str(refused(said)).endswith("this is no proof: one begins with its format, 'broadcaster proof'")


def test_a_later_version_is_told_so() -> None:
    later = whole().replace(b'"version":1', b'"version":2', 1)
    assert "no proof of version 1" in str(refused(later))


def test_a_line_without_an_end_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadcaster.services.proofs.proof_check.LONGEST_LINE", 10_000)
    endless = io.BytesIO(whole().splitlines(keepends=True)[0] + b"x" * 1_000_000)
    with pytest.raises(ProofError, match="more than 10,000 bytes"):
        check_proof(endless)
    assert endless.tell() < 20_000


def test_one_endless_line_costs_no_more_memory_than_the_longest_line(tmp_path: Path) -> None:
    path = tmp_path / "endless.proof"
    path.write_bytes(whole().splitlines(keepends=True)[0])
    # Without blocks on the disk.
    os.truncate(path, 16 * LONGEST_LINE)
    tracemalloc.start()
    try:
        with path.open("rb") as file, pytest.raises(ProofError, match="more than 16,777,216 bytes") as caught:
            check_proof(file)
        assert tracemalloc.get_traced_memory()[1] < 3 * LONGEST_LINE
    finally:
        tracemalloc.stop()
    assert caught.value.line == 2


@pytest.mark.parametrize("more", [b"\n", b"x", whole().splitlines(keepends=True)[-1]])
def test_nothing_follows_the_signature(more: bytes) -> None:
    assert "something follows the signature" in str(refused(whole() + more))


def test_the_recipe_of_the_documentation_checks_the_chain() -> None:
    """docs/proofs.md, in so many words."""
    link = "0" * 64
    *lines, _ = whole().decode().splitlines()
    for line in lines:
        said, _, rest = line.rpartition(',"chain":"')
        link = hashlib.sha256((link + said).encode()).hexdigest()
        assert rest == link + '"}'


def test_digests_are_those_that_the_documentation_names() -> None:
    hashed, clear = Digests(DIGEST_KEY), Digests(None)
    assert hashed.hidden("62812") == hmac.new(DIGEST_KEY, b"62812", "sha256").hexdigest()
    assert clear.hidden("62812") == "62812"
    assert clear.digest(b"a") == hashlib.sha256(b"a").hexdigest()
    assert hashed.reason("62812000001 is no +62 812-0000-001: 404") == "… is no …"
    assert hashed.reason("error 404 of 1000") == "error 404 of 1000"
    assert clear.reason("62812000001 is not there") == "62812000001 is not there"


@pytest.mark.parametrize(
    ("content", "file", "said"),
    [
        (MessageContent("Hi\n“Ann”"), None, {"body": "Hi\n“Ann”", "phone": "62812"}),
        (MessageContent(None, "look", None, "https://x/"), None, {"caption": "look", "phone": "62812", "url": "https://x/"}),
        (MessageContent(None, None, "a.pdf"), "ab", {"body": "ab", "filename": "a.pdf", "phone": "62812"}),
    ],
)  # fmt: skip
def test_a_request_is_written_as_sorted_json(content: MessageContent, file: str | None, said: dict[str, str]) -> None:
    assert request_text("62812", content, file) == json.dumps(
        said, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    ).encode()  # fmt: skip


def signed(said: list[bytes], signature: bytes | None = None) -> bytes:
    """A proof of these lines, whatever they say, each without its end."""
    link, lines = BEGINNING, []
    for each in said:
        link = link_of(link, each)
        lines.append(each + b',"chain":"' + link.encode() + b'"}\n')
    return b"".join([*lines, signature_line(signature or sign(KEY, signed_text(link)))])


MOMENT = b'"at":"2026-11-28T12:00:00Z"'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq":3', b'"seq":3,"x":' + b"[" * 200_000 + b"]" * 200_000),
        (b'"main"', b'"ma\xffin"'),
        (MOMENT, b'"at":"0001-01-01T00:00:00+14:00"'),
        (MOMENT, b'"at":"9999-12-31T23:59:59-14:00"'),
        (MOMENT, b'"at":"2026-11-28T12:00:00"'),
        (b'"status":200', b'"status":' + b"9" * 5_000),
        (b'"status":200', b'"status":-200'),
        (b'"seq":3', b'"seq":3,"seq":3'),
        (b'"seq":3', b'"seq":3,"unknown":1'),
        (b'"seq":3', b'"seq": 3'),
        (b'"main"', b'"m\\u0061in"'),
    ],
)
def test_a_line_that_we_would_not_write_is_refused_though_it_is_signed(old: bytes, new: bytes) -> None:
    lines = [said_of(header()), *(said_of(record(number)) for number in range(1, 9))]
    assert check(signed(lines)).records == 8
    assert old in lines[3]
    lines[3] = lines[3].replace(old, new, 1)
    assert refused(signed(lines)).line == 4


@pytest.mark.parametrize("spelled", [str.upper, lambda key: key[:32] + " " + key[32:]])
def test_a_public_key_has_one_spelling(spelled: Callable[[str], str]) -> None:
    assert "names no public key" in str(refused(proof(header(public_key=spelled(public_key_of(KEY).hex())))))


def test_counts_are_not_negative() -> None:
    counted = {MessageState.SENT: 8, MessageState.FAILED: -1}
    assert refused(proof(header(messages=counted, total=7))).line == 1
    assert refused(proof(header(recipients_rejected=-1))).line == 1


ORDER_EIGHT = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
SMALL_ORDER = (
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "00" * 32,
    "00" * 31 + "80",
    *ORDER_EIGHT,
    *(key[:-2] + f"{int(key[-2:], 16) | 0x80:02x}" for key in ORDER_EIGHT),
)


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_that_fits_made_up_signatures_signs_nothing(key: str) -> None:
    public, identity = bytes.fromhex(key), bytes([1]) + bytes(63)
    fitting = []
    for number in range(300):
        with suppress(InvalidSignature):
            Ed25519PublicKey.from_public_bytes(public).verify(identity, str(number).encode())
            fitting.append(str(number).encode())
    assert fitting
    assert not any(is_signed(public, identity, message) for message in fitting)


def test_a_proof_by_the_identity_is_refused() -> None:
    lines = [said_of(header(public_key=SMALL_ORDER[0])), *(said_of(record(number)) for number in range(1, 9))]
    with pytest.raises(ProofError, match="the signature is not of these records"):
        check(signed(lines, bytes([1]) + bytes(63)))
