"""A worker that must not use the network can't use it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

START = """
import importlib.util, os, socket, sys, threading
spec = importlib.util.spec_from_file_location("offline", sys.argv[1])
offline = importlib.util.module_from_spec(spec)
spec.loader.exec_module(offline)
offline.forbid_network()
"""
OFFLINE = """
offline.forbid_network()
def refused(call):
    try:
        call()
    except offline.NetworkForbidden:
        return
    raise SystemExit(f"line {sys._getframe(1).f_lineno}: not refused")
tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
refused(lambda: tcp.connect(("192.0.2.1", 80)))
refused(lambda: tcp.connect_ex(("192.0.2.1", 80)))
refused(lambda: socket.create_connection(("192.0.2.1", 80)))
refused(lambda: socket.getaddrinfo("hub.example", 443))
refused(lambda: socket.gethostbyname("hub.example"))
refused(lambda: socket.gethostbyname_ex("hub.example"))
refused(lambda: socket.gethostbyaddr("192.0.2.1"))
refused(lambda: socket.getnameinfo(("192.0.2.1", 80), 0))
refused(lambda: udp.sendto(b"x", ("192.0.2.1", 53)))
refused(lambda: tcp.bind(("", 0)))
refused(lambda: tcp.bind(("0.0.0.0", 0)))
if hasattr(udp, "sendmsg"):
    refused(lambda: udp.sendmsg([b"x"], [], 0, ("192.0.2.1", 53)))
if socket.has_ipv6:
    refused(lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80)))
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b"hello")).start()
assert socket.create_connection(("localhost", server.getsockname()[1])).recv(5) == b"hello"
if hasattr(socket, "AF_UNIX"):
    a, b = socket.socketpair()
    a.sendmsg([b"x"])
    assert b.recv(1) == b"x"
assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
print("all refused")
"""


def test_every_use_of_the_network_is_refused(root: Path) -> None:
    command = [sys.executable, "-c", START + OFFLINE, str(root / "ml" / "worker" / "offline.py")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)
    assert result.stdout.strip() == "all refused", result.stdout + result.stderr


def test_the_hub_library_is_offline(root: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    code = (
        START
        + "from huggingface_hub import constants as c\n"
        + ("assert c.is_offline_mode() and c.HF_HUB_DISABLE_TELEMETRY and c.HF_HUB_DISABLE_XET\n")
    )
    subprocess.run(
        [sys.executable, "-c", code, str(root / "ml" / "worker" / "offline.py")], check=True
    )
