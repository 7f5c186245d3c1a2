"""The numbers under which WhatsApp may keep one person's chat, and the one that is dialled today. Pure.

WhatsApp keeps an account under the number it was registered with. If the country has changed its numbers since, that
may be the old number, and a gateway lists nothing under the new one. The number itself does not tell, so all forms
have to be asked for. Known cases:

- Mexico put a 1 in front of mobile numbers until August 2019 (IFT); WhatsApp still keeps many as 521.
- Argentina writes mobile numbers with a 9 after the country code, and WhatsApp all of them, landlines too. The 15 of
  national dialling is not part of an E.164 number.
- Brazil put a 9 in front of its mobile numbers, which began with 6 to 9, from 2012 to 2016 (ANATEL). Outside the areas
  11 to 28 accounts are mostly, but not always, kept without it.
- Ivory Coast put two digits of the operator in front of its numbers on 31 January 2021 (ARTCI): 01, 05, 07 for mobile
  numbers; 21, 25, 27 for others, which began with 2 or 3. Old accounts are kept under old numbers.
- Benin put 01 in front of all its numbers on 30 November 2024 (ARCEP Bénin).

Sources: faq.whatsapp.com/1294841057948784 "About international phone number format" (Argentina); green-api.com "What
are the features of sending and receiving messages to numbers of different countries", support.whapi.cloud "Specifics
of sending messages to numbers of different countries", adiwajshing/Baileys issue 1997, wwebjs/whatsapp-web.js issue
596, devlikeapro/waha issue 1894, fr.wikipedia.org "Liste des indicatifs téléphoniques en Côte d'Ivoire",
allafrica.com 202411300249. For Benin only the change is documented, not what WhatsApp does. By which digit ARTCI
told the operators of old Ivorian numbers apart: dykoffi/ccu, fonctions.js.
"""

from __future__ import annotations

import re

GROUP_IDS = r"@(?:g\.us|broadcast|newsletter)\b"
"""What the ids of groups, channels and lists of recipients end in, as a regular expression."""
HIDDEN_IDS = r"@(?:hosted\.)?lid\b"
"""The same of ids behind which WhatsApp hides a person's number."""

PLAIN = "plain"
"""The class of numbers with only one form."""

_PLANS: tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...] = (
    ("MX", re.compile(r"521?(?P<rest>[2-9][0-9]{9})"), ("52{rest}", "521{rest}")),
    ("AR", re.compile(r"549?(?P<rest>[1-8][0-9]{9})"), ("549{rest}", "54{rest}")),
    (
        "BR",
        re.compile(r"55(?P<area>[1-9][0-9])9?(?P<rest>[6-9][0-9]{7})"),
        ("55{area}9{rest}", "55{area}{rest}"),
    ),
    ("CI", re.compile(r"225(?P<operator>[02][157])(?P<rest>[0-9]{8})"), ("225{operator}{rest}", "225{rest}")),
    ("CI", re.compile(r"225(?P<rest>[23][0-9]{7})"), ("22521{rest}", "22525{rest}", "22527{rest}")),
    ("CI", re.compile(r"225(?P<rest>[0-9]{8})"), ("22501{rest}", "22505{rest}", "22507{rest}")),
    ("BJ", re.compile(r"229(?:01)?(?P<rest>[0-9]{8})"), ("22901{rest}", "229{rest}")),
)

# Areas 11, 2… and 3…; toll-free numbers have no other form.
_ARGENTINE = re.compile(r"54(?=(?:11|[23][0-9])[0-9]{8})(?P<start>[0-9]+)")

# What was dialled before, or is written in WhatsApp's way, and what is dialled today.
_TODAY: tuple[tuple[re.Pattern[str], str], ...] = (
    # 044, 045 and 01 were dialled in front of national numbers until 2019.
    (re.compile(r"52(?:1|01|044|045)(?P<rest>[2-9][0-9]{9})"), "52{rest}"),
    (re.compile(r"549(?P<area>11)15(?P<rest>[0-9]{8})"), "549{area}{rest}"),
    (re.compile(r"549(?P<area>[23][0-9]{2})15(?P<rest>[0-9]{7})"), "549{area}{rest}"),
    (re.compile(r"549(?P<area>[23][0-9]{3})15(?P<rest>[0-9]{6})"), "549{area}{rest}"),
    (re.compile(r"55(?P<area>[1-9][0-9])(?P<rest>[6-9][0-9]{7})"), "55{area}9{rest}"),
    (re.compile(r"225(?P<rest>2[0-9]8[0-9]{5})"), "22521{rest}"),
    (re.compile(r"225(?P<rest>[23][0-9]0[0-9]{5})"), "22525{rest}"),
    (re.compile(r"225(?P<rest>[23][0-9]{7})"), "22527{rest}"),
    (re.compile(r"225(?P<rest>[0-9][0-3][0-9]{6})"), "22501{rest}"),
    (re.compile(r"225(?P<rest>[0-9][4-6][0-9]{6})"), "22505{rest}"),
    (re.compile(r"225(?P<rest>[0-9][7-9][0-9]{6})"), "22507{rest}"),
    (re.compile(r"229(?P<rest>[0-9]{8})"), "22901{rest}"),
)


def dialled_today(phone: str) -> tuple[str, ...]:
    """What is dialled today for a number that is written as WhatsApp keeps it or as in an earlier plan, likely first.

    `phone` is digits with the country code. Whether a number is valid as it stands is for the caller to find out
    before; empty: no other is known.
    """
    return tuple(today.format(**match.groupdict()) for pattern, today in _TODAY if (match := pattern.fullmatch(phone)))


def as_whatsapp_writes(phone: str) -> str:
    """The form of `phone` (E.164 digits) that WhatsApp documents, where it documents another one.

    One subscriber has both, so that they are one recipient: +54 11 2345-6789 is 5491123456789.
    """
    found = _ARGENTINE.fullmatch(phone)
    return phone if found is None else f"549{found['start']}"


def forms(phone: str) -> tuple[str, ...]:
    """Every number under which WhatsApp may keep the chat of `phone` (E.164 digits), beginning with `phone` itself."""
    for _, pattern, spellings in _PLANS:
        if match := pattern.fullmatch(phone):
            return tuple(dict.fromkeys((phone, *(spelling.format(**match.groupdict()) for spelling in spellings))))
    return (phone,)


def sure_forms(phone: str) -> tuple[str, ...]:
    """Those of its forms that are this person's for certain, beginning with `phone` itself (E.164 digits).

    An old number that may have become several new ones is nobody's but its own.
    """
    every = set(forms(phone))
    return tuple(form for form in forms(phone) if set(forms(form)) == every)


def number_class(phone: str) -> str:
    """The numbers that share proofs with `phone`: its country if numbers there have several forms, else PLAIN."""
    return next((country for country, pattern, _ in _PLANS if pattern.fullmatch(phone)), PLAIN)


def is_same_person(phone: str, other: str) -> bool:
    """Whether both may be numbers of one account. Not transitive: an old number may belong to several new ones."""
    return other in forms(phone) or phone in forms(other)
