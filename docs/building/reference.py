"""The reference of Python's names: which are public, by the module that a reader imports them from."""

from __future__ import annotations

import inspect
from importlib import import_module
from types import GenericAlias, ModuleType

MODULES = (
    "twofold",
    "twofold.dask",
    "twofold.data",
    "twofold.estimators",
    "twofold.functions",
    "twofold.inspect",
    "twofold.plots",
    "twofold.solvers",
)
HEAD = {
    "en": ("Reference", "Every public name of Python, by its docstring; formulas; commands; the words of the field."),
    "zh": ("参考", "全部公开的 Python 名称（取自各自的文档字符串，英文）、公式、命令行、术语。"),
}


def reference_pages(language: str) -> dict[str, str]:
    """Write a page for each module, and one that lists them, by the file's name."""
    title, lead = HEAD[language]
    names = [module.replace(".", "-") for module in MODULES]
    listed = "\n".join([*names, "/formulas", "/commands", "/glossary"])
    pages = {"index.md": f"# {title}\n\n{lead}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"}
    return pages | {f"{name}.md": _module_page(module) for name, module in zip(names, MODULES, strict=True)}


def _module_page(name: str) -> str:
    """Write a module's page: the names that no page before has."""
    module = import_module(name)
    summary = (module.__doc__ or "").strip().split("\n")[0]
    public = [
        each for each in sorted(module.__all__) if not _is_above(module, each) and _has_page(getattr(module, each))
    ]
    listed = "\n   ".join(public)
    return (
        f"# {name}\n\n{summary}\n\n```{{eval-rst}}\n.. currentmodule:: {name}\n\n"
        f".. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n   {listed}\n```\n"
    )


def _is_above(module: ModuleType, name: str) -> bool:
    """Tell whether a name of a module is the package's own, which has its page there."""
    package = import_module("twofold")
    shared = module is not package and name in package.__all__
    return shared and getattr(module, name) is getattr(package, name)


def _has_page(value: object) -> bool:
    """Tell whether it is a class or a function, which have docstrings of their own."""
    return inspect.isfunction(value) or (inspect.isclass(value) and not isinstance(value, GenericAlias))
