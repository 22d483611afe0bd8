"""Samples from labeled photographs: edges, fringes, panoramas, and where they are from."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from make_4d.geometry.worlds.samples import Kind
from make_4d.ml.training import samples
from make_4d.ml.training.photo_labels import SHAPES, Shape, cloud_density, label_photo
from make_4d.ml.training.photo_samples import (
    CROPS,
    LABELS,
    main,
    panorama_positions,
    panorama_samples,
    photo_sample,
    sample_name,
)
from make_4d.ml.training.qt_resources import read_resource

SIZE = (120, 160)
SKY_COLOR, GROUND_COLOR, LEAF_COLOR = (120, 170, 240), (90, 70, 40), (30, 50, 20)
FREE = ("CC0-1.0", "public-domain", *(f"CC-BY-{n}.0" for n in (1, 2, 3, 4)))
DOCS = Path(__file__).resolve().parent.parent / "docs" / "training-photos.md"


def picture(horizon: int = 60) -> np.ndarray:
    image = np.empty((*SIZE, 3), np.uint8)
    image[:horizon], image[horizon:] = SKY_COLOR, GROUND_COLOR
    noise = np.random.default_rng(0).normal(0, 3, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


def below(kind: str, row: int) -> list[Any]:
    """A shape that covers everything from a row (thousandths) on."""
    return [kind, [0, row, 1000, row, 1000, 1000, 0, 1000]]


ALL_SKY: list[Any] = ["sky", [0, 0, 1000, 0, 1000, 1000, 0, 1000]]


def test_an_edge_moves_to_that_of_the_photo() -> None:
    entry = {"shapes": [ALL_SKY, below("flat", 535)], "band": 60}
    labels = label_photo(picture(), entry)
    assert (labels.sky[:57] > 240).all()
    assert (labels.sky[63:] < 15).all()
    assert set(np.unique(labels.kind[:57])) == {Kind.SKY}
    assert set(np.unique(labels.kind[64:])) == {Kind.FLAT}


def test_veiled_and_unknown_are_not_taught() -> None:
    entry = {"shapes": [ALL_SKY, below("veiled", 500), below("unknown", 800)]}
    labels = label_photo(picture(), entry)
    assert labels.veiled[70].all()
    assert not labels.veiled[:55].any()
    assert not labels.veiled[110].any()
    assert (labels.kind[110] == Kind.IGNORED).all()


@pytest.mark.parametrize("tolerance", [(), (40,)])
def test_sky_shows_between_the_bars_of_a_fringe(tolerance: tuple[int, ...]) -> None:
    image = picture()
    image[10:50, 40:120:4] = LEAF_COLOR
    fringe = ["fringe", [230, 60, 770, 60, 770, 440, 230, 440], *tolerance]
    labels = label_photo(image, {"shapes": [ALL_SKY, below("flat", 500), fringe]})
    assert (labels.sky[15:45, 40:120:4] < 30).all()
    assert (labels.sky[15:45, 42:120:4] > 225).all()


def test_clouds_grade_with_color_or_are_drawn() -> None:
    image = picture(120)
    image[:, :80] = 230
    density = cloud_density(image, [["color", 0.4, 0.1]])
    assert density[:, :70].min() > 0.9
    assert density[:, 90:].max() < 0.1
    drawn = cloud_density(image, [[0.2], [1.0, [0, 0, 500, 0, 500, 1000, 0, 1000]]])
    assert drawn[60, 20] > 0.95
    assert drawn[60, 140] == pytest.approx(0.2, abs=0.05)


def test_horizon_and_focal_length_give_the_camera() -> None:
    image = picture()
    labels = label_photo(image, {"shapes": [ALL_SKY]})
    camera = photo_sample(image, labels, None, [500, 600]).camera
    assert np.isnan(camera[[0, 1, 3]]).all()
    assert camera[2] == pytest.approx(math.atan2(12, 160))
    camera = photo_sample(image, labels, 30.0, [750, 750]).camera
    focal = 30 * 200 / math.hypot(36, 24)
    assert camera[:3] == pytest.approx([focal, math.atan2(30, focal), 0], abs=1e-4)


def test_views_of_a_panorama_know_their_camera() -> None:
    """Latitudes by training's own formula agree with the rows that a view takes."""
    size, focal, pitch, roll = (96, 64), 60.0, 0.3, 0.15
    where = panorama_positions(size, focal, pitch, roll, yaw=1.0, shape=(512, 1024))
    latitude = (0.5 - (where[..., 1] + 0.5) / 512) * math.pi
    expected = samples.latitudes(size[1], size[0], focal, pitch, roll)
    assert np.abs(latitude - expected).max() < 1e-4
    middle = where[31:33, 47:49, 0].mean() + 0.5
    assert middle == pytest.approx(1024 / (2 * math.pi), abs=0.5)


