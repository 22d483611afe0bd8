"""Photographs as artists have them: every kind of file, right or refused in one clear sentence."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_4d.ml.common import exif
from make_4d.ml.common.photo_file import PhotoError, photo_facts
from make_4d.ml.photo.load import BACKGROUND, load_photo
from photo_files import (
    CMYK_COLORS,
    CMYK_JPEG,
    bomb,
    encoded,
    exif_block,
    png,
    quadrants,
    tiff,
    with_exif,
    write,
)

# How EXIF's orientation (1..8) turns stored pixels, written as plain index arithmetic.
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
    ("suffix", "tolerance"), [(".png", 0), (".tif", 0), (".bmp", 0), (".jpg", 6), (".webp", 6)]
)
def test_formats_give_the_same_picture(tmp_path: Path, suffix: str, tolerance: int) -> None:
    picture = quadrants()
    params = {".jpg": (cv2.IMWRITE_JPEG_QUALITY, 98), ".webp": (cv2.IMWRITE_WEBP_QUALITY, 100)}
    photo = load_photo(write(tmp_path / f"photo{suffix}", picture, *params.get(suffix, ())), 64)
    assert photo.image.shape == picture.shape
    assert photo.image.dtype == np.float32
    assert photo.original_size == (64, 48)
    assert photo.notes == ()
    inner = np.s_[4:20, 4:28]  # away from the quadrants' edges, where JPEG rings
    assert np.abs(levels(photo.image)[inner] - picture[inner]).max() <= tolerance


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
    tags = exif.read_tags(block[:cut])
    assert tags.items() <= exif.read_tags(block).items()
    assert exif.focal_35mm(tags) is None


def test_exif_directory_that_points_anywhere_ends() -> None:
    assert exif.read_tags(b"II*\0" + struct.pack("<I", 2**32 - 1)) == {}
    looped = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x8769, 4, 1, 8)
    assert exif.read_tags(looped) == {0x8769: 8}


def test_gray_becomes_rgb(tmp_path: Path) -> None:
    gray = quadrants()[..., 1]
    photo = load_photo(write(tmp_path / "gray.png", gray), 64)
    assert np.array_equal(levels(photo.image), np.repeat(gray[..., None], 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_keep_their_precision(tmp_path: Path, suffix: str) -> None:
    ramp = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) + 20000
    picture = np.stack([ramp, ramp + 7, 65535 - ramp], axis=-1)
    photo = load_photo(write(tmp_path / f"deep{suffix}", picture), 64)
    assert np.array_equal(np.rint(photo.image * 65535).astype(np.uint16), picture)


def test_cmyk_jpeg_has_the_right_colors(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    path.write_bytes(CMYK_JPEG)
    image = levels(load_photo(path, 32).image)
    assert np.abs(image[4:28:20, 4:28:20] - CMYK_COLORS).max() <= 5


def test_cmyk_jpeg_without_adobes_mark_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    path.write_bytes(CMYK_JPEG[:2] + CMYK_JPEG[18:])
    with pytest.raises(PhotoError, match=r"CMYK.*save it as RGB"):
        load_photo(path, 32)


def cutout() -> tuple[np.ndarray, np.ndarray]:
    """(48, 64, 4) uint8 RGBA that fades in from the left, and what it is over gray, 0..1."""
    alpha = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 4, 48, axis=0)
    share = alpha / 255.0
    expected = quadrants() / 255.0 * share + BACKGROUND * (1.0 - share)
    return np.concatenate([quadrants(), alpha], axis=2), expected


@pytest.mark.parametrize(
    ("suffix", "depth"), [(".png", np.uint8), (".png", np.uint16), (".webp", np.uint8)]
)
def test_transparency_is_composited_over_gray(tmp_path: Path, suffix: str, depth: type) -> None:
    picture, expected = cutout()
    stored = picture.astype(depth) * (np.iinfo(depth).max // 255)
    lossless = (cv2.IMWRITE_WEBP_QUALITY, 101) if suffix == ".webp" else ()
    photo = load_photo(write(tmp_path / f"cutout{suffix}", stored, *lossless), 64)
    assert np.abs(photo.image - expected).max() < 1.5 / 255
    assert len(photo.notes) == 1 and "transparent" in photo.notes[0]


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("extra", [1, 2])
def test_transparent_tiff(tmp_path: Path, depth: type, extra: int) -> None:
    picture, expected = cutout()
    stored = picture.astype(np.float64) / 255.0
    if extra == 1:
        stored[..., :3] *= stored[..., 3:]
    path = tmp_path / "cutout.tif"
    path.write_bytes(tiff(np.rint(stored * np.iinfo(depth).max).astype(depth), extra))
    photo = load_photo(path, 64)
    assert np.abs(photo.image - expected).max() < 1.5 / 255


def test_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    picture = np.dstack([quadrants(), np.full((48, 64), 255, np.uint8)])
    photo = load_photo(write(tmp_path / "opaque.png", picture), 64)
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
    assert any("enlarged" in note for note in photo.notes) == (max(stored) < size)


def test_shrinking_averages_areas(tmp_path: Path, rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    photo = load_photo(write(tmp_path / "noise.png", picture), 64)
    expected = picture.reshape(48, 2, 64, 2, 3).mean(axis=(1, 3)) / 255.0
    assert np.abs(photo.image - expected).max() < 1e-5


def test_enlarging_stays_within_0_and_1(tmp_path: Path) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, 16:] = 255
    image = load_photo(write(tmp_path / "edge.png", picture), 100).image
    assert image.min() == 0.0 and image.max() == 1.0


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_decompression_bombs_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bomb{suffix}"
    path.write_bytes(bomb(suffix, 60000, 50000))
    with pytest.raises(PhotoError, match=r"60000 x 50000 pixels; scale it down to at most \d+ meg"):
        load_photo(path, 512)


def test_huge_jpeg_is_decoded_at_an_eighth(tmp_path: Path) -> None:
    tall = np.full((5000, 20000), 90, np.uint8)
    photo = load_photo(write(tmp_path / "huge.jpg", tall), 64)
    assert photo.image.shape == (16, 64, 3)
    assert np.abs(photo.image - 90 / 255).max() < 0.01


BAD = {
    "empty.jpg": (b"", "is empty; copy the photo again"),
    "text.jpg": (b"not a picture\n" * 20, "is not a JPEG, PNG.*save the photo as JPEG or PNG"),
    "stub.jpg": (b"\xff\xd8\xff\xe0", "is not a JPEG, PNG"),
    "stub.png": (b"\x89PNG\r\n\x1a\n\0\0", "is not a JPEG, PNG"),
    "stub.tif": (b"II*\0\xff\xff\xff\xff", "is not a JPEG, PNG"),
    "stub.webp": (b"RIFF\0\0\0\0WEBPVP8 ", "is not a JPEG, PNG"),
    "stub.bmp": (b"BM", "is not a JPEG, PNG"),
    "dot.png": (encoded(".png", np.zeros((1, 1, 3), np.uint8)), "1 x 1 pixels; choose a photo"),
    "thin.png": (encoded(".png", np.zeros((15, 40), np.uint8)), "at least 16 pixels a side"),
    "strip.png": (encoded(".png", np.zeros((50, 20000), np.uint8)), "20000 x 50 pixels; crop it"),
    "column.png": (encoded(".png", np.zeros((200, 16), np.uint8)), "16 x 200 pixels; crop it"),
    "wild.nef": (encoded(".tif", quadrants()), "camera raw file; develop it"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_not_be_used_is_told_in_one_sentence(tmp_path: Path, name: str) -> None:
    data, message = BAD[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(PhotoError, match=message) as caught:
        load_photo(path, 64)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".") and name in text


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_short(tmp_path: Path, rng: np.random.Generator, suffix: str, share: float) -> None:
    data = encoded(suffix, rng.integers(0, 256, (200, 200, 3), dtype=np.uint8))
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(PhotoError, match=r"JPEG.*\.$"):
        load_photo(path, 64)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_jpeg_without_its_end_is_never_decoded(tmp_path: Path, share: float, monkeypatch) -> None:
    whole = encoded(".jpg", np.full((64, 96, 3), 90, np.uint8))
    preview = b"Exif\0\0" + encoded(".jpg", np.zeros((16, 16, 3), np.uint8))
    block = b"\xff\xe1" + struct.pack(">H", len(preview) + 2) + preview
    data = whole[:2] + block + whole[2:]
    path = tmp_path / "cut.jpg"
    path.write_bytes(data + b"a film of the moment")
    assert load_photo(path, 64).original_size == (96, 64)
    monkeypatch.setattr(cv2, "imdecodeWithMetadata", None)  # some fill with gray what is lost
    path.write_bytes(data[: len(data) - len(whole) + int(len(whole) * share)])
    for ask in (photo_facts, lambda cut: load_photo(cut, 64)):
        with pytest.raises(PhotoError, match=r"'cut.jpg' is damaged or cut short"):
            ask(path)


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="There is no file"):
        load_photo(tmp_path / "nowhere.jpg", 64)
    with pytest.raises(PhotoError, match="is not a file"):
        load_photo(tmp_path, 64)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode that forbids reading")
def test_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path / "locked.png", quadrants())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(PhotoError, match=r"can't be read.*check its permissions"):
        load_photo(path, 64)


def test_an_older_opencv_still_turns_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "turned.jpg"
    block = exif_block("<", {0x0112: 6}, {0xA405: 28})
    path.write_bytes(with_exif(encoded(".jpg", quadrants()), block))
    expected = load_photo(path, 64)
    monkeypatch.delattr(cv2, "imdecodeWithMetadata")
    photo = load_photo(path, 64)
    np.testing.assert_array_equal(photo.image, expected.image)
    assert photo.focal_35mm == expected.focal_35mm == 28
