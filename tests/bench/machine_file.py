"""Read machine.toml, with what it inherits from its base."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = dict[str, Any]

_KEYS = {
    "description": str,
    "base": str,
    "kernel": str,
    "user": int,
    "arguments": list,
    "driver": dict,
    "pci": list,
    "nvml": dict,
    "cuda": dict,
    "commands": dict,
    "packages": dict,
    "files": dict,
    "home": dict,
    "links": dict,
    "modes": dict,
    "variables": dict,
    "environment": dict,
    "expect": dict,
}
_FLAGS = {"libraries"}  # here `false` is a value of its own
_EXPECTATIONS = {"root_cause", "verdict", "exit", "codes", "not_codes", "says", "fixes", "hides", "not_judged"}


class MachineFileError(ValueError):
    """A machine.toml that cannot be meant like that."""


def load_machine(folder: Path) -> Table:
    """Return a machine's tables over those of its base. Raises MachineFileError on a key that nothing reads."""
    machine: Table = tomllib.loads((folder / "machine.toml").read_text(encoding="utf-8"))
    check(machine, folder.name)
    if "base" not in machine:
        return machine
    base = load_machine(folder.parent / machine["base"])
    base.pop("expect", None)
    return merged(base, machine)


def check(machine: Table, name: str) -> None:
    """Refuse unknown keys and wrong types: a typo must not turn a check off."""
    for key, value in machine.items():
        if key not in _KEYS:
            raise MachineFileError(f"{name}: no key {key!r}; there are {', '.join(_KEYS)}")
        if value is not False and not isinstance(value, _KEYS[key]):
            raise MachineFileError(f"{name}: {key} is {type(value).__name__}, not {_KEYS[key].__name__}")
    unknown = set(machine.get("expect", {})) - _EXPECTATIONS
    if unknown:
        raise MachineFileError(f"{name}: [expect] has no {sorted(unknown)}; there are {sorted(_EXPECTATIONS)}")
    for key in ("description", "expect"):
        if key not in machine:
            raise MachineFileError(f"{name}: {key} is missing")


def merged(base: Table, over: Table) -> Table:
    """Lay tables over tables; lists and values replace, and `false` takes away what the base has."""
    result = copy.deepcopy(base)
    for key, value in over.items():
        if value is False and key not in _FLAGS and isinstance(result.get(key, {}), (dict, list, str)):
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def repeated(rows: list[Table]) -> list[Table]:
    """Write out rows that stand for several by `times = N`."""
    return [
        {key: value for key, value in row.items() if key != "times"} for row in rows for _ in range(row.get("times", 1))
    ]
