"""`broadcaster audience sync`: from an instance's contacts to an audience."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from broadcaster.cli.audience import Name
from broadcaster.cli.audience.importing import import_document, say_import
from broadcaster.cli.database import database
from broadcaster.cli.instance_gateway import open_gateway
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json
from broadcaster.crypto import open_vault
from broadcaster.errors import UnavailableError
from broadcaster.gateway import GatewayError
from broadcaster.services.audiences.imports import Imported, import_members
from broadcaster.services.audiences.instance_people import NAME, LeftOut, People, read_people
from broadcaster.services.consent.known_people import note_contacts
from broadcaster.services.instances import instance_key
from broadcaster.settings import load

_WORDS = {
    LeftOut.GROUP: "groups and channels",
    LeftOut.HIDDEN_NUMBER: "with a hidden number",
    LeftOut.NO_NUMBER: "without a number",
    LeftOut.INVALID_NUMBER: "with a number that does not exist",
}


def sync(
    name: Name,
    instance: Annotated[str, typer.Option("--instance", metavar="NAME", help="Whose contacts.", show_default=False)],
    chats: Annotated[bool, typer.Option("--chats", help="Also everybody with whom it has a chat.")] = False,
    as_json: Json = False,
) -> None:
    """Add an instance's contacts to an audience, which is made where there is none. Sends nothing.

    A contact's name becomes the variable `name`, and replaces the one that a member has. Groups and hidden numbers
    are left out, and counted by reason; members that are no contacts stay. Numbers that WhatsApp keeps in another
    spelling, such as Mexico's 521…, become those that are dialled. The contacts of the instance are those whom
    `campaign submit --only-known` knows, until they are read again.

    Example: broadcaster audience sync contacts --instance main --chats
    """
    settings = load()
    with database(settings) as engine:
        vault = open_vault(settings)
        row, key = instance_key(engine, vault, instance)

        async def read() -> People:
            async with open_gateway(row, key, settings) as gateway:
                return await read_people(gateway, with_chats=chats)

        try:
            people = asyncio.run(read())
        except GatewayError as error:
            raise UnavailableError(f"instance {instance}: {error} (nothing was imported)") from None
        imported = Imported(name, read=len(people.members))
        import_members(
            engine, people.members, (NAME,), imported, open_vault=lambda: vault, source=f"instance {instance}"
        )
        note_contacts(engine, vault, row.account_id, people.contact_phones)
    if as_json:
        left_out = {reason.value: people.left_out[reason] for reason in LeftOut}
        lists = {
            "contacts": people.contacts,
            "chats": people.chats,
            "skipped": people.skipped,
            "left_out": left_out,
        }
        say_json({**import_document(imported), "instance": instance, **lists})
        return
    say_import(imported)
    counts = f"contacts: {people.contacts:,}" + ("" if people.chats is None else f"; chats: {people.chats:,}")
    told = [f"{words}: {people.left_out[reason]:,}" for reason, words in _WORDS.items() if people.left_out[reason]]
    say(f"{counts}; left out: {', '.join(told) or 'none'}")
