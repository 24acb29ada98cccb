"""Templates in the labels and annotations of alerts, parsed as Go's ``text/template`` does.

Only parsed: Prometheus does no more when it loads a rule file. What this grammar does not cover is not judged.
"""

from __future__ import annotations

import re
from collections import Counter

from pytest_pushgateway.prometheus.values import quote, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_FUNCTIONS = frozenset(
    (
        *("query", "first", "label", "value", "strvalue", "args", "reReplaceAll", "safeHtml", "match", "title"),
        *("toUpper", "toLower", "graphLink", "tableLink", "sortByLabel", "stripPort", "stripDomain", "humanize"),
        *("humanize1024", "humanizeDuration", "humanizePercentage", "humanizeTimestamp", "toTime", "pathPrefix"),
        *("externalURL", "parseDuration", "tmpl", "and", "call", "html", "index", "slice", "js", "len", "not", "or"),
        *("print", "printf", "println", "urlquery", "eq", "ge", "gt", "le", "lt", "ne"),
    )
)
_NEWER = {"toDuration": "3.6", "now": "3.6", "urlQueryEscape": "3.8"}
_VARIABLES = ("$", "$labels", "$externalLabels", "$externalURL", "$value")
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?P<char>'(?:[^'\\\n]|\\.)+')
    |(?P<variable>\$\w*)|(?P<field>\.[^\W\d]\w*)|(?P<number>[-+]?(?:0[xX][\da-fA-F]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?))
    |(?P<word>[^\W\d]\w*)|(?P<declare>:=)|(?P<other>[|().,=])""",
    re.VERBOSE,
)
_BLOCKS = ("if", "range", "with")
_MOST_DEPTH = 100
"""Parentheses in each other that are judged."""


class TemplateError(ValueError):
    """Go refuses the template; the text is Go's, after ``template: <name>:<line>: ``. ``line`` is 1-based."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class TemplateUnjudged(Exception):
    """The template has something that is not judged here."""


def check_template(text: str, version: str) -> None:
    """Parse a template.

    Raises:
        TemplateError: Go refuses it.
        TemplateUnjudged: it is not judged.

    """
    _Template(text, version).parse()


