"""The network diagram, tested by its units and lines, in the Axes and in the SVG file."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.colors import to_hex

from twofold import Network, initialize
from twofold.errors import SpecificationError
from twofold.network import Layer
from twofold.plots import network_diagram, save
from twofold.plots.style import LIGHT


def ids(path) -> set[str]:
    return {node.get("id") for node in ET.parse(path).iter() if node.get("id")}  # noqa: S314 - our own file


@pytest.mark.parametrize(("widths", "units", "weights"), [((4, 3), 7, 12), ((4, 5, 3), 12, 35)])
def test_every_unit_and_every_weight_of_a_textbook_s_network_is_in_the_file(widths, units, weights, tmp_path):
    save(network_diagram(widths), tmp_path / "network.svg")
    found = ids(tmp_path / "network.svg")
    assert sum(name[0] in "xho" and name[1:].replace("-", "").isdigit() for name in found) == units
    assert sum(name[0] == "w" and name.count("-") == 2 for name in found) == weights
    assert {"x1", f"o{widths[-1]}", f"w1-{widths[0]}-{widths[1]}"} <= found


def test_a_line_joins_the_two_units_that_its_weight_joins():
    ax = network_diagram((4, 5, 3))
    centres = {patch.get_gid(): np.array(patch.get_center()) for patch in ax.patches}
    (line,) = (line for line in ax.lines if line.get_gid() == "w1-2-5")
    start, end = line.get_xydata()
    radius = ax.patches[0].get_radius()
    assert np.linalg.norm(start - centres["x2"]) == pytest.approx(radius)
    assert np.linalg.norm(end - centres["h1-5"]) == pytest.approx(radius)
    assert centres["x1"][1] < centres["h1-1"][1] < centres["o1"][1]


def test_sign_is_colour_and_size_is_width():
    W = np.array([[2.0, -2.0, 0.5]])
    ax = network_diagram((1, 3), (Layer(W, np.zeros(3)),))
    lines = {line.get_gid(): line for line in ax.lines}
    assert to_hex(lines["w1-1-1"].get_color()) == LIGHT.high
    assert to_hex(lines["w1-1-2"].get_color()) == LIGHT.low
    assert lines["w1-1-1"].get_color()[3] > lines["w1-1-3"].get_color()[3]  # and strength is opacity
    assert lines["w1-1-1"].get_linewidth() == lines["w1-1-2"].get_linewidth() > lines["w1-1-3"].get_linewidth()


def test_a_wide_layer_is_abbreviated_and_its_width_written():
    network = Network((784, 256, 10))
    ax = network_diagram(network, initialize(network), most=6)
    assert [patch.get_gid() for patch in ax.patches][:5] == ["x1", "x2", "x3", "x4", "x784"]
    words = [text.get_text() for text in ax.texts]
    assert words.count("…") == 3
    assert "input layer\n784 units" in words
    assert "x₇₈₄" in words


def test_names_stand_at_the_inputs_and_outputs():
    ax = network_diagram((2, 3), inputs=("area", "age"), outputs=("dog", "cat", "chicken"))
    assert {"area", "age", "dog", "cat", "chicken"} <= {text.get_text() for text in ax.texts}


def test_what_is_no_network_is_refused():
    with pytest.raises(SpecificationError, match=r"widths are \(4,\)"):
        network_diagram((4,))
    with pytest.raises(SpecificationError, match="most is 3"):
        network_diagram((4, 3), most=3)
    with pytest.raises(SpecificationError, match=r"weights have shapes \[\(4, 3\)\]; a network \(4, 2\)"):
        network_diagram((4, 2), initialize(Network((4, 3))))
    with pytest.raises(SpecificationError, match="1 names for 4 inputs"):
        network_diagram((4, 2), inputs=["one"])
    with pytest.raises(SpecificationError, match="a weight is not a finite number"):
        network_diagram((1, 1), (Layer(np.array([[np.nan]]), np.zeros(1)),))
