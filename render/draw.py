"""Chooses what draws a frame: the exact pass, the sorted pass, the processor, or the networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.core.camera import FloatArray
from ..geometry.translation import translate
from . import capability, neural, session, splat_pass
from .extract import Cloud
from .finish_pass import read_passes
from .frame import cpu_drawing, render_clouds
from .frame_request import FrameRequest
from .gpu_tools import GpuUnavailableError

Check = Callable[[], None]


def draw_frame(
    clouds: Sequence[Cloud],
    film: FrameRequest,
    motion: FloatArray | None,
    method: str,
    check: Check,
    notice: Callable[[str], None],
    must_paint: bool = False,
) -> dict[str, FloatArray]:
    """The passes of `film` by name, rows from the bottom.

    method: an item of `settings.METHODS`; motion (P, 4) where the film has vectors. check: called
    between pieces of the work, may raise to stop; notice: told where the GPU or the networks can't,
    and why. must_paint: raise NeuralUnavailableError where the networks can't.
    """
    if method == "NEURAL":
        drawn = draw_frame(clouds, film, motion, "AUTO", check, notice)
        return drawn | _painted(clouds, film, check, None if must_paint else notice)
    sorted_drawing = partial(splat_pass.gpu_drawing, check=check)
    if chosen_method(method) == "NEAREST":
        try:
            return _nearest(clouds, film, motion, check)
        except GpuUnavailableError as error:
            session.drop()
            text = rpt_("Make 4D draws the points sorted, not the nearest of each pixel: {error}")
            notice(text.format(error=error))
    try:
        return render_clouds(clouds, film, sorted_drawing, motion)
    except GpuUnavailableError as error:
        text = rpt_("Make 4D draws on the processor, without a GPU: {error}")
        notice(text.format(error=error))
        return render_clouds(clouds, film, cpu_drawing, motion)


def chosen_method(method: str) -> str:
    """NEAREST or SORTED: what is asked for, or what this GPU can do where that is left to us."""
    if method in ("AUTO", "NEURAL"):  # the viewport shows the points of a scene that is painted
        return "NEAREST" if capability.nearest_works() else "SORTED"
    return method


def _nearest(
    clouds: Sequence[Cloud], film: FrameRequest, motion: FloatArray | None, check: Check
) -> dict[str, FloatArray]:
    kept = session.kept()
    kept.update(clouds, motion)
    check()
    return read_passes(kept.draw(film, check), film)


def _painted(
    clouds: Sequence[Cloud], film: FrameRequest, check: Check, notice: Callable[[str], None] | None
) -> dict[str, FloatArray]:
    """The pass Combined as the paper's networks paint it, or nothing, with a notice of why; raises
    NeuralUnavailableError without a notice to give."""
    if "Combined" not in film.passes:
        return {}
    try:
        return {"Combined": neural.paint(clouds, film, check)}
    except neural.NeuralUnavailableError as error:
        if notice is None:
            raise
        text = rpt_("Make 4D draws the points' own colors: {error}")
        notice(text.format(error=translate(error)))
        return {}
