"""Downloads from a hub on this machine: resumed, verified, cancelled, and all that goes wrong."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

from hub_server import Faults, HubServer
from make_4d.ml import model_store
from make_4d.ml.context import Context, JobCancelled
from make_4d.ml.errors import ModelError
from make_4d.ml.hub.download import download
from make_4d.ml.hub.link import Patience
from make_4d.ml.registry import ModelSpec
from test_model_store import DEPTH, depth_files, paint_files, safetensors, write

QUICK = Patience(connect=1.0, read=0.6, pauses=(0.05, 0.05))
WEIGHTS = "model.safetensors"
VALUES = 100_000  # float32 in the weights: 400 kB


class Told:
    """A context that remembers what it was told; the artist cancels at some fraction."""

    def __init__(self, cancel_at: float = 2.0) -> None:
        self.fractions: list[float] = []
        self.details: list[str] = []
        self.cancel_at = cancel_at
        self.cancelled_at = 0.0

    def context(self) -> Context:
        return Context(self._note, lambda: self.cancelled_at > 0.0)

    def _note(self, fraction: float, detail: str) -> None:
        self.fractions.append(fraction)
        self.details.append(detail)
        if fraction >= self.cancel_at:
            self.cancelled_at = time.monotonic()


@pytest.fixture
def source(tmp_path: Path, rng: np.random.Generator) -> Path:
    """The files of a model on the hub, with some that must never be fetched."""
    files = depth_files() | {
        "pytorch_model.bin": b"pickled" * 9,
        "modeling_depth.py": b"raise SystemExit",
        "README.md": b"# read me",
    }
    folder = write(tmp_path / "on the hub", files)
    weights = safetensors(VALUES)
    body = rng.integers(0, 255, 4 * VALUES, np.uint8).tobytes()
    (folder / WEIGHTS).write_bytes(weights[: -4 * VALUES] + body)
    return folder


@pytest.fixture
def hub(source: Path) -> Iterator[HubServer]:
    with HubServer(source, DEPTH.hub_id, DEPTH.revision) as server:
        yield server


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "somebody's cache"))
    return tmp_path / "models ü"


def get(hub: HubServer, models: Path, told: Told | None = None, spec: ModelSpec = DEPTH) -> Path:
    return download(spec, models, (told or Told()).context(), hub.endpoint, QUICK)


def fails(hub: HubServer, models: Path, spec: ModelSpec = DEPTH) -> str:
    """The sentence of a download that doesn't work; it must be one sentence."""
    with pytest.raises(ModelError) as caught:
        get(hub, models, spec=spec)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence, sentence
    assert not re.search(r"[.!?] [A-Z]", sentence), sentence
    return sentence


def same_files(folder: Path, source: Path) -> bool:
    names = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}
    return names == set(depth_files()) and all(
        (folder / name).read_bytes() == (source / name).read_bytes() for name in names
    )


def partials(models: Path) -> list[Path]:
    return sorted(models.rglob("*.incomplete"))


def test_download(hub: HubServer, source: Path, models: Path) -> None:
    told = Told()
    folder = get(hub, models, told)
    assert folder == model_store.snapshot_folder(DEPTH, models)
    assert same_files(folder, source) and not partials(models)
    state = model_store.state_of(DEPTH, models)
    assert (state.status, state.folder, state.verified) == ("ready", folder, True)
    assert told.fractions[-1] == 1.0 and told.fractions == sorted(told.fractions)
    marker = json.loads(model_store.marker_path(DEPTH, models).read_text())
    assert set(marker["files"]) == set(depth_files())
    assert not [h for headers in hub.headers for h in headers if h.lower() == "authorization"]
    asked = len(hub.requests)
    assert get(hub, models) == folder and len(hub.requests) == asked, "nothing is left to ask"
    assert not [r for r in hub.requests if "resolve" not in r and "/revision/" not in r]


