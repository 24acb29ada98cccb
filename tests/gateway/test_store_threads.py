"""Pushes, deletions, scrapes, wipes and resets from many threads at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from tests.gateway.held import Held, key


def together(*tasks: Callable[[], None]) -> None:
    failures = list[BaseException]()

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_every_scrape_is_one_state() -> None:
    """Each push of a group brings two families with one value; a scrape never shows them apart."""
    gateway = Held()
    done = threading.Event()

    def push(job: str) -> None:
        for turn in range(60):
            assert gateway.put(f"a {turn}\nb {turn}\n", job=job).accepted

    def push_all() -> None:
        together(*(lambda job=f"j{number}": push(job) for number in range(4)))
        done.set()

    def scrape() -> None:
        last: dict[str, int] = {}
        while not done.is_set():
            text = gateway.scrape()
            shown = {
                name: {job: int(value) for job, value in re.findall(rf'(?m)^{name}\{{.*job="(.*)"\}} (\d+)$', text)}
                for name in "ab"
            }
            assert shown["a"] == shown["b"]
            assert all(shown["a"][job] >= value for job, value in last.items())
            last = shown["a"]

    together(push_all, scrape, scrape)
    assert {value for _, family in gateway.store.families_named(b"a") for _, value in family.series} == {b"59"}


def collide() -> None:
    gateway = Held()
    verdicts = list[bool]()

    def push(kind: str) -> None:
        verdicts.append(gateway.put(f"# TYPE a {kind}\na 1\n", job=kind).accepted)

    together(lambda: push("gauge"), lambda: push("counter"), lambda: push("untyped"))
    assert sorted(verdicts) == [False, False, True]
    assert gateway.store.poisoned() is None


def test_of_colliding_pushes_exactly_one_is_accepted() -> None:
    for _ in range(20):
        collide()


def test_reset_is_never_mixed_with_earlier_pushes() -> None:
    gateway = Held()
    store, group = gateway.store, key(job="j")
    done = threading.Event()

    def push(number: int) -> None:
        while not done.is_set():
            generation = store.generation
            body = gateway.parse(f"a{number} {generation}\n", group)
            store.push(group, body, replace=False, generation=generation)

    def reset() -> None:
        for _ in range(100):
            store.reset()
            generation = store.generation
            for stored in store.groups():
                for name, family in stored.families.items():
                    if name.startswith(b"a"):
                        assert family.family.series[0][1] == b"%d" % generation
        done.set()

    def scrape() -> None:
        while not done.is_set():
            values = set(re.findall(r"(?m)^a\d\{.*\} (\d+)$", gateway.scrape()))
            assert len(values) <= 1

    together(lambda: push(1), lambda: push(2), reset, scrape)
    store.close()
