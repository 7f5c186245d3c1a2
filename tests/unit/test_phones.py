"""Written phone numbers to E.164 digits: what phonenumbers or WhatsApp accepts, and a reason for everything else."""

from __future__ import annotations

import random
from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from broadcaster.domain import phones
from broadcaster.domain.phone_proofs import prove, prove_mobile
from broadcaster.domain.phones import PhoneError, PhoneFault, PhoneNormaliser, is_mobile, normalise_phone
from broadcaster.domain.whatsapp_numbers import as_whatsapp_writes, dialled_today
from broadcaster.errors import UsageError

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize(
    "written",
    [
        "6281234567890",
        "+6281234567890",
        "006281234567890",
        "+62 812-3456-7890",
        "(+62) 812.3456.7890",
        "  6281234567890\n",
        "62 812 3456 7890",
        "+62\u00a0812\u202f3456\u20097890",
        "\u200e+62 812‑3456‑7890\u202c",
        "62\u2212812\u20133456\u20147890",
        "+62 (0) 812 3456 7890",
        "٦٢٨١٢٣٤٥٦٧٨٩٠",
        "۶۲۸۱۲۳۴۵۶۷۸۹۰",
        "＋６２８１２３４５６７８９０",
        "'6281234567890",
        "6281234567890.0",
        "+6281234567890.00",
        "'6281234567890.0",
        "62 812-3456-7890.0",
        "62.812.3456.7890.0",
        "\u202a6281234567890.0\u202c",
        "６２８１２３４５６７８９０．０",
        "٦٢٨١٢٣٤٥٦٧٨٩٠.٠",
        "https://wa.me/6281234567890.0",
        "+62 (0) 812.3456.7890",
        '="6281234567890"',
        '"6281234567890"',
        "“+62 812-3456-7890”",
        "=+6281234567890",
        "6281234567890@c.us",
        "6281234567890@s.whatsapp.net",
        "6281234567890:12@s.whatsapp.net",
        "true_6281234567890@c.us_3EB0A290DA0000000001",
        "https://wa.me/6281234567890",
        "wa.me/+62 812 3456 7890",
        "http://www.wa.me/6281234567890?text=Hello%20there",
        "https://api.whatsapp.com/send?phone=6281234567890",
        "https://api.whatsapp.com/send/?phone=%2B6281234567890&text&type=phone_number&app_absent=0",
        "https://web.whatsapp.com/send?text=Hi&phone=+6281234567890",
        "whatsapp://send?phone=6281234567890",
        "whatsapp:+6281234567890",
        "tel:+62-812-3456-7890",
        "tel:+6281234567890;ext=12",
        "tel:812-3456-7890;phone-context=+62",
        "tel:0812-3456-7890;ext=4;phone-context=+62",
        "tel:+62-812-3456-7890;phone-context=+1",
        "sms:+6281234567890",
        "callto:6281234567890",
        "+62 812/3456/7890",
        "+62812/34567890",
    ],
)
def test_one_number_may_be_written_in_many_ways(written: str) -> None:
    assert normalise_phone(written) == "6281234567890"


