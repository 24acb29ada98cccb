"""Routing, checked against the real Pushgateway over a raw socket."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from pytest_pushgateway.gateway.app.answers import redirect
from pytest_pushgateway.gateway.app.routes import Router, route_prefix
from pytest_pushgateway.golang.url import BadTarget, clean, external_path
from tests import wire

METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "get"]


def targets(text: str) -> list[str]:
    """Split request targets; ``\\xff`` stands for the raw byte."""
    return text.encode().decode("unicode_escape").split(" ")


PATHS = targets(
    """/ /metrics /metrics/ /METRICS //metrics /metrics// /metrics/./ /metrics/../metrics
/metrics/.. /. /.. /... /m /metric
/metrics/job /metrics/job/ /METRICS/JOB/ /metrics/job/a /metrics/job/a/ /metrics/job/a/b /metrics/job/a/b/
/metrics/job/a/b/c /metrics/job//a /metrics/JOB/a/ /metrics/JOB/a/b /metrics/Job/a/b/c /Metrics/job/A/B/C
/metrics/job@base64 /metrics/job@base64/ /metrics/job@BASE64/ /metrics/job@BASE64 /metrics/job@BASE64/YQ
/metrics/job@base64/YQ /metrics/job@base64/YQ/ /metrics/job%40base64/YQ /metrics/job@base64/= /metrics/job@base64/a.b
/metrics/job@base64/abcde /metrics/job@base64/a%0Ab%0D /metrics/job@base64/%FF /metrics/job@base64/YR==/i/1
/metrics/job/a%2Fb /metrics/job/a%2F%2Fb /metrics/job/a%2F /metrics/job/%2F /metrics/job/%2E /metrics/job/%2E%2E/x
/metrics/job/a+b /metrics/job/a%20b /metrics/job/%00 /metrics/job/%FF /metrics/job/\xff /metrics/job/\xc3\xa9
/metrics/job/a/i@base64/YQ /metrics/job/a/i@base64/a.b /metrics/job/a/i@base64/= /metrics/job/a/i@base64/
/metrics/job/a/__x/b /metrics/job/a/a:b/c /metrics/job/a/1a/c /metrics/job/a/a=b/c /metrics/job/a/%C3%A9/c
/metrics/job/a/%FF/c /metrics/job/a/@base64/c /metrics/job/a/__x@base64/YQ /metrics/job/a/job/b /metrics/job/a/i/1/i/2
/metrics/job/a;b/c=d/e /metrics/job/a?b=c /metrics/job/a/b?c /metrics/job/a#b/c/d /metrics/job/a/../b
/metrics/job/a%25b/x%2Dy/z /static /STATIC /STATIC/x /Static/../x /status /status/ /Status/ /STATUS
/-/ /- /-/healthy /-/healthy/ /-/HEALTHY /-/ready /-/quit /-/quit/ /-/QUIT/ /-/Quit?x=1
/api /api/ /api/v1 /api/v1/ /API/V1/status /api/v1/status/ /api/v1/STATUS /api/v1/STATUS/?x=1 /api/v1//status
/api/v1/metrics/ /api/v1/nothing /api/v1/admin/wipe /api/v1/admin/WIPE /api/v1/admin/wipe/ /%61pi/v1/status
/api/v1/status%2F /api/v1/admin /metrics/? /metrics/?a=b#c /METRICS? /METRICS?\xc3\xa9 /METRICS?"<>&' /met%zz /met%
/m\xc3\xa9//x!'()*$&+,:;=@[]|~ /METRICS%20 /a\x01 /metrics?%zz * http://x http://x/ http://x/metrics/ HTTP://X:1/METRICS
http://u:p@x/metrics/ http://x:a/metrics http://[::1]/metrics/ http://[::1/metrics foo:bar foo:bar?x foo:/metrics/
http:metrics http:///metrics/ :x x ?x /%2e%2e/metrics /metrics%2fjob%2fa /metrics/job/a/b%2Fc /metrics/job/a/b%2Fc/d
/metrics/job/a/%2Fb /metrics/job/a%2Fi%2Fb /METRICS/job@base64/YQ/i/b /METRICS/job/a/i/b /debug/pprof /DEBUG/PPROF/
/x/../api/v1 /api/%76%31 /api/v1/. /api/v1/x%2F%2E%2E/.. /%2F%2F /%2Fmetrics /status%2F%2E /metrics/%2E%2E/STATUS
/metrics/job/a!b%20c//d /a%5Bb//c /metrics/%6Aob/a//b?x#y
/-/%68ealthy //x/y///z /metrics/job/a/i/. /metrics/job/a/i/..""".replace("\n", " ")
)


