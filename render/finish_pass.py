"""The GPU's last pass: the symmetric mix of two pictures, and the finished render passes."""

from __future__ import annotations

import gpu
import numpy as np
from mathutils import Matrix

from ..geometry.core.camera import FloatArray
from ..geometry.core.flow import SHARPNESS
from . import gpu_tools, timing
from .frame_request import FULL_COVERAGE, NO_DEPTH, NO_LAYER, FrameRequest
from .gpu_tools import Textures

_DEFINES = {
    "SHARPNESS": SHARPNESS,
    "FULL_COVERAGE": FULL_COVERAGE,
    "NO_DEPTH": NO_DEPTH,
    "NO_LAYER": NO_LAYER,
}


def finish(
    forward: Textures, backward: Textures | None, phase: float, film: FrameRequest
) -> Textures:
    """Mix what the images of `NearestPass.draw` at `phase` (t / N) of the loop, and finish them.

    The result, rows from the bottom: RGBA of the film; depth, disocclusion, layer and alpha; then,
    where `film` asks for them, world positions and motion vectors.
    """
    outputs = gpu_tools.output_names(film.position, film.vector)
    shader = _shader(film.position, film.vector)
    pictures = gpu_tools.targets(film.size, len(outputs))
    frame = gpu.types.GPUFrameBuffer(color_slots=tuple(pictures))
    with timing.part("draw"), frame.bind():
        for side, textures in (("forward", forward), ("backward", backward or forward)):
            named = zip(outputs, textures, strict=True)
            gpu_tools.set_samplers(shader, {f"{side}_{name}": texture for name, texture in named})
        gpu_tools.set_constants(shader, _constants(phase if backward else 0.0, film))
        gpu.state.viewport_set(0, 0, film.view.width, film.view.height)
        gpu.state.blend_set("NONE")
        gpu_tools.screen_triangle().draw(shader)
    return pictures


def read_passes(pictures: Textures, film: FrameRequest) -> dict[str, FloatArray]:
    """The passes of `film` as arrays (h, w, C), rows from the bottom as Blender wants them."""
    frame = gpu.types.GPUFrameBuffer(color_slots=tuple(pictures))
    wanted = film.passes
    with frame.bind(), timing.part("read back"):
        passes = {"Combined": gpu_tools.picture_of(frame, 0, film.size)}
        if wanted & {"Depth", "Disocclusion", "Layer"}:
            data = gpu_tools.picture_of(frame, 1, film.size)
            passes |= {n: data[..., i] for i, n in enumerate(("Depth", "Disocclusion", "Layer"))}
        if film.position:
            passes["Position"] = gpu_tools.picture_of(frame, 2, film.size)[..., :3]
        if film.vector:
            passes["Vector"] = gpu_tools.picture_of(frame, len(pictures) - 1, film.size)
    return {name: picture for name, picture in passes.items() if name in wanted}


def _constants(phase: float, film: FrameRequest) -> dict[str, object]:
    return {
        "phase": phase,
        "opaque": int(film.background is not None),
        "background": film.background or (0.0, 0.0, 0.0),
        "picture_size": (float(film.view.width), float(film.view.height)),
        "to_world": Matrix(np.linalg.inv(film.view.world_to_camera).tolist()),
    }


@gpu_tools.kept_on_gpu
def _shader(position: bool, vector: bool) -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    outputs = gpu_tools.output_names(position, vector)
    samplers = [("FLOAT_2D", f"{side}_{n}") for side in ("forward", "backward") for n in outputs]
    constants = {
        "MAT4": ("to_world",),
        "VEC3": ("background",),
        "FLOAT": ("phase",),
        "VEC2": ("picture_size",),
        "INT": ("opaque",),
    }
    defines = _DEFINES | gpu_tools.feature_defines(outputs)
    gpu_tools.add_resources(info, samplers, constants, defines)
    gpu_tools.add_screen(info, [n if n != "extra" else "data" for n in outputs])
    info.fragment_source(gpu_tools.source("finish_frag.glsl"))
    return gpu.shader.create_from_info(info)
