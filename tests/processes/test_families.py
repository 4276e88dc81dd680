"""Pretrain, fine-tune, features, regression: the chain of the report in small, on real stacks."""

from pathlib import Path

import pytest

from tests.processes.stack import Stack
from tests.servers import TestPostgres, own_redis

pytestmark = pytest.mark.processes

IMAGES = {"name": "shapes", "image_size": 32, "train_limit": 32, "test_limit": 20, "augment": "none"}


def launch(stack: Stack, preset: str, **overrides) -> int:
    answer = stack.client.launch(preset=preset, size="quick", overrides={"epochs": 2, **overrides})
    return answer["runs"][0]


def launch_chain(stack: Stack) -> list[int]:
    """Queue three runs, each of which starts from the one before it; return their ids."""
    pretrained = launch(stack, "resnet18-pretrained", dataset={**IMAGES, "name": "glyphs"})
    fine_tuned = launch(stack, "resnet18-fine-tuned", dataset=IMAGES, model={"weights": {"run": pretrained}})
    features = {"weights": {"run": fine_tuned}}
    last = launch(stack, "softmax-resnet18-last", dataset=IMAGES, features=features)
    return [pretrained, fine_tuned, last]


@pytest.mark.full
def test_a_chain_of_runs_gives_the_same_numbers_on_both_kinds_of_store_and_broker(
    tmp_path: Path, postgres: TestPostgres
) -> None:
    with Stack(tmp_path / "small") as stack:
        ids = launch_chain(stack)
        assert [stack.client.run(run_id)["state"] for run_id in ids[1:]] == ["waiting"] * 2
        runs = [stack.wait_for_end(run_id) for run_id in ids]
        assert [run["state"] for run in runs] == ["completed"] * 3, [run["detail"] for run in runs]
        assert [run["parent"] and run["parent"]["run"] for run in runs] == [None, *ids[:2]]
        assert runs[2]["attempts"][0]["environment"]["features"]["origin"] == "made"
        embedded = [stack.numbers(run_id) for run_id in ids]
    with (
        postgres.fresh_database() as database_url,
        own_redis(tmp_path) as broker_url,
        Stack(tmp_path / "grown", broker_url=broker_url, database_url=database_url) as stack,
    ):
        ids = launch_chain(stack)
        runs = [stack.wait_for_end(run_id) for run_id in ids]
        assert [run["state"] for run in runs] == ["completed"] * 3, [run["detail"] for run in runs]
        assert [stack.numbers(run_id) for run_id in ids] == embedded


def test_children_fail_with_their_parent_and_train_when_it_is_retried(tmp_path: Path) -> None:
    with Stack(tmp_path / "home") as stack:
        ids = launch_chain(stack)
        stack.client.cancel(ids[0])
        stack.until(lambda: [stack.state(run_id) for run_id in ids] == ["cancelled", *["failed"] * 2])
        last = stack.client.run(ids[2])
        assert last["reason"] == "parent failed"
        assert f"Run {ids[1]} " in last["detail"]
        stack.client.retry(ids[0])
        assert [stack.wait_for_end(run_id)["state"] for run_id in ids] == ["completed"] * 3
