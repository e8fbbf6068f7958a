"""Cores: no more than a container's quota gives, whichever version of groups says so."""

from __future__ import annotations

import math

import pytest
from threadpoolctl import threadpool_info

from twofold import cores
from twofold.engines.threads import limited_threads

V1 = "9:name=systemd:/\n3:cpuset:/\n1:cpu,cpuacct:/docker/a/b\n0::/\n"
V2 = "0::/kube/pod\n"


@pytest.fixture
def groups(monkeypatch, tmp_path):
    """Write what the system says of groups; returns a function of the own groups and of files' texts."""

    def write(own, files):
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "own").write_text(own)
        cores.quota.cache_clear()

    monkeypatch.setattr(cores, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(cores, "OWN_GROUPS", tmp_path / "own")
    yield write
    cores.quota.cache_clear()


def version_1(folder, quota):
    return {f"cpu{folder}/cpu.cfs_quota_us": f"{quota}\n", f"cpu{folder}/cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("own", "files", "quota"),
    [
        (V2, {"kube/pod/cpu.max": "150000 100000\n"}, 1.5),
        (V2, {"kube/pod/cpu.max": "max 100000\n", "kube/cpu.max": "300000 100000\n"}, 3),
        (V2, {"cpu.max": "50000 100000\n"}, 0.5),  # a container sees its own group as the root
        (V2, {"kube/pod/cpu.max": "max 100000\n"}, math.inf),
        (V2, {}, math.inf),
        (V1, version_1("/docker/a/b", 200000) | version_1("/docker", 100000), 1),
        (V1, version_1("/docker/a/b", -1), math.inf),
        (V1, version_1("", 400000), 4),
        (V1, {"docker/a/b/cpu.max": "1 100000\n"}, math.inf),
        ("nonsense", {}, math.inf),
    ],
)
def test_the_least_quota_of_the_own_groups_counts(groups, own, files, quota):
    groups(own, files)
    assert cores.quota() == quota


def test_threads_and_cores_are_no_more_than_the_quota(groups, monkeypatch):
    monkeypatch.setattr(cores, "_affinity", lambda: 8)
    groups(V2, {"kube/pod/cpu.max": "160000 100000\n"})
    assert (cores.usable_cores(), cores.quota_threads()) == (1, 1)
    with limited_threads(None):
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    groups(V2, {"kube/pod/cpu.max": "max 100000\n"})
    assert (cores.usable_cores(), cores.quota_threads()) == (8, None)
    groups(V2, {"kube/pod/cpu.max": "1000 100000\n"})
    assert cores.usable_cores() == 1
