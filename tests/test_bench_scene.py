"""The benchmark of scenes on tiny folders of labels and views, by values computed by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import _scene_labels as labels
import _scene_measures as measures
import _scene_reading as readings
import _scene_views as views
import cv2
import numpy as np
import pytest
import scene
from _scene_reading import Reading

SIZE = (48, 64)
"""Height and width of the pictures; read at 8 times their size."""
LARGE = (384, 512)
HORIZON = 20
REQUIRED = {
    "sky_iou_outdoor",
    "sky_iou_outdoor_mean",
    "water_iou_outdoor",
    "water_iou_water",
    "moves_iou",
    "flat_upright",
    "horizon_ok",
    "false_sky",
    "false_water",
    "edge_recall",
    "edge_false",
    "spearman_walk",
    "delta1_walk",
    "spearman_pair",
    "delta1_pair",
    "seconds",
    "pictures_outdoor",
    "views_walk",
}


def split_reading(image: np.ndarray) -> Reading:
    """A reader that sees sky in the top quarter and water in the bottom half of every picture."""
    height, width = image.shape[:2]
    sky, water = np.zeros((2, height, width), np.float32)
    sky[: height // 4], water[height // 2 :] = 1, 1
    rows = np.repeat(np.arange(1, height + 1, dtype=np.float32)[:, None], width, axis=1)
    return Reading(sky, water, np.zeros_like(sky), water, rows / height, height / 2)


def write_picture(folder: Path, name: str, **marks: np.ndarray) -> None:
    """Write a gray picture and its labels, images (H, W) uint8 by suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.jpg"), np.full((*SIZE, 3), 128, np.uint8))
    for suffix, mark in marks.items():
        cv2.imwrite(str(folder / f"{name}-{suffix}.png"), mark.astype(np.uint8))


