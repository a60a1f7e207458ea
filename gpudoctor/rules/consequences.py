"""Codes that follow from a fault lower down; rules name them in `hides`."""

from __future__ import annotations

# No program can use CUDA here: these then say no more than that.
OF_NO_CUDA = ("CUD001", "CUD013", "DRV013", "PRF001")
# No kernel module serves the GPU: besides, everything that needs one is broken.
OF_NO_MODULE = (*OF_NO_CUDA, "CUD003", "DRV007", "DRV010", "DRV016")
