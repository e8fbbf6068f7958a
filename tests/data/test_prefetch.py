import threading
import time

import pytest

from twofold.data.prefetch import map_in_order, prefetch


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "twofold-prefetch"]


class Source:
    """A generator that tells what became of it."""

    def __init__(self, fail_after=None):
        self.made, self.closed, self.fail_after, self.threads = 0, 0, fail_after, set()

    def items(self, n=1000):
        try:
            for k in range(n):
                self.threads.add(threading.current_thread())
                if k == self.fail_after:
                    raise ValueError("item 3 is damaged")
                self.made += 1
                yield k
        finally:
            self.closed += 1


def test_items_come_in_their_order_from_another_thread():
    source = Source()
    assert list(prefetch(source.items())) == list(range(1000))
    assert source.closed == 1
    assert threading.main_thread() not in source.threads
    assert not readers()


def test_of_no_items_there_are_none():
    assert list(prefetch(Source().items(0))) == []
    assert not readers()


def test_an_exception_comes_after_the_items_before_it():
    source = Source(fail_after=3)
    ahead = prefetch(source.items())
    assert [next(ahead) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="item 3 is damaged"):
        next(ahead)
    assert source.closed == 1
    assert not readers()


@pytest.mark.parametrize("after", [0, 1, 5])
def test_closing_ends_the_thread_and_the_generator(after):
    source = Source()
    ahead = prefetch(source.items())
    for _ in range(after):
        next(ahead)
    ahead.close()
    assert source.closed == (after > 0)  # what was never started holds nothing
    assert not readers()


def test_it_is_no_more_than_so_many_items_ahead():
    source = Source()
    ahead = prefetch(source.items(), depth=3)
    assert next(ahead) == 0
    for _ in range(200):
        time.sleep(0.001)
        assert source.made <= 1 + 3 + 1
    assert source.made > 1
    ahead.close()


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_items_from_several_threads(workers):
    source, threads = Source(), set()

    def compute(k):
        threads.add(threading.current_thread())
        time.sleep(0.001 * (k % 3 == 0))
        return k * k

    assert list(map_in_order(compute, source.items(100), workers)) == [k * k for k in range(100)]
    assert len(threads) == workers
    assert source.closed == 1
    assert not readers()


def test_an_exception_comes_in_the_place_of_its_result():
    source = Source()

    def compute(k):
        if k == 2:
            raise ValueError("item 2 is damaged")
        return k

    results = map_in_order(compute, source.items(), workers=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="item 2 is damaged"):
        next(results)
    assert source.made < 10
    assert source.closed == 1
    assert not readers()


def test_no_more_is_computed_than_workers_and_what_waits():
    source = Source()
    results = map_in_order(lambda k: k, source.items(), workers=2)
    assert next(results) == 0
    time.sleep(0.05)
    assert source.made <= 8
    results.close()
    assert source.closed == 1
    assert not readers()
