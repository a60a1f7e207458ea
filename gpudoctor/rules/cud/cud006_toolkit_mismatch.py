"""An extension is to be compiled here, and its CUDA toolkit is absent or of another release.

## What is wrong
Wheels need no CUDA toolkit: they bring their libraries. Only what is compiled on this machine needs one: an extension
without a ready wheel (flash-attn, mmcv, detectron2, apex), or packages that compile when they run (DeepSpeed's
operators, FlashInfer, JIT extensions of PyTorch). There nvcc must exist and be of the framework's CUDA major release:
"CUDA_HOME environment variable is not set", "The detected CUDA version (10.1) mismatches the version that was used to
compile PyTorch (12.1)", "nvcc: not found".

## Why it happens
- No toolkit is installed, or only its run-time part; an image of the kind `runtime` has no nvcc, `devel` has.
- `CUDA_HOME` names a folder that is gone, or one without `bin/nvcc`.
- The distribution's old nvcc in `/usr/bin` stands before `/usr/local/cuda/bin` on PATH.

## How to fix
Look for a ready wheel first: it saves the toolkit. Otherwise install the toolkit of the framework's CUDA release
beside the others (they do not disturb each other, and no driver is needed with it) and let `CUDA_HOME` name its
folder.

## When this is harmless
When nothing is compiled. A toolkit of another release than the framework's is then no fault at all.

## References
- https://pytorch.org/docs/stable/cpp_extension.html
- https://docs.nvidia.com/cuda/cuda-installation-guide-linux/index.html
"""

from __future__ import annotations

from gpudoctor.facts.toolkit import Toolkit
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.knowledge.versions import major_of, minor_of
from gpudoctor.rules.advice.cuda import install_toolkit, use_toolkit
from gpudoctor.rules.readings.compiling_packages import compiling_package
from gpudoctor.rules.readings.framework_builds import Build, builds
from gpudoctor.rules.rule import Case, Scope, rule


@rule("CUD006", Severity.WARNING, Scope.ENVIRONMENT)
def toolkit_mismatch(case: Case) -> Finding | None:
    case.environment.packages.read()
    compiling = compiling_package(case.environment)
    build = next(iter(builds(case)), None) if compiling else None
    if compiling is None or build is None or _brings_nvcc(case):
        return None
    toolkits = [toolkit for toolkit in case.machine.toolkits.installed.read() or () if toolkit.nvcc_path]
    chosen, reason = _chosen(case, toolkits, build)
    if not reason:
        return None
    fitting = next((one for one in toolkits if major_of(one.version) == major_of(build.cuda)), None)
    return Finding(
        message=f"{compiling.name} {compiling.version} compiles for {build.title} (CUDA {build.cuda}), and {reason}",
        evidence=(
            Evidence(fact=f"package {compiling.name}", value=compiling.version, source="metadata"),
            build.version_fact,
            *(Evidence(fact="toolkit", value=f"{one.path} {one.version}", source=one.origin) for one in toolkits),
            *((case.machine.toolkits.installed,) if not chosen else ()),
        ),
        fixes=_fixes(case, fitting, build),
    )


def _brings_nvcc(case: Case) -> bool:
    names = {package.name for package in case.environment.packages.read() or ()}
    names |= {package.name for package in case.environment.conda_packages.peek() or ()}
    return any(name.startswith(("nvidia-cuda-nvcc", "cuda-nvcc", "cuda-toolkit")) for name in names)


def _chosen(case: Case, toolkits: list[Toolkit], build: Build) -> tuple[Toolkit | None, str]:
    """Return the toolkit that a build would use, and what is wrong with it ("" = nothing)."""
    home = (case.system.variables.read() or {}).get("CUDA_HOME", "").rstrip("/")
    named = [
        one for one in toolkits if home and home in (one.path.rstrip("/"), one.nvcc_path.removesuffix("/bin/nvcc"))
    ]
    chosen = next((one for one in (*named, *toolkits) if one in named or one.is_default), None)
    if home and chosen is None:
        return None, f"CUDA_HOME is {home}, which has no nvcc"
    chosen = chosen or next(iter(toolkits), None)
    if chosen is None:
        return None, "no toolkit with nvcc is installed"
    if chosen.version and major_of(chosen.version) != major_of(build.cuda):
        return chosen, f"the toolkit in {chosen.path} is {minor_of(chosen.version)}"
    return chosen, ""


def _fixes(case: Case, fitting: Toolkit | None, build: Build) -> tuple[Fix, ...]:
    return (use_toolkit(case, fitting.path),) if fitting else (install_toolkit(case, build.cuda),)
