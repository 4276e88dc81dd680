"""docker-compose.yml and docker/Dockerfile as they are read: the composed services, and what each image holds.

No engine is needed: compose's own program reads the file, and an image's files are copied into a folder as it says.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "docker" / "Dockerfile"


def tool(name: str) -> str:
    """Return the path of a program that a development package brings; skip where it brings none for this platform."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(
            f"there is no {name} here: its package has no build for this platform, or `make` has not run"
        )
    return found


def composed(**environment: str) -> dict[str, Any]:
    """Return the file as compose understands it, all profiles included, with these variables and no others."""
    done = subprocess.run(
        [tool("docker-compose"), "--file", str(FILE), "--profile", "*", "config", "--format", "json"],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@dataclass
class Image:
    """One target of the Dockerfile, with what it inherits."""

    environment: dict[str, str] = field(default_factory=dict)
    copies: list[tuple[list[str], str]] = field(default_factory=list)
    """(sources, destination) of what comes from the checkout."""
    user: str = "root"
    parent: str = ""

    def fill(self, folder: Path) -> None:
        """Copy into a folder, as if it were the image's root, what the image copies from the checkout."""
        for sources, destination in self.copies:
            target = folder / destination.lstrip("/")
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    into = target / Path(source).name if destination.endswith("/") else target
                    into.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / source, into)


def images() -> dict[str, Image]:
    """Return the stages of the Dockerfile by name."""
    found: dict[str, Image] = {}
    stage = Image()
    for word, rest in _instructions(DOCKERFILE.read_text()):
        words = shlex.split(rest)
        if word == "FROM":
            base = found.get(words[0], Image())
            stage = found[words[-1]] = Image(dict(base.environment), list(base.copies), base.user, words[0])
        elif word == "ENV":
            stage.environment |= dict(pair.split("=", 1) for pair in words)
        elif word == "USER":
            stage.user = words[0]
        elif word == "COPY" and not any(part.startswith("--from=") for part in words):
            *sources, destination = [part for part in words if not part.startswith("--")]
            stage.copies.append((sources, destination))
    return found


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n", " ", kept).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word, rest
