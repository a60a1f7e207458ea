"""What a GPU's counters say of its memory: errors, repairs that wait, repairs that failed."""

from __future__ import annotations

from gpudoctor.facts.gpu import Gpu


def has_no_spares_left(gpu: Gpu) -> bool:
    """Whether remapping a row of memory has failed."""
    remap = gpu.row_remap.peek()
    return remap is not None and remap.has_failed


def is_repair_pending(gpu: Gpu) -> bool:
    """Whether a remapped row or a retired page takes effect at the next reset only."""
    remap = gpu.row_remap.peek()
    return (remap is not None and remap.is_pending) or gpu.retired_pages_pending.peek() is True


def is_repair_overdue(gpu: Gpu) -> bool:
    """Whether programs met uncorrectable errors and the repair still waits."""
    return is_repair_pending(gpu) and bool(gpu.ecc_uncorrected_volatile.peek())


def memory_trouble(gpu: Gpu) -> str:
    """Say what is wrong with a GPU's memory; "" when nothing is."""
    count = gpu.ecc_uncorrected_volatile.peek()
    pieces = [
        "remapping a row of memory has failed, no spare ones are left" if has_no_spares_left(gpu) else "",
        "a memory repair waits for a reset" if is_repair_pending(gpu) else "",
        f"{count} uncorrectable memory error{'s' if count > 1 else ''} since the driver was loaded, expected 0"
        if count
        else "",
    ]
    return ", ".join(piece for piece in pieces if piece)
