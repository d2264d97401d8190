#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every test of Dohle, from a fresh Debian 12 machine on.
#
#   ./test.sh               all stages, in this order
#   ./test.sh STAGE...      only these (what they build on is built too)
#   ./test.sh --list        names the stages
#
# Installs what is missing with apt-get (root, or sudo). Logs and results are in build/test/. The last line is
# "N passed, N failed, N skipped", over all stages; the exit code is 0 when nothing failed. A skip names its reason, and
# counts as a failure when CI is set. What is not in the tree yet (no fuzz/, no tests/cli/) is named and not counted.
set -uo pipefail
cd "$(dirname "$0")"

# Seconds a libFuzzer target runs.
FUZZ_SECONDS=${FUZZ_SECONDS:-20}
JOBS=$(nproc)
OUT=build/test
STAGES=(release clang unit asan tsan fuzz tidy format schema interop cli package)

PACKAGES=(
  gcc g++ cmake ninja-build pkg-config git
  clang-14 clang-format-14 libclang-rt-14-dev llvm-14
  python3 python3-venv openjdk-17-jdk-headless maven kcat librdkafka-dev golang-go
  libuv1-dev libc-ares-dev libssl-dev libisal-dev zlib1g-dev libzstd-dev liblz4-dev libsnappy-dev
  libpcre2-dev uthash-dev libjansson-dev libncurses-dev libcmocka-dev
)

passed=0 failed=0 skipped=0
begin=$SECONDS

say() { printf '[%4d s] %s\n' $((SECONDS - begin)) "$*"; }

pass() { passed=$((passed + 1)); }

fail() {
  failed=$((failed + 1))
  say "FAILED: $1"
  [ -z "${2:-}" ] || tail -n 40 "$2" | sed 's/^/    /'
}

skip() {
  skipped=$((skipped + 1))
  say "skipped: $1"
}

# check NAME COMMAND...: one test that passes when the command does.
check() {
  local name=$1 log="$OUT/$1.log"
  shift
  if "$@" >"$log" 2>&1; then pass; else fail "$name" "$log"; fi
}

# count JUNIT-FILE LOG: adds up what ctest or pytest wrote, and prints what did not pass.
count() {
  local totals p f s
  if ! totals=$(tools/junit_totals "$1"); then
    fail "$1 is not to be read" "$2"
    return
  fi
  printf '%s\n' "$totals" | sed '$d;s/^/    /' | head -n 40
  read -r p f s < <(printf '%s\n' "$totals" | tail -n 1)
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  [ "$f" -eq 0 ] || tail -n 60 "$2" | sed 's/^/    /'
}

# ---- What is installed ----

missing_packages() {
  local package
  for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
  python3 -c 'import pytest' 2>/dev/null || echo python3-pytest
}

