"""Network namespaces stand for hosts: the short form of what ``python tests/hosts.py`` checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import namespaces

HOSTS = Path(__file__).with_name("hosts.py")


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_two_hosts_train_one_model_and_a_cut_off_one_is_told():
    if reason := namespaces.why_not():
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, str(HOSTS), "--hosts", "2", "--short"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": holds\n") == 2


def test_a_check_that_fails_is_told(monkeypatch, capsys):
    import hosts

    class Wire:
        how, all = "", []

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def broken(_hosts, _folder, whole):
        """Fail."""
        hosts.expect(whole == "another", "the files differ")

    monkeypatch.setattr(hosts.namespaces, "Hosts", lambda *_, **__: Wire())
    assert hosts.check(2, [broken], {hosts.EPOCHS: "one", hosts.FEW: "two"}) == 1
    assert capsys.readouterr().out.endswith("Fail: FAILED: the files differ\n")
