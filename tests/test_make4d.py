"""The script make4d: finds Python 3.13; its private environment survives failures."""

from __future__ import annotations

import errno
import importlib.machinery
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from messages import is_message, raises_message

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fakes are shell scripts")


@pytest.fixture
def make4d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with a home and a cache folder of its own."""
    loader = importlib.machinery.SourceFileLoader("make4d_script", str(ROOT / "make4d"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_loader("make4d_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("MAKE4D_ENV", "PYENV_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "PYTHON_PATHS", ())
    return module


def script(path: Path, line: str) -> Path:
    """An executable shell script of one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


class FakeCalls:
    """Replaces Environment.call: creates what venv and pip would, or fails at a given call."""

    def __init__(self, environment: object, fail_at: int | None = None) -> None:
        self.environment, self.fail_at, self.commands = environment, fail_at, []

    def __call__(self, command: list[str], log: object, lock: int) -> None:
        self.commands.append(command)
        if len(self.commands) == self.fail_at:
            raise KeyboardInterrupt
        if "venv" in command:
            script(self.environment.python, "exit 0")


def fake(make4d: ModuleType, monkeypatch: pytest.MonkeyPatch, fail_at: int | None = None):
    environment = make4d.Environment()
    calls = FakeCalls(environment, fail_at)
    monkeypatch.setattr(environment, "call", calls)
    return environment, calls


def test_help_lists_every_option_of_the_job(make4d: ModuleType) -> None:
    pytest.importorskip("bpy", reason="Blender's module is not installed")
    from make_4d.jobs.command import parser

    for action in parser()._actions:
        for name in action.option_strings:
            assert name in ("-h", "--help") or f"{name} " in make4d.__doc__
    assert all(f"make4d {command} " in make4d.__doc__ for [command] in make4d.COMMANDS)


def test_help_needs_no_environment(tmp_path: Path) -> None:
    variables = {"HOME": str(tmp_path), "PATH": ""}
    command = [sys.executable, "-I", str(ROOT / "make4d"), "--help"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "usage: make4d [PHOTO]" in done.stdout
    assert not list(tmp_path.iterdir())


def test_python_on_the_path_is_tried_before_pyenv(make4d: ModuleType, tmp_path: Path) -> None:
    good = script(tmp_path / "bin/python3.13", f"echo '{tmp_path}/bin/python3.13|3|13'")
    script(tmp_path / "home/.pyenv/versions/3.13.2/bin/python", "echo '/pyenv|3|13'")
    assert make4d.find_python() == str(good)


@pytest.mark.parametrize(
    "lie",
    ["echo '/elsewhere|3|12'", "exit 1", "echo nonsense", "echo 'pyenv: not found' >&2; exit 127"],
)
def test_commands_that_are_not_python_3_13_are_skipped(
    make4d: ModuleType, tmp_path: Path, lie: str
) -> None:
    script(tmp_path / "bin/python3.13", lie)
    script(tmp_path / "home/.pyenv/versions/3.12.1/bin/python", "echo '/old|3|12'")
    script(tmp_path / "home/.pyenv/versions/3.13.1t/bin/python", "echo '/threads|3|13'")
    script(tmp_path / "home/.pyenv/versions/3.13.1/bin/python", "echo '/pyenv|3|13'")
    assert make4d.find_python() == "/pyenv"


def test_pyenv_root_and_uv(
    make4d: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = script(tmp_path / "uv's own/python", "echo '/from-uv|3|13'")
    script(tmp_path / "bin/uv", f'echo "{python}"')
    assert make4d.find_python() == "/from-uv"
    script(tmp_path / "py env/versions/3.13.5/bin/python", "echo '/from-pyenv|3|13'")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "py env"))
    assert make4d.find_python() == "/from-pyenv"


