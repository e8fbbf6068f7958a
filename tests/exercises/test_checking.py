"""What learners hand in, as they write it: each gets the words that say what to change."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from twofold.errors import UnknownNameError
from twofold.exercises import check

# (exercise, code as people write it, words that the diagnosis must hold)
WRONG = [
    ("3.1/prediction", "def f(X, w, b):\n return np.array([sum(x * w) + b for x in X])", "one by one"),
    ("3.1/prediction", "def f(X, w, b):\n print(X @ w + b)", "returns nothing"),
    ("3.1/prediction", "def f(X, w, b):\n return (X @ w + b).tolist()", "is a list, expected an array"),
    ("3.1/prediction", "def f(X, w, b):\n return (X @ w + b).astype(np.float32)", "float32"),
    ("3.1/prediction", "def f(X, w, b):\n return (X @ w + b).reshape(-1, 1)", "(3, 1), expected (3,)"),
    ("3.1/prediction", "def f(X, w):\n return X @ w", "can't be called with X, w, b"),
    ("3.1/prediction", "def f(X, w, b):\n X *= w\n return X.sum(axis=1) + b", "changes its argument X"),
    ("3.1/prediction", "def f(X, w, b):\n return (X @ w + b).astype(int)", "whole numbers"),
    ("3.1/prediction", "def f(X, w, b):\n return X.dott(w)", "line 2: AttributeError"),
    ("3.1/mean-loss", "def f(X, y, w, b):\n return ((X @ w + b - y) ** 2).mean()", "factor 1/2 is missing"),
    ("3.1/mean-loss", "def f(X, y, w, b):\n return ((X @ w + b - y) ** 2 / 2).sum()", "mean is missing"),
    ("3.1/mean-loss", "def f(X, y, w, b):\n return ((X @ w + b - y) ** 2 / 2).mean() / len(y)", "once too often"),
    ("3.1/mean-loss", "def f(X, y, w, b):\n return (X @ w + b - y) ** 2 / 2", "expected one number"),
    ("3.1/mean-loss", "def f(X, y, w, b):\n return ((X @ w + b - y) ** 2 / 2).mean() + 1e-4", "small constant"),
    ("3.1/gradient", "def f(X, y, w, b):\n e = X @ w + b - y\n return X.T @ e, e.sum()", "256 times the right one in a batch of 256: the mean is missing"),
    ("3.1/gradient", "def f(X, y, w, b):\n e = y - X @ w - b\n return X.T @ e / len(y), e.mean()", "the sign is wrong"),
    ("3.1/gradient", "def f(X, y, w, b):\n e = X @ w + b - y\n return X.T @ e / len(y), e.sum()", "db is 256 times"),
    ("3.1/gradient", "def f(X, y, w, b):\n e = X @ w + b - y\n return e.mean(), X.T @ e / len(y)", "wrong order: return dw, db"),
    ("3.1/gradient", "def f(X, y, w, b):\n e = X @ w + b - y\n return X.T @ e / len(y)", "1 of 2 results"),
    ("3.1/sgd-step", "def f(w, b, dw, db, learning_rate):\n w -= learning_rate * dw\n return w, b - learning_rate * db", "changes its argument w"),
    ("3.2/squared-loss", "def f(y_hat, y):\n return (y_hat - y) ** 2 / 2", "broadcast to (n, n)"),
    ("3.2/sgd", "def f(params, grads, learning_rate, batch_size):\n for p, g in zip(params, grads):\n  p = p - learning_rate * g / batch_size", "nothing changes"),
    ("3.2/minibatches", "def f(X, y, batch_size, rng):\n i = np.arange(len(X))\n for k in range(0, len(X), batch_size):\n  yield X[k:k+batch_size], y[k:k+batch_size]", "shuffle"),
    ("3.2/epoch-loss", "def f(losses, sizes):\n return np.mean(losses)", "weight each with its size"),
    ("3.1/exact-solution", "def f(X, y):\n A = np.hstack([X, np.ones((len(X), 1))])\n p = np.linalg.solve(A.T @ A, A.T @ y)\n return p[:-1], p[-1]", "squares the condition number"),
    ("3.1/gradient", "def f(X, y, w, b):\n e = X @ w + b - y\n return 2 * X.T @ e / len(y), 2 * e.mean()", "leave the factor 2 out"),
    ("3.1/gradient", "def f(X, y, w, b):\n e = X @ w + b - y\n return X @ e / len(y), e.mean()", "is a .T missing?"),
    ("3.2/minibatches", "def f(X, y, batch_size, rng):\n i = rng.permutation(len(X))\n return X[i][:batch_size], y[i][:batch_size]", "yield each batch, in place of return"),
    ("3.2/minibatches", "def f(X, y, batch_size, rng):\n i = rng.permutation(len(X))\n for k in range(0, len(X), batch_size):\n  yield X[i[k:k+batch_size]]", "fails when it is used: ValueError"),
    ("3.4/softmax", "def f(O):\n return np.exp(O) / np.exp(O).sum(axis=1)", "keepdims=True in sum or max keeps (n, 1)"),
    ("3.5/features", "def f(images):\n return images.reshape(-1, 784) / 255", "take the sizes from the array itself"),
    ("3.8/relu", "def f(Z):\n return max(0, Z)", "np.maximum, np.where and & take arrays"),
    ("3.8/relu", "def f(Z):\n return np.max(Z, 0)", "leave sum, mean or max out"),
    ("3.9/momentum", "def f(w, v, gradient, learning_rate, momentum):\n v = momentum * v - learning_rate * gradient\n return w + v, v", "the learning rate is inside the velocity"),
    ("3.1/prediction", "def f(X, w, b):\n while True:\n  pass", "loop without end"),
    ("3.1/prediction", "def f(X, w, b):\n while True:\n  try:\n   pass\n  except Exception:\n   pass", "loop without end"),
    ("3.1/prediction", "def f(X, w, b):\n import sys\n sys.exit(3)", "ends the program"),
    ("3.1/prediction", "def f(X, w, b):\n import os\n os._exit(3)", "ends the program"),
]  # fmt: skip

WRONG_IN_PYTORCH = [
    ("3.7/loss", "def f(O, y):\n return nn.CrossEntropyLoss(O, y)", "made first and called then"),
    ("3.7/loss", "def f(O, y):\n return nn.CrossEntropyLoss()(O, y).item()", "expected Tensor: leave .item()"),
    ("3.7/loss", "def f(O, y):\n return nn.CrossEntropyLoss()(O, y).detach()", "no gradient flows"),
    ("3.7/model", "def f(d, q):\n return nn.Sequential(nn.Linear(d, q), nn.Flatten())", "the images are not flattened"),
    ("3.7/model", "def f(d, q):\n return d * q", "is of type int, expected Sequential"),
    ("3.10/model", "def f(d, h, q):\n return nn.Sequential(nn.Linear(d, h), nn.ReLU(), nn.Linear(h, q))", "flattened first, with nn.Flatten()?"),
]  # fmt: skip


def written(code):
    """Return the function of a learner's code."""
    space = {"np": np}
    exec(compile(textwrap.dedent(code), "answers.py", "exec"), space)  # noqa: S102 # what a learner writes
    return space["f"]


