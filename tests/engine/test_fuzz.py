"""No snapshot, however odd, and no text of a command makes anything crash."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpudoctor import parsers
from gpudoctor.engine.report import diagnose
from gpudoctor.facts.codec import SnapshotUnreadable, decode_snapshot
from gpudoctor.findings.report import Subject
from gpudoctor.render.json_report import render_json
from gpudoctor.render.screen import Screen
from gpudoctor.render.terminal import Detail, render_terminal
from gpudoctor.rules.registry import all_rules
from tests.rules.bases import BASES

TREES = {name: msgspec.json.decode(msgspec.json.encode(base())) for name, base in BASES.items()}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.sampled_from(
        ["", "N/A", "580", "999999999.1", "sm_", "compute_90a", "\x1b[31m", "a\nb", "…", "-1", "GPU-", "0" * 500]
    ),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)
DEEP = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def _places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        yield from _places(child, (*path, key))


PLACES = {name: [path for path in _places(tree) if path] for name, tree in TREES.items()}
FACTS = {name: [path[:-1] for path in paths if path[-1] == "value"] for name, paths in PLACES.items()}


def _changed(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = tree.copy()
    keys = copy.keys() if isinstance(copy, dict) else range(len(copy))
    if path[0] not in keys:  # an earlier change took it away
        return copy
    copy[path[0]] = _changed(copy[path[0]], path[1:], value) if isinstance(copy[path[0]], dict | list) else value
    return copy


def _judge_and_show(tree: Any) -> None:
    try:
        snapshot = decode_snapshot(msgspec.json.encode(tree))
    except SnapshotUnreadable:
        return
    report = diagnose(snapshot, all_rules(), Subject(kind="snapshot", source="fuzz"), "0")
    assert report.crashed == ()
    assert msgspec.json.decode(render_json(report))["schema"] == "gpudoctor.report/1"
    assert render_terminal(report, Screen.of_file(), Detail.EVERYTHING)


@pytest.mark.parametrize("base", sorted(BASES))
@DEEP
@given(data=st.data())
def test_odd_values_anywhere_are_refused_or_judged(base: str, data: st.DataObject) -> None:
    tree = TREES[base]
    for _ in range(data.draw(st.integers(1, 4))):
        tree = _changed(tree, data.draw(st.sampled_from(PLACES[base])), data.draw(ODD))
    _judge_and_show(tree)


@pytest.mark.parametrize("base", sorted(BASES))
@DEEP
@given(data=st.data())
def test_any_set_of_facts_may_be_unknown_or_absent(base: str, data: st.DataObject) -> None:
    tree = TREES[base]
    nothing = st.sampled_from([{"value": None, "unknown": "hidden"}, {"value": None, "source": "seen"}])
    for path in data.draw(st.lists(st.sampled_from(FACTS[base]), max_size=60)):
        tree = _changed(tree, path, data.draw(nothing)) if path else tree
    _judge_and_show(tree)


def _text_parsers() -> Iterator[Callable[..., object]]:
    for module in pkgutil.walk_packages(parsers.__path__, "gpudoctor.parsers."):
        for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            if name.startswith("parse_") and function.__module__ == module.name:
                required = [
                    parameter
                    for parameter in inspect.signature(function).parameters.values()
                    if parameter.default is parameter.empty
                ]
                if [parameter.annotation for parameter in required] == ["str"]:
                    yield function


WORDS = st.sampled_from(
    (
        *(
            "NVRM: Xid (PCI:0000:01:00): ",
            "79, pid=",
            "Driver Version: ",
            "CUDA Version: 12.",
            "libcuda.so.1 (",
            "=> /",
        ),
        *("release 12.4, V12.4.131", "Package: nvidia", "Version: ", "GLIBCXX_3.4.", "0x", "|", '"', "'", "é"),
        *("\n", "\x00", "\x1b[0m"),
    )
)


@pytest.mark.parametrize("parse", list(_text_parsers()), ids=lambda parse: parse.__name__)
@settings(max_examples=120, deadline=None)
@given(text=st.one_of(st.text(max_size=200), st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=20).map("".join)))
def test_no_text_makes_a_parser_raise(parse: Callable[[str], object], text: str) -> None:
    parse(text)


def test_there_are_parsers_to_feed() -> None:
    assert len(list(_text_parsers())) > 10
