"""Photos of every kind that artists have: read correctly, or refused with one clear sentence."""

from __future__ import annotations

import importlib.util
import os
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_4d.geometry.core.messages import Message
from make_4d.ml.common import photo_file, photo_header
from make_4d.ml.common.photo_file import SUFFIXES, PhotoError, PhotoFacts, photo_facts
from make_4d.ml.photo import load
from make_4d.ml.photo.load import BACKGROUND, load_photo
from messages import is_message, raises_message
from photo_files import (
    CMYK_COLORS,
    CMYK_JPEG,
    bomb,
    encoded,
    exif_block,
    heic,
    png,
    quadrants,
    tiff,
    with_exif,
    write,
)
from PIL import ExifTags, Image

# How EXIF orientation (1 to 8) turns stored pixels, written as plain index arithmetic.
TURNS = {
    1: lambda a, y, x: a[y, x],
    2: lambda a, y, x: a[y, a.shape[1] - 1 - x],
    3: lambda a, y, x: a[a.shape[0] - 1 - y, a.shape[1] - 1 - x],
    4: lambda a, y, x: a[a.shape[0] - 1 - y, x],
    5: lambda a, y, x: a[x, y],
    6: lambda a, y, x: a[a.shape[0] - 1 - x, y],
    7: lambda a, y, x: a[a.shape[0] - 1 - x, a.shape[1] - 1 - y],
    8: lambda a, y, x: a[x, a.shape[1] - 1 - y],
}


def levels(image: np.ndarray) -> np.ndarray:
    return np.rint(image * 255).astype(int)


@pytest.mark.parametrize(
    ("suffix", "tolerance"),
    [(".png", 0), (".tif", 0), (".bmp", 0), (".jpg", 6), (".webp", 6), (".avif", 6), (".heic", 6)],
)
def test_formats_give_the_same_image(tmp_path: Path, suffix: str, tolerance: int) -> None:
    pixels = quadrants()
    params = {
        ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 98),
        ".webp": (cv2.IMWRITE_WEBP_QUALITY, 100),
        ".avif": (cv2.IMWRITE_AVIF_QUALITY, 98),
    }
    photo = load_photo(write(tmp_path / f"photo{suffix}", pixels, *params.get(suffix, ())), 64)
    assert photo.image.shape == pixels.shape
    assert photo.image.dtype == np.float32
    assert photo.original_size == (64, 48)
    assert photo.notes == ()
    inner = np.s_[4:20, 4:28]  # away from the quadrants' edges, where JPEG rings
    assert np.abs(levels(photo.image)[inner] - pixels[inner]).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", "<>")