install_missing() {
  command -v dpkg-query >/dev/null || {
    say "not a Debian machine: nothing is installed; needed: ${PACKAGES[*]} python3-pytest"
    return
  }
  local missing sudo=()
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing: ${missing[*]}"
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  if ! { "${sudo[@]}" apt-get update &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
    >"$OUT/install.log" 2>&1; then
    fail "installation" "$OUT/install.log"
  fi
}

# ---- Builds ----

# build PRESET: once; later calls only tell how it went.
declare -A built=()
build() {
  local preset=$1 log="$OUT/build-$1.log"
  if [ -z "${built[$preset]:-}" ]; then
    if { cmake --preset "$preset" && cmake --build --preset "$preset" -j "$JOBS"; } >"$log" 2>&1; then
      built[$preset]=yes
      pass
    else
      built[$preset]=no
      grep -E 'error|FAILED' "$log" | head -20 | sed 's/^/    /'
      fail "build with preset $preset" "$log"
    fi
  fi
  [ "${built[$preset]}" = yes ]
}

# run_ctest PRESET CTEST-ARGUMENT...
run_ctest() {
  local preset=$1 junit="$PWD/$OUT/ctest-$1.xml" log="$OUT/ctest-$1.log"
  shift
  rm -f "$junit"
  "${quiet_addresses[@]}" ctest --test-dir "build/$preset" -j "$JOBS" --timeout 180 --output-on-failure \
    --output-junit "$junit" "$@" >"$log" 2>&1
  count "$junit" "$log"
}

# ---- Stages ----

quiet_addresses=()

stage_release() { build release || true; }

stage_clang() { build clang || true; }

# Apache Kafka's jars, once: the messages are held against them, and the interop tests run them.
kafka_is_fetched=
fetch_kafka() {
  [ -z "$kafka_is_fetched" ] || return 0
  kafka_is_fetched=yes
  check kafka-fetch tools/kafka/kafka fetch
}

stage_unit() {
  fetch_kafka
  ! build release || run_ctest release
}

stage_asan() {
  fetch_kafka
  export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
  export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-14
  ! build asan || run_ctest asan
}

# What has threads: the layers that start them, and the examples.
stage_tsan() {
  build tsan || return
  # ThreadSanitizer of clang 14 cannot place its shadow with the address randomisation of newer kernels.
  if setarch "$(uname -m)" -R true 2>/dev/null; then quiet_addresses=(setarch "$(uname -m)" -R); fi
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tools/tsan.suppressions \
    TSAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-14 \
    run_ctest tsan -R '^unit-(api|host)-|threads|^example'
  quiet_addresses=()
}

fuzz_one() {
  local target=$1 name=${1##*/} corpus="$OUT/corpus/${1##*/}"
  local seeds="fuzz/corpus/${name#fuzz-}"
  mkdir -p "$corpus"
  [ -d "$seeds" ] || seeds=
  # A finding is kept in build/test/, with the input that makes it.
  "$target" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$OUT/$name-" "$corpus" $seeds >"$OUT/$name.log" 2>&1
}

stage_fuzz() {
  if [ ! -d fuzz ]; then
    say "nothing to fuzz: there is no fuzz/"
    return
  fi
  build fuzz || return
  local targets=() target pids=() i
  mapfile -t targets < <(find build/fuzz -maxdepth 1 -type f -executable -name 'fuzz-*' | sort)
  [ ${#targets[@]} -gt 0 ] || fail "fuzz/ builds no target"
  # Two at a time.
  for ((i = 0; i < ${#targets[@]}; i += 2)); do
    pids=()
    for target in "${targets[@]:i:2}"; do
      fuzz_one "$target" &
      pids+=($!)
    done
    for target in "${targets[@]:i:2}"; do
      if wait "${pids[0]}"; then
        pass
        say "${target##*/}: $(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/${target##*/}.log") inputs"
      else
        fail "${target##*/}" "$OUT/${target##*/}.log"
      fi
      pids=("${pids[@]:1}")
    done
  done
}

stage_tidy() {
  build release || return
  check tidy tools/tidy --build build/release
  tools/sizes >"$OUT/sizes.log"
}

format_all() {
  { find include src cli bench examples tests fuzz tools -name '*.[ch]' 2>/dev/null || true; } | xargs clang-format-14 --dry-run -Werror
}

stage_format() { check format format_all; }

# What is generated is what is committed. The page of settings is among the tests of the release build.
stage_schema() { check schema-drift tools/generate --check; }

# run_pytest PRESET FOLDER [ARGUMENT...]: with the programs of that build.
run_pytest() {
  local preset=$1 folder=$2 name
  name=$(basename "$2")-$1
  shift 2
  if ! compgen -G "$folder/test_*.py" >/dev/null; then
    say "nothing to run: there is no $folder/test_*.py"
    return
  fi
  build "$preset" || return
  local junit="$OUT/pytest-$name.xml" log="$OUT/pytest-$name.log"
  rm -f "$junit"
  DOHLE_BUILD="$PWD/build/$preset" "${quiet_addresses[@]}" \
    python3 -m pytest -q -rs --tb=short --junitxml="$junit" "$@" "$folder" >"$log" 2>&1
  count "$junit" "$log"
}

# Against Apache Kafka, and our broker with the clients of others. Jars come from Maven, once a machine; what is not
# Debian's of the other clients is fetched by the tests, into build/clients/.
stage_interop() {
  fetch_kafka
  build tsan # one of the examples runs under ThreadSanitizer
  run_pytest release tests/interop
}

# The command without a broker, once more with the sanitizers.
stage_cli() {
  run_pytest release tests/cli
  run_pytest asan tests/cli
}

# The library as others use it: from an installed tree.
stage_package() { run_pytest release tests/package; }

# ---- All of it ----

case ${1:-} in
--list)
  printf '%s\n' "${STAGES[@]}"
  exit 0
  ;;
-*)
  sed -n '3,10s/^# \{0,1\}//p' "$0"
  exit 2
  ;;
esac
wanted=("$@")
[ $# -gt 0 ] || wanted=("${STAGES[@]}")
for stage in "${wanted[@]}"; do
  declare -F "stage_$stage" >/dev/null || {
    echo "no stage is called $stage; there are: ${STAGES[*]}" >&2
    exit 2
  }
done

mkdir -p "$OUT"
install_missing
for stage in "${wanted[@]}"; do
  say "== $stage"
  "stage_$stage"
done
say "done; logs are in $OUT"

[ "$failed" -eq 0 ] && [ "$((passed + failed))" -gt 0 ]
code=$?
if [ -n "${CI:-}" ] && [ "$skipped" -gt 0 ]; then
  say "CI is set: what was skipped counts as failed"
  code=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit "$code"
