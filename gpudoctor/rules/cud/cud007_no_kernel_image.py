"""A framework build has no code for this GPU, while another build of it does.

## What is wrong
A build carries machine code for the GPU generations that it was compiled for. None of it runs on this GPU's compute
capability: "no kernel image is available for execution on the device" (error 209), "CUDA capability sm_120 is not
compatible with the current PyTorch installation", or TensorFlow's "Ignoring visible gpu device". The GPU is listed
and memory can be allocated; the first computation fails.

## Why it happens
Two directions. The GPU is newer than the build: an older release knows nothing of it. Or the build's CUDA has dropped
the GPU: wheels for CUDA 13 begin at 7.5, so that Maxwell, Pascal and Volta cards need a wheel for CUDA 12.6. The
rule: machine code (`sm_86`) runs on the same major and any higher minor, so 8.6 code serves an 8.9 card, never a 9.0
one; intermediate code (`compute_90`) is compiled at start for any GPU at or above it, if the driver's compiler is at
least as new as the build's CUDA. An ending `a` binds code to one capability, `f` to one family.

## How to fix
Install the build that has code for the GPU. In a machine with different GPUs the build must serve all that are shown
to the program; otherwise leave one out with `CUDA_VISIBLE_DEVICES`.

## Easily confused with
A GPU that no current build serves any more. An extension (flash-attn, xformers, a kernel of one's own) built for
other GPUs gives the same sentence while the framework itself is right.

## When this is harmless
When the GPU in question only drives the screen, and the programs use another one.

## References
- https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html (binary and PTX compatibility)
- https://developer.nvidia.com/cuda-gpus
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Severity
from gpudoctor.knowledge.gpus import newest_known_capability
from gpudoctor.knowledge.versions import version_key
from gpudoctor.rules.advice.cuda import fitting_build, leave_out
from gpudoctor.rules.readings.served_gpus import Unserved, is_out_of_support, label, serves_another_gpu, unserved
from gpudoctor.rules.rule import Case, Scope, rule


@rule("CUD007", Severity.ERROR, Scope.ENVIRONMENT_GPU, hides=("DNN003", "PRF001", "RUN005", "RUN006", "TOR005"))
def no_kernel_image(case: Case) -> Finding | None:
    found = unserved(case)
    if found is None or is_out_of_support(found.capability):
        return None
    has_other = serves_another_gpu(case, found.build)
    return Finding(
        message=_message(case, found),
        evidence=(*found.build.evidence, case.gpu.compute_capability, case.gpu.name),
        severity=Severity.WARNING if found.is_disputed or has_other else Severity.ERROR,
        fixes=(fitting_build(case, found.build), *((leave_out(case),) if has_other else ())),
    )


def _message(case: Case, found: Unserved) -> str:
    gpu = f"{label(case.gpu)} (compute capability {found.capability})"
    if found.is_disputed:
        return (
            f"{found.build.title} carries {found.carries} and warns that none of it is for {gpu},"
            " where such code was seen to run"
        )
    if found.obstacle:
        return f"{found.build.title} carries {found.carries}; on {gpu} {found.obstacle}"
    is_newer = version_key(found.capability) > version_key(newest_known_capability())
    tables = f", newer than the tables, which end at {newest_known_capability()}" if is_newer else ""
    return f"{found.build.title} carries {found.carries}; none of it runs on {gpu}{tables}"
