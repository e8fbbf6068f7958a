"""What a step costs on several hosts: a model of it, held against hosts that are network namespaces.

python benchmarks/several_hosts.py [--hosts 2 4] [--steps 8] [--save]

Random images, 784-1024-1024-10, batch size 4096, engine fused, 8 slices, one thread a host. Each host sends no more
than the wire's megabits a second, by tc's token bucket; packets of the last wire are late too. The model knows of one
process's step and of the wire, and nothing of several hosts; where there are more hosts than cores they share them,
which it takes into account. Needs root, or user namespaces: see tests/hosts.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import Figures, Report
from processes import BATCH, NETWORK, PARAMETERS, SLICES, Count, images

from twofold import Recipe, connect, open_engine, train

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import namespaces

PAYLOAD = 1448 / 1514  # of a packet's bytes on the wire
PORT = 29400


@dataclass(frozen=True)
class Wire:
    """What hosts are tied by: bits a second that each sends, and seconds until a packet is there."""

    bits: float
    delay: float = 0.0

    def __str__(self) -> str:
        late = f", {1000 * self.delay:g} ms" if self.delay else ""
        return (f"{self.bits / 1e9:g} Gbit/s" if self.bits >= 1e9 else f"{self.bits / 1e6:g} Mbit/s") + late


MEASURED = (Wire(1e9), Wire(1e8), Wire(1e8, 0.01))
FORESEEN = (Wire(1e9, 1e-4), Wire(1e10, 5e-5), Wire(1e11, 2e-5))


def seconds_of_step(
    hosts: int, wire: Wire, *, compute: float, update: float, parameters: float = PARAMETERS, crowd: float = 1.0
) -> float:
    """Foretell the seconds of a step.

    Parameters
    ----------
    hosts : int
        That share the slices evenly.
    wire : Wire
    compute : float
        Seconds that one host takes for the gradients of a whole minibatch.
    update : float
        Seconds of the update, which each host makes.
    parameters : float
        Bytes.
    crowd : float
        Hosts for each core, if there are more hosts than cores.
    """
    own = (compute / hosts + update) * crowd
    if hosts == 1:
        return own
    sent = 2 * (hosts - 1) / hosts * parameters
    # counts and losses go round a ring, parts of the gradient to all at once, and their sums round a ring
    rounds = (hosts - 1) + 1 + (hosts - 1)
    return own + sent * 8 / (wire.bits * PAYLOAD) + rounds * wire.delay


class Clock:
    """A callback: notes when each step has ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, _run: object) -> None:
        """Note it."""
        self.times.append(time.perf_counter())


def work(steps: int) -> dict[str, Any]:
    """Train with the hosts that there are, and tell what a step takes and sends."""
    count, clock, updates = Count(), Clock(), []
    with connect() as processes:
        engine: Any = open_engine("fused", NETWORK, initialization="he", head="pytorch")
        take = engine.take

        def timed_take(*words: Any) -> None:
            started = time.perf_counter()
            take(*words)
            updates.append(time.perf_counter() - started)

        engine.take = timed_take
        recipe = Recipe(epochs=-(-steps // 4), batch_size=BATCH, slices=SLICES, learning_rate=0.01)
        if processes.size > 1:
            count.watch(processes.size)
        before = bytes_on_the_wire()
        for _ in train(engine, images(), recipe, clock, processes=processes):
            pass
        on_the_wire, taken = bytes_on_the_wire() - before, len(clock.times)
    apart = [b - a for a, b in zip(clock.times, clock.times[1:], strict=False)]
    return {
        "rank": processes.rank,
        "seconds": statistics.median(apart),
        "update": statistics.median(updates),
        "sent": count.sent / taken,
        "wire": on_the_wire / taken,
    }


def bytes_on_the_wire() -> int:
    """Return the bytes that this host's link has sent."""
    for line in Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines():
        if line.strip().startswith(f"{namespaces.LINK}:"):
            return int(line.split(":")[1].split()[8])
    return 0


def measure(hosts: list[namespaces.Host], steps: int) -> dict[str, Any]:
    """Train on hosts; return what the first one tells, with the most bytes of any."""
    with tempfile.TemporaryDirectory() as folder:
        running, outputs = [], [Path(folder) / f"{host.name}.txt" for host in hosts]
        for place, (host, output) in enumerate(zip(hosts, outputs, strict=True)):
            meet = ["--nnodes", str(len(hosts)), "--node-rank", str(place), "--nproc-per-node", "1"]
            meet += ["--master-addr", hosts[0].address, "--master-port", str(PORT), "--local-addr", host.address]
            command = ["-m", "torch.distributed.run", *meet, os.path.abspath(__file__), "--work", str(steps)]
            running.append(host.start(command, output))
        codes = [process.wait() for process in running]
        lines = [line for output in outputs for line in output.read_text(errors="replace").splitlines()]
        if any(codes):
            raise SystemExit("\n".join(lines))
        told = [json.loads(line) for line in lines if line.startswith("{")]
    first: dict[str, Any] = next(one for one in told if one["rank"] == 0)
    return first | {name: max(one[name] for one in told) for name in ("sent", "wire")}


def on_a_wire(wire: Wire, count: int, steps: int) -> dict[str, Any]:
    """Train on so many hosts."""
    with namespaces.Hosts(count, delay=wire.delay) as hosts:
        for host in hosts.all:
            host.limit(wire.bits / 1e6)
            host.keep_window()
        return measure(hosts.all, steps)


def main() -> int:
    """Measure, and print beside the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    given = parser.parse_args()
    if given.work:
        sys.stdout.write(json.dumps(work(given.work)) + "\n")
        return 0
    if not namespaces.inside():
        if reason := namespaces.why_not():
            raise SystemExit(reason)
        return namespaces.enter(sys.argv)
    report, cores = Report("several_hosts", save=given.save), os.cpu_count() or 1
    alone = on_a_wire(MEASURED[0], 1, given.steps)
    costs = {"update": alone["update"], "compute": alone["seconds"] - alone["update"]}
    rows, bytes_ = [], []
    for wire in MEASURED:
        for n in given.hosts:
            found = on_a_wire(wire, n, given.steps)
            told = seconds_of_step(n, wire, crowd=max(1.0, n / cores), **costs)
            rows.append(
                [f"{n} hosts, {wire}", f"{told:.2f}", f"{found['seconds']:.2f}", f"{found['seconds'] / told:.2f}"]
            )
            if wire is MEASURED[0]:
                least = 2 * (n - 1) / n * PARAMETERS
                ratios = [f"{found[name] / least:.3f}" for name in ("sent", "wire")]
                bytes_.append([f"{n} hosts", f"{least / 1e6:.2f}", *ratios])
    rows.insert(0, ["1 host", f"{sum(costs.values()):.2f}", f"{alone['seconds']:.2f}", "1.00"])
    report.add(Figures("seconds of a step", ["hosts", "model", "measured", "measured / model"], rows))
    report.add(Figures("bytes of a step", ["hosts", "least, MB", "handed to gloo", "sent by the link"], bytes_))
    ahead = []
    for n in (2, 4, 8, 64):
        times = [seconds_of_step(n, wire, **costs) for wire in FORESEEN]
        ahead.append([f"{n} hosts", *(f"{sum(costs.values()) / own:.1f}" for own in times)])
    columns = ["hosts", *(f"{wire}" for wire in FORESEEN)]
    report.add(Figures("times as fast as 1 host, by the model", columns, ahead))
    report.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
