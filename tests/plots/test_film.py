"""Films and live curves, tested by their frames and what the notebook is given."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from twofold import Network, Recipe, load_dataset, open_engine, train
from twofold.errors import DataError, SpecificationError
from twofold.pictures import film_frames
from twofold.plots import live_curves, network_diagram, panels, save_film, svg


@pytest.mark.parametrize("name", ["film.gif", "film.webp", "film.png"])
def test_a_film_has_a_frame_for_each_picture_and_rests_on_the_last(name, tmp_path):
    assert save_film((network_diagram((4, q)) for q in (1, 2, 3)), tmp_path / name, seconds=0.1, rest=1.0, dpi=40) == 3
    with Image.open(tmp_path / name) as film:
        assert film.n_frames == 3
        shown, frames = [], []
        for index in range(3):
            film.seek(index)
            film.load()
            shown.append(film.info["duration"])
            frames.append(np.asarray(film.convert("RGB")))
    assert shown[-1] == 1000
    assert not np.array_equal(frames[0], frames[2])


def test_what_is_no_film_is_refused_and_nothing_written(tmp_path):
    with pytest.raises(SpecificationError, match=r"a film's name ends in one of .gif, .webp, .png"):
        save_film([network_diagram((2, 1))], tmp_path / "film.svg")
    with pytest.raises(DataError, match="there is no picture to make a film of"):
        save_film([], tmp_path / "film.gif")
    with pytest.raises(DataError, match="they must be one"):
        save_film([panels(1)[0], panels(2)[0]], tmp_path / "film.gif")
    with pytest.raises(SpecificationError, match="seconds is 0"):
        save_film([network_diagram((2, 1))], tmp_path / "film.gif", seconds=0)
    assert list(tmp_path.iterdir()) == []


def test_the_film_of_a_training_starts_before_it_and_ends_after_it():
    data = load_dataset("spirals")
    engine = open_engine("scratch", Network((2, 8, 3)), initialization="he")
    recipe = Recipe(epochs=5, batch_size=64, optimizer="adam", learning_rate=0.05)
    frames = list(film_frames("regions", engine, data, recipe, frames=2))
    assert [frame.figure.get_supxlabel() for frame in frames] == ["epoch 0", "epoch 3", "epoch 5"]
    first, last = (frame.images[0].get_array() for frame in (frames[0], frames[-1]))
    assert not np.array_equal(first, last)


def test_there_is_no_film_of_what_has_no_picture():
    data = load_dataset("digits")
    engine = open_engine("scratch", Network((64, 10)))
    with pytest.raises(SpecificationError, match="no film 'regions' of this: it needs two features, and digits has 64"):
        next(film_frames("regions", engine, data, Recipe()))
    with pytest.raises(SpecificationError, match="frames is 0"):
        next(film_frames("weights", engine, data, Recipe(), frames=0))


class Notebook:
    """Stands in for IPython: keeps what it is given to show."""

    def __init__(self):
        self.shown = []

    def display(self, picture, **options):
        assert options == {"raw": True, "display_id": True}
        self.shown.append(picture)
        return self

    def update(self, picture, *, raw):
        self.shown.append(picture)


def test_live_curves_redraw_one_picture_and_pass_every_epoch_on():
    notebook = Notebook()
    engine = open_engine("scratch", Network((4, 3)))
    records = train(engine, load_dataset("toy-animals"), Recipe(epochs=3))
    passed = list(live_curves(records, display=notebook.display))
    assert [epoch.epoch for epoch in passed] == [1, 2, 3]
    assert len(notebook.shown) == 3
    assert notebook.shown[-1]["image/svg+xml"].count("accuracy") >= 1
    assert notebook.shown[-1]["text/plain"] == str(passed[-1])
    assert notebook.shown[0]["image/svg+xml"] != notebook.shown[2]["image/svg+xml"]


def test_outside_of_a_notebook_epochs_come_through_alone():
    engine = open_engine("scratch", Network((2, 1), loss="squared"))
    assert len(list(live_curves(train(engine, load_dataset("synthetic"), Recipe(epochs=2))))) == 2
    assert svg(panels(1)[0])
