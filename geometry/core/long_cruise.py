"""A long cruise: many steps of autocruise, each on what the camera would see next.

Each step draws the cloud from its pose, asks autocruise where to look and to move, and then steers:
of the directions around that one it takes one that stays clear of obstacles ahead. The steps are
then reduced to a few waypoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .autocruise import CruiseSettings, CruiseState, cruise_step
from .camera import FloatArray, Intrinsics, Vector, look_rotation
from .camera_path import DOWN, FORWARD, CameraPath, PathError, sampled_path, slerp
from .low_view import low_camera, render_low
from .obstacles import CLEARANCE, Obstacles
from .packages import load_scipy
from .path_limits import border_stays_outside, largest_safe_fraction
from .travel import Values

REQUIRES = ("scipy",)

AHEAD = 2.0
"""Scene units that a step looks ahead along each direction."""
PROBES = 12
"""Positions along a direction at which its distance to obstacles is tested."""
COMFORT = 3.0
"""Directions that come closer to an obstacle than this many clearances get a penalty."""
YAWS = np.radians(np.arange(-80.0, 81.0, 8.0))
PITCHES = np.radians(np.arange(-30.0, 31.0, 7.5))
"""Angles by which directions are turned to the side and up or down."""
MAX_RISE, MAX_SINK = np.radians(40.0), np.radians(20.0)
"""Steepest directions up and down."""
MAX_LOOK_OFFSET = np.radians(15.0)
"""Largest angle between look and move, unless the photo's border would be visible."""
MIN_POINTS, MAX_POINTS = 3, 7
"""Number of waypoints."""
NEAR_LINE = 0.08
"""Largest distance, in scene units, between the curve and the line of the steps."""
SMOOTH_STEPS = 1.5
"""Standard deviation, in steps, of the Gaussian that smooths the looks."""
SHORTER = 0.85
"""Factor by which a path is shortened until it is clear of obstacles."""
MAX_STEPS = 400
NOT_POSITIVE = "Length, speed and clearance of a long cruise must be more than 0."
TOO_MANY_STEPS = "The long cruise would take {steps} steps: at most {most} are possible."


@dataclass(frozen=True)
class LongCruise:
    """Settings of a long cruise.

    Attributes:
        length: Length of the path in scene units.
        cruise: Settings of each step.
        clearance: Distance in scene units that the camera keeps from every point.
        avoidance: How strongly a step turns away from obstacles ahead, 0 or more.
    """

    length: float = 3.0
    cruise: CruiseSettings = field(default_factory=lambda: CruiseSettings(speed=0.15, lerp=0.3))
    clearance: float = CLEARANCE
    avoidance: float = 1.0

    @property
    def steps(self) -> int:
        """Number of steps; the last one may be shorter."""
        return max(1, int(np.ceil(self.length / self.cruise.speed - 1e-6)))


@dataclass(frozen=True, eq=False)
class _World:
    """What a cruise flies through: the cloud, its obstacles, and the photo's border."""

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
    """Return a path of 3 to 7 waypoints from the photo's pose around or over obstacles.

    The path keeps the clearance, or less if the photo itself was taken closer to something. It is
    shorter than requested if it can't continue.

    Args:
        points: Positions (P, 3) in scene units and the camera frame.
        radius: Radii (P,) in scene units.
        camera: Intrinsics of the photo.
        settings: Settings of the cruise.
        border: Points (n, 3) on the outpainted photo's border, beyond which the camera doesn't
            look.

    Raises PathError if length, speed or clearance aren't positive, or if there would be too many
    steps; MissingPackageError without SciPy.
    """
    if min(settings.length, settings.cruise.speed, settings.clearance) <= 0.0:
        raise PathError(NOT_POSITIVE)
    if settings.steps > MAX_STEPS:
        raise PathError(TOO_MANY_STEPS, steps=settings.steps, most=MAX_STEPS)
    reach = settings.length + AHEAD + settings.clearance
    obstacles = Obstacles.near(points, reach, settings.clearance)
    none = np.zeros((0, 3), np.float32)
    edge = none if border is None else border
    world = _World(points, radius, low_camera(camera), obstacles, edge)
    return _few_waypoints(*_steps(world, settings), obstacles)


def _steps(world: _World, settings: LongCruise) -> tuple[Values, Values]:
    """Return positions and looks (n, 3) after each step, the photo's pose first."""
    position, look, move = np.zeros(3), FORWARD, FORWARD
    positions, looks = [position], [look]
    left = settings.length
    for _ in range(settings.steps):
        target_look, target = _targets(world, position, look, move, settings.cruise)
        step = min(settings.cruise.speed, left)
        steered = _steer(world.obstacles, position, target, move, step, settings.avoidance)
        if steered is None:
            break
        move = steered
        position, left = position + step * move, left - step
        look = _limit_to_border(world, position, _limit_angle(target_look, move, MAX_LOOK_OFFSET))
        positions.append(position)
        looks.append(look)
    return np.array(positions), np.array(looks)