class _Template:
    def __init__(self, text: str, version: str) -> None:
        self.text = text
        self.version = version
        self.variables: list[str] = list(_VARIABLES)
        self.declared: Counter[str] = Counter(_VARIABLES)
        """How often each of the variables is among them."""
        self.blocks: list[tuple[str, int, bool]] = []
        self.line = 1

    def parse(self) -> None:
        at = counted = 0
        while (start := self.text.find("{{", at)) >= 0:
            self.line += self.text.count("\n", counted, start)
            counted = start
            at = self._action(start + 2)
        self.line += self.text.count("\n", counted)
        if self.blocks:
            raise TemplateError("unexpected EOF", self.line)

    def _action(self, start: int) -> int:
        """Parse the action that begins at ``start``; return the index after it."""
        at = start + 2 if re.match(r"-\s", self.text[start : start + 2]) else start
        if self.text.startswith("/*", at):
            end = self.text.find("*/", at)
            if end < 0:
                raise TemplateError("unclosed comment", self.line)
            closing = re.compile(r"(?:\s+-)?\}\}").match(self.text, end + 2)
            if not closing:
                raise TemplateError("comment ends before closing delimiter", self.line)
            return closing.end()
        tokens, end = self._tokens(at)
        self._statement(tokens)
        return end

    def _tokens(self, at: int) -> tuple[list[tuple[str, str]], int]:
        tokens: list[tuple[str, str]] = []
        depth = 0
        while True:
            closing = re.compile(r"(?:\s+-)?\}\}").match(self.text, at)
            if closing:
                if depth:
                    raise TemplateError("unclosed left paren", self.line)
                return [one for one in tokens if one[0] != "space"], closing.end()
            if at >= len(self.text):
                raise TemplateError("unclosed action", self.line)
            found = _TOKEN.match(self.text, at)
            if found is None:
                self._refuse(at, tokens)
            kind = str(found.lastgroup)
            depth += (found[0] == "(") - (found[0] == ")")
            if depth < 0:
                raise TemplateError("unexpected right paren U+0029 ')'", self.line)
            if depth > _MOST_DEPTH:
                raise TemplateUnjudged(f"more than {_MOST_DEPTH} parentheses in each other")
            tokens.append((kind, found[0]))
            at = found.end()

    def _refuse(self, at: int, tokens: list[tuple[str, str]]) -> NoReturn:
        letter = self.text[at]
        if letter in "\"'`":
            what = {'"': "quoted string", "`": "raw quoted string", "'": "character constant"}[letter]
            raise TemplateError(f"unterminated {what}", self.line)
        if letter in "{}[]!@%&*+/<>?;" and letter.isascii():
            self._statement([one for one in tokens if one[0] != "space"], upto=True)
            raise TemplateError(f"unexpected {quote(letter)} in operand", self.line)
        raise TemplateUnjudged(f"the letter {letter!r}")

    def _statement(self, tokens: list[tuple[str, str]], *, upto: bool = False) -> None:
        word = tokens[0][1] if tokens and tokens[0][0] == "word" else ""
        if word in _BLOCKS:
            self.blocks.append((word, len(self.variables), False))
            self._pipeline(tokens[1:], word, upto=upto)
        elif word == "end":
            if not self.blocks:
                raise TemplateError("unexpected {{end}}", self.line)
            self._forget(self.blocks.pop()[1])
        elif word == "else":
            self._else(tokens[1:])
        elif word in ("define", "block", "template", "break", "continue"):
            if not self.blocks and word in ("break", "continue"):
                raise TemplateError(f"{{{{{word}}}}} outside {{{{range}}}}", self.line)
            raise TemplateUnjudged(f"the action {word}")
        else:
            self._pipeline(tokens, "command", upto=upto)

    def _else(self, rest: list[tuple[str, str]]) -> None:
        if not self.blocks:
            raise TemplateError("unexpected {{else}}", self.line)
        kind, variables, has_else = self.blocks.pop()
        if has_else:
            raise TemplateError("expected end; found {{else}}", self.line)
        self._forget(variables)
        if rest and rest[0] == ("word", "if") and kind == "if":
            self.blocks.append((kind, variables, False))
            self._pipeline(rest[1:], "if")
        elif rest:
            raise TemplateUnjudged("an else with more")
        else:
            self.blocks.append((kind, variables, True))

    def _pipeline(self, tokens: list[tuple[str, str]], context: str, *, upto: bool = False) -> None:
        tokens = self._declared(tokens, context)
        commands: list[list[tuple[str, str]]] = [[]]
        depth = 0
        for token in tokens:
            depth += (token[1] == "(") - (token[1] == ")")
            if token == ("other", "|") and not depth:
                commands.append([])
            else:
                commands[-1].append(token)
        for number, command in enumerate(commands):
            if not command and len(commands) == 1 and not upto:
                raise TemplateError(f"missing value for {context}", self.line)
            if not command and number < len(commands) - 1:  # Go takes a pipe at the end
                raise TemplateUnjudged("a pipe from nothing")
            self._command(command, number)

    def _declared(self, tokens: list[tuple[str, str]], context: str) -> list[tuple[str, str]]:
        names: list[str] = []
        rest = tokens
        while len(rest) >= 2 and rest[0][0] == "variable":
            if rest[1][0] == "declare":
                names.append(rest[0][1])
                self.variables += names
                self.declared.update(names)
                return rest[2:]
            if rest[1] == ("other", "=") and not names:
                self._use(rest[0][1])
                return rest[2:]
            if rest[1] == ("other", ",") and context == "range" and not names:
                names.append(rest[0][1])
                rest = rest[2:]
            else:
                break
        return tokens

    def _command(self, command: list[tuple[str, str]], number: int) -> None:
        at = 0
        while at < len(command):
            kind, text = command[at]
            if text == "(":
                end = self._closing(command, at)
                self._pipeline(command[at + 1 : end], "parenthesized pipeline")
                at = end
            elif kind == "variable":
                self._use(text)
            elif kind == "word":
                self._word(text)
            elif kind in ("declare", "other") and text != ".":
                raise TemplateUnjudged(f"{text!r} in an action")
            elif number and not at and kind in ("string", "char", "number"):
                raise TemplateUnjudged("a constant at the end of a pipe")
            at += 1

    @staticmethod
    def _closing(command: list[tuple[str, str]], at: int) -> int:
        depth = 0
        for index in range(at, len(command)):
            depth += (command[index][1] == "(") - (command[index][1] == ")")
            if not depth:
                return index
        return len(command)

    def _forget(self, first: int) -> None:
        """Forget the variables of a block that ends."""
        self.declared.subtract(self.variables[first:])
        del self.variables[first:]

    def _use(self, name: str) -> None:
        if not self.declared[name]:
            raise TemplateError(f"undefined variable {quote(name)}", self.line)

    def _word(self, name: str) -> None:
        if name in ("true", "false", "nil") or name in _FUNCTIONS:
            return
        since = _NEWER.get(name)
        if since is None or not reaches(self.version, since):
            raise TemplateError(f"function {quote(name)} not defined", self.line)
