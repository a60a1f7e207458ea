"""Looks at Python environments: metadata and frameworks, each in children of their own, all side by side."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from gpudoctor.facts.environment import Environment
from gpudoctor.probes.environment_metadata import Asked, ask_metadata, read_environment
from gpudoctor.probes.frameworks import FRAMEWORKS, read_run, start_framework
from gpudoctor.probes.host import Host
from gpudoctor.probes.inside_stages import Stages
from gpudoctor.probes.interpreters import package_folders
from gpudoctor.probes.targets import ProbeOptions, Target

_THREADS = 16
_IMPORTS_AT_ONCE = max(4, os.cpu_count() or 1)  # more would only push each other towards their deadlines


@dataclass(slots=True)
class _Pending:
    """What was started for one environment."""

    target: Target
    metadata: Future[Asked]
    frameworks: dict[str, Future[Stages]] = field(default_factory=dict)


def probe_environment(host: Host, target: Target, options: ProbeOptions) -> Environment:
    """Look at one environment. Never raises: what cannot be seen is unknown, with the reason."""
    return probe_environments(host, (target,), options)[0]


def probe_environments(host: Host, targets: Sequence[Target], options: ProbeOptions) -> tuple[Environment, ...]:
    """Look at several environments at once, in their order; two targets that prove to be one are reported once."""
    if not targets:
        return ()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="environment") as pool:
        turn = threading.BoundedSemaphore(_IMPORTS_AT_ONCE)

        def start(pending: _Pending, framework: str) -> None:
            if framework not in pending.frameworks:
                pending.frameworks[framework] = pool.submit(_in_turn, turn, host, pending.target, framework, options)

        started = [_Pending(target, pool.submit(ask_metadata, host, target)) for target in targets]
        for pending in started:  # beside the metadata, not after it: an import takes seconds
            for framework in () if options.no_import else _guessed_frameworks(host, pending.target):
                start(pending, framework)
        by_future = {pending.metadata: pending for pending in started}
        for done in as_completed(by_future):
            for framework in () if options.no_import else done.result().frameworks:
                start(by_future[done], framework)
        environments = [_environment(host, pending, options) for pending in started]
    return _distinct(environments)


def _distinct(environments: Sequence[Environment]) -> tuple[Environment, ...]:
    """Return each environment once: the same sys.prefix and version, reached by two ways."""
    kept: dict[tuple[str, str], Environment] = {}
    for environment in environments:
        kept.setdefault((environment.path, environment.python_version.peek() or environment.interpreter), environment)
    return tuple(kept.values())


def _in_turn(
    turn: threading.BoundedSemaphore, host: Host, target: Target, framework: str, options: ProbeOptions
) -> Stages:
    with turn:
        return start_framework(host, target, framework, options)


def _guessed_frameworks(host: Host, target: Target) -> list[str]:
    """Return the frameworks whose folders lie where the interpreter will look; metadata corrects the guess."""
    try:
        folders = package_folders(host, Path(target.interpreter), target.variables)
    except OSError:
        return []
    return [name for name in FRAMEWORKS if any((folder / name / "__init__.py").is_file() for folder in folders)]


def _environment(host: Host, pending: _Pending, options: ProbeOptions) -> Environment:
    asked = pending.metadata.result()
    runs = [
        read_run(framework, pending.frameworks[framework].result(), options.deep)
        for framework in FRAMEWORKS
        if framework in pending.frameworks and _is_wanted(framework, asked)
    ]
    return read_environment(host, pending.target, asked, options, tuple(runs))


def _is_wanted(framework: str, asked: Asked) -> bool:
    """Whether a started framework is one of this environment; a wrong guess is dropped, if packages are known."""
    return framework in asked.frameworks or not asked.has_packages
