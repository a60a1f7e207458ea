"""The image asks for a newer CUDA than the host's driver serves, and does not start.

## What is wrong
"nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update your driver to a newer
version". NVIDIA's images say in NVIDIA_REQUIRE_CUDA which driver they need, and the container toolkit refuses to start
them on an older one.

## Why it happens
The image tag was raised (`latest` moves by itself), and the host's driver stayed. The driver is always the host's; no
image can bring one.

## How to fix
Either a newer driver on the host, or an older image tag, whose CUDA the driver serves: the number is in the corner of
`nvidia-smi` on the host. Programs of the same CUDA major often run on the older driver all the same (minor-version
compatibility); NVIDIA_DISABLE_REQUIRE=1 skips the check for those who know that theirs does.

## Easily confused with
- The container starts, and the framework inside says that the driver is too old (CUD001).
- Error 804 from an image that carries cuda-compat libraries (CUD002).

## References
- NVIDIA Container Toolkit, "Constraints": NVIDIA_REQUIRE_CUDA.
- NVIDIA, "CUDA Compatibility".
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("CTR006", "image-newer-than-driver", Severity.ERROR, __doc__)
