"""The names, values and labels that a test may ask for: checked for mistakes of form, and compared with samples.

Shared by the assertions on a gateway and those on what Prometheus stores. No wire format, no message about a failure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

ANY: Any = ...
"""The value of an expectation that takes any value."""

RESERVED = ("name", "value", "labels", "grouping_key", "timeout", "after", "count")
"""Words that are parameters somewhere, and so never the keyword of a label."""

NUMERIC_LABELS = ("le", "quantile")
"""Labels that compare as numbers: client_python sends ``le="1.0"``, the gateway exposes ``le="1"``."""

_LEGACY_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_SELECTOR = r"(?s)\s*([^{}\s]+)\s*\{(.*)\}\s*(\S*)\s*"  # what only mistakes need is compiled for them
_PAIR = r'\s*([^\s=~!,{}"]+)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?'
_QUERY = r'(?a)[{}"]|\A\s|\s\Z|\s([-+]?[.\d]+([eE][-+]?\d+)?|[-+]?Inf|NaN)\Z|[\])]\Z|\A#'
"""Characters of a selector, a sample, a comment and an expression of PromQL that a name in UTF-8 lacks."""
_NO_LABEL = r'[{}"=~!,]|\A\s|\s\Z'
_PROBES = ("b7e1c3 any text \N{SNOWMAN}", "0", "Zz/9")
"""Texts that only a matcher that accepts everything is equal to, one and all."""


# Form


def check_name(name: Any, *, utf8: bool = True, known: Callable[[str], bool] = lambda name: False) -> None:
    """Check that something can be the name of a metric.

    Args:
        name: what the test gave.
        utf8: whether names may be any UTF-8, or must be of the legacy character set.
        known: whether a metric of that name is there; asked only where the name looks like none.

    Raises:
        TypeError: it is not a string.
        ValueError: it is empty, a selector, or could not be a metric's name.

    """
    __tracebackhide__ = True
    if not isinstance(name, str):
        called = getattr(name, "_name", None)
        hint = f"; did you mean {called!r}?" if isinstance(called, str) else ""
        raise TypeError(f"a metric's name is a string, not {shown(name)}{hint}")
    if not name:
        raise ValueError("a metric's name must not be empty; name the metric that you mean")
    if _LEGACY_NAME.fullmatch(name) or known(name):
        return
    selector = re.fullmatch(_SELECTOR, name)
    if selector is not None:
        raise ValueError(
            f"a metric's name must not be a selector: {name!r}; give its labels as arguments{_call(selector)}"
        )
    if not utf8 or re.search(_QUERY, name):
        raise ValueError(f"{name!r} is not a metric's name{_nearest_name(name)}")


def _call(selector: re.Match[str]) -> str:
    """Return how a selector is written as arguments, where that is plain to see."""
    name, inner, number = selector.groups()
    pairs = re.findall(_PAIR, inner)
    if re.sub(_PAIR, "", inner).strip() or not all(label.isidentifier() for label, _ in pairs):
        return ""
    given = [f'"{name}"', *([number] if number else []), *(f'{label}="{text}"' for label, text in pairs)]
    return f": {', '.join(given)}"


def _nearest_name(name: str) -> str:
    words = name.split()
    if not words:
        return "; name the metric that you mean"
    if len(words) == 2 and _LEGACY_NAME.fullmatch(words[0]) and _is_text_of_number(words[1]):
        return f"; did you mean {words[0]!r}, {words[1]}? The value is a separate argument"
    plain = re.sub(r"[-./ ]", "_", name.strip(), flags=re.ASCII)
    if _LEGACY_NAME.fullmatch(plain):
        return f"; did you mean {plain!r}?"
    return "; only Prometheus evaluates PromQL" if re.search(_QUERY, name) else "; name the metric that you mean"


def check_value(value: Any) -> None:
    """Check that something can be equal to the value of a sample: a number, or an object that compares with one.

    Raises:
        TypeError: it never is: text, None, a container, a function, an object that cannot be compared with numbers.

    """
    __tracebackhide__ = True
    if value is ANY:
        return
    kind = type(value)
    if isinstance(value, Mapping):
        raise TypeError(f"the second argument is the value; give labels by name or as labels={shown(value)}")
    if _is_bool(value):
        raise TypeError(f"the value must be a number, not {value}; write {int(value)}")
    if _is_approx(value):
        if not kind.__name__.startswith(("ApproxScalar", "ApproxDecimal")):
            raise TypeError(f"the value must be one number, not {shown(value)}; a sample has one value")
        check_value(value.expected)
        return
    if value is None:
        raise TypeError("the value must be a number, not None; leave it out to accept any value")
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError(f"the value must be a number, not {shown(value)}{_as_number(value)}")
    if is_routine(value):
        raise TypeError(f"the value must be a number, not the function {_called(value)}; call it")
    if _is_container(value):
        raise TypeError(f"the value must be one number, not {shown(value)}; a sample has one value")
    if isinstance(value, complex) or not (_converts(value) if _is_number(value) else _compares(value, 0.0)):
        raise TypeError(
            f"the value must be a number, not {shown(value)}; give a number or an object that equals one, "
            "such as pytest.approx(7)"
        )


def check_labels(labels: Any, label_values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the labels that the arguments of an assertion ask for, each with its matcher.

    Args:
        labels: what was given as ``labels=``.
        label_values: what was given by keyword.

    Raises:
        TypeError: ``labels`` is not a mapping, a label is given twice or by a word that is never a label, or its
            matcher can never be equal to a label's text.
        ValueError: a name cannot be that of a label.

    """
    __tracebackhide__ = True
    for word in RESERVED:
        if word in label_values:
            raise TypeError(_reserved(word, label_values[word]))
    if labels is not None and not isinstance(labels, Mapping):
        raise TypeError(f"labels must be a mapping from names to values, not {shown(labels)}")
    given: dict[str, Any] = dict(labels or {})
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"a label's name must be a string, not {shown(name)}")
        if name == "__name__":
            raise ValueError("__name__ is not a label here; give the metric's name as the first argument")
        if not name or re.search(_NO_LABEL, name):
            raise ValueError(f"{name!r} is not a label's name; write labels={{'disk': 'sda'}}")
    for name in given.keys() & label_values.keys():
        raise TypeError(f"label {name!r} is given twice, in labels= and as an argument")
    given.update(label_values)
    if "__name__" in label_values:
        raise ValueError("__name__ is not a label here; give the metric's name as the first argument")
    for name, wanted in given.items():
        check_label(name, wanted)
    return given


