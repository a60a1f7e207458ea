from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gpudoctor.probes.host import Host


def host_of(
    root: Path, files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None, **variables: str
) -> Host:
    """Lay out a tree below `root` and look at it: paths that end in a slash are folders, commands are on no PATH."""
    for path, content in files.items():
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    for path, target in (links or {}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    return Host(root=root, variables={"PATH": str(root / "commands"), **variables})


def add_command(host: Host, name: str, script: str) -> None:
    """Put a shell script on the host's PATH."""
    place = Path(host.variables["PATH"]) / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
