"""Tells whoever started this process that it does its work by now."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def announce_ready() -> None:
    """Send `READY=1` to the socket that NOTIFY_SOCKET names, if any. That is sd_notify(3), so systemd hears it too."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # Nobody listening is no reason not to work.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.sendto(b"READY=1", address.replace("@", "\0", 1) if address.startswith("@") else address)
