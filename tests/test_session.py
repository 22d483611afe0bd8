"""What stays on the GPU between frames, the viewport's coarse pictures, capability, memory."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import render_scene
from render_scene import HEIGHT, WIDTH, add_flight, photo_flight, rendered

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
extract, film, finish_pass, session, timing, view, viewport = (
    import_module(f"make_4d.render.{name}")
    for name in ("extract", "frame_request", "finish_pass", "session", "timing", "view", "viewport")
)


@pytest.fixture
def scene(empty_blend) -> Iterator:
    try:
        import_module("gpu").init()
    except SystemError as error:
        pytest.skip(f"no GPU context here: {error}")
    with render_scene.opened(empty_blend) as scene:
        session.drop()
        yield scene
        session.drop()


@pytest.fixture
def seen(scene, make_scene_data):
    """A flight's clouds and a film of the photo's camera."""
    scene_data, camera = photo_flight(make_scene_data, True)
    add_flight(scene, scene_data, 3 / 8)
    clouds = extract.visible_clouds(bpy.context.evaluated_depsgraph_get())
    blender = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    lens, center = (camera.focal, camera.focal), (camera.cx, camera.cy)
    through = view.View(blender, lens, center, WIDTH, HEIGHT, (0.01, 1000.0))
    wanted = film.FrameRequest(through, frozenset({"Combined"}), None, 8)
    return SimpleNamespace(clouds=clouds, film=wanted)


def picture(kept, wanted):
    return finish_pass.read_passes(kept.draw(wanted), wanted)["Combined"].copy()


def test_only_what_changed_is_sent_again(seen) -> None:
    kept = session.Session()
    kept.update(seen.clouds)
    first = kept.store.uploads
    assert first == len(seen.clouds) + 2
    picture(kept, seen.film)
    buffers = kept._nearest
    # The same points anew, as another frame reads them, and a camera that moved: nothing is sent.
    kept.update([replace(cloud, position=cloud.position.copy()) for cloud in seen.clouds])
    turned = replace(seen.film.view, world_to_camera=np.eye(4))
    picture(kept, replace(seen.film, view=turned))
    assert kept.store.uploads == first
    assert kept._nearest is buffers
    # One cloud moves: its places are sent, nothing else.
    moved = [
        replace(cloud, position=cloud.position + np.float32(0.1)) if cloud.moving else cloud
        for cloud in seen.clouds
    ]
    kept.update(moved)
    assert kept.store.uploads == first + 1
    # A picture of another size needs other buffers.
    larger = replace(seen.film, view=replace(seen.film.view, width=WIDTH + 1))
    picture(kept, larger)
    assert kept._nearest is not buffers
    assert kept.store.uploads == first + 1


def test_what_is_kept_draws_as_what_is_new(seen) -> None:
    kept = session.Session()
    for shift in (0.0, 0.05, 0.0):
        clouds = [replace(c, position=c.position + np.float32(shift)) for c in seen.clouds]
        kept.update(clouds)
        new = session.Session()
        new.update(clouds)
        np.testing.assert_array_equal(picture(kept, seen.film), picture(new, seen.film))
    # Fewer points than the buffers hold: what is left in them is not drawn.
    kept.update(seen.clouds[:1])
    new = session.Session()
    new.update(seen.clouds[:1])
    np.testing.assert_array_equal(picture(kept, seen.film), picture(new, seen.film))


def test_pictures_do_not_depend_on_the_order_of_work(seen) -> None:
    kept = session.Session()
    kept.update(seen.clouds)
    first = picture(kept, seen.film)
    for _ in range(5):
        np.testing.assert_array_equal(picture(kept, seen.film), first)


def test_what_nothing_moving_touches_is_drawn_once(seen, monkeypatch) -> None:
    nearest_pass = import_module("make_4d.render.nearest_pass")
    kept = session.Session()
    kept.update(seen.clouds)
    once = picture(kept, seen.film)
    skipped = kept._nearest._images["touched"].read().to_list()
    assert 0.1 < np.mean(skipped) < 0.9
    # With every block marked the backward picture is drawn everywhere.
    sent = nearest_pass.NearestPass._bin

    def mark_all(self, *given) -> None:
        sent(self, *given)
        self._images["touched"].clear(format="UINT", value=(1,))

    monkeypatch.setattr(nearest_pass.NearestPass, "_bin", mark_all)
    np.testing.assert_allclose(picture(kept, seen.film), once, atol=2e-6)


def test_frames_share_what_the_gpu_keeps(scene, make_scene_data, tmp_path) -> None:
    scene_data, _ = photo_flight(make_scene_data, False)
    add_flight(scene, scene_data)
    scene.make_4d_engine.method = "NEAREST"
    rendered(scene, tmp_path)
    uploads = session.kept().store.uploads
    assert uploads == 3
    scene.camera.location.y += 0.1
    rendered(scene, tmp_path)
    assert session.kept().store.uploads == uploads
    bpy.ops.wm.read_factory_settings(use_empty=True)  # another file: all is given back
    assert session.kept().store.uploads == 0


@pytest.mark.parametrize("method", ["NEAREST", "SORTED"])
def test_coarse_while_the_view_moves(seen, monkeypatch, method: str) -> None:
    now = [100.0]
    monkeypatch.setattr(viewport.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(viewport.extract, "visible_clouds", lambda _: seen.clouds)
    again = []
    monkeypatch.setattr(viewport, "redraw_later", lambda: again.append(now[0]))
    shown = viewport.Viewport()
    sizes = []

    def draw(wanted) -> None:
        shown._prepare(wanted, None, method)
        sizes.append((shown._texture.width, shown._texture.height))

    full, half = (WIDTH, HEIGHT), (-(-WIDTH // 2), -(-HEIGHT // 2))
    draw(seen.film)
    turned = replace(seen.film, view=replace(seen.film.view, world_to_camera=np.eye(4)))
    draw(turned)
    texture = shown._texture
    draw(turned)
    assert shown._texture is texture  # nothing changed: shown again, not drawn
    now[0] += viewport.STILL_AFTER
    draw(turned)
    assert sizes == [full, half, half, full]
    assert again == [100.0, 100.0]
    shown.scene_changed()
    draw(turned)
    assert sizes[-1] == half


def test_the_coarse_picture_shows_the_same(seen) -> None:
    def smooth(cloud):
        color = np.ones((len(cloud.position), 4), np.float32)
        color[:, :2] = cloud.position[:, ::2] / cloud.position[:, 1:2] + 0.5
        return replace(cloud, color=color)

    kept = session.Session()
    kept.update([smooth(cloud) for cloud in seen.clouds])
    opaque = replace(seen.film, background=(0.0, 0.0, 0.0))
    full = picture(kept, opaque)[::-1]
    half = picture(kept, viewport.coarse(opaque))[::-1]
    rows, columns = HEIGHT // 2, WIDTH // 2
    shrunk = full[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(half[:rows, :columns], shrunk, atol=0.05)


def test_the_gpu_is_tried_before_it_is_trusted(scene, monkeypatch) -> None:
    capability, draw = (import_module(f"make_4d.render.{n}") for n in ("capability", "draw"))
    capability.nearest_works.cache_clear()
    assert capability.nearest_works()
    assert draw.chosen_method("AUTO") == "NEAREST"
    # Lists that lose what lies behind their first disc, as without working atomics.
    capability.nearest_works.cache_clear()
    monkeypatch.setattr(capability, "_probe", lambda: np.zeros((4, 4, 4), np.float32))
    assert not capability.nearest_works()
    assert draw.chosen_method("AUTO") == "SORTED"
    assert draw.chosen_method("NEAREST") == "NEAREST"
    capability.nearest_works.cache_clear()


def test_timing_counts_the_parts(scene, make_scene_data, tmp_path) -> None:
    scene_data, _ = photo_flight(make_scene_data, False)
    add_flight(scene, scene_data)
    timing.taken()
    for method in ("NEAREST", "SORTED"):
        scene.make_4d_engine.method = method
        rendered(scene, tmp_path)
        taken = timing.taken()
        assert set(taken) <= set(timing.PARTS)
        assert {"read", "upload", "sort", "draw"} <= set(taken)
    assert not timing.taken()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't tell the memory this way")
def test_memory_does_not_grow(scene, make_scene_data, tmp_path) -> None:
    scene_data, _ = photo_flight(make_scene_data, True)
    add_flight(scene, scene_data, 3 / 8)
    scene.render.resolution_percentage = 400
    for method in ("NEAREST", "SORTED"):
        scene.make_4d_engine.method = method
        for _ in range(6):
            rendered(scene, tmp_path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(30):
            rendered(scene, tmp_path)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        # A target of this size is 0.7 MB; thirty frames that each lost one would show.
        assert grown < 8, method


ENDS = """
import sys; sys.path.insert(0, sys.argv[1])
import bpy, conftest, gpu, numpy, render_scene
gpu.init()
conftest.PACKAGE.register()
bpy.ops.wm.read_factory_settings(use_empty=True)
with render_scene.opened(bpy) as scene:
    render_scene.add(scene, render_scene.random_points(numpy.random.default_rng(0)))
    bpy.ops.render.render(scene=scene.name)
"""


def test_blender_ends_in_peace_after_a_render(scene, root, tmp_path) -> None:
    """Nothing is left on the GPU that would be freed after it, also without `unregister`."""
    script = tmp_path / "ends.py"
    script.write_text(ENDS)
    command = [sys.executable, str(script), str(root / "tests")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
