"""Child processes, and what processes cost: CPU and memory as Linux accounts for them in /proc."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 30.0
_WAIT_SECONDS = 600.0
_POLL_SECONDS = 0.01
# Fields of /proc/<pid>/stat after the command name (proc_pid_stat(5)).
_PARENT = 1
_CPU_TIMES = slice(11, 15)
"""utime, stime, and both again of the children that it has waited for; in ticks."""


class BenchmarkError(Exception):
    """A run that proves nothing: something under test failed, or did not do what was measured."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program took: seconds from its start to its end, and the most memory that it held, in bytes."""

    seconds: float
    memory: int


class Program:
    """A child process; a context manager that ends it. Its output goes to `log`."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._started = time.monotonic()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                argv, env=env, cwd=Path(__file__).parents[1], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """SIGKILL, as the kernel does it when memory runs out."""
        self._process.kill()
        self._process.wait()

    def check(self) -> None:
        """Raise BenchmarkError if it has ended."""
        if self._process.poll() is not None:
            raise self._failure()

    def wait(self) -> Finished:
        """Wait for it to end, and raise BenchmarkError unless it ends well."""
        peak = 0
        while self._process.poll() is None:
            with suppress(ProcessLookupError, KeyError):
                peak = max(peak, peak_memory(self.pid))
            time.sleep(_POLL_SECONDS)
        if self._process.returncode != 0:
            raise self._failure()
        return Finished(time.monotonic() - self._started, peak)

    def _failure(self) -> BenchmarkError:
        tail = self._log.read_text(errors="replace")[-2000:]
        return BenchmarkError(f"process {self.pid} ended with code {self._process.returncode}:\n{tail}")


def wait_until(condition: Callable[[], bool], *programs: Program, every: float = 0.02) -> None:
    """Poll `condition` every so many seconds. Raises BenchmarkError if one of `programs` ends, or never."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        for program in programs:
            program.check()
        if time.monotonic() > deadline:
            raise BenchmarkError(f"still not so after {_WAIT_SECONDS:g} s: {condition}")
        time.sleep(every)


def cpu_seconds(pids: Sequence[int]) -> float:
    """The CPU time of the processes and all their descendants since they started."""
    ticks = 0
    for fields in _family(pids).values():
        ticks += sum(map(int, fields[_CPU_TIMES]))
    return ticks / _TICKS_A_SECOND


def own_cpu_seconds(pid: int) -> float:
    """The CPU time of the process alone, without its descendants, to the nanosecond (proc_pid_schedstat(5))."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def family_memory(pids: Sequence[int]) -> int:
    """The most memory, in bytes, that the processes and their descendants have held, added up."""
    return sum(map(peak_memory, _family(pids)))


def peak_memory(pid: int) -> int:
    """The most resident memory that the process has held, in bytes. Raises KeyError for a zombie."""
    return _memory(pid, "VmHWM")


def resident_memory(pid: int) -> int:
    """The resident memory that the process holds now, in bytes. Raises KeyError for a zombie."""
    return _memory(pid, "VmRSS")


def _memory(pid: int, field: str) -> int:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status[field].split()[0]) * 1024


def _family(pids: Sequence[int]) -> dict[int, list[str]]:
    """The fields of /proc/<pid>/stat after the name, of each process and its descendants."""
    everybody: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                everybody[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()
    found = {pid: everybody[pid] for pid in pids}
    while more := {
        pid: fields for pid, fields in everybody.items() if pid not in found and int(fields[_PARENT]) in found
    }:
        found |= more
    return found
