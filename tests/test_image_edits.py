"""Edits of editable images: applied to the result of a stage, and through the pipeline."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from make_4d.geometry.core import editable_images, ldi
from make_4d.geometry.core.editable_images import (
    ImageEdit,
    image_edit_files,
    layer_in,
    levels_of,
    load_image_edit,
    quantized,
    save_image_edits,
    stage_of,
)
from make_4d.ml.common.job_settings import SettingsError
from make_4d.ml.worker import pipeline
from make_4d.ml.worker.image_edits import (
    changed_pixels,
    image_names,
    image_of,
    with_image_edits,
)
from messages import raises_message
from pipeline_runs import Runner


@pytest.fixture
def arrays(rng):
    """Results of a run with three layers and a sky, 8 x 10 pixels."""
    return {
        "outpainted": rng.uniform(size=(8, 10, 3)).astype(np.float32),
        "disparity": rng.uniform(0.2, 1.0, (8, 10)).astype(np.float32),
        "sky": np.zeros((8, 10), np.float32),
        "bins": np.array([0.9, 2.0, 4.0, 100.0], np.float32),
        "layer": rng.integers(0, 3, (8, 10)).astype(np.uint8),
        "color": rng.uniform(size=(4, 8, 10, 3)).astype(np.float32),
    }


def edit_of(name, arrays, base="old"):
    return ImageEdit(name, base, quantized(name, image_of(name, arrays)))


def test_names_and_stages(arrays):
    names = image_names(arrays)
    assert names == ["outpainted", "disparity", "mask_0", "mask_1", "layer_1", "layer_2", "layer_3"]
    stages = [stage_of(name) for name in names]
    assert stages == ["outpaint", "depth", "cluster", "cluster", *["inpaint"] * 3]
    assert [layer_in(name) for name in names] == [-1, -1, 0, 1, 1, 2, 3]
    with raises_message(ValueError, editable_images.UNKNOWN):
        stage_of("nothing")


def test_saved_edits_load_unchanged(arrays, tmp_path):
    edits = [edit_of(name, arrays) for name in ("outpainted", "disparity", "mask_1")]
    save_image_edits(edits, tmp_path)
    files = image_edit_files(tmp_path)
    assert set(files) == {"outpainted", "disparity", "mask_1"}
    for edit in edits:
        back = load_image_edit(files[edit.name])
        assert (back.name, back.base) == (edit.name, "old")
        np.testing.assert_array_equal(back.pixels, edit.pixels)
    files["outpainted"].write_bytes(files["outpainted"].read_bytes()[:100])
    with raises_message(ValueError, editable_images.DAMAGED):
        load_image_edit(files["outpainted"])


@pytest.mark.parametrize("name", ["outpainted", "disparity", "mask_0", "layer_2"])
def test_unedited_images_change_nothing(arrays, name):
    after = with_image_edits(arrays, [edit_of(name, arrays)], lambda key: arrays)
    for key, values in arrays.items():
        np.testing.assert_array_equal(after[key], values)


def test_edits_over_a_result_of_version_0_1_0(arrays, rng):
    edit = edit_of("outpainted", arrays)
    edit.pixels[3, 4] = (0, 255, 0)
    old = {"wide" if key == "outpainted" else key: values for key, values in arrays.items()}
    anew = arrays | {"outpainted": rng.uniform(size=arrays["outpainted"].shape).astype(np.float32)}
    after = with_image_edits(anew, [edit], lambda key: old)
    expected = anew["outpainted"].copy()
    expected[3, 4] = (0, 1, 0)
    np.testing.assert_array_equal(after["outpainted"], expected)


def test_only_edited_pixels_are_applied_to_another_result(arrays, rng):
    edit = edit_of("layer_2", arrays)
    edit.pixels[3, 4] = (0, 255, 0)
    anew = arrays | {"color": rng.uniform(size=arrays["color"].shape).astype(np.float32)}
    after = with_image_edits(anew, [edit], lambda key: arrays if key == "old" else None)
    expected = anew["color"].copy()
    expected[2, 3, 4] = (0, 1, 0)
    np.testing.assert_array_equal(after["color"], expected)


def test_all_pixels_count_if_the_base_is_gone(arrays):
    edit = edit_of("outpainted", arrays)
    after = with_image_edits(
        arrays | {"outpainted": np.zeros((8, 10, 3), np.float32)}, [edit], lambda _: None
    )
    np.testing.assert_allclose(after["outpainted"], arrays["outpainted"], atol=0.5 / 255 + 1e-6)


def test_half_floats_of_disparity_count_as_unedited(arrays):
    exact = image_of("disparity", arrays)
    stored = quantized("disparity", exact.astype(np.float16).astype(np.float32))
    assert not changed_pixels(ImageEdit("disparity", "old", stored), exact).any()
    assert levels_of("disparity") == 65535


def test_an_edit_at_another_size_is_resized(arrays):
    edit = ImageEdit("outpainted", "old", np.full((16, 20, 3), 255, np.uint8))
    edit.pixels[:, :10] = 0
    after = with_image_edits(arrays, [edit], lambda _: None)["outpainted"]
    assert (after[:, :5] == 0).all() and (after[:, 5:] == 1).all()


def test_black_disparity_becomes_sky_and_gray_sky_becomes_solid(arrays):
    arrays = arrays | {"disparity": arrays["disparity"].copy(), "sky": arrays["sky"].copy()}
    arrays["disparity"][:3], arrays["sky"][:3] = 0, 1
    edit = edit_of("disparity", arrays)
    edit.pixels[1, 1] = 30000  # a bird, in the sky
    edit.pixels[6, 6] = 0  # a puddle that mirrors the sky
    after = with_image_edits(arrays, [edit], lambda key: arrays)
    assert after["disparity"][1, 1] == pytest.approx(30000 / 65535) and after["sky"][1, 1] == 0
    assert after["disparity"][6, 6] == 0 and after["sky"][6, 6] == 1
    same = np.ones((8, 10), bool)
    same[1, 1] = same[6, 6] = False
    np.testing.assert_array_equal(after["sky"][same], arrays["sky"][same])


def test_masks_move_pixels_between_layers(arrays):
    arrays = arrays | {"layer": np.repeat([[0], [1], [2], [2], [1], [0], [0], [1]], 10, 1)}
    arrays["layer"] = arrays["layer"].astype(np.uint8)
    edit = edit_of("mask_0", arrays)
    edit.pixels[0] = 0  # out of the nearest layer: to the next
    edit.pixels[2] = 255  # from the farthest to the nearest
    layer = with_image_edits(arrays, [edit], lambda key: arrays)["layer"]
    assert layer[:, 0].tolist() == [1, 1, 0, 2, 1, 0, 0, 1]


def test_edits_of_removed_layers_are_ignored(arrays):
    white = np.full((8, 10), 255, np.uint8)
    edits = [ImageEdit("mask_5", "old", white)]
    edits.append(ImageEdit("layer_9", "old", np.repeat(white[..., None], 3, 2)))
    assert with_image_edits(arrays, edits, lambda _: arrays) is arrays


# Through the pipeline


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The cache of a run without edits."""
    runner = Runner(tmp_path_factory.mktemp("finished"))
    runner.run()
    return runner.cache.folder


