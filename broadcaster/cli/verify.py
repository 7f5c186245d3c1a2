"""`broadcaster verify`: whether a proof holds. Without database, settings and network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.options.phones import phone_of
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, utc_time, warn
from broadcaster.domain.proof_format import MessageRecord
from broadcaster.errors import InputError, UsageError, quoted
from broadcaster.input_files import read_file
from broadcaster.services.proofs.proof_check import CheckedProof, check_proof
from broadcaster.signatures import KEY_BYTES

_MOST_KEY_BYTES = 1_000
_KEY = f"a key is {2 * KEY_BYTES} hexadecimal digits"


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The proof.", show_default=False)],
    public_key: Annotated[
        str | None,
        typer.Option("--public-key", metavar="HEX", help="Whose signature it must have, as its maker told you."),
    ] = None,
    phone: Annotated[
        str | None,
        typer.Option("--phone", metavar="+62…", help="What it says of this phone, with the country code."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="The key that its phones are hashed with.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a proof of a campaign: each record, their order and number, the totals, and the signature.

    Says where it does not hold, and exits with 1. Without --public-key it shows only that the file is as whoever
    signed it wrote it: compare the key that is told with the one you know. docs/proofs.md says what a proof proves.

    Example: broadcaster verify spring.proof --phone +628123456789 --key-file spring.proof.key
    """
    if key_file is not None and phone is None:
        raise UsageError("--key-file: it is for --phone, which says whom to look for")
    wanted = None if public_key is None else _hex(public_key)
    if public_key is not None and wanted is None:
        raise UsageError(f"--public-key: {_KEY}")
    digest_key = None if key_file is None else _hex(_text(key_file))
    if key_file is not None and digest_key is None:
        raise InputError(f"--key-file {key_file}: {_KEY}")
    digits = None if phone is None else _digits(phone)
    try:
        with file.open("rb") as opened:
            checked = check_proof(opened, public_key=wanted, phone=digits, digest_key=digest_key)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    if key_file is not None and checked.header.phones == "clear":
        warn("--key-file was not needed: the phones in this proof are in the clear")
    if as_json:
        say_json(_document(checked))
    else:
        _say(checked, wanted is not None, phone)


def _document(checked: CheckedProof) -> dict[str, object]:
    return {
        "holds": True,
        "records": checked.records,
        "accepted_more_than_once": checked.accepted_more_than_once,
        "proof": checked.header,
        "found": checked.found,
    }


def _say(checked: CheckedProof, is_known_key: bool, phone: str | None) -> None:
    header = checked.header
    counted = ", ".join(f"{state} {count:,}" for state, count in header.messages.items())
    ended, as_of = utc_time(header.finished_at), utc_time(header.as_of)
    say(f"campaign {header.campaign}, {header.state} on {ended}, as of {as_of}")
    if checked.records or header.total:
        say(f"right: {checked.records:,} records follow one from the other, from the first to the last")
    if header.remains is None and header.total:
        say(f"right: they add up to the {header.total:,} messages of its totals: {counted}")
    elif header.remains is None:
        say("right: it has no record, as its totals have no message")
    else:
        say(f"its messages are deleted since {utc_time(header.remains.purged_at)}; of {header.total:,}: {counted}")
    say(f"accepted by the gateway more than once: {checked.accepted_more_than_once:,}")
    say(f"right: signed by the public key {header.public_key}{', as was asked' if is_known_key else ''}")
    if not is_known_key:
        warn("whose key that is, the file cannot prove: compare it with the one that its maker told you")
    if phone is not None:
        for each in checked.found:
            _say_record(each)
        if not checked.found:
            say("no message to this phone is in it")


def _say_record(record: MessageRecord) -> None:
    why = f" ({record.reason})" if record.reason else ""
    say(f"record {record.record:,}: {record.state} through {record.instance} on {utc_time(record.at)}{why}")
    for each in record.attempts:
        status = "" if each.status is None else f", status {each.status}"
        doubt = "" if each.doubt is None else f", read back: {each.doubt}"
        say(f"  attempt {each.attempt}: {each.outcome} on {utc_time(each.at)}{status}{doubt}")
        said = {"request": each.request, "reply": each.reply}
        for what, digest in said.items():
            if digest is not None:
                say(f"    {what} {digest}")


def _digits(phone: str) -> str:
    """There are no instances here whose country it could be of, and no option for one."""
    try:
        return phone_of("--phone", phone, None)
    except UsageError:
        if phone.strip().startswith("+"):
            raise
        raise UsageError(
            f"--phone {quoted(phone)}: write it with + and its country code, such as '+62 812-3456-789'"
        ) from None


def _text(path: Path) -> str:
    return read_file(path, _MOST_KEY_BYTES, "it should hold a key and nothing else").decode("ascii", "replace")


def _hex(written: str) -> bytes | None:
    """The key; None: it is none."""
    try:
        key = bytes.fromhex(written.strip())
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None
