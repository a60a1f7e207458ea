"""Which CUDA libraries a framework takes from outside its environment although the environment brings its own."""

from __future__ import annotations

import re

import msgspec

from gpudoctor.facts.environment import Environment, FrameworkRun, MappedLibrary, Package
from gpudoctor.facts.toolkit import CudnnCopy
from gpudoctor.knowledge.versions import major_of, version_key
from gpudoctor.rules.readings.nvidia_packages import bundled, component_of
from gpudoctor.rules.rule import Case

_IN_PACKAGES = re.compile(r"/(?:site|dist)-packages/")
_OF_THE_SYSTEM = ("/usr", "/usr/local", "/")
_FULL_VERSION = re.compile(r"\.so\.(\d+\.\d+(?:\.\d+)+)$")
_WHOLE = 3


class Shadow(msgspec.Struct, frozen=True):
    """A library from outside that was, or would be, taken in place of the bundled one."""

    soname: str
    path: str
    version: str  # "" = not told
    package: Package  # what the environment brings

    @property
    def title(self) -> str:
        """Path and, where it is known, version."""
        return f"{self.path} ({self.version})" if self.version else self.path

    @property
    def folder(self) -> str:
        """The folder of the file."""
        return self.path.rpartition("/")[0]

    @property
    def is_older_or_other(self) -> bool:
        """Whether its release is known, and of another major or older than the bundled one."""
        found, own = version_key(self.version), version_key(self.package.version)
        if len(found) < _WHOLE or not own:
            return False
        return found[0] != own[0] or found < own[: len(found)]


def shadows_in(environment: Environment, run: FrameworkRun) -> tuple[Shadow, ...]:
    """Return what a started framework took from outside. Raises FactUnknown when its libraries could not be seen."""
    found = []
    for library in run.mapped_libraries.read() or ():
        component = component_of(library.soname)
        own = bundled(environment, component) if component else ()
        if own and not _is_inside(environment, library.path):
            found.append(Shadow(library.soname, library.path, _version(library), own[0]))
    return tuple(found)


def shadows_ahead(case: Case) -> tuple[Shadow, ...]:
    """Return what LD_LIBRARY_PATH offers in place of bundled libraries, of the same major: the loader would take it.

    Another major has other file names and is in nobody's way. Only copies whose whole version is known are told.
    """
    environment = case.environment
    folders = library_path(case)
    found = []
    for library in case.machine.toolkits.libraries.read() or ():
        version = _FULL_VERSION.search(library.path)
        component = component_of(library.soname)
        if version and component and library.path.rpartition("/")[0] in folders:
            found += [Shadow(library.soname, library.path, version[1], one) for one in bundled(environment, component)]
    for copy in case.machine.toolkits.cudnn.read() or ():
        if copy.version and _is_library(copy) and copy.path.rpartition("/")[0] in folders:
            own = bundled(environment, "cudnn")
            found += [Shadow("libcudnn.so", copy.path, copy.version, one) for one in own]
    return tuple(one for one in found if major_of(one.version) == major_of(one.package.version))


def shadows_offered(case: Case) -> tuple[Shadow, ...]:
    """Return the files of LD_LIBRARY_PATH with the name of a bundled library, whatever their versions.

    For a process in which two releases were seen to clash.
    """
    found = []
    for library in case.machine.toolkits.libraries.read() or ():
        component = component_of(library.soname)
        if component and library.path.rpartition("/")[0] in library_path(case):
            major = major_of(library.soname.partition(".so.")[2])
            own = [one for one in bundled(case.environment, component) if major_of(one.version) == major]
            found += [Shadow(library.soname, library.path, "", one) for one in own]
    return tuple(found)


def library_path(case: Case) -> tuple[str, ...]:
    """Return the folders of LD_LIBRARY_PATH. Raises FactUnknown when the variables are unknown."""
    value = (case.system.variables.read() or {}).get("LD_LIBRARY_PATH", "")
    return tuple(folder.rstrip("/") for folder in value.split(":") if folder)


def _is_inside(environment: Environment, path: str) -> bool:
    """Whether a file belongs to Python packages or to the environment's own folder."""
    root = environment.path.rstrip("/")
    return bool(_IN_PACKAGES.search(path)) or (root not in _OF_THE_SYSTEM and path.startswith(f"{root}/"))


def _is_library(copy: CudnnCopy) -> bool:
    return ".so" in copy.path


def _version(library: MappedLibrary) -> str:
    named = _FULL_VERSION.search(library.path)
    return library.version or (named[1] if named else "")
