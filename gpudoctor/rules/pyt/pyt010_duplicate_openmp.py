"""Two copies of the OpenMP run-time library were loaded into one process, and it gave up.

## What is wrong
"OMP: Error #15: Initializing libiomp5.so, but found libiomp5.so already initialized." Intel's OpenMP library stops the
process when a second copy of it appears, because two sets of threads can give wrong results.

## Why it happens
Each of torch, MKL's NumPy, scikit-learn and OpenCV may bring a copy. One package manager for all of them avoids it;
pip packages inside a conda environment, or conda's default channel mixed with conda-forge, bring it about.

## How to fix
Install all the packages concerned from one source, in a new environment. `KMP_DUPLICATE_LIB_OK=TRUE` only switches the
check off: Intel calls the outcome unsafe, unsupported and undocumented, and it may compute wrongly without a word.

## Easily confused with
- A crash of another kind while importing (PYT011).

## When this is harmless
Several copies on the disk are common and no finding; only the abort is.

## References
- Intel oneAPI, "OpenMP run-time library": error 15.
- threadpoolctl, "Multiple OpenMP run-times".
"""

from __future__ import annotations

import re

from gpudoctor.findings.finding import Finding, Severity
from gpudoctor.rules.advice.python import new_environment
from gpudoctor.rules.readings.framework_starts import require_starts, said
from gpudoctor.rules.rule import Case, Scope, rule

_TEXT = re.compile(r"OMP: Error #15[^\n]*")


@rule("PYT010", Severity.ERROR, Scope.ENVIRONMENT, hides=("PYT011",))
def duplicate_openmp(case: Case) -> Finding | None:
    text = said(case, _TEXT)
    if text is None:
        require_starts(case)
        return None
    copies = case.environment.openmp_libraries
    return Finding(
        message=f"{text.run.framework} was stopped by a second copy of the OpenMP library: {text.line}",
        evidence=(text.fact, copies),
        fixes=(new_environment(case, text.run.framework),),
    )
