"""The GPU waits for data: preparing the batches takes longer than computing them.

## What is wrong
The GPU's utilisation jumps between 0 and 100 % or stays low, while processor cores or the disk are busy. A larger GPU
would change nothing.

## Why it happens
Pictures are decoded and augmented in the main process (`num_workers=0`), from many small files, on a network disk, or
by a few processor cores for a fast GPU. In containers and on shared machines the number of usable cores is often far
below the number shown. In TensorFlow: a pipeline without `prefetch`, or `map` without `num_parallel_calls`.

## How to fix
- PyTorch: `num_workers` near the number of usable cores, `pin_memory=True`, `persistent_workers=True`, `.to(device,
  non_blocking=True)`.
- TensorFlow: `map(..., num_parallel_calls=tf.data.AUTOTUNE)`, `cache()` before random augmentation where it fits,
  `prefetch(tf.data.AUTOTUNE)` last.
- Pack small files (WebDataset, TFRecord, one array file), resize once in advance, decode on the GPU (DALI, nvJPEG).
- Measure: the same step with one batch kept on the GPU shows what the GPU could do.

## When this is harmless
In short tests, and where the first epoch fills a cache.

## References
- https://pytorch.org/tutorials/recipes/recipes/tuning_guide.html
- https://www.tensorflow.org/guide/data_performance
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("PRF002", "input-pipeline-bound", Severity.WARNING, __doc__)
