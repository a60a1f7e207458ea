"""Who and where this process is: the names that must not leave the machine."""

from __future__ import annotations

import getpass
import os
import socket
from pathlib import Path

from gpudoctor.facts.redact import Identity


def identity_of_this_process() -> Identity:
    """Return the user's names, this host's names and the home folder. Asks no name server."""
    users = [os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER", "USERNAME")]
    try:
        users.append(getpass.getuser())
    except (OSError, KeyError):  # a user id without a name, as in containers
        users.append("")
    host = socket.gethostname()
    hosts = (host, host.partition(".")[0], os.environ.get("HOSTNAME", ""), os.environ.get("COMPUTERNAME", ""))
    try:
        home = str(Path.home())
    except RuntimeError:  # no home folder
        home = ""
    return Identity(
        user_names=tuple(sorted({user for user in users if user})),
        host_names=tuple(sorted({name for name in hosts if name})),
        home_paths=(home,) if home else (),
    )
