"""Films of the sample photo with default settings: frame 1 is the photo, no frame has holes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.slow

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

SIZE = 192


@pytest.fixture(scope="module")
def films(addon, tmp_path_factory):
    """Make films that fly into and out of the sample photo; returns the folder of all results."""
    from make_4d.jobs.command import main

    folder = tmp_path_factory.mktemp("films")
    for fly, options in (("in", []), ("out", []), ("still", ["--no-motion"])):
        arguments = ["--size", SIZE, "--frames", 4, "--cache", folder / "cache", *options]
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
    image = cv2.imread(str(folder / f"frame_{number:04d}.png"))
    return image[..., ::-1].astype(np.float32)


@pytest.mark.parametrize("fly", ["still", "in", "out"])
def test_first_frame_is_the_photo(films, photo, fly):
    error = np.mean((frame(films / fly, 1) - photo) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-9)) >= 35


def test_last_frame_shows_another_view(films, photo):
    into, out = frame(films / "in", 4), frame(films / "out", 4)
    assert np.abs(into - photo).mean() > 5 and np.abs(out - photo).mean() > 5
    assert np.abs(into - out).mean() > 5


def test_only_clouds_and_water_move(films):
    change = np.abs(frame(films / "in", 2) - frame(films / "still", 2)).max(-1)
    height, width = change.shape
    assert change[: height // 4].max() > 0
    tower = change[height // 3 : 2 * height // 3, width // 5 : width // 2]
    assert np.median(tower) == 0


@pytest.mark.parametrize("fly", ["in", "out"])
def test_no_frame_has_holes(films, fly, tmp_path):
    from make_4d.geometry.scene_setup import IMAGE_OUTPUT, applied

    bpy.ops.wm.open_mainfile(filepath=str(films / f"{fly}.blend"))
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
