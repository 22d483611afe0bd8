"""The cache: its folder, its size in the preferences, and Clear Cache."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.geometry import folders
from make_4d.geometry.core.feature_files import save_features
from make_4d.geometry.custom_properties import FEATURES
from make_4d.jobs import cache_size as cache_size_module
from make_4d.jobs.manager import manager
from make_4d.ml.cache.stage_cache import StageCache
from make_4d.ml.common.cache_files import SCRATCH, cache_bytes, clear
from make_4d.operators import files, preferences
from messages import is_message

KEY = "0123456789abcdef01234567"


@pytest.fixture
def chosen(addon, empty_blend, tmp_path, monkeypatch):
    """A cache folder that is set in the preferences."""
    folder = tmp_path / "chosen"
    folder.mkdir()
    values = {"cache_folder": str(folder)}
    monkeypatch.setattr(folders, "preference", lambda name, default: values.get(name, default))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    manager().cache_size.forget()
    yield folder
    manager().cache_size.forget()


def fill(folder: Path) -> int:
    """Store the results of two stages in a cache; returns their bytes."""
    cache = StageCache(folder)
    for name in ("depth", "inpaint"):
        cache.store(name, KEY, {"image": np.zeros(10_000)})
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_preferred_folder_comes_first_and_others_are_read(chosen, tmp_path):
    own = chosen / folders.BESIDE_BLEND
    assert folders.cache_folder() == folders.user_cache_folder() == own
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    unsaved = folders.own_cache_folder()
    assert folders.cache_folders() == (own, tmp_path / folders.BESIDE_BLEND, unsaved)


def test_default_cache_is_beside_the_file(addon, empty_blend, tmp_path):
    unsaved = folders.cache_folder()
    assert folders.cache_folders() == (unsaved,) == (folders.user_cache_folder(),)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    assert folders.cache_folders() == (tmp_path / folders.BESIDE_BLEND, unsaved)


def test_clear_empties_all_caches_of_the_file(chosen, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    filled = sum(fill(folder) for folder in folders.cache_folders())
    assert sum(map(cache_bytes, folders.cache_folders())) == filled
    assert bpy.ops.make_4d.clear_cache("EXEC_DEFAULT") == {"FINISHED"}
    assert not any(cache_bytes(folder) for folder in folders.cache_folders())
    assert (tmp_path / "work.blend").is_file()


def test_clear_keeps_the_files_of_open_scenes(chosen):
    """Those of other scenes go where that is requested."""
    cache = folders.cache_folder()
    used, other = (save_features(cache, each * 24, np.ones((1, 1, 1, 1)), (1, 1)) for each in "ab")
    shown, hidden = (cache / "editable_images" / f"{each}-{KEY}.png" for each in ("x", "y"))
    shown.parent.mkdir()
    for path in (shown, hidden):
        path.write_bytes(b"png")
    bpy.data.images.new("shown", 1, 1).filepath = str(shown)
    bpy.data.objects.new("cloud", None)[FEATURES] = "a" * 24
    bpy.data.objects.new("foreign", None)[FEATURES] = "../../somewhere"
    paths = (used, other, shown, hidden)
    assert bpy.ops.make_4d.clear_cache("EXEC_DEFAULT") == {"FINISHED"}
    assert [path.exists() for path in paths] == [True] * 4
    assert bpy.ops.make_4d.clear_cache("EXEC_DEFAULT", scene_files=True) == {"FINISHED"}
    assert [path.exists() for path in paths] == [True, False, True, False]


def test_clear_keeps_the_files_of_offered_results(chosen, monkeypatch):
    monkeypatch.setattr(manager(), "ready", [object()])
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.make_4d.clear_cache("EXEC_DEFAULT", scene_files=True)
    assert is_message(caught.value, files.RESULTS_WAITING)


def test_clear_keeps_other_files(tmp_path):
    filled = fill(tmp_path)
    stranger = tmp_path / "holiday"
    stranger.mkdir()
    (stranger / "photo.npy").write_bytes(b"mine")
    features = tmp_path / "features"
    features.mkdir()
    (features / "a.npz").write_bytes(b"a scene paints with it")
    mixed = StageCache(tmp_path).path("depth", "f" * 24)
    mixed.mkdir()
    (mixed / "stage.json").write_text("[]")
    (mixed / "notes.txt").write_text("mine")
    (tmp_path / "readme.txt").write_text("mine")
    linked = tmp_path / "elsewhere"
    linked.mkdir()
    (tmp_path / "depth-link").symlink_to(linked, target_is_directory=True)
    assert clear(tmp_path) == filled
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {
        *("holiday", "features", mixed.name, "readme.txt", "elsewhere", "depth-link"),
    }
    assert (stranger / "photo.npy").read_bytes() == b"mine"


def test_clear_keeps_what_is_being_written(tmp_path):
    now, old = tmp_path / f"{SCRATCH}now", tmp_path / f"{SCRATCH}old"
    for folder in (now, old):
        folder.mkdir()
        (folder / "image.npy").write_bytes(b"half")
    yesterday = time.time() - 86_400
    os.utime(old, (yesterday, yesterday))
    assert clear(tmp_path) == 4
    assert now.is_dir() and not old.exists()


def test_clear_without_a_cache(tmp_path, chosen):
    assert clear(tmp_path / "nothing") == 0
    assert bpy.ops.make_4d.clear_cache("EXEC_DEFAULT") == {"FINISHED"}


def test_clear_is_refused_while_a_job_runs(chosen, monkeypatch):
    fill(folders.cache_folder())
    monkeypatch.setattr(manager(), "current", SimpleNamespace(scene="Scene"))
    assert not bpy.ops.make_4d.clear_cache.poll()
    with pytest.raises(RuntimeError, match=files.BUSY):
        bpy.ops.make_4d.clear_cache("EXEC_DEFAULT")
    assert cache_bytes(folders.cache_folder()) > 0


@pytest.fixture
def disk(monkeypatch) -> Iterator[threading.Event]:
    """Let counting wait until this event is set, as on a slow disk."""
    count, ready = cache_size_module.cache_bytes, threading.Event()

    def wait_and_count(folder):
        assert ready.wait(60)
        return count(folder)

    monkeypatch.setattr(cache_size_module, "cache_bytes", wait_and_count)
    yield ready
    ready.set()


def counted() -> int:
    """Wait for the count; returns the size."""
    for _ in range(200):
        if (size := manager().cache_size.known_bytes()) is not None:
            return size
        time.sleep(0.01)
    raise AssertionError("never counted")


def test_size_is_counted_in_the_background(chosen, disk):
    filled = fill(folders.cache_folder())
    assert manager().cache_size.known_bytes() is None
    assert preferences.cache_text() == preferences.COUNTING
    disk.set()
    assert counted() == filled
    assert preferences.cache_text() == preferences.CLEAR.format(size="160 kB")


def test_last_count_is_shown_while_counting_again(chosen, disk, monkeypatch):
    disk.set()
    assert counted() == 0
    filled = fill(folders.cache_folder())
    assert counted() == 0
    monkeypatch.setattr(cache_size_module, "CACHED_SECONDS", 0.0)
    disk.clear()
    assert manager().cache_size.known_bytes() == 0
    disk.set()
    manager().cache_size.counts[-1].wait()
    monkeypatch.setattr(cache_size_module, "CACHED_SECONDS", 10.0)
    assert manager().cache_size.known_bytes() == filled
    assert manager().cache_size.tick() is None and len(manager().cache_size.counts) == 1


def test_clearing_counts_again(chosen):
    fill(folders.cache_folder())
    assert counted() > 0
    bpy.ops.make_4d.clear_cache("EXEC_DEFAULT")
    assert counted() == 0
