"""The sample photograph's default flights: frame 1 is the photo, and no frame has holes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.slow

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

SIZE = 256


@pytest.fixture(scope="module")
def flown(addon, tmp_path_factory):
    """Fly into and out of the sample photo; returns the folder of all that came out."""
    from make_4d.jobs.command import main

    folder = tmp_path_factory.mktemp("flights")
    for fly, more in (("in", []), ("out", []), ("still", ["--no-motion"])):
        arguments = ["--size", SIZE, "--frames", 4, "--cache", folder / "cache", *more]
        arguments += ["--fly", "in" if fly == "still" else fly]
        arguments += ["-o", folder / f"{fly}.mp4", "--keep-frames", folder / fly]
        assert main([str(word) for word in arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def photo():
    """The sample photo at working size (H, W, 3), 0..255."""
    from make_4d.jobs.command import sample_photo
    from make_4d.ml.photo.load import load_photo

    return load_photo(sample_photo(), SIZE).image * 255


def frame(folder: Path, number: int) -> np.ndarray:
    picture = cv2.imread(str(folder / f"frame_{number:04d}.png"))
    return picture[..., ::-1].astype(np.float32)


@pytest.mark.parametrize("fly", ["still", "in", "out"])
def test_the_first_frame_is_the_photo(flown, photo, fly):
    error = np.mean((frame(flown / fly, 1) - photo) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-9)) >= 35


def test_the_last_frame_is_elsewhere(flown, photo):
    into, out = frame(flown / "in", 4), frame(flown / "out", 4)
    assert np.abs(into - photo).mean() > 5 and np.abs(out - photo).mean() > 5
    assert np.abs(into - out).mean() > 5


def test_clouds_and_water_move_and_the_rest_does_not(flown):
    change = np.abs(frame(flown / "in", 2) - frame(flown / "still", 2)).max(-1)
    height, width = change.shape
    assert change[: height // 4].max() > 0
    tower = change[height // 3 : 2 * height // 3, width // 5 : width // 2]
    assert np.median(tower) == 0


@pytest.mark.parametrize("fly", ["in", "out"])
def test_no_frame_has_holes(flown, fly, tmp_path):
    from make_4d.geometry.scene_setup import IMAGE_OUTPUT, applied

    bpy.ops.wm.open_mainfile(filepath=str(flown / f"{fly}.blend"))
    scene = bpy.context.scene
    scene.render.film_transparent = True
    for number in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(number)
        path = tmp_path / f"{number}.png"
        output = {"render.image_settings.color_mode": "RGBA", "render.filepath": str(path)}
        with applied(scene, IMAGE_OUTPUT | output):
            bpy.ops.render.render(write_still=True, scene=scene.name)
        alpha = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., 3]
        assert (alpha < 128).mean() < 0.001
