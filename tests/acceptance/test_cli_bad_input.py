"""Whatever people feed to the command line: it is taken, or refused in one line, and then nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from broadcaster.db.engine import open_engine
from broadcaster.settings import load
from tests.support.cli import CliResult, assert_done, assert_refused
from tests.support.cli_processes import CliProcesses
from tests.support.database import everything
from tests.support.servers import TestServers, clean_environment

PHONES = b"phone,name\n628123456789,Ann\n628123456780,Bob\n"
RUSSIAN = "phone,name\n628123456789,Анна\n"


@dataclass(frozen=True)
class Stand:
    """A database with one instance `a` and one campaign `taken`; no refused command changes it."""

    processes: CliProcesses
    environ: dict[str, str]
    directory: Path
    engine: Engine
    before: dict[str, list[str]]

    def run(self, *args: str, environ: Mapping[str, str | None], stdin: bytes = b"") -> CliResult:
        changed = {**self.environ, **environ}
        variables = {name: value for name, value in changed.items() if value is not None}
        return self.processes.run([*args], cwd=self.directory, environ=variables, stdin=stdin, timeout=60)


@pytest.fixture(scope="module")
def stand(
    servers: TestServers, cli_processes: CliProcesses, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    directory = tmp_path_factory.mktemp("bad-input")
    with servers.environment() as variables:
        environ = clean_environment() | variables
        engine = open_engine(load(environ, dotenv=None))
        stand = Stand(cli_processes, environ, directory, engine, {})
        assert_done(stand.run("instance", "add", "a", "--key-stdin", environ={}, stdin=b"secret"))
        (directory / "good.csv").write_bytes(PHONES)
        (directory / "ten-bytes.txt").write_bytes(b"0123456789")
        (directory / "latin.txt").write_bytes(b"gr\xfc\xdf dich")
        (directory / "empty").touch()
        assert_done(stand.run(*submit("taken"), environ={}))
        yield replace(stand, before=everything(engine))
        engine.dispose()


def submit(
    name: str, *options: str, recipients: str = "good.csv", content: tuple[str, ...] = ("--text", "Hi")
) -> list[str]:
    return ["campaign", "submit", name, "--instance", "a", "--recipients", recipients, *content, *options]


@dataclass(frozen=True)
class Refused:
    """A command and what its one line has to say."""

    args: list[str]
    said: tuple[str, ...]
    code: int = 1
    environ: dict[str, str | None] = field(default_factory=dict)


def row(count: int = 1) -> bytes:
    return b"".join(b"62812345%04d,Ann\n" % number for number in range(count))


BAD_FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "UTF-16": (RUSSIAN.encode("utf-16"), ("UTF-16", "--encoding utf-16")),
    "UTF-16 without a mark": (RUSSIAN.encode("utf-16-le"), ("line 1", "NUL", "--encoding utf-16-le")),
    "cp1251": (RUSSIAN.encode("cp1251"), ("line 2", "not UTF-8", "--encoding cp1252", "cp1251")),
    "a workbook": (b"PK\x03\x04" + bytes(60), ("Excel", "or as CSV")),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(60), ("PNG", "CSV")),
    "noise": (bytes(range(128, 256)), ("line 1", "byte 0x80 is not UTF-8")),
    "empty": (b"", ("is empty", "header")),
    "blank": (b"\r\n \r\n", ("is empty",)),
    "only a header": (b"phone,name\n", ("no recipients",)),
    "no header": (b"628123456789,Ann\n", ("line 1", "no header")),
    "no phone column": (b"telefon,name\n628123456789,Ann\n", ("'phone'", "--phone-column", "'telefon'")),
    "two phone columns": (b"phone,Phone\n628123456789,1\n", ("2 columns", "'phone'")),
    "a short row": (PHONES + b"628123456781\n", ("line 4", "1 field where the header has 2")),
    "a long row": (PHONES + b"628123456781,a,b\n", ("line 4", "3 fields where the header has 2")),
    "an unclosed quote": (PHONES + b'628123456781,"Ann\n' + row(50), ("line 4", "'name'", "never closed")),
    "a field of 200 KB": (PHONES + b"628123456781," + b"x" * 200_000 + b"\n", ("line 4", "'name'", "131,072")),
    "a NUL": (PHONES + b"628123456781,An\0n\n", ("line 4", "NUL")),
    "only scientific notation": (b"phone\n6.28123E+11\n6.28123E+11\n", ("none of its 2", "line 2", "6.28123E+11")),
    "only short numbers": (b"phone\n12345\n", ("none of its 1", "line 2", "'12345'")),
    "only words": (b"phone\nAnn\nBob\n", ("none of its 2", "line 2", "'Ann'")),
}  # fmt: skip

BAD_OPTIONS = {
    "empty text": Refused(submit("x", content=("--text", "")), ("text is empty",)),
    "blank text": Refused(submit("x", content=("--text", " \n")), ("text is empty",)),
    "a text that is blank for somebody": Refused(submit("x", content=("--text", "{{ nick }}")), ("nick",)),
    "no such variable": Refused(submit("x", content=("--text", "Hi {{ nmae }}")), ("nmae",)),
    "unclosed variable": Refused(submit("x", content=("--text", "Hi {{ name")), ("{{",)),
    "no text file": Refused(submit("x", content=("--text-file", "nowhere.txt")), ("nowhere.txt", "No such file")),
    "text file is no text": Refused(submit("x", content=("--text-file", "latin.txt")), ("latin.txt", "UTF-8")),
    "no file": Refused(submit("x", content=("--file", "nowhere.pdf")), ("nowhere.pdf", "No such file")),
    "file is a directory": Refused(submit("x", content=("--file", ".")), ("Is a directory",)),
    "file is empty": Refused(submit("x", content=("--file", "empty")), ("empty",)),
    "file is too large": Refused(
        submit("x", content=("--file", "ten-bytes.txt")), ("ten-bytes.txt holds more than 9 bytes",),
        environ={"BROADCASTER_MAX_FILE_BYTES": "9"},
    ),
    "an ftp URL": Refused(submit("x", content=("--file-url", "ftp://host/a.pdf")), ("ftp://host/a.pdf",), 2),
    "a path as URL": Refused(submit("x", content=("--file-url", "/etc/hosts")), ("/etc/hosts",), 2),
    "no content": Refused(submit("x", content=()), ("exactly one of --text",), 2),
    "two contents": Refused(submit("x", "--file", "ten-bytes.txt"), ("exactly one of --text",), 2),
    "a caption for a text": Refused(submit("x", "--caption", "Hi"), ("--caption goes with",), 2),
    "a filename for a text": Refused(submit("x", "--filename", "a.pdf"), ("--filename goes with",), 2),
    "no recipients file": Refused(submit("x", recipients="nowhere.csv"), ("nowhere.csv", "No such file")),
    "recipients are a directory": Refused(submit("x", recipients="."), ("Is a directory",)),
    "unknown instance": Refused([*submit("x"), "--instance", "nobody"], ("'nobody'", "instance list")),
    "a weight of zero": Refused([*submit("x"), "--instance", "b=0"], ("'b=0'", "from 1 to 1000"), 2),
    "a weight for one of two": Refused([*submit("x"), "--instance", "b=2"], ("'a'", "give each instance"), 2),
    "failover after no span": Refused(submit("x", "--failover-after", "soon"), ("--failover-after 'soon'", "10m"), 2),
    "failover to strangers": Refused(
        submit("x", "--failover-after", "5m", "--only-known"), ("--failover-after with --only-known",), 2
    ),
    "failover of nobody": Refused(submit("x", "--failover-sticky"), ("goes with --sticky",), 2),
    "no such instance to retire": Refused(["instance", "retire", "nobody", "--yes"], ("'nobody'", "instance list")),
    "an instance with a weight": Refused(["instance", "add", "b=2", "--key", "k"], ("'b=2'", "for a weight"), 2),
    "no such encoding": Refused(submit("x", "--encoding", "klingon"), ("'klingon'",), 2),
    "a long delimiter": Refused(submit("x", "--delimiter", ";;"), ("';;'",), 2),
    "no such country": Refused(submit("x", "--country", "Indonesia"), ("Indonesia",), 2),
    "no such column": Refused(submit("x", "--phone-column", "mobile"), ("'mobile'", "--phone-column")),
    "start without a day": Refused(submit("x", "--at", "9:00"), ("'9:00'", "tomorrow 9:00"), 2),
    "start in two orders": Refused(submit("x", "--at", "01/12/2026 9:00"), ("two orders", "2026-12-01 9:00"), 2),
    "past start": Refused(submit("x", "--at", "2021-11-23T09:00+07:00"), ("in the past",), 2),
    "start in words": Refused(submit("x", "--at", "tomorrow"), ("'tomorrow'", "2026-11-23T09:00+07:00"), 2),
    "start too far away": Refused(submit("x", "--at", "9999-12-31T23:59-12:00"), ("ten years",), 2),
    "huge priority": Refused(submit("x", "--priority", "99999"), ("--priority",), 2),
    "no attempts": Refused(submit("x", "--max-attempts", "0"), ("--max-attempts",), 2),
    "empty name": Refused(submit(""), ("campaign name ''",), 2),
    "name of two lines": Refused(submit("a\nb"), ("campaign name",), 2),
    "name is taken": Refused(submit("taken"), ("'taken'", "exists already")),
    "watching a draft": Refused(submit("x", "--draft", "--watch"), ("--watch with --draft",), 2),
    "no such option": Refused(submit("x", "--now"), ("--now", "broadcaster campaign submit --help"), 2),
    "no such command": Refused(["campaign", "sumbit"], ("'sumbit'", "submit"), 2),
    "no such campaign": Refused(["campaign", "show", "nope"], ("'nope'", "campaign list")),
    "no such campaign to export": Refused(["campaign", "export", "nope", "--output", "nope.csv"], ("'nope'",)),
    "rate of zero": Refused(["instance", "add", "b", "--key", "k", "--rate", "0/min"], ("'0/min'", "pause"), 2),
    "negative rate": Refused(["instance", "add", "b", "--key", "k", "--rate", "-5/min"], ("'-5/min'",), 2),
    "rate in words": Refused(["instance", "set", "a", "--rate", "fast"], ("'fast'", "20/min"), 2),
    "burst of zero": Refused(["instance", "set", "a", "--burst", "0"], ("--burst",), 2),
    "no key": Refused(["instance", "add", "b"], ("--key-file", "--key-stdin"), 2),
    "empty key": Refused(["instance", "add", "b", "--key-stdin"], ("key is empty",), 2),
    "no key file": Refused(["instance", "add", "b", "--key-file", "nowhere"], ("nowhere", "No such file")),
    "key file is no text": Refused(["instance", "add", "b", "--key-file", "latin.txt"], ("latin.txt",)),
    "two keys": Refused(["instance", "add", "b", "--key", "k", "--key-stdin"], ("only one of --key",), 2),
    "no such encoding on the wire": Refused(["instance", "set", "a", "--wire", "xml"], ("--wire", "json"), 2),
    "a base URL that is none": Refused(["instance", "set", "a", "--base-url", "api"], ("--base-url: must be",), 2),
    "instance name is taken": Refused(["instance", "add", "a", "--key", "k"], ("'a' exists already",)),
    "instance in use": Refused(["instance", "remove", "a"], ("pause it instead",)),
    "no such instance": Refused(["instance", "check", "nobody"], ("'nobody'", "instance list")),
    "nobody to block": Refused(["phone", "block"], ("NUMBERs, or --file",), 2),
    "a number that is none": Refused(["phone", "block", "+628123456789", "12"], ("NUMBER '12'",), 2),
    "a column without a file": Refused(["phone", "block", "+628123456789", "--phone-column", "x"], ("--file",), 2),
    "a reason of two lines": Refused(["phone", "block", "+628123456789", "--reason", "a\nb"], ("--reason",), 2),
    "no such instance to block": Refused(["phone", "block", "+628123456789", "--instance", "nobody"], ("'nobody'",)),
    "no such instance to unblock": Refused(["phone", "unblock", "+628123456789", "--instance", "n"], ("'n'",)),
    "a window that is none": Refused(submit("w", "--window", "nine to eight"), ("--window", "is not understood"), 2),
    "no such place for rejected rows": Refused(submit("r", "--rejected", "nowhere/r.csv"), ("cannot write",)),
    "no such day of the week": Refused(submit("w", "--window", "Mo-Fr 09:00-20:00"), ("'mo' is no day",), 2),
    "no such zone of windows": Refused(
        submit("w", "--window", "09:00-20:00", "--window-zone", "Mars"), ("--window-zone 'Mars'",), 2),
    "a zone without windows": Refused(submit("w", "--window-zone", "recipient"), ("--window-zone says whose",), 2),
    "windows that are never open at once": Refused(
        submit("w", "--window", "09:00-09:30", "--window-zone", "recipient"), ("is not open within 100 days",), 2),
    "no such holidays": Refused(submit("w", "--holidays", "XX"), ("--holidays 'XX'", "no holidays are known"), 2),
    "no such list of days": Refused(submit("w", "--holidays", "off.txt"), ("off.txt", "No such file")),
    "a list of days without one": Refused(submit("w", "--holidays", "good.csv"), ("good.csv, line 1", "is no day")),
    "expires before it starts": Refused(
        submit("w", "--at", "in 3h", "--expires", "in 2h"), ("--expires", "is before it starts"), 2),
    "expires in words": Refused(submit("w", "--expires", "soon"), ("--expires 'soon' is not understood",), 2),
    "a draft expires after a span": Refused(submit("w", "--draft", "--expires", "6h"), ("--expires 6h", "draft"), 2),
    "an instance by its recipients' clocks": Refused(
        ["instance", "set", "a", "--window", "09:00-20:00", "--window-zone", "recipient"], ("has one clock",), 2),
    "windows and none": Refused(["instance", "set", "a", "--any-time", "--window", "09:00-20:00"], ("contradict",), 2),
    "no change": Refused(["instance", "set", "a"], ("nothing to change",), 2),
}  # fmt: skip

DSN, REDIS, SECRET = "BROADCASTER_DATABASE_URL", "BROADCASTER_REDIS_URL", "BROADCASTER_SECRET_KEY"
MIGRATION = "BROADCASTER_MIGRATION_DATABASE_URL"
LIST = ["campaign", "list"]
ADD = ["instance", "add", "b", "--key", "hunter2"]
EMBEDDED: dict[str, str | None] = {DSN: None, MIGRATION: None, "BROADCASTER_HOME": "nowhere"}
BAD_SETTINGS = {
    "nobody listens": Refused(LIST, ("127.0.0.1", "refused"), 1, {DSN: "postgresql://u:hunter2@127.0.0.1:1/d"}),
    "migrations alone": Refused(LIST, (f"{MIGRATION}: goes with {DSN}",), 2, {DSN: None}),
    "password in the query": Refused(LIST, ("refused",), 1, {DSN: "postgresql://u@127.0.0.1:1/d?password=hunter2"}),
    "no such host": Refused(["db", "upgrade"], ("host.invalid",), 1, {DSN: "postgresql://u:hunter2@host.invalid/d"}),
    "no port": Refused(["db", "check"], (DSN,), 2, {DSN: "postgresql://u:hunter2@127.0.0.1:port/d"}),
    "no escape": Refused(LIST, (DSN, "%XX"), 2, {DSN: "postgresql://u:hunter2%zz@127.0.0.1/d"}),
    "no scheme": Refused(LIST, (DSN, "postgresql://"), 2, {DSN: "u:hunter2@127.0.0.1/d"}),
    "wrong scheme": Refused(LIST, (DSN, "postgresql://"), 2, {DSN: "mysql://u:hunter2@127.0.0.1/d"}),
    "unknown option": Refused(LIST, (DSN, "options"), 2, {DSN: "postgresql://u:hunter2@127.0.0.1/d?nonsense=1"}),
    "Redis by HTTP": Refused(LIST, (REDIS, "redis://"), 2, {REDIS: "http://:hunter2@h"}),
    "no secret key": Refused(ADD, (SECRET, "missing"), 2, {SECRET: None}),
    "no Fernet key": Refused(ADD, (SECRET, "not a Fernet key"), 2, {SECRET: "hunter2"}),
    "another secret key": Refused(["instance", "check", "a"], (SECRET,), 2, {SECRET: "A" * 43 + "="}),
    "no server, to read": Refused(LIST, ("start it with `broadcaster up`",), 1, EMBEDDED),
    "no server, to look": Refused(["top", "--once"], ("start it with `broadcaster up`",), 1, EMBEDDED),
    "no server, to submit": Refused(submit("x"), ("start it with `broadcaster up`",), 1, EMBEDDED),
    "no server, to migrate": Refused(["db", "upgrade"], ("start it with `broadcaster up`",), 1, EMBEDDED),
    "no number": Refused(LIST, ("BROADCASTER_MAX_ATTEMPTS",), 2, {"BROADCASTER_MAX_ATTEMPTS": "many"}),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_recipients_file_that_cannot_be_used_is_refused_in_one_line_and_changes_nothing(
    stand: Stand, what: str
) -> None:
    content, said = BAD_FILES[what]
    (stand.directory / "recipients.csv").write_bytes(content)
    result = stand.run(*submit("x", recipients="recipients.csv"), environ={})
    assert_refused(result, "recipients.csv", *said)
    assert everything(stand.engine) == stand.before


@pytest.mark.parametrize("what", BAD_OPTIONS)
def test_an_option_that_cannot_be_used_is_refused_in_one_line_and_changes_nothing(stand: Stand, what: str) -> None:
    case = BAD_OPTIONS[what]
    assert_refused(stand.run(*case.args, environ=case.environ), *case.said, code=case.code)
    assert everything(stand.engine) == stand.before


@pytest.mark.parametrize("what", BAD_SETTINGS)
def test_settings_that_cannot_be_used_are_refused_in_one_line_without_their_secrets(stand: Stand, what: str) -> None:
    case = BAD_SETTINGS[what]
    result = stand.run(*case.args, environ=case.environ)
    assert_refused(result, *case.said, code=case.code)
    assert "hunter2" not in result.stderr
    assert everything(stand.engine) == stand.before
