"""PCI: the resource table and link attributes of sysfs, names from pci.ids and the driver's information files."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MEMORY_FLAG = 0x200  # IORESOURCE_MEM
_BASE_ADDRESS_REGISTERS = 6
_LINK_WIDTHS = {1, 2, 4, 8, 12, 16, 32}


def parse_unassigned_bars(text: str) -> tuple[int, ...]:
    """Return the numbers of the memory BARs without an address in a device's `resource` file.

    0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200
    0x0000000000000000 0x0000000000000000 0x000000000014220c
    (sysfs of Linux 6.8: start, end, flags; a BAR 1 that found no room)
    """
    found = []
    for number, line in enumerate(text.splitlines()[:_BASE_ADDRESS_REGISTERS]):
        words = line.split()
        try:
            start, _, flags = (int(word, 16) for word in words)
        except ValueError:
            continue
        if flags & _MEMORY_FLAG and start == 0:
            found.append(number)
    return tuple(found)


def parse_link_speed(text: str) -> float:
    """Return GT/s of `current_link_speed` or `max_link_speed`, 0.0 for "Unknown".

    16.0 GT/s PCIe (Linux 6.8), 8 GT/s (Linux 4.15)
    """
    match = re.match(r"\s*(\d+(?:\.\d+)?)\s*GT/s", text)
    return float(match[1]) if match else 0.0


def parse_link_width(text: str) -> int:
    """Return the lanes of `current_link_width` or `max_link_width`; 0 for what no link has (63: a lost device).

    16 (Linux 6.8)
    """
    word = text.strip()
    lanes = int(word) if word.isdecimal() and word.isascii() and len(word) < 4 else 0  # noqa: PLR2004  # three digits
    return lanes if lanes in _LINK_WIDTHS else 0


def parse_driver_name(text: str) -> str:
    """Return a PCI driver's name as a module's name is written.

    nvidia, nouveau, vfio-pci (Linux 6.8); the Rust driver calls itself NovaCore (Linux 6.15)
    """
    name = text.strip()
    return "nova_core" if name.replace("-", "").replace("_", "").lower() == "novacore" else name


def parse_gpu_information(text: str) -> str:
    """Return the model in /proc/driver/nvidia/gpus/ADDRESS/information, "" when it is not told.

    Model: 		 NVIDIA GeForce RTX 4090
    IRQ:   		 139
    (driver 550)
    """
    match = re.search(r"^Model:[ \t]*(\S[^\n]*)", text, re.MULTILINE)
    name = match[1].strip() if match else ""
    return "" if name == "Unknown" else name


def parse_pci_names(text: str, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    r"""Return names of the (vendor, device) pairs in the text of pci.ids that it knows.

    10de  NVIDIA Corporation
    \t2684  AD102 [GeForce RTX 4090]
    (pci.ids 2024.05)
    """
    names = {}
    for vendor, device in wanted:
        begin = text.find(f"\n{vendor:04x}  ")
        at = text.find(f"\n\t{device:04x}  ", begin) if begin >= 0 else -1
        if at < 0 or re.search(r"\n[0-9a-fA-F]", text[begin + 1 : at]):  # another vendor began before it
            continue
        names[vendor, device] = text[at + 1 :].partition("\n")[0].strip()[6:]
    return names
