"""Which CUDA libraries a framework asked the loader for and did not get, and which other releases of them are here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gpudoctor.facts.environment import FrameworkRun
from gpudoctor.facts.fact import Fact
from gpudoctor.rules.nvidia_packages import bundled, component_of
from gpudoctor.rules.rule import Case

_LINUX = r"lib[\w+-]+\.so(?:\.\d+)*"
_SENTENCES = (
    re.compile(rf"({_LINUX}): cannot open shared object file"),  # the loader's own words
    re.compile(rf"Could not load dynamic library '({_LINUX}|[\w-]+\.dll)'"),  # TensorFlow up to 2.12
    re.compile(rf"Could not load library ({_LINUX})"),  # cuDNN 8, on its sub-libraries
    re.compile(rf"Unable to load any of \{{({_LINUX})"),  # cuDNN 9, on its sub-libraries
    re.compile(r"(libcu\w+|libnv\w+)\.so\.\*\[0-9\] not found in the system path"),  # torch, before it links
)


@dataclass(frozen=True, slots=True)
class MissingLibrary:
    """A CUDA library that could not be loaded."""

    framework: str
    soname: str  # libcudart.so.11.0, cudart64_110.dll
    component: str  # cuda-runtime, cublas, cudnn: what NVIDIA's packages call it
    fact: Fact[str]  # the text that says so

    @property
    def stem(self) -> str:
        """The name without release: "libcudart"."""
        return self.soname.partition(".so")[0]


def missing_libraries(case: Case) -> tuple[MissingLibrary, ...]:
    """Return the libraries of CUDA and cuDNN that the environment's frameworks could not load, each once.

    What a framework that sees its GPU complains of is left out: it goes without. TensorRT and the driver's own
    libraries are no CUDA libraries here. Raises FactUnknown when a framework's start was not observed.
    """
    found: dict[tuple[str, str], MissingLibrary] = {}
    for run in case.environment.runs:
        if run.is_gpu_available.peek():
            continue
        for soname, fact in _named(run):
            component = component_of(soname)
            if component:
                found.setdefault((run.framework, soname), MissingLibrary(run.framework, soname, component, fact))
    if not found:
        for run in case.environment.runs:
            run.import_error.read()
    return tuple(found.values())


def other_releases(case: Case, missing: MissingLibrary) -> tuple[str, ...]:
    """Return where other releases of a missing library are: the environment's packages, files that the loader finds."""
    packages = [f"{package.name} {package.version}" for package in bundled(case.environment, missing.component)]
    libraries = case.machine.toolkits.libraries.peek() or ()
    files = [library.path for library in libraries if library.soname.partition(".so")[0] == missing.stem]
    copies = [copy.path for copy in case.machine.toolkits.cudnn.peek() or () if missing.component == "cudnn"]
    return tuple(dict.fromkeys((*packages, *files, *copies)))


def _named(run: FrameworkRun) -> Iterator[tuple[str, Fact[str]]]:
    for fact in (run.import_error, run.gpu_error, run.import_traceback, run.stderr_tail):
        text = fact.peek() or ""
        for sentence in _SENTENCES:
            for match in sentence.finditer(text):
                yield match[1], fact
