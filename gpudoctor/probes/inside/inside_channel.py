"""What the scripts of this folder share inside the interpreter that is asked: a private channel to the parent, and the
search path that the user's own runs have. Standard library only, syntax of Python 3.7.
"""

import json
import os
import sys


class Channel:
    """Sends one JSON object a stage to the parent, each on a line between random marks.

    The real standard output is kept for these lines alone: what a framework or its C code prints goes to standard
    error from here on. A fork of this process stays silent.
    """

    def __init__(self, token):
        self._token = token.encode("ascii")
        self._owner = os.getpid()
        self._descriptor = os.dup(1)
        os.dup2(2, 1)

    def send(self, stage, **values):
        if os.getpid() != self._owner:
            return
        values["stage"] = stage
        content = json.dumps(values).encode("ascii", "backslashreplace")
        rest = memoryview(b"\n" + self._token + b" " + content + b" " + self._token + b"\n")
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def complete_search_path(python_path, with_user_site):
    """Add what `-I` hides and the user's own runs see: PYTHONPATH's absolute folders and the user site.

    Returns the user site's folder, or None where it is not used. The working directory is never added.
    """
    user_site = _user_site_folder() if with_user_site else None
    if user_site is not None:
        _add_user_site(user_site)
    sys.path[:0] = [folder for folder in python_path if os.path.isabs(folder) and folder not in sys.path]
    return user_site


def _add_user_site(folder):
    import site

    before = list(sys.path)
    site.addsitedir(folder)
    added = [entry for entry in sys.path if entry not in before]
    # Python puts the user site before the environment's own packages, and it decides which copy is imported.
    place = next(
        (i for i, entry in enumerate(before) if entry.endswith(("site-packages", "dist-packages"))), len(before)
    )
    sys.path[:] = before[:place] + added + before[place:]


def _user_site_folder():
    if hasattr(os, "getuid") and (os.getuid() != os.geteuid() or os.getgid() != os.getegid()):
        return None
    if sys.prefix != getattr(sys, "base_prefix", sys.prefix) and not _sees_system_packages():
        return None
    import site

    folder = site.getusersitepackages()
    return folder if os.path.isdir(folder) else None


def _sees_system_packages():
    return pyvenv_settings().get("include-system-site-packages", "").lower() == "true"


def pyvenv_settings():
    """Return pyvenv.cfg's settings, {} where there is none."""
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
            pairs = [line.partition("=") for line in file]
    except OSError:
        return {}
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}
