"""Programs whose exports are known by their header, and where these have the phones. Data: add a row for another.

A header is of a program only where all of `marks` are in it, which no list of somebody's own has by chance.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

_VALUE = " - value"


class KnownExport(NamedTuple):
    """How a program's export is told. Names are in lower case."""

    program: str
    marks: frozenset[str]
    """Columns that are all there."""
    phones: tuple[str, ...]
    """Columns with phones, those that are most likely to have WhatsApp first."""
    is_address_book: bool
    """Whether all phones of a row are of one person. A shop's are of whoever pays, and of whoever gets the goods."""

    @staticmethod
    def label_of(phone_column: str) -> Sequence[str]:
        """The columns that may say of what kind the phones of another column are."""
        stem = phone_column.removesuffix(_VALUE)
        return () if stem == phone_column else (f"{stem} - label", f"{stem} - type")

    def is_header(self, columns: Collection[str]) -> bool:
        """Whether these columns, folded, are of such an export."""
        return self.marks <= set(columns)


def _export(program: str, marks: str, *phones: str, is_address_book: bool = False) -> KnownExport:
    return KnownExport(program, frozenset(marks.split(",")), phones, is_address_book)


KNOWN_EXPORTS = (
    _export(
        "Google Contacts",
        "first name,last name,labels,phone 1 - label,phone 1 - value",
        *(f"phone {n}{_VALUE}" for n in range(1, 10)),
        is_address_book=True,
    ),
    _export(
        "Google Contacts (before 2024)",
        "given name,family name,group membership,phone 1 - type,phone 1 - value",
        *(f"phone {n}{_VALUE}" for n in range(1, 10)),
        is_address_book=True,
    ),
    _export(
        "Outlook",
        "first name,last name,business phone,home phone,mobile phone,e-mail address",
        *("mobile phone", "primary phone", "home phone", "business phone"),
        *("home phone 2", "business phone 2", "other phone", "car phone"),
        is_address_book=True,
    ),
    _export(
        "HubSpot",
        "record id,first name,last name,lifecycle stage,phone number",
        *("whatsapp phone number", "mobile phone number", "phone number"),
        is_address_book=True,
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
