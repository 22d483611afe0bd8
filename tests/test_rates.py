"""The remaining time of a job: from measured stages, else from the stages' weights."""

from __future__ import annotations

import json

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.jobs import rates as rates_module
from make_4d.jobs.rates import Rates
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.common.protocol import Progress, StageDone
from make_4d.ml.stages.table import stages_for

JOB = JobSettings("photo.png", size=1000)
WEIGHTS = {stage.name: stage.weight for stage in stages_for(JOB)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(rates_module, "log_folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def rates(folder):
    return Rates()


def done(stage, seconds, cached=False):
    return StageDone("job", stage, seconds, 100.0, cached)


def at(stage, fraction):
    return Progress("job", stage, fraction, 0.0)


def measure(rates, seconds=2.0):
    for name, weight in WEIGHTS.items():
        rates.add(JOB, done(name, seconds * weight))


def test_measured_times_are_the_estimate(rates):
    measure(rates, 2.0)
    whole = 2.0 * sum(WEIGHTS.values())
    assert rates.seconds_left(JOB, at("photo", 0.0)) == pytest.approx(whole)
    later = whole - 2.0 * (WEIGHTS["photo"] + WEIGHTS["outpaint"] / 2)
    assert rates.seconds_left(JOB, at("outpaint", 0.5)) == pytest.approx(later)


def test_larger_images_take_longer(rates):
    measure(rates)
    larger = JobSettings("photo.png", size=2000)
    one, other = (rates.seconds_left(job, at("photo", 0.0)) for job in (JOB, larger))
    assert other == pytest.approx(4 * one)


def test_unmeasured_stages_are_estimated_from_their_weights(rates):
    rates.add(JOB, done("outpaint", 3.0 * WEIGHTS["outpaint"]))
    assert rates.expected(JOB, "inpaint", 40) == pytest.approx(120.0)
    assert rates.seconds_left(JOB, at("lift", 0.0)) == pytest.approx(3.0 * WEIGHTS["lift"])
    with_model = JobSettings("photo.png", size=1000, inpaint_model="sd2-inpaint")
    rates.add(with_model, done("inpaint", 400.0))
    assert rates.expected(JOB, "inpaint", 40) == pytest.approx(120.0)
    assert rates.expected(with_model, "inpaint", 40) == pytest.approx(400.0)


def test_cached_stages_are_ignored_and_the_newest_counts_half(rates):
    rates.add(JOB, done("depth", 4.0))
    rates.add(JOB, done("depth", 0.01, cached=True))
    assert rates.expected(JOB, "depth", 10) == pytest.approx(4.0)
    rates.add(JOB, done("depth", 8.0))
    assert rates.expected(JOB, "depth", 10) == pytest.approx(6.0)


def test_rates_are_stored_and_a_damaged_file_is_ignored(rates, folder):
    measure(rates)
    rates.store()
    assert json.loads((folder / rates_module.NAME).read_text())
    assert Rates().expected(JOB, "photo", 1) == pytest.approx(2.0)
    (folder / rates_module.NAME).write_text("{torn")
    assert Rates().measured == {}


def test_no_estimate_without_progress_or_close_to_the_end(rates):
    measure(rates)
    assert rates.seconds_left(JOB, None) is None
    assert rates.seconds_left(JOB, at("download", 0.5)) is None
    assert rates.seconds_left(JOB, at("lift", 0.99)) is None
