"""Serves many instances of the sites from one process.

A site's address is `http://NAME.localhost:PORT`, the same for every instance, so that a copy of a page has the address
of the original. Which instance answers is said by the request header `X-Arena-Instance`, which the browser context of
an episode sends with everything; pages cannot read it. A copied browser also sends `X-Arena-Copy` with the page that it
shows first, and gets it as the original did, whatever form or notice it came from. Instances are made, copied and ended
through a Unix socket that pages cannot reach: a line of JSON asks, a line of JSON answers.

    open {seed, size, drift}     -> {instance, digest?}        fork {instance}     -> {instance}
    reset {instance}             -> {}                         close {instance}    -> {}
    log_in {instance, site, username} -> {cookie}              digest {instance}   -> {digest}
    rows {instance, query, values}    -> {rows}                sites {}            -> {sites: {name: title}}
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

from environments.arena.instance import Instance, Session, Size, pristine
from environments.arena.sites import SITES, load_sites
from environments.arena.visit import Notice, Page, Route, Site, Visit
from sandbox import MissingDependencyError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Arena", "application", "main"]

HEADER, COPY = "x-arena-instance", "x-arena-copy"
HERE = Path(__file__).parent
COOKIE, NOTICE = "session", "notice"


class Arena:
    """The live instances, and what the control socket may ask for."""

    def __init__(self, sites: Mapping[str, Site]) -> None:
        self.sites = sites
        self.instances: dict[str, Instance] = {}
        self._origins: dict[str, bytes] = {}
        self._images: dict[tuple[int, str], bytes] = {}

    def image(self, seed: int, size: Size) -> bytes:
        """The state in which an instance begins; made once for each seed and size."""
        if (seed, size) not in self._images:
            self._images[seed, size] = pristine(self.sites, seed=seed, size=size)
        return self._images[seed, size]

    def open(self, *, seed: int = 0, size: Size = "normal", drift: int = 0, name: str = "") -> dict[str, Any]:
        """A fresh instance."""
        image = self.image(seed, size)
        return {"instance": self._keep(Instance(image, seed=seed, size=size, drift=drift), image, name)}

    def fork(self, *, instance: str) -> dict[str, Any]:
        """An exact copy of an instance."""
        return {"instance": self._keep(self.instances[instance].fork(), self._origins[instance], "")}

    def reset(self, *, instance: str) -> dict[str, Any]:
        """Back to how it began."""
        self.instances[instance].reset(self._origins[instance])
        return {}

    def close(self, *, instance: str) -> dict[str, Any]:
        """End an instance."""
        self.instances.pop(instance).close()
        del self._origins[instance]
        return {}

    def digest(self, *, instance: str) -> dict[str, Any]:
        """The digest of an instance's state."""
        return {"digest": self.instances[instance].digest()}

    def log_in(self, *, instance: str, site: str, username: str) -> dict[str, Any]:
        """A session for an account, as the value of the site's cookie."""
        return {"cookie": self.instances[instance].log_in(site, username)}

    def rows(self, *, instance: str, query: str, values: list[Any] | None = None) -> dict[str, Any]:
        """Read from an instance's database: for graders and for making tasks."""
        return {"rows": [dict(row) for row in self.instances[instance].db.execute(query, values or []).fetchall()]}

    def titles(self) -> dict[str, Any]:
        """The sites by name."""
        return {"sites": {name: site.title for name, site in self.sites.items()}}

    def _keep(self, instance: Instance, image: bytes, name: str) -> str:
        key = name or secrets.token_hex(8)
        self.instances[key], self._origins[key] = instance, image
        return key

    def obey(self, line: bytes) -> dict[str, Any]:
        """Carry out one line of the control socket; a wrong one is answered with `error`."""
        asked = json.loads(line)
        operation = asked.pop("do")
        if operation not in OPERATIONS:
            return {"error": f"no operation {operation!r}; there are: {', '.join(OPERATIONS)}"}
        try:
            answer: dict[str, Any] = getattr(self, "titles" if operation == "sites" else operation)(**asked)
        except KeyError as error:
            return {"error": f"there is no instance {error}"}
        except Exception as error:  # the one who asked is told, the server goes on
            return {"error": f"{type(error).__name__}: {error}"}
        return answer


OPERATIONS = ("open", "fork", "reset", "close", "digest", "log_in", "rows", "sites")


def application(arena: Arena) -> Any:
    """The ASGI application: a router for each site, chosen by host."""
    try:
        from starlette.applications import Starlette
        from starlette.routing import Host, Router
        from starlette.routing import Route as Address
        from starlette.staticfiles import StaticFiles
    except ImportError as error:
        raise MissingDependencyError("the arena needs Starlette: pip install starlette jinja2 uvicorn") from error

    shared = StaticFiles(directory=HERE / "static")
    routers: list[Any] = []
    for site in arena.sites.values():
        render = _renderer(site)
        addresses: list[Any] = [
            Address(route.path, _endpoint(arena, site, route, render), methods=_methods(route)) for route in site.routes
        ]
        router = Router(addresses, default=_nothing_there(arena, site, render))
        router.mount("/static", shared)
        if (site.folder / "static").is_dir():
            router.mount("/own", StaticFiles(directory=site.folder / "static"))
        routers.append(Host(f"{site.name}.localhost", router, name=site.name))
    return Starlette(routes=routers)


