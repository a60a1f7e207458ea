"""XLA, the compiler of TensorFlow and JAX, finds no libdevice or ptxas, or old ones.

## What is wrong
XLA writes GPU code at run time. It needs two things of the CUDA toolkit for that: `libdevice.10.bc`, a file of
mathematical functions, and `ptxas`, the assembler. Without them: "libdevice not found at ./libdevice.10.bc", "Can't
find libdevice directory ${CUDA_DIR}/nvvm/libdevice", "Couldn't invoke ptxas", "ptxas too old".

## Why it happens
pip brings both in `nvidia-cuda-nvcc-cu12`, which TensorFlow's extra `[and-cuda]` asks for; installed without the
extra, from conda-forge, or on a system's CUDA without the compiler part, they are absent. Models compile without
being asked: Keras 3 compiles where it can, and some optimizers did so from TensorFlow 2.11 on, so the first `fit`
fails while plain operations work. An old toolkit on PATH gives an old ptxas, which does not know the GPU.

## How to fix
Install the package, or the toolkit's compiler part, and if it lies in an unusual place name it:
`XLA_FLAGS=--xla_gpu_cuda_data_dir=/usr/local/cuda`. In a conda environment: `cuda-nvcc`, with the folder of the
environment in `XLA_FLAGS`.

## When this is harmless
When nothing is compiled: `jit_compile=False`, old Keras, plain operations.

## References
- https://www.tensorflow.org/install/pip
- https://openxla.org/xla/flags_guidance
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpudoctor.facts.fact import Fact
from gpudoctor.findings.finding import Evidence, Finding, Severity
from gpudoctor.knowledge.versions import major_of
from gpudoctor.rules.advice.cuda import xla_tools
from gpudoctor.rules.readings.framework_builds import Build, builds
from gpudoctor.rules.readings.nvidia_packages import bundled
from gpudoctor.rules.rule import Case, Scope, rule

_WITH_XLA = ("tensorflow", "jax")
_COMPLAINT = re.compile(
    r"libdevice[\w./$ {}]*not found|find libdevice|invoke ptxas|ptxas (?:is )?too old|ptxas[^\n]*not found"
)


@rule("CUD010", Severity.ERROR, Scope.ENVIRONMENT, hides=("RUN006",))
def xla_tools_missing(case: Case) -> Finding | None:
    build = next((one for one in builds(case) if one.framework in _WITH_XLA), None)
    if build is None:
        return None
    complaint = next(_complaints(case, build), None)
    run = case.environment.run(build.framework)
    if complaint is None and (run is None or not run.is_gpu_available.read() or _has_tools(case)):
        return None
    major = major_of(build.cuda)
    missing = f"needs libdevice of CUDA {major}, and neither its packages nor a toolkit have it"
    said = f"says `{complaint[1]}`; it needs libdevice and ptxas of CUDA {major}" if complaint else missing
    return Finding(
        message=f"XLA of {build.title} {said}",
        evidence=(*_said(complaint), build.version_fact, case.machine.toolkits.installed),
        severity=Severity.ERROR if complaint else Severity.WARNING,
        fixes=xla_tools(case, build),
    )


def _said(complaint: tuple[Fact[str], str] | None) -> tuple[Evidence, ...]:
    return (Evidence(fact="the framework", value=complaint[1], source=complaint[0].source),) if complaint else ()


def _complaints(case: Case, build: Build) -> Iterator[tuple[Fact[str], str]]:
    run = case.environment.run(build.framework)
    if run is None:
        return
    for fact in (run.gpu_error, run.stderr_tail):
        if match := _COMPLAINT.search(fact.peek() or ""):
            yield fact, match[0]
    for kernel in run.kernel_runs.peek() or ():
        if match := _COMPLAINT.search(kernel.error):
            yield run.stderr_tail, match[0]


def _has_tools(case: Case) -> bool:
    """Whether libdevice is there; without ptxas XLA falls back to other compilers."""
    if bundled(case.environment, "cuda-nvcc"):
        return True
    conda = case.environment.conda_packages.peek() or ()
    if any(one.name.startswith(("cuda-nvcc", "cuda-libdevice")) for one in conda):
        return True
    if any(one.has_libdevice for one in case.environment.toolkits.peek() or ()):
        return True
    return any(one.has_libdevice for one in case.machine.toolkits.installed.read() or ())
