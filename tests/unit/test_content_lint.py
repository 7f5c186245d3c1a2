"""What is said of a text before it is sent."""

from __future__ import annotations

import pytest

from broadcaster.domain.content_lint import Severity, lint
from broadcaster.domain.contents import Content
from broadcaster.domain.templates import compile_template

FINE = "Hello {{ name }}, we are open on Sunday. Reply STOP to get no more."


def codes(text: str, shown: tuple[str, ...] = ()) -> list[str]:
    return [remark.code for remark in lint(Content(text=compile_template(text)), shown)]


@pytest.mark.parametrize("end", ["Balas BERHENTI.", "Zum Abmelden: STOPP, abmelden", "回复退订", "Отписаться: нет"])
def test_a_fine_text_has_no_remark_in_any_language(end: str) -> None:
    assert codes(FINE) == codes("Halo {{ name }}. " + end) == []


@pytest.mark.parametrize(
    ("addition", "found"),
    [
        ("https://shop.example.com/a?b=c", ["link"]),
        ("www.example.com", ["link"]),
        ("https://example.com/{{ code }}", ["link"]),
        ("http://example.com", ["link", "insecure_link"]),
        ("https://bit.ly/3xYz", ["link", "short_link"]),
        ("bit.ly/3xYz", ["short_link"]),
        ("WWW.TinyURL.com/x", ["link", "short_link"]),
        ("https://203.0.113.7/a", ["link", "odd_link"]),
        ("https://xn--pple-43d.com", ["link", "odd_link", "look_alike_link"]),
        ("https://xn--mnchen-3ya.de", ["link", "odd_link"]),
        ("https://payp\u0430l.com/login", ["link", "look_alike_link"]),
        ("see payp\u0430l.com", ["look_alike_link"]),
        ("\u0430\u0440\u0440\u04cf\u0435.com", ["look_alike_link"]),
        ("https://яндекс.рф https://рос.рф https://日本カラー-shop.jp https://müller.de", ["link"]),
        ("https://example.com and https://examp1e.com", ["link", "look_alike_link"]),
        ("https://example.com and exmaple.com", ["link", "look_alike_link"]),
        ("https://shop.com and https://shop.co", ["link", "look_alike_link"]),
        ("https://img1.example.com https://img2.example.com https://www.example.com example.com", ["link"]),
        ("https://klinik.co.id https://klinis.co.id", ["link", "look_alike_link"]),
        ("https://wa.me/62 https://t.me/x https://example.org https://sample.net", ["link"]),
        ("1/2 price and/or more, 24/7 at a.m./p.m.", []),
        ("mail ayu@example.com", []),
        ("Dear {first_name}", ["placeholder"]),
        ("Dear {Nama Pasien}", ["placeholder"]),
        ("Dear *|NAME|*", ["placeholder"]),
        ("Dear <<name>>", ["placeholder"]),
        ("Dear ${name}", ["placeholder"]),
        ("Dear %NAME%", ["placeholder"]),
        ("Dear [NAMA PASIEN]", ["placeholder"]),
        ("Dear [first name]", ["placeholder"]),
        ("Dear name }}", ["placeholder"]),
        ("on XXX at TODO", ["placeholder"]),
        ("lorem ipsum dolor", ["placeholder"]),
        ("10 % off, [see below], {1}, <3, *bold*, XX", []),
        ("caf\ufffd", ["lost_character"]),
        ("cafÃ©", ["mojibake"]),
        ("weâ€™re open", ["mojibake"]),
        ("ðŸŽ‰ party", ["mojibake"]),
        ("Ã¼ber", ["mojibake"]),
        ("Ärzte, café, naïve, “quoted” – 5 €, ÀÉÎ, ñandú, 🎉", []),
        ("x" * 4_096, ["long"]),
        (r"Dear all,\nwe are open", ["written_out"]),
        (r"C:\temp, a/b and message.txt", []),
    ],
)
def test_what_is_seen_in_a_text(addition: str, found: list[str]) -> None:
    assert codes(f"{FINE} {addition}") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello! Reply STOP to get no more.", ["same_for_all"]),
        ("Hello {{ name }}", ["no_opt_out"]),
        ("HELLO {{ name }}, BUY NOW OR NEVER, STOP", ["capitals"]),
        ("OK {{ name }}, STOP", []),
        ("non-stop {{ name }}", []),
        ("Unstoppable {{ name }}", ["no_opt_out"]),
        ("message.txt", ["file_name", "same_for_all", "no_opt_out"]),
    ],
)
def test_what_a_whole_text_lacks(text: str, found: list[str]) -> None:
    assert codes(text) == found


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("Hello JosÃ©", ["mojibake"]),
        ("Hello Jos\ufffd", ["lost_character"]),
        ("See you on 2026-04-03", ["plain_date"]),
        ("See you on 2026-04-03 09:30:00", ["plain_date"]),
        ("x" * 5_000, ["long"]),
        ("Hello [NAME] at bit.ly/x", []),
        ("Pay at https://payp\u0430l.com", ["look_alike_link"]),
    ],
)
def test_what_is_seen_in_messages(shown: str, found: list[str]) -> None:
    """Of values that which nobody types: names may be in capitals, and links are the list's."""
    assert codes(FINE, (shown, shown)) == found


def test_a_value_may_have_a_host_that_is_nearly_that_of_the_text() -> None:
    shown = ("Hello https://klinik.example https://klinlk.example",)
    assert codes(f"{FINE} https://klinik.example {{{{ link }}}}", shown) == ["link", "look_alike_link"]


def test_a_caption_may_be_a_quarter_as_long() -> None:
    content = Content(caption=compile_template(f"{FINE} {'x' * 1_100}"), filename=compile_template("a.pdf"))
    assert [remark.code for remark in lint(content)] == ["long"]


def test_a_file_without_a_caption_lacks_but_the_way_out() -> None:
    assert [remark.code for remark in lint(Content(filename=compile_template("a.pdf")))] == ["no_opt_out"]


def test_a_remark_says_what_to_do() -> None:
    link, short = lint(Content(text=compile_template(f"{FINE} https://bit.ly/3x")))
    assert (link.severity, link.message) == (Severity.NOTE, "it leads to 'bit.ly'")
    assert (short.severity, short.message) == (
        Severity.WARNING,
        "'bit.ly' hides where the link leads: write the whole link",
    )
