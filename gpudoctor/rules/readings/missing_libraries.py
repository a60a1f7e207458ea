"""Which CUDA libraries a framework asked the loader for and did not get, and which other releases of them are here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from gpudoctor.facts.environment import FrameworkRun
from gpudoctor.facts.fact import Fact
from gpudoctor.knowledge.versions import major_of
from gpudoctor.rules.readings.nvidia_packages import bundled, component_of
from gpudoctor.rules.rule import Case

_LINUX = r"lib[\w+-]+\.so(?:\.\d+)*"
_SENTENCES = (
    re.compile(rf"({_LINUX}): cannot open shared object file"),  # the loader's own words
    re.compile(rf"Could not load dynamic library '({_LINUX}|[\w-]+\.dll)'"),  # TensorFlow up to 2.12
    re.compile(rf"Could not load library ({_LINUX})"),  # cuDNN 8, on its sub-libraries
    re.compile(rf"Unable to load any of \{{({_LINUX})"),  # cuDNN 9, on its sub-libraries
    re.compile(r"(libcu\w+|libnv\w+)\.so\.\*\[0-9\] not found in the system path"),  # torch, before it links
)
_RELEASE = re.compile(r"\.so\.(\d+)|_(\d{1,2})\d?\.dll")  # cudart64_110.dll is of 11.0, cudnn64_8.dll of 8


class MissingLibrary(msgspec.Struct, frozen=True):
    """A CUDA library that could not be loaded."""

    framework: str
    soname: str  # libcudart.so.11.0, cudart64_110.dll
    component: str  # cuda-runtime, cublas, cudnn: what NVIDIA's packages call it
    fact: Fact[str]  # the text that says so

    @property
    def stem(self) -> str:
        """The name without release: "libcudart"."""
        return self.soname.partition(".so")[0]

    @property
    def major(self) -> int | None:
        """The major release in the name: 11 for libcudart.so.11.0, 8 for cudnn64_8.dll; None when it has none."""
        match = _RELEASE.search(self.soname)
        return int(match[1] or match[2]) if match else None


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
    """Return where other releases of a missing library are: the environment's packages, files that the loader finds.

    A copy of the very release that was asked for is none of them: it is there and was not found.
    """
    packages = [
        f"{package.name} {package.version}"
        for package in bundled(case.environment, missing.component)
        if major_of(package.version) != missing.major
    ]
    libraries = case.machine.toolkits.libraries.peek() or ()
    files = [one.path for one in libraries if one.soname.partition(".so")[0] == missing.stem]
    files = [path for path in files if not _is_release(path, missing)]
    cudnn = (case.machine.toolkits.cudnn.peek() or ()) if missing.component == "cudnn" else ()
    copies = [
        f"{copy.path} {copy.version}" for copy in cudnn if copy.version and major_of(copy.version) != missing.major
    ]
    return tuple(dict.fromkeys((*packages, *files, *copies)))


def same_release(case: Case, missing: MissingLibrary) -> tuple[str, ...]:
    """Return the environment's packages that do bring the missing library, so that only the loader's way is wrong."""
    packages = bundled(case.environment, missing.component)
    return tuple(f"{one.name} {one.version}" for one in packages if major_of(one.version) == missing.major)


def _is_release(path: str, missing: MissingLibrary) -> bool:
    match = _RELEASE.search(path)
    return match is not None and int(match[1] or match[2]) == missing.major


def _named(run: FrameworkRun) -> Iterator[tuple[str, Fact[str]]]:
    for fact in (run.import_error, run.gpu_error, run.import_traceback, run.stderr_tail):
        text = fact.peek() or ""
        for sentence in _SENTENCES:
            for match in sentence.finditer(text):
                yield match[1], fact
