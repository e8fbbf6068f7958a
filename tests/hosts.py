"""Trainings that hosts share, network namespaces, over good wires and bad ones, whoever is lost on the way.

python tests/hosts.py [--hosts 2 4] [--short]

`torchrun` runs over TCP between them. The model's file must have the SHA-256 of one process's file, also with packets
late and lost, and after a host was killed or cut off, once the run has gone on from its checkpoint with fewer hosts.
Those that are left must end with one clear line in time. It needs root, or user namespaces, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import namespaces

PORT = 29400
DELAY, LOSS = 0.02, 0.01  # seconds and part of the packets, on the bad wire
SILENCE = 30.0  # seconds without an answer after which a process is taken for lost
MARGIN = 30.0  # seconds more for torchrun to end, on a machine that is busy with as many hosts
EPOCHS, FEW = 40, 2
HIDDEN = "1024"  # so that gradients are exchanged in parts
TRAIN = ["train", "mlp", "--data", "digits", "--slices", "8", "--engine", "scratch", "--hidden", HIDDEN]
TRAIN += ["--save", "model.safetensors"]
KEEP = ["--checkpoint", "run", "--every-seconds", "0.2"]
LOST = re.compile(
    r"twofold: one of \d processes is gone, or was silent for 30 s; the others stop \(process \d: .+\); go on"
)


class CheckError(Exception):
    """Something is not as it must be."""


def expect(holds, message):
    """Raise `CheckError` unless something holds."""
    if not holds:
        raise CheckError(message)


class Job:
    """A training that hosts share.

    Parameters
    ----------
    hosts : list of Host
    folder : Path
        That all of them see.
    *words : str
        Of ``twofold train``.
    restarts : int
        That torchrun may make.
    least : int, optional
        Hosts that the run may go on with by itself; otherwise it is over when one is lost.
    """

    def __init__(self, hosts, folder, *words, restarts=0, least=None):
        self.hosts, self.folder, self.running = hosts, folder, []
        (folder / "model.safetensors").unlink(missing_ok=True)
        for place, host in enumerate(hosts):
            if least is None:
                meet = ["--nnodes", str(len(hosts)), "--node-rank", str(place)]
                meet += ["--master-addr", hosts[0].address, "--master-port", str(PORT)]
            else:
                meet = ["--nnodes", f"{least}:{len(hosts)}", "--rdzv-backend", "c10d", "--rdzv-id", "run"]
                meet += ["--rdzv-endpoint", f"{hosts[0].address}:{PORT}", "--rdzv-conf", f"is_host={int(place == 0)}"]
            launch = ["--local-addr", host.address, "--max-restarts", str(restarts), "--nproc-per-node", "1", *meet]
            command = ["-m", "torch.distributed.run", *launch, "-m", "twofold", *TRAIN, *words]
            self.running.append(host.start(command, self._output(host)))

    def _output(self, host):
        return self.folder / f"{host.name}.txt"

    def said(self, host):
        """Return what a host has printed."""
        return self._output(host).read_text(errors="replace")

    def lost(self, hosts):
        """Return the lines in which hosts say that one is lost."""
        return [line for host in hosts for line in self.said(host).splitlines() if line.startswith("twofold:")]

    def wait(self, seconds, hosts=None):
        """Wait for the end on some hosts, or all; return their exit statuses."""
        end, codes = time.monotonic() + seconds, []
        for host, process in zip(self.hosts, self.running, strict=True):
            if hosts is None or host in hosts:
                try:
                    codes.append(process.wait(max(0.1, end - time.monotonic())))
                except subprocess.TimeoutExpired:
                    said = self.said(host)[-2000:]
                    raise CheckError(f"{host.name} has not ended after {seconds:.0f} s; it said:\n{said}") from None
        return codes

    def wait_until_under_way(self, seconds=120.0):
        """Wait until there is a checkpoint."""
        end = time.monotonic() + seconds
        while not list(self.folder.glob("run/step-*.safetensors")):
            expect(time.monotonic() < end, f"no checkpoint after {seconds:.0f} s; {self.said(self.hosts[0])[-2000:]}")
            time.sleep(0.05)

    def hash(self, seconds=300.0, hosts=None):
        """Wait for the end and return the file's SHA-256."""
        codes = self.wait(seconds, hosts)
        expect(not any(codes), f"exit statuses {codes}; {self.said(self.hosts[0])[-2000:]}")
        return digest(self.folder)


def digest(folder):
    """Return the SHA-256 of the model's file."""
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def one_process(folder, *words):
    """Train in one process; return the file's SHA-256."""
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "twofold", *TRAIN, *words]
    subprocess.run(command, cwd=folder, env=os.environ | one_thread, check=True, stdout=subprocess.DEVNULL)
    return digest(folder)


