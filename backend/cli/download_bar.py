"""A bar on standard error while a file comes; nothing where nobody watches."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

from backend.calls.checkpoints import Progress as Tell


@contextmanager
def download_bar() -> Iterator[Tell]:
    """Yield what is to be told how many bytes have come, of how many."""
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("downloading", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None)

        yield tell
