"""Waiting for pushes, in threads and in event loops, under every kind of frozen time."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import freezegun
import pytest

from pytest_pushgateway import MakePushgateway, Pushgateway, threads
from pytest_pushgateway.monotonic import monotonic

from .application import InBackground, send
from .frozen import LONG_AGO, Freeze, by_either


def failure_of(pushgateway: Pushgateway, *args: Any, **options: object) -> list[str]:
    with pytest.raises(AssertionError) as caught:
        pushgateway.wait_for_push(*args, timeout=0.01, **options)  # type: ignore[arg-type]
    return caught.value.args[0].splitlines()  # type: ignore[no-any-return]


def test_earlier_push_counts(pushgateway: Pushgateway) -> None:
    send(pushgateway)

    assert pushgateway.wait_for_push() is pushgateway.pushes[0]
    assert pushgateway.wait_for_push("backup_bytes", job="backup", timeout=0) is pushgateway.pushes[0]


def test_later_push_is_awaited(pushgateway: Pushgateway) -> None:
    with InBackground(lambda: [send(pushgateway, "other 1\n", "/metrics/job/other"), send(pushgateway)]):
        push = pushgateway.wait_for_push("backup_bytes")

    assert push.number == 2


def test_nth_push_after_another(pushgateway: Pushgateway) -> None:
    for number in range(4):
        send(pushgateway, f"backup_bytes {number}\n")
    first, second, third, fourth = pushgateway.pushes

    assert pushgateway.wait_for_push("backup_bytes", count=3) is third
    assert pushgateway.wait_for_push("backup_bytes", after=second) is third
    assert pushgateway.wait_for_push("backup_bytes", after=first, count=3) is fourth


def test_labels_without_a_name_match_key_or_samples(pushgateway: Pushgateway) -> None:
    send(pushgateway, "", "/metrics/job/empty")
    send(pushgateway, 'backup_bytes{disk="sda"} 7\n')

    assert pushgateway.wait_for_push(job="empty").number == 1
    assert pushgateway.wait_for_push(disk="sda").number == 2


def test_only_accepted_pushes_of_the_application_count(pushgateway: Pushgateway) -> None:
    pushgateway.push("backup_bytes 7\n", job="backup")
    assert failure_of(pushgateway)[0] == (
        "waited 0.01 s for an accepted push: only the test itself pushed, with gateway.push()"
    )
    send(pushgateway, "backup_bytes x\n")
    pushgateway.assert_rejected()

    assert failure_of(pushgateway) == [
        "waited 0.01 s for an accepted push: 2 pushes came",
        "The pushes:",
        '  push 1 (PUT job="backup"), sent by the test itself, answered 200: backup_bytes',
        '  push 2 (PUT job="backup"), answered 400: text format parsing error in line 1: '
        'expected float as value, got "x"',
    ]


def test_timeout_lists_what_arrived_instead(pushgateway: Pushgateway) -> None:
    assert failure_of(pushgateway, "backup_bytes")[0] == (
        "waited 0.01 s for an accepted push of backup_bytes: nothing was pushed"
    )
    send(pushgateway, 'backup_bytes{disk="sda"} 7\n')
    assert failure_of(pushgateway, "backup_bytes", disk="sdb") == [
        'waited 0.01 s for an accepted push of backup_bytes{disk="sdb"}: one push came',
        "The nearest:",
        '  backup_bytes{disk="sda",instance="",job="backup"} 7 in push 1 (PUT job="backup")',
        '    label disk is "sda", expected "sdb"',
        "The pushes:",
        '  push 1 (PUT job="backup"), answered 200: backup_bytes',
    ]
    assert failure_of(pushgateway, "backup_byte")[1] == "Similar names: backup_bytes"
    assert failure_of(pushgateway, count=3)[0] == "waited 0.01 s for 3 accepted pushes, of which 1 came: one push came"
    assert failure_of(pushgateway, job="x")[0] == 'waited 0.01 s for an accepted push with job="x": one push came'
    assert failure_of(pushgateway, after=pushgateway.pushes[0])[0] == (
        "waited 0.01 s for an accepted push after push 1: nothing was pushed"
    )


def test_unreached_gateway_is_reported(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    with gateway.faults.refuse():
        assert failure_of(gateway, "backup_bytes")[1:] == [
            "No client reaches the gateway: the fault refuse() is active; remove() it, or end its with statement."
        ]
    send(gateway)
    gateway.stop()

    stopped = "No client reaches the gateway: it is stopped; call start() to have it back."
    assert failure_of(gateway, count=2)[1] == stopped
    for call in (
        lambda: gateway.wait_until(lambda: False, timeout=0),
        lambda: gateway.assert_pushed("backup_files"),
        lambda: gateway.assert_exposed("backup_bytes", 8),
        lambda: gateway.value("backup_files"),
        lambda: asyncio.run(gateway.async_wait_for_push(count=2, timeout=0)),
        lambda: asyncio.run(gateway.async_wait_until(lambda: False, timeout=0)),
    ):
        with pytest.raises(AssertionError) as caught:
            call()
        assert stopped in caught.value.args[0].splitlines()
    assert gateway.value("backup_bytes") == 7


@pytest.mark.parametrize("count", [0, -1, True])
def test_count_must_be_a_whole_number(pushgateway: Pushgateway, count: int) -> None:
    with pytest.raises(ValueError, match="count must be a whole number of at least 1, not"):
        pushgateway.wait_for_push(count=count)


def test_after_is_a_push(pushgateway: Pushgateway) -> None:
    mistyped: Any = 1
    with pytest.raises(TypeError, match="after is a Push that came before, not 1"):
        pushgateway.wait_for_push(after=mistyped)


def test_after_is_a_push_to_this_gateway(pushgateway: Pushgateway, make_pushgateway: MakePushgateway) -> None:
    other = make_pushgateway()
    send(other)
    send(pushgateway)
    with pytest.raises(ValueError, match="after must be a push of this test to this gateway, not <Push 1"):
        pushgateway.wait_for_push(after=other.pushes[0])


def test_push_is_awaited_by_its_value(pushgateway: Pushgateway) -> None:
    with InBackground(lambda: [send(pushgateway, f"backup_bytes {number}\n") for number in (7, 8)]):
        assert pushgateway.wait_for_push("backup_bytes", 8).number == 2
        assert pushgateway.wait_for_push(None, pytest.approx(7)).number == 1
    assert failure_of(pushgateway, "backup_bytes", 9)[:4] == [
        "waited 0.01 s for an accepted push of backup_bytes 9: 2 pushes came",
        "The nearest:",
        '  backup_bytes{instance="",job="backup"} 8 in push 2 (PUT job="backup")',
        "    value is 8, expected 9",
    ]


@pytest.mark.parametrize("timeout", [0.01, "10ms", timedelta(milliseconds=10)])
def test_timeout_is_seconds_timedelta_or_duration(pushgateway: Pushgateway, timeout: Any) -> None:
    for wait in (
        lambda: pushgateway.wait_for_push(timeout=timeout),
        lambda: pushgateway.wait_until(lambda: False, timeout),
        lambda: asyncio.run(pushgateway.async_wait_for_push(timeout=timeout)),
        lambda: asyncio.run(pushgateway.async_wait_until(lambda: False, timeout)),
    ):
        with pytest.raises(AssertionError, match=r"waited 0\.01 s"):
            wait()


@pytest.mark.parametrize("timeout", ["5", "soon", -1, float("inf"), float("nan"), None, True, [5]])
def test_invalid_timeouts(pushgateway: Pushgateway, timeout: Any) -> None:
    send(pushgateway)
    with pytest.raises((TypeError, ValueError), match="timeout must "):
        pushgateway.wait_for_push(timeout=timeout)
    with pytest.raises((TypeError, ValueError), match="timeout must "):
        pushgateway.wait_until(lambda: True, timeout)


def test_assertion_can_be_awaited(pushgateway: Pushgateway) -> None:
    with InBackground(lambda: [send(pushgateway), send(pushgateway, "backup_bytes 8\n")]):
        sample = pushgateway.wait_until(lambda: pushgateway.assert_exposed("backup_bytes", 8))
    assert sample.value == 8
    assert pushgateway.wait_until(lambda: pushgateway.assert_not_exposed("backup_bytes", 7)) is True
    assert pushgateway.wait_until(pushgateway.assert_no_rejections) is True


def test_missing_sample_is_awaited(pushgateway: Pushgateway) -> None:
    with InBackground(lambda: [send(pushgateway), send(pushgateway, "backup_bytes 8\n")]):
        assert pushgateway.wait_until(lambda: pushgateway.pushes[1]).number == 2
        assert pushgateway.wait_until(lambda: pushgateway.group(job="backup")).push_time > 0
        assert pushgateway.wait_until(lambda: pushgateway.value("backup_bytes")) == 8
        assert pushgateway.wait_until(lambda: {"backup": 1}[pushgateway.pushes[0].job]) == 1


def test_last_error_is_shown(pushgateway: Pushgateway) -> None:
    send(pushgateway)
    with pytest.raises(AssertionError) as caught:
        pushgateway.wait_until(lambda: pushgateway.assert_exposed("backup_bytes", 8), timeout=0.01)
    assert caught.value.args[0].splitlines()[1:4] == [
        "It last raised AssertionError: expected backup_bytes 8 to be exposed, but its value is 7",
        "  The nearest:",
        '    backup_bytes{instance="",job="backup"} 7',
    ]
    assert isinstance(caught.value.__cause__, AssertionError)
    with pytest.raises(AssertionError, match="It last raised IndexError: list index out of range"):
        pushgateway.wait_until(lambda: pushgateway.pushes[1], timeout=0.01)


def test_last_result_of_predicate_is_shown(pushgateway: Pushgateway) -> None:
    nothing: tuple[object, ...] = ([], None, 0, "")
    for result in nothing:
        with pytest.raises(AssertionError) as caught:
            pushgateway.wait_until(lambda result=result: result, timeout=0)  # type: ignore[misc]
        assert caught.value.args[0].splitlines()[1] == f"It last returned {result!r}."
    with pytest.raises(
        AssertionError, match=r"(?m)^Zero is not true: compare with ==, if that is the value to wait for\.$"
    ):
        pushgateway.wait_until(lambda: 0.0, timeout=0)


def test_other_errors_of_a_predicate_end_the_wait(pushgateway: Pushgateway) -> None:
    with pytest.raises(ValueError, match="must not be a selector"):
        pushgateway.wait_until(lambda: pushgateway.assert_exposed('backup_bytes{disk="sda"}'), timeout=60)


async def ready() -> bool:
    return True


@pytest.mark.parametrize(
    ("predicate", "hint"),
    [
        (ready, r"use `await gateway.async_wait_until\(...\)`"),
        (lambda: ready(), r"use `await gateway.async_wait_until\(...\)`"),
        (lambda: ready, "returned the function <function ready .*; call it"),
        (lambda: "text".upper, "call it"),
        (lambda: (each for each in ""), r"wrap it in any\(\) or list\(\)"),
        (lambda: filter(None, ()), r"wrap it in any\(\) or list\(\)"),
        (True, r"predicate must be a function, not True; write wait_until\(lambda: ...\)"),
        (None, "predicate must be a function, not None"),
        ("pushes", "predicate must be a function, not 'pushes'"),
    ],
)
def test_predicate_always_true_is_rejected(pushgateway: Pushgateway, predicate: Any, hint: str) -> None:
    with pytest.raises(TypeError, match=hint):
        pushgateway.wait_until(predicate)


def test_coroutine_function_is_awaited(pushgateway: Pushgateway) -> None:
    async def main() -> None:
        asked = 0

        async def second_time() -> int:
            nonlocal asked
            await asyncio.sleep(0)
            asked += 1
            return asked if asked > 1 else 0

        async def never() -> list[int]:
            return []

        async def exposed() -> object:
            return pushgateway.assert_exposed("backup_bytes", 8)

        async def stuck() -> bool:
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

        assert await pushgateway.async_wait_until(second_time) == 2
        for predicate, last in (
            (
                never,
                "It last returned [].",
            ),
            (exposed, "It last raised AssertionError: expected backup_bytes 8 to be exposed, but its value is 7"),
            (stuck, "It did not end in time."),
            (lambda: (), "It last returned ()."),
        ):
            with pytest.raises(AssertionError) as caught:
                await pushgateway.async_wait_until(predicate, timeout=0.01)
            assert caught.value.args[0].splitlines()[1] == last
        with pytest.raises(TypeError, match="call it"):
            await pushgateway.async_wait_until(lambda: ready)

    send(pushgateway)
    asyncio.run(main())
    with freezegun.freeze_time("2001-02-03"):
        asyncio.run(main())


def test_finished_coroutine_is_retried_at_next_request_only(pushgateway: Pushgateway) -> None:
    asked = 0

    async def three_pushes() -> bool:
        nonlocal asked
        asked += 1
        return len(pushgateway.pushes) == 3

    async def main() -> None:
        with InBackground(lambda: [send(pushgateway) for _ in range(3)]):
            assert await pushgateway.async_wait_until(three_pushes, timeout=30)

    asyncio.run(main())
    assert asked < 100


def test_predicate_under_way_is_cancelled_with_its_wait(pushgateway: Pushgateway) -> None:
    cancelled = []

    async def stuck() -> bool:
        try:
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main() -> None:
        waiting = asyncio.create_task(pushgateway.async_wait_until(stuck, timeout=60))
        await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(0)

    asyncio.run(main())
    assert cancelled == [True]


def test_without_an_event_loop_of_asyncio_a_wait_names_the_other_way(pushgateway: Pushgateway) -> None:
    for waiting in (pushgateway.async_wait_for_push(), pushgateway.async_wait_until(lambda: True)):
        with pytest.raises(RuntimeError, match=r"under trio use `await trio.to_thread.run_sync\(lambda: gateway.wait_"):
            waiting.send(None)


def test_wait_until_returns_result_of_predicate(pushgateway: Pushgateway) -> None:
    threads = set()

    def two_pushes() -> list[object]:
        threads.add(threading.current_thread())
        return list(pushgateway.pushes[1:])

    with InBackground(lambda: [send(pushgateway), send(pushgateway)]):
        assert pushgateway.wait_until(two_pushes) == [pushgateway.pushes[1]]
    assert threads == {threading.current_thread()}


def test_wait_until_looks_also_where_no_request_comes(pushgateway: Pushgateway) -> None:
    done = threading.Event()
    timer = threading.Timer(0.02, done.set)
    timer.start()

    assert pushgateway.wait_until(done.is_set) is True
    timer.join()


def test_predicate_sends_its_own_requests(pushgateway: Pushgateway) -> None:
    with InBackground(lambda: send(pushgateway)):
        assert pushgateway.wait_until(lambda: "backup_bytes" in pushgateway.scrape().text)


def test_wait_until_names_the_predicate_that_stayed_false(pushgateway: Pushgateway) -> None:
    def never() -> bool:
        return False

    with pytest.raises(AssertionError) as caught:
        pushgateway.wait_until(never, timeout=0.01)
    line = never.__code__.co_firstlineno
    assert caught.value.args[0].splitlines()[0] == (
        "waited 0.01 s for test_wait_until_names_the_predicate_that_stayed_false.<locals>.never "
        f"({__file__}:{line}) to be true: nothing was pushed"
    )


@by_either
def test_waits_end_while_time_is_frozen(pushgateway: Pushgateway, freeze: Freeze) -> None:
    before = monotonic()
    with freeze(LONG_AGO):
        assert failure_of(pushgateway, "backup_bytes")
        with pytest.raises(AssertionError):
            pushgateway.wait_until(lambda: False, timeout=0.01)
        with InBackground(lambda: send(pushgateway)):
            pushgateway.wait_for_push("backup_bytes")
    assert monotonic() - before < 60


@by_either
def test_async_methods_leave_loop_running(pushgateway: Pushgateway, freeze: Freeze) -> None:
    async def main() -> None:
        pushing = asyncio.create_task(asyncio.to_thread(send, pushgateway))
        push = await pushgateway.async_wait_for_push("backup_bytes")
        assert push is pushgateway.pushes[0]
        assert await pushgateway.async_wait_until(lambda: len(pushgateway.pushes)) == 1
        await pushing

    asyncio.run(main())
    pushgateway.reset()
    with freeze(LONG_AGO):
        asyncio.run(main())


@by_either
def test_async_methods_time_out(pushgateway: Pushgateway, freeze: Freeze) -> None:
    async def main() -> None:
        with pytest.raises(
            AssertionError, match=r"waited 0.01 s for an accepted push of backup_bytes: nothing was pushed\n"
        ):
            await pushgateway.async_wait_for_push("backup_bytes", timeout=0.01)
        with pytest.raises(AssertionError, match=r"waited 0.01 s for .* to be true: nothing was pushed\n"):
            await pushgateway.async_wait_until(lambda: False, timeout=0.01)

    before = len(threads.alive())
    asyncio.run(main())
    with freeze(LONG_AGO):
        asyncio.run(main())
    assert len(threads.alive()) == before


def test_async_wait_can_be_cancelled(pushgateway: Pushgateway) -> None:
    async def main() -> None:
        waiting = asyncio.create_task(pushgateway.async_wait_for_push("backup_bytes", timeout=60))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())


def test_wait_blocking_event_loop_names_async_method(pushgateway: Pushgateway) -> None:
    async def main() -> list[str]:
        return failure_of(pushgateway, "backup_bytes")

    assert asyncio.run(main())[1] == (
        "This wait blocked the running event loop; use `await gateway.async_wait_for_push(...)`."
    )
