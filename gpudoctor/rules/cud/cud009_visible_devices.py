"""The variable CUDA_VISIBLE_DEVICES hides GPUs that are there, or names some that are not.

## What is wrong
`CUDA_VISIBLE_DEVICES` decides which GPUs a CUDA program is shown. Its value here leaves none, or ends at an entry
that names no GPU. Programs then say "No CUDA GPUs are available", "no CUDA-capable device is detected" (error 100, in
old programs 38) or "invalid device ordinal", while nvidia-smi, which does not read the variable, shows every GPU.

## Why it happens
A command was copied from a machine with more GPUs; a script sets the variable to the empty text or to `-1` for a CPU
run and the shell keeps it; a batch system sets it for a job without a GPU (Slurm writes `NoDevFiles`). The value is a
list of indices from 0, or of UUIDs or their unique beginnings. `all`, `cuda:0` and `GPU0` are none of these. The
driver reads from the left and stops at the first entry that it does not understand: `0,7,1` on a machine with two
GPUs shows GPU 0 alone, and an entry given twice hides them all.

## How to fix
Unset the variable, or name GPUs that exist, in the shell or in whatever starts the program (notebook kernel, service,
batch script), and start the program again: it is read once, when CUDA starts.

## When this is harmless
When the GPUs are hidden on purpose, so that a program runs on the CPU.

## References
- https://docs.nvidia.com/cuda/cuda-programming-guide/05-appendices/environment-variables.html
- https://slurm.schedmd.com/gres.html
"""

from __future__ import annotations

from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.rules.advice.cuda import show_devices, unset
from gpudoctor.rules.readings.nvidia_hardware import has_nvidia_gpu
from gpudoctor.rules.readings.visible_devices import VARIABLE, Selection, selected
from gpudoctor.rules.rule import Case, Scope, rule

_OF_A_BATCH_SYSTEM = "NoDevFiles"


@rule("CUD009", Severity.ERROR, Scope.MACHINE, hides=("DRV013", "PRF001", "TFL001"))
def visible_devices(case: Case) -> Finding | None:
    value = (case.system.variables.read() or {}).get(VARIABLE)
    if value is None or not has_nvidia_gpu(case):
        return None
    chosen = selected(case)
    gpus = case.machine.gpus.read() or ()
    if chosen is None or (not chosen.rejected and chosen.visible) or not gpus:
        return None
    if chosen.rejected.upper().startswith("MIG-") and any(gpu.mig_mode.peek() == "enabled" for gpu in gpus):
        return None  # the wrong name of a MIG instance is DRV014's
    return Finding(
        message=_message(value, chosen, len(gpus)),
        evidence=(
            Evidence(fact=f"system.variables.{VARIABLE}", value=value or "(empty)", source="environment"),
            case.driver.nvml.device_count,
            *(gpu.name for gpu in gpus),
            case.driver.api.init_code,
        ),
        severity=Severity.WARNING if chosen.visible else Severity.ERROR,
        fixes=_fixes(case, value, len(gpus)),
    )


def _message(value: str, chosen: Selection, count: int) -> str:
    there = f"{count} GPU{'s are' if count > 1 else ' is'} there"
    if not value.strip():
        return f"{VARIABLE} is empty and hides every GPU; {there}"
    count_of = len(chosen.visible)
    first = (
        "only the first of its entries counts" if count_of == 1 else f"only the first {count_of} of its entries count"
    )
    shown = first if count_of else "it hides every GPU"
    where = "which" if chosen.rejected == value.strip() else f"in which `{chosen.rejected}`"
    return f"{VARIABLE} is `{value}`, {where} {chosen.reason}, so {shown}; {there}"


def _fixes(case: Case, value: str, count: int) -> tuple[Fix, ...]:
    names = show_devices(case, range(count))
    if value == _OF_A_BATCH_SYSTEM:
        return (Fix(title="Ask the batch system for a GPU", commands=("srun --gpus=1 --pty nvidia-smi",)), names)
    return (unset(case, VARIABLE, "which shows every GPU"), names)
