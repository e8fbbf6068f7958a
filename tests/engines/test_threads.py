"""How many threads the arithmetic has: limits that overlap, and the rule by sizes."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from twofold import MLPClassifier, Network
from twofold.engines.choice import MIN_SHARED_WORK, choose_threads
from twofold.engines.threads import limited_threads
from twofold.errors import SpecificationError


def now():
    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


@pytest.fixture(autouse=True)
def _four_threads():
    with threadpool_limits(4):
        yield


def test_a_limit_within_a_limit_is_over_with_its_block():
    with limited_threads(2):
        with limited_threads(3):
            assert now() == 3
        assert now() == 2
        with limited_threads(None):
            assert now() == 2
    assert now() == 4


def test_an_error_ends_a_limit_too():
    with pytest.raises(RuntimeError), limited_threads(1):
        raise RuntimeError
    assert now() == 4


def test_pytorchs_threads_are_limited_too():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    with limited_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_a_number_that_cannot_be_is_refused():
    with pytest.raises(SpecificationError, match="threads is 0"), limited_threads(0):
        pass


def test_small_products_have_one_thread_and_large_ones_as_many_as_there_are():
    assert choose_threads(Network((20, 64, 64, 3)), 32) == 1
    assert choose_threads(Network((784, 256, 10)), 256) is None
    edge = Network((2**6, 2**6, 2**10))
    assert choose_threads(edge, MIN_SHARED_WORK // 2**16) is None
    assert choose_threads(edge, MIN_SHARED_WORK // 2**16 - 1) == 1
    assert choose_threads(Network((20, 64, 64, 3)), 32, device="cuda") is None


@pytest.mark.parametrize(("given", "expected"), [(None, 1), (2, 2)])
def test_an_estimator_goes_by_the_rule_unless_it_is_told_otherwise(given, expected):
    seen = []
    X = np.random.default_rng(0).standard_normal((50, 4))
    model = MLPClassifier(8, max_iter=2, tol=0, n_iter_no_change=9, threads=given)
    model.set_params(callbacks=lambda _model, _epoch: seen.append(now()))
    with pytest.warns(match="Maximum iterations"):
        model.fit(X, X[:, 0] > 0)
    assert seen == [expected] * 2
    assert now() == 4
