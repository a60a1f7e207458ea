"""Advice about a GPU that no longer answers: reset it where it asks for that, else start anew and look at the card."""

from __future__ import annotations

from collections.abc import Sequence

from gpudoctor.facts.gpu import Gpu
from gpudoctor.findings.finding import Fix
from gpudoctor.rules.advice.driver import on_the_host, reboot
from gpudoctor.rules.advice.hardware import read_kernel_log
from gpudoctor.rules.advice.mig import reset_gpu
from gpudoctor.rules.rule import Case

_ASKS = "RESET_REQUIRED"


def bring_back(case: Case, lost: Sequence[Gpu]) -> tuple[Fix, ...]:
    """Bring lost GPUs back; those that NVML says are to be reset come back without a reboot."""
    asking = [gpu for gpu in lost if _ASKS in f"{gpu.handle_error.peek()} {gpu.name.unknown}"]
    return (
        *(reset_gpu(case, gpu.index) for gpu in asking),
        reboot(case, "the GPU is found again; if it is not, switch the power off and on"),
        on_the_host(case, Fix(title="Check power cables, seat, riser and temperature of that card")),
        read_kernel_log(case, "nvrm|pcie"),
    )
