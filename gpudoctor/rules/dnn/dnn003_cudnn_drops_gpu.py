"""The installed cuDNN no longer has code for this GPU's generation.

## What is wrong
From release 9.11 on cuDNN serves GPUs of compute capability 7.5 (Turing) and newer, in its packages for CUDA 12 too.
The framework may still have code for an older card, so everything looks right until the first convolution or
attention: `CUDNN_STATUS_EXECUTION_FAILED`, `CUDNN_STATUS_NOT_SUPPORTED`, "no engine", or a crash at load.

## Why it happens
JAX, and TensorFlow from 2.20 on, ask for any cuDNN of major release 9, so pip takes the newest. PyTorch pins its own
and is safe until another package moves it.

## How to fix
Install the last cuDNN release that has code for the card into the environment, and pin it in your requirements.

## References
- https://docs.nvidia.com/deeplearning/cudnn/backend/latest/reference/support-matrix.html
- https://docs.nvidia.com/deeplearning/cudnn/backend/latest/release-notes.html (9.11)
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Severity
from gpudoctor.knowledge.gpus import cudnn_min_capability
from gpudoctor.knowledge.versions import at_least, major_of
from gpudoctor.rules.advice.cuda import last_cudnn
from gpudoctor.rules.readings.cudnn_copies import has_convolved, used_cudnn
from gpudoctor.rules.readings.framework_builds import builds
from gpudoctor.rules.readings.served_gpus import has_code_for, label
from gpudoctor.rules.readings.visible_devices import is_visible
from gpudoctor.rules.rule import Case, Scope, rule


@rule("DNN003", Severity.ERROR, Scope.ENVIRONMENT_GPU, hides=("PRF001", "RUN005", "RUN006"))
def cudnn_drops_gpu(case: Case) -> Finding | None:
    installed = builds(case)
    if not installed or not is_visible(case, case.gpu):
        return None
    capability = case.gpu.compute_capability.need()
    for build in installed:
        version, source = used_cudnn(case, build)
        lowest = cudnn_min_capability(version, major_of(build.cuda)) if version else None
        if lowest is None or at_least(capability, lowest) or not has_code_for(case, build, capability):
            continue
        is_warning = has_convolved(case.environment.run(build.framework)) or _serves_another(case, lowest)
        return Finding(
            message=f"cuDNN {version} has code from compute capability {lowest} on; "
            f"{label(case.gpu)} has {capability}, and {build.title} uses this cuDNN",
            evidence=(source, case.gpu.compute_capability, case.gpu.name, build.version_fact),
            severity=Severity.WARNING if is_warning else Severity.ERROR,
            fixes=(last_cudnn(case, build, version, capability),),
        )
    return None


def _serves_another(case: Case, lowest: str) -> bool:
    others = [one for one in case.machine.gpus.peek() or () if one.index != case.gpu.index and is_visible(case, one)]
    capabilities = [one.compute_capability.peek() for one in others]
    return any(capability is not None and at_least(capability, lowest) for capability in capabilities)
