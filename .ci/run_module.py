"""Run the function `main` of one of the package's modules, without registering the extension.

    python .ci/run_module.py geometry.worlds.command ARGUMENTS

`main(arguments, boot)` returns the exit status; `boot` is the command that starts it once more.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(module: str, arguments: list[str]) -> int:
    """Import the package from its folder and run the module."""
    spec = importlib.util.spec_from_file_location(
        "make_4d", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec
    sys.modules["make_4d"] = importlib.util.module_from_spec(spec)
    boot = [sys.executable, "-I", str(Path(__file__).resolve()), module]
    return int(importlib.import_module(f"make_4d.{module}").main(arguments, boot))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