def test_a_pattern_for_everything_brings_no_pickles_and_no_code(
    hub: HubServer, models: Path
) -> None:
    folder = get(hub, models, spec=replace(DEPTH, files=("*",)))
    names = {f.name for f in folder.iterdir()}
    assert names == {*depth_files(), "README.md"}
    assert not [r for r in hub.requests if r.endswith((".bin", ".py"))]


def test_the_library_finds_what_was_downloaded(hub: HubServer, models: Path) -> None:
    from huggingface_hub import snapshot_download, try_to_load_from_cache

    folder = get(hub, models)
    theirs = snapshot_download(
        DEPTH.hub_id, revision=DEPTH.revision, cache_dir=models, local_files_only=True
    )
    assert Path(theirs) == folder
    found = try_to_load_from_cache(DEPTH.hub_id, WEIGHTS, models, DEPTH.revision)
    assert found == str(folder / WEIGHTS)


def test_the_server_is_a_hub_to_the_library(hub: HubServer, source: Path, models: Path) -> None:
    """And what the library put there is taken after a look at its hashes."""
    from huggingface_hub import HfApi, hf_hub_download

    info = HfApi(hub.endpoint, token=False).model_info(
        DEPTH.hub_id, revision=DEPTH.revision, files_metadata=True
    )
    assert info.sha == DEPTH.revision
    assert {s.rfilename for s in info.siblings or ()} >= set(depth_files())
    for name in depth_files():
        hf_hub_download(
            DEPTH.hub_id,
            name,
            revision=DEPTH.revision,
            cache_dir=models,
            endpoint=hub.endpoint,
            token=False,
        )
    assert not model_store.state_of(DEPTH, models).verified
    hub.bytes_sent = 0
    assert same_files(get(hub, models), source)
    assert hub.bytes_sent == 0 and model_store.state_of(DEPTH, models).verified


def test_a_cut_connection_goes_on_where_it_was(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, cut_after=1 << 17, cuts=2)
    told = Told()
    assert same_files(get(hub, models, told), source)
    assert hub.ranges == [f"bytes={1 << 17}-", f"bytes={1 << 18}-"]
    assert hub.bytes_sent == sum((source / name).stat().st_size for name in depth_files())
    assert any("no answer, trying again" in detail for detail in told.details)
    assert told.fractions == sorted(told.fractions)


def test_a_failed_download_is_resumed_later(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, cut_after=1 << 16, cuts=99)
    assert "was cut" in fails(hub, models)
    came = 3 << 16
    state = model_store.state_of(DEPTH, models)
    small = sum((source / n).stat().st_size for n in depth_files() if n != WEIGHTS)
    assert (state.status, state.bytes_fetched) == ("partial", came + small)
    hub.faults, hub.bytes_sent = Faults(), 0
    assert same_files(get(hub, models), source)
    assert hub.bytes_sent == (source / WEIGHTS).stat().st_size - came


def test_cancel_while_bytes_come(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, slow=0.05)  # 25 pieces of 16 kB: more than a second
    told = Told(cancel_at=150_000 / (4 * VALUES))
    with pytest.raises(JobCancelled):
        get(hub, models, told)
    assert time.monotonic() - told.cancelled_at < 1.0
    assert told.fractions[-1] < 0.7
    amounts = [detail for detail in told.details if re.fullmatch(r"\d+ of 400 kB", detail)]
    assert len(set(amounts)) >= 3, told.details
    kept = partials(models)[0].stat().st_size
    assert 0 < kept < 4 * VALUES
    hub.faults, hub.bytes_sent = Faults(), 0
    assert same_files(get(hub, models), source)
    assert hub.bytes_sent == (source / WEIGHTS).stat().st_size - kept


def test_cancel_while_nothing_comes(hub: HubServer, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, stall_after=1 << 16)
    told = Told(cancel_at=0.1)
    with pytest.raises(JobCancelled):
        download(DEPTH, models, told.context(), hub.endpoint, replace(QUICK, read=20.0))
    assert time.monotonic() - told.cancelled_at < 1.0
    assert partials(models)[0].stat().st_size == 1 << 16


