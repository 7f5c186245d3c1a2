"""Errors that a person caused or can mend. Each is one clear line; none is ever shown as a traceback."""

from collections.abc import Callable, Iterable, Sequence


class BroadcasterError(Exception):
    """Something was refused or failed.

    The message is one line that says what was wrong, where (file, line, column, option) and what to do.
    It never holds a secret. `exit_code` is what the command line exits with.
    """

    exit_code = 1

    @property
    def command(self) -> str | None:
        """The command that helps, if the message ends with one: it stands there between backticks."""
        *_, command, after = ["", *str(self).split("`")]
        return command if command and not after else None


class UsageError(BroadcasterError):
    """The command or call itself was malformed: a wrong option, a wrong value."""

    exit_code = 2


class SettingsError(BroadcasterError):
    """An environment variable is missing or has an unusable value."""

    exit_code = 2


class InputError(BroadcasterError):
    """A file or value given by the user cannot be used; nothing was written."""


class NotFoundError(BroadcasterError):
    """No such instance, campaign, … under that name."""


class ConflictError(BroadcasterError):
    """The request contradicts what is stored: the name is taken, the state does not allow it."""


class UnavailableError(BroadcasterError):
    """Postgres or Redis cannot be reached or are not ready (not migrated, read-only, …)."""


class ContentionError(UnavailableError):
    """Postgres ended the transaction in favour of another one; the same again may succeed."""


class NothingLeftError(ConflictError):
    """Nothing is left to do, and nothing is wrong with that."""


def quoted(text: str, length: int = 40) -> str:
    """How messages show what somebody else wrote: in quotes, on one line, at most `length` characters of it."""
    return repr(text if len(text) <= length else text[: length - 1] + "…")


def listed(texts: Sequence[str], most: int = 12) -> str:
    """How messages list what somebody else wrote: each `quoted`, at most `most` of them."""
    shown = ", ".join(map(quoted, texts[:most]))
    return f"{shown} and {len(texts) - most} more" if len(texts) > most else shown or "none"


def refuse_together(checks: Iterable[Callable[[], object]]) -> None:
    """Make all checks, and say at once whatever is wrong.

    Raises what one of them raises; for several a UsageError where all are, and else an InputError.
    """
    faults: list[BroadcasterError] = []
    for check in checks:
        try:
            check()
        except BroadcasterError as error:
            faults.append(error)
    if len(faults) > 1:
        kind = UsageError if all(isinstance(each, UsageError) for each in faults) else InputError
        raise kind("; ".join(map(str, faults)))
    if faults:
        raise faults[0]
