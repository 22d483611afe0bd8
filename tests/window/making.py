"""Steps: press Make 4D, orbit during the job, cancel it, and let one finish."""

from __future__ import annotations

import time
from collections.abc import Iterator

import bpy
from artist import Artist
from freeze import Freezes

SMALL = 256
LONGEST_MS, LONGEST_BUILD_MS = 100, 1000
"""How long the add-on may freeze the window during a job, and when its scene is built."""


def orbit_without_a_job(you: Artist) -> Iterator[float]:
    """Measure freezes without a job, to compare with those during a job."""
    you.freezes = Freezes()
    yield from you.orbit(3)
    you.note("freezes", you.freezes.close())


def click_make_and_orbit(you: Artist) -> Iterator[float]:
    """Click Make 4D; the progress bar moves while the view is orbited."""
    before = you.view.view_rotation.copy()
    you.freezes = Freezes()
    yield from you.click_on("make_4d.make")
    yield from you.wait_until(lambda: you.job is not None, "the job to start", 5)
    fractions = [you.job.fraction]
    for number in range(3):
        yield from you.orbit(1.5)
        if you.job is None:
            break
        fractions.append(you.job.fraction)
        you.screenshot(f"bar-{number + 1}")
    yield from you.wait_until(lambda: not you.job or you.job.fraction > fractions[0], "the bar", 20)
    fractions.append(you.job.fraction if you.job else 1.0)
    you.note("freezes", you.freezes.close())
    you.note("fractions", [round(fraction, 3) for fraction in fractions])
    assert sorted(fractions) == fractions and fractions[-1] > fractions[0], "the bar does not move"
    turned = you.view.view_rotation.rotation_difference(before).angle
    you.note("turned_by", round(turned, 3))
    assert turned > 0.01, "the view did not turn while the job ran"
    assert you.notes["freezes"]["add_on_ms"] < LONGEST_MS, you.notes["freezes"]


def cancel(you: Artist) -> Iterator[float]:
    """Click Cancel: the job ends soon, and no scene is made."""
    assert you.job is not None, "the job ended before it could be canceled"
    yield from you.click_on("make_4d.cancel")
    started = time.monotonic()
    yield from you.wait_until(lambda: you.job is None, "the job to end", 15)
    you.note("seconds_to_end", round(time.monotonic() - started, 2))
    clouds = [o for o in bpy.data.objects if o.type == "POINTCLOUD"]
    assert not clouds, "a canceled job made a scene"


def make_to_the_end(you: Artist) -> Iterator[float]:
    """Click Make 4D again with a small size; the scene appears, seen through its camera."""
    you.settings.size = SMALL
    bpy.ops.ed.undo_push(message="Size")
    you.freezes = Freezes()
    yield from you.click_on("make_4d.make")
    yield from you.wait_until(lambda: you.job is not None, "the job to start", 5)
    started = time.monotonic()
    while you.job is not None and time.monotonic() - started < 100:
        yield from you.orbit(0.5)
    you.note("job_seconds", round(time.monotonic() - started, 1))
    yield 2.0
    you.note("freezes", you.freezes.close())
    points = count_points(you)
    you.note("points", points)
    assert points > 10_000 and you.scene.camera, "no scene was made"
    assert you.notes["freezes"]["add_on_ms"] < LONGEST_BUILD_MS, you.notes["freezes"]


def count_points(you: Artist) -> int:
    """Points in the clouds of the scene that the window shows."""
    return sum(len(o.data.points) for o in you.scene.objects if o.type == "POINTCLOUD")


def undo_and_redo(you: Artist) -> Iterator[float]:
    """Undo removes the whole result with one press of Ctrl-Z, and redo restores it."""
    made = count_points(you)
    assert made, "there is nothing to undo"
    yield from you.hand.move(*you.middle())
    presses = 0
    while count_points(you) and presses < 5:
        presses += 1
        yield from you.hand.key("Z", ctrl=True)
        yield 1.5
    you.note("presses", presses)
    you.screenshot("undone")
    for _ in range(presses):
        yield from you.hand.key("Z", ctrl=True, shift=True)
        yield 1.5
    assert count_points(you) == made, "redo does not restore the result"
    assert presses == 1, f"it takes {presses} undo steps to remove the result"