GODEBUGS = pytest.mark.parametrize("godebug", ["", wire.GO_1_25], ids=["as built", "as Go 1.25"])


@pytest.fixture(scope="module")
def real() -> Iterator[Callable[[str], int]]:
    """Ports of the real Pushgateway, by ``GODEBUG``."""
    with ExitStack() as running:
        yield cache(lambda godebug: running.enter_context(wire.real_pushgateway(godebug=godebug)))


@pytest.fixture(scope="module")
def real_with_everything() -> Iterator[Callable[[str], int]]:
    flags = (
        "--web.route-prefix=/pfx",
        "--web.enable-admin-api",
        "--web.telemetry-path=/scrape",
        "--push.enable-utf8-names",
    )
    with ExitStack() as running:
        yield cache(lambda godebug: running.enter_context(wire.real_pushgateway(*flags, godebug=godebug)))


def decide(router: Router, method: str, target: str) -> tuple[int, str | None, str | None, bytes | None]:
    """Status, Location, Allow and (where routing decides it) the body that our router means; 0: a handler answers."""
    try:
        route = router.route(method, target)
    except BadTarget:
        return 400, None, None, b"400 Bad Request"
    if route.outcome == "redirect":
        answer = redirect(route.status, route.location, method)
        return answer.status, dict(answer.headers)["Location"], None, b"".join(answer.blocks)
    if route.problem is not None:
        return 400, None, None, str(route.problem).encode("utf-8", "surrogateescape") + b"\n"
    status = {"not found": 404, "not allowed": 405, "options": 200, "asterisk": 400, "handle": 0}[route.outcome]
    return status, None, route.allow or None, None


def differences(router: Router, port: int, method: str, targets: Iterable[str]) -> list[tuple[str, object, object]]:
    """The answers of the two to each target, where they differ."""
    found: list[tuple[str, object, object]] = []
    for target in targets:
        ours = decide(router, method, target)
        theirs = wire.request(port, method, target)
        if ours[0] == 0:
            # Which handler it was shows in the words of those that refuse; Debian's binary has lost its template.
            said = (b"pushed metrics", b"Only POST or PUT", b"Lifecycle API", b"open /usr/share")
            if theirs.status not in (200, 202) and not theirs.body.startswith(said):
                found.append((f"{method} {target}", ours, (theirs.status, theirs.body)))
            continue
        body = theirs.body if ours[3] is not None and method != "HEAD" else None
        answer = (theirs.status, theirs.headers["Location"], theirs.headers["Allow"], body)
        if answer != (*ours[:3], ours[3] if method != "HEAD" else None):
            found.append((f"{method} {target}", ours, answer))
    return found


@pytest.mark.conformance
@GODEBUGS
@pytest.mark.parametrize("method", METHODS)
def test_every_path_is_routed_like_the_original(real: Callable[[str], int], method: str, godebug: str) -> None:
    port = real(godebug)
    assert differences(Router(build=wire.build_of(port)), port, method, PATHS) == []


