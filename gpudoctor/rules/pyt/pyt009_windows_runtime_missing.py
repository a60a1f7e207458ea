"""Windows cannot load a DLL of the framework, because a run-time library is not installed.

## What is wrong
The framework's DLLs need Microsoft's C++ run-time library, and some builds an OpenMP one (`libomp140.x86_64.dll`). One
of them is missing: "OSError: [WinError 126] The specified module could not be found. Error loading fbgemm.dll or
one of its dependencies", "DLL load failed while importing _pywrap_tensorflow_internal". Windows names the DLL that it
was asked for, not the one that it misses.

## Why it happens
- Fresh Windows installations and server images have no Visual C++ redistributable, or an old one.
- A torch release expected `libomp140`, which comes with Visual Studio only.
- A long path was cut off (260 characters), or a virus scanner removed a file.

## How to fix
Install the newest Visual C++ redistributable (x64) and open a new terminal. For `libomp140`, take a newer torch: later
builds bring it.

## Easily confused with
- A CUDA or cuDNN DLL is missing (CUD005, DNN001). A companion made for another torch (TOR002).

## References
- Microsoft, "Latest supported Visual C++ Redistributable downloads".
- TensorFlow, "Build and install error messages".
"""

from __future__ import annotations

import re

from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.advice.python import new_environment
from gpudoctor.rules.readings.framework_starts import require_starts, said
from gpudoctor.rules.rule import Case, Scope, rule

_TEXT = re.compile(r"\[WinError (?:126|127|1114)\]|DLL load failed", re.IGNORECASE)
_REDISTRIBUTABLE = Fix(
    title="Install the Visual C++ redistributable (x64), then open a new terminal",
    commands=("winget install --exact --id Microsoft.VCRedist.2015+.x64",),
    needs_root=True,
)


@rule("PYT009", Severity.ERROR, Scope.ENVIRONMENT, hides=("PYT011",))
def windows_runtime_missing(case: Case) -> Finding | None:
    environment = case.environment
    is_windows = environment.platform_tag.need().startswith("win")
    if not is_windows:
        return None
    text = said(case, _TEXT, only_failed=True)
    if text is None:
        require_starts(case)
        return None
    return Finding(
        message=f"{text.run.framework} needs a DLL that Windows does not find: {text.line}",
        evidence=(text.fact, environment.platform_tag),
        fixes=(_REDISTRIBUTABLE, new_environment(case, text.run.framework)),
    )
