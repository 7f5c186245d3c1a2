"""What a proof says is what the books say, at one moment, whatever a campaign went through."""

from __future__ import annotations

import hashlib
import hmac
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from cryptography.fernet import Fernet

from broadcaster.crypto import Vault, open_vault
from broadcaster.domain.contents import Content
from broadcaster.domain.proof_format import Digests, MessageRecord
from broadcaster.errors import ConflictError, NotFoundError, SettingsError
from broadcaster.services.campaigns import purging
from broadcaster.services.campaigns.lifecycle import cancel_campaign, pause_campaign
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.forgetting.phone_forgetting import forget_phone
from broadcaster.services.proofs.proof_check import CheckedProof, check_proof
from broadcaster.services.proofs.proof_writer import WrittenProof, write_proof
from broadcaster.services.secret_keys import rotate_secret_keys
from broadcaster.services.signing_keys import public_keys, replace_signing_key, signing_key
from broadcaster.signatures import public_key_of
from tests.support.shop import Shop, drain

KEY = bytes(range(32))
PEOPLE = 6
ANN = "628120000000"
"""The first of them, called N0."""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b")
    return shop


@pytest.fixture
def sent(shop: Shop) -> Shop:
    """A campaign that has ended, of whose messages one was refused."""
    shop.fault("kind=invalid_number,phone=628120000003")
    shop.submit("spring", PEOPLE, "a", "b")
    drain(shop)
    assert shop.state("spring") == "finished"
    return shop


def written(shop: Shop, key: bytes | None = KEY, name: str = "spring") -> tuple[bytes, WrittenProof]:
    lines: list[bytes] = []
    proof = write_proof(shop.engine, open_vault(shop.settings), name, key, lines.append)
    return b"".join(lines), proof


def checked(shop: Shop, key: bytes | None = KEY, phone: str | None = None, name: str = "spring") -> CheckedProof:
    said, _ = written(shop, key, name)
    public_key = public_key_of(signing_key(shop.engine, open_vault(shop.settings)))
    return check_proof(io.BytesIO(said), public_key=public_key, phone=phone, digest_key=key)


def records(said: bytes) -> list[MessageRecord]:
    return [msgspec.json.decode(line, type=MessageRecord) for line in said.splitlines()[1:-1]]


def test_it_has_every_message_as_the_books_have_it(sent: Shop) -> None:
    said, proof = written(sent, key=None)
    found = [(each.phone, each.state.value, each.at, each.instance, each.gateway_id) for each in records(said)]
    books = sent.sql(
        "SELECT phone, state::text, changed_at, i.name, gateway_id FROM messages m JOIN instances i ON i.id = lane_id"
        " ORDER BY seq"
    )
    assert found == books
    attempts = [
        (each.seq, tried.attempt, tried.outcome.value, tried.at, tried.status, tried.reply)
        for each in records(said)
        for tried in each.attempts
    ]
    assert attempts == sent.sql(
        "SELECT seq, attempt, outcome::text, finished_at, http_status, encode(sha256(reply::bytea), 'hex')"
        " FROM attempts ORDER BY seq, attempt"
    )
    assert (proof.records, proof.header.total) == (PEOPLE, PEOPLE)
    assert {state.value: count for state, count in proof.header.messages.items()} == sent.states("spring")
    assert check_proof(io.BytesIO(said)).accepted_more_than_once == 0


def test_the_digest_of_a_request_is_of_what_the_gateway_got(sent: Shop) -> None:
    said, _ = written(sent)
    for entry in sent.gateway.ledger.entries:
        request = b'{"body":"%b","phone":"%b"}' % (str(entry.body).encode(), entry.phone.encode())
        [record] = [
            each for each in records(said) if each.phone == hmac.digest(KEY, entry.phone.encode(), "sha256").hex()
        ]
        assert hmac.digest(KEY, request, "sha256").hex() in [each.request for each in record.attempts]
    assert {entry.body for entry in sent.gateway.ledger.entries} == {f"Hi N{number}" for number in range(PEOPLE)}


