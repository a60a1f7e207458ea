"""A framework took the GPU's memory in advance, or its pool is in pieces too small to use.

## What is wrong
An allocation fails although enough memory is free in sum. Either another framework, or another process of the same
one, took nearly everything at its start; or PyTorch's message says that much is "reserved by PyTorch but
unallocated", which is free memory in pieces.

## Why it happens
TensorFlow takes almost all memory of every visible GPU when it first touches one, JAX three quarters of it; two of
them on one GPU collide by default. PyTorch takes what it needs and keeps it in blocks; inputs of ever changing size
leave gaps that fit no later request.

## How to fix
- TensorFlow: `TF_FORCE_GPU_ALLOW_GROWTH=true`, or `tf.config.experimental.set_memory_growth(gpu, True)` before the
  first operation.
- JAX: `XLA_PYTHON_CLIENT_PREALLOCATE=false`, or `XLA_PYTHON_CLIENT_MEM_FRACTION=.40`.
- PyTorch: `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True` (from 2.9 on also `PYTORCH_ALLOC_CONF`); pad inputs to a
  few sizes. `torch.cuda.empty_cache()` returns memory to others, it creates none.
- One framework a process, one process a GPU where it can be had.

## When this is harmless
When only one process uses the GPU: memory that a framework reserved for itself is no loss, and a full bar in
nvidia-smi then says nothing about need.

## References
- https://pytorch.org/docs/stable/notes/cuda.html (optimizing memory usage with PYTORCH_CUDA_ALLOC_CONF)
- https://www.tensorflow.org/guide/gpu (limiting GPU memory growth)
- https://docs.jax.dev/en/latest/gpu_memory_allocation.html
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("MEM003", "preallocation-or-fragmentation", Severity.WARNING, __doc__, hides=("MEM001", "RUN005"))
