"""Notices by mail: a plain text through the configured SMTP server."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime
from threading import Timer
from time import monotonic
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from broadcaster.loopback import is_this_machine
from broadcaster.services.notices.answers import Answer, Delivery, kept_words
from broadcaster.services.notices.webhooks import addresses_of
from broadcaster.settings import Settings
from broadcaster.time_zones import shown_time

_WITHIN = 20.0
"""Seconds for a whole mail, far below a lease. A server that says a little now and then would never time out."""
_TIMEOUT = 10.0
"""Seconds for each word of the conversation."""
_CONNECT_WITHIN = 5.0
_MOST_ADDRESSES = 3
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
        return Answer(False, "BROADCASTER_SMTP_URL is not set where this was sent from")
    server = mail_server(settings.smtp_url)
    mail = notice_mail(server, settings, delivery)
    ends = monotonic() + _WITHIN
    try:
        _send(server, mail, ends)
    except Exception as error:  # noqa: BLE001 - what servers make smtplib raise has no end: binascii.Error is one of it
        late = f"it was not done within {_WITHIN:g} s"
        return Answer(False, kept_words(f"{server.host}: {late if monotonic() >= ends else _told(error)}"))
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


_REFUSED = {
    smtplib.SMTPConnectError: "the connection",
    smtplib.SMTPHeloError: "the greeting",
    smtplib.SMTPAuthenticationError: "the sender's password",
    smtplib.SMTPSenderRefused: "the sender's address",
    smtplib.SMTPDataError: "the mail",
}


def _told(error: Exception) -> str:
    """What went wrong, in no word of the server's: it may repeat the password, in whatever form it was sent."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            [(code, _)] = error.recipients.values()
            return f"the server refused the receiver's address ({code})"
        case smtplib.SMTPResponseException():
            return f"the server refused {_REFUSED.get(type(error), 'to go on')} ({error.smtp_code})"
        case smtplib.SMTPServerDisconnected() | smtplib.SMTPNotSupportedError():
            return str(error)
        case smtplib.SMTPException():
            return "no way to log in was found"
        case OSError():
            return error.strerror or str(error) or type(error).__name__
        case UnicodeEncodeError():
            return "the user or the password is not plain ASCII"
        case _:
            return f"the server said what is not SMTP ({type(error).__name__})"


def _send(server: MailServer, mail: EmailMessage, ends: float) -> None:
    """Hand the mail over until that moment of the monotonic clock. Raises what smtplib does."""
    context = ssl.create_default_context()
    connection = smtplib.SMTP(local_hostname=socket.gethostname(), timeout=_TIMEOUT)
    # By this name STARTTLS checks the certificate. Not by `connect`: the greeting is to be within the deadline, too.
    connection._host = server.host  # type: ignore[attr-defined]  # typeshed has it for nobody
    with _connected(server, ends) as plain:
        connection.sock = context.wrap_socket(plain, server_hostname=server.host) if server.is_tls else plain
        try:
            code, said = connection.getreply()
            if code != 220:
                raise smtplib.SMTPConnectError(code, said)
            _converse(connection, server, mail, context)
            # It has the mail: what becomes of the farewell changes nothing.
            with suppress(Exception):
                connection.quit()
        finally:
            connection.close()


def _converse(connection: smtplib.SMTP, server: MailServer, mail: EmailMessage, context: ssl.SSLContext) -> None:
    connection.ehlo_or_helo_if_needed()
    if not server.is_tls and connection.has_extn("starttls"):
        connection.starttls(context=context)
        connection.ehlo_or_helo_if_needed()
    elif not server.is_tls and (server.user is not None or not server.may_be_clear):
        raise smtplib.SMTPNotSupportedError("it offers no STARTTLS, and nothing is sent in the clear")
    if server.user is not None:
        connection.login(server.user, server.password or "")
    connection.send_message(mail)


@contextmanager
def _connected(server: MailServer, ends: float) -> Iterator[socket.socket]:
    """A connection that is shut down at that moment of the monotonic clock, whatever waits for it. Raises OSError."""
    failure = OSError("its host has no address")
    for address in addresses_of(server.host)[:_MOST_ADDRESSES]:
        try:
            plain = socket.create_connection((address, server.port), _CONNECT_WITHIN)
            break
        except OSError as error:
            failure = error
    else:
        raise failure
    plain.settimeout(_TIMEOUT)
    # TLS takes the socket over: its twin stays, and ends them both.
    with plain, plain.dup() as twin:

        def shut_down() -> None:
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)

        timer = Timer(max(0.0, ends - monotonic()), shut_down)
        timer.daemon = True
        timer.start()
        try:
            yield plain
        finally:
            timer.cancel()
