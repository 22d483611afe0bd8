"""Pretrained models in Blender: downloads, removal, the device, the panel and the command."""

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
from make_4d.jobs.manager import JobManager, manager, tick
from make_4d.ml.client.kept_workers import KeptWorkers
from make_4d.ml.client.tasks import NO_DOWNLOADS
from make_4d.ml.common.job_settings import DEVICES, JobSettings, Resources, SettingsError
from make_4d.ml.common.model_store import NOT_INSTALLED, snapshot_folder
from make_4d.ml.common.registry import MODEL_STAGES, model
from make_4d.operators import models as model_operators
from make_4d.operators import preferences
from make_4d.panels.text import lines_of
from messages import is_message, raises_message

KEY = "segformer-b0"


@pytest.fixture
def models_folder(addon, tmp_path, monkeypatch):
    """An empty models folder; the user's Hugging Face cache is empty too."""
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
    """A hub with a tiny SegFormer under the name of the real one."""
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


def test_a_download_needs_online_access(models_folder, hub):
    bpy.context.preferences.system.use_online_access = False
    assert not bpy.ops.make_4d.download.poll()
    message = press(bpy.ops.make_4d.download, model=KEY)
    assert is_message(message, model_operators.OFFLINE)
    assert not models_folder.exists() and not hub.requests


def test_download_use_and_remove(models_folder, online):
    spec = model(KEY)
    assert manager().model_states.state(spec).status == "missing"
    assert press(bpy.ops.make_4d.download, model=KEY) == {"FINISHED"}
    state = manager().model_states.state(spec)
    assert state.status == "ready" and state.verified and manager().downloads.get(KEY) is None
    assert state.folder == snapshot_folder(spec, models_folder)
    assert press(bpy.ops.make_4d.remove_model, model=KEY) == {"FINISHED"}
    assert manager().model_states.state(spec).status == "missing"


def test_the_light_package_has_no_downloads(models_folder, online, monkeypatch, tmp_path):
    monkeypatch.setattr("make_4d.ml.client.process.ROOT", tmp_path)
    requests = len(online.requests)
    message = press(bpy.ops.make_4d.download, model=KEY)
    assert is_message(message, NO_DOWNLOADS) and len(online.requests) == requests


def test_a_failed_download_is_shown_and_can_be_repeated(models_folder, online):
    online.faults.status = 404
    message = press(bpy.ops.make_4d.download, model=KEY)
    assert model(KEY).label in message
    assert manager().downloads.get(KEY).failure in message
    online.faults.status = 0
    assert press(bpy.ops.make_4d.download, model=KEY) == {"FINISHED"}
    assert manager().downloads.get(KEY) is None


def test_a_download_continues_in_another_file(models_folder, online):
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


def test_all_recommended_models_at_once(empty_blend, models_folder, online, monkeypatch):
    specs = model_operators.recommended_models()
    assert [spec.stage for spec in specs] == list(MODEL_STAGES)
    others = [spec.key for spec in specs if spec.stage != "motion"]
    tiny_models.install(models_folder, *others)
    monkeypatch.setattr(
        model_operators, "recommended_models", lambda: [*specs[:2], model(KEY)]
    )  # the one that this hub has
    assert [spec.key for spec in model_operators.missing_models()] == [KEY]
    assert press(bpy.ops.make_4d.use_models) == {"FINISHED"}
    settings = bpy.context.scene.make_4d
    chosen = [getattr(settings, f"{stage}_model") for stage in MODEL_STAGES]
    assert chosen == [*others, KEY] and not model_operators.missing_models()


def test_downloads_that_cannot_start_are_a_warning(empty_blend, models_folder, online, monkeypatch):
    def fail(*_):
        raise OSError("no process today")

    monkeypatch.setattr(downloads, "Download", fail)
    assert press(bpy.ops.make_4d.use_models) == {"FINISHED"}
    assert not manager().downloads.is_active


def test_recommended_models_are_chosen_offline_without_a_download(models_folder, hub, empty_blend):
    bpy.context.preferences.system.use_online_access = False
    requests = len(hub.requests)
    assert press(bpy.ops.make_4d.use_models) == {"FINISHED"}
    assert bpy.context.scene.make_4d.inpaint_model == model_operators.recommended_models()[0].key
    assert len(hub.requests) == requests and not models_folder.exists()


