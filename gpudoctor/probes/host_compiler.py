"""The C++ compiler that nvcc would call."""

from __future__ import annotations

import os
import platform

from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.facts.system import HostCompiler, System
from gpudoctor.parsers.toolkit_version import parse_compiler_version
from gpudoctor.probes.host import Host

_CHOSEN_BY = "NVCC_CCBIN"  # nvcc's own variable: a compiler, or the folder of one
_COMMANDS = ("gcc", "g++", "c++", "cc", "clang")


def probe_host_compiler(host: Host) -> System:
    """Ask the compiler for its version; fills host_compiler (absent: none on PATH)."""
    return System(host_compiler=_compiler(host))


def _compiler(host: Host) -> Fact[HostCompiler]:
    failure: Fact[HostCompiler] = absent("PATH")
    for command in _candidates(host):
        path = command if os.path.isabs(command) else host.which(command)
        if path is None:
            continue
        answer = host.run([path] if command == "cl" else [path, "--version"])
        version = parse_compiler_version(answer.stdout or answer.stderr)
        if version is not None:
            return known(HostCompiler(name=version.name, version=version.version, path=path), f"{command} --version")
        failure = unknown(
            answer.why_not if not answer.is_ok else "its version is not understood", f"{command} --version"
        )
    return failure


def _candidates(host: Host) -> tuple[str, ...]:
    if platform.system() == "Windows":
        return ("cl",)
    chosen = host.variables.get(_CHOSEN_BY, "")
    if os.path.isdir(chosen):
        chosen = os.path.join(chosen, "gcc")
    return (chosen, *_COMMANDS) if chosen else _COMMANDS
