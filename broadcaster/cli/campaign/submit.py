"""`broadcaster campaign submit`: from the command line's options to a stored campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast

import typer
from sqlalchemy import Engine

from broadcaster.cli.campaign.submitted import ask_again, say_submitted, submitted_document
from broadcaster.cli.campaign.watch import follow
from broadcaster.cli.database import database, nudge_workers, prepare_nudge, vault_opener
from broadcaster.cli.options.care_options import CareOptions
from broadcaster.cli.options.consent_options import ConsentOptions
from broadcaster.cli.options.content import ContentOptions, Strict
from broadcaster.cli.options.limit_options import CampaignLimits, named_limits
from broadcaster.cli.options.recipients import (
    FILE_PANEL,
    AudienceOption,
    ExcludeOption,
    FileReadingOptions,
    WhereOption,
    parse_members,
    recipients_source,
)
from broadcaster.cli.options.results import Json
from broadcaster.cli.options.sending_hours import CampaignWindowOptions, ExpiryOptions
from broadcaster.cli.options.sharing_options import INSTANCE, SharingOptions
from broadcaster.cli.options.when import given_moment
from broadcaster.cli.output import say_json
from broadcaster.cli.recipient_progress import progress_bar
from broadcaster.cli.rejected_file import RejectedOption, rejected_rows
from broadcaster.domain.conditions import Condition
from broadcaster.domain.contents import Content
from broadcaster.domain.moments import FORMS
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.sharing import given_weights, parse_weights
from broadcaster.domain.templates import variable_name
from broadcaster.errors import InputError, UsageError
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.content_rows import ContentRows
from broadcaster.services.campaigns.loading import OnePer
from broadcaster.services.campaigns.rests import campaign_of, submit_rest
from broadcaster.services.campaigns.stored_campaign import StoredCampaign
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.countries import known_country
from broadcaster.services.recipients.list_options import RowCheck
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.recipients.row_checks import SentAlreadyError
from broadcaster.settings import Settings, load


@dataclass(frozen=True, slots=True)
class WhomOptions:
    """Who the recipients are: those of a file, or of an audience."""

    recipients: Annotated[
        Path | None,
        typer.Option(
            "--recipients",
            metavar="FILE|-",
            help="A CSV, .xlsx, .ods or .vcf file; - reads standard input. Its other columns are template variables.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = None
    audience: AudienceOption = None
    where: WhereOption = None
    one_per: Annotated[
        OnePer,
        typer.Option(
            "--one-per",
            help="One message for each phone of the file, or for each row: a family may share a phone.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = OnePer.PHONE
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Send also to rows of a campaign's export that were sent, or may be.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = False
    exclude: ExcludeOption = None
    rejected: RejectedOption = None
    rest_of: Annotated[
        str | None,
        typer.Option(
            "--rest-of",
            metavar="CAMPAIGN",
            help="Its recipients who have not got it. Without a content or a --window of its own it has the same.",
        ),
    ] = None

    def check(self, reading: FileReadingOptions) -> None:
        """Raise UsageError unless they go together, and with how a file is read."""
        if sum(source is not None for source in (self.recipients, self.audience, self.rest_of)) != 1:
            raise UsageError("give exactly one of --recipients, --audience and --rest-of")
        if (self.where or self.exclude) and self.rest_of is not None:
            given = "--where" if self.where else "--exclude"
            raise UsageError(
                f"{given} goes with --recipients and --audience; a rest has the recipients of its campaign"
            )
        if self.recipients is None and (self.one_per is not OnePer.PHONE or self.again):
            why = "a phone is in an audience once" if self.rest_of is None else "a rest has them as its campaign had"
            raise UsageError(f"--one-per and --again go with --recipients: {why}")
        if self.recipients is None and self.rejected is not None:
            raise UsageError("--rejected goes with --recipients: it has the rows of a file")
        if self.audience is not None and reading.require:
            first = variable_name(reading.require[0].partition(",")[0])
            raise UsageError(f"--require goes with --recipients; of an audience say --where '{first} is not empty'")
        if self.recipients is None and reading.are_given:
            raise UsageError(
                "--country, --phone-column, --sheet, --header-row, --hidden-rows, --require, --encoding, "
                "--delimiter and --accept-countries say how a file is read, not "
                f"{'an audience' if self.rest_of is None else 'a campaign'}"
            )


@dataclass(frozen=True, slots=True)
class SubmitConsentOptions(ConsentOptions):
    """The same, for a campaign."""

    def check_whom(self, whom: WhomOptions) -> None:
        """Raise UsageError where they do not go together, or with the recipients."""
        self.check()
        if self.consent_source is not None and whom.recipients is None:
            raise UsageError(
                "--consent-source and --consent-column go with --recipients: for an audience, import it with them"
            )


@dataclass(frozen=True, slots=True)
class SendingOptions:
    """When a campaign is sent, and how."""

    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="WHEN", help=f"Not before: {FORMS}, by the clocks of BROADCASTER_TIMEZONE or this machine."
        ),
    ] = None
    priority: Annotated[
        int, typer.Option("--priority", metavar="N", min=-32768, max=32767, help="Higher is sent first; equals share.")
    ] = 0
    max_attempts: Annotated[
        int | None,
        typer.Option(
            "--max-attempts", metavar="N", min=1, max=100, help="Tries per message before it fails. Default: 5."
        ),
    ] = None
    limit: CampaignLimits = None
    draft: Annotated[bool, typer.Option("--draft", help="Store it, and wait for `campaign start`.")] = False
    strict: Strict = False

    def submission(
        self, name: str, instances: Sequence[str], content: Content, settings: Settings, *, one_per: OnePer
    ) -> Submission:
        """The campaign as it is asked for. Raises UsageError for a start that is not understood."""
        return Submission(
            name=name,
            instances=instances,
            content=content,
            max_attempts=self.max_attempts or settings.max_attempts,
            starts_at=given_moment(self.at, "--at"),
            priority=self.priority,
            draft=self.draft,
            limits=named_limits(self.limit),
            one_per=one_per,
            strict=self.strict,
        )


def submit(
    *,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The campaign's name; each is used once.", show_default=False)
    ],
    instance: Annotated[list[str], INSTANCE],
    whom: WhomOptions,
    content: ContentOptions,
    reading: FileReadingOptions,
    consent: SubmitConsentOptions,
    care: CareOptions,
    sharing: SharingOptions,
    sending: SendingOptions,
    windows: CampaignWindowOptions,
    expiry: ExpiryOptions,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, show a preview, keep nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it is final.")] = False,
    as_json: Json = False,
) -> None:
    """Submit a campaign: all of its messages are stored, or none.

    Rows that cannot be used are rejected and reported. A fault of the file refuses the whole file, and so do many
    rejected rows, or members of an audience, and countries that look like a mistake. A campaign over an audience gets
    its messages when it starts, from the members that there are then. With --rest-of it goes to whoever has not got a
    campaign that has ended or was cancelled, and to nobody who may have. With --require-consent whoever has not agreed
    to messages is skipped, with the reason `no_consent`; with --max-unanswered and --only-known others are, with
    `unanswered` and `not_known`. With --cooldown whoever was messaged too lately waits, or is skipped.
    With --limit it waits while the campaigns that share the limit have sent as much as that allows.

    Example: broadcaster campaign submit promo --instance main --audience customers --where city=Jakarta --text 'Hi!'
    """
    settings = load()
    if watch and (sending.draft or dry_run):
        raise UsageError(
            f"--watch with {'--draft' if sending.draft else '--dry-run'}: there would be nothing to follow"
        )
    whom.check(reading)
    consent.check_whom(whom)
    careful, shared = care.care(), sharing.sharing()
    weights = parse_weights(instance)
    same_content = whom.rest_of is not None and not content.are_given
    sent = None if same_content else content.content(settings)
    hours = windows.hours()
    conditions = parse_members(whom.where, whom.exclude)
    nudges = not (dry_run or sending.draft)
    if nudges:
        prepare_nudge()
    with database(settings) as engine:
        rest_of = None if whom.rest_of is None else campaign_of(engine, whom.rest_of)
        # Without a content of its own there is a rest.
        sent = sent or cast(StoredCampaign, rest_of).content
        submission = sending.submission(name, list(weights), sent, settings, one_per=whom.one_per)
        files = content.recipient_files(settings)
        submission = replace(submission, files=files, require_consent=care.require_consent, care=careful)
        submission = replace(submission, weights=given_weights(weights), sharing=shared)
        if whom.recipients is not None:
            submission = replace(submission, conditions=conditions)
        submission = _timed(submission, hours, expiry, rest_of)
        submitted = _store(
            *(engine, settings, submission, whom, conditions, reading, consent),
            same_content=same_content,
            dry_run=dry_run,
        )
        if nudges:
            nudge_workers(settings)
        if as_json:
            document = {"dry_run": dry_run, **submitted_document(submitted), "starts_at": submission.starts_at}
            document |= {"expires_at": submission.expires_at, "hours": submission.hours and str(submission.hours)}
            say_json(document | {"audience": whom.audience}, indent=not watch)
        else:
            say_submitted(submitted, submission, whom.audience, dry_run=dry_run, all_rejected=whom.rejected)
        if submitted.stopped_by:
            raise InputError(f"it would be refused: {'; '.join(submitted.stopped_by)}")
        if watch:
            follow(engine, name, as_json=as_json)


def _timed(
    submission: Submission, hours: OpeningHours | None, expiry: ExpiryOptions, rest_of: StoredCampaign | None
) -> Submission:
    """With hours and an expiry: those that are given, or of a rest those of its campaign. Raises UsageError."""
    expires_at = expiry.moment(submission.starts_at, is_draft=submission.draft)
    if rest_of is not None:
        hours = hours or rest_of.hours
        expires_at = expires_at or rest_of.expiry_after(submission.starts_at or datetime.now(UTC))
    return replace(submission, hours=hours, expires_at=expires_at)


def _store(
    engine: Engine,
    settings: Settings,
    submission: Submission,
    whom: WhomOptions,
    conditions: Sequence[Condition],
    reading: FileReadingOptions,
    consent: ConsentOptions,
    *,
    same_content: bool,
    dry_run: bool,
) -> Submitted:
    if whom.recipients is not None:
        file = (engine, settings, submission, whom.recipients, reading)
        return _store_file(*file, consent, again=whom.again, rejected=whom.rejected, dry_run=dry_run)
    if whom.audience is not None:
        return submit_over_audience(
            *(engine, submission, whom.audience, conditions), accept_rejected=reading.accept_rejected, dry_run=dry_run
        )
    return submit_rest(
        engine,
        submission,
        str(whom.rest_of),
        same_content=same_content,
        allow_private=settings.allow_private_file_urls,
        accept_rejected=reading.accept_rejected,
        dry_run=dry_run,
    )


def _store_file(
    engine: Engine,
    settings: Settings,
    submission: Submission,
    path: Path,
    reading: FileReadingOptions,
    consent: ConsentOptions,
    *,
    again: bool,
    rejected: Path | None,
    dry_run: bool,
) -> Submitted:
    check = ContentRows(submission.content, submission.files, allow_private=settings.allow_private_file_urls)
    country = known_country(engine, settings, reading.country, instances=submission.instances)
    vault = vault_opener(settings)

    def store(*, again: bool) -> Submitted:
        with consent.listed() as consents, rejected_rows(rejected) as on_rejected:
            checks: list[RowCheck] = [check] if consents is None else [check, consents]
            options = reading.reader_options(country, submission.content, checks, again=again)
            with read_recipients(recipients_source(path), options) as reader, progress_bar() as progress:
                return submit_campaign(
                    engine,
                    submission,
                    reader,
                    consents=consents,
                    open_vault=vault,
                    dry_run=dry_run,
                    progress=progress,
                    on_rejected=on_rejected,
                )

    try:
        return store(again=again or dry_run)
    except SentAlreadyError as error:
        ask_again(error, path)
        return store(again=True)
