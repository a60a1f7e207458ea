"""Advice about Multi-Instance GPU: make instances, switch it off, reset the GPU."""

from __future__ import annotations

from gpudoctor.findings.finding import Fix, Risk
from gpudoctor.rules.advice.commands import as_root
from gpudoctor.rules.advice.driver import on_the_host
from gpudoctor.rules.rule import Case

_LOST = "programs on this GPU are lost"


def create_instance(case: Case, index: int) -> Fix:
    """Make a GPU instance with its compute instance."""
    commands = as_root(case, f"nvidia-smi mig -i {index} -lgip", f"nvidia-smi mig -i {index} -cgi PROFILE -C")
    title = "Create an instance: list the profiles, then make one with its compute instance"
    return on_the_host(case, Fix(title=title, commands=commands, needs_root=True))


def switch_off(case: Case, index: int) -> Fix:
    """Give up MIG and use the GPU as a whole."""
    commands = as_root(case, f"nvidia-smi -i {index} -mig 0", f"nvidia-smi --gpu-reset -i {index}")
    title = "Or switch MIG off and use the GPU as a whole"
    fix = Fix(title=title, commands=commands, needs_root=True, risk=Risk.MEDIUM, risk_note=_LOST)
    return on_the_host(case, fix)


def reset_gpu(case: Case, index: int) -> Fix:
    """Reset one GPU; needs that nothing uses it."""
    commands = as_root(case, f"nvidia-smi --gpu-reset -i {index}")
    title = f"End all programs on GPU {index} and reset it"
    fix = Fix(title=title, commands=commands, needs_root=True, risk=Risk.MEDIUM, risk_note=_LOST)
    return on_the_host(case, fix)
