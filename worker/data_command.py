"""`python -m worker.data_command import NAME PATH | fetch NAME`: bring a data set to this host and register it.

`runyard data import` and `runyard data fetch` run this. No path ever travels over HTTP.
"""

import argparse
import os
import sys
from pathlib import Path

from rich.progress import MofNCompleteColumn

from backend.catalog.datasets import check_fetchable_name, check_importable_name
from backend.errors import DataProblem, RunyardError
from backend.settings import Settings, read_settings
from backend.store import datasets, migrate
from backend.store.session import Database
from worker.engine.data import Dataset
from worker.progress_bar import progress_bar


def import_images(name: str, path: Path, settings: Settings) -> Dataset:
    """Import images from a folder or an archive.

    Raises:
        RunyardError: one sentence; nothing is left half-written.
    """
    check_importable_name(name)
    from worker.importer import import_dataset

    with progress_bar(MofNCompleteColumn()) as progress:
        task = progress.add_task("reading images", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None)

        return import_dataset(name, path, settings.data_folder, tell)


def fetch_images(name: str, settings: Settings) -> Dataset:
    """Download a data set that torchvision knows.

    Raises:
        RunyardError: one sentence; nothing is left half-written.
    """
    check_fetchable_name(name)
    from worker.fetcher import fetch_dataset

    return fetch_dataset(name, settings.data_folder)


def register(made: Dataset, settings: Settings, *, replace: bool) -> None:
    """Make the name of a data set mean its images.

    Raises:
        DataProblem: it means others already, and may not be replaced.
    """
    new = datasets.NewDataset(
        name=made.name,
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
        known = datasets.find(session, new.name)
        if known is not None and known.hash != new.hash and not replace:
            raise DataProblem(
                f"'{new.name}' already means other images ({known.train_count:,} for training, content "
                f"{known.hash[:12]}); add --replace to let it mean these. Runs keep the images they began with."
            )
        datasets.register(session, new)
    database.dispose()


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="runyard data")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("import", "fetch"):
        parts = commands.add_parser(command)
        parts.add_argument("--replace", action="store_true")
        parts.add_argument("name")
        if command == "import":
            parts.add_argument("path", type=Path)
    return parser.parse_args(arguments)


def _show(made: Dataset) -> None:
    classes = "1 class" if len(made.classes) == 1 else f"{len(made.classes)} classes"
    print(
        f"{made.name}: {len(made.train_labels):,} training and {len(made.test_labels):,} test images of {classes}, "
        f"{made.pixels} x {made.pixels} pixels, content {made.hash[:12]}."
    )
    for note in made.notes:
        print(f"{note}.")


def main(arguments: list[str]) -> int:
    wanted = _parsed(arguments)
    try:
        settings = read_settings()
        settings.make_home()
        if wanted.command == "import":
            made = import_images(wanted.name, wanted.path, settings)
        else:
            made = fetch_images(wanted.name, settings)
        # Registered last: a crash before leaves a folder that nothing names.
        register(made, settings, replace=wanted.replace)
    except RunyardError as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:  # a full disk, say; what was begun has been removed
        what = wanted.path if wanted.command == "import" else wanted.name
        print(f"{what} could not be brought in: {problem}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing was brought in.", file=sys.stderr)
        return 130
    _show(made)
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))
