"""The sections of a table's report: what was predicted from what, how good, what matters, which rows, how trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from twofold.baselines.comparison import RARE, tell_simpler
from twofold.functions import LOSSES
from twofold.inspect.hard_rows import HardRow, uncertain_rows, worst_rows
from twofold.language import Text
from twofold.pages.numbers import readable, short
from twofold.plots import actual_plot, residual_plot, training_curves
from twofold.report import table_words as words
from twofold.report.blocks import Block, Cell, Facts, Fold, Headline, Listing, Section, Words
from twofold.report.chinese import chinese_section
from twofold.report.coefficients import coefficient_blocks
from twofold.report.description import history, how, network_facts, parameters
from twofold.report.drawings import MAX_POINTS, Easel
from twofold.report.scores import class_listing
from twofold.report.subject import Subject
from twofold.report.table_story import TableStory
from twofold.run import Epoch
from twofold.scores import Estimate

MAX_OPEN_COLUMNS = 12  # of a table that is listed openly; the list of a longer one is folded
MAX_NAMED = 6  # classes that are named
MAX_ROWS = 10  # rows that are listed
MAX_LETTERS = 32  # of a cell


class TableReport:
    """Writes the sections of a table's report in one language.

    Parameters
    ----------
    subject : Subject
        With a table.
    story : TableStory
    easel : Easel
    language : {"en", "zh"}
    """

    def __init__(self, subject: Subject, story: TableStory, easel: Easel, language: str) -> None:
        self.subject, self.story, self.easel, self.language = subject, story, easel, language

    def title(self) -> str:
        """Return the page's title."""
        return self._say(words.TITLE, target=self.story.target.name, data=self.subject.data.name)

    def headlines(self) -> list[Headline]:
        """Return what to see first: two scores, the linear model's beside them, and what matters most."""
        found = []
        *simpler, own = self.story.scores or {"": []}
        for score in self._scores_of(own)[:2]:
            where = words.TEST if self.subject.held_out else words.ON_TRAINING
            told = self._say(where, score=self._inside(score.name)).strip()
            found.append(Headline(told, _value(score), self._interval(score)))
        for name in simpler[-1:]:
            first = self._scores_of(name)[0 if self.story.target.classes or name != "always the same" else 1]
            told = self._say(words.BESIDE, score=self._inside(first.name), model=self._model(name)).strip()
            found.append(Headline(told, _value(first), self._interval(first)))
        if self.story.importance is not None:
            sure = [each.name for each in self.story.importance.columns if each.low > 0]
            most, below = (sure[0], self._say(words.THEN, columns=", ".join(sure[1:3]))) if sure else ("–", "")
            below = below if len(sure) != 1 else ""
            found.append(
                Headline(self._say(words.MOST), _cut(most), below or ("" if sure else self._say(words.NOT_WORTH)))
            )
        return found

    def sections(self) -> list[Section]:
        """Return all sections; empty ones are left out by the page."""
        parts = (
            (words.WHAT, self._what()),
            (words.HOW_GOOD, self._how_good()),
            (words.MATTERS, self._matters()),
            (words.WORST, self._worst()),
            (words.TRAINING, self._training()),
            (words.LEARNED, coefficient_blocks(self.subject, self.easel, self.language)),
            (words.REPEAT, self._repeat()),
        )
        return [Section(self._say(title), tuple(blocks)) for title, blocks in parts]

    # what was predicted from what

    def _what(self) -> list[Block]:
        story, say = self.story, self._say
        rows = (
            (words.TRAINED, "training"),
            (words.CHOSE, "validation"),
            (words.TESTED, "test"),
            (words.JUDGED, "judged"),
            (words.UNKNOWN, "unknown"),
            (words.WITHOUT, "without target"),
        )
        left_out = sum(kind == "left out" for _, kind, _ in story.columns)
        used = say(words.USED, n=len(story.columns) - left_out, features=story.features)
        facts = (
            (say(words.PREDICTED), self._target()),
            (say(words.ROWS), self._join(say(text, n=f"{n:,}") for text, key in rows if (n := story.counts.get(key)))),
            (say(words.COLUMNS), self._join([used, *([say(words.LEFT_OUT, n=left_out)] if left_out else [])])),
            (say(words.MODEL), self._model_told()),
        )
        blocks: list[Block] = [Facts(facts), self._columns()]
        if story.remarks:
            in_chinese = self.language == "zh"
            told = tuple(Words(words.REMARKS.translate(each) if in_chinese else each) for each in story.remarks)
            blocks.append(Fold(say(words.READ, n=len(told)), told))
        return blocks

    def _target(self) -> str:
        target = self.story.target
        if not target.classes:
            unit = " ".join(target.unit or ()).strip()
            return self._say(words.UNIT if unit else words.NUMBERS, target=target.name, unit=unit)
        named = ", ".join(map(_cut, target.classes[:MAX_NAMED]))
        if len(target.classes) > MAX_NAMED:
            named = self._say(words.MORE_CLASSES, classes=named, n=len(target.classes) - MAX_NAMED)
        return self._say(words.CLASSES, target=target.name, classes=named)

    def _model_told(self) -> str:
        network, story = self.subject.model.network, self.story
        if not network.hidden:
            return self._say(words.SOLVED if self.subject.solved else words.PLAIN)
        if len(story.runs) < 2:
            return self._say(words.ONE, hidden="-".join(map(str, network.hidden)))
        told = self._say(words.MEAN_OF, n=len(story.runs))
        weight = story.linear_weight
        return told if not weight else self._say(words.AND_LINEAR, model=told, weight=f"{weight:.2g}")

    def _columns(self) -> Block:
        story = self.story
        rows: list[tuple[Any, ...]] = [
            (
                name,
                Cell(self._say(words.KINDS[kind]) if kind in words.KINDS else kind, words.became(what, self.language)),
                f"{story.missing[name]:,}" if story.missing.get(name) else "",
            )
            for name, kind, what in story.columns
        ]
        shown = 3 if any(row[2] for row in rows) else 2
        heads, rows = tuple(map(self._say, words.COLUMN_HEADS))[:shown], [row[:shown] for row in rows]
        if len(rows) <= MAX_OPEN_COLUMNS:
            return Listing(self._say(words.WHAT_BECAME), heads, tuple(rows), text=2)
        return Fold(self._say(words.ALL_COLUMNS, n=len(rows)), (Listing("", heads, tuple(rows), text=2),))

    # how good it is

    def _how_good(self) -> list[Block]:
        story, subject = self.story, self.subject
        looked, every = len(subject.samples), story.counts.get("test" if subject.held_out else "training", 0)
        n = f"{every if story.packed and story.rows is not None else looked:,}"
        caption = self._say(words.ON_TEST if subject.held_out else words.ON_TRAINED, n=n)
        blocks: list[Block] = []
        if subject.rows_alone:
            caption = self._say(words.ON_ROWS, data=subject.data.name, n=n)
        elif not subject.held_out:
            blocks.append(Words(self._say(words.NOT_HELD_OUT)))
        if story.scores:
            blocks.append(self._comparison(caption))
        if story.packed and looked < every:
            blocks.append(Words(self._say(words.SOME, n=f"{looked:,}", every=f"{every:,}")))
        if tell_simpler(story.scores):
            blocks.append(Words(self._say(words.SIMPLER)))
        if subject.kind == "classes":
            blocks += self._rare()
            blocks += self._shared([*self.easel.predictions(subject), class_listing(subject)])
        elif subject.kind == "numbers" and subject.numbers.shape[1] == 1:
            blocks += self._pictures()
        return blocks

    def _comparison(self, caption: str) -> Block:
        """List the scores of the model and of simpler ones, each with its interval below."""
        scores = self.story.scores
        names = list(dict.fromkeys(score.name for own in scores.values() for score in own))
        rows = []
        for model, own in scores.items():
            by_name = {score.name: score for score in own}
            cells = (Cell(_value(by_name[name]), self._between(by_name[name])) for name in names)
            rows.append((self._model(model), *cells))
        return Listing(caption, (self._say(words.MODELS), *map(self._score, names)), tuple(rows))

    def _rare(self) -> list[Block]:
        """Say that accuracy tells little where a class is rare."""
        y, classes = self.subject.actual, self.story.target.classes
        counts = np.bincount(y, minlength=len(classes))
        common, rare = int(counts.argmax()), int(counts.argmin())
        if len(classes) != 2 or counts[rare] >= RARE * len(y):
            return []
        right = f"{counts[common] / len(y):.2%}"
        named = {"rare": repr(classes[rare]), "common": repr(classes[common])}
        return [Words(self._say(words.RARE, n=f"{counts[rare]:,}", rows=f"{len(y):,}", right=right, **named))]

    def _pictures(self) -> list[Block]:
        """Draw actual values, and what is left over, over predicted ones."""
        scaling, few = self.subject.model.scaling, slice(0, MAX_POINTS)
        actual, predicted = self.subject.actual[few], self.subject.numbers[few]
        log = scaling is not None and scaling.target_bend is not None
        name = self.story.target.name
        return [
            self.easel.hang(lambda: actual_plot(actual, predicted, name=name, log=log), self._say(words.ACTUAL)),
            self.easel.hang(lambda: residual_plot(actual, predicted, outliers=0), self._say(words.RESIDUALS)),
        ]

    # what matters

    def _matters(self) -> list[Block]:
        found = self.story.importance
        if found is None:
            wide = self.story.rows is not None and len(self.story.rows) > 1
            return [Words(self._say(words.TOO_WIDE))] if wide else []
        score = self._score(found.score)
        inside = self._inside(found.score)
        blocks: list[Block] = [self.easel.hang(found.plot, self._say(words.IMPORTANCE, score=inside))]
        blocks += [
            self.easel.hang(curves.plot, self._say(words.DEPENDENCE, column=_cut(curves.column)))
            for curves in self.story.dependences
            if not self.subject.solved  # whose coefficients say it
        ]
        heads = tuple(self._say(head, score=score) for head in words.IMPORTANCE_HEADS)
        rows = tuple((each.name, readable(each.value), self._between(each)) for each in found.columns)
        return [*blocks, Words(self._say(words.SHARED)), Fold(self._say(words.IN_NUMBERS), (Listing("", heads, rows),))]

    # rows

    def _worst(self) -> list[Block]:
        rows = self.story.rows
        if rows is None:
            return []
        trained = words.WORST_CAPTION if self.subject.held_out else words.WORST_TRAINED
        caption = self._say(words.WORST_PACKED if self.story.packed else trained)
        if self.subject.rows_alone:
            caption = self._say(words.WORST_ROWS_OF, data=self.subject.data.name)
        worst = worst_rows(rows, MAX_ROWS)
        blocks: list[Block] = [self._rows(caption, worst) if worst else Words(self._say(words.NONE_WRONG))]
        if rows.classes:
            blocks.append(self._rows(self._say(words.UNSURE), uncertain_rows(rows, MAX_ROWS)))
        return blocks

    def _rows(self, caption: str, listed: Sequence[HardRow]) -> Block:
        """List rows with their cells, the columns that matter most first."""
        known = [] if self.story.importance is None else [each.name for each in self.story.importance.columns]
        names = [*known, *(name for name in listed[0].cells if name not in known)]
        numbers = listed[0].sure is None
        heads = [words.ROW, words.ACTUAL_HEAD, words.PREDICTED_HEAD]
        heads += [words.ERROR] if numbers else [words.SURE, words.OF_ACTUAL]
        rows = []
        for own in listed:
            told = [str(own.row), *(_told(each) for each in (own.actual, own.predicted))]
            told += [_told(own.error)] if numbers else [f"{own.sure:.3f}", f"{own.of_actual:.3f}"]
            rows.append((*told, *(_cell(own.cells[name]) for name in names)))
        return Listing(caption, (*map(self._say, heads), *map(_cut, names)), tuple(rows))

    # training

    def _training(self) -> list[Block]:
        runs = [list(run) for run in self.story.runs if run]
        if not runs or self.subject.solved:
            return []
        blocks: list[Block] = list(self._curves(runs))
        if self.story.kept:
            blocks.append(Words(self._say(words.KEPT, epochs=", ".join(map(str, self.story.kept)))))
        title = words.EPOCHS if len(runs) > 1 else words.ITS_EPOCHS
        return [*blocks, Fold(self._say(title), tuple(self._shared(history(self.subject))))]

    def _curves(self, runs: list[list[Epoch]]) -> list[Block]:
        """Draw each network's curves; of squared errors their root, in the target's unit."""
        loss, what = LOSSES[self.subject.model.network.loss], self._say(words.LOSS)
        drawn = runs
        if loss is LOSSES["squared"]:
            drawn = [[_rooted(epoch) for epoch in run] for run in runs]
            scaling = self.subject.model.scaling
            bent = scaling is not None and scaling.target_bend is not None
            what = self._say(words.RMSE_STANDARD if bent else words.RMSE_OF, target=self.story.target.name)
        named = {self._say(words.NETWORK, n=k + 1): run for k, run in enumerate(drawn)}
        kept = self.story.kept
        shown: Any = named if len(named) > 1 else drawn[0]
        caption = words.EACH if len(named) > 1 else words.SINGLE
        blocks: list[Block] = [self.easel.hang(lambda: _labelled(shown, loss, kept), self._say(caption, what=what))]
        if all(record.train_accuracy is not None for run in runs for record in run):
            told = self._say(caption, what=self._say(words.ACCURACY))
            blocks.append(self.easel.hang(lambda: training_curves(shown, quantity="accuracy", kept=kept), told))
        return blocks

    # how to repeat it

    def _repeat(self) -> list[Block]:
        told, facts = how(self.subject), network_facts(self.subject)
        command, rest = (told[:1], told[1:]) if self.subject.command else ([], told)
        if data_hash := self.subject.fingerprint or self.subject.model.data_hash:
            facts.append(("data hash", f"{data_hash} (SHA-256 of the training set)"))
        recipe = self._shared([Facts(tuple(facts)), *rest])
        own = self._shared(parameters(self.subject))
        return [
            *command,
            Fold(self._say(words.RECIPE), tuple(recipe)),
            Fold(self._say(words.OWN_NUMBERS), tuple(own)),
        ]

    # words

    def _say(self, text: Text, **fields: Any) -> str:
        return text.read(self.language).format(**fields)

    def _join(self, parts: Any) -> str:
        return (", " if self.language == "en" else "，").join(parts)

    def _shared(self, blocks: Sequence[Block]) -> list[Block]:
        """Return blocks that all reports have in this report's language."""
        return list(blocks if self.language == "en" else chinese_section(Section("", tuple(blocks))).blocks)

    def _scores_of(self, model: str) -> list[Estimate]:
        return self.story.scores.get(model, [])

    def _score(self, name: str) -> str:
        return self._say(words.SCORE_NAMES[name]) if name in words.SCORE_NAMES else name

    def _inside(self, name: str) -> str:
        """Name a score within a sentence: Latin letters stand apart from Chinese ones."""
        told = self._score(name)
        return f" {told} " if self.language == "zh" and told.isascii() else told

    def _model(self, name: str) -> str:
        return self._say(words.MODEL_NAMES[name]) if name in words.MODEL_NAMES else name

    def _between(self, score: Estimate) -> str:
        return words.interval(score.low, score.high, self.language)

    def _interval(self, score: Estimate) -> str:
        return f"{'95 % interval' if self.language == 'en' else '95% 区间'} {self._between(score)}"


def _rooted(epoch: Epoch) -> Epoch:
    """Return a record with root mean squared errors in place of halved squares."""
    names = ("loss", "validation_loss", "test_loss")
    values = {name: getattr(epoch, name) for name in names}
    roots: dict[str, Any] = {name: None if value is None else math.sqrt(2 * value) for name, value in values.items()}
    return replace(epoch, **roots)


def _labelled(runs: Any, loss: Any, kept: Sequence[int]) -> Any:
    """Draw the curves of losses, or of the roots of squared ones."""
    ax = training_curves(runs, kept=kept)
    if loss is LOSSES["squared"]:
        ax.set_ylabel("RMSE")
    return ax


def _value(score: Estimate) -> str:
    return "–" if math.isnan(score.value) else readable(score.value)


def _told(value: str | float | None) -> str:
    """Write a class, or a number in a few digits."""
    return readable(value, 5) if isinstance(value, float) else _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LETTERS else f"{text[: MAX_LETTERS - 1]}…"


def _cell(value: Any) -> str:
    """Write a cell of the table for a page, which escapes it."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else _cut(short(value) if isinstance(value, bool) else str(value))
