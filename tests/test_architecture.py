"""The house's rules: imports run one way, heavy ones wait, public names are documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import twofold
from twofold.engines import ENGINES

SOURCE = Path(twofold.__file__).parent

# Each floor may import its own and those below; `data` and `solvers` know nothing of engines.
FLOORS = [
    {"deprecation", "errors", "text"},
    {
        "cores",
        "dataclass_json",
        "environment",
        "files",
        "functions",
        "language",
        "pages",
        "randomness",
        "tensor_file",
        "values",
    },
    {"recipe", "network"},
    {"data", "metrics", "plots", "ranking", "scores", "solvers", "tables", "validation"},
    {"engines", "statistics"},
    {"distributed"},
    {"callbacks", "feed", "run", "training"},
    {"early_stopping", "side_by_side"},
    {"checkpoints"},
    {"exercises", "inspect", "models", "saving", "table_defaults"},
    {"baselines"},
    {"registering"},
    {"pictures"},
    {"estimators", "lab", "report"},
    {"dask"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}
HEAVY = {
    "numba": {f"engines/numba/{name}.py" for name in ("entry", "instructions", "jit")},
    "torch": {
        "engines/concise.py",
        "engines/fused.py",
        "engines/pytorch",
        "data/torch_dataset.py",
        "distributed.py",
        *(f"exercises/lessons/{name}_concise.py" for name in ("linear", "softmax", "perceptron")),
        "exercises/lessons/torch_models.py",
        "saving/torch_module.py",
    },
    "PIL": {"data/torch_dataset.py", "plots/film.py"},
    "matplotlib": {"plots"},
    "mpl_toolkits": {"plots"},
    "sklearn": {"data/embedded.py", "estimators"},
    "dask": {"dask"},
}


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Everything in a file that runs: without what only a type checker sees."""
    nodes = [ast.parse(path.read_text())]
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body.clear()
        nodes += ast.iter_child_nodes(node)
    return nodes


def imports():
    """Every file with each module that it imports when it runs, also within functions."""
    for path in FILES:
        for node in nodes_of(path):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module == "twofold":  # a lazy name stands for its home
                yield from ((path, f"twofold.{twofold._HOMES.get(alias.name, alias.name)}") for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield path, node.module


FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def test_imports_run_downward_only():
    for path, module in imports():
        if module.startswith("twofold.") and module != "twofold.__version__":
            other = module.split(".")[1]
            assert LEVEL[other] <= LEVEL[room(path)], f"{path} imports {module} from above"
            assert {other, room(path)} != {"data", "solvers"}, f"{path} imports {module}"


def name_of(path: Path) -> str:
    parts = ("twofold", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path, names: set[str]) -> set[str]:
    """The modules of ours that a file imports when it runs; of packages, the module meant."""
    found = set()
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & names or {node.module} & names
    return found - {name_of(path)}


def test_no_modules_import_each_other_in_a_circle():
    with pytest.raises(CycleError, match="cycle"):
        TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"b"}}).prepare()
    paths = {name_of(path): path for path in FILES}
    TopologicalSorter({name: imported_modules(path, set(paths)) for name, path in paths.items()}).prepare()


def test_heavy_libraries_are_imported_where_they_belong():
    for path, module in imports():
        homes = HEAVY.get(module.split(".")[0])
        place = path.relative_to(SOURCE)
        assert homes is None or homes & {str(place), *map(str, place.parents)}, f"{place} imports {module}"


@pytest.mark.torch
@pytest.mark.parametrize("name", ENGINES)
def test_no_engine_inherits_from_another(name):
    module, kind = ENGINES[name].split(":")
    assert getattr(importlib.import_module(module), kind).__bases__ == (object,)


def loaded_after(statement: str) -> set[str]:
    script = f"{statement}\nimport sys\nprint(*sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in result.stdout.split()}


WAITING = {"dask", "torch", "numba", "matplotlib", "pyarrow", "numpy", "scipy", "sklearn", "rich", "typer"}


def test_import_twofold_loads_nothing_heavy():
    assert not loaded_after("import twofold") & WAITING


def test_the_test_above_can_fail():
    assert "numpy" in loaded_after("import twofold; twofold.Network")


def test_help_loads_no_numbers():
    script = """
import contextlib, io
from twofold.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    main(['--help'])
"""
    assert not loaded_after(script) & {"torch", "matplotlib", "pyarrow", "numpy", "scipy", "sklearn"}


def test_training_on_images_loads_no_scipy():
    script = """
from twofold import Network, Recipe, load_dataset, open_engine, train
network = Network((4, 3, 3), activation={!r})
list(train(open_engine("scratch", network), load_dataset("toy-animals"), Recipe(epochs=1)))
"""
    assert not loaded_after(script.format("relu")) & {"scipy", "sklearn"}
    assert "scipy" in loaded_after(script.format("gelu"))


def test_data_are_read_without_numpys_masked_arrays():
    script = "import sys, twofold; twofold.load_dataset('toy-animals'); print('numpy.ma' in sys.modules)"
    for begin, loaded in (("", "False"), ("import numpy.ma; ", "True")):
        done = subprocess.run([sys.executable, "-c", begin + script], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == loaded


@pytest.mark.parametrize("words", [["mlp"], ["softmax", "--json"]], ids=" ".join)
def test_a_command_that_trains_on_a_small_set_loads_no_more_than_numpy(words):
    script = f"""
import contextlib, io
from twofold.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main({["train", *words, "--data", "toy-animals", "--epochs", "1"]!r}) == 0
"""
    assert not loaded_after(script) & {"torch", "matplotlib", "pyarrow", "scipy", "sklearn", "pandas"}


NEEDS_TORCH = {"as_torch_dataset"}  # the names that can't be had without PyTorch


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.torch if name in NEEDS_TORCH else ()) for name in twofold.__all__]
)
def test_a_public_name_can_be_had_and_is_documented(name):
    value = getattr(twofold, name)
    assert name in dir(twofold)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'twofold' has no attribute 'nothing'"):
        _ = twofold.nothing


@pytest.mark.torch
def test_public_names_and_their_homes_are_the_same():
    assert sorted(twofold._HOMES) == twofold.__all__ == sorted(twofold.__all__)
    for name, home in twofold._HOMES.items():
        assert hasattr(importlib.import_module(f"twofold.{home}"), name)


def test_no_file_is_longer_than_a_head_can_hold():
    long = [path.name for path in FILES if len(path.read_text().splitlines()) > 400]
    assert long == []


SCREENS = {SOURCE / "cli" / "screen.py", SOURCE / "cli" / "__init__.py", SOURCE / "cli" / "streams.py"}


def test_commands_print_by_their_screen_alone():
    """What is printed past it would be markup, or obeyed by the terminal, or fail where an encoding lacks a letter."""
    ways = {"print", "Console", "Table", "TextColumn", "sys.stdout.write", "sys.stderr.write", "json.dumps"}
    for path in {*(SOURCE / "cli").glob("*.py")} - SCREENS:
        used = {ast.unparse(node.func) for node in nodes_of(path) if isinstance(node, ast.Call)}
        assert not used & ways, path


MAX_PARAMETERS = 8
WIDE = {"adam"}  # an optimiser, whose constants are its parameters


def test_no_function_has_more_parameters_than_a_reader_can_keep_apart():
    """But for scikit-learn's constructors, which are flat by its rules, and are checked in one place."""
    found = set()
    for path in FILES:
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
                own = node.name == "__init__" and path.parent.name == "estimators"
                found |= {node.name} if count > MAX_PARAMETERS and not own else set()
    assert found == WIDE
