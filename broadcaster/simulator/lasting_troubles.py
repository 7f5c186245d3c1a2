"""Lasting troubles of an account or a recipient, by name: what a gateway of this family answers meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

ANY, SENDS, READS = "any", "sends", "reads"
"""Groups of endpoints."""

BAD_KEY = "wrong key"
_NOT_FOUND = "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>\n"


@dataclass(frozen=True, slots=True)
class Trouble:
    """An answer that accepts nothing."""

    name: str
    befalls: str
    """The endpoints that a rule affects if it names none."""
    status: int = 200
    words: str = ""
    """The words of the failure, in the instance's dialect, if there is no `body`."""
    body: object = None
    """The answer in every dialect: text as it is, anything else as JSON."""


def _session(error: str, **members: object) -> dict[str, object]:
    return {"error": error, **members}


TROUBLES = {
    trouble.name: trouble
    for trouble in (
        # The instance is not there: reading fails as sending does.
        Trouble("not_running", ANY, words="instance not running, please start the instance first"),
        Trouble("not_connected", ANY, 400, body={"message": "The device is not connected to WhatsApp"}),
        Trouble("not_connected_id", ANY, words="Perangkat belum terhubung"),
        Trouble("not_connected_pt", ANY, words="A instância está desconectada"),
        Trouble("logged_out", ANY, words="logged out: scan the QR code to log in again"),
        Trouble("no_session", ANY, 404, body=_session("There is no active WhatsApp session")),
        Trouble("starting", ANY, 422, body=_session("Session is not ready", status="STARTING", expected=["WORKING"])),
        # The gateway does not want this client.
        Trouble("bad_key", ANY, words=BAD_KEY),
        Trouble("key_code", ANY, body={"status": "1002", "message": "API key is invalid"}),
        Trouble("unauthorized", ANY, 401, words="Unauthorized"),
        Trouble("account_disabled", ANY, body={"success": False, "error": "This account has been disabled"}),
        Trouble("wrong_address", ANY, 404, body=_NOT_FOUND),
        Trouble("no_route", ANY, 404, body={"statusCode": 404, "message": "Cannot POST /wa/send"}),
        Trouble("wrong_method", ANY, 405, body={"message": "Method not allowed"}),
        Trouble("wrong_wire", ANY, 415, body={"message": "Media type not supported"}),
        # The account may read but not send: a probe by reading finds nothing wrong.
        Trouble("no_credit", SENDS, body={"success": False, "error": "Not enough credits"}),
        Trouble("low_balance", SENDS, 400, body={"title": "BalanceTooLow", "status": 400, "detail": "Top up first"}),
        Trouble("subscription", SENDS, 402, body={"error": "Needs an active subscription"}),
        Trouble("quota", SENDS, 466, body={"correspondentsStatus": {"status": "QUOTE_EXCEEDED"}, "total": 0}),
        Trouble("strange_words", SENDS, words="Ufandelo ga mirsote, plonk 17"),
        Trouble("strange_status", SENDS, 499, body={"kodo": 17, "teksto": "ufandelo ga mirsote"}),
        # Trouble of the recipient or the message.
        Trouble("invalid_number", SENDS, words="phone is not registered on WhatsApp: invalid number"),
        Trouble("no_whatsapp", SENDS, 400, body={"error": "The phone number has no WhatsApp account"}),
        Trouble("no_whatsapp_id", SENDS, words="Nomor ini tidak terdaftar di WhatsApp"),
        Trouble("too_big", SENDS, words="the file must be smaller than 4MB"),
        Trouble("too_long", SENDS, 400, body={"error": "body: limit of 4096 characters exceeded"}),
        Trouble("too_often", SENDS, 400, body={"title": "RecipientRateLimit", "detail": "Too many to this recipient"}),
        # The answer does not show the outcome; the ledger does.
        Trouble("contradiction", SENDS, body={"success": True, "response": "ERROR: this is not one of your contacts"}),
        Trouble("empty", SENDS, body=""),
    )
}
