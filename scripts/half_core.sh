# Sourced by test.sh and bench.sh: holds processes to half a core.

# The groups that were made, to be handed to `drop_groups` at the end.
groups=()

# Makes a cgroup (v1 or v2) whose processes together get half a core, and sets `group` to its directory.
# Fails where no cgroup can be made.
half_a_core() { # name
    if [[ -w /sys/fs/cgroup/cpu/cgroup.procs ]]; then
        group=/sys/fs/cgroup/cpu/cmon-$1-$$
        mkdir "$group" || return 1
        groups+=("$group")
        echo 100000 >"$group/cpu.cfs_period_us"
        echo 50000 >"$group/cpu.cfs_quota_us"
    elif grep -qw cpu /sys/fs/cgroup/cgroup.controllers 2>/dev/null &&
        { echo +cpu >/sys/fs/cgroup/cgroup.subtree_control; } 2>/dev/null &&
        group=/sys/fs/cgroup/cmon-$1-$$ && mkdir "$group" 2>/dev/null; then
        groups+=("$group")
        echo "50000 100000" >"$group/cpu.max"
    else
        return 1
    fi
}

# Removes the groups. Processes that are still ending go where they would have been without the limit.
drop_groups() {
    local group process
    for group in "${groups[@]}"; do
        while read -r process; do
            echo "$process" >"$(dirname "$group")/cgroup.procs" || true
        done <"$group/cgroup.procs" 2>/dev/null || true
        rmdir "$group" || true
    done
}
