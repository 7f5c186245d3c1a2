"""`broadcaster campaign submit`: from the command line's options to a stored campaign."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from sqlalchemy import Engine

from broadcaster.cli.campaign.file_notes import ask_again, say_file_notes
from broadcaster.cli.campaign.remarks import say_remarks
from broadcaster.cli.campaign.watch import follow
from broadcaster.cli.database import database, nudge_workers, prepare_nudge, vault_opener
from broadcaster.cli.options.content import ContentOptions, Strict
from broadcaster.cli.options.phones import countries_document
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
from broadcaster.cli.output import duration, local_time, say, say_json
from broadcaster.cli.recipient_progress import progress_bar
from broadcaster.domain.contents import Content, ContentKind
from broadcaster.domain.whose_numbers import said_countries
from broadcaster.errors import InputError, UsageError, quoted
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.content_rows import ContentRows
from broadcaster.services.campaigns.loading import OnePer
from broadcaster.services.campaigns.submission import Submission, Submitted, submit_campaign
from broadcaster.services.countries import known_country
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.recipients.row_checks import SentAlreadyError
from broadcaster.settings import Settings, load

_FURTHEST_START = timedelta(days=3653)
"""Ten years: what is further away is a slip of the pen."""


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
            help="Send also to rows of a campaign's export that say that they were sent.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = False
    exclude: ExcludeOption = None

    def check(self, reading: FileReadingOptions) -> None:
        """Raise UsageError unless they go together, and with how a file is read."""
        if (self.recipients is None) == (self.audience is None):
            raise UsageError("give exactly one of --recipients and --audience")
        if (self.where or self.exclude) and self.audience is None:
            given = "--where" if self.where else "--exclude"
            raise UsageError(f"{given} goes with --audience; a file is taken as it is")
        if self.audience is not None and (self.one_per is not OnePer.PHONE or self.again):
            raise UsageError("--one-per and --again go with --recipients: a phone is in an audience once")
        if self.audience is not None and reading.are_given:
            raise UsageError(
                "--country, --phone-column, --sheet, --accept-rejected and their like say how a file is read, "
                "not an audience"
            )


@dataclass(frozen=True, slots=True)
class SendingOptions:
    """When a campaign is sent, and how."""

    at: Annotated[
        str | None,
        typer.Option("--at", metavar="WHEN", help="Not before, with the offset: 2026-11-23T09:00+07:00."),
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
            starts_at=_parse_start(self.at) if self.at is not None else None,
            priority=self.priority,
            draft=self.draft,
            one_per=one_per,
            strict=self.strict,
        )


def submit(
    *,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The campaign's name; each is used once.", show_default=False)
    ],
    instance: Annotated[
        list[str],
        typer.Option(
            "--instance", metavar="NAME", help="Send through it. Several share the recipients by their rates."
        ),
    ],
    whom: WhomOptions,
    content: ContentOptions,
    reading: FileReadingOptions,
    sending: SendingOptions,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, show a preview, keep nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it is final.")] = False,
    as_json: Json = False,
) -> None:
    """Submit a campaign: all of its messages are stored, or none.

    Rows with an unusable phone are rejected and reported; a fault of the file refuses the whole file, and so do many
    rejected rows and countries that look like a mistake. A campaign over
    an audience gets its messages when it starts, from the members that there are then.

    Example: broadcaster campaign submit promo --instance main --audience customers --where city=Jakarta --text 'Hi!'
    """
    settings = load()
    if watch and (sending.draft or dry_run):
        raise UsageError(
            f"--watch with {'--draft' if sending.draft else '--dry-run'}: there would be nothing to follow"
        )
    whom.check(reading)
    submission = sending.submission(name, instance, content.content(settings), settings, one_per=whom.one_per)
    submission = replace(submission, files=content.recipient_files(settings))
    conditions = parse_members(whom.where, whom.exclude)
    nudges = not (dry_run or submission.draft)
    if nudges:
        prepare_nudge()
    with database(settings) as engine:
        if whom.recipients is not None:
            file = (engine, settings, submission, whom.recipients, reading)
            try:
                submitted = _store_file(*file, again=whom.again, dry_run=dry_run)
            except SentAlreadyError as error:
                ask_again(error, whom.recipients)
                submitted = _store_file(*file, again=True, dry_run=dry_run)
        else:
            submitted = submit_over_audience(engine, submission, str(whom.audience), conditions, dry_run=dry_run)
        if nudges:
            nudge_workers(settings)
        if as_json:
            document = {"dry_run": dry_run, **_document(submitted), "audience": whom.audience}
            say_json(document, indent=not watch)
        else:
            _say(submitted, submission, whom.audience, dry_run=dry_run)
        if submitted.stopped_by:
            raise InputError(f"it would be refused: {'; '.join(submitted.stopped_by)}")
        if watch:
            follow(engine, name, as_json=as_json)


def _store_file(
    engine: Engine,
    settings: Settings,
    submission: Submission,
    path: Path,
    reading: FileReadingOptions,
    *,
    again: bool,
    dry_run: bool,
) -> Submitted:
    check = ContentRows(submission.content, submission.files, allow_private=settings.allow_private_file_urls)
    country = known_country(engine, settings, reading.country, instances=submission.instances)
    options = reading.reader_options(country, submission.content, check, again=again or dry_run)
    with read_recipients(recipients_source(path), options) as reader, progress_bar() as progress:
        vault = vault_opener(settings)
        return submit_campaign(engine, submission, reader, open_vault=vault, dry_run=dry_run, progress=progress)


def _parse_start(text: str) -> datetime:
    """An unambiguous moment; the database's clock tells later whether it has passed."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at {quoted(text)} is not understood: write it like 2026-11-23T09:00+07:00") from None
    if moment.tzinfo is None:
        raise UsageError(
            f"--at {quoted(text)} does not say in which time zone: add the offset from UTC, "
            "like 2026-11-23T09:00+07:00 or 2026-11-23T02:00Z"
        )
    if moment > datetime.now(UTC) + _FURTHEST_START:
        raise UsageError(f"--at {quoted(text)} is more than ten years away")
    return moment