@pytest.fixture
def runner(tmp_path, finished):
    return Runner(tmp_path, finished)


def shown(scene_data, name):
    picture = next(p for p in scene_data.plan.editable_images if p.name == name)
    image = cv2.imread(picture.file, cv2.IMREAD_UNCHANGED)
    return picture, image if image.ndim == 2 else image[..., ::-1].copy()


def test_images_are_beside_the_cache_and_show_the_run(tmp_path):
    scene_data, made = Runner(tmp_path).run()
    assert len(made) == 10
    picture, outpainted = shown(scene_data, "outpainted")
    lens = scene_data.plan.outpainted_camera
    assert outpainted.shape == (lens.height, lens.width, 3) and not picture.edited
    assert shown(scene_data, "disparity")[1].dtype == np.uint16
    masks = [shown(scene_data, f"mask_{i}")[1] for i in range(2)]
    assert set(np.unique(masks[0])) == {0, 255} and not (masks[0] & masks[1]).any()


def test_only_stages_after_an_edited_layer_run_again(runner):
    scene_data, _ = runner.run()
    picture, layer = shown(scene_data, "layer_2")
    layer[20:30, 30:50] = (255, 0, 0)
    edit = ImageEdit("layer_2", picture.base, layer)
    edited, made = runner.run(edit)
    assert made == ["layer_depth", "motion", "cruise", "lift"]
    assert shown(edited, "layer_2")[0].edited and not shown(edited, "layer_1")[0].edited
    np.testing.assert_array_equal(shown(edited, "layer_2")[1], layer)
    red = (edited.still.color == (1, 0, 0)).all(axis=1)
    assert red.any() and (edited.still.layer[red] >= 2).all()
    assert runner.run(edit)[1] == ["lift"] and runner.run()[1] == ["lift"]


