"""GET /api/models and the nodes of one: what the launch dialog offers for features."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from backend.app import create_app
from backend.broker import Broker
from backend.queue import Bell
from backend.settings import Settings
from backend.store.session import Database
from tests.backend import clients

NOBODY = "redis://127.0.0.1:1/0"
"""A broker that is not there: the catalog needs none."""


@pytest.fixture
def client(settings: Settings, sqlite_database: Database) -> Iterator[TestClient]:
    with clients.operator(create_app(settings, sqlite_database, Bell(Broker(NOBODY)))) as client:
        yield client


def test_the_nodes_of_a_listed_model_come_in_their_order_with_shapes(client: TestClient) -> None:
    nodes = client.get("/api/models/resnet18/nodes").json()["nodes"]
    assert nodes["layer4"] == [512, 7, 7]
    assert [name for name in nodes if name in ("layer2", "x", "avgpool")] == ["x", "layer2", "avgpool"]


@pytest.mark.parametrize("arch", ["vit_b_16", "softmax-regression"])
def test_a_model_whose_nodes_are_not_listed_has_none_to_offer(client: TestClient, arch: str) -> None:
    answer = client.get(f"/api/models/{arch}/nodes")
    assert (answer.status_code, answer.json()) == (200, {"nodes": None})


def test_an_unknown_model_is_refused_with_the_near_ones(client: TestClient) -> None:
    answer = client.get("/api/models/resnet19/nodes")
    assert answer.status_code == 422
    assert "There is no model 'resnet19'. Did you mean resnet1" in answer.json()["error"]["message"]


def test_the_models_say_which_layer_is_replaced_and_what_they_cost(client: TestClient) -> None:
    models = {model["name"]: model for model in client.get("/api/models").json()["models"]}
    assert models["resnet18"]["output_layer"] == "fc"
    assert models["resnet18"]["output_before"] == "Linear(512, 1000)"
    assert models["vgg16"]["parameters"] == 138_357_544
    assert models["alexnet"]["mega_macs"] == 714.2
