"""``videoswap completion``: what a shell needs to complete the command line.

The shell asks ``videoswap completion ask -- WORDS...`` at every Tab, so what is offered is always
what this version knows. Where nothing is offered, the shell completes names of files.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..errors import UsageError
from .parser import Parser, spelled_out

_BASH = """\
_videoswap() {
    local IFS=$'\\n'
    mapfile -t COMPREPLY < <(videoswap completion ask -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" \\
        "${COMP_WORDS[COMP_CWORD]}" 2>/dev/null)
}
complete -o bashdefault -o default -F _videoswap videoswap
"""
_ZSH = """\
#compdef videoswap
_videoswap() {
    local -a found
    found=("${(@f)$(videoswap completion ask -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then
        compadd -- "${found[@]}"
    else
        _files
    fi
}
compdef _videoswap videoswap
"""
_FISH = """\
function __videoswap_complete
    set -l words (commandline -opc) (commandline -ct)
    videoswap completion ask -- $words[2..-1] 2>/dev/null
end
complete -c videoswap -a '(__videoswap_complete)'
"""
SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_WHERE = """\
to switch it on:
  bash  echo 'source <(videoswap completion bash)' >> ~/.bashrc
  zsh   echo 'source <(videoswap completion zsh)' >> ~/.zshrc
  fish  videoswap completion fish > ~/.config/fish/completions/videoswap.fish
"""


def add_arguments(parser: Parser) -> None:
    """Add the shells."""
    parser.epilog = f"{_WHERE}\n{parser.epilog}"
    parts = parser.add_subparsers(dest="shell", required=True, metavar="SHELL")
    for shell in SHELLS:
        parts.add_parser(shell, help=f"print what {shell} needs")
    ask = parts.add_parser("ask", help="print what may come next; shells ask this")
    ask.add_argument("line", nargs="*", metavar="WORD")


def run(arguments: argparse.Namespace) -> int:
    """Print a shell's script, or what may come next."""
    if arguments.shell in SHELLS:
        arguments.console.show(SHELLS[arguments.shell])
        return 0
    arguments.console.show("\n".join(candidates(arguments.program, arguments.line)))
    return 0


def candidates(parser: Parser, words: Sequence[str]) -> list[str]:
    """Return what the last word may become.

    Args:
        parser: The parser of the program.
        words: The words after the program's name; the last one is being written, and may be empty.

    Returns:
        Flags, commands or choices in order; nothing where a file or a number is wanted.
    """
    *before, last = words or [""]
    try:
        chosen = spelled_out(parser, before).parser
    except UsageError:
        return []
    flags = chosen.flags()
    previous = flags.get(before[-1]) if before else None
    if previous is not None and previous.nargs != 0 and not last.startswith("-"):
        known = [str(choice) for choice in previous.choices or ()]
    elif last.startswith("-"):
        known = sorted(flag for flag in flags if flag.startswith("--"))
        last = f"--{last.lstrip('-').replace('-', '_')}"
    else:
        known = list(chosen.parts())
        for action in chosen.positionals():
            known += [str(choice) for choice in action.choices or ()]
    return [one for one in known if one.startswith(last)]
