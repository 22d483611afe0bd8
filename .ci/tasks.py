"""The developer's commands of the script `make4d`: test, lint, build and bench.

Runs in the script's private environment; not part of the extension's zip.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # -I leaves the script's folder out

from package import LEFT_OUT, run_build

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "tests" / "bench"


def call(*arguments: str, folder: Path | None = None) -> int:
    """The exit status of this Python with these arguments, apart from the user's packages."""
    sys.stdout.flush()
    return subprocess.call([sys.executable, "-I", *arguments], cwd=folder)


def run_tests(arguments: list[str]) -> int:
    """Run pytest on the whole suite, on the files that the arguments name, or in the window."""
    options = (argument for argument in arguments if not argument.startswith("-"))
    is_named = any(Path(option.split("::")[0]).exists() for option in options)
    suite = ROOT / "tests" / ("window" if "--window" in arguments else "")
    chosen = arguments if is_named else [str(suite), *arguments]
    return call("-m", "pytest", "-c", str(ROOT / "tests/pytest.ini"), *chosen)


def run_lint(arguments: list[str]) -> int:
    """Check format, style and types; every check runs, whatever the others say."""
    statuses = [
        call("-m", "ruff", "format", "--check", *arguments, folder=ROOT),
        call("-m", "ruff", "check", *arguments, folder=ROOT),
        call("-m", "mypy", "make4d", folder=ROOT),
    ]
    with tempfile.TemporaryDirectory() as scratch:  # where the package has its own name
        left_out = shutil.ignore_patterns(*LEFT_OUT)
        shutil.copytree(ROOT, Path(scratch) / "make_4d", ignore=left_out)
        options = ["--config-file", str(ROOT / "pyproject.toml")]
        options += ["--cache-dir", str(ROOT / ".mypy_cache")]
        statuses.append(call("-m", "mypy", *options, "-p", "make_4d", folder=Path(scratch)))
    return int(any(statuses))


def run_bench(arguments: list[str]) -> int:
    """Run a benchmark of tests/bench by its name, with its own arguments."""
    benchmarks = sorted(path.stem for path in BENCHMARKS.glob("[a-z]*.py"))
    if not arguments or arguments[0] not in benchmarks:
        print(f"usage: make4d bench {{{','.join(benchmarks)}}} ...", file=sys.stderr)
        return 2
    return call(str(BENCHMARKS / f"{arguments[0]}.py"), *arguments[1:])


COMMANDS = {"test": run_tests, "lint": run_lint, "build": run_build, "bench": run_bench}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
