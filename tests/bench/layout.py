"""Lay out a machine's file system: what the tables `driver`, `pci`, `packages` stand for, then its own files."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.bench.machine_file import Table, repeated

LIBRARY_FOLDER = "usr/lib/x86_64-linux-gnu"
_MODULES = ("nvidia_uvm", "nvidia_drm", "nvidia_modeset", "nvidia")
_PROC_VERSION = {
    "open": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {0}  Release Build  (dvs-builder@U22-I3-B03-4)\n",
    "proprietary": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {0}  Tue Sep 23 10:11:16 UTC 2025\n",
}
_LICENSES = {"open": "Dual MIT/GPL", "proprietary": "NVIDIA"}


def lay_out(root: Path, machine: Table) -> None:
    """Write the tree below `root`; later tables win: driver, pci, packages, then files, links and modes."""
    kernel = machine.get("kernel", "")
    if kernel:
        _write(root, "proc/sys/kernel/osrelease", kernel + "\n")
    _driver(root, machine, kernel)
    _pci(root, machine.get("pci", []))
    _packages(root, machine.get("packages", {}))
    for path, text in machine.get("files", {}).items():
        _write(root, path, text)
    for path, target in machine.get("links", {}).items():
        _link(root, path, target)
    for path, mode in machine.get("modes", {}).items():
        (root / path).chmod(int(mode, 8))
    for folder in ("proc", "sys", "dev", "etc"):  # a machine always has them
        (root / folder).mkdir(parents=True, exist_ok=True)


def _driver(root: Path, machine: Table, kernel: str) -> None:
    driver = machine.get("driver")
    if driver is None:
        return
    version = driver["version"]
    flavour = driver.get("flavour", "open")
    loaded = driver.get("loaded", version)
    if loaded:
        _loaded_module(root, loaded, flavour, driver.get("modules", list(_MODULES)))
    for release in driver.get("built_for", [kernel] if kernel else []):
        built = driver.get("built", version)
        info = f"version={built}\0license={_LICENSES[flavour]}\0vermagic={release} SMP preempt mod_unload\0"
        _write(root, f"lib/modules/{release}/updates/dkms/nvidia.ko", info)
    if driver.get("libraries", True):
        for name in ("libcuda.so", "libnvidia-ml.so"):
            _write(root, f"{LIBRARY_FOLDER}/{name}.{version}", "")
            _link(root, f"{LIBRARY_FOLDER}/{name}.1", f"{name}.{version}")
    for node in driver.get("nodes", _node_names(machine) if loaded else []):
        _write(root, f"dev/{node}", "")
        (root / "dev" / node).chmod(0o666)


def _loaded_module(root: Path, version: str, flavour: str, modules: list[str]) -> None:
    compiler = "GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04.2)\n"
    _write(root, "proc/driver/nvidia/version", _PROC_VERSION[flavour].format(version) + compiler)
    _write(root, "sys/module/nvidia/version", version + "\n")
    lines = [f"{name} 1925120 2 - Live 0x0000000000000000 (OE)\n" for name in modules]
    _write(root, "proc/modules", "".join(lines))
    for name in modules:
        (root / "sys/module" / name).mkdir(parents=True, exist_ok=True)


def _node_names(machine: Table) -> list[str]:
    cards = [row for row in repeated(machine.get("pci", [])) if row.get("driver", "nvidia") == "nvidia"]
    return ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", *(f"nvidia{number}" for number in range(len(cards)))]


def _pci(root: Path, rows: list[Table]) -> None:
    for row in rows:
        domain, bus, slot = row["address"].split(":")
        for number in range(row.get("times", 1)):
            _pci_device(root, f"{domain}:{int(bus, 16) + number:02x}:{slot}", row)


def _pci_device(root: Path, address: str, row: Table) -> None:
    folder = f"sys/bus/pci/devices/{address}"
    texts = {
        "vendor": f"0x{row.get('vendor', 0x10DE):04x}",
        "device": f"0x{row['device']:04x}",
        "class": f"0x{row.get('class', 0x030000):06x}",
        "current_link_width": str(row.get("width", 16)),
        "max_link_width": str(row.get("width_max", 16)),
        "current_link_speed": row.get("speed", "2.5 GT/s PCIe"),
        "max_link_speed": row.get("speed_max", "16.0 GT/s PCIe"),
        "resource": row.get("resource", ""),
    }
    for name, text in texts.items():
        _write(root, f"{folder}/{name}", text + "\n")
    driver = row.get("driver", "nvidia")
    if driver:
        (root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
        _link(root, f"{folder}/driver", f"../../drivers/{driver}")


def _packages(root: Path, packages: Table) -> None:
    stanza = "Package: {0}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {1}\n"
    if packages:
        _write(root, "var/lib/dpkg/status", "\n".join(stanza.format(*item) for item in sorted(packages.items())))


def _write(root: Path, path: str, text: str) -> None:
    """Write a file; a path that ends in a slash is an empty folder."""
    place = root / path
    if path.endswith("/"):
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove(place)
    place.write_text(text, encoding="utf-8")


def _link(root: Path, path: str, target: str) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove(place)
    place.symlink_to(target)


def _remove(place: Path) -> None:
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
