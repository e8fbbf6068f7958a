import threading
import time

import pytest

from twofold.data.prefetch import prefetch


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
