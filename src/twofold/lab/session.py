"""The lab's engine room: a message in, an answer out; it knows neither browser nor server."""

from __future__ import annotations

import base64
import binascii
import json
import math
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from twofold.data import Dataset, Samples
from twofold.data.catalog import CATALOG
from twofold.engines import ENGINES, open_engine
from twofold.errors import DataError, SpecificationError, TwofoldError, check_name
from twofold.functions import ACTIVATIONS, INITIALIZATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS
from twofold.functions.schedules import SCHEDULES
from twofold.lab import views
from twofold.lab.csv_table import Prepared, Table, prepare, read_csv
from twofold.lab.data_sets import MAKERS, make_data
from twofold.lab.faults import FAULTS, LARGE, enlarge, kill_units, mean_twice, use_naive_softmax
from twofold.lab.run import Run
from twofold.lab.setup import MOST_LAYERS, MOST_UNITS, Setup, kind_of
from twofold.language import LANGUAGES
from twofold.models import scales_targets
from twofold.network import initialize
from twofold.values import Range

MOST_MS = 1000  # of work for one answer
LIGHT = ("toy-animals", "digits")  # sets of the catalogue that need NumPy alone
LARGEST_MESSAGE = 64 * 2**20  # characters


class Session:
    """A run of the lab and what may be asked of it.

    Parameters
    ----------
    native : bool
        Whether it runs in a process with all of twofold: then every engine and data set is offered.
    """

    def __init__(self, *, native: bool = False) -> None:
        self._native = native
        self._table: Table | None = None
        self._actions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "choices": self._choices,
            "table": self._read_table,
            "setup": self._set_up,
            "advance": self._advance,
            "goto": self._go_to,
            "view": self._view,
            "explain": self._explain,
            "parameters": self._parameters,
            "python": self._python,
            "model": self._model,
        }
        self._start(Setup())

    def answer(self, text: str) -> str:
        """Answer a message.

        Parameters
        ----------
        text : str
            A JSON object with ``id``, which comes back, and ``do``, what is asked; the rest is the action's.

        Returns
        -------
        str
            A JSON object with ``id`` and the answer, or with ``error``: one line for a person.
        """
        number: Any = None
        try:
            message = _read(text)
            number = message.get("id")
            action = self._actions[check_name("action", str(message.get("do")), self._actions)]
            with np.errstate(all="ignore"):  # a run that diverges is drawn as far as it goes
                found = action(message)
        except (TwofoldError, OSError, MemoryError) as error:
            found = {"error": str(error) or type(error).__name__}
        except Exception as error:  # a mistake of ours: the page is told, and goes on
            traceback.print_exc()
            found = {"error": f"a mistake in the lab itself: {type(error).__name__}: {str(error).splitlines()[:1]}"}
        return json.dumps({"id": number, **_finite(found)}, ensure_ascii=False, allow_nan=False)

    def _start(self, setup: Setup) -> None:
        """Make data, network and engine of a setup, and put them in place once all of them are sound."""
        if setup.fault:
            check_name("fault", setup.fault, FAULTS)
        changed = FAULTS[setup.fault].change(setup) if setup.fault else setup
        raw, prepared = self._load(setup)
        network = changed.network(raw)
        data = raw
        if raw.needs_scaling and setup.fault != "unscaled":
            data = raw.standardized(targets=scales_targets(network.loss))
        if setup.fault == "naive-softmax":
            raw = data = enlarge(data, LARGE)
        start = initialize(
            network, setup.seed, initialization=changed.initialization, sigma=setup.sigma, dtype=setup.dtype
        )
        if setup.fault == "dead-relu":
            start = kill_units(start)
        engine = open_engine(setup.engine, network, parameters=start, dtype=setup.dtype)
        if setup.fault == "naive-softmax":
            if network.loss != "cross_entropy" or setup.engine != "scratch":
                raise SpecificationError("softmax as in books: needs classes, their cross entropy and engine scratch")
            use_naive_softmax(engine)
        recipe = changed.recipe
        if setup.fault == "mean-twice" and recipe.optimizer.definition.usual_rate is not None:
            raise SpecificationError(
                f"the mean taken twice: {setup.optimizer} divides the gradient's size out again; choose SGD or momentum"
            )
        rate = mean_twice(recipe) if setup.fault == "mean-twice" else None
        run = Run(engine, data, recipe, rate=rate, units=None if prepared is None else prepared.units)
        self._setup, self._changed, self._raw, self._prepared, self._run = setup, changed, raw, prepared, run

    def _load(self, setup: Setup) -> tuple[Dataset, Prepared | None]:
        if setup.data == "csv":
            if self._table is None:
                raise DataError("the table is not here; put the CSV file on the page again")
            targets = scales_targets(setup.loss or None)
            prepared = prepare(self._table, setup.target, seed=setup.data_seed, targets=targets)
            return prepared.data, prepared
        check_name("data set", setup.data, self._sets())
        return make_data(setup.data, n=setup.n, noise=setup.noise, seed=setup.data_seed), None

    def _sets(self) -> list[str]:
        return [*MAKERS, *(CATALOG if self._native else LIGHT)]

    def _choices(self, _message: dict[str, Any]) -> dict[str, Any]:
        """Tell all names that a setup may hold."""
        constants = {
            name: {key: {"default": c.default, **_ends(c.range)} for key, c in rule.constants.items()}
            for name, rule in OPTIMIZERS.items()
        }
        return {
            "native": self._native,
            "data": [{"name": name, "made": name in MAKERS, "noise": MAKERS[name].noise if name in MAKERS else 0,
                      "hidden": list(MAKERS[name].hidden) if name in MAKERS else [16]}
                     for name in dict.fromkeys(self._sets()) if name != "synthetic"],
            "activations": {name: phi.formula for name, phi in ACTIVATIONS.items()},
            "losses": {name: loss.targets.name for name, loss in LOSSES.items()},
            "initializations": list(INITIALIZATIONS),
            "normalizations": list(NORMALIZATIONS),
            "optimizers": constants,
            "rates": {name: rule.usual_rate for name, rule in OPTIMIZERS.items()},
            "schedules": list(SCHEDULES),
            "engines": list(ENGINES) if self._native else ["scratch"],
            "faults": {name: fault.example for name, fault in FAULTS.items()},
            "most": {"layers": MOST_LAYERS, "units": MOST_UNITS},
            "setup": Setup().to_plain(),
        }  # fmt: skip

    def _read_table(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            content = base64.b64decode(_text(message, "content"), validate=True)
        except binascii.Error as error:
            raise SpecificationError(f"content is not in base 64: {error}") from error
        table = read_csv(_text(message, "name"), content)
        told = table.describe()  # refused if nothing of it can be predicted: then the one before stays
        self._table = table
        return {"table": told}

    def _set_up(self, message: dict[str, Any]) -> dict[str, Any]:
        """Start again with a setup, at step 0 or at another."""
        self._start(Setup.of_plain(message.get("setup")))
        step = _whole(message, "step", 0)
        if step:
            self._run.go_to(min(step, self._run.last_step))
        return {"setup": self._setup.to_plain(), "problem": self._problem(), **self._frame(message)}

    def _problem(self) -> dict[str, Any]:
        """Tell what the data and the network are."""
        raw, network = self._raw, self._run.engine.network
        return {
            "name": raw.name,
            "kind": kind_of(raw),
            "classes": list(raw.classes),
            "features": list(raw.features),
            "target": raw.target,
            "inputs": raw.inputs,
            "image": list(raw.image_shape or ()),
            "widths": list(network.widths),
            "activations": list(network.activations),
            "loss": network.loss,
            "link": LOSSES[network.loss].link.name,
            "parameters": network.n_parameters,
            "scaled": _scaled(self._run.data),
            "engine": self._run.engine.name,
            "points": views.points(self._run),
            "domain": views.domain(self._run),
        }

    def _advance(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take steps, or whole epochs; at most as many as fit into a time."""
        run, limit = self._run, min(_whole(message, "ms", MOST_MS), MOST_MS) / 1000
        steps = _whole(message, "steps", 0)
        if epochs := _whole(message, "epochs", 0):
            steps = epochs * run.steps_per_epoch - run.step % run.steps_per_epoch
        end = time.perf_counter() + limit
        target = min(run.step + steps, run.last_step)
        while run.step < target and not run.diverged:
            run.advance(min(10, target - run.step))
            if time.perf_counter() > end:
                break
        return self._frame(message)

    def _go_to(self, message: dict[str, Any]) -> dict[str, Any]:
        self._run.go_to(_whole(message, "step", 0))
        return self._frame(message)

    def _view(self, message: dict[str, Any]) -> dict[str, Any]:
        return self._frame(message)

    def _frame(self, message: dict[str, Any]) -> dict[str, Any]:
        """Tell where the run is; with the views that the message asks for and the records that it does not have yet."""
        run, known = self._run, _whole(message, "known", 0)
        wanted = message.get("views", [])
        if not isinstance(wanted, list):
            raise SpecificationError("views must be a list of names")
        running = run.engine.running()
        found: dict[str, Any] = {
            "step": run.step,
            "stepsPerEpoch": run.steps_per_epoch,
            "lastStep": run.last_step,
            "running": {"loss": running.loss, "accuracy": running.accuracy},
            "records": [asdict(record) for record in run.records[known:]],
            "known": min(known, len(run.records)),
            "rate": run.rate(max(0, run.step - 1)),
            "diverged": run.diverged,
            "layers": views.layers(run.engine.parameters()),
        }
        samples, index = self._sample(message)
        for name in map(str, wanted):
            check_name("view", name, ("followed", *views.VIEWS))
            found[name] = views.VIEWS[name](run) if name in views.VIEWS else views.followed(run, samples.X[index])
        return {"frame": found}

    def _sample(self, message: dict[str, Any]) -> tuple[Samples, int]:
        """Return the samples and the place among them that a message names; the first training sample if none."""
        part, index = _text(message, "part", "train"), _whole(message, "sample", 0)
        samples = {"train": self._run.data.train, "test": self._run.data.test}.get(part)
        if samples is None or index >= len(samples):
            raise DataError(f"there is no {part} sample {index}")
        return samples, index

    def _explain(self, message: dict[str, Any]) -> dict[str, Any]:
        """Follow a sample through the network: every formula and number; and one entry, if it is named.

        Titles, notes and tables are in the message's ``language``, "en" or "zh".
        """
        from twofold.inspect import trace  # not at the top, as all that is not needed before the first picture
        from twofold.inspect.tracing import find_entry
        from twofold.inspect.tracing.document import entry_dict, to_dict

        run, (samples, index) = self._run, self._sample(message)
        rows = [index]
        if run.engine.network.normalization == "batch":
            rows.append((index + 1) % len(samples))
        entry = _text(message, "entry", "")
        paper = trace(
            run.engine.network,
            run.engine.parameters(),
            samples.X[rows],
            samples.y[rows],
            learning_rate=run.rate(run.step),
            classes=self._raw.classes,
            features=self._raw.features if len(self._raw.features) == self._raw.inputs else (),
            entries=[entry] if entry else [],
        )
        language = check_name("language", _text(message, "language", "en"), LANGUAGES)
        steps = to_dict(paper.in_language(language))["steps"]
        symbols = {name: named.symbol.latex for name, named in paper.arrays.items()}
        found = {"steps": steps, "symbols": symbols, "sample": views.image_of(samples, index), "rows": rows}
        if entry:
            found["entry"] = entry_dict(find_entry(paper, entry))
        return {"explanation": found}

    def _parameters(self, _message: dict[str, Any]) -> dict[str, Any]:
        """Tell every parameter to the last digit."""
        layers = self._run.engine.parameters()
        plain = [{name: array.tolist() for name, array in layer.arrays.items()} for layer in layers]
        return {"parameters": plain, "step": self._run.step}

    def _python(self, _message: dict[str, Any]) -> dict[str, Any]:
        from twofold.lab.sharing import as_python

        run = self._run
        text = as_python(
            self._changed,
            run.engine.network,
            epochs=run.step // run.steps_per_epoch,
            file=self._raw.name,
            scaled=self._prepared is None and run.data.scaling is not None,
        )
        return {"python": text, "exact": run.step % run.steps_per_epoch == 0}

    def _model(self, _message: dict[str, Any]) -> dict[str, Any]:
        from twofold.lab.sharing import model_file, test_rows
        from twofold.saving import Model

        run, prepared = self._run, self._prepared
        if run.diverged:
            raise SpecificationError("the training has diverged; go back to a step whose numbers are finite")
        encoder = None if prepared is None else prepared.encoder
        model = Model.of(run.engine, run.data, raw=self._raw, recipe=run.recipe, encoder=encoder)
        rows = test_rows(self._raw) if prepared is None else prepared.test_rows
        return {"model": base64.b64encode(model_file(model)).decode(), "rows": rows}


def _scaled(data: Dataset) -> str:
    """Tell what is standardised: nothing, ``"features"``, or ``"all"``, the target too."""
    if data.scaling is None:
        return ""
    return "features" if data.scaling.target_mean is None else "all"


def _read(text: str) -> dict[str, Any]:
    if len(text) > LARGEST_MESSAGE:
        raise SpecificationError(f"the message has {len(text)} characters; at most {LARGEST_MESSAGE} are read")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecificationError(f"the message is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise SpecificationError("the message is no JSON object")
    return message


def _text(message: dict[str, Any], name: str, default: str | None = None) -> str:
    value = message.get(name, default)
    if not isinstance(value, str):
        raise SpecificationError(f"{name} must be text")
    return value


def _whole(message: dict[str, Any], name: str, default: int) -> int:
    value = message.get(name, default)
    if type(value) is not int or not 0 <= value < 2**53:
        raise SpecificationError(f"{name} must be a whole number from 0")
    return value


def _ends(among: Range) -> dict[str, float]:
    return {"low": among.low, "high": among.high}


def _finite(value: Any) -> Any:
    """Write numbers that are not finite as None, which is all that JSON has."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
