"""Which package of an environment compiles CUDA code when it runs."""

from __future__ import annotations

from gpudoctor.facts.environment import Environment, Package

# Packages that stop without nvcc; others that can compile come with ready code as a rule, and are left alone.
_COMPILE_WHEN_THEY_RUN = ("deepspeed",)


def compiling_package(environment: Environment) -> Package | None:
    """Return the first such package; unknown packages count as none."""
    installed = environment.packages.peek() or ()
    return next((package for package in installed if package.name in _COMPILE_WHEN_THEY_RUN), None)