def test_edited_disparity_moves_the_points(runner):
    scene_data, _ = runner.run()
    picture, disparity = shown(scene_data, "disparity")
    where = np.zeros(disparity.shape, bool)
    where[60:70, 20:30] = True
    disparity[where] = 65535
    edited, made = runner.run(ImageEdit("disparity", picture.base, disparity))
    assert "outpaint" not in made and made[0] == "matte"
    at = np.flatnonzero(where.ravel())
    near = edited.still.position[np.isin(edited.still.pixel, at) & (edited.still.observed > 0.5)]
    assert len(near) > 50 and np.median(near[:, 2]) == pytest.approx(1.0, abs=0.01)


def test_an_edited_mask_removes_the_tower_from_its_layer(runner):
    scene_data, _ = runner.run()
    picture, mask = shown(scene_data, "mask_0")
    edited, made = runner.run(ImageEdit("mask_0", picture.base, np.zeros_like(mask)))
    assert "cluster" not in made and made[0] == "inpaint"
    assert not (edited.still.layer[edited.still.opacity == 1] == 0).any()
    assert not shown(edited, "mask_0")[1].any()


def test_an_edit_is_kept_with_another_seed(runner):
    scene_data, _ = runner.run()
    picture, layer = shown(scene_data, "layer_1")
    layer[50:56, 40:60] = (255, 255, 0)
    edited, _ = runner.run(ImageEdit("layer_1", picture.base, layer), seed=5)
    after = shown(edited, "layer_1")[1]
    assert (after[50:56, 40:60] == (255, 255, 0)).all()
    untouched = shown(runner.run(seed=5)[0], "layer_1")[1]
    untouched[50:56, 40:60] = (255, 255, 0)
    np.testing.assert_array_equal(after, untouched)


def test_a_new_seed_of_one_layer_leaves_the_others(runner):
    first, _ = runner.run()
    again, made = runner.run(layer_seeds=(0, 0, 1))
    assert made[0] == "inpaint"
    for name, same in (("layer_1", True), ("layer_2", False), ("layer_3", True)):
        assert np.array_equal(shown(first, name)[1], shown(again, name)[1]) == same
    parts = list(runner.cache.folder.glob("inpaint_part-*"))
    assert len(parts) == 4  # three of the first run, one more


def test_damaged_edits_are_reported(runner):
    (runner.folder / f"outpainted{editable_images.EDIT_SUFFIX}").write_bytes(b"torn")
    with raises_message(SettingsError, pipeline.UNREADABLE_EDITS):
        runner.run(edits=str(runner.folder))


def test_the_layers_of_a_photo_are_those_of_its_depth(runner):
    """A pixel's layer is the interval that contains its depth."""
    runner.run()
    stage = next(runner.cache.folder.glob("cluster-*"))
    matte = next(runner.cache.folder.glob("matte-*"))
    depth = ldi.depth_from_disparity(np.load(matte / "back_disparity.npy"))
    bins, layer = np.load(stage / "bins.npy"), np.load(stage / "layer.npy")
    for i, (near, far) in enumerate(pairwise(bins)):
        assert ((depth[layer == i] >= near) & (depth[layer == i] < far)).all()
