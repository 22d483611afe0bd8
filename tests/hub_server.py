"""A local model hub that serves a folder to huggingface_hub, with configurable faults.

It implements the hub's API (a model's files at a revision, with sizes and hashes) and serves files
with ETag, X-Repo-Commit, X-Linked-Etag, X-Linked-Size and ranges. Every file of at least LARGE
bytes is listed like one of git-lfs, by its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

LARGE = 1000
CHUNK = 1 << 14
GARBAGE = b"<html><body>Sign in to use this network</body></html>"


@dataclass
class Faults:
    """Faults to inject.

    Attributes:
        path_part: Part of the paths that most faults apply to; "" matches every path.
        cut_after: Bytes of a file after which the connection is cut, `cuts` times.
        cuts: How often the connection is cut.
        stall_after: Bytes of a file after which nothing is sent any more.
        slow: Seconds before each 16 kB.
        status: HTTP status to send instead.
        failures: How many requests get that status.
        garbage: Send HTML instead of the response.
        loop: Redirect to the same address.
        corrupt: How many times to flip a byte of a file.
        no_ranges: Send whole files only.
        redirect_files: Redirect files as to a content delivery network.
        listing: Entries that replace those of the model's record.
    """

    path_part: str = ""
    cut_after: int = -1
    cuts: int = 1
    stall_after: int = -1
    slow: float = 0.0
    status: int = 0
    failures: int = 1 << 30
    garbage: bool = False
    loop: bool = False
    corrupt: int = 0
    no_ranges: bool = False
    redirect_files: bool = False
    listing: dict[str, object] = field(default_factory=dict)


class HubServer:
    """The server, a context manager; `folder` holds the files of one model."""

    def __init__(self, folder: Path, hub_id: str, revision: str) -> None:
        self.folder, self.hub_id, self.revision = folder, hub_id, revision
        self.faults = Faults()
        self.bytes_sent = 0
        self.requests: list[str] = []
        self.ranges: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.closing = threading.Event()
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def endpoint(self) -> str:
        """Address to pass to huggingface_hub."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def record(self) -> dict[str, object]:
        """Return the API's record of the model."""
        files = sorted(f for f in self.folder.rglob("*") if f.is_file())
        siblings = [self.sibling(f) for f in files]
        return {"id": self.hub_id, "sha": self.revision, "siblings": siblings, "tags": []}

    def sibling(self, file: Path) -> dict[str, object]:
        """Return the record of one file."""
        data = file.read_bytes()
        record: dict[str, object] = {
            "rfilename": file.relative_to(self.folder).as_posix(),
            "size": len(data),
            "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
        }
        if len(data) >= LARGE:
            sha256 = hashlib.sha256(data).hexdigest()
            record["lfs"] = {"size": len(data), "sha256": sha256, "pointerSize": 134}
        return record


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        self.hub.headers.append(dict(self.headers))
        if self.hub.faults.path_part not in path or not self._fail():
            self._serve(path)

    def _fail(self) -> bool:
        """Send the configured fault; return whether there is one."""
        faults = self.hub.faults
        if faults.status and faults.failures > 0:
            faults.failures -= 1
            self._send(faults.status, b'{"error": "injected"}', "application/json")
        elif faults.garbage:
            self._send(200, GARBAGE, "text/html")
        elif faults.loop:
            self._send(302, b"", "text/plain", {"Location": self.path})
        else:
            return False
        return True

    def _serve(self, path: str) -> None:
        hub = self.hub
        if path == f"/api/models/{hub.hub_id}/revision/{hub.revision}":
            record = hub.record() | hub.faults.listing
            self._send(200, json.dumps(record).encode(), "application/json")
            return
        match = re.fullmatch(rf"(/cdn)?/{hub.hub_id}/resolve/{hub.revision}/(.+)", path)
        file = hub.folder / match[2] if match else hub.folder
        if match is None or not file.is_file():
            self._send(404, b"{}", "application/json", {"X-Error-Code": "EntryNotFound"})
        elif hub.faults.redirect_files and not match[1]:
            self._send(302, b"", "text/plain", self._tags(file) | {"Location": f"/cdn{self.path}"})
        else:
            self._send_file(file)

    def _tags(self, file: Path) -> dict[str, str]:
        record = self.hub.sibling(file)
        lfs = record.get("lfs")
        etag = lfs["sha256"] if isinstance(lfs, dict) else record["blobId"]
        tags = {"ETag": f'"{etag}"', "X-Repo-Commit": self.hub.revision}
        linked = {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(record["size"])}
        return tags | (linked if lfs else {})

    def _send_file(self, file: Path) -> None:
        faults, data = self.hub.faults, bytearray(file.read_bytes())
        matches = faults.path_part in self.path
        if matches and faults.corrupt > 0 and self.command == "GET":
            faults.corrupt -= 1
            data[len(data) // 2] ^= 1
        requested = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(requested[1]) if requested and not faults.no_ranges else 0
        headers = self._tags(file)
        if requested and start:
            self.hub.ranges.append(requested[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._start(206 if start else 200, len(data) - start, "application/octet-stream", headers)
        if self.command == "GET":
            self._send_body(bytes(data[start:]), faults if matches else Faults())

    def _send_body(self, data: bytes, faults: Faults) -> None:
        for sent in range(0, len(data), CHUNK):
            chunk = data[sent : sent + CHUNK]
            if 0 <= faults.stall_after <= sent:
                self.hub.closing.wait()
            if 0 <= faults.cut_after <= sent and faults.cuts > 0:
                faults.cuts -= 1
                break
            self.hub.closing.wait(faults.slow)
            with self.hub.lock:
                self.hub.bytes_sent += len(chunk)
            try:
                self.wfile.write(chunk)
            except OSError:  # the client disconnected
                break
        else:
            return
        self.close_connection = True

    def _send(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        self._start(status, len(body), kind, headers or {})
        if self.command == "GET":
            self.wfile.write(body)

    def _start(self, status: int, length: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
