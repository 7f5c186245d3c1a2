"""The URL that notices are posted to: the one place that says which are usable."""

from __future__ import annotations

from urllib.parse import urlsplit

from broadcaster.errors import UsageError, quoted
from broadcaster.public_hosts import host_of, is_public_host

ALLOW_PRIVATE_WEBHOOKS = "BROADCASTER_ALLOW_PRIVATE_WEBHOOKS"
_LONGEST = 2_000
"""Characters."""


def usable_webhook(text: str, *, allow_private: bool = False) -> str:
    """The URL as it is posted to. Raises UsageError, which does not show it: webhooks have secrets in their paths.

    It is https:// with a public host, as far as that can be seen without asking anybody; with `allow_private`, http://
    and one's own hosts too. Whoever posts looks again at the address that the host turns out to have.
    """
    is_plain = text.isprintable() and not set(" \\#") & set(text) and len(text) <= _LONGEST
    host = host_of(text) if is_plain and text.lower().startswith(("https://", "http://")) else None
    # Without a host before its path, `https:///user:pw@host` has one to the standard and none to others.
    if host is None or not urlsplit(text).netloc:
        wanted = "http:// or https://" if allow_private else "https://"
        raise UsageError(f"--webhook: not an {wanted} URL of at most {_LONGEST:,} characters without blanks or #")
    if "@" in urlsplit(text).netloc:
        raise UsageError("--webhook: a user or password in the URL is not sent: remove it")
    if allow_private:
        return text
    if not text.lower().startswith("https://"):
        raise UsageError(
            f"--webhook: http:// would show notices to the network: use https://, or set {ALLOW_PRIVATE_WEBHOOKS}=true"
        )
    if not is_public_host(host):
        raise UsageError(
            f"--webhook: {quoted(host)} is not a public host: if it is yours, set {ALLOW_PRIVATE_WEBHOOKS}=true"
        )
    return text


def is_private_webhook(url: str) -> bool:
    """Whether it takes ALLOW_PRIVATE_WEBHOOKS, as far as that can be seen. Its origin alone will do."""
    try:
        usable_webhook(url)
    except UsageError:
        return True
    return False


def webhook_origin(url: str) -> str:
    """What may be shown of a usable URL: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}"
