#!/usr/bin/env bash
# What reading costs: a log of 2 million lines from a real daemon, by cmon and by its peers in the
# same run, each into `cat >/dev/null`. Prints medians, and ratios beside the bars that cmon means to
# keep. The same over TLS, by cmon and by docker; a filter beside grep, JSON beside jq, and the time to
# the first line of the last moments. Needs root, dockerd, docker, curl, openssl, jq and a static busybox.
#
#   ./scripts/bench.sh [RUNS]        5 runs unless told otherwise; LINES=N for another log
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
lines=${LINES:-2000000}

cargo build --locked --release --quiet --bin cmon --example bare_loop
cmon=$PWD/target/release/cmon
bare=$PWD/target/release/examples/bare_loop
# The newest docker command there is makes the fairest peer.
docker=$(command -v docker)

dir=$(mktemp -d /tmp/cmon-bench-XXXX)
# An authority, and a certificate each for the daemon and for its clients.
certificates() {
    local name new=(openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=cmon-bench)
    "${new[@]}" -x509 -days 2 -keyout "$dir/ca-key.pem" -out "$dir/ca.pem" 2>/dev/null
    for name in server client; do
        mkdir "$dir/$name"
        cp "$dir/ca.pem" "$dir/$name/ca.pem"
        "${new[@]}" -keyout "$dir/$name/key.pem" -out "$dir/$name/csr" 2>/dev/null
        openssl x509 -req -in "$dir/$name/csr" -CA "$dir/ca.pem" -CAkey "$dir/ca-key.pem" -CAcreateserial \
            -days 2 -extfile <(echo subjectAltName=IP:127.0.0.1) -out "$dir/$name/cert.pem" 2>/dev/null
    done
}
certificates
port=$((20000 + RANDOM % 20000))
dockerd -D --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "unix://$dir/s" \
    -H "tcp://127.0.0.1:$port" --tlsverify --tlscacert "$dir/server/ca.pem" \
    --tlscert "$dir/server/cert.pem" --tlskey "$dir/server/key.pem" \
    --bridge=none --iptables=false >"$dir/log" 2>&1 &
daemon=$!
cleanup() {
    kill "$daemon" 2>/dev/null && wait "$daemon" || true
    awk -v d="$dir/" 'index($2, d) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
    rm -rf "$dir"
}
trap cleanup EXIT
export DOCKER_HOST=unix://$dir/s
until curl -sf --unix-socket "$dir/s" http://docker/_ping >/dev/null; do sleep 0.1; done

mkdir -p "$dir/image/bin"
cp "$(command -v busybox)" "$dir/image/bin/busybox"
for tool in sh awk; do ln -s busybox "$dir/image/bin/$tool"; done
tar -C "$dir/image" -c . | "$docker" import - box >/dev/null
# 75 digits and a newline: 107 bytes with the timestamp.
"$docker" run -d --name big --network none box \
    awk -v n="$lines" 'BEGIN { for (i = 1; i <= n; i++) printf "%075d\n", i }' >/dev/null
"$docker" wait big >/dev/null

echo "daemon $("$docker" version -f '{{.Server.Version}}'), docker $("$docker" version -f '{{.Client.Version}}')," \
    "$(curl --version | head -1 | cut -d' ' -f1-2), $("$cmon" --version), $lines lines, $runs runs, $(nproc) cores"

