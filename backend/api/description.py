"""What /api/openapi.json says of every operation alike: how to be let in, and the refusals of the guards in front.

Routes say the rest themselves. Refusals are JSON whatever a route answers when all is well.
"""

from typing import Any

from fastapi import FastAPI

from backend.api.problems import RESPONSES
from backend.gate.roles import is_open

REFUSAL = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorWire"}}}
TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "The operator's token, or one of `runyard token create`. Browsers hold a cookie of POST /api/login.",
}
SCHEME = {"WWW-Authenticate": {"description": "Always Bearer.", "schema": {"const": "Bearer"}}}


class DescribedApp(FastAPI):
    """An application whose description tells what its guards answer, too."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            describe(super().openapi())
        assert self.openapi_schema is not None
        return self.openapi_schema


def describe(description: dict[str, Any]) -> None:
    """Add to a description what holds for every operation."""
    description.setdefault("components", {})["securitySchemes"] = {"token": TOKEN}
    description["security"] = [{"token": []}]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if is_open(method.upper(), path):
                operation["security"] = []
            operation["responses"].update(_refusals())


def _refusals() -> dict[str, Any]:
    told = {
        str(status): {"description": said["description"], "content": REFUSAL}
        for status, said in RESPONSES.items()
    }
    told["401"]["headers"] = SCHEME
    return told
