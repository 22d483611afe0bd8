"""Everything that can go wrong during a download, each with its own message."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

from download_parts import (
    QUICK,
    VALUES,
    WEIGHTS,
    ProgressRecorder,
    download_error,
    fetch,
    has_same_files,
    hub_fixture,  # noqa: F401 - pytest finds it here
    models_fixture,  # noqa: F401
    partial_files,
    source_fixture,  # noqa: F401
)
from hub_server import Faults, HubServer
from make_4d.ml.common import model_store
from make_4d.ml.common.errors import ModelError
from make_4d.ml.hub import download as download_module
from make_4d.ml.hub import fetch as fetch_module
from make_4d.ml.hub import hub_client
from make_4d.ml.hub import listing as listing_module
from make_4d.ml.hub.download import download
from messages import is_message, raises_message
from test_model_store import DEPTH


def test_stalling_server(hub: HubServer, models: Path) -> None:
    hub.faults = Faults(path_part=WEIGHTS, stall_after=0)
    started = time.monotonic()
    assert is_message(
        download_error(hub, models, timeouts=replace(QUICK, read=0.4)), hub_client.TIMED_OUT
    )
    assert time.monotonic() - started < 5.0
    assert sum(WEIGHTS in request for request in hub.requests) == 3, "two retries"


@pytest.mark.parametrize(
    ("status", "template", "tries"),
    [
        (401, hub_client.NEEDS_ACCOUNT, 1),
        (403, hub_client.NEEDS_ACCOUNT, 1),
        (404, hub_client.NOT_ON_HUB, 1),
        (429, hub_client.SERVER_BUSY, 3),
        (500, hub_client.SERVER_BUSY, 3),
        (503, hub_client.SERVER_BUSY, 3),
        (418, hub_client.REFUSED, 1),
    ],
)
@pytest.mark.parametrize("path_part", ["/api/", WEIGHTS])
def test_error_statuses(
    hub: HubServer, models: Path, status: int, template: str, tries: int, path_part: str
) -> None:
    hub.faults = Faults(path_part=path_part, status=status)
    values = {"page": f"{hub.endpoint}/{DEPTH.hub_id}"} if status < 410 else {"status": status}
    assert is_message(download_error(hub, models), template, label=DEPTH.label, **values)
    assert sum(path_part in request for request in hub.requests) == tries


def test_short_outage_is_retried(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(status=503, failures=2)
    recorder = ProgressRecorder()
    assert has_same_files(fetch(hub, models, recorder), source)
    assert recorder.shows(fetch_module.RETRYING)


@pytest.mark.parametrize("path_part", ["/api/", WEIGHTS])
def test_unexpected_response(hub: HubServer, models: Path, path_part: str) -> None:
    hub.faults = Faults(path_part=path_part, garbage=True)
    error = download_error(hub, models)
    assert is_message(error, hub_client.UNEXPECTED_RESPONSE, label="Tiny Depth")


def test_unexpected_response_keeps_received_bytes(
    hub: HubServer, source: Path, models: Path
) -> None:
    hub.faults = Faults(path_part=WEIGHTS, cut_after=1 << 16, cuts=99)
    download_error(hub, models)
    kept_bytes = partial_files(models)[0].stat().st_size
    hub.faults = Faults(path_part=WEIGHTS, garbage=True)
    download_error(hub, models)
    assert partial_files(models)[0].stat().st_size == kept_bytes


@pytest.mark.parametrize("path_part", ["/api/", WEIGHTS])
def test_redirect_loop(hub: HubServer, models: Path, path_part: str) -> None:
    hub.faults = Faults(path_part=path_part, loop=True)
    assert is_message(download_error(hub, models), hub_client.REDIRECT_LOOP)
    assert len(hub.requests) < 40


@pytest.mark.parametrize(
    "listing",
    [
        {"sha": "b" * 40},
        {"siblings": None},
        {"siblings": "x"},
        {"siblings": [{"rfilename": "model.safetensors"}]},
        {"siblings": [{"rfilename": "../../x.safetensors", "size": 1, "blobId": "a" * 40}]},
        {"siblings": [{"rfilename": "/x.safetensors", "size": 1, "blobId": "a" * 40}]},
        {"siblings": [{"rfilename": "C:\\x.safetensors", "size": 1, "blobId": "a" * 40}]},
        {"siblings": [{"rfilename": "x.safetensors", "size": 1, "blobId": "../" + "a" * 37}]},
        {"siblings": [{"rfilename": "x.safetensors", "size": -1, "blobId": "a" * 40}]},
        {"siblings": [{"rfilename": "x.safetensors", "size": "many", "blobId": "a" * 40}]},
        {"siblings": [3]},
    ],
)
def test_unusable_file_lists(
    hub: HubServer, models: Path, tmp_path: Path, listing: dict[str, object]
) -> None:
    hub.faults = Faults(listing=listing)
    assert is_message(download_error(hub, models), listing_module.UNUSABLE_LIST)
    assert not [f for f in tmp_path.rglob("x.safetensors*")]


def test_model_with_pickles_only(hub: HubServer, source: Path, models: Path) -> None:
    (source / WEIGHTS).unlink()
    assert is_message(download_error(hub, models), listing_module.NO_SAFETENSORS)
    assert len(hub.requests) == 1


def test_incomplete_model(hub: HubServer, source: Path, models: Path) -> None:
    (source / "preprocessor_config.json").unlink()
    error = download_error(hub, models)
    assert is_message(error, download_module.INCOMPLETE)
    assert "preprocessor_config.json" in str(error)
    assert model_store.state_of(DEPTH, models).status == "partial"


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_damage_in_transfer_is_repaired(
    hub: HubServer, source: Path, models: Path, name: str
) -> None:
    hub.faults = Faults(path_part=f"/{name}", corrupt=1)
    assert has_same_files(fetch(hub, models), source)
    assert sum(r.endswith(f"/{name}") for r in hub.requests) == 2


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_persistent_damage(hub: HubServer, models: Path, name: str) -> None:
    hub.faults = Faults(path_part=f"/{name}", corrupt=99)
    assert is_message(download_error(hub, models), fetch_module.DAMAGED_TWICE, file=name)
    assert sum(r.endswith(f"/{name}") for r in hub.requests) == 2
    assert not partial_files(models)
    assert model_store.find(DEPTH, models) is None


def test_damaged_partial_file_is_downloaded_again(
    hub: HubServer, source: Path, models: Path
) -> None:
    hub.faults = Faults(path_part=WEIGHTS, cut_after=1 << 16, cuts=99)
    download_error(hub, models)
    partial_files(models)[0].write_bytes(bytes(200_000))
    hub.faults = Faults()
    assert has_same_files(fetch(hub, models), source)


def test_too_long_partial_files_are_downloaded_again(
    hub: HubServer, source: Path, models: Path
) -> None:
    blobs = fetch(hub, models).parents[1] / "blobs"
    model_store.marker_path(DEPTH, models).unlink()
    shutil.rmtree(model_store.snapshot_folder(DEPTH, models))
    for blob in list(blobs.iterdir()):
        blob.rename(f"{blob}.incomplete").write_bytes(bytes(500_000))
    assert has_same_files(fetch(hub, models), source)


def test_damaged_file_is_downloaded_again(hub: HubServer, source: Path, models: Path) -> None:
    folder = fetch(hub, models)
    model_store.marker_path(DEPTH, models).unlink()
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    assert has_same_files(fetch(hub, models), source)


def test_too_little_disk_space(
    hub: HubServer, source: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.faults = Faults(path_part=WEIGHTS, cut_after=1 << 16, cuts=99)
    download_error(hub, models)
    hub.faults = Faults()
    missing_bytes = 4 * VALUES - partial_files(models)[0].stat().st_size
    disk_usage = SimpleNamespace(free=missing_bytes - 10_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk_usage)
    error = download_error(hub, models)
    assert is_message(error, download_module.NO_SPACE, label="Tiny Depth", folder=models)
    for amount in ("needed", "free"):
        assert re.fullmatch(r"\d+ kB", str(error.message.values[amount]))
    disk_usage.free = missing_bytes + 10_000
    assert has_same_files(fetch(hub, models), source), "bytes on disk need no space"


@pytest.mark.parametrize(
    ("number", "template"),
    [(errno.ENOSPC, download_module.DISK_FULL), (errno.EFBIG, download_module.FILE_TOO_LARGE)],
)
def test_disk_errors_during_the_download(
    hub: HubServer,
    source: Path,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    template: str,
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        error = download_error(hub, models)
    assert is_message(error, template, folder=models)
    assert partial_files(models)
    assert has_same_files(fetch(hub, models), source)


def test_unwritable_folder(hub: HubServer, models: Path) -> None:
    models.parent.mkdir(exist_ok=True)
    models.write_text("a file")
    assert is_message(download_error(hub, models), download_module.NOT_WRITABLE)
    assert is_message(download_error(hub, models / "below"), download_module.NOT_WRITABLE)
    assert is_message(download_error(hub, Path()), download_module.NO_MODELS_FOLDER)


def test_no_network(models: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        host = f"127.0.0.1:{port}"
        with raises_message(ModelError, hub_client.UNREACHABLE, host=host):
            download(DEPTH, models, ProgressRecorder().context(), f"http://127.0.0.1:{port}", QUICK)


@pytest.mark.parametrize(
    ("error", "template"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), hub_client.UNKNOWN_HOST),
        (ssl.SSLCertVerificationError("self-signed"), hub_client.UNTRUSTED_HOST),
    ],
)
def test_unknown_and_untrusted_hosts(
    models: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, template: str
) -> None:
    def fail(*args: object, **keywords: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with raises_message(ModelError, template, host="hub.example"):
        download(DEPTH, models, ProgressRecorder().context(), "https://hub.example", QUICK)


def test_invalid_address(models: Path) -> None:
    with raises_message(ModelError, hub_client.INVALID_ADDRESS, address="nowhere"):
        download(DEPTH, models, ProgressRecorder().context(), "nowhere", QUICK)
