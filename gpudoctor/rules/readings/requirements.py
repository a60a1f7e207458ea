"""Whether installed packages meet what others require of them, by the environment's own Python and platform."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from gpudoctor.facts.environment import Environment, Package
from gpudoctor.knowledge.versions import minor_of

_SYSTEMS = {"linux": ("Linux", "posix"), "win32": ("Windows", "nt"), "darwin": ("Darwin", "posix")}
_MANY = 9999


class Broken(msgspec.Struct, frozen=True):
    """A requirement that is not met; installed None = the package is not there."""

    by: Package
    requirement: Requirement
    installed: Package | None

    @property
    def name(self) -> str:
        """The required distribution, normalised."""
        return canonicalize_name(self.requirement.name)

    @property
    def wanted(self) -> str:
        """Name and versions as the package asks for them, without the marker."""
        return f"{self.requirement.name}{self.requirement.specifier}"

    @property
    def is_far(self) -> bool:
        """Whether no version of the installed major would do: the interface, not a detail, is another one."""
        version = _version(self.installed.version) if self.installed else None
        if version is None:
            return True
        specifier = self.requirement.specifier
        named = [_version(clause.version.removesuffix(".*")) for clause in specifier]
        tried = [Version(f"{version.major}.0.0"), Version(f"{version.major}.{_MANY}.{_MANY}")]
        tried += [candidate for candidate in named if candidate and candidate.major == version.major]
        return not any(specifier.contains(candidate, prereleases=True) for candidate in tried)


def broken_requirements(
    environment: Environment, by: Iterable[Package], concerns: Callable[[str], bool]
) -> Iterator[Broken]:
    """Yield what the packages `by` require of the distributions that `concerns` names and do not get.

    Packages that conda made are left out: conda relaxes requirements and solves them itself. Raises FactUnknown when
    the packages or the Python version are unknown.
    """
    installed = {package.name: package for package in reversed(environment.packages.read() or ())}
    markers = marker_environment(environment)
    for package in by:
        if package.installer != "conda":
            yield from _broken(package, installed, markers, concerns, frozenset({""}))


def _broken(
    package: Package,
    installed: dict[str, Package],
    markers: dict[str, str],
    concerns: Callable[[str], bool],
    extras: frozenset[str],
) -> Iterator[Broken]:
    for text in package.requires:
        requirement = _requirement(text)
        if requirement is None or not _applies(requirement, markers, extras):
            continue
        name = canonicalize_name(requirement.name)
        have = installed.get(name)
        if concerns(name) and not _is_met(requirement, have):
            yield Broken(package, requirement, have)
        elif have is not None and requirement.extras:  # cuda-toolkit[cublas] passes the question on
            yield from _broken(have, installed, markers, concerns, frozenset(requirement.extras))


def marker_environment(environment: Environment) -> dict[str, str]:
    """Return the values of requirement markers for this environment, not for gpudoctor's own Python."""
    version = environment.python_version.need()
    tag = environment.platform_tag.peek() or "linux-x86_64"
    system, _, rest = tag.partition("-")
    sys_platform = {"win": "win32", "macosx": "darwin"}.get(system, system)
    machine = {"amd64": "AMD64", "arm64": "ARM64"}.get(rest, rest) if sys_platform == "win32" else rest.split("-")[-1]
    platform_system, os_name = _SYSTEMS.get(sys_platform, ("Linux", "posix"))
    implementation = environment.implementation.peek() or "cpython"
    return {
        "python_version": minor_of(version),
        "python_full_version": version,
        "implementation_name": implementation,
        "implementation_version": version,
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(implementation, implementation),
        "platform_machine": machine,
        "platform_system": platform_system,
        "platform_release": "",
        "platform_version": "",
        "sys_platform": sys_platform,
        "os_name": os_name,
    }


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:  # old metadata; pip could not read it either
        return None


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _applies(requirement: Requirement, markers: dict[str, str], extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**markers, "extra": extra}) for extra in extras)


def _is_met(requirement: Requirement, installed: Package | None) -> bool:
    if installed is None:
        return False
    version = _version(installed.version)
    return version is None or requirement.specifier.contains(version, prereleases=True)
