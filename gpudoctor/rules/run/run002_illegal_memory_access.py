"""A GPU kernel read or wrote outside the memory that it was given.

## What is wrong
"an illegal memory access was encountered" (error 700), "misaligned address" (716), in the kernel log an Xid 13 or 31
with the process's number. The CUDA context is lost; every later call of the process fails.

## Why it happens
Mostly a bug in a kernel: of an extension built for another version, of one's own CUDA or Triton code, of a library on
sizes that nobody tried (more than 2^31 elements, empty tensors), or of a race that other timing reveals. Rarely the
memory itself, at overclocked settings or with errors that ECC would have shown.

## How to fix
- Find the kernel: `CUDA_LAUNCH_BLOCKING=1`, then `compute-sanitizer --tool memcheck python script.py`.
- Update the library whose kernel it is; turn off what is special (a fused attention, a custom operator,
  `torch.compile`, `cudnn.benchmark`) one thing at a time.
- If it moves from program to program and place to place, suspect the hardware: Xids, ECC counts, power supply,
  overclocking; repeat on another GPU.

## Easily confused with
Device-side assertions (error 710) are checks of the program's data. `CUBLAS_STATUS_EXECUTION_FAILED` after this error
is only its echo.

## References
- https://docs.nvidia.com/compute-sanitizer/ComputeSanitizer/index.html
- https://docs.nvidia.com/deploy/xid-errors/index.html
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("RUN002", "illegal-memory-access", Severity.ERROR, __doc__, hides=("HWD001", "RUN005"))
