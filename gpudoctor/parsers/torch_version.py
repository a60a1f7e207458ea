"""Parse torch's own version.py without running it."""

from __future__ import annotations

import ast

from gpudoctor.facts.environment import TorchBuild


def parse_torch_version(text: str) -> TorchBuild | None:
    """Return what the assignments say, None where `__version__` is not among them.

    From torch 2.13.0+cu130:
        __version__ = '2.13.0+cu130'
        debug = False
        cuda: Optional[str] = '13.0'
        hip: Optional[str] = None
        xpu: Optional[str] = None
    Releases before 1.11 write `cuda = '10.2'` without the annotation.
    """
    values = literal_assignments(text)
    version = values.get("__version__")
    if not isinstance(version, str):
        return None
    return TorchBuild(version=version, cuda=_text(values, "cuda"), hip=_text(values, "hip"), xpu=_text(values, "xpu"))


def _text(values: dict[str, object], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) else None


def literal_assignments(text: str) -> dict[str, object]:
    """Return the top-level assignments of literals in Python source; {} where it is not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, object] = {}
    for node in tree.body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and value is not None:
            try:
                found[target.id] = ast.literal_eval(_argument_of_ordered_dict(value))
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                continue
    return found


def _argument_of_ordered_dict(value: ast.expr) -> ast.expr:
    """Return the list of pairs inside `collections.OrderedDict([...])`, else the expression itself."""
    if isinstance(value, ast.Call) and len(value.args) == 1 and ast.unparse(value.func).endswith("OrderedDict"):
        return value.args[0]
    return value
