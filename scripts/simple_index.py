"""Read package metadata from the indexes that pip is configured for, without ever downloading a wheel whole.

The Simple API (PEP 503 HTML, PEP 691 JSON), METADATA beside the wheel (PEP 658), else the few ranges of the wheel that
hold it.
"""

from __future__ import annotations

import ast
import base64
import email.message
import email.parser
import io
import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
import urllib.response
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

DEFAULT_INDEX = "https://pypi.org/simple/"
ACCEPTED = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
TIMEOUT_SECONDS = 60
BLOCK_BYTES = 64 * 1024


class IndexUnusable(Exception):
    """An index or a file of it cannot be read; says which and why."""


@dataclass(frozen=True)
class Configuration:
    """What pip is configured for."""

    indexes: tuple[str, ...]
    certificate: str | None


@dataclass(frozen=True)
class Wheel:
    """A wheel on an index."""

    filename: str
    url: str
    version: Version
    has_metadata_file: bool
    requires_python: str
    released: str  # 2026-10-28, "" where the index does not say
    size_bytes: int | None

    @property
    def python_tag(self) -> str:
        """The Python tag of the name: cp312."""
        return self.filename.removesuffix(".whl").split("-")[-3]

    @property
    def abi_tag(self) -> str:
        """The ABI tag of the name: cp312, cp313t."""
        return self.filename.removesuffix(".whl").split("-")[-2]

    @property
    def platform_tag(self) -> str:
        """The platform tags of the name as they stand there: manylinux_2_17_x86_64.manylinux2014_x86_64."""
        return self.filename.removesuffix(".whl").split("-")[-1]


def parse_pip_config(text: str) -> dict[str, str]:
    """Read `pip config list`; where several levels set an option, pip prints the strongest one last.

    Sample (pip 24.0):
        global.index-url='https://mirror.example/simple'
        :env:.cert='/etc/ssl/certs/ca-certificates.crt'
    """
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        try:
            found[name.rpartition(".")[2]] = str(ast.literal_eval(value))
        except (SyntaxError, ValueError):
            continue
    return found


