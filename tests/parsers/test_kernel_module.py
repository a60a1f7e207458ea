from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpudoctor.parsers.kernel_module import (
    LoadedModule,
    ModuleInfo,
    drives_gpus,
    parse_command_line_blacklist,
    parse_make_log,
    parse_modinfo,
    parse_modprobe_configuration,
    parse_module_file,
    parse_proc_modules,
    parse_proc_version,
)

_INFO = b"version=580.95.05\0supported=external\0license=Dual MIT/GPL\0vermagic=6.8.0-45-generic SMP preempt \0"
_SIGNED = b"~Module signature appended~\n"


def elf_module(modinfo: bytes, ending: bytes = b"") -> bytes:
    """Build the least 64-bit ELF file with the sections .modinfo and .shstrtab."""
    names = b"\0.modinfo\0.shstrtab\0"
    table = 64 + len(modinfo) + len(names)
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    rows = [(0, 0, 0), (1, 64, len(modinfo)), (10, 64 + len(modinfo), len(names))]
    sections = b"".join(struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, at, size, 0, 0, 1, 0) for name, at, size in rows)
    return header + modinfo + names + sections + ending


@pytest.mark.parametrize(
    ("line", "version", "flavour"),
    [
        ("NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024", "535.183.01", "proprietary"),
        (
            "NVIDIA UNIX Open Kernel Module for x86_64  615.71.09  Release Build  (notroot@)  Sat Oct  3 18:52",
            *("615.71.09", "open"),
        ),
        ("NVIDIA UNIX Open Kernel Module  570.86.15  Release Build", "570.86.15", "open"),
        ("NVIDIA UNIX Open Kernel Module for x86_64 595.71.05", "595.71.05", "open"),
        ("something else", "", ""),
    ],
)
def test_proc_version(line: str, version: str, flavour: str) -> None:
    text = f"NVRM version: {line}\nGCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04.2)\n"
    assert parse_proc_version(text) == LoadedModule(version, flavour)


def test_proc_modules() -> None:
    text = "nvidia_uvm 1925120 2 - Live 0x0 (POE)\nsnd 143360 9 - Live 0x0\nvfio_pci 16384 0 - Live 0x0\n\n"
    assert parse_proc_modules(text) == ("nvidia_uvm", "vfio_pci")
    assert drives_gpus("nova-core")
    assert not drives_gpus("novatel")


def test_module_file_of_an_elf() -> None:
    expected = ModuleInfo("580.95.05", "open", "6.8.0-45-generic", is_signed=False)
    assert parse_module_file(elf_module(_INFO)) == expected
    assert parse_module_file(elf_module(_INFO, b"PKCS7" + _SIGNED)).is_signed is True
    assert parse_module_file(elf_module(b"license=NVIDIA\0version=390.157\0")).flavour == "proprietary"


def test_module_file_of_something_else_does_not_speak_of_signatures() -> None:
    assert parse_module_file(_INFO).version == "580.95.05"
    assert parse_module_file(_INFO).is_signed is None
    assert parse_module_file(b"") == ModuleInfo()


def test_modinfo() -> None:
    text = """\
filename:       /lib/modules/6.8.0-45-generic/updates/dkms/nvidia.ko.zst
version:        560.35.03
license:        NVIDIA
vermagic:       6.8.0-45-generic SMP preempt mod_unload modversions
signer:         node Secure Boot Module Signature key
parm:           NVreg_Mobile:int
"""
    assert parse_modinfo(text) == ModuleInfo("560.35.03", "proprietary", "6.8.0-45-generic", is_signed=True)
    assert parse_modinfo("modinfo: ERROR: Module nvidia not found.\n") == ModuleInfo()


def test_make_log() -> None:
    assert (
        parse_make_log("DKMS make.log for nvidia-515.65.01 for kernel 5.10.0-21-amd64 (x86_64)\n") == "5.10.0-21-amd64"
    )
    new = "DKMS (dkms-3.2.0) make.log for nvidia/580.126.09 for kernel 6.19.0-3-generic (x86_64)\nMon Feb  9 ...\n"
    assert parse_make_log(new) == "6.19.0-3-generic"
    assert parse_make_log("make: Entering directory\n") == ""


def test_blacklists() -> None:
    text = "blacklist nouveau # by the installer\nalias nvidia-drm off\ninstall nvidia /bin/false\nblacklist pcspkr\n"
    assert parse_modprobe_configuration(text) == ("nouveau", "nvidia", "nvidia_drm")
    kept = "install nvidia /sbin/modprobe --ignore-install nvidia && /bin/true\noptions nvidia NVreg_Foo=1\n"
    assert parse_modprobe_configuration(kept) == ()
    line = "BOOT_IMAGE=/vmlinuz root=/dev/sda2 ro modprobe.blacklist=nouveau,nova-core quiet"
    assert parse_command_line_blacklist(line) == ("nouveau", "nova_core")


@given(st.text(), st.binary())
def test_never_raises(text: str, content: bytes) -> None:
    parse_proc_version(text)
    parse_proc_modules(text)
    parse_modinfo(text)
    parse_make_log(text)
    parse_modprobe_configuration(text)
    parse_command_line_blacklist(text)
    parse_module_file(content)
    parse_module_file(b"\x7fELF" + content)
    parse_module_file(elf_module(_INFO)[:64] + content)
