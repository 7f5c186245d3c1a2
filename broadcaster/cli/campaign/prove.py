"""`broadcaster campaign proof`: what a campaign came to, signed, for whoever it was sent for."""

from __future__ import annotations

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.campaign import Name
from broadcaster.cli.database import database
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json
from broadcaster.cli.output_files import STANDARD_OUTPUT, open_output
from broadcaster.crypto import open_vault
from broadcaster.errors import InputError, UsageError
from broadcaster.services.proofs.proof_writer import write_proof
from broadcaster.settings import load

_KEY_BYTES = 32


class Phones(StrEnum):
    """How phones are written."""

    HASHED = "hashed"
    CLEAR = "clear"


def proof(
    name: Name,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Written whole or not at all, for your eyes only.")
    ],
    phones: Annotated[
        Phones, typer.Option("--phones", help="Keyed hashes, of which --key-file gets the key; or as they are.")
    ] = Phones.HASHED,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="Gets the key of the hashes. Default: FILE.key.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a proof of what a campaign that has ended came to: its totals and every message, chained and signed.

    Whoever has the file checks it with `broadcaster verify`, which needs nothing else. Phones are hashed with a key
    that only this proof has: keep its file apart, since with it each phone can be looked for, and guessed.
    docs/proofs.md says what a proof proves, and what not. The audit trail notes it.

    Example: broadcaster campaign proof spring --out spring.proof
    """
    kept = _key_file(out, phones, key_file)
    settings = load()
    vault = open_vault(settings)
    key = None if kept is None else secrets.token_bytes(_KEY_BYTES)
    with database(settings) as engine, open_output(out) as file:
        written = write_proof(engine, vault, name, key, lambda lines: file.write(lines.decode()))
        if kept is not None and key is not None:
            with open_output(kept) as key_output:
                key_output.write(f"{key.hex()}\n")
    public_key = written.header.public_key
    if as_json:
        document = {"campaign": name, "file": str(out), "key_file": None if kept is None else str(kept)}
        say_json(document | {"records": written.records, "chain": written.link, "public_key": public_key})
        return
    say(f"proof of campaign {name}, {written.records:,} records: {out}")
    if kept is not None:
        say(f"the key of its phones, to be kept apart: {kept}")
    say(f"signed by the public key {public_key}")


def _key_file(out: Path, phones: Phones, given: Path | None) -> Path | None:
    """Where the key of the hashes goes; None: there is none."""
    if out == STANDARD_OUTPUT:
        raise UsageError("--out: a proof is a file with a name; give one")
    if phones is Phones.CLEAR:
        if given is not None:
            raise UsageError("--key-file with --phones clear: nothing is hashed, so that there is no key")
        return None
    kept = given or out.with_name(f"{out.name}.key")
    if kept in (STANDARD_OUTPUT, out):
        raise UsageError("--key-file: the key has a file of its own; give its name")
    try:
        is_there = kept.exists()
    except OSError as error:
        raise InputError(f"cannot write {kept}: {error.strerror}") from None
    if is_there:
        raise InputError(f"{kept} is there already, and may be the key of another proof: move it, or give --key-file")
    return kept
