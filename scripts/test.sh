#!/usr/bin/env bash
# Runs every test of cmon: format, lints, documentation, unit, property and scripted tests, and the
# tests on a real Docker daemon, which they start for themselves in a private directory.
#
#   ./scripts/test.sh               everything
#   ./scripts/test.sh --long        with more cases for the random tests, longer fuzzing, and leak checks
#                                   at full length
#   ./scripts/test.sh --busy        with four busy loops beside the tests: no test may depend on how
#                                   fast the machine is
#   ./scripts/test.sh --half-core   with the tests and their daemons held to half a core each, which
#                                   takes a writable cgroup (v1 or v2)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/half_core.sh

fuzz_seconds=15
busy=false
half_core=false
more=()
for arg in "$@"; do
    case $arg in
        --long) export PROPTEST_CASES=20000 CMON_LONG=1; fuzz_seconds=600; more=(--include-ignored) ;;
        --busy) busy=true ;;
        --half-core) half_core=true ;;
        *) echo "unknown argument: $arg (try --long, --busy or --half-core)" >&2; exit 2 ;;
    esac
done
# A test that fails in a process of its own shows that process's message, not backtraces.
export RUST_BACKTRACE=0

# Prints how long the step before this one took.
step_name=
step_begun=0
step() {
    [[ -z $step_name ]] || printf '   %s: %d s\n' "$step_name" $((SECONDS - step_begun))
    step_name=$1 step_begun=$SECONDS
    [[ -z $1 ]] || printf '\n== %s\n' "$1"
}

policy=
loops=()
finish() {
    local status=$?
    [[ -z $policy ]] || rm -f "$policy"
    ((${#loops[@]} == 0)) || kill "${loops[@]}" 2>/dev/null || true
    drop_groups
    step ""
    printf '\n%s after %d min %d s\n' "$( ((status == 0)) && echo passed || echo FAILED)" \
        $((SECONDS / 60)) $((SECONDS % 60))
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A loop ends by itself when this script is gone, however it ended.
start_busy_loops() {
    local loop
    for loop in 1 2 3 4; do
        (
            trap - EXIT INT TERM
            while kill -0 $$ 2>/dev/null; do
                for ((loop = 0; loop < 100000; loop++)); do :; done
            done
        ) &
        loops+=($!)
    done
}

half_a_core_or_end() { # name
    half_a_core "$1" || {
        echo "--half-core needs a writable cgroup with the cpu controller, and /sys/fs/cgroup has none" >&2
        echo "try: run this as root on a machine or in a VM; in a container, --privileged --cgroupns=host" >&2
        exit 1
    }
}

missing=()
command -v dockerd >/dev/null && command -v docker >/dev/null || missing+=(docker.io)
command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1 ||
    missing+=(busybox-static)
# dockerd looks for iptables even where it is told not to use it.
command -v iptables >/dev/null || missing+=(iptables)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
# The program that leaks for the tests of `leak-check` is Go.
command -v go >/dev/null || missing+=(golang-go)
# `cmon watch` is tried in a real terminal, and its figures are scraped.
command -v tmux >/dev/null || missing+=(tmux)
# cmon is tried behind a proxy, and on another daemon.
command -v nginx >/dev/null || missing+=(nginx)
command -v podman >/dev/null && command -v runc >/dev/null || missing+=(podman runc)
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing+=(prometheus)
# The completion scripts are loaded by their shells.
command -v zsh >/dev/null || missing+=(zsh)
command -v fish >/dev/null || missing+=(fish)
# cmon reaches a daemon through ssh.
command -v sshd >/dev/null && command -v ssh >/dev/null || missing+=(openssh-server openssh-client)
# The fuzzing engine is C++.
command -v c++ >/dev/null || missing+=(g++)
if ((${#missing[@]})); then
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        step "installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        # The tests start a daemon of their own; the packaged service has no work here.
        if [[ ! -e /usr/sbin/policy-rc.d ]]; then
            printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
            chmod +x /usr/sbin/policy-rc.d
            policy=/usr/sbin/policy-rc.d
        fi
        install() {
            apt-get -qq update && apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null
        }
        install || { sleep 5; install; }
        [[ -z $policy ]] || rm -f "$policy"
        policy=
    else
        echo "The tests need: ${missing[*]}" >&2
        echo "On Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
        echo "Elsewhere: dockerd and the docker command, a static busybox, tmux, zsh, fish, prometheus, Go, a C linker." >&2
        exit 1
    fi
fi
if [[ $(id -u) != 0 ]]; then
    echo "The tests start a Docker daemon, which takes root: run this as root." >&2
    exit 1
fi

step "format"
cargo fmt --check
step "lints"
cargo clippy --locked --all-targets --quiet -- -D warnings
step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet
step "fuzzing, $fuzz_seconds s each target"
cargo clippy --locked --manifest-path fuzz/Cargo.toml --target-dir target --quiet -- -D warnings
export PATH="$PWD/target/tools/bin:$PATH"
command -v cargo-fuzz >/dev/null ||
    cargo install --locked --quiet --version 0.13.1 --root target/tools cargo-fuzz
for target in answer anchor profile cursor; do
    seeds=()
    [[ ! -d fuzz/seeds/$target ]] || seeds=("fuzz/seeds/$target")
    mkdir -p "fuzz/corpus/$target"
    # Without a sanitizer the stable compiler will do.
    if ! cargo fuzz run -s none "$target" "fuzz/corpus/$target" "${seeds[@]}" -- \
        -max_total_time="$fuzz_seconds" -print_final_stats=1 >"target/fuzz-$target.log" 2>&1; then
        tail -40 "target/fuzz-$target.log" >&2
        echo "fuzzing $target failed; its input is under fuzz/artifacts/$target" >&2
        exit 1
    fi
    printf '%s: %s runs\n' "$target" \
        "$(sed -n 's/.*number_of_executed_units: *//p' "target/fuzz-$target.log")"
done
step "a Go program that leaks, for the tests"
# The standard library alone: nothing is downloaded.
(cd tests/it/leak/collector &&
    CGO_ENABLED=0 GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local \
        go build -o "$OLDPWD/target/tools/collector" .)
step "building the tests"
cargo test --locked --quiet --no-run
if $busy; then start_busy_loops; fi
if $half_core; then
    half_a_core_or_end daemons
    export CMON_TEST_DAEMONS=$group
    half_a_core_or_end tests
fi
step "tests$(if $busy; then echo ", beside four busy loops"; fi)$(
    if $half_core; then echo ", held to half a core"; fi)"
(
    trap - EXIT INT TERM
    # 0 is this process; cargo and the tests inherit its group.
    if $half_core; then echo 0 >"$group/cgroup.procs"; fi
    # The tests on the real daemon wait for its containers most of the time. They send SIGHUP, which is
    # ignored where this script was started by nohup.
    exec env --default-signal=HUP cargo test --locked -- --test-threads=4 "${more[@]}"
)
