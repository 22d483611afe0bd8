"""No network in this process: what a worker promises unless it is there to download.

An audit hook of Python sees every use of a socket by Python code, whichever library makes it, and
can't be taken out again. Sockets that native code opens by itself are not seen, nor are those of
other programs that are started; the environment variables tell the libraries themselves.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from typing import Any

_VARIABLES = (
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_HUB_DISABLE_TELEMETRY",
    "HF_HUB_DISABLE_XET",
    "DISABLE_TELEMETRY",
    "DO_NOT_TRACK",
)
_BY_NAME = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_BY_ADDRESS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind")
_installed = False


class NetworkForbidden(ConnectionError):
    """Something in this process wanted to use the network, which it may not."""


def forbid_network() -> None:
    """From now on every use of the network but this machine's own raises NetworkForbidden.

    Call it before any library of models is imported: they read their variables then.
    """
    global _installed
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    if not _installed:
        _installed = True
        sys.addaudithook(_look)


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook: called for all that Python does, so it is quick about the rest."""
    if not event.startswith("socket."):
        return
    if event in _BY_NAME:
        host = arguments[0]
    elif event == "socket.getnameinfo":
        host = arguments[0][0]
    elif event in _BY_ADDRESS and not _is_file(*arguments[:2]):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) and address else address
    else:
        return
    if not _is_loopback(host):
        raise NetworkForbidden(f"Make 4D works offline and may not reach {host!r} ({event}).")


def _is_file(sock: socket.socket, address: Any) -> bool:
    """Whether a socket is a file of this machine, or is connected to what was looked at before."""
    unix = getattr(socket, "AF_UNIX", None)  # Windows' Python has none
    return address is None or (unix is not None and sock.family == unix)


def _is_loopback(host: Any) -> bool:
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    if host is None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False