def banded(*bands: tuple[int, int]) -> np.ndarray:
    """Return labels of the size SIZE: each value from its row on."""
    marks = np.zeros(SIZE, np.uint8)
    for row, value in bands:
        marks[row:] = value
    return marks


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    """A folder of labels.

    In `outdoor/1`, sky ends at row 24 of 48 (found: 12) and water begins at 36 (found: 24), with
    the last 6 rows unknown; what is flat begins at 36 (found: 24). In `outdoor/2` is only grass.
    """
    outdoor = tmp_path / "labels" / "outdoor"
    write_picture(
        outdoor,
        "1",
        regions=banded((24, labels.MOUNTAIN), (36, labels.WATER), (42, labels.UNKNOWN)),
        surfaces=banded((24, labels.UPRIGHT), (36, labels.FLAT)),
    )
    write_picture(outdoor, "2", regions=banded((0, labels.GRASS)))
    (outdoor / "horizons.txt").write_text(f"1 64 48 {HORIZON}\n2 64 48 25\n")
    write_picture(tmp_path / "labels" / "water", "3", water=banded((12, 1)))
    write_picture(tmp_path / "labels" / "moves", "4", moves=banded((36, 1)))
    write_picture(tmp_path / "labels" / "unlabelled", "5")
    return tmp_path / "labels"


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """A folder with a walk of two views, the second with too few points, and a stereo pair.

    The disparity of the points is 1 / 40 of their row plus 2; in the pair it rises by 4 levels
    every second row.
    """
    walk, pair = tmp_path / "views" / "walk", tmp_path / "views" / "pair"
    for folder in (walk, pair):
        folder.mkdir(parents=True)
    for name in ("a", "b"):
        cv2.imwrite(str(walk / f"{name}.jpg"), np.full((*SIZE, 3), 128, np.uint8))
    rows = np.arange(4, 44) + 0.5
    points = np.column_stack(
        [0 * rows, 20.5 + 0 * rows, rows, 1 / (rows / 40 + 2), 0 * rows, 0 * rows]
    )
    few = points[:3] + np.array([1, 0, 0, 0, 0, 0])
    np.savez(
        walk / "cameras.npz",
        names=np.array(["a", "b.jpg"]),
        cam_from_world=np.tile(np.eye(4)[:3], (2, 1, 1)),
        K=np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]]),
        radial_k1=0.0,
        size=np.array(SIZE[::-1]),
        sparse_obs=np.concatenate([points, few]),
    )
    levels = np.repeat(np.arange(SIZE[0])[:, None] // 2 * 4 + 40, SIZE[1], axis=1)
    levels[:8] = 0  # unknown
    for number in (2, 6):
        cv2.imwrite(str(pair / f"im{number}.png"), np.full((*SIZE, 3), 128, np.uint8))
        cv2.imwrite(str(pair / f"disp{number}.pgm"), levels.astype(np.uint8))
    return tmp_path / "views"


def test_labels_of_a_picture(marked) -> None:
    folders = labels.labelled_folders(marked)
    assert {name: [path.stem for path in paths] for name, paths in folders.items()} == {
        "moves": ["4"],
        "outdoor": ["1", "2"],
        "water": ["3"],
    }
    picture = labels.load_labelled(folders["outdoor"][0])
    assert picture.image.shape == (*LARGE, 3) and picture.labels.moves is None
    assert picture.labels.sky.inside.mean() == 0.5 and picture.labels.sky.known.mean() == 0.875
    assert picture.labels.water.inside.mean() == 0.125
    assert picture.labels.flat.known.mean() == 0.5 and picture.labels.flat.inside.mean() == 0.25
    assert picture.labels.horizon == HORIZON / 48 * 384
    with pytest.raises(labels.LabelsError, match="no folder"):
        labels.labelled_folders(marked / "none")


def test_figures_of_labelled_pictures(marked) -> None:
    rows = scene.label_rows(marked, "all", None, split_reading)
    found = measures.figures({name: list(of.values()) for name, of in rows.items()})
    # Outdoor, in 48ths of a picture: sky 12 of 24 and 12 of 0; water 6 of 18 and 24 of 0.
    expected = {
        "sky_iou_outdoor": 12 / (24 + 12),
        "sky_iou_outdoor_mean": 12 / 24,
        "false_sky": 12 / 48,
        "water_iou_outdoor": 6 / (18 + 24),
        "water_iou_outdoor_mean": 6 / 18,
        "false_water": 24 / 48,
        "water_iou_water": 24 / 36,
        "moves_iou": 12 / 36,
        "moves_iou_pooled": 12 / 36,
        "flat_upright": 12 / 24,
        "horizon_ok": 1 / 2,
        "horizon_error": (4 / 48 + 1 / 48) / 2,
        "pictures_without_sky": 1,
        "pictures_without_water": 1,
        "pictures_outdoor": 2,
    }
    for key, value in expected.items():
        assert found[key] == pytest.approx(value), key
    assert math.isnan(found["edge_recall"]) and found["edge_false"] == 0


def test_halves_and_limit() -> None:
    assert labels.chosen("abcdefg", "a") == list("aceg")
    assert labels.chosen("abcdefg", "b") == list("bdf")
    assert labels.chosen("abcdefg", "all", 3) == ["a", "c", "e"]
    assert labels.chosen("ab", "a", 3) == ["a"]


def test_depth_edges_count_steps_along_rows() -> None:
    regions = np.full((4, 100), labels.GRASS, np.uint8)
    regions[:, 30:60] = labels.TREE
    regions[:2, 60:] = labels.SKY
    disparity = np.full((4, 100), 0.4, np.float32)
    disparity[:2, 60:] = 0.0
    disparity[3, 30:60] = 0.51  # 1.275 times as near: a step
    disparity[2, 30:60] = 0.49  # 1.225 times: none
    disparity[3, 80:] = 0.2  # a step within the grass
    # Edges beside grass: 4 on the left, 2 on the right; row 3 has a step at both.
    edges, even = measures.depth_edges(disparity, regions)
    assert edges == measures.Share(2, 6)
    # With a radius of 1, grass counts from 3 pixels off its edges on: columns 0..26 in four rows
    # and 63..99 in two. The step is seen from columns 79 and 80 of one row.
    assert even == measures.Share(2, 4 * 27 + 2 * 37)


def test_views_are_compared_at_known_points(seen) -> None:
    rows = scene.view_rows(seen, None, split_reading)
    assert [len(of) for of in rows.values()] == [1, 1]  # the walk's second view has three points
    for of in rows.values():
        (row,) = of.values()
        assert row.spearman > 0.99
        np.testing.assert_allclose((row.delta1, row.robust), 1.0)
    (view,) = views.judged(views.view_folders(seen)["walk"], None)
    upside_down = views.measure_view(view, split_reading(view.image).disparity[::-1], 0.0)
    assert upside_down.spearman == pytest.approx(-1.0)
    sky = views.measure_view(view, np.zeros(SIZE, np.float32), 0.0)
    assert math.isnan(sky.spearman) and sky.robust == 0.0


def test_json_and_sheets(marked, seen, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(scene, "read", split_reading)
    options = ["--labels", marked, "--views", seen, "--json", tmp_path / "figures.json"]
    assert scene.main([str(word) for word in [*options, "--picture", tmp_path / "sheets"]]) == 0
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written.keys() >= REQUIRED
    assert written["edge_recall"] is None and written["false_sky"] == 0.25
    assert written["rows"]["outdoor/1"]["flat"] == {"hits": 49152, "total": 98304}
    assert "false_sky" in capsys.readouterr().out
    sheets = {path.stem for path in (tmp_path / "sheets").iterdir()}
    assert sheets == {"moves-1", "outdoor-1", "water-1", "walk-1", "pair-1"}
    sheet = cv2.imread(str(tmp_path / "sheets" / "outdoor-1.png"))
    assert sheet.shape == (2 * 184, 6 * 244, 3)


def test_without_pictures_it_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MAKE_4D_SHARED", str(tmp_path))
    with pytest.raises(SystemExit, match="no labelled pictures"):
        scene.main([])
    with pytest.raises(SystemExit, match="no folder"):
        scene.main(["--labels", str(tmp_path / "none")])


def test_reading_of_the_built_in_methods() -> None:
    image = np.full((*SIZE, 3), (0.35, 0.4, 0.2), np.float32)
    image[:16] = (0.5, 0.7, 0.95)
    reading = readings.read(image)
    for part in (reading.sky, reading.water, reading.falls, reading.disparity):
        assert part.shape == SIZE and np.isfinite(part).all() and part.min() >= 0
    assert math.isfinite(reading.horizon)
