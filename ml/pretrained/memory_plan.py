"""How much of a diffusion pipeline lies on the device at once: a ladder from fast to frugal."""

from __future__ import annotations

from typing import Any

from ..common.registry import ModelSpec
from ..models.device import Device

WHOLE, SLICED, MODEL_OFFLOAD, LAYER_OFFLOAD = range(4)
"""Everything on the device; attention and autoencoder in slices and tiles; one network at a time
on the device; one layer at a time."""

_MEGABYTE = 2**20
_HEADROOM = 1.1

# What a plan takes of the memory that the model takes as a whole at its native size: weights, and
# what grows with the picture's pixels. Estimated from the sizes of Stable Diffusion's networks;
# where they are wrong, running out of memory leads a step down.
_SHARES = {WHOLE: (0.65, 0.35), SLICED: (0.65, 0.15), MODEL_OFFLOAD: (0.5, 0.15)}


def lowest_plan(device: Device) -> int:
    """The most frugal plan of a device; offloading is of use only to one with memory of its own."""
    return LAYER_OFFLOAD if device.kind == "cuda" else SLICED


def plan_for(spec: ModelSpec, device: Device, pixels: int, single: bool | None = None) -> int:
    """The fastest plan that fits the device's free memory, for passes of so many pixels.

    single: whether the networks run in single precision, which takes twice the memory; without it
    as the device does.
    """
    if single is None:
        single = device.dtype.itemsize > 2
    whole = spec.memory_mb * _MEGABYTE * (2 if single else 1) * _HEADROOM
    growth = pixels / spec.native_size**2
    for plan, (weights, rest) in _SHARES.items():
        if whole * (weights + rest * growth) <= device.free_bytes:
            return min(plan, lowest_plan(device))
    return lowest_plan(device)


def next_plan(plan: int, device: Device, loading: bool) -> int:
    """The plan to try after memory ran out; while loading, slices would save nothing."""
    return min(max(plan + 1, MODEL_OFFLOAD if loading else 0), lowest_plan(device))


def place(pipeline: Any, plan: int, device: Device) -> None:
    """Lay a diffusers pipeline out by a plan; again only by the same plan or a lower one."""
    if plan >= SLICED:
        pipeline.enable_attention_slicing()
        pipeline.vae.enable_slicing()
        pipeline.vae.enable_tiling()
    if plan == MODEL_OFFLOAD:
        pipeline.enable_model_cpu_offload(device=device.kind)
    elif plan == LAYER_OFFLOAD:
        pipeline.enable_sequential_cpu_offload(device=device.kind)
    else:
        pipeline.to(device.kind)


def bring_home(pipeline: Any) -> None:
    """Undo any offloading: every weight lies in the computer's memory again."""
    pipeline.remove_all_hooks()
    pipeline.to("cpu")
