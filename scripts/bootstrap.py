#!/usr/bin/env python3
"""Run gpudoctor, or all of its tests, from a fresh clone on a machine that has only Python 3.10 or newer.

    python3 scripts/bootstrap.py check [OPTIONS]    the main job: any gpudoctor command with its options
    python3 scripts/bootstrap.py test [OPTIONS]     lint, types, layers, tables, pages, tests (OPTIONS: pytest's)

Makes the environment `.venv` beside the project and touches nothing else: the system's Python may be externally
managed, and may lack pip. Installs with uv where uv is on PATH and can, else with pip and its settings.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENT = PROJECT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
DEFAULT_INDEX = "https://pypi.org/simple"


def main() -> int:
    """Prepare the environment, then run what was asked for; returns its exit code."""
    if sys.version_info < (3, 10):  # noqa: UP036  # this file runs before anything could refuse an old Python
        print(f"gpudoctor needs Python 3.10 or newer; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    arguments = sys.argv[1:] or ["--help"]
    is_test = arguments[0] == "test"
    try:
        prepare("dev" if is_test else "")
    except (subprocess.CalledProcessError, OSError, LookupError) as error:
        print(f"the environment {ENVIRONMENT} could not be made: {error}", file=sys.stderr)
        return 3
    command = [str(PROJECT / "scripts" / "check.py"), *arguments[1:]] if is_test else ["-m", "gpudoctor", *arguments]
    return subprocess.call([str(PYTHON), *command], cwd=PROJECT if is_test else None)


def prepare(extra: str) -> None:
    """Make the environment and install the project with an extra; does nothing when that is already done."""
    stamp = ENVIRONMENT / f".installed-{extra or 'run'}"
    wanted = hashlib.sha256((PROJECT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted and PYTHON.exists():
        return
    print(f"preparing {ENVIRONMENT} (once) ...", file=sys.stderr)
    what = f"{PROJECT}[{extra}]" if extra else str(PROJECT)
    packages = ["--editable", what]
    if extra and not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        packages.append("ziglang")  # the tests compile small fake driver libraries; this brings a C compiler
    uv = shutil.which("uv")
    if not (uv and install_with_uv(uv, packages)):
        install_with_pip(packages)
    stamp.write_text(wanted)


def install_with_uv(uv: str, packages: list[str]) -> bool:
    """Install with uv; returns False where it cannot: it reads no index or certificate of pip's settings."""
    venv = [uv, "venv", "--quiet", "--python", sys.executable, str(ENVIRONMENT)]
    install = [uv, "pip", "install", "--quiet", "--python", str(PYTHON), *packages]
    return (PYTHON.exists() or is_ok(venv)) and is_ok(install)


def install_with_pip(packages: list[str]) -> None:
    """Install into the environment with the first pip that there is: its own, the system's, one fetched for this."""
    if not PYTHON.exists() and not is_ok([sys.executable, "-m", "venv", str(ENVIRONMENT)]):
        run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(ENVIRONMENT)])  # Debian without python3-venv
    options = ["install", "--quiet", "--disable-pip-version-check", *packages]
    if is_ok([str(PYTHON), "-m", "pip", "--version"]):
        run([str(PYTHON), "-m", "pip", *options])
    elif is_ok([sys.executable, "-m", "pip", "--python", str(PYTHON), "--version"]):
        run([sys.executable, "-m", "pip", "--python", str(PYTHON), *options])
    else:
        with tempfile.TemporaryDirectory() as folder:
            wheel = fetch_pip(Path(folder))
            run([str(PYTHON), f"{wheel}/pip", *options])


def fetch_pip(folder: Path) -> Path:
    """Download the newest pip wheel from the package index into `folder`, its hash verified; returns its path."""
    index = os.environ.get("PIP_INDEX_URL", DEFAULT_INDEX).rstrip("/")
    page = f"{index}/pip/"
    accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
    body = download(page, accept).decode()
    if body.lstrip().startswith("{"):
        files = [(file["url"], file["hashes"].get("sha256", "")) for file in json.loads(body)["files"]]
    else:
        files = re.findall(r'href="([^"#]+)#sha256=([0-9a-f]{64})"', body)
    wheels = [(url, digest) for url, digest in files if re.search(r"/pip-[0-9.]+-py3-none-any\.whl$", url) and digest]
    if not wheels:
        raise LookupError(f"{page} offers no pip wheel")
    url, digest = max(
        wheels, key=lambda item: [int(piece) for piece in re.findall(r"\d+", item[0].rsplit("/pip-")[-1])[:3]]
    )
    content = download(urljoin(page, url), "*/*")
    if hashlib.sha256(content).hexdigest() != digest:
        raise LookupError(f"{url} does not have the hash that the index gives")
    wheel = folder / str(url).rsplit("/", maxsplit=1)[-1]
    wheel.write_bytes(content)
    return wheel


def download(url: str, accept: str) -> bytes:
    """Return what is at a URL; the certificates are those of pip's settings where given."""
    if not url.startswith(("https://", "http://")):
        raise LookupError(f"{url} is not a web address")
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    context = ssl.create_default_context(cafile=certificates)
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310  # the scheme is checked above
    with urllib.request.urlopen(request, timeout=60, context=context) as answer:  # noqa: S310
        content: bytes = answer.read()
        return content


def run(command: list[str]) -> None:
    """Run a command, its output shown on standard error. Raises CalledProcessError when it fails."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def is_ok(command: list[str]) -> bool:
    """Whether a command ends well; its output is dropped."""
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
