"""The session: what the page asks, and what it is told."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from twofold import load_model
from twofold.cli import main
from twofold.functions import LOSSES
from twofold.lab import Session, Setup
from twofold.lab.faults import FAULTS
from twofold.lab.views import VIEWS

ALL = [*VIEWS, "followed"]


@pytest.fixture
def session():
    return Session()


def ask(session, do, **more):
    answer = json.loads(session.answer(json.dumps({"id": 7, "do": do, **more})))
    assert answer.pop("id") == 7
    return answer


def asked(session, do, **more):
    answer = ask(session, do, **more)
    assert "error" not in answer, answer
    return answer


def numbers(packed) -> np.ndarray:
    dtype = {"f4": "<f4", "u1": "u1"}[packed["type"]]
    return np.frombuffer(base64.b64decode(packed["data"]), dtype).reshape(packed["shape"])


NAMES = ["line", "wave", "plane", "houses", "blobs", "circles", "spirals", "xor", "discs", "toy-animals", "digits"]


def test_the_page_offers_these_data_sets(session):
    assert [entry["name"] for entry in asked(session, "choices")["data"]] == NAMES


def test_the_sample_that_is_followed_is_shown_in_every_layer(session):
    setup = Setup(data="toy-animals", hidden=(3,), batch_size=5).to_plain()
    asked(session, "setup", setup=setup)
    found = asked(session, "view", views=["followed"], part="test", sample=2)["frame"]["followed"]
    x, h, p = map(numbers, found["layers"])
    steps = asked(session, "explain", part="test", sample=2)["explanation"]["steps"]
    values = {array["name"]: np.ravel(array["values"]) for step in steps for array in step["arrays"]}
    for name, shown in [("x", x), ("h1", h), ("y_hat", p)]:
        assert shown == pytest.approx(values[name], rel=1e-6)
    assert "no test sample 999" in ask(session, "view", views=["followed"], part="test", sample=999)["error"]


def test_a_sample_is_explained_in_chinese(session):
    told = {}
    for language in ("en", "zh"):
        steps = asked(session, "explain", sample=3, language=language)["explanation"]["steps"]
        told[language] = [(step["title"], step["note"], step["table"] and step["table"]["columns"]) for step in steps]
    assert len(told["zh"]) == len(told["en"])
    for english, chinese in zip(told["en"], told["zh"], strict=True):
        assert re.search("[\u4e00-\u9fff]", chinese[0]), chinese
        assert bool(english[1]) == bool(chinese[1])
        assert not english[1] or english[1] != chinese[1]
    assert ("样本", "") in [(title, note) for title, note, _ in told["zh"]]
    assert "unknown language 'fr'" in ask(session, "explain", sample=3, language="fr")["error"]


@pytest.mark.parametrize("name", NAMES)
def test_every_data_set_trains_with_every_picture(session, name):
    setup = Setup(data=name, hidden=(4,), n=100, batch_size=50).to_plain()
    first = asked(session, "setup", setup=setup, views=ALL)
    assert first["setup"] == json.loads(json.dumps(setup))
    frame = asked(session, "advance", epochs=20, views=ALL, known=1)["frame"]
    assert frame["step"] == 20 * frame["stepsPerEpoch"]
    assert [record["epoch"] for record in frame["records"]] == list(range(1, 21))
    assert frame["records"][-1]["loss"] < first["frame"]["records"][0]["loss"]


def test_regions_and_units_are_what_the_engine_computes(session):
    asked(session, "advance", epochs=5)
    plane = asked(session, "view", views=["plane"])["frame"]["plane"]
    (x0, x1), (y0, y1) = plane["domain"]
    grid = np.stack(np.meshgrid(np.linspace(x0, x1, 40), np.linspace(y0, y1, 40)), axis=-1).reshape(-1, 2)
    O = session._run.engine.outputs(grid)
    np.testing.assert_allclose(numbers(plane["outputs"]).T, LOSSES["cross_entropy"].link.apply(O), atol=1e-6)
    assert [numbers(layer["values"]).shape for layer in plane["units"]] == [(4, 1600), (2, 1600)]


def test_the_surface_is_the_loss_and_its_bottom_the_exact_solution(session):
    asked(session, "setup", setup=Setup(data="line", hidden=()).to_plain())
    surface = asked(session, "advance", epochs=60, views=["surface"])["frame"]["surface"]
    data, engine = session._run.data, session._run.engine
    ((layer),) = engine.parameters()
    theta = np.array([layer.W[0, 0], layer.b[0]])
    away = theta - surface["exact"]
    loss = surface["least"] + away @ np.array(surface["curvature"]) @ away / 2
    assert loss == pytest.approx(LOSSES["squared"].value(engine.outputs(data.train.X), data.train.y), rel=1e-12)
    assert surface["distance"] < 0.02
    assert numbers(surface["path"]).shape == (60 * 40 + 1, 2) or len(numbers(surface["path"])) > 2000


def test_an_explanation_has_formulas_numbers_and_differences(session):
    found = asked(session, "explain", sample=3, entry="W1[0,2]")["explanation"]
    entry = found["entry"]
    by_hand, differences = (entry["related"][f"{name}"] for name in ("gradient by hand", "from central differences"))
    assert by_hand == pytest.approx(differences, abs=1e-9)
    assert {step["part"] for step in found["steps"]} >= {"given", "forward", "loss", "backward", "update", "check"}
    assert all(step["latex"] for step in found["steps"] if step["part"] == "forward")


def test_a_relu_network_is_explained_by_the_affine_map_in_force(session):
    asked(session, "setup", setup=Setup(activation=("relu",)).to_plain())
    assert asked(session, "explain", sample=0)["explanation"]["steps"][-1]["part"] == "explanation"


WAYS = {
    "circles": {"data": "circles"},
    "houses": {"data": "houses", "hidden": [], "learning_rate": 0.03},
    "digits": {"data": "digits", "hidden": [8], "activation": ["relu"], "dropout": 0.2, "optimizer": "adam",
               "learning_rate": 0.003, "batch_size": 64},
    "counts of houses": {"data": "houses", "hidden": [], "loss": "poisson", "learning_rate": 1e-6},
    **{name: {**fault.example, "fault": name, "n": 100} for name, fault in FAULTS.items()},
}  # fmt: skip


@pytest.mark.parametrize("changes", WAYS.values(), ids=WAYS)
@pytest.mark.filterwarnings("ignore:overflow encountered")  # two of them diverge
def test_as_python_gives_the_same_numbers(session, changes, capsys):
    setup = Setup().to_plain() | changes
    asked(session, "setup", setup=setup)
    asked(session, "advance", epochs=2)
    python = asked(session, "python")
    assert python["exact"] or asked(session, "view")["frame"]["diverged"]
    names: dict = {}
    try:
        exec(python["python"], names)  # noqa: S102 - what the page shows
    except ArithmeticError:
        assert asked(session, "view")["frame"]["diverged"]
        return
    there, here = names["engine"].parameters(), session._run.engine.parameters()
    for one, other in zip(there, here, strict=True):
        np.testing.assert_array_equal(one.W, other.W)
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("name", ["houses", "circles", "blobs", "line"])
def test_the_model_file_is_scored_to_the_same_digits(session, tmp_path, capsys, name):
    asked(session, "setup", setup=Setup(data=name, learning_rate=0.05).to_plain())
    frame = asked(session, "advance", epochs=5)["frame"]
    model = asked(session, "model")
    (tmp_path / "model.safetensors").write_bytes(base64.b64decode(model["model"]))
    (tmp_path / "rows.csv").write_text(model["rows"], encoding="utf-8")
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "model.safetensors"), str(tmp_path / "rows.csv"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    record = frame["records"][-1]
    if record["test_accuracy"] is None:
        scale = session._run.data.scaling
        factor = 1.0 if scale is None else scale.target_scale[0]
        assert scores["RMSE"]["value"] == pytest.approx(factor * np.sqrt(2 * record["test_loss"]), rel=1e-12)
    else:
        assert scores["accuracy"]["value"] == record["test_accuracy"]
        assert scores["log loss"]["value"] == pytest.approx(record["test_loss"], rel=1e-12)


def test_the_digits_model_is_scored_on_the_catalogues_test_set(session, tmp_path, capsys):
    asked(session, "setup", setup=Setup(data="digits", hidden=(16,), batch_size=64).to_plain())
    record = asked(session, "advance", epochs=3)["frame"]["records"][-1]
    path = tmp_path / "model.safetensors"
    path.write_bytes(base64.b64decode(asked(session, "model")["model"]))
    assert load_model(path).data_name == "digits"
    assert main(["evaluate", str(path), "--data", "digits", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert scores["accuracy"]["value"] == record["test_accuracy"]
    assert scores["log loss"]["value"] == pytest.approx(record["test_loss"], rel=1e-12)


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_does_worse_than_the_same_without_it(session, name):
    def trained(fault):
        asked(session, "setup", setup=Setup().to_plain() | FAULTS[name].example | {"fault": fault})
        asked(session, "advance", epochs=30, ms=1000)
        frame = asked(session, "advance", epochs=30, views=["activity", "collapsed", "predictions"])["frame"]
        return frame, frame["records"][-1]

    (bad, worse), (_, better) = trained(name), trained("")
    if name == "squared-loss":  # its loss is another
        assert worse["test_accuracy"] < better["test_accuracy"]
    else:
        assert bad["diverged"] or worse["test_loss"] is None or worse["test_loss"] > 1.5 * better["test_loss"]
    if name == "dead-relu":
        assert all(not numbers(on).any() for on in bad["activity"]["on"][:1])
    if name == "no-activation":
        assert np.shape(bad["collapsed"]["W"]) == (2, 2)


HOSTILE = [
    ({"data": "no-such"}, "unknown data set 'no-such'"),
    ({"data": "../../etc/passwd"}, "unknown data set"),
    ({"data": "fashion-mnist"}, "unknown data set"),
    ({"data": "csv"}, "put the CSV file on the page again"),
    ({"n": 10**9}, "n is 1000000000; it must be a whole number from 10 to 20000"),
    ({"n": "many"}, "n is 'many'; expected int"),
    ({"hidden": [10**6]}, "at most 6 layers of 1 to 1024 units each"),
    ({"hidden": [4] * 50}, "at most 6 layers"),
    ({"activation": ["relo"]}, "did you mean 'relu'"),
    ({"learning_rate": -1}, "learning_rate is -1"),
    ({"engine": "os.system"}, "unknown engine"),
    ({"loss": "squared"}, "loss 'squared' is one for numbers"),
    ({"fault": "__class__"}, "unknown fault"),
    ({"fault": "mean-twice", "optimizer": "adam"}, "adam divides the gradient's size out again"),
    ({"epochs": 10**12}, "epochs is 1000000000000"),
    ({"evil": 1}, "a field 'evil', which is not known here"),
    ({"normalization": "batch", "batch_size": 1}, "batch normalisation needs 2 samples"),
]


@pytest.mark.parametrize(("changes", "message"), HOSTILE, ids=[str(changes)[:40] for changes, _ in HOSTILE])
def test_a_setup_that_cannot_be_is_refused_in_one_line_and_changes_nothing(session, changes, message):
    asked(session, "advance", steps=3)
    answer = ask(session, "setup", setup=Setup().to_plain() | changes)
    assert message in answer["error"]
    assert "\n" not in answer["error"]
    assert asked(session, "view")["frame"]["step"] == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the message is not JSON"),
        ("[]", "no JSON object"),
        ('{"id": 1}', "unknown action"),
        ('{"do": "advance", "steps": -1}', "steps must be a whole number"),
        ('{"do": "advance", "steps": 1e9}', "steps must be a whole number"),
        ('{"do": "view", "views": ["__init__"]}', "unknown view"),
        ('{"do": "explain", "part": "secret"}', "no secret sample"),
        ('{"do": "explain", "entry": "W9[0]"}', "unknown array"),
        ('{"do": "goto", "step": 99999999}', "the run has steps from 0 to"),
        ('{"do": "table", "name": "a.csv", "content": "?"}', "not in base 64"),
        ("[" * 100_000, "the message is not JSON"),
    ],
)
def test_a_message_that_cannot_be_is_refused_in_one_line(session, text, message):
    error = json.loads(session.answer(text))["error"]
    assert message in error
    assert "\n" not in error


def test_twenty_thousand_rows_answer_within_the_time_that_is_asked_for(session):
    asked(session, "setup", setup=Setup(data="spirals", n=20_000).to_plain(), views=["plane"])
    frame = asked(session, "advance", epochs=1, ms=20, views=["plane"])["frame"]
    assert 0 < frame["step"] < frame["stepsPerEpoch"]


def test_a_native_session_has_every_engine_and_data_set():
    choices = asked(Session(native=True), "choices")
    assert "fused" in choices["engines"]
    assert "fashion-mnist" in [entry["name"] for entry in choices["data"]]


def test_a_mistake_of_ours_is_told_and_the_session_goes_on(session, monkeypatch, capsys):
    monkeypatch.setitem(VIEWS, "plane", lambda _run: {}["none"])
    assert ask(session, "view", views=["plane"])["error"].startswith("a mistake in the lab itself: KeyError")
    assert "Traceback" in capsys.readouterr().err
    assert "frame" in asked(session, "view")


def test_a_table_of_amounts_is_trained_by_a_loss_of_logarithms_and_python_says_so(session, tmp_path, monkeypatch):
    content = "a,b\n" + "\n".join(f"{i},{i % 7 + 0.5}" for i in range(60))
    asked(session, "table", name="a.csv", content=base64.b64encode(content.encode()).decode())
    setup = Setup(data="csv", target="b", hidden=(), loss="gamma", learning_rate=0.01)
    asked(session, "setup", setup=setup.to_plain())
    asked(session, "advance", epochs=2)
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(asked(session, "python")["python"], names)  # noqa: S102 - what the page shows
    for one, other in zip(names["engine"].parameters(), session._run.engine.parameters(), strict=True):
        np.testing.assert_array_equal(one.W, other.W)


def test_test_rows_of_enlarged_features_are_scored_as_the_page_scores_them(session, tmp_path, capsys):
    small = {"learning_rate": 1e-9, "initialization": "normal", "sigma": 1e-4}  # nothing overflows
    example = FAULTS["naive-softmax"].example | small | {"fault": "naive-softmax"}
    asked(session, "setup", setup=Setup().to_plain() | example)
    record, model = asked(session, "advance", epochs=1)["frame"]["records"][-1], asked(session, "model")
    (tmp_path / "m.safetensors").write_bytes(base64.b64decode(model["model"]))
    (tmp_path / "rows.csv").write_text(model["rows"], encoding="utf-8")
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "m.safetensors"), str(tmp_path / "rows.csv"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert scores["log loss"]["value"] == pytest.approx(record["test_loss"], rel=1e-12)


def test_regression_is_scored_in_its_own_units_as_evaluate_scores_it(session, tmp_path, capsys):
    asked(session, "setup", setup=Setup(data="houses", hidden=(), learning_rate=0.03).to_plain())
    rmse = asked(session, "advance", epochs=3, views=["predictions"])["frame"]["predictions"]["rmse"]
    model = asked(session, "model")
    (tmp_path / "m.safetensors").write_bytes(base64.b64decode(model["model"]))
    (tmp_path / "rows.csv").write_text(model["rows"], encoding="utf-8")
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "m.safetensors"), str(tmp_path / "rows.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"]["RMSE"]["value"] == pytest.approx(rmse, rel=1e-12)
