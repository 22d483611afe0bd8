"""The files of scenes in a cache folder: counted, and cleared only on request."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from make_4d.geometry.core import editable_images
from make_4d.geometry.core.feature_files import (
    features_path,
    find_features,
    is_feature_id,
    load_features,
    save_features,
)
from make_4d.ml.cache.stage_cache import StageCache
from make_4d.ml.common.cache_files import (
    SCENE_FOLDERS,
    cache_bytes,
    clear,
    scene_bytes,
    scene_files,
)

KEY = "0123456789abcdef01234567"
OTHER = "f" * 24


def fill(cache: Path) -> dict[str, Path]:
    """Put a stage, the files of two scenes, and files of somebody else into a cache."""
    StageCache(cache).store("depth", KEY, {"image": np.zeros(1000)})
    paths = {
        "image": cache / editable_images.FOLDER / f"layer_1-{KEY}.png",
        "other": cache / editable_images.FOLDER / f"outpainted-{OTHER}.png",
        "old": cache / "pictures" / f"wide-{OTHER}.png",
        "features": features_path(cache, KEY),
        "stranger": cache / editable_images.FOLDER / "holiday.png",
    }
    for path in paths.values():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 500)
    return paths


def test_files_of_scenes_are_counted(tmp_path):
    paths = fill(tmp_path)
    assert set(scene_files(tmp_path)) == set(paths.values()) - {paths["stranger"]}
    assert scene_bytes(tmp_path) == 4 * 500
    stage = sum(path.stat().st_size for path in (tmp_path / f"depth-{KEY}").iterdir())
    assert cache_bytes(tmp_path) == 4 * 500 + stage


def test_they_stay_unless_clearing_them_is_requested(tmp_path):
    paths = fill(tmp_path)
    before = cache_bytes(tmp_path)
    assert clear(tmp_path) == before - 4 * 500
    assert all(path.exists() for path in paths.values())


def test_those_in_use_stay_always(tmp_path):
    paths = fill(tmp_path)
    linked = tmp_path / "link"
    linked.symlink_to(tmp_path, target_is_directory=True)
    in_use = [paths["image"], linked / "features" / paths["features"].name]
    before = cache_bytes(tmp_path)
    assert clear(tmp_path, in_use) == before - 2 * 500
    left = {name for name, path in paths.items() if path.exists()}
    assert left == {"image", "features", "stranger"}


def test_files_that_are_being_written_stay(tmp_path):
    folder = tmp_path / SCENE_FOLDERS[0]
    folder.mkdir()
    now, old = folder / ".new-now", folder / ".new-old"
    for path in (now, old):
        path.write_bytes(b"half")
    yesterday = time.time() - 86_400
    os.utime(old, (yesterday, yesterday))
    assert clear(tmp_path, []) == 4
    assert now.exists() and not old.exists()


def test_a_linked_folder_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f"layer_1-{KEY}.png").write_bytes(b"x")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / SCENE_FOLDERS[0]).symlink_to(outside, target_is_directory=True)
    assert cache_bytes(cache) == 0 and clear(cache, []) == 0
    assert len(list(outside.iterdir())) == 1


@pytest.mark.parametrize(
    "text", ["", "..", f"../{KEY}", f"{KEY}/..", f"/{KEY}", KEY.upper(), KEY[1:], f"{KEY}\n", "a.b"]
)
def test_a_text_that_is_no_feature_id_names_no_file(tmp_path, text):
    (tmp_path / "features").mkdir()
    (tmp_path / f"{KEY}.npz").write_bytes(b"of somebody else")
    assert not is_feature_id(text)
    assert find_features([tmp_path], text) is None
    with pytest.raises(ValueError):
        features_path(tmp_path, text)


def test_features_are_found_in_the_first_folder_that_has_them(tmp_path):
    maps = np.ones((2, 3, 4, 5), np.float16)
    path = save_features(tmp_path / "b", KEY, maps, (16, 20))
    assert find_features([tmp_path / "a", tmp_path / "b"], KEY) == path
    loaded, size = load_features(path)
    np.testing.assert_array_equal(loaded, maps)
    assert size == (16, 20) and [p.name for p in path.parent.iterdir()] == [f"{KEY}.npz"]
