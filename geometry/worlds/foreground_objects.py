"""Made things close to the camera: fences, nets, walls, lamps, people, cars, boats, birds."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..landscapes.materials import Air
from . import facades, foreground, people, surfaces, vehicles
from .draw import Draw
from .foreground import Stage
from .furniture import Fittings
from .parts import Solid, turned
from .place import Foreground, Place


def _line(stage: Stage, near: float, far: float) -> np.ndarray:
    """Return points (N, 3) on the ground of a line across the view, a quarter of a meter apart."""
    draw = stage.draw
    away = draw.log_uniform(near, far) * max(1.0, stage.rise / 2.5)
    turn, long = draw.choice((0.0, draw.uniform(-1.2, 1.2))), 2.2 * away + 4
    along = np.arange(-long / 2, long / 2, 0.25)
    flat = turned(np.column_stack([along, 0 * along]), turn, (draw.uniform(-0.3, 0.3) * away, away))
    flat = flat[flat[:, 1] > 0.6]
    if draw.chance(0.3):  # it ends within the view
        flat = flat[: len(flat) // 2]
    return np.column_stack([flat, stage.where.height(*flat.T)])


def fence(draw: Draw, air: Air, where: Place) -> None:
    """Add a fence, railing or balustrade across the view."""
    stage = Stage(draw, air, where)
    solid, line = stage.site.upright, _line(stage, 1.3, 6.0)
    line = line[line[:, 2] > where.floor]
    if len(line) < 5:
        return
    iron = stage.site.slot(surfaces.paint(air, draw.near_color(draw.choice(surfaces.METALS)), 0.4))
    wood = stage.site.slot(
        surfaces.paint(air, draw.near_color(draw.choice(("6a5646", "8a7a66", "e8e4dc", "5a3a2a"))))
    )
    kind, tall = draw.choice(("bars", "rails", "pickets", "stone", "ropes")), draw.uniform(0.8, 1.3)
    up = np.array([0, 0, 1.0])
    if kind == "stone":
        for foot in line[::1]:
            solid.lathe([(0.06, 0), (0.1, 0.3), (0.05, 0.6), (0.08, tall)], wood, 8, foot)
        _beam(solid, line + tall * up, 0.14, wood)
        stage.site.finish()
        return
    rails = {"bars": (0.1, tall), "rails": (0.35 * tall, 0.65 * tall, tall), "ropes": (tall,),
             "pickets": (0.25 * tall, 0.75 * tall)}[kind]  # fmt: skip
    slot = iron if kind == "bars" else wood
    for z in rails:
        _beam(solid, line + z * up, 0.03 if kind in ("bars", "ropes") else 0.05, slot)
    for foot in line[:: 1 if kind in ("bars", "pickets") else 8]:
        if kind == "pickets":
            solid.box(foot - [0.045, 0.02, 0.2], np.add(foot, [0.045, 0.02, tall * 1.1]), slot)
        else:
            thick = 0.012 if kind == "bars" else 0.07
            solid.post(foot - [0, 0, 0.3], tall + 0.35, thick, 6, slot)
    if kind == "bars":
        for shift in (0.08, 0.16):
            for foot in line[:-1] + shift / 0.25 * np.diff(line, axis=0):
                solid.post(foot, tall, 0.012, 4, slot)
    stage.site.finish()


def _beam(solid: Solid, line: np.ndarray, thick: float, slot: int) -> None:
    solid.tube(line[::4] if len(line) > 8 else line, thick, 5, slot)


def net(draw: Draw, air: Air, where: Place) -> None:
    """Add a wire net, a lattice or bars through which the world is seen."""
    stage = Stage(draw, air, where)
    solid, away = stage.site.upright, draw.log_uniform(0.7, 3.0)
    slot = stage.site.slot(surfaces.paint(air, draw.near_color(draw.choice(surfaces.METALS)), 0.4))
    step, slant = away * draw.log_uniform(0.05, 0.35), draw.choice((0.0, 0.785, 0.5))
    thick = step * draw.log_uniform(0.02, 0.09)
    reach, yaw = 1.6 * away, draw.uniform(-0.6, 0.6)
    top = draw.choice((reach, reach, draw.uniform(-0.2, 0.3) * away))
    for turn in (slant, slant + np.pi / 2) if draw.chance(0.85) else (np.pi / 2,):
        for out in np.arange(-reach, reach, step):
            ends = turned([(-2 * reach, out), (2 * reach, out)], turn)
            first, second = _clipped(ends, reach, top)
            if first is None:
                continue
            start, end = (
                (*turned((x, 0.0), yaw, (0.0, away)), stage.eye + z) for x, z in (first, second)
            )
            solid.bar(start, end, thick, slot)
    stage.site.finish()


def _clipped(ends: np.ndarray, reach: float, top: float) -> tuple[Any, Any]:
    """Return the part of a line within |x| < reach, -reach < z < top, or two Nones."""
    along = ends[1] - ends[0]
    low, high = 0.0, 1.0
    for axis, bottom, upper in ((0, -reach, reach), (1, -reach, top)):
        if abs(along[axis]) < 1e-9:
            if not bottom < ends[0][axis] < upper:
                return None, None
            continue
        cuts = sorted(
            ((bottom - ends[0][axis]) / along[axis], (upper - ends[0][axis]) / along[axis])
        )
        low, high = max(low, cuts[0]), min(high, cuts[1])
    return (ends[0] + low * along, ends[0] + high * along) if low < high else (None, None)


def edge(draw: Draw, air: Air, where: Place) -> None:
    """Add the edge of a wall at one side, or a doorway, arch or window around the view."""
    stage = Stage(draw, air, where)
    solid, away = stage.site.upright, draw.log_uniform(1.2, 5.0)
    look = facades.draw_look(draw, ("plaster", "brick", "stone", "wood", "concrete"))
    plain = facades.Look(look.pattern, 4.0, 3.0, (0.0, 0.0, -9.0))
    wall = stage.site.slot(facades.facade(draw, air, draw.choice((look, plain))))
    low, high = stage.eye - 3 * away - 4, stage.eye + 4 * away + 4
    half = away * draw.uniform(0.25, 0.5)
    kind = draw.choice(("side", "side", "door", "window"))
    if kind == "side":
        side, deep = draw.choice((-1, 1)), draw.choice((0.3, away * 2))
        left, right = sorted((side * half, side * (half + 6 * away)))
        solid.box((left, away, low), (right, away + deep, high), wall)
    else:
        deep, top = draw.uniform(0.15, 0.6), stage.eye + away * draw.uniform(0.2, 0.5)
        for left, right in ((-half - 6 * away, -half), (half, half + 6 * away)):
            solid.box((left, away, low), (right, away + deep, high), wall)
        solid.box((-half, away, top), (half, away + deep, high), wall)
        if kind == "window":
            solid.box((-half, away, low), (half, away + deep, stage.eye - away * 0.35), wall)
        elif draw.chance(0.6):
            _arch(solid, away, deep, half, top, wall)
    stage.site.finish()


def _arch(solid: Solid, away: float, deep: float, half: float, top: float, slot: int) -> None:
    """Round the upper corners of an opening by a half circle below its top."""
    bend = np.linspace(0, np.pi, 17)
    x, z = half * np.cos(bend), top - half * (1 - np.sin(bend))
    for y in (away, away + deep):
        points = np.vstack(
            [np.column_stack([x, 0 * x + y, z]), np.column_stack([x, 0 * x + y, 0 * x + top])]
        )
        solid.add(points, [(k, k + 1, 18 + k, 17 + k) for k in range(16)], slot)
    ends = [np.column_stack([x, 0 * x + y, z]) for y in (away, away + deep)]
    solid.add(np.vstack(ends), [(k, k + 1, 18 + k, 17 + k) for k in range(16)], slot)


def lines(draw: Draw, air: Air, where: Place) -> None:
    """Add wires across the sky, with or without poles."""
    stage = Stage(draw, air, where)
    fit = Fittings(stage.site)
    away, tall = draw.log_uniform(4, 30), draw.uniform(5, 11)
    turn = draw.uniform(-1.3, 1.3)
    spots = turned([(-25, 0), (0, 0), (25, 0)], turn, (draw.uniform(-0.4, 0.4) * away, away))
    pole, has_poles = fit.pole(tall, draw.integer(1, 2)), draw.chance(0.7)
    tops = []
    for x, y in spots:
        z = max(stage.site.level(x, y), where.floor)
        if has_poles and y > 1.5:
            stage.site.upright.stand(pole, (x, y, z), turn + np.pi / 2)
        tops.append((x, y, z + tall - 0.2))
    count, gap = draw.integer(1, 6), draw.uniform(0.2, 0.6)
    for first, second in pairwise(tops):
        for n in range(count):
            out = (n - (count - 1) / 2) * gap
            shift = np.array([-np.sin(turn) * out, np.cos(turn) * out, draw.uniform(-0.5, 0)])
            ends = np.array(first) + shift, np.array(second) + shift
            fit.wire(*ends, sag=draw.uniform(0.2, 1.2), thick=draw.uniform(0.008, 0.025))
    stage.site.finish()


def fittings(draw: Draw, air: Air, where: Place) -> None:
    """Add lamps, benches, statues, signs or bins."""
    stage = Stage(draw, air, where)
    fit = Fittings(stage.site)
    for _ in range(draw.integer(1, 3)):
        make = draw.choice((fit.lamp, fit.bench, fit.statue, fit.sign, fit.small, fit.stall))
        facing = draw.uniform(-0.7, 0.7)
        stage.put(make(), 2.2 if make in (fit.sign, fit.small, fit.bench) else 4.0, 14, facing)
    stage.site.finish()


def persons(draw: Draw, air: Air, where: Place) -> None:
    """Add people, one close by or a group."""
    stage = Stage(draw, air, where)
    crowd = people.Crowd(stage.site, 3)
    near = draw.log_uniform(1.5, 6)
    for _ in range(int(draw.log_uniform(1, 9))):
        spot = stage.spot(near, 4 * near)
        if spot is not None:
            crowd.add(*spot)
    stage.site.finish()


def animals(draw: Draw, air: Air, where: Place) -> None:
    """Add a few animals of one kind."""
    stage = Stage(draw, air, where)
    coat, dark = (
        stage.site.slot(surfaces.paint(air, draw.near_color(draw.choice(people.COATS))))
        for _ in range(2)
    )
    solid = people.animal(draw, coat, dark)
    for _ in range(draw.integer(1, 6)):
        stage.put(solid, 2.5, 20)
    stage.site.finish()


def cars(draw: Draw, air: Air, where: Place) -> None:
    """Add a vehicle or several."""
    stage = Stage(draw, air, where)
    garage, turn = vehicles.Garage(stage.site), draw.uniform(0, 6.28)
    for _ in range(draw.integer(1, 4)):
        spot = stage.spot(4, 20)
        if spot is not None:
            garage.park(spot, turn + draw.choice((0.0, 3.14)) + draw.rng.normal(0, 0.1))
    stage.site.finish()


def bicycles(draw: Draw, air: Air, where: Place) -> None:
    """Add bicycles that stand about."""
    stage = Stage(draw, air, where)
    frame = stage.site.slot(surfaces.paint(air, draw.near_color(draw.choice(surfaces.PAINTS)), 0.5))
    tire = stage.site.slot(surfaces.paint(air, "18191b"))
    solid, turn = Solid(), draw.uniform(0, 6.28)
    vehicles.bicycle(solid, frame, tire)
    for _ in range(draw.integer(1, 4)):
        stage.put(solid, 1.8, 6, turn + draw.rng.normal(0, 0.3))
    stage.site.finish()


def boats(draw: Draw, air: Air, where: Place) -> None:
    """Add boats that lie on the ground, or on the water where there is some."""
    stage = Stage(draw, air, where)
    slots = [
        stage.site.slot(surfaces.paint(air, draw.near_color(draw.choice(surfaces.PAINTS)), 0.2))
        for _ in range(3)
    ]
    for _ in range(draw.integer(1, 4)):
        away = draw.log_uniform(4, 25) * max(1.0, stage.rise / 2.5)
        x = away * draw.uniform(-0.5, 0.5)
        ground = stage.site.level(x, away)
        z = max(ground - 0.05, where.floor - 0.15)
        if z < stage.eye - 0.5:
            solid = vehicles.boat(draw, *slots)
            stage.site.upright.stand(solid, (x, away, z), draw.uniform(0, 6.28))
    stage.site.finish()


def flyers(draw: Draw, air: Air, where: Place) -> None:
    """Add birds, balloons or flags in the air."""
    stage = Stage(draw, air, where)
    colors = draw.choice((people.COATS, surfaces.PAINTS))
    slot = stage.site.slot(surfaces.paint(air, draw.near_color(draw.choice(colors), 1.5)))
    solid, kind = Solid(), draw.choice(("birds", "balloon", "flag"), (4, 1, 1))
    if kind == "birds":
        solid = people.bird(draw, slot)
    elif kind == "balloon":
        solid.lathe([(0.05, 0), (0.25, 0.25), (0.5, 0.8), (0.42, 1.15), (0.01, 1.35)], slot, 16)
        solid.box((-0.08, -0.08, -0.3), (0.08, 0.08, -0.16), slot)
    else:
        t = np.linspace(0, 1, 9)
        wave = 0.06 * np.sin(7 * t)
        points = np.vstack([np.column_stack([t, wave, 0 * t + z]) for z in (0.0, 0.6)])
        solid.round(points, [(k, k + 1, 10 + k, 9 + k) for k in range(8)], slot)
        solid.post((0, 0, -6), 6.8, 0.03, 6, slot)
    for _ in range(int(draw.log_uniform(1, 12)) if kind == "birds" else draw.integer(1, 3)):
        away = draw.log_uniform(3, 30 if kind == "birds" else 60)
        at = (away * draw.uniform(-0.5, 0.5), away, stage.eye + away * draw.uniform(0.0, 0.4))
        size = draw.uniform(6, 14) if kind == "balloon" else draw.uniform(0.6, 1.6)
        stage.site.upright.stand(solid, at, draw.uniform(0, 6.28), size)
    stage.site.finish()


FOREGROUNDS = (
    Foreground("trunks", foreground.trunks, 1.5),
    Foreground("branches", foreground.branches, 3.0),
    Foreground("twigs", foreground.twigs, 1.5),
    Foreground("near-tree", foreground.near_tree, 2.0),
    Foreground("meadow", foreground.meadow, 1.5),
    Foreground("stones", foreground.stones, 0.8),
    Foreground("fence", fence, 1.5),
    Foreground("net", net, 1.0),
    Foreground("edge", edge, 1.0),
    Foreground("lines", lines, 1.0),
    Foreground("fittings", fittings, 1.2),
    Foreground("persons", persons, 3.0),
    Foreground("animals", animals, 1.8),
    Foreground("cars", cars, 2.2),
    Foreground("bicycles", bicycles, 0.5),
    Foreground("boats", boats, 0.5),
    Foreground("flyers", flyers, 0.7),
)
