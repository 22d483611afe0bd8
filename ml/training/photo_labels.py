"""Labels of a photograph from shapes drawn by hand, refined by the photograph's colors.

A person decides what is where: polygons and lines of a kind, drawn over one another on a ground of
one kind. Near their edges the photograph decides: a watershed moves the edges between kinds, and
the sky gets soft edges from GrabCut and a guided filter. In a fringe, where sky shows between
leaves, twigs or the bars of a lattice, its share of each pixel follows from the colors nearby.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from ...geometry.worlds.samples import Kind
from ..scene.guided import guided_filter

KINDS = {kind.name.lower(): kind for kind in Kind if kind != Kind.IGNORED} | {
    "unknown": Kind.IGNORED
}
SHAPES = (*KINDS, "veiled", "fringe")
"""Shapes of no kind: what haze, spray or glare hides, so that sky can't be told; a fringe."""
UNIT = 1000
"""Coordinates of shapes are thousandths of the width and the height."""
ANY_COLORS = 255
"""Marks a fringe whose colors lie between those of sky and leaves; see `Shape`."""
BAND = 8
"""Half the width in which colors move a drawn edge, in thousandths of the longer side."""
MATTE_RADIUS, MATTE_EPS = 2, 1e-4
OPEN, CLOSED = 0.1, 0.9
"""The share of sky below and above which a pixel has a kind; between them it is unknown."""
CONTRAST = 0.12
"""Colors of sky and leaves that differ by less (0..1) don't tell how much sky a pixel shows."""
CLOUD_BLUR = 20
"""Softness of the edges of drawn clouds, in thousandths of the longer side."""


@dataclass(frozen=True)
class Shape:
    """A polygon, or a line if it has a width, of one kind, `points` (N, 2) in units of UNIT.

    The width of a fringe is a tolerance instead: colors that differ from those of the sky nearby by
    less (0..255) are sky, by more than twice as much not. That is for the bars of a lattice, which
    are brighter or darker than the sky.
    """

    kind: str
    points: NDArray[np.float32]
    width: float = 0.0

    @classmethod
    def of(cls, entry: list[Any]) -> Shape:
        """Read ["kind", [x, y, x, y, ...]] or ["kind", [x, y, ...], width of the line]."""
        kind, numbers, *width = entry
        if kind not in SHAPES:
            raise ValueError(f"unknown kind {kind}")
        return cls(kind, np.array(numbers, np.float32).reshape(-1, 2), *width)

    def draw(self, canvas: NDArray[np.uint8], value: int) -> None:
        """Draw the shape on a canvas (H, W)."""
        height, width = canvas.shape
        points = (self.points * (width / UNIT, height / UNIT)).round().astype(np.int32)
        if self.width:
            thickness = max(1, round(self.width * max(canvas.shape) / UNIT))
            cv2.polylines(canvas, [points], False, value, thickness)
        else:
            cv2.fillPoly(canvas, [points], value)


@dataclass(frozen=True)
class Labels:
    """What a photograph shows, each (H, W) uint8: see `samples`."""

    sky: NDArray[np.uint8]
    clouds: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    veiled: NDArray[np.uint8]


def label_photo(image: NDArray[np.uint8], entry: dict[str, Any]) -> Labels:
    """Label a photograph.

    Args:
        image: (H, W, 3) uint8, sRGB.
        entry: What was drawn: "ground", the kind where nothing else is; "shapes", in the order in
            which they cover one another; "band" in place of BAND; "clouds" (see `cloud_density`).
    """
    shapes = [Shape.of(shape) for shape in entry.get("shapes", [])]
    kind = np.full(image.shape[:2], KINDS[entry.get("ground", "upright")], np.uint8)
    fringe, veiled = np.zeros_like(kind), np.zeros_like(kind)
    for shape in shapes:
        if shape.kind == "fringe":
            replace(shape, width=0).draw(fringe, round(shape.width) or ANY_COLORS)
            continue
        shape.draw(kind, KINDS.get(shape.kind, Kind.IGNORED))
        shape.draw(veiled, int(shape.kind == "veiled"))
    band = max(1.0, entry.get("band", BAND) * max(image.shape) / UNIT)
    kind = _move_edges(image, kind, band)
    sky = _soft_sky(image, kind, fringe, band)
    kind[sky >= CLOSED] = Kind.SKY
    kind[(sky > OPEN) & (sky < CLOSED)] = Kind.IGNORED
    kind[(sky <= OPEN) & (kind == Kind.SKY)] = Kind.UPRIGHT
    clouds = cloud_density(image, entry.get("clouds", [])) * sky
    return Labels(_bytes(sky), _bytes(clouds), kind, veiled)


def cloud_density(image: NDArray[np.uint8], entries: list[list[Any]]) -> FloatArray:
    """Return the density of the clouds (H, W), 0..1, as if all of the picture were sky.

    entries: In order, each covering the earlier: ["color", clear, cloud] grades from 0 to 1 between
        two values of (blue - red) / brightest; [density, [x, y, ...]] is a polygon with soft edges,
        and [density] all of the picture.
    """
    density = np.zeros(image.shape[:2], np.float32)
    for first, *rest in entries:
        if first == "color":
            clear, cloud = rest
            colors = image.astype(np.float32)
            blue = (colors[..., 2] - colors[..., 0]) / colors.max(-1).clip(1)
            density = ((blue - clear) / (cloud - clear)).clip(0, 1)
        elif not rest:
            density[:] = first
        else:
            drawn = np.zeros(image.shape[:2], np.uint8)
            Shape.of(["sky", rest[0]]).draw(drawn, 255)
            sigma = CLOUD_BLUR * max(image.shape) / UNIT
            weight = cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), sigma)
            density += (first - density) * weight
    return density


