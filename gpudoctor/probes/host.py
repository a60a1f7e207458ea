"""The way to the machine: files below a root, commands with deadlines, the environment. Everything a probe touches."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from gpudoctor.probes.plain_files import read_plain_text

_OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024
_TAIL_BYTES = 64 * 1024  # the end of what was cut, where a flood's last words are
_DRAIN_SECONDS = 0.5  # what a child that left its session may keep open after the command has ended
_FILE_LIMIT_BYTES = 64 * 1024 * 1024
_DEVELOPER_COMMANDS = frozenset({"c++", "cc", "clang", "clang++", "g++", "gcc", "git", "make", "pip3", "python3"})
_DEVELOPER_FOLDERS = ("/Library/Developer/CommandLineTools", "/Applications/Xcode.app", "/var/db/xcode_select_link")
_running: set[subprocess.Popen[bytes]] = set()  # so that an interrupt leaves no child behind
_starting: set[object] = set()  # one token for each that is about to run
_is_stopping = threading.Event()


class Answer(msgspec.Struct, frozen=True):
    """What a command did. exit_code is None when it did not start or was killed; then `failure` says why."""

    argv: tuple[str, ...]
    exit_code: int | None
    stdout: str = ""
    stderr: str = ""
    failure: str = ""  # "not found", "did not answer within 30 s", "permission denied", ...
    signal_name: str = ""  # SIGSEGV, ... when a signal ended it
    is_truncated: bool = False

    @property
    def is_ok(self) -> bool:
        """Whether it ended with 0."""
        return self.exit_code == 0 and not self.failure

    @property
    def why_not(self) -> str:
        """Why it is not ok, in words for a fact's reason."""
        said = (self.stderr or self.stdout).strip().splitlines()
        return self.failure or (f"killed by {self.signal_name}" if self.signal_name else f"exit {self.exit_code}") + (
            f": {said[-1][:200]}" if said else ""
        )


