"""`python -m worker.weights_command import ARCH FILE | fetch ARCH...`: bring weights to this host and register them.

`runyard weights import` and `runyard weights fetch` run this. No path ever travels over HTTP.
"""

import argparse
import os
import sys
from pathlib import Path

from rich.progress import DownloadColumn

from backend.errors import DataProblem, RunyardError
from backend.settings import Settings, read_settings
from backend.spec import parse_spec
from backend.store import migrate
from backend.store import weights as store
from backend.store.session import Database
from worker import imagenet
from worker.engine.weights import StartingWeights, sha256_after
from worker.progress_bar import progress_bar
from worker.weight_files import keep, read_state
from worker.weights import check_arch, imagenet_weights


def import_and_register(
    arch: str, path: Path, settings: Settings, database: Database, *, name: str | None, replace: bool
) -> store.NewWeights:
    """Keep a file as torchvision's own, which its hash must prove, or under the operator's `name`.

    Raises:
        RunyardError: one sentence; nothing is registered.
    """
    check_arch(arch)
    if name is not None:
        _check_name(name)
    state = read_state(path)
    source, kept_name = ("imagenet", _name_by_torchvision(arch, path)) if name is None else ("file", name)
    kept = keep(state, settings.weights_folder, arch=arch, name=kept_name, about=path.name)
    new = store.NewWeights(source, kept_name, arch, kept.sha256, kept.classes)
    with database.write() as session:
        # Torchvision's are what their hash proves them to be: there is no other content to protect.
        if store.register(session, new, replace=replace or source == "imagenet"):
            return new
    raise DataProblem(
        f"'{kept_name}' already means other weights of {arch}; choose another name, or add --replace. "
        "Runs that have begun keep the weights they began with."
    )


def fetch(arch: str, settings: Settings, database: Database) -> StartingWeights:
    """Return the ImageNet weights of an architecture; download what is not here, with a progress bar."""
    with progress_bar(DownloadColumn()) as progress:
        task = progress.add_task(arch, total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None)

        return imagenet_weights(arch, settings, database, tell)


def _check_name(name: str) -> None:
    weights = {"source": "file", "name": name}
    parse_spec({"dataset": {"name": "any"}, "model": {"arch": "any", "weights": weights}})


def _name_by_torchvision(arch: str, path: Path) -> str:
    (digest,) = sha256_after(path)
    files = [(one.name, one.file_name) for one in imagenet.published(arch)]
    name = imagenet.recognised(digest, files)
    if name is not None:
        return name
    wanted = " or ".join(f"{imagenet.wanted_hash(file_name)}…" for _, file_name in files)
    raise DataProblem(
        f"{path.name} is not torchvision's: its SHA-256 is {digest[:8]}…, and for {arch} {wanted} is wanted; "
        "--name NAME marks it as your own."
    )


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="runyard weights")
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import")
    importing.add_argument("--name")
    importing.add_argument("--replace", action="store_true")
    importing.add_argument("arch")
    importing.add_argument("file", type=Path)
    commands.add_parser("fetch").add_argument("arch", nargs="+")
    return parser.parse_args(arguments)


def _import(wanted: argparse.Namespace, settings: Settings, database: Database) -> None:
    new = import_and_register(
        wanted.arch, wanted.file, settings, database, name=wanted.name, replace=wanted.replace
    )
    whose = "the ImageNet weights" if new.source == "imagenet" else "the file"
    print(f"{new.arch}: {whose} {new.name}, {new.classes:,} output units, content {new.sha256[:12]}.")
    if new.source == "imagenet" and new.name != (used := imagenet.standard(new.arch).name):
        print(
            f"Runs that start from imagenet take {used}; import the file with --name to start runs from this one."
        )


def main(arguments: list[str]) -> int:
    wanted = _parsed(arguments)
    try:
        settings = read_settings()
        settings.make_home()
        database = Database(settings.resolved_database_url)
        if database.is_sqlite:
            migrate.upgrade(database)
        if wanted.command == "import":
            _import(wanted, settings, database)
            return 0
        for arch in wanted.arch:
            check_arch(arch)
        for arch in wanted.arch:
            found = fetch(arch, settings, database)
            print(f"{arch}: {found.about}, content {found.sha256[:12]}.")
    except RunyardError as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:  # a full disk, say; what was begun has been removed
        print(f"The weights could not be brought: {problem}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; what was not finished is not registered.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))
