#!/bin/sh
# A container engine of one's own, for machines where none runs: dockerd with its images and containers in one folder and
# no network set up. Outside it leaves its empty control groups, /run/docker and a key in /etc/docker. Needs root and the
# package docker.io.
#   engine.sh start DIR   start it and print the line `DOCKER_HOST=unix://DIR/docker.sock`; where an engine answers
#                         already, print that one's and start nothing
#   engine.sh stop DIR    end the one that was started in DIR, and remove what it kept there
set -eu

say() { printf '%s\n' "engine: $*" >&2; }
fail() { say "$*"; exit 1; }

start() {
    for address in "${DOCKER_HOST:-}" unix:///var/run/docker.sock "unix://$dir/docker.sock"; do
        if answers "$address"; then echo "DOCKER_HOST=$address"; return; fi
    done
    [ "$(id -u)" = 0 ] || fail "only root can start an engine; start Docker or Podman as this machine does, and set DOCKER_HOST"
    command -v dockerd >/dev/null || fail "dockerd is missing: apt-get install --no-install-recommends docker.io"
    mkdir -p "$dir"
    nohup dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "unix://$dir/docker.sock" \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false --userland-proxy=false \
        >"$dir/log" 2>&1 </dev/null &
    child=$!
    for _ in $(seq 300); do
        if answers "unix://$dir/docker.sock"; then echo "DOCKER_HOST=unix://$dir/docker.sock"; return; fi
        kill -0 $child 2>/dev/null || break
        sleep 0.1
    done
    tail -n 5 "$dir/log" >&2
    kill $child 2>/dev/null || true
    fail "dockerd does not run here, see above and $dir/log"
}

stop() {
    [ -f "$dir/pid" ] || return 0
    pid=$(cat "$dir/pid")
    # A number in a file may by now be another program's.
    if grep -qs dockerd "/proc/$pid/comm"; then
        kill "$pid"
        for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        ! kill -0 "$pid" 2>/dev/null || fail "dockerd ($pid) does not end"
    fi
    # It leaves the network namespaces that it named mounted.
    for mounted in "$dir"/exec/netns/*; do umount "$mounted" 2>/dev/null || true; done
    rm -rf --one-file-system "$dir/data" "$dir/exec" "$dir/docker.sock" "$dir/pid"
}

# An engine that says so over its socket, in two seconds; other addresses are left to those who named them.
answers() {
    case $1 in
        unix://*) python3 -c '
import socket, sys
engine = socket.socket(socket.AF_UNIX)
engine.settimeout(2)
engine.connect(sys.argv[1])
engine.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
sys.exit(b" 200 " not in engine.recv(64))' "${1#unix://}" 2>/dev/null ;;
        ?*) return 0 ;;
        *) return 1 ;;
    esac
}

command=${1:?start or stop}
dir=$(realpath -m "${2:?the folder of the engine}")
case $command in
    start | stop) "$command" ;;
    *) fail "got $command, expected start or stop" ;;
esac
