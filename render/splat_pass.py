"""The sorted GPU pass: discs drawn far to near with premultiplied blending, as instanced quads.

It needs only blending of a GPU and has no limit on the number of discs in a pixel; this is where
its images differ from those of `nearest_pass`. `frame.cpu_drawing` is its numpy reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gpu
import numpy as np

from ..geometry.core.splat import UNDERPAINT_GAIN
from . import gpu_tools
from .channel_shaders import (
    SORTED_TEXEL,
    sorted_fragment_text,
    sorted_targets,
    sorted_vertex_text,
)
from .channels import Channel, column_count
from .compose import SplatBuffers
from .frame import Draw, buffers_of
from .frame_request import FrameRequest
from .gpu_tools import ROW_LENGTH, TOO_MANY_POINTS, GpuCache, GpuUnavailableError, values_texture
from .scene_points import Order, VisiblePoints

DRAWS_AT_ONCE = 256 * ROW_LENGTH
"""Discs per draw call; between calls the engine checks whether the render was stopped."""
QUADS = 64
"""Quads per instance: instances of a single quad leave most of a GPU's lanes idle."""
MAX_POINTS = (1 << 24) - 1
"""The order is uploaded as float32, which holds integers exactly up to this."""


@contextmanager
def gpu_drawing(
    points: VisiblePoints,
    request: FrameRequest,
    cache: GpuCache,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Draw]:
    """The GPU as an `OpenDrawing`, once `cache` is bound; frees its points and targets at the end.

    Args:
        points: what to draw.
        request: the frame.
        cache: shaders.
        check: called between draw calls; may raise to stop.

    Raises:
        GpuUnavailableError: no GPU, or no room.
    """
    with gpu_tools.gpu_errors():
        drawing = SplatPass(points, request, cache)

    def draw(order: Order) -> SplatBuffers:
        with gpu_tools.gpu_errors():
            return drawing.draw(order, check)

    try:
        yield draw
    finally:
        drawing.free()


class SplatPass:
    """The points of one view on the GPU, and RGBA32F targets to draw them into."""

    def __init__(self, points: VisiblePoints, request: FrameRequest, cache: GpuCache) -> None:
        """Upload the points. Raises GpuUnavailableError for too many points."""
        if len(points.under) > MAX_POINTS:
            raise GpuUnavailableError(TOO_MANY_POINTS.format(count=len(points.under)))
        self._request = request
        s, names = points.splats, sorted_targets(request.channels)
        self._textures = {
            "splats": values_texture(s.u, s.v, s.radius, points.under),
            "colors": values_texture(points.color),
        }
        padded = np.zeros((len(s.u), SORTED_TEXEL * len(names)), np.float32)
        padded[:, : points.channels.shape[1]] = points.channels
        textures = gpu_tools.packed_textures([padded], SORTED_TEXEL)
        self._textures |= {f"values_of_{n}": t for n, t in zip(names, textures, strict=True)}
        self._targets = gpu_tools.new_targets(request.size, 1 + len(names))
        self._frame = gpu.types.GPUFrameBuffer(color_slots=tuple(self._targets))
        self._quads = cache.get(_quads)
        self._shader = cache.get(_shader, request.channels, request.rule.least_falloff)

    def draw(self, order: Order, check: Callable[[], None]) -> SplatBuffers:
        """Clear the targets and draw the points in the given order."""
        height, width = self._request.size
        with self._frame.bind():
            self._frame.clear(color=(0.0, 0.0, 0.0, 0.0))
            gpu.state.viewport_set(0, 0, width, height)
            gpu.state.depth_test_set("NONE")
            gpu.state.blend_set("ALPHA_PREMULT")
            try:
                for start in range(0, len(order), DRAWS_AT_ONCE):
                    check()
                    self._draw_batch(order[start : start + DRAWS_AT_ONCE])
            finally:
                gpu.state.blend_set("NONE")
            images = [
                gpu_tools.read_target(self._frame, slot, self._request.size)
                for slot in range(len(self._targets))
            ]
        color = images[0]
        columns = np.concatenate([image[..., :SORTED_TEXEL] for image in images[1:]], axis=2)
        columns = columns[..., : column_count(self._request.channels)]
        return buffers_of(color[..., :3], color[..., 3], columns, self._request)

    def free(self) -> None:
        """Release everything on the GPU."""
        del self._frame, self._targets, self._quads, self._textures

    def _draw_batch(self, order: Order) -> None:
        # Counted from 1 up and from -1 down: 0, in the padding, draws nothing.
        orders = values_texture(np.where(order < 0, order, order + 1))
        gpu_tools.set_samplers(self._shader, self._textures | {"orders": orders})
        size = (float(self._request.view.width), float(self._request.view.height))
        gpu_tools.set_constants(self._shader, {"image_size": size, "quads": QUADS})
        count = -(-len(order) // QUADS)
        self._quads.draw_instanced(self._shader, instance_start=0, instance_count=count)


def _quads() -> gpu.types.GPUBatch:
    """QUADS quads; a vertex holds the corner's x and y and the number of its quad."""
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


def _shader(channels: tuple[Channel, ...], least_falloff: float) -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    info.vertex_in(0, "VEC3", "corner")
    targets = sorted_targets(channels)
    names = ["splats", "colors", "orders", *(f"values_of_{name}" for name in targets)]
    samplers = [("FLOAT_2D", name) for name in names]
    constants = {"VEC2": ("image_size",), "INT": ("quads",)}
    defines = {"UNDERPAINT_GAIN": UNDERPAINT_GAIN, "LEAST_FALLOFF": least_falloff}
    gpu_tools.add_resources(info, samplers, constants, defines)
    info.vertex_out(_interface(targets))
    gpu_tools.add_outputs(info, ["color", *targets])
    texel, vertex = gpu_tools.source("texel.glsl"), gpu_tools.source("splat_vert.glsl")
    info.vertex_source("\n".join([texel, sorted_vertex_text(channels), vertex]))
    fragment = gpu_tools.source("splat_frag.glsl")
    info.fragment_source("\n".join([sorted_fragment_text(channels), fragment]))
    return gpu.shader.create_from_info(info)


def _interface(targets: list[str]) -> gpu.types.GPUStageInterfaceInfo:
    """What the vertex shader passes to the fragment shader."""
    interface = gpu.types.GPUStageInterfaceInfo(f"make_4d_splat_{len(targets)}")
    for kind, name in (("VEC2", "center"), ("FLOAT", "radius"), ("FLOAT", "gain")):
        interface.flat(kind, name)
    interface.flat("VEC4", "color")
    for name in targets:
        interface.flat("VEC3", name)
    return interface
