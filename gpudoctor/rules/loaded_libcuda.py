"""Which libcuda.so.1 a CUDA program gets on this machine, and what it answered."""

from __future__ import annotations

from collections.abc import Iterator

from gpudoctor.facts.driver import DriverLibrary
from gpudoctor.facts.fact import Fact
from gpudoctor.rules.rule import Case

SONAME = "libcuda.so.1"


def libcudas(case: Case) -> tuple[DriverLibrary, ...]:
    """Return the libcuda files in the order in which the loader finds them. Raises FactUnknown when nobody looked."""
    return tuple(library for library in case.driver.libraries.read() or () if library.soname == SONAME)


def answers(case: Case) -> Iterator[tuple[int, Fact[int]]]:
    """Yield the error numbers that the driver API gave: to gpudoctor itself, then to the frameworks that it started."""
    facts = [case.driver.api.init_code]
    facts += [run.gpu_error_code for environment in case.snapshot.environments for run in environment.runs]
    for fact in facts:
        code = fact.peek()
        if code:
            yield code, fact


def answered(case: Case, code: int) -> Fact[int] | None:
    """Return the fact in which the driver API, or a framework on it, answered with this error number; or None."""
    return next((fact for number, fact in answers(case) if number == code), None)


def module_version(case: Case) -> str | None:
    """Return the version of the loaded kernel module, from whichever of its two sources could be read; or None."""
    return case.driver.proc_version.peek() or case.driver.module_version.peek()
