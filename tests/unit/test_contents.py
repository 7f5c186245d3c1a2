"""What may be sent, and under which names: checked before anything is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.contents import Content, MessageContent, stored_content
from broadcaster.domain.names import check_name
from broadcaster.domain.templates import TemplateError, compile_template, compile_url
from broadcaster.errors import UsageError
from broadcaster.file_urls import usable_file_url
from broadcaster.services.campaigns.new_content import file_content, file_url_content, text_file_content
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients

PUBLIC = [
    "https://example.com/price%20list.pdf?version=2#page=3",
    "HTTP://files.example.com:8080/a",
    "https://münchen.example.de/a",
    "https://93.184.216.34/a",
    "https://[2606:2800:220:1::1]/a",
    "https://example.com/a@b",
]
PRIVATE = [
    "http://localhost/a",
    "http://LOCALHOST./a",
    "http://db/a",
    "http://x.localhost/a",
    "http://printer.local/a",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://router.home.arpa/a",
    "http://a.b%2elocal/a",
    "http://127.0.0.1/a",
    "http://127.1/a",
    "http://2130706433/a",
    "http://0x7f.0.0.1/a",
    "http://0177.0.0.1/a",
    "http://１２７.0.0.1/a",
    "http://127.0.0.1./a",
    "http://0/a",
    "http://10.1.2.3/a",
    "http://172.16.0.1/a",
    "http://192.168.1.1/a",
    "http://100.64.0.1/a",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/a",
    "http://224.0.0.1/a",
    "http://255.255.255.255/a",
    "http://[::1]/a",
    "http://[::]/a",
    "http://[fe80::1]/a",
    "http://[fd00:ec2::254]/a",
    "http://[::ffff:127.0.0.1]/a",
    "http://[::ffff:7f00:1]/a",
    "http://[2002:7f00:1::]/a",
    "http://[64:ff9b::7f00:1]/a",
]
NO_URLS = [
    "",
    "/etc/hosts",
    "ftp://example.com/a",
    "http:example.com",
    "http:///a",
    "https://exa mple.com/a",
    "https://example.com/a\n",
    "https://example.com/\x1b[2J",
    "https://example.com/\u202ea",
    "https://example.com\\@localhost/",
    "https://example.com:99999/",
    "https://[::1",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_the_url_of_a_public_host_is_taken_as_it_is(url: str) -> None:
    assert file_url_content(url).body == url.encode()


@pytest.mark.parametrize("url", PRIVATE)
def test_the_url_of_a_host_that_is_not_public_is_refused_unless_that_is_allowed(url: str) -> None:
    with pytest.raises(UsageError, match=r"is not a public host.*BROADCASTER_ALLOW_PRIVATE_FILE_URLS=true$"):
        usable_file_url(url)
    assert usable_file_url(url, allow_private=True) == url


@pytest.mark.parametrize("url", NO_URLS)
@pytest.mark.parametrize("allow_private", [False, True])
def test_what_is_no_url_of_a_file_is_refused_in_one_line(url: str, allow_private: bool) -> None:
    with pytest.raises(UsageError, match="is not an http:// or https:// URL") as caught:
        usable_file_url(url, allow_private=allow_private)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("url", ["https://u:s3cret@example.com/", "https://s3cret@example.com", "ftp://u:s3cret@x.y/"])
def test_a_url_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        usable_file_url(url, allow_private=True)
    assert "s3cret" not in str(caught.value)


def test_a_url_has_a_most_length() -> None:
    with pytest.raises(UsageError, match="longer than 2,000 characters"):
        usable_file_url("https://example.com/" + "a" * 2_000)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a/b.pdf",
        "/etc/passwd",
        "..\\a.pdf",
        "..",
        ".",
        "a\nb",
        "a\x1bb",
        "a\x9bb",
        "gpj.\u202eexe",
        "ä" * 128,
    ],
)
def test_a_filename_is_no_path_and_can_be_shown(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF")
    with pytest.raises(UsageError, match=r"^filename ") as caught:
        file_content(path, 1000, filename=name)
    assert str(caught.value).isprintable()
    assert file_content(path, 1000).render({}).filename == "a.pdf"


def test_a_file_whose_own_name_cannot_be_shown_needs_another(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b.pdf"
    path.write_bytes(b"%PDF")
    with pytest.raises(UsageError, match="--filename gives the file another name"):
        file_content(path, 1000)
    assert file_content(path, 1000, filename="Prices.pdf").render({}).filename == "Prices.pdf"


@pytest.mark.parametrize(
    "name", ["", " a", "a\n", "a\x1bb", "a\x9bb", "a\u202eb", "a\u200eb", "x" * 201, "x" * 100_000]
)
def test_a_name_is_short_and_can_be_shown(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_name(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_the_name_of_a_column_is_short_too(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"phone,{'x' * 201}\n628123456789,a\n")
    with pytest.raises(Exception, match="line 1, column 2: the name is longer than 200 characters; shorten it"):
        read_recipients(path, RecipientOptions())


HI = compile_template("Hi {{ name }}")
LINK = "https://example.com/a.pdf"
CONTENTS = {
    ContentKind.TEXT: (Content(text=HI), MessageContent(text="Hi Ann"), b"Hi {{ name }}"),
    ContentKind.FILE: (
        Content(caption=HI, filename=compile_template("a.pdf"), file=b"%PDF"),
        MessageContent(caption="Hi Ann", filename="a.pdf"),
        b"%PDF",
    ),
    ContentKind.FILE_URL: (Content(url=compile_url(LINK)), MessageContent(url=LINK), LINK.encode()),
}


@pytest.mark.parametrize("kind", ContentKind)
def test_a_content_is_the_same_when_it_has_been_stored(kind: ContentKind) -> None:
    content, rendered, body = CONTENTS[kind]
    assert (content.kind, content.body) == (kind, body)
    stored = stored_content(kind, body, *(each and each.source for each in (content.caption, content.filename)))
    assert (stored.kind, stored.template) == (kind, content.template)
    assert stored.render({"name": "Ann"}) == content.render({"name": "Ann"}) == rendered


def test_a_stored_file_has_a_name_and_no_bytes() -> None:
    content = stored_content("file", b"", None, None)
    assert content.render({}) == MessageContent(filename="file")
    with pytest.raises(ValueError, match="not at hand"):
        _ = content.body


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (MessageContent(text=""), ""),
        (MessageContent(text="Hi"), "Hi"),
        (MessageContent(caption="", filename="a.pdf"), ""),
        (MessageContent(caption="Hi", url=LINK), "Hi"),
        (MessageContent(filename="a.pdf"), "a.pdf"),
        (MessageContent(url=LINK), LINK),
    ],
)
def test_words_are_what_a_recipient_reads(message: MessageContent, words: str) -> None:
    assert message.words == words


@pytest.mark.parametrize("kind", ContentKind)
def test_a_mark_goes_before_what_is_read_and_leaves_the_rest(kind: ContentKind) -> None:
    content, rendered, _ = CONTENTS[kind]
    marked = content.marked("[X]").render({"name": "Ann"})
    assert (marked.filename, marked.url) == (rendered.filename, rendered.url)
    assert marked.words == ("[X]" if content.template is None else "[X] Hi Ann")


def test_a_mark_that_makes_a_text_too_long_is_refused() -> None:
    with pytest.raises(TemplateError, match="at most 65,536 are allowed"):
        Content(text=compile_template("x" * 65_536)).marked("[X]")


def test_lines_of_a_text_file_end_as_people_read_them_wherever_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "message.txt"
    path.write_bytes("\ufeffDear {{ name }},\r\n\r\nwe are open.\r\n".encode())
    assert text_file_content(path, 1_000).body == b"Dear {{ name }},\n\nwe are open."
