"""The connection to the hub: its file lists and files over HTTP, its faults as sentences.

The session, its proxies and certificates are those of huggingface_hub. Its own download functions
are not used: they keep nothing of an interrupted file and can't be cancelled while they wait.
Nobody's account is used, and nothing is told to the hub but which file is wanted.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
from huggingface_hub import constants, hf_hub_url
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import get_session

from ...geometry.core.messages import Message, UserError
from ..common.errors import ModelError
from ..common.registry import ModelSpec

_HEADERS = {"User-Agent": "make-4d", "Accept-Encoding": "identity"}
_MAX_LIST_BYTES = 50_000_000
BY_HAND = Message("choose another model, or put its files into the Models Folder by hand")
CHECK = Message("check the network connection and press Download again")


@dataclass(frozen=True)
class Patience:
    """How long to wait for the network, in seconds.

    connect: for a connection; read: for the next bytes; pauses: before each new try, as many of
    them as there are tries beyond the first.
    """

    connect: float = 10.0
    read: float = 20.0
    pauses: tuple[float, ...] = (1.0, 3.0)


class NoAnswer(UserError):
    """The network failed in a way that may pass; its text is a sentence for the artist."""


class Link:
    """The hub as seen for one model.

    Its methods are generators that block, for `waiting.in_thread`. They raise NoAnswer for what
    may be tried again, and ModelError for what won't get better.
    """

    def __init__(self, spec: ModelSpec, endpoint: str | None, patience: Patience) -> None:
        self.spec = spec
        self.endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
        self.host = urlsplit(self.endpoint).netloc or self.endpoint
        self._timeout = httpx2.Timeout(patience.read, connect=patience.connect)

    def file_list(self) -> Generator[dict[str, Any]]:
        """One record of the repository at the pinned revision, as the hub's API gives it."""
        revision = quote(self.spec.revision, safe="")
        url = f"{self.endpoint}/api/models/{self.spec.hub_id}/revision/{revision}?blobs=true"
        body = bytearray()
        for _, chunk in self._get(url, 0, None):
            body += chunk
            if len(body) > _MAX_LIST_BYTES:
                raise self._strange()
        try:
            record = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._strange() from error
        if not isinstance(record, dict):
            raise self._strange()
        yield record

    def file(self, name: str, offset: int, size: int) -> Generator[tuple[int, bytes]]:
        """A file's bytes from `offset` on, or from its start where the server can't do better.

        Yields pieces with the position in the file that each belongs to.
        """
        url = hf_hub_url(
            self.spec.hub_id, name, revision=self.spec.revision, endpoint=self.endpoint
        )
        yield from self._get(url, offset, size)

    def _get(self, url: str, offset: int, size: int | None) -> Generator[tuple[int, bytes]]:
        headers = _HEADERS | ({"Range": f"bytes={offset}-"} if offset else {})
        try:
            with get_session().stream(
                "GET", url, headers=headers, timeout=self._timeout, follow_redirects=True
            ) as response:
                self._check_status(response.status_code)
                position = offset if response.status_code == 206 else 0
                if size is not None and not _is_file(response, position, size):
                    raise self._strange()
                for chunk in response.iter_bytes():
                    yield position, chunk
                    position += len(chunk)
        except (httpx2.HTTPError, httpx2.InvalidURL, OfflineModeIsEnabled) as error:
            raise self._fault(error) from error

    def _check_status(self, status: int) -> None:
        if status in (200, 206):
            return
        page, label = f"{self.endpoint}/{self.spec.hub_id}", self.spec.label
        names = {"label": label, "page": page, "what_to_do": BY_HAND}
        served = {"host": self.host, "label": label, "status": status}
        if status in (401, 403, 451):
            raise ModelError(
                "{label} can't be had without an account at {page}, or not any more: {what_to_do}.",
                **names,
            )
        if status in (404, 410):
            raise ModelError("{label} is no longer at {page}: {what_to_do}.", **names)
        if status == 429 or status >= 500:
            raise NoAnswer(
                "{host} can't serve {label} just now (error {status}): press Download again later.",
                **served,
            )
        raise ModelError(
            "{host} refuses to serve {label} (error {status}): {what_to_do}.",
            what_to_do=BY_HAND,
            **served,
        )

    def _fault(self, error: Exception) -> Exception:
        """What went wrong, in a sentence."""
        names = {"host": self.host, "what_to_do": CHECK}
        if isinstance(error, OfflineModeIsEnabled):
            return ModelError(
                "The environment variable HF_HUB_OFFLINE forbids downloads: remove it and start "
                "Blender again."
            )
        if isinstance(error, httpx2.TooManyRedirects):
            return ModelError("{host} sends every request in a circle: {what_to_do}.", **names)
        if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
            return ModelError(
                "The hub's address {address} is not valid: check HF_ENDPOINT.",
                address=self.endpoint,
            )
        if _comes_from(error, socket.gaierror):
            return NoAnswer("The name {host} can't be resolved: {what_to_do}.", **names)
        if _comes_from(error, ssl.SSLCertVerificationError):
            return ModelError(
                "{host} can't prove that it is what it says; a proxy may be in between, or this "
                "computer's clock be wrong: check both and press Download again.",
                host=self.host,
            )
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            return NoAnswer("{host} can't be reached: {what_to_do}.", **names)
        if isinstance(error, httpx2.TimeoutException):
            return NoAnswer("{host} stopped answering: {what_to_do} to go on.", **names)
        return self.cut()

    def cut(self) -> NoAnswer:
        """The connection ended before everything came."""
        return NoAnswer(
            "The connection to {host} was cut: {what_to_do} to go on.",
            host=self.host,
            what_to_do=CHECK,
        )

    def _strange(self) -> NoAnswer:
        return NoAnswer(
            "{host} answers with something else than {label}; a proxy or a network's sign-in page "
            "may be in between: check the network and press Download again.",
            host=self.host,
            label=self.spec.label,
        )


def _is_file(response: httpx2.Response, position: int, size: int) -> bool:
    """Whether an answer can be the wanted file from `position` on, by its headers."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if response.status_code == 206:
        whole = span is not None and span[2] in (str(size), "*")
        return whole and span is not None and int(span[1]) == position
    length = response.headers.get("Content-Length", str(size))
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    return length == str(size) and not is_page


def _comes_from(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error, or one that led to it, is of this kind."""
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
