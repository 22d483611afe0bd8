"""Results of the stages change only together with their versions.

`python tests/test_stage_versions.py` writes the current results to `data/stage_results.json`. Run
it after raising the version of a stage whose result is meant to change (see `ml.stages.stage`).

Results are compared by mean and standard deviation within a tolerance, because their last bits
depend on the processor. A change within the tolerance is left to the author's judgment.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - makes the add-on importable when this is run as a script
import numpy as np
import pytest
from make_4d.ml.cache.stage_cache import StageCache
from make_4d.ml.stages.table import STAGES
from pipeline_runs import Runner

RECORD = Path(__file__).parent / "data" / "stage_results.json"
TOLERANCE = 0.02
"""Of the mean and the standard deviation, relative to the largest value of the two."""


def run_stages() -> dict[str, Any]:
    """Run the pipeline over a small photo; returns the version and result of each stage."""
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder))
        runner.run()
        return {
            stage.name: {"version": stage.version, "arrays": _summaries(runner.cache, stage.name)}
            for stage in STAGES
            if stage.is_cached and stage.applies(runner.settings)
        }


def _summaries(cache: StageCache, stage: str) -> dict[str, list[Any]]:
    """Summaries of the arrays of numbers in a stage's only result."""
    (folder,) = cache.folder.glob(f"{stage}-*")
    arrays = cache.load(stage, folder.name.rpartition("-")[2])
    assert arrays is not None
    return {name: summary(array) for name, array in arrays.items() if array.dtype.kind != "U"}


def summary(array: np.ndarray) -> list[Any]:
    """Type, shape, mean and standard deviation of an array of numbers."""
    values = array.astype(np.float64)
    mean, deviation = float(values.mean()), float(values.std())
    return [str(array.dtype), list(array.shape), round(mean, 6), round(deviation, 6)]


def is_alike(first: list[Any], second: list[Any]) -> bool:
    """Whether two summaries are equal within the tolerance."""
    if first[:2] != second[:2]:
        return False
    scale = max(abs(value) for value in first[2:])
    return np.allclose(first[2:], second[2:], rtol=0, atol=TOLERANCE * scale + 1e-6)


@pytest.fixture(scope="module")
def results():
    return run_stages()


@pytest.fixture(scope="module")
def recorded():
    return json.loads(RECORD.read_text(encoding="utf-8"))


def test_the_record_has_every_stage_in_its_version(results, recorded):
    expected = {name: each["version"] for name, each in results.items()}
    assert {name: each["version"] for name, each in recorded.items()} == expected


def test_results_are_those_of_the_version(results, recorded):
    """Raise the version of the first stage that differs, then write the record anew."""
    for name, each in results.items():
        before = recorded[name]["arrays"]
        assert before.keys() == each["arrays"].keys(), name
        for array, now in each["arrays"].items():
            assert is_alike(before[array], now), (name, array, before[array], now)


def test_the_comparison_sees_changes():
    first = ["float32", [3, 4], 0.5, 0.1]
    assert is_alike(first, ["float32", [3, 4], 0.505, 0.101])
    assert not is_alike(first, ["float32", [3, 4], 0.52, 0.1])
    assert not is_alike(first, ["float32", [3, 5], 0.5, 0.1])
    assert not is_alike(first, ["float64", [3, 4], 0.5, 0.1])


if __name__ == "__main__":
    lines = (f"{json.dumps(name)}: {json.dumps(each)}" for name, each in run_stages().items())
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
