"""The work of `benchmarks/series.py` done by TensorBoard, in an environment of its own: prints its CPU seconds as JSON.

    python tensorboard_series.py STEPS FOLDER

Knows nothing of Runyard.
"""

import json
import sys
import time
from importlib.metadata import version

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter


def main(steps: int, folder: str) -> None:
    began = time.process_time()
    writer = EventFileWriter(folder)
    for step in range(1, steps + 1):
        value = Summary.Value(tag="step_loss", simple_value=1 / step)
        writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))
    writer.close()
    ingested = time.process_time()
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0}).Reload()
    tag = events.Tags()["scalars"] or events.Tags()["tensors"]
    count = len(events.Scalars("step_loss") if events.Tags()["scalars"] else events.Tensors(tag[0]))
    read = time.process_time()
    assert count == steps, count
    told = {"version": version("tensorboard"), "ingest": ingested - began, "read": read - ingested}
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
