"""What every contender sends."""

from __future__ import annotations

KEY = "benchmark-key"
TEXT = "Good morning {{ name }}! Your order {{ order }} has left our warehouse and arrives on Thursday."

FILE = bytes(range(256)) * 800
"""200 KB."""
FILENAME = "brochure.pdf"


def phone(number: int) -> str:
    """The recipient of message `number`."""
    return f"49151{number:08}"


def variables(number: int) -> dict[str, str]:
    """What TEXT takes for message `number`."""
    return {"name": f"Customer {number}", "order": f"10-{number:06}"}


def body(number: int) -> str:
    """TEXT of message `number`, rendered."""
    text = TEXT
    for name, value in variables(number).items():
        text = text.replace(f"{{{{ {name} }}}}", value)
    return text