def test_of_a_file_the_request_has_its_hash(shop: Shop) -> None:
    content = Content(
        file=b"%PDF-1.7 hello", caption=text_content("Dear {{ name }}").text, filename=text_content("a.pdf").text
    )
    shop.submit("files", 1, "a", content=content)
    drain(shop)
    said, proof = written(shop, key=None, name="files")
    file = hashlib.sha256(b"%PDF-1.7 hello").hexdigest()
    request = f'{{"body":"{file}","caption":"Dear N0","filename":"a.pdf","phone":"{ANN}"}}'
    assert records(said)[0].attempts[0].request == hashlib.sha256(request.encode()).hexdigest()
    [version] = proof.header.contents
    assert (version.kind, version.sha256) == ("file", file)
    assert version.caption_sha256 == hashlib.sha256(b"Dear {{ name }}").hexdigest()


def test_hashed_it_has_nothing_personal_in_it(sent: Shop) -> None:
    sent.sql("UPDATE messages SET reason = 'Ann (+62 812-0000-003) is not there: ' || phone WHERE state = 'failed'")
    said, _ = written(sent)
    text = said.decode()
    assert [phone for (phone,) in sent.sql("SELECT phone FROM messages") if str(phone)[3:] in text] == []
    assert "62812" not in text
    assert "@c.us" not in text
    assert "Ann … is not there: …" in text


def test_what_may_be_a_number_goes_as_when_somebody_is_forgotten(shop: Shop) -> None:
    texts = [
        "+62 812-0000-003 is none",
        "(62812)0000003!",
        "number (+62 812-0000-003) of Ayu, ((62812)0000003)) or (0812) 000-0003 (home)",
        "٦٢٨١٢٠٠٠٠٠٠٣ and 404",
        "a_1_2_3_4_5_6_7 b",
        "62812x3456789",
        "628 12 / / / 345 6789",
        "0812_3456_7890",
        "code 12, a letter b, code 34567",
        "123456",
        "1 2 3 4 5 6 7",
        "failed: 8 of 399 (2.005%), above 2%; opted out: 1,234,567 of 12,345,678 (10%), above 2%",
        "62812345678 of 399 (2%) 0812345678",
    ]
    gone = [shop.sql("SELECT without_numbers(:value)", value=text)[0][0] for text in texts]
    assert [Digests(KEY).reason(text) for text in texts] == gone


def test_a_phone_is_found_with_the_key(sent: Shop) -> None:
    [found] = checked(sent, phone="628120000003").found
    assert (found.state, [each.outcome for each in found.attempts]) == ("failed", ["rejected"])
    assert checked(sent, key=None, phone="628120000003").found[0].phone == "628120000003"


def test_retries_doubts_and_settlements_are_in_it(shop: Shop) -> None:
    shop.submit("spring", 2, "a")
    drain(shop)
    shop.sql(
        "INSERT INTO attempts (segment, campaign_id, seq, attempt, content_version, account_id, outcome, reason)"
        " SELECT segment, campaign_id, seq, 2, 1, 1, 'unknown', 'timeout' FROM messages WHERE seq = 1;"
        "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at,"
        " resolved_as, resolved_at) SELECT segment, campaign_id, seq, 2, lane_id, 1, phone, now(), now(), 'found',"
        " now() FROM messages WHERE seq = 1;"
        "INSERT INTO settlements (segment, campaign_id, seq, attempt, from_state, to_state, settled_by, reason)"
        " SELECT segment, campaign_id, 1, 2, 'unknown', 'sent', 'me', 'Ann said so' FROM messages WHERE seq = 1"
    )
    said, _ = written(shop)
    first, second = records(said)
    assert [(each.attempt, each.outcome, each.doubt) for each in first.attempts] == [
        (1, "accepted", None),
        (2, "unknown", "found"),
    ]
    assert [(each.before, each.after) for each in first.settlements] == [("unknown", "sent")]
    assert (len(second.attempts), second.settlements) == (1, ())
    assert b"Ann" not in said


