"""The manifest's version is the newest in the changelog."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def test_manifest_has_the_newest_version(root: Path) -> None:
    manifest = tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d\d-\d\d)$", changelog, re.M
    )
    assert versions, "the changelog has no version"
    assert manifest["version"] == versions[0][0]
    numbers = [tuple(map(int, version.split("."))) for version, _ in versions]
    assert numbers == sorted(numbers, reverse=True)
