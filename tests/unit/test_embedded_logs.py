"""Logs of bounded size and number, in which nothing is lost when they are replaced."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from broadcaster.embedded import role_logs
from broadcaster.embedded.home import Home
from broadcaster.embedded.role import Child, Role
from broadcaster.embedded.role_logs import LogPump, RotatedFile, rotate_own_output
from tests.support.stack import wait_for


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(role_logs, "MOST_BYTES", 1000)
    monkeypatch.setattr(role_logs, "_CHUNK_BYTES", 500)  # a log that is full soon


def kept(log: Path) -> list[Path]:
    """The files of a log, oldest first."""
    older = [log.with_name(f"{log.name}.{number}") for number in range(9, 0, -1)]
    return [path for path in (*older, log) if path.exists()]


def test_a_log_is_kept_small_and_loses_only_its_oldest_lines(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    written = [b"line %d\n" % number for number in range(1000)]
    file = RotatedFile(log)
    for line in written:
        file.write(line)
    file.close()
    assert len(kept(log)) == 5
    assert all(path.stat().st_size <= 1010 for path in kept(log))
    assert all(path.read_bytes().endswith(b"\n") for path in kept(log))
    found = b"".join(path.read_bytes() for path in kept(log))
    assert b"".join(written).endswith(found)
    assert len(found) > 4000


@pytest.mark.parametrize("piece", [1, 7, 300])
def test_lines_that_come_in_pieces_stay_whole(tmp_path: Path, piece: int) -> None:
    log = tmp_path / "worker.log"
    text = b"".join(b"line %d\n" % number for number in range(250))
    file = RotatedFile(log)
    for start in range(0, len(text), piece):
        file.write(text[start : start + piece])
    file.close()
    assert b"".join(path.read_bytes() for path in kept(log)) == text
    assert len(kept(log)) > 1
    assert all(path.read_bytes().startswith(b"line ") for path in kept(log))


def test_a_line_without_an_end_is_bounded_too(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "worker.log")
    for _ in range(100):
        file.write(b"x" * 500)
    file.close()
    assert max(path.stat().st_size for path in kept(tmp_path / "worker.log")) <= 2000


def test_a_running_role_loses_no_line_when_its_log_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role_logs, "OLDER_FILES", 1000)
    home = Home(tmp_path, None)
    home.logs.mkdir()
    home.processes.mkdir()
    program = "for number in range(5000): print('line', number, flush=number % 100 == 0)"
    child = Child.start(home, Role(name="worker", argv=[sys.executable, "-c", program]))
    wait_for(lambda: child.poll() is not None and child.last_line() == "line 4999", "the role's last line")
    files = sorted(home.logs.iterdir(), key=lambda path: -int(path.suffix[1:]) if path.suffix != ".log" else 0)
    assert len(files) > 40
    lines = [line for path in files for line in path.read_text().splitlines()]
    assert lines == [f"line {number}" for number in range(5000)]


def test_a_log_that_cannot_be_written_does_not_make_its_role_wait(tmp_path: Path) -> None:
    with subprocess.Popen(["head", "-c", "3000000", "/dev/zero"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        log = RotatedFile(tmp_path / "worker.log")
        log._file.close()  # a disk that is full
        log._file = Path("/dev/full").open("ab", buffering=0)  # noqa: SIM115 - the same; the pump closes it
        pump = LogPump(process.stdout, log)
        pump.start()
        assert process.wait(20) == 0
        pump.join(20)
        assert not pump.is_alive()


def test_a_process_that_writes_its_own_log_goes_on_in_a_new_one(tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    program = f"""
from pathlib import Path
from broadcaster.embedded import role_logs
role_logs.MOST_BYTES = 1000
for number in range(400):
    print("line", number, flush=True)
    role_logs.rotate_own_output(Path({str(log)!r}))
"""
    with log.open("ab") as file:
        subprocess.run([sys.executable, "-c", program], stdout=file, stderr=file, check=True)
    lines = [line for path in kept(log) for line in path.read_text().splitlines()]
    assert len(kept(log)) == 4
    assert lines == [f"line {number}" for number in range(400)]


def test_output_that_goes_elsewhere_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    log.write_bytes(b"x" * 5000)
    before = os.fstat(1)
    rotate_own_output(log)
    assert kept(log) == [log]
    assert os.path.samestat(os.fstat(1), before)
