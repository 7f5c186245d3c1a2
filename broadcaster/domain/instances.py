"""What an instance is configured with."""

from enum import StrEnum


class Wire(StrEnum):
    """How requests are encoded; the API's own page shows both."""

    JSON = "json"
    """Content-Type application/json, the flat object."""
    FORM = "form"
    """application/x-www-form-urlencoded, one field `data`: `{"method": "POST", "params": {…}}`."""
