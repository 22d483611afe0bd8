"""The full package replaces the light one in an empty Blender, is used and removed.

Runs only with --full-package: it downloads some gigabytes and needs 20 GB of disk space.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clean_blender import CleanBlender, build, make_film
from test_installing import REMOVE, files_of

pytest.importorskip("bpy", reason="Blender's module is not installed")
KEYS = {
    "--inpaint": "sd2-inpaint",
    "--depth": "depth-anything-v2-small",
    "--motion": "segformer-b0",
}


@pytest.fixture(scope="module")
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The full package of this platform."""
    if not request.config.getoption("--full-package"):
        pytest.skip("downloads gigabytes: runs only with --full-package")
    begun = time.monotonic()
    archive = build(tmp_path_factory.mktemp("full"), "--full")
    show(request, f"built {archive.name}: {archive.stat().st_size / 1e6:.0f} MB", begun)
    return archive


@pytest.fixture(scope="module")
def models(full: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with tiny models of the libraries' own classes."""
    tiny_models = pytest.importorskip("tiny_models", reason="PyTorch is not installed")
    return tiny_models.install(tmp_path_factory.mktemp("models"), *KEYS.values())


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Path]:
    """An empty folder for Blender's settings, removed after the test: it grows large."""
    yield tmp_path / "user"
    shutil.rmtree(tmp_path / "user", ignore_errors=True)


def show(request: pytest.FixtureRequest, action: str, begun: float) -> None:
    """Print what was done and how long it took, past pytest's capture."""
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        print(f"\n{action} in {time.monotonic() - begun:.0f} s")


def test_full_replaces_light_runs_models_and_leaves_nothing(
    request: pytest.FixtureRequest,
    light: Path,
    full: Path,
    models: Path,
    clean: CleanBlender,
    user: Path,
    tmp_path: Path,
) -> None:
    clean.install(light, user)
    begun = time.monotonic()
    clean.install(full, user)
    size = sum(path.stat().st_size for path in user.rglob("*") if path.is_file())
    show(request, f"installed, {size / 1e9:.1f} GB on disk,", begun)
    assert clean.unpacks_again(user) == [False, []]
    chosen = [word for pair in KEYS.items() for word in pair]
    begun = time.monotonic()
    film = make_film(clean, user, tmp_path, *chosen, "--steps", 2, "--models", models)
    show(request, "a film with tiny models", begun)
    assert b"ftyp" in film.read_bytes()[:16]
    film.unlink()
    assert make_film(clean, user, tmp_path).is_file()
    clean.run(REMOVE, user)
    assert files_of(user) == []