@pytest.mark.conformance
@GODEBUGS
@pytest.mark.parametrize("method", METHODS)
def test_prefix_admin_api_telemetry_path_and_utf8_names(
    real_with_everything: Callable[[str], int], method: str, godebug: str
) -> None:
    port = real_with_everything(godebug)
    router = Router("/pfx", "/scrape", enable_admin_api=True, utf8_names=True, build=wire.build_of(port))
    more = targets(
        "/scrape /SCRAPE/ /metrics/job/a/U__a_2e_b/c /metrics/job/a/U__a_zz_b/c /metrics/job/a/U_____foo/c "
        "/metrics/job/a/U__/c /metrics/job/a/U___/c /metrics/job/a/U__a__b/c /metrics/job/a/U__a_d800_/c "
        "/metrics/job/a/U__a_123456_/c /metrics/job/a/U__%C3%A9_5f_/c /metrics/job/a/U__a_2e_b@base64/YQ"
    )
    more += PATHS
    more += ["/pfx" + target for target in more if target.startswith("/")]
    assert differences(router, port, method, more) == []


@pytest.mark.conformance
@GODEBUGS
def test_random_paths_are_routed_like_the_original(real: Callable[[str], int], godebug: str) -> None:
    seed = random.Random(7)
    pieces = [
        "/",
        "/",
        "/",
        ".",
        "metrics",
        "METRICS",
        "job",
        "Job",
        "@base64",
        "@BASE64",
        "a",
        "YQ",
        "=",
        "%2F",
        "%2e",
    ]
    pieces += [
        "-",
        "quit",
        "healthy",
        "status",
        "STATUS",
        "api",
        "v1",
        "i",
        "__",
        "%40",
        "%25",
        "+",
        "?",
        "\xe9",
        "%zz",
    ]
    port = real(godebug)
    router = Router(build=wire.build_of(port))
    found = []
    for _ in range(600):
        target = "/" + "".join(seed.choices(pieces, k=seed.randint(1, 9)))
        found += differences(router, port, seed.choice(METHODS), [target])
    assert found == []


@pytest.mark.parametrize(
    ("prefix", "external", "expected"),
    [
        ("", "", ""),
        ("/", "/ext", ""),
        ("", "/ext/path/", "/ext/path"),
        ("nolead/", "", "/nolead"),
        ("/a", "/b", "/a"),
        ("", "/", ""),
        ("/a//", "", "/a/"),
    ],
)
def test_route_prefix(prefix: str, external: str, expected: str) -> None:
    assert route_prefix(prefix, external) == expected


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", ""),
        ("http://ex/ext/path/", "/ext/path/"),
        ("ex.test:80", ""),
        ("notaurl", "notaurl"),
        ("http://ex", ""),
        ("https://ex/a%20b?c#d", "/a b"),
        ("//ex/a", "/a"),
    ],
)
def test_external_path(url: str, path: str) -> None:
    assert external_path(url) == path


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (":9091", 'parse ":9091": missing protocol scheme'),
        ("1a:b", 'parse "1a:b": first path segment in URL cannot contain colon'),
        ("http://ex/%zz", 'parse "http://ex/%zz": invalid URL escape "%zz"'),
        ("http://e x/", 'parse "http://e x/": invalid character " " in host name'),
        ("a\nb", 'parse "a\\nb": net/url: invalid control character in URL'),
    ],
)
def test_invalid_external_urls(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        external_path(url)


@pytest.mark.parametrize("path", ["/status", "/-/healthy", "/static/x", "/", "tele", "/:x", ""])
def test_unroutable_telemetry_path_is_rejected(path: str) -> None:
    with pytest.raises(ValueError, match="telemetry path"):
        Router(telemetry_path=path)


def test_two_leading_slashes_are_cleaned_like_others() -> None:
    assert clean(b"//a") == b"/a"
    assert clean(b"///") == b"/"


def test_long_targets_are_routed_without_being_remembered() -> None:
    router = Router()
    route = router.route("PUT", "/metrics/job/" + "a" * 5000)
    assert route.key == ((b"job", b"a" * 5000),)
