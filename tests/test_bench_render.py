"""The benchmark `render`: parts and engines of a small run, ratios, fits, invalid arguments."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow

BENCH = Path(__file__).parent / "bench"
PARTS = {"total", "evaluate", "read", "sort", "upload", "draw", "read back", "write", "other"}


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    sys.path.insert(0, str(BENCH))
    try:
        spec = importlib.util.spec_from_file_location("figures", BENCH / "_render_figures.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCH))
    return module


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(root / ".ci/tasks.py"), "bench", "render", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_small_run_has_all_parts_and_engines(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("bpy", reason="Blender's module is not installed")
    file = tmp_path / "render.json"
    done = run(root, "--small", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(file.read_text())
    if report["machine"]["GPU"].startswith("none"):
        pytest.skip(f"no GPU context here: {report['machine']['GPU']}")
    rows = {(row["engine"], row["moving"]): row for row in report["rows"]}
    assert set(rows) == {
        *(("make4d", moving) for moving in (False, True)),
        *(("eevee", moving) for moving in (False, True)),
        *(("cycles", moving) for moving in (False, True)),
        ("numpy", False),
    }
    for moving in (False, True):
        ours = rows["make4d", moving]
        assert set(ours["seconds"]) == PARTS
        parts = {name: part["median"] for name, part in ours["seconds"].items()}
        # The parts add up: little is unaccounted for.
        assert abs(parts["other"]) < 0.5 * parts["total"]
        assert not ours["warnings"]
        assert 0 < ours["bandwidth_share"] < 1
    assert rows["make4d", True]["bytes"]["uploaded"] > rows["make4d", False]["bytes"]["uploaded"]
    assert len(report["ratios"]) == 5


def row(engine: str, millions: float, seconds: float, moving: bool = False) -> dict:
    return {
        "engine": engine,
        "millions": millions,
        "size": (512, 512),
        "moving": moving,
        "points": millions * 1e6,
        "seconds": {"total": {"median": seconds}},
    }


def test_ratios_of_synthetic_times(figures: ModuleType) -> None:
    rows = [
        row("make4d", 0.5, 0.2),
        row("eevee", 0.5, 6.0),
        row("cycles", 0.5, 0.4),
        row("make4d", 1.0, 0.4),
        row("eevee", 1.0, 2.0),
        row("eevee", 0.5, 1.0, moving=True),
    ]
    ratios = {(r["engine"], r["millions"]): r for r in figures.ratios_of(rows)}
    assert set(ratios) == {("eevee", 0.5), ("cycles", 0.5), ("eevee", 1.0)}
    assert ratios["eevee", 0.5]["ratio"] == pytest.approx(30.0)
    assert ratios["eevee", 0.5]["reached"] is True
    assert ratios["cycles", 0.5]["reached"] is False
    assert ratios["eevee", 1.0]["reached"] is None


def test_fits_of_synthetic_times(figures: ModuleType) -> None:
    line = [row("make4d", m, 0.1 + 0.2 * m) for m in (0.5, 1.0, 2.0, 4.0)]
    (fit,) = figures.fits_of(line)
    assert fit["slope"] == pytest.approx(0.2)
    assert fit["constant"] == pytest.approx(0.1)
    assert fit["linear"] is True
    (bent,) = figures.fits_of([row("make4d", m, m * m) for m in (0.5, 1.0, 2.0, 4.0)])
    assert bent["linear"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        ("--points", "many"),
        ("--points", "-1"),
        ("--sizes", "512"),
        ("--engines", "pencil"),
        ("--frames", "0"),
        ("--json", "/dev/null/render.json"),
    ],
)
def test_invalid_arguments_are_reported_in_one_sentence(
    root: Path, arguments: tuple[str, str]
) -> None:
    done = run(root, *arguments)
    assert done.returncode == 2
    assert (done.stderr + done.stdout).startswith("make4d bench render: ")
    assert (done.stderr + done.stdout).count("\n") == 1
