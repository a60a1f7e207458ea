"""Load the tables; each is a JSON object with `as_of`, `what`, `sources` and its rows."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import msgspec


@functools.cache
def table(name: str) -> dict[str, Any]:
    """Return the table `name` (the file's name without .json)."""
    content = resources.files("gpudoctor.knowledge").joinpath("tables").joinpath(f"{name}.json").read_bytes()
    loaded: dict[str, Any] = msgspec.json.decode(content)
    return loaded


def as_of() -> str:
    """Return the date of the oldest table of versions, ISO 8601."""
    return min(str(table(name)["as_of"]) for name in ("drivers_cuda", "gpus", "torch_releases", "tensorflow_releases"))