class Host(msgspec.Struct, frozen=True):
    """The machine that is looked at.

    `root` is where /proc, /sys, /dev, /etc, /usr, /opt and /var are read; commands, environment variables and
    interpreters are always this process's own. `timeout_seconds` is the deadline of one probe.
    """

    root: Path = Path("/")
    variables: Mapping[str, str] = msgspec.field(default_factory=lambda: dict(os.environ))
    timeout_seconds: float = 30.0

    @property
    def is_live(self) -> bool:
        """Whether the root is this machine's own."""
        return self.root == Path("/")

    def path(self, absolute: str) -> Path:
        """Return where an absolute path lies below the root."""
        return self.root / absolute.lstrip("/")

    def read_text(self, absolute: str) -> str | None:
        """Return a file's text (bad bytes replaced), None where it does not exist. Raises OSError on other failures."""
        try:
            return read_plain_text(self.path(absolute), _FILE_LIMIT_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def entries(self, absolute: str) -> list[str]:
        """Return the sorted names in a folder; [] where it does not exist. Raises OSError on other failures."""
        try:
            return sorted(os.listdir(self.path(absolute)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def which(self, command: str) -> str | None:
        """Return the absolute path of a command on PATH; relative PATH entries (the working directory) are left out."""
        folders = [
            folder for folder in self.variables.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(folder)
        ]
        found = shutil.which(command, path=os.pathsep.join(folders)) if folders else None
        is_usable = found is not None and os.path.isabs(found)  # Windows' search begins where we stand
        return found if is_usable and found is not None and not is_offer_to_install(found) else None

    def run(
        self,
        argv: Sequence[str],
        timeout_seconds: float | None = None,
        variables: Mapping[str, str] | None = None,
        told: bytes = b"",
        output_limit_bytes: int = _OUTPUT_LIMIT_BYTES,
    ) -> Answer:
        """Run a command (found on PATH) to its end or to the deadline, then kill it with all its children.

        Standard input holds `told` (a few bytes) and nothing more, the working directory is empty and private, output
        is cut at the limit. A process that it made a session of its own is left. Never raises.
        """
        executable = argv[0] if os.path.isabs(argv[0]) else self.which(argv[0])
        if executable is None:
            return Answer(tuple(argv), None, failure="not found")
        deadline = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        environment = dict(self.variables if variables is None else variables)
        try:
            return _run(tuple(argv), executable, deadline, environment, (told, output_limit_bytes))
        except PermissionError:
            return Answer(tuple(argv), None, failure="permission denied")
        except (OSError, ValueError) as error:
            return Answer(tuple(argv), None, failure=f"cannot be started ({error})")


def _run(
    argv: tuple[str, ...], executable: str, deadline: float, environment: dict[str, str], pipes_hold: tuple[bytes, int]
) -> Answer:
    told, limit = pipes_hold  # what goes in, and how many bytes may come out
    with _empty_folder() as empty:
        process = _start([executable, *argv[1:]], empty, environment, has_input=bool(told))
        pipes = [_Drain(process.stdout, limit), _Drain(process.stderr, _OUTPUT_LIMIT_BYTES)]
        _tell(process, told)
        failure = ""
        try:
            _wait(process, deadline)
        except subprocess.TimeoutExpired:
            failure = f"did not answer within {deadline:g} s"
        kill_group(process)
        end = time.monotonic() + _DRAIN_SECONDS
        for pipe in pipes:
            pipe.join(max(0.0, end - time.monotonic()))
        _running.discard(process)
        code = None if failure else process.returncode
        return Answer(
            argv=argv,
            exit_code=code if code is None or code >= 0 else None,
            stdout=pipes[0].text(),
            stderr=pipes[1].text(),
            failure=failure,
            signal_name=signal_name(-code) if code is not None and code < 0 else "",
            is_truncated=any(pipe.is_truncated for pipe in pipes),
        )


@contextlib.contextmanager
def _empty_folder() -> Iterator[str]:
    """Yield an empty folder of our own; the top folder where none can be made (a full disk, a read-only one)."""
    with contextlib.ExitStack() as stack:
        folder = os.path.abspath(os.sep)
        with contextlib.suppress(OSError):
            made = tempfile.TemporaryDirectory(prefix="gpudoctor-", ignore_cleanup_errors=True)
            folder = stack.enter_context(made)
        yield folder


def _start(command: list[str], folder: str, environment: dict[str, str], *, has_input: bool) -> subprocess.Popen[bytes]:
    """Start a command where `kill_running` will find it. Raises OSError."""
    token = object()
    _starting.add(token)
    try:
        if _is_stopping.is_set():
            raise InterruptedError("gpudoctor was interrupted")
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        _running.add(process)
        return process
    finally:
        _starting.discard(token)


def _tell(process: subprocess.Popen[bytes], told: bytes) -> None:
    """Write to the command's standard input and close it; a command that ended early has not listened."""
    if process.stdin is not None:
        with contextlib.suppress(OSError), process.stdin as pipe:
            pipe.write(told)


def _wait(process: subprocess.Popen[bytes], deadline: float) -> None:
    """Wait for the end at once where the kernel tells it; Popen.wait looks only every 50 ms. Raises TimeoutExpired."""
    if sys.platform != "linux":
        process.wait(deadline)
        return
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:  # a kernel before 5.3, or forbidden in this container
        process.wait(deadline)
        return
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(deadline * 1000):
            raise subprocess.TimeoutExpired(process.args, deadline)
    finally:
        os.close(descriptor)  # it is not waited for yet: its number stays taken until its group has been killed


def kill_running(patience_seconds: float = 1.0) -> None:
    """Kill every command that still runs and start no new one: gpudoctor was interrupted.

    Waits a moment for the threads that ran them, so that they remove their empty folders.
    """
    _is_stopping.set()
    end = time.monotonic() + patience_seconds
    while (_running or _starting) and time.monotonic() < end:
        for process in list(_running):
            kill_group(process)
        time.sleep(0.01)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process started in its own session, with whatever it forked; a process stuck in the kernel is left."""
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.poll()
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        return


def is_offer_to_install(command: str) -> bool:
    """Whether this is one of macOS's stand-ins, which open a window that offers to install the developer tools.

    /usr/bin/python3, gcc, git ... are such where neither Xcode nor its command line tools are there (xcode-select(1)).
    """
    if sys.platform != "darwin" or os.path.dirname(command) != "/usr/bin":
        return False
    return os.path.basename(command) in _DEVELOPER_COMMANDS and not any(map(os.path.exists, _DEVELOPER_FOLDERS))


def signal_name(number: int) -> str:
    """Return SIGSEGV for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class _Drain(threading.Thread):
    """Read a pipe to its end, keep the first bytes: a child that floods must not fill memory or block."""

    def __init__(self, pipe: IO[bytes] | None, limit_bytes: int) -> None:
        super().__init__(daemon=True)
        assert pipe is not None  # noqa: S101  # Popen was told to make it
        self._pipe = pipe
        self._limit_bytes = limit_bytes
        self._kept = bytearray()
        self._tail = bytearray()
        self.is_truncated = False
        self.start()

    def run(self) -> None:
        with self._pipe:
            while True:
                try:
                    chunk = os.read(self._pipe.fileno(), 65536)
                except OSError:
                    return
                if not chunk:
                    return
                room = self._limit_bytes - len(self._kept)
                self._kept += chunk[:room]
                self._tail = (self._tail + chunk[room:])[-_TAIL_BYTES:]
                self.is_truncated = self.is_truncated or len(chunk) > room

    def text(self) -> str:
        """Return what was read, bad bytes replaced; where it was cut, its end on lines of its own."""
        head = bytes(self._kept).decode("utf-8", "replace")
        return f"{head}\n...\n{bytes(self._tail).decode('utf-8', 'replace')}" if self.is_truncated else head
