"""The lab on this machine: the page, and a session behind a WebSocket, for whoever has the token."""

from __future__ import annotations

import contextlib
import secrets
import threading
import webbrowser
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from twofold.errors import MissingDependencyError, SpecificationError
from twofold.lab.session import LARGEST_MESSAGE, Session

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.websockets import WebSocket

HOST = "127.0.0.1"
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:; style-src 'self' "
    "'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
REFUSED = 4403  # a WebSocket's code for "not for you"
MOST_SESSIONS = 16


def page_files() -> Any:
    """Return the folder of the built page.

    Raises
    ------
    MissingDependencyError
        If the page has not been built, in a clone without Node.js.
    """
    folder = files("twofold.lab").joinpath("page")
    if not folder.joinpath("index.html").is_file():
        raise MissingDependencyError("the lab's page is not built here: `make lab` builds it, with Node.js")
    return folder


def make_app(token: str, origins: set[str]) -> Starlette:
    """Make the application.

    Parameters
    ----------
    token : str
        What the address of a session must have.
    origins : set of str
        Pages that may open one, such as ``"http://127.0.0.1:8000"``: their host is the only one that is served too.

    Returns
    -------
    starlette.applications.Starlette
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, PlainTextResponse, Response
    from starlette.routing import Route, WebSocketRoute
    from starlette.staticfiles import StaticFiles
    from starlette.websockets import WebSocketDisconnect

    folder = page_files()
    hosts = {origin.partition("//")[2] for origin in origins}
    static = StaticFiles(directory=str(folder))
    open_sessions: set[WebSocket] = set()

    async def page(request: Request) -> Response:
        if request.headers.get("host") not in hosts:  # a name that somebody else lets lead here
            return PlainTextResponse("this address is not served", status_code=421)
        name = request.path_params.get("path") or "index.html"
        if name != "index.html":
            answer = await static.get_response(name, request.scope)
            answer.headers.update(HEADERS)
            return answer
        html = folder.joinpath("index.html").read_text(encoding="utf-8")
        return HTMLResponse(html.replace('data-transport="worker"', 'data-transport="server"'), headers=HEADERS)

    async def session(socket: WebSocket) -> None:
        given = socket.query_params.get("token", "")
        allowed = socket.headers.get("origin") in origins and socket.headers.get("host") in hosts
        if not allowed or not secrets.compare_digest(given.encode(), token.encode()):
            await socket.close(REFUSED)
            return
        await socket.accept()
        if len(open_sessions) >= MOST_SESSIONS:
            await socket.close(REFUSED, "too many pages are open; close one")
            return
        open_sessions.add(socket)
        try:
            own = await run_in_threadpool(lambda: Session(native=True))
            while True:
                text = await socket.receive_text()
                await socket.send_text(await run_in_threadpool(own.answer, text))
        except WebSocketDisconnect:
            pass
        finally:
            open_sessions.discard(socket)

    return Starlette(routes=[WebSocketRoute("/session", session), Route("/{path:path}", page)])


def _load_torch() -> None:
    """Import PyTorch, if it is here, while the page opens: the first explanation compares with autograd."""
    with contextlib.suppress(Exception):  # whatever a broken one may raise: it is told where it is used
        import_module("torch")


def serve(*, port: int = 0, browser: bool = True, say: Callable[[str], None] = print) -> None:
    """Serve the lab to this machine until it is stopped.

    Parameters
    ----------
    port : int
        Of 127.0.0.1; any free one if 0.
    browser : bool
        Open the page in a browser.
    say : callable
        Called with each line for the user: among them the page's address, once it is served.

    Raises
    ------
    MissingDependencyError
        If the extra ``lab`` is not installed, or the page not built.
    SpecificationError
        If the port is out of range or taken.
    """
    import socket

    try:
        import starlette  # noqa: F401 - so that one message names all that is needed
        import uvicorn
        import websockets  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("twofold lab needs a small web server: pip install 'twofold[lab]'") from error
    page_files()
    if not 0 <= port < 2**16:
        raise SpecificationError(f"port is {port}; it must be from 0 (any free one) to 65535")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(64)  # from here on whoever has the address waits rather than fails
    except OSError as error:
        listener.close()
        raise SpecificationError(f"port {port} can't be had: {error.strerror}; name another with --port") from error
    threading.Thread(target=_load_torch, daemon=True).start()
    token, number = secrets.token_urlsafe(16), listener.getsockname()[1]
    app = make_app(token, {f"http://{HOST}:{number}", f"http://localhost:{number}"})
    address = f"http://{HOST}:{number}/?token={token}"
    say("Ctrl-C ends the lab, which is at")
    say(address)
    if browser and not webbrowser.open(address):
        say("No browser was found here: open that address in one.")
    config = uvicorn.Config(app, log_level="warning", ws="websockets-sansio", ws_max_size=LARGEST_MESSAGE)
    uvicorn.Server(config).run(sockets=[listener])
