"""Notices by mail: a plain text through the configured SMTP server."""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from broadcaster.base_urls import is_this_machine
from broadcaster.services.notices.answers import Answer, Delivery, kept_words
from broadcaster.settings import Settings
from broadcaster.time_zones import shown_time

_TIMEOUT = 10.0
"""Seconds for each word of the conversation."""
_DEFAULT_PORTS = {"smtp": 587, "smtps": 465}


class MailServer(NamedTuple):
    """Whom mail is handed to: the setting BROADCASTER_SMTP_URL, taken apart."""

    host: str
    port: int
    user: str | None
    password: str | None
    is_tls: bool
    """From the first byte on; otherwise by STARTTLS."""
    may_be_clear: bool
    """Whether it may be without TLS: a server of this machine, or one that is said to have none."""

    def __repr__(self) -> str:
        return f"MailServer(host={self.host!r}, port={self.port}, user=***, password=***)"


def mail_server(url: str) -> MailServer:
    """The server that a checked BROADCASTER_SMTP_URL names."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return MailServer(
        host,
        parts.port or _DEFAULT_PORTS[parts.scheme],
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        parts.scheme == "smtps",
        is_this_machine(host) or dict(parse_qsl(parts.query)).get("starttls") == "no",
    )


def mail_notice(settings: Settings, delivery: Delivery) -> Answer:
    """Hand the notice to the mail server; it is taken where that says so. Never raises for what others do."""
    if settings.smtp_url is None:
        return Answer(False, "BROADCASTER_SMTP_URL is not set where this worker runs")
    server = mail_server(settings.smtp_url)
    try:
        _send(server, notice_mail(server, settings, delivery))
    except smtplib.SMTPResponseException as error:
        return _refused(server, error.smtp_code, error.smtp_error)
    except smtplib.SMTPRecipientsRefused as error:
        [(code, said)] = error.recipients.values()
        return _refused(server, code, said)
    except (smtplib.SMTPException, OSError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Answer(False, kept_words(f"{server.host}: {why}", server.password or ""))
    return Answer(True, f"taken by {server.host}")


def notice_mail(server: MailServer, settings: Settings, delivery: Delivery) -> EmailMessage:
    """The mail. Each try has the same Message-ID, by which mailboxes know that it is the same."""
    summary, *lines = delivery.notice.lines(shown_time)
    own_host = socket.gethostname()
    sender = settings.mail_from or (server.user if server.user and "@" in server.user else f"broadcaster@{own_host}")
    mail = EmailMessage()
    mail["From"] = f"Broadcaster <{sender}>"
    mail["To"] = delivery.address
    # A header of one line, whatever things are called.
    mail["Subject"] = kept_words(f"[broadcaster] {summary}")
    mail["Date"] = format_datetime(delivery.noted_at)
    mail["Message-ID"] = f"<{delivery.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    body = [summary, "", *lines, "", f"{delivery.event}, noted {shown_time(delivery.noted_at)}, notice {delivery.id}"]
    mail.set_content("\n".join(body) + "\n")
    return mail


def _refused(server: MailServer, code: int, said: bytes | str) -> Answer:
    words = said.decode(errors="replace") if isinstance(said, bytes) else said
    return Answer(False, kept_words(f"{code} {words}", server.password or ""))


def _send(server: MailServer, mail: EmailMessage) -> None:
    """Raises SMTPException or OSError."""
    context, own_host = ssl.create_default_context(), socket.gethostname()
    where = (server.host, server.port, own_host)
    with (
        smtplib.SMTP_SSL(*where, timeout=_TIMEOUT, context=context)
        if server.is_tls
        else smtplib.SMTP(*where, timeout=_TIMEOUT)
    ) as connection:
        connection.ehlo()
        if not server.is_tls and connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
        elif not server.is_tls and (server.user is not None or not server.may_be_clear):
            raise smtplib.SMTPException("it offers no STARTTLS, and nothing is sent in the clear")
        if server.user is not None:
            connection.login(server.user, server.password or "")
        connection.send_message(mail)
