"""Many trainings at once: seeds, settings, folds, members of an ensemble, side by side on the cores there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any, TypeVar

from twofold.cores import usable_cores
from twofold.data.dataset import Dataset, Samples
from twofold.engines import Engine
from twofold.engines.threads import limited_threads
from twofold.errors import DivergedError, SpecificationError
from twofold.recipe import Recipe
from twofold.run import Epoch, Run, in_order
from twofold.training import train

Result = TypeVar("Result")
T = TypeVar("T")


@dataclass(frozen=True)
class Trained:
    """One of many trainings.

    Attributes
    ----------
    engine : Engine
        With the trained parameters.
    recipe : Recipe
    history : tuple of Epoch
        Up to the epoch before the one that diverged, if one did.
    error : DivergedError or None
        Why the training ended early, where it left the finite numbers: the others go on.
    """

    engine: Engine
    recipe: Recipe
    history: tuple[Epoch, ...]
    error: DivergedError | None = None

    def __repr__(self) -> str:
        told = self.error or (self.history[-1] if self.history else "no epoch")
        return f"<Trained, {self.engine.name}: {told}>"


def train_many(
    engines: Sequence[Engine],
    data: Dataset | Sequence[Dataset],
    recipe: Recipe | Sequence[Recipe],
    callbacks: Callable[[int], Any] | None = None,
    *,
    validation: Samples | Sequence[Samples] | None = None,
    threads: int = 1,
) -> list[Trained]:
    """Train several engines at the same time, one a core.

    Each comes to the very parameters that it comes to alone with so many threads: only the waiting is shared. Small
    networks leave a second core idle and gain most; ``"compiled"`` and ``"fused"`` gain more than ``"scratch"``, whose
    Python runs in one thread at a time.

    Parameters
    ----------
    engines : sequence of Engine
        Each its own; their networks may differ.
    data : Dataset, or a sequence of one for each engine
    recipe : Recipe, or a sequence of one for each engine
    callbacks : callable, optional
        Given an engine's place, counted from 0, it returns the callbacks of that training, see `train`. They are called
        from the training's own thread.
    validation : Samples, or a sequence of them, optional
        See `train`.
    threads : int
        Of each training's arithmetic, at least 1.

    Returns
    -------
    list of Trained
        In the order of the engines. A training that diverges is told so there, and doesn't end the others.

    Raises
    ------
    DataError
        If the data don't fit a network.
    SpecificationError
        If there is no engine, an engine is given twice, or there are more or fewer of something than engines.

    Examples
    --------
    >>> from twofold import Network, load_dataset, open_engine
    >>> engines = [open_engine("scratch", Network((4, 3)), seed=seed) for seed in range(3)]
    >>> runs = train_many(engines, load_dataset("toy-animals"), Recipe(epochs=5, batch_size=16))
    >>> [run.history[-1].epoch for run in runs]
    [5, 5, 5]
    """
    engines = list(engines)
    if not engines:
        raise SpecificationError("there is no engine to train")
    if len(set(map(id, engines))) < len(engines):
        raise SpecificationError("an engine is given twice; each training needs its own")
    sets = _for_each(data, "data", Dataset, len(engines))
    recipes = _for_each(recipe, "recipe", Recipe, len(engines))
    held = _for_each(validation, "validation", Samples | None, len(engines))
    tasks = [
        partial(_train_one, engine, sets[k], recipes[k], callbacks=callbacks and callbacks(k), validation=held[k])
        for k, engine in enumerate(engines)
    ]
    return run_side_by_side(tasks, threads=threads)


def _for_each(given: T | Sequence[T], name: str, kind: Any, number: int) -> list[T]:
    """Return one for each engine of what is one for all or several."""
    if isinstance(given, kind):
        return [given] * number
    if not isinstance(given, list | tuple):
        raise SpecificationError(f"{name} is a {type(given).__name__}; expected one for all engines, or a list")
    if len(given) != number:
        raise SpecificationError(f"{name} has {len(given)} entries for {number} engines; give one for each, or one")
    return list(given)


def _train_one(
    engine: Engine, data: Dataset, recipe: Recipe, stopped: Event, *, callbacks: Any, validation: Samples | None
) -> Trained:
    told = (*in_order(callbacks or ()), StopWith(stopped))
    try:
        history = tuple(train(engine, data, recipe, told, validation=validation))
    except DivergedError as error:
        return Trained(engine, recipe, tuple(error.history), error)
    return Trained(engine, recipe, history)


class StopWith:
    """A callback that stops its training once another has failed or the user wants to stop."""

    def __init__(self, stopped: Event) -> None:
        self._stopped = stopped

    def on_step_end(self, run: Run) -> None:
        """Stop after this step."""
        if self._stopped.is_set():
            run.stop()


def run_side_by_side(tasks: Sequence[Callable[[Event], Result]], *, threads: int = 1) -> list[Result]:
    """Run tasks at the same time, as many as there are cores for.

    Parameters
    ----------
    tasks : sequence of callable
        Each gets an event; once it is set, another task has failed or the user wants to stop, and the task should end.
    threads : int
        Of each task's arithmetic, at least 1: small products gain nothing by more than one.

    Returns
    -------
    list
        What each task returned, in the order of the tasks.

    Raises
    ------
    Exception
        That of the first task that failed, in the order of the tasks.

    Examples
    --------
    >>> run_side_by_side([lambda stopped, k=k: k * k for k in range(4)])
    [0, 1, 4, 9]
    """
    with limited_threads(threads):
        workers = min(len(tasks), max(1, usable_cores() // threads))
        stopped = Event()
        if workers <= 1:
            return [task(stopped) for task in tasks]
        with ThreadPoolExecutor(workers) as pool:
            running = [pool.submit(task, stopped) for task in tasks]
            try:
                return [each.result() for each in running]
            except BaseException:  # Ctrl-C too
                stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
