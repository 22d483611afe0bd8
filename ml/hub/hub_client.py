"""HTTP client for the model hub: file lists, files, and errors worded for the artist.

The session, its proxies and its certificates are those of huggingface_hub. The download functions
of that package are not used because they discard interrupted files and can't be cancelled while
they wait. No account is used, and requests carry nothing but the name of the file.
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

MANUAL_INSTALL = "choose another model, or copy its files into the Models Folder"
CHECK_NETWORK = "check the network connection and press Download again"

NEEDS_ACCOUNT = (
    "{label} is not available without an account at {page}, or no longer available: {what_to_do}."
)
NOT_ON_HUB = "{label} is no longer at {page}: {what_to_do}."
SERVER_BUSY = "{host} can't serve {label} right now (error {status}): press Download again later."
REFUSED = "{host} refused to serve {label} (error {status}): {what_to_do}."
OFFLINE_MODE = (
    "The environment variable HF_HUB_OFFLINE prevents downloads: remove it and restart Blender."
)
REDIRECT_LOOP = "{host} redirects every request in a loop: {what_to_do}."
INVALID_ADDRESS = "The hub's address {address} is not valid: check HF_ENDPOINT."
UNKNOWN_HOST = "The host name {host} can't be resolved: {what_to_do}."
UNTRUSTED_HOST = (
    "The certificate of {host} is not valid, possibly because of a proxy or because this "
    "computer's clock is wrong: check both and press Download again."
)
UNREACHABLE = "{host} can't be reached: {what_to_do}."
TIMED_OUT = "{host} stopped responding: {what_to_do} to resume."
DISCONNECTED = "The connection to {host} was lost: {what_to_do} to resume."
UNEXPECTED_RESPONSE = (
    "{host} sent something other than {label}, possibly because of a proxy or a network's sign-in "
    "page: check the network and press Download again."
)

_HEADERS = {"User-Agent": "make-4d", "Accept-Encoding": "identity"}
_MAX_LIST_BYTES = 50_000_000


@dataclass(frozen=True)
class NetworkTimeouts:
    """How long to wait for the network, in seconds.

    Attributes:
        connect: Limit for establishing a connection.
        read: Limit for the next bytes to arrive.
        retry_delays: Delay before each retry; its length is the number of retries.
    """

    connect: float = 10.0
    read: float = 20.0
    retry_delays: tuple[float, ...] = (1.0, 3.0)


class TemporaryNetworkError(UserError):
    """A network failure that may pass, so that a retry makes sense."""


class HubClient:
    """Access to the hub for one model.

    `file_list` and `file` are blocking generators, to be run by `background.iterate`. They raise
    TemporaryNetworkError where a retry may help, and ModelError where it won't.
    """

    def __init__(self, spec: ModelSpec, endpoint: str | None, timeouts: NetworkTimeouts) -> None:
        self.spec = spec
        self.endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
        self.host = urlsplit(self.endpoint).netloc or self.endpoint
        self._timeout = httpx2.Timeout(timeouts.read, connect=timeouts.connect)

    def file_list(self) -> Generator[dict[str, Any]]:
        """Yield one item: the hub's record of the repository at the pinned revision."""
        revision = quote(self.spec.revision, safe="")
        url = f"{self.endpoint}/api/models/{self.spec.hub_id}/revision/{revision}?blobs=true"
        body = bytearray()
        for _, chunk in self._get(url, 0, None):
            body += chunk
            if len(body) > _MAX_LIST_BYTES:
                raise self._unexpected_response()
        try:
            record = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._unexpected_response() from error
        if not isinstance(record, dict):
            raise self._unexpected_response()
        yield record

    def file(self, name: str, offset: int, size: int) -> Generator[tuple[int, bytes]]:
        """Yield a file's chunks, each with its position in the file.

        Args:
            name: Path of the file in the repository.
            offset: First byte. A server without range requests starts at 0 instead.
            size: Size of the whole file in bytes.
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
                    raise self._unexpected_response()
                for chunk in response.iter_bytes():
                    yield position, chunk
                    position += len(chunk)
        except (httpx2.HTTPError, httpx2.InvalidURL, OfflineModeIsEnabled) as error:
            raise self._readable_error(error) from error

    def _check_status(self, status: int) -> None:
        if status in (200, 206):
            return
        what_to_do = Message(MANUAL_INSTALL)
        page, label = f"{self.endpoint}/{self.spec.hub_id}", self.spec.label
        page_values = {"label": label, "page": page, "what_to_do": what_to_do}
        status_values = {"host": self.host, "label": label, "status": status}
        if status in (401, 403, 451):
            raise ModelError(NEEDS_ACCOUNT, **page_values)
        if status in (404, 410):
            raise ModelError(NOT_ON_HUB, **page_values)
        if status == 429 or status >= 500:
            raise TemporaryNetworkError(SERVER_BUSY, **status_values)
        raise ModelError(REFUSED, what_to_do=what_to_do, **status_values)

    def _readable_error(self, error: Exception) -> Exception:
        """Return the error to raise in place of one of the HTTP library."""
        values = {"host": self.host, "what_to_do": Message(CHECK_NETWORK)}
        if isinstance(error, OfflineModeIsEnabled):
            return ModelError(OFFLINE_MODE)
        if isinstance(error, httpx2.TooManyRedirects):
            return ModelError(REDIRECT_LOOP, **values)
        if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
            return ModelError(INVALID_ADDRESS, address=self.endpoint)
        if _is_caused_by(error, socket.gaierror):
            return TemporaryNetworkError(UNKNOWN_HOST, **values)
        if _is_caused_by(error, ssl.SSLCertVerificationError):
            return ModelError(UNTRUSTED_HOST, host=self.host)
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            return TemporaryNetworkError(UNREACHABLE, **values)
        if isinstance(error, httpx2.TimeoutException):
            return TemporaryNetworkError(TIMED_OUT, **values)
        return self.disconnected()

    def disconnected(self) -> TemporaryNetworkError:
        """Return the error for a connection that ended before everything arrived."""
        return TemporaryNetworkError(
            DISCONNECTED, host=self.host, what_to_do=Message(CHECK_NETWORK)
        )

    def _unexpected_response(self) -> TemporaryNetworkError:
        return TemporaryNetworkError(UNEXPECTED_RESPONSE, host=self.host, label=self.spec.label)


def _is_file(response: httpx2.Response, position: int, size: int) -> bool:
    """Whether a response's headers match the requested file, read from `position` on."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if response.status_code == 206:
        size_fits = span is not None and span[2] in (str(size), "*")
        return size_fits and span is not None and int(span[1]) == position
    length = response.headers.get("Content-Length", str(size))
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    return length == str(size) and not is_page


def _is_caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error, or one in its chain of causes, is of this kind."""
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