def test_a_server_that_stalls(hub: HubServer, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, stall_after=0)
    started = time.monotonic()
    assert "stopped answering" in fails(hub, models)
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
    sentence = fails(hub, models)
    assert words in sentence and DEPTH.label in sentence
    assert sum(where in request for request in hub.requests) == tries
    if status in (401, 403, 404):
        assert f"{hub.endpoint}/{DEPTH.hub_id}" in sentence, "says where to look"


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
    sentence = fails(hub, models)
    assert name in sentence and "damaged" in sentence
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


def test_a_server_without_ranges(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, cut_after=1 << 17, no_ranges=True)
    assert same_files(get(hub, models), source)


def test_files_that_lie_elsewhere(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, elsewhere=True, cut_after=1 << 17)
    assert same_files(get(hub, models), source)
    assert hub.ranges, "the range goes along to where the file lies"


def test_disks_without_links(
    hub: HubServer, source: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **keywords: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = get(hub, models)
    assert same_files(folder, source)
    assert not any(f.is_symlink() for f in folder.iterdir())
    assert not list((folder.parents[1] / "blobs").iterdir())


def test_a_whole_pipeline(tmp_path: Path, models: Path) -> None:
    spec = replace(DEPTH, key="paint", stage="inpaint", variant="fp16")
    files = paint_files("fp16") | {"unet/model.bin": b"x", "vae/diffusion_pytorch_model.bin": b"x"}
    source = write(tmp_path / "pipeline", files)
    with HubServer(source, spec.hub_id, spec.revision) as hub:
        folder = get(hub, models, spec=spec)
    assert model_store.find(spec, models) == folder
    assert not list(folder.rglob("*.bin"))


def test_too_little_space(
    hub: HubServer, source: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.faults = Faults(where=WEIGHTS, cut_after=1 << 16, cuts=99)
    fails(hub, models)
    hub.faults = Faults()
    left = 4 * VALUES - partials(models)[0].stat().st_size
    tight = SimpleNamespace(free=left - 10_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: tight)
    sentence = fails(hub, models)
    assert f"{models}: free some space or choose another Models Folder" in sentence
    assert re.search(r"Downloading Tiny Depth needs \d+ kB and \d+ kB are free", sentence)
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
        sentence = fails(hub, models)
    assert words in sentence and str(models) in sentence
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


def test_a_name_that_is_unknown(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **keywords: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ModelError, match=r"hub\.example can't be resolved"):
        download(DEPTH, models, Told().context(), "https://hub.example", QUICK)


def test_an_address_that_is_none(models: Path) -> None:
    with pytest.raises(ModelError, match="is not valid"):
        download(DEPTH, models, Told().context(), "nowhere", QUICK)


def test_two_at_once(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, slow=0.01)
    both = (Told(), Told())
    threads = [threading.Thread(target=get, args=(hub, models, told)) for told in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same_files(model_store.snapshot_folder(DEPTH, models), source)
    assert hub.bytes_sent == sum((source / name).stat().st_size for name in depth_files())
    waited = [any("another download" in detail for detail in told.details) for told in both]
    assert waited.count(True) == 1
    assert all(told.fractions[-1] == 1.0 for told in both)


OFFLINE = """
import importlib.util, os, socket, sys, threading
spec = importlib.util.spec_from_file_location("offline", sys.argv[1])
offline = importlib.util.module_from_spec(spec)
spec.loader.exec_module(offline)
offline.forbid_network()
offline.forbid_network()
def refused(call):
    try:
        call()
    except offline.NetworkForbidden as error:
        assert "Make 4D works offline" in str(error)
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
from huggingface_hub import constants
assert constants.is_offline_mode() and constants.HF_HUB_DISABLE_TELEMETRY
print("all refused")
"""


def test_no_network_is_no_network(root: Path) -> None:
    command = [sys.executable, "-c", OFFLINE, str(root / "ml" / "offline.py")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)
    assert said.stdout.strip() == "all refused", said.stdout + said.stderr
