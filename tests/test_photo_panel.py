"""The photo in the sidebar: reading a file, caching, turning it upright, dropping."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.ml.common import photo_file
from make_4d.ml.common.photo_file import SUFFIXES, PhotoFacts, photo_facts, turned
from make_4d.ml.common.photo_header import FOCAL_35MM, ORIENTATION
from make_4d.ml.photo.load import load_photo
from make_4d.operators import photo as photo_operators
from make_4d.operators.photo import MAKE4D_FH_photo
from make_4d.panels import photo
from make_4d.panels.session import session
from messages import is_message, raises_message
from photo_files import bomb, encoded, exif_block, png, quadrants, with_exif, write

BLOCK = exif_block("<", {ORIENTATION: 6}, {FOCAL_35MM: 28})


@pytest.fixture
def field(addon, empty_blend):
    """The settings of an empty scene, with nothing cached."""
    session().photos.clear()
    session().file_facts.clear()
    session().photo_icons.clear()
    return bpy.context.scene.make_4d


@pytest.fixture
def sideways(tmp_path: Path) -> Path:
    """A JPEG of 64 x 48 stored pixels that is seen upright, through a 28 mm lens."""
    path = tmp_path / "sideways.jpg"
    path.write_bytes(with_exif(encoded(".jpg", quadrants()[..., ::-1]), BLOCK))
    return path


def webp_with_exif(folder: Path) -> bytes:
    """A WebP file with an EXIF chunk after its pixels."""
    data = write(folder / "plain.webp", quadrants()).read_bytes()
    return data + b"EXIF" + len(BLOCK).to_bytes(4, "little") + BLOCK


def test_size_and_lens_are_read_as_the_worker_reads_them(sideways):
    facts = photo_facts(sideways)
    assert facts == PhotoFacts(48, 64, orientation=6, focal_35mm=28.0)
    loaded = load_photo(sideways, 64)
    assert (facts.width, facts.height) == loaded.original_size
    assert facts.focal_35mm == loaded.focal_35mm


def test_exif_is_read_from_png_and_webp(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(64, 48, 2, {b"IDAT": b"", b"eXIf": BLOCK}))
    assert photo_facts(path) == PhotoFacts(48, 64, 6, 28.0)
    path = tmp_path / "a.webp"
    path.write_bytes(webp_with_exif(tmp_path))
    assert photo_facts(path) == PhotoFacts(48, 64, 6, 28.0)


class CountingMap(mmap.mmap):
    """A mapped file that counts the bytes that are read or searched."""

    count = 0

    def __getitem__(self, index):
        result = super().__getitem__(index)
        CountingMap.count += 1 if isinstance(result, int) else len(result)
        return result

    def find(self, *arguments):
        CountingMap.count += len(self)
        return super().find(*arguments)

    def rfind(self, *arguments):
        CountingMap.count += len(self)
        return super().rfind(*arguments)


def test_only_the_header_of_a_large_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_file.mmap, "mmap", CountingMap)
    monkeypatch.setattr(CountingMap, "count", 0)
    for suffix in (".png", ".jpg", ".webp"):
        path = write(tmp_path / f"large{suffix}", quadrants())
        os.truncate(path, 900 << 20)  # sparse: zeros that are not on the disk
        assert photo_facts(path) == PhotoFacts(64, 48)
    assert 0 < CountingMap.count < 1 << 20
    path = tmp_path / "endless.png"
    path.write_bytes(png(64, 48, 2, {b"tEXt": b""})[:-12] + bytes(4) + b"tEXt" + bytes(4) * 1000)
    assert photo_facts(path) == PhotoFacts(64, 48)


def test_no_facts_without_a_photo(field):
    assert photo.chosen(bpy.context.scene) is None


@pytest.mark.parametrize(
    ("name", "content", "template"),
    [
        ("gone.jpg", None, photo_file.MISSING),
        ("empty.jpg", b"", photo_file.EMPTY),
        ("notes.jpg", b"hello", photo_file.UNKNOWN_KIND),
        ("raw.nef", b"II*\0", photo_file.CAMERA_RAW),
        ("huge.png", bomb(".png", 60_000, 50_000), photo_file.TOO_LARGE),
    ],
)
def test_unusable_file_is_one_message(field, tmp_path, name, content, template):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    field.photo = str(path)
    message = photo.chosen(bpy.context.scene)
    assert isinstance(message, str)
    assert is_message(message, template)
    with raises_message(RuntimeError, template):
        bpy.ops.make_4d.drop_photo("EXEC_DEFAULT", filepath=str(path))


def test_a_file_is_read_once_until_it_changes(field, tmp_path, monkeypatch):
    path = write(tmp_path / "a.png", quadrants())
    read: list[str] = []
    real = photo.read_facts
    monkeypatch.setattr(photo, "read_facts", lambda name: (read.append(name), real(name))[1])
    for _ in range(3):
        assert photo.facts_of(str(path)) == PhotoFacts(64, 48)
        session().file_facts.clear()
    assert len(read) == 1
    write(path, quadrants(32, 48))
    assert photo.facts_of(str(path)) == PhotoFacts(32, 48)
    assert len(read) == 2


def test_redrawing_does_not_check_the_file(field, tmp_path):
    path = write(tmp_path / "a.png", quadrants())
    photo.facts_of(str(path))
    path.unlink()
    assert photo.facts_of(str(path)) == PhotoFacts(64, 48)
    session().file_facts.clear()
    assert isinstance(photo.facts_of(str(path)), str)


def test_cached_photos_are_limited(field, tmp_path):
    for number in range(photo.MAX_PHOTOS + 5):
        photo.facts_of(str(tmp_path / f"{number}.jpg"))
    assert len(session().photos) <= photo.MAX_PHOTOS


def test_upright_thumbnail_is_left_to_blender(field, tmp_path):
    path = write(tmp_path / "a.png", quadrants())
    icon = photo.request_icon("a", str(path), 1)
    assert icon is session().photo_icons["a"]
    assert tuple(icon.image_size) == (64, 48)


def test_sideways_thumbnail_is_turned_upright(field, sideways):
    assert photo.request_icon("a", str(sideways), 6) is None
    photo.turn_icon("a", str(sideways), 6)
    icon = session().photo_icons["a"]
    assert tuple(icon.image_size) == (48, 64)
    pixels = np.array(icon.image_pixels_float).reshape(64, 48, 4)[::-1, :, :3] * 255
    seen = turned(quadrants(), 6)
    assert np.abs(pixels[::8, ::8] - seen[::8, ::8]).mean() < 12
    assert list(session().photo_icons) == ["a"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_agrees_with_the_worker(tmp_path, orientation):
    path = tmp_path / "a.jpg"
    block = exif_block(">", {ORIENTATION: orientation}, {})
    path.write_bytes(with_exif(encoded(".jpg", quadrants()[..., ::-1]), block))
    loaded = load_photo(path, 64).image * 255
    assert np.abs(loaded - turned(quadrants(), orientation)).mean() < 12


def test_texts(addon):
    size = photo.SIZE.format(width=4000, height=3000)
    assert photo.size_text(PhotoFacts(4000, 3000)) == size
    assert photo.lens_text(28.0) == photo.LENS.format(focal=28.0)


def test_dropped_photo_becomes_the_scenes_photo(field, tmp_path):
    path = write(tmp_path / "a.png", quadrants())
    assert bpy.ops.make_4d.drop_photo("EXEC_DEFAULT", filepath=str(path)) == {"FINISHED"}
    assert bpy.context.scene.make_4d.photo == str(path)
    assert "UNDO" in bpy.types.MAKE_4D_OT_drop_photo.bl_options


def test_photo_is_found_after_saving_elsewhere_and_after_moving(field, tmp_path):
    here, elsewhere, there = (tmp_path / name for name in ("here", "elsewhere", "there"))
    here.mkdir()
    elsewhere.mkdir()
    write(here / "a.png", quadrants())
    bpy.ops.wm.save_as_mainfile(filepath=str(here / "work.blend"))
    bpy.context.scene.make_4d.photo = "//a.png"  # as Blender's file browser writes it
    assert photo.chosen(bpy.context.scene) == PhotoFacts(64, 48)
    bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere / "work.blend"))
    assert photo.chosen(bpy.context.scene) == PhotoFacts(64, 48)
    bpy.ops.wm.save_as_mainfile(filepath=str(here / "work.blend"))
    here.rename(there)
    bpy.ops.wm.open_mainfile(filepath=str(there / "work.blend"))
    assert photo.chosen(bpy.context.scene) == PhotoFacts(64, 48)


def test_failed_drop_keeps_the_photo(field, tmp_path):
    field.photo = "before.jpg"
    with raises_message(RuntimeError, photo_file.MISSING):
        bpy.ops.make_4d.drop_photo("EXEC_DEFAULT", filepath=str(tmp_path / "gone.jpg"))
    assert field.photo == "before.jpg"


class Context:
    """The part of a context that the file handler uses."""

    def __init__(self, kind: str | None) -> None:
        self.area = None if kind is None else type("Area", (), {"type": kind})()


def test_file_handler_only_applies_to_the_viewport(addon):
    assert MAKE4D_FH_photo.bl_file_extensions.split(";") == list(SUFFIXES)
    assert MAKE4D_FH_photo.bl_import_operator == "make_4d.drop_photo"
    assert MAKE4D_FH_photo.is_registered
    offered = [MAKE4D_FH_photo.poll_drop(Context(kind)) for kind in ("VIEW_3D", "TEXT_EDITOR")]
    assert offered == [True, False] and not MAKE4D_FH_photo.poll_drop(Context(None))


class Region:
    """A viewport's sidebar as far as the tab is chosen in it; setting a closed one is an error."""

    type = "UI"

    def __init__(self) -> None:
        self.is_closed, self.category = False, ""

    @property
    def active_panel_category(self) -> str:
        return self.category

    @active_panel_category.setter
    def active_panel_category(self, name: str) -> None:
        assert not self.is_closed, "a closed region is freed memory"
        self.category = name


