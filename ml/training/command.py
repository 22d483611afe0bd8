"""The command `./make4d train`: see `train` for what it does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2

from .train import Plan, Trainer

UNEVEN = "--size needs multiples of 32, such as 224x288."
ENDLESS = "Say how long: --steps or --minutes, of the whole training."


def main(arguments: list[str], boot: list[str]) -> int:
    """Run the command line and return the exit status; `boot` isn't needed."""
    del boot
    cv2.setNumThreads(1)  # batches are made beside the steps of training
    options = parser().parse_args(arguments)
    if not options.steps and not options.minutes:
        print(f"make4d: {ENDLESS}", file=sys.stderr)
        return 2
    try:
        plan = plan_of(options)
        Trainer(plan).run(lambda text: print(text, flush=True))
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"make4d: {error}", file=sys.stderr)
        return 1
    return 0


def plan_of(options: argparse.Namespace) -> Plan:
    """Return the plan of a command line; raises ValueError for a size that doesn't fit."""
    height, width = (int(part) for part in options.size.lower().split("x"))
    if height % 32 or width % 32:
        raise ValueError(UNEVEN)
    return Plan(
        folders=dict(weighted(text) for text in options.folders),
        out=options.out,
        size=(height, width),
        batch=options.batch,
        steps=options.steps,
        minutes=options.minutes,
        rate=options.rate,
        end_rate=options.end_rate,
        threads=options.threads,
        seed=options.seed,
        start=options.start,
        calibrate=options.calibrate,
    )


def weighted(text: str) -> tuple[Path, float]:
    """Return a folder and its weight, out of `FOLDER` or `FOLDER=WEIGHT`."""
    folder, _, weight = text.partition("=")
    return Path(folder), float(weight or 1.0)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="make4d train", description="Train the scene network.")
    add = parser.add_argument
    hint = "folders of samples; FOLDER=0.2 draws from it less often; they may grow meanwhile"
    add("folders", nargs="+", metavar="FOLDER", help=hint)
    hint = "folder for the checkpoint, the curve and the weights; goes on from its checkpoint"
    add("--out", type=Path, required=True, help=hint)
    add("--steps", type=int, default=0, help="length of the whole training in steps")
    add("--minutes", type=float, default=0.0, help="or in minutes")
    hint = "height x width of landscape crops (224x288)"
    add("--size", default="224x288", metavar="HxW", help=hint)
    add("--batch", type=int, default=8, help="samples in a batch (8)")
    add("--rate", type=float, default=1e-3, help="learning rate after the warm-up (0.001)")
    add("--end-rate", type=float, default=2e-5, help="learning rate at the end (0.00002)")
    add("--threads", type=int, default=1, help="threads of PyTorch (1)")
    add("--seed", type=int, default=0, help="of batches and first weights (0)")
    hint = "weights to start from, such as ml/scene/scene.onnx"
    add("--start", type=Path, metavar="FILE.onnx", help=hint)
    hint = "labeled photographs to calibrate the final weights on"
    add("--calibrate", type=Path, metavar="FOLDER", help=hint)
    return parser
