"""The data of the web page: everything once, compressed, and after that the changes."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from pytest_pushgateway.exposition import packing
from pytest_pushgateway.gateway.app.page import changes
from pytest_pushgateway.gateway.gateway import Gateway
from tests import wire

Start = Callable[..., Gateway]


class Answered(NamedTuple):
    first: dict[str, Any]
    groups: list[list[Any]]
    lines: list[dict[str, Any]]
    size: int
    """Bytes of the body as sent."""

    @property
    def token(self) -> str:
        token: str = self.first["token"]
        return token

    @property
    def families(self) -> list[list[str]]:
        return [list(line["families"]) for line in self.lines]


def ask(gateway: Gateway, since: str = "", packed: bool = False) -> Answered:
    headers = {"Accept-Encoding": "gzip"} if packed else {}
    answer = wire.request(gateway.port, "GET", f"/-/state/changes?since={since}", b"", headers)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    body = gzip.decompress(answer.body) if answer.headers.get("Content-Encoding") == "gzip" else answer.body
    first, *rest = map(json.loads, body.splitlines())
    assert first["groups"] == max(0, len(rest) - 1)
    return Answered(first, rest[0] if rest else [], rest[1:], len(answer.body))


def push(gateway: Gateway, job: str, body: str, method: str = "PUT", status: int = 200) -> None:
    assert wire.request(gateway.port, method, f"/metrics/job/{job}", body.encode()).status == status


def series(count: int, name: str = "a") -> str:
    return "".join(f'{name}{{n="{number}"}} {number}\n' for number in range(count))


def test_first_answer_has_everything(gateway: Gateway) -> None:
    push(gateway, "x", "a 1\nb 2\n")
    push(gateway, "y", "# HELP c Text.\n# TYPE c counter\nc 3\n")
    answer = ask(gateway)
    assert answer.first["whole"] is True
    assert answer.first["status"]["build_information"]["version"]
    assert answer.first["state"]["persistence"]["file"] is None
    assert [(labels, failure) for _, labels, _, _, failure in answer.groups] == [
        ([["job", "x"]], None),
        ([["job", "y"]], None),
    ]
    assert answer.families == [["a", "b"], ["c"]]
    [family] = answer.lines[1]["families"].values()
    assert (family["type"], family["help"]) == ("COUNTER", "Text.")
    assert family["metrics"] == [{"labels": {"instance": "", "job": "y"}, "value": "3"}]
    assert [request["kind"] for request in answer.first["requests"]] == ["push", "push"]


def test_idle_gateway_answers_in_a_few_bytes(gateway: Gateway) -> None:
    push(gateway, "x", series(1000))
    token = ask(gateway).token
    again = ask(gateway, token)
    assert again.token == token
    assert again.first["requests"] == []
    assert not {"state", "status"} & again.first.keys()
    assert again.size < 150


def test_push_sends_only_families_that_it_carries(gateway: Gateway) -> None:
    push(gateway, "x", series(100, "a") + series(100, "b"))
    push(gateway, "y", series(100))
    token = ask(gateway).token
    push(gateway, "x", "b 7\n", "POST")
    answer = ask(gateway, token)
    assert ([labels for _, labels, *_ in answer.groups], answer.families) == ([[["job", "x"]]], [["b"]])
    assert "whole" not in answer.lines[0]
    assert [request["families"] for request in answer.first["requests"]] == [["b"]]
    assert ask(gateway, answer.token).groups == []


def test_put_that_takes_families_away_sends_the_group(gateway: Gateway) -> None:
    push(gateway, "x", "a 1\nb 2\n")
    token = ask(gateway).token
    push(gateway, "x", "b 3\n")
    answer = ask(gateway, token)
    assert (answer.families, answer.lines[0]["whole"]) == ([["b"]], True)
    push(gateway, "x", "c 3\n", "POST")
    assert ask(gateway, answer.token).families == [["c"]]
    # A page that has not asked in between.
    missed = ask(gateway, token)
    assert (missed.families, missed.lines[0]["whole"]) == ([["b", "c"]], True)


def cost(gateway: Gateway, groups: int, act: Callable[[], None]) -> int:
    for number in range(groups):
        push(gateway, f"many{number}", series(50))
    token = ask(gateway).token
    act()
    return ask(gateway, token).size


@pytest.mark.parametrize("change", ["push", "failure", "deletion"])
def test_change_costs_what_changed_however_much_is_stored(start: Start, change: str) -> None:
    def size(groups: int) -> int:
        gateway = start(clock=lambda: 1_700_000_000.0)
        push(gateway, "one", "a 1\n")
        actions = {
            "push": lambda: push(gateway, "one", "a 2\n"),
            "failure": lambda: push(gateway, "one", "# TYPE a counter\na 2 3\n", status=400),
            "deletion": lambda: push(gateway, "one", "", "DELETE", 202),
        }
        return cost(gateway, groups, actions[change])

    few, many = size(10), size(20)
    assert abs(many - few) < 10  # numbers of requests have a digit more
    assert many < 1000


def test_push_of_twice_as_much_costs_twice_as_much(gateway: Gateway) -> None:
    push(gateway, "x", series(100))
    token = ask(gateway).token
    push(gateway, "x", series(100))
    few = ask(gateway, token)
    push(gateway, "x", series(200))
    many = ask(gateway, few.token)
    assert 1.8 < many.size / few.size < 2.2


def test_reason_of_a_failure_comes_with_its_group(gateway: Gateway) -> None:
    push(gateway, "x", "a 1\n")
    token = ask(gateway).token
    push(gateway, "x", "a 1 1\n", status=400)
    answer = ask(gateway, token)
    [(_, _, pushed, failed, failure)] = answer.groups
    assert failure == "pushed metrics must not have timestamps"
    assert float(failed) >= float(pushed) > 0
    push(gateway, "x", "a 1\n")
    assert ask(gateway, answer.token).groups[0][4] is None


def test_deleted_groups_are_named_until_their_number_is_forgotten(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_GONE", 2)
    for job in "abc":
        push(gateway, job, "a 1\n")
    began = ask(gateway)
    numbers = [number for number, *_ in began.groups]
    for job in "abc":
        push(gateway, job, "", "DELETE", 202)
        ask(gateway)
    assert ask(gateway, began.token).first["whole"] is True
    push(gateway, "a", "a 1\n")
    last = ask(gateway)
    assert last.groups[0][0] not in numbers  # the same key, and not the group that the page may still know
    push(gateway, "a", "", "DELETE", 202)
    assert ask(gateway, last.token).first["gone"] == [last.groups[0][0]]


@pytest.mark.parametrize("end", ["wipe", "reset"])
def test_everything_is_gone_at_once(start: Start, end: str) -> None:
    gateway = start(enable_admin_api=True)
    push(gateway, "x", "a 1\n")
    push(gateway, "y", "a 1\n")
    token = ask(gateway).token
    if end == "wipe":
        assert wire.request(gateway.port, "PUT", "/api/v1/admin/wipe").status == 202
        answer = ask(gateway, token)
        assert (answer.first["whole"], len(answer.first["gone"])) == (False, 2)
    else:
        gateway.reset()
        answer = ask(gateway, token)
        assert (answer.first["whole"], answer.first["requests"], answer.first["oldest"]) == (True, [], None)
    assert answer.groups == []
    push(gateway, "x", "a 1\n")
    assert ask(gateway, answer.token).families == [["a"]]


TOKENS = [
    "x",
    "1",
    "0.0",
    "..",
    "9" * 5000,
    "{boot}",
    "{boot}.1",
    "{boot}.x.1",
    "{boot}.99.1",
    "{boot}.%B2.1",
    "{boot}.1.-1",
]


@pytest.mark.parametrize("token", TOKENS)
def test_unknown_token_gets_everything(gateway: Gateway, token: str) -> None:
    push(gateway, "x", "a 1\n")
    boot = ask(gateway).token.partition(".")[0]
    assert ask(gateway, token.format(boot=boot)).first["whole"] is True


def test_token_of_another_run_gets_everything(start: Start) -> None:
    first, second = start(), start()
    for gateway in (first, second):
        push(gateway, "x", "a 1\n")
    assert ask(second, ask(first).token).first["whole"] is True


def test_requests_are_sent_once_and_old_ones_dropped(gateway: Gateway) -> None:
    for number in range(60):
        push(gateway, "x", f"a {number}\n")
    answer = ask(gateway)
    for number in range(60):
        push(gateway, "x", f"a {number}\n")
    again = ask(gateway, answer.token)
    assert [request["number"] for request in again.first["requests"]] == list(range(61, 121))
    assert again.first["oldest"] == 21  # a page drops those before it


class Page:
    """Keeps groups as the page does: by their numbers, from one answer to the next."""

    def __init__(self) -> None:
        self.token = ""
        self.groups: dict[int, tuple[str, dict[str, str]]] = {}

    def refresh(self, gateway: Gateway) -> list[tuple[str, dict[str, str]]]:
        answer = ask(gateway, self.token)
        if answer.first["whole"]:
            self.groups.clear()
        for number in answer.first["gone"]:
            self.groups.pop(number, None)
        for number, labels, *_ in answer.groups:
            self.groups.setdefault(number, (labels[0][1], {}))
        for line in answer.lines:
            _, families = self.groups[line["n"]]
            if line.get("whole"):
                families.clear()
            families.update({name: family["metrics"][0]["value"] for name, family in line["families"].items()})
        self.token = answer.token
        return sorted(self.groups.values(), key=str)


def stored(gateway: Gateway) -> list[tuple[str, dict[str, str]]]:
    own = (b"push_time_seconds", b"push_failure_time_seconds")
    groups: list[tuple[str, dict[str, str]]] = []
    for group in gateway.store.groups():
        values = {name.decode(): held.family.series[0][1] for name, held in group.families.items() if name not in own}
        families = {name: value.decode() for name, value in values.items() if isinstance(value, bytes)}
        groups.append((dict(group.key)[b"job"].decode(), families))
    return sorted(groups, key=str)


@pytest.mark.parametrize("seed", range(5))
def test_pages_that_ask_now_and_then_know_everything(gateway: Gateway, seed: int) -> None:
    chance = random.Random(seed)
    pages = [Page() for _ in range(3)]
    for _ in range(60):
        method = chance.choice(["PUT", "POST", "POST", "DELETE", "reset" if chance.random() < 0.1 else "POST"])
        if method == "reset":
            gateway.reset()
        elif method == "DELETE":
            push(gateway, chance.choice("xyz"), "", "DELETE", 202)
        else:
            names = chance.sample("abcd", chance.randint(1, 3))
            push(gateway, chance.choice("xyz"), "".join(f"{name} {chance.randint(1, 99)}\n" for name in names), method)
        for page in pages:
            if chance.random() < 0.4:
                assert page.refresh(gateway) == stored(gateway)


def test_numbers_that_json_has_not(start: Start) -> None:
    gateway = start(consistency_check=False)
    push(gateway, "x", "a 1\n", status=202)
    push(gateway, "x", "# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds NaN\na +Inf\n", status=202)
    answer = ask(gateway)
    assert answer.groups[0][3] == "NaN"
    assert answer.lines[0]["families"]["a"]["metrics"][0]["value"] == "+Inf"


def test_compressed_answer_is_the_same(gateway: Gateway) -> None:
    push(gateway, "x", series(1000))
    push(gateway, "y", 'b{l="' + "z" * 100_000 + '"} 1\n')
    plain, packed, again = ask(gateway), ask(gateway, packed=True), ask(gateway, packed=True)
    assert packed.lines == plain.lines == again.lines
    assert packed.groups == plain.groups
    assert packed.size < plain.size / 10


def test_groups_are_compressed_once_for_all_pages(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    compressed: list[int] = []
    deflated = packing.deflated

    def counting(blocks: list[bytes]) -> list[bytes]:
        compressed.append(sum(map(len, blocks)))
        return deflated(blocks)

    monkeypatch.setattr(packing, "deflated", counting)
    push(gateway, "x", series(1000))
    tokens = [ask(gateway, packed=True).token for _ in range(3)]
    assert len(set(tokens)) == 1
    assert [size > 10_000 for size in compressed] == [True, False, False, False]  # and the head of each
    push(gateway, "x", "a 1\n", "POST")
    assert ask(gateway, packed=True).families == [["a"]]
