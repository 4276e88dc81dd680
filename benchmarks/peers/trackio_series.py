"""The work of `benchmarks/series.py` done by trackio, in an environment of its own: prints its CPU seconds as JSON.

    python trackio_series.py STEPS STEPS_AT_ONCE

TRACKIO_DIR names the folder it writes to. Knows nothing of Runyard.
"""

import json
import sys
import time
from importlib.metadata import version

from trackio.sqlite_storage import SQLiteStorage


def main(steps: int, at_once: int) -> None:
    began = time.process_time()
    for first in range(1, steps + 1, at_once):
        these = range(first, min(first + at_once, steps + 1))
        SQLiteStorage.bulk_log(
            "series", "one", [{"step_loss": 1 / step} for step in these], steps=list(these)
        )
    ingested = time.process_time()
    # Another run's, so that nothing is loaded or compiled while it counts: what was read itself would be cached.
    SQLiteStorage.bulk_log("series", "small", [{"step_loss": 1.0}], steps=[1])
    SQLiteStorage.get_logs("series", "small")
    began_to_read = time.process_time()
    logged = SQLiteStorage.get_logs("series", "one")
    read = time.process_time()
    assert [line["step_loss"] for line in logged] == [1 / step for step in range(1, steps + 1)]
    told = {"version": version("trackio"), "ingest": ingested - began, "read": read - began_to_read}
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
