"""A long flight: autocruise in many steps, each on what the camera would see next.

Every step sees the cloud from where it is, lets autocruise tell where to look and move, and then
steers: of the directions about that one, it takes one that keeps clear of what is near ahead. The
many steps become a few waypoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .autocruise import CruiseSettings, CruiseState, cruise_step
from .camera import FloatArray, Intrinsics, Vector, look_rotation
from .camera_path import DOWN, FORWARD, CameraPath, sampled_path, slerp
from .low_view import low_camera, render_low
from .obstacles import CLEARANCE, Obstacles
from .path_limits import border_stays_outside, largest_safe_fraction
from .travel import Values

AHEAD = 2.0
"""Scene units that a step looks ahead along every direction."""
PROBES = 12
COMFORT = 3.0
"""Clearances within which a direction counts as less good."""
YAWS = np.radians(np.arange(-80.0, 81.0, 8.0))
PITCHES = np.radians(np.arange(-30.0, 31.0, 7.5))
MOST_RISE, MOST_SINK = np.radians(40.0), np.radians(20.0)
"""Steepest ways up and down."""
LOOK_OFF = np.radians(15.0)
"""Largest angle between where the camera looks and where it flies, unless the border shows."""
MIN_POINTS, MAX_POINTS = 3, 7
NEAR_LINE = 0.08
"""Scene units that the curve may be off the line of the steps."""
SMOOTH_STEPS = 1.5
SHORTER = 0.85
MAX_STEPS = 400


@dataclass(frozen=True)
class LongCruise:
    """length: of the whole flight in scene units; cruise: of each step (its speed: scene units a
    step); clearance: scene units that the camera keeps from every point; avoidance: how strongly
    (0 and up) a step turns away from what is near ahead."""

    length: float = 3.0
    cruise: CruiseSettings = field(default_factory=lambda: CruiseSettings(speed=0.15, lerp=0.3))
    clearance: float = CLEARANCE
    avoidance: float = 1.0

    @property
    def steps(self) -> int:
        """Number of steps; the last may be shorter."""
        return max(1, int(np.ceil(self.length / self.cruise.speed - 1e-6)))


@dataclass(frozen=True, eq=False)
class _World:
    """What the flight goes through: the cloud, what it must not meet, and where it ends."""

    points: FloatArray
    radius: FloatArray
    camera: Intrinsics
    obstacles: Obstacles
    border: FloatArray


def long_cruise(
    points: FloatArray,
    radius: FloatArray,
    camera: Intrinsics,
    settings: LongCruise,
    border: FloatArray | None = None,
) -> CameraPath:
    """A path of 3 to 7 waypoints from the photo's pose that goes round or over what stands ahead.

    points (P, 3) and radius (P,) in scene units and the camera frame; camera: the photo's; border
    (n, 3): points of the outpainted picture's border, beyond which the camera doesn't look. The
    path keeps the clearance (less, where the photo was taken nearer to something), and is shorter
    than asked where there is no way on. Raises ValueError where length, speed or clearance aren't
    positive, or where there would be too many steps.
    """
    if min(settings.length, settings.cruise.speed, settings.clearance) <= 0.0:
        raise ValueError("Length, speed and clearance of a flight must be more than 0.")
    if settings.steps > MAX_STEPS:
        raise ValueError(
            f"The flight would take {settings.steps} steps: at most {MAX_STEPS} are possible."
        )
    reach = settings.length + AHEAD + settings.clearance
    obstacles = Obstacles.near(points, reach, settings.clearance)
    none = np.zeros((0, 3), np.float32)
    edge = none if border is None else border
    world = _World(points, radius, low_camera(camera), obstacles, edge)
    return _few_waypoints(*_fly(world, settings), obstacles)


def _fly(world: _World, settings: LongCruise) -> tuple[Values, Values]:
    """Positions and looks (n, 3) after every step, the photo's pose first."""
    position, look, move = np.zeros(3), FORWARD, FORWARD
    places, looks = [position], [look]
    left = settings.length
    for _ in range(settings.steps):
        wanted_look, wanted = _wanted(world, position, look, move, settings.cruise)
        step = min(settings.cruise.speed, left)
        steered = _steered(world.obstacles, position, wanted, move, step, settings.avoidance)
        if steered is None:
            break
        move = steered
        position, left = position + step * move, left - step
        look = _shown(world, position, _within(wanted_look, move, LOOK_OFF))
        places.append(position)
        looks.append(look)
    return np.array(places), np.array(looks)


def _wanted(
    world: _World, position: Vector, look: Vector, move: Vector, settings: CruiseSettings
) -> tuple[Vector, Vector]:
    """Unit look and move directions after a step of autocruise on what is seen now.

    Autocruise takes its targets along the photo's axes; here along those of the camera as it is.
    """
    view = render_low(world.points, world.radius, world.camera, position, look)
    disparity = np.clip(1.0 / view.depth, 0.0, 1.0)
    turn = look_rotation(look, DOWN)
    state = CruiseState(np.zeros(3), turn @ look, turn @ move)
    after = cruise_step(state, disparity, world.camera.matrix, settings)
    return _unit(after.look @ turn), _unit(after.move @ turn)


