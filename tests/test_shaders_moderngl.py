"""The engine's shaders without Blender: the benchmark `shaders`, in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from make_4d.geometry.core import render_passes

pytest.importorskip("moderngl", reason="moderngl is not installed")

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "tests" / "bench" / "shaders.py"
FILES = {"a_random_landscape", "f_corner_global", "f_corner_perpoint"}
PASSES = {each.name for each in render_passes.PASSES}
NO_CONTEXT = "There is no OpenGL 4.5 here"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark in another process, because `gpu` may be Blender's in this one."""
    command = [sys.executable, "-I", str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict:
    """The benchmark's figures and exit status; skips without OpenGL 4.5."""
    target = tmp_path_factory.mktemp("shaders") / "report.json"
    size = ("--points", "20000", "--size", "160x90", "--frames", "3", "--measured", "2")
    done = run(*size, "--json", str(target))
    if done.returncode == 2 and NO_CONTEXT in done.stderr:
        pytest.skip(done.stderr.strip())
    assert target.exists(), done.stderr
    return json.loads(target.read_text()) | {"status": done.returncode, "output": done.stdout}


def records(report: dict, method: str) -> dict[str, dict]:
    """Records of agreement by what was drawn."""
    return {r["file"]: r for r in report["agreement"] if r["method"] == method}


def test_exact_method_equals_the_reference(report) -> None:
    nearest = records(report, "NEAREST")
    assert set(nearest) == FILES | {f"frame: {name}" for name in PASSES}
    assert all(nearest[name]["error"] <= 1e-4 for name in FILES), nearest
    # Of a frame with all passes, moving copies and underpaint: the fraction of pixels off by more.
    assert all(nearest[f"frame: {name}"]["error"] <= 2e-3 for name in PASSES - {"Layer"}), nearest
    assert nearest["frame: Layer"]["passed"]


@pytest.mark.parametrize(
    "name",
    [
        "a_random_landscape",
        "f_corner_global",
        "f_corner_perpoint",
    ],
)
def test_sorted_method_equals_the_reference(report, name: str) -> None:
    drawn = records(report, "SORTED")
    assert set(drawn) == FILES
    assert drawn[name]["error"] <= 1e-4


def test_exit_status_reports_differences(report) -> None:
    assert report["status"] == int(not all(r["passed"] for r in report["agreement"]))


def test_every_shader_was_compiled(report) -> None:
    texts = sorted(path.stem for path in (ROOT / "render" / "shaders").glob("*.glsl"))
    assert report["compiled"] == texts


def test_times(report) -> None:
    nearest = report["nearest"]
    assert 15000 < nearest["points"] < 25000
    assert set(nearest["shaders"]) == {
        "clear", "bin_comp", "scan_comp", "scatter_comp", "gather_frag", "finish_frag",
    }  # fmt: skip
    assert set(report["sorted"]["shaders"]) == {"splat_frag"}
    assert all(seconds > 0 for seconds in nearest["shaders"].values())
    assert nearest["fps"] == pytest.approx(1 / nearest["seconds"])
    assert report["goal"].startswith("not judged")  # even on a GPU, because the scene is too small
    assert report["machine"]["renderer"] in report["output"]


def test_no_golden_files(tmp_path) -> None:
    done = run("--golden", str(tmp_path))
    assert done.returncode == 2
    assert "contains no golden files" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_such_device() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("devices are chosen on Linux only")
    done = run("--device", "99")
    assert done.returncode == 2
    assert NO_CONTEXT in done.stderr
