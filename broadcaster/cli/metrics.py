"""`broadcaster metrics`: figures for monitors."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.database import reader
from broadcaster.cli.output import say
from broadcaster.errors import UsageError
from broadcaster.settings import load


def metrics(
    listen: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS:PORT", help="Serve them at /metrics there, until SIGTERM or Ctrl-C."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --listen: the bearer token that scrapes must bring is in this file."),
    ] = None,
) -> None:
    """Print figures about messages, instances, limits and ticks in Prometheus's text format.

    They come from Postgres, and hold no phone, text or name of a campaign. docs/monitoring.md has all of them, with
    alerts and a dashboard.

    Example: broadcaster metrics --listen 127.0.0.1:9464
    """
    if listen is None:
        if token_file is not None:
            raise UsageError("--token-file is for --listen ADDRESS:PORT: add it, or leave the file out")
        from broadcaster.services.figures import exposition  # noqa: PLC0415 - start-up time

        settings = load()
        with reader(settings) as source:
            typer.echo(exposition(source, settings), nl=False)
        return
    from broadcaster.worker.metrics_server import serve_metrics  # noqa: PLC0415 - start-up time

    host, port = _parse_address(listen)
    settings, token = load(), _read_token(token_file)
    os.chdir("/")
    serve_metrics(settings, host, port, token, _say_where)


def _say_where(url: str) -> None:
    say(f"figures are at {url}")
    sys.stdout.flush()


def _parse_address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"--listen: {listen!r} is not ADDRESS:PORT: write it like 127.0.0.1:9464")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _read_token(file: Path | None) -> str | None:
    from broadcaster.secret_files import read_secret  # noqa: PLC0415 - start-up time

    if file is None:
        return None
    try:
        token = read_secret(file)
    except OSError as error:
        raise UsageError(f"--token-file: {file}: {error.strerror}") from None
    if not token:
        raise UsageError(f"--token-file: {file} is empty: write a token into it, such as 32 random characters")
    return token
