"""What the rules on AMD's and Intel's GPUs say alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpudoctor.facts.driver import PciDevice
from gpudoctor.facts.environment import Environment
from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.advice.other_vendors import without_cuda
from gpudoctor.rules.readings.other_accelerators import cuda_software, title
from gpudoctor.rules.rule import Case

_NAMED = 4


def of_another_maker(
    case: Case, maker: str, builds: str, found: Sequence[PciDevice], right_torch: Callable[[Environment], Fix]
) -> Finding:
    """Name the GPUs and the builds that they need; an error where software for CUDA is installed."""
    names = ", ".join(title(device) for device in found[:_NAMED])
    message = f"the GPU is {maker}'s: {names}; its frameworks are {builds} builds"
    used = cuda_software(case)
    if used is None:
        return Finding(message=message, evidence=(case.driver.pci_devices, case.driver.loaded_modules))
    environment, build = used
    return Finding(
        message=f"{message}, and {build.title} in {environment.path} is built for CUDA",
        evidence=(case.driver.pci_devices, build.version_fact),
        severity=Severity.ERROR,
        fixes=(right_torch(environment), without_cuda()),
    )
