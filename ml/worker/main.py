"""Start script of the worker process: loads the package without Blender and serves tasks.

`process.Worker` runs it as a file. Its arguments are a folder of its own and the folders with the
Python packages. It makes the add-on importable under a fixed name, whatever Blender calls it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

PACKAGE = "make_4d"
SINGLE_FILES = ("threadpoolctl",)
"""Packages that are a single file: Blender doesn't remove the bytecode beside it."""


def load_package(root: Path) -> None:
    """Make the folder `root` importable as the package `make_4d`."""
    spec = importlib.util.spec_from_file_location(
        PACKAGE, root / "__init__.py", submodule_search_locations=[str(root)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"the add-on's folder is incomplete: {root}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def import_without_bytecode() -> None:
    """Import the packages that are a single file without writing bytecode."""
    sys.dont_write_bytecode = True
    for name in filter(importlib.util.find_spec, SINGLE_FILES):
        importlib.import_module(name)
    sys.dont_write_bytecode = False


if __name__ == "__main__":
    arguments = sys.argv[1:]
    online = arguments[:1] == ["--online"]
    own, *folders = arguments[1:] if online else arguments
    sys.path.extend(folder for folder in folders if folder not in sys.path)
    root = Path(__file__).resolve().parents[2]
    load_package(root)
    own_packages = importlib.import_module(f"{PACKAGE}.ml.common.own_packages")
    problems = own_packages.prepare(root, Path(own), sys.path)
    if Path(own).exists():
        sys.path.insert(0, own)
    import_without_bytecode()
    if not online:
        importlib.import_module(f"{PACKAGE}.ml.worker.offline").forbid_network()
    importlib.import_module(f"{PACKAGE}.ml.worker.server").main(problems)
