"""Errors: each one of Python's own kinds too, and all of them survive pickling."""

from __future__ import annotations

import pickle

import pytest

from twofold import errors


@pytest.mark.parametrize(
    ("kind", "standard"),
    [
        (errors.SpecificationError, ValueError),
        (errors.UnknownNameError, ValueError),
        (errors.DataError, ValueError),
        (errors.ChecksumError, ValueError),
        (errors.NewerFormatError, ValueError),
        (errors.CheckpointError, ValueError),
        (errors.DataNotFoundError, FileNotFoundError),
        (errors.DownloadError, OSError),
        (errors.MissingDependencyError, ImportError),
    ],
)
def test_each_is_a_standard_error_with_its_message(kind, standard):
    error = pickle.loads(pickle.dumps(kind("what happened")))  # noqa: S301 - our own bytes
    assert isinstance(error, standard)
    assert isinstance(error, errors.TwofoldError)
    assert str(error) == "what happened"


def test_divergence_carries_epoch_and_history_through_pickling():
    error = pickle.loads(pickle.dumps(errors.DivergedError("too fast", 3, [1, 2])))  # noqa: S301 - our own bytes
    assert isinstance(error, ArithmeticError)
    assert (str(error), error.epoch, error.history) == ("too fast", 3, (1, 2))


def test_a_stop_carries_its_signal_through_pickling_and_is_no_exception_to_swallow():
    error = pickle.loads(pickle.dumps(errors.StoppedError("stopped", 15)))  # noqa: S301 - our own bytes
    assert isinstance(error, KeyboardInterrupt)
    assert not isinstance(error, Exception)
    assert (str(error), error.signal) == ("stopped", 15)


def test_a_name_far_from_all_gets_no_guess():
    with pytest.raises(errors.UnknownNameError) as error:
        errors.check_name("engine", "xyzzy", ["scratch"])
    assert str(error.value) == "unknown engine 'xyzzy' (known: scratch)"
