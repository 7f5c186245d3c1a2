"""From the bytes of a recipients file to validated recipients, or one line that says why not."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.phones import PhoneFault
from broadcaster.domain.templates import MAX_TEXT_LENGTH, TemplateError, compile_template
from broadcaster.errors import BroadcasterError, InputError, UsageError
from broadcaster.services.recipients.batches import Recipient, RejectedRow
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.recipients.rows import RecipientRows
from broadcaster.services.recipients.text import BLOCK_BYTES, RecipientText

PHONE = "6281234567890"
OTHER = "6281234567891"
NAME = compile_template("{{ name }}")


class Stream(io.BytesIO):
    """A stream with a name that cannot seek, like a pipe."""

    name = "people.csv"

    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise io.UnsupportedOperation("seek")


def read(data: str | bytes, **options: Any) -> tuple[list[Recipient], list[RejectedRow]]:
    """Everything in a file of this content."""
    source = Stream(data.encode() if isinstance(data, str) else data)
    recipients: list[Recipient] = []
    rejected: list[RejectedRow] = []
    with read_recipients(source, RecipientOptions(**options)) as reader:
        for batch in reader:
            recipients += batch.recipients
            rejected += batch.rejected
    return recipients, rejected


def refusal(data: str | bytes, **options: Any) -> str:
    """The message with which a file of this content is refused."""
    with pytest.raises(BroadcasterError) as caught:
        read(data, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1000
    return message


CYRILLIC = f"phone,name\n{PHONE},Анна\n"


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (CYRILLIC, {}),
        ("\ufeff" + CYRILLIC, {}),
        ("\ufeff" + CYRILLIC, {"encoding": "UTF-8"}),
        (CYRILLIC.encode("utf-16"), {"encoding": "utf-16"}),
        (CYRILLIC.encode("utf-16-le"), {"encoding": "utf-16-le"}),
        (("\ufeff" + CYRILLIC).encode("utf-16-be"), {"encoding": "utf-16-be"}),
        (CYRILLIC.encode("cp1251"), {"encoding": "cp1251"}),
        (CYRILLIC.replace("\n", "\r\n"), {}),
        (CYRILLIC.replace("\n", "\r"), {}),
        (CYRILLIC.rstrip("\n"), {}),
        (CYRILLIC.replace(",", ";"), {}),
        (CYRILLIC.replace(",", "\t"), {}),
        (CYRILLIC.replace(",", "|"), {}),
        (CYRILLIC.replace(",", "~"), {"delimiter": "~"}),
        (CYRILLIC.replace(",", "\t"), {"delimiter": "tab"}),
        ("name, Phone \nАнна,62 812-3456-7890\n", {}),
        (f'"phone";"name"\n"{PHONE}";"Анна"\n', {}),
        (CYRILLIC.replace("phone", "Mobile No."), {"phone_column": "mobile no."}),
        ("phone,name\n081234567890,Анна\n", {"country": "ID"}),
    ],
)
def test_a_usable_file_is_read(data: str | bytes, options: dict[str, Any]) -> None:
    recipients, rejected = read(data, **options)
    assert [(phone, variables) for _, phone, variables in recipients] == [(PHONE, {"name": "Анна"})]
    assert rejected == []


def test_lines_are_where_rows_start_and_blank_lines_are_nobody() -> None:
    data = f'\nsep=;\nphone;a;b\n{PHONE};"x\ny";"p\r\nq\rr"\n\n   \n;;\n{OTHER};"";z\n;x;\nfoo;;\n{PHONE};;"\n"\n'
    recipients, rejected = read(data)
    assert recipients == [
        (4, PHONE, {"a": "x\ny", "b": "p\r\nq\rr"}),
        (11, OTHER, {"a": "", "b": "z"}),
        (14, PHONE, {"a": "", "b": "\n"}),
    ]
    assert rejected == [RejectedRow(12, "", PhoneFault.EMPTY), RejectedRow(13, "foo", PhoneFault.NOT_A_NUMBER)]


def test_a_bad_phone_rejects_its_row_only() -> None:
    recipients, rejected = read(f"phone,name\n6.28E+11,Ann\n{PHONE},Bob\n628,Cem\n{'9' * 500},Dee\n")
    assert recipients == [(3, PHONE, {"name": "Bob"})]
    assert rejected == [
        RejectedRow(2, "6.28E+11", PhoneFault.SCIENTIFIC_NOTATION),
        RejectedRow(4, "628", PhoneFault.TOO_SHORT),
        RejectedRow(5, "9" * 64, PhoneFault.NOT_A_NUMBER),
    ]


def test_recipients_that_appear_twice_are_passed_on() -> None:
    recipients, _ = read(f"phone\n{PHONE}\n+62 812 3456 7890\n")
    assert [phone for _, phone, _ in recipients] == [PHONE, PHONE]


def test_every_other_column_is_a_variable() -> None:
    source = Stream(f"First Name,PHONE,Order #,2nd\nAnn,{PHONE}, 7 ,x\n".encode())
    with read_recipients(source, RecipientOptions()) as reader:
        assert reader.columns == ("First Name", "PHONE", "Order #", "2nd")
        assert reader.variables == ("first_name", "order", "_2nd")
        (batch,) = reader
    assert batch.recipients == [(2, PHONE, {"first_name": "Ann", "order": " 7 ", "_2nd": "x"})]


def test_a_column_named_phone_beside_the_chosen_one_is_a_variable() -> None:
    recipients, _ = read(f"phone,mobile\nhome,{PHONE}\n", phone_column="mobile")
    assert recipients == [(2, PHONE, {"phone": "home"})]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "people.csv is empty; it needs a header line with a phone column, and then the recipients"),
        (b"\n \r\n", "people.csv is empty; it needs a header line with a phone column, and then the recipients"),
        (b"\xef\xbb\xbf", "people.csv is empty; it needs a header line with a phone column, and then the recipients"),
        (b"sep=;\n", "people.csv is empty; it needs a header line with a phone column, and then the recipients"),
        (b"phone,name\n\n", "people.csv has a header but no recipients"),
        (
            b"PK\x03\x04[Content_Types].xml",
            "people.csv cannot be read as an Excel workbook (Cannot detect file format); "
            "save the list as .xlsx or as CSV (UTF-8)",
        ),
        (b"%PDF-1.7\n", "people.csv is a PDF document, not a CSV file; save the list as CSV (UTF-8)"),
        (
            CYRILLIC.encode("utf-16"),
            "people.csv is UTF-16 text; add --encoding utf-16, or save it as CSV (UTF-8)",
        ),
        (
            CYRILLIC.encode("utf-16-le"),
            "people.csv, line 1: there is a NUL character, so this is binary or UTF-16 "
            "(then add --encoding utf-16-le); save the list as CSV (UTF-8)",
        ),
        (
            f"phone,name\n{PHONE},A\n{PHONE},B\0\n",
            "people.csv, line 3: there is a NUL character, so this is binary or UTF-16 "
            "(then add --encoding utf-16-le); save the list as CSV (UTF-8)",
        ),
        (
            CYRILLIC.encode("cp1251"),
            "people.csv, line 2: byte 0xC0 is not UTF-8; save the file as CSV (UTF-8), or name its encoding, "
            "like --encoding cp1252 (Western European) or cp1251 (Cyrillic)",
        ),
        (
            "name,city\nAnn,Rome\n",
            "people.csv, line 1: there is no column 'phone'; --phone-column names the one with the phone numbers; "
            "columns are: 'name', 'city'",
        ),
        (
            "Name;Phones\nAnn;1\n",
            "people.csv, line 1: there is no column 'phone'; did you mean --phone-column 'Phones'? "
            "--phone-column names the one with the phone numbers; columns are: 'Name', 'Phones'",
        ),
        (
            f"{PHONE},Ann\n{OTHER},Bob\n",
            "people.csv, line 1: there is no header; add a first line with the names of the columns, like phone,name",
        ),
        (
            "081234567890\n",
            "people.csv, line 1: there is no header; add a first line with the names of the columns, like phone,name",
        ),
        (
            "phone,name,Phone\n",
            "people.csv, line 1: 2 columns are called 'phone'; rename or remove all but one",
        ),
        (
            "phone,First name,first_name\n",
            "people.csv, line 1: columns 'First name' and 'first_name' are both {{ first_name }} in templates; "
            "rename or remove one",
        ),
        (
            "\n\nphone,,name\n",
            "people.csv, line 3, column 2: the column has no name; name it in the header, or remove it",
        ),
        (
            "phone,#\n",
            "people.csv, line 1, column 2: the name '#' has no letters or digits; name it in the header, or remove it",
        ),
        (
            "phone," + ",".join(f"c{index}" for index in range(256)),
            "people.csv, line 1: 257 columns, and at most 256 are allowed; remove some",
        ),
        (
            f'phone,name\n{PHONE},"A\nB"\n{PHONE}\n',
            "people.csv, line 4: 1 field where the header has 2; write ',' for every field, empty ones too",
        ),
        (
            f"phone;name\n{PHONE};A;B\n",
            "people.csv, line 2: 3 fields where the header has 2; put quotes around a field that contains ';'",
        ),
        (
            f'phone,name\n{PHONE},"A\nB"\n{PHONE},"Ann\n{OTHER},Bob\n',
            "people.csv, line 4, column 'name': the quote that opens here is never closed; close it, or leave it out",
        ),
        (
            f'phone,a,b\n{PHONE},"x\ny","z\n' + f"{OTHER},Bob,x\n" * 100_000,
            "people.csv, line 3, column 'b': the quote that opens here is never closed; close it, or leave it out",
        ),
        (
            'phone,"name\n',
            "people.csv, line 1, column 2: the quote that opens here is never closed; close it, or leave it out",
        ),
        (
            f'phone,name\n{PHONE},A\n{PHONE},"Ann" Lee\n',
            "people.csv, line 3, column 'name': there is text after the closing quote; "
            'write a quote inside a quoted field twice, like ""',
        ),
        (
            f"phone,name\n{PHONE},A\n{PHONE},{'x' * 200_000}\n",
            "people.csv, line 3, column 'name': the field is longer than 131,072 characters; shorten it",
        ),
        (
            f'phone,name\n{PHONE},"{"x" * 200_000}"\n',
            "people.csv, line 2, column 'name': the field is longer than 131,072 characters; shorten it",
        ),
        (
            "phone\n" + "6" * 3_000_000,
            "people.csv, line 2: the line is longer than 1,048,576 characters; put one recipient on each line",
        ),
    ],
)
def test_a_faulty_file_is_refused_on_one_line(data: str | bytes, error: str) -> None:
    assert refusal(data) == error


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"encoding": "klingon"}, "encoding 'klingon' is not known; write one such as utf-8, utf-16 or cp1251"),
        ({"encoding": "base64"}, "encoding 'base64' is not known; write one such as utf-8, utf-16 or cp1251"),
        (
            {"encoding": "unicode_escape"},
            "encoding 'unicode_escape' is not known; write one such as utf-8, utf-16 or cp1251",
        ),
        ({"delimiter": "::"}, "delimiter '::' is not usable; give one character, such as ';', or 'tab'"),
        ({"delimiter": '"'}, "delimiter '\"' is not usable; give one character, such as ';', or 'tab'"),
        ({"country": "UK"}, "country 'UK' is not a two-letter ISO 3166 code; write one such as ID or GB"),
    ],
)
def test_an_unusable_option_is_a_usage_error(options: dict[str, str], error: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(CYRILLIC, **options)
    assert str(caught.value) == error


def test_the_wrong_encoding_is_named() -> None:
    data = b"phone,name\n" + PHONE.encode() + b",\x81\n"
    assert refusal(data, encoding="cp1252") == (
        "people.csv, line 2: byte 0x81 is not cp1252; name the right --encoding, or save the file as CSV (UTF-8)"
    )


def test_utf_16_without_a_mark_needs_its_byte_order() -> None:
    # What is wrong with it differs between Python versions; what to do does not.
    message = refusal(CYRILLIC.encode("utf-16-be"), encoding="utf-16")
    assert message.startswith("people.csv")
    assert message.endswith("; name the right --encoding, or save the file as CSV (UTF-8)")


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "none.csv", "No such file or directory"), (tmp_path, "Is a directory")]:
        with pytest.raises(InputError) as caught:
            read_recipients(path, RecipientOptions())
        assert str(caught.value) == f"{path} cannot be opened: {reason}"


def test_a_blank_text_refuses_the_file_and_names_line_and_columns() -> None:
    data = f"phone,Name,code\n{PHONE},Ann,\n{PHONE},  ,\n"
    assert refusal(data, text=compile_template("{{ name }} {{ code }}")) == (
        "people.csv, line 3: the text would be blank: there is nothing in column 'Name' and 'code'; "
        'fill it in, or give a default as in {{ name | default("there") }}'
    )


def test_an_empty_cell_beside_other_text_or_with_a_default_is_sent() -> None:
    data = f"phone,name\n{PHONE},\n"
    for source in ("Hello {{ name }}", '{{ name | default("there") }}'):
        assert len(read(data, text=compile_template(source))[0]) == 1


def test_a_blank_text_for_a_rejected_row_does_not_matter() -> None:
    assert len(read(f"phone,name\n{PHONE},Ann\nfoo,\n", text=NAME)[1]) == 1


def test_a_caption_may_come_out_blank() -> None:
    assert len(read(f"phone,name\n{PHONE},\n", caption=NAME)[0]) == 1


def test_a_text_without_variables_must_not_be_blank() -> None:
    assert refusal(CYRILLIC, text=compile_template(" \n")) == "the text is blank; nothing would be sent"


@pytest.mark.parametrize("use", ["text", "caption"])
def test_a_text_that_would_be_too_long_refuses_the_file(use: str) -> None:
    template = compile_template("{{ a }}{{ bio }}!")
    fits = f"phone,a,bio\n{PHONE},,{'x' * (MAX_TEXT_LENGTH - 1)}\n"
    assert len(read(fits, **{use: template})[0]) == 1
    assert refusal(f"{fits}{PHONE},y,{'x' * (MAX_TEXT_LENGTH - 1)}\n", **{use: template}) == (
        "people.csv, line 3: the text would be 65,537 characters long and at most 65,536 are allowed; "
        "shorten column 'bio'"
    )


@pytest.mark.parametrize("use", ["text", "caption"])
def test_an_undefined_variable_is_refused_before_any_row(use: str) -> None:
    source = Stream(f"phone,name\n{PHONE},Ann\n".encode())
    with pytest.raises(TemplateError, match=r"line 1, column 4: there is no column 'nam'; did you mean 'name'\?"):
        read_recipients(source, RecipientOptions(**{use: compile_template("Hi {{ nam }}")}))
    assert source.closed


def test_the_size_of_a_file_is_known_and_that_of_a_pipe_is_not(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(CYRILLIC)
    with read_recipients(path, RecipientOptions()) as reader:
        assert reader.name == str(path)
        assert sum(len(batch.recipients) for batch in reader) == 1
        assert reader.bytes_read == reader.total_bytes == path.stat().st_size
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as pipe:
        pipe.write(CYRILLIC.encode())
    with read_recipients(os.fdopen(read_end, "rb"), RecipientOptions()) as reader:
        assert (reader.name, reader.total_bytes) == ("the recipients file", None)
        assert sum(len(batch.recipients) for batch in reader) == 1
        assert reader.bytes_read == len(CYRILLIC.encode())


class _Endless(io.RawIOBase):
    """A file that never ends; reading all of it would never return."""

    def __init__(self, header: str, row: str) -> None:
        self._next = header.encode()
        self._rows = row.encode() * 10

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), len(self._next))
        buffer[:size] = self._next[:size]
        self._next = self._next[size:] or self._rows
        return size


@pytest.mark.parametrize("row", [f"{PHONE},Ann\n", f'{PHONE},"Ann\nLee"\n', f"{PHONE},{'x' * 10_000}\n"])
def test_no_more_is_read_than_the_batches_need(row: str) -> None:
    source = io.BufferedReader(_Endless("phone,name\n", row))
    with read_recipients(source, RecipientOptions(batch_size=1_000)) as reader:
        delivered = 0
        for number, batch in enumerate(reader):
            assert 0 < len(batch.recipients) <= 1_000
            assert len(batch.recipients) * len(row) <= 2 * BLOCK_BYTES
            delivered += len(batch.recipients)
            assert reader.bytes_read - delivered * len(row) <= 2 * BLOCK_BYTES
            if number == 50:
                break


@pytest.mark.parametrize(
    ("header", "row", "error"),
    [
        ("phone,name\n", '"\n",', "line 2: the row is longer than 1,048,576 characters; close its last quote"),
        ('"phone\n"', ',"\n"', "line 1: the row is longer than 1,048,576 characters; close its last quote"),
        ("phone\n", ",", "line 2: the line is longer than 1,048,576 characters; put one recipient on each line"),
        ("", "\n", "begins with megabytes of blank lines; remove them"),
    ],
)
def test_what_never_ends_is_refused_after_a_few_megabytes(header: str, row: str, error: str) -> None:
    source = io.BufferedReader(_Endless(header or row, row))
    with pytest.raises(InputError) as caught, read_recipients(source, RecipientOptions()) as reader:
        list(reader)
    assert str(caught.value) in (f"the recipients file {error}", f"the recipients file, {error}")


@pytest.mark.parametrize(
    ("last", "error"),
    [
        ('"z\r\n\r\n', "line 5, column 'b': the quote that opens here is never closed; close it, or leave it out"),
        (
            '"z" ,',
            "line 5, column 'b': there is text after the closing quote; "
            'write a quote inside a quoted field twice, like ""',
        ),
        ("z,z", "line 3: 4 fields where the header has 3; put quotes around a field that contains ','"),
    ],
)
def test_a_fault_is_named_alike_however_the_file_is_cut_into_blocks(last: str, error: str) -> None:
    data = f'phone,a,b\r\n{PHONE},"",x\r\n{OTHER},"x\r\n\r\n""y",{last}\r\n'.encode()
    for block_bytes in range(1, len(data) + 1):
        text = RecipientText(io.BytesIO(data), "people.csv", block_bytes=block_bytes)
        with pytest.raises(InputError) as caught:
            list(RecipientRows(text, expected="phone").batches(1_000))
        assert str(caught.value) == f"people.csv, {error}", block_bytes


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["", "\n", "\r\n", "\r", '"', '""', ",", ";", "\t", "a,b", "\u2028", "\x0b", "\x85", "\ufeff", " x "]
)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    block_bytes=st.integers(1, 40),
    batch_size=st.integers(1, 5),
    data=st.data(),
)
def test_what_was_written_is_read_back_line_by_line(
    rows: list[tuple[str, str]], delimiter: str, line_end: str, block_bytes: int, batch_size: int, data: st.DataObject
) -> None:
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    written, starts = "", []
    for row in [("phone", "name"), *rows]:
        starts.append(len(written.replace("\r\n", "\n").replace("\r", "\n").split("\n")))
        cells = io.StringIO(newline="")
        csv.writer(cells, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerow(row)
        written += cells.getvalue()
    source = io.BytesIO(written.encode(encoding))
    text = RecipientText(source, "people.csv", encoding, block_bytes=block_bytes)
    read_rows = RecipientRows(text, expected="phone")
    batches = list(read_rows.batches(batch_size))
    assert read_rows.header == ["phone", "name"]
    assert [tuple(row) for batch in batches for row in batch.rows] == rows
    assert [line for batch in batches for line in batch.lines] == starts[1:]
    assert all(len(batch.rows) <= batch_size for batch in batches)


def _corrupted() -> Iterator[bytes]:
    yield from (b"", b"phone,name\n", b"phone,name\n6281234567890,", b'phone\n"', b"\xff\xfe", b"sep=")


@given(st.sampled_from(list(_corrupted())), st.binary(max_size=60), st.sampled_from([None, "utf-16", "cp1252"]))
def test_any_bytes_are_read_or_refused_on_one_line(start: bytes, rest: bytes, encoding: str | None) -> None:
    try:
        read(start + rest, encoding=encoding, text=compile_template("{{ name }}"))
    except BroadcasterError as error:
        assert "\n" not in str(error)


def test_of_several_phones_in_a_cell_of_google_contacts_the_first_usable_one_is_taken_and_told() -> None:
    file = "phone,name\n12 ::: 0812-3456-001 ::: +62 812-3456-002,Ann\n+62812345603,Bob\n1 ::: 2,Cid\n"
    options = RecipientOptions(country="ID", accept_rejected=True)
    with read_recipients(io.BytesIO(file.encode()), options) as reader:
        batches = list(reader)
    assert [phone for batch in batches for phone in batch.phones] == ["628123456001", "62812345603"]
    assert [row.phone for batch in batches for row in batch.rejected] == ["1 ::: 2"]
    assert [notice for notice in reader.notices if "several phones: 1 (lines 2)" in notice]
