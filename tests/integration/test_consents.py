"""Consents: kept as evidence, required by campaigns, outweighed by opt-outs, gone with the person."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from broadcaster.crypto import open_vault
from broadcaster.db.engine import transaction
from broadcaster.errors import UnavailableError, UsageError
from broadcaster.services import dispatch
from broadcaster.services.audiences.imports import Imported, import_file
from broadcaster.services.campaigns import lifecycle
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.cloning import clone_campaign
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.rests import submit_rest
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.consent.block_list import block_phones, unblock_phones
from broadcaster.services.consent.listed_consents import ListedConsents
from broadcaster.services.forgetting.phone_forgetting import forget_phone, traces_of_phone
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from tests.support.shop import Shop, drain

ANN, BOB, CAT = "628120000000", "628120000001", "628120000002"
MEXICAN = ("525512345678", "5215512345678")
AGREED = f"phone,name,agreed\n{ANN},Ann,2026-03-04\n{BOB},Bob,\n{CAT},Cat,2026-03-04 10:30\n"
SOURCE = "web form 2026-03"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b")
    return shop


def take_in(shop: Shop, text: str, column: str | None = "agreed", *, source: str = SOURCE, **how: bool) -> Imported:
    """Import an audience whose people have agreed as the file says."""
    with ListedConsents(source, column, datetime.now(UTC)) as consents:
        options = RecipientOptions(row_checks=[consents], accept_rejected=True, accept_countries=True)
        with read_recipients(io.BytesIO(text.encode()), options) as recipients:
            return import_file(shop.engine, "people", recipients, consents=consents, **how)


def submit(shop: Shop, text: str, column: str | None = None, *, dry_run: bool = False, **how: object) -> Submitted:
    """A campaign of a file that requires consent; with a column, the file tells it."""
    content = text_content("Hi")
    asked: dict[str, object] = {"name": "promo", "instances": ["a"], "max_attempts": 3, "require_consent": True}
    submission = Submission(content=content, **(asked | how))  # type: ignore[arg-type]
    with ListedConsents(SOURCE, column, datetime.now(UTC)) as listed:
        consents = None if column is None else listed
        options = RecipientOptions(row_checks=[] if consents is None else [consents], accept_countries=True)
        with read_recipients(io.BytesIO(text.encode()), options) as recipients:
            return submit_campaign(shop.engine, submission, recipients, consents=consents, dry_run=dry_run)


def over(shop: Shop, name: str = "promo", **how: object) -> Submitted:
    asked: dict[str, object] = {"name": name, "instances": ["a"], "max_attempts": 3, "require_consent": True}
    content = text_content("Hi {{ name }}")
    return submit_over_audience(shop.engine, Submission(content=content, **(asked | how)), "people")  # type: ignore[arg-type]


def reasons(shop: Shop, name: str = "promo") -> dict[str, str]:
    """Why each phone of the campaign was skipped."""
    found = shop.sql(
        "SELECT phone, m.reason FROM messages m JOIN campaigns c ON c.id = m.campaign_id"
        " WHERE c.name = :name AND m.state = 'skipped'",
        name=name,
    )
    return {str(phone): str(reason) for phone, reason in found}


def test_a_consent_has_who_when_how_and_the_words(shop: Shop) -> None:
    imported = take_in(shop, AGREED)
    assert (imported.consents, imported.members) == (2, 3)
    found = shop.sql("SELECT phone, holds, given_on::text, source, words, came_with FROM consents ORDER BY id")
    came_with = "audience people, from the recipients file"
    assert found == [
        (ANN, True, "2026-03-04", SOURCE, "2026-03-04", came_with),
        (CAT, True, "2026-03-04", SOURCE, "2026-03-04 10:30", came_with),
    ]
    # The same list again is the same evidence; other words are another one.
    assert take_in(shop, AGREED).consents == 2
    assert take_in(shop, f"phone,agreed\n{ANN},2026-05-06\n").consents == 1
    assert shop.sql("SELECT count(*) FROM consents") == [(3,)]


def test_without_a_column_all_of_a_list_have_agreed(shop: Shop) -> None:
    for _ in range(2):
        assert take_in(shop, AGREED, None).consents == 3
    assert shop.sql("SELECT count(*), count(words), count(given_on) FROM consents") == [(3, 0, 0)]


def test_what_says_no_day_is_no_member_and_no_consent(shop: Shop) -> None:
    imported = take_in(shop, f"phone,agreed\n{ANN},no\n{BOB},2026-03-04\n{CAT},2999-01-01\n")
    assert (imported.rejected, imported.consents, imported.members) == (2, 1, 1)
    assert ["no day" in imported.rejects[0][2], "yet to come" in imported.rejects[1][2]] == [True, True]
    with pytest.raises(UsageError, match="--consent-column 'nowhere': there is no such column"):
        take_in(shop, AGREED, "nowhere")


def test_what_only_shows_a_difference_keeps_no_consent(shop: Shop) -> None:
    assert take_in(shop, AGREED, replace=True, apply=False).consents == 2
    assert submit(shop, AGREED, "agreed", dry_run=True).no_consent == 1
    assert shop.sql("SELECT count(*) FROM consents") == [(0,)]


def test_who_has_not_agreed_is_counted_and_skipped_at_the_start(shop: Shop) -> None:
    submitted = submit(shop, AGREED, "agreed")
    assert (submitted.total, submitted.consents, submitted.no_consent) == (3, 2, 1)
    dispatch.start_due_campaigns(shop.engine)
    assert reasons(shop) == {BOB: "no_consent"}
    drain(shop)
    assert shop.states("promo") == {"sent": 2, "skipped": 1}
    assert set(shop.accepted()) == {ANN, CAT}


def test_an_earlier_list_has_told_the_consents_of_a_file_without_a_column(shop: Shop) -> None:
    take_in(shop, AGREED)
    assert submit(shop, f"phone\n{ANN}\n{BOB}\n").no_consent == 1
    drain_started(shop)
    assert set(shop.accepted()) == {ANN}


def test_members_are_looked_at_when_the_campaign_starts(shop: Shop) -> None:
    take_in(shop, AGREED)
    assert over(shop, draft=True).no_consent == 1
    # BOB agrees after the submission, CAT opts out.
    take_in(shop, f"phone,agreed\n{BOB},2026-03-05\n")
    block_phones(shop.engine, [CAT], reason="asked")
    lifecycle.start_campaign(shop.engine, "promo")
    drain_started(shop)
    assert reasons(shop) == {CAT: "opted_out"}
    assert set(shop.accepted()) == {ANN, BOB}


def test_an_opt_out_outweighs_a_consent_also_while_it_runs_and_until_it_ends(shop: Shop) -> None:
    take_in(shop, AGREED)
    over(shop)
    dispatch.start_due_campaigns(shop.engine)
    block_phones(shop.engine, [ANN], reason="asked")
    take_in(shop, AGREED.replace("2026-03-04", "2026-03-09"))
    drain(shop)
    assert reasons(shop) == {ANN: "opted_out", BOB: "no_consent"}
    assert shop.sql("SELECT DISTINCT phone FROM consents WHERE NOT holds") == [(ANN,)]
    unblock_phones(shop.engine, [ANN], reason="agreed again")
    over(shop, "again")
    drain_started(shop)
    assert reasons(shop, "again") == {BOB: "no_consent"}


def test_whoever_is_stopped_for_one_instance_is_no_consent_of_it(shop: Shop) -> None:
    take_in(shop, AGREED)
    block_phones(shop.engine, [BOB], instance="a")
    submitted = over(shop)
    assert (submitted.opted_out, submitted.no_consent) == (1, 0)
    drain_started(shop)
    assert reasons(shop) == {BOB: "opted_out"}


@pytest.mark.parametrize("way", ["draft", "paused", "scheduled"])
def test_nothing_starts_without_having_been_looked_through(shop: Shop, way: str) -> None:
    submit(shop, AGREED, "agreed", draft=way == "draft")
    if way == "draft":
        lifecycle.start_campaign(shop.engine, "promo")
    if way == "paused":
        lifecycle.pause_campaign(shop.engine, "promo")
        lifecycle.resume_campaign(shop.engine, "promo")
    assert shop.state("promo") == "scheduled"
    drain_started(shop)
    assert set(shop.accepted()) == {ANN, CAT}


def test_one_that_was_looked_through_goes_on_at_once(shop: Shop) -> None:
    submit(shop, AGREED, "agreed")
    dispatch.start_due_campaigns(shop.engine)
    lifecycle.pause_campaign(shop.engine, "promo")
    assert lifecycle.resume_campaign(shop.engine, "promo").state == "running"
    drain(shop)


def test_its_rest_and_its_clone_require_consent_as_well(shop: Shop) -> None:
    submit(shop, AGREED, "agreed")
    drain_started(shop)
    rest = Submission(name="rest", instances=["a"], content=text_content("Hi"), max_attempts=3)
    submitted = submit_rest(shop.engine, rest, "promo", same_content=True, allow_private=False)
    assert (submitted.total, submitted.no_consent) == (1, 1)
    clone_campaign(shop.engine, "promo", "clone")
    lifecycle.start_campaign(shop.engine, "clone")
    drain_started(shop)
    assert reasons(shop, "rest") == reasons(shop, "clone") == {BOB: "no_consent"}
    assert shop.accepted() == {ANN: 2, CAT: 2}


def test_a_consent_holds_under_every_form_of_the_number_that_is_the_persons(shop: Shop) -> None:
    national, mobile = MEXICAN
    take_in(shop, f"phone,agreed\n+{national},2026-03-04\n")
    shop.sql("UPDATE consent_records SET phone = :phone", phone=mobile)
    submit(shop, f"phone\n+{national}\n")
    drain_started(shop)
    assert reasons(shop) == {}


def test_who_is_forgotten_has_to_agree_anew(shop: Shop) -> None:
    take_in(shop, AGREED)
    vault = open_vault(shop.settings)
    assert traces_of_phone(shop.engine, ANN, lambda: vault).consents == 1
    assert forget_phone(shop.engine, vault, ANN).consents == 1
    assert shop.sql("SELECT phone FROM consents") == [(CAT,)]
    with ListedConsents(SOURCE, "agreed", datetime.now(UTC)) as consents:
        options = RecipientOptions(row_checks=[consents], accept_rejected=True)
        with read_recipients(io.BytesIO(AGREED.encode()), options) as recipients:
            import_file(shop.engine, "people", recipients, consents=consents, open_vault=lambda: vault)
    assert shop.sql("SELECT phone FROM consents") == [(CAT,)]


def test_the_role_of_commands_rewrites_no_consent(shop: Shop) -> None:
    take_in(shop, AGREED)
    for statement in ("UPDATE consent_records SET words = 'x'", "DELETE FROM consent_records"):
        with pytest.raises(UnavailableError, match="permission denied"), transaction(shop.engine) as connection:
            connection.exec_driver_sql(statement)


def drain_started(shop: Shop) -> None:
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
