"""A real Blender window, used with mouse and keyboard: `./make4d test --window`.

The launcher is named by MAKE4D_WINDOW_BLENDER, or is ../shared/blender-window/run beside the
checkout: `RUN WORKDIR DRIVER.py SECONDS` opens Blender on a screen with access to WORKDIR, and runs
the driver in it. The driver (driver.py) performs the steps of plan.py and writes a record, which is
read here: every step is one test. --window-pictures=FOLDER keeps its screenshots.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from window.plan import PHOTO, PYTHONS, RECORD, SCREENSHOTS, SKIPPED, STEPS, packages_folder

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
SECONDS = 900
Record = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def launcher(request: pytest.FixtureRequest) -> str:
    """The script that opens Blender; without one the tests are skipped."""
    if not request.config.getoption("--window"):
        pytest.skip("opens a Blender window: only with --window")
    beside = ROOT.parent / "shared" / "blender-window" / "run"
    named = os.environ.get("MAKE4D_WINDOW_BLENDER") or (str(beside) if beside.exists() else "")
    if not named:
        pytest.skip("no window Blender: name its launcher in MAKE4D_WINDOW_BLENDER")
    return named


@pytest.fixture(scope="module")
def folder(launcher: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder: the zip, the photo, the driver."""
    folder = tmp_path_factory.mktemp("window")
    build = [sys.executable, "-I", str(ROOT / ".ci" / "tasks.py"), "build", str(folder), "--system"]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    datasets = pytest.importorskip("sklearn.datasets")
    shutil.copy(Path(datasets.__file__).parent / "images" / PHOTO, folder)
    shutil.copytree(HERE, folder / "driver", ignore=shutil.ignore_patterns("test_*", "__pycache__"))
    for python in PYTHONS:
        add_pillow(folder / packages_folder(python), python)
    return folder


def add_pillow(folder: Path, python: str) -> None:
    """Install Pillow for a Blender that has none, such as Debian's; without it a job says so."""
    pip = [
        sys.executable,
        "-I",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
    ]
    pip += ["--python-version", python, "--target", str(folder), "pillow"]
    subprocess.run(pip, check=False)


@pytest.fixture(scope="module")
def record(launcher: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Record]:
    """The driver's record, by step."""
    command = [launcher, str(folder), str(folder / "driver" / "driver.py"), str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 240)
    (folder / "blender.log").write_text(done.stdout + done.stderr)
    keep = request.config.getoption("--window-pictures")
    if keep and (folder / SCREENSHOTS).exists():
        shutil.copytree(folder / SCREENSHOTS, keep, dirs_exist_ok=True)
        shutil.copy(folder / "blender.log", keep)
        if (folder / RECORD).exists():
            shutil.copy(folder / RECORD, keep)
    assert (folder / RECORD).exists(), done.stdout[-3000:] + done.stderr[-3000:]
    yield json.loads((folder / RECORD).read_text())


@pytest.mark.parametrize("step", STEPS)
def test_step(step: str, record: Record) -> None:
    assert step in record, f"not reached: {', '.join(record)} came before"
    error = record[step]["error"]
    if error.startswith(SKIPPED):
        pytest.skip(error.removeprefix(SKIPPED))
    assert not error, error
    print(json.dumps(record[step]["notes"]))


def test_log_holds_no_errors(folder: Path, record: Record) -> None:
    text = (folder / "blender.log").read_text()
    assert "Traceback" not in text and "| ERROR" not in text, text[-3000:]
