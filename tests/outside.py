"""Running code where this project cannot be imported, as a person who was given a notebook would."""

import os
import subprocess
import sys
from pathlib import Path

WITHOUT_THIS_PROJECT = "import sys\nsys.modules['backend'] = sys.modules['worker'] = None\n"
"""An import of what stands there as None fails, although the project is installed here."""


def printed_by(code: str, scratch: Path, **environment: str) -> str:
    """Run code in a process of its own, in the folder `scratch`; return what it printed."""
    script = scratch / "notebook.py"
    script.write_text(WITHOUT_THIS_PROJECT + code)
    done = subprocess.run(
        [sys.executable, "-I", str(script)],
        cwd=scratch,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
