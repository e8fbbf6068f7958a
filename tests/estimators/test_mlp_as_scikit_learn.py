"""scikit-learn's own tests of its MLPClassifier and MLPRegressor, with ours in their place."""

from __future__ import annotations

from pathlib import Path

import pytest
import sklearn

TESTS = Path(sklearn.__file__).parent / "neural_network" / "tests" / "test_mlp.py"
THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
OURS = "from twofold.estimators import MLPClassifier, MLPRegressor"

NOT_APPLICABLE = {
    "test_gradient": "calls a private method of scikit-learn's; ours is held to differences in test_full_batch.py",
}


@pytest.fixture
def global_random_seed():
    return 42


if TESTS.exists():
    code = TESTS.read_text()
    assert THEIRS in code
    exec(compile(code.replace(THEIRS, OURS), str(TESTS), "exec"), globals())  # noqa: S102 - scikit-learn's own file
    for _name, _reason in NOT_APPLICABLE.items():
        if _name in globals():
            globals()[_name] = pytest.mark.skip(reason=_reason)(globals()[_name])
else:

    def test_scikit_learns_file():
        pytest.skip(f"scikit-learn was installed without its tests: no {TESTS}")
