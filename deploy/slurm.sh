#!/usr/bin/env bash
# `extract` on a Slurm cluster: a Ray cluster that lives as long as the job.
#
#   sbatch deploy/slurm.sh --model esm2-650m --input proteins/ --out emb/
#   sbatch --nodes=16 --gpus-per-node=8 --partition=gpu deploy/slurm.sh --model …
#
# The words after the script are those of `extract` on one machine; sbatch's own, before it, go over
# the ones below (--gpus-per-node=0 for a job on cores). Activate the environment before sbatch. It,
# the input and --out lie where all nodes see them, and so does the folder that sbatch is called in.
#
#SBATCH --job-name=extract
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=4
#SBATCH --mem=64G
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
#
# What is finished stays finished, so the job may be started again at any time: by Slurm after a
# preemption, and by itself 5 minutes before its time is up (USR1).
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
# A node that fails takes no other along: its shards go to the rest.
#SBATCH --no-kill
set -euo pipefail

PATIENCE=300     # seconds for the nodes to join; after that the work begins with those that have
MOST_RESTARTS=50 # so that a job that never gets on does not go round for ever

say() {
    echo "slurm.sh: $1" >&2
}

if [ -z "${SLURM_JOB_ID:-}" ]; then
    say "error: this is for sbatch: sbatch $0 --model …"
    exit 2
fi
for program in extract ray python; do
    if ! command -v "$program" >/dev/null; then
        say "error: no $program on PATH; activate the environment of genezoo, then call sbatch"
        exit 2
    fi
done
unset RAY_ADDRESS                # some other cluster of the same user
export RAY_USAGE_STATS_ENABLED=0 # many nodes have no way out
# Ray runs what it is sent, and the other users of the nodes can reach its ports: a password.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token

# This script runs on the first node, which becomes Ray's head. Its address is the one that others
# can reach (it may know itself as 127.0.0.1), its port one that is free: nodes may be shared.
HEAD=$(getent ahostsv4 "$SLURMD_NODENAME" | awk '$1 !~ /^127\./ {print $1; exit}')
[ -n "$HEAD" ] || HEAD=$(hostname -I | awk '{print $1}')
PORT=$(python -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
# Of Ray's sockets and logs: on each node's own disk, and short, as sockets ask for.
FOLDER=/tmp/ray-$SLURM_JOB_ID
export HEAD PORT FOLDER

head_listens() {
    (exec 3<>"/dev/tcp/$HEAD/$PORT") 2>/dev/null
}

# On every node: be its part of the cluster, with the cores and GPUs that Slurm gave the job there.
# shellcheck disable=SC2329  # called by srun below
node() {
    if [ "$SLURM_PROCID" = 0 ]; then
        place=(--head --node-ip-address="$HEAD" --port="$PORT" --include-dashboard=false)
    else
        until head_listens; do sleep 1; done
        place=(--address="$HEAD:$PORT")
    fi
    # The object store is memory of the job, and rows do not go through it: 500 MB will do.
    ray start "${place[@]}" --block --temp-dir="$FOLDER" --object-store-memory=500000000 \
        --num-cpus="${SLURM_CPUS_PER_TASK:-1}" --num-gpus="${SLURM_GPUS_ON_NODE:-0}"
}

# srun no longer takes --cpus-per-task from the job (since 22.05); without it Ray has one core.
on_all_nodes=(srun --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --no-kill --overlap
    --export=ALL)
"${on_all_nodes[@]}" --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=0 --label \
    bash -c "$(declare -f head_listens node); node" >>"ray-$SLURM_JOB_ID.log" 2>&1 &
cluster=$!
# shellcheck disable=SC2329  # called by the trap
leave() {
    { kill "$cluster" && wait "$cluster"; } 2>/dev/null || true
    "${on_all_nodes[@]}" rm -rf "$FOLDER"
}
trap leave EXIT
time_is_up=
extract=
trap 'time_is_up=yes; [ -z "$extract" ] || kill -KILL "$extract" || true' USR1

nodes() {
    head_listens && python - "$HEAD:$PORT" 2>/dev/null <<'PYTHON'
import ray, sys
ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")
print(sum(node["Alive"] for node in ray.nodes()))
PYTHON
}
SECONDS=0
until found=$(nodes) && [ "$found" = "$SLURM_JOB_NUM_NODES" ] || [ "$SECONDS" -gt "$PATIENCE" ]; do
    kill -0 "$cluster" 2>/dev/null || break
    sleep 1
done
if [ -z "$found" ]; then
    say "error: Ray did not start; ray-$SLURM_JOB_ID.log says why"
    exit 1
fi
say "Ray at $HEAD:$PORT has $found of $SLURM_JOB_NUM_NODES nodes"

gpus=$((${SLURM_GPUS_ON_NODE:-0} * SLURM_JOB_NUM_NODES))
words=(--engine ray --address "$HEAD:$PORT")
[ "$gpus" = 0 ] || words+=(--gpus "$gpus")
if [ -n "$time_is_up" ]; then # as it would be the next time
    say "error: the time was nearly up before the work began; give sbatch more --time"
    exit 1
fi
extract "$@" "${words[@]}" &
extract=$!
status=0
wait "$extract" || status=$?
if [ -n "$time_is_up" ]; then # then the signal ended that `wait`
    status=0
    wait "$extract" || status=$?
fi

# Again, if the time was up or the head went away under the work, and nobody cancelled the job.
if [ "$status" != 0 ] && { [ -n "$time_is_up" ] || ! head_listens; }; then
    leave # Slurm would give Ray half a minute
    trap - EXIT
    state=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T)
    if [ "$state" = RUNNING ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$MOST_RESTARTS" ]; then
        say "not finished: back into the queue, to go on from here"
        scontrol requeue "$SLURM_JOB_ID"
    fi
fi
exit "$status"
