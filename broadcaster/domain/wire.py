"""How a request to an instance is written."""

from __future__ import annotations

from enum import StrEnum


class Wire(StrEnum):
    """The two encodings that the WAChatPro page shows; which one an instance takes is a setting of the instance."""

    JSON = "json"
    """`application/json`: one flat object."""
    FORM = "form"
    """`application/x-www-form-urlencoded`: one field `data` that holds `{"method": "POST", "params": {…}}`."""
