"""Look at the machine and its environments side by side, and make the snapshot."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from gpudoctor import __version__
from gpudoctor.facts.environment import Environment
from gpudoctor.facts.snapshot import SCHEMA, Machine, Snapshot
from gpudoctor.probes.environments import probe_environments
from gpudoctor.probes.host import Host
from gpudoctor.probes.machine import SLOW_SECONDS, probe_machine
from gpudoctor.probes.targets import ProbeOptions, Target

T = TypeVar("T")


def gather(
    host: Host,
    targets: Sequence[Target],
    options: ProbeOptions,
    on_slow: Callable[[str], None],
    *,
    meanwhile: Callable[[], object] = lambda: None,
    on_left_out: Callable[[str], None] = lambda _: None,
) -> Snapshot:
    """Return what the machine and the environments show.

    `on_slow` is called with the name of a probe that takes long, `on_left_out` with the reason why an environment is
    not in the snapshot, `meanwhile` once all have started: probes mostly wait for children, and the caller has things
    to load. A probe that crashes is gpudoctor's own fault and stands in `probe_failures`; the rest is whole.
    """
    environments = _Side(lambda: probe_environments(host, targets, options, on_left_out))
    machine = _Side(lambda: probe_machine(host, on_slow=on_slow))
    meanwhile()
    environments.join(SLOW_SECONDS)
    if environments.is_alive():
        on_slow("the Python environments")
    environments.join()
    machine.join()
    seen_machine, failures = machine.result or (Machine(), ())
    seen_environments: tuple[Environment, ...] = environments.result or ()
    crashed = [
        f"{name}: {side.error}" for name, side in (("machine", machine), ("environments", environments)) if side.error
    ]
    return Snapshot(
        schema=SCHEMA,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        tool_version=__version__,
        machine=seen_machine,
        environments=seen_environments,
        probe_failures=(*failures, *crashed),
    )


class _Side(threading.Thread, Generic[T]):
    """One half of the looking, in a thread that never keeps the process alive."""

    def __init__(self, look: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._look = look
        self.result: T | None = None
        self.error = ""
        self.start()

    def run(self) -> None:
        try:
            self.result = self._look()
        except Exception as error:  # a bug of a probe must not end the diagnosis
            self.error = f"{type(error).__name__}: {error}"
