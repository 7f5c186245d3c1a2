"""A dry run leaves nothing behind on disk: neither in tables nor in the write-ahead log."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from broadcaster.domain.contents import Content
from broadcaster.domain.span_limits import SpanLimit
from broadcaster.services.audiences.imports import Imported, import_file
from broadcaster.services.campaigns import loading
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.new_content import file_content, text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.instances import find_instance
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.shared_limits import add_limit, share_limits
from tests.support.database import everything
from tests.support.shop import Shop


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a", rate="2/s")
    shop.add("b", rate="1/s")
    return shop


@pytest.fixture
def people() -> str:
    """Numbers and names that nobody has had yet, one of them twice and one of them no number."""
    numbers = [f"62813{secrets.randbelow(10**8):08d}" for _ in range(30)]
    rows = "".join(
        f"{number},{secrets.token_hex(8)}\n" for number in [*numbers, numbers[0], f"no {secrets.token_hex(8)}"]
    )
    return f"phone,name\n{rows}"


def words(people: str) -> list[str]:
    return [field for row in people.splitlines()[1:] for field in row.split(",")]


def on_disk(owner: Engine, texts: list[bytes]) -> set[bytes]:
    """Those that are in any file of the server."""
    with owner.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("CHECKPOINT"))
        directory = Path(str(connection.scalar(text("SHOW data_directory"))))
    return {each for content in contents(directory) for each in texts if each in content}


def contents(directory: Path) -> Iterator[bytes]:
    for path in directory.rglob("*"):
        try:
            if path.is_file():
                yield path.read_bytes()
        except FileNotFoundError:
            pass  # The server has its own life.


def submission(content: Content, name: str = "c") -> Submission:
    return Submission(name=name, instances=["a", "b"], content=content, max_attempts=3)


def send(shop: Shop, people: str, content: Content, *, dry_run: bool) -> Submitted:
    with read_recipients(io.BytesIO(people.encode()), RecipientOptions(text=content.text)) as recipients:
        return submit_campaign(shop.engine, submission(content), recipients, dry_run=dry_run)


def keep(shop: Shop, people: str, *, apply: bool, replace: bool = True) -> Imported:
    with read_recipients(io.BytesIO(people.encode()), RecipientOptions()) as recipients:
        return import_file(shop.engine, "people", recipients, replace=replace, apply=apply)


def test_only_its_own_instances_are_told_where_others_share_a_limit_with_them(shop: Shop, people: str) -> None:
    add_limit(shop.engine, "customers", SpanLimit(1000, 86_400), grace=shop.settings.acceptance_seconds)
    with shop.engine.begin() as connection:
        for name in ("a", "b"):
            share_limits(connection, find_instance(connection, name).id, ["customers"])
    through_a = replace(submission(text_content("Hi")), instances=["a"])
    with read_recipients(io.BytesIO(people.encode()), RecipientOptions()) as recipients:
        tried = submit_campaign(shop.engine, through_a, recipients, dry_run=True)
    assert [lane.instance for lane in tried.lanes] == ["a"]


@pytest.mark.parametrize("large", [False, True])
def test_a_campaign_that_is_only_tried_leaves_nothing_and_tells_what_it_would_be(
    shop: Shop, owner: Engine, people: str, large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LARGE_CAMPAIGN", 1 if large else 1000)
    body = secrets.token_bytes(1500)
    (tmp_path / "file").write_bytes(body)
    content = file_content(tmp_path / "file", 10_000, caption="Dear {{ name }}")
    texts = [*(word.encode() for word in words(people)), body[:32]]
    before = everything(shop.engine)
    tried = send(shop, people, content, dry_run=True)
    assert everything(shop.engine) == before
    assert on_disk(owner, texts) == set()
    done = send(shop, people, content, dry_run=False)
    assert [each.messages for each in done.days] == [each.messages for each in tried.days]
    moments = {"ends_at": None, "earliest_at": None, "latest_at": None, "days": ()}
    assert replace(done, campaign_id=None, **moments) == replace(tried, **moments)
    assert (tried.read, tried.total, tried.rejected, tried.duplicates) == (32, 30, 1, 1)
    assert on_disk(owner, texts) >= {body[:32]}


def test_an_import_that_is_only_shown_leaves_nothing_and_tells_what_it_would_do(
    shop: Shop, owner: Engine, people: str
) -> None:
    texts = [word.encode() for word in words(people)]
    before = everything(shop.engine)
    tried = keep(shop, people, apply=False)
    assert everything(shop.engine) == before
    assert on_disk(owner, texts) == set()
    done = keep(shop, people, apply=True)
    assert replace(done, applied=False) == tried
    assert len(on_disk(owner, texts)) > 30


@pytest.mark.parametrize("replaces", [False, True])
def test_the_difference_to_an_audience_is_told_without_touching_it(shop: Shop, people: str, replaces: bool) -> None:
    header, *rows = people.splitlines(keepends=True)
    keep(shop, header + "".join(rows[:10]) + "6281399999999,Zoe\n", apply=True)
    tried = keep(shop, people, apply=False, replace=replaces)
    assert (tried.added, tried.unchanged, tried.removed) == (20, 10, int(replaces))
    assert replace(keep(shop, people, apply=True, replace=replaces), applied=False) == tried


def test_a_campaign_over_an_audience_that_is_only_tried_leaves_nothing(shop: Shop, owner: Engine, people: str) -> None:
    keep(shop, people, apply=True)
    content = text_content(secrets.token_hex(20))
    before = everything(shop.engine)
    tried = submit_over_audience(shop.engine, submission(content), "people", dry_run=True)
    assert everything(shop.engine) == before
    assert on_disk(owner, [content.body]) == set()
    done = submit_over_audience(shop.engine, submission(content), "people")
    assert [each.messages for each in done.days] == [each.messages for each in tried.days]
    moments = {"ends_at": None, "earliest_at": None, "latest_at": None, "days": ()}
    assert replace(done, campaign_id=None, **moments) == replace(tried, **moments)
    assert on_disk(owner, [content.body]) == {content.body}
