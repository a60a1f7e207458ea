"""NVML's raw answers turned into values, and refused where no GPU can be like that."""

from __future__ import annotations

import re
from typing import Any

_SIGNED_NEGATIVE = 2**31  # NVML's counts are unsigned 32 bits; from here on a negative number was written into one
_CLOCK_EVENT_REASONS = (  # by bit, nvml.h of 580; 9 and 10 are of older headers
    "gpu_idle",
    "applications_clocks_setting",
    "sw_power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
    "display_clock_setting",
    "board_limit",
    "reliability",
)
_COMPUTE_MODES = {0: "default", 1: "exclusive_thread", 2: "prohibited", 3: "exclusive_process"}
_FABRIC_STATES = {0: "not_supported", 1: "not_started", 2: "in_progress", 3: "completed"}
_DRIVER_MODELS = {0: "WDDM", 1: "TCC", 2: "MCDM"}
_LINK_ENDS = {0: "gpu", 1: "npu", 2: "switch"}
_MOST_GPUS = 256


class Nonsense(ValueError):
    """NVML answered something that cannot be; the message shows it."""


def within(raw: Any, low: int, high: int, what: str) -> int:
    """Return a whole number between both limits (included). Raises Nonsense."""
    if not isinstance(raw, int) or isinstance(raw, bool) or not low <= raw <= high:
        raise Nonsense(f"{what} {raw!r}"[:200])
    return raw


def count(raw: Any) -> int:
    """Return a count. Raises Nonsense on negative numbers, also when they come as unsigned ones."""
    return within(raw, 0, _SIGNED_NEGATIVE - 1, "count")


def count_of_bytes(raw: Any) -> int:
    """Return an amount of memory. Raises Nonsense above 16 TiB."""
    return within(raw, 0, 2**44, "bytes")


def text(raw: Any) -> str:
    """Return printable text. Raises Nonsense on empty or unprintable text."""
    if not isinstance(raw, str) or not raw.strip() or not raw.isprintable():
        raise Nonsense(f"text {raw!r}"[:200])
    return raw.strip()


def version_text(raw: Any) -> str:
    """Return a version such as 535.104.05 or 12.535.104.05. Raises Nonsense."""
    if not isinstance(raw, str) or not re.fullmatch(r"\d{1,5}(\.\d{1,5}){1,5}", raw):
        raise Nonsense(f"version {raw!r}"[:200])
    return raw


def cuda_version(raw: Any) -> str:
    """Return 12.2 for 12020. Raises Nonsense."""
    number = within(raw, 1000, 999_990, "CUDA version")
    return f"{number // 1000}.{number % 1000 // 10}"


def device_count(raw: Any) -> int:
    """Return the number of GPUs. Raises Nonsense."""
    return within(raw, 0, _MOST_GPUS, "device count")


def compute_capability(raw: Any) -> str:
    """Return 8.6 for [8, 6]. Raises Nonsense."""
    major, minor = raw
    return f"{within(major, 1, 99, 'compute capability major')}.{within(minor, 0, 9, 'compute capability minor')}"


def pci_address(raw: Any) -> str:
    """Return 0000:01:00.0 of NVML's PCI record. Raises Nonsense."""
    domain = within(raw["domain"], 0, 0xFFFFFFFF, "PCI domain")
    bus = within(raw["bus"], 0, 0xFF, "PCI bus")
    return f"{domain:04x}:{bus:02x}:{within(raw['device'], 0, 0x1F, 'PCI device'):02x}.0"


def pci_device_id(raw: Any) -> int:
    """Return the upper half of NVML's combined id; the lower half is the vendor. Raises Nonsense."""
    return within(raw["id"] >> 16, 1, 0xFFFF, "PCI device id")


def memory_total_bytes(raw: Any) -> int:
    """Return the memory's size. Raises Nonsense on less than 1 MiB and more than 16 TiB."""
    return within(raw["total"], 2**20, 2**44, "memory total")


def memory_used_bytes(raw: Any) -> int:
    """Return the memory in use. Raises Nonsense when it is more than twice what there is."""
    return within(raw["used"], 0, 2 * memory_total_bytes(raw), f"of {raw['total']} bytes of memory in use")


def memory_reserved_bytes(raw: Any) -> int:
    """Return the memory that driver and firmware keep. Raises Nonsense when it is more than there is."""
    return within(raw["reserved"], 0, memory_total_bytes(raw), f"of {raw['total']} bytes of memory reserved")


def temperature_celsius(raw: Any) -> int:
    """Return a temperature. Raises Nonsense outside 0 to 150 degrees."""
    return within(raw, 0, 150, "temperature")


def watts(raw: Any) -> float:
    """Return watts of milliwatts. Raises Nonsense above 20 kW."""
    return within(raw, 0, 20_000_000, "milliwatts") / 1000


def clock_mhz(raw: Any) -> int:
    """Return a clock. Raises Nonsense above 100 GHz (data rates of memory are above 20 GHz)."""
    return within(raw, 0, 100_000, "MHz")


def clock_event_reasons(raw: Any) -> tuple[str, ...]:
    """Return the set bits by name; bits without a name as bit_N. Raises Nonsense when most of 64 bits are set."""
    bits = within(raw, 0, 2**32 - 1, "clock event reasons")
    names = dict(enumerate(_CLOCK_EVENT_REASONS))
    return tuple(names.get(bit, f"bit_{bit}") for bit in range(32) if bits >> bit & 1)


def percent(raw: Any) -> int:
    """Return a percentage. Raises Nonsense."""
    return within(raw, 0, 100, "percent")


def pcie_generation(raw: Any) -> int:
    """Return a PCIe generation. Raises Nonsense."""
    return within(raw, 1, 9, "PCIe generation")


def pcie_width(raw: Any) -> int:
    """Return a number of lanes. Raises Nonsense."""
    return within(raw, 1, 64, "PCIe width")


def is_on(raw: Any) -> bool:
    """Return whether a switch is on. Raises Nonsense on anything but 0 and 1."""
    return within(raw, 0, 1, "switch") == 1


def mode_now(raw: Any) -> str:
    """Return "enabled" or "disabled" for the first of [now, after the next reset]. Raises Nonsense."""
    return "enabled" if is_on(raw[0]) else "disabled"


def mode_pending(raw: Any) -> str:
    """Return "enabled" or "disabled" for the second of [now, after the next reset]. Raises Nonsense."""
    return "enabled" if is_on(raw[1]) else "disabled"


def compute_mode(raw: Any) -> str:
    """Return the compute mode's name. Raises Nonsense."""
    return _named(_COMPUTE_MODES, raw, "compute mode")


def fabric_state(raw: Any) -> str:
    """Return the state of the fabric registration. Raises Nonsense."""
    return _named(_FABRIC_STATES, raw["state"], "fabric state")


def driver_model(raw: Any) -> str:
    """Return the driver model now. Raises Nonsense."""
    return _named(_DRIVER_MODELS, raw[0], "driver model")


def link_end(raw: Any) -> str:
    """Return what is at the other end of an NVLink, "" where NVML does not say."""
    return _LINK_ENDS.get(raw, "")


def _named(names: dict[int, str], raw: Any, what: str) -> str:
    if raw not in names:
        raise Nonsense(f"{what} {raw!r}"[:200])
    return names[raw]
