"""Compares the RECORDs of packages that concern the GPU with the disk and with one another. Python 3.7."""

import csv
import os

_EXAMPLES = 5
_SHARED_LIMIT = 40
# What breaks a program when it is gone; headers, tests, licences and stubs are left out on purpose by slim images.
_NEEDED_ENDS = (".py", ".so", ".pyd", ".dll", ".dylib", ".bc")
_NEEDED_PROGRAMS = ("ptxas", "nvlink", "fatbinary")
_LEFT_OUT = ("__pycache__/", ".dist-info/", "/tests/", "/test/")


def read_records(folders, packages):
    """Return, for each package of RELEVANT names with a RECORD, its missing files, and the files that two of them claim."""
    missing, owners, listings = [], {}, {}
    for position, package in enumerate(packages):
        if not package["is_relevant"]:
            continue
        rows = _rows(os.path.join(package["metadata"], "RECORD"))
        if not rows:
            continue
        base = os.path.realpath(package["location"])
        gone = [path for path, _ in rows if not _exists(base, path, listings)]
        if gone:
            missing.append({"package": position, "examples": gone[:_EXAMPLES], "count": len(gone)})
        for path, digest in rows:
            owners.setdefault((base, path), []).append((package["name"], digest))
    return {"missing": missing, "shared_files": _shared(owners)}


def _rows(record):
    """Return (path with forward slashes, digest) of the files that matter; [] where there is no RECORD."""
    try:
        with open(record, encoding="utf-8", errors="replace", newline="") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    rows = []
    for line in lines:
        if line.startswith('"'):
            pieces = next(csv.reader([line]))
            path, digest = pieces[0], pieces[1] if len(pieces) > 1 else ""
        else:
            path, _, rest = line.partition(",")
            digest = rest.partition(",")[0]
        if "\\" in path:
            path = path.replace("\\", "/")
        if _matters(path):
            rows.append((path, digest))
    return rows


def _matters(path):
    if path.startswith(("../", "/")) or any(part in path for part in _LEFT_OUT):
        return False
    name = path[path.rfind("/") + 1 :]
    return name.endswith(_NEEDED_ENDS) or ".so." in name or name in _NEEDED_PROGRAMS


def _exists(base, path, listings):
    """Whether BASE/PATH exists; each folder is listed once, far cheaper than a question a file."""
    folder, _, name = path.rpartition("/")
    key = (base, folder)
    if key not in listings:
        try:
            listings[key] = frozenset(os.listdir(os.path.join(base, folder)))
        except OSError:
            listings[key] = frozenset()
    return name in listings[key]


def _shared(owners):
    """Return the files of several distributions whose contents differ: one has overwritten the other's."""
    shared = []
    for (base, path), claims in owners.items():
        names = sorted({name for name, _ in claims})
        digests = {digest for _, digest in claims}
        if len(names) > 1 and (len(digests) > 1 or "" in digests):
            shared.append({"path": os.path.join(base, *path.split("/")), "owners": names})
    # libraries first: they are what a clash breaks
    shared.sort(key=lambda item: (item["path"].endswith(".py"), item["path"]))
    return shared[:_SHARED_LIMIT]
