"""A CUDA library gave up with a status code whose cause lies elsewhere.

## What is wrong
`CUBLAS_STATUS_ALLOC_FAILED`, `CUBLAS_STATUS_NOT_INITIALIZED`, `CUBLAS_STATUS_EXECUTION_FAILED`,
`CUDNN_STATUS_NOT_INITIALIZED`, `CUDNN_STATUS_INTERNAL_ERROR`, `CUDNN_STATUS_EXECUTION_FAILED`, "Failed to get
convolution algorithm". The code says which library noticed, not what happened.

## Why it happens
- `ALLOC_FAILED`, `NOT_INITIALIZED` while a handle is created, and cuDNN's `INTERNAL_ERROR` at the first convolution:
  mostly no memory left for the library's workspace. TensorFlow's habit of taking all memory, or a second process, is
  the usual reason.
- `EXECUTION_FAILED`, and `NOT_INITIALIZED` in the middle of a run: an earlier kernel of the same process failed,
  often a device-side assertion on a label out of range.
- `NOT_SUPPORTED`, `ARCH_MISMATCH`: the library has no code for this GPU or this type.
- `SUBLIBRARY_VERSION_MISMATCH`, `VERSION_MISMATCH`: parts of cuDNN from two releases.

## How to fix
- Watch the memory (`nvidia-smi`) and try a smaller batch, or let TensorFlow grow its memory
  (`TF_FORCE_GPU_ALLOW_GROWTH=true`).
- Run once with `CUDA_LAUNCH_BLOCKING=1`, or the step on the CPU, to see the first error rather than its echo.
- Let the library speak: `CUBLAS_LOGINFO_DBG=1` with `CUBLAS_LOGDEST_DBG=stdout`, `CUDNN_LOGLEVEL_DBG=2` with
  `CUDNN_LOGDEST_DBG=stdout`.
- Check which copies are loaded: `gpudoctor check` names the files.

## References
- https://docs.nvidia.com/cuda/cublas/index.html#cublasstatus-t
- https://docs.nvidia.com/deeplearning/cudnn/backend/latest/reference/troubleshooting.html
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("RUN005", "library-status", Severity.ERROR, __doc__)
