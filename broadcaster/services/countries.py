"""Of which country phone numbers are that are written without their country code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import values
from broadcaster.domain.phones import country_code
from broadcaster.errors import SettingsError, UsageError
from broadcaster.settings import Settings
from broadcaster.settings_faults import PREFIX

if TYPE_CHECKING:
    from sqlalchemy import Engine


def known_country(
    source: Engine | Reader,
    settings: Settings,
    given: str | None,
    *,
    instances: Sequence[str] = (),
    campaign: str | None = None,
) -> str | None:
    """The ISO 3166 code: the one that is `given`, or that of the instances, or that of the settings; None: not known.

    Asked are the named `instances`, or those of the `campaign`, or else all; they count where those of them that have
    a country have the same. Raises UsageError and SettingsError for a code that is none.
    """
    if given is not None:
        return country_code(given)
    found = instance_countries(source, instances=instances, campaign=campaign)
    if len(found) == 1:
        return found[0]
    if settings.country is None:
        return None
    try:
        return country_code(settings.country)
    except UsageError as error:
        raise SettingsError(f"{PREFIX}COUNTRY: {error}") from None


def instance_countries(
    source: Engine | Reader, *, instances: Sequence[str] = (), campaign: str | None = None
) -> list[str]:
    """The different ISO 3166 codes that the same instances have, in order."""
    with reading(source) as connection:
        return sorted(values(connection, "countries_of_instances", names=list(instances) or None, campaign=campaign))
