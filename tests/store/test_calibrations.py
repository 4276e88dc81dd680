"""What was measured of kinds of devices, on both databases."""

from backend.store import calibrations
from backend.store.session import Database


def test_nothing_is_known_of_a_device_that_nobody_measured(database: Database) -> None:
    with database.read() as session:
        assert calibrations.find(session, "CPU") is None
        assert calibrations.known(session, ["CPU"]) == {}


def test_what_was_measured_is_found_again_by_its_kind(database: Database) -> None:
    with database.write() as session:
        calibrations.keep(session, "CPU", {"version": 1, "start": 0.5})
        calibrations.keep(session, "GPU", {"version": 1, "start": 0.25})
    with database.read() as session:
        assert calibrations.find(session, "CPU") == {"version": 1, "start": 0.5}
        assert calibrations.known(session, {"GPU", "another"}) == {"GPU": {"version": 1, "start": 0.25}}


def test_a_later_measurement_takes_the_place_of_the_one_before(database: Database) -> None:
    for version in (1, 2):
        with database.write() as session:
            calibrations.keep(session, "CPU", {"version": version})
    with database.read() as session:
        assert calibrations.find(session, "CPU") == {"version": 2}
