"""Samples of the device are gathered to chunks, each series with its own count."""

import threading

import pytest

from backend.store.chunks import Samples
from worker.samples import SAMPLES_OF_A_CHUNK, SampleBuffer


def test_a_chunk_is_full_after_thirty_samples() -> None:
    buffer = SampleBuffer()
    full = [buffer.add(float(n), {"cpu_load": n / 100}) for n in range(1, SAMPLES_OF_A_CHUNK + 1)]
    assert full == [False] * (SAMPLES_OF_A_CHUNK - 1) + [True]
    assert len(buffer.take()["cpu_load"].values) == SAMPLES_OF_A_CHUNK
    assert buffer.take() == {}


def test_a_series_that_begins_late_has_its_own_count() -> None:
    buffer = SampleBuffer()
    buffer.add(1.0, {"cpu_load": 0.1})
    buffer.take()
    buffer.add(2.0, {"cpu_load": 0.2, "gpu_load": 0.9})
    assert buffer.take() == {"cpu_load": Samples(1, [2.0], [0.2]), "gpu_load": Samples(0, [2.0], [0.9])}


def test_only_series_by_second_are_samples() -> None:
    with pytest.raises(AssertionError):
        SampleBuffer().add(1.0, {"step_loss": 1.0})


def test_no_sample_is_lost_between_threads() -> None:
    buffer, taken = SampleBuffer(), []

    def work() -> None:
        for n in range(500):
            buffer.add(float(n), {"cpu_load": 0.5})
            if n % 7 == 0:
                taken.append(buffer.take())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts = [one["cpu_load"] for one in [*taken, buffer.take()] if one]
    starts = sorted((part.first, len(part.values)) for part in parts)
    assert sum(count for _, count in starts) == 2000
    assert [first for first, _ in starts] == [
        sum(n for _, n in starts[:place]) for place in range(len(starts))
    ]
