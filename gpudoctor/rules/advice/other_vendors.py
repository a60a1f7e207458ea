"""Advice for accelerators of other makers than NVIDIA: the build that belongs to each."""

from __future__ import annotations

from gpudoctor.facts.environment import Environment
from gpudoctor.findings.finding import Fix
from gpudoctor.knowledge import torch
from gpudoctor.knowledge.tables import table
from gpudoctor.rules.advice.python import pip_install


def rocm_torch(environment: Environment) -> Fix:
    """Install PyTorch's newest ROCm build that the tables know."""
    known = [row["rocm_variants"] for row in table("torch_releases")["releases"] if row["rocm_variants"]]
    variant = known[-1][-1] if known else ""
    variant = variant if variant.startswith("rocm") else f"rocm{variant}"
    title = f"Install the ROCm build of PyTorch ({variant}), if AMD lists this GPU as supported"
    return pip_install(environment, ["torch"], torch.torch_index_url(f"whl/{variant}"), title=title)


def xpu_torch(environment: Environment) -> Fix:
    """Install PyTorch's XPU build."""
    return pip_install(
        environment, ["torch"], torch.torch_index_url("whl/xpu"), title="Install the XPU build of PyTorch"
    )


def mps_torch(environment: Environment) -> Fix:
    """Install the ordinary wheel, which has Metal on macOS."""
    return pip_install(environment, ["torch"], title="Install the macOS build of PyTorch, and use the device `mps`")


def metal_tensorflow(environment: Environment) -> Fix:
    """Install TensorFlow with Apple's plugin."""
    return pip_install(
        environment, ["tensorflow", "tensorflow-metal"], title="Install TensorFlow with Apple's Metal plugin"
    )


def without_cuda() -> Fix:
    """Use what needs no GPU, where no build for this one exists."""
    return Fix(title="Or run on the CPU: its builds are smaller and do the same, only more slowly")
