"""Recipients files in the forms that people have: each is read, or named for what it is with what to do."""

from __future__ import annotations

import io
from itertools import repeat
from typing import Any

import pytest

from broadcaster.domain.placeholders import foreign_placeholders
from broadcaster.domain.templates import TemplateError, compile_template
from broadcaster.errors import InputError, UsageError
from broadcaster.services.campaigns.loading import MOST_REPEATS_SHOWN, MessageText, Repeat
from broadcaster.services.recipients.batches import Batch, Recipient
from broadcaster.services.recipients.headers import folded, visible
from broadcaster.services.recipients.hidden_rows import HiddenRowsRule
from broadcaster.services.recipients.known_exports import KNOWN_EXPORTS
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import RecipientReader, read_recipients
from tests.support.file_forms import FORMS, A, B, Form, outcome
from tests.support.workbook import opendocument, text_cell, workbook_of


def opened(content: str | bytes, **options: Any) -> RecipientReader:
    return read_recipients(
        io.BytesIO(content.encode() if isinstance(content, str) else content), RecipientOptions(**options)
    )


def read(content: str | bytes, **options: Any) -> list[Recipient]:
    with opened(content, **options) as reader:
        return [recipient for batch in reader for recipient in batch.recipients]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.what} {form.options}")
def test_a_file_of_each_form_is_read_or_named_for_what_it_is(form: Form) -> None:
    said = outcome(form)
    assert form.said in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "name", ["Téléphone", "TE\u0301LE\u0301PHONE", "\ufeffte\u0301le\u0301phone\u200b", "\u00a0Téléphone\u2060 "]
)
def test_names_are_the_same_in_any_unicode_form_and_with_marks_that_cannot_be_seen(name: str) -> None:
    assert folded(name) == folded("téléphone")
    assert visible("\u200eNo.\u00a0 HP\u200f") == "No. HP"
    assert visible("Te\u0301l.") == "Tél."


@pytest.mark.parametrize("export", KNOWN_EXPORTS, ids=lambda export: export.program)
def test_an_export_without_one_of_its_marks_is_anybodys_list(export: Any) -> None:
    columns = sorted(export.marks | {export.phones[0]})
    values = [A if column == export.phones[0] else "x" for column in columns]
    text = f"{','.join(columns)}\n{','.join(values)}\n"
    assert [phone for _, phone, _ in read(text)] == [A]
    if export.phones[0] != "phone":
        other = next(mark for mark in sorted(export.marks) if mark not in export.phones)
        with pytest.raises(InputError, match="did you mean --phone-column"):
            read(text.replace(other, "somethingelse"))


OFFICE, HOME = "+622150601234", "+622150605678"
GOOGLE = "First Name,Last Name,Labels,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value"
OLD_GOOGLE = "Given Name,Family Name,Group Membership,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value"
OUTLOOK = "First Name,Last Name,Business Phone,Home Phone,Mobile Phone,E-mail Address"


@pytest.mark.parametrize(
    ("header", "fields", "phone"),
    [
        (GOOGLE, f"Mobile,+{A},Work,{OFFICE}", A),
        (GOOGLE, f"Work,{OFFICE},Mobile,+{A}", A),
        (GOOGLE, f"* Work,{OFFICE},,+{A}", A),
        (GOOGLE, f"Home,+{B},WhatsApp,+{A}", A),
        (GOOGLE, f"Mobile,12,Home,+{A}", A),
        (GOOGLE, f"Mobile,{OFFICE},Home,+{A}", A),
        (GOOGLE, f"Home Fax,+{B},Other,+{A}", A),
        (GOOGLE, f"Work,{OFFICE} ::: +{A},Home,{HOME}", A),
        (GOOGLE, f",,Home,+{A}", A),
        (GOOGLE, f"Work,{OFFICE},Home,{HOME}", OFFICE[1:]),
        (OLD_GOOGLE, f"Work,{OFFICE},Mobile,+{A}", A),
        (OUTLOOK, f"{OFFICE},+{B},+{A},", A),
        (OUTLOOK, f"{OFFICE},+{A},,", A),
        (OUTLOOK, f"+{A},{HOME},{OFFICE},", A),
    ],
)
def test_of_each_row_of_an_address_book_the_mobile_phone_is_taken(header: str, fields: str, phone: str) -> None:
    before = "Ayu,A,," if header != OUTLOOK else "Ayu,A,"
    assert [row[1] for row in read(f"{header}\n{before}{fields}\n")] == [phone]


