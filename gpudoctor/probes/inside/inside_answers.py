"""What the two scripts that ask a driver library share. Standard library only, syntax of Python 3.7."""

import json
import os


class Failed(Exception):
    """An answer that is none: `error` is the library's name for it, `code` its number (None where it gave none)."""

    def __init__(self, error, code=None):
        Exception.__init__(self, error)
        self.error = error
        self.code = code


class Speaker:
    """Write lines to what was standard output; whatever the library prints goes to standard error."""

    def __init__(self, marker):
        self.marker = marker
        self.descriptor = os.dup(1)
        os.dup2(2, 1)

    def say(self, **line):
        data = ("\n" + self.marker + " " + json.dumps(line) + "\n").encode("ascii")
        while data:
            data = data[os.write(self.descriptor, data) :]


def mapped_file(name):
    """Return the file that is mapped under this library name, "" where the system does not tell."""
    try:
        with open("/proc/self/maps", "rb") as maps:
            lines = maps.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    stem = name.split(".so")[0] + ".so"
    for line in lines:
        path = line.split(None, 5)[-1]
        if path.startswith("/") and os.path.basename(path).startswith(stem):
            return path
    return ""
