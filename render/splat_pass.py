"""The sorted GPU pass: discs far to near, soft and premultiplied, as batches of quads by instance.

It needs nothing of a GPU but blending and has no limit on the number of discs in a pixel, which is
where its pictures differ from `nearest_pass`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gpu
import numpy as np

from ..geometry.core.splat import UNDERPAINT_GAIN
from . import gpu_tools, timing
from .compose import Layers
from .frame import Draw, layers_of
from .frame_request import FrameRequest
from .gpu_tools import ROW_LENGTH, values_texture
from .scene_points import Order, Seen, feature_columns

DRAWS_AT_ONCE = 256 * ROW_LENGTH
"""Discs drawn at once, so that a stop is seen in between."""
QUADS = 64
"""Quads an instance: instances of a single quad leave most of a GPU's lanes idle."""
MAX_POINTS = (1 << 24) - 1
"""The order is sent as floats, and these count exactly to here."""


@contextmanager
def gpu_drawing(
    seen: Seen, film: FrameRequest, check: Callable[[], None] = lambda: None
) -> Iterator[Draw]:
    """The GPU as an `OpenDrawing`; all that it holds is freed at the end.

    check: called between pieces of the work, may raise to stop. Raises GpuUnavailableError.
    """
    with gpu_tools.gpu_errors():
        drawing = SplatPass(seen, film)
    try:
        yield lambda order: drawing.draw(order, check)
    finally:
        drawing.free()


class SplatPass:
    """The points of one view on the GPU, and RGBA32F targets to draw them into."""

    def __init__(self, seen: Seen, film: FrameRequest) -> None:
        """Upload the points. ValueError for too many points."""
        if len(seen.under) > MAX_POINTS:
            raise ValueError(f"more than {MAX_POINTS:,} points in view")
        self._film = film
        s, features = seen.splats, seen.features
        triples = -(-features.shape[1] // 3)
        padded = np.zeros((len(s.u), 3 * triples), np.float32)
        padded[:, : features.shape[1]] = features
        with timing.part("upload"):
            self._textures = {
                "splats": values_texture(s.u, s.v, s.radius, seen.under),
                "colors": values_texture(seen.color),
            }
            for i in range(triples):
                texture = values_texture(padded[:, 3 * i : 3 * i + 3], np.zeros_like(s.u))
                self._textures[f"features_{i}"] = texture
        self._targets = gpu_tools.targets(film.size, 1 + triples)
        self._frame = gpu.types.GPUFrameBuffer(color_slots=tuple(self._targets))
        self._quads, self._shader = _quads(), _shader(triples, film.rule.least_falloff)

    def draw(self, order: Order, check: Callable[[], None]) -> Layers:
        """Draw the points in the order given, into emptied targets."""
        height, width = self._film.size
        with self._frame.bind(), timing.part("draw"):
            self._frame.clear(color=(0.0, 0.0, 0.0, 0.0))
            gpu.state.viewport_set(0, 0, width, height)
            gpu.state.depth_test_set("NONE")
            gpu.state.blend_set("ALPHA_PREMULT")
            try:
                for start in range(0, len(order), DRAWS_AT_ONCE):
                    check()
                    self._draw_piece(order[start : start + DRAWS_AT_ONCE])
            finally:
                gpu.state.blend_set("NONE")
            pictures = [
                gpu_tools.picture_of(self._frame, slot, self._film.size)
                for slot in range(len(self._targets))
            ]
        features = np.concatenate([p[..., :3] for p in pictures[1:]], axis=2)
        count = max(s.stop for s in feature_columns(self._film).values())
        color = pictures[0]
        return layers_of(color[..., :3], color[..., 3], features[..., :count], self._film)

    def free(self) -> None:
        """Release everything on the GPU."""
        del self._frame, self._targets, self._quads, self._textures

    def _draw_piece(self, order: Order) -> None:
        # Counted from 1 up and from -1 down: 0, in the padding, draws nothing.
        orders = values_texture(np.where(order < 0, order, order + 1))
        shader = self._shader
        gpu_tools.set_samplers(shader, self._textures | {"orders": orders})
        size = (float(self._film.view.width), float(self._film.view.height))
        gpu_tools.set_constants(shader, {"picture_size": size, "quads": QUADS})
        count = -(-len(order) // QUADS)
        self._quads.draw_instanced(shader, instance_start=0, instance_count=count)


def _quads() -> gpu.types.GPUBatch:
    """QUADS quads; a vertex is the corner's x and y and the number of its quad."""
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="corner", comp_type="F32", len=3, fetch_mode="FLOAT")
    vertices = np.empty((QUADS, 4, 3), np.float32)
    vertices[..., :2] = [(-1, -1), (1, -1), (-1, 1), (1, 1)]
    vertices[..., 2] = np.arange(QUADS)[:, None]
    corners = gpu.types.GPUVertBuf(layout, QUADS * 4)
    corners.attr_fill("corner", vertices.reshape(-1, 3))
    triangles = [[0, 1, 2], [2, 1, 3]] + 4 * np.arange(QUADS)[:, None, None]
    index = gpu.types.GPUIndexBuf(type="TRIS", seq=triangles.reshape(-1, 3).astype(np.int32))
    return gpu.types.GPUBatch(type="TRIS", buf=corners, elem=index)


@gpu_tools.kept_on_gpu
def _shader(triples: int, least: float) -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    info.vertex_in(0, "VEC3", "corner")
    names = ["splats", "colors", "orders", *(f"features_{i}" for i in range(triples))]
    samplers = [("FLOAT_2D", name) for name in names]
    constants = {"VEC2": ("picture_size",), "INT": ("quads",)}
    defines = {"UNDERPAINT_GAIN": UNDERPAINT_GAIN, "TRIPLES": triples, "LEAST_FALLOFF": least}
    gpu_tools.add_resources(info, samplers, constants, defines)
    info.vertex_out(_interface(triples))
    for slot, name in enumerate(["color", *(f"feature_{i}" for i in range(triples))]):
        info.fragment_out(slot, "VEC4", f"out_{name}")
    info.vertex_source(gpu_tools.source("texel.glsl", "splat_vert.glsl"))
    info.fragment_source(gpu_tools.source("splat_frag.glsl"))
    return gpu.shader.create_from_info(info)


def _interface(triples: int) -> gpu.types.GPUStageInterfaceInfo:
    """What the vertex shader hands to the fragments."""
    interface = gpu.types.GPUStageInterfaceInfo(f"make_4d_splat_{triples}")
    for kind, name in (("VEC2", "center"), ("FLOAT", "radius"), ("FLOAT", "gain")):
        interface.flat(kind, name)
    interface.flat("VEC4", "color")
    for i in range(triples):
        interface.flat("VEC3", f"feature_{i}")
    return interface
