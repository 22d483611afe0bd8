"""No network in this process: guaranteed by every worker that isn't there to download.

A Python audit hook sees every use of a socket by Python code, whichever library it is in, and can't
be removed again. It doesn't see sockets that native code opens by itself, or those of other
programs; environment variables keep the libraries themselves offline.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from functools import cache
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


class NetworkForbidden(ConnectionError):
    """Code in this process tried to use the network, which is not allowed."""


def forbid_network() -> None:
    """Make every use of the network, except of this computer itself, raise NetworkForbidden.

    Call it before importing libraries for models: they read the environment variables then.
    """
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    _add_hook()


@cache
def _add_hook() -> None:
    """Add the audit hook, once: it can't be removed."""
    sys.addaudithook(_look)


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook: called for every audited event, so it returns quickly for other events."""
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
        raise NetworkForbidden(f"Make 4D works offline and must not reach {host!r} ({event}).")


def _is_file(sock: socket.socket, address: Any) -> bool:
    """Whether a socket is a file on this computer, or is connected to an address checked before."""
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
