"""Recipients files in the forms that people have, and what happens to each: the table in docs/recipients.md."""

from __future__ import annotations

import io
import shlex
from dataclasses import dataclass

from broadcaster.errors import BroadcasterError
from broadcaster.services.recipients.hidden_rows import HiddenRowsRule
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from tests.support.workbook import archive_of, opendocument, text_cell, workbook, workbook_of, workbook_of_sheets

A, B = "6281234567801", "6281234567802"
_GOOGLE = (
    "First Name,Middle Name,Last Name,Birthday,Notes,Photo,Labels,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value\n"
    'Ayu,,A,,"line1\nline2",,* myContacts,,Mobile,+62 812-3456-7801\nBudi,,B,,,,,,,+6281234567802\n'
)
_OUTLOOK = (
    "First Name,Last Name,Company,Business Phone,Home Phone,Mobile Phone,E-mail Address\nAyu,A,,,,+62 812-3456-7801,\n"
)
_HUBSPOT = "Record ID,First Name,Last Name,Phone Number,Lifecycle Stage\n1,Ayu,A,+62 812-3456-7801,Lead\n"
_MAILCHIMP = "Email Address,First Name,Phone Number,MEMBER_RATING,LEID,EUID\na@b.c,Ayu,+62 812-3456-7801,2,1,x\n"
_WOO = "Order Number,Order Status,Phone (Billing)\n1,completed,+62 812-3456-7801\n"
_SHOPIFY = "Customer ID,First Name,Accepts Email Marketing,Default Address Phone,Phone\n1,Ayu,no,,'+62 812-3456-7801\n"
_VCARDS = (
    "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:;=C3=89l=\r\n=C3=A9a;;;\r\n"
    "TEL;WORK;FAX:+62211234567\r\nTEL;HOME:+62217654321\r\nTEL;CELL:+62 812-3456-7801\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Budi\r\n  B\\, the second\r\n"
    'TEL;VALUE=uri;TYPE="voice,cell";PREF=1:tel:+6281234567802\r\nEND:VCARD\r\n'
)
_EXPORT = (
    "phone,instance,state,changed_at,attempts,reason,gateway_id,last_outcome,last_http_status,last_reply,name\n"
    f"{A},main,failed,2026-01-01,1,,,,,,Ayu\n{B},main,sent,2026-01-01,1,,,,,,Budi\n"
)
_NOTES = [["Read me: the list is on the other sheet"]]
_PEOPLE = [["phone", "name"], [float(A), "Ayu"]]
_HIDDEN_ROW = (
    f'<row r="1">{text_cell("A1", "phone")}</row><row r="2" hidden="1">{text_cell("A2", A)}</row>'
    f'<row r="3">{text_cell("A3", B)}</row>'
)
_FORMULA = f'<row r="1">{text_cell("A1", "phone")}</row><row r="2"><c r="A2"><f>"62"&amp;B2</f><v/></c></row>'
_BROKEN = (
    f'<row r="1">{text_cell("A1", "phone")}{text_cell("B1", "name")}</row>'
    f'<row r="2">{text_cell("A2", A)}<c r="B2" t="e"><f>X()</f><v>#N/A</v></c></row>'
)


@dataclass(frozen=True)
class Form:
    """A form of file, and what must be among what is said or read of it."""

    what: str
    content: str | bytes
    options: str = ""
    said: str = ""
    name: str = "list"
    """What the file is called."""