def good_wire(hosts, folder, whole):
    """Train, over a good wire."""
    expect(Job(hosts, folder, "--epochs", str(EPOCHS)).hash() == whole, "another file than one process's")


def bad_wire(hosts, folder, whole):
    """Train, packets being late and lost."""
    expect(Job(hosts, folder, "--epochs", str(FEW)).hash() == whole, "another file than one process's")


def killed(hosts, folder, whole):
    """Kill the last host; go on with the others, and with one process."""
    _lose(hosts, folder, whole, lost=hosts[-1], how="kill")


def cut_off(hosts, folder, whole):
    """Take the last host's link down; go on with the others, and with one process."""
    _lose(hosts, folder, whole, lost=hosts[-1], how="cut_off")


def first_killed(hosts, folder, whole):
    """Kill the host on which torchrun's store is; go on with the others, and with one process."""
    _lose(hosts, folder, whole, lost=hosts[0], how="kill")


def _lose(hosts, folder, whole, *, lost, how):
    job = Job(hosts, folder, "--epochs", str(EPOCHS), *KEEP)
    job.wait_until_under_way()
    getattr(lost, how)()
    left = [host for host in hosts if host is not lost]
    codes = job.wait(SILENCE + MARGIN, left)
    expect(set(codes) == {1}, f"exit statuses {codes}")
    lines = job.lost(left)
    most = len(left) if lost is hosts[0] else 1  # without the store each that is left takes itself for the first
    expect(1 <= len(lines) <= most, f"lines: {lines}")
    if how == "cut_off":
        job.wait(SILENCE + MARGIN, [lost])
        expect(len(job.lost([lost])) == 1, f"the one that was cut off said:\n{job.said(lost)[-2000:]}")
        lines += job.lost([lost])
    expect(all(map(LOST.match, lines)), f"lines: {lines}")
    shutil.copytree(folder / "run", folder / "copy")
    words = ("--epochs", str(EPOCHS))
    found = Job(left, folder, *words, "--resume", "run").hash()
    expect(found == whole, f"another file after going on with {len(left)}")
    expect(one_process(folder, *words, "--resume", "copy") == whole, "another file after going on with one process")


def restarted(hosts, folder, whole):
    """Kill a process on the last host, which torchrun starts again."""
    job = Job(hosts, folder, "--epochs", str(EPOCHS), *KEEP, restarts=1)
    job.wait_until_under_way()
    for process in hosts[-1].processes():
        if b"LOCAL_RANK=" in Path(f"/proc/{process}/environ").read_bytes():
            os.kill(process, signal.SIGKILL)
    expect(job.hash() == whole, "another file than one process's")
    expect("going on from step" in job.said(hosts[0]), "it began anew")


def elastic(hosts, folder, whole):
    """Kill the last host; torchrun goes on with the others by itself."""
    job = Job(hosts, folder, "--epochs", str(EPOCHS), *KEEP, restarts=3, least=1)
    job.wait_until_under_way()
    hosts[-1].kill()
    expect(job.hash(hosts=hosts[:-1]) == whole, "another file than one process's")
    expect("going on from step" in job.said(hosts[0]), "it began anew")


CHECKS = (good_wire, bad_wire, killed, cut_off, first_killed, restarted, elastic)
SHORT = (good_wire, cut_off)


def check(count, checks, wholes):
    """Run checks on so many hosts; return how many failed."""
    failures = 0
    for each in checks:
        bad, started = each is bad_wire, time.monotonic()
        with (
            tempfile.TemporaryDirectory() as folder,
            namespaces.Hosts(count, delay=DELAY * bad, loss=LOSS * bad) as hosts,
        ):
            try:
                each(hosts.all, Path(folder), wholes[FEW if bad else EPOCHS])
                result = "holds"
            except CheckError as error:
                failures, result = failures + 1, f"FAILED: {error}"
        what = each.__doc__.rstrip(".") + (f" ({DELAY * 1000:g} ms, {LOSS:.0%}, {hosts.how})" if bad else "")
        print(f"{count} hosts, {time.monotonic() - started:3.0f} s: {what}: {result}", flush=True)
    return failures


def main():
    """Check, within namespaces."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--short", action="store_true", help="two checks alone")
    parser.add_argument("--only", choices=[each.__name__ for each in CHECKS], help="one check alone")
    given = parser.parse_args()
    if not namespaces.inside():
        if reason := namespaces.why_not():
            print(f"skipped: {reason}")
            return 0
        return namespaces.enter(sys.argv)
    with tempfile.TemporaryDirectory() as folder:
        wholes = {epochs: one_process(Path(folder), "--epochs", str(epochs)) for epochs in (EPOCHS, FEW)}
    checks = [each for each in SHORT if given.short] or [each for each in CHECKS if given.only in (None, each.__name__)]
    return int(sum(check(count, checks, wholes) for count in given.hosts) > 0)


if __name__ == "__main__":
    sys.exit(main())
