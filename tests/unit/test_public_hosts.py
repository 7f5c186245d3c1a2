"""Which hosts are public: every way to write an address among one's own servers is seen through."""

from __future__ import annotations

import pytest

from broadcaster.errors import UsageError
from broadcaster.public_hosts import host_of, is_public_address, is_public_host
from broadcaster.webhook_urls import usable_webhook

PUBLIC = [
    "8.8.8.8",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "2002:808:808::1",
    "64:ff9b::8.8.8.8",
]
OWN = {
    "this machine": "127.0.0.1",
    "private": "10.1.2.3",
    "of the provider": "100.64.0.1",
    "link-local": "169.254.169.254",
    "a cloud's": "168.63.129.16",
    "multicast": "224.0.0.1",
    "this machine, IPv6": "::1",
    "nobody's": "::",
    "link-local, IPv6": "fe80::1",
    "with a zone": "fe80::1%eth0",
    "public with a zone": "2606:4700::1111%eth0",
    "unique local": "fd00::1",
    "site-local": "fec0::1",
    "multicast, IPv6": "ff0e::1",
    "of documents": "2001:db8::1",
    "mapped": "::ffff:10.0.0.1",
    "mapped, a cloud's": "::ffff:168.63.129.16",
    "compatible": "::127.0.0.1",
    "compatible, public": "::8.8.8.8",
    "6to4": "2002:7f00:1::1",
    "ISATAP": "2600::5efe:7f00:1",
    "ISATAP, universal": "2600::200:5efe:a00:1",
    "an address of protocols, and of a cloud": "192.0.0.192",
    "a relay of 6to4": "192.88.99.1",
    "documentation": "3fff::1",
    "6to4, private": "2002:c0a8:101::1",
    "NAT64": "64:ff9b::10.0.0.1",
    "NAT64 of one's own network": "64:ff9b:1::8.8.8.8",
    "Teredo": "2001:0:808:808::f7f7:f7f7",
    "Teredo to this machine": "2001:0:808:808::80ff:fffe",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public_however_it_is_written(address: str) -> None:
    assert is_public_address(address)
    assert is_public_host(f"[{address}]" if ":" in address else address)


@pytest.mark.parametrize("address", OWN.values(), ids=OWN)
def test_an_address_of_ones_own_is_not_public_however_it_is_written(address: str) -> None:
    assert not is_public_address(address)
    url = f"https://[{address}]/x" if ":" in address else f"https://{address}/x"
    host = host_of(url)
    # A URL cannot have a zone.
    assert host is None if "%" in address else host is not None and not is_public_host(host)
    with pytest.raises(UsageError):
        usable_webhook(url)


@pytest.mark.parametrize(
    "url",
    [
        "https:///user:pw@hooks.example.com/x",
        "https:////hooks.example.com/x",
        "https://?hooks.example.com",
        "https:hooks.example.com",
        "https://user:pw@hooks.example.com/x",
        "https://:@hooks.example.com/x",
        "https://[fe80::1%25eth0]/x",
    ],
)
@pytest.mark.parametrize("allow_private", [False, True])
def test_a_webhook_has_a_host_and_no_password(url: str, allow_private: bool) -> None:
    with pytest.raises(UsageError, match=r"not an (http:// or )?https:// URL|a user or password") as caught:
        usable_webhook(url, allow_private=allow_private)
    assert "pw" not in str(caught.value).replace("password", "")
    assert usable_webhook("https://hooks.example.com/@x") == "https://hooks.example.com/@x"


@pytest.mark.parametrize(("allow_private", "wanted"), [(False, "https://"), (True, "http:// or https://")])
def test_what_is_refused_is_told_which_urls_are_taken(allow_private: bool, wanted: str) -> None:
    with pytest.raises(UsageError) as caught:
        usable_webhook("ftp://hooks.example.com/x", allow_private=allow_private)
    assert str(caught.value).startswith(f"--webhook: not an {wanted} URL of at most")
