"""``twofold fit``: a formula and a table on the command line."""

import json

import numpy as np
import pytest

pytest.importorskip("formulaic")
pytest.importorskip("pandas")

from twofold.cli import main


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    rows = ["y,x,group,n,bought,[bold]"]
    for i in range(60):
        x, group = rng.normal(), "abc"[i % 3]
        y, n = 1 + x + (group == "b") + rng.normal() / 2, rng.poisson(np.exp(0.3 * x))
        rows.append(f"{y:.3f},{x:.3f},{group},{n},{'yes' if rng.uniform() < 1 / (1 + np.exp(-x)) else 'no'},{i % 7}")
    path = tmp_path / "shop.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def run(capsys, *words):
    code = main(["fit", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_linear_model_is_told_within_80_columns(table, capsys):
    code, out, err = run(capsys, table, "--formula", "y ~ x * group", "--anova", "II", "--tests", "--errors", "HC3")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "Linear model: y ~ x * group" in out
    assert "errors HC3" in out
    assert "Analysis of variance, type II: y ~ x * group" in out
    assert "Durbin-Watson" in out
    assert "correct digits of the coefficients: at least 15" in out or "at least 16" in out


def test_what_is_printed_is_saved_and_printed_as_json(table, capsys, tmp_path):
    saved = tmp_path / "fit.json"
    code, out, _ = run(capsys, table, "-f", "n ~ x + group", "--family", "poisson", "--save", saved, "--json")
    assert code == 0
    printed = json.loads(out)
    assert printed == json.loads(saved.read_text())
    assert [row["name"] for row in printed["summary"]["rows"]] == ["intercept", "x", "group[T.b]", "group[T.c]"]
    assert printed["family"] == "poisson"


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (["-f", "bought ~ x", "--family", "binomial"], "Binomial model with logit link: bought ~ x"),
        (["-f", "group ~ x", "--family", "multinomial"], "Multinomial model: group ~ x"),
        (["-f", "y ~ x", "--quantile", "0.9"], "Quantile regression at 0.9: y ~ x"),
        (["-f", "y ~ x", "--errors", "cluster", "--groups", "[bold]"], "errors clustered (7 groups)"),
        (["-f", "y ~ x + `[bold]`", "--errors", "HAC", "--lags", "2"], "errors HAC (2 lags)"),
    ],
)
def test_other_models_and_errors(table, capsys, words, title):
    code, out, err = run(capsys, table, *words)
    assert (code, err) == (0, "")
    assert title in out


def test_the_diagnostic_plots_are_drawn(table, capsys, tmp_path):
    picture = tmp_path / "fit.svg"
    code, out, _ = run(capsys, table, "-f", "y ~ x", "--plot", picture)
    assert code == 0
    assert f"diagnostic plots: {picture}" in out
    assert picture.read_text().count("Leverage") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-f", "y ~ xx"], "formula 'y ~ xx': the table has no column 'xx'; did you mean 'x'?"),
        (["-f", "y ~ x", "--family", "poison"], "unknown family 'poison'; did you mean 'poisson'?"),
        (["-f", "y ~ x", "--quantile", "2"], "quantile is 2.0; it must lie between 0 and 1, such as 0.5"),
        (["-f", "y ~ x", "--quantile", "0.5", "--tests"], "quantile regression has no --errors, --anova and --tests"),
        (["-f", "y ~ x", "--quantile", "0.5", "--plot", "a.svg"], "quantile regression has no diagnostic plots"),
        (["-f", "n ~ x", "--family", "poisson", "--tests"], "--tests are of the residuals of a linear model"),
        (["-f", "y ~ x", "--offset", "n"], "--offset belongs to a generalised linear model; name its --family"),
        (["-f", "y ~ x", "--groups", "grup"], "--groups: there is no column 'grup'; did you mean 'group'?"),
        (["-f", "y ~ x", "--groups", "group"], "groups belong to errors='cluster'; it is 'classical'"),
        (["-f", "y ~ x", "--plot", "a.nothing"], "a.nothing"),
        (["-f", "y ~ x", "--anova", "4"], "unknown kind of sums of squares '4'"),
    ],
)
def test_mistakes_end_in_one_line(table, capsys, words, message):
    code, _, err = run(capsys, table, *words)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_table_that_isn_t_there(capsys):
    code, _, err = run(capsys, "nowhere.csv", "-f", "y ~ x")
    assert (code, err) == (2, "twofold: nowhere.csv: no such file; check the path\n")
