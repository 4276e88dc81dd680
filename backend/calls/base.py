"""What the calls of every topic are made with. It must not know how a service is reached."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import httpx


class Calls(ABC):
    """One request at a time: its answer, or a refusal in the service's own sentence."""

    @abstractmethod
    def _json(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON of an answer; `options` are those of httpx.

        Raises:
            ServiceProblem: the service refused; Unreachable where none answers, NotLoggedIn where it knows no token.
        """

    @abstractmethod
    def _open(self, path: str, **options: Any) -> AbstractContextManager[httpx.Response]:
        """Enter the answer to a GET before its body is read; raises as `_json` does, also while it is read."""

    def _launch(self, path: str, idempotency_key: str | None, wish: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._json("POST", path, json=given(wish), headers=headers)


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that somebody gave: without those that are None."""
    return {name: value for name, value in values.items() if value is not None}