def _reserved(word: str, value: object) -> str:
    if word == "grouping_key" or (word == "labels" and isinstance(value, Mapping)):
        return f"{word}= is not a label; give the labels by name, or as labels={shown(value)}"
    hint = f"give a label called {word} as labels={{{word!r}: {shown(value)}}}"
    if word in ("name", "value"):
        hint = f"the name is the first argument and the value the second, both without a keyword; {hint}"
    return f"{word}= is not a label here; {hint}"


def check_label(name: str, wanted: Any) -> None:
    """Check that something can be equal to the text of a label, as it is or as text.

    Raises:
        TypeError: it never is: None, bytes, a container, a function, an object with neither ``==`` nor a text.

    """
    __tracebackhide__ = True
    if isinstance(wanted, str):
        return
    if isinstance(wanted, re.Pattern):
        if isinstance(wanted.pattern, bytes):
            raise TypeError(
                f"label {name}: the regular expression must be one for text, not for bytes: {shown(wanted)}"
            )
        return
    problem = f"label {name} must be text, or an object that equals one, not {shown(wanted)}"
    if wanted is None:
        raise TypeError(f'{problem}; {name}="" asks for series without the label')
    if wanted is ...:
        raise TypeError(f"{problem}; unittest.mock.ANY accepts any text")
    if isinstance(wanted, (bytes, bytearray, memoryview)):
        raise TypeError(f"{problem}; decode it")
    if is_routine(wanted):
        raise TypeError(f"label {name} must be text, not the function {_called(wanted)}; call it")
    if _is_container(wanted):
        raise TypeError(f'{problem}; for one of several give re.compile("a|b")')
    if _is_approx(wanted):
        if name not in NUMERIC_LABELS:
            raise TypeError(f"{problem}; only le and quantile compare as numbers")
        return
    if _defines(wanted, "describe_to"):
        raise TypeError(f"{problem}; hamcrest's matchers have no ==, those of dirty_equals have")
    if not (_is_number(wanted) or _compares(wanted, "") or _has_text(wanted)):
        raise TypeError(f"{problem}; give text, re.compile(...) or an object with ==")


def label_text(name: str, value: Any) -> str:
    """Return the text of a label that is to be pushed.

    Raises:
        TypeError: it is None, bytes, a container or a function, which nobody means by its text.

    """
    __tracebackhide__ = True
    nothing = value is None or isinstance(value, (bytes, bytearray, memoryview, re.Pattern))
    if not isinstance(value, str) and (nothing or is_routine(value) or _is_container(value)):
        raise TypeError(f"label {name} must be text, not {shown(value)}")
    return str.__str__(value) if isinstance(value, str) else str(value)


def _is_bool(value: object) -> bool:
    return type(value).__name__ in ("bool", "bool_") and type(value).__module__ in ("builtins", "numpy")


def _is_approx(value: Any) -> bool:
    kind = type(value)
    return kind.__name__.startswith("Approx") and kind.__module__.startswith("_pytest.") and hasattr(value, "expected")


