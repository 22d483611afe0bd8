"""The images of the tour: `python tests/window/tour.py FOLDER` makes docs/tour-*.jpg.

FOLDER holds the screenshots of `make4d test --window --window-pictures=FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
WIDTH, QUALITY = 1000, 82
SCREENSHOTS = {
    "photo": "choose_the_photo",
    "bar": "click_make_and_orbit-bar-3",
    "path": "drag_the_path-dragged",
    "f12": "press_f12-rendered",
    "paint": "paint_motion-stroke",
    "rebuild": "rebuild",
}
"""Names in docs/, and the screenshots without the number of their step."""


def main(folder: Path) -> None:
    """Shrink the chosen screenshots into docs/."""
    for name, step in SCREENSHOTS.items():
        (path,) = folder.glob(f"[0-9][0-9]-{step}.png")
        image = cv2.imread(str(path))
        height = round(WIDTH * image.shape[0] / image.shape[1])
        small = cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(DOCS / f"tour-{name}.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
