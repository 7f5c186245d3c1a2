"""A large campaign gets a segment of its own, and nobody can tell but by the time that it takes."""

from __future__ import annotations

import io
import threading

import pytest
from sqlalchemy import Engine, text

from broadcaster.db.engine import transaction
from broadcaster.errors import BroadcasterError, ConflictError
from broadcaster.services.campaigns import loading, segments
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from tests.support.database import as_owner
from tests.support.shop import Shop, drain

PEOPLE = """\
phone,name,Order #
+62 812-0000-0001,Ann,1
,,
62812000000x,no number,2

6281200000002,"two
lines",3
6281200000001,Ann again,4
62812,too short,5
6281200000003,"a \\ ""quote"", a tab\t and 😀",6
0062812-0000-0004,%s %d,7
6281200000002,twice,8
6281200000001,Ann once more,9
6281200000005,,
"""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b", rate="1/s")
    return shop


@pytest.fixture
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 1)


def _submit(engine: Engine, name: str, people: str, *instances: str, dry_run: bool = False) -> Submitted:
    content = text_content("Hi {{ name }}")
    submission = Submission(name=name, instances=instances, content=content, max_attempts=3)
    options = RecipientOptions(text=None, batch_size=4)
    with read_recipients(io.BytesIO(people.encode()), options) as recipients:
        return submit_campaign(engine, submission, recipients, dry_run=dry_run)


def _stored(shop: Shop, campaign: int | None) -> list[list[tuple[object, ...]]]:
    """Everything about a campaign but its id and its segment."""
    return [
        shop.sql(f"SELECT {columns} FROM {table} WHERE campaign_id = :campaign ORDER BY 1", campaign=campaign)
        for table, columns in {
            "messages": "seq, lane_id, phone, variables, state, attempt, spent, next_attempt_at::text, reason",
            "rejected_recipients": "line, phone, reason",
            "campaign_lanes": "lane_id, total, pending, next_due_at::text, open",
        }.items()
    ]


def _tables(shop: Shop) -> list[object]:
    return [name for (name,) in shop.sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '_\\d+$'")]


def test_both_ways_into_the_database_store_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = _submit(shop.engine, "shared", PEOPLE, "a", "b")
    monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 3)  # reached in the second batch
    own = _submit(shop.engine, "own", PEOPLE, "a", "b")
    assert (own.read, own.total, own.rejected, own.duplicates) == (10, 5, 2, 3)
    assert (own.samples, own.rejects) == (shared.samples, shared.rejects)
    assert _stored(shop, own.campaign_id) == _stored(shop, shared.campaign_id)
    assert shop.sql("SELECT DISTINCT segment, campaign_id FROM messages ORDER BY 1") == [
        (0, shared.campaign_id),
        (own.campaign_id, own.campaign_id),
    ]
    rejected = "SELECT line, reason FROM rejected_recipients WHERE campaign_id = :id ORDER BY line"
    assert shop.sql(rejected, id=own.campaign_id) == [
        (4, "This is not a phone number: only digits, +, spaces, dashes, dots, slashes and parentheses may be in it."),
        (8, "The number is in the file already, on line 2."),
        (9, "The number has too few digits for its country."),
        (12, "The number is in the file already, on line 6."),
        (13, "The number is in the file already, on line 2."),
    ]


@pytest.mark.usefixtures("all_are_large")
def test_a_segment_is_like_the_shared_one(shop: Shop) -> None:
    campaign = _submit(shop.engine, "own", PEOPLE, "a").campaign_id

    def described(segment: object) -> list[tuple[object, ...]]:
        return shop.sql(
            "SELECT parent.relname, child.relkind, child.reloptions, am.amname"
            " FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
            " JOIN pg_class parent ON parent.oid = inhparent JOIN pg_am am ON am.oid = child.relam"
            " WHERE child.relname ~ :name ORDER BY 1",
            name=f"^(messages|attempts)_{segment}(_|$)",
        )

    assert described(campaign) == described(0)
    indexes = "SELECT count(*) FROM pg_index WHERE indrelid IN (:messages ::regclass, :attempts ::regclass)"
    counted = [
        shop.sql(indexes, messages=f"messages_{segment}", attempts=f"attempts_{segment}") for segment in (0, campaign)
    ]
    assert counted[0] == counted[1]
    checks = "SELECT conname FROM pg_constraint WHERE conrelid = :messages ::regclass AND contype = 'c'"
    assert shop.sql(checks, messages=f"messages_{campaign}") == shop.sql(checks, messages="messages_0")