@pytest.mark.parametrize(("name", "code", "words"), WRONG, ids=[f"{name}-{words[:20]}" for name, _, words in WRONG])
def test_a_wrong_answer_is_told_what_to_change(name, code, words):
    result = check(written(code), name, language="en", seconds=0.5)
    assert not result.right
    assert words in " ".join(str(result).split()), str(result)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "code", "words"), WRONG_IN_PYTORCH, ids=[words for *_, words in WRONG_IN_PYTORCH])
def test_a_wrong_answer_in_pytorch_is_told_what_to_change(name, code, words):
    from torch import nn

    answer = written(code)
    answer.__globals__["nn"] = nn
    text = str(check(answer, name, language="en"))
    assert words in " ".join(text.split()), text


def test_the_same_diagnosis_is_told_in_chinese():
    result = check(written(WRONG[14][1]), "3.1/gradient", language="zh")
    assert "是正确值的 256 倍（批量大小为 256）：没有求平均：请除以样本数" in str(result)


def test_an_answer_that_is_simply_wrong_gets_input_expected_and_own_result():
    result = check(lambda X, w, b: np.cos(X @ w), "3.1/prediction", language="en")
    text = str(result)
    assert result.diagnosis == "difference"
    assert "X = [[1. 2.]" in text
    assert "expected [-0.6 -3.4  0.8]" in text
    assert "yours [ 0.087499 -0.517870" in text or "yours" in text


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("3.1/prediction", "def f(X, w, b):\n return np.einsum('ij,j->i', X, w) + b"),
        ("3.1/prediction", "def f(X, w, b):\n return (X * w).sum(1) + np.full(len(X), b)"),
        ("3.1/mean-loss", "def f(X, y, w, b):\n e = y - b - X.dot(w)\n return np.array(e @ e / (2 * len(e)))"),
        ("3.1/gradient", "def f(X, y, w, b):\n e = X @ w + b - y\n return [(e[:, None] * X).mean(0), np.float64(e.mean())]"),
        ("3.1/exact-solution", "def f(X, y):\n m = X.mean(0)\n w = np.linalg.pinv(X - m) @ (y - y.mean())\n return w, y.mean() - m @ w"),
        ("3.2/minibatches", "def f(X, y, batch_size, rng):\n i = list(range(len(X)))\n rng.shuffle(i)\n return [(X[i[k:k+batch_size]], y[i[k:k+batch_size]]) for k in range(0, len(i), batch_size)]"),
        ("3.2/sgd", "def f(params, grads, learning_rate, batch_size):\n for i in range(len(params)):\n  params[i][:] = params[i] - learning_rate * grads[i] / batch_size"),
    ],
)  # fmt: skip
def test_a_right_answer_written_differently_passes(name, code):
    result = check(written(code), name, language="en")
    assert result.right, str(result)


def test_an_exercise_is_found_by_the_functions_name_with_or_without_my():
    def my_squared_loss(y_hat, y):
        return (y_hat.ravel() - y) ** 2 / 2

    assert check(my_squared_loss, language="en").exercise == "3.2/squared-loss"


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean '3\.2/squared-loss'"):
        check(print, "3.2/square-loss", language="en")


def test_what_an_answer_prints_is_shown_and_a_flood_is_cut():
    def linear_prediction(X, w, b):
        print("shape", X.shape, "x" * 1_000_000)
        return X @ w + b

    result = check(linear_prediction, language="en")
    assert result.right
    assert len(result.output) <= 100_000
    assert "Your code printed:" in str(result)
    assert len(str(result)) < 2000


def test_without_an_alarm_an_endless_loop_ends_too(monkeypatch):
    """As in a browser, on Windows, or in a thread."""
    monkeypatch.setattr("twofold.exercises.contained._has_alarm", lambda: False)
    result = check(written("def f(X, w, b):\n while True:\n  pass"), "3.1/prediction", language="en", seconds=0.3)
    assert result.diagnosis == "stopped"
