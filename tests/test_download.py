"""Downloads from a local hub: verified, resumed, cancelled."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

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
from make_4d.ml.common.context import JobCancelled
from make_4d.ml.hub.download import WAITING_FOR_LOCK, download
from make_4d.ml.hub.fetch import RETRYING
from make_4d.ml.hub.hub_client import DISCONNECTED
from messages import is_message
from test_model_store import DEPTH, depth_files, paint_files, write


def test_download(hub: HubServer, source: Path, models: Path) -> None:
    recorder = ProgressRecorder()
    folder = fetch(hub, models, recorder)
    assert folder == model_store.snapshot_folder(DEPTH, models)
    assert has_same_files(folder, source) and not partial_files(models)
    state = model_store.state_of(DEPTH, models)
    assert (state.status, state.folder, state.verified) == ("ready", folder, True)
    assert recorder.fractions[-1] == 1.0 and recorder.fractions == sorted(recorder.fractions)
    marker = json.loads(model_store.marker_path(DEPTH, models).read_text())
    assert set(marker["files"]) == set(depth_files())
    assert not [h for headers in hub.headers for h in headers if h.lower() == "authorization"]
    request_count = len(hub.requests)
    assert fetch(hub, models) == folder and len(hub.requests) == request_count, "no further request"
    assert not [r for r in hub.requests if "resolve" not in r and "/revision/" not in r]


def test_pickles_and_code_are_never_downloaded(hub: HubServer, models: Path) -> None:
    folder = fetch(hub, models, spec=replace(DEPTH, files=("*",)))
    names = {f.name for f in folder.iterdir()}
    assert names == {*depth_files(), "README.md"}
    assert not [r for r in hub.requests if r.endswith((".bin", ".py"))]


def test_downloads_are_found_by_huggingface_hub(hub: HubServer, models: Path) -> None:
    from huggingface_hub import snapshot_download, try_to_load_from_cache

    folder = fetch(hub, models)
    library_folder = snapshot_download(
        DEPTH.hub_id, revision=DEPTH.revision, cache_dir=models, local_files_only=True
    )
    assert Path(library_folder) == folder
    cached_file = try_to_load_from_cache(DEPTH.hub_id, WEIGHTS, models, DEPTH.revision)
    assert cached_file == str(folder / WEIGHTS)


def test_files_of_huggingface_hub_are_verified_and_kept(
    hub: HubServer, source: Path, models: Path
) -> None:
    """Files that huggingface_hub put into the folder are hashed instead of downloaded again."""
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
    assert has_same_files(fetch(hub, models), source)
    assert hub.bytes_sent == 0 and model_store.state_of(DEPTH, models).verified


def test_cut_connection_is_resumed(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(path_part=WEIGHTS, cut_after=1 << 17, cuts=2)
    recorder = ProgressRecorder()
    assert has_same_files(fetch(hub, models, recorder), source)
    assert hub.ranges == [f"bytes={1 << 17}-", f"bytes={1 << 18}-"]
    assert hub.bytes_sent == sum((source / name).stat().st_size for name in depth_files())
    assert recorder.shows(RETRYING)
    assert recorder.fractions == sorted(recorder.fractions)


def test_failed_download_is_resumed_later(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(path_part=WEIGHTS, cut_after=1 << 16, cuts=99)
    assert is_message(download_error(hub, models), DISCONNECTED)
    received = 3 << 16
    state = model_store.state_of(DEPTH, models)
    small = sum((source / n).stat().st_size for n in depth_files() if n != WEIGHTS)
    assert (state.status, state.bytes_fetched) == ("partial", received + small)
    hub.faults, hub.bytes_sent = Faults(), 0
    assert has_same_files(fetch(hub, models), source)
    assert hub.bytes_sent == (source / WEIGHTS).stat().st_size - received


def test_cancel_during_transfer(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(path_part=WEIGHTS, slow=0.05)  # 25 chunks of 16 kB: more than a second
    recorder = ProgressRecorder(cancel_at=150_000 / (4 * VALUES))
    with pytest.raises(JobCancelled):
        fetch(hub, models, recorder)
    assert time.monotonic() - recorder.cancelled_at < 1.5
    assert recorder.fractions[-1] < 0.7
    amounts = [detail for detail in recorder.details if re.fullmatch(r"\d+ of 400 kB", detail)]
    assert len(set(amounts)) >= 3, recorder.details
    kept_bytes = partial_files(models)[0].stat().st_size
    assert 0 < kept_bytes < 4 * VALUES
    hub.faults = Faults()
    assert has_same_files(fetch(hub, models), source)
    assert hub.ranges == [f"bytes={kept_bytes}-"]


def test_cancel_during_a_stall(hub: HubServer, models: Path) -> None:
    hub.faults = Faults(path_part=WEIGHTS, stall_after=1 << 16)
    recorder = ProgressRecorder(cancel_at=0.1)
    with pytest.raises(JobCancelled):
        download(DEPTH, models, recorder.context(), hub.endpoint, replace(QUICK, read=20.0))
    assert time.monotonic() - recorder.cancelled_at < 1.5
    assert partial_files(models)[0].stat().st_size == 1 << 16


def test_server_without_range_requests(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(path_part=WEIGHTS, cut_after=1 << 17, no_ranges=True)
    assert has_same_files(fetch(hub, models), source)
    assert sum(WEIGHTS in request for request in hub.requests) == 2, "restarted once"


def test_redirected_files(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(path_part=WEIGHTS, redirect_files=True, cut_after=1 << 17)
    assert has_same_files(fetch(hub, models), source)
    assert hub.ranges, "the range request follows the redirect"


def test_disk_without_links(
    hub: HubServer, source: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **keywords: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = fetch(hub, models)
    assert has_same_files(folder, source)
    assert not any(f.is_symlink() for f in folder.iterdir())
    assert not list((folder.parents[1] / "blobs").iterdir())


def test_pipeline_model(tmp_path: Path, models: Path) -> None:
    spec = replace(DEPTH, key="paint", stage="inpaint", variant="fp16")
    files = paint_files("fp16") | {"unet/model.bin": b"x", "vae/diffusion_pytorch_model.bin": b"x"}
    source = write(tmp_path / "pipeline", files)
    with HubServer(source, spec.hub_id, spec.revision) as hub:
        folder = fetch(hub, models, spec=spec)
    assert model_store.find(spec, models) == folder
    assert not list(folder.rglob("*.bin"))


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
import conftest
from pathlib import Path
from download_parts import DEPTH, ProgressRecorder, download
download(DEPTH, Path(sys.argv[2]), ProgressRecorder().context(), sys.argv[3])
"""


