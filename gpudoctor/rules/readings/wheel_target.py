"""What a machine and an environment ask of a wheel: every GPU's capability, the driver, the Python, the platform."""

from __future__ import annotations

import msgspec

from gpudoctor.facts.driver import PciDevice
from gpudoctor.knowledge.gpus import capability_of_name, pci_gpu
from gpudoctor.knowledge.versions import minor_of
from gpudoctor.rules.readings.framework_builds import wheel_platform
from gpudoctor.rules.rule import Case

_NVIDIA = 0x10DE
_DISPLAY_CLASS = 0x03


class WheelTarget(msgspec.Struct, frozen=True):
    """The questions that a chooser asks; None and () where the machine does not say. For advice, never to judge."""

    capabilities: tuple[str, ...]
    driver_version: str | None
    driver_cuda: str | None
    python: str | None  # 3.11
    platform: str  # linux_x86_64, linux_aarch64, windows_x86_64, macos_arm64


def wheel_target(case: Case) -> WheelTarget:
    """Return what is known of this machine and environment, from whichever source says it."""
    driver = case.driver
    smi = driver.smi.peek()
    python = case.of_environment.python_version.peek() if case.of_environment else None
    return WheelTarget(
        capabilities=_capabilities(case),
        driver_version=driver.nvml.driver_version.peek()
        or driver.proc_version.peek()
        or (smi.driver_version if smi else "")
        or None,
        driver_cuda=driver.api.driver_version.peek()
        or driver.nvml.cuda_version.peek()
        or (smi.cuda_version if smi else "")
        or None,
        python=minor_of(python) if python else None,
        platform=wheel_platform(case),
    )


def _capabilities(case: Case) -> tuple[str, ...]:
    said = [gpu.compute_capability.peek() for gpu in case.machine.gpus.peek() or ()]
    said = said or [device.compute_capability for device in case.driver.api.devices.peek() or ()]
    said = said or [_of_device(device.device_id, device.name) for device in _displays(case)]
    return tuple(sorted({capability for capability in said if capability}))


def _displays(case: Case) -> list[PciDevice]:
    devices = case.driver.pci_devices.peek() or ()
    return [device for device in devices if device.vendor_id == _NVIDIA and device.class_code >> 16 == _DISPLAY_CLASS]


def _of_device(device_id: int, name: str) -> str | None:
    row = pci_gpu(device_id)
    return (row.capability if row else None) or capability_of_name(name)