def _move_edges(
    image: NDArray[np.uint8], kind: NDArray[np.uint8], band: float
) -> NDArray[np.uint8]:
    """Move the edges between kinds to edges of the photograph at most `band` pixels away."""
    inner = ~_near_edges(kind, band)
    markers = np.where(inner, kind.astype(np.int32) + 1, 0)
    for value in np.unique(kind):  # parts thinner than the band keep their middle
        part = kind == value
        distance = cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5)
        ridge = part & (distance >= cv2.dilate(distance, np.ones((3, 3)))) & (distance > 1)
        markers[ridge & (markers == 0)] = int(value) + 1
    smooth = cv2.bilateralFilter(image, 5, 25, 3)
    moved = cv2.watershed(np.ascontiguousarray(smooth[..., ::-1]), markers.copy())
    lines = moved <= 0  # the watershed's lines belong to what was drawn there
    return np.where(lines, kind, moved - 1).astype(np.uint8)


def _near_edges(kind: NDArray[np.uint8], band: float) -> Mask:
    edges = np.zeros(kind.shape, bool)
    edges[:, 1:] |= kind[:, 1:] != kind[:, :-1]
    edges[1:] |= kind[1:] != kind[:-1]
    return cv2.distanceTransform((~edges).astype(np.uint8), cv2.DIST_L2, 5) <= band


def _soft_sky(
    image: NDArray[np.uint8], kind: NDArray[np.uint8], tolerance: NDArray[np.uint8], band: float
) -> FloatArray:
    """Return the share of sky in each pixel, 0..1; certain away from its edges and fringes.

    tolerance: (H, W) 0 outside fringes, elsewhere their tolerance or ANY_COLORS.
    """
    fringe = tolerance > 0
    sky = (kind == Kind.SKY) & ~fringe
    if not sky.any() or sky.all():
        return sky.astype(np.float32)
    edges = _near_edges((sky | fringe).astype(np.uint8), band) & (kind != Kind.IGNORED) & ~fringe
    sure_sky, sure_other = sky & ~edges, ~sky & ~edges & ~fringe
    colors: FloatArray = (image / 255.0).astype(np.float32)
    share = sky.astype(np.float32)
    by_light = tolerance == ANY_COLORS
    if by_light.any():
        share[by_light] = _between(colors, sure_sky, sure_other, by_light)[by_light]
    by_sky = fringe & ~by_light
    if by_sky.any():
        distance = np.linalg.norm(colors - _spread(colors, sure_sky), axis=-1) * 255
        share[by_sky] = (2 - distance / tolerance.clip(1)).clip(0, 1)[by_sky]
    if sure_sky.any() and sure_other.any():
        cut = np.where(edges, _cut(image, sky, edges | fringe), share).astype(np.float32)
        share[edges] = guided_filter(colors, cut, MATTE_RADIUS, MATTE_EPS)[edges].clip(0, 1)
    return share


def _cut(image: NDArray[np.uint8], sky: Mask, unsure: Mask) -> Mask:
    """Decide what is sky where that is unsure, by GrabCut."""
    mask = np.where(sky, cv2.GC_FGD, cv2.GC_BGD).astype(np.uint8)
    mask[unsure] = np.where(sky, cv2.GC_PR_FGD, cv2.GC_PR_BGD)[unsure]
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(
        np.ascontiguousarray(image[..., ::-1]), mask, None, *models, 3, cv2.GC_INIT_WITH_MASK
    )
    return (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)


def _between(colors: FloatArray, sky: Mask, other: Mask, fringe: Mask) -> FloatArray:
    """Return the share of sky by where a color lies between those of sky and leaves nearby.

    Inside a fringe the brightest and darkest pixels of every neighborhood stand for the two.
    """
    light = colors.mean(-1)
    window = np.ones((2 * (max(light.shape) // 40) + 1,) * 2, np.uint8)
    low, high = cv2.erode(light, window), cv2.dilate(light, window)
    middle = (low + high) / 2
    varied = high - low > CONTRAST
    sky_color = _spread(colors, sky | (fringe & varied & (light > middle + 0.3 * (high - low))))
    other_color = _spread(colors, other | (fringe & varied & (light < middle - 0.2 * (high - low))))
    axis = sky_color - other_color
    length = (axis**2).sum(-1)
    share = ((colors - other_color) * axis).sum(-1) / length.clip(1e-6)
    share = ((share - 0.2) / 0.6).clip(0, 1)
    return np.where(length > CONTRAST**2, share, 0.5).astype(np.float32)


def _spread(colors: FloatArray, known: Mask) -> FloatArray:
    """Continue the colors of known pixels over all others, smoothly."""
    weight = known.astype(np.float32)
    total = np.zeros((*known.shape, 4), np.float32)
    layers = np.dstack([colors * weight[..., None], weight])
    for sigma in (4.0, 16.0, 64.0):
        blurred = cv2.GaussianBlur(layers, (0, 0), sigma * max(known.shape) / 640)
        total += blurred * (1e-2 ** (sigma > 4)) * (1e-2 ** (sigma > 16))
    return (total[..., :3] / total[..., 3:].clip(1e-9)).astype(np.float32)


def _bytes(values: FloatArray) -> NDArray[np.uint8]:
    return (values * 255).round().astype(np.uint8)
