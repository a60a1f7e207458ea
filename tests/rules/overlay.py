"""Lay a fixture's lines over a base machine.

A line is a dotted path and a value: `"machine.driver.proc_version" = "570.1"`. Short beginnings: `driver.`, `system.`,
`gpu.` (the first GPU), `gpus[1].`, `env.` (the first environment), `run.torch.`, `packages.NAME = "VERSION"`. A fact
takes its plain value, `{ unknown = "reason" }` or `{ absent = true }`. Lists and records inside facts are reached
through: `driver.pci_devices[0].driver`. A list one past its end grows by a copy of its last item.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import msgspec

from gpudoctor.facts.snapshot import Snapshot
from tests.rules.bases import BASES

_SHORT = {
    "driver": "machine.driver",
    "NVML": "machine.driver.NVML",
    "nvml": "machine.driver.NVML",
    "api": "machine.driver.api",
    "system": "machine.system",
    "gpu": "machine.gpus[0]",
    "gpus": "machine.gpus",
    "toolkits": "machine.toolkits",
    "kernel_log": "machine.kernel_log",
    "kernelspecs": "machine.kernelspecs",
    "env": "environments[0]",
    "run": "environments[0].runs",
    "packages": "environments[0].packages",
}


def overlaid(base: str, lines: dict[str, Any]) -> Snapshot:
    """Return the base machine with the lines laid over it. Raises KeyError or ValidationError on a typo."""
    tree = msgspec.json.decode(msgspec.json.encode(BASES[base]()))
    for path, value in lines.items():
        _set(tree, _expand(path), value)
    return msgspec.convert(tree, Snapshot, strict=True)


def _expand(path: str) -> list[str | int]:
    head = re.match(r"[A-Za-z_]+", path)
    if head and head[0] in _SHORT:
        path = _SHORT[head[0]] + path[len(head[0]) :]
    path = path.replace("driver.nvml.", "driver.NVML.")
    return [int(piece) if piece.isdigit() else piece for piece in re.findall(r"[^.\[\]]+", path)]


def _is_fact(node: Any) -> bool:
    return isinstance(node, dict) and "value" in node and set(node) <= {"value", "source", "unknown"}


def _set(tree: Any, steps: list[str | int], value: Any) -> None:
    node = tree
    for step in steps[:-1]:
        node = _enter(node, step)
    if _is_fact(node):
        node = _value(node)
    last = steps[-1]
    if isinstance(node, list):
        _set_in_list(node, last, value)
    elif last in node and _is_fact(node[last]):
        node[last] = _fact(value)
    else:
        node[last] = value


def _value(fact: dict[str, Any]) -> Any:
    """Return what is inside a fact, known from now on."""
    fact.pop("unknown", None)
    if fact["value"] is None:
        fact["value"] = {}
    return fact["value"]


def _enter(node: Any, step: str | int) -> Any:
    if _is_fact(node):
        node = _value(node)
    if isinstance(node, list) and isinstance(step, str):
        return next(item for item in node if item.get("framework", item.get("name")) == step)
    if isinstance(node, list) and step == len(node) and node:
        node.append(copy.deepcopy(node[-1]))
    return node[step]


def _set_in_list(items: list[Any], last: str | int, value: Any) -> None:
    if isinstance(last, int):
        items[last : last + 1] = [value]
        return
    items[:] = [item for item in items if item["name"] != last]  # packages.NAME
    if value != {"absent": True}:
        items.append({"name": last, **(value if isinstance(value, dict) else {"version": value})})


def _fact(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and set(value) == {"unknown"}:
        return {"value": None, "unknown": value["unknown"], "source": "overlay"}
    if isinstance(value, dict) and set(value) == {"absent"}:
        return {"value": None, "source": "overlay"}
    return {"value": value, "source": "overlay"}
