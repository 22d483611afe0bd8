"""The time left: from what stages took before, and from their weights where nobody knows."""

from __future__ import annotations

import json

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.jobs import rates
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.common.protocol import Progress, StageDone
from make_4d.ml.stages.table import LIFT_WEIGHT, stages_for

JOB = JobSettings("photo.png", size=1000)
WEIGHTS = {stage.name: stage.weight for stage in stages_for(JOB)} | {"lift": LIFT_WEIGHT}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(rates, "log_folder", lambda: tmp_path)
    rates.rates.cache_clear()
    yield tmp_path
    rates.rates.cache_clear()


def done(stage, seconds, cached=False):
    return StageDone("job", stage, seconds, 100.0, cached)


def at(stage, fraction):
    return Progress("job", stage, fraction, 0.0)


def measure(seconds=2.0):
    for name, weight in WEIGHTS.items():
        rates.note(JOB, done(name, seconds * weight))


def test_what_was_measured_is_what_is_told():
    measure(2.0)
    whole = 2.0 * sum(WEIGHTS.values())
    assert rates.seconds_left(JOB, at("photo", 0.0)) == pytest.approx(whole)
    later = whole - 2.0 * (WEIGHTS["photo"] + WEIGHTS["outpaint"] / 2)
    assert rates.seconds_left(JOB, at("outpaint", 0.5)) == pytest.approx(later)


def test_larger_pictures_take_longer():
    measure()
    larger = JobSettings("photo.png", size=2000)
    one, other = (rates.seconds_left(job, at("photo", 0.0)) for job in (JOB, larger))
    assert other == pytest.approx(4 * one)


def test_other_computers_and_models_are_guessed_by_weights():
    rates.note(JOB, done("outpaint", 3.0 * WEIGHTS["outpaint"]))
    assert rates.expected(JOB, "inpaint", 40) == pytest.approx(120.0)
    assert rates.seconds_left(JOB, at("lift", 0.0)) == pytest.approx(3.0 * LIFT_WEIGHT)
    with_model = JobSettings("photo.png", size=1000, inpaint_model="sd2-inpaint")
    rates.note(with_model, done("inpaint", 400.0))
    assert rates.expected(JOB, "inpaint", 40) == pytest.approx(120.0)
    assert rates.expected(with_model, "inpaint", 40) == pytest.approx(400.0)


def test_the_cache_tells_nothing_and_the_newest_counts_half():
    rates.note(JOB, done("depth", 4.0))
    rates.note(JOB, done("depth", 0.01, cached=True))
    assert rates.expected(JOB, "depth", 10) == pytest.approx(4.0)
    rates.note(JOB, done("depth", 8.0))
    assert rates.expected(JOB, "depth", 10) == pytest.approx(6.0)


def test_it_is_remembered_and_a_broken_memory_is_forgotten(folder):
    measure()
    rates.store()
    assert json.loads((folder / rates.NAME).read_text())
    rates.rates.cache_clear()
    assert rates.expected(JOB, "photo", 1) == pytest.approx(2.0)
    (folder / rates.NAME).write_text("{torn")
    rates.rates.cache_clear()
    assert rates.rates() == {}


def test_nothing_is_told_before_there_is_something_to_tell():
    measure()
    assert rates.seconds_left(JOB, None) is None
    assert rates.seconds_left(JOB, at("download", 0.5)) is None
    assert rates.seconds_left(JOB, at("lift", 0.99)) is None
