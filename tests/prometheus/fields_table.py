"""Make the table of Prometheus's configuration from its Go structs: the fields of each release, and their types.

Run with the git directories of Prometheus, prometheus/common and prometheus/sigv4, and again when there is a release::

    python tests/prometheus/fields_table.py prometheus.git common.git sigv4.git

Every minor release is read at the tag of its last patch, with the versions of common and sigv4 that its go.mod names.
It writes only facts: names of fields, their Go types, and the names of types as yaml.v2 prints them.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parents[2] / "pytest_pushgateway" / "prometheus" / "decode" / "fields" / "table.json"
FIRST = (2, 42)
"""The oldest release in the table."""

_PATHS = ("config", "discovery", "model/relabel", "storage/remote/azuread", "storage/remote/googleiam")
_HTTP = "config.HTTPClientConfig"
_BY_HAND = "relabel.Config"
"""Relabel rules have a decoder written by hand, and the same fields in every release."""
_BEYOND_TAGS = {
    ("sigv4.SigV4Config", "use_fips_sts_endpoint"): "2.53",
    **dict.fromkeys(
        (
            ("config.OAuth2", name)
            for name in (
                "client_certificate_key_id",
                "client_certificate_key",
                "client_certificate_key_file",
                "client_certificate_key_ref",
                "grant_type",
                "signature_algorithm",
                "iss",
                "audience",
                "claims",
            )
        ),
        "3.5",
    ),
}
"""Fields that a build is known to take earlier than the release's tag has them: Debian links newer libraries."""


class Field(NamedTuple):
    """A field of a struct: its name in YAML, its Go type, and whether its own fields are inline."""

    name: str
    type: str
    inline: bool


