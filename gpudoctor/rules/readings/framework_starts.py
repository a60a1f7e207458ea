"""How the frameworks of an environment started: what they said, and whether every installed one was started at all."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from gpudoctor.facts.environment import Environment, FrameworkRun, Package
from gpudoctor.facts.fact import Fact, FactUnknown
from gpudoctor.rules.rule import CannotJudge, Case

# Distributions that bring a framework's module; cupy's carry the CUDA release in their names.
_DISTRIBUTIONS = (
    ("torch", re.compile(r"torch")),
    (
        "tensorflow",
        re.compile(r"tensorflow(-cpu|-gpu|-intel|-macos|-rocm|-aarch64|-cpu-aws)?|tf-nightly.*|intel-tensorflow"),
    ),
    ("jax", re.compile(r"jax")),
    ("cupy", re.compile(r"cupy(-cuda\w+|-rocm-[\w-]+)?")),
)
_IMPORT = "import"


class Said(msgspec.Struct, frozen=True):
    """A piece of text that a starting framework left, and the fact that holds it."""

    run: FrameworkRun
    fact: Fact[str]
    match: re.Match[str]

    @property
    def line(self) -> str:
        """The line around the match, cut to what a message can hold."""
        text = self.match.string
        start = text.rfind("\n", 0, self.match.start()) + 1
        end = text.find("\n", self.match.end())
        return text[start : end if end >= 0 else len(text)].strip()[:160].rstrip(".")


def framework_of(distribution: str) -> str | None:
    """Return the framework whose module a distribution brings, e.g. "tensorflow-cpu" -> "tensorflow"; else None."""
    return next((framework for framework, names in _DISTRIBUTIONS if names.fullmatch(distribution)), None)


def framework_packages(environment: Environment) -> tuple[Package, ...]:
    """Return the installed distributions of frameworks. Raises FactUnknown when the packages are unknown."""
    return tuple(package for package in environment.packages.read() or () if framework_of(package.name))


def failed_to_import(run: FrameworkRun) -> bool:
    """Whether the import raised, crashed or did not end; unknowns count as no."""
    crashed = run.exit_signal.peek() is not None and run.ended_in_stage.peek() in (_IMPORT, None)
    return run.import_error.peek() is not None or (crashed and run.version.peek() is None)


def has_imported(environment: Environment, framework: str) -> bool:
    """Whether the framework was started here and its import ended well."""
    run = environment.run(framework)
    return run is not None and run.import_error.is_absent and not failed_to_import(run)


def works(environment: Environment, framework: str) -> bool:
    """Whether the framework was started here and uses a GPU."""
    run = environment.run(framework)
    return run is not None and run.is_gpu_available.peek() is True


def said(case: Case, pattern: re.Pattern[str], only_failed: bool = False) -> Said | None:
    """Return the first place where a starting framework said `pattern`."""
    for run in case.environment.runs:
        if only_failed and not failed_to_import(run):
            continue
        for fact in _texts(run):
            match = pattern.search(fact.peek() or "")
            if match:
                return Said(run, fact, match)
    return None


def _texts(run: FrameworkRun) -> Iterator[Fact[str]]:
    yield from (run.import_error, run.import_traceback, run.gpu_error, run.stderr_tail)


def require_starts(case: Case) -> None:
    """Stop a rule that judges by what was said, unless every installed framework was started and its end is known.

    Raises CannotJudge where one was not started, FactUnknown where packages or a start's end are unknown.
    """
    environment = case.environment
    for package in framework_packages(environment):
        framework = framework_of(package.name) or package.name
        if environment.run(framework) is None:
            raise CannotJudge(f"runs.{framework}", f"{framework} was not started")
    for run in environment.runs:
        if run.import_error.is_unknown and run.exit_signal.peek() is None:
            raise FactUnknown(run.import_error)
