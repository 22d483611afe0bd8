"""All that may go wrong while a model is downloaded, each told in one sentence."""

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
    Told,
    fails,
    get,
    hub_fixture,  # noqa: F401 - pytest finds it here
    models_fixture,  # noqa: F401
    partials,
    same_files,
    source_fixture,  # noqa: F401
)
from hub_server import Faults, HubServer
from make_4d.ml.common import model_store
from make_4d.ml.common.errors import ModelError
from make_4d.ml.hub.download import download
from test_model_store import DEPTH


def test_a_server_that_stalls(hub: HubServer, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, stall_after=0)
    started = time.monotonic()
    assert "stopped answering" in fails(hub, models, timeouts=replace(QUICK, read=0.4))
    assert time.monotonic() - started < 5.0
    assert sum(WEIGHTS in request for request in hub.requests) == 3, "three tries, no more"


@pytest.mark.parametrize(
    ("status", "words", "tries"),
    [
        (401, "can't be had without an account", 1),
        (403, "can't be had without an account", 1),
        (404, "is no longer at", 1),
        (429, "error 429", 3),
        (500, "error 500", 3),
        (503, "error 503", 3),
        (418, "error 418", 1),
    ],
)
@pytest.mark.parametrize("where", ["/api/", WEIGHTS])
def test_refusals(
    hub: HubServer, models: Path, status: int, words: str, tries: int, where: str
) -> None:
    hub.faults = Faults(where=where, status=status)
    message = fails(hub, models)
    assert words in message and DEPTH.label in message
    assert sum(where in request for request in hub.requests) == tries
    if status in (401, 403, 404):
        assert f"{hub.endpoint}/{DEPTH.hub_id}" in message, "says where to look"


def test_a_short_trouble_of_the_server(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(status=503, failures=2)
    told = Told()
    assert same_files(get(hub, models, told), source)
    assert any("trying again" in detail for detail in told.details)


@pytest.mark.parametrize("where", ["/api/", WEIGHTS])
def test_garbage(hub: HubServer, models: Path, where: str) -> None:
    hub.faults = Faults(where=where, garbage=True)
    assert "something else than Tiny Depth" in fails(hub, models)


def test_garbage_spoils_nothing_that_came(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, cut_after=1 << 16, cuts=99)
    fails(hub, models)
    kept = partials(models)[0].stat().st_size
    hub.faults = Faults(where=WEIGHTS, garbage=True)
    fails(hub, models)
    assert partials(models)[0].stat().st_size == kept


@pytest.mark.parametrize("where", ["/api/", WEIGHTS])
def test_a_circle_of_redirects(hub: HubServer, models: Path, where: str) -> None:
    hub.faults = Faults(where=where, loop=True)
    assert "in a circle" in fails(hub, models)
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
def test_lists_that_can_t_be_used(
    hub: HubServer, models: Path, tmp_path: Path, listing: dict[str, object]
) -> None:
    hub.faults = Faults(listing=listing)
    assert "no usable list" in fails(hub, models)
    assert not [f for f in tmp_path.rglob("x.safetensors*")]


def test_only_pickles_on_the_hub(hub: HubServer, source: Path, models: Path) -> None:
    (source / WEIGHTS).unlink()
    assert "no safetensors weights" in fails(hub, models)
    assert len(hub.requests) == 1


def test_a_model_that_lacks_a_part(hub: HubServer, source: Path, models: Path) -> None:
    (source / "preprocessor_config.json").unlink()
    assert "preprocessor_config.json is missing" in fails(hub, models)
    assert model_store.state_of(DEPTH, models).status == "partial"


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_damage_on_the_way(hub: HubServer, source: Path, models: Path, name: str) -> None:
    hub.faults = Faults(where=f"/{name}", corrupt=1)
    assert same_files(get(hub, models), source)
    assert sum(r.endswith(f"/{name}") for r in hub.requests) == 2


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_damage_that_stays(hub: HubServer, models: Path, name: str) -> None:
    hub.faults = Faults(where=f"/{name}", corrupt=99)
    message = fails(hub, models)
    assert name in message and "damaged" in message
    assert sum(r.endswith(f"/{name}") for r in hub.requests) == 2
    assert not partials(models)
    assert model_store.find(DEPTH, models) is None


def test_beginnings_that_don_t_fit_are_fetched_anew(
    hub: HubServer, source: Path, models: Path
) -> None:
    hub.faults = Faults(where=WEIGHTS, cut_after=1 << 16, cuts=99)
    fails(hub, models)
    partials(models)[0].write_bytes(bytes(200_000))
    hub.faults = Faults()
    assert same_files(get(hub, models), source)


def test_beginnings_that_are_too_long_are_fetched_anew(
    hub: HubServer, source: Path, models: Path
) -> None:
    blobs = get(hub, models).parents[1] / "blobs"
    model_store.marker_path(DEPTH, models).unlink()
    shutil.rmtree(model_store.snapshot_folder(DEPTH, models))
    for blob in list(blobs.iterdir()):
        blob.rename(f"{blob}.incomplete").write_bytes(bytes(500_000))
    assert same_files(get(hub, models), source)


def test_files_that_went_bad_are_fetched_anew(hub: HubServer, source: Path, models: Path) -> None:
    folder = get(hub, models)
    model_store.marker_path(DEPTH, models).unlink()
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    assert same_files(get(hub, models), source)


def test_too_little_space(
    hub: HubServer, source: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.faults = Faults(where=WEIGHTS, cut_after=1 << 16, cuts=99)
    fails(hub, models)
    hub.faults = Faults()
    left = 4 * VALUES - partials(models)[0].stat().st_size
    tight = SimpleNamespace(free=left - 10_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: tight)
    message = fails(hub, models)
    assert f"{models}: free some space or choose another Models Folder" in message
    assert re.search(r"Downloading Tiny Depth needs \d+ kB and \d+ kB are free", message)
    tight.free = left + 10_000
    assert same_files(get(hub, models), source), "what is there already needs no space"


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "is full"), (errno.EFBIG, "files as large as those")]
)
def test_the_disk_fills_up(
    hub: HubServer,
    source: Path,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    words: str,
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        message = fails(hub, models)
    assert words in message and str(models) in message
    assert partials(models)
    assert same_files(get(hub, models), source)


def test_a_folder_that_can_t_be_written(hub: HubServer, models: Path) -> None:
    models.parent.mkdir(exist_ok=True)
    models.write_text("a file")
    assert "can't be written" in fails(hub, models)
    assert "can't be written" in fails(hub, models / "below")
    assert "choose a Models Folder" in fails(hub, Path())


def test_no_network(models: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(ModelError, match=f"127.0.0.1:{port} can't be reached"):
            download(DEPTH, models, Told().context(), f"http://127.0.0.1:{port}", QUICK)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), r"hub\.example can't be resolved"),
        (ssl.SSLCertVerificationError("self-signed"), r"hub\.example can't prove"),
    ],
)
def test_a_host_that_is_not_there_or_another(
    models: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
) -> None:
    def fail(*args: object, **keywords: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ModelError, match=words):
        download(DEPTH, models, Told().context(), "https://hub.example", QUICK)


def test_an_address_that_is_none(models: Path) -> None:
    with pytest.raises(ModelError, match="is not valid"):
        download(DEPTH, models, Told().context(), "nowhere", QUICK)
