"""Changing the secret key, and stored keys that are where they do not belong."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select, text, update

from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.domain.instances import Wire
from broadcaster.errors import ConflictError, ContentionError, SettingsError
from broadcaster.services.campaigns.campaign_reports import campaign_summary
from broadcaster.services.instances import instance_key
from broadcaster.services.secret_keys import Rotation, rotate_secret_keys
from broadcaster.simulator import Simulator
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.servers import TestServers
from tests.support.stack import running_stack, wait_for

NEW = Fernet.generate_key().decode()


def add(run_cli: RunCli, name: str, url: str, **environ: str) -> None:
    options = ("--key-stdin", "--base-url", url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", name, *options, stdin=f"key-{name}", environ=environ))


def stored(engine: Engine) -> list[Any]:
    accounts = tables.accounts
    with engine.connect() as connection:
        return list(connection.execute(select(accounts.c.id, accounts.c.key_encrypted, accounts.c.fingerprint)).all())


def test_all_keys_are_under_the_new_secret_key_and_the_old_one_can_go(
    run_cli: RunCli, engine: Engine, environ: dict[str, str]
) -> None:
    old = environ["BROADCASTER_SECRET_KEY"]
    for name in ("a", "b", "c"):
        add(run_cli, name, "https://api.example.com")
    both = {"BROADCASTER_SECRET_KEY": f"{NEW},{old}"}
    add(run_cli, "d", "https://api.example.com", **both)
    done = run_cli("secrets", "rotate", environ=both)
    assert done.stdout.startswith("3 of 4 keys are encrypted anew")
    assert run_cli("secrets", "rotate", environ=both).stdout.startswith("0 of 4 keys")
    for name in ("a", "d"):
        assert instance_key(engine, Vault([NEW]), name)[1] == f"key-{name}"
    only_new = {"BROADCASTER_SECRET_KEY": NEW}
    again = ("instance", "add", "e", "--key-stdin", "--base-url", "https://api.example.com")
    assert_refused(run_cli(*again, stdin="key-a", environ=only_new), "has this key at this URL already")
    assert_refused(run_cli("secrets", "rotate"), "BROADCASTER_SECRET_KEY", code=2)


def test_nothing_changes_where_one_key_cannot_be_opened(
    run_cli: RunCli, engine: Engine, environ: dict[str, str]
) -> None:
    for name in ("a", "b"):
        add(run_cli, name, "https://api.example.com")
    add(run_cli, "lost", "https://api.example.com", BROADCASTER_SECRET_KEY=Fernet.generate_key().decode())
    before = stored(engine)
    with pytest.raises(SettingsError, match="does not open"):
        rotate_secret_keys(engine, Vault([NEW, environ["BROADCASTER_SECRET_KEY"]]))
    assert stored(engine) == before


def test_a_key_that_was_given_twice_under_two_secret_keys_is_said_so(
    run_cli: RunCli, engine: Engine, environ: dict[str, str]
) -> None:
    add(run_cli, "a", "https://api.example.com")
    arguments = ("instance", "add", "b", "--key-stdin", "--base-url", "https://api.example.com")
    assert_done(run_cli(*arguments, stdin="key-a", environ={"BROADCASTER_SECRET_KEY": NEW}))
    with pytest.raises(ConflictError, match="two instances have the same key"):
        rotate_secret_keys(engine, Vault([NEW, environ["BROADCASTER_SECRET_KEY"]]))


@pytest.mark.parametrize("always", [False, True])
def test_a_key_that_changes_meanwhile_is_kept(
    run_cli: RunCli, engine: Engine, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, always: bool
) -> None:
    add(run_cli, "a", "https://api.example.com")
    vault = Vault([NEW, environ["BROADCASTER_SECRET_KEY"]])
    fingerprints, times = Vault.fingerprints, iter([True] + [always] * 10)

    def before_somebody_else(*arguments: Any) -> Any:
        if next(times):
            sealed = Vault([environ["BROADCASTER_SECRET_KEY"]]).seal("key-a", "https://api.example.com")
            with engine.begin() as connection:
                connection.execute(update(tables.accounts).values(key_encrypted=sealed, wire=Wire.FORM))
        return fingerprints(*arguments)

    monkeypatch.setattr(Vault, "fingerprints", before_somebody_else)
    if always:
        with pytest.raises(ContentionError, match="keep changing"):
            rotate_secret_keys(engine, vault)
    else:
        assert rotate_secret_keys(engine, vault) == Rotation(accounts=1, renewed=1)
        assert instance_key(engine, Vault([NEW]), "a")[1] == "key-a"


def test_keys_are_rotated_again_and_again_while_workers_send(
    run_cli: RunCli, simulator: Simulator, engine: Engine, environ: dict[str, str], tmp_path: Path
) -> None:
    old = environ["BROADCASTER_SECRET_KEY"]
    environ["BROADCASTER_SECRET_KEY"] = f"{NEW},{old}"
    add(run_cli, "main", simulator.base_url)
    phones = "phone\n" + "".join(f"+1202555{n:04d}\n" for n in range(100, 2100))
    stop = threading.Event()
    rotated: list[Rotation] = []

    def keep_rotating() -> None:
        while not stop.is_set():
            rotated.extend(rotate_secret_keys(engine, Vault(keys)) for keys in ([old, NEW], [NEW, old]))

    with running_stack(tmp_path, environ) as stack:
        stack.start("beat")
        stack.start("worker")
        arguments = ("--instance", "main", "--recipients", "-", "--text", "Hi")
        assert_done(run_cli("campaign", "submit", "c", *arguments, stdin=phones))
        rotating = threading.Thread(target=keep_rotating)
        rotating.start()
        wait_for(lambda: campaign_summary(engine, "c").state == "finished", "the campaign to finish", 90)
        stop.set()
        rotating.join()
    assert campaign_summary(engine, "c").sent == 2000
    assert len(simulator.gateway.ledger.entries) == 2000
    assert len(rotated) > 4
    assert {each.renewed for each in rotated} == {1}


def test_workers_that_have_the_old_secret_key_only_are_told_from_a_wrong_key_and_go_on_as_is_said(
    run_cli: RunCli, simulator: Simulator, engine: Engine, environ: dict[str, str], tmp_path: Path
) -> None:
    add(run_cli, "main", simulator.base_url)
    both = {"BROADCASTER_SECRET_KEY": f"{NEW},{environ['BROADCASTER_SECRET_KEY']}"}
    with running_stack(tmp_path, environ) as stack:
        stack.start("beat")
        late = stack.start("worker")
        assert run_cli("secrets", "rotate", environ=both).stdout.startswith("1 of 1 keys are encrypted anew")
        submit = ("campaign", "submit", "c", "--instance", "main", "--recipients", "-", "--text", "Hi")
        assert_done(run_cli(*submit, stdin="phone\n+12025550100\n", environ=both))
        told: list[dict[str, Any]] = []

        def is_stopped() -> bool:
            told[:] = run_cli("campaign", "show", "c", "--json", environ=both).json["standing_still"]
            return any(each["cause"] == "refused" for each in told)

        wait_for(is_stopped, "the instance to be stopped")
        [stopped] = [each for each in told if each["cause"] == "refused"]
        assert "BROADCASTER_SECRET_KEY: does not open" in stopped["why"]
        assert stopped["command"] == "broadcaster instance resume main"
        assert late.stop() == 0
        stack.start("worker", **both)
        assert_done(run_cli(*stopped["command"].split()[1:], environ=both))
        wait_for(lambda: campaign_summary(engine, "c").state == "finished", "the campaign to finish")
    assert campaign_summary(engine, "c").sent == len(simulator.gateway.ledger.entries) == 1


def test_a_row_that_is_copied_to_another_url_or_database_opens_nothing(
    run_cli: RunCli, engine: Engine, environ: dict[str, str], servers: TestServers
) -> None:
    add(run_cli, "a", "https://api.example.com")
    add(run_cli, "attackers", "https://attacker.example.com")
    own = Vault([environ["BROADCASTER_SECRET_KEY"]])
    steal = "UPDATE accounts SET key_encrypted = (SELECT key_encrypted FROM accounts WHERE id = 1) WHERE id = 2"
    with engine.begin() as connection:
        connection.execute(text(steal))
    with pytest.raises(SettingsError, match="belongs to another URL"):
        instance_key(engine, own, "attackers")
    with engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET base_url = 'https://attacker.example.com' WHERE id = 1"))
    with pytest.raises(SettingsError, match="belongs to another URL"):
        instance_key(engine, own, "a")
    elsewhere = Vault([Fernet.generate_key().decode()])
    with pytest.raises(SettingsError, match="does not open the stored instance keys"):
        instance_key(engine, elsewhere, "a")
