"""Many trainings at once: seeds, settings, folds, members of an ensemble, side by side on the cores there are."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import Any, BinaryIO, TypeVar

from twofold.cores import usable_cores
from twofold.data.dataset import Dataset, Samples
from twofold.engines import Engine, EngineState
from twofold.engines.scratch import ScratchEngine
from twofold.engines.threads import limited_threads
from twofold.errors import DivergedError, SpecificationError
from twofold.recipe import Recipe
from twofold.run import Epoch, Run, in_order
from twofold.training import train

Result = TypeVar("Result")
T = TypeVar("T")

MAX_TICKETS = 1 << 15  # of tasks that wait for a process: what a pipe of Linux holds
PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal that a process gets when its parent ends


@dataclass(frozen=True)
class Trained:
    """One of many trainings.

    Attributes
    ----------
    engine : Engine
        With the trained parameters; one whose training diverged has none that are of use.
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
    networks leave a second core idle and gain most. ``"scratch"``, whose Python runs in one thread at a time, trains in
    processes where no callbacks are to be called, see `run_in_processes`.

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
    if callbacks is None and all(type(engine) is ScratchEngine for engine in engines):
        away = run_in_processes([partial(_without_engine, task) for task in tasks], threads=threads)
        together = list(zip(engines, recipes, away, strict=True))
        for engine, own, (state, _, error) in together:
            if error is None:
                engine.start(own)
                engine.restore(state)  # what was trained may be a copy of it, in another process
        return [Trained(engine, own, history, error) for engine, own, (_, history, error) in together]
    return run_side_by_side(tasks, threads=threads)


def _without_engine(
    task: Callable[[Event], Trained], stopped: Event
) -> tuple[EngineState, tuple[Epoch, ...], DivergedError | None]:
    """Return what can go from one process to another: the engine's state, not its samples."""
    done = task(stopped)
    return done.engine.state(), done.history, done.error


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


def run_in_processes(tasks: Sequence[Callable[[Event], Result]], *, threads: int = 1) -> list[Result]:
    """Do as `run_side_by_side`, with a process for each core: Python runs in one thread of a process at a time.

    For tasks of many short steps in Python, in a process that is ours. Processes are forked from this one, so that
    nothing is sent to them; what tasks return is sent back. Where that can't be (not on Linux, or beside PyTorch, whose
    threads don't outlive a fork) it is `run_side_by_side`.

    Parameters
    ----------
    tasks : sequence of callable
        The first runs in this process. What one changes in another process is lost; what it returns must pickle.
    threads : int
        Of each task's arithmetic, at least 1.

    Returns
    -------
    list
        What each task returned, in the order of the tasks. A task that ended with its process runs once more here.

    Raises
    ------
    Exception
        That of a task that failed.

    Examples
    --------
    >>> run_in_processes([lambda stopped, k=k: k * k for k in range(4)])
    [0, 1, 4, 9]
    """
    workers = min(len(tasks), max(1, usable_cores() // threads))
    if workers <= 1 or sys.platform != "linux" or "torch" in sys.modules or len(tasks) > MAX_TICKETS:
        return run_side_by_side(tasks, threads=threads)
    stopped = Event()  # which nobody sets: a process that is to end is killed
    found: dict[int, Result] = {}
    tickets, office = os.pipe()  # two bytes for each task that waits for a process
    os.write(office, b"".join(k.to_bytes(2, "big") for k in range(1, len(tasks))))
    os.close(office)
    with limited_threads(threads), ExitStack() as opened:
        opened.callback(os.close, tickets)
        others: list[BinaryIO] = []
        with suppress(OSError):  # where no further process is to be had, fewer do the work
            while len(others) < workers - 1:
                others.append(opened.enter_context(_forked(tasks, stopped, tickets)))
        readers = [Thread(target=_read, args=(other, found), daemon=True) for other in others]
        for reader in readers:
            reader.start()
        found[0] = tasks[0](stopped)
        while ticket := os.read(tickets, 2):
            k = int.from_bytes(ticket, "big")
            found[k] = tasks[k](stopped)
        for reader in readers:
            reader.join()
        return [found[k] if k in found else task(stopped) for k, task in enumerate(tasks)]


@contextmanager
def _forked(tasks: Sequence[Callable[[Event], Any]], stopped: Event, tickets: int) -> Iterator[BinaryIO]:
    """Start a process that runs tasks while there are tickets; yields what it writes.

    At the end it is killed, or when the parent ends, however that may be.
    """
    results, sent = os.pipe()
    parent, libc = os.getpid(), ctypes.CDLL(None)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))  # the parent ends the process
    with warnings.catch_warnings():  # of threads that a fork leaves behind: BLAS starts its own anew
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            process = os.fork()
        except OSError:
            os.close(results)
            os.close(sent)
            raise
        finally:
            if os.getpid() == parent:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if process == 0:
        try:  # nothing of the parent's is flushed, closed or told: the process only works, writes and is gone
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            with os.fdopen(sent, "wb") as file:
                while os.getppid() == parent and (ticket := os.read(tickets, 2)):
                    k = int.from_bytes(ticket, "big")
                    pickle.dump((k, tasks[k](stopped)), file)
                    file.flush()
        except BaseException:  # whatever it is, it comes again where the task is run once more
            os._exit(1)
        os._exit(0)
    os.close(sent)
    try:
        yield os.fdopen(results, "rb")
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _read(file: BinaryIO, found: dict[int, Any]) -> None:
    """Put a process's results where they belong, until it is gone; then close the file, which nobody else reads."""
    with file, suppress(EOFError, pickle.UnpicklingError):
        while True:
            k, result = pickle.load(file)  # noqa: S301 - of our own process
            found[k] = result
