"""The benchmark of flights, by values computed by hand."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import flights
import numpy as np
import pytest


def test_floating_pieces_are_counted() -> None:
    depth = np.full((128, 128), 10.0, np.float32)
    depth[:, 64:] = 5.0  # a large thing is no crumb
    assert flights.crumbs(depth) == 0
    depth[20, 20] = depth[40, 40] = 8.0
    depth[80, 10], depth[80, 11] = 20.0, 20.5  # one piece, too large at this size
    depth[100, 100] = 5.5  # a tenth farther away is the same surface
    assert flights.crumbs(depth) == pytest.approx(2 / 128**2 * 1e6)
    assert flights.crumbs(np.linspace(1, 50, 6000).reshape(60, 100).astype(np.float32)) == 0


def test_command_writes_figures_and_sheets(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    image = cv2.resize(rng.integers(60, 200, (6, 8, 3)).astype(np.uint8), (64, 48))
    cv2.imwrite(str(pictures / "one.png"), image)
    found, sheets = tmp_path / "found.json", tmp_path / "sheets"
    options = [str(pictures), "--size", "64", "--json", str(found), "--picture", str(sheets)]
    assert flights.main(options) == 0
    values = json.loads(found.read_text("utf-8"))
    assert values["pictures"] == 1 and set(values["rows"]["pictures/one"]) == set(flights.MOVES)
    assert 0.0 <= values["holes_cruise"] <= 1.0 and values["crumbs_orbit"] >= 0.0
    assert "crumbs_cruise" in capsys.readouterr().out
    assert cv2.imread(str(sheets / "one.png")) is not None


def test_folders_without_pictures_are_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no pictures"):
        flights.main([str(tmp_path)])
