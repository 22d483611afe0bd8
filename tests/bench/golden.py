"""Compare all renderers of points with the paper's: `./make4d bench golden DIR`.

DIR contains golden files (.npz): clouds in the camera frame, and the images that PyTorch3D made of
them. Each is drawn by the numpy renderer (`reference`), by PyTorch if it is installed (`torch`),
and by two methods of the render engine (`nearest GPU`, `sorted GPU`). Two synthetic clouds
(`made: ...`) are larger than any golden file; for these the numpy renderer is the truth.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(Path(__file__).parent))

from _golden_clouds import (  # noqa: E402 - this Python does not look beside its script
    Array,
    Draw,
    Drawing,
    Golden,
    InputError,
    golden_files,
    load,
    made,
)

TOLERANCE = 1e-4
"""Largest error of image and alpha at a pixel of a golden file."""
INDEX_FRACTION = 5e-4
"""Fraction of pixels that may have other splats, or the same ones in another order."""
MADE_FRACTION, MADE_LARGEST = 1e-4, 5e-3
"""Large clouds: the allowed fraction of pixels beyond TOLERANCE, and the largest allowed error.
Rounding decides whether a pixel at a disc's rim is inside, and this changes the K-th disc."""
MADE_POINTS = 500_000
ROW = "{:<24} {:<11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10} {:>8}  {}"
HEADINGS = ["file", "method", "image max", "mean", "alpha max", "mean"]
HEADINGS += ["over 1e-4", "idx differ", "time", ""]
KINDS_OF_ERROR = ("image_max", "image_mean", "alpha_max", "alpha_mean")
INFORMATIVE = "sorted GPU"
"""The method without limits: it composites every disc, not the K nearest ones."""
GAIN, GAP, SMALL = 20, 4, 240
"""Of the images: amplification of differences, columns between panels, and least height."""

Record = dict[str, Any]


class UnavailableError(Exception):
    """A method can't be used here; the text is one sentence."""


