"""Which Jupyter kernels can start, and how their names relate to environments."""

from __future__ import annotations

import re

from gpudoctor.facts.environment import Environment
from gpudoctor.facts.jupyter import KernelSpec

_NO_NAME = re.compile(
    r"\.?v?env|python\d*|base|root|usr", re.IGNORECASE
)  # folders that are called like a thousand others


def is_startable(spec: KernelSpec) -> bool:
    """Whether a kernel runs a Python environment and nothing shows that it cannot."""
    is_sound = not (spec.is_shadowed or spec.error) and spec.has_ipykernel is not False
    return is_sound and spec.language in ("python", "") and bool(spec.environment)


def name_of_environment(environment: Environment) -> str:
    """Return what people call an environment: its name, else its folder's."""
    return environment.name.peek() or environment.path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def bears_name_of(spec: KernelSpec, environment: Environment) -> bool:
    """Whether a kernel of another environment is called as this one is."""
    name = name_of_environment(environment)
    if _NO_NAME.fullmatch(name) or spec.environment == environment.path:
        return False
    return spec.name == name.lower() or f"({name})" in spec.display_name or spec.display_name == name