FORMS = (
    Form("CSV with a column `phone`", f"phone,name\n{A},Ayu\n", said="1 recipient"),
    Form("the same, the header with invisible marks", f"\ufeff\u200bPhone\u00a0;name\n{A};Ayu\n", said="1 recipient"),
    Form(
        "header typed in another Unicode form",
        f"Pre\u0301nom;Te\u0301le\u0301phone\nZoé;{A}\n",
        "--phone-column Téléphone",
        "1 recipient",
    ),
    Form("another name for the phones", f"name,Photo,HP\nAyu,,{A}\n", said="did you mean --phone-column 'HP'?"),
    Form("CSV with a title above the header", f"Customers\n\nphone;name\n{A};Ayu\n", said="add --header-row 3"),
    Form("the same", f"Customers\n\nphone;name\n{A};Ayu\n", "--header-row 3", "1 recipient"),
    Form("no header", f"{A},Ayu\n", said="there is no header"),
    Form("Google Contacts", _GOOGLE, said="'Phone 1 - Value'"),
    Form("Outlook", _OUTLOOK, said="'Mobile Phone'"),
    Form("HubSpot", _HUBSPOT, said="'Phone Number'"),
    Form("Mailchimp", _MAILCHIMP, said="'Phone Number'"),
    Form("WooCommerce orders", _WOO, said="'Phone (Billing)'"),
    Form("Shopify customers", _SHOPIFY, said="1 recipient"),
    Form("vCards (.vcf)", _VCARDS, said="2 recipients"),
    Form("workbook (.xlsx)", workbook(_PEOPLE), said="1 recipient"),
    Form("workbook with a title", workbook([["Customers"], [], *_PEOPLE]), said="add --header-row 3"),
    Form(
        "workbook with a title right above another name for the phones",
        workbook([["Customers"], ["HP", "name"], [A, "Ayu"]]),
        said="add --header-row 2",
    ),
    Form("the same", workbook([["Customers"], [], *_PEOPLE]), "--header-row 3", "1 recipient"),
    Form(
        "list on the second sheet",
        workbook_of_sheets({"Read me": _NOTES, "Data": _PEOPLE}),
        said="there are phones in 'Data': add --sheet Data",
    ),
    Form("the same", workbook_of_sheets({"Read me": _NOTES, "Data": _PEOPLE}), "--sheet data", "1 recipient"),
    Form(
        "a hidden sheet before the list",
        workbook_of_sheets({"Old": [["phone"], [float(B)]], "Data": _PEOPLE}, hidden=["Old"]),
        said="there is also 'Old', which cannot be seen",
    ),
    Form("rows hidden by a filter", workbook_of(_HIDDEN_ROW), said="add --hidden-rows skip"),
    Form("the same", workbook_of(_HIDDEN_ROW), "--hidden-rows skip", "1 recipient"),
    Form("the same", workbook_of(_HIDDEN_ROW), "--hidden-rows take", "2 recipients"),
    Form("OpenDocument (.ods)", opendocument([["phone"], [A], [B]]), said="2 recipients"),
    Form("formulas without values", workbook_of(_FORMULA), said="the formula in cell A2"),
    Form("an error in a required cell", workbook_of(_BROKEN), "--require name", "#N/A, the error of a formula"),
    Form("an empty cell that is required", f"phone,name\n{A},\n{B},B\n", "--require name", "line 2: There is nothing"),
    Form("an export of a campaign", _EXPORT, said="line 3: this is an export of a campaign"),
    Form("the same", _EXPORT, "--again", "1 of its rows were sent already"),
    Form("CSV called .xlsx", f"phone\n{A}\n", said="ends in '.xlsx', and it is CSV", name="list.xlsx"),
    Form("workbook called .csv", workbook(_PEOPLE), said="ends in '.csv', and it is a workbook", name="list.csv"),
    Form("vCards called .csv", _VCARDS, said="ends in '.csv', and it is vCards", name="list.csv"),
    Form("web page called .xls", f"<html><table><tr><td>{A}</td></tr></table></html>", said="is a web page (HTML)"),
    Form("Excel 2003 XML", '<?xml version="1.0"?>\n<Workbook xmlns="u">', said="is an Excel 2003 XML workbook"),
    Form("old binary workbook (.xls)", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", said="is an old Excel workbook"),
    Form("JSON", f'[{{"phone": "{A}"}}]', said="is JSON"),
    Form("PDF", b"%PDF-1.7\n", said="is a PDF document"),
    Form("Word document", archive_of({"word/document.xml": "<w/>"}), said="is a Word document"),
    Form("zip archive", archive_of({"list.csv": f"phone\n{A}\n"}), said="is a zip archive"),
)


def outcome(form: Form) -> str:
    """What is read of the file, and what is said of it, as the table shows it."""
    stream = io.BytesIO(form.content.encode() if isinstance(form.content, str) else form.content)
    stream.name = form.name
    try:
        with read_recipients(stream, _options(form.options)) as reader:
            batches = list(reader)
        if reader.reasons_to_stop:
            return f"refused: {'; '.join(reader.reasons_to_stop)}"
        read = sum(len(batch.phones) for batch in batches)
        rejected = [f"line {row.line}: {row.fault.sentence}" for batch in batches for row in batch.rejected]
        return "; ".join([f"{read} recipient{'s' * (read != 1)}", *rejected, *reader.notices])
    except BroadcasterError as error:
        return f"refused: {error}"


def _options(line: str) -> RecipientOptions:
    words = shlex.split(line)
    again = words[:1] == ["--again"]
    given = {} if again else dict(zip(words[::2], words[1::2], strict=True))
    row = given.get("--header-row")
    return RecipientOptions(
        phone_column=given.get("--phone-column"),
        sheet=given.get("--sheet"),
        header_row=int(row) if row else None,
        # How many are rejected is not what these files are about.
        accept_rejected=True,
        hidden_rows=HiddenRowsRule(given["--hidden-rows"]) if "--hidden-rows" in given else None,
        required=[given["--require"]] if "--require" in given else (),
        again=again,
    )
