"""On native Windows this TensorFlow cannot use a GPU; the last release that could is old.

## What is wrong
TensorFlow ended its GPU support on native Windows: later wheels for Windows hold CPU code only. They install and run
without a word, `tf.config.list_physical_devices('GPU')` is empty, and no driver, CUDA or cuDNN changes that.

## Why it happens
The project stopped building the Windows wheels with CUDA. Most guides on the net still describe the old way: CUDA
toolkit, cuDNN, PATH. All of that is in vain with a newer wheel.

## How to fix
Run TensorFlow in WSL 2: it uses the same Windows driver, and a Linux TensorFlow with `[and-cuda]` finds the GPU. Do
not install a Linux driver inside WSL (WSL002). Or stay native with the last release that had GPU support, on a Python
of its time.

## Easily confused with
- A CPU build on Linux (TFL001): there another wheel of the same release has CUDA.

## When this is harmless
When the CPU is enough, or where `tensorflow-directml-plugin` serves the GPU.

## References
- TensorFlow, "Install TensorFlow with pip", section on Windows.
- Microsoft, "GPU acceleration in WSL".
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Severity
from gpudoctor.knowledge import tensorflow
from gpudoctor.knowledge.versions import at_least
from gpudoctor.rules.advice.python import install_tensorflow
from gpudoctor.rules.readings.framework_starts import works
from gpudoctor.rules.readings.gpu_title import gpu_title
from gpudoctor.rules.readings.nvidia_hardware import has_nvidia_gpu
from gpudoctor.rules.rule import CannotJudge, Case, Scope, rule


@rule("TFL002", Severity.ERROR, Scope.ENVIRONMENT, hides=("TFL001", "TFL004", "CUD005", "DNN001", "PRF001"))
def windows_native_gone(case: Case) -> Finding | None:
    environment = case.environment
    build = environment.tensorflow.need()
    if case.system.os_name.need() != "Windows" or works(environment, "tensorflow"):
        return None
    if environment.package("tensorflow-directml-plugin") or _has_windows_gpu(build.version) or not has_nvidia_gpu(case):
        return None
    return Finding(
        message=f"tensorflow {build.version} has no GPU support on native Windows; this machine has {gpu_title(case)}",
        evidence=(environment.tensorflow, case.system.os_name),
        fixes=(install_tensorflow(case),),
    )


def _has_windows_gpu(version: str) -> bool:
    """Ask the tables; a release newer than all of them is judged as the newest one is, since support has ended."""
    release = tensorflow.release(version)
    if release is None and at_least(version, tensorflow.newest_release()):
        release = tensorflow.release(tensorflow.newest_release())
    if release is None:
        raise CannotJudge("tensorflow", f"the tables do not know tensorflow {version}")
    return release.has_windows_gpu
