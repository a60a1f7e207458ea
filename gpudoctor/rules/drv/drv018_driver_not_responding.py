"""The driver does not answer: a call into it hangs.

## What is wrong

NVML, nvidia-smi or `cuInit` was asked and gave no answer before the deadline. A healthy driver answers within a
second or two. Programs that need the GPU will hang in the same place, often so that they cannot be killed.

## Why it happens

- A GPU has hung or fell off the bus, and the driver waits for it. The kernel log then has Xid lines.
- A program holds a lock of the driver while it ends, for instance after it ran out of memory.
- Without the persistence daemon, every first call starts the GPUs anew; with many GPUs that takes long.
- The machine itself is stuck on disk or memory, and everything is slow.

## How to fix

Read the kernel log. Start the persistence daemon where calls are only slow. Where they hang, reboot; if that hangs as
well, switch the power off and on.

## References

- https://docs.nvidia.com/deploy/driver-persistence/
- https://docs.nvidia.com/deploy/gpu-debug-guidelines/
"""

from __future__ import annotations

from typing import Any

from gpudoctor.facts.fact import Fact
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.rules.advice.commands import as_root
from gpudoctor.rules.advice.driver import on_the_host, reboot
from gpudoctor.rules.advice.hardware import read_kernel_log
from gpudoctor.rules.rule import Case, Scope, rule

_LATE = "did not answer within"


@rule("DRV018", Severity.ERROR, Scope.MACHINE, hides=("DRV013", "PRF001"))
def driver_not_responding(case: Case) -> Finding | None:
    driver = case.driver
    asked: dict[str, Fact[Any]] = {
        "NVML": _seen(driver.nvml.init_code, driver.nvml.device_count, case.machine.gpus, *_last_asked(case)),
        "nvidia-smi": _seen(driver.smi),
        "cuInit": _seen(driver.api.init_code),
    }
    late = {name: fact for name, fact in asked.items() if _LATE in fact.unknown}
    if not late:
        for fact in asked.values():
            fact.read()
        return None
    answered = [name for name, fact in asked.items() if fact.peek() is not None]
    besides = f", while {' and '.join(answered)} did" if answered else ""
    return Finding(
        message=f"{' and '.join(late)} {next(iter(late.values())).unknown}{besides}",
        evidence=tuple(Evidence(fact=name, value=fact.unknown, source=fact.source) for name, fact in late.items()),
        severity=Severity.WARNING if answered else Severity.ERROR,
        fixes=_fixes(case),
    )


def _last_asked(case: Case) -> list[Fact[Any]]:
    """Return what NVML is asked last of each GPU: where an answer hangs, everything behind it is unknown too."""
    return [gpu.processes for gpu in case.machine.gpus.peek() or ()]


def _seen(*facts: Fact[Any]) -> Fact[Any]:
    """Return the fact that hung, else the first that is unknown, else the first."""
    unknowns = [fact for fact in facts if fact.is_unknown]
    return next((fact for fact in unknowns if _LATE in fact.unknown), facts[0])


def _fixes(case: Case) -> tuple[Fix, ...]:
    persistence = as_root(case, "systemctl enable --now nvidia-persistenced")
    return (
        read_kernel_log(case, "nvrm|xid|hung task"),
        on_the_host(case, Fix(title="Keep the driver loaded between calls", commands=persistence, needs_root=True)),
        reboot(case, "the driver starts anew; if it does not shut down, switch the power off and on"),
    )
