"""Named tuples and protocols without ``typing``, whose import takes 2 ms of a start, and each named tuple 0.1 ms.

To a type checker these are those of ``typing``, which any module uses that ``serve`` does not import at its start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple, Protocol
else:
    from collections import _tuplegetter
    from types import MappingProxyType

    Protocol = object
    _new = tuple.__new__

    class _Fields(type):
        """Makes a class with annotations a tuple with those fields; no code is generated for it."""

        def __new__(mcs, name, bases, namespace):
            cls = super().__new__(mcs, name, bases, {**namespace, "__slots__": ()})
            fields = tuple(cls.__annotations__)
            if fields:
                cls._fields = cls.__match_args__ = fields
                cls._by_name = {each: namespace[each] for each in fields if each in namespace}
                cls._defaults = tuple(cls._by_name.values())
                for place, each in enumerate(fields):
                    setattr(cls, each, _tuplegetter(place, None))
            return cls

    class NamedTuple(tuple, metaclass=_Fields):
        """A tuple whose items have names; the last ones may have defaults."""

        _fields = _defaults = ()
        _by_name = MappingProxyType({})

        def __new__(cls, *values, **named):
            """Return a tuple of positional items, named ones and defaults."""
            if not named and len(values) == len(cls._fields):
                return _new(cls, values)  # as on the way of every push
            if named:
                left = [one for one in cls._fields[len(values) :] if one in named or one in cls._by_name]
                values += tuple([named.pop(one) if one in named else cls._by_name[one] for one in left])
            elif len(values) < len(cls._fields):
                values += cls._defaults[len(values) - len(cls._fields) :]
            if named or len(values) != len(cls._fields):
                raise TypeError(f"{cls.__name__}() takes {', '.join(cls._fields)}, each once")
            return _new(cls, values)

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            items = zip(self._fields, self, strict=True)
            return f"{type(self).__name__}({', '.join(f'{name}={item!r}' for name, item in items)})"

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **named):
            return type(self)(**{**self._asdict(), **named})


__all__ = ["NamedTuple", "Protocol"]
