"""Who may look at the view in the browser, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from broadcaster.cli import doors
from broadcaster.door_urls import web_url
from broadcaster.errors import SettingsError
from broadcaster.settings import Settings
from broadcaster.web.sign_ins import LONGEST_SECONDS, MOST_SIGN_INS, SignIns
from broadcaster.web.web_password import web_password, web_password_path


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_password_is_generated_once_and_kept_in_a_private_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    first = web_password(settings)
    assert first == web_password(settings) == web_password_path(settings).read_text()
    assert len(first) >= 24
    assert web_password_path(settings).stat().st_mode & 0o777 == 0o600
    assert web_password(Settings(home=tmp_path / "other")) != first


def test_a_configured_one_wins_and_nothing_is_kept(tmp_path: Path) -> None:
    assert web_password(Settings(home=tmp_path, web_password="given-by-hand")) == "given-by-hand"
    assert list(tmp_path.iterdir()) == []


def test_one_that_cannot_be_kept_or_is_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="BROADCASTER_WEB_PASSWORD: not set, and a generated one cannot"):
        web_password(Settings(home=tmp_path / "file"))
    (tmp_path / "web.auth").touch(mode=0o600)
    with pytest.raises(SettingsError, match=r"web\.auth is empty: delete it"):
        web_password(Settings(home=tmp_path))


def test_the_password_is_said_once_and_without_the_extra_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    first, second = doors.doors_of(settings)[1], doors.doors_of(settings)[1]
    assert (
        first
        == f"web: http://127.0.0.1:5560/ password {web_password(settings)} (shown once, kept in {tmp_path}/web.auth)"
    )
    assert second == f"web: http://127.0.0.1:5560/ password in {tmp_path}/web.auth"
    monkeypatch.setattr(doors, "can_serve_web", lambda: False)
    assert doors.doors_of(settings)[1].startswith("web: not started, the extra `web` is not installed: pip install")


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:5560/"),
        ("::", "http://[::1]:5560/"),
        ("10.0.0.7", "http://10.0.0.7:5560/"),
    ],
)
def test_the_url_is_one_that_this_machine_reaches(tmp_path: Path, bind: str, url: str) -> None:
    assert web_url(Settings(home=tmp_path, web_bind=bind)) == url


CLEAR = "where others reach it, in plain HTTP: its password can be read on the way"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"web_bind": "0.0.0.0"}, [f"web: it listens on 0.0.0.0 port 5560, {CLEAR}; put a proxy"]),
        ({"web_bind": "::", "web_port": 80}, [f"web: it listens on :: port 80, {CLEAR}; put a proxy"]),
        (
            {"web_bind": "10.0.0.7", "web_url": "http://view.example.com"},
            [f"web: it listens on 10.0.0.7 port 5560, {CLEAR}"],
        ),
        ({"flower_bind": "0.0.0.0"}, [f"Flower: it listens on 0.0.0.0 port 5555, {CLEAR}; put a proxy"]),
        ({"web_bind": "::1", "flower_bind": "localhost"}, []),
        ({"web_bind": "0.0.0.0", "web_url": "https://view.example.com"}, []),
        ({"web_bind": "0.0.0.0", "web_url": "http://127.0.0.1:5560"}, []),
    ],
    ids=["everywhere", "IPv6", "a name without TLS", "Flower", "loopback", "behind TLS", "from this machine alone"],
)
def test_whoever_opens_it_to_others_without_tls_is_told(
    tmp_path: Path, given: dict[str, Any], said: list[str]
) -> None:
    told = [each for each in doors.doors_of(Settings(home=tmp_path, **given)) if "listens" in each]
    assert len(told) == len(said)
    assert all(each.startswith(start) for each, start in zip(told, said, strict=True))


def test_a_sign_in_ends_by_itself_and_at_once_when_one_signs_out() -> None:
    clock = Clock()
    sign_ins = SignIns(clock)
    first, second = sign_ins.begin("Ayu"), sign_ins.begin("Budi")
    assert len({first.token, second.token, first.form_token, second.form_token}) == 4
    assert sign_ins.find(first.token) == first
    assert sign_ins.find(None) is sign_ins.find("") is sign_ins.find(first.form_token) is None
    sign_ins.end(first)
    assert sign_ins.find(first.token) is None
    clock.now += LONGEST_SECONDS
    assert sign_ins.find(second.token) is None
    assert first.token not in repr(first)


def test_the_oldest_sign_ins_end_where_there_are_very_many() -> None:
    sign_ins = SignIns()
    begun = [sign_ins.begin("Ayu") for _ in range(MOST_SIGN_INS + 1)]
    assert sign_ins.find(begun[0].token) is None
    assert sign_ins.find(begun[1].token) == begun[1]