TIMEFORMAT='%R %U %S'
measure() { # name, command...
    local name=$1
    shift
    { time "$@" 2>/dev/null; } 2>>"$dir/$name" | cat >/dev/null
}
over_tls() { # command...
    DOCKER_HOST=tcp://127.0.0.1:$port DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$dir/client "$@"
}
# The last thousand lines are from this time on.
since=$("$docker" logs -t -n 1000 big | sed -n '1s, .*,,p')
for ((run = 1; run <= runs; run++)); do
    printf '\rrun %d of %d' "$run" "$runs" >&2
    measure docker "$docker" logs -t big
    measure curl curl -s --unix-socket "$dir/s" \
        "http://docker/containers/big/logs?stdout=1&stderr=1&timestamps=1"
    measure bare "$bare" "$dir/s" big
    measure cmon "$cmon" tail --no-follow -t big
    measure docker-grep bash -c '"$0" logs big | grep 99999$' "$docker"
    measure cmon-i "$cmon" tail --no-follow -i '99999$' big
    measure docker-jq bash -c '"$0" logs -t big | jq -cR "capture(\"(?<time>[^ ]*) (?<msg>.*)\")"' "$docker"
    measure cmon-json "$cmon" tail --no-follow -o json big
    measure cmon-pretty "$cmon" tail --no-follow -o pretty big
    measure docker-since bash -c '"$0" logs --since "$1" big | head -1' "$docker" "$since"
    measure cmon-since bash -c '"$0" tail --no-follow --since "$1" big | head -1' "$cmon" "$since"
    measure docker-tls over_tls "$docker" logs -t big
    measure cmon-tls over_tls "$cmon" tail --no-follow -t big
done
printf '\r' >&2

# All lines came, and they are the daemon's.
[[ $("$cmon" tail --no-follow -t big | cksum) == $("$docker" logs -t big | cksum) &&
    $(over_tls "$cmon" tail --no-follow -t big | cksum) == $("$docker" logs -t big | cksum) ]] ||
    { echo "cmon and docker logs differ" >&2; exit 1; }
[[ $("$cmon" tail --no-follow -i '99999$' big | cksum) == $("$docker" logs big | grep '99999$' | cksum) &&
    $("$cmon" tail --no-follow --since "$since" big | cksum) == $("$docker" logs -n 1000 big | cksum) ]] ||
    { echo "cmon and grep or docker logs -n differ" >&2; exit 1; }

median() { # file, awk expression
    awk "{ print $2 }" "$dir/$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
printf '%-16s %8s %8s %14s %14s\n' "" "wall s" "CPU s" "wall/docker" "CPU/docker"
dw=$(median docker '$1') dc=$(median docker '$2 + $3')
for name in docker curl bare cmon docker-grep cmon-i docker-jq cmon-json cmon-pretty docker-since cmon-since \
    docker-tls cmon-tls; do
    w=$(median $name '$1') c=$(median $name '$2 + $3')
    awk -v n=$name -v w="$w" -v c="$c" -v dw="$dw" -v dc="$dc" \
        'BEGIN { printf "%-16s %8.2f %8.2f %14.2f %14.2f\n", n, w, c, w / dw, c / dc }'
done
awk -v w="$(median cmon '$1')" -v c="$(median cmon '$2 + $3')" -v dw="$dw" -v dc="$dc" \
    -v b="$(median bare '$2 + $3')" 'BEGIN {
    printf "cmon: wall %.2f of docker logs -t (bar 0.80), CPU %.2f (bar 0.25), CPU %.2f of the bare loop (bar 1.50)\n",
        w / dw, c / dc, c / b }'
ratio() { # name, peer, words
    awk -v w="$(median "$1" '$1')" -v c="$(median "$1" '$2 + $3')" -v pw="$(median "$2" '$1')" \
        -v pc="$(median "$2" '$2 + $3')" -v words="$3" \
        'BEGIN { printf "%s: wall %.2f, CPU %.2f\n", words, w / pw, c / pc }'
}
ratio cmon-i docker-grep "cmon tail -i of docker logs | grep"
ratio cmon-json docker-jq "cmon tail -o json of docker logs -t | jq"
ratio cmon-pretty cmon "cmon tail -o pretty of cmon tail -t"
ratio cmon-since docker-since "cmon tail --since, the first of the last 1000 lines, of docker logs --since"
awk -v w="$(median cmon-tls '$1')" -v c="$(median cmon-tls '$2 + $3')" \
    -v dw="$(median docker-tls '$1')" -v dc="$(median docker-tls '$2 + $3')" 'BEGIN {
    printf "cmon over TLS: wall %.2f and CPU %.2f of docker logs -t over TLS\n", w / dw, c / dc }'
