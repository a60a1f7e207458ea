"""A small computation on the GPU failed, or its result differs from the CPU's.

## What is wrong
The framework sees the GPU, but a matrix product, a convolution or a backward step that was tried on it ended with an
error, or gave numbers that differ from the CPU's by far more than rounding does. Or its process did not survive the
first use of the GPU: a segmentation fault, an abort, no answer in time.

## Why it happens
An error: mostly what the message says (no code for this GPU, a library that cannot be loaded, memory held by others).
Wrong numbers without an error are rare and serious: memory that flips bits (overclocking, heat, a dying card; ECC
would count it), a broken PCIe riser or link, peer-to-peer copies through an IOMMU that does not allow them, or a
build whose kernels were compiled wrongly for this GPU.

## How to fix
- An error: repair what its text names; other findings of the report usually name it already.
- A process that ends: try an environment of its own; if it ends there as well, read the kernel log for Xids.
- Wrong numbers: run it again. If it differs each time, take back overclocking, check power and cooling, read the Xids
  in the kernel log, and try the card in another machine. If it is the same each time, try another release of the
  framework.
- Do not train on this GPU until it is explained: the losses may look right for hours.

## When this is harmless
Small differences are normal: TF32 and half precision round to about three digits, and sums in another order differ in
the last ones. Those are allowed for here.

## References
- https://pytorch.org/docs/stable/notes/numerical_accuracy.html
- https://docs.nvidia.com/deploy/gpu-debug-guidelines/index.html
"""

from __future__ import annotations

from gpudoctor.facts.environment import FrameworkRun, KernelRun
from gpudoctor.facts.fact import Fact
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.rules.advice.python import new_environment
from gpudoctor.rules.readings.framework_builds import builds
from gpudoctor.rules.rule import Case, Scope, rule

_ON_THE_GPU = ("devices", "libraries", "kernels")  # the stages after the import
_AGAIN = Fix(title="Run the same computations again, to tell chance from rule", commands=("gpudoctor check --deep",))
_LOOK = Fix(title="Look at errors, clocks, power and temperature", commands=("nvidia-smi -q -d ECC,PERFORMANCE,POWER",))


@rule("RUN006", Severity.ERROR, Scope.ENVIRONMENT)
def wrong_result(case: Case) -> Finding | None:
    for run in case.environment.runs:
        if _has_ended_on_the_gpu(case, run):
            return _ended(case, run)
        if run.is_gpu_available.peek() is False:
            continue
        failed = [one for one in run.kernel_runs.read() or () if one.error or one.is_correct is False]
        if failed:
            return _finding(run, failed)
    return None


def _has_ended_on_the_gpu(case: Case, run: FrameworkRun) -> bool:
    """Whether the process of a CUDA build died or hung after its import, on a driver that serves gpudoctor itself."""
    if run.exit_signal.peek() is None or run.ended_in_stage.peek() not in _ON_THE_GPU:
        return False
    return case.driver.api.init_code.peek() == 0 and any(build.framework == run.framework for build in builds(case))


def _ended(case: Case, run: FrameworkRun) -> Finding:
    signal = run.exit_signal.peek()
    how = "gave no answer in time" if signal == "timeout" else f"ended its process ({signal})"
    return Finding(
        message=f"{run.framework} {run.version.peek() or ''} was imported, and its first use of the GPU {how}",
        evidence=(run.version, run.exit_signal, run.ended_in_stage, run.stderr_tail, case.driver.api.init_code),
        fixes=(new_environment(case, run.framework), _LOOK),
    )


def _finding(run: FrameworkRun, failed: list[KernelRun]) -> Finding:
    version: Fact[str] = run.version
    return Finding(
        message="; ".join(f"{run.framework} on GPU {one.device}: {_what(one)}" for one in failed[:3]),
        evidence=(version, *(_evidence(one, run.kernel_runs.source) for one in failed)),
        fixes=(_AGAIN, _LOOK),
    )


def _what(one: KernelRun) -> str:
    if one.error:
        return f"the {one.operation} ended with `{one.error[:200]}`"
    return f"the {one.operation} differs from the CPU's by {one.max_difference:.3g}"


def _evidence(one: KernelRun, source: str) -> Evidence:
    return Evidence(fact=f"kernel_runs.{one.operation} on GPU {one.device}", value=_what(one), source=source)
