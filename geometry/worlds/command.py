"""The command `./make4d worlds DIR`: make any number of worlds in several processes.

It goes on where an interrupted run stopped: a world whose marker file exists is not made again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

FAILED_IN_A_ROW = 10
"""So many failures one after another end a run."""


def main(arguments: list[str], boot: list[str]) -> int:
    """Run the command; returns the exit status.

    boot: How to start this command once more in a process of its own.
    """
    options = _parser().parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.processes == 1:
        return _make(options)
    parts = range(options.processes)
    children = [
        subprocess.Popen([*boot, *arguments, "--processes", "1", "--part", str(k), str(len(parts))])
        for k in parts
    ]
    return max(child.wait() for child in children)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make4d worlds", description=(__doc__ or "").strip())
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--count", type=int, default=100, help="number of worlds (100)")
    parser.add_argument("--first", type=int, default=0, help="number of the first world (0)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the series of worlds (0)")
    parser.add_argument("--processes", type=int, default=1, help="one for each core (1)")
    parser.add_argument("--pixels", type=int, default=352 * 264, help="pixels of a picture (92928)")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help=argparse.SUPPRESS)
    return parser


def _make(options: argparse.Namespace) -> int:
    """Make this process's part of the worlds."""
    part, parts = options.part
    _pin(part)
    from .make import make_world_files, world_name

    failures = pictures = 0
    start = time.monotonic()
    for number in range(options.first + part, options.first + options.count, parts):
        marker = options.folder / f"{world_name(options.seed, number)}.done"
        if marker.exists():
            continue
        try:
            with _quiet():
                made = make_world_files(options.folder, options.seed, number, options.pixels)
                pictures += len(made)
        except (RuntimeError, ValueError, ArithmeticError, LookupError, TypeError) as error:
            failures += 1
            print(f"world {number}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            if failures >= FAILED_IN_A_ROW:
                return 1
            continue
        failures = 0
        marker.touch()
        if number // parts % 10 == 0:
            each = (time.monotonic() - start) / max(pictures, 1)
            print(f"world {number}: {pictures} pictures, {each:.2f} s each", flush=True)
    return 0


def _pin(part: int) -> None:
    """Keep this process on one core: Cycles takes several times as long when it wanders."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[part % len(cores)]})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop what Blender prints about every picture."""
    sys.stdout.flush()
    saved, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(nothing)