def test_an_address_book_says_how_many_rows_took_which_column_and_which_rows_have_several_phones() -> None:
    rows = [f"Mobile,+{A},Work,{OFFICE}", f"Work,{OFFICE},Mobile,+{B}", f"Home,{HOME},,", ",,,", f",+{A},,+{A}"]
    reader = opened("\n".join([GOOGLE, *(f"Ayu,A,,{row}" for row in rows)]) + "\n")
    batches = list(reader)
    assert [phone for batch in batches for phone in batch.phones] == [A, B, HOME[1:], A]
    assert [row.line for batch in batches for row in batch.rejected] == [5]
    [notice] = reader.notices
    assert notice == (
        "this looks like an export of Google Contacts: of each row the first mobile phone is taken, by column: "
        "'Phone 1 - Value' 3, 'Phone 2 - Value' 1; rows with several phones: 2 (lines 2, 3), of which the others are "
        "left out; --phone-column takes one column"
    )


def test_one_column_of_an_address_book_can_be_named() -> None:
    text = f"{GOOGLE}\nAyu,A,,Mobile,+{A},Work,+{B}\n"
    assert [row[1] for row in read(text, phone_column="Phone 2 - Value")] == [B]


def test_the_column_whose_values_are_phones_is_suggested_and_not_one_that_sounds_like_it() -> None:
    with pytest.raises(InputError, match="did you mean --phone-column 'Nomor WA'"):
        read(f"Photo,Phones,Tanggal,Nomor WA\na.png,none,2026-11-23,{A}\nb.png,none,2026-11-24,081234567802\n")


@pytest.mark.parametrize(
    ("card", "row"),
    [
        ("TEL:+62217654321\nTEL;TYPE=CELL:{A}\nFN:Ayu", (A, "Ayu")),
        ("TEL;TYPE=CELL:{B}\nTEL;TYPE=CELL,PREF:{A}\nFN:Ayu", (A, "Ayu")),
        ("TEL;CELL;PREF:{A}\nTEL;CELL:{B}\nFN:Ayu", (A, "Ayu")),
        ("TEL;TYPE=fax,pref:+62217654321\nTEL:{A}\nFN:Ayu", (A, "Ayu")),
        ("item1.TEL;waid=1:{A}\nitem1.X-ABLabel:_$!<HomePage>!$_\nFN:Ayu", (A, "Ayu")),
        ("FN:Dr. Ayu\\, Sp. A\nTEL:{A}", (A, "Dr. Ayu, Sp. A")),
        ("FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Andr=E9\nTEL:{A}", (A, "André")),
        ("N:Sari;Ayu;;;\nTEL:{A}", (A, "Ayu Sari")),
        ("FN:A very long \n name\nTEL:{A}", (A, "A very long name")),
        ("FN:Ayu\nPHOTO;ENCODING=b:AAAA=\n BBBB=\nTEL:{A}", (A, "Ayu")),
        ("FN:Ayu\nAGENT:\nBEGIN:VCARD\nTEL;CELL:{B}\nEND:VCARD\nTEL:{A}", (A, "Ayu")),
        ("this is no property\nFN:Ayu\nTEL:{A}", (A, "Ayu")),
    ],
)
def test_of_a_card_the_likeliest_phone_and_the_name_are_taken(card: str, row: tuple[str, str]) -> None:
    text = f"BEGIN:VCARD\nVERSION:3.0\n{card.format(A=f'+{A}', B=f'+{B}')}\nEND:VCARD\n"
    assert [(phone, variables["name"]) for _, phone, variables in read(text.replace("\n", "\r\n"))] == [row]


def test_a_card_without_a_phone_is_rejected_by_its_line_and_one_without_an_end_refuses_the_file() -> None:
    card = f"BEGIN:VCARD\nFN:Ayu\nTEL:+{A}\nEND:VCARD\n"
    with opened(card + "BEGIN:VCARD\nFN:Budi\nEND:VCARD\n") as reader:
        [batch] = reader
    assert [row.line for row in batch.rejected] == [5]
    with pytest.raises(InputError, match="line 5: the card that begins here has no END:VCARD"):
        read(card + "BEGIN:VCARD\nFN:Budi\n")


def test_a_formula_whose_value_is_an_empty_text_is_a_value() -> None:
    cell = '<c r="B2" t="str"><f>IF(A2="","x","")</f><v></v></c>'
    header = f'<row r="1">{text_cell("A1", "phone")}{text_cell("B1", "note")}</row>'
    assert read(workbook_of(f'{header}<row r="2">{text_cell("A2", A)}{cell}</row>')) == [(2, A, {"note": ""})]