def read_configuration() -> Configuration:
    """Return pip's configuration: its files and the environment, as pip itself sees them."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
    options = parse_pip_config(run.stdout) if run.returncode == 0 else {}
    for option in ("index-url", "extra-index-url", "cert"):  # without pip, the environment alone
        value = os.environ.get(f"PIP_{option.upper().replace('-', '_')}")
        if value:
            options[option] = value
    indexes = (options.get("index-url") or DEFAULT_INDEX, *options.get("extra-index-url", "").split())
    return Configuration(indexes, options.get("cert"))


class SimpleIndex:
    """The indexes that pip is configured for, in its order."""

    def __init__(self, configuration: Configuration) -> None:
        self.indexes = configuration.indexes
        self._context = ssl.create_default_context(cafile=configuration.certificate)

    def wheels(self, project: str) -> list[Wheel]:
        """Return the wheels of a project on every index that has it. Raises IndexUnusable when none has it."""
        found: dict[str, Wheel] = {}
        for index in self.indexes:
            page = f"{index.rstrip('/')}/{canonicalize_name(project)}/"
            try:
                content, kind, address = self._read(page)
            except IndexUnusable:
                continue
            links = _json_links(content, address) if "json" in kind else _html_links(content, address)
            for wheel in links:
                found.setdefault(wheel.filename, wheel)
        if not found:
            raise IndexUnusable(f"no wheel of {project} on {', '.join(map(_without_credentials, self.indexes))}")
        return list(found.values())

    def metadata(self, wheel: Wheel) -> email.message.Message:
        """Return the METADATA of a wheel. Raises IndexUnusable."""
        if wheel.has_metadata_file:
            content, _, _ = self._read(f"{wheel.url}.metadata")
        else:
            content = self._metadata_inside(wheel.url)
        return email.parser.BytesParser().parsebytes(content)

    def _metadata_inside(self, url: str) -> bytes:
        path = _local_path(url)
        source = path.open("rb") if path else io.BufferedReader(_Ranges(url, self), BLOCK_BYTES)
        try:
            with source, zipfile.ZipFile(source) as archive:
                names = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
                if len(names) == 1:
                    return archive.read(names[0])
        except zipfile.BadZipFile as error:
            raise IndexUnusable(f"{_without_credentials(url)}: {error}") from error
        raise IndexUnusable(f"{_without_credentials(url)}: {len(names)} METADATA files")

    def _read(self, url: str) -> tuple[bytes, str, str]:
        """Return (content, content type, address after redirects)."""
        path = _local_path(url)
        if path:
            path = path / "index.html" if path.is_dir() else path
            try:
                return path.read_bytes(), "json" if path.suffix == ".json" else "text/html", path.as_uri()
            except OSError as error:
                raise IndexUnusable(f"{path}: {error.strerror}") from error
        try:
            with self.open(url, {"Accept": ACCEPTED}) as answer:
                return answer.read(), answer.headers.get_content_type(), answer.url
        except OSError as error:
            raise IndexUnusable(f"{_without_credentials(url)}: {error}") from error

    def open(self, url: str, headers: dict[str, str]) -> urllib.response.addinfourl:
        """Open a URL with the configured certificate and the credentials that stand in it. Raises OSError."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise OSError(f"not a web address: {_without_credentials(url)}")
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            headers = headers | {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        request = urllib.request.Request(_without_credentials(url), headers=headers)  # noqa: S310 - checked above
        answer: urllib.response.addinfourl = urllib.request.urlopen(  # noqa: S310 - checked above
            request, timeout=TIMEOUT_SECONDS, context=self._context if parts.scheme == "https" else None
        )
        return answer


class _Ranges(io.RawIOBase):
    """A file on a web server, of which only the parts that are read travel."""

    def __init__(self, url: str, index: SimpleIndex) -> None:
        self._url, self._index, self._place = url, index, 0
        self._size = self._fetch("bytes=-1")[1]

    def _fetch(self, span: str) -> tuple[bytes, int]:
        """Return (bytes of the span, size of the whole file). Raises IndexUnusable where the server sends it whole."""
        try:
            with self._index.open(self._url, {"Range": span}) as answer:
                if answer.status != 206:  # noqa: PLR2004 - Partial Content
                    raise IndexUnusable(f"{_without_credentials(self._url)}: the server offers no ranges")
                return answer.read(), int(str(answer.headers["Content-Range"]).rpartition("/")[2])
        except OSError as error:
            raise IndexUnusable(f"{_without_credentials(self._url)}: {error}") from error

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: object) -> int:
        """Read the next bytes into a buffer; 0 at the end."""
        view = memoryview(buffer)  # type: ignore[arg-type]  # the io protocol hands over a writable buffer
        count = min(len(view), self._size - self._place)
        if count <= 0:
            return 0
        content, _ = self._fetch(f"bytes={self._place}-{self._place + count - 1}")
        view[: len(content)] = content
        self._place += len(content)
        return len(content)


def _local_path(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(urllib.request.url2pathname(parts.path)) if parts.scheme == "file" else None


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _wheel(filename: str, url: str, attributes: dict[str, str], size: int | None) -> Wheel | None:
    try:
        _, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return None  # a source distribution, or a name that pip would not take either
    return Wheel(
        filename=filename,
        url=urldefrag(url).url,
        version=version,
        has_metadata_file=attributes.get("metadata", "") not in {"", "false"},
        requires_python=attributes.get("requires-python", ""),
        released=attributes.get("upload-time", "")[:10],
        size_bytes=size,
    )


def _json_links(content: bytes, page: str) -> Iterator[Wheel]:
    for file in json.loads(content)["files"]:
        metadata = file.get("core-metadata", file.get("dist-info-metadata", file.get("data-dist-info-metadata")))
        attributes = {
            "metadata": "true" if metadata else "",
            "requires-python": file.get("requires-python") or "",
            "upload-time": file.get("upload-time") or "",
        }
        wheel = _wheel(file["filename"], urljoin(page, file["url"]), attributes, file.get("size"))
        if wheel and not file.get("yanked"):
            yield wheel


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append({name: value or "" for name, value in attrs})


def _html_links(content: bytes, page: str) -> Iterator[Wheel]:
    anchors = _Anchors()
    anchors.feed(content.decode("utf-8", "replace"))
    for anchor in anchors.found:
        if "href" not in anchor or "data-yanked" in anchor:
            continue
        url = urljoin(page, anchor["href"])
        attributes = {
            "metadata": anchor.get("data-core-metadata", anchor.get("data-dist-info-metadata", "")),
            "requires-python": anchor.get("data-requires-python", ""),
            "upload-time": anchor.get("data-upload-time", ""),
        }
        wheel = _wheel(unquote(urlsplit(url).path.rpartition("/")[2]), url, attributes, None)
        if wheel:
            yield wheel