def _targets(
    world: _World, position: Vector, look: Vector, move: Vector, settings: CruiseSettings
) -> tuple[Vector, Vector]:
    """Return unit look and move directions after a step of autocruise on the present view.

    The paper's autocruise takes its targets along the photo's axes; here they are taken along the
    axes of the turned camera.
    """
    view = render_low(world.points, world.radius, world.camera, position, look)
    disparity = np.clip(1.0 / view.depth, 0.0, 1.0)
    turn = look_rotation(look, DOWN)
    state = CruiseState(np.zeros(3), turn @ look, turn @ move)
    after = cruise_step(state, disparity, world.camera.matrix, settings)
    return _unit(after.look @ turn), _unit(after.move @ turn)


def _steer(
    obstacles: Obstacles,
    position: Vector,
    target: Vector,
    before: Vector,
    step: float,
    avoidance: float,
) -> Vector | None:
    """Return the best direction around `target` whose next step keeps the clearance, or None.

    The cost of a direction rises with its angle to `target` and to the direction before, and with
    how close it comes to obstacles ahead; most of all if it is blocked there.
    """
    directions = _fan(target)
    ahead = np.append(step, np.linspace(step, max(AHEAD, step), PROBES))
    positions = position + directions[:, None] * ahead[:, None]
    comfort = COMFORT * max(obstacles.clearance, 1e-6)
    distance = obstacles.distance(positions.reshape(-1, 3), comfort).reshape(len(directions), -1)
    free = np.logical_and.accumulate(distance >= obstacles.clearance, axis=1)
    tight = np.clip(1.0 - distance / comfort, 0.0, 1.0).mean(axis=1)
    cost = _angle(directions, target) ** 2 + 0.5 * _angle(directions, before) ** 2
    cost += avoidance * (2.0 * tight + 4.0 * (1.0 - free.mean(axis=1)))
    cost[~free[:, 0]] = np.inf
    best = int(np.argmin(cost))
    return directions[best] if np.isfinite(cost[best]) else None


def _fan(middle: Vector) -> Values:
    """Return unit directions (n, 3) around one, turned to the sides, up and down within limits."""
    yaw = np.arctan2(middle[0], middle[2]) + YAWS
    pitch = np.clip(np.arcsin(np.clip(middle[1], -1, 1)) + PITCHES, -MAX_RISE, MAX_SINK)
    yaw, pitch = (grid.ravel() for grid in np.meshgrid(yaw, pitch))
    fan = [np.cos(pitch) * np.sin(yaw), np.sin(pitch), np.cos(pitch) * np.cos(yaw)]
    return np.stack(fan, axis=1)


def _limit_to_border(world: _World, position: Vector, look: Vector) -> Vector:
    """Turn a look back toward the photo's until the photo's border isn't visible."""

    def safe(fraction: float) -> bool:
        turned = slerp(FORWARD, look, fraction)
        return border_stays_outside(world.border, world.camera, position, turned)

    return slerp(FORWARD, look, largest_safe_fraction(safe, 6))


def _few_waypoints(positions: Values, looks: Values, obstacles: Obstacles) -> CameraPath:
    """Return the fewest waypoints whose curve follows the steps (n, 3) and keeps the clearance.

    If even MAX_POINTS of them don't, the path is shortened.
    """
    path = CameraPath.through(positions[:1], looks[:1])
    fraction = 1.0 if len(positions) > 1 else 0.0
    while fraction > 0.05:
        for count in range(MIN_POINTS, MAX_POINTS + 1):
            path = _waypoints(positions, looks, fraction, count)
            if obstacles.clear_of(path) and (count == MAX_POINTS or _follows(path, positions)):
                return path
        fraction *= SHORTER
    return CameraPath.through(positions[:1], looks[:1])


def _waypoints(positions: Values, looks: Values, fraction: float, count: int) -> CameraPath:
    """Return `count` waypoints, evenly spaced along the first fraction of the line of steps."""
    even = _along(positions, np.concatenate([positions, _smoothed(looks)], axis=1), fraction, count)
    return CameraPath.through(even[:, :3], even[:, 3:])


def _along(positions: Values, values: Values, fraction: float, count: int) -> Values:
    """Resample values (n, C) at positions (n, 3) of a line: `count` of them along a fraction."""
    traveled = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(positions, axis=0), axis=1)))
    even = np.linspace(0.0, fraction * traveled[-1], count)
    return np.stack([np.interp(even, traveled, column) for column in values.T], axis=1)


def _smoothed(looks: Values) -> Values:
    """Smooth looks (n, 3) over neighboring steps; the first one stays."""
    smooth = load_scipy("ndimage").gaussian_filter1d(looks, SMOOTH_STEPS, axis=0, mode="nearest")
    smooth[0] = looks[0]
    return smooth


def _follows(path: CameraPath, positions: Values) -> bool:
    """Whether the path's curve stays close to the line of steps."""
    tree_of = load_scipy("spatial").cKDTree
    samples = sampled_path(path, 4 * len(positions)).positions
    fine = _along(positions, positions, 1.0, 8 * len(positions))
    return float(tree_of(fine).query(samples)[0].max()) < NEAR_LINE


def _limit_angle(look: Vector, move: Vector, limit: float) -> Vector:
    """Turn a look toward `move` until the angle between them is at most `limit` radians."""
    angle = float(_angle(look[None], move)[0])
    return look if angle <= limit else slerp(move, look, limit / angle)


def _angle(directions: Values, other: Vector) -> Values:
    """Return the angles (n,) in radians between unit vectors (n, 3) and one vector (3,)."""
    return np.arccos(np.clip(directions @ other, -1.0, 1.0))


def _unit(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)
