from __future__ import annotations

from pathlib import Path

import pytest

from gpudoctor.facts.driver import DkmsBuild
from gpudoctor.probes.host import Host
from gpudoctor.probes.kernel_modules import probe_kernel_modules
from tests.parsers.test_kernel_module import elf_module
from tests.probes.trees import host_of

KERNEL = "6.8.0-45-generic"
OLD = "6.8.0-40-generic"
LOADED = {
    "proc/sys/kernel/osrelease": f"{KERNEL}\n",
    "proc/modules": "nvidia_uvm 1925120 2 - Live 0x0 (OE)\nnvidia 14000128 8 - Live 0x0 (OE)\nsnd 1 0 - Live 0x0\n",
    "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\n",
    "sys/module/nvidia/version": "580.95.05\n",
}
_INFO = b"version=580.95.05\0license=Dual MIT/GPL\0vermagic=6.8.0-45-generic SMP \0"


def test_loaded(tmp_path: Path) -> None:
    driver = probe_kernel_modules(host_of(tmp_path, LOADED))
    assert (driver.proc_version.need(), driver.proc_flavour.need()) == ("580.95.05", "open")
    assert driver.module_version.need() == "580.95.05"
    assert driver.loaded_modules.need() == ("nvidia", "nvidia_uvm")


def test_not_loaded(tmp_path: Path) -> None:
    driver = probe_kernel_modules(host_of(tmp_path, {"proc/sys/kernel/osrelease": KERNEL, "sys/module/snd/": ""}))
    assert driver.proc_version.is_absent
    assert driver.module_version.is_absent
    assert [driver.loaded_modules.need(), driver.module_files.need(), driver.dkms.need()] == [(), (), ()]
    assert driver.has_kernel_headers.need() is False


def test_a_root_without_the_kernels_files_tells_nothing(tmp_path: Path) -> None:
    driver = probe_kernel_modules(host_of(tmp_path, {"etc/passwd": "", "proc/": "", "sys/": ""}))
    for fact in (driver.proc_version, driver.proc_flavour, driver.module_version, driver.loaded_modules):
        assert fact.is_unknown
    assert driver.has_kernel_headers.is_unknown


def test_a_module_that_hides_its_version_is_not_absent(tmp_path: Path) -> None:
    driver = probe_kernel_modules(host_of(tmp_path, {"sys/module/nvidia/refcnt": "1\n"}))
    assert driver.module_version.is_unknown


def test_an_unreadable_version_says_what_it_read(tmp_path: Path) -> None:
    driver = probe_kernel_modules(host_of(tmp_path, {"proc/driver/nvidia/version": "NVRM: garbage\n"}))
    assert "NVRM: garbage" in driver.proc_version.unknown


def test_module_files_of_every_kernel_and_place(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        f"usr/lib/modules/{KERNEL}/updates/dkms/nvidia.ko": elf_module(_INFO),
        f"usr/lib/modules/{KERNEL}/updates/dkms/nvidia-uvm.ko": elf_module(_INFO),
        f"usr/lib/modules/{OLD}/kernel/nvidia-535/nvidia.ko.zst": b"packed",
        f"usr/lib/modules/{OLD}/kernel/drivers/video/nvidia.ko": elf_module(b"version=470.256.02\0license=NVIDIA\0"),
        "usr/lib/modules/6.17.0/extra/nvidia/nvidia.ko": elf_module(_INFO),
    }
    driver = probe_kernel_modules(host_of(tmp_path, {**LOADED, **files}, {"lib": "usr/lib"}))
    found = {
        (file.kernel_release, file.path.rpartition(file.kernel_release)[2]): file for file in driver.module_files.need()
    }
    assert set(found) == {
        (KERNEL, "/updates/dkms/nvidia.ko"),
        (OLD, "/kernel/nvidia-535/nvidia.ko.zst"),
        (OLD, "/kernel/drivers/video/nvidia.ko"),
        ("6.17.0", "/extra/nvidia/nvidia.ko"),
    }
    built = found[KERNEL, "/updates/dkms/nvidia.ko"]
    assert (built.version, built.flavour, built.is_signed) == ("580.95.05", "open", False)
    old = found[OLD, "/kernel/drivers/video/nvidia.ko"]
    assert (old.version, old.flavour) == ("470.256.02", "proprietary")
    packed = found[OLD, "/kernel/nvidia-535/nvidia.ko.zst"]
    assert (packed.version, packed.is_signed) == ("", None)


def test_headers_behind_a_dangling_link_are_not_there(tmp_path: Path) -> None:
    link = {f"lib/modules/{KERNEL}/build": f"/usr/src/kernels/{KERNEL}"}
    host = host_of(tmp_path, LOADED, link)
    assert probe_kernel_modules(host).has_kernel_headers.need() is False
    host_of(tmp_path, {f"usr/src/kernels/{KERNEL}/Makefile": ""})
    assert probe_kernel_modules(host).has_kernel_headers.need() is True


def test_dkms_states(tmp_path: Path) -> None:
    dkms = "var/lib/dkms/nvidia"
    log = f"DKMS (dkms-3.2.0) make.log for nvidia/580.95.05 for kernel {KERNEL} (x86_64)\n"
    files = {
        f"{dkms}/580.95.05/{OLD}/x86_64/module/nvidia.ko.zst": "",
        f"{dkms}/580.95.05/build/make.log": log,
        f"{dkms}/550.54.14/source/dkms.conf": "",
        f"{dkms}/535.183.01/{OLD}/x86_64/module/nvidia.ko.zst": "",
        f"{dkms}/original_module/{OLD}/x86_64/nvidia.ko": "",
        "var/lib/dkms/virtualbox/7.0/source/dkms.conf": "",
    }
    links = {f"{dkms}/kernel-{OLD}-x86_64": f"580.95.05/{OLD}/x86_64"}
    assert probe_kernel_modules(host_of(tmp_path, files, links)).dkms.need() == (
        DkmsBuild(module="nvidia", version="535.183.01", kernel_release=OLD, state="built"),
        DkmsBuild(module="nvidia", version="550.54.14", state="added"),
        DkmsBuild(module="nvidia", version="580.95.05", kernel_release=OLD, state="installed"),
        DkmsBuild(module="nvidia", version="580.95.05", kernel_release=KERNEL, state="failed"),
    )


def test_blacklists_of_all_folders(tmp_path: Path) -> None:
    files = {
        "etc/modprobe.d/nvidia.conf": "blacklist nouveau\n",
        "etc/modprobe.d/old.conf.bak": "blacklist nvidia\n",
        "usr/lib/modprobe.d/nvidia-off.conf": "install nvidia_drm /bin/false\n",
        "proc/cmdline": "ro module_blacklist=nova_core\n",
    }
    driver = probe_kernel_modules(host_of(tmp_path, files))
    assert driver.blacklisted_modules.need() == ("nouveau", "nova_core", "nvidia_drm")


def test_other_operating_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    driver = probe_kernel_modules(Host())
    assert driver.loaded_modules.unknown == driver.module_files.unknown == "only read on Linux"
