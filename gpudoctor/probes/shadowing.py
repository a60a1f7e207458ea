"""Files beside the user's program that Python takes instead of an installed package: only listed, never imported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_MODULES = ("cupy", "jax", "jaxlib", "keras", "numpy", "tensorflow", "torch", "torchaudio", "torchvision", "triton")
_METADATA = (".dist-info", ".egg-info", ".egg-link")


def shadowing_files(working_directory: Path, python_path: Sequence[str]) -> tuple[str, ...]:
    """Return torch.py, numpy/ ... in these folders, but not packages that were installed into one of them."""
    found: list[str] = []
    for folder in dict.fromkeys((str(working_directory), *python_path)):
        try:
            names = set(os.listdir(folder))
        except OSError:
            continue
        installed = {name.partition("-")[0].lower() for name in names if name.endswith(_METADATA)}
        found += [os.path.join(folder, name) for name in _shadows(folder, names, installed)]
    return tuple(found)


def _shadows(folder: str, names: set[str], installed: set[str]) -> list[str]:
    found = []
    for module in _MODULES:
        if f"{module}.py" in names:
            found.append(f"{module}.py")
        # a folder without __init__.py gives way to an installed package
        is_package = module in names and os.path.isfile(os.path.join(folder, module, "__init__.py"))
        if is_package and not _is_installed(module, installed):
            found.append(f"{module}/")
    return found


def _is_installed(module: str, installed: set[str]) -> bool:
    return any(name == module or name.startswith((f"{module}_", "tf_nightly")) for name in installed)
