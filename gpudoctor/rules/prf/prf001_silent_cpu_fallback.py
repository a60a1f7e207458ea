"""The GPU works, yet a framework uses the CPU: it was not asked for the GPU, or refuses it.

## What is wrong
Driver and GPU answer, the framework is a CUDA build, and still it says that no GPU is available. Programs that ask
politely (`"cuda" if torch.cuda.is_available() else "cpu"`) then run on the CPU, many times slower, without an error.

## Why it happens
Whatever usually stands in the way is looked at by other checks: a CPU build, a driver that is too old, hidden
devices, missing libraries. What remains is rarer: a start-up error that the framework caught, a setting that forbids
the GPU (`JAX_PLATFORMS=cpu`, `tf.config.set_visible_devices([], "GPU")` in a start-up file), a mixed set of plugin
packages, or a program that never asks for the GPU (a trainer without `accelerator="gpu"`, a model that was never
moved). JAX is a package for the CPU by itself: the GPU is a plugin that `jax[cuda13]` brings and `jax` does not.

## How to fix
- Let the framework say why: `python -c "import torch; torch.zeros(1).cuda()"`, for TensorFlow `TF_CPP_MIN_LOG_LEVEL=0
  python -c "import tensorflow as tf; print(tf.config.list_physical_devices('GPU'))"`, for JAX
  `JAX_LOGGING_LEVEL=DEBUG python -c "import jax; print(jax.devices('cuda'))"`.
- JAX without its plugin: install it with the extra that the report names.
- Ask for the GPU without an alternative (`device="cuda"`), so that a refusal becomes an error.
- If it works in a shell, look at what the program itself sets before it imports the framework.

## When this is harmless
When JAX came along as a part of something else and the CPU is enough for that; beside another framework it is a
warning.

## References
- https://pytorch.org/docs/stable/generated/torch.cuda.is_available.html
- https://www.tensorflow.org/guide/gpu
- https://docs.jax.dev/en/latest/installation.html
"""

from __future__ import annotations

from gpudoctor.facts.environment import FrameworkRun
from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.advice.cuda import fitting_build
from gpudoctor.rules.readings.framework_builds import Build, builds
from gpudoctor.rules.readings.framework_starts import framework_packages
from gpudoctor.rules.readings.jax_plugin import jax_without_plugin
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
    plain_jax = jax_without_plugin(case)
    if not (installed or plain_jax) or api.init_code.read() != 0 or not api.device_count.read():
        return None
    not_started = ""
    for build in installed:
        run = case.environment.run(build.framework)
        if run is None:
            not_started = build.framework
        elif run.import_error.read() is None and _refuses(run):
            return _finding(case, build)
    if plain_jax:
        return _finding_of_jax(case, plain_jax)
    if not_started:
        raise CannotJudge(f"run of {not_started}", "it was not started")
    return None


def _refuses(run: FrameworkRun) -> bool:
    """Whether it says that there is no GPU, or raised when it was asked."""
    return bool(run.is_gpu_available.is_unknown and run.gpu_error.peek()) or run.is_gpu_available.read() is False


def _finding_of_jax(case: Case, run: FrameworkRun) -> Finding:
    version = run.version.peek() or ""
    others = [one for one in framework_packages(case.environment) if one.name != "jax"]
    return Finding(
        message=f"cuInit succeeds with {_count(case)}, and jax {version} has no CUDA plugin beside it and uses the CPU",
        evidence=(run.is_gpu_available, run.gpu_error, run.version, case.driver.api.device_count),
        severity=Severity.WARNING if others else Severity.ERROR,
        fixes=(fitting_build(case, Build("jax", version, "", run.arch_list, run.version)),),
    )


def _count(case: Case) -> str:
    count = case.driver.api.device_count.peek() or 0
    return f"{count} GPU{'s' if count > 1 else ''}"


def _finding(case: Case, build: Build) -> Finding:
    run = case.environment.run(build.framework)
    said = run.gpu_error.peek() if run else None
    reason = f"says `{said.strip()[:200]}`" if said else "says no GPU is available and gives no error"
    ask = f'{case.environment.interpreter} -c "{_ASK[build.framework]}"'
    facts = (run.is_gpu_available, run.gpu_error) if run else ()
    return Finding(
        message=f"cuInit succeeds with {_count(case)}, and {build.title}, built for CUDA {build.cuda}, {reason}",
        evidence=(*facts, build.version_fact, case.driver.api.init_code, case.driver.api.device_count),
        fixes=(Fix(title="Let the framework say why it refuses the GPU", commands=(ask,)),),
    )
