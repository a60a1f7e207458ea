"""Questions on PyTorch releases and wheels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TorchWheel:
    """A torch release in one CUDA variant: what to install, and from which index path ("whl/cu126")."""

    version: str
    variant: str  # cu126, cpu
    cuda: str | None
    index_path: str
    archs: tuple[str, ...] | None
    verified: str
    is_pypi_default: bool


@dataclass(frozen=True, slots=True)
class Passed:
    """A nearer candidate that was passed over, and why."""

    candidate: str
    reason: str


@dataclass(frozen=True, slots=True)
class TorchChoice:
    """The answer of `choose_torch`; wheel None = nothing fits."""

    wheel: TorchWheel | None
    passed_over: tuple[Passed, ...]


def choose_torch(
    capabilities: tuple[str, ...],
    driver_version: str | None,
    driver_cuda: str | None,
    python: str,
    platform: str = "linux_x86_64",
    below: str = "",
) -> TorchChoice:
    """Choose the newest torch wheel that has code for every capability, starts on the driver and exists for the Python
    ("3.11"), by the eight steps of "Choosing a wheel". `below`: only releases older than that. Pure."""
    raise NotImplementedError


def default_variant(version: str, platform: str = "linux_x86_64") -> str | None:
    """Return the variant that the package index serves by default for a release ("2.11.0" -> "cu130"); None unknown."""
    raise NotImplementedError


def wheel_archs(version: str, variant: str, platform: str = "linux_x86_64") -> tuple[tuple[str, ...], str] | None:
    """Return (arch list, how verified) of a release in a variant, or None when the tables do not know it."""
    raise NotImplementedError


def companions(version: str) -> dict[str, tuple[str, str]]:
    """Return {"torchvision": (version, bound), "torchaudio": ...} for a torch release; bound exact, minimum or none."""
    raise NotImplementedError


def torch_for_companion(package: str, version: str) -> str | None:
    """Return the torch release that a torchvision or torchaudio release was made for with an exact bound; else None."""
    raise NotImplementedError


def pythons(version: str, platform: str = "linux_x86_64") -> tuple[str, ...]:
    """Return the Python versions that have a wheel of a torch release; () when the release is unknown."""
    raise NotImplementedError


def newest_release() -> str:
    """Return the newest torch release of the tables."""
    raise NotImplementedError


def required_packages(version: str) -> tuple[str, ...]:
    """Return the CUDA requirement strings of the default Linux x86_64 wheel of a release; () when unknown."""
    raise NotImplementedError
