#!/usr/bin/env bash
# Runs every test of cmon: format, lints, documentation, unit, property and scripted tests, and the
# tests on a real Docker daemon, which they start for themselves in a private directory.
#
#   ./scripts/test.sh           everything
#   ./scripts/test.sh --long    with more cases for the random tests, longer fuzzing, and leak checks at
#                               full length
set -euo pipefail
cd "$(dirname "$0")/.."

fuzz_seconds=15
more=()
for arg in "$@"; do
    case $arg in
        --long) export PROPTEST_CASES=20000 CMON_LONG=1; fuzz_seconds=600; more=(--include-ignored) ;;
        *) echo "unknown argument: $arg (there is only --long)" >&2; exit 2 ;;
    esac
done

step() { printf '\n== %s\n' "$1"; }

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
command -v podman >/dev/null || missing+=(podman crun)
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing+=(prometheus)
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
            trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        fi
        install() {
            apt-get -qq update && apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null
        }
        install || { sleep 5; install; }
        rm -f /usr/sbin/policy-rc.d
        trap - EXIT
    else
        echo "The tests need: ${missing[*]}" >&2
        echo "On Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
        echo "Elsewhere: dockerd and the docker command, a static busybox, tmux, prometheus, Go, a C linker." >&2
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
cargo clippy --locked --manifest-path fuzz/Cargo.toml --quiet -- -D warnings
export PATH="$PWD/target/tools/bin:$PATH"
command -v cargo-fuzz >/dev/null ||
    cargo install --locked --quiet --version 0.13.1 --root target/tools cargo-fuzz
for target in answer anchor profile; do
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
step "tests"
# The tests on the real daemon wait for its containers most of the time.
exec cargo test --locked -- --test-threads=4 "${more[@]}"
