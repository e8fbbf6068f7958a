"""Dataclasses out of JSON: fields checked by name and type before the class sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from twofold.errors import FileFormatError, NewerFormatError, SpecificationError, UnknownNameError

T = TypeVar("T")


def from_dict(kind: type[T], value: object, where: str) -> T:
    """Make a dataclass of the JSON object that `dataclasses.asdict` made of it.

    Parameters
    ----------
    kind : dataclass
        With fields of numbers, strings, booleans, None, tuples of one of them, and configs.
    value : object
        As JSON was read.
    where : str
        File and place, for the message.

    Returns
    -------
    kind

    Raises
    ------
    FileFormatError
        If a field is missing, unknown or of another type, or the class refuses its value.

    Examples
    --------
    >>> from twofold import Recipe
    >>> from_dict(Recipe, {"epochs": "many"}, "model.safetensors: recipe")
    Traceback (most recent call last):
    twofold.errors.FileFormatError: model.safetensors: recipe: epochs is 'many'; expected int
    """
    if not isinstance(value, Mapping):
        raise FileFormatError(f"{where} is {value!r:.60}; expected a JSON object")
    hints, known = _fields(kind)  # type: ignore[arg-type] # a class is hashable
    for name in value:
        if name not in known:
            raise NewerFormatError(f"{where} has a field {name!r:.60}, which is not known here; upgrade twofold")
    words = {}
    for name, field in known.items():
        if name in value:
            words[name] = _read(hints[name], value[name], f"{where}: {name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise FileFormatError(f"{where} has no field {name!r}")
    return build(lambda: kind(**words), where)


def build(make: Callable[[], T], where: str) -> T:
    """Make something of what a file holds, and refuse it as the file's fault if it is refused."""
    try:
        return make()
    except UnknownNameError as error:
        own = "register_activation, register_loss, register_optimizer"
        raise FileFormatError(
            f"{where}: {error}; if it is one of your own, register it first: twofold.{own}"
        ) from error
    except (SpecificationError, OverflowError) as error:
        raise FileFormatError(f"{where}: {error}") from error


@lru_cache
def _fields(kind: type) -> tuple[dict[str, Any], dict[str, Field[Any]]]:
    """Return a dataclass's annotations and fields by name."""
    return get_type_hints(kind), {field.name: field for field in fields(kind)}


def _read(hint: Any, value: object, where: str) -> Any:
    """Return a field's value; a descriptor's is of what it holds, which may read itself."""
    if hasattr(get_origin(hint), "__set__"):
        return get_args(hint)[0].from_dict(value, where)
    if not _fits(value, hint):
        raise FileFormatError(f"{where} is {value!r:.60}; expected {_spell(hint)}")
    return tuple(value) if isinstance(value, list) else value


def _fits(value: object, hint: Any) -> bool:
    """Tell whether a value that JSON holds is one of this type; a whole number is a float too, a boolean is neither."""
    if get_origin(hint) in (Union, UnionType):
        return any(_fits(value, choice) for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    return type(value) in ((int, float) if hint is float else (hint,))


def _spell(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint)
