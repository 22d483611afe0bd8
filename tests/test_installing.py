"""An installed extension is upgraded, removed, doubled, and meets other extensions."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest
from clean_blender import MODULE, CleanBlender, make_film
from test_own_packages import save_wheel

pytestmark = pytest.mark.slow

pytest.importorskip("bpy", reason="Blender's module is not installed")
OLD = "0.0.9"

SET_UP = f"""
import sys, bpy
prefs = bpy.context.preferences.addons["{MODULE}"].preferences
prefs.models_folder, prefs.device = "/a/place/for/models", "cpu"
bpy.ops.wm.save_userpref()
bpy.context.scene.make_4d.prompt = "a meadow"
bpy.context.scene.make_4d.layers = 5
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
"""

LOOK = f"""
import sys, bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
prefs = bpy.context.preferences.addons["{MODULE}"].preferences
settings = bpy.context.scene.make_4d
answer = [prefs.models_folder, prefs.device, settings.prompt, settings.layers]
answer.append(sys.modules["{MODULE}"].__file__)
"""

REMOVE = """
import bpy
repos = [repo.module for repo in bpy.context.preferences.extensions.repos]
at = repos.index("user_default")
bpy.ops.extensions.package_uninstall(repo_index=at, pkg_id="make_4d")
bpy.ops.wm.save_userpref()
"""

SHOP = """
import sys, bpy, addon_utils
first = "bl_ext.user_default.make_4d"
bpy.context.preferences.addons[first].preferences.models_folder = "/a/place/for/models"
repos = bpy.context.preferences.extensions.repos
timers = []  # which a module without a window does not run
bpy.app.timers.register = lambda function, **options: timers.append(function)
repos.new(name="Shop", module="shop", custom_directory=sys.argv[2]).use_custom_directory = True
bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="shop", enable_on_install=True
)
second = "bl_ext.shop.make_4d"
timers[0]()
prefs = bpy.context.preferences
answer = [sorted(name for name in prefs.addons.keys() if name.endswith("make_4d"))]
answer.append(prefs.addons[second].preferences.models_folder)
make = bpy.types.Operator.bl_rna_get_subclass_py("MAKE_4D_OT_make")
answer.append([make.__module__, hasattr(bpy.types.Scene, "make_4d")])
addon_utils.disable(second, default_set=True)
gone = bpy.types.Operator.bl_rna_get_subclass_py("MAKE_4D_OT_make") is None
answer.append(gone and not hasattr(bpy.types.Scene, "make_4d"))
"""


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """An empty folder for Blender's settings."""
    return tmp_path / "user"


def older(light: Path, folder: Path) -> Path:
    """Copy the package as an older version; returns its path."""
    target = folder / f"make_4d-{OLD}.zip"
    with zipfile.ZipFile(light) as source, zipfile.ZipFile(target, "w") as copy:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == "blender_manifest.toml":
                data, count = re.subn(rb'(?m)^version = ".+"$', f'version = "{OLD}"'.encode(), data)
                assert count == 1
            copy.writestr(entry.filename, data)
    return target


def files_of(user: Path) -> list[str]:
    """List the files in a user's folder that are not Blender's own."""
    own = ("compat.dat", "userpref.blend", "recent-files.txt", "bookmarks.txt")
    files = (path for path in user.rglob("*") if path.is_file() and path.name not in own)
    return sorted(str(path.relative_to(user)) for path in files)


def test_upgrade_keeps_settings_and_scenes(
    light: Path, clean: CleanBlender, user: Path, tmp_path: Path
) -> None:
    clean.install(older(light, tmp_path), user)
    clean.run(SET_UP, user, tmp_path / "scene.blend")
    clean.install(light, user)
    *kept, file = clean.ask(LOOK, user, tmp_path / "scene.blend")
    assert kept == ["/a/place/for/models", "cpu", "a meadow", 5]
    manifest = (Path(file).parent / "blender_manifest.toml").read_text(encoding="utf-8")
    assert f'version = "{OLD}"' not in manifest


def test_removal_keeps_films_and_scenes(
    light: Path, clean: CleanBlender, user: Path, tmp_path: Path
) -> None:
    clean.install(light, user)
    film = make_film(clean, user, tmp_path)
    assert any("cv2" in name for name in files_of(user))
    clean.run(REMOVE, user)
    assert files_of(user) == []
    assert film.exists() and (tmp_path / "scene.blend").exists()


def test_second_copy_replaces_the_first(
    light: Path, clean: CleanBlender, user: Path, tmp_path: Path
) -> None:
    clean.install(light, user)
    (tmp_path / "shop").mkdir()
    enabled, models, (module, settings), gone = clean.ask(SHOP, user, light, tmp_path / "shop")
    assert enabled == ["bl_ext.shop.make_4d"]
    assert models == "/a/place/for/models"
    assert module.startswith("bl_ext.shop.make_4d.") and settings
    assert gone


def test_job_runs_beside_extensions_with_other_versions(
    light: Path, clean: CleanBlender, user: Path, tmp_path: Path
) -> None:
    broken = "raise ImportError('not the version that Make 4D brings')\n"
    wheels = [
        save_wheel(tmp_path / "ocean" / "wheels", "scipy", "99.0", {"scipy/__init__.py": broken}),
        save_wheel(
            tmp_path / "ocean" / "wheels", "opencv_python", "4.0", {"cv2/__init__.py": broken}
        ),
        save_wheel(tmp_path / "ocean" / "wheels", "numpy", "1.0", {"numpy/__init__.py": broken}),
    ]
    clean.install(light, user)
    clean.install(extension("ocean", tmp_path / "ocean", wheels), user)
    (shared,) = user.glob("extensions/.local/lib/*/site-packages")
    assert "not the version" in (shared / "scipy" / "__init__.py").read_text()
    assert make_film(clean, user, tmp_path).exists()


def extension(name: str, folder: Path, wheels: list[Path]) -> Path:
    """Zip an extension that only contains wheels; returns its path."""
    listed = ", ".join(f'"./wheels/{wheel.name}"' for wheel in wheels)
    (folder / "__init__.py").write_text("def register(): pass\ndef unregister(): pass\n")
    (folder / "blender_manifest.toml").write_text(
        f'schema_version = "1.0.0"\nid = "{name}"\nversion = "1.0.0"\nname = "{name.title()}"\n'
        'tagline = "Water"\nmaintainer = "Somebody"\ntype = "add-on"\n'
        'blender_version_min = "5.2.0"\nlicense = ["SPDX:GPL-3.0-or-later"]\n'
        f"wheels = [{listed}]\n"
    )
    return Path(shutil.make_archive(str(folder), "zip", folder))
