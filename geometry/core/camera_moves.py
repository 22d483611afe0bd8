"""Camera moves that artists know, as far as a photo allows them; each one is an editable path.

A move is a function of the scene and of how far it goes. An extent of 1 is the move's natural size;
it is reduced until the whole path stays inside the outpainted photo and clear of obstacles. All
moves start at the photo's pose; all except Handheld and Circle, which loop, end elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .camera import FloatArray, Intrinsics
from .camera_path import FORWARD, CameraPath, PathError, scaled_path
from .low_view import low_camera, render_low
from .obstacles import Obstacles
from .path_limits import cruise_pose, largest_safe_fraction, stays_inside, straight_path
from .travel import Values

REACH = 1.5
"""Radius, in distances to the subject, within which obstacles count; no safe move goes farther."""
CENTER = 1 / 3
"""The subject is looked for in the middle of the image: this fraction of both its sides."""
NEAREST_SUBJECT, FARTHEST_SUBJECT = 1.0, 20.0
"""Limits of the subject's distance in scene units."""
APPROACH, RETREAT, ASIDE = 0.4, 1.0, 0.5
"""Natural length of straight moves in, out and sideways, in distances to the subject."""
FARTHEST_IN, RISE, CIRCLE = 2.0, 0.5, 0.3
"""Longest way in, height of the crane and diameter of the circle, in scene units. Beyond them the
points of near surfaces spread so far that the surfaces tear."""
ORBIT = np.radians(20.0)
"""Natural angle of the orbit: farther round, a photo shows too little of what comes into view."""
ZOOM = 1 / 3
"""Fraction of the distance to the subject that a dolly zoom covers on the way in. On the way out
the lens changes by the same factor."""
SWAY, SWAY_TURN = 0.02, np.radians(0.6)
"""Size of the handheld sway in scene units and radians."""
SWAY_POINTS, SWAY_WAVES = 12, 4
"""Waypoints of the handheld sway, and waves that are added up."""
MAX_EXTENT = 8.0
"""Largest extent of a move; a longer orbit would go round several times."""
NEGATIVE_AMOUNT = "The amount of a camera move must be 0 or more."
NOTHING_VISIBLE = "The photo's camera sees no points: show the clouds in renders."


@dataclass(frozen=True, eq=False)
class SceneFacts:
    """What a move has to know of a scene, in scene units and the camera frame.

    Attributes:
        camera: Intrinsics of the rendered image.
        border: Points (n, 3) on the border of the outpainted photo.
        obstacles: What the camera keeps clear of.
        disparity: Map (h, w), 0..1, that the photo's camera sees.
        subject: Median depth at the center of the image.
    """

    camera: Intrinsics
    border: FloatArray
    obstacles: Obstacles
    disparity: FloatArray
    subject: float

    @property
    def focus(self) -> Values:
        """Position (3,) of the subject: straight ahead."""
        return FORWARD * self.subject


Shape = Callable[[SceneFacts, float, int], CameraPath]
"""A function of the scene, the extent and a seed."""


@dataclass(frozen=True)
class CameraMove:
    """A camera move.

    Attributes:
        label: Its name in the menu.
        description: Its tooltip.
        shapes: Functions that give its path. Of several, the one that can safely go farthest is
            used.
        options: Names of the options that it uses, in the order of the interface.
    """

    label: str
    description: str
    shapes: tuple[Shape, ...] = ()
    options: tuple[str, ...] = ("amount",)


