"""The driver's device files, and whether this user may use them."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator

from gpudoctor.facts.driver import DeviceNode, Driver
from gpudoctor.facts.fact import Fact, known, unknown
from gpudoctor.probes.host import Host
from gpudoctor.probes.tree import ONLY_LINUX, entries, exists, is_linux, real_path, text_or_empty, why

_NAME = re.compile(r"nvidia(?:\d+|ctl|-modeset|-uvm(?:-tools)?|-nvswitch\w*|-nvlink)|dxg|kfd|nvhost-\S+|nvmap")
_FOLDERS = {"nvidia-caps": "nvidia-", "nvidia-caps-imex-channels": "channel", "dri": "render"}


def probe_device_nodes(host: Host) -> Driver:
    """List the device files; fills device_nodes."""
    return Driver(device_nodes=_nodes(host))


def _nodes(host: Host) -> Fact[tuple[DeviceNode, ...]]:
    if not is_linux(host):
        return unknown(ONLY_LINUX)
    if not exists(host, "/dev"):
        return unknown("there is no /dev", "/dev")
    try:
        return known(tuple(node for path in _paths(host) if (node := _node(host, path)) is not None), "/dev")
    except OSError as error:
        return unknown(why(error), "/dev")


def _paths(host: Host) -> Iterator[str]:
    for name in entries(host, "/dev"):
        if _NAME.fullmatch(name):
            yield f"/dev/{name}"
        elif name in _FOLDERS:
            try:
                inside = entries(host, f"/dev/{name}")
            except OSError:
                continue  # a folder that this user may not list: its nodes are not usable either, and not needed
            yield from (f"/dev/{name}/{node}" for node in inside if node.startswith(_FOLDERS[name]))


def _node(host: Host, path: str) -> DeviceNode | None:
    place = host.path(real_path(host, path))
    try:
        status = place.stat()
    except OSError:
        return None  # gone since it was listed, or a dangling link
    return DeviceNode(
        path=path,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        group=_group_name(host, status.st_gid),
        is_readable=os.access(place, os.R_OK),
        is_writable=os.access(place, os.W_OK),
    )


def _group_name(host: Host, gid: int) -> str:
    """Return the group's name; a live system also asks its directory service."""
    if host.is_live and sys.platform != "win32":
        import grp  # noqa: PLC0415  # not on Windows

        try:
            return grp.getgrgid(gid).gr_name
        except KeyError:
            return ""
    rows = (line.split(":") for line in text_or_empty(host, "/etc/group").splitlines())
    return next((row[0] for row in rows if len(row) > 2 and row[2] == str(gid)), "")  # noqa: PLR2004  # name, x, gid
