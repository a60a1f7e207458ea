"""Questions on GPUs: architecture, driver branches, kernel module flavour, code, peak figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Architecture:
    """One compute capability. Branches are driver branches, None = open end; kernel_modules as in the table."""

    capability: str
    name: str  # Turing, Ampere, ...
    first_cuda: str | None
    last_cuda: str | None
    first_branch: str | None
    first_branch_verified: str | None
    last_branch: str | None
    kernel_modules: str  # proprietary_only, either, open_only, jetpack
    has_bf16: bool
    has_tensor_cores: bool
    verified: str


@dataclass(frozen=True, slots=True)
class PciGpu:
    """What a PCI device id tells of an NVIDIA GPU without any driver."""

    device_id: int
    chip: str  # GP104, AD102
    name: str  # marketing name where the table has it, else ""
    capability: str | None  # None: not certain from the chip


@dataclass(frozen=True, slots=True)
class Peak:
    """What a product can reach, from its data sheet."""

    name: str
    memory_gb: float
    bandwidth_gbs: float | None
    fp32_tflops: float | None
    tensor16_tflops: float | None
    pcie_gen: int | None
    pcie_lanes: int | None
    tdp_w: int | None
    confidence: str


def architecture(capability: str, gpu_name: str = "") -> Architecture | None:
    """Return the row of a capability ("8.6"), with the exceptions for that product applied; None when unknown."""
    raise NotImplementedError


def capability_of_name(gpu_name: str) -> str | None:
    """Return the capability of a product by its whole NVML name (with or without the leading "NVIDIA"); else None."""
    raise NotImplementedError


def pci_gpu(device_id: int) -> PciGpu | None:
    """Return what a PCI device id of vendor 0x10de is, or None when the table does not know it."""
    raise NotImplementedError


def driver_knows(capability: str, driver_version: str) -> bool | None:
    """Whether a driver branch drives a capability: False below its first or above its last branch; None = not known
    for certain (first branch unverified and the driver is close below it)."""
    raise NotImplementedError


def legacy_branch(capability: str) -> str | None:
    """Return the last driver branch for a capability that newer drivers dropped ("470" for 3.5), None when current."""
    raise NotImplementedError


def peak(gpu_name: str, memory_total_bytes: int | None = None) -> Peak | None:
    """Return the data sheet of a product by its whole name (and memory, 10 percent slack, where two share it)."""
    raise NotImplementedError


def cudnn_min_capability(cudnn_version: str, cuda_major: int | None) -> str | None:
    """Return the lowest capability that a cuDNN release has code for; None when unknown."""
    raise NotImplementedError


def triton_min_capability(triton_version: str) -> str | None:
    """Return the lowest capability that a Triton release supports; None when unknown."""
    raise NotImplementedError


def newest_known_capability() -> str:
    """Return the highest capability of the tables."""
    raise NotImplementedError
