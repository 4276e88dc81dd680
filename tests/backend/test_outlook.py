"""What runs would take: their time over the workers, and whether they fit into the memory that is there."""

from dataclasses import replace

import pytest

from backend.confirming import needed_confirmation
from backend.durations import duration
from backend.estimates.speeds import ROUGH_CPU, ROUGH_GPU
from backend.estimates.time import seconds_on
from backend.machines import Machine
from backend.outlook import outlook
from backend.readiness import GENERATED, Shelf
from backend.spec import parse_spec
from backend.store.launches import NewRun

SHELF = Shelf()
CPU = Machine("CPU, 2 cores", ROUGH_CPU, 8 * 10**9)


def run(seed: int = 0, parent: NewRun | None = None, **changes: object) -> NewRun:
    table = {"dataset": {"name": "shapes"}, "model": {"arch": "resnet18"}, "seed": seed, **changes}
    return NewRun(parse_spec(table), f"run {seed}", None, None, parent=parent)


def seconds(one: NewRun) -> float:
    return seconds_on(one.spec, GENERATED["shapes"], ROUGH_CPU)


def test_two_workers_take_two_runs_at_once_and_one_takes_them_one_after_the_other() -> None:
    runs = [run(0), run(1)]
    assert outlook(runs, SHELF, [CPU]).seconds == pytest.approx(2 * seconds(runs[0]))
    told = outlook(runs, SHELF, [CPU, CPU])
    assert (told.seconds, told.workers) == (pytest.approx(seconds(runs[0])), 2)


def test_a_child_begins_when_its_parent_is_done_however_many_workers_there_are() -> None:
    parent = run(0)
    told = outlook([run(0, parent, epochs=1)], SHELF, [CPU] * 3)
    assert told.seconds == pytest.approx(seconds(parent) + seconds(run(0, epochs=1)))
    assert told.longest == pytest.approx(seconds(parent))
    assert told.shortest == pytest.approx(seconds(run(0, epochs=1)))


def test_a_gpu_is_what_the_estimate_is_for_where_there_is_one() -> None:
    told = outlook([run()], SHELF, [CPU, Machine("H100", ROUGH_GPU, 80 * 10**9)])
    assert (told.device, told.workers, told.device_memory_bytes) == ("one GPU", 1, 80 * 10**9)


def test_what_does_not_fit_is_told_in_one_sentence() -> None:
    large = run(batch_size=8192, dataset={"name": "shapes", "image_size": 224})
    told = outlook([run(), large], SHELF, [CPU])
    assert told.memory_bytes and told.memory_bytes > CPU.memory_bytes  # pyright: ignore
    assert told.warning and told.warning.endswith(
        "of memory are needed, and the machine has 8.0 GB: smaller batches or images need less."
    )
    assert outlook([run()], SHELF, [CPU]).warning is None
    assert outlook([large], SHELF, []).warning is None, "nobody knows what there will be"


def test_nothing_is_known_of_images_that_are_not_here() -> None:
    told = outlook([run(dataset={"name": "mine"})], SHELF, [CPU])
    assert (told.seconds, told.longest, told.memory_bytes) == (None, None, None)


def test_nobody_knows_when_a_run_is_done_that_needs_more_devices_than_a_worker_holds() -> None:
    large = run(devices=4)
    told = outlook([run(), large], SHELF, [CPU, replace(CPU, devices=2)])
    assert (told.seconds, told.longest) == (None, pytest.approx(seconds(run())))
    assert told.warning and told.warning.startswith(
        "4 devices of one worker are needed, and the largest here holds 2:"
    )
    assert outlook([large], SHELF, [replace(CPU, devices=4)]).warning is None


def test_what_is_asked_for_a_yes_is_told_as_it_is_dealt_out() -> None:
    runs = [run(seed, epochs=100) for seed in range(4)]
    for machines in ([CPU], [CPU, CPU]):
        told = outlook(runs, SHELF, machines)
        assert told.seconds and told.seconds > 3600
        sentence = needed_confirmation(len(runs), told, machines)
        assert sentence and f"These 4 runs take about {duration(told.seconds)} " in sentence
    assert "over 2 workers, the first on a CPU with two cores" in sentence
    assert needed_confirmation(1, outlook([run(epochs=1)], SHELF, [CPU]), [CPU]) is None
    never = outlook([run(devices=2, epochs=1000)], SHELF, [CPU])
    assert needed_confirmation(1, never, [CPU]), "it takes hours, whenever it begins"