class Sources:
    """The types of one release."""

    def __init__(self) -> None:
        self.structs: dict[str, list[Field]] = {}
        self.printed: dict[str, str] = {}
        self.lists: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.registered: list[str] = []

    def read(self, text: str) -> None:
        """Take in one Go file."""
        found = re.search(r"^package (\w+)", text, re.MULTILINE)
        package = found[1] if found else ""
        imports = {
            one[1] or _last(one[2]): _last(one[2])
            for one in re.finditer(r'^\s*(?:import )?(\w+)?\s*"([^"]+)"$', text, re.MULTILINE)
        }

        def qualify(go_type: str) -> str:
            full = re.sub(r"\b(\w+)\.", lambda one: f"{imports.get(one[1], one[1])}.", go_type)
            return re.sub(r"(?<![\w.])(?!map\b)([A-Za-z]\w*)(?![\w.])", lambda one: _own(package, one[1]), full)

        for one in re.finditer(r"^type (\w+) struct \{[^\n]*\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
            self.structs[f"{package}.{one[1]}"] = list(_fields(one[2], qualify))
        for one in re.finditer(r"^(?:type )?\s*(\w+)\s+= (\w+)$", text, re.MULTILINE):
            self.aliases[f"{package}.{one[1]}"] = f"{package}.{one[2]}"
        for one in re.finditer(r"^type (\w+) (\[\][\w.*]+|map\[\w+\][\w.*]+)$", text, re.MULTILINE):
            self.lists[f"{package}.{one[1]}"] = qualify(one[2])
        method = r"^func \((?:\w+ )?\*?(\w+)\) UnmarshalYAML\(.*?\{\n(.*?)^\}"
        for one in re.finditer(method, text, re.MULTILINE | re.DOTALL):
            plain = re.search(r"type (plain\w*) ", one[2])
            self.printed[f"{package}.{one[1]}"] = f"{package}.{plain[1] if plain else one[1]}"
        self.registered += [f"{package}.{one}" for one in re.findall(r"RegisterConfig\(&(\w+)\{\}\)", text)]
        method = r'^func \(\*?(?:\w+ )?\*?(\w+)\) Name\(\) string\s*\{\s*return "(\w+)"'
        for one in re.finditer(method, text, re.MULTILINE):
            self.kinds[f"{package}.{one[1]}"] = one[2]

    def discoveries(self) -> dict[str, str]:
        """Return the struct of each ``*_sd_configs``."""
        return {
            f"{self.kinds[one]}_sd_configs": self.aliases.get(one, one) for one in self.registered if one in self.kinds
        }

    def struct(self, name: str) -> list[Field]:
        """Return the fields of ``name``, which may be an alias."""
        return self.structs[self.aliases.get(name, name) if name not in self.structs else name]

    def printed_as(self, name: str) -> str:
        """Return the type that yaml.v2 names when it decodes ``name``."""
        names = [name, self.aliases.get(name, ""), *(one for one, other in self.aliases.items() if other == name)]
        return next((self.printed[one] for one in names if one in self.printed), name)

    def flat(self, name: str) -> Iterator[tuple[str, str]]:
        """Return name and type of each field, those of inlined structs among them but for the HTTP client's."""
        for field in self.struct(name):
            if not field.inline:
                yield field.name, field.type
            elif field.type == _HTTP:
                yield "", _HTTP
            elif field.type.startswith("map["):
                yield "*", _inner(field.type)
            else:
                yield from self.flat(field.type)


def _own(package: str, name: str) -> str:
    basic = r"(string|bool|u?int(8|16|32|64)?|float(32|64)|any|interface)\Z"
    return name if re.match(basic, name) else f"{package}.{name}"


def _last(path: str) -> str:
    parts = path.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _fields(body: str, qualify: object) -> Iterator[Field]:
    for line in body.split("\n"):
        found = re.match(r"\s*(\w+\s+)?([\w\[\]*.{}]+)\s+`([^`]*)`", line)
        tag = re.search(r'yaml:"([^"]*)"', found[3]) if found else None
        if found is None or tag is None:
            continue
        name, *options = tag[1].split(",")
        if name != "-":
            own = (found[1] or found[2].rpartition(".")[2]).strip().lower()
            yield Field(name or own, qualify(found[2].replace("interface{}", "any")), "inline" in options)  # type: ignore[operator]


def _git(repository: str, *arguments: str) -> bytes:
    return subprocess.run(["git", f"--git-dir={repository}", *arguments], stdout=subprocess.PIPE, check=True).stdout


def _archive(repository: str, tag: str, *paths: str) -> Iterator[str]:
    pseudo = re.search(r"[-.]\d{14}-(\w{12})\Z", tag)  # a version without a tag ends with its commit
    for path in paths:
        with tarfile.open(
            fileobj=io.BytesIO(_git(repository, "archive", f"{pseudo[1] if pseudo else tag}:{path}"))
        ) as archive:
            for member in archive:
                if member.name.endswith(".go") and not member.name.endswith("_test.go"):
                    file = archive.extractfile(member)
                    if file is not None:
                        yield file.read().decode()


def releases(repository: str) -> dict[str, str]:
    """Return the tag of the last patch of each minor release, oldest first."""
    last: dict[tuple[int, int], int] = {}
    for tag in _git(repository, "tag").decode().split():
        found = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)", tag)
        if found and (int(found[1]), int(found[2])) >= FIRST and found[1] in "23":
            minor = int(found[1]), int(found[2])
            last[minor] = max(last.get(minor, 0), int(found[3]))
    return {f"{one[0]}.{one[1]}": f"v{one[0]}.{one[1]}.{last[one]}" for one in sorted(last)}


