"""All rules, found by walking the families' folders: adding one touches no list."""

from __future__ import annotations

import functools
import importlib
import itertools
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from gpudoctor.rules.rule import Rule

_FOLDER = Path(__file__).parent


def _module_names() -> Iterator[str]:
    for family in sorted(pkgutil.iter_modules([str(_FOLDER)]), key=lambda module: module.name):
        if family.ispkg:
            for module in pkgutil.iter_modules([str(_FOLDER / family.name)]):
                if module.name[:3] == family.name and module.name[3:6].isdigit():
                    yield f"gpudoctor.rules.{family.name}.{module.name}"


def rule_of(module_name: str) -> Rule:
    """Return the one rule of a rule file. Raises LookupError when it has none or several."""
    found = [value for value in vars(importlib.import_module(module_name)).values() if isinstance(value, Rule)]
    if len(found) != 1:
        raise LookupError(f"{module_name} has {len(found)} rules, not one")
    return found[0]


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by code. Raises LookupError when two share a code."""
    rules = sorted((rule_of(name) for name in _module_names()), key=lambda rule: rule.code)
    for first, second in itertools.pairwise(rules):
        if first.code == second.code:
            raise LookupError(f"two rules have the code {first.code}")
    return tuple(rules)


def find_rule(code: str) -> Rule | None:
    """Return the rule of a code, or None."""
    return next((rule for rule in all_rules() if rule.code == code.upper()), None)


def select(select: tuple[str, ...], ignore: tuple[str, ...]) -> tuple[Rule, ...]:
    """Return the rules whose code starts with one of `select` (all when empty) and with none of `ignore`.

    Raises ValueError naming a prefix that matches no code.
    """
    rules = all_rules()
    for prefix in (*select, *ignore):
        if not any(rule.code.startswith(prefix.upper()) for rule in rules):
            raise ValueError(prefix)
    chosen = tuple(prefix.upper() for prefix in select) or ("",)
    dropped = tuple(prefix.upper() for prefix in ignore)
    return tuple(
        rule for rule in rules if rule.code.startswith(chosen) and not (dropped and rule.code.startswith(dropped))
    )
