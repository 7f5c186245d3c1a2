"""Paths in a list lead to files below one directory, and to nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broadcaster.domain.contents import Content
from broadcaster.errors import InputError, UsageError
from broadcaster.services.campaigns import recipient_files
from broadcaster.services.campaigns.content_rows import ContentRows
from broadcaster.services.campaigns.new_content import file_content, file_url_content, recipient_files_content
from broadcaster.services.campaigns.recipient_files import RecipientFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.pdf").write_bytes(b"secret")
    inside = tmp_path / "files"
    (inside / "a").mkdir(parents=True)
    (inside / "a" / "1.pdf").write_bytes(b"one")
    (inside / "a" / "empty.pdf").write_bytes(b"")
    (inside / "a" / "large.pdf").write_bytes(b"x" * 101)
    (inside / "a" / "closed.pdf").write_bytes(b"x")
    (inside / "a" / "x\x1b.pdf").write_bytes(b"x")
    (inside / "a" / "link.pdf").symlink_to(tmp_path / "secret.pdf")
    (inside / "a" / "near.pdf").symlink_to("1.pdf")
    (inside / "out").symlink_to(tmp_path)
    os.mkfifo(inside / "a" / "pipe.pdf")
    return inside


@pytest.mark.parametrize("path", ["a/1.pdf", " a\\1.pdf "])
def test_a_path_leads_to_a_file(root: Path, path: str) -> None:
    files = RecipientFiles("invoice", root, 100)
    assert files.faults([path]) == {}
    assert files.read(path) == b"one"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "it is empty"),
        ("a/2.pdf", "there is no such file"),
        ("a", "no file"),
        ("../secret.pdf", "below --file-root"),
        ("a/../../secret.pdf", "below --file-root"),
        ("a\\..\\..\\secret.pdf", "below --file-root"),
        ("/etc/passwd", "below --file-root"),
        ("C:\\a.pdf", "below --file-root"),
        ("a//1.pdf", "below --file-root"),
        ("a/1.pdf/", "below --file-root"),
        ("a/1.pdf\0", "below --file-root"),
        ("a/link.pdf", "a link leads elsewhere"),
        ("a/near.pdf", "a link leads elsewhere"),
        ("out/secret.pdf", "a link leads elsewhere"),
        ("a/pipe.pdf", "no file"),
        ("a/empty.pdf", "this file is empty"),
        ("a/large.pdf", "larger than 100 bytes"),
        ("a/x\x1b.pdf", "cannot be shown"),
        ("a/" + "x" * 300, "cannot be shown"),
    ],
)
def test_what_is_no_file_below_the_root_is_refused(root: Path, path: str, why: str) -> None:
    [(row, fault)] = RecipientFiles("invoice", root, 100).faults(["a/1.pdf", path]).items()
    assert row == 1
    assert fault.sentence.startswith("Column 'invoice': ")
    assert why in fault.sentence


def test_a_file_that_was_changed_meanwhile_is_not_stored(root: Path) -> None:
    files = RecipientFiles("invoice", root, 100)
    files.faults(["a/1.pdf"])
    (root / "a" / "1.pdf").write_bytes(b"two")
    with pytest.raises(InputError, match="was changed meanwhile"):
        files.read("a/1.pdf")


def test_there_is_an_end_to_how_many_files_there_are(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipient_files, "MOST_FILES", 1)
    with pytest.raises(InputError, match="at most 1 files are allowed; split the list"):
        RecipientFiles("invoice", root, 100).faults(["a/1.pdf", "a/2.pdf"])
    monkeypatch.undo()
    monkeypatch.setattr(recipient_files, "MOST_BYTES", 2)
    with pytest.raises(InputError, match="GiB of files; split the list"):
        RecipientFiles("invoice", root, 100).faults(["a/1.pdf"])


def test_the_root_is_a_directory(root: Path) -> None:
    with pytest.raises(UsageError, match="is no directory"):
        RecipientFiles("invoice", root / "a" / "1.pdf", 100)


def faults(content: Content, **columns: str) -> list[str]:
    rows = ContentRows(content)
    rows.check(list(columns))
    return [fault.sentence for fault in rows.faults({name: [value] for name, value in columns.items()}).values()]


@pytest.mark.parametrize(
    ("url", "value", "made"),
    [
        ("https://example.com/{{ x }}.pdf", "inv 1/ä?", "https://example.com/inv%201/%C3%A4%3F.pdf"),
        ("https://example.com/{{ x | lower }}", "A#B", "https://example.com/a%23b"),
        ("https://example.com/{{ x | default('no ne') }}", "", "https://example.com/no%20ne"),
        ("{{ x }}", "https://example.com/a?b=c", "https://example.com/a?b=c"),
        ("https://{{ x }}.example.com/", "shop", "https://shop.example.com/"),
    ],
)
def test_a_url_is_made_of_values(url: str, value: str, made: str) -> None:
    content = file_url_content(url)
    assert faults(content, x=value) == []
    assert content.render({"x": value}).url == made


NO_URL = "Column 'x': this makes no http:// or https:// URL of a public host."


@pytest.mark.parametrize(
    ("url", "value", "fault"),
    [
        ("{{ x }}", "soon", NO_URL),
        ("{{ x }}", "http://169.254.169.254/latest", NO_URL),
        ("{{ x }}", "https://user:secret@example.com/", NO_URL),
        ("https://{{ x }}/a", "localhost", NO_URL),
        ("https://example.com{{ x }}/a", "@localhost", NO_URL),
        ("https://example.com/{{ x }}", "x" * 2_000, NO_URL),
        ("https://example.com/{{ x }}", " ", "Column 'x': it is empty, and the file's name or URL needs it."),
        ("https://example.com/{{ x | date }}", "soon", "Column 'x': This is not a date that can be read"),
    ],
)
def test_a_row_that_makes_no_url_is_refused(url: str, value: str, fault: str) -> None:
    [found] = faults(file_url_content(url), x=value)
    assert found.startswith(fault)


@pytest.mark.parametrize("url", ["ftp://example.com/{{ x }}", "http://localhost/{{ x }}", "https://u:p@a.com/{{ x }}"])
def test_a_url_whose_host_is_given_is_checked_before_any_row(url: str) -> None:
    with pytest.raises(UsageError, match="--file-url: "):
        file_url_content(url)


@pytest.mark.parametrize(
    ("filename", "value", "name"),
    [
        ("{{ x }}.pdf", "Ayu", "Ayu.pdf"),
        ("{{ x }}.pdf", "03/2026\n", "03-2026-.pdf"),
        ("{{ x }}", "..", "file"),
        ("{{ x }}.pdf", "ä" * 200, "ä" * 125 + ".pdf"),
    ],
)
def test_a_name_is_made_of_values(root: Path, filename: str, value: str, name: str) -> None:
    content = file_content(root / "a" / "1.pdf", 100, filename=filename)
    assert faults(content, x=value) == []
    assert content.render({"x": value}).filename == name


def test_a_file_of_ones_own_has_its_own_name() -> None:
    own = recipient_files_content("Invoice File", caption="For {{ name }}")
    assert own.render({"invoice_file": "2026\\17.pdf", "name": "Ayu"}).filename == "17.pdf"
    named = recipient_files_content("invoice", filename="{{ name }}.pdf")
    assert named.render({"invoice": "17.pdf", "name": "Ayu"}).filename == "Ayu.pdf"
