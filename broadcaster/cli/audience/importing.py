"""`broadcaster audience import`: from a file to an audience."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from broadcaster.cli.audience import Name
from broadcaster.cli.database import database, vault_opener
from broadcaster.cli.options.consent_options import ConsentOptions
from broadcaster.cli.options.phones import countries_document
from broadcaster.cli.options.recipients import FILE_PANEL, FileReadingOptions, recipients_source
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, warn
from broadcaster.cli.reached import say_earlier_consents, say_repeats
from broadcaster.cli.recipient_progress import progress_bar
from broadcaster.cli.rejected_file import RejectedOption, rejected_rows, said_place_of_rejected
from broadcaster.domain.whose_numbers import said_countries, said_landlines
from broadcaster.errors import InputError, UsageError, quoted
from broadcaster.services.audiences.imports import Imported, import_file
from broadcaster.services.countries import known_country
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.settings import load

_KINDS = ("added", "changed", "removed")


def import_(
    name: Name,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A CSV, .xlsx, .ods or .vcf file; - reads standard input.",
            show_default=False,
        ),
    ],
    reading: FileReadingOptions,
    consent: ConsentOptions,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Make the audience what the file is. Shows the difference; --yes does it."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do what --replace has shown.")] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Take also rows of a campaign's export that were sent, or may be.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say all that the import would, and keep nothing.")
    ] = False,
    rejected: RejectedOption = None,
    as_json: Json = False,
) -> None:
    """Add the recipients of a file to an audience, which is made where there is none.

    Of members that there are already, the columns of the file are changed and the others kept. Rows that cannot be
    used are rejected and reported; a fault of the file refuses the whole file, and so do many rejected rows and
    countries that look like a mistake. With --consent-source it is kept who of them has agreed to messages, when and
    how: the view `consents` has that, and `campaign submit --require-consent` asks for it.

    Example: broadcaster audience import customers people.xlsx --country ID --consent-source "web form 2026-11"
    """
    if yes and not replace:
        raise UsageError("--yes goes with --replace: without that, nothing is asked")
    if yes and dry_run:
        raise UsageError("--yes does what --dry-run only shows: leave one of them out")
    consent.check()
    settings = load()
    with (
        database(settings) as engine,
        consent.listed() as consents,
        read_recipients(
            recipients_source(file),
            reading.reader_options(
                known_country(engine, settings, reading.country),
                row_checks=[] if consents is None else [consents],
                again=again,
            ),
        ) as reader,
        rejected_rows(rejected) as on_rejected,
        progress_bar() as progress,
    ):
        imported = import_file(
            engine,
            name,
            reader,
            consents=consents,
            open_vault=vault_opener(settings),
            replace=replace,
            apply=not dry_run and (yes or not replace),
            progress=progress,
            on_rejected=on_rejected,
        )
    if as_json:
        say_json(import_document(imported))
    else:
        say_import(imported, dry_run=dry_run, all_rejected=rejected)
    if imported.stopped_by:
        raise InputError(f"it would be refused: {'; '.join(imported.stopped_by)}")


def import_document(imported: Imported) -> dict[str, Any]:
    """What an import did, for programs."""
    rejects = [{"line": line, "phone": phone, "reason": reason} for line, phone, reason in imported.rejects]
    lists = {"rejects": rejects, "repeats": [repeat._asdict() for repeat in imported.repeats]}
    return {**asdict(imported), **lists, "countries": countries_document(imported.countries)}


def say_import(imported: Imported, *, dry_run: bool = False, all_rejected: Path | None = None) -> None:
    """What an import did, or would do, for people; `all_rejected` is where all rejected rows were written."""
    if dry_run:
        say("dry run: nothing was stored")
    verb = "has" if imported.applied else "would have"
    say(f"audience {imported.audience} {verb} {imported.members:,} members")
    for kind in _KINDS:
        count, examples = getattr(imported, kind), imported.examples.get(kind, [])
        shown = ", ".join(examples) + (", …" if count > len(examples) else "")
        say(f"  {kind}: {count:,}{f' ({shown})' if examples else ''}")
    say(f"  unchanged: {imported.unchanged:,}")
    if imported.rejected or imported.repeated:
        say(f"read: {imported.read:,}; rejected: {imported.rejected:,}; repeated: {imported.repeated:,}")
    if imported.opted_out:
        say(f"opted out: {imported.opted_out:,}; they get no messages, whatever audience they are in")
    if imported.consents is not None:
        say(f"have agreed to messages: {imported.consents:,}")
    say_earlier_consents(imported.consents_kept, imported.consents_to_come)
    if imported.countries:
        say(f"countries: {said_countries(imported.countries)}")
    if imported.landlines:
        say(said_landlines(imported.landlines, imported.landline_lines))
    for line, phone, reason in imported.rejects:
        say(f"  rejected: line {line}, {quoted(phone)}: {reason}")
    if imported.rejected > len(imported.rejects):
        say(f"  and {imported.rejected - len(imported.rejects):,} more: {said_place_of_rejected(all_rejected)}")
    say_repeats(imported.repeats, imported.repeated)
    if imported.repeated:
        rows, are = ("row shares", "is") if imported.repeated == 1 else ("rows share", "are")
        say(
            f"warning: {imported.repeated:,} {rows} a phone with an earlier one and {are} left out, since an audience "
            "has each phone once: its campaigns and schedules send these people nothing. If a family has one phone, "
            "give the file to each campaign: `campaign submit --recipients FILE --one-per row`, with --where and "
            "--exclude as over an audience"
        )
    for notice in imported.notices:
        warn(notice)
    if not (imported.applied or dry_run):
        say("nothing was changed; add --yes to do it")
