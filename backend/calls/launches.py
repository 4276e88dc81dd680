"""Launching: what is there to launch, what a launch would be, and the launch itself."""

from typing import Any

from backend.calls.base import Calls, given


class LaunchCalls(Calls):
    def launch(self, *, idempotency_key: str | None = None, **wish: Any) -> dict[str, Any]:
        """Launch runs; return their ids as `runs`, and those of what had to come along as `parents`.

        `preset` with `size` ("quick" or "published"), or `clone` with the id of a run, or a whole `spec`. `overrides` are
        nested tables over the first two; `grid` lists values by dotted path, and each combination of them is trained
        with each of `seeds`. Also `name`, `experiment`, and `confirm=True` for what takes hours.

        A key makes a repeated call launch once; without one a new key is made.
        """
        return self._launch("/api/launches", idempotency_key, wish)

    def preview(self, **wish: Any) -> dict[str, Any]:
        """Return what `launch` would do with the same arguments, and what is missing for it; nothing is stored."""
        return self._json("POST", "/api/launches/preview", json=given(wish))

    def presets(self) -> list[dict[str, Any]]:
        """Return the presets, each with its spec in the published and in the quick size."""
        return self._json("GET", "/api/presets")["presets"]

    def models(self) -> list[dict[str, Any]]:
        """Return the models, with the sizes of image that they take and the number of their parameters."""
        return self._json("GET", "/api/models")["models"]

    def nodes(self, arch: str) -> list[dict[str, Any]] | None:
        """Return the nodes of a model that features can be taken from; None where they are not listed."""
        return self._json("GET", f"/api/models/{arch}/nodes")["nodes"]

    def datasets(self) -> list[dict[str, Any]]:
        """Return the data sets: the generated ones, and those that an operator imported or fetched."""
        return self._json("GET", "/api/datasets")["datasets"]

    def weights(self) -> list[dict[str, Any]]:
        """Return the weights that an operator imported or fetched."""
        return self._json("GET", "/api/weights")["weights"]
