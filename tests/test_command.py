"""The command: a film and a .blend from a photo, or one sentence and nothing left behind."""

import json
import os
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.jobs.outputs import NOT_WRITABLE
from messages import is_message


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def command(addon, cache, capfd, monkeypatch, tmp_path):
    """Run the command in an empty folder; returns status, output and error text."""
    from make_4d.jobs.command import main

    work = tmp_path / "work folder"
    work.mkdir()
    monkeypatch.chdir(work)

    def run(*arguments, size="64", frames="2"):
        base = ["--cache", cache, "--size", size, "--frames", frames]
        try:
            status = main([str(word) for word in (*base, *arguments)])
        except SystemExit as stop:
            status = stop.code
        return status, *capfd.readouterr()

    run.folder = work
    return run


def encoded(path, image):
    ok, data = cv2.imencode(path.suffix, image)
    assert ok
    data.tofile(path)
    return path


@pytest.fixture(scope="module")
def landscape():
    """A small photo (64x48, BGR): sky over a textured meadow with a tower."""
    rng = np.random.default_rng(5)
    image = np.zeros((48, 64, 3), np.float32)
    image[:26] = (235, 205, 160)
    image[26:] = (50, 120, 70)
    image[26:] += rng.normal(0, 15, (22, 64, 1))
    image[12:36, 40:48] = (60, 50, 70)
    return image.clip(0, 255).astype(np.uint8)


