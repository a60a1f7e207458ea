#!/usr/bin/env python3
"""Regenerate the rows of torch, TensorFlow and JAX from the metadata of their wheels.

python scripts/update_knowledge.py [torch] [tensorflow] [jax]    shows what would change, as a unified diff
python scripts/update_knowledge.py torch --since 2.14 --write    writes it
python scripts/update_knowledge.py pci --pci-ids FILE            PCI ids from a copy of the pci.ids database

Metadata comes from the indexes that pip is configured for; no wheel is downloaded whole. Fields that no metadata holds
(code lists, variants, pitfalls) are kept by hand: they stay as they are, and new rows say which ones wait for a hand.
"""

from __future__ import annotations

import argparse
import datetime
import difflib
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # started as a file, scripts/ alone is on the path

from scripts.simple_index import IndexUnusable, SimpleIndex, Wheel, read_configuration

TABLES = Path(__file__).resolve().parent.parent / "gpudoctor" / "knowledge" / "tables"
WIDTH = 200
PLATFORMS = ("linux_x86_64", "linux_aarch64", "windows_x86_64", "macos_x86_64", "macos_arm64")
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
GLIBC_OF = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}  # PEP 600
PYTHONS = [f"3.{minor}" for minor in range(6, 20)]
CUDA_PARTS = ("nvidia-", "cuda-", "triton")

Row = dict[str, Any]


def render(value: Any, indent: int = 0) -> str:
    """Return JSON text: what fits in a line stands in a line, the rest one entry a line."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (indent and len(flat) + indent <= WIDTH):
        return flat
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        entries = [f"{pad}{json.dumps(key)}: {render(one, indent + 1)}" for key, one in value.items()]
        return "{\n" + ",\n".join(entries) + f"\n{' ' * indent}}}"
    return "[\n" + ",\n".join(f"{pad}{render(one, indent + 1)}" for one in value) + f"\n{' ' * indent}]"


def platform_of(wheel: Wheel) -> str | None:
    """Return the platform of a wheel as the tables name it; None for one that they leave out."""
    tag = wheel.platform_tag
    if tag.startswith(("manylinux", "linux")):
        return "linux_aarch64" if "aarch64" in tag else "linux_x86_64" if "x86_64" in tag else None
    if tag.startswith("macosx"):
        return "macos_arm64" if "arm64" in tag else "macos_x86_64" if tag.endswith(("x86_64", "intel")) else None
    return "windows_x86_64" if tag == "win_amd64" else None


def python_of(wheel: Wheel) -> str | None:
    """Return the Python of a wheel ("3.13", free threaded "3.13t"); None when its tag names no single one."""
    match = re.fullmatch(r"cp(\d)(\d+)", wheel.python_tag)
    return f"{match[1]}.{match[2]}{'t' if wheel.abi_tag.endswith('t') else ''}" if match else None


def pythons(wheels: Iterable[Wheel], platform: str) -> list[str]:
    """Return the Pythons that have a wheel for a platform, oldest first."""
    found = {python for wheel in wheels if platform_of(wheel) == platform and (python := python_of(wheel))}
    return sorted(found, key=lambda python: (*map(int, python.rstrip("t").split(".")), python.endswith("t")))


def glibc_of(wheels: Iterable[Wheel], platform: str = "linux_x86_64") -> str | None:
    """Return the oldest glibc that the tags of a platform's wheels promise to run on."""
    found = set()
    for wheel in wheels:
        for tag in wheel.platform_tag.split(".") if platform_of(wheel) == platform else ():
            match = re.match(r"manylinux_(\d+)_(\d+)_|(manylinux\d+)_", tag)
            if match:
                found.add(GLIBC_OF.get(match[3], "") if match[3] else f"{match[1]}.{match[2]}")
    return min(found - {""}, key=Version, default=None)


def tags(wheels: Iterable[Wheel], start: str) -> list[str]:
    """Return the platform tags that begin with a system's name."""
    return sorted({wheel.platform_tag for wheel in wheels if wheel.platform_tag.startswith(start)})