def scene_facts(
    points: FloatArray,
    radius: FloatArray,
    camera: Intrinsics,
    margins: tuple[int, int, int, int],
) -> SceneFacts:
    """Collect the facts of a cloud.

    Args:
        points: Positions (P, 3) in scene units and the camera frame.
        radius: Radii (P,) in scene units.
        camera: Intrinsics of the photo.
        margins: Pixels that outpainting added at the top, right, bottom and left.

    Raises PathError if the photo's camera sees nothing, MissingPackageError without SciPy.
    """
    small = low_camera(camera)
    view = render_low(points, radius, small, np.zeros(3), FORWARD)
    if not np.isfinite(view.depth).any():
        raise PathError(NOTHING_VISIBLE)
    rows, columns = (
        slice(int(n * CENTER), max(1, round(n * (1 - CENTER)))) for n in view.depth.shape
    )
    center = view.depth[rows, columns]
    middle = float(np.median(np.where(np.isfinite(center), center, FARTHEST_SUBJECT)))
    subject = min(max(middle, NEAREST_SUBJECT), FARTHEST_SUBJECT)
    return SceneFacts(
        camera,
        border_of(points, camera.padded(*margins)),
        Obstacles.near(points, REACH * subject),
        np.clip(1.0 / view.depth, 0.0, 1.0).astype(np.float32),
        subject,
    )


def border_of(points: FloatArray, outpainted: Intrinsics) -> FloatArray:
    """Return those of the points (P, 3) that come from the outermost pixels of the photo.

    outpainted: intrinsics of the outpainted photo.
    """
    scale = outpainted.focal / points[:, 2]
    u, v = points[:, 0] * scale + outpainted.cx, points[:, 1] * scale + outpainted.cy
    inner = (u > 1) & (u < outpainted.width - 1) & (v > 1) & (v < outpainted.height - 1)
    return points[(points[:, 2] > 0) & ~inner]


def plan_move(
    key: str, scene: SceneFacts, amount: float = 1.0, mirrored: bool = False, seed: int = 0
) -> CameraPath:
    """Return the path of a camera move.

    Args:
        key: Key of CAMERA_MOVES.
        scene: The scene's facts.
        amount: 1 goes as far as the whole path is safe (see `is_safe`); more goes farther.
        mirrored: Whether left and right are exchanged.
        seed: Seed of random moves.

    Raises KeyError for an unknown key, PathError if the amount is negative.
    """
    if amount < 0.0:
        raise PathError(NEGATIVE_AMOUNT)
    plans = [partial(_plan, shape, scene, mirrored, seed) for shape in CAMERA_MOVES[key].shapes]
    extents = [_safe_extent(plan, scene) for plan in plans]
    best = int(np.argmax(extents))
    return plans[best](min(MAX_EXTENT, amount * extents[best]))


def _safe_extent(plan: Callable[[float], CameraPath], scene: SceneFacts) -> float:
    """Return the largest extent, 0..1, up to which a move is safe."""
    return largest_safe_fraction(lambda extent: is_safe(plan(extent), scene))


def _plan(shape: Shape, scene: SceneFacts, mirrored: bool, seed: int, extent: float) -> CameraPath:
    path = shape(scene, extent, seed)
    return mirror(path) if mirrored else path


def is_safe(path: CameraPath, scene: SceneFacts) -> bool:
    """Whether the whole path stays inside the outpainted photo and clear of obstacles."""
    return scene.obstacles.clear_of(path) and stays_inside(scene.border, scene.camera, path)


def mirror(path: CameraPath) -> CameraPath:
    """Return the path with left and right exchanged."""
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    return replace(path, positions=path.positions * flip, looks=path.looks * flip)


