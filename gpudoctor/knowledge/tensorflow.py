"""Questions on TensorFlow releases."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TensorflowRelease:
    """One release, as its wheels say; () and None = unknown or none."""

    version: str
    pythons: tuple[str, ...]
    build_cuda: str | None  # 12.5.1
    build_cudnn: str | None  # 9
    compiled_capabilities: tuple[str, ...]
    min_capability: str | None
    and_cuda: tuple[str, ...] | None  # requirements of the extra; None: no such extra
    keras: str | None
    numpy: str | None
    protobuf: str | None
    has_windows_gpu: bool
    pitfalls: tuple[str, ...]


def release(version: str) -> TensorflowRelease | None:
    """Return a release ("2.15.1", or its series' newest for an unknown patch number), or None when unknown."""
    raise NotImplementedError


def newest_release() -> str:
    """Return the newest stable release of the tables."""
    raise NotImplementedError


def choose_tensorflow(
    capabilities: tuple[str, ...], driver_version: str | None, driver_cuda: str | None, python: str
) -> TensorflowRelease | None:
    """Return the newest release with code for every capability, whose CUDA starts on the driver, for the Python; None
    when there is none. Linux x86_64."""
    raise NotImplementedError