def test_exif_rotation_and_focal_length(tmp_path: Path, orientation: int, order: str) -> None:
    stored = quadrants()
    block = exif_block(order, {0x0112: orientation}, {0xA405: 28})
    path = tmp_path / "turned.jpg"
    path.write_bytes(
        with_exif(encoded(".jpg", stored[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, 98), block)
    )
    photo = load_photo(path, 64)
    height, width = (64, 48) if orientation >= 5 else (48, 64)
    assert photo.image.shape == (height, width, 3)
    assert photo.original_size == (width, height)
    assert photo.focal_35mm == 28.0
    for y, x in ((8, 8), (8, width - 8), (height - 8, 8), (height - 8, width - 8)):
        expected = TURNS[orientation](stored, y, x).astype(int)
        assert np.abs(levels(photo.image)[y, x] - expected).max() <= 6


def test_exif_rotation_of_a_large_photo_decoded_at_a_fraction(tmp_path: Path) -> None:
    stored = quadrants(800, 600)
    path = tmp_path / "large.jpg"
    path.write_bytes(
        with_exif(encoded(".jpg", stored[..., ::-1]), exif_block(">", {0x0112: 6}, {}))
    )
    photo = load_photo(path, 64)
    assert photo.image.shape == (64, 48, 3)
    assert photo.original_size == (600, 800)
    assert np.abs(levels(photo.image)[8, 8] - CMYK_COLORS[1, 0]).max() <= 6


@pytest.mark.parametrize("cut", [0, 4, 7, 9, 12, 20, 30])
def test_damaged_exif_is_ignored(cut: int) -> None:
    block = exif_block("<", {0x0112: 6}, {0xA405: 28})
    tags = photo_header.read_tags(block[:cut])
    assert tags.items() <= photo_header.read_tags(block).items()
    assert photo_header.FOCAL_35MM not in tags


@pytest.mark.parametrize("cut", [0, 4, 7, 9, 12, 20, 30])
def test_photo_with_damaged_exif_is_read(tmp_path: Path, cut: int) -> None:
    block = exif_block("<", {0x0112: 6}, {0xA405: 28})[:cut]
    path = tmp_path / "cut.jpg"
    path.write_bytes(with_exif(encoded(".jpg", quadrants()), block))
    photo, facts = load_photo(path, 64), photo_facts(path)
    assert photo.focal_35mm is None and facts.focal_35mm is None
    assert photo.original_size == (facts.width, facts.height)


def test_exif_directory_that_points_anywhere_ends() -> None:
    assert photo_header.read_tags(b"II*\0" + struct.pack("<I", 2**32 - 1)) == {}
    looped = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x8769, 4, 1, 8)
    assert photo_header.read_tags(looped) == {0x8769: 8}


