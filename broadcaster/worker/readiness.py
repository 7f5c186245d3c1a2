"""Tells the starter of this process that it is ready."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def announce_ready() -> None:
    """Send `READY=1` to the socket named by NOTIFY_SOCKET, if any. This is sd_notify(3), which systemd reads too."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # The process works even if nobody listens.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.sendto(b"READY=1", address.replace("@", "\0", 1) if address.startswith("@") else address)
