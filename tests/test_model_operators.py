"""Models in Blender: downloads, removing, the device, what the panel and the command tell."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

import tiny_models
from hub_server import HubServer
from make_4d.geometry import folders
from make_4d.jobs import checks, command, downloads, model_states
from make_4d.jobs import manager as manager_module
from make_4d.jobs.manager import manager, tick
from make_4d.ml.common.job_settings import DEVICES, JobSettings, Resources, SettingsError
from make_4d.ml.common.model_store import snapshot_folder
from make_4d.ml.common.registry import STAGES, model
from make_4d.operators import models as model_operators
from make_4d.operators import preferences
from make_4d.panels.text import lines_of

KEY = "segformer-b0"


@pytest.fixture
def place(addon, tmp_path, monkeypatch):
    """An empty models folder, and no cache of the user's."""
    folder = tmp_path / "models"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nothing"))
    for module in (folders, checks, command, downloads, model_operators, model_states):
        monkeypatch.setattr(module, "models_folder", lambda: folder)
    manager().model_states.forget()
    yield folder
    manager().downloads.end_all()
    manager().model_states.forget()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub that has the tiny SegFormer under the real one's name."""
    folder = tmp_path_factory.mktemp("hub")
    tiny_models.BUILDERS[KEY](folder)
    with HubServer(folder, model(KEY).hub_id, model(KEY).revision) as server:
        yield server