def sources(prometheus: str, common: str, sigv4: str, tag: str) -> Sources:
    """Return the types at one tag of Prometheus."""
    result = Sources()
    paths = _git(prometheus, "ls-tree", "--name-only", "-r", tag, *_PATHS).decode()
    there = [path for path in _PATHS if path in paths]
    for text in _archive(prometheus, tag, *there):
        result.read(text)
    modules = dict(
        re.findall(r"github.com/prometheus/(\S+) (v\S+)", _git(prometheus, "show", f"{tag}:go.mod").decode())
    )
    for text in _archive(common, modules["common"], "config"):
        result.read(text)
    if "sigv4" in modules:
        texts = _archive(sigv4, modules["sigv4"], "")
    else:
        texts = _archive(common, f"sigv4/{modules['common/sigv4']}", "sigv4")
    for text in texts:
        if re.search(r"^package sigv4", text, re.MULTILINE):
            result.read(text)
    return result


def _inner(go_type: str) -> str:
    return re.sub(r"^(?:\*|\[\]|map\[[\w.]+\])+", "", go_type)


def collect(by_release: dict[str, Sources]) -> dict[str, object]:
    """Return the table: discoveries and structs, each entry by the releases that have it."""
    discoveries: dict[str, dict[str, str]] = {}
    printed: dict[str, dict[str, str]] = {}
    fields: dict[str, dict[str, dict[str, str]]] = {}
    lists: dict[str, dict[str, str]] = {}
    for release, types in by_release.items():
        waiting = ["config.Config", *types.discoveries().values()]
        for key, name in types.discoveries().items():
            discoveries.setdefault(key, {})[release] = name
        seen: set[str] = set()
        while waiting:
            name = _inner(waiting.pop())
            if name in types.lists:
                lists.setdefault(name, {})[release] = types.lists[name]
                name = _inner(types.lists[name])
            if name in (*seen, _BY_HAND) or not (name in types.structs or types.aliases.get(name) in types.structs):
                continue
            seen.add(name)
            flat = list(types.flat(name))
            if not flat:
                continue
            printed.setdefault(name, {})[release] = types.printed_as(name)
            own = fields.setdefault(name, {})
            for field, go_type in flat:
                own.setdefault(field, {})[release] = go_type
                waiting.append(go_type)
    for (name, field), release in _BEYOND_TAGS.items():
        of_field = fields[name][field]
        there = list(by_release)
        first = next(one for one in there if one in of_field)
        for one in there[there.index(release) : there.index(first)]:
            of_field.setdefault(one, of_field[first])
    order = list(by_release)
    return {
        "releases": order,
        "discoveries": {key: _spans(found, order) for key, found in sorted(discoveries.items())},
        "lists": {key: _spans(found, order) for key, found in sorted(lists.items())},
        "structs": {
            name: {
                "printed": _spans(printed[name], [one for one in order if one in printed[name]]),
                "fields": {field: _spans(found, order) for field, found in fields[name].items()},
            }
            for name in sorted(fields)
        },
    }


def _spans(found: dict[str, str], order: list[str]) -> object:
    """Return the value if it is the same in all of ``order``, else a list of value, first and last release."""
    spans: list[list[str]] = []
    previous = -2
    for index, release in enumerate(order):
        if release not in found:
            continue
        if spans and previous == index - 1 and spans[-1][0] == found[release]:
            spans[-1][2] = release
        else:
            spans.append([found[release], release, release])
        previous = index
    if len(spans) == 1 and len(found) == len(order):
        return spans[0][0]
    return [
        [value, "" if first == order[0] else first, "" if last == order[-1] else last] for value, first, last in spans
    ]


def written(table: dict[str, object]) -> str:
    """Return the table as JSON, a struct a line, so that a change shows."""
    lines = []
    for section, content in table.items():
        if isinstance(content, dict):
            rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
            lines.append(f"{json.dumps(section)}: {{\n{rows}\n}}")
        else:
            lines.append(f"{json.dumps(section)}: {json.dumps(content)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(repositories: Iterable[str]) -> None:
    """Write the table."""
    prometheus, common, sigv4 = repositories
    tags = releases(prometheus)
    table = collect({release: sources(prometheus, common, sigv4, tag) for release, tag in tags.items()})
    TABLE.write_text(written(table), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
