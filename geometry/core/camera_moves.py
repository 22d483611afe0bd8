"""Camera moves that artists know, as far as the picture can show them; each is a path to edit.

A move is a function of the scene and of how far it goes: 1 is what the move is by itself, and
that is reduced until its whole path stays inside the outpainted picture and clear of what is near.
All but the handheld sway and the circle start at the photo's pose and end elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .camera import FloatArray, Intrinsics
from .camera_path import FORWARD, CameraPath, scaled_path
from .low_view import low_camera, render_low
from .obstacles import Obstacles
from .path_limits import cruise_pose, largest_safe_fraction, stays_inside, straight_path
from .travel import Values

REACH = 1.5
"""In distances to the subject: no safe move leads to what is farther off."""
CENTER = 1 / 3
"""The middle of the picture, in parts of both its sides, where the subject is."""
NEAREST_SUBJECT, FARTHEST_SUBJECT = 1.0, 20.0
APPROACH, RETREAT, ASIDE = 0.4, 1.0, 0.5
"""How far moves go by themselves, in distances to the subject."""
FARTHEST_IN, RISE, CIRCLE = 2.0, 0.5, 0.3
"""Longest way in, height of the crane, width of the circle, in scene units: farther off, the points
of the photo's near surfaces spread until these tear."""
ORBIT = np.radians(45.0)
ZOOM = 1 / 3
"""Share of the way to the subject that a dolly zoom goes in; out, the lens changes as much."""
SWAY, SWAY_TURN = 0.02, np.radians(0.6)
SWAY_POINTS, SWAY_WAVES = 12, 4
_MOST = 8.0
"""Longest amount that a move is shaped for: an orbit would go round and round."""


@dataclass(frozen=True, eq=False)
class SceneFacts:
    """What a move needs to know of a scene, all in scene units and the camera frame.

    camera: of the rendered picture; border (n, 3): points of the outpainted picture's border;
    obstacles: what the camera keeps clear of; disparity (h, w) 0..1: what the photo's camera sees;
    subject: median depth of the picture's center.
    """

    camera: Intrinsics
    border: FloatArray
    obstacles: Obstacles
    disparity: FloatArray
    subject: float

    @property
    def focus(self) -> Values:
        """Where the subject is, (3,): straight ahead."""
        return FORWARD * self.subject


Shape = Callable[[SceneFacts, float, int], CameraPath]


@dataclass(frozen=True)
class CameraMove:
    """A camera move.

    Attributes:
        label: Its name in the menu.
        description: Its tooltip.
        shapes: Functions that shape its path from the scene, how far it goes, and a seed. Of
            several, the one that can go farthest is taken.
        options: Names of the options that it uses, in the order in which they are shown.
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
    """The facts of a cloud of points (P, 3) with radius (P,); camera: the photo's, margins: pixels
    that the wide photo has more at its top, right, bottom, left.

    Raises ValueError where the photo's camera sees nothing.
    """
    small = low_camera(camera)
    view = render_low(points, radius, small, np.zeros(3), FORWARD)
    if not np.isfinite(view.depth).any():
        raise ValueError("The photo's camera sees no points: show the clouds in renders.")
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
    """Those of the points (P, 3) that were made of the outermost pixels of the wide photo."""
    scale = outpainted.focal / points[:, 2]
    u, v = points[:, 0] * scale + outpainted.cx, points[:, 1] * scale + outpainted.cy
    inner = (u > 1) & (u < outpainted.width - 1) & (v > 1) & (v < outpainted.height - 1)
    return points[(points[:, 2] > 0) & ~inner]


def plan_move(
    key: str, scene: SceneFacts, amount: float = 1.0, mirrored: bool = False, seed: int = 0
) -> CameraPath:
    """The path of a move of PRESETS.

    amount: 1 goes as far as the whole path stays inside the outpainted picture and clear of what
    stands in its way, more goes further; mirrored: left for right; seed: of HANDHELD.
    Raises KeyError for an unknown key and ValueError where amount is negative.
    """
    if amount < 0.0:
        raise ValueError("The amount of a move must be 0 or more.")
    ways = [partial(_shaped, shape, scene, mirrored, seed) for shape in CAMERA_MOVES[key].shapes]
    shares = [_safe_share(way, scene) for way in ways]
    best = int(np.argmax(shares))
    return ways[best](min(_MOST, amount * shares[best]))


def _safe_share(way: Callable[[float], CameraPath], scene: SceneFacts) -> float:
    return largest_safe_fraction(lambda share: is_safe(way(share), scene))


def _shaped(shape: Shape, scene: SceneFacts, mirrored: bool, seed: int, share: float) -> CameraPath:
    path = shape(scene, share, seed)
    return mirror(path) if mirrored else path


def is_safe(path: CameraPath, scene: SceneFacts) -> bool:
    """Whether the whole path stays inside the outpainted picture and clear of what is near."""
    return scene.obstacles.clear_of(path) and stays_inside(scene.border, scene.camera, path)


def mirror(path: CameraPath) -> CameraPath:
    """The path with left and right exchanged."""
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    return replace(path, positions=path.positions * flip, looks=path.looks * flip)


def _cruise(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    return scaled_path(
        straight_path(*cruise_pose(scene.disparity, low_camera(scene.camera))), share
    )


def _in(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    return straight_path(FORWARD * share * min(APPROACH * scene.subject, FARTHEST_IN), FORWARD)


def _out(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    return straight_path(-RETREAT * share * scene.focus, FORWARD)


def _orbit(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    """An arc round the subject at the photo's distance."""
    count = max(3, round(2 * share) + 2)
    angle = np.linspace(0.0, ORBIT * share, count)
    arc = np.stack([np.sin(angle), 0 * angle, 1.0 - np.cos(angle)], axis=1) * scene.subject
    return CameraPath.through(arc, scene.focus - arc)