@pytest.fixture
def online(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    bpy.context.preferences.system.use_online_access = True
    yield hub
    hub.faults.status = 0
    bpy.context.preferences.system.use_online_access = False


def press(operator, **properties):
    """Press a button; returns the operator's result or the text of its error."""
    try:
        return operator("EXEC_DEFAULT", **properties)
    except RuntimeError as error:
        return str(error)


def test_a_download_needs_online_access(place, hub):
    bpy.context.preferences.system.use_online_access = False
    assert not bpy.ops.make_4d.download.poll()
    translate = press(bpy.ops.make_4d.download, model=KEY)
    assert "Online Access" in translate and not place.exists() and not hub.requests


def test_download_use_and_remove(place, online):
    spec = model(KEY)
    assert manager().model_states.state(spec).status == "missing"
    assert press(bpy.ops.make_4d.download, model=KEY) == {"FINISHED"}
    state = manager().model_states.state(spec)
    assert state.status == "ready" and state.verified and manager().downloads.get(KEY) is None
    assert state.folder == snapshot_folder(spec, place)
    assert press(bpy.ops.make_4d.remove_model, model=KEY) == {"FINISHED"}
    assert manager().model_states.state(spec).status == "missing"


def test_the_light_package_downloads_nothing(place, online, monkeypatch, tmp_path):
    monkeypatch.setattr("make_4d.ml.client.process.ROOT", tmp_path)
    asked = len(online.requests)
    translate = press(bpy.ops.make_4d.download, model=KEY)
    assert "downloads nothing" in translate and len(online.requests) == asked


def test_a_failed_download_stays_to_be_read_and_goes_on(place, online):
    online.faults.status = 404
    translate = press(bpy.ops.make_4d.download, model=KEY)
    assert model(KEY).label in translate
    assert manager().downloads.get(KEY).failure in translate
    online.faults.status = 0
    assert press(bpy.ops.make_4d.download, model=KEY) == {"FINISHED"}
    assert manager().downloads.get(KEY) is None


def test_a_download_outlives_the_file(place, online):
    manager().downloads.start(model(KEY))
    manager().watch()
    assert bpy.app.timers.is_registered(tick)
    bpy.ops.wm.read_homefile(use_empty=True)
    assert bpy.app.timers.is_registered(tick), "the timer is for all files"
    deadline = time.monotonic() + 60
    while tick() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert manager().model_states.state(model(KEY)).status == "ready"
    assert manager().downloads.get(KEY) is None
    bpy.app.timers.unregister(tick)


def test_all_recommended_models_in_one_go(empty_blend, place, online, monkeypatch):
    specs = model_operators.recommended_models()
    assert [spec.stage for spec in specs] == list(STAGES)
    others = [spec.key for spec in specs if spec.stage != "motion"]
    tiny_models.install(place, *others)
    monkeypatch.setattr(
        model_operators, "recommended_models", lambda: [*specs[:2], model(KEY)]
    )  # the one that this hub has
    assert [spec.key for spec in model_operators.missing_models()] == [KEY]
    assert press(bpy.ops.make_4d.use_models) == {"FINISHED"}
    settings = bpy.context.scene.make_4d
    chosen = [getattr(settings, f"{stage}_model") for stage in STAGES]
    assert chosen == [*others, KEY] and not model_operators.missing_models()


def test_recommended_models_offline_are_chosen_and_not_fetched(place, hub, empty_blend):
    bpy.context.preferences.system.use_online_access = False
    asked = len(hub.requests)
    assert press(bpy.ops.make_4d.use_models) == {"FINISHED"}
    assert bpy.context.scene.make_4d.inpaint_model == model_operators.recommended_models()[0].key
    assert len(hub.requests) == asked and not place.exists()


def test_a_failure_can_be_put_out_of_sight(place, online):
    online.faults.status = 404
    press(bpy.ops.make_4d.download, model=KEY)
    assert press(bpy.ops.make_4d.cancel_download, model=KEY) == {"FINISHED"}
    assert manager().downloads.get(KEY) is None


def test_a_missing_model_is_told_before_anything_starts(place, empty_blend, tmp_path):
    bpy.context.scene.make_4d.photo = str(Path(__file__))
    bpy.context.scene.make_4d.motion_model = KEY
    translate = press(bpy.ops.make_4d.make)
    assert model(KEY).label in translate and "Download" in translate and manager().current is None


def test_a_model_in_a_cache_that_may_not_be_used_is_missing(place, empty_blend, tmp_path):
    tiny_models.install(tmp_path / "nothing", KEY)  # where the user's Hugging Face cache is here
    settings = JobSettings(str(Path(__file__)), motion_model=KEY)
    checks.check_models(settings, Resources(str(place), use_hub_cache=True))
    with pytest.raises(SettingsError, match=model(KEY).label):
        checks.check_models(settings, Resources(str(place), use_hub_cache=False))


def test_the_device_is_found(addon):
    assert press(bpy.ops.make_4d.find_device) == {"FINISHED"}
    device = manager().device
    assert device is not None and device.name and device.free_bytes > 0
    manager().forget_device()


def test_models_are_kept_by_choice_and_freed(place, empty_blend, tmp_path, monkeypatch):
    tiny_models.install(place, KEY)
    sample = command.sample_photo()
    shutil.copy(sample, tmp_path / "photo.jpg")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    values = {"keep_models": True, "device": "cpu"}
    for module in (checks, manager_module):
        monkeypatch.setattr(module, "preference", lambda name, default: values.get(name, default))
    settings = bpy.context.scene.make_4d
    settings.photo, settings.size, settings.frames = str(tmp_path / "photo.jpg"), 64, 2
    settings.motion_model = KEY
    assert bpy.ops.make_4d.make("EXEC_DEFAULT") == {"FINISHED"}
    [worker] = manager().workers.idle
    assert worker.is_alive and manager().device is not None
    assert bpy.ops.make_4d.free_models() == {"FINISHED"}
    assert not worker.is_alive and not manager().keeps_models
    assert not bpy.ops.make_4d.free_models.poll()


def test_preferences_name_the_same_devices_as_jobs(addon):
    items = preferences.Make4DPreferences.bl_rna.properties["device"].enum_items
    assert tuple(items.keys()) == DEVICES


def test_sentences_break_into_lines():
    text = "Press Download, or put /a/very/long/path/that/fills/more/than/a/line into the folder."
    lines = lines_of(text, lambda line: len(line) <= 24)
    assert max(map(len, lines)) <= 24 and "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines[0] == "Press Download, or put"


def run_command(*arguments, capfd):
    status = command.main([str(argument) for argument in arguments])
    return status, capfd.readouterr()


def test_the_command_lists_and_downloads(place, online, capfd):
    status, translate = run_command("--list-models", capfd=capfd)
    assert status == 0 and all(m in translate.out for m in ("sd2-inpaint", "missing", "Apache-2.0"))
    bpy.context.preferences.system.use_online_access = False
    status, translate = run_command("--download", KEY, capfd=capfd)
    assert status == 1 and "--online-mode" in translate.err and not place.exists()
    status, translate = run_command("--download", KEY, "--online-mode", capfd=capfd)
    assert status == 0 and model(KEY).license in translate.out and "is ready" in translate.out
    status, translate = run_command("--list-models", capfd=capfd)
    assert f"{KEY:<26}" in translate.out and "ready" in translate.out


def test_the_command_makes_a_film_with_models(place, tmp_path, capfd):
    tiny_models.install(place, "sd15-inpaint", KEY)
    checkpoint = tiny_models.save_checkpoint(tmp_path / "paper.pth")
    film = tmp_path / "film.mp4"
    status, translate = run_command(
        *("--size", 64, "--frames", 2, "--steps", 2, "--device", "cpu", "-o", film),
        *("--inpaint", "sd15-inpaint", "--motion", KEY, "--prompt", "a palace in spring"),
        *("--networks", checkpoint, "--models", place, "--cache", tmp_path / "cache"),
        capfd=capfd,
    )
    assert status == 0, translate
    assert film.stat().st_size > 500 and "Networks run on CPU" in translate.out


def test_the_command_refuses_an_unknown_model(addon, capfd):
    with pytest.raises(SystemExit):
        command.main(["--inpaint", "nonsense"])
    assert "sd2-inpaint" in capfd.readouterr().err
