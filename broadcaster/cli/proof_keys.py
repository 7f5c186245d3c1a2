"""`broadcaster proof`: what this installation signs proofs with."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.database import database, reader
from broadcaster.cli.groups import lazy_group
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json
from broadcaster.crypto import open_vault
from broadcaster.services.signing_keys import public_keys, replace_signing_key
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

app = lazy_group(
    {"key": ("broadcaster.cli.proof_keys:key", "Show the public keys of proofs, or sign with a new one.")},
    "The key that proofs of campaigns are signed with.",
)


def key(
    new: Annotated[
        bool, typer.Option("--new", help="Sign with a new key from now on. Public keys from before stay known.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the public keys of this installation, the one that signs now first: give it to whoever checks proofs.

    The first proof makes one. --new makes another, where the secret key is lost or the signing key may have leaked:
    the one before signs nothing more, and what it signed still holds.

    Example: broadcaster proof key --json
    """
    settings = load()
    if new:
        vault = open_vault(settings)
        with database(settings) as engine:
            replace_signing_key(engine, vault)
    with reader(settings) as source:
        found = public_keys(source)
    if as_json:
        say_json(found)
        return
    for each in found:
        say(f"{each.public_key} {'signs' if each.signs else 'signed'} since {shown_time(each.made_at)}")
    if not found:
        say("nothing was signed yet: the first `broadcaster campaign proof` makes a key, or --new")
