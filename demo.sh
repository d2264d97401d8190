#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Dohle's main job, on this machine, in a minute: a group of three consumers shares a topic of six partitions; one
# leaves, one is killed and comes back; nothing is lost.
#
#   ./demo.sh                      on our own broker, three nodes (no Java, no network)
#   ./demo.sh --kafka              on Apache Kafka 4.4.0 from Maven (three nodes, started and stopped here)
#   ./demo.sh --broker HOST:PORT   on a cluster of yours; makes a topic dohle-demo-... there and deletes it
#   ./demo.sh --keep               leaves the folder with all that the processes wrote
set -euo pipefail
cd "$(dirname "$0")"

usage() {
    sed -n '3,10s/^# \{0,1\}//p' "$0"
}

broker='' kafka='' keep=''
while (($# > 0)); do
    case $1 in
        --broker) broker=${2:?--broker wants HOST:PORT} && shift ;;
        --kafka) kafka=1 ;;
        --keep) keep=1 ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done

say() { printf '\n== %s\n' "$*"; }

# ---- What is needed --------------------------------------------------------------------------------------------------

packages=(gcc cmake ninja-build pkg-config python3 libuv1-dev libc-ares-dev libisal-dev zlib1g-dev libzstd-dev liblz4-dev
    libsnappy-dev libpcre2-dev uthash-dev libjansson-dev)
