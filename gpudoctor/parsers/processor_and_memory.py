"""/proc/cpuinfo and /proc/meminfo."""

from __future__ import annotations

import re

import msgspec

# The instruction sets that wheels ask for, by the kernel's names; the last two are of aarch64.
_FLAGS = frozenset(
    ("ssse3", "sse4_1", "sse4_2", "avx", "avx2", "avx512f", "f16c", "fma", "bmi2", "amx_tile", "asimd", "sve")
)


class Processor(msgspec.Struct, frozen=True):
    """What /proc/cpuinfo says of the first processor, and how many there are."""

    model: str  # "" = the file does not say
    count: int
    flags: tuple[str, ...]  # of the instruction sets that wheels ask for
    has_flags: bool  # whether the file lists flags at all
    is_hypervisor_guest: bool | None  # by the "hypervisor" flag of x86; None = this processor has no such flag


def parse_cpuinfo(text: str) -> Processor:
    """Read /proc/cpuinfo.

    processor       : 0
    model name      : AMD Ryzen 9 7950X 16-Core Processor
    flags           : fpu vme ... ssse3 fma ... avx f16c hypervisor ... bmi2 avx512f
    (Linux 6.8, x86_64; aarch64 says "Features : fp asimd ..." and no model name)
    """
    model = _value(text, "model name") or _value(text, "Model") or _value(text, "Hardware")
    x86 = _value(text, "flags")
    words = set((x86 or _value(text, "Features")).split())
    return Processor(
        model=model,
        count=len(re.findall(r"^processor\s*:", text, re.MULTILINE)),
        flags=tuple(sorted(words & _FLAGS)),
        has_flags=bool(words),
        is_hypervisor_guest="hypervisor" in words if x86 else None,
    )


def _value(text: str, name: str) -> str:
    match = re.search(rf"^{name}[ \t]*:[ \t]*([^\n]*)", text, re.MULTILINE)
    return match[1].strip() if match else ""


def parse_meminfo(text: str) -> dict[str, int]:
    """Return the amounts of /proc/meminfo in bytes, by name.

    MemTotal:       65765612 kB
    MemAvailable:   51912340 kB
    (Linux 6.8)
    """
    return {
        match[1]: int(match[2]) * 1024
        for match in re.finditer(r"^(\w+):\s+(\d{1,18}) kB$", text, re.MULTILINE | re.ASCII)
    }