def _dolly_in(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    longer = share * _longer(scene)
    return _dolly(scene, longer / (1.0 + longer))


def _dolly_out(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    return _dolly(scene, -share * _longer(scene))


def _longer(scene: SceneFacts) -> float:
    """By which part the lens gets longer on the way out; shorter likewise on the way in."""
    way = min(ZOOM, FARTHEST_IN / scene.subject)
    return way / (1.0 - way)


def _dolly(scene: SceneFacts, nearer: float) -> CameraPath:
    """Toward the subject by a share of its distance; it keeps its size as the lens goes wider."""
    path = straight_path(scene.focus * nearer, FORWARD)
    focal = 1.0 - path.positions[:, 2] / np.float32(scene.subject)
    return replace(path, focal=focal.astype(np.float32))


def _crane(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    """Up, looking at the subject."""
    up = np.array([0.0, -RISE * share, 0.0]) * np.linspace(0.0, 1.0, 3)[:, None]
    return CameraPath.through(up, scene.focus - up)


def _side(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    return straight_path(np.array([ASIDE * scene.subject * share, 0.0, 0.0]), FORWARD)


def _handheld(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    """A sum of slow waves that ends where it starts, at the photo's pose."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0.0, 2 * np.pi, SWAY_POINTS, endpoint=False)[:, None, None]
    wave = np.arange(1, SWAY_WAVES + 1)
    size, phase = (
        rng.normal(size=(5, SWAY_WAVES)) / wave,
        rng.uniform(0, 2 * np.pi, (5, SWAY_WAVES)),
    )
    sway = (size * (np.sin(wave * time + phase) - np.sin(phase))).sum(axis=-1) * share
    turn = np.tan(SWAY_TURN * sway[:, 3:])
    looks = np.stack([turn[:, 0], turn[:, 1], np.ones(SWAY_POINTS)], axis=1)
    return CameraPath.through(sway[:, :3] * SWAY * [1.0, 1.0, 0.5], looks, closed=True)


def _circle(scene: SceneFacts, share: float, seed: int) -> CameraPath:
    """A circle across the view, from its lowest point, looking at the subject."""
    angle = np.linspace(0.0, 2 * np.pi, 4, endpoint=False)
    ring = np.stack([np.sin(angle), np.cos(angle) - 1.0, np.zeros(4)], axis=1)
    ring *= 0.5 * CIRCLE * share
    return CameraPath.through(ring, scene.focus - ring, closed=True)


CAMERA_MOVES = {
    "CRUISE": CameraMove(
        "Cruise", "Flies ahead, turned toward the sky, as the paper does", (_cruise,)
    ),
    "IN": CameraMove("Fly In", "Flies straight ahead into the picture", (_in,)),
    "OUT": CameraMove("Fly Out", "Flies straight back and shows the surroundings", (_out,)),
    "ORBIT": CameraMove(
        "Orbit", "Circles the subject in the picture's middle", (_orbit,), ("amount", "mirrored")
    ),
    "DOLLY_ZOOM": CameraMove(
        "Dolly Zoom",
        "Moves while the lens zooms: the subject keeps its size, all else swells or shrinks",
        (_dolly_out, _dolly_in),
    ),
    "CRANE": CameraMove("Crane", "Rises and looks down at the subject", (_crane,)),
    "SIDE": CameraMove("Side", "Moves sideways and looks ahead", (_side,), ("amount", "mirrored")),
    "HANDHELD": CameraMove(
        "Handheld",
        "Sways a little, as if held in the hand, and loops",
        (_handheld,),
        ("amount", "seed"),
    ),
    "CIRCLE": CameraMove(
        "Circle",
        "Flies a small circle that ends where it starts",
        (_circle,),
        ("amount", "mirrored"),
    ),
}
"""The moves by key, in the order of a menu."""
