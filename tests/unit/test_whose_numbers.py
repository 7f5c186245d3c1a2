"""Of which country the numbers of a file are, and when that is not certain enough to send to them."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

import pytest

from broadcaster.domain.phone_census import MOST_LINES, PhoneCensus
from broadcaster.domain.phones import PhoneNormaliser
from broadcaster.domain.whose_numbers import said_countries
from broadcaster.errors import InputError
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import RecipientReader, read_recipients

INDONESIAN = [f"62812345{number:05}" for number in range(598)]


def read(numbers: Sequence[str], country: str | None = None, **options: bool) -> tuple[list[str], RecipientReader]:
    """The phones of a file with these, and its reader."""
    data = "phone;name\n" + "".join(f"{number};Ann\n" for number in numbers)
    options = {"country": country, "delimiter": ";", **options}
    with read_recipients(io.BytesIO(data.encode()), RecipientOptions(**options)) as reader:
        return [phone for batch in reader for phone in batch.phones], reader


def refusal(numbers: Sequence[str], country: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(numbers, country)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def said(numbers: Sequence[str], country: str | None = None, **options: bool) -> str:
    return said_countries(read(numbers, country, **options)[1].census.countries)


@pytest.mark.parametrize(
    ("numbers", "country"),
    [
        (["81234567890", "81298765432"], "ID"),  # Japan's landlines
        (["85251234567", "81234567890"], "ID"),  # Hong Kong, Japan
        (["85251234567", "83112345678"], "ID"),  # Hong Kong, and no country
        (["085251234567", "85251234568"], "ID"),  # only some cells were taken for numbers
        (["081234567890", "081234567891"], "ID"),
        ([*INDONESIAN, "81234567890", "81298765432"], "ID"),
        ([*INDONESIAN, "081234567890"], "ID"),
        (["+62 812-3456-7890", "081234567891"], "ID"),
        (["15123456789", "1711234567", "1761234567"], "DE"),  # as from the United States, and too short for it
        (["7911123456", "7400123456"], "GB"),  # as Russian
        (["612345678", "698765432"], "FR"),
        (["8031234567", "8051234567", "7031234567", "9061234567"], "NG"),
    ],
)
def test_numbers_whose_zero_was_lost_are_refused_with_their_country_named_and_right_with_it(
    numbers: list[str], country: str
) -> None:
    message = refusal(numbers)
    assert "--country" in message and f"{country}" in message.partition("--country")[2]
    phones, reader = read(numbers, country)
    assert len(phones) == len(numbers)
    assert {each.country for each in reader.census.countries} == {country}


@pytest.mark.parametrize(
    "numbers",
    [
        INDONESIAN,
        [*INDONESIAN, "+81 90-1234-5678"],
        [*INDONESIAN, "0081 90-1234-5678"],
        [*INDONESIAN, "62812", "nobody", "", "6.28E+11", "0"],
        ["12025550144", "14165550144", "18765550144"],  # one calling code
        ["79123456789", "77012345678"],
        ["5215512345678", "525512345679"],
        ["+442071234567"],
        ["6281234567890"],
    ],
)
def test_numbers_that_agree_are_read_with_their_country_code_first(numbers: list[str]) -> None:
    phones, reader = read(numbers)
    assert set(map(str, phones)) >= {number for number in numbers if number in INDONESIAN}
    assert reader.census.is_certain


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (["6281234567890", "6591234567"], ["1 Indonesia, 1 Singapore: line 3"]),
        (["6281234567890", "622112345678"], ["no mobile phones: line 3"]),
        (["6281234567890", "081234567891"], ["with a 0 first: line 3", "--country ID"]),
        (["6281234567890", "999123456789"], ["no numbers at all: line 3"]),
        (["442071234567"], ["no mobile phones: line 2"]),
        (
            ["81" + str(234567890 + n) for n in range(30)],
            ["no mobile phones: lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …"],
        ),
    ],
)
def test_the_refusal_says_what_speaks_against_it_and_where(numbers: list[str], words: list[str]) -> None:
    message = refusal(numbers)
    assert all(word in message for word in words), message
    assert "--accept-countries" in message


BARE_AS_WELL = {
    # What is written, its country, and that of its beginning.
    "a town": ([f"(51) 9{8400 + n}-{4000 + 7 * n}" for n in range(600)], "BR", "PE"),
    "an area": ([f"84 98{700 + n}-{3000 + 7 * n}" for n in range(90)], "BR", "VN"),
    "a small file": (["66 99471-0079"], "BR", "TH"),
    "an area code in parentheses": (["(479) 793-1677"], "US", "NO"),
    "a company's phones": ([f"160 9628{2300 + n}" for n in range(20)], "DE", "US"),
    "a few of an operator": ([f"855104430{n}" for n in range(30, 35)], "ID", "KH"),
}


@pytest.mark.parametrize("name", BARE_AS_WELL)
def test_numbers_that_another_country_has_as_well_are_asked_about(name: str) -> None:
    numbers, country, abroad = BARE_AS_WELL[name]
    options = refusal(numbers).partition("--country ")[2].partition(")")[0]
    assert country in options and abroad in options
    for known in (country, abroad):
        _, reader = read(numbers, known)
        assert {each.country for each in reader.census.countries} == {known}
    _, reader = read(numbers, accept_countries=True)
    assert {each.country for each in reader.census.countries} == {abroad}


@pytest.mark.parametrize(
    "numbers",
    [
        ["628123456789"], ["919876543210"], ["5511987654321"], ["525512345678"], ["4915112345678"],
        ["447911123456"], ["34612345678"], ["2348031234567"], ["33612345678"], ["923011234567"], ["12025550144"],
        ["13125550144"],  # of China as well, where WhatsApp does not work
        ["1-512-555-0144"], ["1 (512) 555-0144"],  # no German number stands so
        ["15125550144", "12025550144"],
        ["+51 984 834 969", "51984834968"],
        [f"855{10000000 + 7919 * n}" for n in range(60)],  # too many to be of one Indonesian operator
    ],
)  # fmt: skip
def test_numbers_that_only_one_country_has_so_are_read_without_a_word(numbers: list[str]) -> None:
    phones, _ = read(numbers)
    assert len(phones) == len(numbers)


def test_a_sorted_file_is_judged_by_all_of_it() -> None:
    """Its first numbers would be of Natal in Brazil as well, all of them together only of Vietnam."""
    numbers = sorted((f"84{start}{n:07}" for start in (97, 37, 56) for n in range(100)), reverse=True)
    assert all(number.startswith("849") for number in numbers[:100])
    assert read(numbers)[1].census.is_certain


def test_numbers_that_do_not_agree_are_taken_as_they_are_read_if_that_is_said() -> None:
    phones, reader = read(["6281234567890", "6591234567"], accept_countries=True)
    assert phones == ["6281234567890", "6591234567"]
    assert reader.reasons_to_stop == []


def test_with_a_known_country_bare_numbers_are_of_it() -> None:
    phones, _ = read(["81234567890", "081234567890", "6281234567890", "62812345678", "+81 90-1234-5678"], "ID")
    assert phones == ["6281234567890", "6281234567890", "6281234567890", "62812345678", "819012345678"]


def test_a_bare_number_that_is_mobile_only_abroad_is_asked_about() -> None:
    """It would be a landline of the known country: a neighbour of whom it was written for."""
    numbers = ["081234567890", "81234567891", "0274 512345", "6591234567", "62215551234", "+65 9123 4568"]
    phones, reader = read(numbers, "ID")
    assert phones[3] == "626591234567"
    [reason] = reader.reasons_to_stop
    assert "Indonesia" in reason
    assert "1 Singapore: line 5" in reason
    assert "--accept-countries" in reason
    assert read(numbers, "ID", accept_countries=True)[1].reasons_to_stop == []


def test_it_is_asked_about_by_its_line_among_numbers_that_cannot_be_used() -> None:
    _, reader = read([*INDONESIAN, "nobody", "6591234567", "", "0274 512345"], "ID")
    [reason] = reader.reasons_to_stop
    assert f"1 Singapore: line {len(INDONESIAN) + 3}" in reason


def test_the_countries_are_said_with_the_lines_of_all_but_the_first() -> None:
    numbers = [*INDONESIAN, "+81 90-1234-5678"]
    numbers.insert(15, "+81 90-1234-5679")
    assert said(numbers) == "598 Indonesia, 2 Japan: lines 17, 601"
    assert said([*numbers, "+6591234567"]) == "598 Indonesia, 2 Japan: lines 17, 601; 1 Singapore: line 602"
    assert said(INDONESIAN) == "598 Indonesia"
    many = said([*INDONESIAN, *(f"+8190123456{n}" for n in range(10, 40))])
    assert many == f"598 Indonesia, 30 Japan: lines {', '.join(map(str, range(600, 610)))}, …"
    assert said(["+870773123456"]) == "1 no country (+870)"


def test_bare_numbers_that_are_few_in_a_file_of_one_country_look_like_a_mistake() -> None:
    meant = [f"+{number}" for number in INDONESIAN[:97]]
    [reason] = read([*meant, "85251234567", "85251234568"])[1].reasons_to_stop
    assert "2 Hong Kong" in reason and "lines 99, 100" in reason and "--accept-countries" in reason
    assert read([*meant, "85251234567"], accept_countries=True)[1].reasons_to_stop == []
    assert read([*meant, "+852 5123 4567"])[1].reasons_to_stop == []
    [linked] = read([*meant, "85251234567@c.us", "https://wa.me/85251234568"])[1].reasons_to_stop
    assert "2 Hong Kong" in linked and "lines 99, 100" in linked
    assert read(["81234567890@c.us", "https://wa.me/81234567891"])[1].reasons_to_stop == []
    [known] = read([*meant, "9012345678"], "JP")[1].reasons_to_stop
    assert "1 Japan: line 99" in known


@pytest.mark.parametrize(
    ("good", "bad", "stops"),
    [(1, 1, False), (1, 2, True), (2, 2, False), (9, 1, False), (7, 3, False), (6, 4, True), (57, 3, False),
     (56, 4, True), (95, 5, False), (94, 6, True), (950, 50, False), (949, 51, True)],
)  # fmt: skip
def test_one_row_in_twenty_may_be_rejected_or_three_or_half_of_a_handful(good: int, bad: int, stops: bool) -> None:
    numbers = [*[f"62812345{n:05}" for n in range(good)], *["nobody"] * bad]
    reasons = read(numbers)[1].reasons_to_stop
    assert bool(reasons) is stops
    if stops:
        assert f"{bad} of {good + bad:,} rows" in reasons[0] and f"line {good + 2}:" in reasons[0]
    assert read(numbers, accept_rejected=True)[1].reasons_to_stop == []


def test_rows_of_nothing_but_delimiters_count_as_no_rejected_rows() -> None:
    source = io.BytesIO(("phone,name\n6281234567890,Ann\n" + ",\n" * 50).encode())
    with read_recipients(source, RecipientOptions()) as reader:
        list(reader)
        assert (reader.rejections.read, reader.reasons_to_stop) == (1, [])


def test_what_is_kept_of_a_file_stays_small() -> None:
    census, normalise, choose = PhoneCensus(), PhoneNormaliser(), random.Random(20240504)
    for batch in range(20):
        written = [f"{choose.choice(['628', '8190', '081', '491', '99'])}{n:08}" for n in range(500)]
        census.add(range(batch * 500, batch * 500 + 500), written, normalise.all(written))
    kept = [
        census.national_lines,
        census.bare_landlines,
        census.unread_lines,
        *(each.lines for each in census.countries),
    ]
    assert max(map(len, kept)) == MOST_LINES
    assert len(census.samples) < 100
    assert not census.is_certain
