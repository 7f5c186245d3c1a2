"""Which base URLs mean one server."""

from __future__ import annotations

import pytest

from broadcaster.base_urls import is_in_the_clear, same_server_urls, usable_base_url
from broadcaster.errors import InputError


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://api.example.com", "https://API.example.com/"),
        ("http://api.example.com:80", "https://api.example.com:443/"),
        ("http://api.example.com:443", "https://api.example.com"),
        ("http://api.example.com:8443/v1", "https://api.example.com.:8443/v1/"),
        ("http://localhost:8085", "https://127.0.0.1:8085"),
        ("http://127.1:8085", "http://[::1]:8085"),
        ("http://localhost.", "https://[0:0::1]"),
        (f"http://{'a.' * 245}b", f"https://{'a.' * 245}b"),
        ("http://[fd00::1]:9", "https://[FD00:0::1]:9"),
    ],
)
def test_spellings_that_surely_mean_one_server_are_one(one: str, other: str) -> None:
    spellings = same_server_urls(usable_base_url(one))
    assert spellings == same_server_urls(usable_base_url(other))
    assert {usable_base_url(one), usable_base_url(other)} <= set(spellings)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://api.example.com", "https://api.example.com:8443"),
        ("https://api.example.com/a", "https://api.example.com/b"),
        ("https://api.example.com/a", "https://api.example.com/A"),
        ("https://api.example.com", "https://example.com"),
        ("http://127.0.0.1:8085", "http://127.0.0.2:8085"),
        ("http://127.0.0.1:8085", "http://localhost:8086"),
    ],
)
def test_what_may_be_another_server_is_another(one: str, other: str) -> None:
    assert not set(same_server_urls(usable_base_url(one))) & set(same_server_urls(usable_base_url(other)))


@pytest.mark.parametrize("path", ["/wa", "/wa/", "/v1/wa", "/wa/send", "/wa/messages/"])
def test_a_url_that_ends_in_what_is_added_to_it_is_refused(path: str) -> None:
    with pytest.raises(InputError, match=r"must end before /wa"):
        usable_base_url(f"https://api.example.com{path}")
    assert usable_base_url("https://api.example.com/java") == "https://api.example.com/java"


@pytest.mark.parametrize(
    ("url", "is_in_clear"),
    [
        ("http://gateway", True),
        ("http://gateway.local:8085", True),
        ("http://192.168.1.7", True),
        ("http://api.example.com", True),
        ("https://gateway", False),
        ("http://localhost:8085", False),
        ("http://shop.localhost.", False),
        ("http://127.0.0.9:1", False),
        ("http://[::1]:8085", False),
        ("", False),
    ],
)
def test_only_what_stays_on_this_machine_may_go_in_the_clear(url: str, is_in_clear: bool) -> None:
    assert is_in_the_clear(url) is is_in_clear