@pytest.mark.parametrize("is_closed", [False, True])
def test_tab_is_chosen_unless_the_viewport_was_closed(addon, monkeypatch, is_closed):
    region = Region()
    space = SimpleNamespace(show_region_ui=False)
    area = SimpleNamespace(type="VIEW_3D", regions=[region], spaces=SimpleNamespace(active=space))
    area.as_pointer = lambda: 12345
    timers = []
    fake = SimpleNamespace(register=lambda function, **_: timers.append(function))
    app = SimpleNamespace(background=False, timers=fake)
    monkeypatch.setattr(photo_operators, "bpy", SimpleNamespace(app=app, types=bpy.types))
    photo_operators.show_tab(SimpleNamespace(area=area))
    assert space.show_region_ui
    region.is_closed = is_closed
    monkeypatch.setattr(photo_operators, "open_areas", lambda: () if is_closed else (area,))
    (choose_tab,) = timers
    choose_tab()
    assert region.category == ("" if is_closed else photo_operators.CATEGORY)


def test_saving_keeps_relative_paths_relative(field, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(here / "work.blend"))
    field = bpy.context.scene.make_4d
    field.photo, field.networks = "//a.png", "/elsewhere/networks.pth"
    bpy.ops.wm.save_mainfile()
    assert (field.photo, field.networks) == ("//a.png", "/elsewhere/networks.pth")
    bpy.ops.wm.save_as_mainfile(filepath=str(there / "copy.blend"), copy=True)
    assert field.photo == "//a.png"
    with pytest.raises(RuntimeError):
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "missing" / "work.blend"))
    assert field.photo == "//a.png"
    bpy.ops.wm.save_as_mainfile(filepath=str(there / "work.blend"))
    assert field.photo == "//../here/a.png"
    bpy.ops.wm.open_mainfile(filepath=str(there / "copy.blend"))
    assert bpy.context.scene.make_4d.photo == "//../here/a.png"
