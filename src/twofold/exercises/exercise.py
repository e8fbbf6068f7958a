"""What an exercise is: its task in both languages, a reference solution, inputs, and the mistakes that are known."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

from twofold.language import Text

Answer = Callable[..., Any]
Case = tuple[Any, ...]
Kind = Literal["value", "loss", "gradient", "step"]


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make, and what to tell them.

    Attributes
    ----------
    text : Text
        What is wrong and what to change.
    answer : callable
        An answer that makes the mistake. Whoever gets the same results on every input, made it.
    seen : callable, optional
        In place of the same results: looks at all calls (`twofold.exercises.running.Run`) and tells whether this is
        the mistake.
    """

    text: Text
    answer: Answer
    seen: Callable[[Sequence[Any]], bool] | None = None


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One function to write.

    Attributes
    ----------
    name : str
        Lesson and subject: ``"3.4/softmax"``.
    task, hint : Text
        What to write, and how to begin.
    reference : callable
        The solution. Its name and parameters are those of the answer.
    cases : callable
        Returns the inputs, small ones first; each a tuple of arguments.
    mistakes : tuple of Mistake
    returns : tuple of str
        Names of the results where there are several; one name, where there is one.
    kind : {"value", "loss", "gradient", "step"}
        What the result is; a factor or a sign means something else in each.
    observe : callable, optional
        Makes what is compared of the result and the arguments after the call; the result itself otherwise.
    samples : str
        The parameter whose length is the number of samples; empty if there is none.
    many : callable, optional
        Returns arguments of a number of samples; an answer that then runs through the samples in Python is refused.
    changes : tuple of str
        Parameters that the answer is to change in place.
    numeric : callable, optional
        The same result by central differences.
    tolerance : float
        Largest relative difference of a right answer.
    float32 : bool
        Whether results in single precision are right.
    needs : str
        A library that the exercise is about; empty for NumPy alone.
    """

    name: str
    task: Text
    hint: Text
    reference: Answer
    cases: Callable[[], Iterable[Case]]
    mistakes: tuple[Mistake, ...] = ()
    returns: tuple[str, ...] = ()
    kind: Kind = "value"
    observe: Callable[[Any, Case], Any] | None = None
    samples: str = ""
    many: Callable[[int], Case] | None = None
    changes: tuple[str, ...] = ()
    numeric: Answer | None = None
    tolerance: float = 1e-7
    float32: bool = False
    needs: str = ""

    @property
    def lesson(self) -> str:
        """The lesson's number, such as ``"3.4"``."""
        return self.name.partition("/")[0]

    @property
    def function(self) -> str:
        """The name of the function to write."""
        return self.reference.__name__

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(inspect.signature(self.reference).parameters)

    @property
    def signature(self) -> str:
        """The line to begin with, such as ``"def softmax(O):"``."""
        return f"def {self.function}({', '.join(self.parameters)}):"

    @property
    def available(self) -> bool:
        """Whether the library that it needs is installed."""
        return not self.needs or find_spec(self.needs) is not None

    def n_samples(self, case: Case) -> int | None:
        """Return the number of samples of an input; None where there are none."""
        return len(case[self.parameters.index(self.samples)]) if self.samples else None


@dataclass
class Lesson:
    """The exercises of a lesson, in their order.

    Attributes
    ----------
    number : str
        Such as ``"3.4"``.
    title : Text
    exercises : list of Exercise
    """

    number: str
    title: Text
    exercises: list[Exercise] = field(default_factory=list)

    def exercise(self, subject: str, task: Text, hint: Text, **options: Any) -> Callable[[Answer], Answer]:
        """Make an exercise of the function below, which is its reference solution."""

        def add(reference: Answer) -> Answer:
            made = Exercise(name=f"{self.number}/{subject}", task=task, hint=hint, reference=reference, **options)
            self.exercises.append(made)
            return reference

        return add
