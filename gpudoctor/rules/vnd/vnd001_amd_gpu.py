"""The GPU of this machine is made by AMD; CUDA does not run on it.

## What is wrong
CUDA is NVIDIA's. On an AMD GPU, programs that ask for it say "Found no NVIDIA driver on your system", "No CUDA GPUs
are available" or error 35 or 100, whatever is installed. AMD's own way is ROCm.

## Why it happens
The plain installation command of a framework brings its CUDA build, or a program was written for CUDA. No NVIDIA
driver, toolkit or cuDNN helps: there is no device for them.

## How to fix
- PyTorch: its ROCm build, on Linux (and WSL 2 for some cards), for GPUs that AMD lists as supported. It keeps the
  name `cuda` in Python: `torch.cuda.is_available()` is true on it, and most programs run unchanged.
- TensorFlow and JAX: AMD's packages `tensorflow-rocm` and `jax-rocm...-plugin`, or AMD's containers.
- The user must be in the groups `render` and `video`.
- Graphics units inside a processor (APU) are mostly not on AMD's list. `HSA_OVERRIDE_GFX_VERSION` makes some of them
  run, without any promise. On Windows without WSL, `torch-directml` serves small models.

## When this is harmless
When nothing here is meant to use a GPU, or the ROCm builds are installed: then this is information.

## References
- https://rocm.docs.amd.com/projects/install-on-linux/en/latest/reference/system-requirements.html
- https://pytorch.org/get-started/locally/
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Severity
from gpudoctor.rules.advice.other_vendors import rocm_torch
from gpudoctor.rules.readings.nvidia_hardware import has_nvidia_gpu
from gpudoctor.rules.readings.other_accelerators import AMD_VENDOR_ID, accelerators
from gpudoctor.rules.rule import Case, Scope, rule
from gpudoctor.rules.vnd.another_maker import of_another_maker


@rule("VND001", Severity.INFO, Scope.MACHINE, hides=("DRV001", "PRF001", "TOR004"))
def amd_gpu(case: Case) -> Finding | None:
    found = accelerators(case, AMD_VENDOR_ID)
    if not found or has_nvidia_gpu(case):
        return None
    return of_another_maker(case, "AMD", "ROCm", found, rocm_torch)
