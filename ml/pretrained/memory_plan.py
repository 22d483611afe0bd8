"""How much of a diffusion pipeline is on the device at once: plans from fast to memory-saving."""

from __future__ import annotations

from typing import Any

from ..common.registry import ModelSpec
from ..models.device import Device

ALL_ON_DEVICE, SLICED, MODEL_OFFLOAD, LAYER_OFFLOAD = range(4)
"""The plans: everything on the device; attention and autoencoder in slices and tiles; one network
at a time on the device; one layer at a time."""

_MEGABYTE = 2**20
_HEADROOM = 1.1

# Fractions of the model's memory at its native size that a plan needs: for the weights, and in
# proportion to the image's pixels. Estimated from the sizes of Stable Diffusion's networks. If they
# are wrong and memory runs out, the next plan is tried.
_MEMORY_FRACTIONS = {ALL_ON_DEVICE: (0.65, 0.35), SLICED: (0.65, 0.15), MODEL_OFFLOAD: (0.5, 0.15)}


def lowest_plan(device: Device) -> int:
    """Return a device's most memory-saving plan.

    Offloading only helps devices with their own memory.
    """
    return LAYER_OFFLOAD if device.kind == "cuda" else SLICED


def plan_for(
    spec: ModelSpec, device: Device, pixels: int, single_precision: bool | None = None
) -> int:
    """Return the fastest plan that fits the device's free memory.

    Args:
        spec: The model.
        device: The device.
        pixels: Pixels of the largest pass.
        single_precision: Whether the networks use single precision, which doubles the memory; by
            default that of the device.
    """
    if single_precision is None:
        single_precision = device.dtype.itemsize > 2
    total_bytes = spec.memory_mb * _MEGABYTE * (2 if single_precision else 1) * _HEADROOM
    pixel_ratio = pixels / spec.native_size**2
    for plan, (weights, per_pixel) in _MEMORY_FRACTIONS.items():
        if total_bytes * (weights + per_pixel * pixel_ratio) <= device.free_bytes:
            return min(plan, lowest_plan(device))
    return lowest_plan(device)


def next_plan(plan: int, device: Device, loading: bool) -> int:
    """Return the plan to try after memory ran out.

    Args:
        plan: The plan that failed.
        device: The device.
        loading: Whether the model is being loaded, when slices would save nothing.
    """
    return min(max(plan + 1, MODEL_OFFLOAD if loading else 0), lowest_plan(device))


def apply_plan(pipeline: Any, plan: int, device: Device) -> None:
    """Apply a plan to a diffusers pipeline.

    Afterward only the same plan or a lower one may be applied, unless offloading is undone.
    """
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


def undo_offloading(pipeline: Any) -> None:
    """Undo all offloading, so that every weight is in the computer's memory."""
    pipeline.remove_all_hooks()
    pipeline.to("cpu")
