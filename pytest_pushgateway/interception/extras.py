"""Clients that do not end in Python's sockets: uvloop, aiohttp's AsyncResolver, pycurl, and asyncio on Windows.

Each is patched at once if it is loaded, or else when it is.
"""

from __future__ import annotations

import importlib.machinery
import socket
import sys
from collections.abc import Callable
from typing import Any

from pytest_pushgateway.interception.patches import Patches
from pytest_pushgateway.interception.table import TABLE, Refused, Way


def install(patches: Patches) -> None:
    """Patch those modules that are loaded, and each of the others when it is."""
    for name, extra in LATE.items():
        module = sys.modules.get(name)
        if module is not None:
            extra(module, patches)
    finder = _Finder(patches)
    sys.meta_path.insert(0, finder)
    patches.call_at_end(finder.remove)


class _Finder:
    """Finds the modules while connections are intercepted, and patches them once they have been loaded."""

    def __init__(self, patches: Patches) -> None:
        self._patches: Patches | None = patches

    def remove(self) -> None:
        self._patches = None
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name not in LATE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            with TABLE.lock:
                if self._patches is not None:
                    LATE[name](module, self._patches)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _uvloop(module: Any, patches: Patches) -> None:
    loop_class = module.Loop
    create, look_up = loop_class.create_connection, loop_class.getaddrinfo

    async def create_connection(self: Any, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        way = None if host is None or options.get("sock") is not None else TABLE.way(host, _number(port))
        if way is None:
            return await create(self, factory, host, port, **options)
        if options.get("ssl") and options.get("server_hostname") is None:
            options["server_hostname"] = host
        options.pop("family", None)
        transport, protocol = await create(self, factory, way.numeric, way.port, **options)
        way.note(transport.get_extra_info("sockname")[1])
        return transport, protocol

    async def getaddrinfo(self: Any, host: Any, port: Any, **options: Any) -> Any:
        found = TABLE.lookup(host, port)
        if found is None:
            return await look_up(self, host, port, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (found, _number(port) or 0))]

    patches.set(loop_class, "create_connection", create_connection)
    patches.set(loop_class, "getaddrinfo", getaddrinfo)


def _async_resolver(module: Any, patches: Patches) -> None:
    resolver = module.AsyncResolver
    before = resolver.resolve

    async def resolve(self: Any, host: str, port: int = 0, family: int = socket.AF_INET) -> Any:
        found = TABLE.lookup(host, port)
        if found is None:
            return await before(self, host, port, family)
        return [
            {
                "hostname": host,
                "host": found,
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
        ]

    patches.set(resolver, "resolve", resolve)


def _pycurl(module: Any, patches: Patches) -> None:
    """Give every new handle the way of its transfer; a class of C's cannot be patched, but its name can be."""

    class Curl(module.Curl):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._way: Way | None = None

        def perform(self) -> None:
            self._lead()
            try:
                super().perform()
            finally:
                if self._way is not None:
                    self._way.note(self.getinfo(module.LOCAL_PORT))

        def _lead(self) -> None:
            host, port = _host_and_port(self.getinfo(module.EFFECTIVE_URL))
            try:
                self._way = TABLE.way(host, port) if host else None
            except Refused:
                self._way = Way("127.0.0.1", 1)  # nothing listens there: libcurl cannot be refused otherwise
            way = self._way
            ways = [f"{_bracketed(host)}:{port}:{_bracketed(way.numeric)}:{way.port}"] if way is not None else []
            self.setopt(module.CONNECT_TO, ways)

    class CurlMulti(module.CurlMulti):  # type: ignore[misc]
        def add_handle(self, handle: Any) -> Any:
            if isinstance(handle, Curl):
                handle._lead()
            return super().add_handle(handle)

    patches.set(module, "Curl", Curl)
    patches.set(module, "CurlMulti", CurlMulti)


def _proactor(module: Any, patches: Patches) -> None:
    """Windows' own event loop connects by a call of the system's."""
    proactor = module.IocpProactor
    before = proactor.connect

    def connect(self: Any, conn: Any, address: Any) -> Any:
        way = TABLE.way(address[0], address[1]) if conn.type == socket.SOCK_STREAM else None
        if way is None:
            return before(self, conn, address)
        future = before(self, conn, way.address_for(conn))
        way.note(conn.getsockname()[1])
        return future

    patches.set(proactor, "connect", connect)


LATE: dict[str, Callable[[Any, Patches], None]] = {
    "uvloop": _uvloop,
    "aiohttp.resolver": _async_resolver,
    "pycurl": _pycurl,
    "asyncio.windows_events": _proactor,
}
"""By the name of the module, what patches it."""


def _number(port: Any) -> Any:
    return int(port) if isinstance(port, (str, bytes)) and port.isdigit() else port


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_and_port(url: str) -> tuple[str, int]:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        return parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)
    except ValueError:
        return "", 0
