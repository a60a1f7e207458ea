"""Reads what is installed from folder names and the heads of metadata files. Standard library only, Python 3.7."""

import os
import re
import sys

# Distributions that decide whether a GPU framework works; only theirs are read in full.
RELEVANT = re.compile(
    r"^(torch.*|functorch|pytorch.*|tensorflow.*|tf-.*|intel-tensorflow.*|keras.*|tensorrt.*|jax.*|cupy.*|numba.*|nvidia-.*"
    r"|cuda-.*|triton.*|xformers|flash-attn.*|numpy|scipy|protobuf|ml-dtypes|typing-extensions|onnxruntime.*|bitsandbytes"
    r"|vllm.*|apex|deepspeed|transformer-engine.*|fbgemm-gpu.*|mkl.*|intel-openmp|llvm-openmp|h5py|ipykernel)$"
)
FRAMEWORKS = {
    "torch": re.compile(r"^torch$"),
    "tensorflow": re.compile(
        r"^(tensorflow(-cpu|-gpu|-intel|-macos|-rocm|-aarch64|-cpu-aws|-directml)?|tf-nightly.*|intel-tensorflow.*)$"
    ),
    "jax": re.compile(r"^jax$"),
    "cupy": re.compile(r"^cupy(-cuda\w+|-rocm-[\w-]+)?$"),
}
_HEAD_BYTES = 512 * 1024


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def search_folders():
    """Return the folders of sys.path in order, each real folder once."""
    folders, seen = [], set()
    for entry in sys.path:
        real = os.path.realpath(entry)
        if os.path.isdir(entry) and real not in seen:
            seen.add(real)
            folders.append(entry)
    return folders


def read_packages(folders):
    """Return everything that names, metadata heads and small files tell."""
    packages, leftovers = [], []
    for folder in folders:
        names = _names(folder)
        found = [package for package in (_package(folder, name, leftovers) for name in names) if package]
        packages += found
        leftovers += _leftovers(folder, names, found)
    return {
        "packages": packages,
        "leftovers": leftovers,
        "conda_packages": _conda_packages(),
        "frameworks": [name for name in FRAMEWORKS if _is_installed(name, folders, packages)],
        "torch_version": _first_text(folders, "torch", "version.py"),
        "tensorflow_build": _first_text(folders, "tensorflow", "python", "platform", "build_info.py"),
        "openmp_libraries": _openmp_libraries(folders),
    }