def _methods(route: Route) -> list[str]:
    return [method for method, handler in (("GET", route.get), ("POST", route.post)) if handler]


def _renderer(site: Site) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader([site.folder / "templates", HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )

    def render(template: str, **values: Any) -> str:
        return templates.get_template(template).render(site=site, **values)

    return render


def _endpoint(arena: Arena, site: Site, route: Route, render: Any) -> Any:
    async def answer(request: Request) -> Response:
        instance = _instance(arena, request)
        if instance is None:
            return _plain("This arena has no such instance.", 404)
        visit = await _visit(request, site, instance, render)
        if request.headers.get(COPY) and visit.place in instance.served:
            return _again(*instance.served[visit.place])
        if request.method == "POST":
            assert route.post is not None
            with instance.writing():
                page = route.post(visit)
        else:
            assert route.get is not None
            page = route.get(visit)
        return _response(page, visit)

    return answer


def _nothing_there(arena: Arena, site: Site, render: Any) -> Any:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        from starlette.requests import Request

        request = Request(scope, receive)
        instance = _instance(arena, request)
        if instance is None:
            response = _plain("This arena has no such instance.", 404)
        else:
            visit = await _visit(request, site, instance, render)
            response = _response(visit.not_found(), visit)
        await response(scope, receive, send)

    return answer


def _instance(arena: Arena, request: Request) -> Instance | None:
    """The instance that the header names; without a header, the one called `main`, which `arena serve` opens."""
    return arena.instances.get(request.headers.get(HEADER, "main"))


async def _visit(request: Request, site: Site, instance: Instance, render: Any) -> Visit:
    form: list[tuple[str, str]] = []
    if request.method == "POST":
        fields = (await request.form(max_files=20, max_fields=500)).multi_items()
        form = [(name, value) for name, value in fields if isinstance(value, str)]
    query = parse_qsl(request.url.query, keep_blank_values=True)
    lists: dict[str, list[str]] = {}
    for name, value in [*query, *form]:
        lists.setdefault(name, []).append(value)
    return Visit(
        site=site,
        instance=instance,
        method=request.method,
        url=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        path=request.path_params,
        query=dict(query),
        form=dict(form),
        lists=lists,
        session=instance.session(request.cookies.get(COOKIE, ""), site=site.name),
        notice=_read_notice(request.cookies.get(NOTICE, "")),
        render=render,
    )


def _read_notice(cookie: str) -> Notice | None:
    kind, _, text = unquote(cookie).partition(":")
    return Notice(kind, text) if kind in ("success", "error", "info") and text else None  # type: ignore[arg-type]


def _response(page: Page, visit: Visit) -> Response:
    from starlette.responses import RedirectResponse, Response

    response: Response
    if page.media_type == "text/html" and not page.location:
        visit.instance.serve(visit.place, status=page.status, html=page.body)
    if page.location:
        response = RedirectResponse(page.location, status_code=page.status)
    else:
        response = Response(page.body, status_code=page.status, media_type=page.media_type)
    session: Session | None = visit.session
    if session is not None and visit.method == "POST":
        response.set_cookie(COOKIE, session.token, httponly=True, samesite="lax")
    if page.notice is not None:
        response.set_cookie(NOTICE, quote(f"{page.notice.kind}:{page.notice.text}"), samesite="lax")
    elif visit.notice is not None and page.media_type == "text/html" and not page.location:
        response.delete_cookie(NOTICE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _again(status: int, html: str) -> Response:
    from starlette.responses import HTMLResponse

    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def _plain(text: str, status: int) -> Response:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(text, status_code=status)


# Running it ------------------------------------------------------------------------------------------------------


async def control(arena: Arena, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the lines of one connection to the control socket."""
    with contextlib.closing(writer), contextlib.suppress(ConnectionError):
        while line := await reader.readline():
            writer.write(json.dumps(arena.obey(line)).encode() + b"\n")
            await writer.drain()


@contextlib.asynccontextmanager
async def listening(arena: Arena, *, host: str, port: int, socket: Path | None) -> AsyncIterator[int]:
    """Serve pages, and the control socket where one is named, until the block is left. Gives the port."""
    import uvicorn

    config = uvicorn.Config(
        application(arena),
        host=host,
        port=port,
        log_level="error",
        access_log=False,
        lifespan="off",
        server_header=False,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    controls = None
    if socket is not None:
        controls = await asyncio.start_unix_server(
            lambda reader, writer: control(arena, reader, writer), path=socket, limit=2**24
        )
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if serving.done():
                raise OSError(f"cannot listen on {host}:{port}; give another --port")
            await asyncio.sleep(0.005)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        if controls is not None:
            controls.close()


async def serve(socket: Path, *, port: int, sites: Sequence[str]) -> None:
    """The child process: print the port, then serve until standard input is closed, as it is when the parent dies."""
    arena = Arena(load_sites(sites))
    async with listening(arena, host="127.0.0.1", port=port, socket=socket) as found:
        print(found, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """`python -m environments.arena.server --socket PATH [--port N]`."""
    parser = argparse.ArgumentParser(description="The arena's server; `agentkit arena serve` is the one for people.")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sites", nargs="+", default=SITES)
    options = parser.parse_args()
    asyncio.run(serve(options.socket, port=options.port, sites=options.sites))


if __name__ == "__main__":
    main()
