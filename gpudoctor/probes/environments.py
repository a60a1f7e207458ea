"""Looks at Python environments: metadata and frameworks, each in children of their own, all side by side."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

import msgspec

from gpudoctor.facts.environment import Environment
from gpudoctor.probes.environment_metadata import Asked, ask_metadata, read_environment
from gpudoctor.probes.frameworks import FRAMEWORKS, read_run, start_framework
from gpudoctor.probes.host import Host
from gpudoctor.probes.inside_stages import Stages
from gpudoctor.probes.interpreters import package_folders
from gpudoctor.probes.targets import ProbeOptions, Target

_THREADS = 16
_IMPORTS_AT_ONCE = max(4, os.cpu_count() or 1)  # more would only push each other towards their deadlines


class _Pending(msgspec.Struct):
    """What was started for one environment."""

    target: Target
    metadata: Future[Asked]
    frameworks: dict[str, Future[Stages]] = msgspec.field(default_factory=dict)


class _Launcher:
    """Starts frameworks, each once an environment, and not too many imports at a time."""

    def __init__(self, host: Host, options: ProbeOptions, pool: ThreadPoolExecutor, turn_file: str) -> None:
        self._host = host
        self._options = options
        self._pool = pool
        self._turn_file = turn_file
        self._imports = threading.BoundedSemaphore(_IMPORTS_AT_ONCE)

    def start(self, pending: _Pending, frameworks: Iterable[str]) -> None:
        """Start those of `frameworks` that were not started yet; none where no import is wanted."""
        for framework in () if self._options.no_import else frameworks:
            if framework not in pending.frameworks:
                pending.frameworks[framework] = self._pool.submit(self._run, pending.target, framework)

    def _run(self, target: Target, framework: str) -> Stages:
        with self._imports:
            return start_framework(self._host, target, framework, self._options, self._turn_file)


def probe_environment(host: Host, target: Target, options: ProbeOptions) -> Environment:
    """Look at one environment. Never raises: what cannot be seen is unknown, with the reason."""
    return probe_environments(host, (target,), options)[0]


def probe_environments(
    host: Host, targets: Sequence[Target], options: ProbeOptions, on_left_out: Callable[[str], None] = lambda _: None
) -> tuple[Environment, ...]:
    """Look at several environments at once, in their order; two targets that prove to be one are reported once.

    Of all that were found, those that are too old to be asked and hold no framework are left out: there is nothing to
    judge in them. `on_left_out` is told why, in words.
    """
    if not targets:
        return ()
    with _turn_file() as turn_file, ThreadPoolExecutor(_THREADS, thread_name_prefix="environment") as pool:
        launcher = _Launcher(host, options, pool, turn_file)
        pending = [_Pending(target, pool.submit(ask_metadata, host, target)) for target in targets]
        for one in pending:  # beside the metadata, not after it: an import takes seconds
            launcher.start(one, () if options.no_import else _guessed_frameworks(host, one.target))
        by_metadata = {one.metadata: one for one in pending}
        for done in as_completed(by_metadata):
            launcher.start(by_metadata[done], done.result().frameworks)
        environments = [_environment(host, one, options) for one in pending if not _is_left_out(host, one, on_left_out)]
    return _distinct(environments)


def _is_left_out(host: Host, pending: _Pending, on_left_out: Callable[[str], None]) -> bool:
    old = pending.metadata.result().too_old
    if old is None or pending.target.selected_by != "--all" or _guessed_frameworks(host, pending.target):
        return False
    on_left_out(f"{old.prefix} is left out: Python {old.version} is too old to be asked, and holds no GPU framework")
    return True


@contextlib.contextmanager
def _turn_file() -> Iterator[str]:
    """Yield a file that the children lock in turn; "" where none can be made, and they take no turns then."""
    with contextlib.ExitStack() as stack:
        name = ""
        with contextlib.suppress(OSError):
            name = stack.enter_context(tempfile.NamedTemporaryFile(prefix="gpudoctor-turn-")).name
        yield name


def _distinct(environments: Sequence[Environment]) -> tuple[Environment, ...]:
    """Return each environment once: the same sys.prefix and version, reached by two ways."""
    kept: dict[tuple[str, str], Environment] = {}
    for environment in environments:
        kept.setdefault((environment.path, environment.python_version.peek() or environment.interpreter), environment)
    return tuple(kept.values())


def _guessed_frameworks(host: Host, target: Target) -> list[str]:
    """Return the frameworks whose folders lie where the interpreter will look; metadata corrects the guess."""
    try:
        folders = package_folders(host, Path(target.interpreter), target.variables)
    except OSError:
        return []
    return [name for name in FRAMEWORKS if any(os.path.isfile(folder / name / "__init__.py") for folder in folders)]


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
