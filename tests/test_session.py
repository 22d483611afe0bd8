"""What stays on the GPU between frames, the viewport's images, GPU capability, and memory."""

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
from make_4d.geometry.core.render_passes import PASSES, Blend, RenderPass
from render_scene import HEIGHT, WIDTH, add_flight, photo_flight, rendered

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
(
    cloud_cache,
    draw,
    engine,
    extract,
    finish_pass,
    frame_request,
    gpu_tools,
    session,
    view,
    viewport,
) = (
    import_module(f"make_4d.render.{name}")
    for name in (
        *("cloud_cache", "draw", "engine", "extract", "finish_pass", "frame_request", "gpu_tools"),
        *("session", "view", "viewport"),
    )
)
frame = import_module("make_4d.render.frame")
resources_module = import_module("make_4d.render.resources")


@pytest.fixture
def scene(empty_blend) -> Iterator:
    try:
        import_module("gpu").init()
    except SystemError as error:
        pytest.skip(f"no GPU context here: {error}")
    with render_scene.opened(empty_blend) as scene:
        yield scene
        engine.Make4DEngine.resources.drop_session()


@pytest.fixture
def resources(scene):
    """The resources of the registered engine."""
    return engine.Make4DEngine.resources


@pytest.fixture
def shot(scene, make_scene_data):
    """The clouds of moving scene data and a request of the photo's camera."""
    scene_data, camera = photo_flight(make_scene_data, True)
    add_flight(scene, scene_data, 3 / 8)
    clouds = extract.visible_clouds(bpy.context.evaluated_depsgraph_get())
    blender = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    lens, center = (camera.focal, camera.focal), (camera.cx, camera.cy)
    through = view.View(blender, lens, center, WIDTH, HEIGHT, (0.01, 1000.0))
    request = frame_request.FrameRequest(through, frozenset({"Combined"}), None, 8)
    return SimpleNamespace(clouds=clouds, request=request)


@pytest.fixture
def new_session(resources):
    """Makes sessions that use the engine's shaders."""
    return lambda: session.Session(resources.cache)


def image(drawing, clouds, request):
    targets = drawing.draw(clouds, request)
    return finish_pass.read_passes(targets, request)["Combined"].copy()


def test_only_changes_are_uploaded(shot, new_session) -> None:
    kept = new_session()
    image(kept, shot.clouds, shot.request)
    first = kept.store.uploads
    assert first == len(shot.clouds) + 2
    buffers = kept._nearest
    # The same points read again, and a camera that moved: nothing is uploaded.
    again = [replace(cloud, position=cloud.position.copy()) for cloud in shot.clouds]
    turned = replace(shot.request.view, world_to_camera=np.eye(4))
    image(kept, again, replace(shot.request, view=turned))
    assert kept.store.uploads == first
    assert kept._nearest is buffers
    # One cloud moves: only its points are uploaded.
    moved = [
        replace(cloud, position=cloud.position + np.float32(0.1)) if cloud.moving else cloud
        for cloud in shot.clouds
    ]
    image(kept, moved, shot.request)
    assert kept.store.uploads == first + 1
    # An image of another size needs other buffers.
    larger = replace(shot.request, view=replace(shot.request.view, width=WIDTH + 1))
    image(kept, moved, larger)
    assert kept._nearest is not buffers
    assert kept.store.uploads == first + 1


def test_attributes_of_a_pass_are_uploaded_once(shot, new_session) -> None:
    kept = new_session()
    image(kept, shot.clouds, shot.request)
    first = kept.store.uploads
    with_layer = replace(shot.request, pass_names=frozenset({"Combined", "Layer"}))
    for request in (with_layer, shot.request, with_layer):
        image(kept, shot.clouds, request)
        assert kept.store.uploads == first + 1


def test_a_row_of_the_table_is_enough_for_a_pass(shot, new_session, monkeypatch, rng) -> None:
    """GPU and numpy renderer draw a pass of any point attribute that the table names."""
    velocity = RenderPass(
        name="Velocity",
        channels="XYZ",
        kind="VECTOR",
        source="velocity",
        blend=Blend.MEAN,
        label="Velocity",
        inverted=True,
        empty=-7.0,
    )
    monkeypatch.setattr(frame_request, "PASSES", (*PASSES, velocity))
    clouds = [
        replace(c, extra={"velocity": rng.normal(size=c.position.shape).astype(np.float32)})
        for c in shot.clouds
    ]
    request = replace(shot.request, pass_names=frozenset({"Velocity"}), nearest=32)
    drawn = finish_pass.read_passes(new_session().draw(clouds, request), request)["Velocity"]
    expected = frame.render_clouds(clouds, request, frame.cpu_drawing)["Velocity"]
    assert drawn.shape == expected.shape == (HEIGHT, WIDTH, 3)
    assert 0.1 < expected.std() < 3
    np.testing.assert_allclose(drawn, expected, atol=2e-3)


