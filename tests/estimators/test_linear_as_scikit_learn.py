"""scikit-learn's own tests of its LinearRegression, with ours in its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sklearn

TESTS = Path(sklearn.__file__).parent / "linear_model" / "tests" / "test_base.py"
THEIRS = "from sklearn.linear_model import LinearRegression"
OURS = "from twofold.estimators import LinearRegression"

NOT_APPLICABLE = {
    "test_inplace_data_preprocessing": "demands that copy_X=False writes over X; ours never does",
}

pytestmark = [
    pytest.mark.filterwarnings("ignore::twofold.solvers.DependentColumnsWarning"),  # the tests fit such columns
    pytest.mark.filterwarnings("ignore::twofold.solvers.AccuracyWarning"),
]


@pytest.fixture
def global_random_seed():
    return 42


if TESTS.exists():
    code = TESTS.read_text()
    assert THEIRS in code
    code = code.replace(THEIRS, OURS)
    code = re.sub(r"marks=pytest\.mark\.xfail\([^)]*\)", "marks=()", code)  # where theirs fails, ours is to pass
    exec(compile(code, str(TESTS), "exec"), globals())  # noqa: S102 - scikit-learn's own file
    for _name, _reason in NOT_APPLICABLE.items():
        if _name in globals():
            globals()[_name] = pytest.mark.skip(reason=_reason)(globals()[_name])
else:

    def test_scikit_learns_file():
        pytest.skip(f"scikit-learn was installed without its tests: no {TESTS}")
