"""What the role of commands and workers may do, and what it may not whoever has its password."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import errors
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from broadcaster.cli.database import upgrade_database
from broadcaster.db.grants import excess, grant, grant_runtime, quoted_identifier, require_privileges
from broadcaster.errors import SettingsError, UnavailableError
from broadcaster.services.diagnosis import examine_database
from broadcaster.services.findings import Level
from broadcaster.settings import Settings
from tests.support.database import as_owner
from tests.support.shop import Shop, drain

AS_IT_IS = {"no_parameters": True}
VIEWS = (
    *("campaign_report", "failure_report", "unsent_counts", "instance_report", "message_log", "occurrence_report"),
    *("attempt_report", "doubt_report", "hour_report", "reply_report", "sent_report", "speed_report"),
)
KEPT = "DELETE INSERT SELECT UPDATE"
"""Of what operators keep."""
PRIVILEGES = {
    "accepted_counts": "SELECT",
    "accounts": "INSERT SELECT UPDATE",
    "alembic_version": "SELECT",
    "attempt_hours": "SELECT",
    "attempt_slots": "SELECT",
    "attempts": "INSERT SELECT UPDATE(finished_at)",
    "audience_members": KEPT,
    "audiences": KEPT,
    "audit_log": "SELECT",
    "campaign_files": "INSERT SELECT",
    "campaign_judgements": "INSERT SELECT UPDATE",
    "campaign_lanes": "INSERT(campaign_id lane_id weight) SELECT"
    " UPDATE(failed_before last_claimed_at next_due_at open retired sent_before weight)",
    "campaign_plans": "INSERT SELECT",
    "campaigns": "INSERT SELECT UPDATE(audience_filter care content_version expires_at finished_at hours_id priority"
    " recipients_read recipients_rejected rest_taken_at sharing source started_at starts_at state state_reason)",
    "caps": KEPT,
    "confirmed_opt_outs": "INSERT(lane_id opt_out_id phone) SELECT",
    "consent_records": "INSERT(came_with forms given_on phone source words) SELECT",
    "consents": "SELECT",
    "content_versions": "INSERT SELECT",
    "contents": "INSERT SELECT",
    "deliveries": "INSERT SELECT UPDATE(answer campaign_id delivered_at given_up_at next_try_at tries)",
    "doubts": "INSERT SELECT UPDATE(absences ended_at is_unread next_poll_at polls reading resolved_as resolved_at"
    " started_at unreadable_seconds)",
    "failovers": "INSERT(campaign_id lane_id reason) SELECT UPDATE(ended_at seen_version)",
    "failure_counts": "SELECT",
    "forgetting_key": "INSERT SELECT UPDATE(key_encrypted)",
    "forgotten_phones": "DELETE SELECT",
    "frequency_records": KEPT,
    "idle_times": "SELECT",
    "inbound_messages": "INSERT SELECT",
    "inbox_chats": KEPT,
    "inboxes": "INSERT SELECT UPDATE",
    "instances": KEPT,
    "known_phones": "DELETE INSERT(account_id is_contact phone) SELECT",
    "campaign_limits": "DELETE INSERT SELECT",
    "lane_limits": "DELETE INSERT SELECT",
    "lane_moves": "INSERT(campaign_id from_lane_id messages reason to_lane_id) SELECT",
    "lane_troubles": "SELECT",
    "lanes": "INSERT SELECT UPDATE",
    "limits": KEPT,
    "looks": KEPT,
    "messaged_phones": KEPT,
    "opt_outs": "INSERT(forms inbound_id lane_id phone way words) SELECT "
    "UPDATE(ended_at ended_command ended_inbound_id ended_operator ended_way ended_words)",
    "opted_out": "SELECT",
    "optouts": "SELECT",
    "replies": "SELECT",
    "undecided_replies": "SELECT",
    "messages": "INSERT(campaign_id home_lane_id lane_id next_attempt_at ordinal phone recipient_group segment seq"
    " variables) SELECT"
    " UPDATE(attempt changed_at claim_token content_version gateway_id lane_id next_attempt_at reason spent state)",
    "notices": "DELETE INSERT SELECT",
    "occurrences": "INSERT SELECT UPDATE",
    "opening_hours": "INSERT SELECT",
    "openings": "INSERT SELECT UPDATE(closes_at opens_at reckoned_at)",
    "purges": "SELECT",
    "receivers": KEPT,
    "recipient_groups": "INSERT SELECT",
    "rejected_recipients": "INSERT SELECT",
    "schedule_lanes": "DELETE INSERT SELECT",
    "schedule_limits": "DELETE INSERT SELECT",
    "schedules": KEPT,
    "settlements": "INSERT SELECT",
    "signing_keys": "INSERT(key_encrypted public_key) SELECT UPDATE(key_encrypted)",
    "ticks": "INSERT SELECT UPDATE",
    "troubles": KEPT,
    "worker_figures": KEPT,
    **dict.fromkeys(VIEWS, "SELECT"),
}
"""By table; in parentheses the columns where it is not all of them. docs/security-roles.md has the same for people."""
_PRIVILEGES = """
SELECT relname, string_agg(privilege || coalesce('(' || columns || ')', ''), ' ' ORDER BY privilege)
FROM (
    SELECT c.relname, acl.privilege_type AS privilege, NULL AS columns
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind <> 'S' AND acl.grantee IN (0, current_user::regrole)
    UNION ALL
    SELECT c.relname, acl.privilege_type, string_agg(a.attname, ' ' ORDER BY a.attname)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid CROSS JOIN LATERAL aclexplode(a.attacl) acl
    WHERE c.relnamespace = 'public'::regnamespace AND acl.grantee IN (0, current_user::regrole)
    GROUP BY 1, 2
) granted
GROUP BY relname
"""


@pytest.fixture
def sent(shop: Shop) -> Shop:
    """A campaign of which everything was sent, and one that waits."""
    shop.add("a")
    shop.submit("done", 2, "a")
    drain(shop)
    shop.submit("waiting", 2, "a", first=100)
    return shop


def as_runtime(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_the_role_of_commands_and_workers_has_these_privileges_and_no_other(engine: Engine) -> None:
    with engine.begin() as connection:
        found = dict(map(tuple, connection.execute(text(_PRIVILEGES))))
        memberships = connection.scalars(
            text("SELECT roleid::regrole::text FROM pg_auth_members WHERE member = current_user::regrole")
        )
        assert list(memberships) == []
    assert found == PRIVILEGES
    assert excess(engine) == []
    require_privileges(engine)


def test_who_runs_as_the_owner_is_told_so(engine: Engine) -> None:
    assert excess(as_owner(engine))[:3] == [
        "is a superuser",
        "owns the schema's tables",
        "may create objects in the schema",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (n int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE SCHEMA mine",
        "ALTER TABLE messages DISABLE TRIGGER ALL",
        "DROP TABLE looks",
        "ALTER FUNCTION count_messages() RESET ALL",
        "SET session_replication_role = replica",
        "DELETE FROM messages",
        "DELETE FROM messages_0",
        "SELECT * FROM messages_0",
        "TRUNCATE messages",
        "DELETE FROM attempts",
        "UPDATE attempts SET outcome = 'rejected'",
        "UPDATE messages SET phone = '1'",
        "UPDATE messages SET campaign_id = 2",
        "INSERT INTO messages (campaign_id, segment, seq, lane_id, phone, state) VALUES (1, 0, 9, 1, '9', 'sent')",
        "UPDATE campaign_lanes SET sent = sent + 1, total = total + 1",
        "INSERT INTO campaign_lanes (campaign_id, lane_id, total, sent) VALUES (1, 1, 1, 1)",
        "UPDATE failure_counts SET messages = 0",
        "DELETE FROM doubts",
        "DELETE FROM settlements",
        "UPDATE settlements SET settled_by = 'somebody else'",
        "DELETE FROM campaigns",
        "UPDATE content_versions SET content_id = 1",
        "DELETE FROM content_versions",
        "DELETE FROM rejected_recipients",
        "UPDATE contents SET body = 'another text'",
        "UPDATE alembic_version SET version_num = '0'",
        "SELECT count_message_changes(ARRAY[(1, 1, 'sent', now(), 1)::message_change])",
        "SELECT lo_create(0)",
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(0, 'what no table shows')",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY messages TO PROGRAM 'cat'",
        "COPY (SELECT 1) TO '/tmp/broadcaster-copy'",
        "ALTER ROLE broadcaster_runtime SUPERUSER",
        "CREATE ROLE another",
        "SET ROLE broadcaster",
    ],
)
def test_what_it_has_no_use_for_is_refused(sent: Shop, statement: str) -> None:
    sent.sql(
        "INSERT INTO settlements (segment, campaign_id, seq, attempt, from_state, to_state, settled_by)"
        " VALUES (0, 1, 1, 1, 'unknown', 'sent', 'me')"
    )
    with pytest.raises(DBAPIError, match=r"permission denied|must be|must have") as refused:
        as_runtime(sent.engine, statement)
    assert isinstance(refused.value.orig, errors.InsufficientPrivilege)


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_it_connects_to_no_other_database_of_the_embedded_server(engine: Engine, database: str) -> None:
    elsewhere = create_engine(engine.url.set(database=database), poolclass=NullPool)
    with pytest.raises(DBAPIError, match=f'permission denied for database "{database}"'), elsewhere.connect():
        pass


def test_no_table_of_its_own_can_be_counted_as_messages(sent: Shop) -> None:
    with pytest.raises(DBAPIError, match="permission denied for function count_messages"):
        as_runtime(
            sent.engine,
            "CREATE TEMPORARY TABLE mine (LIKE messages) ON COMMIT DROP;"
            "CREATE TRIGGER mine AFTER INSERT ON mine REFERENCING NEW TABLE AS new_rows"
            " FOR EACH STATEMENT EXECUTE FUNCTION count_messages()",
        )


def test_temporary_tables_stand_for_no_table_of_the_books(sent: Shop) -> None:
    """What a session makes for itself is found first, unless a function says where it looks."""
    sent.engine.dispose()  # in a new session, which has not found the real ones yet
    with sent.engine.begin() as connection:
        for name in ("campaigns", "campaign_lanes", "failure_counts", "audience_members"):
            connection.execute(text(f"CREATE TEMPORARY TABLE {name} (LIKE public.{name}) ON COMMIT DROP"))
        connection.execute(text("CREATE TEMPORARY TABLE message_change (campaign_id int) ON COMMIT DROP"))
        connection.execute(text("INSERT INTO campaigns SELECT * FROM public.campaigns"))
        connection.execute(text("UPDATE campaigns SET state = 'running', finished_at = NULL"))
        connection.execute(text("UPDATE public.messages SET state = 'skipped', reason = 'no' WHERE state = 'pending'"))
        assert connection.scalar(text("SELECT campaign_balances(2)"))
        assert connection.scalar(text("SELECT count(*) FROM campaign_lanes")) == 0
    assert sent.states("waiting") == {"skipped": 2}
    sent.engine.dispose()
    with sent.engine.begin() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE campaigns (LIKE public.campaigns) ON COMMIT DROP"))
        connection.execute(text("INSERT INTO campaigns SELECT * FROM public.campaigns"))
        connection.execute(text("UPDATE campaigns SET state = 'running', finished_at = NULL"))
        with pytest.raises(DBAPIError, match="campaign 1 is finished"):
            connection.execute(text("UPDATE public.campaign_lanes SET open = true WHERE campaign_id = 1"))


def test_every_function_that_runs_as_the_owner_looks_in_fixed_places_and_is_not_for_everybody(engine: Engine) -> None:
    with engine.begin() as connection:
        functions = connection.execute(
            text(
                "SELECT proname, coalesce(array_to_string(proconfig, '; '), ''),"
                " EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)"
                " FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
            )
        ).all()
    assert {name for name, _, _ in functions} >= {
        "count_messages",
        "open_segment",
        "attach_segment",
        "audit_change",
        "purge_campaign",
    }
    for name, config, for_everybody in functions:
        assert "search_path=pg_catalog, public, pg_temp" in config, name
        assert not for_everybody, name


SEGMENT_CALLS = ("index_segment", "delete_repeated_of_segment", "number_repeated_of_segment", "attach_segment")
WITH_A_LIMIT = ("number_repeated_of_segment",)


@pytest.mark.parametrize("function", SEGMENT_CALLS)
@pytest.mark.parametrize("campaign", ["0", "1", "77", "-1", "NULL"])
def test_only_segments_that_are_being_filled_are_touched(sent: Shop, function: str, campaign: str) -> None:
    with pytest.raises(DBAPIError, match="no segment is being filled"):
        as_runtime(sent.engine, f"SELECT * FROM {function}({campaign}{', 50' * (function in WITH_A_LIMIT)})")


@pytest.mark.parametrize("campaign", ["0", "1", "-1", "NULL", "3", "77"])
def test_a_campaign_with_messages_or_of_no_given_id_gets_no_segment(sent: Shop, campaign: str) -> None:
    with pytest.raises(DBAPIError, match="is not new: it gets no segment"):
        as_runtime(sent.engine, f"SELECT open_segment({campaign})")


def test_a_segment_belongs_to_its_campaign_alone_and_takes_new_messages_alone(sent: Shop) -> None:
    attempts: list[tuple[str, str]] = [
        ("INSERT INTO messages_3 (seq, lane_id, phone, campaign_id) VALUES (1, 1, '1', 1)", "violates check"),
        ("INSERT INTO messages_3 (seq, lane_id, phone, state) VALUES (1, 1, '1', 'sent')", "permission denied"),
        ("SELECT attach_segment(3)", "none to which a segment belongs"),
        ("DELETE FROM messages_3", "permission denied"),
        ("DROP TABLE messages_3", "must be owner"),
    ]
    as_runtime(sent.engine, "SELECT nextval('campaigns_id_seq')")
    for statement, refusal in attempts:
        with pytest.raises(DBAPIError, match=refusal), sent.engine.begin() as connection:
            connection.execute(text("SELECT open_segment(3)"))
            connection.execute(text(statement))


def _segments(shop: Shop) -> list[str]:
    found = shop.sql("SELECT relname FROM pg_class WHERE relname ~ '^(messages|attempts)_[1-9][0-9]*$' ORDER BY 1")
    return [name for (name,) in found]


@pytest.mark.parametrize("are_left", [33, 1])
def test_segments_that_somebody_left_behind_take_nobodys_place(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch, are_left: int
) -> None:
    monkeypatch.setattr("broadcaster.services.campaigns.loading.LARGE_CAMPAIGN", 1)
    shop.add("a")
    as_runtime(shop.engine, f"SELECT open_segment(nextval('campaigns_id_seq')) FROM generate_series(1, {are_left})")
    as_runtime(as_owner(shop.engine), "SELECT setval('campaigns_id_seq', 1, false)")
    shop.submit("own", 3, "a")  # which gets the number of one of them
    assert shop.sql("SELECT segment FROM campaigns") == [(1,)]
    drain(shop)
    assert shop.states("own") == {"sent": 3}
    upgrade_database(settings)
    assert _segments(shop) == ["attempts_1", "messages_1"]


def test_whoever_makes_the_same_segment_at_the_same_time_stops_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcaster.services.campaigns.loading.LARGE_CAMPAIGN", 1)
    shop.add("a")
    with shop.engine.connect() as other:
        other.execute(text("SELECT open_segment(nextval('campaigns_id_seq'))"))
        as_runtime(as_owner(shop.engine), "SELECT setval('campaigns_id_seq', 1, false)")
        shop.submit("own", 3, "a")
    assert shop.sql("SELECT segment, state FROM campaigns") == [(0, "running")]


def test_what_was_loaded_is_out_of_reach_once_it_is_a_segment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadcaster.services.campaigns.loading.LARGE_CAMPAIGN", 1)
    shop.add("a")
    shop.submit("own", 3, "a")
    for statement in ("SELECT * FROM messages_1", "INSERT INTO messages_1 (phone) VALUES ('1')"):
        with pytest.raises(DBAPIError, match="permission denied"):
            as_runtime(shop.engine, statement)
    drain(shop)
    assert shop.states("own") == {"sent": 3}


def test_a_lacking_privilege_is_named_and_an_upgrade_grants_it(
    engine: Engine, owner: Engine, settings: Settings
) -> None:
    as_runtime(owner, "REVOKE UPDATE (reason) ON messages FROM broadcaster_runtime")
    as_runtime(owner, "GRANT DELETE ON messages TO broadcaster_runtime")
    with pytest.raises(UnavailableError, match=r"lacks UPDATE on messages.reason: grant .+ `broadcaster db upgrade`"):
        require_privileges(engine)
    [role] = [finding for finding in examine_database(engine, settings) if finding.check == "role"]
    assert (role.level, role.command) == (Level.BAD, "broadcaster db upgrade")
    assert upgrade_database(settings) == []
    require_privileges(engine)
    assert excess(engine) == []


def test_a_role_that_may_more_than_it_has_use_for_is_a_warning(
    engine: Engine, owner: Engine, settings: Settings
) -> None:
    as_runtime(owner, "GRANT DELETE ON messages, attempts TO broadcaster_runtime")
    as_runtime(owner, "GRANT CREATE ON SCHEMA public TO broadcaster_runtime")
    [role] = [finding for finding in examine_database(engine, settings) if finding.check == "role"]
    assert role.level is Level.WARN
    assert "may create objects in the schema and may delete from attempts, messages" in role.detail


@pytest.mark.parametrize("name", ["plain", 'with "quotes"', "a; DROP TABLE messages; --", "%s\n{role}"])
def test_a_role_of_any_name_is_granted(owner: Engine, name: str) -> None:
    holds = text("SELECT has_table_privilege(:name, 'messages', 'SELECT')")
    with owner.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {quoted_identifier(name)}", execution_options=AS_IT_IS)
        assert not connection.scalar(holds, {"name": name})
    grant(owner, name, str(owner.url.database))
    with owner.begin() as connection:
        assert connection.scalar(holds, {"name": name})
        for end in ("DROP OWNED BY", "DROP ROLE"):
            connection.exec_driver_sql(f"{end} {quoted_identifier(name)}", execution_options=AS_IT_IS)


def test_several_upgrades_at_once_grant_without_getting_in_each_others_way(owner: Engine) -> None:
    with ThreadPoolExecutor(max_workers=6) as pool:
        granting = [pool.submit(grant, owner, "broadcaster_runtime", str(owner.url.database)) for _ in range(18)]
        assert [each.result() for each in granting] == [None] * 18


def test_urls_of_different_databases_are_refused(engine: Engine, owner: Engine) -> None:
    elsewhere = create_engine(owner.url.set(database="postgres"), poolclass=NullPool)
    with pytest.raises(SettingsError, match="must be of the same database"):
        grant_runtime(elsewhere, engine)
