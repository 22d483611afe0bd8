"""What the camera sees: Blender's camera matrices as pixels of the picture to render."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import bpy

_CAMERA_FROM_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class View:
    """A camera over a picture of width x height pixels.

    world_to_camera (4, 4): to x right, y down, z forward; focal (fx, fy) in pixels, or pixels per
    scene unit where `orthographic`; center (cx, cy) in pixels from the top left of this picture;
    clip (near, far) in scene units.
    """

    world_to_camera: NDArray[np.float64]
    focal: tuple[float, float]
    center: tuple[float, float]
    width: int
    height: int
    clip: tuple[float, float]
    orthographic: bool = False

    def __eq__(self, other: object) -> bool:
        """Whether the two see the same."""
        if not isinstance(other, View):
            return NotImplemented
        mine, theirs = dict(vars(self)), dict(vars(other))
        matrices = mine.pop("world_to_camera"), theirs.pop("world_to_camera")
        return mine == theirs and np.array_equal(*matrices)

    __hash__ = None  # type: ignore[assignment]

    def cropped(self, left: int, top: int, width: int, height: int) -> View:
        """The same view cut to a rectangle, in pixels from the top left."""
        center = (self.center[0] - left, self.center[1] - top)
        return replace(self, center=center, width=width, height=height)


def view_from_matrices(
    world_to_view: NDArray[np.float64],
    projection: NDArray[np.float64],
    size: tuple[int, int],
    clip: tuple[float, float],
) -> View:
    """View of OpenGL's matrices: world to Blender's camera axes, and those to clip space.

    projection is a perspective or orthographic (4, 4) matrix for a picture of size (width, height).
    """
    width, height = size
    orthographic = bool(projection[3, 3] == 1.0)
    # Column 2 shifts a perspective's center (points have w = -z), column 3 an orthographic one's.
    shift = projection[:2, 3] if orthographic else -projection[:2, 2]
    return View(
        _CAMERA_FROM_BLENDER @ world_to_view,
        (projection[0, 0] * width / 2, projection[1, 1] * height / 2),
        ((1 + shift[0]) * width / 2, (1 - shift[1]) * height / 2),
        width,
        height,
        clip,
        orthographic,
    )


def view_from_camera(
    camera: bpy.types.Object,
    depsgraph: bpy.types.Depsgraph,
    model_matrix: NDArray[np.float64],
    size: tuple[int, int],
) -> View:
    """View of a perspective or orthographic camera object, whole frame of size (width, height).

    model_matrix (4, 4): the camera's place as the engine gives it; its scale is ignored.
    """
    render = depsgraph.scene.render
    projection = camera.calc_matrix_camera(
        depsgraph,
        x=size[0],
        y=size[1],
        scale_x=render.pixel_aspect_x,
        scale_y=render.pixel_aspect_y,
    )
    place = np.array(model_matrix, np.float64)
    place[:3, :3] /= np.linalg.norm(place[:3, :3], axis=0)
    clip = (camera.data.clip_start, camera.data.clip_end)
    return view_from_matrices(
        np.linalg.inv(place).astype(np.float64), np.array(projection), size, clip
    )


def border_rectangle(
    render: bpy.types.RenderSettings, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Rectangle (left, top, width, height) to render of a frame of size (width, height)."""
    width, height = size
    if not render.use_border:
        return 0, 0, width, height
    left, right = (_pixel(b, width) for b in (render.border_min_x, render.border_max_x))
    bottom, top = (_pixel(b, height) for b in (render.border_min_y, render.border_max_y))
    return left, height - top, max(right - left, 1), max(top - bottom, 1)


def _pixel(fraction: float, length: int) -> int:
    """Rounded as Blender does it, in single precision."""
    return int(np.float32(fraction) * np.float32(length))
