"""Which Xid numbers belong to which finding: the numbers of one cause are judged by one rule."""

from __future__ import annotations

OFF_THE_BUS = frozenset({79})
MEMORY = frozenset({48, 63, 64, 92, 94, 95, 140, 171, 172})
NVLINK = frozenset({74, 136, *range(144, 151)})
JUDGED_BY_OTHERS = OFF_THE_BUS | MEMORY | NVLINK
