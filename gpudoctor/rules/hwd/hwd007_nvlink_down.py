"""NVLinks of a GPU are down that should be up.

## What is wrong

NVLink joins GPUs directly. Some links of this GPU are inactive while its other links, or the same product beside it,
have theirs active; or the kernel log has NVLink errors. Programs that use several GPUs fall back to PCIe, run slower,
or end with an error of NCCL.

## Why it happens

- A bridge between two cards is loose, missing, or the wrong one.
- A switch, a cable or a backplane has an error (NVSwitch systems).
- The link failed in operation and stays off until the GPU is reset.

## How to fix

Read `nvidia-smi nvlink --status` and the error counters, reseat the bridge, reset the GPUs or reboot. On NVSwitch
systems, read the fabric manager's log too.

## When this is harmless

Cards in PCIe slots without a bridge have no active link by design, and with one small bridge only some are used.
Neither is reported.

## References

- https://docs.nvidia.com/deploy/xid-errors/ (Xid 74, 144 to 150)
- https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/
"""

from __future__ import annotations

from gpudoctor.facts.gpu import Gpu
from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.advice.driver import on_the_host, reboot
from gpudoctor.rules.readings import kernel_lines
from gpudoctor.rules.readings.xid_families import NVLINK, named
from gpudoctor.rules.rule import Case, Scope, rule


@rule("HWD007", Severity.WARNING, Scope.MACHINE)
def nvlink_down(case: Case) -> Finding | None:
    gpus = case.machine.gpus.peek() or ()
    down = [text for gpu in gpus if (text := _down(gpu, gpus))]
    xids = tuple(one for one in case.machine.kernel_log.xids.peek() or () if one.number in NVLINK)
    if not down and not xids:
        _make_sure(case)
        return None
    return Finding(
        message="; ".join([*down, *([named(xids)] if xids else [])]),
        evidence=(*(gpu.nvlinks for gpu in gpus if _down(gpu, gpus)), *kernel_lines.xid_evidence(case, xids)),
        severity=Severity.ERROR if down and xids else Severity.WARNING,
        hides=("RUN003",),
        fixes=(
            Fix(
                title="Read the state of the links and their errors",
                commands=("nvidia-smi nvlink --status", "nvidia-smi nvlink -e"),
            ),
            on_the_host(case, Fix(title="Switch the power off and reseat bridge or board")),
            reboot(case, "the links are trained again"),
        ),
    )


def _active(gpu: Gpu) -> int:
    return sum(link.is_active for link in gpu.nvlinks.peek() or ())


def _down(gpu: Gpu, gpus: tuple[Gpu, ...]) -> str:
    """Say how many links are missing against the GPU's peers; without peers, against its own links. "" when none."""
    links = gpu.nvlinks.peek() or ()
    active = _active(gpu)
    peers = [other for other in gpus if other.index != gpu.index and other.name.peek() == gpu.name.peek()]
    is_switched = any(link.remote == "switch" for one in (gpu, *peers) for link in one.nvlinks.peek() or ())
    if not links or (active == 0 and not is_switched):
        return ""  # no bridge on this card: by design
    expected = max((_active(peer) for peer in peers), default=len(links))
    return f"GPU {gpu.index} has {active} of {expected} NVLinks active" if active < expected else ""


def _make_sure(case: Case) -> None:
    """Pass only when each GPU's links could be read; without NVML the log decides."""
    for gpu in case.machine.gpus.peek() or ():
        gpu.nvlinks.read()
    if case.machine.gpus.is_unknown:
        case.machine.kernel_log.xids.read()
