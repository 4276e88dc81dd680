"""The energy of a run on the command line: the sum over its epochs, where its device tells it."""

import pytest

from backend.store.session import Database
from tests.backend.served import run
from tests.store import scenes

pytestmark = pytest.mark.thorough


def trained(database: Database, *energies_wh: float | None) -> int:
    (run_id,) = scenes.launch(database, epochs=len(energies_wh))
    claimed = scenes.claim(database)
    for epoch, energy_wh in enumerate(energies_wh, 1):
        metrics = {"test_acc": 0.5} | ({} if energy_wh is None else {"energy_wh": energy_wh})
        assert scenes.report(database, claimed, epoch, metrics)
    return run_id


@pytest.mark.usefixtures("service")
def test_the_energy_of_a_run_is_that_of_its_epochs_together(sqlite_database: Database) -> None:
    status, said, _ = run("run", trained(sqlite_database, 4.25, None, 8.0))
    assert status == 0
    (line,) = [line for line in said.splitlines() if line.startswith("energy of the run")]
    assert line.split()[-2:] == ["12.25", "Wh"]


@pytest.mark.usefixtures("service")
def test_a_run_whose_device_tells_no_energy_has_no_such_line(sqlite_database: Database) -> None:
    assert "energy" not in run("run", trained(sqlite_database, None))[1]
