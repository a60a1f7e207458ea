"""What a container got of the host's NVIDIA driver: libraries, device nodes, and what its variables ask for."""

from __future__ import annotations

import msgspec

from gpudoctor.facts.system import Container
from gpudoctor.rules.readings.nvidia_hardware import nvidia_devices
from gpudoctor.rules.rule import Case

_NO_REQUEST = ("", "void", "none")
_ANY = "all"  # what NVIDIA's images set on their own: no proof that somebody asked


class HandedIn(msgspec.Struct, frozen=True):
    """The driver as this container sees it."""

    container: Container
    has_libcuda: bool
    has_nvml: bool
    has_device_nodes: bool
    visible_devices: str  # NVIDIA_VISIBLE_DEVICES, "" = not set
    capabilities: str | None  # NVIDIA_DRIVER_CAPABILITIES, None = not set

    @property
    def is_nothing(self) -> bool:
        """Whether neither a library nor a device node came in."""
        return not (self.has_libcuda or self.has_nvml or self.has_device_nodes)

    @property
    def names_devices(self) -> bool:
        """Whether certain devices were asked for; "all" may come from the image."""
        return self.visible_devices not in (*_NO_REQUEST, _ANY)

    @property
    def wants_gpu(self) -> bool:
        """Whether the variables ask for a GPU at all."""
        return self.visible_devices not in _NO_REQUEST


def handed_in(case: Case) -> HandedIn:
    """Return it. Raises FactAbsent outside containers, FactUnknown where libraries or nodes could not be looked at."""
    container = case.system.container.need()
    sonames = [
        library.soname
        for library in case.driver.libraries.read() or ()
        if not library.is_stub and library.origin not in ("stub", "compat", "conda")
    ]
    variables = case.system.variables.peek() or {}
    nodes = [node.path for node in case.driver.device_nodes.read() or ()]
    return HandedIn(
        container=container,
        has_libcuda=any(soname.startswith("libcuda.so") for soname in sonames),
        has_nvml=any(soname.startswith("libnvidia-ml.so") for soname in sonames),
        has_device_nodes=any(path.startswith(("/dev/nvidia", "/dev/nvhost", "/dev/dxg")) for path in nodes),
        visible_devices=variables.get("NVIDIA_VISIBLE_DEVICES", ""),
        capabilities=variables.get("NVIDIA_DRIVER_CAPABILITIES"),
    )


def host_has_gpu(case: Case) -> bool | None:
    """Whether the host's NVIDIA driver holds a GPU, by the PCI bus; None where the container does not see the bus.

    A GPU without that driver is the host's fault, which other rules name.
    """
    if case.driver.pci_devices.is_unknown:
        return None
    return any(device.driver == "nvidia" for device in nvidia_devices(case))


def has_cuda_framework(case: Case) -> bool:
    """Whether an environment holds a framework built for CUDA: then a GPU is meant to be used here."""
    return any(
        (build is not None and build.cuda is not None) or (tensorflow is not None and bool(tensorflow.is_cuda_build))
        for build, tensorflow in ((e.torch.peek(), e.tensorflow.peek()) for e in case.snapshot.environments)
    )
