"""A GPU's memory has errors that could not be corrected, or repairs that wait for a reset.

## What is wrong

Cards with ECC count memory errors and put spare rows or pages in the place of bad ones. Uncorrectable errors end the
programs that touch them; a pending remap takes effect at the next reset only; a failed one means that no spares are
left.

## Why it happens

- A cosmic ray or a weak cell: single events are normal over the years, and the card repairs itself at the next reset.
- The memory wears out or overheats: errors come again at short intervals.
- The spares are used up: remapping has failed.

## How to fix

Pending: end the programs, reset the GPU or reboot. Errors again after that: run the maker's field diagnosis.
Remapping failed: replace the card.

## When this is harmless

Corrected errors, and a few remapped rows or retired pages from the past on a card that works: they are not reported.

## References

- https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/
- https://docs.nvidia.com/deploy/dynamic-page-retirement/
- https://docs.nvidia.com/deploy/xid-errors/ (Xid 48, 63, 64, 92, 94, 95)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpudoctor.facts.fact import Fact
from gpudoctor.facts.gpu import Gpu
from gpudoctor.facts.kernel_log import Xid
from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.knowledge.xids import xid as meaning_of
from gpudoctor.rules import kernel_lines
from gpudoctor.rules.advice.driver import on_the_host, reboot
from gpudoctor.rules.advice.mig import reset_gpu
from gpudoctor.rules.rule import Case, Scope, rule
from gpudoctor.rules.xid_families import MEMORY

_STOPS_NOTHING = "none"  # the table's word for events that are only recorded: 63, 92
_FATAL = ("gpu_fatal", "varies")


@rule("HWD003", Severity.ERROR, Scope.MACHINE)
def memory_errors(case: Case) -> Finding | None:
    gpus = case.machine.gpus.peek() or ()
    xids = tuple(one for one in case.machine.kernel_log.xids.peek() or () if one.number in MEMORY)
    told = tuple(one for one in xids if not gpus or _severity(one) != _STOPS_NOTHING)
    troubles = {gpu.index: trouble for gpu in gpus if (trouble := _trouble(gpu))}
    if not troubles and not told:
        _make_sure(case)
        return None
    failed = [gpu for gpu in gpus if _has_failed(gpu)]
    is_bad = failed or any(_is_repair_overdue(gpu) for gpu in gpus) or any(_severity(one) in _FATAL for one in told)
    return Finding(
        message="; ".join([*(f"GPU {index}: {trouble}" for index, trouble in troubles.items()), *_named(told)]),
        evidence=(*_evidence(gpus, troubles), *kernel_lines.xid_evidence(case, told)),
        severity=Severity.ERROR if is_bad else Severity.WARNING,
        fixes=_fixes(case, tuple(troubles), bool(failed)),
    )


def _severity(xid: Xid) -> str | None:
    row = meaning_of(xid.number)
    return row.severity if row else None


def _has_failed(gpu: Gpu) -> bool:
    remap = gpu.row_remap.peek()
    return remap is not None and remap.has_failed


def _is_pending(gpu: Gpu) -> bool:
    remap = gpu.row_remap.peek()
    return (remap is not None and remap.is_pending) or gpu.retired_pages_pending.peek() is True


def _is_repair_overdue(gpu: Gpu) -> bool:
    """Whether programs met uncorrectable errors and the repair still waits."""
    return _is_pending(gpu) and bool(gpu.ecc_uncorrected_volatile.peek())


def _trouble(gpu: Gpu) -> str:
    """Say what is wrong with a GPU's memory; "" when nothing is."""
    count = gpu.ecc_uncorrected_volatile.peek()
    pieces = [
        "remapping a row of memory has failed, no spare ones are left" if _has_failed(gpu) else "",
        "a memory repair waits for a reset" if _is_pending(gpu) else "",
        f"{count} uncorrectable memory errors since the driver was loaded, expected 0" if count else "",
    ]
    return ", ".join(piece for piece in pieces if piece)


def _make_sure(case: Case) -> None:
    """Pass only when each GPU's counters, or at least the log, could be read."""
    for gpu in case.machine.gpus.peek() or ():
        for fact in (gpu.row_remap, gpu.ecc_uncorrected_volatile):
            fact.read()
    if case.machine.gpus.is_unknown:
        case.machine.kernel_log.xids.read()


def _named(xids: tuple[Xid, ...]) -> list[str]:
    if not xids:
        return []
    numbers = sorted({xid.number for xid in xids})
    where = ", ".join(sorted({xid.pci_address for xid in xids if xid.pci_address}))
    return [f"the kernel log has Xid {', '.join(map(str, numbers))}{f' for GPU {where}' if where else ''}"]


def _evidence(gpus: tuple[Gpu, ...], troubles: dict[int, str]) -> Iterator[Fact[Any]]:
    for gpu in gpus:
        if gpu.index in troubles:
            yield from (gpu.row_remap, gpu.retired_pages_pending, gpu.ecc_uncorrected_volatile)


def _fixes(case: Case, indexes: tuple[int, ...], has_failed: bool) -> tuple[Fix, ...]:
    first = reset_gpu(case, indexes[0]) if indexes else reboot(case, "the GPU repairs its memory")
    replace = Fix(title="Replace the card: its spare memory is used up")
    watch = Fix(title="Watch the counters afterwards", commands=("nvidia-smi -q -d ECC,ROW_REMAPPER,PAGE_RETIREMENT",))
    return (on_the_host(case, replace), first) if has_failed else (first, watch)
