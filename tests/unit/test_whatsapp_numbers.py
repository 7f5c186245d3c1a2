"""The numbers under which WhatsApp may keep one person's chat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.whatsapp_numbers import PLAIN, forms, is_same_person, number_class


@pytest.mark.parametrize(
    ("phone", "others", "country"),
    [
        ("525512345678", ["5215512345678"], "MX"),
        ("5215512345678", ["525512345678"], "MX"),
        ("5511987654321", ["551187654321"], "BR"),
        ("551187654321", ["5511987654321"], "BR"),
        ("5531999998888", ["553199998888"], "BR"),
        ("553199998888", ["5531999998888"], "BR"),
        ("5491123456789", ["541123456789"], "AR"),
        ("541123456789", ["5491123456789"], "AR"),
        ("2250712345678", ["22512345678"], "CI"),
        ("2252722345678", ["22522345678"], "CI"),
        ("22507123456", ["2250107123456", "2250507123456", "2250707123456"], "CI"),
        ("22522345678", ["2252122345678", "2252522345678", "2252722345678"], "CI"),
        ("2290197123456", ["22997123456"], "BJ"),
        ("22997123456", ["2290197123456"], "BJ"),
    ],
)
def test_a_number_of_a_country_that_changed_its_numbers_has_other_forms(
    phone: str, others: list[str], country: str
) -> None:
    assert forms(phone) == (phone, *others)
    assert number_class(phone) == country
    assert all(is_same_person(phone, other) and is_same_person(other, phone) for other in others)
    assert all(number_class(other) == country for other in others)


@pytest.mark.parametrize(
    "phone",
    [
        "4915112345678",
        "628123456789",
        "12125550123",
        "551132345678",  # a landline of São Paulo
        "5511912345678",  # given out after the ninth digit came: without it, it would be somebody's landline
        "52155123456",
        "5411234567890123",
        "225",
        "",
        "٥٥11987654321",
    ],
)
def test_any_other_number_is_plain(phone: str) -> None:
    assert forms(phone) == (phone,)
    assert number_class(phone) == PLAIN


def test_another_number_of_the_same_country_is_another_person() -> None:
    assert not is_same_person("525512345678", "5215512345679")
    assert not is_same_person("2250712345678", "2250512345678")
    assert is_same_person("4915112345678", "4915112345678")


@given(
    st.from_regex(
        r"(52|521|54|549|55[1-9][0-9]|55[1-9][0-9]9|225|225[02][157]|229|22901|49)[0-9]{7,10}", fullmatch=True
    )
)
def test_whoever_has_a_form_of_a_number_is_the_same_person_in_the_same_class(phone: str) -> None:
    assert forms(phone)[0] == phone
    assert len(set(forms(phone))) == len(forms(phone))
    assert (number_class(phone) == PLAIN) is (len(forms(phone)) == 1)
    for other in forms(phone):
        assert is_same_person(other, phone)
        assert phone in forms(other) or number_class(phone) == "CI"
        assert number_class(other) == number_class(phone)
