"""A small data set of real image files, made and imported by the real command."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.processes.stack import ROOT


def write_class_folders(folder: Path, *, classes: int = 3, per_class: int = 8, pixels: int = 16) -> Path:
    """Write train/<class>/*.png and test/<class>/*.png, each class of its own brightness."""
    random = np.random.default_rng(0)
    for part in ("train", "test"):
        for number in range(classes):
            place = folder / part / f"class-{number}"
            place.mkdir(parents=True)
            for index in range(per_class):
                noise = random.integers(0, 60, (pixels, pixels, 3), dtype=np.uint8)
                Image.fromarray(noise + np.uint8(60 * number)).save(place / f"{index}.png")
    return folder


def import_command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", "data", "import", *arguments],
        cwd=ROOT,
        env={**os.environ, "RUNYARD_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def import_small_set(home: Path, name: str, scratch: Path) -> Path:
    """Import a small set under a name; return the folder where its arrays lie."""
    done = import_command(home, name, str(write_class_folders(scratch / "images")))
    assert done.returncode == 0, done.stderr
    (folder,) = (home / "data").glob(f"{name}-*")
    return folder