def test_kept_buffers_draw_as_new_ones(shot, new_session) -> None:
    kept = new_session()
    for shift in (0.0, 0.05, 0.0):
        clouds = [replace(c, position=c.position + np.float32(shift)) for c in shot.clouds]
        expected = image(new_session(), clouds, shot.request)
        np.testing.assert_array_equal(image(kept, clouds, shot.request), expected)
    # Fewer points than the buffers hold: what is left in them is not drawn.
    fewer = shot.clouds[:1]
    expected = image(new_session(), fewer, shot.request)
    np.testing.assert_array_equal(image(kept, fewer, shot.request), expected)


def test_images_are_deterministic(shot, new_session) -> None:
    kept = new_session()
    first = image(kept, shot.clouds, shot.request)
    for _ in range(5):
        np.testing.assert_array_equal(image(kept, shot.clouds, shot.request), first)


def test_blocks_without_motion_are_drawn_once(shot, new_session, monkeypatch) -> None:
    nearest_pass = import_module("make_4d.render.nearest_pass")
    kept = new_session()
    once = image(kept, shot.clouds, shot.request)
    touched = kept._nearest._images["touched"].read().to_list()
    assert 0.1 < np.mean(touched) < 0.9
    # With every block marked, the backward image is drawn everywhere.
    bin_points = nearest_pass.NearestPass._bin

    def mark_all(self, *given) -> None:
        bin_points(self, *given)
        self._images["touched"].clear(format="UINT", value=(1,))

    monkeypatch.setattr(nearest_pass.NearestPass, "_bin", mark_all)
    np.testing.assert_allclose(image(kept, shot.clouds, shot.request), once, atol=2e-6)


def test_frames_share_a_session(scene, resources, make_scene_data, tmp_path) -> None:
    scene_data, _ = photo_flight(make_scene_data, False)
    add_flight(scene, scene_data)
    scene.make_4d_engine.method = "NEAREST"
    rendered(scene, tmp_path)
    uploads = resources.session.store.uploads
    assert uploads == 3
    scene.camera.location.y += 0.1
    rendered(scene, tmp_path)
    assert resources.session.store.uploads == uploads
    bpy.ops.wm.read_factory_settings(use_empty=True)  # another file: everything is freed
    assert resources.session.store.uploads == 0


