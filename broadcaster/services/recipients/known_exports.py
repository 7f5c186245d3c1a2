"""Programs whose exports are known by their header, and where these have the phones. Data: add a row for another.

A header is of a program only where all of `marks` are in it, which no list of somebody's own has by chance.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple


class KnownExport(NamedTuple):
    """How a program's export is told. Names are in lower case."""

    program: str
    marks: frozenset[str]
    """Columns that are all there."""
    phones: tuple[str, ...]
    """Columns with phones, those that are most likely to have WhatsApp first."""

    def is_header(self, columns: Collection[str]) -> bool:
        """Whether these columns, folded, are of such an export."""
        return self.marks <= set(columns)


def _export(program: str, marks: str, *phones: str) -> KnownExport:
    return KnownExport(program, frozenset(marks.split(",")), phones)


KNOWN_EXPORTS = (
    _export(
        "Google Contacts",
        "first name,last name,labels,phone 1 - label,phone 1 - value",
        *(f"phone {n} - value" for n in range(1, 10)),
    ),
    _export(
        "Google Contacts (before 2024)",
        "given name,family name,group membership,phone 1 - type,phone 1 - value",
        *(f"phone {n} - value" for n in range(1, 10)),
    ),
    _export(
        "Outlook",
        "first name,last name,business phone,home phone,mobile phone,e-mail address",
        *("mobile phone", "primary phone", "home phone", "business phone"),
    ),
    _export(
        "HubSpot",
        "record id,first name,last name,lifecycle stage,phone number",
        *("whatsapp phone number", "mobile phone number", "phone number"),
    ),
    _export(
        "Mailchimp",
        "email address,member_rating,leid,euid",
        *("sms phone number", "phone number", "phone"),
    ),
    _export("WooCommerce", "order number,order status,phone (billing)", "phone (billing)", "phone (shipping)"),
    _export("WooCommerce", "order_number,billing_phone,billing_email", "billing_phone", "shipping_phone"),
    _export("WooCommerce", "user_login,billing_phone,billing_email", "billing_phone", "shipping_phone"),
    _export(
        "Shopify",
        "customer id,accepts email marketing,default address phone",
        *("phone", "default address phone"),
    ),
    _export(
        "Shopify", "financial status,fulfillment status,billing phone", "phone", "shipping phone", "billing phone"
    ),
)
