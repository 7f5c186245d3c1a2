"""The text that explains what can be made to go wrong: for `--help`."""

from __future__ import annotations

from inspect import cleandoc

from broadcaster.simulator import dialects, fault_plan, listings
from broadcaster.simulator.lasting_troubles import TROUBLES, Trouble

_WIDTH = 74


def guide() -> str:
    """The fault kinds, the words of the troubles and the fields of a listing, in lines of up to 119 characters."""
    kinds, fields = (cleandoc(module.__doc__ or "") for module in (fault_plan, listings))
    troubles = "\n".join(_line(trouble) for trouble in TROUBLES.values())
    return f"{kinds}\n\nWhat the troubles answer:\n\n{troubles}\n\n{fields}"


def _line(trouble: Trouble) -> str:
    body = trouble.words if trouble.body is None else trouble.body
    said = body.strip() if isinstance(body, str) else dialects.encode(body).decode()
    said = said if len(said) <= _WIDTH else f"{said[: _WIDTH - 1]}…"
    return f"    {trouble.name:<18}{trouble.befalls:<7}{trouble.status:<5}{said or '(nothing)'}"
