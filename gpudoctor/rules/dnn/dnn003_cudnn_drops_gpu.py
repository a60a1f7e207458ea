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

from gpudoctor.facts.environment import Package
from gpudoctor.facts.fact import Fact
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.knowledge.gpus import cudnn_min_capability
from gpudoctor.knowledge.versions import at_least, major_of, version_key
from gpudoctor.rules.advice.python import pip_install
from gpudoctor.rules.framework_builds import Build, builds
from gpudoctor.rules.nvidia_packages import bundled, package_name
from gpudoctor.rules.rule import Case, Scope, rule
from gpudoctor.rules.served_gpus import has_code_for, label
from gpudoctor.rules.visible_devices import is_visible


@rule("DNN003", Severity.ERROR, Scope.ENVIRONMENT_GPU, hides=("PRF001", "RUN005", "RUN006"))
def cudnn_drops_gpu(case: Case) -> Finding | None:
    installed = builds(case)
    if not installed or not is_visible(case, case.gpu):
        return None
    capability = case.gpu.compute_capability.need()
    for build in installed:
        version, source = _cudnn(case, build)
        lowest = cudnn_min_capability(version, major_of(build.cuda)) if version else None
        if lowest is None or at_least(capability, lowest) or not has_code_for(case, build, capability):
            continue
        return Finding(
            message=f"cuDNN {version} has code from compute capability {lowest} on; "
            f"{label(case.gpu)} has {capability}, and {build.title} uses this cuDNN",
            evidence=(source, case.gpu.compute_capability, case.gpu.name, build.version_fact),
            severity=Severity.WARNING if _convolved(case, build) or _serves_another(case, lowest) else Severity.ERROR,
            fixes=(_older(case, build, version, capability),),
        )
    return None


def _cudnn(case: Case, build: Build) -> tuple[str, Fact[str] | Evidence]:
    """Return the release of the loaded cuDNN, else of the package that the build would load; "" when there is none."""
    run = case.environment.run(build.framework)
    if run is not None and run.runtime_cudnn.peek():
        return run.runtime_cudnn.peek() or "", run.runtime_cudnn
    packages: tuple[Package, ...] = bundled(case.environment, "cudnn")
    wanted = package_name("cudnn", major_of(build.cuda) or 0)
    package = next((one for one in packages if one.name == wanted), packages[0] if packages else None)
    text = f"{package.name} {package.version}" if package else ""
    return package.version if package else "", Evidence(fact="packages", value=text, source="metadata")


def _serves_another(case: Case, lowest: str) -> bool:
    others = [one for one in case.machine.gpus.peek() or () if one.index != case.gpu.index and is_visible(case, one)]
    capabilities = [one.compute_capability.peek() for one in others]
    return any(capability is not None and at_least(capability, lowest) for capability in capabilities)


def _convolved(case: Case, build: Build) -> bool:
    run = case.environment.run(build.framework)
    return any(
        one.operation == "convolution" and one.is_correct for one in (run.kernel_runs.peek() if run else ()) or ()
    )


def _older(case: Case, build: Build, version: str, capability: str) -> Fix:
    """Install a cuDNN below the release that dropped the GPU: the table is asked minor by minor, downwards."""
    major, minor = (*version_key(version), 0)[:2]
    name = package_name("cudnn", major_of(build.cuda) or 0)
    for lower in range(minor, -1, -1):
        lowest = cudnn_min_capability(f"{major}.{lower}", major_of(build.cuda))
        if lowest is not None and at_least(capability, lowest):
            bound = f"{name}>={major}.{lower},<{major}.{lower + 1}"
            return pip_install(
                case.environment, [bound], title=f"Install cuDNN {major}.{lower}, the last with its code"
            )
    return Fix(title="Use a framework build whose cuDNN has code for this GPU")
