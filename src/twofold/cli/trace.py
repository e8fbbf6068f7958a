"""``twofold trace``: one sample, every number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from twofold.cli.options import AS_JSON, LANGUAGE, ROOT, JobOptions, takes
from twofold.functions.activations import ACTIVATIONS
from twofold.functions.initializations import INITIALIZATIONS, SIGMA
from twofold.functions.losses import LOSSES
from twofold.values import count, either

if TYPE_CHECKING:
    from twofold.cli.screen import Screen
    from twofold.data import Dataset
    from twofold.inspect import Trace
    from twofold.network import Network, Parameters


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Which sample goes through which network."""

    what: Annotated[
        str,
        Argument(help="A model file; linear, softmax or mlp, untrained; or a data set's name.", show_default=False),
    ]
    data: Annotated[str | None, Option("--data", help="A set's name, a folder of IDX files, or a table.")] = None
    root: ROOT = None
    part: Annotated[str, Option("--part", help="Samples of train or test.")] = "test"
    sample: Annotated[str, Option("--sample", help="Which, from 0: 7, or a few: 0,3,8.")] = "0"
    hidden: Annotated[str | None, Option("--hidden", help="Units of an untrained mlp's hidden layers.")] = None
    activation: Annotated[
        str,
        Option("--activation", help=f"{either(ACTIVATIONS)}; or one of each layer: relu,tanh."),
    ] = "relu"
    loss: Annotated[str | None, Option("--loss", help=f"{either(LOSSES)}.")] = None
    normalization: Annotated[
        str | None, Option("--normalization", help="batch or layer: of hidden layers, before their activation.")
    ] = None
    init: Annotated[str, Option("--init", help=f"Untrained weights: {either(INITIALIZATIONS)}.")] = "xavier"
    sigma: Annotated[float, Option("--sigma", help=f"Of normal: {SIGMA.help}.")] = SIGMA.default
    seed: Annotated[int, Option("--seed", help="Of untrained weights.")] = 0
    learning_rate: Annotated[float, Option("--learning-rate", help="Of the step of SGD.")] = 0.1


@takes(Subject)
def trace(
    subject: Subject,
    *,
    entry: Annotated[
        list[str] | None, Option("--entry", help="Show this number alone: W1[3,7]; may be repeated.")
    ] = None,
    style: Annotated[str, Option("--format", help="text, markdown, html or json.")] = "text",
    output: Annotated[Path | None, Option("--output", "-o", help="A file in place of the screen.")] = None,
    digits: Annotated[int, Option("--digits", min=1, max=17, help="Significant digits.")] = 4,
    full: Annotated[bool, Option("--full", help="Leave nothing out of large matrices.")] = False,
    language: LANGUAGE = None,
    as_json: AS_JSON = False,
) -> None:
    """Follow a sample through a network and back: each formula, the shapes, the numbers."""
    from twofold.cli.screen import Screen
    from twofold.errors import check_name
    from twofold.files import check_places, replacing
    from twofold.inspect import find_entry
    from twofold.inspect.tracing.formats import FORMATS, render, render_entries
    from twofold.language import choose_language

    screen = Screen(as_json=as_json)
    style = "json" if as_json else check_name("format", style, FORMATS)
    check_places(output)
    language = choose_language(language)
    paper = _follow(screen, subject, tuple(entry or ())).in_language(language)
    if entry:
        written = render_entries([find_entry(paper, text) for text in entry], style)
    else:
        written = render(paper, style, digits=digits, full=full)
    if output is None:
        screen.document(written)
        return
    with replacing(output) as file:
        file.write(f"{written.rstrip()}\n".encode())
    screen.say(f"{count(len(paper.steps), 'step')}: {output}")


def _follow(screen: Screen, subject: Subject, entries: tuple[str, ...]) -> Trace:
    """Bring network and samples together."""
    from twofold.data.choosing import choose_samples
    from twofold.errors import SpecificationError
    from twofold.inspect import trace as follow
    from twofold.inspect.tracing.own_units import with_own_units

    network, parameters, data = _network(screen, subject)
    # The rows of a table are neither for training nor for testing: there is one part.
    alone = data.test is None and subject.part == "test"
    X, y, places = choose_samples(data, "train" if alone else subject.part, subject.sample)
    if network.normalization == "batch" and len(X) < 2:
        raise SpecificationError("batch normalisation takes its means over samples; give a few: --sample 0,1,2")
    which = f"{'' if alone else subject.part + ' '}sample{'s' * (len(places) > 1)}"
    paper = follow(
        network,
        parameters,
        X,
        y,
        learning_rate=subject.learning_rate,
        classes=data.classes if len(data.classes) == network.outputs else (),
        features=data.features,
        entries=entries,
    )
    paper = replace(paper, source=f"{data.name}, {which} {', '.join(map(str, places))}")
    if data.scaling is None:
        return paper
    return with_own_units(paper, data.scaling, features=data.features, target=data.target)


def _network(screen: Screen, subject: Subject) -> tuple[Network, Parameters, Dataset]:
    """Open the model that is named, or draw one that fits the data set."""
    from twofold.cli.options import names_file
    from twofold.data.catalog import CATALOG
    from twofold.errors import SpecificationError, check_name
    from twofold.models import MODELS

    alone = subject.what in CATALOG
    saved = subject.what not in MODELS and not alone and names_file(subject.what)
    if alone and subject.data is not None:
        raise SpecificationError(f"{subject.what} is a data set itself; leave --data out, or name a model before it")
    if not (alone or saved):
        known = [*MODELS] if subject.data else [*MODELS, *CATALOG]
        check_name("model" if subject.data else "model or data set", subject.what, known)
    if not alone and subject.data is None:
        raise SpecificationError("no data: name the sample's set with --data, such as --data toy-animals")
    return _saved(screen, subject) if saved else _untrained(screen, subject, alone=alone)


def _untrained(screen: Screen, subject: Subject, *, alone: bool) -> tuple[Network, Parameters, Dataset]:
    """Draw a network that fits the data set."""
    from twofold.models import build_network
    from twofold.network import initialize

    raw = _load(screen, subject, subject.what if alone else subject.data or "")
    data = raw.standardized() if raw.needs_scaling else raw
    model = subject.what
    if alone:
        model = "mlp" if subject.hidden else "softmax" if data.classes else "linear"
    words = JobOptions(model=model, hidden=subject.hidden, activation=subject.activation)
    network = build_network(
        model,
        data,
        hidden=words.hidden_widths(),
        activation=words.activations(),
        loss=subject.loss,
        normalization=subject.normalization,
    )
    start = initialize(network, subject.seed, initialization=subject.init, sigma=subject.sigma)
    return network, start, data


def _saved(screen: Screen, subject: Subject) -> tuple[Network, Parameters, Dataset]:
    """Open a model file, and bring the data set into the numbers that it was trained on."""
    from twofold.cli.evaluate import rows_file, table_rows
    from twofold.errors import SpecificationError
    from twofold.saving import load_model

    model = load_model(subject.what)
    if (file := rows_file(model, str(subject.data))) is not None:
        data = table_rows(screen, model, file)
    elif model.encoder is not None:
        raise SpecificationError(f"{subject.what} reads a table; name one: --data rows.csv")
    else:
        data = _load(screen, subject, subject.data or "")
    return model.network, model.parameters, data if model.scaling is None else data.scaled(model.scaling)


def _load(screen: Screen, subject: Subject, name: str) -> Dataset:
    from twofold.data import load_dataset

    with screen.downloading() as progress:
        return load_dataset(name, subject.root, progress=progress)
