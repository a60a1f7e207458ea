"""Error numbers: CUDA (runtime and driver API) and NVML."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from gpudoctor.knowledge.tables import table


class Cause(msgspec.Struct, frozen=True):
    """A cause of an error number, and what tells it from the others."""

    cause: str
    tell_apart: str


class CudaError(msgspec.Struct, frozen=True):
    """One number of the CUDA APIs."""

    code: int
    runtime_name: str | None
    driver_name: str | None
    kind: str | None  # the table's class: application, build, driver, ...
    sticky: str | None
    causes: tuple[Cause, ...]


def _error(row: dict[str, Any]) -> CudaError:
    return CudaError(
        code=row["code"],
        runtime_name=row["runtime_name"],
        driver_name=row["driver_name"],
        kind=row["class"],
        sticky=row["sticky"],
        causes=tuple(Cause(cause["cause"], cause["tell_apart"] or "") for cause in row["causes"]),
    )


@functools.cache
def _errors() -> dict[int, CudaError]:
    return {row["code"]: _error(row) for row in table("cuda_errors")["errors"]}


@functools.cache
def _names() -> dict[str, CudaError]:
    return {name: error for error in _errors().values() for name in (error.runtime_name, error.driver_name) if name}


def cuda_error(code: int) -> CudaError | None:
    """Return the row of a CUDA error number, or None."""
    return _errors().get(code)


def cuda_error_named(name: str) -> CudaError | None:
    """Return the row of an error's name in either API ("cudaErrorNoDevice", "CUDA_ERROR_NO_DEVICE"), or None."""
    return _names().get(name)


def cuda_errors() -> tuple[CudaError, ...]:
    """Return every row, by number."""
    return tuple(_errors().values())


def old_runtime_error(code: int) -> CudaError | None:
    """Return the error that a runtime before CUDA 10.1 meant by a number, as its row of today; None when unknown."""
    for row in table("cuda_errors")["old_runtime_numbers_before_10_1"]:
        if row["code"] == code:
            return cuda_error(row["code_today"])
    return None


def nvml_meaning(code: int) -> str | None:
    """Return what an NVML return code means, or None when the table has no row for it."""
    for row in table("cuda_errors")["nvml_numbers"]:
        if row["code"] == code:
            return str(row["meaning"])
    return None


def nvml_name(code: int) -> str | None:
    """Return the name of an NVML return code ("NVML_ERROR_LIB_RM_VERSION_MISMATCH"), or None when unknown."""
    for row in table("cuda_errors")["nvml_numbers"]:
        if row["code"] == code:
            return str(row["name"])
    return None
