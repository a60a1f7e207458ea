"""The PCI bus: GPUs of every vendor, accelerators and NVSwitches, and which kernel driver holds each."""

from __future__ import annotations

import errno
import os
import posixpath

import msgspec

from gpudoctor.facts.driver import Driver, PciDevice
from gpudoctor.facts.fact import Fact, known, unknown
from gpudoctor.parsers.pci import (
    parse_driver_name,
    parse_gpu_information,
    parse_link_speed,
    parse_link_width,
    parse_pci_names,
    parse_unassigned_bars,
)
from gpudoctor.probes.containers import confinement
from gpudoctor.probes.host import Host
from gpudoctor.probes.tree import (
    NO_KERNEL_FILES,
    ONLY_LINUX,
    entries,
    has_entries,
    is_linux,
    read_text,
    real_path,
    shows_kernel,
    text_or_empty,
    why,
)

NVIDIA = 0x10DE
DISPLAY_CLASS = 0x03
_ACCELERATOR_CLASS = 0x12
_OTHER_BRIDGE = 0x0680  # NVSwitch, where the vendor is NVIDIA
_FOLDER = "/sys/bus/pci/devices"
_NAME_FILES = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids")


def probe_pci(host: Host) -> Driver:
    """Look at the PCI bus; fills pci_devices."""
    return Driver(pci_devices=_devices(host))


def is_nvidia_gpu(device: PciDevice) -> bool:
    """Whether this is an NVIDIA display or 3D controller."""
    return device.vendor_id == NVIDIA and device.class_code >> 16 == DISPLAY_CLASS


def _devices(host: Host) -> Fact[tuple[PciDevice, ...]]:
    if not is_linux(host):
        return unknown(ONLY_LINUX)
    if not shows_kernel(host):
        return unknown(NO_KERNEL_FILES, _FOLDER)
    if host.is_live and not has_entries(host, _FOLDER) and confinement(host) is not None:
        return unknown("inside a container that does not see the PCI bus", _FOLDER)  # gVisor shows none
    try:
        found = [device for address in entries(host, _FOLDER) if (device := _device(host, address)) is not None]
    except OSError as error:
        return unknown(why(error), _FOLDER)
    return known(_named(host, found), _FOLDER)


def _device(host: Host, address: str) -> PciDevice | None:
    """Return a device that matters; None for others, and for one that was taken out meanwhile. Raises OSError."""
    folder = f"{_FOLDER}/{address}"
    if not os.path.lexists(host.path(folder)):
        return None
    class_code = _told(host, f"{folder}/class")
    vendor_id = _told(host, f"{folder}/vendor")
    is_wanted = class_code >> 16 in (DISPLAY_CLASS, _ACCELERATOR_CLASS)
    if not is_wanted and not (vendor_id == NVIDIA and class_code >> 8 == _OTHER_BRIDGE):
        return None
    return PciDevice(
        address=address,
        vendor_id=vendor_id,
        device_id=_hexadecimal(host, f"{folder}/device"),
        class_code=class_code,
        driver=_bound_driver(host, folder),
        subsystem_vendor_id=_hexadecimal(host, f"{folder}/subsystem_vendor"),
        subsystem_device_id=_hexadecimal(host, f"{folder}/subsystem_device"),
        name=parse_gpu_information(text_or_empty(host, f"/proc/driver/nvidia/gpus/{address}/information")),
        unassigned_bars=parse_unassigned_bars(text_or_empty(host, f"{folder}/resource")),
        link_width=parse_link_width(text_or_empty(host, f"{folder}/current_link_width")),
        link_width_max=parse_link_width(text_or_empty(host, f"{folder}/max_link_width")),
        link_speed_gts=parse_link_speed(text_or_empty(host, f"{folder}/current_link_speed")),
        link_speed_max_gts=parse_link_speed(text_or_empty(host, f"{folder}/max_link_speed")),
    )


def _told(host: Host, path: str) -> int:
    """Return a number without which nothing can be said of a device. Raises OSError where it is not told."""
    text = read_text(host, path)
    try:
        return int(text or "", 16)
    except ValueError:
        reason = "is not there" if text is None else "is no number"
        raise OSError(errno.EINVAL, f"{posixpath.relpath(path, _FOLDER)} {reason}") from None


def _hexadecimal(host: Host, path: str) -> int:
    try:
        return int(text_or_empty(host, path) or "0", 16)
    except ValueError:
        return 0


def _bound_driver(host: Host, folder: str) -> str:
    """Return the name that the `driver` link ends in; a copied tree may have lost its links but kept uevent."""
    try:
        return parse_driver_name(posixpath.basename(os.readlink(host.path(f"{real_path(host, folder)}/driver"))))
    except OSError:
        lines = text_or_empty(host, f"{folder}/uevent").splitlines()
        return next((parse_driver_name(line[len("DRIVER=") :]) for line in lines if line.startswith("DRIVER=")), "")


def _named(host: Host, devices: list[PciDevice]) -> tuple[PciDevice, ...]:
    """Name the devices that nothing has named yet by the machine's own pci.ids."""
    nameless = {(device.vendor_id, device.device_id) for device in devices if not device.name}
    if not nameless:
        return tuple(devices)
    names: dict[tuple[int, int], str] = {}
    for path in _NAME_FILES:
        try:
            text = read_text(host, path)
        except OSError:
            continue
        if text:
            names = parse_pci_names(text, nameless)
            break
    return tuple(
        device
        if device.name
        else msgspec.structs.replace(device, name=names.get((device.vendor_id, device.device_id), ""))
        for device in devices
    )