@pytest.mark.parametrize(
    ("written", "country", "digits"),
    [
        ("0812-3456-7890", "ID", "6281234567890"),
        ("81234567890", "ID", "6281234567890"),
        ("6281234567890", "ID", "6281234567890"),
        ("+1 415 555 2671", "ID", "14155552671"),
        ("0014155552671", "ID", "14155552671"),
        ("(415) 555-2671", "us", "14155552671"),
        ("011 62 812 3456 7890", "US", "6281234567890"),
        ("07911 123456", "GB", "447911123456"),
        ("9123456789", "IN", "919123456789"),
        ("06 1234 5678", "IT", "390612345678"),
        ("011 15 2345-6789", "AR", "5491123456789"),
        ("62812345678", "ID", "62812345678"),
        ("4915123456789", "DE", "4915123456789"),
        ("491711234567", "DE", "491711234567"),
        ("38343201523", "XK", "38343201523"),
        ("0171 / 123 45 69", "DE", "491711234569"),
        ("tel:0812-3456-7890", "ID", "6281234567890"),
    ],
)
def test_without_a_plus_a_number_is_one_of_the_given_country(written: str, country: str, digits: str) -> None:
    assert normalise_phone(written, country) == digits


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("", PhoneFault.EMPTY),
        (" \t\u00a0", PhoneFault.EMPTY),
        (" " * 200, PhoneFault.EMPTY),
        ("n/a", PhoneFault.NOT_A_NUMBER),
        ("-", PhoneFault.NOT_A_NUMBER),
        ("+", PhoneFault.NOT_A_NUMBER),
        ("Ann", PhoneFault.NOT_A_NUMBER),
        ("1-800-FLOWERS", PhoneFault.NOT_A_NUMBER),
        ("6281234567890 ext 5", PhoneFault.NOT_A_NUMBER),
        ("6281234567890/6281234567891", PhoneFault.SEVERAL_NUMBERS),
        ("6281234567890, 6281234567891", PhoneFault.SEVERAL_NUMBERS),
        ("6281234567890;6281234567891", PhoneFault.SEVERAL_NUMBERS),
        ("6281234567890 or 6281234567891", PhoneFault.SEVERAL_NUMBERS),
        ("6281234567890 6281234567891", PhoneFault.SEVERAL_NUMBERS),
        ("6281234567890\n6281234567891", PhoneFault.SEVERAL_NUMBERS),
        ("+6281234567890+6281234567891", PhoneFault.SEVERAL_NUMBERS),
        ("+49 171 1234567/8", PhoneFault.SEVERAL_NUMBERS),
        ("120363021234567890@g.us", PhoneFault.GROUP),
        ("120363021234567890@newsletter", PhoneFault.GROUP),
        ("https://chat.whatsapp.com/AbCdEf", PhoneFault.GROUP),
        ("103726482938475@lid", PhoneFault.HIDDEN_NUMBER),
        ("https://wa.me/message/ABCDEF1", PhoneFault.NOT_A_NUMBER),
        ("https://example.com/6281234567890", PhoneFault.NOT_A_NUMBER),
        ("=SUM(A1:A9)", PhoneFault.NOT_A_NUMBER),
        ("6281234567\n890", PhoneFault.NOT_A_NUMBER),
        ("++6281234567890", PhoneFault.NOT_A_NUMBER),
        ("62+81234567890", PhoneFault.NOT_A_NUMBER),
        ("62812345678²", PhoneFault.NOT_A_NUMBER),
        ("6281234567890" + " " * 60 + "1", PhoneFault.NOT_A_NUMBER),
        ("6281234567890,0", PhoneFault.NOT_A_NUMBER),
        ("6281234567890.5", PhoneFault.NOT_A_NUMBER),
        ("628123456789.125", PhoneFault.NOT_A_NUMBER),
        ("62 812-3456-789.5", PhoneFault.NOT_A_NUMBER),
        ("https://wa.me/628123456789.5", PhoneFault.NOT_A_NUMBER),
        ("628123456789 (0)", PhoneFault.NOT_A_NUMBER),
        ("628123456789 - 0", PhoneFault.NOT_A_NUMBER),
        ("https://wa.me/0081234567890", PhoneFault.NOT_A_NUMBER),
        ("https://faq.whatsapp.com/6281234567890", PhoneFault.NOT_A_NUMBER),
        ("https://whatsapp.com/6281234567890", PhoneFault.NOT_A_NUMBER),
        ("https://wa.me/6281234567890?phone=6281234567891", PhoneFault.NOT_A_NUMBER),
        ("https://api.whatsapp.com/send?phone=6281234567890&phone=6281234567891", PhoneFault.NOT_A_NUMBER),
        ("6.28E+11", PhoneFault.SCIENTIFIC_NOTATION),
        (" 6,28123E+12 ", PhoneFault.SCIENTIFIC_NOTATION),
        ("6e12", PhoneFault.SCIENTIFIC_NOTATION),
        ("081234567890", PhoneFault.NEEDS_COUNTRY),
        ("+0812345678", PhoneFault.UNKNOWN_COUNTRY_CODE),
        ("21012345678", PhoneFault.UNKNOWN_COUNTRY_CODE),
        ("+6", PhoneFault.TOO_SHORT),
        ("12", PhoneFault.TOO_SHORT),
        ("62812345", PhoneFault.TOO_SHORT),
        ("628123456789012345", PhoneFault.TOO_LONG),
        ("141555526710", PhoneFault.TOO_LONG),
        ("14151234567", PhoneFault.INVALID_FOR_COUNTRY),
    ],
)
def test_a_refused_number_says_why(written: str, fault: PhoneFault) -> None:
    with pytest.raises(PhoneError) as caught:
        normalise_phone(written)
    assert (caught.value.fault, str(caught.value)) == (fault, fault.sentence)


