"""A worker that measures its device while it is idle, and a run that comes in between."""

from pathlib import Path

import pytest

from tests.processes.stack import Stack

pytestmark = pytest.mark.processes


def test_a_run_ends_the_calibration_and_is_trained(tmp_path: Path) -> None:
    with Stack(tmp_path / "home", calibrate="true") as stack:
        stack.until(lambda: "calibrating" in stack.story())
        assert "calibrated" not in stack.story(), "it takes some seconds"
        run = stack.launch(epochs=1)
        assert stack.wait_for_end(run)["state"] == "completed"
        assert "the calibration makes way" in stack.story()
        # It begins anew once the device is idle again, and does not hold up the end of everything.
        stack.until(lambda: stack.story().count("calibrating") > 1)