[[ -z $kafka ]] || packages+=(openjdk-17-jdk-headless maven)
missing=()
for package in "${packages[@]}"; do
    case $package in
        openjdk-17-jdk-headless) ! command -v javac >/dev/null || continue ;;
        maven) ! command -v mvn >/dev/null || continue ;;
        cmake | gcc | python3) ! command -v "$package" >/dev/null || continue ;;
    esac
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if ((${#missing[@]} > 0)); then
    say "installing with apt-get: ${missing[*]}"
    as_root=() && ((EUID == 0)) || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    # sudo hands on no environment, hence env behind it.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

say 'building'
cmake --preset release -DDOHLE_BUILD_TESTS=OFF -B build/demo >/dev/null
cmake --build build/demo | tail -n 1
dohle=$PWD/build/demo/dohle

# ---- The stage -------------------------------------------------------------------------------------------------------

folder=$(mktemp -d "${TMPDIR:-/tmp}/dohle-demo.XXXXXX")
topic=dohle-demo-$$ group=dohle-demo-$$
declare -A pid=()
cleanup() {
    local status=$?
    trap - EXIT
    touch "$folder/stop"
    for process in "${pid[@]}"; do { kill -KILL "$process" && wait "$process"; } 2>/dev/null || true; done
    if [[ -n ${started:-} ]]; then
        tools/kafka/kafka down "$folder/kafka" >/dev/null 2>&1 || true
    elif [[ -n $broker && -z ${is_ours:-} ]]; then
        "$dohle" topic delete -b "$broker" "$topic" --yes >/dev/null 2>&1 || true
    fi
    if [[ -n $keep ]]; then echo "kept: $folder"; else rm -rf "$folder"; fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

if [[ -n $kafka && -z $broker ]]; then
    say 'starting Apache Kafka, three nodes'
    tools/kafka/kafka fetch
    started=1
    broker=$(tools/kafka/kafka up "$folder/kafka" --brokers 3 | sed -n 's/^bootstrap=//p')
    replicas=3
elif [[ -z $broker ]]; then
    say 'starting our own broker, three nodes'
    "$dohle" broker --dir "$folder/data" --nodes 3 >"$folder/broker.out" 2>"$folder/broker.log" &
    pid[broker]=$!
    until grep -q '^recovery=' "$folder/broker.out"; do
        kill -0 "${pid[broker]}" 2>/dev/null || { cat "$folder/broker.log" >&2 && exit 1; }
        sleep 0.02
    done
    sed -n '/^durability=/p' "$folder/broker.out"
    broker=$(sed -n 's/^bootstrap=//p' "$folder/broker.out")
    replicas=3
    is_ours=1
fi
echo "bootstrap: $broker"
"$dohle" topic create -b "$broker" "$topic" --partitions 6 --replication-factor "${replicas:-1}" >/dev/null

now_ms() { date +%s%3N; }
story() {
    printf '%s %s\n' "$(now_ms)" "$*" >>"$folder/story"
    printf '   %s\n' "$*"
}

# One record a package of this machine's own database, key = package name, again and again, in numbered rounds.
produce_rounds() {
    local round=0
    while [[ ! -e $folder/stop-producing ]]; do
        round=$((round + 1))
        awk 'BEGIN { RS = ""; FS = "\n" } { sub(/^Package: /, "", $1); printf "%s\037%s\036", $1, $0 }' /var/lib/dpkg/status |
            "$dohle" produce -b "$broker" "$topic" -K $'\037' -D $'\036' -H "round=$round" -q
        echo "$round" >"$folder/rounds"
    done
}

# consume NAME: a member. Each record's line is in the file before its offset is committed.
consume() {
    "$dohle" consume -b "$broker" -g "$group" "$topic" -o start -f '%p %o %k\n' --events "$folder/$1.events" \
        -X client.id="$1" -X session.timeout.ms=6000 -X heartbeat.interval.ms=500 -X max.poll.records=200 \
        -X metadata.max.age.ms=5000 >"$folder/$1.processed" 2>"$folder/$1.log" &
    pid[$1]=$!
}

# owned N NAME...: whether these members together own N partitions, as their last events say.
owned() {
    python3 - "$folder" "$@" <<'END'
import json, pathlib, sys
folder, wanted, names = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
total, everyone = 0, True
for name in names:
    held = set()
    path = folder / f"{name}.events"
    for line in path.read_text().splitlines() if path.exists() else []:
        event = json.loads(line)
        numbers = {p["partition"] for p in event["partitions"]}
        held = held | numbers if event["event"] == "assigned" else held - numbers
    total += len(held)
    everyone = everyone and bool(held)
sys.exit(0 if total == wanted and everyone else 1)
END
}

await() {
    local until=$((SECONDS + 30)) name
    until owned 6 "$@"; do
        for name in "$@"; do
            kill -0 "${pid[$name]}" 2>/dev/null || { echo "$name has ended:" && cat "$folder/$name.log" && exit 1; } >&2
        done
        ((SECONDS < until)) || { echo "the group did not settle within 30 s" >&2 && exit 1; }
        sleep 0.1
    done
}

# ---- The story -------------------------------------------------------------------------------------------------------

say "a group of three on $topic, session.timeout.ms=6000"
story 'producing begins'
produce_rounds &
pid[producer]=$!
consume ann
await ann
consume bob
await ann bob
consume cid
await ann bob cid
story 'ann, bob and cid share six partitions'
sleep 2

story 'cid leaves (SIGTERM)'
kill -TERM "${pid[cid]}"
wait "${pid[cid]}" || true
unset 'pid[cid]'
await ann bob
sleep 1

{ kill -KILL "${pid[bob]}" && wait "${pid[bob]}" || true; } 2>/dev/null
story 'bob is killed (SIGKILL)'
unset 'pid[bob]'
await ann
story 'ann has them all: the session of bob has timed out'
consume bob-again
await ann bob-again
story 'bob is back'
sleep 1

touch "$folder/stop-producing"
wait "${pid[producer]}"
unset 'pid[producer]'
story "producing ends after $(cat "$folder/rounds") rounds"
until=$((SECONDS + 20))
until "$dohle" lag -b "$broker" -i 0 -J "$group" >"$folder/lag.json" &&
    python3 -c 'import json, sys; sys.exit(any(i["lag"] != 0 for i in json.load(open(sys.argv[1]))["items"]))' "$folder/lag.json"; do
    ((SECONDS < until)) || break
    sleep 0.2
done
for name in ann bob-again; do
    kill -TERM "${pid[$name]}"
    wait "${pid[$name]}" || true
    unset "pid[$name]"
done
story 'all have left'
"$dohle" lag -b "$broker" -i 0 -J "$group" |
    python3 -c 'import json, sys
for i in json.load(sys.stdin)["items"]: print(i["partition"], i["committed"], i["end"])' >"$folder/ends"

say 'what happened'
python3 demo/report.py "$folder"