def test_a_failed_download_can_be_dismissed(models_folder, online):
    online.faults.status = 404
    press(bpy.ops.make_4d.download, model=KEY)
    assert press(bpy.ops.make_4d.cancel_download, model=KEY) == {"FINISHED"}
    assert manager().downloads.get(KEY) is None


def test_a_missing_model_is_an_error_before_the_job(models_folder, empty_blend, tmp_path):
    bpy.context.scene.make_4d.photo = str(Path(__file__))
    bpy.context.scene.make_4d.motion_model = KEY
    message = press(bpy.ops.make_4d.make)
    assert is_message(message, NOT_INSTALLED, label=model(KEY).label)
    assert manager().current is None


def test_a_model_in_an_excluded_cache_is_missing(models_folder, empty_blend, tmp_path):
    tiny_models.install(tmp_path / "nothing", KEY)  # where the user's Hugging Face cache is here
    settings = JobSettings(str(Path(__file__)), motion_model=KEY)
    checks.check_models(settings, Resources(str(models_folder), use_hub_cache=True))
    with raises_message(SettingsError, NOT_INSTALLED, label=model(KEY).label):
        checks.check_models(settings, Resources(str(models_folder), use_hub_cache=False))


def test_the_device_is_found(addon):
    assert press(bpy.ops.make_4d.find_device) == {"FINISHED"}
    device = manager().device
    assert device is not None and device.name and device.free_bytes > 0
    manager().forget_device()


def test_closing_the_manager_ends_a_running_device_query():
    jobs = JobManager(KeptWorkers())
    worker = jobs.query_device("auto").worker
    assert worker.is_alive
    jobs.close()
    assert not worker.is_alive and jobs.device_query is None


def test_models_are_kept_in_memory_and_freed(models_folder, empty_blend, tmp_path, monkeypatch):
    tiny_models.install(models_folder, KEY)
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


def test_preferences_offer_the_devices_of_jobs(addon):
    items = preferences.Make4DPreferences.bl_rna.properties["device"].enum_items
    assert tuple(items.keys()) == DEVICES


def test_text_is_wrapped():
    text = "Press Download, or put /a/very/long/path/that/fills/more/than/a/line into the folder."
    lines = lines_of(text, lambda line: len(line) <= 24)
    assert max(map(len, lines)) <= 24 and "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines[0] == "Press Download, or put"


def run_command(*arguments, capfd):
    status = command.main([str(argument) for argument in arguments])
    return status, capfd.readouterr()


def test_the_command_lists_and_downloads(models_folder, online, capfd):
    status, output = run_command("--list-models", capfd=capfd)
    assert status == 0 and all(m in output.out for m in ("sd2-inpaint", "missing", "Apache-2.0"))
    bpy.context.preferences.system.use_online_access = False
    status, output = run_command("--download", KEY, capfd=capfd)
    assert status == 1 and is_message(output.err, command.OFFLINE) and not models_folder.exists()
    status, output = run_command("--download", KEY, "--online-mode", capfd=capfd)
    assert status == 0 and model(KEY).license in output.out and "is ready" in output.out
    status, output = run_command("--list-models", capfd=capfd)
    assert f"{KEY:<26}" in output.out and "ready" in output.out


def test_the_command_makes_a_film_with_models(models_folder, tmp_path, capfd):
    tiny_models.install(models_folder, "sd15-inpaint", KEY)
    checkpoint = tiny_models.save_checkpoint(tmp_path / "paper.pth")
    film = tmp_path / "film.mp4"
    status, output = run_command(
        *("--size", 64, "--frames", 2, "--steps", 2, "--device", "cpu", "-o", film),
        *("--inpaint", "sd15-inpaint", "--motion", KEY, "--prompt", "a palace in spring"),
        *("--networks", checkpoint, "--models", models_folder, "--cache", tmp_path / "cache"),
        capfd=capfd,
    )
    assert status == 0, output
    assert film.stat().st_size > 500 and "Networks run on CPU" in output.out


def test_the_command_refuses_an_unknown_model(addon, capfd):
    with pytest.raises(SystemExit):
        command.main(["--inpaint", "nonsense"])
    assert "sd2-inpaint" in capfd.readouterr().err
