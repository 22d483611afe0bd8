"""The GPU's last pass: the symmetric mix of two images, and the finished render passes.

`compose.py` is its numpy reference.
"""

from __future__ import annotations

import gpu
import numpy as np
from mathutils import Matrix

from ..geometry.core.camera import FloatArray
from ..geometry.core.flow import SHARPNESS
from ..geometry.core.render_passes import COMBINED, RenderPass
from . import gpu_tools
from .channel_shaders import TEXEL, channel_targets, finish_text, pass_columns, pass_targets
from .channels import channels_of
from .frame_request import FULL_COVERAGE, FrameRequest
from .gpu_tools import GpuCache, Textures

_DEFINES = {"SHARPNESS": SHARPNESS, "FULL_COVERAGE": FULL_COVERAGE}


def finish(
    forward: Textures,
    backward: Textures | None,
    phase: float,
    request: FrameRequest,
    cache: GpuCache,
) -> Textures:
    """Mix the images of `NearestPass.draw` and finish the requested passes.

    Args:
        forward: the image forward in time.
        backward: the image backward in time; None if nothing moves.
        phase: t / N of the loop.
        request: the frame.
        cache: shaders.

    Returns:
        Targets with the bottom row first: the pass Combined, then the data passes one after the
        other, four scalars per target.
    """
    outputs = ["color", *pass_targets(request.passes)]
    shader = cache.get(_shader, request.passes)
    targets = gpu_tools.new_targets(request.size, len(outputs))
    frame = gpu.types.GPUFrameBuffer(color_slots=tuple(targets))
    inputs = ["color", *channel_targets(request.channels)]
    with frame.bind():
        for side, textures in (("forward", forward), ("backward", backward or forward)):
            named = zip(inputs, textures, strict=True)
            gpu_tools.set_samplers(shader, {f"{side}_{name}": texture for name, texture in named})
        gpu_tools.set_constants(shader, _constants(phase if backward else 0.0, request))
        gpu.state.viewport_set(0, 0, request.view.width, request.view.height)
        gpu.state.blend_set("NONE")
        cache.get(gpu_tools.screen_triangle).draw(shader)
    return targets


def read_passes(targets: Textures, request: FrameRequest) -> dict[str, FloatArray]:
    """The requested passes by name, (h, w) or (h, w, C), bottom row first.

    targets: as `finish` returns them.
    """
    frame = gpu.types.GPUFrameBuffer(color_slots=tuple(targets))
    passes: dict[str, FloatArray] = {}
    with frame.bind():
        if COMBINED.name in request.pass_names:
            passes[COMBINED.name] = gpu_tools.read_target(frame, 0, request.size)
        images = [
            gpu_tools.read_target(frame, slot, request.size) for slot in range(1, len(targets))
        ]
    for name, columns in pass_columns(request.passes).items():
        channels = [images[i // TEXEL][..., i % TEXEL] for i in columns]
        passes[name] = channels[0] if len(channels) == 1 else np.stack(channels, axis=-1)
    return passes


def _constants(phase: float, request: FrameRequest) -> dict[str, object]:
    return {
        "phase": phase,
        "opaque": int(request.background is not None),
        "background": request.background or (0.0, 0.0, 0.0),
        "image_size": (float(request.view.width), float(request.view.height)),
        "to_world": Matrix(np.linalg.inv(request.view.world_to_camera).tolist()),
    }


def _shader(passes: tuple[RenderPass, ...]) -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    channels = channels_of(passes)
    inputs = ["color", *channel_targets(channels)]
    samplers = [("FLOAT_2D", f"{side}_{n}") for side in ("forward", "backward") for n in inputs]
    constants = {
        "MAT4": ("to_world",),
        "VEC3": ("background",),
        "FLOAT": ("phase",),
        "VEC2": ("image_size",),
        "INT": ("opaque",),
    }
    gpu_tools.add_resources(info, samplers, constants, _DEFINES)
    gpu_tools.add_screen(info, ["color", *pass_targets(passes)])
    texts = [gpu_tools.source("mix.glsl"), finish_text(channels, passes)]
    info.fragment_source("\n".join([*texts, gpu_tools.source("finish_frag.glsl")]))
    return gpu.shader.create_from_info(info)
