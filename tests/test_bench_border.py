"""The benchmark of borders, by values computed by hand."""

from __future__ import annotations

import json
from pathlib import Path

import border
import cv2
import numpy as np
import pytest
from _scene_labels import Labelled, Labels, Marks

HEIGHT, WIDTH = 60, 80
BOX = (9, 68, 51, 12)


def test_the_middle_is_kept() -> None:
    assert border.inner_box(HEIGHT, WIDTH) == BOX


def test_an_even_texture_has_no_seam_and_a_step_has(rng: np.random.Generator) -> None:
    texture = rng.random((HEIGHT, WIDTH, 3)).astype(np.float32) * 0.2
    assert border.seam_ratio(texture, BOX) == pytest.approx(1.0, abs=0.08)
    top, right, bottom, left = BOX
    framed = texture.copy()
    framed[top:bottom, left:right] += 0.5
    assert border.seam_ratio(framed, BOX) > 4
    smooth = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    assert border.seam_ratio(smooth, BOX) == pytest.approx(1.0)


def test_ramp_across_the_border_is_no_seam() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, WIDTH)[None, :, None], (HEIGHT, WIDTH, 3))
    assert border.seam_ratio(np.ascontiguousarray(ramp, np.float32), BOX) == pytest.approx(1.0)


def test_coarse_colors_ignore_texture(rng: np.random.Generator) -> None:
    truth = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    part = np.ones((HEIGHT, WIDTH), bool)
    noise = truth + 0.05 * rng.choice([-1, 1], truth.shape).astype(np.float32)
    assert border.coarse_psnr(noise, truth, part) > 30
    assert border.coarse_psnr(truth + np.float32(0.1), truth, part) == pytest.approx(20, abs=0.01)


def test_only_the_invented_part_counts() -> None:
    sky = np.zeros((HEIGHT, WIDTH), bool)
    sky[:30] = True
    known = np.ones_like(sky)
    picture = Labelled("one", np.zeros((HEIGHT, WIDTH, 3), np.float32), Labels(Marks(sky, known)))
    row = border.measure(picture, np.full((HEIGHT, WIDTH, 3), 0.5, np.float32), 1.0)
    assert row.sky is not None
    assert row.sky.known == HEIGHT * WIDTH - (BOX[2] - BOX[0]) * (BOX[1] - BOX[3])
    assert row.water is None


def test_command_writes_figures_and_sheets(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("one", "two"):
        image = cv2.resize(rng.integers(60, 200, (6, 8, 3)).astype(np.uint8), (64, 48))
        cv2.imwrite(str(pictures / f"{name}.png"), image)
    cv2.imwrite(str(pictures / "one-sky.png"), np.zeros((48, 64), np.uint8))
    found, sheets = tmp_path / "found.json", tmp_path / "sheets"
    options = [str(pictures), "--half", "a", "--json", str(found), "--picture", str(sheets)]
    assert border.main(options) == 0
    values = json.loads(found.read_text("utf-8"))
    assert values["pictures"] == 1 and list(values["rows"]) == ["pictures/one"]
    assert values["seam_ratio_median"] == values["seam_ratio_p95"] > 0
    assert "seam_ratio_median" in capsys.readouterr().out
    assert (sheets / "border-1.png").exists()


def test_folders_without_pictures_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no pictures"):
        border.main([str(tmp_path)])
    with pytest.raises(SystemExit, match="no folder"):
        border.main([str(tmp_path / "missing")])
