"""What several processes agree on while they train one run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.worker.in_group import BATCHES
from worker.engine.group import ALONE

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 240.0

Told = tuple[list[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module", params=[2, pytest.param(3, marks=pytest.mark.full)])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What each process of a group of so many told, and one alone."""
    folder = tmp_path_factory.mktemp("group")
    command = [sys.executable, "-m", "tests.worker.in_group", str(request.param), str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    read = lambda name: json.loads((folder / f"{name}.json").read_text())  # noqa: E731
    return [read(rank) for rank in range(request.param)], read("alone")


def test_one_process_alone_has_all_of_it() -> None:
    values = torch.arange(3)
    assert ALONE.share(values) is values
    assert ALONE.joined(values).tolist() == [0, 1, 2]
    assert ALONE.told(True, False) == (True, False)
    ALONE.sum(values)
    assert values.tolist() == [0, 1, 2]


@pytest.mark.thorough
def test_the_shares_in_order_make_the_whole(told: Told) -> None:
    ranks, _ = told
    for count in (1, 2, 7):
        shares = [one["shares"][str(count)] for one in ranks]
        assert [value for share in shares for value in share] == list(range(count))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.thorough
def test_a_sum_is_over_all_processes(told: Told) -> None:
    ranks, _ = told
    assert {one["sum"] for one in ranks} == {sum(range(1, len(ranks) + 1))}


@pytest.mark.thorough
def test_decisions_are_those_of_the_first_process(told: Told) -> None:
    ranks, _ = told
    assert [one["told"] for one in ranks] == [[True, False, False]] * len(ranks)


@pytest.mark.thorough
def test_joined_values_are_in_order_in_all_processes_also_where_one_has_none(told: Told) -> None:
    ranks, _ = told
    for one in ranks:
        assert one["joined"] == list(range(7))
        assert one["joined_of_one"] == [0]
        assert one["joined_rows"] == [[rank, rank] for rank in range(len(ranks))]


@pytest.mark.thorough
def test_what_is_tested_has_the_buffers_that_are_kept_in_all_processes(told: Told) -> None:
    ranks, _ = told
    first, *others = [one["buffers"] for one in ranks]
    assert first[0] == first[1]
    for before, after in others:
        assert before != first[0]
        assert after == first[0]


@pytest.mark.thorough
def test_uneven_batches_are_learned_from_as_by_one_process(told: Told) -> None:
    """A network of convolutions, without batch norm or dropout; each image counts the same in whichever share."""
    ranks, alone = told
    assert len(alone["norms"]) == len(BATCHES)
    assert max(alone["norms"]) > 0.5, "nothing was clipped"
    for one in ranks:
        assert one["norms"] == pytest.approx(alone["norms"], rel=1e-5)
        # The largest weight is about 0.5: 1e-6 is some roundings of 32-bit floats.
        assert one["weights"] == pytest.approx(alone["weights"], rel=1e-5, abs=1e-6)
        assert one["weights"] == ranks[0]["weights"]