def released(wheels: Iterable[Wheel]) -> str | None:
    """Return the day of the first wheel; None where the index does not say."""
    return min((wheel.released for wheel in wheels if wheel.released), default=None)


def requirement_for_linux(text: str, extra: str = "", machine: str = "x86_64") -> str | None:
    """Return a requirement with its clauses on system, machine and extra resolved for Linux; clauses on Python stay.

    None when it does not apply there.
    """
    requirement = Requirement(text)
    marker, requirement.marker = requirement.marker, None
    if marker is None:
        return None if extra else str(requirement)
    if extra and "extra" not in str(marker):
        return None
    here = LINUX | {"platform_machine": machine, "extra": extra}
    answers = [marker.evaluate(here | {"python_version": one, "python_full_version": f"{one}.0"}) for one in PYTHONS]
    if not any(answers):
        return None
    clauses = [] if all(answers) else re.findall(r'python_(?:full_)?version [<>=!~]+ "[^"]+"', str(marker))
    if clauses:
        requirement.marker = Marker(" and ".join(dict.fromkeys(clauses)))
    return str(requirement)


def requirements(index: SimpleIndex, wheel: Wheel, extra: str = "") -> list[str]:
    """Return the requirements of a wheel (of one of its extras) for Linux x86_64, sorted."""
    texts = index.metadata(wheel).get_all("Requires-Dist") or []
    return sorted(found for text in texts if (found := requirement_for_linux(text, extra)))


def named(found: Iterable[str], *projects: str) -> list[str]:
    """Return the requirements that name one of these projects."""
    return [one for one in found if Requirement(one).name in projects]


def sample_wheel(wheels: Sequence[Wheel]) -> Wheel:
    """Return the wheel to read metadata from: Linux x86_64 where there is one, newest Python without free threading."""
    linux = [wheel for wheel in wheels if platform_of(wheel) == "linux_x86_64"] or list(wheels)
    return max(
        linux, key=lambda wheel: (not wheel.abi_tag.endswith("t"), Version((python_of(wheel) or "0").rstrip("t")))
    )


@dataclass(frozen=True)
class Framework:
    """A framework: its table, and how a row of it is made."""

    project: str
    table: str
    key: str


FRAMEWORKS = {
    "torch": Framework("torch", "torch_releases", "releases"),
    "tensorflow": Framework("tensorflow", "tensorflow_releases", "releases"),
    "jax": Framework("jax", "jax_cupy_releases", "jax_releases"),
}


def default_variant(found: Iterable[str]) -> str | None:
    """Return the CUDA variant of a default torch wheel by its requirements ("cuda-toolkit[...]==13.2.2" -> "cu132")."""
    for one in found:
        match = re.match(r"(?:cuda-toolkit|nvidia-cuda-runtime-cu\d+)(?:\[[^]]*\])?==(\d+)\.(\d+)", one)
        if match:
            return f"cu{match[1]}{match[2]}"
    return None


def torch_row(index: SimpleIndex, wheels: Sequence[Wheel], old: Row | None) -> Row:
    """Return what metadata says of a torch release; for a new one the fields kept by hand too, empty."""
    found = requirements(index, sample_wheel(wheels))
    row: Row = {
        "released": released(wheels),
        "requires_python": sample_wheel(wheels).requires_python or None,
        "python": {platform: pythons(wheels, platform) for platform in PLATFORMS},
        "requires_linux_x86_64": [one for one in found if one.startswith(CUDA_PARTS)],
        "wheel_tags": {
            "linux": tags(wheels, "manylinux"),
            "windows": tags(wheels, "win"),
            "macos": tags(wheels, "macos"),
        },
        "glibc_tag": glibc_of(wheels),
    }
    if old is not None:
        return row
    linux = [variant] if (variant := default_variant(found)) else []
    defaults = {"linux_x86_64": linux, "linux_aarch64": [], "windows_x86_64": ["cpu"], "macos_arm64": ["cpu", "mps"]}
    by_hand: Row = {"cuda_variants": [], "rocm_variants": None, "torchvision": [], "torchaudio": []}
    return (
        row
        | by_hand
        | {
            "pypi_default": {one: defaults.get(one, []) if row["python"][one] else [] for one in PLATFORMS},
            "cuda_libs": "packages" if row["requires_linux_x86_64"] else "bundled",
            "glibc_real": row["glibc_tag"],
            "wheel_size_mib_linux_x86_64": None,
        }
    )


