"""`broadcaster audience`, through the real command line."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import Request, urlopen

from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from broadcaster.simulator import Simulator
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.database import everything
from tests.support.workbook import workbook

PEOPLE = (
    "phone,name,city\n+62 812-3456-0001,Ayu,Jakarta\n628123456002,=Budi,Bandung\n12,Cid,\n6281234560001,Ayu,Solo\n"
)


def say_hello(simulator: Simulator, key: str, phone: str) -> None:
    """Whom an instance has written to is a contact of it."""
    body = json.dumps({"key": key, "phone": phone, "body": "hello"}).encode()
    with urlopen(Request(f"{simulator.base_url}/wa/send", body, {"Content-Type": "application/json"})):
        pass


def test_an_import_adds_changes_and_keeps(run_cli: RunCli) -> None:
    first = assert_done(run_cli("audience", "import", "customers", "-", "--json", stdin=PEOPLE)).json
    assert (first["added"], first["rejected"], first["repeated"], first["members"]) == (2, 1, 1, 2)
    assert first["rejects"] == [{"line": 4, "phone": "12", "reason": first["rejects"][0]["reason"]}]
    again = "phone,name,tier\n6281234560001,Ayu,gold\n628123456003,Dewi,\n"
    second = assert_done(run_cli("audience", "import", "customers", "-", stdin=again)).stdout
    assert "audience customers has 3 members" in second
    assert "added: 1 (628123456003)" in second
    assert "changed: 1 (6281234560001)" in second
    assert assert_done(run_cli("audience", "export", "customers")).stdout == (
        "phone_e164,name,city,tier\r\n6281234560001,Ayu,Jakarta,gold\r\n628123456002,'=Budi,Bandung,\r\n628123456003,Dewi,,\r\n"
    )
    [listed] = assert_done(run_cli("audience", "list", "--json")).json
    assert (listed["name"], listed["members"], listed["variables"]) == ("customers", 3, ["name", "city", "tier"])
    shown = assert_done(run_cli("audience", "show", "customers", "--where", "city!=", "--json")).json
    assert (shown["members"], shown["matching"], shown["schedules"], shown["campaigns"]) == (3, 2, [], [])


def test_a_city_that_nobody_has_is_told_with_the_nearest(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "customers", "-", stdin=PEOPLE))
    hint = "city=Bandug holds for nobody: the nearest in 'city' are 'Bandung'"
    where = ("--where", "city=Bandug")
    assert f"note: {hint}\n" in assert_done(run_cli("audience", "show", "customers", *where)).stdout
    shown = assert_done(run_cli("audience", "show", "customers", *where, "--json")).json
    assert (shown["matching"], shown["notes"]) == (0, [hint])
    preview = ("campaign", "preview", "--audience", "customers", *where, "--text", "Hi {{ name }}, STOP to end")
    assert_refused(run_cli(*preview), f"audience customers where city=Bandug goes to nobody; {hint}")


def test_replacing_shows_the_difference_first_and_an_export_differs_in_nothing(
    run_cli: RunCli, engine: Engine, tmp_path: Path
) -> None:
    assert_done(run_cli("audience", "import", "customers", "-", stdin=PEOPLE))
    before = everything(engine)
    (tmp_path / "new.xlsx").write_bytes(
        workbook([["phone", "name", "city"], [6281234560001.0, "Ayu", "Medan"], [628123456003.0, "Dewi", 7.0]])
    )
    replace = ("audience", "import", "customers", "new.xlsx", "--replace")
    shown = assert_done(run_cli(*replace, "--json")).json
    assert [shown[kind] for kind in ("applied", "added", "changed", "removed")] == [False, 1, 1, 1]
    assert everything(engine) == before
    done = assert_done(run_cli(*replace, "--yes")).stdout
    assert "removed: 1 (628123456002)" in done
    exported = assert_done(run_cli("audience", "export", "customers")).stdout
    same = assert_done(run_cli("audience", "import", "customers", "-", "--replace", "--yes", "--json", stdin=exported))
    assert [same.json[kind] for kind in ("added", "changed", "removed", "unchanged")] == [0, 0, 0, 2]
    assert "7\r\n" in exported


def test_what_cannot_be_used_is_refused_in_one_line_and_changes_nothing(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("audience", "import", "customers", "-", stdin=PEOPLE))
    before = everything(engine)
    assert_refused(run_cli("audience", "import", "customers", "-", stdin="phone\n12\n"), "none of its 1 recipients")
    assert_refused(run_cli("audience", "import", " x", "-", stdin=PEOPLE), "audience name", code=2)
    assert_refused(run_cli("audience", "import", "customers", "-", "--yes", stdin=PEOPLE), "--replace", code=2)
    assert_refused(run_cli("audience", "show", "nobody"), "no audience is called 'nobody'")
    assert_refused(
        run_cli("audience", "export", "customers", "--where", "ctiy=Jakarta"),
        "there is no column 'ctiy'; did you mean 'city'? columns are: 'name', 'city'",
        code=2,
    )
    assert everything(engine) == before


def test_an_instances_contacts_and_chats_become_members(
    run_cli: RunCli, settings: Settings, engine: Engine, simulator: Simulator
) -> None:
    for name, url in (("a", simulator.base_url), ("gone", "http://127.0.0.1:9")):
        add_instance(engine, open_vault(settings), name, f"key-{name}", base_url=url, rate_per_second=None)
    for phone in ("628123456001", "628123456002"):
        say_hello(simulator, "key-a", phone)
    synced = assert_done(run_cli("audience", "sync", "known", "--instance", "a", "--chats", "--json")).json
    assert [synced[key] for key in ("contacts", "chats", "added", "members", "skipped")] == [2, 2, 2, 2, 0]
    before = everything(engine)
    assert_refused(run_cli("audience", "sync", "known", "--instance", "gone"), "instance gone: contacts: ")
    assert everything(engine) == before


PATIENTS = "phone,name,visit,age\n" + "\n".join(
    ("628123456001,Ayu,24/11/2026,31", "628123456002,Budi,24/11/2026,9", "628123456003,Citra,3/12/2026,")
)


def test_conditions_are_counted_shown_and_exported(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "patients", "-", stdin=PATIENTS))
    assert_done(run_cli("audience", "import", "vip", "-", stdin="phone\n628123456001\n"))
    where = ("--where", "visit=24/11/2026 or age is empty", "--exclude", "vip")
    shown = assert_done(run_cli("audience", "show", "patients", *where, "--json")).json
    assert (shown["matching"], shown["where"], shown["notes"]) == (
        2,
        ["visit=24/11/2026 or age is empty", "not in audience vip"],
        [],
    )
    said = assert_done(run_cli("audience", "show", "patients", *where)).stdout
    assert "(visit=24/11/2026 or age is empty) and not in audience vip" in said
    exported = assert_done(run_cli("audience", "export", "patients", "--where", "visit>=1 Dec 2026")).stdout
    assert exported.splitlines()[1:] == ["628123456003,Citra,3/12/2026,"]
    today = assert_done(run_cli("audience", "show", "patients", "--where", "visit<today+1", "--json")).json
    assert today["where"][0].startswith("visit<today+1 (20")


def test_conditions_that_cannot_be_told_are_refused_in_one_line(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "patients", "-", stdin=PATIENTS))
    for given, said, code in (
        (("--where", "visit=24/11/2026 or Solo"), "at 'Solo', character 21", 2),
        (("--where", "visit=11/24/2026"), "'11/24/2026' is no day as column 'visit' writes them (d/m/y)", 1),
        (("--where", "got campaign promo"), "no campaign is called 'promo'", 1),
        (("--exclude", "nobody"), "no audience and no campaign is called 'nobody'", 1),
    ):
        assert_refused(run_cli("audience", "show", "patients", *given), said, code=code)


def test_one_member_is_added_changed_and_removed_by_hand(run_cli: RunCli, engine: Engine) -> None:
    assert_refused(
        run_cli("audience", "add-member", "customers", "+628123456009"), "no audience is called 'customers'"
    )
    assert_done(run_cli("audience", "import", "customers", "-", stdin=PEOPLE))
    new = ("customers", "0812-3456-009", "--country", "ID")
    added = assert_done(run_cli("audience", "add-member", *new, "--set", "Name=Eka", "--json")).json
    told = {
        "audience": "customers",
        "phone": "628123456009",
        "variables": {"name": "Eka"},
        "members": 3,
        "remarks": [],
    }
    assert added == told
    assert_refused(run_cli("audience", "add-member", *new), "628123456009 is in audience 'customers' already")
    changed = assert_done(run_cli("audience", "edit-member", *new, "--set", "city=a=b")).stdout
    assert changed.splitlines() == [
        "628123456009 is changed in audience customers; members: 3",
        "  name: Eka",
        "  city: a=b",
    ]
    before = everything(engine)
    for wrong, said in {
        "citty=Solo": "did you mean 'city'? variables are: 'name', 'city'",
        "city": "--set city=Jakarta",
        "=x": "--set city=Jakarta",
    }.items():
        for command in ("add-member", "edit-member"):
            assert_refused(run_cli("audience", command, *new, "--set", wrong), said, code=2)
    assert_refused(run_cli("audience", "edit-member", *new), "--set is missing", code=2)
    assert_refused(run_cli("audience", "edit-member", *new, "--set", "city=a", "--set", "City=b"), "twice", code=2)
    assert_refused(run_cli("audience", "remove-member", "customers", "+62812345600"), "is not in audience 'customers'")
    assert_refused(run_cli("audience", "remove-member", "customers", "12"), "PHONE '12'", code=2)
    assert everything(engine) == before
    assert "members: 2" in assert_done(run_cli("audience", "remove-member", *new)).stdout
    assert "628123456009" not in assert_done(run_cli("audience", "export", "customers")).stdout


def test_who_was_removed_is_not_in_the_next_occurrence_of_a_schedule(
    run_cli: RunCli, engine: Engine, settings: Settings
) -> None:
    add_instance(engine, open_vault(settings), "a", "key-a", rate_per_second=None)
    assert_done(run_cli("audience", "import", "customers", "-", stdin=PEOPLE))
    daily = ("--cron", "0 9 * * *", "--instance", "a", "--audience", "customers", "--text", "Hi {{ name }}")
    assert_done(run_cli("schedule", "add", "news", *daily))
    assert_done(run_cli("audience", "remove-member", "customers", "+6281234560001"))
    assert_done(run_cli("audience", "add-member", "customers", "+628123456009", "--set", "name=Eka"))
    campaign = assert_done(run_cli("schedule", "run-now", "news", "--json")).json["campaign"]
    start_due_campaigns(engine)
    exported = assert_done(run_cli("campaign", "export", campaign)).stdout.splitlines()
    assert [line.partition(",")[0] for line in exported] == ["phone", "628123456002", "628123456009"]


def test_lines_that_repeat_a_phone_are_listed_and_their_people_said_to_get_nothing(run_cli: RunCli) -> None:
    family = "phone,name\n" + "".join(f"62812345600{n // 3:02},N{n}\n" for n in range(45))
    for options in ((), ("--replace",)):
        told = assert_done(run_cli("audience", "import", "families", "-", *options, stdin=family)).stdout
        assert "  line 3 repeats line 2\n  line 4 repeats line 2\n  line 6 repeats line 5\n" in told
        assert told.count(" repeats line ") == 20
        assert "  and 10 more repeat others\nwarning: 30 rows share a phone with an earlier one" in told
    repeats = assert_done(run_cli("audience", "import", "families", "-", "--json", stdin=family)).json["repeats"]
    assert (len(repeats), repeats[0]) == (20, {"line": 3, "first_line": 2})
    exported = assert_done(run_cli("audience", "export", "families")).stdout.splitlines()
    assert exported[:3] == ["phone_e164,name", "6281234560000,N0", "6281234560001,N3"]
