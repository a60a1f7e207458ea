"""Questions on JAX and CuPy releases."""

from __future__ import annotations


def jax_cuda_extra(capability: str, driver_version: str | None, driver_cuda: str | None) -> str | None:
    """Return "cuda13" or "cuda12", the newest that fits GPU and driver; None when neither does."""
    raise NotImplementedError


def jax_min_capability(cuda_major: int) -> str | None:
    """Return the lowest capability that the jax CUDA plugin of a major release serves."""
    raise NotImplementedError


def jax_cuda_floor(cuda_major: int, platform: str = "linux") -> str | None:
    """Return the driver floor of a jax CUDA plugin of that major, as text ("525.60.13" or "580")."""
    raise NotImplementedError
