"""``twofold train`` on tables with text, gaps and dates."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from twofold import load_model
from twofold.cli import main
from twofold.tables.problem import encoder_from_dict

RNG = np.random.default_rng(0)
N = 300
KIND = RNG.choice(["loft", "house", "hut"], N)
AREA = RNG.uniform(20, 200, N).round(1)
PRICE = (AREA * 1000 + 50_000 * (KIND == "house")).round()


@pytest.fixture
def houses(tmp_path):
    """300 houses: a number with gaps, a category, an identifier, a constant; price and kind can be predicted."""
    path = tmp_path / "houses.csv"
    with path.open("w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["house_id", "area", "kind", "country", "price"])
        for k in range(N):
            area = "" if k % 50 == 7 else AREA[k]
            write.writerow([1000 + 7 * k, area, KIND[k], "Italy", "" if k in (3, 4) else PRICE[k]])
    return path


def run(capsys, *words: str) -> tuple[str, str]:
    assert main(words) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def run_json(capsys, *words: str) -> dict:
    out, _ = run(capsys, *words, "--json")
    return json.loads(out)


def test_one_command_finds_the_kinds_of_columns_trains_and_scores(capsys, houses):
    out, _ = run(capsys, "train", "mlp", str(houses), "--target", "price", "--epochs", "3")
    text = " ".join(out.replace("│", " ").split())
    assert "an identifier: every row has another" in text
    assert "constant: every row has 'Italy'" in text
    assert "regression of price (" in text
    assert "2 rows have no price and are left out" in text
    assert "238 training rows, 60 test rows; 29 features" in text
    assert "mlp 29-128-128-128-1 on houses.csv, 238 samples; squared, adamw" in text
    assert "R2" in text


def test_the_model_is_good_in_the_targets_own_units(capsys, houses):
    test = run_json(capsys, "train", "mlp", str(houses), "--target", "price", "--members", "2")["test"]
    assert test["R2"]["value"] > 0.9
    assert test["R2"]["low"] < test["R2"]["value"] < test["R2"]["high"]
    assert 1000 < test["MAE"]["value"] < 20_000


def test_classes_are_seen_from_text_and_both_models_learn_them(capsys, houses):
    for model in ("softmax", "mlp"):
        result = run_json(capsys, "train", model, str(houses), "--target", "kind", "--epochs", "30")
        assert set(result["test"]) == {"accuracy", "log loss"}
        assert result["test"]["accuracy"]["how"] == "Wilson"


def test_all_that_was_learned_is_in_the_file(capsys, houses, tmp_path):
    path = tmp_path / "model.safetensors"
    run(capsys, "train", "mlp", str(houses), "--target", "price", "--epochs", "2", "--save", str(path))
    model = load_model(path)
    plan, target = encoder_from_dict(model.encoder)
    assert plan.columns == ("area", "kind")
    assert set(plan.left_out) == {"house_id", "country"}
    assert (target.name, target.task) == ("price", "regression")
    assert model.features == plan.features
    assert model.scaling.target_mean[0] == pytest.approx(np.delete(PRICE, [3, 4]).mean(), rel=0.1)


def test_the_split_is_that_of_the_seed_and_of_each_class_alike(capsys, houses):
    words = ("train", "softmax", str(houses), "--target", "kind", "--epochs", "1")
    first, again, other = (run_json(capsys, *words, "--seed", seed) for seed in ("1", "1", "2"))
    assert first["test"] == again["test"] != other["test"]
    out, _ = run(capsys, *words, "--test-fraction", "0.5", "--validation-fraction", "0.1")
    assert "135 training rows, 15 validation rows, 150 test rows" in out


def test_rows_held_out_choose_the_epoch(capsys, houses):
    words = ("--validation-fraction", "0.2", "--patience", "2", "--epochs", "500", "--learning-rate", "0.05")
    result = run_json(capsys, "train", "mlp", str(houses), "--target", "price", *words)
    assert result["epochs"][0]["test_loss"] is None
    losses = [epoch["validation_loss"] for epoch in result["epochs"]]
    assert len(losses) < 500
    assert int(np.argmin(losses)) == len(losses) - 3
    out, _ = run(capsys, "train", "mlp", str(houses), "--target", "price", *words)
    assert f"the weights are those of epoch {len(losses) - 2}, the best on the validation rows" in out


def test_options_that_are_given_stand_over_the_defaults_for_tables(capsys, houses):
    words = ("--hidden", "8", "--activation", "relu", "--optimizer", "sgd", "--learning-rate", "0.01", "--epochs", "1")
    out, _ = run(capsys, "train", "mlp", str(houses), "--target", "price", *words, "--drop", "kind")
    assert "mlp 26-8-1 on houses.csv, 238 samples; squared, sgd, 1 epoch, batch size 128, learning rate 0.01" in out
    assert "silu" not in out


def test_the_line_before_the_first_epoch_names_what_is_not_as_usual(capsys, houses):
    words = ("--hidden", "8,8", "--activation", "relu,tanh", "--normalization", "batch", "--ema-decay", "0.9")
    words = (*words, "--label-smoothing", "0.1", "--epochs", "1", "--schedule", "constant")
    out, _ = run(capsys, "train", "mlp", str(houses), "--target", "kind", *words)
    assert "label smoothing 0.1, EMA decay 0.9, normalization batch, relu, tanh\n" in out


def test_a_column_that_is_not_there_is_named_with_the_nearest(capsys, houses):
    assert main(["train", "mlp", str(houses), "--target", "prize"]) == 2
    message = "there is no column 'prize'; the columns are house_id, area, kind, country, price; did you mean 'price'?"
    assert capsys.readouterr().err == f"twofold: {houses}: {message}\n"


def test_hidden_layers_without_units_are_refused_as_they_were_written(capsys, houses):
    assert main(["train", "mlp", str(houses), "--target", "price", "--hidden", "8,0"]) == 2
    assert capsys.readouterr().err == "twofold: --hidden is '8,0'; expected whole numbers such as 256 or 256,128\n"


def test_columns_are_kept_dropped_and_told_their_kinds(capsys, houses):
    out, _ = run(
        capsys, "train", "mlp", str(houses), "--target", "price", "--features", "house_id,kind",
        "--kinds", "house_id=number", "--epochs", "1",
    )  # fmt: skip
    assert "28 features" in out


def test_linear_encodes_text_and_gaps_and_keeps_the_exact_solution(capsys, houses, tmp_path):
    path = tmp_path / "model.safetensors"
    result = run_json(capsys, "train", "linear", str(houses), "--target", "price", "--save", str(path))
    value = {item["name"]: item["value"] for item in result["summary"]["coefficients"]}
    assert list(value) == ["intercept", "area", "area missing", *(name for name in value if name.startswith("kind="))]
    assert len(value) == 5  # three kinds, of which the most frequent is the baseline
    assert value["area"] == pytest.approx(1000, rel=1e-3)
    model = load_model(path)
    assert model.parameters[0].W[0, 0] == value["area"]
    assert "test" not in result
    assert np.isfinite(result["sgd"]["loss"])


def test_linear_with_another_loss_is_what_sgd_found_and_not_the_least_squares(capsys, houses, tmp_path):
    path = str(tmp_path / "model.safetensors")
    words = ("--loss", "absolute", "--test-fraction", "0.2", "--epochs", "20", "--save", path)
    result = run_json(capsys, "train", "linear", str(houses), "--target", "price", *words)
    assert "exact" not in result
    assert "summary" not in result
    assert result["epochs"][-1]["test_loss"] == pytest.approx(result["test"]["MAE"]["value"], rel=1e-6)
    scores = run_json(capsys, "evaluate", path, str(houses))["scores"]
    assert 0 < scores["R2"]["value"] < 1


def test_linear_is_scored_on_test_rows_if_asked(capsys, houses):
    result = run_json(capsys, "train", "linear", str(houses), "--target", "price", "--test-fraction", "0.3")
    assert result["test"]["R2"]["value"] > 0.9


def test_weights_of_rows_count(capsys, tmp_path):
    path = tmp_path / "t.csv"
    lines = [f"{'a' if k % 2 else 'b'},{k % 3 == 0},{1 if k % 3 else 0}" for k in range(60)]
    path.write_text("x,y,w\n" + "\n".join(lines) + "\n")
    result = run_json(capsys, "train", "softmax", str(path), "--target", "y", "--weight", "w", "--test-fraction", "0")
    assert result["epochs"][-1]["train_accuracy"] == 1.0  # rows of the other class weigh nothing


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("mlp FILE", "which column of FILE is to be predicted? name it with --target"),
        ("mlp FILE --target prise", "FILE: there is no column 'prise'; the columns are house_id, area, kind, country, price"),
        ("mlp FILE --target price --drop size", "FILE: there is no column 'size'; the columns are"),
        ("mlp FILE --target price --drop house_id,area,kind,country", "FILE: no column is left to predict 'price' from"),
        ("mlp FILE --target price --features price,area", "column 'price' can't be a feature too; take it out"),
        ("mlp FILE --target country", "column 'country' has one class only, 'Italy'; there is nothing to predict"),
        ("linear FILE --target kind", "column 'kind' holds 'hut' (300 cells such), where numbers are to be predicted"),
        ("linear FILE --target price --task classification", "linear is for regression; leave out --task classification"),
        ("softmax FILE --target price", "houses.csv has numbers to predict, which softmax can't; train linear or mlp"),
        ("mlp FILE --target price --task regresion", "unknown task 'regresion'; did you mean 'regression'?"),
        ("mlp FILE --target price --task classification", "column 'price' has 276 classes in 298 rows; is it the right"),
        ("mlp FILE --target price --test-fraction 1", "--test-fraction is 1.0; it must be at least 0 and less than 1"),
        ("mlp FILE --target price --test-fraction 0.999", "houses.csv has 0 rows left to train on; hold out fewer"),
        ("softmax FILE --target kind --patience 3", "--patience needs rows to choose the epoch by"),
        ("mlp FILE --target price --kinds area", "--kinds is 'area'; expected column=kind, such as zip=category"),
        ("mlp FILE --target price --kinds area=town", "unknown kind of column 'town'"),
        ("mlp --data digits --target price", "--target is about a table; name its file"),
        ("mlp FILE --data digits --target price", "give --data digits or the file FILE, not both"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_code_2(capsys, houses, words, message):
    assert main(["train", *(str(houses) if word == "FILE" else word for word in words.split())]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"twofold: {message.replace('FILE', str(houses))}")


def test_a_training_that_chooses_its_epoch_goes_on_from_a_checkpoint(capsys, houses, tmp_path):
    words = ("train", "mlp", str(houses), "--target", "price", "--schedule", "constant", "--members", "1")
    whole = run_json(capsys, *words, "--epochs", "6")
    run_json(capsys, *words, "--epochs", "3", "--checkpoint", str(tmp_path / "run"))
    rest = run_json(capsys, *words, "--epochs", "6", "--resume", str(tmp_path / "run"))
    assert rest["test"] == whole["test"]
    losses = [[epoch["validation_loss"] for epoch in result["epochs"]] for result in (whole, rest)]
    assert losses[0] == losses[1]


def test_of_thousands_of_columns_the_first_are_shown_and_the_others_counted(tmp_path, capsys):
    path = tmp_path / "wide.csv"
    names = [f"c{k}" for k in range(150)]
    rows = [",".join([*(str(k * j % 7) for j in range(149)), "1", str(k % 2)]) for k in range(40)]
    path.write_text("\n".join([",".join([*names, "y"]), *rows]))
    assert main(["train", "softmax", str(path), "--target", "y", "--epochs", "1"]) == 0
    out = capsys.readouterr().out
    shown, _, rest = out.partition("and 50 columns more, of which")
    assert rest
    assert shown.count("\n│") == 100


@pytest.fixture
def counts(tmp_path):
    """600 rows: a number, a letter, and a count whose mean is the exponential of what they add up to."""
    rng = np.random.default_rng(0)
    x, letter = rng.normal(size=600), rng.choice(["a", "b"], 600)
    y = rng.poisson(np.exp(0.5 + 0.8 * x + (letter == "a")))
    path = tmp_path / "counts.csv"
    path.write_text("x,letter,y\n" + "".join(f"{a:.4f},{b},{c}\n" for a, b, c in zip(x, letter, y, strict=True)))
    return path


def test_counts_are_predicted_by_their_means(capsys, counts, tmp_path):
    words = ["--target", "y", "--loss", "poisson", "--members", "2", "--save", str(tmp_path / "m.safetensors")]
    told = run_json(capsys, "train", "mlp", str(counts), *words)
    assert told["test"]["R2"]["value"] > 0.6
    run(capsys, "predict", str(tmp_path / "m.safetensors"), str(counts), "--output", str(tmp_path / "p.csv"))
    given = np.genfromtxt(counts, delimiter=",", skip_header=1, usecols=2)
    predicted = np.genfromtxt(tmp_path / "p.csv", skip_header=1)
    assert (predicted > 0).all()
    assert predicted.mean() == pytest.approx(given.mean(), rel=0.1)


def test_a_count_below_0_is_refused_with_its_row(capsys, counts):
    lines = counts.read_text().splitlines()
    lines[8] = "0.5,a,-3"
    counts.write_text("\n".join(lines))
    assert main(["train", "mlp", str(counts), "--target", "y", "--loss", "poisson"]) == 2
    expected = "column 'y' is -3 in row 7 (counted from 0); this loss is for numbers from 0"
    assert expected in capsys.readouterr().err


def test_validation_rows_are_in_the_numbers_that_are_trained_on(capsys, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(5000, 1000, 300)
    path = tmp_path / "far.csv"
    path.write_text(
        "x,y\n" + "".join(f"{a:.1f},{3 * a + b:.1f}\n" for a, b in zip(x, rng.normal(size=300), strict=True))
    )
    words = ["--target", "y", "--test-fraction", "0.2", "--validation-fraction", "0.2", "--epochs", "20"]
    epoch = run_json(capsys, "train", "linear", str(path), *words)["epochs"][-1]
    assert epoch["validation_loss"] < 10 * epoch["loss"]


def test_intervals_of_predictions_are_two_columns_more(capsys, houses, tmp_path):
    path, output = str(tmp_path / "m.safetensors"), tmp_path / "p.csv"
    run(capsys, "train", "mlp", str(houses), "--target", "price", "--members", "2", "--epochs", "20", "--save", path)
    run(capsys, "predict", path, str(houses), "--interval", "0.8", "--output", str(output))
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert list(rows[0]) == ["price", "price low", "price high"]
    ends = np.array([[float(row["price low"]), float(row["price high"])] for row in rows])
    assert (ends[:, 0] < ends[:, 1]).all()
    known = np.delete(np.arange(N), [3, 4])
    assert 0.7 <= ((ends[known, 0] <= PRICE[known]) & (PRICE[known] <= ends[known, 1])).mean() <= 1


def test_a_model_of_classes_has_no_intervals(capsys, houses, tmp_path):
    path = str(tmp_path / "m.safetensors")
    words = ("--target", "kind", "--members", "2", "--epochs", "2", "--save", path)
    run(capsys, "train", "mlp", str(houses), *words)
    assert main(["predict", path, str(houses), "--interval", "0.8"]) == 2
    assert "so no intervals; classes have probabilities" in capsys.readouterr().err


def test_the_saved_model_was_trained_on_the_test_rows_too_once_they_were_scored(capsys, houses, tmp_path):
    words = ("train", "mlp", str(houses), "--target", "price", "--members", "2", "--epochs", "3")
    path = tmp_path / "m.safetensors"
    out, _ = run(capsys, *words, "--save", str(path))
    assert "trained again on all 298 rows, in the same way; that model is saved (--no-refit: the one scored)" in out
    assert len(load_model(path).arrays["left_out_errors"]) == 298
    out, _ = run(capsys, *words, "--save", str(path), "--no-refit")
    assert "trained again" not in out
    assert len(load_model(path).arrays["left_out_errors"]) == 238


def test_scores_stand_beside_those_of_simpler_models(capsys, houses):
    words = ("--target", "price", "--members", "2", "--epochs", "30")
    told = run_json(capsys, "train", "mlp", str(houses), *words)
    assert set(told["baselines"]) == {"always the same", "linear model"}
    assert told["baselines"]["always the same"]["R2"]["value"] < 0.01
    assert told["baselines"]["linear model"]["R2"]["value"] > 0.5


@pytest.fixture
def rare(tmp_path):
    """400 rows of which 5 % are positive, told by x but for some noise."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=400), np.arange(400) % 20 == 0
    path = tmp_path / "rare.csv"
    path.write_text("x,z,y\n" + "".join(f"{a + 3 * b:.3f},{c:.3f},{b}\n" for a, b, c in zip(x, y, x**2, strict=True)))
    return path


