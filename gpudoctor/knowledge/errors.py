"""Error numbers: CUDA (runtime and driver API) and NVML."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause of an error number, and what tells it from the others."""

    cause: str
    tell_apart: str


@dataclass(frozen=True, slots=True)
class CudaError:
    """One number of the CUDA APIs."""

    code: int
    runtime_name: str | None
    driver_name: str | None
    kind: str | None  # the table's class: application, build, driver, ...
    sticky: str | None
    causes: tuple[Cause, ...]


def cuda_error(code: int) -> CudaError | None:
    """Return the row of a CUDA error number, or None."""
    raise NotImplementedError


def nvml_meaning(code: int) -> str | None:
    """Return what an NVML return code means, or None when the table has no row for it."""
    raise NotImplementedError
