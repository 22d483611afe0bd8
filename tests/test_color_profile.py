"""Photographs in other color spaces than sRGB."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_4d.ml.photo.color_profile import to_srgb
from make_4d.ml.photo.load import load_photo
from photo_files import encoded

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
    tags |= {f"{c}TRC": curve for c in "rgb"}
    start = 128 + 4 + 12 * len(tags)
    index, body = b"", b""
    for name, tag in tags.items():
        index += name.encode() + struct.pack(">II", start + len(body), len(tag))
        body += tag
    header = struct.pack(">I4xI", start + len(body), 0x02400000) + b"mntr" + space + b"XYZ "
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
    image = rng.uniform(0.02, 1.0, (6, 8, 3)).astype(np.float32)
    converted = to_srgb(image, profile(primaries, curve))
    assert converted is not None and converted.dtype == np.float32
    expected = [[reference(pixel, primaries, gamma) for pixel in row] for row in image]
    assert np.abs(converted - expected).max() < 1.5e-3


def test_grays_stay_gray_in_display_p3() -> None:
    grays = np.repeat(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8, 1), 3, axis=2)
    converted = to_srgb(grays, profile(DISPLAY_P3, parametric(3, *SRGB_CURVE)))
    assert converted is not None
    assert np.abs(converted - grays).max() < 2e-3


def test_srgb_is_left_alone() -> None:
    image = np.full((2, 2, 3), 0.3, np.float32)
    assert to_srgb(image, profile(SRGB, parametric(3, *SRGB_CURVE))) is None


@pytest.mark.parametrize("keep", [0, 20, 128, 131, 140, 203, 210, 250, 290])
def test_damaged_profile_is_left_alone(keep: int) -> None:
    whole = profile(DISPLAY_P3, parametric(3, *SRGB_CURVE))
    image = np.full((2, 2, 3), 0.3, np.float32)
    assert to_srgb(image, whole[:keep]) is None


@pytest.mark.parametrize(
    "curve", [parametric(9, 1.0), parametric(1, 2.2, 0.0, 0.5), b"mft2" + bytes(60)]
)
def test_unknown_curve_is_left_alone(curve: bytes) -> None:
    assert to_srgb(np.full((2, 2, 3), 0.3, np.float32), profile(DISPLAY_P3, curve)) is None


def test_profile_of_inks_is_left_alone() -> None:
    inks = profile(DISPLAY_P3, parametric(3, *SRGB_CURVE), space=b"CMYK")
    assert to_srgb(np.full((2, 2, 3), 0.3, np.float32), inks) is None


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
    """A TIFF as OpenCV writes it, its directory moved to the end with one more entry."""
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
    assert any("color profile" in note for note in photo.notes)
