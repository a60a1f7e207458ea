"""Advice about the driver is made for the machine at hand: its distribution, its owner, its GPUs."""

from __future__ import annotations

from typing import Any

import pytest

from gpudoctor.findings.finding import Fix
from gpudoctor.rules.advice.commands import package_manager
from gpudoctor.rules.advice.driver import install_driver, reboot, reload_modules, update_driver
from gpudoctor.rules.advice.kernel_module import blacklist_nouveau, build_for_this_kernel, enroll_signing_key
from gpudoctor.rules.rule import Case
from tests.rules.overlay import overlaid

NO_NVML = {"machine.gpus": {"unknown": "NVML does not start"}}
PASCAL = {**NO_NVML, "driver.pci_devices[0].device_id": 0x1B81}
KEPLER = {**NO_NVML, "driver.pci_devices[0].device_id": 0x128B}
BLACKWELL = {**NO_NVML, "driver.pci_devices[0].device_id": 0x2B85}
DEBIAN = {"system.distribution_id": "debian", "system.distribution_like": {"absent": True}}
ROCKY = {"system.distribution_id": "rocky", "system.distribution_like": ["rhel", "centos", "fedora"]}
FEDORA = {"system.distribution_id": "fedora", "system.distribution_like": {"absent": True}}
ARCH = {"system.distribution_id": "arch", "system.distribution_like": {"absent": True}}
SUSE = {"system.distribution_id": "opensuse-leap", "system.distribution_like": ["suse", "opensuse"]}
NIXOS = {"system.distribution_id": "nixos", "system.distribution_like": {"absent": True}}
ROOT = {"system.user": {"uid": 0}}
CONTAINER = {"system.container": {"kind": "docker"}}
WSL = {"system.wsl": {"version": 2, "has_dxg": True}}


def case(*overlays: dict[str, Any]) -> Case:
    lines: dict[str, Any] = {}
    for overlay in overlays:
        lines |= overlay
    return Case(overlaid("desktop", lines))


@pytest.mark.parametrize(
    ("machine", "command"),
    [
        ((), "sudo ubuntu-drivers install"),
        ((ROOT,), "ubuntu-drivers install"),
        ((BLACKWELL,), "sudo ubuntu-drivers install"),
        ((PASCAL,), "sudo apt install nvidia-driver-580"),
        ((KEPLER,), "sudo apt install nvidia-driver-470"),
        ((DEBIAN,), "sudo apt install linux-headers-amd64 nvidia-driver firmware-misc-nonfree"),
        ((ROCKY,), "sudo dnf install nvidia-open"),
        ((ROCKY, PASCAL), "sudo dnf module enable nvidia-driver:580-dkms"),
        ((ROCKY, {"system.distribution_version": "10.1"}), "sudo dnf install nvidia-open"),
        ((ROCKY, {"system.distribution_version": "10.1"}, PASCAL), "sudo dnf versionlock '*nvidia*580*'"),
        ((FEDORA,), "sudo dnf install akmod-nvidia xorg-x11-drv-nvidia-cuda"),
        ((ARCH,), "sudo pacman -Syu nvidia-open-dkms nvidia-utils"),
    ],
)
def test_installing_uses_the_systems_packages(machine: tuple[dict[str, Any], ...], command: str) -> None:
    fix = install_driver(case(*machine))
    assert command in fix.commands
    assert fix.needs_root
    assert fix.needs_reboot


@pytest.mark.parametrize("machine", [SUSE, NIXOS, {**ARCH, **PASCAL}])
def test_where_the_packages_are_not_known_the_page_is_named(machine: dict[str, Any]) -> None:
    fix = install_driver(case(machine))
    assert fix.commands == ()
    assert "https://www.nvidia.com" in fix.title


def test_in_a_container_the_host_installs_it() -> None:
    fix = install_driver(case(CONTAINER))
    assert fix.title.startswith("On the container's host: install")
    assert fix.commands == ()


def test_in_wsl_windows_installs_it() -> None:
    fix = install_driver(case(WSL))
    assert fix.title.startswith("In Windows: ")
    assert "no Linux driver" in fix.title
    assert fix.commands == ()


def test_a_jetson_gets_it_with_jetpack() -> None:
    assert "JetPack" in install_driver(case({"system.tegra_release": "R36 (release), REVISION: 4.0"})).title


def test_an_update_goes_to_a_branch_that_is_supported() -> None:
    fix = update_driver(case(), "520")
    assert "branch 580 or newer" in fix.title
    assert "520 is the least" in fix.title


def test_an_update_stays_at_the_last_branch_of_an_old_gpu() -> None:
    fix = update_driver(case(PASCAL), "525")
    assert "580" in fix.title
    assert "or newer" not in fix.title


def test_an_update_that_would_drop_the_gpu_is_not_advised() -> None:
    fix = update_driver(case(KEPLER), "525")
    assert "older CUDA" in fix.title
    assert fix.commands == ()


def test_a_mixed_machine_keeps_the_branch_that_serves_both() -> None:
    mixed = case(NO_NVML, {"driver.pci_devices[1].device_id": 0x1B81})
    assert "branch 580" in install_driver(mixed).title


def test_restarting_is_addressed_to_the_machine_that_owns_the_driver() -> None:
    assert reboot(case(), "it works").commands == ("sudo reboot",)
    assert reboot(case(ROOT), "it works").commands == ("reboot",)
    assert reboot(case(WSL), "it works").commands == ("wsl.exe --shutdown",)
    assert reboot(case(CONTAINER), "it works").title == "On the container's host: reboot, so that it works"
    assert reload_modules(case()).risk_note


@pytest.mark.parametrize(
    ("machine", "initramfs"), [({}, "update-initramfs -u"), (ROCKY, "dracut --force"), (ARCH, "mkinitcpio -P")]
)
def test_keeping_nouveau_away_rebuilds_the_ram_disk(machine: dict[str, Any], initramfs: str) -> None:
    assert f"sudo {initramfs}" in blacklist_nouveau(case(machine), "nouveau").commands


def test_advice_about_modules_has_no_commands_for_a_container() -> None:
    fixes: list[Fix] = [
        blacklist_nouveau(case(CONTAINER), "nouveau"),
        build_for_this_kernel(case(CONTAINER)),
        enroll_signing_key(case(CONTAINER)),
    ]
    assert all(fix.commands == () and "host" in fix.title for fix in fixes)


@pytest.mark.parametrize(
    ("machine", "manager"),
    [
        (DEBIAN, "apt"),
        (ROCKY, "dnf"),
        (ARCH, "pacman"),
        (SUSE, "zypper"),
        (NIXOS, ""),
        ({"system.distribution_id": "frobnix", "system.distribution_like": ["ubuntu", "debian"]}, "apt"),
        ({"system.distribution_id": {"unknown": "no os-release"}, "system.distribution_like": {"absent": True}}, ""),
    ],
)
def test_the_package_manager_follows_the_distribution(machine: dict[str, Any], manager: str) -> None:
    assert package_manager(case(machine)) == manager
