"""Which Xid numbers belong to which finding: the numbers of one cause are judged by one rule."""

from __future__ import annotations

from gpudoctor.facts.kernel_log import Xid

OFF_THE_BUS = frozenset({79})
MEMORY = frozenset({48, 63, 64, 92, 94, 95, 140, 171, 172})
NVLINK = frozenset({74, 136, *range(144, 151)})
JUDGED_BY_OTHERS = OFF_THE_BUS | MEMORY | NVLINK


def named(xids: tuple[Xid, ...]) -> str:
    """Say which Xids the log has, and for which GPUs."""
    numbers = ", ".join(str(number) for number in sorted({xid.number for xid in xids}))
    where = ", ".join(sorted({xid.pci_address for xid in xids if xid.pci_address}))
    return f"the kernel log has Xid {numbers}{f' for GPU {where}' if where else ''}"
