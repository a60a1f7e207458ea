"""A cuDNN library that the framework needs cannot be found.

## What is wrong
cuDNN holds the convolutions and attention kernels of the frameworks. One of its files is not where the loader looks:
"libcudnn.so.9: cannot open shared object file", "Could not load library libcudnn_ops_infer.so.8", "Unable to load any
of {libcudnn_ops.so.9...}", on Windows `cudnn64_8.dll`.

## Why it happens
- The package that brings it is not installed (`pip install --no-deps`, a slim image, TensorFlow without
  `[and-cuda]`).
- Only a part is there: cuDNN is one small library that loads seven others when they are first needed, so a program
  may run for a while.
- A library beside the framework (CTranslate2 in faster-whisper, ONNX Runtime) looks on the system's path and not in
  the folder of the framework's package. Or it wants major release 8 where 9 is installed; the two are different
  files.

## How to fix
Install the package that brings it, of the major release that is asked for, into the same environment. For a library
that looks on the system's path only, put the folder of the package on `LD_LIBRARY_PATH` for that one program, or
install the distribution's cuDNN.

## References
- https://docs.nvidia.com/deeplearning/cudnn/installation/latest/linux.html
- https://www.tensorflow.org/install/pip
"""

from __future__ import annotations

from gpudoctor.facts.environment import Environment
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.knowledge.versions import major_of
from gpudoctor.rules.advice.python import pip_install
from gpudoctor.rules.readings.framework_builds import builds
from gpudoctor.rules.readings.missing_libraries import MissingLibrary, missing_libraries, other_releases, same_release
from gpudoctor.rules.readings.nvidia_hardware import has_nvidia_gpu
from gpudoctor.rules.readings.nvidia_packages import package_name, requirement
from gpudoctor.rules.rule import Case, Scope, rule


@rule("DNN001", Severity.ERROR, Scope.ENVIRONMENT, hides=("DNN002", "PRF001", "PYT011", "RUN005", "RUN006"))
def cudnn_missing(case: Case) -> Finding | None:
    missing = [one for one in missing_libraries(case) if one.component == "cudnn" and not _is_of_tensorflow(case, one)]
    if not missing or not has_nvidia_gpu(case):
        return None
    first = missing[0]
    others = (*same_release(case, first), *other_releases(case, first))
    there = f"what is there is {', '.join(others[:3])}" if others else "no package or folder here brings a cuDNN"
    return Finding(
        message=f"{first.framework} asks for {first.soname}, which the loader does not find; {there}",
        evidence=(
            first.fact,
            *(Evidence(fact="other cuDNN", value=other, source="packages, loader, headers") for other in others[:4]),
        ),
        fixes=(_install(case, first),),
    )


def _is_of_tensorflow(case: Case, missing: MissingLibrary) -> bool:
    """Whether TensorFlow asks for one release where another is installed, which is a finding of its own."""
    return missing.framework == "tensorflow" and bool(other_releases(case, missing))


def _install(case: Case, missing: MissingLibrary) -> Fix:
    cuda = next((build.cuda for build in builds(case) if build.framework == missing.framework), "")
    major = major_of(cuda) or _majors_installed(case.environment)
    name = package_name("cudnn", major) if major else "nvidia-cudnn"
    wanted = requirement(case.environment, missing.framework, name)
    if wanted == name and missing.major:
        wanted = f"{name}=={missing.major}.*"
    brings = case.environment.package(name)
    if brings is not None and major_of(brings.version) == missing.major:
        again = f"{name}=={brings.version}"
        title = f"Install {again} again, which brings {missing.soname}"
        return pip_install(case.environment, [again], title=title, reinstall=True)
    return pip_install(case.environment, [wanted])


def _majors_installed(environment: Environment) -> int | None:
    """Return the CUDA major of the NVIDIA packages that are there, from their names."""
    names = [package.name for package in environment.packages.peek() or () if package.name.startswith("nvidia-")]
    suffixes = [name.rpartition("-cu")[2] for name in names if "-cu" in name]
    return next((int(suffix) for suffix in suffixes if suffix.isdigit()), None)
