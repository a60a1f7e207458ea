"""The command line: options in, the other layers called, text out, exit code."""

import os
import sys


def _python_path_last() -> None:
    """Let PYTHONPATH's folders come after our own: a json.py or rich.py in the user's project must not run in us.

    They stay, because some systems hand out every installed package by PYTHONPATH, ours too.
    """
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep) if not sys.flags.ignore_environment else []
    folders = {os.path.abspath(entry) for entry in entries if entry}
    theirs = [entry for entry in sys.path if entry in folders]
    sys.path[:] = [entry for entry in sys.path if entry not in folders] + theirs


_python_path_last()
