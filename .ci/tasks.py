"""The developer commands of the script `make4d`: test, lint, build, bench, worlds and train.

They run in the script's private environment. Not part of the extension's zip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # -I leaves the script's folder out

from package import LEFT_OUT, run_build

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "tests" / "bench"
RUN_MODULE = str(ROOT / ".ci" / "run_module.py")
TEST_PROCESSES = 4
"""At most so many processes run the tests: each of them loads Blender and PyTorch."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
"""Set to one thread per process, so that the processes don't compete for cores."""


def call(*arguments: str, folder: Path | None = None) -> int:
    """Run this Python, isolated from the user's packages, and return its exit status."""
    sys.stdout.flush()
    return subprocess.call([sys.executable, "-I", *arguments], cwd=folder)


def run_tests(arguments: list[str]) -> int:
    """Run pytest on the files that the arguments name, in a Blender window, or on the whole suite.

    The whole suite runs in several processes, unless the arguments contain pytest's `-n`.
    """
    options = (argument for argument in arguments if not argument.startswith("-"))
    is_named = any(Path(option.split("::")[0]).exists() for option in options)
    pytest = ["-m", "pytest", "-c", str(ROOT / "tests/pytest.ini")]
    if is_named:
        return call(*pytest, *arguments)
    if "--window" in arguments:
        return call(*pytest, str(ROOT / "tests" / "window"), *arguments)
    if not any(argument.startswith(("-n", "--numprocesses")) for argument in arguments):
        processes = min(os.process_cpu_count() or 1, TEST_PROCESSES)
        pytest += [f"--numprocesses={processes}", "--dist=loadfile", "--no-loadscope-reorder"]
        os.environ.update(dict.fromkeys(THREADS, "1"))
    return call(*pytest, str(ROOT / "tests"), *arguments)


def run_lint(arguments: list[str]) -> int:
    """Check format, style and types; runs every check, even if another one fails."""
    statuses = [
        call("-m", "ruff", "format", "--check", *arguments, folder=ROOT),
        call("-m", "ruff", "check", *arguments, folder=ROOT),
        call("-m", "mypy", "make4d", folder=ROOT),
    ]
    with tempfile.TemporaryDirectory() as scratch:  # a folder with the package's own name
        left_out = shutil.ignore_patterns(*LEFT_OUT)
        shutil.copytree(ROOT, Path(scratch) / "make_4d", ignore=left_out)
        options = ["--config-file", str(ROOT / "pyproject.toml")]
        options += ["--cache-dir", str(ROOT / ".mypy_cache")]
        statuses.append(call("-m", "mypy", *options, "-p", "make_4d", folder=Path(scratch)))
    return int(any(statuses))


def run_bench(arguments: list[str]) -> int:
    """Run a benchmark from tests/bench with its own arguments."""
    benchmarks = sorted(path.stem for path in BENCHMARKS.glob("[a-z]*.py"))
    if not arguments or arguments[0] not in benchmarks:
        print(f"usage: make4d bench {{{','.join(benchmarks)}}} ...", file=sys.stderr)
        return 2
    return call(str(BENCHMARKS / f"{arguments[0]}.py"), *arguments[1:])


def run_worlds(arguments: list[str]) -> int:
    """Make worlds to train the scene network on."""
    return call(RUN_MODULE, "geometry.worlds.command", *arguments)


def run_training(arguments: list[str]) -> int:
    """Train the scene network."""
    return call(RUN_MODULE, "ml.training.command", *arguments)


COMMANDS = {
    "test": run_tests,
    "lint": run_lint,
    "build": run_build,
    "bench": run_bench,
    "worlds": run_worlds,
    "train": run_training,
}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
