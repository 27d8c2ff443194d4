#!/usr/bin/env bash
# What cmon costs beside its peers, on a real daemon and in the same run. Prints medians, and ratios beside the
# bars that cmon means to keep. Needs root, dockerd, docker, curl, openssl, jq, valgrind and a static busybox.
#
#   ./scripts/bench.sh [--slow] [RUNS] [PART...]     3 runs and all parts by default
#
#   drain      reads a log of 2 million lines (LINES=N for another) to its end
#   forms      a filter beside grep, JSON beside jq, --since, and TLS, on the same log
#   start      the time to the first line
#   follow     the time from a line written to a line printed, at 200 and 5,000 lines a second
#   followers  300 containers of a real daemon, and 100 and 1,000 of the embedded one
#   counts     instructions per line, which do not depend on the machine's speed
#
#   --slow     holds the daemon to half a core
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/half_core.sh
runs=3
lines=${LINES:-2000000}
slow=false
parts=()
for arg in "$@"; do
    case $arg in
        --slow) slow=true ;;
        [1-9] | [1-9][0-9]) runs=$arg ;;
        drain | forms | start | follow | followers | counts) parts+=("$arg") ;;
        *) echo "unknown argument: $arg (see the head of this script)" >&2; exit 2 ;;
    esac
done
((${#parts[@]})) || parts=(drain forms start follow followers counts)

# Apart, since the examples are built with what the tests need, and cmon is measured as it is installed.
cargo build --locked --release --quiet --example bare_loop --example paced_lines --example many_streams
cargo build --locked --release --quiet --bin cmon
cmon=$PWD/target/release/cmon
bare=$PWD/target/release/examples/bare_loop
paced=$PWD/target/release/examples/paced_lines
many=$PWD/target/release/examples/many_streams
# The newest docker command there is makes the fairest peer.
docker=$(command -v docker)

dir=$(mktemp -d /tmp/cmon-bench-XXXX)
# What runs in the background, to be ended at the end.
helpers=()
cleanup() {
    ((${#helpers[@]} == 0)) || kill -CONT "${helpers[@]}" 2>/dev/null || true
    ((${#helpers[@]} == 0)) || kill "${helpers[@]}" 2>/dev/null || true
    wait
    drop_groups
    awk -v d="$dir/" 'index($2, d) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
    rm -rf "$dir"
}
trap cleanup EXIT
end() { # pid...
    kill "$@"
    wait "$@" 2>/dev/null || true
}
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
# In a session of its own, as a service has: the scheduler shares the cores between sessions.
setsid dockerd -D --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "unix://$dir/s" \
    -H "tcp://127.0.0.1:$port" --tlsverify --tlscacert "$dir/server/ca.pem" \
    --tlscert "$dir/server/cert.pem" --tlskey "$dir/server/key.pem" \
    --bridge=none --iptables=false >"$dir/log" 2>&1 &
daemon=$!
helpers+=("$daemon")
export DOCKER_HOST=unix://$dir/s
until curl -sf --unix-socket "$dir/s" http://docker/_ping >/dev/null; do
    kill -0 "$daemon" || { tail -5 "$dir/log" >&2; exit 1; }
    sleep 0.1
done

mkdir -p "$dir/image/bin" "$dir/fifos"
cp "$(command -v busybox)" "$dir/image/bin/busybox"
for tool in sh awk cat sleep; do ln -s busybox "$dir/image/bin/$tool"; done
tar -C "$dir/image" -c . | "$docker" import - box >/dev/null
# 75 digits and a newline: 107 bytes with the timestamp.
write_lines() { # container, lines
    "$docker" run -d --name "$1" --network none box \
        awk -v n="$2" 'BEGIN { for (i = 1; i <= n; i++) printf "%075d\n", i }' >/dev/null
    "$docker" wait "$1" >/dev/null
}
# A container that copies the lines of a FIFO to its log. The FIFO stays open, so that it does not end with a writer.
talk() { # container
    local fifo
    mkfifo "$dir/fifos/$1"
    exec {fifo}<>"$dir/fifos/$1"
    "$docker" run -d --name "$1" --network none -v "$dir/fifos/$1:/fifo" box cat /fifo >/dev/null
}

hold_to_half_a_core() {
    local process
    if half_a_core daemon; then
        for process in $(pgrep -P "$daemon") "$daemon"; do echo "$process" >"$group/cgroup.procs"; done
        echo "the daemon is held to half a core by a cgroup"
    else
        # It runs for 10 of 20 ms.
        while kill -STOP "$daemon" && sleep 0.01 && kill -CONT "$daemon"; do sleep 0.01; done 2>/dev/null &
        helpers+=($!)
        echo "the daemon is held to half a core by stopping it every 20 ms"
    fi
}

# Runs a command, its output into `cat >/dev/null`, and notes its wall and CPU seconds under this name.
TIMEFORMAT='%R %U %S'
measure() { # name, command...
    local name=$1
    shift
    { time "$@" 2>/dev/null; } 2>>"$dir/$name" | cat >/dev/null
}
median() { # name, awk expression
    awk "{ print $2 }" "$dir/$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
wall() { median "$1" '$1'; }
cpu() { median "$1" '$2 + $3'; }
divide() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
table() { # name...
    local name
    printf '%-18s %8s %8s %12s %12s\n' "" "wall s" "CPU s" "wall/$1" "CPU/$1"
    for name in "$@"; do
        printf '%-18s %8.2f %8.2f %12s %12s\n' "$name" "$(wall "$name")" "$(cpu "$name")" \
            "$(divide "$(wall "$name")" "$(wall "$1")")" "$(divide "$(cpu "$name")" "$(cpu "$1")")"
    done
}
ratio() { # name, peer, words
    echo "$3: wall $(divide "$(wall "$1")" "$(wall "$2")"), CPU $(divide "$(cpu "$1")" "$(cpu "$2")")"
}
run_number() { printf '\r%s: run %d of %d ' "$1" "$run" "$runs" >&2; }
same() { # words, file, file
    cmp -s "$2" "$3" || { echo "$1 differ" >&2; exit 1; }
}

# The least CPU among the pauses of the bare loop whose wall time is within a tenth of the shortest.
pauses=(200 500 1000 2000)
best_pause() {
    local pause
    for pause in "${pauses[@]}"; do
        echo "$pause $(wall "bare-$pause") $(cpu "bare-$pause")"
    done | awk '{ pause[NR] = $1; wall[NR] = $2; cpu[NR] = $3; if (NR == 1 || $2 < least) least = $2 }
        END { for (i = 1; i <= NR; i++) if (wall[i] <= least * 1.1 && (!best || cpu[i] < cpu[best])) best = i
              print pause[best] }'
}
drain() {
    local pause name
    for ((run = 1; run <= runs; run++)); do
        run_number drain
        measure docker "$docker" logs -t big
        measure curl curl -s --unix-socket "$dir/s" \
            "http://docker/containers/big/logs?stdout=1&stderr=1&timestamps=1"
        for pause in "${pauses[@]}"; do measure "bare-$pause" "$bare" "$dir/s" big "$pause"; done
        measure cmon "$cmon" tail --no-follow -t big
    done
    printf '\r' >&2
    same "cmon tail -t and docker logs -t" <("$cmon" tail --no-follow -t big) <("$docker" logs -t big)
    name=bare-$(best_pause)
    table docker curl "${pauses[@]/#/bare-}" cmon
    ratio cmon docker "cmon of docker logs -t (bars: wall 0.75, CPU 0.25)"
    ratio cmon "$name" "cmon of the bare loop with its best pause, ${name#bare-} µs (bar: CPU 1.25)"
}

over_tls() { # command...
    DOCKER_HOST=tcp://127.0.0.1:$port DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$dir/client "$@"
}
forms() {
    local since
    # The last thousand lines are from this time on.
    since=$("$docker" logs -t -n 1000 big | sed -n '1s, .*,,p')
    for ((run = 1; run <= runs; run++)); do
        run_number forms
        measure plain "$cmon" tail --no-follow -t big
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
    same "over TLS, cmon tail -t and docker logs -t" \
        <(over_tls "$cmon" tail --no-follow -t big) <(over_tls "$docker" logs -t big)
    same "cmon tail -i and grep" \
        <("$cmon" tail --no-follow -i '99999$' big) <("$docker" logs big | grep '99999$')
    same "cmon tail --since and docker logs -n" \
        <("$cmon" tail --no-follow --since "$since" big) <("$docker" logs -n 1000 big)
    table docker-grep cmon-i docker-jq cmon-json cmon-pretty docker-since cmon-since docker-tls cmon-tls
    ratio cmon-i docker-grep "cmon tail -i of docker logs | grep"
    ratio cmon-json docker-jq "cmon tail -o json of docker logs -t | jq"
    ratio cmon-pretty plain "cmon tail -o pretty of cmon tail -t"
    ratio cmon-since docker-since "cmon tail --since, the first of the last 1000 lines, of docker logs --since"
    ratio cmon-tls docker-tls "cmon tail -t over TLS of docker logs -t over TLS"
}

start() {
    write_lines few 10
    for ((run = 1; run <= runs * 10; run++)); do
        measure docker-few bash -c '"$0" logs few | head -1' "$docker"
        measure cmon-few bash -c '"$0" tail --no-follow few | head -1' "$cmon"
        measure docker-last bash -c '"$0" logs -f -n 10 big | head -1' "$docker"
        measure cmon-last bash -c '"$0" tail big | head -1' "$cmon"
        measure docker-all bash -c '"$0" logs big | head -1' "$docker"
        measure cmon-all bash -c '"$0" tail --no-follow big | head -1' "$cmon"
    done
    ratio cmon-few docker-few "start to the first of 10 lines, cmon of docker logs (bar: wall 0.70)"
    ratio cmon-last docker-last "start to the first of the last 10 lines and a follow, cmon of docker logs -f (bar: wall 0.70)"
    ratio cmon-all docker-all "start to the first line of a whole long log, cmon of docker logs"
    echo "the binary has $(awk -v b="$(stat -c %s "$cmon")" 'BEGIN { printf "%.1f", b / 1e6 }') MB (bar: 9)"
}

# Prints the p50 and p99 of a follower's delays in µs, and how many lines it saw in 5 s.
delays() { # command...
    { timeout -s INT 5 "$@" 2>/dev/null || true; } | "$paced" read
}
follow() {
    local rate writer tool
    talk paced
    for rate in 200 5000; do
        "$paced" write "$rate" "$dir/fifos/paced" &
        writer=$!
        helpers+=("$writer")
        for ((run = 1; run <= runs; run++)); do
            run_number "follow, $rate lines a second"
            delays "$docker" logs -f -n 0 paced >>"$dir/docker-delay-$rate"
            delays "$cmon" tail -q -n 0 paced >>"$dir/cmon-delay-$rate"
        done
        end "$writer"
        printf '\r' >&2
        awk -v dp="$(median "docker-delay-$rate" '$1')" -v d9="$(median "docker-delay-$rate" '$2')" \
            -v cp="$(median "cmon-delay-$rate" '$1')" -v c9="$(median "cmon-delay-$rate" '$2')" -v rate="$rate" \
            'BEGIN { printf "%d lines a second, written to printed: docker logs -f p50 %.2f ms, p99 %.2f ms; cmon p50 %.2f ms, p99 %.2f ms (bar: 1 ms more)\n",
                rate, dp / 1000, d9 / 1000, cp / 1000, c9 / 1000 }'
    done
    "$docker" kill paced >/dev/null
}

# CPU ticks that a process has used, and the KiB of memory that it shares with none.
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
rss() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"; }
pss() { awk '$1 == "Pss:" { print $2 }' "/proc/$1/smaps_rollup"; }
sum() { # function, pid...
    local of=$1 pid
    shift
    for pid in "$@"; do "$of" "$pid"; done | awk '{ sum += $1 } END { print sum }'
}
# The CPU ticks of processes in 20 s.
ticks_in_20_s() { # pid...
    local before
    before=$(sum ticks "$@")
    sleep 20
    echo $(($(sum ticks "$@") - before))
}
followers() {
    local number names=() peers=() writer follower count docker_ticks cmon_ticks docker_memory cmon_memory
    local hz rate=3000
    hz=$(getconf CLK_TCK)
    for ((number = 0; number < 300; number++)); do
        printf '\rstarting container %d of 300 ' $((number + 1)) >&2
        names+=("talk-$number")
        talk "talk-$number"
    done
    printf '\r' >&2
    "$paced" write 10 "${names[@]/#/$dir/fifos/}" &
    writer=$!
    helpers+=("$writer")
    "$cmon" tail -q -n 0 "${names[@]}" >/dev/null &
    follower=$!
    helpers+=("$follower")
    sleep 10
    cmon_ticks=$(ticks_in_20_s "$follower") cmon_memory=$(rss "$follower")
    kill -INT "$follower"
    for number in "${names[@]}"; do
        "$docker" logs -f -n 0 "$number" >/dev/null &
        peers+=($!)
    done
    helpers+=("${peers[@]}")
    sleep 20
    docker_ticks=$(ticks_in_20_s "${peers[@]}") docker_memory=$(sum pss "${peers[@]}")
    end "${peers[@]}" "$writer"
    awk -v c="$cmon_ticks" -v d="$docker_ticks" -v cm="$cmon_memory" -v dm="$docker_memory" -v hz="$hz" 'BEGIN {
        printf "300 containers at 10 lines a second: CPU %.1f %% of a core, docker logs -f %.1f %%: %.2f (bar 0.35); ",
            c / hz / 20 * 100, d / hz / 20 * 100, c / d
        printf "RSS %.1f MiB (bar 30), docker logs -f %.0f MiB\n", cm / 1024, dm / 1024 }'
    "$docker" kill "${names[@]}" >/dev/null

    for count in 1 100 1000; do
        "$many" "$dir/many-$count" "$count" "$rate" 2>"$dir/opened-$count" &
        writer=$!
        helpers+=("$writer")
        until [[ -S $dir/many-$count ]]; do sleep 0.1; done
        DOCKER_HOST=unix://$dir/many-$count "$cmon" tail -q -a -n 0 --order-window 0ms > >("$paced" read >"$dir/delay-$count") &
        follower=$!
        helpers+=("$follower")
        sleep 10
        ticks_in_20_s "$follower" >"$dir/ticks-$count"
        rss "$follower" >"$dir/rss-$count"
        kill -INT "$follower"
        wait "$follower" || true
        end "$writer"
    done
    sleep 1
    cat "$dir/opened-1000"
    for count in 100 1000; do
        awk -v t="$(cat "$dir/ticks-$count")" -v r="$(cat "$dir/rss-$count")" -v r1="$(cat "$dir/rss-1")" \
            -v n="$count" -v hz="$hz" -v rate="$rate" -v delay="$(cut -d' ' -f1-2 "$dir/delay-$count")" 'BEGIN {
            split(delay, ms, " ")
            printf "%d streams, %d lines a second together: CPU %.1f %% of a core, RSS %.1f MiB, %.1f KiB a stream more than one (bar 50), written to printed p50 %.2f ms, p99 %.2f ms\n",
                n, rate, t / hz / 20 * 100, r / 1024, (r - r1) / (n - 1), ms[1] / 1000, ms[2] / 1000 }'
    done
    echo "CPU per line of 1,000 streams, of 100 streams: $(
        divide "$(cat "$dir/ticks-1000")" "$(cat "$dir/ticks-100")") (bar 1.30)"
}

# The instructions that a command takes, and the lines that it prints.
instructions() { # command...
    local printed
    printed=$("${limit[@]}" valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --log-file="$dir/callgrind" "$@" 2>/dev/null | wc -l)
    echo "$(awk '/Collected/ { print $NF }' "$dir/callgrind") $printed"
}
# Start and end are in both, and so not in the difference.
per_line() { # instructions and lines of the longer run, of the shorter one
    awk -v a="$1" -v b="$2" 'BEGIN { split(a, x, " "); split(b, y, " "); printf "%.0f", (x[1] - y[1]) / (x[2] - y[2]) }'
}
counts() {
    local form writer limit=()
    for form in "" -t; do
        echo "instructions per line, drain${form:+ with $form}: $(per_line \
            "$(instructions "$cmon" tail --no-follow -q $form -n 150000 big)" \
            "$(instructions "$cmon" tail --no-follow -q $form -n 50000 big)")"
    done
    talk counted
    "$paced" write 1000 "$dir/fifos/counted" &
    writer=$!
    helpers+=("$writer")
    instructions_of_follow() { # seconds
        limit=(timeout -s INT "$1")
        instructions "$cmon" tail -q -n 0 counted
    }
    echo "instructions per line, follow at 1,000 lines a second: $(per_line \
        "$(instructions_of_follow 40)" "$(instructions_of_follow 10)")"
    end "$writer"
    "$docker" kill counted >/dev/null
}

if $slow; then hold_to_half_a_core; fi
write_lines big "$lines"
echo "daemon $("$docker" version -f '{{.Server.Version}}'), docker $("$docker" version -f '{{.Client.Version}}')," \
    "$(curl --version | head -1 | cut -d' ' -f1-2), $("$cmon" --version), $lines lines, $runs runs, $(nproc) cores"
for part in "${parts[@]}"; do
    printf '\n== %s\n' "$part"
    "$part"
done
