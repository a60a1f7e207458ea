"""What leaves the machine holds no private data, and is judged as the original is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpudoctor.engine.judge import Crashed, Found, NotJudged, judge_all
from gpudoctor.facts.codec import encode_snapshot
from gpudoctor.facts.placeholders import Placeholders
from gpudoctor.facts.private_text import Identity, PrivateText
from gpudoctor.facts.redact import Redactor, redact_snapshot
from gpudoctor.facts.snapshot import Snapshot
from gpudoctor.rules.registry import all_rules
from tests.rules.bases import BASES
from tests.rules.overlay import overlaid

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ALICE = Identity(user_names=("alice",), host_names=("gpubox7",), home_paths=("/home/alice",))
RULES = Path(__file__).parent.parent / "rules"


def redacted(text: str, identity: Identity = ALICE) -> str:
    return PrivateText(identity, Placeholders()).in_text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/alice/.venv/bin/python", "/home/user-1/.venv/bin/python"),
        ("/Users/bob/x and /home/carol/y", "/Users/user-1/x and /home/user-2/y"),
        (r"C:\Users\Jane Doe\venv\python.exe", r"C:\Users\user-1\venv\python.exe"),
        ("C:\\\\Users\\\\jane\\\\venv", "C:\\\\Users\\\\user-1\\\\venv"),
        ("/mnt/c/Users/jane/x", "/mnt/c/Users/user-1/x"),
        ("/scratch/alice/data", "/scratch/user-1/data"),
        ("alice@gpubox7:~$ nvidia-smi", "user-1@host-1:~$ nvidia-smi"),
        ("on gpubox7.cluster.example.com since May", "on host-1 since May"),
        ("mail a.b+c@example.org now", "mail email-1 now"),
        ("https://bob:s3cr3t@pypi.example.com/simple", "https://credentials-1@pypi.example.com/simple"),
        ("https://tok3n@example.com/x", "https://credentials-1@example.com/x"),
        ("HF_TOKEN=hf_abcdefghijklmnopqrstuvwx", "HF_TOKEN=token-1"),
        ("WANDB_API_KEY=0123456789abcdef0123", "WANDB_API_KEY=token-1"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "token-1"),
        ("AKIAIOSFODNN7EXAMPLE", "token-1"),
        ("Authorization: Bearer abcdef.ghijkl-mnop", "Authorization: Bearer token-1"),
        ("connected to 203.0.113.7", "connected to address-1"),
        ("http://203.0.113.7:8080/simple", "http://address-1:8080/simple"),
        ("proxy 192.168.1.20 refused", "proxy address-1 refused"),
        ("MASTER_ADDR=10.1.2.3", "MASTER_ADDR=address-1"),
        ("NET/Socket : Using [0]eth0:10.1.2.3<0>", "NET/Socket : Using [0]eth0:address-1<0>"),
        ("inet6 fe80::1ff:fe23:4567:890a up", "inet6 address-1 up"),
        ("2001:db8:85a3:0:0:8a2e:370:7334", "address-1"),
        ("ether 02:42:ac:11:00:02 up", "ether mac-1 up"),
        ("Serial Number : 1324721045678", "Serial Number : serial-1"),
        ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "GPU-01000000-0000-0000-0000-000000000000"),
        ("MIG-8932f937-d72c-4106-c12f-20bd9faed9f6", "MIG-01000000-0000-0000-0000-000000000000"),
        (
            "MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/1/0",
            "MIG-GPU-01000000-0000-0000-0000-000000000000/1/0",
        ),
    ],
)
def test_private_data_becomes_a_placeholder(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "9.10.2.21",
        "10.3.5.147",
        "nvidia-curand-cu12==10.3.5.147",
        "nvidia-curand-cu12 10.3.5.147 is installed, torch pins 10.3.9.90",
        "libcurand.so.10.3.5.147",
        "driver 31.0.15.3623",
        "535.104.05",
        "NVRM: Xid (PCI:0000:01:00): 79, pid=1234",
        "0000:01:00.0",
        "12:34:56 kernel: nvidia: loading",
        "c10::Error at torch::cuda::init",
        "/root/.cache/pip",
        "/home/linuxbrew/.linuxbrew/bin/python3",
        "http://127.0.0.1:8888/lab",
        "git@github.com",
        "user@1000.service",
        "tokenizers==0.20.3",
        "max_new_tokens=4096",
        "malice in gpubox77",
        "GPU-bound",
        "/usr/lib/x86_64-linux-gnu/libcuda.so.580.95.05",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_people_called_like_the_things_we_speak_of_keep_their_name_outside_of_home() -> None:
    identity = Identity(user_names=("nvidia", "ubuntu"), host_names=("ubuntu", "torch"), home_paths=("/home/nvidia",))
    text = "/home/nvidia/env/lib/nvidia/torch on ubuntu"
    assert redacted(text, identity) == "/home/user-1/env/lib/nvidia/torch on ubuntu"


def test_a_home_elsewhere_is_a_home() -> None:
    identity = Identity(user_names=("bob",), home_paths=("/data/people/b123",))
    assert redacted("/data/people/b123/x:/data/people/b1234", identity) == "/data/people/user-1/x:/data/people/b1234"


def test_the_beginning_of_a_uuid_selects_the_same_gpu() -> None:
    first, second = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "GPU-ab32f937-d72c-4106-c12f-20bd9faed9f6"
    snapshot = overlaid("desktop", {"gpus[1].uuid": second, "gpus[0].uuid": first, "gpus[1].index": 1})
    snapshot = msgspec.structs.replace(
        snapshot,
        machine=msgspec.structs.replace(
            snapshot.machine,
            system=overlaid("desktop", {"system.variables": {"CUDA_VISIBLE_DEVICES": "GPU-ab32f937"}}).machine.system,
        ),
    )
    machine = redact_snapshot(snapshot, ALICE).machine
    uuids = [gpu.uuid.need() for gpu in machine.gpus.need()]
    chosen = machine.system.variables.need()["CUDA_VISIBLE_DEVICES"]
    assert [uuid.startswith(chosen) for uuid in uuids] == [False, True]
    assert not set(uuids) & {first, second}


def test_serials_and_names_of_variables() -> None:
    lines = {"gpu.serial": "0324518123456", "system.variables": {"LD_LIBRARY_PATH": "/home/alice/lib", "alice": "x"}}
    after = redact_snapshot(overlaid("desktop", lines), ALICE)
    assert after.machine.gpus.need()[0].serial.need() == "serial-1"
    assert after.machine.system.variables.need() == {"LD_LIBRARY_PATH": "/home/user-1/lib", "alice": "x"}


def test_redacting_twice_changes_nothing_more() -> None:
    once = redact_snapshot(overlaid("desktop", {"env.path": "/home/alice/.venv"}), ALICE)
    assert redact_snapshot(once, ALICE) == once


WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=6, max_size=12)


@settings(max_examples=40, deadline=None)
@given(user=WORDS, host=WORDS, number=st.integers(10**9, 10**12), uuid=st.uuids())
def test_no_planted_secret_is_left(user: str, host: str, number: int, uuid: Any) -> None:
    token = f"hf_{uuid.hex}"
    identity = Identity(user_names=(f"u{user}",), host_names=(f"h{host}",), home_paths=(f"/home/u{user}",))
    lines = {
        "env.path": f"/home/u{user}/.venv",
        "env.search_path": [f"/home/u{user}/.venv/lib", f"/net/h{host}/u{user}/lib"],
        "run.torch.stderr_tail": f"u{user}@h{host} said {token}, see https://u{user}:{token}@example.org/x",
        "gpu.uuid": f"GPU-{uuid}",
        "gpu.serial": f"SN{number}",
        "machine.kernel_log.lines": [{"number": 1, "text": f"h{host} kernel: NVRM: GPU-{uuid} lost"}],
        "system.variables": {"CUDA_VISIBLE_DEVICES": f"GPU-{uuid}", "HOSTNAME": f"h{host}", "MAIL": f"{user}@mail.org"},
    }
    text = encode_snapshot(redact_snapshot(overlaid("desktop", lines), identity)).decode()
    for secret in (f"u{user}", f"h{host}", token, str(uuid), f"SN{number}", f"{user}@mail.org"):
        assert secret not in text


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(["/home/alice", "/lib", "/gpubox7", "/x-alice", "/alice", "/b"]), min_size=1, max_size=5
    )
)
def test_equal_paths_stay_equal_and_beginnings_stay_beginnings(parts: list[str]) -> None:
    private = PrivateText(ALICE, Placeholders())
    whole, beginning = private.in_text("".join(parts)), private.in_text("".join(parts[:-1]))
    assert whole.startswith(beginning)
    assert private.in_text("".join(parts)) == whole


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_redacted_and_stays_as_it_is_the_second_time(text: str) -> None:
    private = PrivateText(ALICE, Placeholders())
    once = private.in_text(text)
    assert PrivateText(ALICE, Placeholders()).in_text(once) == once


def _fixtures() -> list[Any]:
    return [pytest.param(file, id=file.stem) for file in sorted(RULES.glob("*/*.toml"))]


def _outcomes(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """Return code, kind and severity of every outcome; passes are left out."""
    return [
        (outcome.rule.code, type(outcome).__name__, str(outcome.finding.severity) if isinstance(outcome, Found) else "")
        for outcome in judge_all(all_rules(), snapshot)
        if isinstance(outcome, Found | NotJudged | Crashed)
    ]


@pytest.mark.parametrize("file", _fixtures())
def test_a_redacted_machine_is_judged_as_the_original(file: Path) -> None:
    """Every fixture that fires, as the machine of somebody whose folders, user and host names are private."""
    content = tomllib.loads(file.read_text())
    identity = Identity(user_names=("user", "nvidia"), host_names=("desktop",), home_paths=("/home/user",))
    for case in content.get("fires", {}).values():
        snapshot = overlaid(case.get("base", content.get("base", "desktop")), case.get("set", {}))
        assert _outcomes(redact_snapshot(snapshot, identity)) == _outcomes(snapshot)


@pytest.mark.parametrize("base", BASES)
def test_healthy_machines_keep_everything_but_their_paths(base: str) -> None:
    before, after = BASES[base](), Redactor(Identity()).record(BASES[base]())
    assert msgspec.to_builtins(after.machine.driver) == msgspec.to_builtins(before.machine.driver)
    assert after.environments[0].path == "/home/user-1/project/.venv"
