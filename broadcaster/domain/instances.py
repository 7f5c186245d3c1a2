"""What an instance is configured with."""

from enum import StrEnum


class Wire(StrEnum):
    """How requests are encoded. The API's own page shows both encodings."""

    JSON = "json"
    """Content-Type application/json, the flat object."""
    FORM = "form"
    """application/x-www-form-urlencoded, one field `data`: `{"method": "POST", "params": {…}}`."""
