"""Questions on distributions: the commands that install, rebuild and remove the NVIDIA driver and what it needs."""

from __future__ import annotations

import functools
from typing import Any

from gpudoctor.knowledge.tables import table


@functools.cache
def _families() -> dict[str, dict[str, Any]]:
    """Return the families by every distribution id that belongs to one, each with its actions by name."""
    found: dict[str, dict[str, Any]] = {}
    for family in table("system_packages")["families"]:
        actions = {row["action"]: row for row in family["actions"]}
        found |= {one: {"family": family["family"], "actions": actions} for one in (family["family"], *family["ids"])}
    return found


def family(distribution_id: str, distribution_like: tuple[str, ...] = ()) -> str | None:
    """Return the family of a distribution (ID and ID_LIKE of /etc/os-release): "ubuntu", "rhel", ...; None unknown."""
    for one in (distribution_id, *distribution_like):
        if one in _families():
            return str(_families()[one]["family"])
    return None


def commands(
    distribution_id: str, distribution_like: tuple[str, ...], action: str, branch: str = ""
) -> tuple[str, ...] | None:
    """Return the commands, without sudo, that carry out an action on a distribution; None when none is known.

    Actions: install_driver (proprietary modules), install_driver_open, purge_driver, install_headers (of the running
    kernel), install_container_toolkit (its repository too, and Docker set up with it), install_fabric_manager,
    rebuild_module, update_initramfs, reload_modules, install_compiler. With a `branch` ("580") they are those of that
    branch where the distribution lets a user choose one, else the distribution's own. Raises LookupError for an
    action that no distribution has.
    """
    name = family(distribution_id, distribution_like)
    if name is None:
        return None
    row = _families()[name]["actions"].get(action)
    if row is None:
        if action not in actions():
            raise LookupError(action)
        return None
    chosen = row["by_branch"].get(branch) or (row["with_branch"] if branch else None) or row["commands"]
    return None if chosen is None else tuple(str(command).replace("{branch}", branch) for command in chosen)


def can_choose_branch(distribution_id: str, distribution_like: tuple[str, ...], action: str, branch: str) -> bool:
    """Whether `commands` names packages of that very branch: if not, the distribution's own branch is installed."""
    name = family(distribution_id, distribution_like)
    row = _families()[name]["actions"].get(action) if name else None
    return bool(row and (branch in row["by_branch"] or row["with_branch"]))


@functools.cache
def actions() -> frozenset[str]:
    """Return the names of all actions."""
    return frozenset(action for one in _families().values() for action in one["actions"])
