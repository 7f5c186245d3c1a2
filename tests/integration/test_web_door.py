"""The view in the browser as strangers see it, and what it lets through."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from time import monotonic
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import Engine

from broadcaster.db.engine import open_engine
from broadcaster.domain.states import CampaignState
from broadcaster.errors import UnavailableError
from broadcaster.services.audit import read_audit
from broadcaster.services.campaigns.campaign_reports import campaign_summary
from broadcaster.services.campaigns.full_reports import MOST_REASONS
from broadcaster.services.campaigns.lifecycle import pause_campaign
from broadcaster.services.schedules.steering import pause_schedule
from broadcaster.settings import Settings
from broadcaster.web.web_server import READING_SESSION
from tests.support.cli import RunCli, command
from tests.support.home import free_port
from tests.support.people import listens, read_replies, write
from tests.support.schedules import DAY, Calendar, add_audience
from tests.support.servers import TestServers
from tests.support.shop import Shop, drain, open_shop
from tests.support.stack import running_stack, wait_for
from tests.support.web_view import OPERATOR, PASSWORD, WebView, make_change, running_web, sign_in

PAGES = (
    "/",
    "/campaign?name=spring",
    "/report?name=spring",
    "/instances",
    "/instance?name=a",
    "/schedules",
    "/replies",
)
STREAM = {"Accept": "text/event-stream"}
ODD = """<script>alert(1)</script> / ? # & "x" %2e {{ 7 }}"""
"""A campaign may be called so."""


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    """With the campaign `spring` that runs through the instance `a`: nothing of it is sent."""
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.submit("spring", 20, "a")
        yield opened


@pytest.fixture
def view(shop: Shop, tmp_path: Path, environ: Mapping[str, str]) -> Iterator[WebView]:
    """Where changes are allowed."""
    with running_stack(tmp_path, environ) as stack, running_web(stack, "--allow-changes") as running:
        yield running


def assert_guarded(reply: httpx.Response) -> None:
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert reply.headers["X-Frame-Options"] == "DENY"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"]


def test_nobody_sees_anything_who_has_not_signed_in(view: WebView) -> None:
    stranger = view.visitor(signed_in=False)
    for path in (*PAGES, "/campaign/change?name=spring&change=cancel", "/report.html?name=spring", "/nowhere"):
        reply = stranger.get(path)
        assert (reply.status_code, reply.text) == (303, ""), path
        assert reply.headers["Location"] == ("/sign-in" if path == "/" else f"/sign-in?to={quote(path)}")
        assert stranger.get(path, headers=STREAM).status_code == 401
    for path in ("/campaign/change", "/sign-out"):
        assert stranger.post(path, data={"name": "spring", "change": "cancel"}).status_code == 303
    assert stranger.get("/healthcheck").text == "OK"
    assert "spring" not in stranger.get("/sign-in").text


def test_every_reply_forbids_frames_sniffing_and_foreign_content(view: WebView) -> None:
    stranger, visitor = view.visitor(signed_in=False), view.visitor()
    for path in (*PAGES, "/sign-in", "/nowhere", "/campaign?name=none", "/healthcheck", "/metrics"):
        assert_guarded(stranger.get(path))
        reply = visitor.get(path)
        assert_guarded(reply)
        assert reply.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<style|<[^>]*\s(?:on[a-z]+|style)=|javascript:|<script(?! src=\"/static/)", reply.text)


