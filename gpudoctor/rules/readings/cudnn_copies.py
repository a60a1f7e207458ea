"""Which cuDNN a framework uses: the files that it had mapped, its package, and whether a convolution worked with it."""

from __future__ import annotations

from gpudoctor.facts.environment import FrameworkRun, MappedLibrary
from gpudoctor.facts.fact import Fact
from gpudoctor.findings.finding import Evidence
from gpudoctor.knowledge.versions import major_of
from gpudoctor.rules.readings.framework_builds import Build
from gpudoctor.rules.readings.nvidia_packages import bundled, package_name
from gpudoctor.rules.rule import Case


def cudnn_package(build: Build) -> str:
    """Return the package that brings cuDNN for a build: "nvidia-cudnn-cu12"."""
    return package_name("cudnn", major_of(build.cuda) or 0)


def mapped_cudnn(run: FrameworkRun) -> tuple[MappedLibrary, ...]:
    """Return the cuDNN files that a framework's process had mapped; () where they could not be seen."""
    return tuple(library for library in run.mapped_libraries.peek() or () if library.soname.startswith("libcudnn"))


def mapped_as_evidence(run: FrameworkRun) -> tuple[Evidence, ...]:
    """Return those files as evidence."""
    source = run.mapped_libraries.source
    return tuple(
        Evidence(fact=f"mapped {one.soname}", value=f"{one.path} {one.version}".strip(), source=source)
        for one in mapped_cudnn(run)[:8]
    )


def has_convolved(run: FrameworkRun | None) -> bool:
    """Whether a convolution on the GPU gave the right result (--deep)."""
    kernels = (run.kernel_runs.peek() if run else ()) or ()
    return any(one.operation == "convolution" and one.is_correct for one in kernels)


def used_cudnn(case: Case, build: Build) -> tuple[str, Fact[str] | Evidence]:
    """Return the release of the loaded cuDNN, else of the package that the build would load; "" when there is none."""
    run = case.environment.run(build.framework)
    loaded = run.runtime_cudnn.peek() if run else None
    if run and loaded:
        return loaded, run.runtime_cudnn
    packages = bundled(case.environment, "cudnn")
    package = next((one for one in packages if one.name == cudnn_package(build)), next(iter(packages), None))
    text = f"{package.name} {package.version}" if package else ""
    return package.version if package else "", Evidence(fact="packages", value=text, source="metadata")