def _names(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _package(folder, name, leftovers):
    """Return the distribution whose metadata folder or file is FOLDER/NAME, or None."""
    if name.startswith(("~", "-")):
        return None
    path = os.path.join(folder, name)
    if name.endswith(".dist-info"):
        return _distribution(folder, path, name[: -len(".dist-info")], "METADATA", leftovers)
    if name.endswith(".egg-info"):
        stem = re.sub(r"-py\d[\d.]*(-.*)?$", "", name[: -len(".egg-info")])
        return _distribution(folder, path, stem, "PKG-INFO" if os.path.isdir(path) else "", leftovers)
    if name == "EGG-INFO" and folder.endswith(".egg"):
        stem = re.sub(r"-py\d[\d.]*(-.*)?$", "", os.path.basename(folder)[: -len(".egg")])
        return _distribution(folder, path, stem, "PKG-INFO", leftovers)
    return None


def _distribution(folder, path, stem, file_name, leftovers):
    metadata = os.path.join(path, file_name) if file_name else path
    name, dash, version = stem.partition("-")
    is_relevant = RELEVANT.match(normalised(name)) is not None
    requires = []
    if is_relevant or not dash or "-" in version:
        head = _head(metadata)
        if head is None:
            if is_relevant:
                leftovers.append(path)
            return None
        name = _values(head, "Name")[0] if _values(head, "Name") else name
        version = _values(head, "Version")[0] if _values(head, "Version") else version
        is_relevant = RELEVANT.match(normalised(name)) is not None
        requires = _values(head, "Requires-Dist") if is_relevant else []
    return {
        "name": normalised(name),
        "version": version,
        "location": folder,
        "metadata": path,
        "installer": (_text(os.path.join(path, "INSTALLER")) or "").strip()[:40] if file_name else "",
        "requires": requires,
        "wheel_tags": _values(_text(os.path.join(path, "WHEEL")) or "", "Tag") if is_relevant else [],
        "is_relevant": is_relevant,
    }


def _head(path):
    """Return a metadata file's header fields, None where the file cannot be read."""
    text = _text(path)
    return None if text is None else text.replace("\r\n", "\n").partition("\n\n")[0]


def _text(path):
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return None


def _values(head, field):
    start = field + ":"
    return [line[len(start) :].strip() for line in head.splitlines() if line.startswith(start)]


def _leftovers(folder, names, packages):
    """Return what interrupted installs left of packages that concern the GPU."""
    found = [os.path.join(folder, name) for name in names if name[:1] in ("~", "-") and _is_remains_of_relevant(name)]
    for framework, distributions in FRAMEWORKS.items():
        path = os.path.join(folder, framework)
        if framework not in names or not os.path.isdir(path):
            continue
        has_metadata = any(distributions.match(package["name"]) for package in packages)
        if not has_metadata and _is_remains(path):
            found.append(path)
    for name in names:
        if name.endswith(".egg-link") and RELEVANT.match(normalised(name[: -len(".egg-link")])):
            target = (_text(os.path.join(folder, name)) or "").strip().splitlines()
            if not target or not os.path.isdir(os.path.join(folder, target[0])):
                found.append(os.path.join(folder, name))
    return found


def _is_remains(path):
    """Whether a package folder without metadata beside it cannot be imported as that package."""
    return not os.path.exists(os.path.join(path, "__init__.py"))


def _is_remains_of_relevant(name):
    """Whether pip's name for a folder that it was replacing ("~orch", "-umpy-1.26.0.dist-info") is of a relevant one."""
    rest = name[1:].partition("-")[0] if name.endswith((".dist-info", ".egg-info")) else name[1:]
    return any(RELEVANT.match(normalised(letter + rest)) for letter in "abcdefghijklmnopqrstuvwxyz")


def _is_installed(framework, folders, packages):
    # the last releases of tensorflow-gpu hold no module: there only the folder tells
    names = [package["name"] for package in packages if package["name"] != "tensorflow-gpu"]
    if any(FRAMEWORKS[framework].match(name) for name in names):
        return True
    return any(
        os.path.exists(os.path.join(folder, framework, "__init__.py"))
        or os.path.exists(os.path.join(folder, framework + ".py"))
        for folder in folders
    )


def _first_text(folders, *parts):
    """Return the first such file on the search path as {"path", "text"}, or None."""
    for folder in folders:
        path = os.path.join(folder, *parts)
        text = _text(path)
        if text is not None:
            return {"path": path, "text": text[:16000]}
    return None


def _conda_packages():
    """Return the packages of conda-meta, None where this is no conda environment.

    Names, versions and builds are the file names'; the channel stands inside, and is read for relevant ones only.
    """
    folder = os.path.join(sys.prefix, "conda-meta")
    if not os.path.isdir(folder):
        return None
    found = []
    for file_name in _names(folder):
        pieces = file_name[: -len(".json")].rsplit("-", 2)
        if not file_name.endswith(".json") or len(pieces) != 3:
            continue
        name, version, build = pieces
        found.append({"name": name, "version": version, "build": build, "channel": _channel(folder, file_name, name)})
    return found


_CONDA_RELEVANT = re.compile(
    r"^(pytorch.*|libtorch|torch.*|tensorflow.*|jax.*|cupy.*|cuda.*|cudnn|nccl|lib(cublas|cu|nv|magma).*|numpy|mkl|keras"
    r"|.*openmp.*|python)$"
)


def _channel(folder, file_name, name):
    if not _CONDA_RELEVANT.match(name):
        return ""
    found = re.search(r'"channel"\s*:\s*"([^"]*)"', _text(os.path.join(folder, file_name)) or "")
    return found.group(1) if found else ""


_OPENMP = re.compile(r"^(libiomp5|libomp|libgomp)([-.].*)?\.(so|dylib)(\.\d+)*$|^(libiomp5md|libomp\d*(\.\w+)?)\.dll$")
_OPENMP_FOLDERS = (
    "torch/lib",
    "tensorflow",
    "tensorflow/python",
    "sklearn/.libs",
    "sklearn/.dylibs",
    "functorch/.dylibs",
)


def _openmp_libraries(folders):
    """Return the OpenMP runtimes in the places where wheels and conda keep them, one level deep only."""
    places = [os.path.join(sys.prefix, "lib"), os.path.join(sys.prefix, "Library", "bin")]
    if sys.prefix in ("/usr", "/usr/local"):
        places = []  # the system's own runtime is everybody's, and no copy
    for folder in folders:
        if folder.endswith(("site-packages", "dist-packages")):
            places += [os.path.join(folder, *part.split("/")) for part in _OPENMP_FOLDERS]
            places += [os.path.join(folder, name) for name in _names(folder) if name.endswith((".libs", ".dylibs"))]
    found = [os.path.join(place, name) for place in places for name in _names(place) if _OPENMP.match(name)]
    seen, copies = set(), []
    for path in found:
        real = os.path.realpath(path)
        if real not in seen:
            seen.add(real)
            copies.append(path)
    return copies
