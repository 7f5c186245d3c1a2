"""Bulk broadcasts over WhatsApp through the WAChatPro HTTP API."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """`app` is the Celery application, made when it is asked for: `celery -A broadcaster worker`.

    Ends the process with one line where the settings cannot be used: `celery` would show a traceback.
    """
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - start-up time

    from broadcaster.errors import BroadcasterError  # noqa: PLC0415

    try:
        return import_module("broadcaster.worker.app").app
    except BroadcasterError as error:
        raise SystemExit(f"error: {error}") from None
