"""The weights that a claimed run starts from: found on this worker and checked, or fetched."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from backend.catalog.models import SOFTMAX_REGRESSION, models
from backend.errors import DataProblem, UnknownName
from backend.settings import Settings
from backend.spec import Spec
from backend.store import attempts
from backend.store import weights as store
from backend.store.attempts import Claimed
from backend.store.session import Database
from worker import imagenet
from worker.engine.checkpoint import STATE_SUFFIX, WEIGHTS_SUFFIX, CheckpointPointer
from worker.engine.feature_cache import Lock
from worker.engine.weights import StartingWeights, sha256_after
from worker.imagenet import Tell
from worker.weight_files import Kept, is_whole, keep, kept_path, read_state

_WAIT_SECONDS = 0.2


def starting_weights(
    spec: Spec, claimed: Claimed, settings: Settings, database: Database, tell: Tell
) -> StartingWeights | None:
    """Return the weights that this attempt needs; None where it starts at random, or goes on from a checkpoint of all.

    `tell` hears of a download, in bytes, and again and again of the wait for that of another run, as (0, 0); what it
    raises goes on to the caller. Only ImageNet weights are ever downloaded.

    Raises:
        DataProblem: they are not here, changed, or of another network; with what helps.
    """
    source = spec.weights.source
    # The checkpoint of a network holds all its weights; that of a layer on features, not those that make the features.
    if source == "none" or (claimed.checkpoint and spec.features is None):
        return None
    arch = spec.features.arch if spec.features else spec.model.arch
    if source == "imagenet":
        return imagenet_weights(arch, settings, database, tell)
    if source == "file":
        assert spec.weights.name
        return _file_weights(spec.weights.name, arch, claimed, settings, database)
    return _parent_weights(claimed, settings)


def imagenet_weights(arch: str, settings: Settings, database: Database, tell: Tell) -> StartingWeights:
    """Return the ImageNet weights of an architecture; fetch and register them where they are not on this worker."""
    wanted = imagenet.standard(arch)
    folder = settings.weights_folder
    folder.mkdir(parents=True, exist_ok=True)
    # Runs that start together on one host fetch the file once.
    with _alone(folder / f".lock-{arch}", tell):
        with database.read() as session:
            row = store.find(session, "imagenet", wanted.name, arch)
        path = kept_path(folder, arch, wanted.name, row.sha256) if row else None
        if row and path and is_whole(path, row.sha256):
            return _imagenet(path, row.sha256, wanted.name)
        try:
            kept = _fetched(wanted, arch, folder, tell)
        except DataProblem as problem:
            state = "damaged here" if path and path.exists() else "not here"
            raise DataProblem(
                f"The ImageNet weights of {arch} are {state} and could not be downloaded ({str(problem).rstrip('.')}); "
                f"`runyard weights import {arch} FILE` or `runyard weights fetch {arch}` brings them."
            ) from None
        with database.write() as session:
            new = store.NewWeights("imagenet", wanted.name, arch, kept.sha256, kept.classes)
            store.register(session, new, replace=True)
        return _imagenet(kept.path, kept.sha256, wanted.name)


def check_arch(arch: str) -> None:
    """Refuse what has no weights of its own that could be brought.

    Raises:
        UnknownName: it is no model of torchvision.
    """
    if arch not in models() or arch == SOFTMAX_REGRESSION:
        raise UnknownName("model of torchvision", arch, models().keys() - {SOFTMAX_REGRESSION})


def _imagenet(path: Path, sha256: str, name: str) -> StartingWeights:
    return StartingWeights(path, sha256, "imagenet", f"the ImageNet weights {name}")


@contextmanager
def _alone(path: Path, tell: Tell) -> Iterator[None]:
    with closing(Lock(path)) as lock:
        while not lock.alone():
            tell(0, 0)
            time.sleep(_WAIT_SECONDS)
        yield


def _fetched(wanted: imagenet.Published, arch: str, folder: Path, tell: Tell) -> Kept:
    # Under the lock of the architecture it is nobody else's: what is there was left by one who was killed.
    scratch = folder / f".fetching-{arch}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        path = scratch / wanted.file_name
        imagenet.download(wanted.url, path, tell)
        return keep(
            read_state(path), folder, arch=arch, name=wanted.name, about=wanted.file_name, scratch=scratch
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _file_weights(
    name: str, arch: str, claimed: Claimed, settings: Settings, database: Database
) -> StartingWeights:
    with database.read() as session:
        row = store.find(session, "file", name, arch)
        # A run that goes on does so on the weights it began with, whatever the name means by now; so does one that
        # went on from a checkpoint which is broken, and begins once more: its images are those of then, too.
        goes_on = claimed.checkpoint or claimed.data_hash
        sha256 = (_begun_with(session, claimed) if goes_on else None) or (row and row.sha256)
        others = [] if sha256 else _archs_of_file(session, name)
    if sha256 is None:
        if others:
            raise DataProblem(
                f"The weights '{name}' are of {' and '.join(others)}, and this run needs those of {arch}."
            )
        raise DataProblem(
            f"There are no weights '{name}'; `runyard weights import {arch} FILE --name {name}` brings them."
        )
    path = kept_path(settings.weights_folder, arch, name, sha256)
    if not is_whole(path, sha256):
        state = "damaged" if path.exists() else "not"
        raise DataProblem(
            f"The weights '{name}' ({sha256[:12]}) are {state} on this worker; "
            f"`runyard weights import {arch} FILE --name {name}` on its host brings them."
        )
    return StartingWeights(path, sha256, "file", f"the file '{name}'")


def _archs_of_file(session: Session, name: str) -> list[str]:
    return [one.arch for one in store.everything(session) if (one.source, one.name) == ("file", name)]


def _begun_with(session: Session, claimed: Claimed) -> str | None:
    """Return the SHA-256 of the weights that the run began with, as it told."""
    told = attempts.last_told(session, claimed.run_id) or {}
    return told["weights"]["sha256"] if told.get("weights") else None


def _parent_weights(claimed: Claimed, settings: Settings) -> StartingWeights:
    parent = claimed.parent
    if parent is None:
        raise DataProblem("The parent that this run starts from is gone: its run was deleted.")
    who = f"run {parent.run_id} ({parent.name})"
    if parent.changed:  # never so for a run that begins with this attempt
        raise DataProblem(
            f"The parent, {who}, is not as it was when this run began: its weights would now be those of another "
            "network. Retry this run from the start."
        )
    pointer = CheckpointPointer.from_json(parent.checkpoint)
    folder = settings.runs_folder / str(parent.run_id)
    path = folder / f"{pointer.name}{WEIGHTS_SUFFIX}"
    try:
        # The pointer's is over both files of the checkpoint, the weights first.
        own, both = sha256_after(path, folder / f"{pointer.name}{STATE_SUFFIX}")
    except FileNotFoundError as problem:
        raise DataProblem(
            f"The checkpoint {pointer.name} of the parent, {who}, is not on this worker: there is no {problem.filename}."
        ) from None
    if both != pointer.sha256:
        raise DataProblem(
            f"The checkpoint {pointer.name} of the parent, {who}, is truncated or changed: its SHA-256 is "
            f"{both[:12]}…, and {pointer.sha256[:12]}… was written."
        )
    return StartingWeights(path, own, "parent", f"{who}, epoch {pointer.epoch}")
