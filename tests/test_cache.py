"""The stage cache and the messages between Blender and its worker."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from make_4d.ml.cache.stage_cache import StageCache, file_key, stage_key
from make_4d.ml.common import job_settings, protocol
from make_4d.ml.common.job_settings import JobSettings, SettingsError
from messages import raises_message


def test_a_stored_stage_loads_unchanged(tmp_path, rng):
    cache = StageCache(tmp_path / "cache")
    arrays = {"a": rng.random((3, 4)).astype(np.float32), "b": np.arange(3)}
    assert cache.load("depth", "k") is None
    cache.store("depth", "k", arrays)
    loaded = cache.load("depth", "k")
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
    assert cache.load("depth", "other") is None


def test_a_damaged_stage_is_removed(tmp_path):
    cache = StageCache(tmp_path)
    cache.store("depth", "k", {"a": np.arange(1000)})
    file = cache.path("depth", "k") / "a.npy"
    file.write_bytes(file.read_bytes()[:200])
    assert cache.load("depth", "k") is None
    assert not cache.path("depth", "k").exists()


def test_a_stage_without_one_of_its_arrays_is_not_loaded(tmp_path):
    cache = StageCache(tmp_path)
    cache.store("depth", "k", {"a": np.arange(3), "b": np.arange(3)})
    (cache.path("depth", "k") / "b.npy").unlink()
    assert cache.load("depth", "k") is None


def test_a_failed_store_leaves_nothing(tmp_path):
    cache = StageCache(tmp_path)
    with pytest.raises(ValueError):
        cache.store("depth", "k", {"a": np.array([object()])})
    assert list(tmp_path.iterdir()) == []


def test_two_processes_store_the_same_stage(tmp_path, monkeypatch):
    """The other process finishes between our last look at the cache and our rename."""
    ours, other = StageCache(tmp_path), StageCache(tmp_path)
    arrays = {"a": np.arange(1000)}
    rename = Path.rename

    def rename_second(path, target):
        if not Path(target).exists():
            monkeypatch.setattr(Path, "rename", rename)
            other.store("depth", "k", arrays)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_second)
    ours.store("depth", "k", arrays)
    np.testing.assert_array_equal(ours.load("depth", "k")["a"], arrays["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["depth-k"]


def test_many_writers_store_the_same_stages(tmp_path):
    """Threads interleave as processes do."""
    arrays = {"a": np.arange(20_000)}

    def store(_):
        cache = StageCache(tmp_path)
        for key in range(10):
            cache.store("depth", str(key), arrays)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store, range(4)))
    cache = StageCache(tmp_path)
    assert all(cache.load("depth", str(key)) is not None for key in range(10))
    assert len(list(tmp_path.iterdir())) == 10


def test_an_incomplete_stage_is_replaced(tmp_path):
    cache = StageCache(tmp_path)
    cache.store("depth", "k", {"a": np.arange(3), "b": np.arange(3)})
    (cache.path("depth", "k") / "b.npy").unlink()
    cache.store("depth", "k", {"a": np.arange(3), "b": np.arange(4)})
    assert len(cache.load("depth", "k")["b"]) == 4


def test_a_read_only_cache_is_only_read(tmp_path, read_only):
    cache = StageCache(tmp_path)
    cache.store("depth", "k", {"a": np.arange(3)})
    read_only(tmp_path)
    cache = StageCache(tmp_path)
    assert not cache.is_writable
    np.testing.assert_array_equal(cache.load("depth", "k")["a"], np.arange(3))
    cache.store("depth", "other", {"a": np.arange(3)})
    assert cache.load("depth", "other") is None
    cache.prune(limit_bytes=0)
    assert [path.name for path in tmp_path.iterdir()] == ["depth-k"]


def test_prune_removes_the_oldest_first(tmp_path):
    import os

    cache = StageCache(tmp_path)
    for age, key in enumerate(("new", "middle", "old")):
        cache.store("s", key, {"a": np.zeros(1000)})
        os.utime(cache.path("s", key), (1e9 - age, 1e9 - age))
    cache.prune(limit_bytes=17_000)
    assert [cache.path("s", k).exists() for k in ("new", "middle", "old")] == [True, True, False]


def test_keys_depend_on_name_version_settings_and_inputs(tmp_path):
    base = stage_key("depth", 1, {"seed": 0}, ["x"])
    assert base == stage_key("depth", 1, {"seed": 0}, ["x"])
    others = [
        stage_key("depth", 2, {"seed": 0}, ["x"]),
        stage_key("depth", 1, {"seed": 1}, ["x"]),
        stage_key("depth", 1, {"seed": 0}, ["y"]),
        stage_key("other", 1, {"seed": 0}, ["x"]),
    ]
    assert len({base, *others}) == 5
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    assert file_key(tmp_path / "a") != file_key(tmp_path / "b")


@pytest.mark.parametrize(
    "message",
    [
        protocol.Progress("j", "depth", 0.5, 0.1),
        protocol.StageDone("j", "depth", 1.5, 200.0, True),
        protocol.Done("j", "folder", ("a note",)),
        protocol.Failed("j", "One sentence.", "Traceback\nline"),
        protocol.Cancelled("j"),
    ],
)
def test_messages_are_decoded_as_they_were_encoded(message):
    line = protocol.encode(message)
    assert "\n" not in line
    assert protocol.decode(line) == message


@pytest.mark.parametrize("line", ["", "not json", "[]", "3", '{"type": "unknown"}', '{"a": 1}'])
def test_other_lines_are_refused(line):
    with pytest.raises(ValueError):
        protocol.decode(line)


def test_settings_survive_json():
    settings = JobSettings("photo äö.jpg", frames=7, motion=False)
    assert JobSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("name", "value", "template"),
    [
        ("size", 10, job_settings.SIZE_RANGE),
        ("size", 100_000, job_settings.SIZE_RANGE),
        ("frames", 0, job_settings.FRAMES_RANGE),
        ("loop_frames", 1, job_settings.LOOP_RANGE),
        ("layers", -1, job_settings.LAYERS_RANGE),
        ("layers", 99, job_settings.LAYERS_RANGE),
        ("fly", "up", job_settings.FLY_CHOICE),
        ("margin", 2.0, job_settings.MARGIN_RANGE),
        ("seed", -1, job_settings.SEED_RANGE),
        ("field_of_view", 0.05, job_settings.FIELD_OF_VIEW_RANGE),
        ("layer_depth", "guess", job_settings.LAYER_DEPTH_CHOICE),
        ("layer_seeds", (0, -1), job_settings.LAYER_SEED_RANGE),
    ],
)
def test_settings_out_of_range_are_refused(name, value, template):
    with raises_message(SettingsError, template):
        JobSettings("p.jpg", **{name: value}).validate()


def test_default_settings_are_valid():
    job_settings.DEFAULTS.validate()
