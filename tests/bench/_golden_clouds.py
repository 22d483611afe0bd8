"""The clouds of the benchmark `golden`: files with the paper's images, and synthetic ones."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MADE_SIZE, MADE_LENS, MADE_NEAREST = (400, 640), (520.0, 500.0, 310.5, 205.25), 8
KEYS = ("h", "w", "K", "fx", "fy", "cx", "cy")
KEYS += ("xyz_cam", "feats", "radius_px", "image", "alpha", "idx")


class InputError(Exception):
    """A folder or file can't be used; the text is one sentence."""


@dataclass(frozen=True)
class Drawing:
    """Premultiplied image (h, w, C), alpha (h, w), and indices (h, w, K) if known."""

    image: Array
    alpha: Array
    index: Array | None = None


@dataclass(frozen=True)
class Golden:
    """A cloud in the camera frame and its true drawing.

    Attributes:
        name: of the file.
        position: (P, 3) float32, camera frame.
        radius: (P,) float32, pixels.
        features: (P, C) float32, the channels to draw.
        lens: (fx, fy, cx, cy) in pixels.
        size: (h, w) of the image.
        nearest: number K of points composited in a pixel.
        truth: the true drawing.
    """

    name: str
    position: Array
    radius: Array
    features: Array
    lens: tuple[float, float, float, float]
    size: tuple[int, int]
    nearest: int
    truth: Drawing


Draw = Callable[[Golden], Drawing]


def golden_files(folder: Path) -> list[Path]:
    """The golden files of a folder by name; raises InputError."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder. Specify the folder with the golden files.")
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise InputError(
            f"{folder} contains no golden files (*.npz). Specify the folder with them."
        )
    return files


def load(path: Path) -> Golden:
    """Read a golden file; raises InputError."""
    try:
        with np.load(path) as file:
            data = {key: file[key] for key in KEYS}
    except KeyError as error:
        raise InputError(f"{path} is not a golden file: {error.args[0]}.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} can't be read. Copy it again ({error}).") from error
    fx, fy, cx, cy = (float(data[key]) for key in ("fx", "fy", "cx", "cy"))
    position = data["xyz_cam"].astype(np.float32)
    return Golden(
        path.stem,
        position,
        np.array(np.broadcast_to(data["radius_px"], len(position)), np.float32),
        data["feats"].astype(np.float32),
        (fx, fy, cx, cy),
        (int(data["h"]), int(data["w"])),
        int(data["K"]),
        Drawing(data["image"], data["alpha"], data["idx"]),
    )


def made(count: int, draw: Draw) -> Iterator[Golden]:
    """Two synthetic clouds of about `count` points; `draw` provides the truth."""
    rng = np.random.default_rng(3)
    for name, parts in (("grid", made_grid(count)), ("random", made_random(count, rng))):
        position, radius = (part.astype(np.float32) for part in parts)
        features = rng.uniform(0, 1, (len(position), 4)).astype(np.float32)
        about = (MADE_LENS, MADE_SIZE, MADE_NEAREST)
        unknown = Drawing(np.zeros(0), np.zeros(0))
        cloud = Golden(f"made: {name}", position, radius, features, *about, unknown)
        yield replace(cloud, truth=draw(cloud))


def made_grid(count: int) -> tuple[Array, Array]:
    """Positions and radii of two grids larger than the image, for a camera that has moved.

    The far grid faces the camera, so its depths are equal. Both have holes, where points are behind
    the camera. Radii and density are the paper's, about one point per pixel: in denser clouds the K
    nearest all have low alpha, and rounding at a rim matters more.
    """
    height, width = MADE_SIZE
    rows = max(1, round((count / 2 * height / width) ** 0.5))
    columns = max(1, count // 2 // rows)
    u, v = np.meshgrid(np.linspace(-60, width + 60, columns), np.linspace(-40, height + 40, rows))
    u, v = u.ravel(), v.ravel()
    wave = 2 + 0.3 * np.sin(u / 25) * np.cos(v / 40)
    near = np.where(np.sin(u / 60) + np.cos(v / 50) > -0.2, wave, -wave)
    far = np.where((abs(u - 320) < 90) & (abs(v - 120) < 60), -6.0, 6.0)
    source = np.concatenate([unprojected(u, v, z) for z in (near, far)])
    position = source + np.array([0.25, -0.1, -0.5])
    return position, 1.875 * np.abs(source[:, 2] / position[:, 2])


def made_random(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Positions and radii of points in front of, behind and beside the camera; a disc has none.

    No rim is so close to a pixel's center that rounding decides: squared distances are multiples of
    1/64, squared radii lie between them. Otherwise a correct renderer could be far off where the
    K-th disc is large and those before it have low alpha.
    """
    height, width = MADE_SIZE
    u = np.round(8 * rng.uniform(-40, width + 40, count)) / 8
    v = np.round(8 * rng.uniform(-40, height + 40, count)) / 8
    z = np.exp(rng.uniform(-1, 3, count))
    z[(rng.random(count) < 0.03) | ((u - 500) ** 2 + (v - 120) ** 2 < 50**2)] *= -1
    radius = rng.uniform(1.2, 4.0, count)
    radius[:: max(1, count // 500)] *= 10
    return unprojected(u, v, z), np.sqrt(np.floor(radius**2 * 64) + 0.5) / 8


def unprojected(u: Array, v: Array, z: Array) -> Array:
    """Positions (P, 3) in the camera frame of pixels (P,) of the synthetic clouds at depth z."""
    fx, fy, cx, cy = MADE_LENS
    return np.stack([(u - cx) / fx * z, (v - cy) / fy * z, z], axis=-1)
