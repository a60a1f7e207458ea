"""A process that had started CUDA was forked, and the child uses CUDA.

## What is wrong
"Cannot re-initialize CUDA in forked subprocess", "CUDA error: initialization error" (error 3) in a worker, or
TensorFlow and JAX workers that hang. The parent works.

## Why it happens
CUDA's state does not survive `fork`. Python on Linux forks its workers by default up to 3.13. Anything that touches
CUDA before the workers start is enough: a tensor moved to the GPU at import, `torch.cuda.device_count()` in old
releases, a model built in the main process, tensors on the GPU returned by a Dataset.

## How to fix
- Start workers anew: `torch.multiprocessing.set_start_method("spawn")` below `if __name__ == "__main__":`,
  `multiprocessing_context="spawn"` for a DataLoader, `VLLM_WORKER_MULTIPROC_METHOD=spawn` for vLLM, `--preload` off
  for gunicorn.
- Keep Datasets and collate functions on the CPU; move batches to the GPU in the main process.
- Touch CUDA only after the fork: in the worker, not at import.

## Easily confused with
Out of memory in a worker: every process with a CUDA context needs some hundred MB of its own.

## References
- https://pytorch.org/docs/stable/notes/multiprocessing.html
- https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("RUN004", "cuda-in-forked-process", Severity.ERROR, __doc__, hides=("RUN005",))
