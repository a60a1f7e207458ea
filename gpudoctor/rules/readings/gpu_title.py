"""What the machine's NVIDIA GPUs are called, for messages."""

from __future__ import annotations

from gpudoctor.rules.readings.nvidia_hardware import NVIDIA_VENDOR_ID, name_of
from gpudoctor.rules.rule import Case

_DISPLAY_CLASS = 0x03


def gpu_title(case: Case) -> str:
    """Return "an NVIDIA GeForce RTX 4090", or "2 NVIDIA GPUs" for several; "an NVIDIA GPU" where no name is known."""
    names = [gpu.name.peek() for gpu in case.machine.gpus.peek() or ()]
    names = names or [device.name for device in case.driver.api.devices.peek() or ()]
    if not names:
        displays = [d for d in case.driver.pci_devices.peek() or () if d.class_code >> 16 == _DISPLAY_CLASS]
        names = [name_of(device) for device in displays if device.vendor_id == NVIDIA_VENDOR_ID]
    if len(names) > 1:
        return f"{len(names)} NVIDIA GPUs"
    name = names[0] if names else ""
    return f"an {name}" if name and name.startswith("NVIDIA") else f"an NVIDIA {name or 'GPU'}"
