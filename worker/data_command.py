"""`python -m worker.data_command NAME PATH`: import a data set on this host and register it.

`runyard data import` runs this. No path ever travels over HTTP.
"""

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from backend.catalog.datasets import check_importable_name
from backend.errors import DataProblem, RunyardError
from backend.settings import Settings, read_settings
from backend.store import datasets, migrate
from backend.store.session import Database


def import_and_register(
    name: str, path: Path, settings: Settings, *, replace: bool
) -> tuple[datasets.NewDataset, tuple[str, ...]]:
    """Import images from a folder or an archive, make the name mean them; return what it is, and notes for people.

    Raises:
        RunyardError: one sentence; nothing is left half-written.
    """
    from worker.importer import import_dataset

    # The reference is registered last: a crash before leaves a folder that nothing names.
    with _progress() as progress:
        task = progress.add_task("reading images", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None)

        made = import_dataset(name, path, settings.data_folder, tell)
    new = datasets.NewDataset(
        name=name,
        hash=made.hash,
        classes=list(made.classes),
        train_count=len(made.train_labels),
        test_count=len(made.test_labels),
        pixels=made.pixels,
        channels=made.channels,
    )
    database = Database(settings.resolved_database_url)
    if database.is_sqlite:
        migrate.upgrade(database)
    with database.write() as session:
        known = datasets.find(session, name)
        if known is not None and known.hash != new.hash and not replace:
            raise DataProblem(
                f"'{name}' already means other images ({known.train_count:,} for training, content "
                f"{known.hash[:12]}); choose another name, or add --replace. Runs keep the images they began with."
            )
        datasets.register(session, new)
    database.dispose()
    return new, tuple(made.notes)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def main(arguments: list[str]) -> int:
    name, path, *options = arguments
    try:
        settings = read_settings()
        settings.make_home()
        check_importable_name(name)
        new, notes = import_and_register(name, Path(path), settings, replace="--replace" in options)
    except RunyardError as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:  # a full disk, say; what was begun has been removed
        print(f"{path} could not be imported: {problem}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing was imported.", file=sys.stderr)
        return 130
    classes = "1 class" if len(new.classes) == 1 else f"{len(new.classes)} classes"
    print(
        f"{new.name}: {new.train_count:,} training and {new.test_count:,} test images of {classes}, "
        f"{new.pixels} x {new.pixels} pixels, content {new.hash[:12]}."
    )
    for note in notes:
        print(f"{note}.")
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))