def _cruise(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    return scaled_path(
        straight_path(*cruise_pose(scene.disparity, low_camera(scene.camera))), extent
    )


def _in(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    return straight_path(FORWARD * extent * min(APPROACH * scene.subject, FARTHEST_IN), FORWARD)


def _out(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    return straight_path(-RETREAT * extent * scene.focus, FORWARD)


def _orbit(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    """An arc around the subject at the photo's distance."""
    count = max(3, round(2 * extent) + 2)
    angle = np.linspace(0.0, ORBIT * extent, count)
    arc = np.stack([np.sin(angle), 0 * angle, 1.0 - np.cos(angle)], axis=1) * scene.subject
    return CameraPath.through(arc, scene.focus - arc)


def _dolly_in(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    longer = extent * _longer(scene)
    return _dolly(scene, longer / (1.0 + longer))


def _dolly_out(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    return _dolly(scene, -extent * _longer(scene))


def _longer(scene: SceneFacts) -> float:
    """Relative change of the focal length over the whole move: longer on the way out."""
    nearer = min(ZOOM, FARTHEST_IN / scene.subject)
    return nearer / (1.0 - nearer)


def _dolly(scene: SceneFacts, nearer: float) -> CameraPath:
    """Toward the subject by a fraction of its distance; a wider lens keeps its size."""
    path = straight_path(scene.focus * nearer, FORWARD)
    focal = 1.0 - path.positions[:, 2] / np.float32(scene.subject)
    return replace(path, focal=focal.astype(np.float32))


def _crane(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    """Straight up, looking at the subject."""
    up = np.array([0.0, -RISE * extent, 0.0]) * np.linspace(0.0, 1.0, 3)[:, None]
    return CameraPath.through(up, scene.focus - up)


def _side(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    return straight_path(np.array([ASIDE * scene.subject * extent, 0.0, 0.0]), FORWARD)


def _handheld(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    """A sum of slow waves that starts and ends at the photo's pose."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0.0, 2 * np.pi, SWAY_POINTS, endpoint=False)[:, None, None]
    wave = np.arange(1, SWAY_WAVES + 1)
    size, phase = (
        rng.normal(size=(5, SWAY_WAVES)) / wave,
        rng.uniform(0, 2 * np.pi, (5, SWAY_WAVES)),
    )
    sway = (size * (np.sin(wave * time + phase) - np.sin(phase))).sum(axis=-1) * extent
    turn = np.tan(SWAY_TURN * sway[:, 3:])
    looks = np.stack([turn[:, 0], turn[:, 1], np.ones(SWAY_POINTS)], axis=1)
    return CameraPath.through(sway[:, :3] * SWAY * [1.0, 1.0, 0.5], looks, closed=True)


def _circle(scene: SceneFacts, extent: float, seed: int) -> CameraPath:
    """A circle perpendicular to the view, from its lowest point, looking at the subject."""
    angle = np.linspace(0.0, 2 * np.pi, 4, endpoint=False)
    ring = np.stack([np.sin(angle), np.cos(angle) - 1.0, np.zeros(4)], axis=1)
    ring *= 0.5 * CIRCLE * extent
    return CameraPath.through(ring, scene.focus - ring, closed=True)


CAMERA_MOVES = {
    "CRUISE": CameraMove(
        "Cruise", "Fly ahead and turn toward the sky, as in the paper", (_cruise,)
    ),
    "IN": CameraMove("Fly In", "Fly straight ahead into the photo", (_in,)),
    "OUT": CameraMove("Fly Out", "Fly straight back and show the surroundings", (_out,)),
    "ORBIT": CameraMove(
        "Orbit",
        "Circle around the subject at the center of the photo",
        (_orbit,),
        ("amount", "mirrored"),
    ),
    "DOLLY_ZOOM": CameraMove(
        "Dolly Zoom",
        "Move while the lens zooms: the subject keeps its size, everything else grows or shrinks",
        (_dolly_out, _dolly_in),
    ),
    "CRANE": CameraMove("Crane", "Rise and look down at the subject", (_crane,)),
    "SIDE": CameraMove("Side", "Move sideways and look ahead", (_side,), ("amount", "mirrored")),
    "HANDHELD": CameraMove(
        "Handheld",
        "Sway slightly, as if held by hand, and loop",
        (_handheld,),
        ("amount", "seed"),
    ),
    "CIRCLE": CameraMove(
        "Circle",
        "Fly a small circle that ends where it starts",
        (_circle,),
        ("amount", "mirrored"),
    ),
}
"""All moves by key, in the order of the menu."""
