"""The program `broadcaster`: runs one command, and turns any error into one line and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from broadcaster.cli.option_faults import said_option_fault
from broadcaster.errors import BroadcasterError, UsageError
from broadcaster.search_path import leave_relative_paths

INTERRUPTED = 130
"""128 + SIGINT: the exit code that shells expect after Ctrl-C."""
_LONGEST_BUG = 300
_LONGEST_ERROR = 4_000
"""Characters. Names that nothing is called are quoted as they were given."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in `arguments` (None: those of the process). Returns the exit code.

    0 done, 1 refused or failed, 2 called wrongly, 130 interrupted. Never raises, never shows a traceback.
    """
    # Imported objects stay. Looking for garbage among them so often takes a tenth of the start-up time.
    gc.set_threshold(50_000)
    leave_relative_paths()
    try:
        _prepare_output()
        code = _run(arguments)
        sys.stdout.flush()
    except BroadcasterError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`… | head`).
        _discard_output()
        return 1
    except OSError as error:
        _discard_output()
        return _fail(": ".join(filter(None, [error.strerror or str(error), error.filename])))
    except Exception as error:  # noqa: BLE001 - the last resort that keeps tracebacks from operators
        return _fail(_bug(error))
    return code


def _bug(error: Exception) -> str:
    """The line about an error that nobody expected. With BROADCASTER_LOG_LEVEL=DEBUG it shows where it came from."""
    import traceback  # noqa: PLC0415 - start-up time

    from broadcaster.db.faults import without_values  # noqa: PLC0415 - start-up time

    if os.environ.get("BROADCASTER_LOG_LEVEL", "").upper() == "DEBUG":
        # Not with its texts: those of Postgres hold the values of rows.
        traceback.print_tb(error.__traceback__)
    text = without_values(error)[:_LONGEST_BUG]
    return f"this is a bug in broadcaster, please report it (BROADCASTER_LOG_LEVEL=DEBUG shows more): {text}"


def _prepare_output() -> None:
    # Python has no stream if the shell closed it (`>&-`).
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 - for the life of the process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal's encoding lacks must not fail the command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are TextIOWrappers


def _discard_output() -> None:
    """Discard buffered output, which would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    # Imported here, so that an interrupt during the import is as quiet as any other.
    import typer  # noqa: PLC0415
    from typer.main import get_command  # noqa: PLC0415

    from broadcaster.cli.commands import app  # noqa: PLC0415

    _refuse_undecodable(sys.argv[1:] if arguments is None else arguments)
    try:
        return get_command(app).main(arguments, prog_name="broadcaster", standalone_mode=False) or 0
    except typer.Abort:
        return 1
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context else ""
        raise UsageError(f"{said_option_fault(error)}{hint}") from None


def _refuse_undecodable(arguments: Sequence[str]) -> None:
    """Raise UsageError for bytes that are no text: no database keeps them, and no message can show them."""
    for place, argument in enumerate(arguments, 1):
        try:
            argument.encode()
        except UnicodeEncodeError:
            encoding = sys.getfilesystemencoding()
            raise UsageError(f"argument {place} is no text in {encoding}: rename what is called so") from None


def _fail(message: str, code: int = 1) -> int:
    from broadcaster.cli.output import one_line  # noqa: PLC0415 - only where something failed
    from broadcaster.cli.own_process import as_called  # noqa: PLC0415

    message = as_called(message)
    cut = message if len(message) <= _LONGEST_ERROR else f"{message[:_LONGEST_ERROR]}…"
    sys.stderr.write(f"error: {one_line(cut)}\n")
    return code
