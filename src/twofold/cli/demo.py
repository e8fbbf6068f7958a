"""``twofold demo``: the main job on embedded data; no network needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option

from twofold.cli.options import AS_JSON
from twofold.values import count

if TYPE_CHECKING:
    from twofold.run import Epoch


def demo(
    epochs: Annotated[int, Option("--epochs", help="Times through the training set.")] = 20,
    seed: Annotated[int, Option("--seed", help="Of first weights and order.")] = 0,
    as_json: AS_JSON = False,
) -> None:
    """Train softmax regression and the MLP on handwritten digits, both ways, and compare them."""
    from twofold.cli.screen import Screen
    from twofold.data import load_dataset
    from twofold.inspect import compare_engines
    from twofold.models import build_network, suggest_recipe

    screen = Screen(as_json=as_json)
    data = load_dataset("digits")
    rows, results = [], []
    for model, hidden, rate in (("softmax", None, 0.5), ("mlp", (64,), 0.2)):
        network = build_network(model, data, hidden=hidden)
        recipe = suggest_recipe(model, data, epochs=epochs, learning_rate=rate, seed=seed)
        screen.say(f"{model} {'-'.join(map(str, network.widths))}, {network.n_parameters} parameters, two ways")
        comparisons = []
        with screen.training(recipe, len(data.train), runs=2) as bars:
            for comparison in compare_engines(
                network, data, recipe, seed=seed, initialization="xavier", callbacks=bars
            ):
                comparisons.append(comparison)
                if comparison.epoch % max(1, epochs // 5) == 0:
                    screen.say(str(comparison.records[0]))
        for index, engine in enumerate(("scratch", "concise")):
            result = _summary([comparison.records[index] for comparison in comparisons])
            apart = comparisons[-1].max_parameter_difference if index else 0.0
            results.append({"model": model, "engine": engine, **result, "max_parameter_difference": apart})
            *scores, seconds = result.values()
            numbers = *(f"{score:.4f}" for score in scores), f"{seconds:.2f} s", f"{apart:.1e}" if index else ""
            rows.append((model, engine, *numbers))
    columns = ("model", "engine", "train loss", "train accuracy", "test loss", "test accuracy", "time", "apart")
    screen.table(f"digits, {count(epochs, 'epoch')}, float64", columns, rows, text=2)
    screen.say("apart: the largest difference between the two ways' parameters, relative to the largest parameter")
    screen.result({"results": results})


def _summary(records: list[Epoch]) -> dict[str, float | None]:
    """Bring an engine's run into a row of the table."""
    last = records[-1]
    return {
        "loss": last.loss,
        "train_accuracy": last.train_accuracy,
        "test_loss": last.test_loss,
        "test_accuracy": last.test_accuracy,
        "seconds": sum(record.seconds for record in records),
    }