def test_killed_download_is_resumed(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(path_part=WEIGHTS, stall_after=1 << 17)
    tests = str(Path(__file__).parent)
    command = [sys.executable, "-c", KILLED, tests, str(models), hub.endpoint]
    process = subprocess.Popen(command)
    end = time.monotonic() + 20.0
    # Small files must not count: only the weights stall at this size.
    while max((file.stat().st_size for file in models.rglob("*")), default=0) < 1 << 17:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    process.kill()
    process.wait()
    hub.faults = Faults()
    assert has_same_files(fetch(hub, models), source)
    assert hub.ranges == [f"bytes={1 << 17}-"]


def test_concurrent_downloads_share_one_transfer(
    hub: HubServer, source: Path, models: Path
) -> None:
    hub.faults = Faults(path_part=WEIGHTS, slow=0.01)
    recorders = (ProgressRecorder(), ProgressRecorder())
    threads = [
        threading.Thread(target=fetch, args=(hub, models, recorder)) for recorder in recorders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert has_same_files(model_store.snapshot_folder(DEPTH, models), source)
    assert hub.bytes_sent == sum((source / name).stat().st_size for name in depth_files())
    has_waited = [recorder.shows(WAITING_FOR_LOCK) for recorder in recorders]
    assert has_waited.count(True) == 1
    assert all(recorder.fractions[-1] == 1.0 for recorder in recorders)
