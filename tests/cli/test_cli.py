"""The command line as a stranger uses it: results, JSON, and mistakes in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from twofold import Recipe, write_idx
from twofold.cli import main
from twofold.cli.options import Hardware, JobOptions, about_constant, parameters, recipe_parameters
from twofold.cli.screen import Meter, Screen
from twofold.engines import ENGINES
from twofold.functions import ACTIVATIONS, INITIALIZATIONS, NORMALIZATIONS, OPTIMIZERS, SCHEDULES
from twofold.metrics import Score
from twofold.recipe import CONFIGS

torch_only = pytest.mark.torch


def run(capsys, *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *words: str) -> dict:
    code, out, err = run(capsys, *words, "--json")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    return json.loads(line)


@pytest.mark.parametrize("engine", ["scratch", pytest.param("concise", marks=torch_only)])
def test_train_prints_an_epoch_a_line_and_the_log_likelihood(capsys, engine):
    code, out, _ = run(capsys, "train", "softmax", "--data", "toy-animals", "--epochs", "3", "--engine", engine)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("softmax 4-3 on toy-animals, 120 samples; cross_entropy, sgd, 3 epochs, batch size 32")
    assert lines[0].endswith(f", engine {engine}")
    assert [line.split()[1] for line in lines[1:4]] == ["1/3", "2/3", "3/3"]
    assert lines[4].startswith("log-likelihood of the test set: -")


def test_train_json_is_the_last_line_and_nothing_else(capsys):
    result = run_json(capsys, "train", "mlp", "--data", "digits", "--epochs", "2", "--hidden", "32,16", "--seed", "3")
    assert (result["model"], result["engine"], result["dtype"], result["seed"]) == ("mlp", "scratch", "float32", 3)
    assert [record["epoch"] for record in result["epochs"]] == [1, 2]
    assert {"epoch", "loss", "train_accuracy", "test_accuracy", "seconds"} <= set(result["epochs"][0])


def test_train_takes_every_option_of_the_recipe(capsys):
    options = (
        "--optimizer adamw --learning-rate 0.01 --weight-decay 0.1 --clip-norm 1 --schedule step --decay-epochs 2 "
        "--decay-factor 0.5 --warmup-epochs 0.5 --dropout 0.2 --activation gelu --init he --dtype float64 --batch-size 64"
    )
    result = run_json(capsys, "train", "mlp", "--data", "digits", "--epochs", "3", *options.split())
    assert result["epochs"][-1]["learning_rate"] == 0.005
    assert result["epochs"][-1]["test_accuracy"] > 0.9


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--momentum 0.9",
            "momentum is 0.9; optimizer 'sgd' has no constants, and momentum is for momentum and nesterov",
        ),
        (
            "--optimizer adam --momentum 0.5",
            "momentum is 0.5; optimizer 'adam' has beta1, beta2 and epsilon, and momentum is for momentum and nesterov",
        ),
        (
            "--schedule step --decay-rate 2",
            "decay_rate is 2.0; schedule 'step' has warmup_epochs, decay_epochs and decay_factor, and decay_rate is for "
            "inverse_time",
        ),
    ],
)
@pytest.mark.parametrize("command", ["train", "find-rate"])
def test_a_number_that_nothing_would_read_is_refused(capsys, command, words, message):
    assert run(capsys, command, "softmax", "--data", "toy-animals", *words.split()) == (2, "", f"twofold: {message}\n")


def test_each_field_of_a_recipe_and_each_constant_is_an_option_with_the_range_s_help():
    names = [parameter.name for parameter in recipe_parameters()]
    constants = {key for rules in (OPTIMIZERS, SCHEDULES) for rule in rules.values() for key in rule.constants}
    assert sorted(names) == sorted({*Recipe.__dataclass_fields__, *constants})
    (about,) = (each.annotation.__metadata__[0] for each in recipe_parameters() if each.name == "beta2")
    assert (about.help, about.param_decls) == (about_constant(CONFIGS["optimizer"], "beta2") + ".", ())


def test_an_option_by_its_old_name_works_with_a_line_that_names_the_new_one(capsys):
    words = ["train", "softmax", "--data", "toy-animals", "--epochs", "1", "--averaging=0.5"]
    code, out, err = run(capsys, *words)
    assert (code, "EMA decay 0.5" in out) == (0, True)
    assert err == "twofold: --averaging is called --ema-decay now; the old name goes in version 0.3\n"


def test_train_takes_an_optimiser_s_constants_and_the_l1_penalty(capsys, tmp_path):
    from twofold import load_model

    file = tmp_path / "model.safetensors"
    words = "--optimizer rmsprop --beta2 0.95 --epsilon 1e-7 --l1 0.05 --epochs 3 --learning-rate 0.01"
    code, out, err = run(capsys, "train", "softmax", "--data", "toy-animals", *words.split(), "--save", str(file))
    assert (code, err) == (0, "")
    assert "rmsprop" in out.splitlines()[0]
    assert ", l1 0.05" in out.splitlines()[0]
    recipe = load_model(file).recipe
    assert (str(recipe.optimizer), recipe.l1) == ("rmsprop (beta2 0.95, epsilon 1e-07)", 0.05)
    assert run(capsys, "train", "softmax", "--data", "toy-animals", "--l1", "-1") == (
        *(2, "", "twofold: l1 is -1.0; it must be at least 0 and finite\n"),
    )


def test_one_epoch_is_told_in_the_singular(capsys):
    _, out, _ = run(capsys, "train", "softmax", "--data", "toy-animals", "--epochs", "1")
    assert "sgd, 1 epoch, batch" in out.splitlines()[0]


@pytest.mark.parametrize("data", ["synthetic", "houses"])
def test_train_linear_prints_both_solutions_and_their_distance(capsys, data):
    code, out, _ = run(capsys, "train", "linear", "--data", data)
    assert code == 0
    assert "in two ways" in out
    assert "distance between the two solutions: " in out
    assert ("standardised" in out) == (data == "houses")
    result = run_json(capsys, "train", "linear", "--data", data)
    gap = np.subtract([*result["sgd"]["w"], result["sgd"]["b"]], [*result["exact"]["w"], result["exact"]["b"]])
    assert result["distance"] == pytest.approx(np.linalg.norm(gap))
    assert result["exact"]["loss"] <= result["sgd"]["loss"]


def test_an_mlp_predicts_numbers_too(capsys):
    result = run_json(capsys, "train", "mlp", "--data", "diabetes", "--init", "he", "--learning-rate", "0.02")
    assert result["epochs"][-1]["test_accuracy"] is None
    assert result["epochs"][-1]["loss"] < result["epochs"][0]["loss"]


@torch_only
def test_compare_tells_the_differences_per_epoch_and_overall(capsys):
    result = run_json(capsys, "compare", "mlp", "--data", "toy-animals", "--epochs", "2", "--init", "he")
    assert result["max_parameter_difference"] == max(e["max_parameter_difference"] for e in result["epochs"]) <= 1e-12
    assert result["max_loss_difference"] == max(e["max_loss_difference"] for e in result["epochs"]) <= 1e-12
    code, out, _ = run(capsys, "compare", "softmax", "--data", "toy-animals", "--epochs", "1")
    assert code == 0
    assert "largest difference of a parameter" in out


@torch_only
def test_demo_trains_both_models_both_ways_and_prints_a_table(capsys):
    code, out, _ = run(capsys, "demo", "--epochs", "2")
    assert code == 0
    assert out.count("scratch") == out.count("concise") == 2
    results = run_json(capsys, "demo", "--epochs", "2")["results"]
    assert all(result["max_parameter_difference"] <= 1e-12 for result in results)
    assert all(result["test_accuracy"] > 0.9 for result in results)


def test_data_list_names_every_set_and_where_it_is(capsys, no_data):
    code, out, _ = run(capsys, "data", "list")
    assert code == 0
    assert "toy-animals" in out
    assert out.count("not here yet") == 3


def test_data_show_draws_a_grid_for_images_and_columns_for_tables(capsys, tmp_path):
    picture = tmp_path / "grid.png"
    code, out, _ = run(capsys, "data", "show", "toy-animals", "-o", str(picture))
    assert code == 0
    assert "120 training and 60 test samples of 2x2 uint8, read in" in out
    assert picture.read_bytes()[:4] == b"\x89PNG"
    code, out, _ = run(capsys, "data", "show", "houses")
    assert code == 0
    assert "price (1000 euros)" in out


def test_data_get_says_that_a_built_in_set_needs_no_getting(capsys):
    code, out, _ = run(capsys, "data", "get", "digits")
    assert (code, out) == (0, "digits is built in; there is nothing to get\n")


def test_the_data_commands_print_json_too(capsys, tmp_path, no_data):
    assert run_json(capsys, "data", "list")["digits"]["where"] == "built in"
    assert run_json(capsys, "data", "get", "digits") == {"name": "digits", "folder": None}
    picture = str(tmp_path / "grid.png")
    shown = run_json(capsys, "data", "show", "toy-animals", "-o", picture)
    assert (shown["training"], shown["test"], shown["picture"]) == (120, 60, picture)
    assert shown["classes"] == ["dog", "cat", "chicken"]
    assert run_json(capsys, "data", "show", "houses")["picture"] is None


def test_data_get_copies_what_is_here_into_torchvision_s_layout(capsys, tmp_path, fashion):
    code, out, _ = run(capsys, "data", "get", "fashion-mnist", "--root", str(tmp_path))
    raw = tmp_path / "FashionMNIST" / "raw"
    assert code == 0
    assert out.splitlines()[-1] == f"fashion-mnist is in {raw}"
    assert sorted(path.name for path in raw.iterdir())[:2] == ["t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"]
    code, out, _ = run(capsys, "data", "list", "--root", str(tmp_path))
    assert out.count("not here yet") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train sofmax --data digits", "unknown model 'sofmax'; did you mean 'softmax'? (known: linear, softmax, mlp)"),
        ("train softmax --data digts", "unknown data set 'digts'; did you mean 'digits'?"),
        ("train softmax --data ./nowhere", "./nowhere: no folder of IDX files there"),
        ("train softmax --data digits --epochs 0", "epochs is 0; it must be an integer >= 1"),
        ("train softmax --data digits --learning-rate -1", "learning_rate is -1.0; it must be positive and finite"),
        ("train softmax --data digits --engine scrach", "unknown engine 'scrach'; did you mean 'scratch'?"),
        ("train softmax --data digits --dtype half", "dtype is 'half'; it must be 'float32' or 'float64'"),
        ("train softmax --data digits --optimizer adm", "unknown optimizer 'adm'; did you mean 'adam'?"),
        (
            "train softmax --data houses",
            "houses has numbers to predict, which softmax can't; train linear or mlp on it",
        ),
        ("train mlp --data digits --hidden many", "--hidden is 'many'; expected whole numbers such as 256 or 256,128"),
        ("train linear --data synthetic --learning-rate 100", "training diverged in epoch 1"),
        ("train softmax --data digits --epochs many", "Invalid value for '--epochs'"),
        ("train softmax", "no data: name a set with --data, such as --data digits"),
        ("train softmax --data digits --nothing", "No such option: --nothing"),
        ("compare softmax --data digits --engines scratch", "--engines is 'scratch'; expected two names"),
        ("data get digts", "unknown data set 'digts'; did you mean 'digits'?"),
        (
            "data show toy-animals -o /nowhere/at/all.png",
            "/nowhere/at/all.png: there is no folder /nowhere/at; make it first",
        ),
        ("data show toy-animals -o grid.txt", "grid.txt: a picture's name ends in one of .eps, "),
        (
            "train softmax --data digits --hidden 5",
            "softmax has no hidden layer; hidden units, dropout and normalization are for mlp",
        ),
        ("train softmax --data digits --dropout 2", "dropout is 2.0; it must be at least 0 and less than 1"),
        ("train mlp --data mnist --activation rleu", "unknown activation 'rleu'; did you mean 'relu'?"),
        ("train mlp --data mnist --init zero", "unknown initialization 'zero'; did you mean 'zeros'?"),
        ("train mlp --data mnist --loss squred", "unknown loss 'squred'; did you mean 'squared'?"),
        ("train mlp --data mnist --root nowhere", "nowhere: no such folder; `twofold data get mnist --root nowhere`"),
        ("train mlp --data toy-animals --hidden 10000000000000", "there is not enough memory for this: "),
        ("nothing", "No such command 'nothing'"),
    ],
)
def test_a_mistake_is_one_line_on_standard_error_and_exit_code_2(capsys, words, message):
    code, _, err = run(capsys, *words.split())
    assert code == 2
    (line,) = err.splitlines()
    assert line.startswith(f"twofold: {message}")


def test_a_command_that_is_called_is_the_only_one_that_is_loaded():
    code = "import sys; from twofold.cli.app import command_line; command_line(['show']); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "twofold.cli.show" in modules
    assert {"twofold.cli.train", "twofold.cli.plot", "twofold.cli.certify"}.isdisjoint(modules)


def test_a_gpu_that_is_full_is_one_line(capsys, monkeypatch):
    class OutOfMemoryError(RuntimeError):  # as PyTorch has it
        pass

    def full(*_, **__):
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 1 GiB")

    monkeypatch.setattr("twofold.cli.app.command_line", lambda words: full)
    code, _, err = run(capsys, "train", "mlp", "--data", "toy-animals")
    assert (code, err) == (2, "twofold: there is not enough memory for this: CUDA out of memory\n")


def test_nan_in_the_data_is_told_with_its_place(capsys, tmp_path):
    images = np.random.default_rng(0).random((4, 2, 2), dtype=np.float32)
    images[2, 1, 0] = np.nan
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images", images)
        write_idx(tmp_path / f"{part}-labels", np.array([0, 1, 0, 1], np.uint8))
    code, out, err = run(capsys, "train", "softmax", "--data", str(tmp_path), "--json")
    assert (code, out) == (2, "")
    assert err == "twofold: X[2, 2] is nan; expected a finite number that float32 can hold\n"


def test_no_words_and_help_show_the_commands(capsys):
    code, out, _ = run(capsys)
    assert code in (0, 2)  # help unasked for is a mistake to newer versions of click, and none to older ones
    assert "compare" in out
    code, out, _ = run(capsys, "train", "--help")
    assert code == 0
    assert "--learning-rate" in out
    assert run(capsys, "--version")[1].startswith("twofold ")


def test_debug_shows_the_traceback(capsys):
    code, _, err = run(capsys, "train", "softmax", "--data", "digts", "--debug")
    assert code == 2
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("twofold: unknown data set")


def test_ctrl_c_ends_with_130(capsys, monkeypatch):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("twofold.cli.trainer.train", interrupted)
    code, _, err = run(capsys, "train", "softmax", "--data", "toy-animals")
    assert (code, err.lstrip("\n")) == (130, "twofold: stopped\n")  # older versions of Typer end the line of ^C first


def test_an_error_of_our_own_making_is_not_hidden(capsys, monkeypatch):
    def broken(*_args, **_options):
        raise ZeroDivisionError("a fault in twofold")

    monkeypatch.setattr("twofold.cli.trainer.train", broken)
    with pytest.raises(ZeroDivisionError):
        main(["train", "softmax", "--data", "toy-animals"])


def test_the_installed_command_runs_in_a_process_of_its_own():
    words = [sys.executable, "-m", "twofold", "train", "softmax", "--data", "nothing"]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout == ""


@pytest.fixture
def terminal(tmp_path):
    """A console that believes in a terminal behind it."""
    with (tmp_path / "terminal").open("w+") as sink:
        yield Console(force_terminal=True, width=120, file=sink)


class Stub:
    """An engine of which the bar reads the running means."""

    def running(self):
        return Score(0.25, 0.5)


def test_on_a_terminal_a_live_bar_shows_loss_accuracy_speed_and_time_left(terminal, monkeypatch):
    # The clock goes on by 0.05 s a look: a look at the start, then one a step; redrawn every second step.
    clock = iter(np.arange(0, 100, 0.05))
    monkeypatch.setattr("twofold.cli.screen.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    with Screen(console=terminal).training(Recipe(epochs=2), 100, loss_unit=4.0) as (meter,):
        assert isinstance(meter, Meter)
        for done in (25, 50, 75, 100, 50, 100):
            meter.on_step_end(SimpleNamespace(engine=Stub(), samples=done))
        (task,) = meter.bar.tasks
        assert task.description == "epoch 2/2"
        assert task.fields["numbers"] == "loss 1  accuracy 0.5000  667 samples/s  0 s left"


@pytest.mark.parametrize(
    ("runs", "calls", "numbers"),
    [(2, (50, 100, 50, 100, 50), "250 samples/s  1 s left"), (1, (100, 100), "500 samples/s  0 s left")],
    ids=["two engines share an epoch", "one minibatch is an epoch"],
)
def test_the_bar_counts_passes(terminal, monkeypatch, runs, calls, numbers):
    clock = iter(np.arange(0, 100, 0.2))
    monkeypatch.setattr("twofold.cli.screen.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    with Screen(console=terminal).training(Recipe(epochs=2), 100, runs=runs) as (meter,):
        for done in calls:
            meter.on_step_end(SimpleNamespace(engine=Stub(), samples=done))
        (task,) = meter.bar.tasks
        assert task.description == "epoch 2/2"
        assert task.fields["numbers"].endswith(numbers)


@pytest.mark.parametrize(
    "registry",
    [ACTIVATIONS, OPTIMIZERS, SCHEDULES, INITIALIZATIONS, NORMALIZATIONS, ENGINES],
    ids=lambda r: next(iter(r)),
)
def test_help_names_all_that_a_registry_holds(registry):
    options = [option for kind in (JobOptions, Hardware) for option in parameters(kind)]
    texts = " ".join(str(option.annotation.__metadata__[0].help) for option in options)
    assert all(name in texts for name in registry)


def test_a_download_shows_a_bar_on_a_terminal_and_a_line_elsewhere(tmp_path):
    with (tmp_path / "screen").open("w+") as sink:
        with Screen(console=Console(file=sink)).downloading() as progress:
            progress("file.gz", 10, 100)
            progress("file.gz", 100, 100)
        sink.seek(0)
        assert sink.read() == "downloading file.gz\n"
    with (tmp_path / "terminal").open("w+") as sink:
        with Screen(console=Console(file=sink, force_terminal=True)).downloading() as progress:
            progress("file.gz", 100, None)
        sink.seek(0)
        assert "file.gz" in sink.read()


def test_json_leaves_standard_error_quiet_unless_it_is_a_terminal():
    assert Screen(as_json=True, console=Console(force_terminal=False)).console.quiet
    assert not Screen(as_json=True, console=Console(force_terminal=True)).console.quiet


@torch_only
def test_train_takes_the_engine_that_fused_alone_can_be(capsys):
    words = ("train", "softmax", "--data", "toy-animals", "--epochs", "2")
    result = run_json(capsys, *words, "--precision", "bfloat16")
    assert result["engine"] == "fused"
    exact = run_json(capsys, *words, "--threads", "2")
    assert exact["engine"] == "scratch"
    assert exact["epochs"][-1]["loss"] == pytest.approx(result["epochs"][-1]["loss"], rel=0.02)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--device gpu", "unknown device 'gpu'"),
        ("--engine fast", "unknown engine 'fast'"),
        ("--engine scratch --device cuda", "the scratch engine has no device 'cuda'; fused has it"),
        ("--precision half", "unknown precision 'half'"),
        ("--threads 0", "threads is 0; it must be at least 1"),
        ("--threads 1000000000", "threads is 1000000000; it must be at least 1 and at most "),
    ],
)
def test_hardware_that_can_not_be_is_one_line(capsys, words, message):
    code, _, err = run(capsys, "train", "softmax", "--data", "toy-animals", *words.split())
    assert code == 2
    assert message in err