def _is_number(value: Any) -> bool:
    """Return whether something converts to a float: int, Decimal, Fraction, the scalars of numpy and its like."""
    return _defines(value, "__float__") and not _is_container(value)


def _converts(number: Any) -> bool:
    try:
        float(number)
    except OverflowError:
        pass
    except (TypeError, ValueError):
        return False
    return True


def _is_container(value: Any) -> bool:
    """Return whether something holds several things; an array without a dimension is a number."""
    several = _defines(value, "__len__") or _defines(value, "__next__")
    if not several and _defines(value, "__iter__"):
        several = not _has_text(value)  # a network of the module ipaddress has a text
    return several and getattr(value, "ndim", None) != 0


def _defines(value: object, method: str) -> bool:
    """Return whether an object's class has a method; ``hasattr`` also finds those of the class itself."""
    return any(method in vars(base) for base in type(value).__mro__)


def _has_text(value: object) -> bool:
    return type(value).__str__ is not object.__str__


def is_routine(value: object) -> bool:
    """Return whether something is a function or a method, which nobody means to compare."""
    kind = type(value)
    return kind.__name__ in _ROUTINES and kind.__module__ in ("builtins", "functools")


_ROUTINES = {"function", "method", "builtin_function_or_method", "method_descriptor", "wrapper_descriptor", "partial"}
_ROUTINES.add("builtin_function")  # PyPy's


def _called(value: Any) -> str:
    return str(getattr(value, "__qualname__", None) or shown(value))


def _compares(value: Any, other: object) -> bool:
    """Return whether the ``==`` of an object knows what to do with ``other``; that of most objects does not."""
    try:
        equal: Any = type(value).__eq__
        answer = equal(value, other)
        return answer is not NotImplemented and bool(answer) in (True, False)
    except Exception:  # its == breaks, and the comparison will show how
        return True


def _as_number(text: str | bytes | bytearray) -> str:
    if not _is_text_of_number(text):
        return "; a sample's value is never text"
    return f"; did you mean {text if isinstance(text, str) else text.decode()}?"


def _is_text_of_number(text: str | bytes | bytearray) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# Comparison


def value_matches(wanted: Any, actual: float) -> bool:
    """Return whether a sample's value is the one asked for; any number compares as a float, and NaN equals NaN.

    An object that is not a number is asked with the float and, for a whole number, with the int.
    """
    if wanted is ANY:
        return True
    if _is_approx(wanted):
        expected = wanted.expected
        if expected != expected:
            return actual != actual
        if type(wanted).__name__ == "ApproxDecimal":
            from decimal import Decimal

            return actual == actual and bool(wanted == Decimal(repr(actual)))
        return bool(wanted == actual)
    if _is_number(wanted):
        try:
            number = float(wanted)
        except OverflowError:
            return False
        return number == actual or (number != number and actual != actual)
    return bool(wanted == actual) or (actual.is_integer() and bool(wanted == int(actual)))


def label_matches(name: str, wanted: Any, actual: str | None) -> bool:
    """Return whether a label has the text asked for; ``""`` is matched by a label that is absent, too.

    Matchers are asked as they are, then compared as text; ``le`` and ``quantile`` compare as numbers as well.
    """
    if isinstance(wanted, str) and wanted == "":
        return not actual
    if actual is None:
        return False
    if isinstance(wanted, re.Pattern):
        return wanted.fullmatch(actual) is not None
    if not _is_number(wanted) and bool(wanted == actual):  # numpy's scalars do not like to be compared with text
        return True
    text = _text_of(wanted)
    if text == actual:
        return True
    return name in NUMERIC_LABELS and _same_number(wanted, text, actual)


def _text_of(wanted: Any) -> str | None:
    """Return a matcher as the text of a label, if it has one: a number has, an object with ``==`` alone has not."""
    if isinstance(wanted, str):
        return str.__str__(wanted)
    if _is_approx(wanted) or not (_is_number(wanted) or _has_text(wanted)):
        return None
    return str(wanted)


def _same_number(wanted: Any, text: str | None, actual: str) -> bool:
    try:
        number = float(actual)
        return value_matches(wanted if text is None else float(text), number)
    except ValueError:
        return False


def accepts_everything(name: str, wanted: Any) -> bool:
    """Return whether a matcher accepts any text, as `unittest.mock.ANY` and ``re.compile(".*")`` do."""
    return not isinstance(wanted, str) and all(label_matches(name, wanted, probe) for probe in _PROBES)


def shown(value: object, limit: int = 80) -> str:
    """Return the ``repr`` of what a test gave, on one printable line of at most ``limit`` characters."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"<{type(value).__name__}>"
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= limit else f"{text[: limit - 23]}...{text[-20:]}"
