"""Losses of the scene network.

Disparity has no scale in a single picture, and its logarithm no offset. The head gives the
logarithm, so a prediction is first shifted by the median of its difference from the target; besides
it, the scale-and-shift-invariant loss of MiDaS (Ranftl et al., 2020, eq. 5-7) compares disparities
themselves. Targets are NaN where nothing is taught (see `targets`).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..scene.maps import Map
from .targets import Targets

FEW = 50
"""A picture with fewer pixels of known disparity teaches none."""
CAP = 2.0
"""Errors of log disparity beyond this don't count more: labels have outliers too."""
SCALES = (1, 2, 4, 8)
"""Steps in pixels over which gradients are compared."""
MARGIN = 0.4
"""The sky's log disparity should be so much below the farthest thing's."""
FAR_SHARE = 0.02
PAIRS = 600
"""Pairs of pixels whose order is compared in a picture without disparity."""
DEEPEST = 4.0
"""The sky's log disparity shouldn't be farther below the farthest thing's than this."""

WEIGHTS = {
    "log": 1.0,
    "ssi": 0.5,
    "gradient": 1.0,
    "beyond": 0.3,
    "offset": 0.02,
    "order": 0.3,
    "sky": 2.0,
    "clouds": 0.6,
    "water": 2.5,
    "falls": 1.0,
    "flat": 0.7,
    "silhouettes": 0.4,
    "latitude": 4.0,
}
"""How much each loss counts in the sum."""
RARE = {"water": 1.5, "falls": 3.0, "silhouettes": 3.0}
"""How much more a pixel counts where these are: they are rare."""


def losses_of(maps: Tensor, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
    """Return the losses of a batch by name, not yet weighted.

    Args:
        maps: (N, CHANNELS, h, w) float32, the network's output.
        targets: Of the same size.
        generator: Draws the pairs of the ordinal loss.
    """
    found = depth_losses(maps[:, Map.LOG_DISPARITY], targets)
    found["order"] = order_loss(maps[:, Map.LOG_DISPARITY], targets, generator)
    for name in ("sky", "clouds", "water", "falls", "flat", "silhouettes"):
        logits = maps[:, Map[name.upper()]]
        found[name] = odds_loss(logits, getattr(targets, name), targets.weight, RARE.get(name, 1.0))
    found["latitude"] = masked_mean((maps[:, Map.LATITUDE] - targets.latitude).abs())
    return found


def total(losses: dict[str, Tensor]) -> Tensor:
    """Return the weighted sum."""
    return torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()


def masked_mean(errors: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the weighted mean of errors that aren't NaN; 0 if there are none.

    No gradient flows through a NaN.
    """
    known = ~torch.isnan(errors.detach())
    values = torch.where(known, errors, torch.zeros_like(errors))
    counts = known.float() if weight is None else known * weight
    return (values * counts).sum() / counts.sum().clamp(min=1.0)


def odds_loss(logits: Tensor, target: Tensor, weight: Tensor, rare: float = 1.0) -> Tensor:
    """Return the binary cross-entropy against soft targets; positives count `rare` times."""
    known = ~torch.isnan(target)
    wanted = torch.where(known, target, torch.zeros_like(target))
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    counts = known * weight * (1 + (rare - 1) * wanted)
    return (entropy * counts).sum() / counts.sum().clamp(min=1.0)


def depth_losses(predicted: Tensor, targets: Targets) -> dict[str, Tensor]:
    """Return losses of log disparities (N, h, w).

    `beyond` keeps the sky behind everything, and `offset` the mean near 0: any offset is right, but
    it would drift to where numbers have few digits left.
    """
    names = ("log", "ssi", "gradient", "beyond", "offset")
    sums: dict[str, list[Tensor]] = {name: [] for name in names}
    for one, target, sky, weight in zip(
        predicted, targets.log_disparity, targets.sky, targets.weight, strict=True
    ):
        known = ~torch.isnan(target)
        if int(known.sum()) < FEW:
            continue
        filled = torch.where(known, target, torch.zeros_like(target))
        difference = one - filled
        shift = difference.detach()[known].median()
        error = torch.where(known, difference - shift, torch.zeros_like(one))
        sums["log"].append(
            (error.abs().clamp(max=CAP) * weight * known).sum() / weight[known].sum()
        )
        sums["offset"].append(one[known].mean() ** 2)
        sums["ssi"].append(ssi_loss(one[known] - shift, target[known]))
        sums["gradient"].append(gradient_loss(error, known, weight))
        in_sky = sky > 0.95
        if bool(in_sky.any()):
            farthest = torch.quantile(target[known], FAR_SHARE)
            above = one[in_sky] - shift - farthest
            off = functional.relu(above + MARGIN) + functional.relu(-above - DEEPEST)
            sums["beyond"].append(off.clamp(max=3 * CAP).mean())
    zero = predicted.sum() * 0.0
    return {name: torch.stack(values).mean() if values else zero for name, values in sums.items()}


def ssi_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the scale-and-shift-invariant L1 loss of disparities, given their logarithms (P,)."""
    parts = []
    for logs in (predicted, target):
        top = logs.detach().median() + 3.5  # 30 times the median: what is nearer would rule all
        disparity = torch.exp(torch.minimum(logs, top) - top)
        middle = disparity.median()
        parts.append((disparity - middle) / (disparity - middle).abs().mean().clamp(min=1e-6))
    return (parts[0] - parts[1]).abs().clamp(max=CAP).mean()


def gradient_loss(error: Tensor, known: Tensor, weight: Tensor) -> Tensor:
    """Return the mean difference of gradients at several scales, from errors (h, w)."""
    parts = []
    for step in SCALES:
        for axis in (0, 1):
            count = error.shape[axis] - step
            pairs = known.narrow(axis, 0, count) & known.narrow(axis, step, count)
            change = error.narrow(axis, 0, count) - error.narrow(axis, step, count)
            counts = pairs * weight.narrow(axis, 0, count)
            parts.append((change.abs().clamp(max=CAP) * counts).sum() / counts.sum().clamp(min=1))
    return torch.stack(parts).mean()


def order_loss(predicted: Tensor, targets: Targets, generator: torch.Generator) -> Tensor:
    """Return the ordinal loss of pictures without disparity, from log disparities (N, h, w).

    Everything is nearer than the sky; flat ground lower in the picture is nearer than flat ground
    straight above it.
    """
    parts = []
    height, width = predicted.shape[1:]
    for one, target, sky, flat in zip(
        predicted, targets.log_disparity, targets.sky, targets.flat, strict=True
    ):
        if int((~torch.isnan(target)).sum()) >= FEW:
            continue
        rows = torch.randint(height, (2, PAIRS), generator=generator).sort(dim=0).values
        columns = torch.randint(width, (1, PAIRS), generator=generator).expand(2, -1)
        drift = torch.randint(-2, 3, (2, PAIRS), generator=generator)
        columns = (columns + drift).clamp(0, width - 1)
        upper, lower = (one[rows[side], columns[side]] for side in (0, 1))
        skies, flats = sky[rows, columns], flat[rows, columns]
        ordered = (skies[0] > 0.95) & (skies[1] < 0.05)
        apart = rows[1] - rows[0] > height // 30
        ordered |= (flats[0] > 0.5) & (flats[1] > 0.5) & apart
        if bool(ordered.any()):
            parts.append(functional.softplus(4 * (upper - lower)[ordered]).mean() / 4)
    return torch.stack(parts).mean() if parts else predicted.sum() * 0.0
