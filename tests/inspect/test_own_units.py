"""A trace of standardised numbers says what they are in the data's own units."""

from __future__ import annotations

import numpy as np

from twofold import Network, initialize, load_dataset, trace
from twofold.inspect.tracing.own_units import with_own_units


def test_the_sample_and_the_prediction_are_in_the_datas_own_units():
    houses = load_dataset("houses")
    data = houses.standardized()
    network = Network((2, 1), loss="squared")
    parameters = initialize(network)
    paper = trace(network, parameters, data.test.X[:1], data.test.y[:1], features=data.features)
    own = with_own_units(paper, data.scaling, features=data.features, target=data.target)
    np.testing.assert_allclose(own["x_own"], houses.test.X[:1], rtol=1e-12)
    (layer,) = data.scaling.unscale(parameters)
    np.testing.assert_allclose(own["y_hat_own"], houses.test.X[:1] @ layer.W + layer.b, rtol=1e-12)
    assert "area (m^2)" in str(own)
    assert "All that follows is computed with standardised numbers" in " ".join(str(own).split())


def test_it_is_told_in_chinese_too():
    data = load_dataset("houses").standardized()
    network = Network((2, 1), loss="squared")
    paper = trace(network, initialize(network), data.test.X[:1], data.test.y[:1])
    text = str(with_own_units(paper, data.scaling).in_language("zh"))
    assert "以下全部用标准化后的数计算" in text
    assert "own units" not in text
