"""The environment variables that change what a GPU framework does, and no secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VALUE_CHARACTERS = 4000
_VARIABLE = re.compile(
    r"(?:CUDA|CUDNN|NVIDIA|NVCC|XLA|TF|TORCH|TORCHINDUCTOR|PYTORCH|NCCL|OMP|KMP|JAX|HSA|ROCR|ROCM|HIP|TRITON|CUPY)_\w+"
    r"|KERAS_BACKEND"
    r"|LD_LIBRARY_PATH|LD_PRELOAD|PYTHONPATH|PYTHONHOME|PYTHONNOUSERSITE|VIRTUAL_ENV|CONDA_PREFIX|CONDA_DEFAULT_ENV"
    r"|CONDA_OVERRIDE_CUDA|GPU_DEVICE_ORDINAL|MKL_THREADING_LAYER"
)
_TERRAFORM = re.compile(r"TF_(?:VAR|CLI|TOKEN|PLUGIN|REGISTRY|DATA_DIR|WORKSPACE|IN_AUTOMATION|INPUT|LOG|STATE)")
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


def variables_that_matter(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that change what a GPU framework does; nothing whose name speaks of a secret."""
    return {
        name: value[:_VALUE_CHARACTERS]
        for name, value in sorted(variables.items())
        if _VARIABLE.fullmatch(name) and not _SECRET.search(name) and not _TERRAFORM.match(name)
    }
