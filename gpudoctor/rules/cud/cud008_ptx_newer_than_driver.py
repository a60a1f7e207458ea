"""The program carries intermediate GPU code that is newer than the driver's compiler.

## What is wrong
"the provided PTX was compiled with an unsupported toolchain", error 222, `CUDA_ERROR_UNSUPPORTED_PTX_VERSION`. The
program started and found the GPU; it fails when the driver has to turn intermediate code (PTX) into machine code.

## Why it happens
Minor-version compatibility lets a program built with CUDA 12.8 start on a driver of CUDA 12.2, but the compiler
inside the driver knows PTX only up to its own CUDA release. It is needed whenever a build has no machine code for the
GPU, and whenever code is made at run time: Triton and torch.compile, numba, CuPy and everything on NVRTC, llama.cpp
and other programs compiled here with the newest toolkit.

## How to fix
- Update the driver to one whose CUDA (the corner of nvidia-smi) is at least that of the toolkit which made the code.
- Or build with an older toolkit, or with machine code for this GPU: `-gencode arch=compute_86,code=sm_86`,
  `TORCH_CUDA_ARCH_LIST=8.6`, `CMAKE_CUDA_ARCHITECTURES=86`; machine code needs no compiler in the driver.
- For numba: install a CUDA major and minor that the driver knows (`numba-cuda[cu12]` with pinned
  `nvidia-cuda-nvrtc-cu12` and `nvidia-cuda-nvcc-cu12`).

## Easily confused with
Error 35, where nothing starts at all; error 209, where a build has neither machine code nor usable PTX for the GPU.

## References
- https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
- https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html (CUDA_ERROR_UNSUPPORTED_PTX_VERSION)
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("CUD008", "ptx-newer-than-driver", Severity.ERROR, __doc__)