@pytest.mark.parametrize("fault", PhoneFault)
def test_every_fault_is_one_sentence(fault: PhoneFault) -> None:
    assert fault.sentence.endswith(".")
    assert "\n" not in fault.sentence


def test_scientific_notation_is_blamed_on_the_spreadsheet() -> None:
    assert "spreadsheet" in PhoneFault.SCIENTIFIC_NOTATION.sentence


@pytest.mark.parametrize("country", ["UK", "XX", "", "Indonesia"])
def test_an_unknown_country_is_refused(country: str) -> None:
    with pytest.raises(UsageError, match="ISO 3166"):
        PhoneNormaliser(country)


@pytest.mark.parametrize("tail", ["56789O", "56789²", "5678٩٩", "5678 9", "5678.0", "567890"])
def test_a_proven_beginning_says_nothing_of_a_tail_that_is_not_digits(tail: str) -> None:
    normalise = PhoneNormaliser()
    normalise("628123456789")
    try:
        first = normalise("628123" + tail)
    except PhoneError as error:
        assert _outcome(PhoneNormaliser(), "628123" + tail) == error.fault
    else:
        assert first == _outcome(PhoneNormaliser(), "628123" + tail)


@pytest.mark.parametrize(
    ("written", "country", "digits"),
    [
        ("+52 1 55 1234 5678", None, "525512345678"),
        ("5215512345678", None, "525512345678"),
        ("5215512345678@c.us", None, "525512345678"),
        ("5215512345678", "MX", "525512345678"),
        ("15512345678", "MX", "525512345678"),
        ("044 55 1234 5678", "MX", "525512345678"),
        ("01 55 1234 5678", "MX", "525512345678"),
        ("+52 045 55 1234 5678", None, "525512345678"),
        ("+55 11 8765-4321", None, "5511987654321"),
        ("551187654321@c.us", None, "5511987654321"),
        ("(11) 8765-4321", "BR", "5511987654321"),
        ("(011) 8765-4321", "BR", "5511987654321"),
        ("5491123456789", None, "5491123456789"),
        ("+54 11 15 2345-6789", None, "5491123456789"),
        ("+54 11 2345-6789", None, "5491123456789"),
        ("541123456789", None, "5491123456789"),
        ("541123456789@c.us", None, "5491123456789"),
        ("011 2345-6789", "AR", "5491123456789"),
        ("+54 800 123 4567", None, "548001234567"),
        ("+54 9 11 15 2345-6789", None, "5491123456789"),
        ("+54 9 351 15 234-5678", None, "5493512345678"),
        ("+225 07 12 34 56", None, "2250707123456"),
        ("+225 44 12 34 56", None, "2250544123456"),
        ("+225 01 12 34 56", None, "2250101123456"),
        ("+225 22 41 23 45", None, "2252722412345"),
        ("+225 22 00 23 45", None, "2252522002345"),
        ("07 12 34 56", "CI", "2250707123456"),
        ("+229 97 12 34 56", None, "2290197123456"),
        ("97 12 34 56", "BJ", "2290197123456"),
    ],
)
def test_a_number_as_whatsapp_or_an_earlier_plan_has_it_is_the_one_that_is_dialled_today(
    written: str, country: str | None, digits: str
) -> None:
    assert normalise_phone(written, country) == digits
    assert PhoneNormaliser(country).all([written] * 3).numbers == [digits] * 3


@pytest.mark.parametrize("beginning", ["52155", "551187", "22507", "22922", "549111523"])
def test_the_numbers_of_an_earlier_plan_come_out_alike_proven_or_asked_for(beginning: str) -> None:
    lengths = {"52155": 13, "551187": 12, "22507": 11, "22922": 11, "549111523": 15}
    choose, normalise = random.Random(beginning), PhoneNormaliser()
    for _ in range(200):
        rest = "".join(choose.choices("0123456789", k=lengths[beginning] - len(beginning)))
        found = _outcome(normalise, beginning + rest)
        assert found == _outcome(PhoneNormaliser(), beginning + rest)
        assert found == _by_the_rule(f"+{beginning}{rest}", None) or isinstance(found, PhoneFault)


