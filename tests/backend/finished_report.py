"""A store with a whole quick report of three seeds, as if it had been trained: every value of it is another one."""

import shutil
from pathlib import Path

from backend.store.session import Database
from tests.backend.test_report import Told, launch_all, train
from tests.store import scenes

SEEDS = (0, 1, 2)
VARIANT = {"dataset": "shapes", "pretraining": "glyphs"}


def finished_report(folder: Path, migrated_file: Path) -> Database:
    """Return the opened store; who asked for it closes it."""
    database = Database(f"sqlite:///{shutil.copy(migrated_file, folder / 'store.db')}")
    for seed in SEEDS:
        told = Told()
        for _ in launch_all(database, seed):
            train(database, scenes.claim(database), told)
    return database
