"""The program's data broke a check in a GPU kernel, mostly a label or index out of range.

## What is wrong
"CUDA error: device-side assert triggered" (error 710). The installation works: a kernel compared a number with its
limits and stopped on purpose. From then on every CUDA call of the process fails, whatever it does.

## Why it happens
- A class label at or above the number of outputs, or -1, in a loss function: `Assertion 't >= 0 && t < n_classes'
  failed`.
- A token number at or above the embedding's rows (a tokenizer that was extended, another model's tokenizer); a
  position beyond the longest sequence.
- Probabilities below 0, above 1 or NaN in `binary_cross_entropy`, `multinomial` or `Bernoulli`.
- An index in `gather`, `scatter` or `index_select` beyond the dimension.

The Python line that is shown is rarely the guilty one: kernels run later than they are called.

## How to fix
- Run once with `CUDA_LAUNCH_BLOCKING=1`: the traceback then points at the call. Or run the step on the CPU, where the
  message names the index.
- Read the lines above the traceback: the kernel prints file, assertion, block and thread.
- Check `labels.min()`, `labels.max()` against the number of classes, ignored labels (255, -100) included.
- Restart the process or the notebook kernel afterwards; nothing else clears the state.

## Easily confused with
"an illegal memory access was encountered", where no check stood in the way.

## References
- https://pytorch.org/docs/stable/notes/cuda.html (asynchronous execution)
- https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html (cudaErrorAssert)
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("RUN001", "device-side-assert", Severity.ERROR, __doc__, hides=("HWD001", "RUN002", "RUN005"))
