"""The bootstrap on a machine without pip: a wheel fetched from an index, its hash verified."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "bootstrap.py"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        return


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "index"
    (folder / "simple" / "pip").mkdir(parents=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple", folder
        server.shutdown()


def offer(folder: Path, versions: dict[str, bytes], page: str, digest: str = "") -> None:
    links = []
    for version, content in versions.items():
        name = f"pip-{version}-py3-none-any.whl"
        (folder / name).write_bytes(content)
        links.append((f"../../{name}", digest or hashlib.sha256(content).hexdigest()))
    html = "".join(f'<a href="{url}#sha256={sha}">x</a>\n' for url, sha in links)
    body = json.dumps({"files": [{"url": url, "hashes": {"sha256": sha}} for url, sha in links]})
    (folder / "simple" / "pip" / "index.html").write_text(html if page == "html" else body)


@pytest.mark.parametrize("page", ["html", "json"])
def test_the_newest_wheel_is_fetched(
    bootstrap: ModuleType, index: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: str
) -> None:
    url, folder = index
    offer(folder, {"9.0.1": b"old", "26.3": b"new", "24.0": b"middle"}, page)
    monkeypatch.setenv("PIP_INDEX_URL", url)
    assert bootstrap.fetch_pip(tmp_path).read_bytes() == b"new"


def test_a_wrong_hash_is_refused(
    bootstrap: ModuleType, index: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, folder = index
    offer(folder, {"26.3": b"not what was promised"}, "html", digest="0" * 64)
    monkeypatch.setenv("PIP_INDEX_URL", url)
    with pytest.raises(LookupError, match="hash"):
        bootstrap.fetch_pip(tmp_path)
    assert not list(tmp_path.glob("*.whl"))