def test_a_campaign_that_has_not_ended_has_no_proof(shop: Shop) -> None:
    shop.submit("spring", 2, "a")
    with pytest.raises(ConflictError, match="has not ended"):
        written(shop)
    pause_campaign(shop.engine, "spring")
    with pytest.raises(ConflictError, match="has not ended"):
        written(shop)
    cancel_campaign(shop.engine, "spring")
    assert checked(shop).header.messages == {"cancelled": 2}
    with pytest.raises(NotFoundError, match="no campaign is called 'summer'"):
        written(shop, name="summer")


def test_what_is_refused_makes_no_key(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        written(shop)
    assert public_keys(shop.engine) == []


def test_of_a_purged_campaign_it_says_what_is_left(sent: Shop) -> None:
    sent.end_long_ago("spring")
    assert purging.purge_campaign(sent.engine, 1, timedelta(days=30)) is not None
    found = checked(sent)
    remains = found.header.remains
    assert remains is not None
    assert (found.records, found.header.total) == (0, PEOPLE)
    assert (remains.messages, remains.attempts) == (
        {"sent": PEOPLE - 1, "failed": 1},
        {"accepted": PEOPLE - 1, "rejected": 1},
    )


def test_who_was_forgotten_is_nobody_in_it(sent: Shop) -> None:
    forget_phone(sent.engine, open_vault(sent.settings), ANN)
    found = checked(sent, phone=ANN)
    assert (found.records, found.found) == (PEOPLE, [])
    first, *_ = records(written(sent, key=None)[0])
    assert (first.phone, first.reason, first.attempts[0].request, first.attempts[0].reply) == (
        None,
        "forgotten",
        None,
        None,
    )


def test_all_of_it_is_as_of_one_moment(sent: Shop) -> None:
    """Somebody is forgotten while it is being written."""
    lines: list[bytes] = []

    def write(line: bytes) -> None:
        lines.append(line)
        if len(lines) == 1:
            forget_phone(sent.engine, open_vault(sent.settings), ANN)

    write_proof(sent.engine, open_vault(sent.settings), "spring", KEY, write)
    found = check_proof(io.BytesIO(b"".join(lines)), phone=ANN, digest_key=KEY)
    assert [each.state for each in found.found] == ["sent"]


def test_one_key_signs_however_many_make_one_at_once(shop: Shop) -> None:
    together = threading.Barrier(4)

    def make(_: int) -> bytes:
        together.wait()
        return signing_key(shop.engine, open_vault(shop.settings))

    def replace(_: int) -> str:
        together.wait()
        return replace_signing_key(shop.engine, open_vault(shop.settings))

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(make, range(4)))) == 1
        replaced = set(threads.map(replace, range(4)))
    now = public_key_of(signing_key(shop.engine, open_vault(shop.settings))).hex()
    keys = public_keys(shop.engine)
    assert [each.public_key for each in keys if each.signs] == [now]
    assert now in replaced <= {each.public_key for each in keys}


def test_what_an_earlier_key_signed_still_holds(sent: Shop) -> None:
    said, proof = written(sent)
    replace_signing_key(sent.engine, open_vault(sent.settings))
    before = [each.public_key for each in public_keys(sent.engine) if not each.signs]
    assert before == [proof.header.public_key]
    assert check_proof(io.BytesIO(said), public_key=bytes.fromhex(before[0])).records == PEOPLE
    assert written(sent)[1].header.public_key != before[0]
    assert sent.sql("SELECT count(*) FROM signing_keys WHERE key_encrypted IS NULL") == [(1,)]


def test_the_key_is_sealed_and_goes_over_to_the_next_secret_key(sent: Shop) -> None:
    key = signing_key(sent.engine, open_vault(sent.settings))
    [(sealed,)] = sent.sql("SELECT key_encrypted FROM signing_keys")
    assert key.hex().encode() not in bytes(sealed)  # type: ignore[arg-type]
    new = Fernet.generate_key().decode()
    with pytest.raises(SettingsError, match="proof key --new"):
        signing_key(sent.engine, Vault([new]))
    rotate_secret_keys(sent.engine, Vault([new, str(sent.settings.secret_key)]))
    assert signing_key(sent.engine, Vault([new])) == key