def test_it_says_where_it_is_and_what_opens_it(
    view: WebView, shop: Shop, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    assert f"web: {view.url}/ password as in BROADCASTER_WEB_PASSWORD" in view.role.log.read_text()
    home = tmp_path / "home"
    others = {**environ, "BROADCASTER_HOME": str(home), "BROADCASTER_WEB_PORT": str(free_port())}
    ours, theirs = pty.openpty()
    with subprocess.Popen(command("web"), env=others, cwd=tmp_path, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = ""
        while "\n" not in said and select.select([ours], [], [], 60)[0]:
            said += os.read(ours, 4096).decode()
        process.send_signal(signal.SIGTERM)
    os.close(ours)
    password = (home / "web.auth").read_text().strip()
    where = f"web: http://127.0.0.1:{others['BROADCASTER_WEB_PORT']}/"
    assert said.startswith(f"{where} password {password} (shown once, kept in {home / 'web.auth'})")


def test_whoever_guesses_is_slowed_down_and_learns_nothing(view: WebView) -> None:
    stranger = view.visitor(signed_in=False)
    wrong = ["", "the-password", PASSWORD + "!", PASSWORD.upper(), "pässword"]
    assert [sign_in(stranger, each).status_code for each in wrong] == [401] * 5
    late = sign_in(stranger)
    assert late.status_code == 429
    assert 1 <= int(late.headers["Retry-After"]) <= 12
    assert "set-cookie" not in late.headers
    assert stranger.get("/").status_code == 303


def test_the_cookie_is_for_this_server_and_no_script(view: WebView) -> None:
    stranger = view.visitor(signed_in=False)
    cookie = sign_in(stranger).headers["set-cookie"].lower()
    assert all(each in cookie for each in ("httponly", "samesite=strict", "path=/", "max-age=43200"))
    assert "secure" not in cookie


def test_signing_out_ends_it_for_whoever_has_copied_the_cookie_too(view: WebView) -> None:
    visitor, thief = view.visitor(), view.visitor(signed_in=False)
    thief.cookies = visitor.cookies
    assert thief.get("/").status_code == 200
    with thief.stream("GET", "/", headers=STREAM) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: live"
        assert visitor.post("/sign-out").status_code == 303
        begun = monotonic()
        for _ in lines:
            assert monotonic() < begun + 30, "the stream goes on"
    assert thief.get("/").status_code == 303


def test_one_is_led_on_to_pages_of_our_own_only(view: WebView) -> None:
    for to, leads_to in {
        "/campaign?name=spring": "/campaign?name=spring",
        "//evil.example/": "/",
        "/\\evil.example": "/",
        "https://evil.example/": "/",
        "/a\r\nSet-Cookie: x=y": "/",
    }.items():
        reply = sign_in(view.visitor(signed_in=False), to=to)
        assert reply.headers["Location"] == leads_to


def test_a_name_that_was_made_to_lead_here_is_refused(view: WebView) -> None:
    visitor = view.visitor()
    port = view.url.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", ""):
        for path in ("/", "/sign-in", "/metrics", "/static/none"):
            assert visitor.get(path, headers={"Host": host}).status_code == 400, host
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost", f"[::1]:{port}", "192.168.7.7"):
        assert visitor.get("/", headers={"Host": host}).status_code == 200


def test_behind_a_proxy_it_is_known_by_the_name_that_people_use(
    shop: Shop, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    url = "https://view.example.com"
    with running_stack(tmp_path, environ) as stack, running_web(stack, BROADCASTER_WEB_URL=url) as view:
        visitor = view.visitor(signed_in=False)
        proxied = {"Host": "view.example.com", "Origin": url}
        reply = visitor.post("/sign-in", data={"password": PASSWORD}, headers=proxied)
        assert "secure" in reply.headers["set-cookie"].lower()
        assert visitor.get("/sign-in", headers={"Host": "other.example.com"}).status_code == 400


def test_forms_of_other_sites_change_nothing(view: WebView, shop: Shop) -> None:
    visitor = view.visitor()
    page = visitor.get("/campaign/change?name=spring&change=cancel").text
    [token] = re.findall(r'name="form_token" value="([^"]*)"', page)
    fields = {"form_token": token, "name": "spring", "change": "cancel"}
    foreign = (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": view.url.replace("127.0.0.1", "localhost")},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    )
    for headers in foreign:
        assert visitor.post("/campaign/change", data=fields, headers=headers).status_code == 403
        assert visitor.post("/sign-out", headers=headers).status_code == 403
    for wrong in ("", token[:-1], token[::-1], view.visitor().cookies.get(next(iter(visitor.cookies))) or ""):
        assert visitor.post("/campaign/change", data=fields | {"form_token": wrong}).status_code == 403
    assert campaign_summary(shop.engine, "spring").state is CampaignState.RUNNING


def test_what_is_changed_is_what_the_command_line_would_change_and_the_trail_says_who(
    view: WebView, shop: Shop
) -> None:
    visitor = view.visitor()
    asked = visitor.get("/campaign/change?name=spring&change=cancel").text
    assert "have got it: 0, will not get it any more: 20" in asked
    for what, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert f"state-{state}" not in visitor.get("/campaign?name=spring").text
        done = make_change(visitor, "spring", what)
        assert (done.status_code, done.headers["Location"]) == (303, f"/campaign?name=spring&done={what}")
        assert campaign_summary(shop.engine, "spring").state == state
        assert f"state-{state}" in visitor.get(done.headers["Location"]).text, "at once"
    summary = campaign_summary(shop.engine, "spring")
    assert (summary.cancelled, summary.pending) == (20, 0)
    trail = [row for row in read_audit(shop.engine, kind="campaign", name="spring", limit=10) if row.operator]
    assert {(row.operator, row.command) for row in trail} == {
        (f"web: {OPERATOR}", f"campaign {what}") for what in ("pause", "resume", "cancel")
    }
    refused = visitor.get("/campaign/change?name=spring&change=pause")
    assert (refused.status_code, "in a state in which that cannot be done" in refused.text) == (409, True)


def test_where_changes_are_not_allowed_there_are_none(shop: Shop, tmp_path: Path, environ: Mapping[str, str]) -> None:
    with running_stack(tmp_path, environ) as stack, running_web(stack, BROADCASTER_LANGUAGE="id") as view:
        visitor = view.visitor()
        page = visitor.get("/campaign?name=spring").text
        assert "/campaign/change" not in page
        assert 'id="do-pause"' not in page
        fields = {"form_token": "", "name": "spring", "change": "cancel"}
        assert visitor.post("/campaign/change", data=fields).status_code == 403
        refused = visitor.get("/campaign/change?name=spring&change=cancel")
        assert refused.status_code == 403
        assert "Tampilan ini hanya untuk dilihat" in refused.text
        assert 'name="operator"' not in view.visitor(signed_in=False).get("/sign-in").text
    assert campaign_summary(shop.engine, "spring").state is CampaignState.RUNNING


def test_pages_are_read_in_sessions_that_cannot_write(shop: Shop, settings: Settings) -> None:
    reading = open_engine(settings, session=READING_SESSION)
    with pytest.raises(UnavailableError, match="read-only"):
        pause_campaign(reading, "spring")
    reading.dispose()


def test_while_postgres_is_away_a_page_says_so_and_afterwards_it_works(
    view: WebView, shop: Shop, servers: TestServers
) -> None:
    visitor = view.visitor()
    assert visitor.get("/").status_code == 200
    with servers.without(shop.engine):
        wait_for(lambda: visitor.get("/").status_code == 503, "the page to notice")
        away = visitor.get("/campaign?name=spring")
        assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
        assert "Postgres" in away.text
        assert 'http-equiv="refresh"' in away.text
        assert "Traceback" not in away.text
        assert_guarded(away)
        with visitor.stream("GET", "/", headers=STREAM) as stream:
            assert next(stream.iter_lines()) == "event: away"
    wait_for(lambda: visitor.get("/").status_code == 200, "the page to recover")
    assert view.role.process.poll() is None
    assert "Traceback" not in view.role.log.read_text()


def test_a_stream_goes_on_where_postgres_was_away(view: WebView, shop: Shop, servers: TestServers) -> None:
    visitor = view.visitor()
    events: list[str] = []

    def follow() -> None:
        with visitor.stream("GET", "/campaign?name=spring", headers=STREAM) as stream:
            events.extend(line for line in stream.iter_lines() if line.startswith("event: "))

    follower = threading.Thread(target=follow)
    follower.start()
    wait_for(lambda: events[-1:] == ["event: live"], "the first event")
    with servers.without(shop.engine):
        wait_for(lambda: events[-1] == "event: away", "the stream to notice")
    wait_for(lambda: events[-1] == "event: live", "the stream to recover")
    view.role.process.terminate()
    assert view.role.process.wait(10) == 0, "open streams do not keep it from stopping"
    follower.join(10)
    assert not follower.is_alive()


def test_what_nobody_can_mean_is_refused_without_a_trace(view: WebView) -> None:
    visitor = view.visitor()
    for path, status in {
        "/campaign?name=none": 404,
        "/report?name=none": 404,
        "/schedule?name=none": 404,
        "/replies?campaign=none": 404,
        "/campaign": 404,
        "/campaign?name=%00": 400,
        f"/campaign?name={'x' * 500}": 400,
        "/campaign?name=%ff%fe": 404,
        "/nowhere": 404,
        "/../../etc/passwd": 404,
        "/static/../app.py": 404,
        "/?show=nothing&find=%25": 200,
    }.items():
        reply = visitor.get(path)
        assert reply.status_code == status, (path, reply.text)
        assert "Traceback" not in reply.text
    assert visitor.post("/campaign/change", content=b"x" * 10_000).status_code == 413
    for body in (b"\xff=\xff", b"name=%00&change=pause", b"&".join([b"name=x"] * 20)):
        assert visitor.post("/campaign/change", content=body).status_code == 400
    assert visitor.post("/campaign/change", content=b"change=remove").status_code == 404
    assert visitor.put("/campaign").status_code == 405
    assert "a page failed" not in view.role.log.read_text()


def test_names_and_texts_of_any_kind_are_shown_as_they_are(view: WebView, shop: Shop) -> None:
    shop.submit(ODD, 3, "a")
    visitor = view.visitor()
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;"
    listed = visitor.get("/").text
    assert escaped in listed
    assert "<script>alert" not in listed
    [href] = re.findall(r'href="(/campaign\?name=%3Cscript[^"]*)"', listed)
    page = visitor.get(unescape(href))
    assert page.status_code == 200
    assert escaped in page.text
    assert "<script>alert" not in page.text
    assert make_change(visitor, ODD, "pause").status_code == 303
    assert campaign_summary(shop.engine, ODD).state is CampaignState.PAUSED
    report = visitor.get("/report.html", params={"name": ODD})
    assert report.headers["Content-Disposition"].startswith("attachment; ")
    assert "<script>alert" not in report.text


def test_of_many_reasons_a_page_shows_the_most_frequent_and_how_many_more_there_are(view: WebView, shop: Shop) -> None:
    words = [f"{first}{second}" for first in "abcdefgh" for second in "abcdefgh"]
    shop.submit("varied", len(words), "a", first=500)
    shop.sql("UPDATE messages SET state = 'sending' WHERE phone >= '628120000500'")
    for number, word in enumerate(words):
        phone = f"{628120000500 + number}"
        shop.sql(
            "UPDATE messages SET state = 'failed', reason = :why WHERE phone = :phone",
            why=f"reason {word}",
            phone=phone,
        )
    page = view.visitor().get("/campaign", params={"name": "varied"}).text
    assert page.count('data-label="Example"') == MOST_REASONS
    [(reasons,)] = shop.sql("SELECT count(*) FROM failure_report WHERE campaign = 'varied'")
    assert f"{int(str(reasons)) - MOST_REASONS} more reasons are not shown." in page


def test_a_reason_that_several_campaigns_have_is_shown_with_the_latest_of_them(view: WebView, shop: Shop) -> None:
    for number, name in enumerate(("earlier", "later")):
        shop.submit(name, 2, "a", first=500 + 10 * number)
        shop.sql(f"UPDATE messages SET state = 'sending' WHERE phone >= '{628120000500 + 10 * number}'")
        shop.sql(
            "UPDATE messages SET state = 'failed', reason = 'no such person', changed_at = now()"
            " WHERE state = 'sending'"
        )
    page = view.visitor().get("/instance", params={"name": "a"}).text
    [row] = [row for row in page.split("<tr>") if "no such person" in row]
    assert re.search(r'data-label="Messages"[^>]*>4<', row)
    assert re.search(r'data-label="Latest campaign"><a [^>]*>later<', row)


@pytest.mark.parametrize(("took", "said"), [(70, "≤ 100 ms"), (1_500, "≤ 2 seconds"), (400_000, "&gt; 5 minutes")])
def test_an_instance_says_how_slow_the_gateway_was(view: WebView, shop: Shop, took: int, said: str) -> None:
    drain(shop)
    shop.sql("UPDATE attempts SET duration_ms = :took", took=took)
    shop.count_attempts_anew()
    page = view.visitor().get("/instance", params={"name": "a"}).text
    assert f"<dt>Half of the requests took</dt><dd>{said} <small>99 of 100: {said}, since " in page


def test_no_page_shows_a_phone_that_is_not_masked(view: WebView, shop: Shop) -> None:
    shop.fault("kind=invalid_number,nth=2")
    listens(shop, "a")
    drain(shop)
    phones = [str(row[0]) for row in shop.sql("SELECT phone FROM messages")]
    write(shop, phones[0], f"call me on +62 812-{phones[0][5:]}, or {phones[1]}")
    read_replies(shop)
    visitor = view.visitor()
    text = "".join(visitor.get(path).text for path in PAGES)
    assert "call me on •" in text.replace("6281", "•")
    assert "invalid number" in text
    digits = re.sub(r"[^\d]", "", text)
    assert [phone for phone in phones if phone in text or phone[2:] in digits] == []


def test_figures_are_those_of_metrics_and_behind_the_same_token(
    shop: Shop, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    file = tmp_path / "token"
    file.write_text("the-token")
    file.chmod(0o600)
    with running_stack(tmp_path, environ) as stack:
        with running_web(stack) as view:
            open_here = view.visitor(signed_in=False).get("/metrics")
            assert 'broadcaster_messages{instance_name="a",state="pending"} 20.0' in open_here.text
            assert open_here.headers["Content-Type"].startswith("text/plain; version=")
            rebound = {"Authorization": "Bearer anything", "Host": "evil.example"}
            assert view.visitor(signed_in=False).get("/metrics", headers=rebound).status_code == 400
        with running_web(stack, BROADCASTER_WEB_METRICS_TOKEN_FILE=str(file)) as view:
            stranger = view.visitor(signed_in=False)
            for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer the-token2"}):
                refused = stranger.get("/metrics", headers=header)
                assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
            brought = {"Authorization": "Bearer the-token", "Host": "web:5560"}
            assert "broadcaster_messages" in stranger.get("/metrics", headers=brought).text
            assert "broadcaster_messages" in view.visitor().get("/metrics").text


def test_at_an_address_that_others_reach_figures_need_a_token_or_a_sign_in(
    shop: Shop, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    everywhere = "0.0.0.0"
    with running_stack(tmp_path, environ) as stack, running_web(stack, BROADCASTER_WEB_BIND=everywhere) as view:
        assert view.visitor(signed_in=False).get("/metrics").status_code == 401
        assert view.visitor().get("/metrics").status_code == 200
        assert f"web: it listens on {everywhere} port " in view.role.log.read_text()


class Texts(HTMLParser):
    """The texts of a page that are for people: no commands, and nothing that others have written (`bdi`)."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "br", "input", "path", "rect"}:
            self._within.append(tag)
        shown = dict(attrs)
        self.texts |= {str(shown[name]) for name in ("aria-label", "placeholder", "data-label") if shown.get(name)}

    def handle_endtag(self, tag: str) -> None:
        if tag in self._within:
            while self._within.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"code", "bdi", "style", "script", "title"} & set(self._within):
            self.texts.add(" ".join(data.split()))


def texts_of(page: str) -> set[str]:
    reader = Texts()
    reader.feed(page)
    return reader.texts


def test_no_page_has_english_left_in_another_language(
    shop: Shop, run_cli: RunCli, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    """With something in each part of each page; names and commands are the same in every language."""
    given = (
        "instance set a --gap 20s..60s --rest '5m..10m after 50' --ramp 20,50,80 --rate 20/min --rate 1000/h "
        "--read-replies 30s --window 'Mon-Fri 09:00-17:00' --holidays DE --stop-above failures=10%",
        "audience import people - --consent-source form",
        "schedule add news --cron '0 9 * * mon-fri' --timezone Asia/Jakarta --instance a --audience people --text Hi",
        "schedule add hourly --every 2h --timezone Asia/Jakarta --instance a --audience people --text Hi",
        "campaign submit later --instance a --at '2030-01-01 9:00' --recipients - --text Hi --canary 10% --after 1h "
        "--window legal",
        "campaign submit idea --instance a --recipients - --text Hi --draft",
        "campaign submit halted --instance a --recipients - --text Hi",
        "campaign pause halted",
        "instance pause a",
    )
    for each in given:
        assert run_cli(*shlex.split(each), stdin="phone,name\n628123456001,Ann\n").code == 0, each
    shop.sql(
        "INSERT INTO occurrences (schedule_id, due_at, state, reason) SELECT id, now(), 'held',"
        " 'missed: noticed 0:05:00 after it was due' FROM schedules WHERE name = 'hourly'"
    )
    pages = (*PAGES, "/campaign?name=later", "/schedule?name=news", "/schedule?name=hourly", "/report?name=later")
    pages += (
        "/campaign?name=none",
        "/instance?name=none",
        "/schedule?name=none",
        f"/campaign?name={'x' * 300}",
        "/nowhere",
    )
    pages += ("/campaign/change?name=spring&change=none", "/campaign/change?name=spring&change=resume")
    changes = tuple(f"/campaign/change?name=halted&change={change}" for change in ("resume", "cancel"))
    changes += ("/campaign/change?name=spring&change=pause", "/campaign/change?name=spring&change=cancel")
    told: dict[str, dict[str, set[str]]] = {}
    with running_stack(tmp_path, environ) as stack:
        # Words of the others may be the same as English ones: Plan, Error.
        for code, looked in (("en", pages + changes), ("id", pages + changes), ("es", changes), ("pt", changes)):
            with running_web(stack, "--allow-changes", BROADCASTER_LANGUAGE=code) as running:
                visitor = running.visitor()
                told[code] = {path: texts_of(visitor.get(path).text) for path in looked}
    given_names = "a|spring|news|hourly|later|idea|halted|people"
    names = given_names + r"|DE|Hi.*|Broadcaster.*|[\d.]+/(min|s|h|d),?|Asia/Jakarta|[\W\d]*"
    left = {
        (code, path): {text for text in texts & told["en"][path] if not re.fullmatch(names, text)}
        for code in ("id", "es", "pt")
        for path, texts in told[code].items()
    }
    assert {path: texts for path, texts in left.items() if texts} == {}


def test_what_a_schedule_has_queued_is_no_draft_and_a_paused_one_is_not_due(view: WebView, shop: Shop) -> None:
    add_audience(shop, "people", 2)
    calendar = Calendar(shop)
    calendar.add()
    [first] = calendar.tick()
    calendar.tick(DAY)
    pages = ["/campaign?name=news+2026-01-06T09:00", "/?show=later", "/schedules", "/schedule?name=news"]
    own, listed, schedules, schedule = (view.visitor().get(path).text for path in pages)
    for page in (own, listed):
        assert '<span class="state state-queued">queued</span>' in page
        assert '<span class="state state-draft">' not in page
    assert f"is queued behind campaign {first}" in own
    assert f"has an occurrence queued behind campaign {first}" in schedule
    assert '<td data-label="Queued" class="number">1</td>' in schedules
    assert '<td data-label="Next"></td>' not in schedules
    pause_schedule(shop.engine, "news")
    visitor = view.visitor()
    wait_for(lambda: '<td data-label="Next"></td>' in visitor.get("/schedules").text, "nothing to be due")
    says = "It is paused: nothing is due before it is resumed."
    wait_for(lambda: says in visitor.get("/schedule?name=news").text, "what is read to be new")
    paused = visitor.get("/schedule?name=news").text
    assert "broadcaster schedule resume news" in paused
    assert not re.search(r'<span class="faint">in \d', paused)


def test_what_is_in_doubt_is_told_beside_what_is_unknown_and_in_one_word_everywhere(view: WebView, shop: Shop) -> None:
    for state, most in (("sending", 5), ("in_doubt", 5), ("unknown", 2)):
        shop.sql(
            "UPDATE messages SET state = :state, reason = 'read timeout' WHERE seq <= :most", state=state, most=most
        )
    shop.sql(
        "INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at)"
        " SELECT segment, campaign_id, seq, 1, lane_id, 1, phone, now(), now() FROM messages WHERE state = 'in_doubt'"
    )
    own, report = (view.visitor().get(f"/{path}?name=spring").text for path in ("campaign", "report"))
    assert "campaign spring has 2 messages unknown: nobody knows whether they were accepted" in own
    assert "What holds it now" in own
    for page in (own, report):
        assert re.search(r'<th[^>]* class="number">Doubts</th>', page)
        assert re.search("still open</span></th>.*?so far</td>", page, re.DOTALL)
    assert '<td data-label="Half of them within"></td>' in report
    shop.sql("UPDATE messages SET state = 'cancelled' WHERE state = 'pending'")
    shop.sql("UPDATE messages SET state = 'unknown' WHERE state = 'in_doubt'")
    shop.sql("UPDATE campaigns SET state = 'finished', finished_at = now()")
    visitor = view.visitor()
    wait_for(lambda: "What is left to decide" in visitor.get("/campaign?name=spring").text, "what is read to be new")
    assert "What holds it now" not in visitor.get("/campaign?name=spring").text


def test_messages_that_are_unknown_have_a_line_and_a_column(view: WebView, shop: Shop) -> None:
    for state in ("sending", "in_doubt", "unknown"):
        shop.sql(f"UPDATE messages SET state = '{state}', reason = 'read timeout' WHERE seq <= 2")
    listed, own = (view.visitor().get(path).text for path in ("/", "/campaign?name=spring"))
    for page in (listed, own):
        assert "campaign spring has 2 messages unknown: nobody knows whether they were accepted" in page
        assert "broadcaster campaign settle spring" in page
    assert re.search(
        r'<td data-label="Unknown" class="number">2</td>\s*<td data-label="Open" class="number">18</td>', listed
    )