def leftovers(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def psnr(a, b):
    return 10 * np.log10(255**2 / max(np.mean((a.astype(float) - b.astype(float)) ** 2), 1e-9))


def test_film_scene_frames_and_timings(command, landscape, tmp_path):
    photo = encoded(tmp_path / "Bild mit Umläuten ß.png", landscape)
    status, out, error = command(
        photo,
        "-o",
        "my flight.mp4",
        "--timings",
        "t.json",
        "--keep-frames",
        "frames",
        "--no-motion",
    )
    assert (status, error) == (0, ""), error
    assert leftovers(command.folder) == [
        "frames",
        "frames/frame_0001.png",
        "frames/frame_0002.png",
        "my flight.blend",
        "my flight.mp4",
        "t.json",
    ]
    assert "Film:" in out and "Rendering" in out and "Fra:" not in out
    first = cv2.imread(str(command.folder / "frames" / "frame_0001.png"))
    assert psnr(first, landscape) >= 35
    film = cv2.VideoCapture(str(command.folder / "my flight.mp4"))
    assert film.read()[1].shape == (48, 64, 3)
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 2
    timings = json.loads((command.folder / "t.json").read_text())
    names = [stage["stage"] for stage in timings["stages"]]
    assert names[0] == "photo" and names[-2:] == ["build", "render"]
    assert all(stage["seconds"] >= 0 and stage["peak_mb"] > 0 for stage in timings["stages"])


def test_the_saved_scene_renders_the_same_pixels_again(command, landscape, tmp_path):
    photo = encoded(tmp_path / "p.png", landscape)
    assert command(photo, "--keep-frames", "frames", frames="4")[0] == 0
    bpy.ops.wm.open_mainfile(filepath=str(command.folder / "flight.blend"))
    scene = bpy.context.scene
    assert scene.render.filepath == "//flight.mp4"
    from make_4d.geometry.scene_setup import IMAGE_OUTPUT, applied

    for frame in (4, 2, 3, 1):
        scene.frame_set(frame)
        again = tmp_path / f"{frame}.png"
        with applied(scene, IMAGE_OUTPUT | {"render.filepath": str(again)}):
            bpy.ops.render.render(write_still=True, scene=scene.name)
        kept = cv2.imread(str(command.folder / "frames" / f"frame_{frame:04d}.png"))
        np.testing.assert_array_equal(cv2.imread(str(again)), kept)


def test_the_saved_scene_is_up_to_date_and_has_its_layers(command, landscape, tmp_path):
    """It is built as the button builds it: Rebuild has nothing to do, and layers have settings."""
    photo = encoded(tmp_path / "p.png", landscape)
    assert command(photo, "--layers", "2", "--fov", "50.3", frames="1")[0] == 0
    bpy.ops.wm.open_mainfile(filepath=str(command.folder / "flight.blend"))
    from make_4d.geometry.editable_images import FRESH
    from make_4d.geometry.scene_parts import parts_of
    from make_4d.jobs.stage_states import needs_rebuild, states

    scene = bpy.context.scene
    assert len(parts_of(scene).still.make_4d_layers) >= 2
    assert "motion" in states(scene) and set(states(scene).values()) == {FRESH}
    assert not needs_rebuild(states(scene))
    scene.make_4d.field_of_view += 1e-3
    assert needs_rebuild(states(scene))


def test_the_same_seed_gives_the_same_film(command, landscape, tmp_path):
    photo = encoded(tmp_path / "p.png", landscape)
    films = []
    for name in ("a", "b"):
        status, _, error = command(photo, "-o", f"{name}.mp4", "--cache", tmp_path / name)
        assert status == 0, error
        films.append((command.folder / f"{name}.mp4").read_bytes())
    assert films[0] == films[1]


def test_without_a_photo_the_sample_is_used(command):
    status, _, error = command("-o", "china.mp4", frames="1")
    assert (status, error) == (0, "")
    assert (command.folder / "china.blend").is_file()


def png_of_size(width, height):
    """A valid grayscale PNG of any size, without decoding memory: all black."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (width + 1) * height)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


BAD_FILES = {
    "empty.jpg": b"",
    "text.jpg": b"I am not a picture.",
    "one.png": png_of_size(1, 1),
    "strip.png": png_of_size(20000, 50),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_photo_is_one_sentence(command, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    assert_refused(command, path)


def assert_refused(command, *arguments):
    status, out, error = command(*arguments)
    assert status not in (0, None)
    assert error.startswith("make4d: ") and error.count("\n") == 1, error
    assert "Traceback" not in out + error
    assert leftovers(command.folder) == []
    return error


def test_a_missing_photo_is_one_sentence(command):
    assert "missing.jpg" in assert_refused(command, "missing.jpg")


def test_a_folder_is_no_photo(command, tmp_path):
    assert_refused(command, tmp_path)


@pytest.mark.parametrize("option", ["-o", "--blend", "--timings", "--keep-frames"])
def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    command, landscape, tmp_path, option
):
    photo = encoded(tmp_path / "p.png", landscape)
    (tmp_path / "file").write_text("in the way")
    suffix = {"-o": "f.mp4", "--blend": "f.blend"}.get(option, "f")
    error = assert_refused(command, photo, option, tmp_path / "file" / suffix)
    assert is_message(error, NOT_WRITABLE)


@pytest.mark.parametrize("arguments", [("-o", "film.avi"), ("--blend", "scene.txt")])
def test_a_wrong_ending_is_told(command, landscape, tmp_path, arguments):
    assert_refused(command, encoded(tmp_path / "p.png", landscape), *arguments)


@pytest.mark.parametrize("setting", [{"frames": "0"}, {"size": "3"}])
def test_a_setting_out_of_range_is_told(command, landscape, tmp_path, setting):
    photo = encoded(tmp_path / "p.png", landscape)
    status, _, error = command(photo, **setting)
    assert status == 1 and error.count("\n") == 1
    assert leftovers(command.folder) == []


VARIANTS = {
    "gray.png": lambda image: cv2.cvtColor(image, cv2.COLOR_BGR2GRAY),
    "sixteen.png": lambda image: image.astype(np.uint16) * 257,
    "alpha.png": lambda image: np.dstack([image, np.full(image.shape[:2], 200, np.uint8)]),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_unusual_but_good_photos_work(command, landscape, tmp_path, name):
    photo = encoded(tmp_path / name, VARIANTS[name](landscape))
    status, out, error = command(photo, frames="1")
    assert (status, error) == (0, "")
    assert ("Note: " in out) == (name == "alpha.png")


def test_help_does_no_work(command):
    status, _, _ = command("--help")
    assert status in (0, None)
    assert leftovers(command.folder) == []


@pytest.mark.skipif(sys.platform == "win32", reason="file descriptors of POSIX systems")
def test_the_console_gives_the_descriptor_back(addon, capfd):
    from make_4d.jobs.console import Console

    with Console() as console:
        os.write(1, b"Blender's noise\n")
        console.done("ours")
    print("after")
    sys.stdout.flush()
    assert capfd.readouterr().out == "ours\nafter\n"


def test_user_folders_are_absolute(addon):
    from make_4d.geometry.folders import system_cache_folder, user_cache_folder

    assert Path(system_cache_folder()).is_absolute() and Path(user_cache_folder()).is_absolute()
