"""The tour's pictures: `python tests/window/tour.py FOLDER` makes docs/tour-*.jpg.

FOLDER is what `make4d test --window --window-pictures=FOLDER` filled.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
WIDTH, QUALITY = 1000, 82
EDITABLE_IMAGES = {
    "photo": "choose_the_photo",
    "bar": "click_make_and_orbit-bar-3",
    "path": "drag_the_path-dragged",
    "f12": "press_f12-rendered",
    "paint": "paint_motion-stroke",
    "rebuild": "rebuild",
}
"""Names in docs/ and the screenshots they are made of, which begin with a step's number."""


def main(folder: Path) -> None:
    """Shrink the chosen screenshots into docs/."""
    for name, step in EDITABLE_IMAGES.items():
        (path,) = folder.glob(f"[0-9][0-9]-{step}.png")
        picture = cv2.imread(str(path))
        height = round(WIDTH * picture.shape[0] / picture.shape[1])
        small = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(DOCS / f"tour-{name}.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
