"""Requirements are judged by the environment's own Python and platform."""

from __future__ import annotations

from typing import Any

import pytest

from gpudoctor.facts.environment import Package
from gpudoctor.facts.fact import FactUnknown
from gpudoctor.rules.readings.requirements import Broken, broken_requirements, marker_environment
from tests.rules.overlay import overlaid


def broken(requires: tuple[str, ...], installed: dict[str, str], **lines: Any) -> list[Broken]:
    packages = [{"name": "x", "version": "1.0", "requires": list(requires)}]
    packages += [{"name": name, "version": version} for name, version in installed.items()]
    overlay = {f"env.{name}": value for name, value in lines.items()} | {"env.packages": packages}
    environment = overlaid("desktop", overlay).environments[0]
    by = [package for package in environment.packages.need() if package.name == "x"]
    return list(broken_requirements(environment, by, bool))


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("a==1.*", "1.4"),
        ("a>=1,<2", "1.9.9"),
        ("a~=3.9.0", "3.9.4"),
        ("a==2.11.0", "2.11.0+cu130"),
        ("a>=1", "2.0rc1"),
        ("a (>=1.0)", "1.0.post1"),
        ("a", "not a version"),
    ],
)
def test_met(requirement: str, version: str) -> None:
    assert broken((requirement,), {"a": version}) == []


@pytest.mark.parametrize(
    ("requirement", "version"), [("a==1.*", "2.0"), ("a<2", "2.0"), ("a==1.0+cu130", "1.0+cu126"), ("a!=1.5", "1.5")]
)
def test_not_met(requirement: str, version: str) -> None:
    (found,) = broken((requirement,), {"a": version})
    assert found.installed is not None
    assert found.installed.version == version


def test_an_absent_package_is_told_from_another_version() -> None:
    (found,) = broken(("A_b>=1",), {})
    assert found.installed is None
    assert found.name == "a-b"


@pytest.mark.parametrize(
    ("lines", "marker"),
    [
        ({"python_version": "3.9.1"}, "python_version < '3.10'"),
        ({"platform_tag": "win-amd64"}, "sys_platform == 'win32' and platform_machine == 'AMD64'"),
        ({"platform_tag": "macosx-14.0-arm64"}, "platform_system == 'Darwin' and platform_machine == 'arm64'"),
        ({"platform_tag": "linux-aarch64"}, "platform_machine == 'aarch64'"),
    ],
)
def test_markers_are_the_environments(lines: dict[str, Any], marker: str) -> None:
    assert len(broken((f"a>=1; {marker}",), {}, **lines)) == 1
    assert broken((f"a>=1; {marker}",), {}) == []


def test_an_extra_that_nobody_asked_for_does_not_count() -> None:
    assert broken(("a>=1; extra == 'and-cuda'",), {}) == []


def test_unreadable_requirements_are_passed_over() -> None:
    assert broken(("a>=1.*, ?",), {}) == []


@pytest.mark.parametrize(
    ("requirement", "version", "is_far"),
    [("a<8,>=6.31.1", "4.25.3", True), ("a<8,>=6.31.1", "6.30.0", False), ("a<2.1,>=1.26", "2.2", False)],
)
def test_another_major_is_far(requirement: str, version: str, is_far: bool) -> None:
    (found,) = broken((requirement,), {"a": version})
    assert found.is_far is is_far


def test_what_conda_installed_is_condas_own_matter() -> None:
    environment = overlaid("desktop", {}).environments[0]
    package = Package(name="x", version="1", installer="conda", requires=("a>=1",))
    assert list(broken_requirements(environment, [package], bool)) == []


def test_without_a_python_version_no_marker_can_be_judged() -> None:
    environment = overlaid("desktop", {"env.python_version": {"unknown": "no answer"}}).environments[0]
    with pytest.raises(FactUnknown):
        marker_environment(environment)
