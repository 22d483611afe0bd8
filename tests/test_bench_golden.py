"""The benchmark `golden`: table, JSON, images and exit status, with a stand-in for the GPU."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from make_4d.geometry.core import splat

DATA = Path(__file__).parent / "data" / "splat"
SCRIPT = Path(__file__).parent / "bench" / "golden.py"
FILES = ("a_random_landscape", "f_corner_global", "f_corner_perpoint")
MADE = ("made: grid", "made: random")
NO_GPU = "There is no GPU here: run this on a desktop."


@pytest.fixture(scope="module")
def golden() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_golden", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class StandIn:
    """Draws with the numpy renderer in place of the GPU, and changes the image."""

    def __init__(self) -> None:
        self.change = {"NEAREST": lambda image: image, "SORTED": lambda image: image}
        self.failure = ""

    def draw(self, position, radius_px, features, lens, size, nearest, method):
        if self.failure:
            raise RuntimeError(self.failure)
        assert position.dtype == radius_px.dtype == features.dtype == np.float32
        assert position.shape == (len(features), 3) and radius_px.shape == (len(features),)
        fx, fy, cx, cy = lens
        x, y, z = position.T.astype(float)
        with np.errstate(all="ignore"):
            splats = splat.Splats(fx * x / z + cx, fy * y / z + cy, z, radius_px)
        limit = {"NEAREST": nearest, "SORTED": None}[method]
        image = splat.composite(splats, features, size, limit)
        return self.change[method](image.image), image.alpha


@pytest.fixture
def view(monkeypatch) -> StandIn:
    """The stand-in, in a Blender that needs no GPU."""
    view = StandIn()
    platform = {"renderer_get": lambda: "Stand-in", "backend_type_get": lambda: "NONE"}
    gpu = SimpleNamespace(init=lambda: None, platform=SimpleNamespace(**platform))
    bpy = SimpleNamespace(app=SimpleNamespace(version_string="5.2.0"))
    stand_ins = {"_draw_points": view, "gpu": gpu, "bpy": bpy}
    for name, stand_in in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    return view


@pytest.fixture
def no_torch(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.fixture
def run(golden, capsys, tmp_path):
    """Run the benchmark on the stored files; returns status, output lines and the JSON file."""

    def run(*arguments: str, points: int = 0, folder: Path = DATA):
        target = tmp_path / "made" / "records.json"
        words = [str(folder), "--points", str(points), "--json", str(target), *arguments]
        status = golden.main(words)
        return status, capsys.readouterr().out.splitlines(), json.loads(target.read_text())

    return run


def of(report, method: str) -> dict:
    return {record["file"]: record for record in report["records"] if record["method"] == method}


def test_all_are_compared(view, no_torch, run) -> None:
    status, lines, report = run(points=4000)
    assert status == 0
    assert "torch is left out: PyTorch is not installed here." in lines
    assert report["machine"]["GPU"] == "Stand-in (NONE)"
    assert report["machine"]["Blender"] == "5.2.0"
    assert set(of(report, "reference")) == set(FILES)
    for method in ("nearest GPU", "sorted GPU"):
        assert set(of(report, method)) == {*FILES, *MADE}
    assert not of(report, "torch")
    rows = [line for line in lines if line.startswith((*FILES, *MADE))]
    assert len(rows) == len(report["records"]) == 13
    for line, record in zip(rows, report["records"], strict=True):
        assert line.startswith(record["file"]) and record["method"] in line
        assert f"{record['image_max']:.2e}" in line and f"{record['alpha_mean']:.2e}" in line
        assert line.endswith("no limits" if record["method"] == "sorted GPU" else "passed")
        assert record["passed"] or record["method"] == "sorted GPU"
        assert record["seconds"] > 0


def test_figures_of_the_reference(view, run) -> None:
    reference = of(run()[2], "reference")
    # Figures of another implementation of the same formula: 3.9e-6, 4.3e-6, and 2 of 4096 pixels.
    landscape, corner = reference["a_random_landscape"], reference["f_corner_global"]
    assert landscape["image_max"] == pytest.approx(3.9e-6, abs=5e-8)
    assert landscape["alpha_max"] == pytest.approx(4.3e-6, abs=5e-8)
    assert landscape["index_differs"] == 0
    assert corner["index_differs"] == 2 / 4096
    assert 0 < landscape["image_mean"] < 1e-6


def test_torch_is_compared_if_installed(view, run) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    status, _, report = run(points=4000)
    assert status == 0
    assert set(of(report, "torch")) == {*FILES, *MADE}
    assert all(record["passed"] for record in of(report, "torch").values())


@pytest.mark.parametrize("change", [lambda i: i + 2e-4, lambda i: i * np.nan, lambda i: i[:, ::-1]])
def test_nearest_method_must_be_exact(view, run, change) -> None:
    view.change["NEAREST"] = change
    status, lines, report = run()
    assert status == 1
    assert not any(record["passed"] for record in of(report, "nearest GPU").values())
    assert sum(line.endswith("MISSED") for line in lines) == len(FILES)


def test_reference_must_be_exact(view, run, monkeypatch) -> None:
    index = splat.nearest_indices
    monkeypatch.setattr(splat, "nearest_indices", lambda *given: index(*given)[..., ::-1])
    status, _, report = run()
    assert status == 1
    assert not any(record["passed"] for record in of(report, "reference").values())


def test_sorted_method_has_no_limits(view, run) -> None:
    view.change["SORTED"] = lambda image: image + 0.1
    status, lines, report = run()
    assert status == 0
    assert not any(record["passed"] for record in of(report, "sorted GPU").values())
    assert not any("MISSED" in line for line in lines)


def inaccurate_record(golden, pixels: int, error: float) -> dict:
    """The record of a drawing of a synthetic cloud with an error at some pixels."""
    cloud = next(golden.made(1000, golden.draw_reference))
    image = cloud.truth.image.copy()
    image.reshape(-1, image.shape[-1])[:pixels, 1] += error
    return golden.compared(cloud, "nearest GPU", replace(cloud.truth, image=image), 1.0)


@pytest.mark.parametrize(
    ("pixels", "error", "passed"),
    [(25, 4e-3, True), (26, 2e-4, False), (1, 6e-3, False), (256_000, 9e-5, True)],
)
def test_limits_of_the_large_clouds(golden, pixels: int, error: float, passed: bool) -> None:
    record = inaccurate_record(golden, pixels, error)
    assert record["passed"] is passed
    assert record["image_max"] == pytest.approx(error)
    assert record["over_tolerance"] == (pixels / 256_000 if error > 1e-4 else 0)


def test_large_clouds_contain_difficult_cases(golden) -> None:
    clouds = {cloud.name: cloud for cloud in golden.made(golden.MADE_POINTS, golden.draw_reference)}
    assert tuple(clouds) == MADE
    for cloud in clouds.values():
        u, v, z, radius = golden.projected(cloud)
        front = z > 0
        assert len(z) == pytest.approx(500_000, rel=0.01)
        assert (cloud.size, cloud.truth.alpha.shape) == ((400, 640), (400, 640))
        assert 0.04 < 1 - front.mean() < 0.3
        assert ((u < 0) | (u > 640) | (v < 0) | (v > 400))[front].mean() > 0.1
        assert len(np.unique(radius)) > 1000
        assert 0.01 < (cloud.truth.alpha == 0).mean() < 0.2
    _, _, z, _ = golden.projected(clouds["made: grid"])
    assert (z == 5.5).mean() > 0.3  # equal depths


def test_a_method_that_fails_is_reported(view, run) -> None:
    view.failure = NO_GPU
    status, lines, report = run()
    assert status == 0
    refusals = [line for line in lines if line.endswith(f" left out: {NO_GPU}")]
    assert len(refusals) == 6  # three clouds, two methods
    assert {r["left_out"] for r in of(report, "nearest GPU").values()} == {NO_GPU}
    assert set(of(report, "reference")) == set(FILES)


def refuse(reason: str) -> None:
    raise SystemError(reason)


def test_runs_without_a_gpu(view, no_torch, run, monkeypatch) -> None:
    monkeypatch.setattr(sys.modules["gpu"], "init", lambda: refuse(NO_GPU))
    status, lines, report = run()
    assert status == 0
    assert f"nearest GPU is left out: {NO_GPU}" in lines
    assert {record["method"] for record in report["records"]} == {"reference"}


def test_runs_without_blender(view, no_torch, run, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "bpy", None)
    status, lines, report = run()
    assert status == 0
    assert "sorted GPU is left out: Blender's module is not installed here." in lines
    assert {record["method"] for record in report["records"]} == {"reference"}


def test_images(view, run, tmp_path) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    view.change["NEAREST"] = lambda image: image + 0.01
    view.change["SORTED"] = lambda image: image * 0
    folder = tmp_path / "new" / "images"
    run("--picture", str(folder), points=1000)
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{name}.png" for name in (*FILES, "made_grid", "made_random")}
    image = cv2.imread(str(folder / f"{FILES[0]}.png"))
    assert image.shape == (240, 4 * 320 + 3 * 4, 3)
    panels = [image[:, i * 324 : i * 324 + 320].astype(int) for i in range(4)]
    truth = np.load(DATA / f"{FILES[0]}.npz")["image"][..., 2::-1]
    np.testing.assert_allclose(panels[0][2::5, 2::5], 255 * truth, atol=0.51)
    assert (panels[1] - panels[0]).mean() == pytest.approx(2.55, abs=0.5)
    assert not panels[2].any()
    np.testing.assert_allclose(panels[3], 51, atol=1)


def test_images_without_opencv(view, run, monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    status, lines, _ = run("--picture", str(tmp_path / "images"))
    assert status == 0
    assert "No images are written: OpenCV is not installed here." in lines


@pytest.mark.parametrize("kind", ["missing", "empty", "foreign", "broken", "file"])
def test_bad_folder(golden, capsys, tmp_path, kind: str) -> None:
    folder = tmp_path / kind
    if kind == "file":
        folder.write_text("no folder")
    elif kind != "missing":
        folder.mkdir()
    if kind == "foreign":
        np.savez(folder / "other.npz", h=3)
    if kind == "broken":
        whole = (DATA / f"{FILES[1]}.npz").read_bytes()
        (folder / "half.npz").write_bytes(whole[: len(whole) // 2])
    assert golden.main([str(folder)]) == 2
    output = capsys.readouterr()
    message = {
        "missing": f"{folder} is not a folder. ",
        "file": f"{folder} is not a folder. ",
        "empty": f"{folder} contains no golden files",
        "foreign": f"{folder / 'other.npz'} is not a golden file: w is not a file in the archive.",
        "broken": f"{folder / 'half.npz'} can't be read. ",
    }[kind]
    assert output.err.startswith(f"make4d bench golden: {message}")
    assert output.err.count("\n") == 1
    assert not output.out


def test_runs_from_the_command_line(root: Path, tmp_path) -> None:
    command = [sys.executable, "-I", str(root / ".ci/tasks.py"), "bench", "golden", "nowhere"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("make4d bench golden: nowhere is not a folder.")


def test_this_machines_gpu_meets_the_limits(root: Path, tmp_path) -> None:
    """The real command in its own process, with clouds large enough to fill the cells."""
    pytest.importorskip("bpy", reason="Blender's module is not installed")
    command = [sys.executable, "-I", str(root / ".ci/tasks.py"), "bench", "golden", str(DATA)]
    command += ["--points", "60000", "--json", str(tmp_path / "golden.json")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    records = json.loads((tmp_path / "golden.json").read_text())["records"]
    nearest = [record for record in records if record["method"] == "nearest GPU"]
    assert {record["file"] for record in nearest} == {*FILES, *MADE}
    if any("left_out" in record for record in nearest):
        pytest.skip(f"the GPU can't draw here: {nearest[0]['left_out']}")
