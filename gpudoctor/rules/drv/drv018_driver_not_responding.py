"""The driver does not answer: a call into it hangs.

## What is wrong

NVML, nvidia-smi or `cuInit` was asked and gave no answer before the deadline. A healthy driver answers within a
second or two. Programs that need the GPU will hang in the same place, often so that they cannot be killed. Where NVML
lists the GPUs and then hangs at one of them, the number in brackets is that GPU's.

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
from gpudoctor.rules.readings.driver_answers import answers_that_show
from gpudoctor.rules.rule import Case, Scope, rule

_LATE = "did not answer within"


@rule("DRV018", Severity.ERROR, Scope.MACHINE, hides=("DRV013", "PRF001"))
def driver_not_responding(case: Case) -> Finding | None:
    asked = answers_that_show(case, _LATE)
    late = {name: fact for name, fact in asked.items() if _LATE in fact.unknown}
    if not late:
        for fact in asked.values():
            fact.read()
        return None
    answered = [name for name, fact in asked.items() if fact.peek() is not None]
    besides = f", while {_listed(answered)} did" if answered else ""
    return Finding(
        message=f"{_said(late)}{besides}",
        evidence=tuple(Evidence(fact=name, value=fact.unknown, source=fact.source) for name, fact in late.items()),
        # A program that uses the GPU begins with cuInit: what else hangs is a nuisance beside it.
        severity=Severity.WARNING if case.driver.api.init_code.peek() == 0 and "cuInit" not in late else Severity.ERROR,
        fixes=_fixes(case),
    )


def _said(late: dict[str, Fact[Any]]) -> str:
    """Say which did not answer within which time: most reasons name the very call, some only the deadline."""
    by_deadline: dict[str, list[str]] = {}
    for name, fact in late.items():
        call, _, deadline = fact.unknown.partition(_LATE)
        by_deadline.setdefault(deadline.strip(), []).append(call.strip() or name)
    return "; ".join(f"{_listed(calls)} {_LATE} {deadline}" for deadline, calls in by_deadline.items())


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _fixes(case: Case) -> tuple[Fix, ...]:
    persistence = as_root(case, "systemctl enable --now nvidia-persistenced")
    return (
        read_kernel_log(case, "nvrm|xid|hung task"),
        on_the_host(case, Fix(title="Keep the driver loaded between calls", commands=persistence, needs_root=True)),
        reboot(case, "the driver starts anew; if it does not shut down, switch the power off and on"),
    )