def test_gray_becomes_rgb(tmp_path: Path) -> None:
    gray = quadrants()[..., 1]
    photo = load_photo(write(tmp_path / "gray.png", gray), 64)
    assert np.array_equal(levels(photo.image), np.repeat(gray[..., None], 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_keep_their_precision(tmp_path: Path, suffix: str) -> None:
    ramp = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) + 20000
    pixels = np.stack([ramp, ramp + 7, 65535 - ramp], axis=-1)
    photo = load_photo(write(tmp_path / f"deep{suffix}", pixels), 64)
    assert np.array_equal(np.rint(photo.image * 65535).astype(np.uint16), pixels)


def test_cmyk_jpeg_has_the_right_colors(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    path.write_bytes(CMYK_JPEG)
    image = levels(load_photo(path, 32).image)
    assert np.abs(image[4:28:20, 4:28:20] - CMYK_COLORS).max() <= 5


def test_cmyk_jpeg_without_adobes_marker_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    path.write_bytes(CMYK_JPEG[:2] + CMYK_JPEG[18:])
    with raises_message(PhotoError, photo_file.PLAIN_CMYK, name="print.jpg"):
        load_photo(path, 32)


def cutout() -> tuple[np.ndarray, np.ndarray]:
    """(48, 64, 4) uint8 RGBA that fades in from the left, and what it is over gray, 0..1."""
    alpha = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 4, 48, axis=0)
    opacity = alpha / 255.0
    expected = quadrants() / 255.0 * opacity + BACKGROUND * (1.0 - opacity)
    return np.concatenate([quadrants(), alpha], axis=2), expected


@pytest.mark.parametrize(
    ("suffix", "depth"), [(".png", np.uint8), (".png", np.uint16), (".webp", np.uint8)]
)
def test_transparency_is_composited_over_gray(tmp_path: Path, suffix: str, depth: type) -> None:
    pixels, expected = cutout()
    stored = pixels.astype(depth) * (np.iinfo(depth).max // 255)
    lossless = (cv2.IMWRITE_WEBP_QUALITY, 101) if suffix == ".webp" else ()
    photo = load_photo(write(tmp_path / f"cutout{suffix}", stored, *lossless), 64)
    assert np.abs(photo.image - expected).max() < 1.5 / 255
    assert photo.notes == (Message(load.FILLED),)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("extra", [1, 2])
def test_transparent_tiff(tmp_path: Path, depth: type, extra: int) -> None:
    pixels, expected = cutout()
    stored = pixels.astype(np.float64) / 255.0
    if extra == 1:
        stored[..., :3] *= stored[..., 3:]
    path = tmp_path / "cutout.tif"
    path.write_bytes(tiff(np.rint(stored * np.iinfo(depth).max).astype(depth), extra))
    photo = load_photo(path, 64)
    assert np.abs(photo.image - expected).max() < 1.5 / 255


def test_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    pixels = np.dstack([quadrants(), np.full((48, 64), 255, np.uint8)])
    photo = load_photo(write(tmp_path / "opaque.png", pixels), 64)
    assert np.array_equal(levels(photo.image), quadrants())
    assert photo.notes == ()


@pytest.mark.parametrize("transparent", [False, True])
def test_palette(tmp_path: Path, transparent: bool) -> None:
    palette = CMYK_COLORS.reshape(4, 3).astype(np.uint8)
    rows = b"".join(b"\0" + bytes((y // 8 * 2 + x // 8) for x in range(16)) for y in range(16))
    chunks = {b"PLTE": palette.tobytes()}
    if transparent:
        chunks[b"tRNS"] = b"\0"  # the first color
    path = tmp_path / "palette.png"
    path.write_bytes(png(16, 16, 3, chunks | {b"IDAT": zlib.compress(rows)}))
    image = levels(load_photo(path, 16).image)
    assert np.array_equal(image[12, 12], palette[3])
    assert np.array_equal(image[4, 4], (128, 128, 128) if transparent else palette[0])


@pytest.mark.parametrize(
    "name", ["a photo with spaces.jpg", "Überfahrt 湖 на рассвете.png", "no suffix"]
)
def test_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "ein Ordner mit Ü" / name
    path.parent.mkdir()
    path.write_bytes(encoded(path.suffix or ".png", quadrants()))
    assert load_photo(path, 64).image.shape == (48, 64, 3)


def test_wrong_suffix_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(encoded(".png", quadrants()[..., ::-1]))
    assert np.array_equal(levels(load_photo(path, 64).image), quadrants())


@pytest.mark.parametrize(
    ("stored", "size", "expected"),
    [
        ((640, 427), 512, (512, 342)),
        ((427, 640), 512, (342, 512)),
        ((640, 427), 640, (640, 426)),
        ((641, 427), 640, (640, 426)),
        ((100, 80), 512, (512, 410)),
        ((300, 200), 101, (100, 66)),
        ((128, 16), 64, (64, 8)),
        ((4000, 3000), 512, (512, 384)),
    ],
)
def test_working_size(
    tmp_path: Path, stored: tuple[int, int], size: int, expected: tuple[int, int]
) -> None:
    photo = load_photo(write(tmp_path / "photo.jpg", quadrants(*stored)), size)
    assert photo.image.shape == (expected[1], expected[0], 3)
    assert photo.original_size == stored
    enlarged = any(is_message(note, load.ENLARGED) for note in photo.notes)
    assert enlarged == (max(stored) < size)


def test_shrinking_averages_areas(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    photo = load_photo(write(tmp_path / "noise.png", pixels), 64)
    expected = pixels.reshape(48, 2, 64, 2, 3).mean(axis=(1, 3)) / 255.0
    assert np.abs(photo.image - expected).max() < 1e-5


def test_enlarging_stays_within_0_and_1(tmp_path: Path) -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, 16:] = 255
    image = load_photo(write(tmp_path / "edge.png", pixels), 100).image
    assert image.min() == 0.0 and image.max() == 1.0


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_decompression_bombs_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bomb{suffix}"
    path.write_bytes(bomb(suffix, 60000, 50000))
    limit = photo_file.MAX_JPEG_PIXELS if suffix == ".jpg" else photo_file.MAX_PIXELS
    for read in (photo_facts, lambda bomb: load_photo(bomb, 512)):
        with raises_message(PhotoError, photo_file.TOO_LARGE, most=limit // 1_000_000) as caught:
            read(path)
        size = caught.value.message.values["size"]
        assert is_message(size, photo_file.IMAGE_SIZE, width=60000, height=50000)


def test_huge_jpeg_is_decoded_at_an_eighth(tmp_path: Path) -> None:
    tall = np.full((5000, 20000), 90, np.uint8)
    photo = load_photo(write(tmp_path / "huge.jpg", tall), 64)
    assert photo.image.shape == (16, 64, 3)
    assert np.abs(photo.image - 90 / 255).max() < 0.01


BAD = {
    "empty.jpg": (b"", photo_file.EMPTY),
    "text.jpg": (b"not an image\n" * 20, photo_file.UNKNOWN_KIND),
    "stub.jpg": (b"\xff\xd8\xff\xe0", photo_file.UNKNOWN_KIND),
    "stub.png": (b"\x89PNG\r\n\x1a\n\0\0", photo_file.UNKNOWN_KIND),
    "stub.tif": (b"II*\0\xff\xff\xff\xff", photo_file.UNKNOWN_KIND),
    "stub.webp": (b"RIFF\0\0\0\0WEBPVP8 ", photo_file.UNKNOWN_KIND),
    "stub.bmp": (b"BM", photo_file.UNKNOWN_KIND),
    "stub.avif": (b"\0\0\0\x14ftypavif\0\0\0\0", photo_file.UNKNOWN_KIND),
    "film.mp4": (b"\0\0\0\x14ftypisom\0\0\0\0", photo_file.UNKNOWN_KIND),
    "dot.png": (encoded(".png", np.zeros((1, 1, 3), np.uint8)), photo_file.TOO_SMALL),
    "thin.png": (encoded(".png", np.zeros((15, 40), np.uint8)), photo_file.TOO_SMALL),
    "strip.png": (encoded(".png", np.zeros((50, 20000), np.uint8)), photo_file.TOO_LONG),
    "column.png": (encoded(".png", np.zeros((200, 16), np.uint8)), photo_file.TOO_LONG),
    "wild.nef": (encoded(".tif", quadrants()), photo_file.CAMERA_RAW),
}


@pytest.mark.parametrize("name", BAD)
def test_refusal_is_one_sentence(tmp_path: Path, name: str) -> None:
    data, template = BAD[name]
    path = tmp_path / name
    path.write_bytes(data)
    for read in (photo_facts, lambda bad: load_photo(bad, 64)):
        with raises_message(PhotoError, template) as caught:
            read(path)
        text = str(caught.value)
        assert "\n" not in text and text.endswith(".") and name in text


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif", ".heic"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_file(tmp_path: Path, rng: np.random.Generator, suffix: str, kept: float) -> None:
    path = tmp_path / f"cut{suffix}"
    write(path, rng.integers(0, 256, (200, 200, 3), dtype=np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(PhotoError) as caught:
        load_photo(path, 64)
    assert caught.value.message.template in (photo_file.DAMAGED, photo_file.UNKNOWN_KIND)


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("searched", [photo_header.MAX_SEARCHED_BYTES, 0])
def test_jpeg_without_its_end_is_never_decoded(
    tmp_path: Path, kept: float, searched: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_header, "MAX_SEARCHED_BYTES", searched)
    whole = encoded(".jpg", np.full((64, 96, 3), 90, np.uint8))
    preview = b"Exif\0\0" + encoded(".jpg", np.zeros((16, 16, 3), np.uint8))
    block = b"\xff\xe1" + struct.pack(">H", len(preview) + 2) + preview
    data = whole[:2] + block + whole[2:]
    path = tmp_path / "cut.jpg"
    path.write_bytes(data + b"a film of the moment")
    assert load_photo(path, 64).original_size == (96, 64)
    path.write_bytes(data[: len(data) - len(whole) + int(len(whole) * kept)])
    readers = [lambda cut: load_photo(cut, 64)]
    readers += [photo_facts] if searched else []  # only the worker reads large files to the end
    for read in readers:
        with raises_message(PhotoError, photo_file.DAMAGED, name="cut.jpg"):
            read(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with raises_message(PhotoError, photo_file.MISSING):
        load_photo(tmp_path / "nowhere.jpg", 64)
    with raises_message(PhotoError, photo_file.NOT_A_FILE, path=str(tmp_path)):
        load_photo(tmp_path, 64)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode that forbids reading")
def test_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path / "locked.png", quadrants())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with raises_message(PhotoError, photo_file.UNREADABLE, path=str(path)):
        load_photo(path, 64)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_header_has_the_size_that_is_decoded(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", quadrants())
    facts = photo_facts(path)
    assert (facts.width, facts.height) == load_photo(path, 64).original_size == (64, 48)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_is_turned_by_its_own_property(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "phone.heic"
    path.write_bytes(heic(quadrants(), orientation))
    assert photo_facts(path) == PhotoFacts(64, 48, focal_35mm=28.0)
    photo = load_photo(path, 64)
    assert photo.original_size == (64, 48) and photo.focal_35mm == 28.0
    # pillow-heif turns the pixels that it is given, and adds the property to that.
    expected = photo_file.turned(photo_file.turned(quadrants(), orientation), orientation)
    inner = np.s_[4:48:16, 4:64:16]
    assert np.abs(levels(photo.image)[inner] - expected[inner]).max() <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_by_its_own_property(tmp_path: Path, orientation: int) -> None:
    image = Image.fromarray(quadrants())
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 28
    path = tmp_path / "phone.avif"
    image.save(path, quality=98, exif=exif.tobytes())
    width, height = (48, 64) if orientation >= 5 else (64, 48)
    assert photo_facts(path) == PhotoFacts(width, height, focal_35mm=28.0)
    photo = load_photo(path, 64)
    assert photo.original_size == (width, height) and photo.focal_35mm == 28.0
    for y, x in ((8, 8), (8, width - 8), (height - 8, 8), (height - 8, width - 8)):
        expected = TURNS[orientation](quadrants(), y, x).astype(int)
        assert np.abs(levels(photo.image)[y, x] - expected).max() <= 6


def test_heic_needs_the_full_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "phone.heic"
    path.write_bytes(heic(quadrants()))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pillow_heif" else find(name)
    )
    for read in (photo_facts, lambda phone: load_photo(phone, 64)):
        with raises_message(PhotoError, photo_file.NEEDS_HEIC, name="phone.heic"):
            read(path)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_turned_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    ramp = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 7
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"deep{suffix}"
    Image.fromarray(ramp).save(path, exif=exif)
    facts, photo = photo_facts(path), load_photo(path, 64)
    assert photo.original_size == (facts.width, facts.height)
    expected = photo_file.turned(ramp, orientation)
    assert np.array_equal(np.rint(photo.image[..., 0] * 65535).astype(np.uint16), expected)


def test_gray_with_alpha_and_floats(tmp_path: Path) -> None:
    stored = np.dstack([quadrants()[..., 0], np.full((48, 64), 255, np.uint8)])
    path = tmp_path / "gray.png"
    Image.fromarray(stored).save(path)
    assert np.array_equal(levels(load_photo(path, 64).image)[..., 1], stored[..., 0])
    floats = (quadrants()[..., ::-1] / 255.0).astype(np.float32)
    path = tmp_path / "floats.tif"
    path.write_bytes(encoded(".tif", floats))
    assert np.array_equal(levels(load_photo(path, 64).image), quadrants())


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_blender_turns_avif_upright(tmp_path: Path, orientation: int) -> None:
    """So the header does not say that it is stored turned."""
    bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
    path = tmp_path / "phone.avif"
    image = Image.fromarray(quadrants())
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(path, exif=exif.tobytes())
    facts = photo_facts(path)
    shown = bpy.data.images.load(str(path))
    assert tuple(shown.size) == (facts.width, facts.height) and facts.orientation == 1
    bpy.data.images.remove(shown)
