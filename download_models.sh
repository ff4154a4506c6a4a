#!/bin/sh
# Fetches the weights, as GHOST's script of this name did; see `videoswap models download --help`.
#
#   ./download_models.sh                  what the engine ghost needs
#   ./download_models.sh blendface        what another engine needs
#   ./download_models.sh --all
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
python="$here/.venv/bin/python"
[ -x "$python" ] || python=python3
PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m videoswap models download "$@"