def test_a_render_soon_after_another_keeps_its_session(
    scene, resources, make_scene_data, monkeypatch, tmp_path
) -> None:
    """The timer of the first render does not free the session of the second."""
    scene_data, _ = photo_flight(make_scene_data, False)
    add_flight(scene, scene_data)
    scene.make_4d_engine.method = "NEAREST"
    timers = {}
    fake = SimpleNamespace(
        register=lambda function, **_: timers.update({function: True}),
        unregister=lambda function: timers.pop(function),
        is_registered=lambda function: function in timers,
    )
    blender = SimpleNamespace(app=SimpleNamespace(timers=fake, handlers=bpy.app.handlers))
    monkeypatch.setattr(resources_module, "bpy", blender)
    rendered(scene, tmp_path)
    first = resources.session
    assert timers
    sessions = []
    read = extract.visible_clouds

    def fire_timers(depsgraph):
        for function in list(timers):  # the time is up while the second render reads its points
            function()
        sessions.append(resources.session)
        return read(depsgraph)

    monkeypatch.setattr(extract, "visible_clouds", fire_timers)
    rendered(scene, tmp_path)
    assert sessions == [first]
    assert resources.session is first
    (expire,) = timers  # it runs again after the second render
    expire()
    assert resources.session is not first


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The viewport's time in seconds, and no timer for redraws."""
    now = [100.0]
    monkeypatch.setattr(viewport.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(viewport, "redraw_later", lambda: None)
    return now


@pytest.mark.parametrize("method", ["NEAREST", "SORTED"])
def test_coarse_while_the_view_moves(shot, resources, clock, monkeypatch, method: str) -> None:
    later = []
    monkeypatch.setattr(viewport, "redraw_later", lambda: later.append(clock[0]))
    shown = viewport.Viewport(resources)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    sizes = []

    def show(request) -> None:
        shown.prepare(request, depsgraph, method)
        sizes.append((shown._texture.width, shown._texture.height))

    full, half = (WIDTH, HEIGHT), (-(-WIDTH // 2), -(-HEIGHT // 2))
    show(shot.request)
    turned = replace(shot.request, view=replace(shot.request.view, world_to_camera=np.eye(4)))
    show(turned)
    texture = shown._texture
    show(turned)
    assert shown._texture is texture  # nothing changed: shown again, not drawn
    clock[0] += viewport.STILL_AFTER
    show(turned)
    assert sizes == [full, half, half, full]
    assert later == [100.0, 100.0]
    shown.scene_changed(depsgraph)
    show(turned)
    assert sizes[-1] == half


def no_room(*_, **__) -> None:
    raise gpu_tools.GpuUnavailableError("no room")


@pytest.mark.parametrize("failing", [1, 2])
def test_the_viewport_falls_back_to_a_simpler_method(
    shot, resources, clock, monkeypatch, failing: int
) -> None:
    shown = viewport.Viewport(resources)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    shown.prepare(shot.request, depsgraph, "NEAREST")
    expected, status = texture_values(shown), shown.status
    assert not status
    attempts = []
    monkeypatch.setattr(session.Session, "draw", lambda *_: attempts.append(None) or no_room())
    if failing == 2:
        monkeypatch.setattr(viewport.splat_pass, "SplatPass", no_room)
    shown.scene_changed(depsgraph)
    clock[0] += viewport.STILL_AFTER
    for _ in range(2):
        clock[0] += viewport.STILL_AFTER
        shown.prepare(shot.request, depsgraph, "NEAREST")
    message = (draw.SORTED_INSTEAD, draw.CPU_INSTEAD)[failing - 1]
    assert shown.status == message.format(error="no room")
    np.testing.assert_allclose(texture_values(shown), expected, atol=0.02)
    assert len(attempts) == 1  # not tried again until the scene changes
    monkeypatch.undo()
    shown.scene_changed(depsgraph)
    shown.prepare(shot.request, depsgraph, "NEAREST")
    assert not shown.status


def test_a_bug_in_the_viewport_is_not_hidden(shot, resources, clock, monkeypatch) -> None:
    def broken(*_) -> None:
        raise ValueError("shapes do not match")

    monkeypatch.setattr(session.PointStore, "update", broken)
    shown = viewport.Viewport(resources)
    with pytest.raises(ValueError, match="shapes do not match"):
        shown.prepare(shot.request, bpy.context.evaluated_depsgraph_get(), "NEAREST")


def texture_values(shown) -> np.ndarray:
    return np.array(shown._texture.read().to_list(), np.float32)


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """The names of the objects whose points are read."""
    names: list[str] = []
    read = extract.read_cloud

    def counted(evaluated, matrix):
        names.append(evaluated.name)
        return read(evaluated, matrix)

    monkeypatch.setattr(extract, "read_cloud", counted)
    return names


@pytest.fixture
def cache(scene) -> Iterator:
    """A cache that sees every update of the depsgraph, as a viewport does."""
    cache = cloud_cache.CloudCache()

    def note(_, depsgraph) -> None:
        cache.note_updates(depsgraph)

    bpy.app.handlers.depsgraph_update_post.append(note)
    bpy.app.handlers.frame_change_post.append(note)
    yield cache
    bpy.app.handlers.depsgraph_update_post.remove(note)
    bpy.app.handlers.frame_change_post.remove(note)


def test_only_changed_clouds_are_read_again(scene, cache, reads, rng) -> None:
    still, moving = (render_scene.add(scene, render_scene.random_points(rng)) for _ in range(2))
    still.name, moving.name = "still", "moving"

    def read():
        reads.clear()
        scene.view_layers[0].update()
        depsgraph = bpy.context.evaluated_depsgraph_get()
        clouds, names = cache.read(depsgraph), sorted(reads)
        expected = extract.visible_clouds(depsgraph)
        assert [cloud.key for cloud in clouds] == [cloud.key for cloud in expected]
        for cloud, other in zip(clouds, expected, strict=True):
            np.testing.assert_array_equal(cloud.position, other.position)
            np.testing.assert_array_equal(cloud.color, other.color)
            np.testing.assert_array_equal(cloud.matrix, other.matrix)
        return names

    assert read() == ["moving", "still"]
    assert read() == []
    moving.location.x += 0.5  # placed elsewhere; the points are the same
    assert read() == []
    moving.data.attributes["position"].data[0].vector.x += 1.0
    moving.data.update_tag()
    assert read() == ["moving"]
    modifier = moving.modifiers.new("nodes", "NODES")
    modifier.node_group = shifting_nodes()
    assert read() == ["moving"]
    scene.frame_set(scene.frame_current + 1)  # the modifier depends on the frame
    assert read() == ["moving"]
    still.hide_set(True)
    assert read() == []
    still.hide_set(False)
    assert set(read()) <= {"still"}
    moving.name = "renamed"
    assert set(read()) <= {"renamed"}
    bpy.data.objects.remove(still)
    assert read() == []


def shifting_nodes():
    """A node group that moves points by the frame number."""
    tree = bpy.data.node_groups.new("shift", "GeometryNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=direction, socket_type="NodeSocketGeometry")
    names = ("NodeGroupInput", "GeometryNodeSetPosition", "GeometryNodeInputSceneTime")
    given, shift, time = (tree.nodes.new(name) for name in names)
    result = tree.nodes.new("NodeGroupOutput")
    tree.links.new(given.outputs[0], shift.inputs["Geometry"])
    tree.links.new(time.outputs["Frame"], shift.inputs["Offset"])
    tree.links.new(shift.outputs[0], result.inputs[0])
    return tree


def test_the_coarse_image_shows_the_same(shot, new_session) -> None:
    def smooth(cloud):
        color = np.ones((len(cloud.position), 4), np.float32)
        color[:, :2] = cloud.position[:, ::2] / cloud.position[:, 1:2] + 0.5
        return replace(cloud, color=color)

    kept = new_session()
    clouds = [smooth(cloud) for cloud in shot.clouds]
    opaque = replace(shot.request, background=(0.0, 0.0, 0.0))
    full = image(kept, clouds, opaque)[::-1]
    half = image(kept, clouds, viewport.coarse(opaque))[::-1]
    rows, columns = HEIGHT // 2, WIDTH // 2
    shrunk = full[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(half[:rows, :columns], shrunk, atol=0.05)


def test_the_gpu_is_tested_before_nearest_points_is_chosen(resources, monkeypatch) -> None:
    capability = import_module("make_4d.render.capability")
    assert draw.chosen_method("AUTO", resources) == "NEAREST"
    # Lists that lose what is behind their first disc, as without working atomics.
    black = np.zeros((4, 4, 4), np.float32)
    monkeypatch.setattr(capability, "probe_image", lambda _: black)
    unsupported = resources_module.RenderResources()
    assert not unsupported.supports_nearest
    assert draw.chosen_method("AUTO", unsupported) == "SORTED"
    assert draw.chosen_method("NEAREST", unsupported) == "NEAREST"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't report memory this way")
def test_memory_does_not_grow(scene, make_scene_data, tmp_path) -> None:
    scene_data, _ = photo_flight(make_scene_data, True)
    add_flight(scene, scene_data, 3 / 8)
    scene.render.resolution_percentage = 400
    for method in ("NEAREST", "SORTED"):
        scene.make_4d_engine.method = method
        for _ in range(20):  # the allocator settles
            rendered(scene, tmp_path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(30):
            rendered(scene, tmp_path)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        # A target of this size is 0.7 MB: thirty frames that each leak one would show.
        assert grown < 8, method


EXITS = """
import sys; sys.path.insert(0, sys.argv[1])
import bpy, conftest, gpu, numpy, render_scene
gpu.init()
conftest.PACKAGE.register()
bpy.ops.wm.read_factory_settings(use_empty=True)
with render_scene.opened(bpy) as scene:
    render_scene.add(scene, render_scene.random_points(numpy.random.default_rng(0)))
    bpy.ops.render.render(scene=scene.name)
"""


def test_blender_exits_cleanly_after_a_render(scene, root, tmp_path) -> None:
    """Nothing outlives the GPU context, even without `unregister`."""
    script = tmp_path / "exits.py"
    script.write_text(EXITS)
    command = [sys.executable, str(script), str(root / "tests")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
