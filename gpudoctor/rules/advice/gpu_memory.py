"""Advice about memory of a GPU that others hold: who it is, and how to free it."""

from __future__ import annotations

from gpudoctor.facts.gpu import GpuProcess
from gpudoctor.findings.finding import Fix, Risk
from gpudoctor.rules.advice.commands import as_root
from gpudoctor.rules.advice.driver import on_the_host, reboot
from gpudoctor.rules.readings.nvidia_hardware import is_wsl
from gpudoctor.rules.rule import Case


def free_memory(case: Case, processes: tuple[GpuProcess, ...]) -> tuple[Fix, ...]:
    """Advise to end processes that are not needed, or to find those that the driver does not show."""
    if processes:
        return (_end(processes),)
    if is_wsl(case):
        return (Fix(title="Look in Windows' Task Manager, Details, column GPU memory, and end what is not needed"),)
    find = Fix(title="Find what has the device open", commands=as_root(case, "fuser -v /dev/nvidia*"), needs_root=True)
    return (on_the_host(case, find), reboot(case, "memory without an owner is freed"))


def _end(processes: tuple[GpuProcess, ...]) -> Fix:
    """Name every process to look at, and only those that compute to end: the others draw the screen."""
    numbers = ",".join(str(process.pid) for process in processes)
    computing = " ".join(str(process.pid) for process in processes if process.kind == "compute")
    return Fix(
        title="See what these processes are, and end those that are not needed",
        commands=(f"ps -o pid,user,etime,cmd -p {numbers}", *((f"kill {computing}",) if computing else ())),
        risk=Risk.MEDIUM,
        risk_note="whatever the processes have not saved is lost",
    )
