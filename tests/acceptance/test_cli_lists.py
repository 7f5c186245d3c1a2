"""What a list is asked about, and says of itself, before it is sent or kept: by the real command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import CliResult, RunCli, assert_done, assert_refused
from tests.support.workbook import opendocument

A, B, C, D = "6281234567801", "6281234567802", "6281234567803", "6281234567804"


class Desk:
    """An instance `a`, and commands about lists."""

    def __init__(self, run_cli: RunCli, directory: Path) -> None:
        self._run_cli = run_cli
        self._directory = directory
        assert_done(self.run("instance", "add", "a", "--key-stdin", stdin=b"secret"))

    def run(self, *args: str | Path, stdin: str | bytes = b"") -> CliResult:
        return self._run_cli(*args, stdin=stdin)

    def file(self, name: str, content: str | bytes) -> Path:
        path = self._directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def submit(self, file: Path, *options: str, text: str = "Hi", name: str = "c") -> CliResult:
        return self.run("campaign", "submit", name, "--instance", "a", "--text", text, "--recipients", file, *options)

    def import_(self, file: Path, *options: str, name: str = "people") -> CliResult:
        return self.run("audience", "import", name, file, *options)


@pytest.fixture
def desk(run_cli: RunCli, tmp_path: Path) -> Desk:
    return Desk(run_cli, tmp_path)


def test_hidden_rows_stop_a_submission_and_an_import_until_it_is_said_what_becomes_of_them(desk: Desk) -> None:
    book = desk.file(
        "people.ods", opendocument([["phone", "name"], [A, "Ayu"], [B, "Budi"], [C, "Cut"]], filtered=[2, 3])
    )
    said = ("2 rows are hidden", f"line 3 ('{B} Budi')", "--hidden-rows skip", "--hidden-rows take")
    assert_refused(desk.submit(book), *said)
    assert_refused(desk.import_(book), *said)
    assert desk.run("campaign", "list", "--json").json == desk.run("audience", "list", "--json").json == []

    dry = desk.submit(book, "--dry-run")
    assert "messages: 3" in dry.stdout
    assert (dry.code, "it would be refused: 2 rows are hidden" in dry.stderr) == (1, True)
    for rule, messages in (("skip", 1), ("take", 3)):
        assert desk.submit(book, "--hidden-rows", rule, "--dry-run", "--json").json["total"] == messages
    assert desk.import_(book, "--hidden-rows", "skip", "--json").json["members"] == 1


CONSENT = ("--consent-source", "web form", "--consent-column", "Agreed on")


def test_a_consent_that_a_newer_list_does_not_repeat_stays_and_is_told(desk: Desk) -> None:
    earlier = desk.file("earlier.csv", f"phone,Agreed on\n{A},2026-03-04\n{B},2026-03-04\n{C},\n")
    newer = desk.file("newer.csv", f"phone,Agreed on\n{A},\n{B},2026-05-06\n{B},\n{C},\n{D},\n{A},\n")
    assert "earlier list" not in assert_done(desk.import_(earlier, *CONSENT)).stdout
    said = "have agreed by an earlier list, and this one says no day: 1; their consent stays"
    for told in (
        desk.submit(newer, *CONSENT, "--dry-run"),
        desk.submit(newer, *CONSENT),
        desk.import_(newer, *CONSENT),
    ):
        assert said in assert_done(told).stdout
    # It was withdrawn, which is on record, and there is nothing more to tell.
    assert_done(desk.run("phone", "block", A, "--reason", "withdrew it by mail"))
    told = assert_done(desk.import_(newer, *CONSENT, "--json")).json
    assert (told["consents"], told["consents_kept"], told["consents_to_come"]) == (1, 0, 0)


def test_a_consent_that_is_yet_to_come_is_none_and_counted(desk: Desk) -> None:
    rows = [f"{A},2026-03-04", *(f"{B[:-1]}{n},2999-01-0{n}" for n in range(2, 6))]
    people = desk.file("people.csv", "\n".join(["phone,Agreed on", *rows]))
    told = desk.import_(people, *CONSENT, "--accept-rejected")
    assert "agree at a time that is yet to come: 4; nobody has agreed then, and these rows are left out" in told.stdout
    assert "have agreed to messages: 1\n" in told.stdout


@pytest.mark.parametrize("column", ["Opt-in", "marketing_ok", "Persetujuan", "Einwilligung vom", "同意日期"])
def test_a_column_that_looks_like_consents_is_remarked_on(desk: Desk, column: str) -> None:
    people = desk.file("people.csv", f"phone,{column}\n{A},2026-03-04\n")
    for told in (
        desk.submit(people, "--dry-run"),
        desk.import_(people),
        desk.import_(people, "--consent-source", "form"),
    ):
        assert told.code == 0
        assert f"column '{column}' looks as if it said who has agreed to messages" in told.stderr
        assert f"--consent-column '{column}'" in told.stderr
    asked = desk.import_(people, "--consent-source", "form", "--consent-column", column)
    assert_done(asked)


def test_other_columns_are_not_taken_for_consents(desk: Desk) -> None:
    people = desk.file("people.csv", f"phone,option,unsubscribed,agreement no\n{A},x,,7\n")
    assert_done(desk.import_(people))


def test_landlines_are_counted_with_their_lines_where_a_country_tells_them_apart(desk: Desk) -> None:
    jakarta, berlin, toll_free, new_york = "+62215550123", "+493012345678", "+498001234567", "+12125550123"
    rows = [A, jakarta, B, berlin, toll_free, new_york, C]
    people = desk.file("people.csv", "phone\n" + "\n".join(rows))
    said = "landlines: 2 (lines 3, 5); few of them have WhatsApp"
    accepted = ("--accept-countries",)
    for told in (desk.submit(people, *accepted, "--dry-run"), desk.import_(people, *accepted)):
        assert said in assert_done(told).stdout
    told = assert_done(desk.submit(people, *accepted, "--dry-run", "--json")).json
    assert (told["landlines"], told["landline_lines"]) == (2, [3, 5])
    mobile = desk.file("mobile.csv", f"phone\n{A}\n{new_york}\n")
    assert "landlines" not in assert_done(desk.import_(mobile, *accepted)).stdout


def test_a_file_is_blocked_and_unblocked_and_both_say_what_was_so_already(desk: Desk) -> None:
    assert_done(desk.run("phone", "block", A, "--reason", "called"))
    numbers = desk.file("numbers.csv", f"phone\n{A}\n{B}\n{B}\n{C}\n")
    blocked = assert_done(desk.run("phone", "block", "--file", numbers)).stdout
    assert (
        blocked
        == "blocked from all messages: 2 of 4\nblocked already: 1; their earlier evidence stays\ngiven again: 1\n"
    )
    again = assert_done(desk.run("phone", "block", "--file", numbers, "--json")).json
    assert (again["read"], again["blocked"], again["already"], again["repeated"]) == (4, 0, 3, 1)

    refused = desk.run("phone", "unblock", "--file", desk.file("wrong.csv", f"phone\n{A}\n12\n"))
    assert (refused.code, "(nobody was unblocked)" in refused.stderr) == (1, True)
    ended = desk.file("ended.csv", f"phone\n{A}\n{B}\n{B}\n{D}\n")
    unblocked = assert_done(desk.run("phone", "unblock", "--file", ended, "--reason", "agreed again"))
    assert unblocked.stdout == "unblocked: 2 of 4\ngiven again: 1\nwere not blocked: 1\n"
    [left] = desk.run("phone", "list", "--json").json
    assert left["phone"] == C
    record = {
        (each["phone"], each["way"], each["ended_way"]) for each in desk.run("phone", "list", "--ended", "--json").json
    }
    assert record == {(A, "command", "file"), (A, "file", "file"), (B, "file", "file"), (C, "file", None)}


@pytest.mark.parametrize("command", ["block", "unblock"])
def test_who_is_meant_is_said_by_numbers_or_by_a_file(desk: Desk, command: str) -> None:
    numbers = desk.file("numbers.csv", f"phone\n{A}\n")
    for given in ((), (A, "--file", numbers)):
        assert_refused(desk.run("phone", command, *given), "one or more NUMBERs, or --file", code=2)
    assert_refused(desk.run("phone", command, A, "--phone-column", "x"), "--phone-column goes with --file", code=2)


def test_a_person_who_is_blocked_twice_is_listed_once(desk: Desk) -> None:
    assert_done(desk.run("phone", "block", A, "--reason", "asked by mail"))
    assert_done(desk.run("phone", "block", A, "--instance", "a", "--reason", "asked again"))
    assert_done(desk.run("phone", "block", B, "--instance", "a"))
    _, first, second = assert_done(desk.run("phone", "list")).stdout.splitlines()
    assert first.split()[:2] == [B, "a"]
    assert second.split()[:3] == [A, "all,", "a"] and "asked by mail" in second and "asked again" not in second
    assert len(desk.run("phone", "list", "--json").json) == 3
    both = desk.file("both.csv", f"phone\n{A}\n{B}\n")
    assert_done(desk.run("phone", "unblock", "--file", both, "--instance", "a"))
    assert [each["instance"] for each in desk.run("phone", "list", "--json").json] == [None]


def test_a_list_of_a_condition_without_a_value_is_refused(desk: Desk) -> None:
    people = desk.file("people.csv", f"phone,city\n{A},Solo\n{B},\n")
    for condition in ("city in ()", "city in (Solo,)", "city not in ( )"):
        assert_refused(desk.submit(people, "--where", condition), "a value is missing here", code=2)
    assert desk.submit(people, "--where", "city in ('', Solo)", "--dry-run", "--json").json["total"] == 2


def test_all_that_a_header_lacks_is_named_at_once(desk: Desk) -> None:
    titled = desk.file("titled.csv", f"Patients\n\nName;HP\nAyu;+{A}\n")
    assert_refused(desk.submit(titled), "add --header-row 3 --phone-column 'HP'")
    assert_done(desk.submit(titled, "--header-row", "3", "--phone-column", "HP", "--dry-run"))
    people = desk.file("people.csv", f"phone,name\n{A},Ayu\n")
    lacking = ("--require", "town", "--consent-source", "form", "--consent-column", "agreed")
    refused = desk.submit(people, *lacking, text="Hi {{ nmae }}")
    assert_refused(refused, "'nmae'", "--require 'town'", "--consent-column 'agreed'")


def test_a_file_with_several_columns_of_phones_says_which_it_took(desk: Desk) -> None:
    both = desk.file("both.csv", f"phone_e164,phone,order no\n{A},{B},628123456780\n")
    said = "phones are taken from column 'phone'; there are also phones in 'phone_e164'"
    for told in (desk.submit(both, "--dry-run"), desk.import_(both)):
        assert (told.code, said in told.stderr, "order no" in told.stderr) == (0, True, False)
    assert_done(desk.submit(both, "--phone-column", "phone_e164", "--dry-run"))
    google = "First Name,Last Name,Labels,Phone 1 - Label,Phone 1 - Value,Mobile"
    book = desk.file("google.csv", f"{google}\nAyu,A,,Mobile,+{A},+{B}\n")
    assert "not 'Mobile'" in desk.submit(book, "--dry-run").stderr


def test_an_import_can_be_tried_with_all_that_it_would_say_and_nothing_stored(desk: Desk) -> None:
    people = desk.file("people.csv", f"phone,Agreed on\n{A},2026-03-04\n{A},\n{B},\n")
    told = assert_done(desk.import_(people, *CONSENT, "--dry-run")).stdout
    for said in ("dry run: nothing was stored", "would have 2 members", "1 row shares a phone", "to messages: 1"):
        assert said in told
    assert "--yes" not in told
    assert desk.run("audience", "list", "--json").json == []
    assert desk.run("phone", "show", A, "--json").json["consents"] == []
    assert_refused(desk.import_(people, "--replace", "--yes", "--dry-run"), "--yes", code=2)


def test_all_rejected_rows_are_written_where_that_is_asked_and_else_it_is_said_how(desk: Desk) -> None:
    people = desk.file("people.csv", "\n".join(["phone", A, *(f"12{n}" for n in range(5)), "=1+1"]))
    told = desk.submit(people, "--dry-run", "--accept-rejected").stdout
    assert "  and 3 more\n  --rejected FILE writes all of them\n" in told
    assert "and 3 more: --rejected FILE writes all of them" in desk.import_(people, "--accept-rejected").stdout
    for run in (desk.submit, desk.import_):
        output = desk.file("rejected.csv", "an older one")
        refused = run(people, "--rejected", output)
        assert (refused.code, "6 of 7 rows cannot be used" in refused.stderr) == (1, True)
        header, *rows = output.read_text().splitlines()
        assert (header, len(rows)) == ("line,phone,reason", 6)
        assert rows[0].startswith("3,120,") and rows[-1].startswith("8,'=1+1,")
    dry = desk.submit(people, "--dry-run", "--accept-rejected", "--rejected", output)
    assert f"{output} has all of them" in dry.stdout
    assert_refused(desk.submit(people, "--rejected", output.parent / "none" / "x.csv"), "cannot write")


def test_a_value_that_no_condition_can_use_is_remarked_on_when_a_member_is_edited(desk: Desk) -> None:
    people = desk.file("people.csv", f"phone,visit,note\n{A},2036-11-23,\n{B},2036-11-24,\n{C},,\n")
    assert_done(desk.import_(people))

    def edited(*values: str) -> str:
        told = desk.run("audience", "edit-member", "people", C, *(word for each in values for word in ("--set", each)))
        assert told.code == 0, told
        return told.stderr

    assert edited("visit=2036-11-25 09:30") == edited("visit=") == ""
    assert "the others have days in 'visit', and 'soon' is none" in edited("visit=soon")
    assert "whether '03/04/2036' in 'visit' has the day or the month first cannot be told" in edited(
        "visit=03/04/2036"
    )
    assert "no other member has anything in 'note'" in edited("note=vip")


def test_a_text_with_nothing_in_it_for_some_is_warned_of_and_refused_where_that_is_asked(desk: Desk) -> None:
    people = desk.file("people.csv", f"phone,name\n{A},Ayu\n{B},\n{C}, \n")
    dear, said = "Dear {{ name }}, STOP ends this", "{{ name }} shows nothing to 2 of the recipients"
    assert said in assert_done(desk.submit(people, "--dry-run", text=dear)).stdout
    assert_refused(desk.submit(people, "--strict", text=dear), said, "--where 'name is not empty'")
    assert_done(desk.import_(people))
    over = ("campaign", "submit", "c", "--instance", "a", "--audience", "people", "--text", dear)
    assert said in assert_done(desk.run(*over, "--dry-run")).stdout
    assert_refused(desk.run(*over, "--strict"), said)
    default = 'Dear {{ name | default("friend") }}, STOP ends this'
    assert "shows nothing" not in assert_done(desk.submit(people, "--dry-run", "--strict", text=default)).stdout
