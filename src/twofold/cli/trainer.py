"""Training for ``twofold train``: one network an epoch a line, or several of a table; and again on all its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from twofold.cli.job import Job, OpenedTable, open_engine_for
from twofold.cli.options import Hardware, Safety
from twofold.cli.safety import budget, checkpoints, refuse_safety
from twofold.cli.screen import Screen
from twofold.distributed import Processes
from twofold.early_stopping import EarlyStopping
from twofold.engines import Engine
from twofold.errors import SpecificationError
from twofold.models import in_data_units, loss_unit, scales_targets
from twofold.run import Epoch, Run
from twofold.saving import Model
from twofold.saving.intervals import keep_errors
from twofold.training import train
from twofold.values import count

if TYPE_CHECKING:
    from twofold.baselines.linear_models import Linear
    from twofold.tables.problem import Problem


@dataclass(frozen=True)
class Trained:
    """A model and how it came about.

    Attributes
    ----------
    model : Model
    records : list of Epoch
        Of the one network, or of the first of several.
    epochs : int
        The epoch whose weights it has.
    linear : tuple of ndarray, optional
        W and b of the linear model that was fitted beside it, of the table's features as they are.
    runs : tuple of sequence of Epoch
        Of each network, with losses in the data's own units.
    kept : tuple of int
        The epoch that each kept, if rows chose it.
    linear_weight : float
        What the linear model is multiplied by that is part of the sum of several networks.
    """

    model: Model
    records: list[Epoch]
    epochs: int
    linear: Linear | None = None
    runs: tuple[Sequence[Epoch], ...] = ()
    kept: tuple[int, ...] = ()
    linear_weight: float = 0.0


@dataclass(frozen=True)
class Trainer:
    """Trains as the command's options say, and prints what it does."""

    screen: Screen
    hardware: Hardware
    safety: Safety
    patience: int | None
    processes: Processes

    def train(self, engine: Engine, job: Job, opened: OpenedTable) -> Trained:
        """Train one network, or the members of a table's."""
        problem = opened.problem
        if problem is not None and opened.members > 1:
            self.processes.refuse(f"{job.raw.name} trains {opened.members} networks (one: --members 1)")
            refuse_safety(self.safety, f"{job.raw.name} trains {opened.members} networks (one: --members 1)")
            if self.safety.time_budget is not None:
                raise SpecificationError("--time-budget is for one network; take --members 1")
            return self._members(job, problem, opened.members)
        records, best = self._run(engine, job)
        more = {} if problem is None else {"encoder": problem.to_dict()}
        model = Model.of(engine, job.data, raw=job.raw, recipe=job.recipe, history=records, **more)
        return Trained(model, records, best, runs=(records,), kept=() if job.validation is None else (best,))

    def refit(self, job: Job, opened: OpenedTable, scored: Trained) -> Model:
        """Train again on all rows of a table, those that scored the model too; one network to the epoch found best."""
        if opened.on_all_rows is None:
            return scored.model
        problem = opened.on_all_rows()
        rows = count(len(problem.data.train), "row")
        job = _on_rows_of(job, problem)
        if opened.members > 1:
            model = self._members(job, problem, opened.members, quiet=True).model
        else:
            engine = open_engine_for(job, self.hardware)
            records = list(islice(train(engine, job.data, job.recipe, processes=self.processes), scored.epochs))
            records = [in_data_units(epoch, job.data, job.network.loss) for epoch in records]
            more: dict[str, Any] = {
                "raw": job.raw,
                "recipe": job.recipe,
                "history": records,
                "encoder": problem.to_dict(),
            }
            model = Model.of(engine, job.data, **more)
        self.screen.say(
            f"trained again on all {rows}, in the same way; that model is saved (--no-refit: the one scored)"
        )
        return model

    def _run(self, engine: Engine, job: Job) -> tuple[list[Epoch], int]:
        """Train, an epoch a line, in the data's own units; to the best epoch, if there are rows to choose it by."""
        screen = self.screen
        if job.data.scaling is not None and not job.data.classes:
            screen.say("losses and coefficients are in the data's own units")
        told = Told(screen, job)
        stopping = [] if job.validation is None else [EarlyStopping(self.patience)]
        with (
            screen.training(job.recipe, len(job.data.train), loss_unit=loss_unit(job.data, job.network.loss)) as bars,
            checkpoints(job.options.first_weights, self.safety) as saving,
        ):
            callbacks = [*stopping, *budget(self.safety), *bars, *saving, told]
            for _ in train(
                engine, job.data, job.recipe, callbacks, validation=job.validation, processes=self.processes
            ):
                pass
        for each in stopping:
            screen.say(f"the weights are those of epoch {each.best.epoch}, the best on the validation rows")
        return told.records, stopping[0].best.epoch if stopping else len(told.records)

    def _members(self, job: Job, problem: Problem, members: int, *, quiet: bool = False) -> Trained:
        """Train the members on a table's training rows, tell the first one's epochs, and merge them into a model."""
        import numpy as np

        from twofold.baselines.cross_fit import Training, cross_fit

        def start(seed: int) -> Engine:
            return open_engine_for(job, self.hardware, seed=seed)

        def tell(member: int, epoch: Epoch) -> None:
            if member == 0 and not quiet:
                self.screen.say(str(in_data_units(epoch, job.data, job.network.loss)))

        members, first = min(members, len(job.data.train)), start(0)
        fit = cross_fit(
            job.data.train,
            Training(
                network=job.network,
                recipe=job.recipe,
                open_engine=start,
                plain=np.array(problem.plan.are_plain),
                patience=self.patience,
                threads=self.hardware.threads or 1,
                forks=first.name == "scratch",  # whose steps are many calls of Python
            ),
            members,
            tell=tell,
        )
        if not quiet:
            epochs, (own, linear) = ", ".join(map(str, fit.epochs)), fit.weights
            also = f", times {own:.2g}, and a linear model times {linear:.2g}" if linear else ""
            self.screen.say(f"the model is the mean of {members} networks at their best epochs, {epochs}{also}")
        runs = tuple([in_data_units(epoch, job.data, job.network.loss) for epoch in own] for own in fit.histories)
        more: dict[str, Any] = {"raw": job.raw, "recipe": job.recipe, "history": runs[0], "encoder": problem.to_dict()}
        model = replace(Model.of(first, job.data, **more), network=fit.network, parameters=fit.parameters)
        model = keep_errors(model, fit.outputs, job.data.train.y)
        whole = fit.linear if job.data is job.raw else None
        return Trained(model, runs[0], max(fit.epochs), whole, runs, fit.epochs, fit.weights[1])


