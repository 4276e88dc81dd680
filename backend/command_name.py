"""How the `runyard` command is typed here: by its name where that is found, else by the path of its file."""

import shutil
import sys
from pathlib import Path


def command_name() -> str:
    """Return "runyard", or where no such name is on the PATH the way to the file, such as .venv/bin/runyard."""
    file = Path(sys.executable).with_name("runyard")
    if shutil.which("runyard") or not file.is_file():
        return "runyard"
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
