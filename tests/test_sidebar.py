"""The sidebar: quality, which panels are drawn, texts, progress, rendering."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.jobs.manager import manager
from make_4d.jobs.scene_settings import remember_settings
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.common.registry import models_for
from make_4d.operators import preferences
from make_4d.operators import render as render_operators
from make_4d.operators.properties import CUSTOM, QUALITIES, Make4DSettings
from make_4d.panels import main, models, progress, render, text
from make_4d.render.properties import MAKE4D_PG_engine
from messages import raises_message


@pytest.fixture
def scene(addon, empty_blend):
    """An empty scene."""
    return bpy.context.scene


@pytest.fixture
def job(scene, monkeypatch):
    """A job of the scene that seems to run."""
    job = SimpleNamespace(scene_name=scene.name, scene=scene)
    monkeypatch.setattr(manager(), "current", job)
    return job


def test_new_scene_has_draft_quality(scene):
    settings = scene.make_4d
    assert settings.quality == "DRAFT" and settings.size == JobSettings("photo.jpg").size
    settings.inpaint_model = "sd2-inpaint"
    assert settings.quality == "DRAFT"


@pytest.mark.parametrize("quality", QUALITIES)
def test_quality_sets_size_and_steps(scene, quality):
    settings = scene.make_4d
    settings.quality = quality
    assert (settings.size, settings.steps) == QUALITIES[quality]
    assert settings.quality == quality


def test_other_size_is_custom_and_stays(scene):
    settings = scene.make_4d
    settings.size = 700
    assert settings.quality == CUSTOM
    settings.quality = CUSTOM
    assert settings.size == 700
    settings.size = QUALITIES["BEST"][0]
    assert settings.quality == "BEST"


def test_steps_only_matter_where_a_model_inpaints(scene):
    settings = scene.make_4d
    settings.quality = "GOOD"
    settings.steps = 7
    assert settings.quality == "GOOD"
    settings.inpaint_model = "sd2-inpaint"
    assert settings.quality == CUSTOM


def test_quality_of_a_made_scene(scene, tmp_path):
    wanted = JobSettings(str(tmp_path / "a.jpg"), size=1920, steps=45)
    remember_settings(scene, wanted)
    assert scene.make_4d.quality == "BEST"


def test_every_setting_has_a_tooltip(addon):
    for group in (Make4DSettings, MAKE4D_PG_engine, preferences.Make4DPreferences):
        for prop in group.bl_rna.properties:
            if prop.identifier not in ("rna_type", "name", "bl_idname"):
                assert len(prop.description) > 15, prop.identifier


def test_first_run_is_without_photo_and_scene(scene, monkeypatch):
    assert main.is_first_run(scene) and len(main.FIRST_STEPS) == 3
    scene.make_4d.photo = "a.jpg"
    assert not main.is_first_run(scene)
    scene.make_4d.photo = ""
    monkeypatch.setattr(main, "is_4d_scene", lambda scene: True)
    assert not main.is_first_run(scene)


def test_only_the_scene_of_the_running_job_is_busy(scene, job):
    assert main.is_busy(scene) and not main.is_first_run(scene)
    assert not main.is_busy(bpy.data.scenes.new("Other"))


def test_panels_are_in_the_order_of_work(addon):
    names = ("settings", "motion", "camera", "models", "objects", "render")
    panels = [getattr(bpy.types, f"VIEW3D_PT_make_4d_{name}") for name in names]
    orders = [panel.bl_order for panel in panels]
    assert orders == sorted(set(orders)) and orders[0] == 0
    assert all("DEFAULT_CLOSED" in panel.bl_options for panel in panels)


@pytest.mark.parametrize(
    ("seconds", "template", "values"),
    [
        (1, progress.SECONDS_LEFT, {"seconds": 5}),
        (42, progress.SECONDS_LEFT, {"seconds": 40}),
        (91, progress.MINUTES_LEFT, {"minutes": 2}),
        (7200, progress.HOURS_LEFT, {"hours": 2.0}),
    ],
)
def test_remaining_time_in_words(addon, seconds, template, values):
    assert progress.left_text(seconds) == template.format(**values)


def test_job_of_another_scene_names_it(addon):
    label = progress.elsewhere_text(SimpleNamespace(scene_name="Sea"))
    assert label == progress.ELSEWHERE.format(name="Sea")
    assert progress.percent_text(0.456) == "46%"


def region(width: int, scale: float) -> SimpleNamespace:
    """A context with a region of a width and an interface scale."""
    system = SimpleNamespace(ui_scale=scale)
    styles = bpy.context.preferences.ui_styles
    preferences = SimpleNamespace(system=system, ui_styles=styles)
    return SimpleNamespace(region=SimpleNamespace(width=width), preferences=preferences)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_lines_are_narrower_than_the_region(addon, scale):
    context = region(int(292 * scale), scale)
    fits = text._fits(context)
    message = "There is no file '/a/very/long/path/to/a/photograph/on/a/disk.jpg'; check the name."
    lines = text.lines_of(message, fits)
    assert len(lines) > 1 and all(fits(line) for line in lines)
    assert "".join(lines).replace(" ", "") == message.replace(" ", "")


def test_lines_are_as_long_at_every_interface_scale(addon):
    message = "Save the file: this folder is emptied when Blender quits. " * 3
    counts = [
        len(text.lines_of(message, text._fits(region(int(292 * scale), scale))))
        for scale in (1.0, 1.5, 2.0)
    ]
    assert max(counts) - min(counts) <= 1


def test_text_without_spaces_is_broken_into_lines(addon):
    lines = text.lines_of("将照片拖入此视图然后按下按钮等待完成" * 3, text._fits(region(292, 1.0)))
    assert len(lines) > 1


def test_icons_fit_the_region(addon):
    assert text.icon_scale(region(200, 1.0)) == 5.0
    assert text.icon_scale(region(2000, 2.0)) == text.MAX_ICON
    assert text.icon_scale(region(10, 2.0)) > 0


def test_output_folder(scene, tmp_path):
    scene.render.filepath = str(tmp_path / "out" / "film.mp4")
    assert render_operators.output_folder(scene) == tmp_path / "out"
    scene.render.filepath = f"{tmp_path}/out/"
    assert render_operators.output_folder(scene) == tmp_path / "out"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    scene.render.filepath = "//film.mp4"
    assert render_operators.output_folder(scene) == tmp_path


def test_models_that_cannot_run_are_hidden(scene, monkeypatch):
    drawn: list[str] = []
    monkeypatch.setattr(models, "draw_stage", lambda *given: drawn.append(given[-1]))
    monkeypatch.setattr(models, "draw_wrapped", lambda *given: None)
    monkeypatch.setattr(models, "models_available", lambda: False)
    panel = SimpleNamespace(layout=MagicMock())
    models.VIEW3D_PT_make_4d_models.draw(panel, bpy.context)
    assert drawn == []
    scene.make_4d.depth_model = models_for("depth")[0].key
    models.VIEW3D_PT_make_4d_models.draw(panel, bpy.context)
    assert drawn == ["depth"], "a model that was chosen on another computer can be replaced"


def test_output_is_a_film_or_images(scene, tmp_path):
    scene.render.filepath = str(tmp_path / "film.mp4")
    scene.make_4d.output = "IMAGES"
    first = tmp_path / "film frames" / "000007.png"
    assert scene.render.frame_path(frame=7) == str(first)
    assert scene.render.image_settings.file_format == "PNG"
    scene.make_4d.output = "IMAGES"
    assert scene.render.frame_path(frame=7) == str(first)
    scene.make_4d.output = "FILM"
    assert scene.render.filepath == str(tmp_path / "film.mp4")
    assert scene.render.image_settings.file_format == "FFMPEG"
    assert scene.make_4d.output == "FILM"


def test_missing_output_folder_is_reported(scene, tmp_path):
    scene.render.filepath = str(tmp_path / "out" / "film.mp4")
    with raises_message(RuntimeError, render_operators.NO_FOLDER):
        bpy.ops.make_4d.open_folder("EXEC_DEFAULT")


def test_system_without_file_browser_is_reported(scene, tmp_path, monkeypatch):
    monkeypatch.setattr(render_operators.sys, "platform", "linux")
    monkeypatch.setattr(render_operators.shutil, "which", lambda name: None)
    scene.render.filepath = str(tmp_path / "film.mp4")
    with raises_message(RuntimeError, render_operators.NO_FILE_BROWSER):
        bpy.ops.make_4d.open_folder("EXEC_DEFAULT")


def test_temporary_folder_is_recognized(addon, tmp_path):
    assert render.is_temporary(Path(bpy.app.tempdir))
    assert not render.is_temporary(tmp_path)
