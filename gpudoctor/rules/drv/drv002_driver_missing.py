"""An NVIDIA GPU is in this machine, and no NVIDIA driver is installed.

## What is wrong

The PCI bus shows an NVIDIA GPU. No kernel module of NVIDIA's driver is loaded or on the disk, and none of its
libraries (`libcuda.so.1`, `libnvidia-ml.so.1`) is installed. CUDA programs cannot start without both. A CUDA toolkit
or a framework's wheel does not bring them: only the driver does.

## Why it happens

- The system was installed without third-party drivers. The card then shows a picture through nouveau, which has no
  CUDA.
- A clean-up or a distribution upgrade removed the driver's packages.
- On a cloud instance, the image is one without a driver.

## How to fix

Install the driver by the system's own package manager, so that kernel updates rebuild its module, and reboot. Leave
the `.run` installer for systems without packages. In a container, the driver is the host's: install it there.

## Easily confused with

A driver whose module is not loaded or not built for the running kernel (DRV005), and a container that was started
without its GPU (CTR001).

## References

- https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/
- https://documentation.ubuntu.com/server/how-to/graphics/install-nvidia-drivers/
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Severity
from gpudoctor.rules.advice.driver import install_driver
from gpudoctor.rules.consequences import OF_NO_MODULE
from gpudoctor.rules.readings import installed_driver, nvidia_hardware
from gpudoctor.rules.rule import Case, Scope, rule


@rule("DRV002", Severity.ERROR, Scope.MACHINE, hides=(*OF_NO_MODULE, "DRV004", "DRV005"))
def driver_missing(case: Case) -> Finding | None:
    if nvidia_hardware.lists_gpus(case) or nvidia_hardware.is_without_linux_driver(case):
        return None
    devices = nvidia_hardware.devices_of_this_system(case)
    if not devices or installed_driver.is_loaded(case):
        return None
    if nvidia_hardware.is_container(case):
        return _missing_on_the_host(case) if all(device.driver == "" for device in devices) else None
    if installed_driver.has_driver(case):
        return None
    name = nvidia_hardware.name_of(devices[0])
    return Finding(
        message=f"NVIDIA GPU {name} is on the PCI bus, and no NVIDIA driver is installed",
        evidence=(case.driver.pci_devices, case.driver.module_version, case.driver.packages, case.driver.libraries),
        fixes=(install_driver(case),),
    )


def _missing_on_the_host(case: Case) -> Finding:
    """Judge from inside a container: the kernel is the host's, and no driver of it serves the GPU."""
    name = nvidia_hardware.name_of(nvidia_hardware.devices_of_this_system(case)[0])
    return Finding(
        message=f"the host's kernel has no NVIDIA module loaded for GPU {name}, which this container sees on the bus",
        evidence=(case.driver.pci_devices, case.driver.module_version, case.system.container),
        fixes=(install_driver(case),),
    )
