"""Triton, the compiler behind torch.compile, is absent or not the one that torch requires.

## What is wrong
`torch.compile` writes its GPU kernels with Triton, and flash-attention variants, xformers and vLLM use it too. Each
torch release works with one Triton release. Without it torch itself runs; `torch.compile` raises "Cannot find a
working triton installation" or TritonMissing, and an other version fails on names that moved between releases
(`cannot import name 'AttrsDescriptor'`).

## Why it happens
- There is no official Triton for Windows; the `triton-windows` package of volunteers fills the gap.
- torch was installed with `--no-deps`, or Triton was upgraded by another package.
- torch was upgraded and an old Triton, pinned elsewhere, stayed.

## How to fix
Install the version that this torch names in its own requirements.

## Easily confused with
- "Triton only supports devices of CUDA Capability >= 7.0": the GPU is too old for it, whatever the version (CUD011).

## When this is harmless
While nothing calls `torch.compile`: so an absent Triton is a warning. Python versions for which torch itself asks for
no Triton are left alone.

## References
- Requires-Dist in the METADATA of the installed torch: the pin that is compared here.
- PyTorch, `torch.compile` troubleshooting.
"""

from __future__ import annotations

from gpudoctor.findings.finding import Evidence, Finding, Severity
from gpudoctor.rules.advice.python import pip_install
from gpudoctor.rules.readings.framework_starts import has_imported
from gpudoctor.rules.readings.nvidia_hardware import has_nvidia_gpu
from gpudoctor.rules.readings.requirements import broken_requirements
from gpudoctor.rules.rule import Case, Scope, rule

_NAMES = ("triton", "pytorch-triton", "triton-windows", "triton-rocm", "pytorch-triton-rocm")


@rule("TOR005", Severity.WARNING, Scope.ENVIRONMENT)
def triton_missing_or_mismatched(case: Case) -> Finding | None:
    environment = case.environment
    build = environment.torch.need()
    torch = [package for package in environment.packages.read() or () if package.name == "torch"]
    broken = next(iter(broken_requirements(environment, torch, lambda name: name in _NAMES)), None)
    if broken is None or build.cuda is None or not has_nvidia_gpu(case):
        return None
    have = f"{broken.installed.version} is installed" if broken.installed else "it is not installed"
    # A Triton of another release breaks torch.compile; seen to import or not, plain torch does without it.
    is_error = broken.installed is not None and broken.is_far and not has_imported(environment, "torch")
    return Finding(
        message=f"torch {build.version} requires {broken.wanted}, and {have}",
        evidence=(
            environment.torch,
            Evidence(fact=f"packages.{broken.name}", value=have, source="metadata"),
        ),
        fixes=(pip_install(environment, [broken.wanted], upgrade=False),),
        severity=Severity.ERROR if is_error else Severity.WARNING,
    )
