"""The places of promtool and Prometheus, and a typed error that names those that were searched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class BinaryNotFound(LookupError):
    """A program that was asked for is not there; the text says where it was looked for, and how to name it."""


class Program(NamedTuple):
    """The path of a program, or its name on PATH, and what named it."""

    path: str
    source: str


def find_binary(
    name: str,
    option: str | os.PathLike[str] | Program | None,
    variables: Sequence[str],
    environ: Mapping[str, str] | None = None,
) -> str:
    """Return the path of ``name``: from ``option``, else from the first environment variable that is set, else on PATH.

    A program that an option or a variable names must be there: a typing error does not fall through to PATH.

    Raises:
        BinaryNotFound: there is no such program; the message lists where it was searched for.

    """
    environ = os.environ if environ is None else environ
    named = []
    if isinstance(option, Program):
        named.append((option.source, option.path))
    elif option:
        named.append(("the option", os.fspath(option)))
    named += [(f"the environment variable {one}", environ[one]) for one in variables if environ.get(one)]
    if named:
        where, path = named[0]
        found = shutil.which(path, path=environ.get("PATH"))
        if found is None:
            raise BinaryNotFound(f"{name} is not at {path!r}, which {where} names")
        return found
    found = shutil.which(name, path=environ.get("PATH"))
    if found is None:
        raise BinaryNotFound(
            f"no {name} on PATH; install it, or name it in {variables[0]} or with --pushgateway-{name}"
        )
    return found
