"""Downloads from a hub on this machine: verified, resumed, cancelled."""

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
from make_4d.ml.common.context import JobCancelled
from make_4d.ml.hub.download import download
from test_model_store import DEPTH, depth_files, paint_files, write


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
    assert time.monotonic() - told.cancelled_at < 1.5
    assert told.fractions[-1] < 0.7
    amounts = [detail for detail in told.details if re.fullmatch(r"\d+ of 400 kB", detail)]
    assert len(set(amounts)) >= 3, told.details
    kept = partials(models)[0].stat().st_size
    assert 0 < kept < 4 * VALUES
    hub.faults = Faults()
    assert same_files(get(hub, models), source)
    assert hub.ranges == [f"bytes={kept}-"]


def test_cancel_while_nothing_comes(hub: HubServer, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, stall_after=1 << 16)
    told = Told(cancel_at=0.1)
    with pytest.raises(JobCancelled):
        download(DEPTH, models, told.context(), hub.endpoint, replace(QUICK, read=20.0))
    assert time.monotonic() - told.cancelled_at < 1.5
    assert partials(models)[0].stat().st_size == 1 << 16


def test_a_server_without_ranges(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, cut_after=1 << 17, no_ranges=True)
    assert same_files(get(hub, models), source)
    assert sum(WEIGHTS in request for request in hub.requests) == 2, "begun anew, but once"


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


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
import conftest
from pathlib import Path
from download_parts import DEPTH, Told, download
download(DEPTH, Path(sys.argv[2]), Told().context(), sys.argv[3])
"""


def test_a_killed_download_is_resumed(hub: HubServer, source: Path, models: Path) -> None:
    hub.faults = Faults(where=WEIGHTS, stall_after=1 << 17)
    tests = str(Path(__file__).parent)
    command = [sys.executable, "-c", KILLED, tests, str(models), hub.endpoint]
    process = subprocess.Popen(command)
    end = time.monotonic() + 20.0
    # The small files beside it must not count: only the weights are stalled at this size.
    while max((file.stat().st_size for file in models.rglob("*")), default=0) < 1 << 17:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    process.kill()
    process.wait()
    hub.faults = Faults()
    assert same_files(get(hub, models), source)
    assert hub.ranges == [f"bytes={1 << 17}-"]


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
