"""The framework is built for the GPU and the GPU works, yet the framework uses the CPU.

## What is wrong
Driver and GPU answer, the framework is a CUDA build, and still it says that no GPU is available. Programs that ask
politely (`"cuda" if torch.cuda.is_available() else "cpu"`) then run on the CPU, many times slower, without an error.

## Why it happens
Whatever usually stands in the way is looked at by other checks: a CPU build, a driver that is too old, hidden
devices, missing libraries. What remains is rarer: a start-up error that the framework caught, a setting that forbids
the GPU (`JAX_PLATFORMS=cpu`, `tf.config.set_visible_devices([], "GPU")` in a start-up file), a mixed set of plugin
packages, or a program that never asks for the GPU (a trainer without `accelerator="gpu"`, a model that was never
moved).

## How to fix
- Let the framework say why: `python -c "import torch; torch.zeros(1).cuda()"`, for TensorFlow `TF_CPP_MIN_LOG_LEVEL=0
  python -c "import tensorflow as tf; print(tf.config.list_physical_devices('GPU'))"`, for JAX
  `JAX_LOGGING_LEVEL=DEBUG python -c "import jax; print(jax.devices('cuda'))"`.
- Ask for the GPU without an alternative (`device="cuda"`), so that a refusal becomes an error.
- If it works in a shell, look at what the program itself sets before it imports the framework.

## References
- https://pytorch.org/docs/stable/generated/torch.cuda.is_available.html
- https://www.tensorflow.org/guide/gpu
- https://docs.jax.dev/en/latest/installation.html
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.framework_builds import Build, builds
from gpudoctor.rules.rule import CannotJudge, Case, Scope, rule

_ASK = {
    "torch": "import torch; torch.zeros(1).cuda()",
    "tensorflow": "import tensorflow as tf; print(tf.config.list_physical_devices('GPU'))",
    "jax": "import jax; print(jax.devices('cuda'))",
    "cupy": "import cupy; cupy.zeros(1)",
}


@rule("PRF001", Severity.ERROR, Scope.ENVIRONMENT)
def silent_cpu_fallback(case: Case) -> Finding | None:
    installed = builds(case)
    api = case.driver.api
    if not installed or api.init_code.read() != 0 or not api.device_count.read():
        return None
    not_started = ""
    for build in installed:
        run = case.environment.run(build.framework)
        if run is None:
            not_started = build.framework
        elif run.import_error.read() is None and run.is_gpu_available.read() is False:
            return _finding(case, build)
    if not_started:
        raise CannotJudge(f"run of {not_started}", "it was not started")
    return None


def _finding(case: Case, build: Build) -> Finding:
    run = case.environment.run(build.framework)
    said = run.gpu_error.peek() if run else None
    reason = f"says `{said.strip()[:200]}`" if said else "says no GPU is available and gives no error"
    ask = f'{case.environment.interpreter} -c "{_ASK[build.framework]}"'
    facts = (run.is_gpu_available, run.gpu_error) if run else ()
    return Finding(
        message=f"cuInit succeeds with {case.driver.api.device_count.peek()} GPU, and {build.title}, "
        f"built for CUDA {build.cuda}, {reason}",
        evidence=(*facts, build.version_fact, case.driver.api.init_code, case.driver.api.device_count),
        fixes=(Fix(title="Let the framework say why it refuses the GPU", commands=(ask,)),),
    )
