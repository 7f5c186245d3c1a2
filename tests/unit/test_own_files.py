"""What is made as root beside an account that is not to be trusted. Each attack is prepared beforehand."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from broadcaster.embedded.account import ServerAccount
from broadcaster.embedded.home import Home, check_the_way
from broadcaster.embedded.own_files import hand_over, make_directory, read_foreign, way_to, write_private
from broadcaster.embedded.status import StackState, StackStatus, write_status
from broadcaster.errors import SettingsError, UnavailableError
from broadcaster.secret_files import generated_once

FORMER, SERVERS = ServerAccount("former", 60_581, 60_581), ServerAccount("servers", 60_582, 60_582)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of this user's that nobody else should get."""
    path = tmp_path / "victim"
    path.write_text("precious")
    path.chmod(0o600)
    return path


def untouched(victim: Path) -> bool:
    status = victim.stat()
    return (victim.read_text(), status.st_uid, stat.S_IMODE(status.st_mode)) == ("precious", os.geteuid(), 0o600)


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A directory that others can write, too."""
    path = tmp_path / "others"
    path.mkdir()
    path.chmod(0o777)
    return path


def test_nothing_is_made_where_others_can_write(others: Path, victim: Path) -> None:
    (others / "pgpass").symlink_to(victim)
    with pytest.raises(UnavailableError, match=r"others than uid \d+ can write in .*: `chown "):
        write_private(others / "pgpass", "secret")
    with pytest.raises(UnavailableError, match="can write in"):
        make_directory(others / "data", None)
    assert [path.name for path in others.iterdir()] == ["pgpass"]
    assert untouched(victim)


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path, victim: Path) -> None:
    for write in (
        lambda: write_private(tmp_path / "up.json", "{}"),
        lambda: write_status(Home(tmp_path, None), StackStatus(state=StackState.READY)),
    ):
        (tmp_path / "up.json").unlink(missing_ok=True)
        (tmp_path / "up.json").symlink_to(victim)
        write()
        assert not (tmp_path / "up.json").is_symlink()
        assert untouched(victim)


def test_a_file_that_could_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "full", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_a_link_in_the_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    (tmp_path / "run").symlink_to(target)
    with pytest.raises(UnavailableError, match="is not a directory of uid"):
        make_directory(tmp_path / "run", SERVERS)
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


@as_root
def test_files_and_directories_are_given_as_they_are_made(tmp_path: Path) -> None:
    make_directory(tmp_path / "data", SERVERS)
    write_private(tmp_path / "password", "secret", owner=SERVERS)
    for name, mode in (("data", 0o700), ("password", 0o600)):
        status = (tmp_path / name).stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (SERVERS.uid, SERVERS.gid, mode)


@as_root
def test_what_one_account_had_is_handed_to_another_but_not_what_it_only_links_to(tmp_path: Path, victim: Path) -> None:
    cluster = tmp_path / "postgres"
    (cluster / "base").mkdir(parents=True)
    (cluster / "base" / "1").touch()
    for path in (cluster, cluster / "base", cluster / "base" / "1"):
        os.chown(path, FORMER.uid, FORMER.gid)
    (cluster / "link").symlink_to(victim)
    (cluster / "second name").hardlink_to(victim)
    shared = tmp_path / "shared"
    shared.touch()
    os.chown(shared, FORMER.uid, FORMER.gid)
    (cluster / "shared").hardlink_to(shared)
    (cluster / "outside").symlink_to(tmp_path)
    os.mkfifo(cluster / "fifo")
    hand_over(cluster, SERVERS)
    assert {path.stat().st_uid for path in (cluster, cluster / "base", cluster / "base" / "1")} == {SERVERS.uid}
    assert untouched(victim)
    assert (shared.stat().st_uid, tmp_path.stat().st_uid) == (FORMER.uid, 0)


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_what_is_no_file_of_an_accounts_own_is_neither_read_nor_waited_for(
    tmp_path: Path, victim: Path, kind: str
) -> None:
    path = tmp_path / "PG_VERSION"
    match kind:
        case "link":
            path.symlink_to(victim)
        case "fifo":
            os.mkfifo(path)
        case _:
            path.mkdir()
    with pytest.raises(UnavailableError, match="cannot read") as caught:
        read_foreign(path)
    assert "precious" not in str(caught.value)


def test_a_foreign_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * 100)
    assert read_foreign(tmp_path / "file", 8) == "x" * 8
    with pytest.raises(FileNotFoundError):
        read_foreign(tmp_path / "absent")


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_home_that_others_can_write_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(SettingsError, match=r"^BROADCASTER_HOME: .*`chmod go-w /") as caught:
        check_the_way(Home(tmp_path, None))
    assert "\n" not in str(caught.value)


@as_root
@pytest.mark.parametrize("attack", ["home of another", "directory of another", "open directory", "link of another"])
def test_a_home_that_others_than_root_can_replace_is_refused(tmp_path: Path, attack: str) -> None:
    above = tmp_path / "above"
    home = above / "home"
    home.mkdir(parents=True)
    tmp_path.chmod(0o711)
    check_the_way(Home(home, None))
    match attack:
        case "home of another":
            os.chown(home, FORMER.uid, FORMER.gid)
        case "directory of another":
            os.chown(above, FORMER.uid, FORMER.gid)
        case "open directory":
            above.chmod(0o777)
        case _:
            (tmp_path / "link").symlink_to(above)
            os.chown(tmp_path / "link", FORMER.uid, FORMER.gid, follow_symlinks=False)
            home = tmp_path / "link" / "home"
    with pytest.raises(SettingsError, match=r"^BROADCASTER_HOME: .*others than"):
        check_the_way(Home(home, None))


def test_the_way_to_a_path_includes_every_link_and_where_it_leads(tmp_path: Path) -> None:
    real = tmp_path / "a" / "real"
    real.mkdir(parents=True)
    (tmp_path / "second").symlink_to("a/../a/real")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    passed = list(way_to(tmp_path / "first" / "absent" / "more"))
    assert {tmp_path, tmp_path / "first", tmp_path / "second", tmp_path / "a", real} <= set(passed)
    assert passed[-1] == real
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UnavailableError, match="too many links"):
        list(way_to(tmp_path / "loop"))


def test_a_kept_secret_that_others_can_write_or_that_is_a_link_is_not_used(tmp_path: Path, victim: Path) -> None:
    kept = tmp_path / "secret.key"
    assert generated_once(kept, lambda: "first") == generated_once(kept, lambda: "second") == "first"
    kept.chmod(0o666)
    with pytest.raises(OSError, match="others may have written it"):
        generated_once(kept, lambda: "second")
    kept.unlink()
    kept.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        generated_once(kept, lambda: "second")
