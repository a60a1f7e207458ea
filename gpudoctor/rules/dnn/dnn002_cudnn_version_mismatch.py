"""The cuDNN that is loaded does not fit the one that the framework was compiled with.

## What is wrong
Within a major release a newer cuDNN serves a program that was compiled with an older one; an older one does not serve
it, and another major release is a different library. The parts of cuDNN must all be of the same release. PyTorch:
"cuDNN version incompatibility: PyTorch was compiled against (9, 1, 0) but found runtime version (8, 9, 7)".
TensorFlow: "Loaded runtime CuDNN library: 8.5.0 but source was compiled with: 8.6.0". cuDNN itself:
`CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH`.

## Why it happens
- A second framework or `pip install nvidia-cudnn-cu12` moved the package that both share to another release.
- A system cuDNN or a folder in `LD_LIBRARY_PATH` is taken for all of it, or for those parts only which the bundled
  copy loads later.
- A conda package and a pip package are in the same environment.

## How to fix
Install the release that the framework asks for, and let one copy be found. One GPU framework an environment avoids
most of it.

## Easily confused with
A copy from `LD_LIBRARY_PATH` in place of the bundled one: then the variable is the root, and reinstalling helps
nothing.

## References
- https://docs.nvidia.com/deeplearning/cudnn/backend/latest/developer/forward-compatibility.html
- https://docs.nvidia.com/deeplearning/cudnn/backend/latest/api/overview.html (sub-libraries)
"""

from __future__ import annotations

from gpudoctor.facts.environment import FrameworkRun, MappedLibrary
from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.knowledge.versions import version_key
from gpudoctor.rules.advice.cuda import install_library
from gpudoctor.rules.readings.cudnn_copies import cudnn_package, has_convolved, mapped_as_evidence, mapped_cudnn
from gpudoctor.rules.readings.framework_builds import builds
from gpudoctor.rules.rule import Case, Scope, rule

_COMPARED = 2  # major and minor; a lower patch level within a minor is accepted by the frameworks


@rule("DNN002", Severity.ERROR, Scope.ENVIRONMENT, hides=("PRF001", "RUN005", "RUN006"))
def cudnn_version_mismatch(case: Case) -> Finding | None:
    for build in builds(case):
        run = case.environment.run(build.framework)
        message = _mismatch(run) if run else ""
        if run is None or not message:
            continue
        return Finding(
            message=f"{build.title} {message}",
            evidence=(run.built_cudnn, run.runtime_cudnn, build.version_fact, *mapped_as_evidence(run)),
            severity=Severity.WARNING if has_convolved(run) else Severity.ERROR,
            fixes=(install_library(case, build.framework, cudnn_package(build)), *_look(case, run)),
        )
    return None


def _look(case: Case, run: FrameworkRun) -> tuple[Fix, ...]:
    """Advise to find what brings a copy from outside the environment: a package that is right cannot mend that."""
    outside = [one for one in mapped_cudnn(run) if not one.path.startswith(case.environment.path)]
    if not outside or case.system.os_name.peek() == "Windows":
        return ()
    title = f"See what brings {outside[0].path}, and take it off the loader's path"
    return (Fix(title=title, commands=("ldconfig -p | grep libcudnn", "echo $LD_LIBRARY_PATH")),)


def _mismatch(run: FrameworkRun) -> str:
    built, loaded = run.built_cudnn.read(), run.runtime_cudnn.read()
    if built and loaded and _is_refused(version_key(built), version_key(loaded)):
        return f"is compiled with cuDNN {built} and has loaded {loaded}"
    releases = {library.version: library.path for library in mapped_cudnn(run) if _is_whole(library)}
    if len(releases) > 1:
        return "has loaded parts of several cuDNN: " + ", ".join(f"{path} ({key})" for key, path in releases.items())
    return ""


def _is_refused(built: tuple[int, ...], loaded: tuple[int, ...]) -> bool:
    if not built or not loaded:
        return False
    compared = min(_COMPARED, len(built), len(loaded))
    return built[0] != loaded[0] or loaded[:compared] < built[:compared]


def _is_whole(library: MappedLibrary) -> bool:
    """Whether the version is a whole one: a file called libcudnn.so.9 says the major alone."""
    return len(version_key(library.version)) > _COMPARED
