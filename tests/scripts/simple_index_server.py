"""A package index on the loopback interface with toy wheels: HTML or JSON pages, METADATA beside the wheels or not."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class ToyIndex:
    """What the index has, and what was asked of it."""

    speaks_json: bool = False
    has_metadata_files: bool = True
    offers_ranges: bool = True
    wheels: dict[str, bytes] = field(default_factory=dict)
    yanked: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)  # (path, Range)
    sent_bytes: int = 0
    url: str = ""

    def add(self, filename: str, *lines: str, padding_bytes: int = 0) -> None:
        """Add a wheel whose METADATA has these lines."""
        name, version = filename.split("-")[:2]
        metadata = "\n".join(("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines)) + "\n\n"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(f"{name}/data.bin", b"\0" * padding_bytes)
            archive.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
        self.wheels[filename] = buffer.getvalue()

    def page(self, project: str) -> str:
        """Return the page of a project."""
        names = [name for name in self.wheels if name.split("-")[0].replace("_", "-") == project]
        if self.speaks_json:
            files = [
                {
                    "filename": name,
                    "url": f"../../files/{name}",
                    "hashes": {"sha256": hashlib.sha256(self.wheels[name]).hexdigest()},
                    "requires-python": ">=3.9",
                    "core-metadata": self.has_metadata_files,
                    "yanked": name in self.yanked,
                    "upload-time": "2026-11-01T10:00:00Z",
                    "size": len(self.wheels[name]),
                }
                for name in names
            ]
            return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": files}) if names else ""
        attribute = ' data-core-metadata="true"' if self.has_metadata_files else ""
        anchors = [
            f'<a href="../../files/{name}#sha256=0"{attribute} data-requires-python="&gt;=3.9"'
            f"{' data-yanked' if name in self.yanked else ''}>{name}</a>"
            for name in names
        ]
        return "<!DOCTYPE html><html><body>" + "\n".join(anchors) + "</body></html>" if names else ""


def _handler(index: ToyIndex) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append((self.path, self.headers.get("Range", "")))
            parts = self.path.strip("/").split("/")
            content, kind = self._answer(parts)
            status = 200 if content else 404
            span = self.headers.get("Range", "")
            extra = {}
            if content and span and index.offers_ranges:
                start, _, end = span.removeprefix("bytes=").partition("-")
                first = int(start) if start else len(content) - int(end)
                last = min(int(end), len(content) - 1) if start else len(content) - 1
                extra["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
                content, status = content[first : last + 1], 206
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            index.sent_bytes += len(content)
            self.wfile.write(content)

        def _answer(self, parts: list[str]) -> tuple[bytes, str]:
            if parts[0] == "simple" and len(parts) > 1:
                kind = "application/vnd.pypi.simple.v1+json" if index.speaks_json else "text/html"
                return index.page(parts[1]).encode(), kind
            name = parts[-1]
            if name.endswith(".metadata") and index.has_metadata_files:
                with zipfile.ZipFile(io.BytesIO(index.wheels[name.removesuffix(".metadata")])) as archive:
                    member = next(one for one in archive.namelist() if one.endswith("METADATA"))
                    return archive.read(member), "text/plain"
            return index.wheels.get(name, b""), "application/octet-stream"

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def served(index: ToyIndex) -> Iterator[ToyIndex]:
    """Serve the index until the end of the block."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(index))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
