"""PCI devices, device files, Secure Boot, packages, services: small trees, and commands as shell scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpudoctor.facts.driver import DeviceNode, FabricManager, SystemPackage
from gpudoctor.probes.device_nodes import probe_device_nodes
from gpudoctor.probes.driver_packages import probe_driver_packages
from gpudoctor.probes.fabric_manager import probe_fabric_manager
from gpudoctor.probes.pci import is_nvidia_gpu, probe_pci
from gpudoctor.probes.secure_boot import probe_secure_boot
from tests.probes.trees import add_command, host_of

GPU = "sys/bus/pci/devices/0000:01:00.0"
CARD = {
    f"{GPU}/class": "0x030000\n",
    f"{GPU}/vendor": "0x10de\n",
    f"{GPU}/device": "0x2684\n",
    f"{GPU}/subsystem_vendor": "0x1043\n",
    f"{GPU}/current_link_width": "16\n",
    f"{GPU}/max_link_width": "16\n",
    f"{GPU}/current_link_speed": "2.5 GT/s PCIe\n",
    f"{GPU}/max_link_speed": "16.0 GT/s PCIe\n",
    f"{GPU}/resource": "0x0000000000000000 0x0000000000000000 0x0000000000040200\n",
}


def _device(address: str, class_code: str, vendor: str) -> dict[str, str]:
    folder = f"sys/bus/pci/devices/{address}"
    return {f"{folder}/class": class_code, f"{folder}/vendor": vendor, f"{folder}/device": "0x1234"}


def test_a_card_and_its_driver(tmp_path: Path) -> None:
    ids = {"usr/share/misc/pci.ids": "# pci.ids\n10de  NVIDIA Corporation\n\t2684  AD102 [GeForce RTX 4090]\n"}
    links = {f"{GPU}/driver": "../../../bus/pci/drivers/nouveau"}
    (card,) = probe_pci(host_of(tmp_path, {**CARD, **ids}, links)).pci_devices.need()
    assert (card.address, card.vendor_id, card.device_id, card.class_code) == ("0000:01:00.0", 0x10DE, 0x2684, 0x030000)
    assert (card.driver, card.name, card.unassigned_bars) == ("nouveau", "AD102 [GeForce RTX 4090]", (0,))
    assert (card.link_width, card.link_width_max, card.link_speed_gts, card.link_speed_max_gts) == (16, 16, 2.5, 16.0)
    assert is_nvidia_gpu(card)


def test_the_driver_names_its_card_and_uevent_stands_in_for_a_lost_link(tmp_path: Path) -> None:
    files = {
        f"{GPU}/uevent": "DRIVER=nvidia\nPCI_ID=10DE:2684\n",
        "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t NVIDIA GeForce RTX 4090\n",
    }
    (card,) = probe_pci(host_of(tmp_path, {**CARD, **files})).pci_devices.need()
    assert (card.driver, card.name) == ("nvidia", "NVIDIA GeForce RTX 4090")


def test_only_gpus_accelerators_and_switches_count(tmp_path: Path) -> None:
    files = {
        **_device("0000:00:02.0", "0x030000", "0x8086"),
        **_device("0000:07:00.0", "0x068000", "0x10de"),
        **_device("0000:08:00.0", "0x068000", "0x8086"),
        **_device("0000:09:00.0", "0x120000", "0x1da3"),
        **_device("0000:0a:00.0", "0x040300", "0x10de"),
    }
    devices = probe_pci(host_of(tmp_path, files)).pci_devices.need()
    assert [device.address for device in devices] == ["0000:00:02.0", "0000:07:00.0", "0000:09:00.0"]


@pytest.mark.parametrize("damage", ["class", "vendor", "link"])
def test_a_device_that_does_not_say_what_it_is_may_be_a_gpu(tmp_path: Path, damage: str) -> None:
    host = host_of(tmp_path, {**CARD, **_device("0000:00:1f.0", "0x060100", "0x8086")})
    if damage == "link":
        (tmp_path / "sys/bus/pci/devices/0000:02:00.0").symlink_to("../../../devices/pci0000:00/0000:02:00.0")
    else:
        (tmp_path / GPU / damage).unlink()
    address, name = ("0000:02:00.0", "class") if damage == "link" else ("0000:01:00.0", damage)
    assert probe_pci(host).pci_devices.unknown == f"{address}/{name} is not there"


def test_no_bus_and_no_kernel_files(tmp_path: Path) -> None:
    assert probe_pci(host_of(tmp_path, {"sys/": ""})).pci_devices.is_unknown
    assert probe_pci(host_of(tmp_path, {"sys/class/": ""})).pci_devices.need() == ()


def test_device_nodes(tmp_path: Path) -> None:
    names = ("nvidia0", "nvidiactl", "nvidia-uvm", "nvidia-caps/nvidia-cap1", "dri/renderD128", "dri/card0", "sda")
    groups = f"root:x:0:\nvideo:x:{os.getgid()}:\n"
    host = host_of(tmp_path, {**{f"dev/{name}": "" for name in names}, "etc/group": groups})
    for name in names:
        (tmp_path / "dev" / name).chmod(0o660)
    nodes = {node.path: node for node in probe_device_nodes(host).device_nodes.need()}
    assert sorted(nodes) == [
        *("/dev/dri/renderD128", "/dev/nvidia-caps/nvidia-cap1", "/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidiactl"),
    ]
    assert nodes["/dev/nvidia0"] == DeviceNode(
        path="/dev/nvidia0", mode=0o660, uid=os.getuid(), gid=os.getgid(), group="video" if os.getgid() else "root"
    )


def test_no_device_folder_is_unknown(tmp_path: Path) -> None:
    assert probe_device_nodes(host_of(tmp_path, {"etc/": ""})).device_nodes.is_unknown
    assert probe_device_nodes(host_of(tmp_path, {"dev/": ""})).device_nodes.need() == ()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_node_of_somebody_else(tmp_path: Path) -> None:
    host = host_of(tmp_path, {"dev/nvidia0": ""})
    (tmp_path / "dev/nvidia0").chmod(0)
    (node,) = probe_device_nodes(host).device_nodes.need()
    assert (node.is_readable, node.is_writable) == (False, False)


def test_secure_boot_by_variable_command_and_start_without_efi(tmp_path: Path) -> None:
    name = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    assert probe_secure_boot(host_of(tmp_path / "a", {name: b"\x06\0\0\0\x01"})).secure_boot.need() is True
    by_command = host_of(tmp_path / "b", {"sys/firmware/efi/": ""})
    add_command(by_command, "mokutil", "echo SecureBoot enabled")
    assert probe_secure_boot(by_command).secure_boot.need() is True
    assert probe_secure_boot(host_of(tmp_path / "c", {"sys/firmware/acpi/": ""})).secure_boot.need() is False
    hidden = probe_secure_boot(host_of(tmp_path / "d", {"sys/firmware/": ""})).secure_boot
    assert "mokutil: not found" in hidden.unknown


def test_lockdown(tmp_path: Path) -> None:
    marked = {"sys/kernel/security/lockdown": "none [integrity] confidentiality\n"}
    assert probe_secure_boot(host_of(tmp_path / "a", marked)).lockdown.need() == "integrity"
    assert probe_secure_boot(host_of(tmp_path / "b", {"sys/kernel/security/apparmor/": ""})).lockdown.need() == "none"
    assert probe_secure_boot(host_of(tmp_path / "c", {"sys/kernel/": ""})).lockdown.is_unknown


def test_packages_of_several_managers(tmp_path: Path) -> None:
    files = {
        "var/lib/dpkg/status": "Package: nvidia-driver-535\nStatus: install ok installed\nVersion: 535.183.01-1\n",
        "usr/bin/nvidia-uninstall": "",
        "var/log/nvidia-installer.log": "nvidia-installer log file\ninstaller version: 550.54.14\n",
    }
    packages = probe_driver_packages(host_of(tmp_path, files)).packages
    assert packages.need() == (
        SystemPackage(name="nvidia-driver-535", version="535.183.01-1", manager="dpkg"),
        SystemPackage(name="NVIDIA installer", version="550.54.14", manager="runfile"),
    )
    assert packages.source == "/var/lib/dpkg/status, /usr/bin/nvidia-uninstall"


def test_a_log_alone_is_no_installed_driver(tmp_path: Path) -> None:
    log = {"var/log/nvidia-installer.log": "installer version: 550.54.14\n"}
    (package,) = probe_driver_packages(host_of(tmp_path, log)).packages.need()
    assert package.state != "installed"


def test_databases_of_a_foreign_root(tmp_path: Path) -> None:
    rpm = probe_driver_packages(host_of(tmp_path / "a", {"var/lib/rpm/rpmdb.sqlite": ""})).packages
    assert rpm.unknown == "the rpm database of a foreign root is not read"
    pacman = host_of(tmp_path / "b", {"var/lib/pacman/local/nvidia-open-580.95.05-3/desc": ""})
    assert [package.name for package in probe_driver_packages(pacman).packages.need()] == ["nvidia-open"]
    assert probe_driver_packages(host_of(tmp_path / "c", {"etc/": ""})).packages.need() == ()


def test_fabric_manager(tmp_path: Path) -> None:
    assert probe_fabric_manager(host_of(tmp_path / "a", {"usr/bin/": ""})).fabric_manager.is_absent
    host = host_of(tmp_path / "b", {"usr/bin/nv-fabricmanager": "", "lib/systemd/system/nvidia-imex.service": ""})
    assert "systemctl" in probe_fabric_manager(host).fabric_manager.source
    assert probe_fabric_manager(host).fabric_manager.is_unknown
    add_command(host, "systemctl", '[ "$2" = nvidia-imex ] && echo inactive || echo failed; exit 3')
    assert probe_fabric_manager(host).fabric_manager.need() == FabricManager(state="failed", imex_state="inactive")


def test_imex_without_fabric_manager(tmp_path: Path) -> None:
    host = host_of(tmp_path, {"usr/bin/nvidia-imex": ""})
    add_command(host, "systemctl", "echo active")
    assert probe_fabric_manager(host).fabric_manager.need() == FabricManager(state="missing", imex_state="active")


def test_systemd_that_does_not_run(tmp_path: Path) -> None:
    host = host_of(tmp_path, {"usr/bin/nv-fabricmanager": ""})
    add_command(host, "systemctl", "echo 'System has not been booted with systemd as init system' >&2; exit 1")
    assert "not been booted with systemd" in probe_fabric_manager(host).fabric_manager.unknown
