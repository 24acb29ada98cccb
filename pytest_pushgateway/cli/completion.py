"""Completion of command lines in bash, fish and zsh: the script that asks the program, and what the program answers.

``pytest-pushgateway --completion-script-bash`` prints the script, which calls ``--completion-bash`` with the words so
far, as kingpin's does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_BASH = """\
_pytest_pushgateway() {
    local words
    words=$("${COMP_WORDS[0]}" --completion-bash "${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _pytest_pushgateway -o default pytest-pushgateway
"""
_FISH = """\
function __pytest_pushgateway
    set -l words (commandline -opc) (commandline -ct)
    $words[1] --completion-bash $words[2..-1]
end
complete -c pytest-pushgateway -a '(__pytest_pushgateway)'
"""
_ZSH = """\
#compdef pytest-pushgateway
_pytest_pushgateway() {
    local -a found
    found=(${(f)"$("${words[1]}" --completion-bash "${(@)words[2,CURRENT]}")"})
    compadd -a found
    [[ $compstate[nmatches] -eq 0 && $words[CURRENT] != -* ]] && _files
}
compdef _pytest_pushgateway pytest-pushgateway
"""


def script(shell: str) -> str:
    """Return the script for ``bash``, ``fish`` or ``zsh`` to evaluate."""
    return {"bash": _BASH, "fish": _FISH, "zsh": _ZSH}[shell]


def candidates(flags: Iterable[tuple[str, Sequence[str] | None]], words: Sequence[str]) -> list[str]:
    """Return what the last of a command's ``words`` may become: flags, or values of a flag.

    ``flags`` are names with the values that are known, or None for a flag without a value.
    """
    values = dict(flags)
    before, current = (words[-2] if len(words) > 1 else ""), words[-1]
    if (known := values.get(before.removeprefix("--"))) is not None and not current.startswith("--"):
        return list(known)
    return ["--help", *(f"--{name}" for name in values), "--version"] if current.startswith("-") else []