def load_package() -> None:
    """Load the repository root as the package `make_4d`, whatever its folder is called."""
    if "make_4d" in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(
        "make_4d", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None and spec.loader is not None
    sys.modules["make_4d"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def projected(golden: Golden) -> tuple[Array, Array, Array, Array]:
    """Splats u, v, z, radius in pixels, float64 (P,)."""
    fx, fy, cx, cy = golden.lens
    x, y, z = golden.position.astype(np.float64).T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return fx * x / z + cx, fy * y / z + cy, z, golden.radius.astype(np.float64)


def draw_reference(golden: Golden) -> Drawing:
    """The numpy renderer's image, and its indices if the golden file has them."""
    splat = import_module("make_4d.geometry.core.splat")
    splats = splat.Splats(*projected(golden))
    drawn = splat.composite(splats, golden.features, golden.size, golden.nearest)
    if golden.truth.index is None:
        return Drawing(drawn.image, drawn.alpha)
    index = splat.nearest_indices(splats, golden.size, golden.nearest)
    return Drawing(drawn.image, drawn.alpha, index)


def torch_method(facts: dict[str, str]) -> Draw:
    """PyTorch's renderer in single precision, on CUDA if available; raises UnavailableError."""
    try:
        torch = import_module("torch")
    except ModuleNotFoundError as error:
        raise UnavailableError("PyTorch is not installed here.") from error
    renderer = import_module("make_4d.ml.networks.torch_splat")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    facts["torch"] = f"{torch.__version__} on {device}"

    def draw(golden: Golden) -> Drawing:
        parts = (torch.tensor(p, dtype=torch.float32, device=device) for p in projected(golden))
        splats = renderer.TensorSplats(*parts)
        features = torch.tensor(golden.features, device=device)
        drawn = renderer.composite(splats, features, golden.size, golden.nearest)
        return Drawing(drawn.image.cpu().numpy(), drawn.alpha.cpu().numpy())

    return draw


def gpu_method(kind: str, facts: dict[str, str]) -> Draw:
    """A method of the render engine, NEAREST or SORTED; raises UnavailableError."""
    try:
        bpy, gpu = import_module("bpy"), import_module("gpu")
    except ModuleNotFoundError as error:
        raise UnavailableError("Blender's module is not installed here.") from error
    facts["Blender"] = bpy.app.version_string
    try:
        gpu.init()
    except SystemError as error:
        raise UnavailableError(str(error)) from error
    facts["GPU"] = f"{gpu.platform.renderer_get()} ({gpu.platform.backend_type_get()})"
    draw_points = import_module("_draw_points")

    def draw(golden: Golden) -> Drawing:
        cloud = (golden.position, golden.radius, golden.features)
        try:
            image, alpha = draw_points.draw(*cloud, golden.lens, golden.size, golden.nearest, kind)
        except RuntimeError as error:
            raise UnavailableError(str(error)) from error
        return Drawing(image, alpha)

    return draw


def methods(facts: dict[str, str]) -> dict[str, Draw]:
    """The usable methods by name; prints a line on why for each other one."""
    factories: dict[str, Callable[[], Draw]] = {
        "reference": lambda: draw_reference,
        "torch": lambda: torch_method(facts),
        "nearest GPU": lambda: gpu_method("NEAREST", facts),
        "sorted GPU": lambda: gpu_method("SORTED", facts),
    }
    usable = {}
    for name, factory in factories.items():
        try:
            usable[name] = factory()
        except UnavailableError as reason:
            print(f"{name} is left out: {reason}")
    return usable


def compared(golden: Golden, method: str, drawing: Drawing, seconds: float) -> Record:
    """The record of a drawing: its errors, and whether they are within the limits."""
    truth = golden.truth
    image, alpha = np.abs(drawing.image - truth.image), np.abs(drawing.alpha - truth.alpha)
    far = (~((image <= TOLERANCE).all(axis=-1) & (alpha <= TOLERANCE))).mean()
    differ, fraction, limit = None, MADE_FRACTION, MADE_LARGEST
    if truth.index is not None:
        fraction, limit = 0.0, TOLERANCE
    if truth.index is not None and drawing.index is not None:
        differ = float((drawing.index != truth.index).any(axis=-1).mean())
    near = far <= fraction and max(image.max(), alpha.max()) <= limit
    return {
        "file": golden.name,
        "method": method,
        "image_max": float(image.max()),
        "image_mean": float(image.mean()),
        "alpha_max": float(alpha.max()),
        "alpha_mean": float(alpha.mean()),
        "over_tolerance": float(far),
        "index_differs": differ,
        "seconds": seconds,
        "passed": bool(near and (differ or 0.0) <= INDEX_FRACTION),
    }


def run(goldens: Iterable[Golden], usable: dict[str, Draw], images: Path | None) -> list[Record]:
    """Draw every cloud with every method; print a row for each and return the records."""
    print(ROW.format(*HEADINGS))
    records = []
    for golden in goldens:
        drawings: dict[str, Drawing] = {}
        for method, draw in usable.items():
            if draw is draw_reference and golden.truth.index is None:
                continue  # it is the truth
            records.append(tried(golden, method, draw, drawings))
            print(row(records[-1]), flush=True)
        if images and golden.features.shape[1] in (3, 4):
            write_image(images / f"{golden.name.replace(': ', '_')}.png", golden, drawings)
    return records


def tried(golden: Golden, method: str, draw: Draw, drawings: dict[str, Drawing]) -> Record:
    """The record of a method's drawing, or of why there is none; adds it to `drawings`."""
    start = time.perf_counter()
    try:
        drawing = drawings[method] = draw(golden)
    except UnavailableError as reason:
        return {"file": golden.name, "method": method, "left_out": str(reason)}
    return compared(golden, method, drawing, time.perf_counter() - start)


def row(record: Record) -> str:
    """A record as a row of the table."""
    if "left_out" in record:
        return f"{record['file']:<24} {record['method']:<11} left out: {record['left_out']}"
    errors = [f"{record[key]:.2e}" for key in KINDS_OF_ERROR]
    differ = record["index_differs"]
    fractions = [f"{record['over_tolerance']:.4%}", "-" if differ is None else f"{differ:.4%}"]
    seconds = f"{record['seconds']:.2f} s"
    return ROW.format(
        record["file"], record["method"], *errors, *fractions, seconds, verdict(record)
    )


def verdict(record: Record) -> str:
    """Whether a record's errors are within the limits, in a word or two."""
    if record["method"] == INFORMATIVE:
        return "no limits"
    return "passed" if record["passed"] else "MISSED"


def write_image(path: Path, golden: Golden, drawings: dict[str, Drawing]) -> None:
    """Write a PNG of truth, nearest, sorted, and the differences of nearest, side by side."""
    cv2 = import_module("cv2")
    panels = [golden.truth.image]
    panels += [drawings[name].image for name in ("nearest GPU", "sorted GPU") if name in drawings]
    if "nearest GPU" in drawings:
        panels.append(GAIN * np.abs(panels[1] - panels[0]))
    scale = -(-SMALL // golden.size[0])
    large = [panel[..., :3].repeat(scale, axis=0).repeat(scale, axis=1) for panel in panels]
    gap = np.ones((len(large[0]), GAP, 3))
    row_of_panels = np.hstack([part for panel in large for part in (panel, gap)][:-1])
    pixels = np.round(np.clip(row_of_panels, 0, 1) * 255).astype(np.uint8)
    path.write_bytes(cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(prog="make4d bench golden", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of golden files")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the records")
    parser.add_argument(
        "--picture",
        metavar="FOLDER",
        type=Path,
        help="write truth, nearest, sorted, 20x difference",
    )
    parser.add_argument(
        "--points", type=int, default=MADE_POINTS, help="points of the made clouds, 0 for none"
    )
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run the benchmark. Returns 1 if a method misses its limits, 2 if there is nothing to draw."""
    options = arguments(argv)
    try:
        goldens = [load(path) for path in golden_files(options.folder)]
        for folder in (options.json and options.json.parent, options.picture):
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
    except (InputError, OSError) as error:
        print(f"make4d bench golden: {error}", file=sys.stderr)
        return 2
    load_package()
    facts = {"python": platform.python_version(), "machine": platform.platform()}
    usable = methods(facts)
    if options.picture and importlib.util.find_spec("cv2") is None:
        print("No images are written: OpenCV is not installed here.")
        options.picture = None
    print(*(f"{name}: {fact}" for name, fact in facts.items()), sep="\n")
    large = made(options.points, draw_reference) if options.points > 0 else ()
    records = run(chain(goldens, large), usable, options.picture)
    if options.json:
        text = json.dumps({"machine": facts, "records": records}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    missed = [record for record in records if not record.get("passed", True)]
    return int(any(record["method"] != INFORMATIVE for record in missed))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as user_folder:  # keeps the user's preferences out
        os.environ.setdefault("BLENDER_USER_RESOURCES", user_folder)
        sys.exit(main(sys.argv[1:]))