def tensorflow_row(index: SimpleIndex, wheels: Sequence[Wheel], old: Row | None) -> Row:
    """Return what metadata says of a TensorFlow release; for a new one the fields kept by hand too, empty."""
    sample = sample_wheel(wheels)
    found = requirements(index, sample)
    row: Row = {
        "released": released(wheels),
        "python": {platform: pythons(wheels, platform) for platform in PLATFORMS},
        "keras": named(found, "keras", "keras-nightly"),
        "numpy": named(found, "numpy"),
        "protobuf": named(found, "protobuf"),
        "h5py": named(found, "h5py"),
        "and_cuda": requirements(index, sample, "and-cuda"),
        "linux_tags": tags(wheels, "manylinux"),
        "glibc_tag": glibc_of(wheels),
    }
    if old is not None:
        return row
    has = {platform: bool(found) for platform, found in row["python"].items()}
    unknown = ("build_cuda_major", "build_cuda_minor", "build_cuda_patch", "build_cudnn_major", "compiled_capabilities")
    return (
        row
        | dict.fromkeys(unknown)
        | {
            "gpu_code_linux_x86_64": None,
            "linux_aarch64": {"wheel": has["linux_aarch64"], "gpu": False},
            "windows_x86_64": {"wheel": has["windows_x86_64"], "gpu": False, "shell": False},
            "tensorflow_gpu_package": "none",
            "min_capability": None,
            "min_capability_verified": "unverified",
            "tested_cuda": None,
            "tested_cudnn": None,
            "wheel_size_mib_linux_x86_64": None,
            "pitfalls": [],
        }
    )


def jax_row(index: SimpleIndex, wheels: Sequence[Wheel], old: Row | None) -> Row:
    """Return what metadata says of a jax release and of its CUDA plugins."""
    metadata = index.metadata(wheels[0])
    found = [one for text in metadata.get_all("Requires-Dist") or [] if (one := requirement_for_linux(text))]
    row: Row = {
        "released": released(wheels),
        "requires_python": metadata["Requires-Python"],
        "extras": sorted(one for one in metadata.get_all("Provides-Extra") or [] if one.startswith("cuda")),
        "numpy": named(found, "numpy"),
    }
    for major in ("cuda12", "cuda13"):
        plugin = [one for one in index.wheels(f"jax-{major}-plugin") if one.version == wheels[0].version]
        if plugin:
            row[major] = {
                "python": {platform: pythons(plugin, platform) for platform in PLATFORMS[:2]},
                "glibc_tag": glibc_of(plugin),
                "requires": requirements(index, sample_wheel(plugin), "with-cuda"),
            }
        elif old is None:
            row[major] = None
    return row


ROWS = {"torch": torch_row, "tensorflow": tensorflow_row, "jax": jax_row}


def merged(old: Row | None, fresh: Row, version: str, template: Row) -> Row:
    """Return the row with its fresh fields; what metadata does not say stays; fields stand as in the template."""
    known = {key: value for key, value in fresh.items() if value is not None or not (old and key in old)}
    row = {"version": version, **(old or {}), **known}
    return {key: row[key] for key in (*template, *row) if key in row}


def updated(name: str, table: Row, index: SimpleIndex, since: Version) -> tuple[Row, list[str]]:
    """Return a table with its rows from `since` on regenerated, and notes on what waits for a hand."""
    framework = FRAMEWORKS[name]
    rows: dict[Version, Row] = {Version(row["version"]): row for row in table[framework.key]}
    wheels: dict[Version, list[Wheel]] = {}
    for wheel in index.wheels(framework.project):
        if wheel.version >= since and not wheel.version.is_prerelease:
            wheels.setdefault(wheel.version, []).append(wheel)
    notes = []
    template = table[framework.key][-1]
    for version, found in sorted(wheels.items()):
        old = rows.get(version)
        if version < min(rows):
            continue
        if old is None and version < max(rows):
            notes.append(f"{name} {version}: left out of the table on purpose, or missing")
            continue
        fresh = ROWS[name](index, found, old)
        rows[version] = merged(old, fresh, str(version), template)
        if old is None:
            waiting = [key for key, value in rows[version].items() if value in (None, [])]
            notes.append(f"{name} {version} is new; kept by hand and still empty: {', '.join(waiting)}")
    return table | {framework.key: [rows[version] for version in sorted(rows)]}, notes


