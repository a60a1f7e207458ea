"""Importing the framework failed, and no more special finding explains why.

## What is wrong
The framework was started in a process of its own, and its import raised an exception, crashed, or did not end in time.
Nothing on this page is about the GPU yet: without the import there is no talk of CUDA at all.

## Why it happens
The message and the traceback are the trail. Often:
- an incomplete installation: `python -m pip install --force-reinstall` writes the files anew;
- a crash (SIGSEGV, SIGABRT) while compiled libraries load: two builds of the same library, or a broken download;
- no end in time: a slow network file system, a first import that compiles thousands of files, a driver call that
  hangs. `--timeout` allows more;
- a file, start-up script or environment variable of the user's that acts on every Python process.

## How to fix
Read the last line, try the import by hand with `python -X faulthandler -c "import torch"`, and compare with a fresh
environment: if the import works there, the old one is damaged.

## Easily confused with
- Everything that has a code of its own hides this one: NumPy, protobuf, Keras, missing CUDA libraries, old system
  libraries, the processor's instructions.

## References
- Python documentation, module `faulthandler`; option `-v` prints every import.
"""

from __future__ import annotations

from gpudoctor.facts.environment import FrameworkRun
from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.advice.python import command_line, new_environment
from gpudoctor.rules.readings.framework_starts import failed_to_import, require_starts
from gpudoctor.rules.rule import Case, Scope, rule

_TIMEOUT = "timeout"


@rule("PYT011", Severity.ERROR, Scope.ENVIRONMENT)
def framework_import_failed(case: Case) -> Finding | None:
    environment = case.environment
    failed = [run for run in environment.runs if failed_to_import(run)]
    if not failed:
        require_starts(case)
        return None
    by_hand = [environment.interpreter, "-X", "faulthandler", "-c", f"import {failed[0].framework}"]
    return Finding(
        message="; ".join(f"importing {run.framework} {_how(run)}" for run in failed),
        evidence=tuple(
            fact
            for run in failed
            for fact in (run.import_error, run.exit_signal, run.import_traceback, run.stderr_tail)
            if fact.peek()
        ),
        fixes=(
            Fix(title="See where the import ends", commands=(command_line(environment, by_hand),)),
            new_environment(case, failed[0].framework),
        ),
    )


def _how(run: FrameworkRun) -> str:
    """Say how the import ended: with an exception, by a signal, or not at all."""
    signal = run.exit_signal.peek()
    if signal == _TIMEOUT:
        return "did not end in time and was stopped"
    if signal:
        return f"ended the process ({signal})"
    return f"failed: {(run.import_error.peek() or '').strip().rpartition(chr(10))[2][:200]}"
