"""The bar that a command shows on a terminal while it works; nothing where its output goes to a file."""

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn


def progress_bar(counted: ProgressColumn) -> Progress:
    """Return a bar on standard error; `counted` says how much of what is done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        counted,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