def _steered(
    obstacles: Obstacles,
    position: Vector,
    wanted: Vector,
    before: Vector,
    step: float,
    avoidance: float,
) -> Vector | None:
    """The best direction about `wanted` whose next step keeps the clearance; None for none.

    Cheap are small turns from `wanted` and from the direction before; dear is what comes near
    something on the way ahead, and most what would be stopped there.
    """
    directions = _fan(wanted)
    way = np.append(step, np.linspace(step, max(AHEAD, step), PROBES))
    places = position + directions[:, None] * way[:, None]
    comfort = COMFORT * max(obstacles.clearance, 1e-6)
    distance = obstacles.distance(places.reshape(-1, 3), comfort).reshape(len(directions), -1)
    free = np.logical_and.accumulate(distance >= obstacles.clearance, axis=1)
    tight = np.clip(1.0 - distance / comfort, 0.0, 1.0).mean(axis=1)
    cost = _angle(directions, wanted) ** 2 + 0.5 * _angle(directions, before) ** 2
    cost += avoidance * (2.0 * tight + 4.0 * (1.0 - free.mean(axis=1)))
    cost[~free[:, 0]] = np.inf
    best = int(np.argmin(cost))
    return directions[best] if np.isfinite(cost[best]) else None


def _fan(middle: Vector) -> Values:
    """Unit directions (n, 3) about one, turned aside, up and down, none too steep."""
    yaw = np.arctan2(middle[0], middle[2]) + YAWS
    pitch = np.clip(np.arcsin(np.clip(middle[1], -1, 1)) + PITCHES, -MOST_RISE, MOST_SINK)
    yaw, pitch = (grid.ravel() for grid in np.meshgrid(yaw, pitch))
    fan = [np.cos(pitch) * np.sin(yaw), np.sin(pitch), np.cos(pitch) * np.cos(yaw)]
    return np.stack(fan, axis=1)


def _shown(world: _World, position: Vector, look: Vector) -> Vector:
    """The look, turned back toward the photo's until the picture's border isn't seen."""

    def safe(share: float) -> bool:
        turned = slerp(FORWARD, look, share)
        return border_stays_outside(world.border, world.camera, position, turned)

    return slerp(FORWARD, look, largest_safe_fraction(safe, 6))


def _few_waypoints(places: Values, looks: Values, obstacles: Obstacles) -> CameraPath:
    """The fewest waypoints whose curve keeps to the steps (n, 3) and keeps the clearance.

    Where not even the most do, the flight is cut short.
    """
    path = CameraPath.through(places[:1], looks[:1])
    share = 1.0 if len(places) > 1 else 0.0
    while share > 0.05:
        for count in range(MIN_POINTS, MAX_POINTS + 1):
            path = _waypoints(places, looks, share, count)
            if obstacles.clear_of(path) and (count == MAX_POINTS or _follows(path, places)):
                return path
        share *= SHORTER
    return CameraPath.through(places[:1], looks[:1])


def _waypoints(places: Values, looks: Values, share: float, count: int) -> CameraPath:
    """`count` waypoints spaced evenly along the first `share` of the steps' line."""
    even = _along(places, np.concatenate([places, _smoothed(looks)], axis=1), share, count)
    return CameraPath.through(even[:, :3], even[:, 3:])


def _along(places: Values, values: Values, share: float, count: int) -> Values:
    """Values (n, C) at the places (n, 3) of a line, read `count` times along a share of it."""
    traveled = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1)))
    wanted = np.linspace(0.0, share * traveled[-1], count)
    return np.stack([np.interp(wanted, traveled, column) for column in values.T], axis=1)


def _smoothed(looks: Values) -> Values:
    """Looks (n, 3) averaged over neighboring steps; the first stays."""
    from scipy import ndimage  # here, because enabling the add-on must not load SciPy

    smooth = ndimage.gaussian_filter1d(looks, SMOOTH_STEPS, axis=0, mode="nearest")
    smooth[0] = looks[0]
    return smooth


def _follows(path: CameraPath, places: Values) -> bool:
    """Whether the path's curve stays near to the line of the steps."""
    from scipy.spatial import cKDTree  # here, because enabling the add-on must not load SciPy

    samples = sampled_path(path, 4 * len(places)).positions
    fine = _along(places, places, 1.0, 8 * len(places))
    return float(cKDTree(fine).query(samples)[0].max()) < NEAR_LINE


def _within(look: Vector, move: Vector, most: float) -> Vector:
    """The look, turned toward `move` until it is at most `most` radians off it."""
    angle = float(_angle(look[None], move)[0])
    return look if angle <= most else slerp(move, look, most / angle)


def _angle(directions: Values, other: Vector) -> Values:
    """Angles (n,) between unit vectors (n, 3) and one, radians."""
    return np.arccos(np.clip(directions @ other, -1.0, 1.0))


def _unit(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)