def _document(submitted: Submitted) -> dict[str, object]:
    document = asdict(submitted) | {"countries": countries_document(submitted.countries)}
    document["samples"] = [{"phone": phone, "message": message} for phone, message in submitted.samples]
    document["repeats"] = [repeat._asdict() for repeat in submitted.repeats]
    document["rejects"] = [
        {"line": line or None, "phone": phone, "reason": reason} for line, phone, reason in submitted.rejects
    ]
    return document


def _say(submitted: Submitted, submission: Submission, audience: str | None, *, dry_run: bool) -> None:
    name = submitted.name
    if dry_run:
        say(f"dry run of campaign {name}: nothing was stored")
    else:
        say(f"campaign {name} is stored, as {submitted.state}")
    if audience is None:
        say(
            f"recipients read: {submitted.read:,}; messages: {submitted.total:,}; rejected: {submitted.rejected:,}; "
            f"repeated: {submitted.duplicates:,}"
        )
    else:
        say(
            f"members of {audience} now: {submitted.read:,}; messages: {submitted.total:,}; "
            f"rejected: {submitted.rejected:,}; it gets those that there are when it starts"
        )
        if submitted.where:
            say(f"  where {' and '.join(submitted.where)}")
        for note in submitted.notes:
            say(f"  note: {note}")
    say(f"countries: {said_countries(submitted.countries)}")
    for line, phone, reason in submitted.rejects:
        say(f"  rejected: {f'line {line}, ' if line else ''}{quoted(phone)}: {reason}")
    if submitted.rejected > len(submitted.rejects):
        say(f"  and {submitted.rejected - len(submitted.rejects):,} more")
    say_file_notes(submitted, submission)
    if submitted.total < submitted.read and audience is None and not dry_run:
        say(f"  `broadcaster campaign export {quote(name)} --rejected` has them all")
    if dry_run:
        what = "message" if submission.content.kind is ContentKind.TEXT else "caption or file"
        say(f"the first {len(submitted.samples)}, {what} as rendered:")
        for phone, message in submitted.samples:
            say(f"  {phone}  {message}")
    say_remarks(submitted.lint)
    _say_estimate(submitted, submission)
    if submission.draft and not dry_run:
        say(f"start it with `broadcaster campaign start {quote(name)}`")


def _say_estimate(submitted: Submitted, submission: Submission) -> None:
    if submitted.seconds_to_send is None:
        say("how long sending takes cannot be told: an instance has no rate limit")
        return
    if submitted.seconds_to_send < 1:
        say("sending takes as long as the gateway needs: no rate limit holds it up")
        return
    until = ""
    if not submission.draft:
        with suppress(OverflowError):
            end = (submission.starts_at or datetime.now(UTC)) + timedelta(seconds=submitted.seconds_to_send)
            until = f", until {local_time(end, seconds=False)}"
    say(f"sending takes at least {duration(submitted.seconds_to_send)}{until}")
