"""A Jupyter kernel cannot start: its interpreter is gone, or it has no ipykernel.

## What is wrong
A kernel is a small file, `kernel.json`, with the command that starts it. It says nothing about the packages inside;
when the environment behind it is removed or renamed, or lacks `ipykernel`, the file stays and the notebook shows
"Kernel error", "Dead kernel" or "No such file or directory" instead of an answer.

## Why it happens
- The environment was deleted, moved or rebuilt at another place; conda does not remove kernels that were registered.
- `kernel.json` points at `/usr/bin/python3`, and ipykernel is installed elsewhere.
- The file was edited by hand and is no longer JSON.

## How to fix
Remove the kernel, or register the environment anew: `ENV/bin/python -m pip install ipykernel`, then `ENV/bin/python
-m ipykernel install --user --name NAME`.

## Easily confused with
- The kernel starts and runs another environment than expected (JUP002).
- The kernel dies at `import torch` (PYT codes), or runs out of memory.

## References
- Jupyter client, "Making kernels": kernel specs and where they are looked for.
- IPython, "Installing the IPython kernel": kernels for different environments.
"""

from __future__ import annotations

from gpudoctor.facts.jupyter import KernelSpec
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.rules.rule import Case, Scope, rule


@rule("JUP001", Severity.ERROR, Scope.MACHINE)
def kernel_broken(case: Case) -> Finding | None:
    specs = [spec for spec in case.machine.kernelspecs.read() or () if not spec.is_shadowed]
    broken = [(spec, _fault(spec)) for spec in specs if _fault(spec)]
    if not broken:
        return None
    more = f"; {len(broken) - 1} more kernels are broken" if len(broken) > 1 else ""
    spec, fault = broken[0]
    return Finding(
        message=f"the Jupyter kernel {spec.name} {fault}{more}",
        evidence=tuple(Evidence(fact=f"kernelspecs.{one.name}", value=what, source=one.path) for one, what in broken),
        fixes=tuple(_fixes([one for one, _ in broken])),
    )


def _fault(spec: KernelSpec) -> str:
    """Say why a kernel cannot start, "" = nothing shows that it cannot."""
    if spec.error:
        return f"has a kernel.json that {spec.error}"
    if spec.language and spec.language != "python":
        return ""
    if not spec.argv:
        return "has no command in its kernel.json"
    if not spec.interpreter:
        return f"starts {spec.argv[0]}, which does not exist"
    return f"starts {spec.interpreter}, which has no ipykernel" if spec.has_ipykernel is False else ""


def _fixes(broken: list[KernelSpec]) -> list[Fix]:
    fixes = [
        Fix(
            title=f"Install ipykernel for the kernel {spec.name}",
            commands=(f"{spec.interpreter} -m pip install ipykernel",),
        )
        for spec in broken
        if spec.interpreter and spec.has_ipykernel is False
    ]
    gone = [spec.name for spec in broken if not spec.interpreter or spec.error]
    if gone:
        fixes.append(
            Fix(
                title="Remove kernels whose interpreter is gone",
                commands=(f"jupyter kernelspec remove {' '.join(gone)}",),
            )
        )
    return fixes
