"""Files that this program wrote itself, read again: nobody gets a message twice, and every phone is the same."""

from __future__ import annotations

import io
from collections.abc import Sequence

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from broadcaster.domain.states import MessageState
from broadcaster.domain.whatsapp_numbers import as_whatsapp_writes
from broadcaster.errors import InputError
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients

PHONE = "6281234567890"


def read(header: str, rows: Sequence[str], **options: str | bool) -> list[str]:
    source = io.BytesIO("\n".join([header, *rows, ""]).encode())
    with read_recipients(source, RecipientOptions(**options)) as reader:
        phones = [phone for batch in reader for phone in batch.phones]
        assert reader.reasons_to_stop == []
        return phones


@pytest.mark.parametrize("state", [*MessageState, "Sent ", "PENDING", "rejected", "Jakarta"])
@pytest.mark.parametrize("column", ["attempts", "gateway_id", "Last outcome", "reason"])
def test_rows_of_an_export_ask_unless_they_got_nothing_for_good(state: str, column: str) -> None:
    header, rows = f"phone,State,{column}", [f"{PHONE},{state},"]
    if state in {"failed", "skipped", "cancelled", "expired", "rejected", "Jakarta"}:
        assert read(header, rows) == [PHONE]
        return
    with pytest.raises(InputError, match=r"line 2: this is an export of a campaign.*--again"):
        read(header, rows)
    assert read(header, rows, again=True) == [PHONE]


def test_a_list_with_states_of_its_own_is_no_export() -> None:
    assert read("phone,state", [f"{PHONE},sent"]) == [PHONE]


@pytest.mark.parametrize("header", ["phone,state,gateway_id", "phone_e164,name,city"])
@pytest.mark.parametrize("country", [None, "ID", "BR", "MX", "US"])
def test_phones_of_an_export_are_read_as_they_were_written(header: str, country: str | None) -> None:
    examples = (
        phonenumbers.example_number_for_type(region, kind)
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    )
    phones = [
        f"{each.country_code}{each.national_number}" for each in examples if each and not each.italian_leading_zero
    ]
    phones = list(map(as_whatsapp_writes, phones))
    assert read(header, [f"{phone},failed," for phone in phones], country=country) == phones


def test_a_national_number_that_somebody_wrote_into_an_export_is_not_guessed() -> None:
    with pytest.raises(InputError, match="with a 0 first: line 2"):
        read("phone,state,gateway_id", ["081234567890,failed,"])
    assert read("phone,state,gateway_id", [f"{PHONE},failed,", "081234567890,failed,"], country="ID") == [PHONE]
