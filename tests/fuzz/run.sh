#!/usr/bin/env bash
# Runs each harness over its corpus, and then for so many new inputs, or for so many seconds.
#
#   tests/fuzz/run.sh [--build FOLDER] [--runs N | --seconds N] [--keep FOLDER] [HARNESS]..
#
# FOLDER of --build is that of the sanitizers (build-sanitize). --runs is of harnesses that read small texts; those of
# HDF5 take a hundredth of it, being so much slower. --keep is where new inputs that reach new code stay from run to run;
# inputs that fail are written to the current folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build-sanitize runs=20000 seconds=0 keep=
harnesses=()
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$2; shift ;;
    --runs) runs=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --keep) keep=$2; shift ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "tests/fuzz/run.sh: unknown option $1" >&2; exit 2 ;;
    *) harnesses+=("$1") ;;
  esac
  shift
done
[ ${#harnesses[@]} -gt 0 ] || harnesses=(config circuit idx samples run_file hdf5_bytes)

work=$(mktemp -d -p "$([ -d /dev/shm ] && echo /dev/shm || echo /tmp)" dynvert-fuzz-XXXXXX)
trap 'rm -rf "$work"' EXIT
export OPENBLAS_NUM_THREADS=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=64}
# what configurations say
grep -oE '`"?[a-z_0-9]+"?`' "$here/../../docs/configuration.md" | tr -d '`"' | sort -u | sed 's/.*/"&"/' >"$work/words"

for harness in "${harnesses[@]}"; do
  found=${keep:-$work}/$harness
  mkdir -p "$found" "$work/tmp"
  corpora=("$found")
  [ ! -d "$here/corpus/$harness" ] || corpora+=("$here/corpus/$harness")
  # 1 GiB is more than any of them needs for a hostile file of some 100 kB
  options=(-seed=1 -len_control=0 -rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=600 -print_funcs=0 -verbosity=1)
  share=100
  case $harness in
    config) corpora+=("$here/../../examples"); options+=(-max_len=8192 "-dict=$work/words"); share=4 ;;
    circuit) corpora+=("$here/../../examples/circuits"); options+=(-max_len=8192); share=4 ;;
    idx) options+=(-max_len=4096); share=1 ;;
    # HDF5 keeps and leaks memory over thousands of files; what is asked for at a time stays limited
    samples) options+=(-max_len=400 -rss_limit_mb=4096); share=10 ;;
    run_file) options+=(-max_len=400 -rss_limit_mb=4096) ;;
    # sizes are limited in the process that reads
    hdf5_bytes) options+=(-max_len=400 -rss_limit_mb=0 -malloc_limit_mb=0) ;;
  esac
  # inputs of the corpora count as runs
  known=$(find "${corpora[@]}" -type f | wc -l)
  if [ "$seconds" -gt 0 ]; then options+=("-max_total_time=$seconds"); else options+=("-runs=$((known + runs / share))"); fi
  echo "fuzz_$harness: $known inputs known"
  TMPDIR=$work/tmp "$build/tests/fuzz/fuzz_$harness" "${options[@]}" -print_final_stats=1 "${corpora[@]}" >"$work/log" 2>&1 || {
    tail -n 100 "$work/log"
    echo "tests/fuzz/run.sh: fuzz_$harness failed" >&2
    exit 1
  }
  grep -E '^(Done|stat::(number|average|peak))|HDF5 itself|^  [0-9]+ in ' "$work/log"
done