class Told:
    """A callback that prints a line per epoch, once its checkpoint is written, and keeps the records.

    Parameters
    ----------
    screen : Screen
    job : Job

    Attributes
    ----------
    records : list of Epoch
        Those before an interruption too, with losses in the data's own units.
    """

    last = True

    def __init__(self, screen: Screen, job: Job) -> None:
        self._screen, self._job = screen, job
        self.records: list[Epoch] = []

    def on_train_begin(self, run: Run) -> None:
        """Say where the run goes on, if it does."""
        self.records = [self._in_data_units(epoch) for epoch in run.history]
        if run.resumed is not None:
            behind = f"{len(run.history)} of {count(run.recipe.epochs, 'epoch')} being over"
            self._screen.say(f"going on from step {run.resumed.steps}, {behind}")

    def on_epoch_end(self, run: Run) -> None:
        """Print the epoch."""
        self.records.append(self._in_data_units(run.epoch))
        self._screen.say(str(self.records[-1]))

    def on_train_end(self, run: Run) -> None:
        """Say that the time was up."""
        if run.stop_reason == "time_budget":
            where = f"{run.samples} samples into epoch {len(run.history) + 1}"
            self._screen.say(f"the time budget is used up, {where}")

    def _in_data_units(self, epoch: Epoch) -> Epoch:
        return in_data_units(epoch, self._job.data, self._job.network.loss)


def _on_rows_of(job: Job, problem: Problem) -> Job:
    """Return the job on other rows of the table, whose categories and so features may be others."""
    network = replace(job.network, widths=(problem.data.inputs, *job.network.widths[1:]))
    raw = problem.data
    data = raw if job.data is job.raw else raw.standardized(targets=scales_targets(job.network.loss))
    return replace(job, raw=raw, data=data, network=network, validation=None)