def pci_devices(text: str) -> dict[str, str]:
    r"""Read the device lines of vendor 10de of the pci.ids database.

    Sample (pci.ids 2026.10.24):
        10de  NVIDIA Corporation
        \t2684  AD102 [GeForce RTX 4090]
        \t\t1028 167c  a subsystem, left out
    """
    section = re.search(r"^10de  .*\n((?:[\t#].*\n)*)", text, re.MULTILINE)
    lines = section[1].splitlines() if section else []
    matches = (re.fullmatch(r"\t([0-9a-f]{4})  (.+)", line) for line in lines)
    return {match[1]: match[2] for match in matches if match}


def updated_pci(table: Row, text: str) -> tuple[Row, list[str]]:
    """Return the PCI table with the devices of every chip that it has; notes name chips that it does not have."""
    other = re.compile(r"Controller|NVSwitch|bridge|host|Audio|UCSI", re.IGNORECASE)
    devices: dict[str, dict[str, str]] = {chip["chip"]: {} for chip in table["chips"]}
    unknown = set()
    for device, name in sorted(pci_devices(text).items()):
        match = re.match(r"(G[A-Z]?\d{2,3}|AD\d{3}|TU\d{3})([A-Z]*)(?!x)", name)
        if not match or other.search(name):
            continue
        chip = match[1] + "B" if match[2].startswith("B") and match[1] + "B" in devices else match[1]
        product = re.search(r"\[(.*)\]$", name)
        if chip in devices:
            devices[chip][device] = product[1] if product else ""
        elif match[1] > "G8" and not match[1].startswith(("G70", "G71", "G72", "G73")):
            unknown.add(chip)
    chips = [chip | {"devices": devices[chip["chip"]] or chip["devices"]} for chip in table["chips"]]
    return table | {"chips": chips}, [f"pci: chip {chip} has no row" for chip in sorted(unknown)]


def difference(name: str, old: str, new: str) -> str:
    """Return the unified diff of a table's text."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"{name}.json", f"{name}.json", lineterm="")
    return "\n".join(lines)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*FRAMEWORKS, "pci", []], help="default: all frameworks")
    parser.add_argument("--since", default="0", type=Version, help="regenerate releases from this one on")
    parser.add_argument("--pci-ids", type=Path, help="a copy of the pci.ids database")
    parser.add_argument("--tables", type=Path, default=TABLES, help="the folder of the tables")
    parser.add_argument("--write", action="store_true", help="write the tables instead of only showing the difference")
    chosen = parser.parse_args(arguments)
    if "pci" in chosen.names and not chosen.pci_ids:
        parser.error("pci needs --pci-ids FILE")
    return chosen


def main(arguments: Sequence[str]) -> int:
    """Show, and with --write make, the changes; 1 when an index cannot be read."""
    options = parse_arguments(arguments)
    for name in options.names or FRAMEWORKS:
        table_name = "pci_gpus" if name == "pci" else FRAMEWORKS[name].table
        path = options.tables / f"{table_name}.json"
        old = path.read_text(encoding="utf-8")
        table = json.loads(old)
        try:
            if name == "pci":
                fresh, notes = updated_pci(table, options.pci_ids.read_text(encoding="utf-8", errors="replace"))
            else:
                fresh, notes = updated(name, table, SimpleIndex(read_configuration()), options.since)
        except (IndexUnusable, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        if fresh != table:
            fresh["as_of"] = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
        new = render(fresh) + "\n"
        print(difference(table_name, old, new), end="\n" if new != old else "")
        print("\n".join(notes), file=sys.stderr, end="\n" if notes else "")
        if options.write and new != old:
            path.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
