"""The measures of the quality benchmark, each with a published definition.

Images are (H, W, 3), sRGB-encoded, 0..1. Masks (H, W) bool select pixels; None selects all. A
measure over no pixels is NaN. "Percent" is a hundredth of the range from black to white.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Array = NDArray[Any]

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2
LUMA = np.array([0.299, 0.587, 0.114])
DELTA = 1.25
BACKBONE = "alexnet-owt-7be5be79.pth"
"""torchvision's file of the network that LPIPS uses."""


@dataclass(frozen=True, eq=False)
class Warp:
    """Where the pixels of one frame are in another one.

    Attributes:
        position: (H, W, 2), x and y in pixels of the other frame.
        valid: (H, W), whether the pixel's surface is inside the other image and visible there.
    """

    position: NDArray[np.float32]
    valid: Mask


def psnr(a: Array, b: Array, mask: Mask | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB, infinite for equal images.

    10 log10(1 / mean squared error over pixels and channels).
    """
    error = np.asarray(a, np.float64) - b
    squares = (error if mask is None else error[mask]) ** 2
    if not squares.size:
        return float("nan")
    mean = squares.mean()
    return float("inf") if mean == 0 else float(-10.0 * np.log10(mean))


def ssim(a: Array, b: Array, mask: Mask | None = None) -> float:
    """Return the structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004) of luma.

    The mean of `ssim_map`, 1 for equal images. As in the authors' code, only windows inside the
    image count; with a mask, only those with their center in the mask.
    """
    inset = (slice(SSIM_WINDOW // 2, -(SSIM_WINDOW // 2)),) * 2
    inside = ssim_map(a, b)[inset]
    return _mean(inside if mask is None else inside[mask[inset]])


def ssim_map(a: Array, b: Array) -> NDArray[np.float64]:
    """Return the similarity (H, W) of the windows around all pixels: Gaussian, 11 x 11, sigma 1.5.

    Of luma (Rec. 601 weights on encoded values), C1 = 0.01^2, C2 = 0.03^2 for a range of 1. Images
    are mirrored at the border.
    """
    x, y = (np.asarray(image, np.float64) @ LUMA for image in (a, b))
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x = _blurred(x * x) - mean_x**2
    variance_y = _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + SSIM_C1) * (2 * covariance + SSIM_C2)
    return above / ((mean_x**2 + mean_y**2 + SSIM_C1) * (variance_x + variance_y + SSIM_C2))


def lpips(a: Array, b: Array) -> tuple[float | None, str]:
    """Return the learned perceptual distance (Zhang et al. 2018), version 0.1 with AlexNet.

    0 for equal images. If the package `lpips` or its weights are not on this machine, returns None
    and the reason in one sentence. Nothing is downloaded.
    """
    network, reason = _lpips_network()
    if network is None:
        return None, reason
    torch = importlib.import_module("torch")
    both = [np.moveaxis(np.asarray(p, np.float32) * 2 - 1, -1, 0)[None] for p in (a, b)]
    with torch.no_grad():
        return float(network(*(torch.from_numpy(np.ascontiguousarray(p)) for p in both))), ""


def consistency(frames: Sequence[Array], warps: Sequence[Warp]) -> float:
    """Return the paper's consistency error (Shen et al. 2023, section 4.2) in percent; 0 is best.

    "Photometric error, which measures the L1 error when backward warping the result after one
    camera step to the initial frame and multiply it by 100 [...] we keep the dynamic objects
    stationary". It is the mean absolute difference over channels and valid pixels, averaged over
    the frames that have valid pixels. Warping resamples, so the true images are not at 0 either:
    report their error as well.

    Args:
        frames: Images along a camera path, the initial one first, with clouds and water frozen.
        warps: For each later frame, where the initial frame's pixels are in it.
    """
    errors = [
        _mean(np.abs(sampled(frame, warp.position) - frames[0])[warp.valid])
        for frame, warp in zip(frames[1:], warps, strict=True)
        if warp.valid.any()
    ]
    return 100.0 * _mean(np.array(errors))


def flicker(frames: Sequence[Array], warps: Sequence[tuple[Warp, Warp]] | None = None) -> float:
    """Return the mean absolute second difference over time in percent; 0 if nothing flickers.

    |before - 2 x now + after| at each inner frame, averaged over channels and pixels, then over
    frames. A steady change of brightness costs nothing. A frame that differs from its neighbors
    costs twice as much as a lasting step (1, 1, 0, 1, 1 sums to 4, but 1, 1, 0, 0, 0 to 2).

    Args:
        frames: Images in order of time.
        warps: For each inner frame, where its pixels are in the frame before and in the one after;
            only pixels that are valid in both count, inpainted ones included. Warping resamples, as
            in `consistency`. None for a still camera, which compares each pixel with itself.
    """
    errors = []
    for k in range(1, len(frames) - 1):
        before, after, valid = frames[k - 1], frames[k + 1], np.ones(frames[k].shape[:2], bool)
        if warps is not None:
            backward, forward = warps[k - 1]
            before, after = sampled(before, backward.position), sampled(after, forward.position)
            valid = backward.valid & forward.valid
        if valid.any():
            second = np.asarray(before, np.float64) - 2.0 * np.asarray(frames[k]) + after
            errors.append(_mean(np.abs(second)[valid]))
    return 100.0 * _mean(np.array(errors))


def loop_seam(first: Array, last: Array) -> float:
    """Return the mean absolute difference of a loop's two ends in percent; 0 if it has no jump.

    Args:
        first: The image at time 0.
        last: The image one loop later from the same camera.
    """
    return 100.0 * _mean(np.abs(np.asarray(first, np.float64) - last))


def uncovered(alpha: Array, threshold: float = 0.5, mask: Mask | None = None) -> float:
    """Return the fraction of pixels whose accumulated alpha (H, W) is below the threshold."""
    return _mean((alpha if mask is None else alpha[mask]) < threshold)


def spearman(depth: Array, truth: Array, mask: Mask | None = None) -> float:
    """Return the rank correlation (Spearman 1904) of two depth maps (H, W), 1 for the same order.

    Equal values share the mean of their ranks; +inf, the sky, is farthest. NaN if either map is
    constant.
    """
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in _chosen(depth, truth, mask)]
    spread = [rank - rank.mean() if rank.size else rank for rank in ranks]
    norm = float(np.sqrt((spread[0] ** 2).sum() * (spread[1] ** 2).sum()))
    return float((spread[0] * spread[1]).sum() / norm) if norm > 0 else float("nan")


def delta1(depth: Array, truth: Array, mask: Mask | None = None, shift: bool = True) -> float:
    """Return the fraction of pixels with max(z / z*, z* / z) < 1.25 after a fit to the truth.

    Both are depths (H, W). The fit is linear least squares of disparity 1 / z, with scale and shift
    (Ranftl et al. 2020) or with scale alone. The true sky, +inf, is ignored. Pixels that the fit
    puts at infinity or behind the camera count as wrong.
    """
    z, true_z = _chosen(depth, truth, mask)
    solid = np.isfinite(true_z)
    if not solid.any():
        return float("nan")
    disparity, target = 1.0 / z[solid], 1.0 / true_z[solid]
    scale, offset = fit_disparity(disparity, target, shift)
    ratio = (scale * disparity + offset) / target
    return _mean((ratio < DELTA) & (ratio > 1.0 / DELTA))


def fit_disparity(disparity: Array, target: Array, shift: bool = True) -> tuple[float, float]:
    """Return the scale and offset that minimize (scale x disparity + offset - target)^2.

    disparity and target: (n,); shift: False for an offset of 0.
    """
    columns = [disparity, np.ones_like(disparity)] if shift else [disparity]
    solution = np.linalg.lstsq(np.stack(columns, axis=1), target, rcond=None)[0]
    return float(solution[0]), float(solution[1]) if shift else 0.0


def sampled(image: Array, position: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sample an image (H, W, C) bilinearly at positions (h, w, 2) in pixels; its border repeats."""
    at = np.asarray(position, np.float32) - np.float32(0.5)
    return cv2.remap(
        np.asarray(image, np.float32), at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return cv2.GaussianBlur(values, (SSIM_WINDOW, SSIM_WINDOW), SSIM_SIGMA)


def _mean(values: Array) -> float:
    return float(np.mean(values, dtype=np.float64)) if np.size(values) else float("nan")


def _chosen(depth: Array, truth: Array, mask: Mask | None) -> tuple[Array, Array]:
    """Return the masked values of both, (n,) float64."""
    chosen = np.ones(truth.shape, bool) if mask is None else mask
    return np.asarray(depth, np.float64)[chosen], np.asarray(truth, np.float64)[chosen]


@cache
def _lpips_network() -> tuple[Any, str]:
    """Return the network, or None and the reason."""
    for package in ("torch", "torchvision", "lpips"):
        if importlib.util.find_spec(package) is None:
            return None, f"LPIPS needs the package {package}, which is not installed here."
    hub = Path(importlib.import_module("torch.hub").get_dir())
    if not (hub / "checkpoints" / BACKBONE).is_file():
        return None, f"LPIPS needs {BACKBONE} in {hub.name}/checkpoints, which is not here."
    return importlib.import_module("lpips").LPIPS(net="alex", verbose=False).eval(), ""