@pytest.mark.usefixtures("all_are_large")
def test_it_is_sent_and_its_sums_outlive_its_segment(shop: Shop) -> None:
    shop.submit("own", 40, "a")
    shop.submit("own too", 30, "a", first=1000)
    drain(shop)
    assert [shop.state(name) for name in ("own", "own too")] == ["finished", "finished"]
    assert len(shop.accepted()) == 70
    assert shop.sql("SELECT segment = campaign_id, count(*) FROM attempts GROUP BY 1") == [(True, 70)]
    [(campaign,)] = shop.sql("SELECT id FROM campaigns WHERE name = 'own'")
    with transaction(as_owner(shop.engine)) as connection:
        connection.execute(text(f"DROP TABLE messages_{campaign}, attempts_{campaign}"))
        assert shop.states("own") == {"sent": 40}
        connection.rollback()


@pytest.mark.usefixtures("all_are_large")
def test_there_are_only_so_many_segments(shop: Shop) -> None:
    for number in range(1001, 1032):
        shop.sql(f"CREATE TABLE messages_{number} PARTITION OF messages FOR VALUES IN ({number})")
    _submit(shop.engine, "own", PEOPLE, "a")
    assert _submit(shop.engine, "shared", PEOPLE, "a").total == 5
    assert shop.sql("SELECT segment = 0 FROM campaigns ORDER BY id") == [(False,), (True,)]


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("fault", ['6281200000009,"never closed,1\n', "6281200000009,too few\n"])
def test_nothing_is_left_of_a_refused_one(shop: Shop, fault: str) -> None:
    before = _tables(shop)
    with pytest.raises(BroadcasterError):
        _submit(shop.engine, "own", PEOPLE + fault, "a")
    assert _submit(shop.engine, "own", PEOPLE, "a", dry_run=True).total == 5
    assert _tables(shop) == before
    assert shop.sql("SELECT count(*) FROM campaigns") == [(0,)]


@pytest.mark.usefixtures("all_are_large")
def test_others_send_and_submit_while_one_is_being_attached(shop: Shop) -> None:
    shop.submit("small", 20, "a")
    errors: list[BaseException] = []

    def submit_another() -> None:
        try:
            _submit(shop.engine, "second", PEOPLE, "b")
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)

    with transaction(as_owner(shop.engine)) as connection:
        given = connection.exec_driver_sql("SELECT nextval('campaigns_id_seq')").scalar_one()
        segment = segments.open_segment(connection, given)
        assert segment is not None
        connection.exec_driver_sql(
            f"ALTER TABLE messages ATTACH PARTITION {segment.messages} FOR VALUES IN ({segment.number})"
        )
        other = threading.Thread(target=submit_another)
        other.start()
        # Neither the lock that is held nor the one that the other submission waits for stops the sending.
        _await_waiting(shop)
        drain(shop)
        assert shop.states("small") == {"sent": 20}
        connection.rollback()
    other.join(30)
    assert not other.is_alive()
    assert errors == []
    assert shop.states("second") == {"pending": 5}


@pytest.mark.usefixtures("all_are_large")
def test_a_name_that_is_taken_meanwhile_is_refused(shop: Shop) -> None:
    _submit(shop.engine, "own", PEOPLE, "a")
    with pytest.raises(ConflictError):
        _submit(shop.engine, "own", PEOPLE, "a")


def _await_waiting(shop: Shop) -> None:
    waiting = "SELECT pg_sleep(0.01), count(*) FROM pg_locks WHERE NOT granted AND relation = 'messages'::regclass"
    for _ in range(1000):
        with shop.engine.connect() as connection:
            _, count = connection.execute(text(waiting)).one()
        if count:
            return
    raise AssertionError("nobody waits")
