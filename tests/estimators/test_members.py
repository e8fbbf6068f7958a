"""Several members in one estimator: their mean, merged into one network."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris

import twofold as tw
from twofold.errors import SpecificationError

X, y = load_iris(return_X_y=True)
A, b = load_diabetes(return_X_y=True)
A = A / A.std()


def fitted(**words):
    return tw.MLPClassifier(8, max_iter=5, tol=0, n_iter_no_change=10, random_state=0, **words).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestMembers:
    def test_probabilities_are_of_the_mean_of_outputs(self):
        model = fitted(n_members=3)
        logs = np.mean([np.log(member.predict_proba(X)) for member in model.members_], axis=0)
        P = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(X), P, rtol=0, atol=1e-6)
        assert model.network_.widths == (4, 24, 3)

    def test_each_is_the_estimator_it_would_be_alone(self):
        model = fitted(n_members=3)
        for member in model.members_:
            alone = clone(member).fit(X, y)
            assert np.array_equal(alone.predict_proba(X), member.predict_proba(X))
        first, second, _ = model.members_
        assert not np.array_equal(first.coefs_[0], second.coefs_[0])

    def test_numbers_with_a_scaled_target_and_early_stopping(self):
        words = {"scale_target": True, "early_stopping": True, "learning_rate_init": 0.01, "random_state": 1}
        model = tw.MLPRegressor(hidden_layer_sizes=8, n_members=4, **words).fit(A, 1000 * b)
        mean = np.mean([member.predict(A) for member in model.members_], axis=0)
        np.testing.assert_allclose(model.predict(A), mean, rtol=1e-5)
        assert model.score(A, 1000 * b) > 0.3

    def test_the_saved_file_predicts_the_same(self, tmp_path):
        model = fitted(n_members=2)
        tw.save_model(tmp_path / "mean", model)
        read = tw.load_estimator(tmp_path / "mean")
        assert np.array_equal(read.predict_proba(X), model.predict_proba(X))
        assert read.n_members == 2

    def test_one_member_again_leaves_nothing_of_several(self):
        model = fitted(n_members=2).set_params(n_members=1).fit(X, y)
        assert np.array_equal(model.predict_proba(X), fitted().predict_proba(X))
        assert not hasattr(model, "members_")

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            ({"solver": "lbfgs"}, "n_members=2 goes with minibatches; solver 'lbfgs' has none"),
            ({"warm_start": True}, "n_members=2 doesn't go with warm_start"),
            ({"normalization": "layer"}, "n_members=2 doesn't go with normalization='layer'"),
            ({"callbacks": lambda _model, _epoch: None}, "n_members=2 doesn't go with callbacks"),
        ],
    )
    def test_what_does_not_go_with_several_is_refused(self, words, told):
        with pytest.raises(SpecificationError, match=told):
            fitted(n_members=2, **words)

    @pytest.mark.parametrize("number", [0, -1, 1.5, "two", True])
    def test_numbers_of_members_that_cannot_be_are_refused(self, number):
        with pytest.raises(SpecificationError, match=r"n_members is .*; it must be an integer of at least 1"):
            fitted(n_members=number)

    def test_partial_fit_trains_one_network(self):
        with pytest.raises(SpecificationError, match="partial_fit trains one network"):
            tw.MLPClassifier(n_members=2).partial_fit(X, y, classes=[0, 1, 2])
