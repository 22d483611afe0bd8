"""Photos in color spaces other than sRGB."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_4d.geometry.core.messages import Message
from make_4d.ml.photo.color_profile import deep_to_srgb, to_srgb
from make_4d.ml.photo.load import CONVERTED, load_photo
from photo_files import CMYK_JPEG, encoded
from PIL import Image

Primaries = tuple[tuple[float, ...], ...]
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
# Adapted to D50, as the profiles of phones and cameras have them.
DISPLAY_P3 = (
    (0.51512, 0.24120, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.15710, 0.06657, 0.78407),
)
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def parametric(kind: int, *numbers: float) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + fixed(*numbers)


def table(*values: int) -> bytes:
    return b"curv" + bytes(4) + struct.pack(f">I{len(values)}H", len(values), *values)


def profile(primaries: Primaries, curve: bytes, space: bytes = b"RGB ") -> bytes:
    """An ICC profile with three primaries (XYZ under D50) and one tone curve."""
    tags = {
        f"{c}XYZ": b"XYZ " + bytes(4) + fixed(*xyz) for c, xyz in zip("rgb", primaries, strict=True)
    }
    return profile_of(tags | {f"{c}TRC": curve for c in "rgb"}, space)


def table_profile(space: bytes, lightness: np.ndarray) -> bytes:
    """An ICC profile whose table turns every color gray.

    Args:
        space: b"RGB " or b"CMYK".
        lightness: 0 to 1 for each corner of the color space, in the order of the table.
    """
    channels = len(space.strip())
    ramp = bytes(range(256))
    grid = np.full((lightness.size, 3), 128)  # Lab, with neutral a and b
    grid[:, 0] = np.rint(lightness.ravel() * 255)
    table = b"mft1" + bytes(4) + bytes((channels, 3, 2, 0)) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += ramp * channels + grid.astype(np.uint8).tobytes() + ramp * 3
    return profile_of({"A2B0": table}, space, b"Lab ")


def profile_of(tags: dict[str, bytes], space: bytes, connection: bytes = b"XYZ ") -> bytes:
    """An ICC profile of these tags."""
    start = 128 + 4 + 12 * len(tags)
    index, body = b"", b""
    for name, tag in tags.items():
        index += name.encode() + struct.pack(">II", start + len(body), len(tag))
        body += tag
    header = struct.pack(">I4xI", start + len(body), 0x02400000) + b"mntr" + space + connection
    header += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249) + bytes(48)
    return header + struct.pack(">I", len(tags)) + index + body


def reference(pixel: np.ndarray, primaries: Primaries, gamma: float | None) -> list[float]:
    """One pixel to sRGB, step by step; gamma: of the tone curve, None for sRGB's."""
    linear = []
    for value in pixel:
        if gamma is not None:
            linear.append(value**gamma)
        else:
            linear.append(value / 12.92 if value < 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(primaries).T
    rgb = np.linalg.solve(np.array(SRGB).T, to_xyz @ linear).clip(0.0, 1.0)
    return [12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in rgb]


@pytest.mark.parametrize(
    ("primaries", "curve", "gamma"),
    [
        (DISPLAY_P3, parametric(3, *SRGB_CURVE), None),
        (DISPLAY_P3, parametric(4, *SRGB_CURVE, 0.0, 0.0), None),
        (ADOBE_RGB, table(563), 563 / 256),
        (ADOBE_RGB, parametric(0, 2.2), 2.2),
        (ADOBE_RGB, parametric(1, 2.2, 1.0, 0.0), 2.2),
        (ADOBE_RGB, parametric(2, 2.2, 1.0, 0.0, 0.0), 2.2),
        (SRGB, table(), 1.0),
        (SRGB, table(0, 65535), 1.0),
    ],
)
def test_conversion_equals_the_reference(
    rng: np.random.Generator,
    primaries: Primaries,
    curve: bytes,
    gamma: float | None,
) -> None:
    pixels = rng.integers(5, 256, (6, 8, 3), dtype=np.uint8)
    expected = [[reference(pixel / 255, primaries, gamma) for pixel in row] for row in pixels]
    icc = profile(primaries, curve)
    converted = to_srgb(Image.fromarray(pixels), icc)
    assert converted is not None and converted.mode == "RGB"
    assert np.abs(np.asarray(converted) / 255 - expected).max() < 1.5 / 255
    deep = deep_to_srgb((pixels / 255).astype(np.float32), icc)
    assert deep is not None and deep.dtype == np.float32
    assert np.abs(deep - expected).max() < 1.5 / 255


def test_deep_colors_keep_their_gradients() -> None:
    colors = np.tile(np.linspace(0.4, 0.5, 1000, dtype=np.float32)[None, :, None], (1, 1, 3))
    colors[..., 1:] *= 0.8
    converted = deep_to_srgb(colors, profile(DISPLAY_P3, parametric(3, *SRGB_CURVE)))
    assert converted is not None
    expected = np.array([reference(pixel, DISPLAY_P3, None) for pixel in colors[0]])
    assert np.abs(converted[0] - expected).max() < 1.0 / 255
    assert len(np.unique(converted[..., 0])) > 900


def test_grays_stay_gray_in_display_p3() -> None:
    grays = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    converted = to_srgb(Image.fromarray(grays), profile(DISPLAY_P3, parametric(3, *SRGB_CURVE)))
    assert converted is not None
    assert np.abs(np.asarray(converted).astype(int) - grays).max() <= 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_srgb_is_left_alone(mode: str) -> None:
    icc = profile(SRGB, parametric(3, *SRGB_CURVE))
    assert to_srgb(Image.new(mode, (2, 2), (70, 80, 90)), icc) is None


def test_alpha_is_kept() -> None:
    pixels = np.full((2, 2, 4), (200, 90, 60, 77), np.uint8)
    converted = to_srgb(Image.fromarray(pixels), profile(ADOBE_RGB, table(563)))
    assert converted is not None and converted.mode == "RGBA"
    assert np.all(np.asarray(converted)[..., 3] == 77)
    assert np.all(np.asarray(converted)[..., 0] > 200)


@pytest.mark.parametrize("keep", [0, 20, 128, 131, 140, 203, 210, 250, 290])
def test_damaged_profile_is_left_alone(keep: int) -> None:
    whole = profile(DISPLAY_P3, parametric(3, *SRGB_CURVE))
    assert to_srgb(Image.new("RGB", (2, 2), (70, 80, 90)), whole[:keep]) is None


@pytest.mark.parametrize("curve", [parametric(9, 1.0), b"mft2" + bytes(60)])
def test_unknown_curve_is_left_alone(curve: bytes) -> None:
    image = Image.new("RGB", (2, 2), (70, 80, 90))
    assert to_srgb(image, profile(DISPLAY_P3, curve)) is None


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_profile_of_another_kind_of_image_is_left_alone(mode: str) -> None:
    image = Image.new(mode, (2, 2))
    assert to_srgb(image, table_profile(b"CMYK", np.zeros(16))) is None


def test_table_profile_of_rgb() -> None:
    corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1)
    icc = table_profile(b"RGB ", corners.mean(axis=-1))
    colors = np.array([[(0, 0, 0), (255, 255, 255), (120, 0, 0), (0, 120, 0)]], np.uint8)
    converted = to_srgb(Image.fromarray(colors), icc)
    assert converted is not None
    black, white, red, green = np.asarray(converted)[0].astype(int)
    assert black.max() <= 1 and white.min() >= 254
    assert np.ptp(red) <= 1 and np.abs(red - green).max() <= 1 and 10 < red[0] < 100


