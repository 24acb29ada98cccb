"""The relabel engine: what ``relabel_configs`` and ``metric_relabel_configs`` do to a label set.

Behaviour as in Prometheus 3.5; 2.x versions differ if one is named (``prometheus_version``). Regular
expressions are RE2's, see :mod:`pytest_pushgateway.golang.regexp`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.golang.regexp import compile_relabel
from pytest_pushgateway.prometheus.values import LATEST, is_legacy_label_name

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.model import RelabelRule, ScrapeJob

LabelPairs = tuple[tuple[str, str], ...]
"""Label pairs, sorted by name."""


class LabelBuilder:
    """A label set under change, with the order of iteration that Prometheus's builder has.

    Labels that were there from the beginning come first, sorted by name; whatever is set later follows in the order in
    which it was set. The order decides which label wins when ``labelmap`` maps two onto one name. A value of ``""`` is
    the same as no label.
    """

    __slots__ = ("_added", "_base")

    def __init__(self, labels: Iterable[tuple[str, str]] = ()) -> None:
        self._base = {name: value for name, value in sorted(labels) if value}
        self._added: dict[str, str] = {}

    def get(self, name: str) -> str:
        """Return the value of a label, ``""`` if there is none."""
        value = self._added.get(name)
        return value if value is not None else self._base.get(name, "")

    def set(self, name: str, value: str) -> None:
        """Set a label, or delete it when ``value`` is empty."""
        if not value:
            self.delete(name)
            return
        self._base.pop(name, None)
        self._added[name] = value

    def delete(self, name: str) -> None:
        """Delete a label, if it is there."""
        self._base.pop(name, None)
        self._added.pop(name, None)

    def items(self) -> list[tuple[str, str]]:
        """Return the labels in the order of iteration; a snapshot."""
        return [*self._base.items(), *self._added.items()]

    def untouched(self, name: str) -> bool:
        """Return whether the label is there as it was in the beginning."""
        return name in self._base

    def rebase(self) -> None:
        """Sort what is there into the beginning, as Prometheus does where it builds a label set in between."""
        if self._added:
            self._base = dict(sorted(self.items()))
            self._added = {}

    def labels(self) -> LabelPairs:
        """Return the label set."""
        return tuple(sorted(self.items()))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.items())

    def __len__(self) -> int:
        return len(self._base) + len(self._added)


class Step:
    """The effect of one rule: for :mod:`~pytest_pushgateway.prometheus.scrape.explain` and for messages.

    ``value`` is the joined value of the source labels (``""`` for rules that look at names); ``matched`` tells whether
    the rule's condition held; ``before`` and ``after`` are the label sets around it; ``dropped`` tells that the rule
    dropped the whole set.
    """

    __slots__ = ("after", "before", "dropped", "index", "matched", "rule", "value")

    def __init__(
        self,
        index: int,
        rule: RelabelRule,
        value: str,
        matched: bool,
        before: LabelPairs,
        after: LabelPairs,
        dropped: bool,
    ) -> None:
        self.index: int = index
        self.rule: RelabelRule = rule
        self.value: str = value
        self.matched: bool = matched
        self.before: LabelPairs = before
        self.after: LabelPairs = after
        self.dropped: bool = dropped

    @property
    def changes(self) -> list[tuple[str, str | None, str | None]]:
        """The labels that changed, sorted: ``(name, before, after)``; ``None`` for a label that is not there."""
        before, after = dict(self.before), dict(self.after)
        names = sorted(before.keys() | after.keys())
        return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


class Relabeler:
    """A list of relabel rules, compiled.

    ``prometheus_version`` is ``"2.42"``, ``"3.5"`` or any other version; ``legacy_names`` is the job's
    ``legacy_names``. Raises
    :class:`~pytest_pushgateway.golang.regexp.BadRegexp` for a rule whose regular expression Prometheus does not
    accept, :class:`~pytest_pushgateway.golang.regexp.Unjudged` for one that needs google-re2 if there is none.
    """

    def __init__(
        self, rules: Sequence[RelabelRule], *, prometheus_version: str = LATEST, legacy_names: bool = False
    ) -> None:
        self.rules: tuple[RelabelRule, ...] = tuple(rules)
        # 2.42 builds a sorted label set after every rule; later versions let one builder run through all of them.
        self._rebases = older_than(prometheus_version, 2, 43)
        self._apply = [_compile(rule, prometheus_version, legacy_names) for rule in self.rules]

    @classmethod
    def of(cls, job: ScrapeJob, rules: Sequence[RelabelRule]) -> Relabeler:
        """Return ``rules`` of ``job``, compiled for its Prometheus version and its scheme of names."""
        return cls(rules, prometheus_version=job.version, legacy_names=job.legacy_names)

    def process(self, labels: LabelBuilder) -> bool:
        """Apply all rules to ``labels``, in place. ``False``: a rule dropped the set, and its labels mean nothing."""
        for apply in self._apply:
            if not apply(labels):
                return False
            if self._rebases:
                labels.rebase()
        return True

    def steps(self, labels: LabelBuilder) -> list[Step]:
        """Apply all rules as :meth:`process` does and return their effects, the last that of the rule that dropped."""
        found = []
        for index, (rule, apply) in enumerate(zip(self.rules, self._apply, strict=True)):
            before = labels.labels()
            value = rule.separator.join(labels.get(name) for name in rule.source_labels)
            kept = apply(labels)
            after = labels.labels()
            found.append(Step(index, rule, value, _matched(rule, value, before, kept, apply), before, after, not kept))
            if not kept:
                break
            if self._rebases:
                labels.rebase()
        return found


def relabel(
    labels: Iterable[tuple[str, str]], rules: Sequence[RelabelRule], *, prometheus_version: str = LATEST
) -> LabelPairs | None:
    """Return the label set that ``rules`` make of ``labels``; ``None`` if one of them drops it."""
    builder = LabelBuilder(labels)
    kept = Relabeler(rules, prometheus_version=prometheus_version).process(builder)
    return builder.labels() if kept else None


def older_than(version: str, major: int, minor: int) -> bool:
    """Return whether a Prometheus version such as ``"2.53"`` or ``"3.5.3"`` is older than ``major.minor``."""
    numbers = [int(number) for number in version.split(".")[:2]]
    return numbers < [major, minor]


def _matched(rule: RelabelRule, value: str, before: LabelPairs, kept: bool, apply: _Rule) -> bool:
    if rule.action in ("drop", "dropequal"):
        return not kept
    if rule.action in ("keep", "keepequal"):
        return kept
    if rule.action == "replace":
        return apply.regex.search(value) is not None
    if rule.action in ("labelmap", "labeldrop", "labelkeep"):
        return any(apply.regex.search(name) for name, _ in before)
    return True


class _Rule:
    """One rule, compiled: called with the builder, it returns whether the set is kept."""

    __slots__ = ("_action", "regex")

    def __init__(self, regex: Any, action: Callable[[LabelBuilder], bool]) -> None:
        self.regex = regex
        self._action = action

    def __call__(self, labels: LabelBuilder) -> bool:
        return self._action(labels)


def _compile(rule: RelabelRule, version: str, legacy_names: bool) -> _Rule:
    regex = compile_relabel(rule.regex, version)
    if rule.action == "replace":
        return _Rule(regex, _replace(rule, regex, version, legacy_names))
    return _Rule(regex, _ACTIONS[rule.action](rule, regex, version))


def _source(rule: RelabelRule) -> Callable[[LabelBuilder], str]:
    names, separator = rule.source_labels, rule.separator
    if len(names) == 1:
        name = names[0]
        return lambda labels: labels.get(name)
    return lambda labels: separator.join([labels.get(name) for name in names])


def _keep(rule: RelabelRule, regex: Any, version: str) -> Callable[[LabelBuilder], bool]:
    source = _source(rule)
    return lambda labels: regex.search(source(labels)) is not None


def _drop(rule: RelabelRule, regex: Any, version: str) -> Callable[[LabelBuilder], bool]:
    source = _source(rule)
    return lambda labels: regex.search(source(labels)) is None


def _keepequal(rule: RelabelRule, regex: Any, version: str) -> Callable[[LabelBuilder], bool]:
    source, target = _source(rule), rule.target_label
    return lambda labels: labels.get(target) == source(labels)


def _dropequal(rule: RelabelRule, regex: Any, version: str) -> Callable[[LabelBuilder], bool]:
    source, target = _source(rule), rule.target_label
    return lambda labels: labels.get(target) != source(labels)


def _replace(rule: RelabelRule, regex: Any, version: str, legacy_names: bool) -> Callable[[LabelBuilder], bool]:
    source = _source(rule)
    target_template = Template(rule.target_label)
    value_template = Template(rule.replacement)
    is_valid = is_legacy_label_name if legacy_names or older_than(version, 3, 0) else bool
    # 2.42 deletes the label that is literally called target_label where later versions delete the expanded one.
    deletes_literally = older_than(version, 2, 43)

    def apply(labels: LabelBuilder) -> bool:
        match = regex.search(source(labels))
        if match is None:
            return True
        target = target_template.expand(match)
        valid = is_valid(target)
        value = value_template.expand(match) if valid else ""
        if deletes_literally and not value:
            labels.delete(rule.target_label)
        elif valid:
            labels.set(target, value)
        return True

    return apply


def _set_to(function: Callable[[str], str]) -> Callable[[RelabelRule, Any, str], Callable[[LabelBuilder], bool]]:
    def compile_rule(rule: RelabelRule, regex: Any, version: str) -> Callable[[LabelBuilder], bool]:
        source, target = _source(rule), rule.target_label

        def apply(labels: LabelBuilder) -> bool:
            labels.set(target, function(source(labels)))
            return True

        return apply

    return compile_rule


def _hashmod(rule: RelabelRule, regex: Any, version: str) -> Callable[[LabelBuilder], bool]:
    import hashlib

    source, target, modulus = _source(rule), rule.target_label, rule.modulus

    def apply(labels: LabelBuilder) -> bool:
        digest = hashlib.md5(source(labels).encode(), usedforsecurity=False).digest()
        labels.set(target, str(int.from_bytes(digest[8:], "big") % modulus))
        return True

    return apply


def _labelmap(rule: RelabelRule, regex: Any, version: str) -> Callable[[LabelBuilder], bool]:
    template = Template(rule.replacement)

    def apply(labels: LabelBuilder) -> bool:
        for name, value in labels.items():
            if regex.search(name):
                labels.set(_replace_all(regex, template, name), value)
        return True

    return apply


def _labeldrop(rule: RelabelRule, regex: Any, version: str) -> Callable[[LabelBuilder], bool]:
    def apply(labels: LabelBuilder) -> bool:
        for name, _ in labels.items():
            if regex.search(name):
                labels.delete(name)
        return True

    return apply


def _labelkeep(rule: RelabelRule, regex: Any, version: str) -> Callable[[LabelBuilder], bool]:
    def apply(labels: LabelBuilder) -> bool:
        for name, _ in labels.items():
            if not regex.search(name):
                labels.delete(name)
        return True

    return apply


def _replace_all(regex: Any, template: Template, text: str) -> str:
    """Replace every match, as Go's ``Regexp.ReplaceAllString``.

    A pattern such as ``a)|(b`` breaks out of its anchors and may match more than once. An empty match right after the
    match before is none.
    """
    pieces = []
    start = end = 0
    while start <= len(text) and (match := regex.search(text, start)) is not None:
        pieces.append(text[end : match.start()])
        if match.end() > end or match.start() == 0:
            pieces.append(template.expand(match))
        end = match.end()
        start = max(start + 1, end)
    pieces.append(text[end:])
    return "".join(pieces)


class Template:
    """A replacement, read as Go's ``Regexp.Expand`` does.

    ``$name`` takes the longest run of letters, digits and underscores: ``$1x`` is the group ``1x``, which there is not,
    and gives nothing; ``${1}x`` is what was meant. ``$$`` is a dollar sign, and so is a ``$`` before anything else.
    """

    __slots__ = ("_parts", "groups", "text")

    def __init__(self, text: str) -> None:
        self.text: str = text
        self.groups: list[str | int] = []
        """The groups it names, in order: numbers as ``int``."""
        self._parts: list[tuple[str, str | int | None]] = []
        literal, rest = "", text
        while rest:
            before, dollar, rest = rest.partition("$")
            literal += before
            if not dollar:
                break
            if rest.startswith("$"):
                literal, rest = literal + "$", rest[1:]
                continue
            name, taken = _group_name(rest)
            if not taken:
                literal += "$"
                continue
            group = _group_number(name)
            self.groups.append(group)
            self._parts.append((literal, group))
            literal, rest = "", rest[taken:]
        self._parts.append((literal, None))

    def expand(self, match: Any) -> str:
        """Return the text with the groups of ``match`` in it."""
        return "".join([literal + self._group(match, group) for literal, group in self._parts])

    @staticmethod
    def _group(match: Any, group: str | int | None) -> str:
        if group is None:
            return ""
        if isinstance(group, str):
            if group not in match.re.groupindex:
                return ""
        elif group > match.re.groups:
            return ""
        return match.group(group) or ""


def _group_name(text: str) -> tuple[str, int]:
    """Read the group's name at the beginning of ``text``: the name and how many characters it took, 0 for none."""
    braced = text.startswith("{")
    start = end = int(braced)
    while end < len(text) and (text[end] == "_" or text[end].isalpha() or text[end].isdecimal()):
        end += 1
    name = text[start:end]
    if not name or (braced and text[end : end + 1] != "}"):
        return "", 0
    return name, end + int(braced)


def _group_number(name: str) -> str | int:
    # Go takes no leading zeros and nothing above 100 million for a number.
    if name.isascii() and name.isdigit() and (name == "0" or not name.startswith("0")) and len(name) <= 9:
        return int(name)
    return name


def to_lower(text: str) -> str:
    """Map to lower case rune by rune, as Go's ``strings.ToLower``: no context, never more characters than before."""
    if text.isascii():
        return text.lower()
    # The only letter whose full mapping is longer than its simple one is the capital I with a dot.
    return "".join(["i" if char == "\u0130" else char.lower() for char in text])


def to_upper(text: str) -> str:
    """Map to upper case rune by rune, as Go's ``strings.ToUpper``: ``ß`` stays ``ß``."""
    if text.isascii():
        return text.upper()
    return "".join([_upper_rune(char) for char in text])


def _upper_rune(char: str) -> str:
    # Python knows the full mappings only. Where the full one has several characters, the simple one, if there is one,
    # is the title-case letter (Greek letters with iota subscript).
    upper = char.upper()
    if len(upper) == 1:
        return upper
    title = char.title()
    return title if len(title) == 1 else char


_ACTIONS: dict[str, Callable[[RelabelRule, Any, str], Callable[[LabelBuilder], bool]]] = {
    "keep": _keep,
    "drop": _drop,
    "keepequal": _keepequal,
    "dropequal": _dropequal,
    "hashmod": _hashmod,
    "labelmap": _labelmap,
    "labeldrop": _labeldrop,
    "labelkeep": _labelkeep,
    "lowercase": _set_to(to_lower),
    "uppercase": _set_to(to_upper),
}
