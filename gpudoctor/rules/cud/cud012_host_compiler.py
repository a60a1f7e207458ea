"""The CUDA compiler refuses the C++ compiler of this machine.

## What is wrong
"unsupported GNU version! gcc versions later than 13 are not supported!", or errors deep inside `<type_traits>` and
`/usr/include/c++` when nvcc compiles. Nothing is wrong with the GPU or the driver; only code that is compiled here is
affected.

## Why it happens
nvcc hands the host part of the code to gcc, clang or cl and knows the versions that existed when it was made. A
rolling or new distribution has a newer gcc than the toolkit; Windows updates Visual Studio by itself. The check is
the file `crt/host_config.h` of the toolkit, which names the newest version that it takes.

## How to fix
- Install an older compiler beside the present one and name it: `apt install g++-13`, then `NVCC_CCBIN=g++-13`,
  `CUDAHOSTCXX=g++-13` for CMake, `CC=gcc-13 CXX=g++-13` for PyTorch extensions.
- Or install a newer toolkit; within one major its programs run on the same driver.
- In a conda environment take both from there: `cuda-nvcc` and `gxx_linux-64` of fitting versions.
- `-allow-unsupported-compiler` removes the check and nothing else: the result may fail to compile or, worse, compile
  wrongly.

## When this is harmless
When nothing is compiled: wheels with ready code never call nvcc.

## References
- https://docs.nvidia.com/cuda/cuda-installation-guide-linux/index.html (host compiler support policy)
- https://docs.nvidia.com/cuda/cuda-compiler-driver-nvcc/index.html (compiler-bindir, allow-unsupported-compiler)
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("CUD012", "host-compiler", Severity.ERROR, __doc__)