def test_cmyk_photo_with_a_profile(tmp_path: Path) -> None:
    inks = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), axis=-1)
    body = b"ICC_PROFILE\0\1\1" + table_profile(b"CMYK", 1.0 - inks.mean(axis=-1))
    segment = b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body
    path = tmp_path / "print.jpg"
    path.write_bytes(CMYK_JPEG[:2] + segment + CMYK_JPEG[2:])
    photo = load_photo(path, 32)
    assert np.ptp(photo.image, axis=-1).max() <= 2 / 255
    assert photo.image[24, 24, 0] > photo.image[8, 8, 0] + 0.1, "more ink is darker"
    assert photo.notes == (Message(CONVERTED),)


def png_with_profile(pixels: np.ndarray, icc: bytes) -> bytes:
    body = b"iCCP" + b"name\0\0" + zlib.compress(icc)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = encoded(".png", pixels)
    return data[:33] + chunk + data[33:]


def jpeg_with_profile(pixels: np.ndarray, icc: bytes) -> bytes:
    body = b"ICC_PROFILE\0\1\1" + icc
    data = encoded(".jpg", pixels, cv2.IMWRITE_JPEG_QUALITY, 100)
    return data[:2] + b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body + data[2:]


def tiff_with_profile(pixels: np.ndarray, icc: bytes) -> bytes:
    """A TIFF as OpenCV writes it, with one more entry in its directory, moved to the end."""
    data = encoded(".tif", pixels)
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = data[at + 2 : at + 2 + 12 * count]
    entries += struct.pack("<HHII", 0x8773, 7, len(icc), len(data))
    directory = struct.pack("<H", count + 1) + entries + bytes(4)
    return data[:4] + struct.pack("<I", len(data) + len(icc)) + data[8:] + icc + directory


@pytest.mark.parametrize(
    ("suffix", "write"),
    [(".png", png_with_profile), (".jpg", jpeg_with_profile), (".tif", tiff_with_profile)],
)
def test_photo_with_a_profile(tmp_path: Path, suffix: str, write) -> None:
    color = np.array([200, 90, 60], np.uint8)
    path = tmp_path / f"phone{suffix}"
    icc = profile(DISPLAY_P3, parametric(3, *SRGB_CURVE))
    path.write_bytes(write(np.tile(color[::-1], (48, 64, 1)), icc))
    photo = load_photo(path, 64)
    expected = reference(color / 255.0, DISPLAY_P3, None)
    assert np.abs(photo.image - expected).max() < 0.012
    assert np.abs(np.array(expected) - color / 255.0).max() > 0.05
    assert photo.notes == (Message(CONVERTED),)