@pytest.mark.parametrize(
    ("rule", "phones", "stops", "notices"),
    [
        (None, [A, B], ["1 row is hidden"], []),
        (
            HiddenRowsRule.TAKE,
            [A, B],
            [],
            ["rows that are hidden, by a filter or by hand, are taken like the others: 1"],
        ),
        (HiddenRowsRule.SKIP, [A], [], ["rows that are hidden, by a filter or by hand, are left out: 1"]),
    ],
)
def test_rows_that_a_filter_hides_stop_until_it_is_said_what_becomes_of_them(
    rule: HiddenRowsRule | None, phones: list[str], stops: list[str], notices: list[str]
) -> None:
    with opened(opendocument([["phone"], [A], [B]], filtered=[2]), hidden_rows=rule) as reader:
        assert [phone for batch in reader for phone in batch.phones] == phones
        assert [reason.partition(",")[0] for reason in reader.reasons_to_stop] == stops
        assert reader.notices == notices


def test_a_list_of_which_all_rows_are_hidden_and_left_out_is_refused() -> None:
    with pytest.raises(InputError, match="all of its rows are hidden"):
        read(opendocument([["phone"], [A], [B]], filtered=[1, 2]), hidden_rows=HiddenRowsRule.SKIP)


def test_hidden_rows_that_are_blank_or_not_meant_stop_nothing() -> None:
    hidden = "".join(f'<row r="{n}" hidden="1"/>' for n in range(4, 9))
    rows = f'<row r="1">{text_cell("A1", "phone")}</row><row r="2">{text_cell("A2", A)}</row>'
    with opened(workbook_of(f'{rows}<row r="3" hidden="1">{text_cell("A3", B)}</row>{hidden}')) as reader:
        reader.choose(lambda candidates: [phone == A for rows in candidates for phone in rows.phones])
        assert [phone for batch in reader for phone in batch.phones] == [A]
        assert reader.reasons_to_stop == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sheet": "Data"}, "is no workbook"),
        ({"header_row": 9}, "has no line 9"),
        ({"header_row": 2}, "line 2 is blank"),
        ({"required": ["nme"]}, "--require 'nme'"),
    ],
)
def test_an_option_that_does_not_fit_the_file_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises((InputError, UsageError), match=said):
        read(f"phone,name\n\n{A},Ayu\n", **options)


def test_empty_values_of_the_variables_of_the_text_are_counted() -> None:
    text = compile_template("Dear {{ name }}, on {{ date }}")
    with opened(f"phone,name,date,note\n{A},Ayu,,\n{B}, ,\u00a0,\n12,,,\n", text=text) as reader:
        list(reader)
        assert reader.empty_values == {"name": 1, "date": 2}


def test_of_many_lines_that_repeat_others_the_first_are_told_in_whatever_order_they_are_found() -> None:
    lines = range(2, 102)
    with MessageText(1, (), repeat(1)) as messages:
        messages.encode(Batch(lines, [A] * len(lines), {}, ()))
        for seq in reversed(range(2, 101)):
            messages.reject_repeated(seq, 1, A)
        assert messages.repeats == 99
        assert list(messages.first_repeats) == [Repeat(3 + n, 2) for n in range(MOST_REPEATS_SHOWN)]


def test_errors_of_formulas_reject_rows_only_where_the_text_would_show_them() -> None:
    rows = f"phone,name,note\n{A},Ayu,#REF!\n{B},#N/A,x\n"
    with opened(rows, text=compile_template("Hi {{ name }}")) as reader:
        [batch] = reader
    assert list(batch.phones) == [A]
    assert [(row.line, row.fault.sentence[:5]) for row in batch.rejected] == [(3, "#N/A,")]


def test_the_phone_is_a_variable_where_no_column_has_its_name() -> None:
    text = compile_template("{{ phone }} {{ name }}")
    rows = f"HP,name\n12,x\n+{A},Ayu\n,\n{B},#N/A\n"
    assert read(rows, text=text, phone_column="hp") == [(3, A, {"name": "Ayu", "phone": A})]
    assert read(f"phone,HP,name\nhome,{A},Ayu\n", text=text, phone_column="HP")[0][2]["phone"] == "home"


def test_a_name_with_spaces_suggests_the_variable() -> None:
    with pytest.raises(TemplateError, match=r"as in \{\{ nama_pasien \}\}"):
        compile_template("Halo {{ Nama Pasien }}")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Hi {name}", ["{name}"]),
        ("Hi [Name], *|NAME|* and <<name>>", ["[Name]", "*|NAME|*", "<<name>>"]),
        ("Hi ${name} %name% <name>", ["${name}", "%name%", "<name>"]),
        ("Hi {First Name}", ["{First Name}"]),
        ("Hi {{ name }}, [1] {other} 5% of <b>", []),
    ],
)
def test_placeholders_of_other_programs_are_told_beside_a_column_of_their_name(text: str, written: list[str]) -> None:
    assert list(foreign_placeholders(text, ["name", "first_name"])) == written
