"""Turns this process into another program: records its id, binds its life to the supervisor's, drops root, execs.

`Child` runs this file as a script in each new process. The process does all this itself before the program starts. So
no program ever runs unrecorded or unbound, and no `preexec_fn` is needed, which is unsafe beside threads. It uses only
the standard library: without site-packages the script starts in a few milliseconds.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

LINUX = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_START_TIME = 22 - 3  # proc_pid_stat(5): field 22, counted from field 3, the first one after the name


class Spec(NamedTuple):
    """What the new process does before it becomes `argv`."""

    argv: list[str]
    record_path: str
    record: dict[str, object]
    """What to write there besides the process's own id."""
    account: tuple[int, int] | None = None
    """uid and gid to drop to."""
    death_signal: int | None = None
    """The signal that the kernel sends to this process when `parent` dies."""
    parent: int = 0
    detach: bool = False
    """Whether to leave its parent and become a child of init."""


def start_time(pid: int) -> str | None:
    """Identifies this life of `pid` among all others. None if no process has the pid, or only a zombie.

    On Linux it is the boot and the clock tick of the start; elsewhere the second of the start, from `ps`.
    """
    if LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The name is in parentheses and may itself hold spaces and parentheses.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{boot}:{fields[_START_TIME]}"
    return _start_time_by_ps(pid)


def _start_time_by_ps(pid: int) -> str | None:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    shown = subprocess.run(
        command, env={"LC_ALL": "C", "PATH": os.defpath}, capture_output=True, text=True, check=False
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def write_record(path: Path, record: dict[str, object]) -> None:
    """Write `record` plus this process's own `process` (pid, start time), whole or not at all."""
    record["process"] = {"pid": os.getpid(), "started": start_time(os.getpid())}
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(record))
    part.rename(path)


def drop_privileges(uid: int, gid: int) -> None:
    """Become `uid` for good, with `gid` as the only group."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(parent: int, signum: int) -> None:
    """Have the kernel send `signum` to this process when the thread that started it ends. Linux only."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signum) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # the parent ended before the kernel was asked
        sys.exit(1)


def main(spec: Spec) -> None:
    """Do what `spec` says and become its program."""
    if spec.detach and os.fork() > 0:
        os._exit(0)
    write_record(Path(spec.record_path), spec.record)
    if spec.account is not None:
        drop_privileges(*spec.account)
    # After the change of user, which would clear it.
    if spec.death_signal is not None and LINUX:
        die_with_parent(spec.parent, spec.death_signal)
    try:
        os.execvp(spec.argv[0], spec.argv)  # noqa: S606 - argv comes from the supervisor, and no shell reads it
    except OSError as error:
        sys.exit(f"cannot run {spec.argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main(Spec(*json.loads(sys.argv[1])))
