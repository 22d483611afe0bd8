"""An empty Blender: bpy with the packages that Blender's own Python carries, and no others."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from project_scripts import project_script

ROOT = Path(__file__).resolve().parent.parent
MODULE = "bl_ext.user_default.make_4d"
BEGIN = "ANSWER"

READ_SETTINGS = "import bpy; bpy.ops.wm.read_userpref()\n"
"""The module, unlike Blender itself, does not read the preferences when it starts."""

INSTALL = """
import sys, bpy
bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True
)
bpy.ops.wm.save_userpref()
"""

JOB = f"""
import importlib, sys, bpy, addon_utils
addon_utils.enable("{MODULE}")
command = importlib.import_module("{MODULE}.jobs.command")
sys.exit(command.main(sys.argv[1:]))
"""

DIFFERS = """
import sys
from pathlib import Path
user = Path(sys.argv[1])
root = user / "extensions" / "user_default" / "make_4d"
sys.path.append(str(root / "ml" / "worker"))
import main
main.load_package(root)
from make_4d.ml.common import own_packages
site = [str(path) for path in user.glob("extensions/.local/lib/*/site-packages")]
problems = own_packages.prepare(root, user / "own", sys.path + site)
answer = [(user / "own").exists(), problems]
"""


class CleanBlender:
    """A separate Python with bpy, and a settings folder for each user."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=os.name != "nt")
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        names = {"base": str(folder), "platbase": str(folder)}
        site = Path(sysconfig.get_path("purelib", "venv", names))
        install_carried(site)
        spec = importlib.util.find_spec("bpy")
        assert spec is not None and spec.origin is not None
        (site / "bpy").symlink_to(Path(spec.origin).parent, target_is_directory=True)

    def run(self, code: str, user: Path, *arguments: object, seconds: float = 300) -> str:
        """Run a script in a Blender with a user's folder; returns its output, fails if it fails."""
        user.mkdir(exist_ok=True)
        begin = READ_SETTINGS if (user / "config" / "userpref.blend").exists() else ""
        done = subprocess.run(
            [str(self.python), "-I", "-c", begin + code, *map(str, arguments)],
            env=os.environ | {"BLENDER_USER_RESOURCES": str(user)},
            cwd=user,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, code: str, user: Path, *arguments: object) -> Any:
        """Run a script and return the value of its variable `answer`."""
        code += f"\nimport json\nprint({BEGIN!r} + json.dumps(answer))"
        lines = self.run(code, user, *arguments).splitlines()
        (line,) = (line for line in lines if line.startswith(BEGIN))
        return json.loads(line.removeprefix(BEGIN))

    def install(self, archive: Path, user: Path) -> None:
        """Install an extension from disk, as a user does."""
        self.run(INSTALL, user, archive, seconds=900)

    def unpacks_again(self, user: Path) -> Any:
        """Whether the worker would unpack wheels again, and the messages about other extensions."""
        return self.ask(DIFFERS, user, user)

    def job(self, user: Path, *arguments: object) -> str:
        """Make a film with the installed extension."""
        return self.run(JOB, user, *arguments)


def install_carried(site: Path) -> None:
    """Install what Blender carries; skips the test if there is no package index."""
    with project_script("wheels/lock.py") as lock:
        wheels = lock.wheels_of(lock.load(), lock.BLENDER, lock.this_platform())
        listed = site / "requirements.txt"
        listed.write_text(lock.requirements(wheels), encoding="utf-8")
    pip = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    pip += ["--only-binary=:all:", "--require-hashes", f"--target={site}"]
    done = subprocess.run([*pip, f"--requirement={listed}"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"Blender's own packages can't be fetched: {done.stderr[-200:]}")


def build(folder: Path, *options: str) -> Path:
    """Build a zip with `make4d build`; skips the test if the wheels can't be fetched."""
    command = [sys.executable, "-I", str(ROOT / ".ci" / "tasks.py"), "build", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "could be fetched" in done.stderr:
        pytest.skip("the wheels can't be fetched: no package index")
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = folder.glob("*.zip")
    return archive


def make_film(blender: CleanBlender, user: Path, folder: Path, *options: object) -> Path:
    """Make a film of a small photo with the installed extension and return its path."""
    import cv2  # not in every process that loads the fixtures

    photo = np.full((48, 64, 3), 200, np.uint8)
    photo[24:] = np.random.default_rng(1).integers(40, 120, (24, 64, 3))
    (folder / "a photo.png").write_bytes(cv2.imencode(".png", photo)[1].tobytes())
    film, blend = folder / "film.mp4", folder / "scene.blend"
    small = ["--size", 64, "--frames", 2, "-o", film, "--blend", blend]
    blender.job(user, folder / "a photo.png", *small, *options)
    return film
