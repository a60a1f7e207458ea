"""The GPU is older than what current builds of the framework support.

## What is wrong
The GPU works, but frameworks are no longer compiled for its generation: "PyTorch no longer supports this GPU because
it is too old", "The minimum required Cuda capability is ...", "Triton only supports devices of CUDA Capability >=
7.0".

## Why it happens
NVIDIA drops a generation in two steps: a CUDA major no longer compiles for it, then the last driver branch that
drives it ends. Fermi and Kepler cards are past both. Frameworks follow the compiler, so a current release cannot
serve them; a release of that time still can.

## How to fix
Use the last release that served the GPU, in an environment of its own with the Python of that time, or run on the
CPU, which in a recent computer is often no slower than such a card. There is no setting that brings the code back;
building the framework from source with an older CUDA is possible and rarely worth the days.

## Easily confused with
A GPU that merely is not in this build while another current build has it (Maxwell, Pascal and Volta are served by
wheels for CUDA 12.6).

## References
- https://developer.nvidia.com/cuda-legacy-gpus
- https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html (deprecated architectures)
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.knowledge.versions import minor_of
from gpudoctor.rules.advice.cuda import leave_out
from gpudoctor.rules.advice.python import new_environment, pip_install
from gpudoctor.rules.readings.served_gpus import (
    LastBuild,
    is_out_of_support,
    label,
    last_build,
    serves_another_gpu,
    unserved,
)
from gpudoctor.rules.rule import Case, Scope, rule


@rule(
    "CUD011", Severity.ERROR, Scope.ENVIRONMENT_GPU, hides=("CUD001", "DNN003", "PRF001", "RUN005", "RUN006", "TOR005")
)
def gpu_too_old(case: Case) -> Finding | None:
    found = unserved(case)
    if found is None or not is_out_of_support(found.capability):
        return None
    last = last_build(case, found.build.framework, found.capability)
    served = (
        f"the last that served it is {found.build.framework} {last.version}"
        if last
        else "no release in the tables serves it"
    )
    has_other = serves_another_gpu(case, found.build)
    return Finding(
        message=f"{label(case.gpu)} has compute capability {found.capability}, "
        f"{found.build.title} carries {found.carries}; {served}",
        evidence=(*found.build.evidence, case.gpu.compute_capability, case.gpu.name),
        severity=Severity.WARNING if has_other else Severity.ERROR,
        fixes=(*_install(case, last, found.build.framework), *((leave_out(case),) if has_other else ())),
    )


def _install(case: Case, last: LastBuild | None, framework: str) -> tuple[Fix, ...]:
    if last is None:
        return (Fix(title=f"Run {framework} on the CPU, or on a newer GPU"),)
    python = minor_of(case.environment.python_version.peek() or "")
    if python in last.pythons:
        return (pip_install(case.environment, [last.requirement], last.index_url),)
    if not last.pythons:
        return (new_environment(case, framework),)
    command = f"gpudoctor setup --framework {framework} --version {last.version} --python {last.pythons[-1]}"
    return (Fix(title=f"Build an environment with {last.requirement} and its Python", commands=(command,)),)
