"""Kernel modules: version and flavour, from /proc/driver/nvidia/version, module files, modinfo, DKMS and modprobe.d."""

from __future__ import annotations

import re
import struct
from typing import Protocol

import msgspec

OPEN = "open"
PROPRIETARY = "proprietary"
_SIGNATURE = b"~Module signature appended~\n"
_VERSION = r"(\d{2,4}\.\d+(?:\.\d+)*)"
_SCANNED_BYTES = 1024 * 1024  # of a file that is no ELF: nothing real is that, only small samples


class Buffer(Protocol):
    """Bytes or a memory map of a file: what slices without being read whole."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> bytes: ...


class LoadedModule(msgspec.Struct, frozen=True):
    """The loaded NVIDIA kernel module, as it describes itself."""

    version: str  # "" = the text does not say
    flavour: str  # open, proprietary, "" = not told


class ModuleInfo(msgspec.Struct, frozen=True):
    """What a module file says of itself."""

    version: str = ""
    flavour: str = ""
    kernel_release: str = ""  # of vermagic
    is_signed: bool | None = None


def parse_proc_version(text: str) -> LoadedModule:
    """Read /proc/driver/nvidia/version.

    NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024
    NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (builder@host)  Tue Sep 23 ...
    GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04.2)
    (drivers 535 and 580)
    """
    line = next((line for line in text.splitlines() if line.startswith("NVRM version:")), "")
    match = re.search(rf"Kernel Module.*?\s{_VERSION}(?:\s|$)", line)
    flavour = OPEN if "Open Kernel Module" in line else PROPRIETARY if "Kernel Module" in line else ""
    return LoadedModule(match[1] if match else "", flavour)


def parse_proc_modules(text: str) -> tuple[str, ...]:
    """Return the names in /proc/modules that drive GPUs.

    nvidia_uvm 1925120 2 - Live 0x0000000000000000 (POE)
    nvidia 14000128 108 nvidia_uvm,nvidia_modeset, Live 0x0000000000000000 (POE)
    nouveau 3096576 0 - Live 0x0000000000000000
    (Linux 6.8)
    """
    names = {line.split(maxsplit=1)[0] for line in text.splitlines() if line.strip()}
    return tuple(sorted(name for name in names if drives_gpus(name)))


def drives_gpus(module: str) -> bool:
    """Whether a module of this name (underscores or hyphens) drives GPUs or takes them for a guest."""
    name = module.replace("-", "_")
    return name.startswith(("nvidia", "nouveau", "nova_", "vfio")) or name in {
        "amdgpu",
        "amdkfd",
        "i915",
        "xe",
        "radeon",
    }


def parse_modinfo(text: str) -> ModuleInfo:
    """Read what `modinfo FILE` prints.

    filename:       /lib/modules/6.8.0-45-generic/updates/dkms/nvidia.ko.zst
    version:        560.35.03
    license:        Dual MIT/GPL
    vermagic:       6.8.0-45-generic SMP preempt mod_unload modversions
    signer:         node01 Secure Boot Module Signature key
    (kmod 31, driver 560)
    """
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    if "license" not in fields and "version" not in fields:
        return ModuleInfo()
    return _info(fields, is_signed="signer" in fields or "sig_id" in fields)


def parse_module_file(image: Buffer) -> ModuleInfo:
    r"""Read the .modinfo section of an uncompressed kernel module, and whether a signature follows it.

    version=580.95.05\0supported=external\0license=Dual MIT/GPL\0 ... vermagic=6.8.0-45-generic SMP preempt ...
    (nvidia.ko of driver 580)
    """
    is_elf = image[0:4] == b"\x7fELF"
    section = _elf_section(image, b".modinfo") if is_elf else image[0:_SCANNED_BYTES]
    fields: dict[str, str] = {}
    for entry in section.split(b"\0"):
        name, equals, value = entry.decode("utf-8", "replace").partition("=")
        if equals:
            fields.setdefault(name.strip(), value.strip())
    ends_signed = image[max(0, len(image) - len(_SIGNATURE)) : len(image)] == _SIGNATURE
    return _info(fields, is_signed=ends_signed if is_elf else None)


def _info(fields: dict[str, str], *, is_signed: bool | None) -> ModuleInfo:
    return ModuleInfo(
        version=fields.get("version", ""),
        flavour=_flavour_of_license(fields.get("license", "")),
        kernel_release=(fields.get("vermagic", "").split() or [""])[0],
        is_signed=is_signed,
    )


def _flavour_of_license(text: str) -> str:
    return OPEN if "GPL" in text else PROPRIETARY if text == "NVIDIA" else ""


def _elf_section(image: Buffer, wanted: bytes) -> bytes:
    """Return a section of a 64-bit little-endian ELF file, as every NVIDIA module for Linux is; b"" when not there."""
    try:
        table = struct.unpack_from("<Q", image[0x28:0x30])[0]
        entry_bytes, count, names_index = struct.unpack_from("<HHH", image[0x3A:0x40])
        headers = [
            struct.unpack_from("<IIQQQQ", image[table + entry_bytes * row : table + entry_bytes * row + 40])
            for row in range(count)
        ]
        names = headers[names_index]
        for name_at, _, _, _, offset, size in headers:
            start = names[4] + name_at
            if image[start : start + len(wanted) + 1] == wanted + b"\0":
                return image[offset : offset + min(size, _SCANNED_BYTES)]
    except (struct.error, IndexError, OverflowError, ValueError):
        return b""
    return b""


def parse_make_log(text: str) -> str:
    """Return the kernel release that a DKMS make.log is about, "" when its first line does not say.

    DKMS make.log for nvidia-515.65.01 for kernel 5.10.0-21-amd64 (x86_64)
    (dkms 2.8; 3.2 writes "DKMS (dkms-3.2.0) make.log for nvidia/580.126.09 for kernel 6.19.0-3-generic (x86_64)")
    """
    match = re.search(r"make\.log for \S+ for kernel (\S+)", text[:1000])
    return match[1] if match else ""


def parse_modprobe_configuration(text: str) -> tuple[str, ...]:
    """Return the GPU modules that a modprobe.d file keeps from loading, in any of the three ways below.

    blacklist nouveau
    install nvidia /bin/false
    alias nouveau off
    (nvidia-graphics-drivers.conf and hand-made files)
    """
    found = set()
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) < 2:  # noqa: PLR2004  # the command and a module
            continue
        command, module, rest = words[0], words[1], words[2:]
        is_stopped = (
            command == "blacklist"
            or (
                command == "install"
                and bool(rest)
                and rest[0].rpartition("/")[2] in {"false", "true", ":"}
                and len(rest) == 1
            )
            or (command == "alias" and rest[:1] == ["off"])
        )
        if is_stopped and drives_gpus(module):
            found.add(module.replace("-", "_"))
    return tuple(sorted(found))


def parse_command_line_blacklist(text: str) -> tuple[str, ...]:
    """Return the GPU modules that the kernel's command line keeps from loading.

    BOOT_IMAGE=/vmlinuz-6.8.0-45-generic root=/dev/sda2 ro quiet modprobe.blacklist=nouveau,nova_core
    (Linux 6.8)
    """
    found: set[str] = set()
    for word in text.split():
        name, _, value = word.partition("=")
        if name in {"modprobe.blacklist", "module_blacklist"}:
            found.update(module.replace("-", "_") for module in value.split(",") if drives_gpus(module))
    return tuple(sorted(found))
