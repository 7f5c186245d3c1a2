import asyncio
from pathlib import Path

import msgspec
import pytest

from broadcaster.errors import InputError
from broadcaster.simulator import Entry, Ledger


def _entry(phone: str = "628123456789", *, accepted: bool = True, body: str = "hello") -> Entry:
    return Entry(
        time_ns=1, monotonic_ns=1, endpoint="/wa/send", instance="a", phone=phone, body=body, accepted=accepted
    )


def _fill(path: Path, *entries: Entry, fsync: bool = False) -> None:
    async def fill() -> None:
        ledger = Ledger(path, fsync=fsync)
        for entry in entries:
            ledger.append(entry)
        ledger.close()

    asyncio.run(fill())


@pytest.mark.parametrize("fsync", [False, True])
def test_what_is_promised_after_an_entry_happens_once_it_is_in_the_file(tmp_path: Path, fsync: bool) -> None:
    path = tmp_path / "ledger"

    async def promise() -> tuple[bytes, bytes]:
        ledger = Ledger(path, fsync=fsync)
        seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        ledger.append(_entry(), then=lambda: seen.set_result(path.read_bytes()))
        before = path.read_bytes()
        after = await seen
        ledger.close()
        return before, after

    before, after = asyncio.run(promise())

    assert before == b""
    assert msgspec.json.decode(after)["body"] == "hello"


def test_a_ledger_that_is_opened_again_remembers(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    _fill(path, _entry(body="one"), _entry(accepted=False), _entry(body="two"))

    ledger = Ledger(path)
    ledger.close()

    assert [entry.seq for entry in ledger.entries] == [1, 2, 3]
    assert ledger.accepted() == ledger.accepted("a") == 2
    assert [entry.body for entry in ledger.conversation("a", "628123456789")] == ["two", "one"]


def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    _fill(path, _entry(body="whole"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-9])

    _fill(path, _entry(body="next"))

    assert [msgspec.json.decode(line)["body"] for line in path.read_bytes().splitlines()] == ["whole", "next"]


def test_a_file_that_is_no_ledger_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    _fill(path, _entry())
    with path.open("ab") as file:
        file.write(b"phone,name\n")

    with pytest.raises(InputError, match=r"ledger, line 2: .*move the file away"):
        Ledger(path)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere/ledger: No such file"):
        Ledger(tmp_path / "nowhere" / "ledger")


def test_the_phone_of_the_latest_message_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    _fill(path, _entry("6281111111"), _entry("6282222222"), _entry("6281111111"))

    ledger = Ledger(path)
    ledger.close()

    assert list(ledger.phones("a")) == ["6281111111", "6282222222"]


def test_a_cleared_ledger_starts_again_at_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger"

    async def clear() -> None:
        ledger = Ledger(path)
        ledger.append(_entry(body="old"))
        ledger.clear()
        ledger.append(_entry(body="new"))
        ledger.close()

    asyncio.run(clear())

    assert [msgspec.json.decode(line)["body"] for line in path.read_bytes().splitlines()] == ["new"]


def test_waiting_ends_when_the_count_is_reached_and_not_before() -> None:
    async def wait() -> None:
        ledger = Ledger()
        waiting = asyncio.ensure_future(ledger.wait(accepted=2, requests=3, instance="a"))
        for entry in (_entry(), _entry()):
            ledger.append(entry)
            await asyncio.sleep(0)  # a turn of the loop
            await asyncio.sleep(0)  # and one for whom that woke
            assert not waiting.done()
        ledger.append(_entry(accepted=False))
        await waiting
        await ledger.wait(accepted=2)

    asyncio.run(wait())
