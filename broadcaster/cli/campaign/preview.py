"""`broadcaster campaign preview`: what recipients would read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import msgspec
import typer

from broadcaster.cli.campaign.remarks import file_document, said_file, say_remarks
from broadcaster.cli.database import database
from broadcaster.cli.options.content import ContentOptions, Strict
from broadcaster.cli.options.phones import Country, phone_of
from broadcaster.cli.options.recipients import AudienceOption, ExcludeOption, WhereOption, parse_members
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json
from broadcaster.domain.content_lint import lint, refuse_warnings
from broadcaster.errors import UsageError
from broadcaster.services.campaigns.previews import Preview, preview_audience, preview_campaign
from broadcaster.services.countries import known_country
from broadcaster.settings import load


def preview(
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A campaign that is stored.", show_default=False)
    ] = None,
    audience: AudienceOption = None,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
    content: ContentOptions,
    phone: Annotated[
        str | None, typer.Option("--phone", metavar="PHONE", help="That of this recipient, instead of the first few.")
    ] = None,
    country: Country = None,
    sample: Annotated[int, typer.Option("--sample", metavar="N", min=1, max=10_000, help="How many.")] = 5,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Show messages exactly as they would be sent, of a campaign or of what one over an audience would be.

    Sends nothing and keeps nothing.

    Example: broadcaster campaign preview promo --phone 628123456789
    """
    settings = load()
    if country is not None and phone is None:
        raise UsageError("--country goes with --phone")
    if (name is None) == (audience is None):
        raise UsageError("give the name of a campaign, or --audience and a content")
    if name is not None and (where or exclude or content.are_given):
        raise UsageError(
            f"campaign {name} has its own content and recipients: leave out --where, --exclude and the content"
        )
    with database(settings) as engine:
        wanted = None
        if phone is not None:
            wanted = phone_of("--phone", phone, known_country(engine, settings, country, campaign=name))
        if name is not None:
            sent, previews, of_files = preview_campaign(engine, name, most=sample, phone=wanted)
        else:
            sent, conditions, of_files = content.content(settings), parse_members(where, exclude), ()
            previews = preview_audience(engine, str(audience), conditions, sent, most=sample, phone=wanted)
    remarks = [*lint(sent, [each.content.words for each in previews], previews[0].variables), *of_files]
    if strict:
        refuse_warnings(remarks)
    if as_json:
        messages = [_document(each) for each in previews]
        say_json({"name": name, "audience": audience, "messages": messages, "lint": list(map(asdict, remarks))})
    else:
        _say(previews)
        say_remarks(remarks)


def _document(each: Preview) -> dict[str, object]:
    content = msgspec.structs.asdict(each.content)
    return {"phone": each.phone, **content, "file": file_document(each.file), "fault": each.fault}


def _say(previews: Sequence[Preview]) -> None:
    for each in previews:
        content = each.content
        own = None if each.file is None else said_file(each.file)
        what = {"file": content.filename, "from": own, "file at": content.url, "not sent": each.fault}
        say(", ".join([each.phone, *(f"{name}: {value}" for name, value in what.items() if value is not None)]))
        shown = content.text if content.text is not None else content.caption
        for line in (shown or "").splitlines():
            say(f"  {line}")
