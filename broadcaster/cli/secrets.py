"""`broadcaster secrets`: the secret keys that instance keys are encrypted with."""

from __future__ import annotations

from broadcaster.cli.database import database
from broadcaster.cli.groups import lazy_group
from broadcaster.cli.output import say
from broadcaster.crypto import open_vault
from broadcaster.settings import load

app = lazy_group(
    {"rotate": ("broadcaster.cli.secrets:rotate", "Encrypt all instance keys anew under the newest secret key.")},
    "Change the secret key that instance keys are encrypted with.",
)


def rotate() -> None:
    """Encrypt all instance keys anew under the newest secret key.

    First put the new key in front of the old one in BROADCASTER_SECRET_KEY or its file, everywhere, and start
    workers anew. Afterwards the old one can go. Safe while messages are being sent, and to run again. The keys by
    which forgotten numbers are known and proofs are signed, and what webhooks are signed with, are encrypted anew
    with them; where the old secret key is lost, see `phone reset` and `proof key --new`.
    """
    settings = load()
    vault = open_vault(settings)
    from broadcaster.services import secret_keys  # noqa: PLC0415 - start-up time

    with database(settings) as engine:
        done = secret_keys.rotate_secret_keys(engine, vault)
    say(
        f"{done.renewed} of {done.accounts} keys are encrypted anew, the others were already: "
        "no older secret key is needed any more"
    )
