"""Each demonstration holds, by numbers that are worked out here in another way."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from twofold.cli import main
from twofold.inspect.demonstrations import (
    DEMONSTRATIONS,
    accuracy,
    batch_mean,
    classes,
    likelihood,
    naive_softmax,
    no_activation,
    numerical_gradient,
    output_problem,
    softmax_argmax,
    squared_loss,
    vanishing_derivatives,
)


@pytest.mark.parametrize("name", DEMONSTRATIONS)
def test_every_demonstration_holds_and_is_shown(name, capsys):
    show = DEMONSTRATIONS[name].show
    assert show().holds
    assert main(["explain", name]) == 0
    out = capsys.readouterr().out
    assert show().claim in out
    assert show().conclusion in out
    assert main(["explain", name, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["holds"] is True
    assert len(found["table"]["rows"]) == len(show().table.rows)


def test_softmax_keeps_the_prediction_at_a_thousand_too():
    rows = {row[0]: row for row in softmax_argmax().table.rows}
    _, p, before, after = rows[1000.0, 1001.0, 999.0]
    assert (before, after) == (1, 1)
    assert sum(p) == pytest.approx(1)
    assert p[1] == pytest.approx(1 / (1 + math.exp(-1) + math.exp(-2)))


def test_a_planted_softmax_that_changes_the_prediction_is_seen(monkeypatch):
    monkeypatch.setattr(classes, "softmax", lambda O: -O)
    assert not softmax_argmax().holds


def test_the_squared_loss_differs_and_the_cross_entropy_does_not():
    (_, _, first, one), (_, _, second, two) = squared_loss().table.rows
    assert [row[0] for row in squared_loss().table.rows] == [(0.2, 0.2, 0.6), (0.0, 0.4, 0.6)]
    assert first == pytest.approx((0.4**2 + 0.2**2 + 0.2**2) / 2)
    assert second == pytest.approx((0.4**2 + 0.4**2) / 2)
    assert one == two == pytest.approx(-math.log(0.6))


def test_an_output_of_ten_is_sure_beside_a_tenth_and_hopeless_beside_a_thousand():
    (_, sure, p, loss), (_, hopeless, none, _), (_, _, unsure, least) = output_problem().table.rows
    assert (sure, hopeless) == ("cat", "dog")
    assert p == pytest.approx(1 / (1 + 2 * math.exp(-9.9)))
    assert none == pytest.approx(math.exp(-990) / 2)
    assert loss == pytest.approx((0.1**2 + 9**2 + 0.1**2) / 2)
    assert (unsure, least) == (pytest.approx(math.e / (math.e + 2)), 0)


def test_the_sum_of_gradients_grows_with_the_batch_and_divided_twice_nothing_is_learned():
    rows = batch_mean().table.rows
    for size, total, mean, once, _, twice in rows:
        assert mean == pytest.approx(total / size)
        assert once < 0.5 * twice
    assert rows[-1][1] > 50 * rows[0][1]
    assert rows[-1][4] > 1e100


def test_central_differences_are_nearest_at_a_middling_step():
    rows = numerical_gradient().table.rows
    errors = {row[0]: row[4] for row in rows}
    assert min(errors, key=errors.get) == 1e-5
    assert all(abs(row[1] - row[2]) == pytest.approx(row[4]) for row in rows)


def test_the_accuracy_stays_where_the_loss_falls():
    rows = accuracy().table.rows
    assert rows[0][3] == pytest.approx(-(math.log(0.1) + math.log(0.5)) / 2)
    assert [row[1] for row in rows] == [0.5, 0.5, 0.5, 1.0]
    assert rows[0][3] > rows[1][3] > rows[2][3] < rows[3][3]


def test_sigmoids_leave_nothing_of_a_derivative_and_relu_all_of_it():
    rows = vanishing_derivatives().table.rows
    assert rows[0][1:] == (0.25, 1.0, 0.0)  # PyTorch too takes 0 for relu's derivative at 0
    assert rows[1][1] == pytest.approx(math.exp(-1) / (1 + math.exp(-1)) ** 2)
    assert rows[-1][1] < 0.25**20 * 1.0001 < rows[-1][3]


@pytest.mark.parametrize("name", DEMONSTRATIONS)
def test_every_demonstration_speaks_chinese_with_the_same_numbers(name, capsys):
    english, chinese = (DEMONSTRATIONS[name].show(language=language) for language in ("en", "zh"))
    for text in (chinese.claim, chinese.conclusion, DEMONSTRATIONS[name].summary.zh):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text)
    for one, other in zip(english.table.rows, chinese.table.rows, strict=True):
        numbers = [[cell for cell in row if not isinstance(cell, str)] for row in (one, other)]
        assert str(numbers[0]) == str(numbers[1])  # NaN is equal to itself as a text alone
    assert chinese.holds
    assert main(["explain", name, "--language", "zh"]) == 0
    assert chinese.claim in capsys.readouterr().out


def test_without_activation_depth_is_rounding_and_with_relu_it_is_not():
    for name, _, apart in no_activation().table.rows:
        assert (apart < 1e-12) == name.startswith("identity")
        assert apart < 1e-12 or apart > 0.1


def test_naive_softmax_is_no_number_at_a_thousand():
    rows = {row[0]: row for row in naive_softmax().table.rows}
    for outputs in ((1000.0, 999.0), (-1000.0, -1001.0)):
        _, naive, ours, naive_loss, loss = rows[outputs]
        assert np.isnan(naive).all()
        assert math.isnan(naive_loss)
        assert ours[0] == pytest.approx(1 / (1 + math.exp(-1)))
        assert loss == pytest.approx(math.log1p(math.exp(-1)))


def test_the_likelihood_is_that_of_the_binomial_and_of_the_epochs():
    rows = likelihood().table.rows
    tosses = [row for row in rows if "heads" in row[0]]
    assert max(tosses, key=lambda row: row[1])[0] == "7 of 10 heads, P(head) = 0.7"
    assert max(tosses, key=lambda row: row[1])[1] == pytest.approx(0.7**7 * 0.3**3)
    animals = [row for row in rows if "animals" in row[0]]
    assert [row[1] for row in animals] == sorted(row[1] for row in animals)


def test_the_list_is_shown_and_a_wrong_name_gets_the_nearest(capsys):
    assert main(["explain"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in DEMONSTRATIONS)
    assert main(["explain", "likelyhood"]) == 2
    assert "did you mean 'likelihood'?" in capsys.readouterr().err
