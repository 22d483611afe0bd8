"""Stages: their declarations, what the runner gives them, and the versions in their keys."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from make_4d.geometry.core.editable_images import MOTION_FILE
from make_4d.geometry.core.messages import Message, UserError
from make_4d.geometry.core.motion_edits import MotionEdits, save_edits
from make_4d.ml.common.errors import MISSING_PHOTO, NO_CHECKPOINT
from make_4d.ml.common.job_settings import SETTING_NAMES, JobSettings
from make_4d.ml.common.registry import MODEL_STAGES
from make_4d.ml.models import backends
from make_4d.ml.stages import depth
from make_4d.ml.stages.stage import DeclaredSettings, FileInput, Stage, UndeclaredError
from make_4d.ml.stages.table import STAGES, stages_for
from make_4d.ml.worker import pipeline
from messages import raises_message
from pipeline_runs import Runner

NAMES = [stage.name for stage in STAGES]
EVERYTHING = {"motion_model": "segformer-b0", "networks": "checkpoint.pth", "edits": "edits"}


@pytest.fixture
def runner(tmp_path):
    return Runner(tmp_path)


def with_stages(monkeypatch, **changes):
    """Replace fields of stages in the pipeline, by the stages' names."""
    table = {stage.name: replace(stage, **changes.get(stage.name, {})) for stage in STAGES}
    monkeypatch.setattr(
        pipeline,
        "stages_for",
        lambda settings: tuple(table[stage.name] for stage in stages_for(settings)),
    )


def after(name):
    """The stages whose results depend on a stage's, and the stage."""
    stale = {name}
    for stage in STAGES[NAMES.index(name) + 1 :]:
        if stale & set(stage.needs):
            stale.add(stage.name)
    return stale


@pytest.mark.parametrize("stage", STAGES, ids=NAMES)
def test_declarations_name_what_there_is(stage):
    assert set(stage.needs) <= set(NAMES[: NAMES.index(stage.name)])
    assert stage.readable() <= SETTING_NAMES
    assert set(stage.models) <= set(MODEL_STAGES)
    assert stage.weight > 0 and stage.version >= 1 and stage.label
    assert Counter(NAMES)[stage.name] == 1


def test_only_the_networks_decide_whether_there_are_features():
    assert "features" not in [stage.name for stage in stages_for(JobSettings("p.png"))]
    assert stages_for(JobSettings("p.png", **EVERYTHING)) == STAGES


@pytest.mark.parametrize("stage", STAGES, ids=NAMES)
def test_settings_of_a_stage_hold_what_it_declares_and_no_more(stage):
    full = JobSettings("p.png", size=99, seed=7, layer_seeds=(0, 4), **EVERYTHING)
    declared = DeclaredSettings(full, stage)
    for name in SETTING_NAMES:
        if name in stage.readable():
            assert getattr(declared, name) == getattr(full, name)
        else:
            with pytest.raises(UndeclaredError):
                getattr(declared, name)


def test_methods_of_declared_settings_read_what_is_declared():
    full = JobSettings("p.png", seed=7, layer_seeds=(0, 4), prompt="a lake")
    inpaint = next(stage for stage in STAGES if stage.name == "inpaint")
    declared = DeclaredSettings(full, inpaint)
    assert declared.seed_of(1) == full.seed_of(1) and declared.prompt_of(1) == "a lake"
    with pytest.raises(UndeclaredError):
        DeclaredSettings(full, next(iter(STAGES))).seed_of(1)


def test_a_stage_that_reads_an_undeclared_setting_fails(runner, monkeypatch):
    def reads_frames(inputs, settings, context):
        return {"bins": np.zeros(settings.frames)}

    with_stages(monkeypatch, cluster={"run": reads_frames})
    with pytest.raises(UndeclaredError):
        runner.run()


def test_a_stage_gets_the_arrays_of_its_needs_alone(runner, monkeypatch):
    names = {}

    def spy(stage):
        def run(inputs, settings, context):
            names[stage.name] = set(inputs)
            made = stage.run(inputs, settings, context)
            names[f"of {stage.name}"] = set(made)
            return made

        return {"run": run}

    with_stages(monkeypatch, **{stage.name: spy(stage) for stage in STAGES})
    runner.run()
    made = {stage.name: names[f"of {stage.name}"] for stage in stages_for(runner.settings)}
    assert max(Counter(name for each in made.values() for name in each).values()) == 1
    for stage in stages_for(runner.settings):
        assert names[stage.name] == set().union(*(made[need] for need in stage.needs))


def test_other_code_of_a_stage_leaves_the_cache_as_it_is(runner, monkeypatch):
    runner.run()

    def other(inputs, settings, context):
        raise AssertionError("the stage is cached")

    cached = {stage.name: {"run": other} for stage in STAGES if stage.is_cached}
    with_stages(monkeypatch, **cached)
    assert runner.run()[1] == ["lift"]


@pytest.mark.parametrize("name", ["cluster", "layer_depth", "motion"])
def test_a_new_version_changes_the_keys_of_the_stage_and_of_those_after_it(
    runner, monkeypatch, name
):
    runner.run()
    stage = STAGES[NAMES.index(name)]
    with_stages(monkeypatch, **{name: {"version": stage.version + 1}})
    expected = after(name) | {"lift"}
    assert runner.run()[1] == [n for n in NAMES if n in expected and n != "features"]


def test_the_film_s_length_is_no_part_of_any_stage(runner):
    runner.run()
    made, fresh = runner.run(frames=9)
    assert fresh == ["lift"] and made.plan.frames == 9


def test_a_file_s_content_is_part_of_the_key(runner, tmp_path):
    runner.run()
    for value in (0.0, 1.0):
        folder = tmp_path / f"edits {value}"
        folder.mkdir()
        save_edits(MotionEdits(np.full((8, 8), value, np.float32)), folder / MOTION_FILE)
        assert runner.run(edits=str(folder))[1] == ["motion", "lift"]
        assert runner.run(edits=str(folder))[1] == ["lift"]
    copy = tmp_path / "copy"
    folder.rename(copy)
    assert runner.run(edits=str(copy))[1] == ["lift"]


def test_a_missing_photo_is_reported(runner, tmp_path):
    with raises_message(UserError, MISSING_PHOTO):
        runner.run(photo=str(tmp_path / "gone.png"))
    with raises_message(UserError, NO_CHECKPOINT):
        runner.run(networks=str(tmp_path / "gone.pth"))


def test_a_file_of_a_folder(tmp_path):
    edits = FileInput("edits", MOTION_FILE)
    assert edits.path(JobSettings("p.png")) is None
    assert edits.path(JobSettings("p.png", edits=str(tmp_path))) == tmp_path / MOTION_FILE
    assert Stage("s", "Stage", lambda *_: {}, files=(edits,)).readable() == {"edits"}


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_the_artist_is_told_that_depth_is_uncertain(runner, monkeypatch, confidence):
    """Also when the result comes from the cache."""
    read = backends.read_image
    monkeypatch.setattr(
        backends, "read_image", lambda *inputs: replace(read(*inputs), confidence=confidence)
    )
    for _ in range(2):
        runner.run()
        assert (Message(depth.UNCERTAIN) in runner.notes) == (confidence == 0.0)


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match="wishes"):
        JobSettings("p.png").subset(("size", "wishes"))
