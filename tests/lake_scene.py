"""A saved 4D scene of a small lake, made by the operator, and a function that paints in images."""

from __future__ import annotations

from pathlib import Path

import bpy
import cv2
import numpy as np


def write_lake(path: Path) -> None:
    """Write a photo of a hazy sky, a dark shore, and a lake that reflects the sky."""
    image = np.zeros((72, 96, 3), np.float32)
    image[:30] = np.linspace([215, 170, 130], [240, 220, 200], 30)[:, None]
    image[30:36] = (30, 60, 40)
    image[36:] = np.linspace([225, 195, 165], [190, 150, 110], 36)[:, None]
    image += np.random.default_rng(5).normal(0, 2, image.shape)
    cv2.imwrite(str(path), image.clip(0, 255).astype(np.uint8))


def make_lake_file(folder: Path) -> Path:
    """Make the scene with the operator; returns the .blend, which is beside its cache."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    photo = folder / "photo.png"
    write_lake(photo)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
    own = bpy.context.scene.make_4d
    own.photo, own.size, own.frames = str(photo), 96, 6
    assert bpy.ops.make_4d.make("EXEC_DEFAULT", True) == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    return folder / "scene.blend"


def paint(image: bpy.types.Image, rows: slice, columns: slice, value: object) -> None:
    """Paint a rectangle; rows count from the top."""
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    pixels.reshape(height, width, 4)[::-1][rows, columns, :3] = value
    image.pixels.foreach_set(pixels)
    image.update()