def test_a_rare_class_is_told_and_ranking_scored(capsys, rare):
    words = ("train", "mlp", str(rare), "--target", "y", "--members", "2", "--epochs", "5")
    out, _ = run(capsys, *words)
    flat = " ".join(out.split())
    assert "4 of 80 rows are 'True': to say 'False' of every row is right in 95.00%, so accuracy tells little" in flat
    told = run_json(capsys, *words)
    assert told["baselines"]["always the same"]["ROC-AUC"]["value"] == 0.5
    assert told["test"]["ROC-AUC"]["value"] > 0.8
    assert np.sum(told["confusion"]) == 80


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--members 0", "--members is 0; it must be from 1 to 50"),
        ("--members 3 --validation-fraction 0.2", "each of several members is judged on the rows it does not see"),
        ("--members 3 --normalization layer", "networks with layer normalisation can't be merged into one"),
        ("--members 3 --checkpoint RUN", "houses.csv trains 3 networks (one: --members 1) and has no checkpoints"),
        ("--members 3 --time-budget 5", "--time-budget is for one network; take --members 1"),
    ],
)
def test_what_does_not_go_with_several_members_is_told(capsys, houses, tmp_path, words, message):
    words = words.replace("RUN", str(tmp_path / "run"))
    assert main(["train", "mlp", str(houses), "--target", "price", *words.split()]) == 2
    assert message in capsys.readouterr().err
