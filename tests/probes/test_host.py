"""Commands with deadlines: whatever a child does, it is ended, nothing of it stays, and what it said is kept."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from pathlib import Path

import pytest

from gpudoctor.cli.check_run import CheckRequest, chosen_root
from gpudoctor.probes.host import Host
from gpudoctor.probes.inside_stages import run_inside
from gpudoctor.probes.interpreters import on_path
from gpudoctor.probes.targets import Target

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals, sessions and forks")


def run(code: str, seconds: float = 20, *arguments: str, **host: object) -> tuple[str, str]:
    """Run Python code; return what it said and why it is not ok."""
    answer = Host(**host).run([sys.executable, "-I", "-c", textwrap.dedent(code), *arguments], seconds)  # type: ignore[arg-type]
    return answer.stdout, "" if answer.is_ok else answer.why_not


def is_alive(number: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def ends(number: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(number) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(number)


@posix
def test_who_ignores_signals_is_ended_with_its_children() -> None:
    said, why = run(
        """
        import os, signal, time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        child = os.fork()
        print(os.getpid(), child, flush=True) if child else None
        time.sleep(600)
        """,
        1,
    )
    assert why == "did not answer within 1 s"
    assert all(ends(int(number)) for number in said.split())


@posix
def test_children_of_a_command_that_has_ended_are_ended() -> None:
    said, why = run(
        """
        import os, time
        child = os.fork()
        if not child:
            time.sleep(600)
        print(child, flush=True)
        """
    )
    assert why == ""
    assert ends(int(said))


@posix
def test_a_daemon_that_keeps_the_pipe_open_is_not_waited_for() -> None:
    said, why = run(
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            print(os.getpid(), flush=True)
            time.sleep(600)
            os._exit(0)
        time.sleep(0.2)
        print("done")
        """
    )
    daemon, done = said.split()
    assert (done, why) == ("done", "")
    os.kill(int(daemon), 9)


def test_a_flood_is_cut_and_its_end_is_kept() -> None:
    said, why = run(
        """
        import os
        for _ in range(1024):
            os.write(1, b"x" * (1 << 20))
        print("the end", flush=True)
        """
    )
    assert why == ""
    assert len(said) < 5 * 1024 * 1024
    assert said.endswith("the end\n")


@posix
def test_descriptors_and_folders_are_given_back() -> None:
    host = Host()
    host.run([sys.executable, "-I", "-c", ""])
    before = sorted(os.listdir("/dev/fd"))
    for _ in range(20):
        host.run([sys.executable, "-I", "-c", "print(1)"])
        host.run(["/nonexistent/program"])
        host.run([sys.executable, "-I", "-c", "input()"], told=b"x\n")
        host.run([sys.executable, "-I", "-c", "import os; os.close(0)"], told=b"x" * 1000)
    assert sorted(os.listdir("/dev/fd")) == before


def test_what_is_told_is_all_that_is_heard() -> None:
    answer = Host().run([sys.executable, "-I", "-c", "import sys; print(sys.stdin.read())"], told=b"a word\n")
    assert answer.stdout.split() == ["a", "word"]
    answer = Host().run([sys.executable, "-I", "-c", "import sys; print(sys.stdin.read())"])
    assert answer.stdout.strip() == ""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="shutil.which asks Windows itself there")
def test_windows_search_in_the_working_directory_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvidia-smi.exe").write_text("")
    (tmp_path / "nvidia-smi.exe").chmod(0o755)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("PATHEXT", ".exe")
    assert shutil.which("nvidia-smi", path=str(tmp_path / "elsewhere")) == os.path.join(".", "nvidia-smi.exe")
    assert Host(variables={"PATH": str(tmp_path / "elsewhere")}).which("nvidia-smi") is None


@posix
@pytest.mark.parametrize("has_tools", [False, True])
def test_what_would_open_a_window_on_macos_is_not_started(
    has_tools: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/usr/bin/gcc").exists():
        pytest.skip("there is no /usr/bin/gcc")
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("gpudoctor.probes.host._DEVELOPER_FOLDERS", (str(tmp_path if has_tools else tmp_path / "no"),))
    host = Host(variables={"PATH": "/usr/bin"})
    assert host.which("gcc") == ("/usr/bin/gcc" if has_tools else None)
    assert host.which("env") == "/usr/bin/env"
    assert (Path("/usr/bin/python3") in on_path(host, ("python3",))) == (
        has_tools and Path("/usr/bin/python3").exists()
    )


def test_the_live_machine_is_live_where_the_top_folder_is_a_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.realpath", lambda path: f"C:{path}")
    assert Host(root=chosen_root(CheckRequest())).is_live
    assert not Host(root=chosen_root(CheckRequest(root="/host"))).is_live


@posix
def test_the_token_is_not_to_be_had_by_what_is_imported(tmp_path: Path) -> None:
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import os, sys\n"
        "known = [*sys.argv, *getattr(sys, 'orig_argv', []), sys.stdin.read(), *os.environ.values()]\n"
        "if os.path.exists('/proc/self/cmdline'): known += open('/proc/self/cmdline').read().split('\\0')\n"
        "for word in {piece for text in known for piece in text.split()}:\n"
        "    for stream in (1, 2):\n"
        '        os.write(stream, (\'\\n%s {"stage": "import", "version": "forged"} %s\\n\' % (word, word)).encode())\n'
        "__version__ = 'true'\n"
        "class version: cuda = hip = None\n"
        "class _C: _cuda_getArchFlags = str\n"
    )
    request = {
        "framework": "torch",
        "python_path": [str(tmp_path)],
        "with_user_site": False,
        "deep": False,
        "trace_after_seconds": 0,
        "turn_file": "",
        "turn_seconds": 0,
    }
    stages = run_inside(Host(timeout_seconds=60), Target(sys.executable, "--python"), "framework.py", request)
    versions = [record.get("version") for record in stages.sent if record["stage"] == "import"]
    assert versions == ["true"]
