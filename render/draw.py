"""Draws a frame by the chosen method, and by a simpler one where the GPU can't."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.core.camera import FloatArray
from ..geometry.core.render_passes import COMBINED
from ..geometry.translation import translate
from . import neural, splat_pass
from .extract import Cloud
from .finish_pass import read_passes
from .frame import cpu_drawing, render_clouds
from .frame_request import FrameRequest
from .gpu_tools import GpuUnavailableError
from .resources import RenderResources

CPU = "CPU"
"""The last resort; not a method that can be chosen."""
SORTED_INSTEAD = "Make 4D draws the points sorted, because Nearest Points failed: {error}"
CPU_INSTEAD = "Make 4D draws on the CPU, because the GPU failed: {error}"
COLORS_INSTEAD = "Make 4D draws the points' own colors: {error}"
_FALLBACKS = {"NEAREST": SORTED_INSTEAD, "SORTED": CPU_INSTEAD}
"""Message that announces the next attempt, by the method that failed."""


@dataclass(frozen=True)
class Caller:
    """What a drawing needs of the engine.

    Attributes:
        check: called between draw calls; may raise to stop.
        notice: takes a message for the artist when a simpler method is used, and why.
    """

    check: Callable[[], None]
    notice: Callable[[str], None]


def draw_frame(
    clouds: Sequence[Cloud],
    request: FrameRequest,
    motion: FloatArray | None,
    method: str,
    resources: RenderResources,
    caller: Caller,
    networks_required: bool = False,
) -> dict[str, FloatArray]:
    """The requested passes by name, (h, w) or (h, w, C), bottom row first.

    Args:
        clouds: all clouds to draw.
        request: the frame.
        motion: (P, 4) motion vectors of all points, if a requested pass needs them.
        method: an identifier of `properties.METHODS`.
        resources: what is kept between frames.
        caller: the engine.
        networks_required: raise NeuralUnavailableError if the networks fail, instead of drawing
            the points' own colors.
    """
    chosen = chosen_method(method, resources)
    attempts = {
        "NEAREST": partial(_nearest, clouds, request, motion, resources, caller.check),
        "SORTED": partial(_sorted, clouds, request, motion, resources, caller.check),
        CPU: partial(render_clouds, clouds, request, cpu_drawing, motion),
    }
    _, drawn = first_available(attempts, chosen, caller.notice)
    if method == "NEURAL" and COMBINED.name in request.pass_names:
        drawn |= _generated(clouds, request, caller, networks_required)
    return drawn


def chosen_method(method: str, resources: RenderResources) -> str:
    """NEAREST or SORTED for an identifier of `properties.METHODS`.

    Automatic depends on the GPU, and so do the points of a scene whose images are generated.
    """
    if method in ("AUTO", "NEURAL"):
        return "NEAREST" if resources.supports_nearest else "SORTED"
    return method


def first_available[Drawn](
    attempts: Mapping[str, Callable[[], Drawn]], first: str, notice: Callable[[str], None]
) -> tuple[str, Drawn]:
    """The first method that the GPU allows, and its result.

    Args:
        attempts: functions by method, the simplest last; all but that may raise
            GpuUnavailableError.
        first: the method to begin with.
        notice: called with a message before each further attempt.
    """
    methods = list(attempts)
    for method in methods[methods.index(first) : -1]:
        try:
            return method, attempts[method]()
        except GpuUnavailableError as error:
            notice(rpt_(_FALLBACKS[method]).format(error=error))
    return methods[-1], attempts[methods[-1]]()


def _nearest(
    clouds: Sequence[Cloud],
    request: FrameRequest,
    motion: FloatArray | None,
    resources: RenderResources,
    check: Callable[[], None],
) -> dict[str, FloatArray]:
    try:
        targets = resources.session.draw(clouds, request, motion, check)
    except GpuUnavailableError:
        resources.drop_session()  # makes room for the next attempt
        raise
    return read_passes(targets, request)


def _sorted(
    clouds: Sequence[Cloud],
    request: FrameRequest,
    motion: FloatArray | None,
    resources: RenderResources,
    check: Callable[[], None],
) -> dict[str, FloatArray]:
    drawing = partial(splat_pass.gpu_drawing, cache=resources.cache, check=check)
    return render_clouds(clouds, request, drawing, motion)


def _generated(
    clouds: Sequence[Cloud], request: FrameRequest, caller: Caller, required: bool
) -> dict[str, FloatArray]:
    """The pass Combined from the paper's networks, or nothing and a notice.

    Raises NeuralUnavailableError if the networks are required.
    """
    try:
        return {COMBINED.name: neural.generate_combined(clouds, request, caller.check)}
    except neural.NeuralUnavailableError as error:
        if required:
            raise
        caller.notice(rpt_(COLORS_INSTEAD).format(error=translate(error)))
        return {}