def test_mobile_numbers_are_proven_to_be_what_the_library_says() -> None:
    choose = random.Random(20240503)
    answers = {True: 0, False: 0}
    for region in REGIONS:
        code = str(phonenumbers.country_code_for_region(region))
        for digits in _numbers_like_the_examples(region, choose, count=6):
            number = code + digits
            proven = prove_mobile(number[:6], len(number))
            parsed = phonenumbers.parse(f"+{number}")
            if proven is not None and phonenumbers.is_valid_number(parsed):
                assert is_mobile(parsed) is proven, number
                answers[proven] += 1
    assert min(answers.values()) > 50


def test_the_normaliser_accepts_exactly_what_the_library_accepts_in_every_region() -> None:
    choose = random.Random(20240501)
    international, compared, valid = PhoneNormaliser(), 0, 0
    for region in REGIONS:
        national = PhoneNormaliser(region)
        for digits in _numbers_like_the_examples(region, choose, count=8):
            code = phonenumbers.country_code_for_region(region)
            trunk = _national_prefix(region)
            cases = [
                (international, f"+{code}{digits}", None),
                (international, f"+{code}{trunk}{digits}", None),
                (national, f"{trunk}{digits}", region),
                (national, f"{digits}", region),
                (national, f"{code}{digits}", region),
            ]
            for normalise, written, country in cases:
                if country and written.startswith("00"):
                    continue  # for us always an international prefix
                expected = _by_the_rule(written, country)
                found = _outcome(normalise, written)
                assert (None if isinstance(found, PhoneFault) else found) == expected, (written, country)
                compared += 1
                valid += expected is not None
    assert compared > 5000
    assert 0.3 < valid / compared < 0.9  # both answers are really exercised


def test_every_completion_of_a_proven_beginning_is_valid_for_the_library() -> None:
    choose = random.Random(20240502)
    proven = 0
    for region in REGIONS:
        code = str(phonenumbers.country_code_for_region(region))
        trunk = _national_prefix(region)
        for digits in _numbers_like_the_examples(region, choose, count=3):
            for written, country in [(code + digits, None), (trunk + digits, region), (code + digits, region)]:
                depth = choose.randint(4, 9)
                head = prove(written[:depth], len(written), country) if depth < len(written) else None
                if head is None:
                    continue
                proven += 1
                for _ in range(2):
                    tail = "".join(choose.choices("0123456789", k=len(written) - depth))
                    text = written[:depth] + tail if country else f"+{written[:depth]}{tail}"
                    assert _by_the_rule(text, country) == as_whatsapp_writes(head + tail), (written[:depth], country)
    assert proven > 1000


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("62215551234", "ID", "62215551234"),
        ("62361751234", "ID", "62361751234"),
        ("0622 1234567", "ID", "626221234567"),
        ("3912345678", "IT", "393912345678"),
        ("390612345678", "IT", "390612345678"),
        ("4930123456", "DE", "4930123456"),
    ],
)
def test_what_is_valid_as_it_stands_stays_so_unless_it_is_mobile_without_its_code(
    written: str, country: str, number: str
) -> None:
    assert PhoneNormaliser(country)(written) == number


def test_mobile_numbers_of_every_region_are_settled_by_their_first_nine_digits() -> None:
    for region in REGIONS:
        example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        if example is not None:
            digits = phonenumbers.format_number(example, PhoneNumberFormat.E164).removeprefix("+")
            assert prove(digits[:9], len(digits), None) == digits[:9] or len(digits) <= 9, region


@pytest.mark.parametrize(
    ("leading", "length", "region"),
    [
        ("628", 13, None),  # 62800… is not valid
        ("062812", 13, None),
        ("1415", 11, None),  # 1415-0… is not valid
        ("210123", 12, None),
        ("008123", 12, "ID"),
        ("375810", 13, None),  # the parser may take the 8 for a national prefix
        ("358511", 11, "AX"),  # may be a national number or have its country code
    ],
)
def test_what_depends_on_an_open_digit_is_not_proven(leading: str, length: int, region: str | None) -> None:
    assert prove(leading, length, region) is None


