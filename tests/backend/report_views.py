"""The report as its API tells it: asked for, and taken apart."""

from typing import Any

from starlette.testclient import TestClient

NAME = "cifar10-transfer"


def view_of(client: TestClient, **query: Any) -> dict[str, Any]:
    """Return the report on generated images, pretrained on glyphs, or another variant by `query`."""
    answer = client.get(
        f"/api/reports/{NAME}", params={"dataset": "shapes", "pretraining": "glyphs", **query}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def blocks(view: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [block for section in view["sections"] for block in section["blocks"] if block["kind"] == kind]


def experiment(view: dict[str, Any], section: str) -> dict[str, Any]:
    (found,) = [block for block in blocks(view, "experiment") if block["id"] == section]
    return found
