"""The overview's lines on Python environments, what their frameworks did, and on Jupyter kernels."""

from __future__ import annotations

from collections.abc import Iterator

from gpudoctor.facts.environment import Environment, FrameworkRun
from gpudoctor.facts.jupyter import KernelSpec
from gpudoctor.facts.snapshot import Machine
from gpudoctor.render.values import counted, listed

_FRAMEWORKS = ("torch", "tensorflow", "jax", "cupy")
_BROKEN_SHOWN = 3
_ERROR_COLUMNS = 90

Said = tuple[str, tuple[str, ...]]


def environment_lines(environment: Environment) -> Said:
    """Return the mark without findings, and what is shown: the place, then a line a framework."""
    python = environment.python_version.peek()
    said = [word for word in (environment.kind.peek(), f"Python {python}" if python else None) if word]
    if environment.selected_by:
        said.append(f"chosen by {environment.selected_by}")
    head = f"{environment.path} ({', '.join(said)})" if said else environment.path
    if environment.python_version.is_unknown:
        return "unknown", (head, f"does not answer: {environment.python_version.unknown}")
    frameworks = list(_frameworks(environment))
    marks = {mark for mark, _ in frameworks}
    mark = next((mark for mark in ("failing", "unknown", "ok") if mark in marks), "info")
    return mark, (head, *(line for _, line in frameworks)) if frameworks else (head, _no_framework(environment))


def _no_framework(environment: Environment) -> str:
    """Say that there is none only where the packages are known."""
    if environment.packages.is_unknown:
        return f"its packages are unknown: {environment.packages.unknown}"
    return "no GPU framework installed"


def _frameworks(environment: Environment) -> Iterator[tuple[str, str]]:
    versions = _versions(environment)
    for name in _FRAMEWORKS:
        run = environment.run(name)
        if run is not None:
            mark, did = _did(run)
            yield mark, f"{name} {_version(versions.get(name), run)}: {did}"
        elif name in versions:
            yield "info", f"{name} {versions[name]}{_built_for(environment, name)}: not started"


def _versions(environment: Environment) -> dict[str, str]:
    versions = {package.name: package.version for package in environment.packages.peek() or ()}
    if torch := environment.torch.peek():
        versions["torch"] = torch.version
    if tensorflow := environment.tensorflow.peek():
        versions["tensorflow"] = tensorflow.version
    cupy = next((version for name, version in versions.items() if name.startswith("cupy-cuda")), None)
    return {**versions, "cupy": cupy} if cupy else versions


def _version(installed: str | None, run: FrameworkRun) -> str:
    version = run.version.peek() or installed or "of unknown version"
    if run.built_rocm.peek():
        return f"{version} (ROCm {run.built_rocm.peek()})"
    if cuda := run.built_cuda.peek():
        return f"{version} (CUDA {cuda})"
    return f"{version} (no CUDA)" if run.built_cuda.is_absent else version


def _built_for(environment: Environment, name: str) -> str:
    torch, tensorflow = environment.torch.peek(), environment.tensorflow.peek()
    cuda = ""
    if name == "torch" and torch:
        cuda = torch.cuda or ""
    if name == "tensorflow" and tensorflow:
        cuda = tensorflow.cuda_version
    return f" (CUDA {cuda})" if cuda else ""


def _did(run: FrameworkRun) -> tuple[str, str]:
    """Return a mark, and how far the framework came."""
    if error := run.import_error.peek():
        return "failing", f"import fails: {_shortened(error)}"
    if ended := run.exit_signal.peek():
        return "failing", f"ended by {ended}{_stage(run)}"
    if run.is_gpu_available.is_unknown:
        return "unknown", f"GPU not known: {run.is_gpu_available.unknown}"
    if not run.is_gpu_available.peek():
        return "failing" if run.built_cuda.peek() else "info", f"no GPU{_because(run)}"
    devices = run.devices.peek()
    many = "" if devices is None else f", {counted(len(devices), 'device')}"
    return "ok", f"GPU usable{many}{_kernels(run)}"


def _stage(run: FrameworkRun) -> str:
    stage = run.ended_in_stage.peek()
    return f" in the stage {stage}" if stage else ""


def _because(run: FrameworkRun) -> str:
    error = run.gpu_error.peek()
    return f": {_shortened(error)}" if error and error.strip() else ""


def _shortened(error: str) -> str:
    """Return the first line of an error, cut: the evidence of the finding has all of it."""
    first = (error.strip().splitlines() or [""])[0]
    return (
        first
        if len(first) <= _ERROR_COLUMNS
        else f"{first[:_ERROR_COLUMNS].rpartition(' ')[0] or first[:_ERROR_COLUMNS]} ..."
    )


def _kernels(run: FrameworkRun) -> str:
    kernels = run.kernel_runs.peek()
    if not kernels:
        return ""
    right = sum(kernel.is_correct is True for kernel in kernels)
    return f", {right} of {len(kernels)} computations right"


def jupyter_lines(machine: Machine) -> Said:
    """Return the mark without findings, and what is shown."""
    if machine.kernelspecs.is_unknown:
        return "unknown", (f"kernels not known: {machine.kernelspecs.unknown}",)
    kernels = [kernel for kernel in machine.kernelspecs.peek() or () if not kernel.is_shadowed]
    if not kernels:
        return "info", ("no kernels",)
    broken = [f"{kernel.name} ({fault})" for kernel in kernels if (fault := _fault(kernel))]
    said = counted(len(kernels), "kernel")
    return "info" if broken else "ok", (f"{said}; broken: {listed(broken, _BROKEN_SHOWN)}" if broken else said,)


def _fault(kernel: KernelSpec) -> str:
    if kernel.error:
        return kernel.error
    if kernel.language not in ("", "python"):
        return ""
    if not kernel.interpreter:
        return "its interpreter is gone"
    return "no ipykernel" if kernel.has_ipykernel is False else ""