@given(st.text(max_size=80), st.sampled_from([None, "ID", "US"]))
def test_any_text_is_either_digits_or_a_fault(text: str, country: str | None) -> None:
    found = _outcome(PhoneNormaliser(country), text)
    assert isinstance(found, PhoneFault) or (found.isascii() and found.isdigit() and 4 < len(found) < 18)


@given(st.from_regex(r"\+?[0-9 ().-]{4,18}", fullmatch=True))
def test_normalising_what_was_normalised_changes_nothing(text: str) -> None:
    found = _outcome(PhoneNormaliser(), text)
    if not isinstance(found, PhoneFault):
        assert normalise_phone(found) == found


def _outcome(normalise: PhoneNormaliser, written: str) -> str | PhoneFault:
    try:
        return normalise(written)
    except PhoneError as error:
        return error.fault


def _by_the_rule(written: str, country: str | None) -> str | None:
    """What the library says, as WhatsApp writes it.

    But what is valid with its country code in front stays so, unless mobile without.
    """
    try:
        number = phonenumbers.parse(written, country)
    except NumberParseException:
        return None
    if country and not is_mobile(number) and written.startswith(str(phonenumbers.country_code_for_region(country))):
        with_code = phonenumbers.parse(f"+{written}")
        number = with_code if phonenumbers.is_valid_number(with_code) else number
    code, national = str(number.country_code), phonenumbers.national_significant_number(number)
    spellings = [each.lstrip("+") for each in (written, code + national, code + written)]
    todays = [today for each in spellings for today in dialled_today(each)]
    candidates = [number, *(phonenumbers.parse(f"+{each}") for each in todays if each.startswith(code))]
    valid = filter(phonenumbers.is_valid_number, candidates)
    return next(
        (as_whatsapp_writes(phonenumbers.format_number(each, PhoneNumberFormat.E164)[1:]) for each in valid), None
    )


def _national_prefix(region: str) -> str:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    return (metadata and metadata.national_prefix) or ""


def _numbers_like_the_examples(region: str, choose: random.Random, count: int) -> Iterator[str]:
    """National significant numbers that share a random beginning with a valid one; some gain or lose a digit."""
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        digits = phonenumbers.national_significant_number(example)
        for _ in range(count):
            kept = choose.randint(1, len(digits) - 1)
            length = len(digits) + choose.choice([0, 0, 0, 0, 0, 0, 1, -1])
            yield digits[:kept] + "".join(choose.choices("0123456789", k=max(1, length - kept)))


def test_many_numbers_come_out_as_one_by_one() -> None:
    normal = [f"62812345{n:05}" for n in range(50)]
    for written in ([*normal], [*normal, "+62 812-3456-7890"], [*normal, "628123"], [*normal, "", *normal], ["x"], []):
        many, one = PhoneNormaliser(), PhoneNormaliser()
        for _ in range(2):  # the second time it knows the beginnings
            numbers, faults, are_bare = many.all(written)
            outcomes_bare = ["+" not in text for text in written if not isinstance(_outcome(one, text), PhoneFault)]
            assert list(are_bare) == outcomes_bare
            outcomes = [_outcome(one, text) for text in written]
            assert list(numbers) == [outcome for outcome in outcomes if not isinstance(outcome, PhoneFault)]
            assert faults == {n: outcome for n, outcome in enumerate(outcomes) if isinstance(outcome, PhoneFault)}


@pytest.mark.parametrize(
    ("written", "country", "digits"),
    [
        ("62812345678", "ID", "62812345678"),
        ("4915123456789", "DE", "4915123456789"),
        ("38343201523", "XK", "38343201523"),
        ("5215512345678", None, "525512345678"),
        ("81234567890", "ID", "6281234567890"),
    ],
)
def test_what_cannot_be_proven_of_a_beginning_comes_out_the_same(
    monkeypatch: pytest.MonkeyPatch, written: str, country: str | None, digits: str
) -> None:
    monkeypatch.setattr(phones, "prove", lambda *_: None)
    assert normalise_phone(written, country) == digits
