import contextlib
import errno
import hashlib
import http.server
import os
import re
import threading
from pathlib import Path

import pytest

from twofold.data import download as download_module
from twofold.data.download import download
from twofold.errors import ChecksumError, DownloadError

BODY = bytes(i * 7 % 256 for i in range(300_000))
GARBAGE = bytes(len(BODY))


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Answers each path by the next of its planned answers; the last is repeated."""

    daemon_threads = False
    block_on_close = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.plans: dict[str, list] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.enough = threading.Event()

    def handle_error(self, request, client_address):
        """Keep quiet: clients hang up on purpose here."""

    def address(self, path: str, *answers) -> str:
        self.plans[f"/{path}"] = list(answers)
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        plan = self.server.plans[self.path]
        answer = plan.pop(0) if len(plan) > 1 else plan[0]
        answer(self)

    def log_message(self, *_):
        pass

    def send(self, status, body=b"", claimed=None, **headers):
        self.send_response(status)
        if claimed != "none":
            self.send_header("Content-Length", str(len(body) if claimed is None else claimed))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def good(body=BODY):
    """The whole file, or from where the Range header says."""

    def answer(handler):
        asked = re.match(r"bytes=(\d+)-$", handler.headers.get("Range", ""))
        if asked is None:
            handler.send(200, body)
        else:
            start = int(asked[1])
            handler.send(206, body[start:], Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")

    return answer


def status(code, **headers):
    return lambda handler: handler.send(code, b"an explanation", **headers)


def whole(body=BODY):
    return lambda handler: handler.send(200, body)


def cut(count, body=BODY):
    """Claims the whole file, sends `count` bytes and hangs up."""
    return lambda handler: handler.send(200, body[:count], claimed=len(body))


def without_length(body=BODY):
    return lambda handler: handler.send(200, body, claimed="none")


def stall(handler):
    handler.send(200, BODY[:10], claimed=len(BODY))
    handler.server.enough.wait(10)


def wrong_range(handler):
    handler.send(206, BODY[5:], Content_Range=f"bytes 5-{len(BODY) - 1}/{len(BODY)}")


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.enough.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "PAUSE", 0.0)

    def run(*addresses, **options):
        defaults = {"md5": md5(BODY), "timeout": 5.0}
        return download(addresses, tmp_path / "data" / "a.gz", **(defaults | options))

    return run


def assert_here(path):
    assert path.read_bytes() == BODY
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def assert_nothing(tmp_path):
    assert not (tmp_path / "data").exists()  # nor the folder that was made for it


def test_a_file_is_downloaded_and_progress_told(server, fetch, tmp_path):
    told = []
    path = fetch(server.address("a", good()), progress=lambda done, total: told.append((done, total)))
    assert path == tmp_path / "data" / "a.gz"
    assert_here(path)
    assert server.asked == [("/a", None)]
    assert told[-1] == (len(BODY), len(BODY))
    assert told == sorted(told)
    assert len(told) > 1


def test_an_old_file_is_replaced_and_a_sum_may_be_in_capitals(server, fetch, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.gz").write_bytes(b"old")
    assert_here(fetch(server.address("a", good()), md5=md5(BODY).upper()))


def test_after_a_cut_only_the_rest_is_asked_for(server, fetch):
    told = []
    address = server.address("a", cut(100_000), good())
    assert_here(fetch(address, progress=lambda done, total: told.append((done, total))))
    assert server.asked == [("/a", None), ("/a", "bytes=100000-")]
    assert {total for _, total in told} == {len(BODY)}
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_server_that_ignores_range_starts_over(server, fetch):
    assert_here(fetch(server.address("a", cut(100_000), whole())))
    assert server.asked == [("/a", None), ("/a", "bytes=100000-")]


@pytest.mark.parametrize("answer", [wrong_range, status(206), status(416)], ids=["wrong", "without", "416"])
def test_an_answer_with_another_range_starts_over_in_the_same_attempt(server, fetch, answer):
    assert_here(fetch(server.address("a", cut(100_000), answer, good()), attempts=2))
    assert server.asked == [("/a", None), ("/a", "bytes=100000-"), ("/a", None)]


def test_a_part_that_was_not_asked_for_is_a_failure(server, fetch, tmp_path):
    with pytest.raises(DownloadError, match="/a: HTTP 206 Partial Content;"):
        fetch(server.address("a", wrong_range))
    assert_nothing(tmp_path)


def test_the_next_address_goes_on_where_the_last_was_cut(server, fetch):
    first, second = server.address("a", cut(100_000), cut(200_000)), server.address("b", good())
    assert_here(fetch(first, second, attempts=1))
    assert server.asked == [("/a", None), ("/b", "bytes=100000-")]


def test_bad_bytes_from_one_address_are_not_blamed_on_the_next(server, fetch):
    first, second = server.address("a", cut(1000, GARBAGE)), server.address("b", good())
    assert_here(fetch(first, second, attempts=2))
    assert server.asked[-2:] == [("/b", "bytes=1000-"), ("/b", None)]


def test_404_goes_to_the_next_address_at_once(server, fetch):
    assert_here(fetch(server.address("a", status(404)), server.address("b", good())))
    assert [path for path, _ in server.asked] == ["/a", "/b"]


@pytest.mark.parametrize("code", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(server, fetch, code):
    assert_here(fetch(server.address("a", status(code), good())))
    assert [path for path, _ in server.asked] == ["/a", "/a"]


def test_pauses_double(server, fetch, monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr(download_module, "PAUSE", 0.5)
    with pytest.raises(DownloadError):
        fetch(server.address("a", status(500)), attempts=4)
    assert slept == [0.5, 1.0, 2.0]


def test_a_stall_ends_by_the_timeout(server, fetch, tmp_path):
    with pytest.raises(DownloadError, match=r"/a: silent for 0\.1 seconds;"):
        fetch(server.address("a", stall), attempts=1, timeout=0.1)
    assert_nothing(tmp_path)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (good(), "300000 bytes are more than the 299999 that are allowed"),
        (without_length(), "it sends more than the 299999 bytes that are allowed"),
    ],
    ids=["claimed", "sent"],
)
def test_too_many_bytes_are_refused(server, fetch, tmp_path, answer, reason):
    with pytest.raises(DownloadError, match=f"/a: {reason};"):
        fetch(server.address("a", answer), max_bytes=len(BODY) - 1)
    assert len(server.asked) == 1
    assert_nothing(tmp_path)


def test_just_as_many_bytes_as_allowed_are_taken(server, fetch):
    assert_here(fetch(server.address("a", without_length()), max_bytes=len(BODY)))


def test_without_a_stated_length_the_total_is_none(server, fetch):
    told = []
    assert_here(fetch(server.address("a", without_length()), progress=lambda done, total: told.append(total)))
    assert set(told) == {None}


def test_without_a_stated_length_a_cut_is_tried_again(server, fetch):
    assert_here(fetch(server.address("a", without_length(BODY[:9]), good())))
    assert server.asked == [("/a", None), ("/a", None)]


def test_garbage_of_the_right_length_goes_to_the_next_address(server, fetch):
    assert_here(fetch(server.address("a", good(GARBAGE)), server.address("b", good())))
    assert server.asked == [("/a", None), ("/b", None)]


def test_garbage_everywhere_is_a_checksum_error(server, fetch, tmp_path):
    first, second = server.address("a", good(GARBAGE)), server.address("b", good(b"no"))
    with pytest.raises(ChecksumError) as caught:
        fetch(first, second)
    assert str(caught.value) == (
        f"a.gz: every address delivered a wrong file: "
        f"{first}: MD5 sum {md5(GARBAGE)} instead of {md5(BODY)}; "
        f"{second}: MD5 sum {md5(b'no')} instead of {md5(BODY)}; "
        f"place the file in {tmp_path}/data by hand, or set TWOFOLD_DATA to a folder that holds it"
    )
    assert_nothing(tmp_path)


def test_when_everything_fails_each_reason_is_told(server, fetch, tmp_path):
    first, second = server.address("a", status(404)), server.address("b", good(GARBAGE))
    third = server.address("c", cut(70_000))
    with pytest.raises(DownloadError) as caught:
        fetch(first, second, third, "ftp://127.0.0.1/d", "http://127.0.0.1:1/e", attempts=1)
    assert re.fullmatch(
        re.escape(
            f"a.gz: download failed: {first}: HTTP 404 Not Found; "
            f"{second}: MD5 sum {md5(GARBAGE)} instead of {md5(BODY)}; "
            f"{third}: cut off after 70000 of 300000 bytes; "
            "ftp://127.0.0.1/d: only http and https addresses are followed; http://127.0.0.1:1/e: "
        )
        + ".*refused"
        + re.escape(f"; place the file in {tmp_path}/data by hand, or set TWOFOLD_DATA to a folder that holds it"),
        str(caught.value),
    )
    assert_nothing(tmp_path)


@pytest.mark.parametrize(
    ("addresses", "attempts", "reason"),
    [([], 3, "no address is known"), (["http://127.0.0.1:1/"], 0, "http://127.0.0.1:1/: not tried")],
)
def test_nothing_to_try_is_told(fetch, addresses, attempts, reason):
    with pytest.raises(DownloadError, match=f"^a.gz: download failed: {reason}; place the file"):
        fetch(*addresses, attempts=attempts)


def test_a_redirect_is_followed_range_and_all(server, fetch):
    server.address("b", cut(100_000), good())
    assert_here(fetch(server.address("a", status(302, Location="/b"))))
    assert server.asked == [("/a", None), ("/b", None), ("/a", "bytes=100000-"), ("/b", "bytes=100000-")]


@pytest.mark.parametrize("scheme", ["file", "data", "ftp"])
def test_a_redirect_to_another_scheme_is_refused(server, fetch, tmp_path, scheme):
    secret = tmp_path / "secret"
    secret.write_bytes(BODY)
    with pytest.raises(DownloadError, match=f"{scheme}") as caught:
        fetch(server.address("a", status(302, Location=f"{scheme}://{secret}")), attempts=1)
    assert "not allowed" in str(caught.value) or "unknown url type" in str(caught.value)
    assert_nothing(tmp_path)


def test_a_redirect_to_another_host_counts_only_if_the_sum_is_right(server, fetch, tmp_path):
    elsewhere = server.address("b", good(GARBAGE), good()).replace("127.0.0.1", "localhost")
    address = server.address("a", status(302, Location=elsewhere))
    with pytest.raises(ChecksumError, match="/a: MD5 sum"):
        fetch(address, attempts=1)
    assert_nothing(tmp_path)
    assert_here(fetch(address, attempts=1))


def test_a_redirect_in_circles_is_told_in_one_line(server, fetch, tmp_path):
    with pytest.raises(DownloadError, match="infinite loop") as caught:
        fetch(server.address("a", status(302, Location="/a")))
    assert "\n" not in str(caught.value)
    assert_nothing(tmp_path)


def for_ever(head, piece, pause=0.0):
    """Sends the head and then the same bytes again and again, until the other side hangs up."""

    def answer(handler):
        handler.close_connection = True
        with contextlib.suppress(OSError):
            handler.wfile.write(head)
            while not handler.server.enough.wait(pause):
                handler.wfile.write(piece)

    return answer


BEGINS = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n"
TOO_MANY = "it sends more than the 300000 bytes that are allowed"


@pytest.mark.parametrize(
    ("answer", "limits", "reason"),
    [
        (for_ever(BEGINS, b"x", 0.02), {"timeout": 0.2}, r"too slow: \d+ bytes in 0\.2 seconds"),
        (for_ever(BEGINS[:-4], b"x", 0.02), {"timeout": 0.2}, r"too slow: \d+ bytes in 0\.2 seconds"),
        (for_ever(CONTINUE, CONTINUE, 0.02), {"timeout": 0.2}, r"too slow: \d+ bytes in 0\.2 seconds"),
        (for_ever(CONTINUE, CONTINUE * 999), {}, TOO_MANY),
        (for_ever(BEGINS, bytes(5000), 0.05), {"longest": 0.3}, "the time for the whole download is over"),
        (for_ever(CONTINUE, CONTINUE * 200, 0.05), {"longest": 0.3}, "the time for the whole download is over"),
    ],
    ids=["a byte at a time", "headers too", "continue", "continue, quickly", "a long time", "continue, a long time"],
)
def test_an_answer_without_an_end_is_left_after_a_time_or_some_bytes(server, fetch, tmp_path, answer, limits, reason):
    with pytest.raises(DownloadError, match=f"/a: {reason};"):
        fetch(server.address("a", answer), attempts=1, max_bytes=len(BODY), **limits)
    assert_nothing(tmp_path)


def test_no_address_is_asked_once_the_time_is_over(server, fetch, tmp_path):
    with pytest.raises(DownloadError, match="the time for the whole download is over"):
        fetch(server.address("a", for_ever(BEGINS, bytes(5000), 0.05)), server.address("b", good()), longest=0.3)
    assert [path for path, _ in server.asked] == ["/a"]


def test_what_a_redirect_says_is_not_read(server, fetch):
    server.address("b", good())
    assert_here(fetch(server.address("a", for_ever(ELSEWHERE, bytes(1 << 16))), attempts=1, max_bytes=len(BODY)))


def test_an_answer_that_is_not_http_is_told(server, fetch, tmp_path):
    with pytest.raises(DownloadError, match="/a: GARBAGE;"):
        fetch(server.address("a", lambda handler: handler.wfile.write(b"GARBAGE\r\n\r\n")))
    assert_nothing(tmp_path)


def test_keyboard_interrupt_leaves_nothing(server, fetch, tmp_path):
    def interrupt(done, total):
        assert len(list((tmp_path / "data").iterdir())) == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server.address("a", good()), progress=interrupt)
    assert_nothing(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownloadError) as caught:
        download([server.address("a", good())], tmp_path / "file" / "a.gz", md5=md5(BODY))
    assert str(caught.value) == (
        f"{tmp_path}/file/a.gz: cannot be written: File exists; free some space, or choose a folder you may write to"
    )
    assert server.asked == []


def test_a_full_disk_is_told_and_not_taken_for_the_network(server, fetch, tmp_path, monkeypatch):
    def full(_number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DownloadError, match=r"a\.gz: cannot be written: No space left on device; free some space"):
        fetch(server.address("a", good()))
    assert len(server.asked) == 1
    assert_nothing(tmp_path)


def test_two_downloads_of_one_file_do_not_meet(server, fetch, tmp_path):
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(fetch(server.address("a", good())))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert_here(paths[0])


def test_a_servers_reason_steers_no_terminal(server, fetch):
    def gone(handler):
        handler.send_response(404, "\x1b[2Jgone\x9b31m")
        handler.end_headers()

    with pytest.raises(DownloadError) as caught:
        fetch(server.address("a", gone))
    assert "HTTP 404 \\x1b[2Jgone\\x9b31m" in str(caught.value)
