"""Network namespaces that stand for hosts on one wire: each has an address, its own processes and a link to cut.

All of it lies within one private network and process namespace, so nothing of it outlives the process that made it,
however that ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

INSIDE = "TWOFOLD_NAMESPACES"  # in the environment of what `enter` starts
TOOLS = ("unshare", "ip", "tc")
LINK = "eth0"  # of each host


def inside() -> bool:
    """Tell whether `enter` has started this process."""
    return INSIDE in os.environ


def why_not() -> str | None:
    """Tell why namespaces can't be made here, or None."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if missing := [tool for tool in TOOLS if shutil.which(tool, path=_path()) is None]:
        return f"there is no {missing[0]} here (Debian's packages util-linux and iproute2)"
    trial = "mount -t tmpfs none /run && ip link add v0 type veth peer name v1 && ip link add w0 type bridge"
    done = subprocess.run(
        [*_unshare(), "sh", "-c", trial], check=False, capture_output=True, text=True, env=_environment()
    )
    return None if done.returncode == 0 else f"no rights to make network namespaces ({done.stderr.strip()[-100:]})"


def enter(words: list[str]) -> int:
    """Run Python with these words in namespaces of its own, which end with it; return its exit status."""
    own = ["sh", "-c", 'mount -t tmpfs none /run && ip link set lo up && exec "$@"', "sh"]
    command = [*_unshare(), *own, sys.executable, *words]
    with subprocess.Popen(command, env=_environment() | {INSIDE: "1"}) as child:
        signal.signal(signal.SIGTERM, lambda *_: child.kill())  # it takes all processes within along
        try:
            return child.wait()
        finally:
            child.kill()


def _unshare() -> list[str]:
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *rights, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": _path()}


def run(*words: str) -> str:
    """Run a command; return what it prints."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class Host:
    """A host on the wire.

    Parameters
    ----------
    place : int
        From 0; its address is 10.0.0.(place + 1).
    wire : str
        The bridge it is tied to.
    """

    def __init__(self, place: int, wire: str) -> None:
        self.name, self.address = f"host{place}", f"10.0.0.{place + 1}"
        self._end = f"veth{place}"
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", LINK, "netns", self.name, "type", "veth", "peer", "name", self._end)
        run("ip", "link", "set", self._end, "master", wire, "up")
        self.configure("addr", "add", f"{self.address}/24", "dev", LINK)
        for link in ("lo", LINK):
            self.configure("link", "set", link, "up")

    def configure(self, *words: str) -> None:
        """Run ``ip`` within it."""
        run("ip", "-n", self.name, *words)

    def start(self, words: list[str], output: Path) -> subprocess.Popen[bytes]:
        """Start Python in it, in the folder of a file that gets what is printed."""
        command = ["ip", "netns", "exec", self.name, sys.executable, *words]
        known = {"GLOO_SOCKET_IFNAME": LINK, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with output.open("wb") as file:
            return subprocess.Popen(
                command, cwd=output.parent, stdout=file, stderr=subprocess.STDOUT, env=os.environ | known
            )

    def processes(self) -> list[int]:
        """Return the numbers of its processes."""
        return [int(word) for word in run("ip", "netns", "pids", self.name).split()]

    def kill(self) -> None:
        """Kill all its processes, as if its power were cut; nobody is told."""
        self.cut_off()
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def cut_off(self) -> None:
        """Take its link down."""
        run("ip", "link", "set", self._end, "down")

    def limit(self, mbit: float) -> None:
        """Let it send so many megabits a second at most."""
        shape = ["tbf", "rate", f"{mbit:g}mbit", "burst", "256k", "latency", "1s"]
        run("tc", "-n", self.name, "qdisc", "add", "dev", LINK, "root", *shape)

    def keep_window(self) -> None:
        """Let TCP keep its window while nothing is sent, as between two steps."""
        setting = "/proc/sys/net/ipv4/tcp_slow_start_after_idle"
        run("ip", "netns", "exec", self.name, "sh", "-c", f"echo 0 > {setting}")

    def remove(self) -> None:
        """Kill its processes and take it down."""
        self.kill()
        run("ip", "netns", "del", self.name)
        with suppress(subprocess.CalledProcessError):  # it may be gone with its other end
            run("ip", "link", "del", self._end)


class Hosts:
    """Some hosts on one wire, which are gone at the end of a ``with`` block.

    Parameters
    ----------
    count : int
    delay : float
        Seconds that a packet is under way.
    loss : float
        Part of the packets that never come.
    """

    def __init__(self, count: int, *, delay: float = 0.0, loss: float = 0.0) -> None:
        self.slow = bool(delay or loss)
        self.how = ""
        self._wires = ["wire"]
        run("ip", "link", "add", "wire", "type", "bridge")
        run("ip", "link", "set", "wire", "up")
        self._relay: subprocess.Popen[bytes] | None = None
        netem = self.slow and self._has_netem()
        if self.slow and not netem:
            self.how = "by a relay of packets, since this kernel has no netem"
            self._wires += [f"wire{place}" for place in range(count)]
            taps = [f"tap{place}" for place in range(count)]
            for wire, tap in zip(self._wires[1:], taps, strict=True):
                run("ip", "link", "add", wire, "type", "bridge")
                run("ip", "link", "set", wire, "up")
                run("ip", "tuntap", "add", "dev", tap, "mode", "tap")
                run("ip", "link", "set", tap, "master", wire, "up")
            relay = str(Path(__file__).with_name("relay.py"))
            self._relay = subprocess.Popen([sys.executable, relay, str(delay), str(loss), *taps])
        self.all = [Host(place, self._wires[-count + place] if self._relay else "wire") for place in range(count)]
        if netem:
            self.how = "by netem"
            for host in self.all:
                how = ["netem", "delay", f"{1000 * delay:g}ms", "loss", f"{100 * loss:g}%"]
                run("tc", "-n", host.name, "qdisc", "add", "dev", LINK, "root", *how)

    def _has_netem(self) -> bool:
        add = ["tc", "qdisc", "add", "dev", "wire", "root", "netem", "delay", "1ms"]
        if subprocess.run(add, check=False, capture_output=True).returncode:
            return False
        run("tc", "qdisc", "del", "dev", "wire", "root")
        return True

    def __enter__(self) -> Hosts:
        return self

    def __exit__(self, *_: object) -> None:
        """Take down everything."""
        for host in self.all:
            host.remove()
        if self._relay is not None:
            self._relay.kill()
            self._relay.wait()
        taps = [wire.replace("wire", "tap") for wire in self._wires[1:]]
        for link in [*self._wires, *taps]:
            run("ip", "link", "del", link)