def test_a_panorama_gives_views_with_labels_that_fit() -> None:
    light = np.zeros((64, 128, 3), np.float32)
    light[:32], light[32:] = (0.2, 0.4, 0.9), (0.1, 0.08, 0.02)
    entry = {"file": "made/up.npy", "tones": 1.0, "shapes": [ALL_SKY, below("flat", 500)]}
    views = panorama_samples(light, entry)
    assert len(views) == CROPS
    for view in views:
        focal, pitch, roll, _ = view.camera
        latitude = samples.latitudes(*view.sky.shape, focal, pitch, roll)
        assert (view.kind[latitude > 0.12] == Kind.SKY).all()
        assert (view.kind[latitude < -0.12] == Kind.FLAT).all()
        assert np.isnan(view.disparity[latitude < -0.12]).all()


def test_the_command_writes_what_training_reads(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    cv2.imwrite(str(folder / "hill.png"), picture()[..., ::-1])
    entry = {"file": "package/hill.png", "shapes": [ALL_SKY, below("flat", 500)]}
    absent = {"file": "package/gone.png", "shapes": []}
    table = tmp_path / "labels.json"
    table.write_text(json.dumps({"photos": [entry, absent], "panoramas": []}))
    assert main([str(tmp_path), str(tmp_path / "out"), "--labels", str(table)], []) == 0
    (written,) = (tmp_path / "out").iterdir()
    sample = samples.load(written)
    assert sample.image.shape == (*SIZE, 3)
    assert sample.sky[20].min() > 0.98


def test_reads_a_file_inside_a_qt_resource(tmp_path: Path) -> None:
    content, names = b"picture", ["", "folder", "a.webp"]
    strings = [struct.pack(">HI", len(n), 0) + n.encode("utf-16-be") for n in names]
    starts = [sum(map(len, strings[:k])) for k in range(3)]
    tree = b"".join(
        [
            struct.pack(">IH2IQ", starts[0], 2, 1, 1, 0),
            struct.pack(">IH2IQ", starts[1], 2, 1, 2, 0),
            struct.pack(">I4HIQ", starts[2], 0, 0, 0, 0, 0, 0)[:10] + struct.pack(">IQ", 0, 0),
        ]
    )
    data = struct.pack(">I", len(content)) + content
    header = struct.pack(">4s4I", b"qres", 2, 20, 20 + len(tree), 20 + len(tree) + len(data))
    path = tmp_path / "made.rcc"
    path.write_bytes(header + tree + data + b"".join(strings))
    assert read_resource(path, "folder/a.webp") == content
    with pytest.raises(KeyError):
        read_resource(path, "folder/b.webp")


LISTED = json.loads(LABELS.read_text("utf-8"))
ENTRIES = LISTED["photos"] + LISTED["panoramas"]


@pytest.mark.parametrize("entry", ENTRIES, ids=sample_name)
def test_every_photo_is_free_credited_and_well_labeled(entry: dict[str, Any]) -> None:
    assert entry["license"] in FREE
    text = DOCS.read_text("utf-8")
    assert f"`{Path(entry['file']).stem}`" in text
    assert entry["author"] in text
    for shape in map(Shape.of, entry["shapes"]):
        assert shape.kind in SHAPES
        assert shape.points.min() >= 0
        assert shape.points.max() <= 1000


def test_no_two_photos_have_one_name() -> None:
    names = [sample_name(entry) for entry in ENTRIES]
    assert len(set(names)) == len(names)
