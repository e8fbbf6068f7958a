"""Each demonstration holds, by numbers that are worked out here in another way."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from twofold.cli import main
from twofold.inspect import demonstrations
from twofold.inspect.demonstrations import (
    DEMONSTRATIONS,
    likelihood,
    naive_softmax,
    no_activation,
    softmax_argmax,
    squared_loss,
)


@pytest.mark.parametrize("name", DEMONSTRATIONS)
def test_every_demonstration_holds_and_is_shown(name, capsys):
    show, _ = DEMONSTRATIONS[name]
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
    monkeypatch.setattr(demonstrations, "softmax", lambda O: -O)
    assert not softmax_argmax().holds


def test_the_squared_loss_differs_and_the_cross_entropy_does_not():
    (_, _, first, one), (_, _, second, two) = squared_loss().table.rows
    assert first == pytest.approx((0.4**2 + 0.2**2 + 0.2**2) / 2)
    assert second == pytest.approx((0.4**2 + 0.4**2) / 2)
    assert one == two == pytest.approx(-math.log(0.6))


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