def test_no_python_is_reported_in_one_sentence(
    make4d: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    assert make4d.main(["photo.jpg"]) == make4d.EXIT_SETUP
    assert capsys.readouterr().err == f"make4d: {make4d.NO_PYTHON}\n"


def test_environment_is_created_once(make4d: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, calls = fake(make4d, monkeypatch)
    assert not environment.is_ready("run")
    environment.prepare(["run"])
    assert environment.is_ready("run") and not environment.is_ready("test")
    first = len(calls.commands)
    environment.prepare(["run", "test"])
    added = calls.commands[first:]
    assert [("venv" in command, "pip" in command) for command in added] == [(False, True)]
    assert any(line.startswith("pytest==") for line in installed(added[0]))
    assert make4d.Environment().is_ready("test")


def installed(command: list[str]) -> list[str]:
    """The lines of the requirements file that a pip command installs from."""
    (option,) = (word for word in command if word.startswith("--requirement="))
    return Path(option.partition("=")[2]).read_text(encoding="utf-8").splitlines()


def test_all_packages_are_pinned_with_hashes(
    make4d: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, calls = fake(make4d, monkeypatch)
    environment.prepare(["run", "test"])
    installs = [command for command in calls.commands if "pip" in command]
    assert len(installs) == 2
    for command in installs:
        assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(command)
        lines = installed(command)
        assert len(lines) > 3
        for line in lines:
            assert re.fullmatch(r"[a-z0-9-]+==\S+ --hash=sha256:[0-9a-f]{64}", line)
            assert not line.startswith("torch")


def test_system_without_wheels(make4d: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, calls = fake(make4d, monkeypatch)
    monkeypatch.setattr(make4d.platform, "machine", lambda: "riscv64")
    with pytest.raises(make4d.SetupError) as caught:
        environment.prepare(["run"])
    assert is_message(caught.value, sys.modules["lock"].NO_WHEELS, machine="riscv64")
    assert not any("pip" in command for command in calls.commands)


def test_ready_environment_is_entered_without_a_process(
    make4d: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, _ = fake(make4d, monkeypatch)
    environment.prepare(["run"])
    handed: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(
        make4d, "hand_over", lambda python, argv: handed.append((python, argv)) or 0
    )
    monkeypatch.setattr(subprocess, "Popen", None)
    assert make4d.main(["a photo.jpg", "--size", "64"]) == 0
    assert handed == [(str(environment.python), ["a photo.jpg", "--size", "64"])]


@pytest.mark.parametrize("fail_at", [1, 2, 3])
def test_interrupted_setup_is_repaired(
    make4d: ModuleType, monkeypatch: pytest.MonkeyPatch, fail_at: int
) -> None:
    environment, _ = fake(make4d, monkeypatch, fail_at)
    with pytest.raises(SystemExit) as stopped:
        environment.prepare(["run"])
    assert stopped.value.code == make4d.EXIT_INTERRUPTED
    assert not environment.is_ready("run")
    (environment.folder / "half").write_text("written")
    environment, calls = fake(make4d, monkeypatch)
    environment.prepare(["run"])
    assert environment.is_ready("run")
    assert "venv" in calls.commands[0]
    assert not (environment.folder / "half").exists()


def test_removed_base_python_is_repaired(
    make4d: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, _ = fake(make4d, monkeypatch)
    environment.prepare(["run"])
    environment.python.unlink()
    environment.python.symlink_to("/no/such/python3.13")
    assert not environment.is_ready("run")
    environment.prepare(["run"])
    assert environment.is_ready("run")


def test_changed_lock_makes_another_environment(
    make4d: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = make4d.Environment()
    text = (ROOT / "wheels/lock.json").read_text(encoding="utf-8")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels/lock.json").write_text(text)
    monkeypatch.setattr(make4d, "ROOT", tmp_path)
    assert make4d.Environment().folder == before.folder
    (tmp_path / "wheels/lock.json").write_text(text.replace('"version": "5.2', '"version": "9.2'))
    assert make4d.Environment().folder != before.folder


def test_chosen_folder_is_replaced_when_the_lock_changes(
    make4d: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKE4D_ENV", str(tmp_path / "my env"))
    environment, _ = fake(make4d, monkeypatch)
    environment.prepare(["run"])
    assert environment.folder == tmp_path / "my env"
    environment.key = "of another lock"
    assert not environment.is_ready("run")
    environment.prepare(["run"])
    assert environment.is_ready("run")


def test_folder_with_other_files_is_left_alone(
    make4d: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/dear.txt").write_text("do not delete")
    monkeypatch.setenv("MAKE4D_ENV", str(tmp_path / "letters"))
    environment, calls = fake(make4d, monkeypatch)
    with raises_message(make4d.SetupError, make4d.NOT_EMPTY):
        environment.prepare(["run"])
    assert not calls.commands
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["dear.txt"]


def test_full_disk_is_reported_before_any_download(
    make4d: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, calls = fake(make4d, monkeypatch)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 20))
    with raises_message(make4d.SetupError, make4d.DISK_FULL):
        environment.prepare(["run"])
    assert not calls.commands


def test_read_only_folder(
    make4d: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MAKE4D_ENV", str(tmp_path / "file/env"))
    environment, _ = fake(make4d, monkeypatch)
    with raises_message(make4d.SetupError, make4d.NOT_WRITABLE):
        environment.prepare(["run"])


def test_disk_that_fills_up(make4d: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, _ = fake(make4d, monkeypatch)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(environment, "call", fail)
    with raises_message(make4d.SetupError, make4d.DISK_FULL):
        environment.prepare(["run"])


@pytest.mark.parametrize(
    ("printed", "cause", "values"),
    [
        ("OSError: [Errno 28] No space left on device", "No space", {}),
        ("OSError: [Errno 13] Permission denied: '/x'", "Permission", {}),
        ("The virtual environment was not created; ensurepip is not available.", "ensurepip", {}),
        ("NewConnectionError: Temporary failure in name resolution", "NewConnection", {}),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "HASHES",
            {},
        ),
        ("No matching distribution found for bpy==5.2.3", "No match", {"package": "bpy==5.2.3"}),
        (
            "ImportError: libXi.so.6: cannot open shared object file",
            "lib",
            {"library": "libXi.so.6"},
        ),
        ("something else entirely", "", {}),
    ],
)
def test_failure_is_explained(
    make4d: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    printed: str,
    cause: str,
    values: dict[str, str],
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    environment = make4d.Environment()
    failing = [sys.executable, "-c", f"print({printed!r}); raise SystemExit(1)"]
    environment.folder.parent.mkdir(parents=True)
    explained = [
        text for pattern, text in make4d.EXPLANATIONS.items() if cause and cause in pattern
    ]
    template = explained[0] if explained else make4d.UNEXPLAINED
    with (
        environment.log.open("w") as log,
        environment.locked() as lock,
        raises_message(make4d.SetupError, template, **values),
    ):
        environment.call(failing, log, lock)
    assert printed in environment.log.read_text()


def test_second_setup_waits_for_the_first(
    make4d: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = make4d.Environment()
    environment.folder.parent.mkdir(parents=True)
    lock = environment.folder.with_name(environment.folder.name + ".lock")
    with environment.locked(), lock.open("a") as second:
        assert not make4d.try_lock(second.fileno())
    with lock.open("a") as holder:
        assert make4d.try_lock(holder.fileno())
        monkeypatch.setattr(make4d.time, "sleep", lambda seconds: holder.close())
        with environment.locked():
            assert make4d.WAITING in capsys.readouterr().err


def test_progress_shows_only_large_downloads(
    make4d: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = make4d.Environment()
    environment.echo("  Downloading bpy-5.2.3-cp313-cp313-manylinux_2_28_x86_64.whl (402.8 MB)\n")
    environment.echo("  Downloading idna-3.20-py3-none-any.whl (71 kB)\n")
    shown = capsys.readouterr().err
    assert "Downloading bpy (402 MB)" in shown and "idna" not in shown
