"""Tells about the interpreter that runs it: metadata only, nothing of the environment is imported.

usage: metadata.py REQUEST < TOKEN, where REQUEST is JSON: {"python_path": [...], "with_user_site": true}
Answers in stages (interpreter, packages, files), each a line of JSON between two tokens on standard output.
This file is read by Python 2 as well; what it loads needs 3.7.
"""

import sys

if sys.version_info < (3, 7):
    _token = sys.stdin.readline().strip()
    sys.stdout.write(
        '\n%s {"stage": "too_old", "version": "%d.%d.%d", "prefix": "%s"} %s\n'
        % ((_token,) + tuple(sys.version_info[:3]) + (sys.prefix.replace("\\", "/"), _token))
    )
    sys.stdout.flush()
    sys.exit(83)

import json
import os

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def main(token, request):
    sys.path.insert(0, _FOLDER)
    import inside_channel
    import inside_packages
    import inside_records

    sys.path.remove(_FOLDER)
    channel = inside_channel.Channel(token)
    user_site = inside_channel.complete_search_path(request["python_path"], request["with_user_site"])
    channel.send("interpreter", **interpreter(user_site, inside_channel.pyvenv_settings()))
    folders = inside_packages.search_folders()
    packages = inside_packages.read_packages(folders)
    channel.send("packages", **packages)
    channel.send("files", **inside_records.read_records(folders, packages["packages"]))


def interpreter(user_site, pyvenv):
    import sysconfig

    base_prefix = getattr(sys, "base_prefix", sys.prefix)
    is_venv = sys.prefix != base_prefix
    return {
        "prefix": sys.prefix,
        "base_prefix": base_prefix,
        "executable": sys.executable or "",
        "version": "%d.%d.%d" % sys.version_info[:3] + _release_level(),
        "implementation": sys.implementation.name,
        "is_free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "pointer_bits": 64 if sys.maxsize > 2**32 else 32,
        "platform_tag": sysconfig.get_platform(),
        "libc": _libc(),
        "is_externally_managed": not is_venv
        and os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")),
        "search_path": [entry for entry in sys.path if entry],
        "user_site": user_site,
        "pyvenv": pyvenv,
        "is_conda": os.path.isdir(os.path.join(sys.prefix, "conda-meta")),
    }


def _release_level():
    level, serial = sys.version_info[3], sys.version_info[4]
    return "" if level == "final" else {"alpha": "a", "beta": "b", "candidate": "rc"}[level] + str(serial)


def _libc():
    """Return "glibc 2.36", "musl 1.2.4", or "" where neither is used (macOS, Windows)."""
    if not sys.platform.startswith("linux"):
        return ""
    try:
        named = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        named = None
    return named or _musl()


def _musl():
    try:
        with open("/proc/self/maps") as maps:
            loader = next((line.split(None, 5)[5].strip() for line in maps if "ld-musl-" in line), None)
    except OSError:
        return ""
    if loader is None:
        return ""
    import subprocess

    # musl's loader prints its version to standard error when it is started without a program.
    asked = subprocess.run([loader], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for line in asked.stderr.decode("ascii", "replace").splitlines():
        if line.startswith("Version "):
            return "musl " + line.split()[1]
    return "musl"


if __name__ == "__main__":
    main(sys.stdin.readline().strip(), json.loads(sys.argv[1]))
