#!/usr/bin/env python3
"""Check the tables of gpudoctor.knowledge: order, overlaps, sources, dates, references between tables.

python scripts/check_tables.py [FOLDER]       prints one complaint a line and exits 1 when there are any
"""

from __future__ import annotations

import datetime
import itertools
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from gpudoctor.knowledge.code_targets import parse_code_target
from gpudoctor.knowledge.versions import version_key

TABLES = Path(__file__).resolve().parent.parent / "gpudoctor" / "knowledge" / "tables"
VERIFIED = {"measured", "documented", "derived", "unverified"}
CAPABILITY = re.compile(r"\d+\.\d")
PYTHON = re.compile(r"[23]\.\d+t?")

Row = dict[str, Any]
Tables = dict[str, Row]
Check = Callable[[Tables], Iterator[str]]


def read_tables(folder: Path) -> Tables:
    """Return every table of a folder by its file's name without .json."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def _nodes(node: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Yield (place, key, value) of every entry of every object in a table."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield place, key, value
            yield from _nodes(value, f"{place}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _nodes(value, f"{place}[{number}]")


def _duplicates(values: Iterable[Any], what: str) -> Iterator[str]:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            yield f"{what}: {value} stands twice"
        seen.add(value)


def _rising(values: Sequence[Any], what: str) -> Iterator[str]:
    for before, after in itertools.pairwise(values):
        if after < before:
            yield f"{what}: {after} stands after {before}"


def headers(tables: Tables) -> Iterator[str]:
    """Every table says what it is, where it is from, and when."""
    for name, table in tables.items():
        for key in ("as_of", "what", "sources"):
            if not table.get(key):
                yield f"{name}: no {key}"
        try:
            datetime.date.fromisoformat(str(table.get("as_of")))
        except ValueError:
            yield f"{name}: as_of is no date: {table.get('as_of')}"


def words(tables: Tables) -> Iterator[str]:
    """The words of verified, the shape of capabilities, code targets and Python versions."""
    for name, table in tables.items():
        for place, key, value in _nodes(table, name):
            if key == "verified" or key.endswith("_verified"):
                if value not in VERIFIED:
                    yield f"{place}: {key} is {value}, not one of {sorted(VERIFIED)}"
            elif key in {"capability", "min_capability", "alias_capability"} and isinstance(value, str):
                if not CAPABILITY.fullmatch(value):
                    yield f"{place}: {key} is no capability: {value}"
            elif key in {"archs", "compiled_capabilities"}:
                targets = [one for one in value or () if isinstance(one, str)]
                yield from (f"{place}: no code target: {one}" for one in targets if not parse_code_target(one))
            elif key.startswith(("linux_", "windows_", "macos_")) and isinstance(value, list) and "python" in place:
                yield from (f"{place}: no Python version: {one}" for one in value if not PYTHON.fullmatch(one))


RELEASES = (("torch_releases", "releases"), ("tensorflow_releases", "releases"), ("jax_cupy_releases", "jax_releases"))


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def releases(tables: Tables) -> Iterator[str]:
    """Releases parse as versions, stand in order, and once."""
    for name, key in RELEASES:
        parsed = {row["version"]: _version(row["version"]) for row in tables[name][key]}
        yield from (f"{name}: no version: {text}" for text, version in parsed.items() if version is None)
        versions = [version for row in tables[name][key] if (version := parsed[row["version"]])]
        yield from _duplicates(versions, name)
        yield from _rising(versions, name)


def branches(tables: Tables) -> Iterator[str]:
    """Driver branches rise, with their CUDA releases; their Windows numbers do not overlap."""
    rows = tables["drivers_cuda"]["driver_branches"]
    yield from _duplicates((row["branch"] for row in rows), "driver_branches")
    yield from _rising([int(row["branch"]) for row in rows], "driver_branches")
    yield from _rising([version_key(row["max_cuda"] or "") for row in rows], "driver_branches, max_cuda")
    ends = [end for row in rows if row["win_first"] is not None for end in (row["win_first"], row["win_last"])]
    yield from _rising(ends, "driver_branches, Windows numbers")
    firsts = [row["win_first"] for row in rows if row["win_first"] is not None]
    lasts = [row["win_last"] for row in rows if row["win_last"] is not None]
    for last, first in zip(lasts, firsts[1:], strict=False):
        if first <= last:
            yield f"driver_branches: the Windows number {first} is in two branches"


def _floor_key(floor: dict[str, str]) -> tuple[float, ...]:
    """Return what to order floors by; a branch stands after every number of it."""
    key = version_key(next(iter(floor.values())))
    return (*key, math.inf) if "branch" in floor else key


def toolkits(tables: Tables) -> Iterator[str]:
    """Toolkits stand in order, their floors never fall, a floor has exactly one key."""
    rows = tables["drivers_cuda"]["toolkits"]
    yield from _duplicates((row["cuda"] for row in rows), "toolkits")
    yield from _rising([version_key(row["cuda"]) for row in rows], "toolkits")
    known = {row["branch"] for row in tables["drivers_cuda"]["driver_branches"]}
    oldest = min(map(int, known))
    for side in ("linux_floor", "windows_floor"):
        yield from _rising([_floor_key(row[side]) for row in rows if row[side]], f"toolkits, {side}")
    for row in (*rows, *tables["drivers_cuda"]["family_floors"]):
        label = row.get("cuda") or f"family {row['cuda_major']}"
        for side in ("linux_floor", "windows_floor"):
            if row[side] is not None and (len(row[side]) != 1 or not set(row[side]) <= {"exact", "branch"}):
                yield f"toolkits: {label}: {side} needs exactly one of exact and branch"
        branch = row.get("driver_branch")
        if branch and int(branch) >= oldest and branch not in known:
            yield f"toolkits: {label}: no driver branch {branch}"
        if "minor" in row and not row["cuda"].startswith(row["minor"] + "."):
            yield f"toolkits: {label}: minor is {row['minor']}"


def _floors(tables: Tables) -> Iterator[tuple[str, dict[str, Any] | None]]:
    for row in tables["wheel_indexes"]["variants"]:
        yield f"wheel_indexes: {row['variant']}", row["floor"]
    for row in tables["jax_cupy_releases"]["cupy_releases"]:
        yield f"cupy_releases: {row['package']} {row['version']}", row["floor"]
    for extra, floor in tables["jax_cupy_releases"]["jax_common"]["floor"].items():
        yield f"jax_common: {extra}", floor


def references(tables: Tables) -> Iterator[str]:
    """Floors name rows that exist; variants of torch have an index; defaults are variants."""
    families = {row["cuda_major"] for row in tables["drivers_cuda"]["family_floors"]}
    known = {row["cuda"] for row in tables["drivers_cuda"]["toolkits"]}
    for label, floor in _floors(tables):
        for kind, value in (floor or {}).items():
            if value not in (families if kind == "family" else known):
                yield f"{label}: floor names no row: {kind} {value}"
    indexed = [row["variant"] for row in tables["wheel_indexes"]["variants"]]
    yield from _duplicates(indexed, "wheel_indexes")
    for row in tables["torch_releases"]["releases"]:
        variants = [variant["name"] for variant in row["cuda_variants"]]
        yield from _duplicates(variants, f"torch {row['version']}")
        yield from (f"torch {row['version']}: {one} has no index" for one in variants if one not in indexed)
        for platform, defaults in row["pypi_default"].items():
            for one in defaults:
                if one not in {*variants, "cpu", "mps"}:
                    yield f"torch {row['version']}: {platform}: default {one} is no variant of it"


def architectures(tables: Tables) -> Iterator[str]:
    """Capabilities rise; first and last ends are in order; other tables name known capabilities."""
    rows = tables["gpus"]["architectures"]
    yield from _duplicates((row["capability"] for row in rows), "architectures")
    yield from _rising([version_key(row["capability"]) for row in rows], "architectures")
    known = {row["capability"] for row in rows}
    for row in rows:
        for first, last in (("first_branch", "last_branch"), ("first_cuda", "last_cuda")):
            if row[first] and row[last] and version_key(row[first]) > version_key(row[last]):
                yield f"architectures: {row['capability']}: {first} {row[first]} is above {last} {row[last]}"
    named = [("peak_specs", row["name"], row["capability"]) for row in tables["gpus"]["peak_specs"]]
    named += [("pci_gpus", row["chip"], row["capability"]) for row in tables["pci_gpus"]["chips"]]
    named += [("architecture_exceptions", "", row["capability"]) for row in tables["gpus"]["architecture_exceptions"]]
    yield from (f"{place}: {what}: no architecture {one}" for place, what, one in named if one and one not in known)


def ranges(tables: Tables) -> Iterator[str]:
    """Ranges of versions do not overlap for one CUDA major."""
    for key in ("cudnn_support", "triton_support"):
        rows = tables["gpus"][key]
        for before, after in itertools.combinations(rows, 2):
            majors = {before.get("cuda_major"), after.get("cuda_major")}
            if None not in majors and len(majors) > 1:
                continue
            top = version_key(before["max_version"] or "")
            start = version_key(after["min_version"] or "")
            if not top or start[: len(top)] <= top:
                yield f"{key}: {before['max_version']} and {after['min_version']} overlap"


def numbers(tables: Tables) -> Iterator[str]:
    """Error numbers, Xids and PCI ids stand once; words of Xids are in their legends."""
    errors, xids = tables["cuda_errors"], tables["xids"]
    yield from _duplicates((row["code"] for row in errors["errors"]), "cuda_errors")
    for name in ("runtime_name", "driver_name"):
        yield from _duplicates((row[name] for row in errors["errors"] if row[name]), f"cuda_errors, {name}")
    yield from _duplicates((row["code"] for row in errors["nvml_numbers"]), "nvml_numbers")
    yield from _duplicates((row["xid"] for row in xids["xids"]), "xids")
    for row in xids["xids"]:
        steps = (*(row["catalog_immediate"] or ()), *(row["catalog_investigate"] or ()))
        used = [(row["severity"], "severity_words"), *((step["action"], "catalog_words") for step in steps)]
        used += [(word, "origin_words") for word in row["origin"] or ()]
        yield from (
            f"xids: {row['xid']}: {word} is not in {legend}"
            for word, legend in used
            if word and word not in xids[legend]
        )
    devices = [one for chip in tables["pci_gpus"]["chips"] for one in chip["devices"]]
    yield from _duplicates(devices, "pci_gpus")
    yield from (f"pci_gpus: no device id: {one}" for one in devices if not re.fullmatch(r"[0-9a-f]{4}", one))


def products(tables: Tables) -> Iterator[str]:
    """Two data sheets share a name only where their memory tells them apart."""
    for before, after in itertools.combinations(tables["gpus"]["peak_specs"], 2):
        shared = set(before["nvml_names"] or ()) & set(after["nvml_names"] or ())
        if shared and abs(before["memory_gb"] - after["memory_gb"]) <= 0.2 * max(
            before["memory_gb"], after["memory_gb"]
        ):
            yield f"peak_specs: {min(shared)} has two rows that its memory does not tell apart"


def packages(tables: Tables) -> Iterator[str]:
    """A distribution belongs to one family; commands have no other placeholder than the branch."""
    families = tables["system_packages"]["families"]
    yield from _duplicates((one for row in families for one in {row["family"], *row["ids"]}), "system_packages")
    for family in families:
        yield from _duplicates((row["action"] for row in family["actions"]), f"system_packages, {family['family']}")
        for row in family["actions"]:
            lists = (row["commands"], row["with_branch"], *row["by_branch"].values())
            for command in (one for commands in lists for one in commands or ()):
                if set(re.findall(r"\{(\w+)\}", command)) - {"branch"}:
                    yield f"system_packages: {family['family']} {row['action']}: unknown placeholder: {command}"
            if "{branch}" in " ".join(row["commands"] or ()):
                yield f"system_packages: {family['family']} {row['action']}: commands without a branch name one"


CHECKS: tuple[Check, ...] = (
    headers,
    words,
    releases,
    branches,
    toolkits,
    references,
    architectures,
    ranges,
    numbers,
    products,
    packages,
)


def complaints(tables: Tables) -> list[str]:
    """Return what is wrong with the tables, one sentence each; empty when nothing is."""
    return [complaint for check in CHECKS for complaint in check(tables)]


def main(arguments: Sequence[str]) -> int:
    """Check the tables of a folder, by default gpudoctor's own; 1 when there are complaints."""
    found = complaints(read_tables(Path(arguments[0]) if arguments else TABLES))
    for complaint in found:
        print(complaint)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
