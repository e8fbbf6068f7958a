"""Constants of a definition, and a config: a definition's name with its constants settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

from twofold.dataclass_json import build
from twofold.errors import FileFormatError, SpecificationError, check_name, show
from twofold.values import Range, either


@dataclass(frozen=True)
class Constant:
    """A number of a definition's own.

    Attributes
    ----------
    default : float
    range : Range
        What it may be.
    help : str
        What it does, for people.
    """

    default: float
    range: Range
    help: str


@dataclass(frozen=True, init=False, repr=False)
class Config:
    """The name of a definition, and its constants: those that are given, and the defaults of the others.

    Attributes
    ----------
    name : str
    constants : dict of str to float
    """

    what: ClassVar[str]
    registry: ClassVar[Mapping[str, Any]]

    name: str
    constants: dict[str, float] = field(hash=False)

    def __init__(self, name: str, /, **constants: float | None) -> None:
        own = self.registry[check_name(self.what, name, self.registry)].constants
        given = {key: value for key, value in constants.items() if value is not None}
        for key, value in given.items():
            if key not in own:
                has = either(own, "and") if own else "no constants"
                able = self.readers(key)
                others = f", and {key} is for {either(able, 'and')}" if able else ""
                raise SpecificationError(f"{key} is {show(value)}; {self.what} {name!r} has {has}{others}")
            if not own[key].range.holds(value):
                raise SpecificationError(f"{key} is {show(value)}; it must be {own[key].range.words}")
        settled = {key: float(given.get(key, constant.default)) for key, constant in own.items()}
        self.__dict__.update(name=name, constants=settled)

    @property
    def given(self) -> dict[str, float]:
        """The constants that are not as they are by default."""
        own = self.registry[self.name].constants
        return {key: value for key, value in self.constants.items() if value != own[key].default}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join([repr(self.name), *(f'{k}={v!r}' for k, v in self.given.items())])})"

    def __str__(self) -> str:
        given = ", ".join(f"{key} {value:g}" for key, value in self.given.items())
        return f"{self.name} ({given})" if given else self.name

    def changed(self, **constants: float | None) -> Self:
        """Return the same with some other constants."""
        return type(self)(self.name, **(self.constants | constants))

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads: all constants as numbers, whatever the defaults become."""
        return {"name": self.name, **self.constants}

    @classmethod
    def from_dict(cls, value: object, where: str) -> Self:
        """Undo `to_dict`.

        Raises
        ------
        FileFormatError
            If there is no such definition here, or a constant is not one of its own or out of its range.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
            raise FileFormatError(f"{where} is {show(value)}; expected an object with a name")
        name, constants = value["name"], {key: number for key, number in value.items() if key != "name"}
        return build(lambda: cls(name, **constants), where)

    @classmethod
    def readers(cls, constant: str) -> dict[str, Constant]:
        """Return the constants of this name, by the definition that has it."""
        rules = cls.registry.items()
        return {name: rule.constants[constant] for name, rule in rules if constant in rule.constants}

    @classmethod
    def known_constants(cls) -> tuple[str, ...]:
        """Return the names of all constants that any definition has."""
        return tuple(dict.fromkeys(key for rule in cls.registry.values() for key in rule.constants))


C = TypeVar("C", bound=Config)


class ConfigField(Generic[C]):
    """A dataclass's field that is a config, and may be given by its name alone.

    Parameters
    ----------
    kind : type
        The config's class.
    default : str
    """

    def __init__(self, kind: type[C], default: str) -> None:
        self._kind, self._default = kind, kind(default)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> C:
        """Return an instance's config, or the default of the class."""
        found: C = self._default if instance is None else instance.__dict__[self._name]
        return found

    def __set__(self, instance: object, value: C | str) -> None:
        """Take a config, or a name for one with its default constants."""
        instance.__dict__[self._name] = value if isinstance(value, self._kind) else self._kind(value)  # type: ignore[arg-type]
