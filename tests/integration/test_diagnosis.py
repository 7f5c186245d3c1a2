"""What `doctor` finds in a database."""

from __future__ import annotations

import io

import msgspec
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.db.engine import open_engine
from broadcaster.domain.states import MessageState
from broadcaster.services.contents import text_content
from broadcaster.services.diagnosis import Finding, Level, examine_database
from broadcaster.services.instances import add_instance, pause_instance
from broadcaster.services.recipients import RecipientOptions, read_recipients
from broadcaster.services.submission import Submission, submit
from broadcaster.settings import Settings


@pytest.fixture(autouse=True)
def campaign(settings: Settings, engine: Engine) -> None:
    """A campaign with three messages, not started."""
    add_instance(engine, open_vault(settings), "main", "a-key")
    content = text_content("Hi")
    submission = Submission(name="news", instances=["main"], content=content, max_attempts=5, draft=True)
    file = io.BytesIO(b"phone\n+12025550100\n+12025550101\n+12025550102\n")
    with read_recipients(file, RecipientOptions(text=content.text)) as recipients:
        submit(engine, submission, recipients)


def findings(engine: Engine, settings: Settings) -> list[Finding]:
    return list(examine_database(engine, settings))


def unwell(engine: Engine, settings: Settings) -> list[tuple[str, Level, str]]:
    found = findings(engine, settings)
    return [(each.check, each.level, each.detail) for each in found if each.level is not Level.OK]


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_nothing_is_wrong_with_a_database_that_is_left_alone(engine: Engine, settings: Settings) -> None:
    assert unwell(engine, settings) == []
    assert "counters" in {finding.check for finding in findings(engine, settings)}


def test_a_counter_that_differs_from_a_recount_is_bad(engine: Engine, settings: Settings) -> None:
    # As if a change had gone past the trigger: the sum still balances, so that only a recount can tell.
    execute(engine, "UPDATE campaign_lanes SET pending = pending - 1, sent = sent + 1")
    assert unwell(engine, settings) == [
        ("counters", Level.BAD, "campaign news on main keeps 2 pending, a recount says 3"),
        ("counters", Level.BAD, "campaign news on main keeps 1 sent, a recount says 0"),
    ]


@pytest.mark.parametrize("state", [MessageState.CLAIMED, MessageState.SENDING, MessageState.IN_DOUBT])
def test_messages_that_have_long_been_on_their_way_are_a_warning(
    engine: Engine, settings: Settings, state: MessageState
) -> None:
    way = [MessageState.CLAIMED, MessageState.SENDING, MessageState.IN_DOUBT]
    for step in way[: way.index(state) + 1]:
        execute(engine, f"UPDATE messages SET state = '{step}', changed_at = now() WHERE seq <= 2")
    assert unwell(engine, settings) == []
    execute(engine, "UPDATE messages SET changed_at = now() - interval '1 hour' WHERE seq = 1")
    [(check, level, detail)] = unwell(engine, settings)
    assert (check, level) == (state.replace("_", " "), Level.WARN)
    assert detail.startswith("2 messages, the oldest for 3600 s, longer than")


def test_a_campaign_that_is_due_and_not_started_is_bad(engine: Engine, settings: Settings) -> None:
    execute(engine, "UPDATE campaigns SET state = 'scheduled', starts_at = now() - interval '1 minute'")
    [(check, level, detail)] = unwell(engine, settings)
    assert (check, level) == ("campaigns", Level.BAD)
    assert detail == "news has been due for 60 s: no beat or no worker runs"


def test_a_paused_instance_is_a_warning_and_a_refused_one_is_bad(engine: Engine, settings: Settings) -> None:
    pause_instance(engine, "main")
    why = "main is paused (paused by an operator), 3 messages wait for it"
    assert unwell(engine, settings) == [("instances", Level.WARN, why)]
    execute(engine, "UPDATE lanes SET health = 'refused', health_reason = 'wrong key'")
    why = "main is refused (wrong key), 3 messages wait for it"
    assert unwell(engine, settings) == [("instances", Level.BAD, why)]


def test_a_secret_key_that_does_not_open_the_instances_keys_is_bad(engine: Engine, settings: Settings) -> None:
    other = msgspec.structs.replace(settings, secret_key=Fernet.generate_key().decode())
    [(check, level, detail)] = unwell(engine, other)
    assert (check, level) == ("secret key", Level.BAD)
    assert detail.startswith("BROADCASTER_SECRET_KEY: does not open")


def test_a_schema_of_another_version_is_bad_and_ends_the_examination(engine: Engine, settings: Settings) -> None:
    execute(engine, "UPDATE alembic_version SET version_num = '0000'")
    found = findings(engine, settings)
    assert [(finding.check, finding.level) for finding in found] == [("postgres", Level.OK), ("schema", Level.BAD)]
    assert "does not know" in found[-1].detail


def test_a_server_that_cannot_be_reached_is_bad_and_ends_the_examination(settings: Settings) -> None:
    elsewhere = msgspec.structs.replace(settings, database_url="postgresql://nobody@127.0.0.1:1/x")
    engine = open_engine(elsewhere)
    [finding] = findings(engine, elsewhere)
    engine.dispose()
    assert (finding.check, finding.level) == ("postgres", Level.BAD)
