"""Training that can be stopped at any instant, however rudely, and goes on as if it hadn't been."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from twofold.checkpoints.checkpoint import Checkpoint
from twofold.checkpoints.folder import CheckpointFolder
from twofold.checkpoints.saver import Pace, Saver
from twofold.checkpoints.signals import StopSignals
from twofold.data.dataset import Dataset, Samples
from twofold.data.fingerprint import data_hash
from twofold.early_stopping import BestEpoch, train_best
from twofold.engines import Engine
from twofold.environment import environment
from twofold.errors import DivergedError, SpecificationError
from twofold.recipe import Recipe
from twofold.training import Epoch, train


def train_with_checkpoints(
    engine: Engine,
    data: Dataset,
    recipe: Recipe,
    folder: CheckpointFolder,
    *,
    every: int | None = None,
    every_seconds: float | None = None,
    validation: Samples | None = None,
    best: BestEpoch | None = None,
    setting: Mapping[str, str] | None = None,
    watch: Callable[[Engine, int], None] | None = None,
    stop: StopSignals | None = None,
) -> Iterator[Epoch]:
    """Train as `twofold.train` does, with checkpoints; if the folder holds some already, go on from the newest.

    A run that was stopped and goes on is the run that wasn't: the same parameters, optimiser state and history, bit
    for bit, on the same engine with the same number of threads; on another one, equal to rounding. Ctrl-C and SIGTERM
    let the step that is running end and write a checkpoint. More epochs than before may be asked for.

    Parameters
    ----------
    engine : Engine
        If the folder holds a checkpoint, its parameters are replaced by that one's.
    data, recipe, watch
        As in `twofold.train`.
    folder : CheckpointFolder
        Entered, as in the example.
    every : int, optional
        Epochs between two checkpoints, at least 1; 1 unless ``every_seconds`` is given.
    every_seconds : float, optional
        Seconds between two checkpoints instead, within an epoch too; positive. Either way the first step is followed by
        one, so that a folder that can't be used is told at once, and so is the last.
    validation, best : optional
        Both together: stop early, as in `twofold.early_stopping.train_best`.
    setting : mapping of str to str, optional
        What else must be the same for a run to go on, such as how the data were prepared.
    stop : StopSignals, optional
        One that the caller has entered already, to be told of signals between epochs too.

    Yields
    ------
    Epoch
        The epochs that were not over yet; those that were are in the ``history`` of ``folder.latest()``.

    Warns
    -----
    UserWarning
        If a checkpoint can't be written (training goes on, and tries again at the next), a damaged one is passed over,
        the environment has changed, or more epochs have changed the schedule.

    Raises
    ------
    CheckpointError
        If the folder's checkpoints are of another recipe, network or data, naming each field; or the first checkpoint,
        or the last one, can't be written.
    SpecificationError
        If an option is out of range.
    StoppedError
        After Ctrl-C or SIGTERM, a checkpoint being written. It is a KeyboardInterrupt.
    DataError, DivergedError
        As in `twofold.train`; a checkpoint never holds a state that has left the finite numbers.

    Examples
    --------
    >>> import tempfile
    >>> from twofold import CheckpointFolder, Network, load_dataset, open_engine
    >>> data, network = load_dataset("synthetic"), Network((2, 1), loss="squared")
    >>> with tempfile.TemporaryDirectory() as path:
    ...     for epochs in (2, 5):
    ...         engine, recipe = open_engine("scratch", network), Recipe(epochs=epochs, batch_size=10)
    ...         with CheckpointFolder(path) as folder:
    ...             print([epoch.epoch for epoch in train_with_checkpoints(engine, data, recipe, folder)])
    [1, 2]
    [3, 4, 5]
    """
    # What can't be is told here, at the call, and not when the first epoch is asked for.
    if (validation is None) != (best is None):
        raise SpecificationError("validation and best go together; give both to stop early, or neither")
    pace = Pace(every, every_seconds)
    asked = _describe(engine, data, recipe, validation=validation, best=best, setting=setting or {})
    then = folder.latest()
    saver = Saver(engine, folder, pace=pace, asked=asked, best=best, then=then)
    if then is not None and saver.over:
        return _bring_back(engine, recipe, then, best)
    stop = stop or StopSignals()

    def after_step(engine: Engine, done: int) -> None:
        if watch is not None:
            watch(engine, done)
        saver.after_step(stop)

    resume = None if then is None else then.state
    if validation is None or best is None:
        records = train(engine, data, recipe, resume=resume, watch=after_step)
    else:
        records = train_best(engine, data, recipe, validation=validation, best=best, resume=resume, watch=after_step)
    return _saved(records, saver, stop)


def _bring_back(engine: Engine, recipe: Recipe, then: Checkpoint, best: BestEpoch | None) -> Iterator[Epoch]:
    """Give an engine what a run that is over has ended with; there are no further epochs."""
    engine.start(recipe)
    engine.restore(then.state)
    if best is not None:
        best.bring_back(engine)
    return iter(())


def _saved(records: Iterator[Epoch], saver: Saver, stop: StopSignals) -> Iterator[Epoch]:
    """Go through the epochs, with checkpoints, until they are over or a signal comes."""
    while True:
        try:
            with stop:
                record = next(records, None)
                if record is None:
                    return
                record = saver.after_epoch(record)
        except DivergedError as error:
            error.history = saver.history
            raise
        yield record
        saver.leave_if_told(stop)


def _describe(
    engine: Engine,
    data: Dataset,
    recipe: Recipe,
    *,
    validation: Samples | None,
    best: BestEpoch | None,
    setting: Mapping[str, str],
) -> Checkpoint:
    """Describe the run that is asked for, in the form of a checkpoint at its start."""
    sets = {"train": data.train, "test": data.test, "validation": validation}
    words = {**setting, "precision": str(getattr(engine, "precision", None) or engine.dtype)}
    if best is not None:
        words |= {"patience": str(best.patience), "least_gain": str(best.least_gain)}
    place = {"engine": engine.name, "device": str(getattr(engine, "device", "cpu"))}
    return Checkpoint(
        network=engine.network,
        recipe=recipe,
        data={name: data_hash(samples) for name, samples in sets.items() if samples is not None},
        setting=words,
        dtype=engine.dtype,
        state=engine.state(),
        history=(),
        samples=len(data.train),
        environment={**place, **environment()},
    )
