"""The lab on this machine: for whoever has the token, and no other page."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

pytest.importorskip("uvicorn", reason="the extra 'lab' is not installed")
pytest.importorskip("starlette", reason="the extra 'lab' is not installed")
websockets = pytest.importorskip("websockets.sync.client", reason="the extra 'lab' is not installed")

from twofold.cli import main  # noqa: E402


@pytest.fixture(scope="module")
def address():
    """Serve the lab in a process of its own, on any free port."""
    command = [sys.executable, "-u", "-m", "twofold", "lab", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if found := re.search(r"http://\S+", line):
                break
        yield found[0]
        process.terminate()


def parts(address):
    return re.fullmatch(r"(http://127\.0\.0\.1:(\d+))/\?token=(.+)", address).groups()


def get(address, **headers):
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        error.close()
        raise


def connect(address, *, origin, token, host=None):
    _, port, _ = parts(address)
    return websockets.connect(f"ws://127.0.0.1:{port}/session?token={token}", origin=origin, open_timeout=10)


def test_the_page_is_told_to_ask_the_server_and_may_reach_nothing_else(address):
    _, page, headers = get(address)
    assert b'data-transport="server"' in page
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("name", ["lab.js", "index.css", "worker.js"])
def test_the_pages_files_are_served(address, name):
    origin, _, _ = parts(address)
    assert get(f"{origin}/{name}")[0] == 200


@pytest.mark.parametrize("name", ["../server.py", "..%2fserver.py", "%2e%2e/session.py", "/etc/passwd", "nothing.js"])
def test_no_other_file_is(address, name):
    origin, _, _ = parts(address)
    with pytest.raises(urllib.error.HTTPError):
        get(f"{origin}/{name}")


def test_a_session_answers_whoever_has_the_token(address):
    origin, _, token = parts(address)
    with connect(address, origin=origin, token=token) as socket:
        socket.send(json.dumps({"id": 3, "do": "choices"}))
        answer = json.loads(socket.recv())
    assert (answer["id"], answer["native"]) == (3, True)


@pytest.mark.parametrize(
    ("origin", "token"),
    [("mine", ""), ("mine", "wrong"), ("http://evil.example", "right"), (None, "right"), ("null", "right")],
)
def test_a_session_refuses_others(address, origin, token):
    from websockets.exceptions import InvalidStatus

    own, _, right = parts(address)
    with (
        pytest.raises(InvalidStatus),
        connect(address, origin=own if origin == "mine" else origin, token=token.replace("right", right)),
    ):
        pass


def test_another_name_for_this_machine_is_refused(address):
    with pytest.raises(urllib.error.HTTPError) as error:
        get(address, Host="evil.example")
    assert error.value.code == 421


def test_it_listens_to_this_machine_alone(address):
    _, port, _ = parts(address)
    with open("/proc/net/tcp") as file:
        rows = [line.split()[1] for line in file.readlines()[1:] if line.split()[3] == "0A"]
    assert f"0100007F:{int(port):04X}" in rows
    assert f"00000000:{int(port):04X}" not in rows


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "70000"], "port is 70000; it must be from 0"),
        (["--pyodide", "x"], "--pyodide goes with --build FOLDER"),
        (["--build", "{empty}", "--pyodide", "{empty}"], "no file pyodide.js there"),
        (["--build", "{full}", "--pyodide", "{empty}"], "holds something else; name a new folder"),
        (["--build", "{full}/pyodide.js"], "is a file; name a new folder"),
        (["--build", "{empty}", "--pyodide", "{full}"], "pyodide.js has the sum"),
        (["--build", "{empty}", "--pyodide", "http://127.0.0.1:9"], "can't be had"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(tmp_path, capsys, words, message):
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "pyodide.js").write_text("something else")
    words = [word.format(full=full, empty=empty) for word in words]
    assert main(["lab", "--no-browser", *words]) == 2
    output, error = capsys.readouterr()
    assert message in error
    assert error.count("\n") == 1
    assert output == ""


def test_nothing_is_promised_before_the_page_is_served(capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert main(["lab", "--no-browser", "--port", str(number)]) == 2
    output, error = capsys.readouterr()
    assert (output, error.count("\n")) == ("", 1)
    assert f"port {number} can't be had" in error
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["lab", "--no-browser"]) == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert "pip install 'twofold[lab]'" in error


def test_where_there_is_no_browser_one_is_told_to_open_the_address(capsys, monkeypatch):
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: sockets[0].close())
    monkeypatch.setattr("twofold.lab.server._load_torch", lambda: None)
    assert main(["lab"]) == 0
    assert re.fullmatch(
        r"Ctrl-C ends the lab, .*\nhttp://127\.0\.0\.1:\d+/\S+\nNo browser was .*\n", capsys.readouterr().out
    )
