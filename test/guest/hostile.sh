#!/bin/sh
# hostile.sh MONITOR [RUNS [PORT...]]: runs guests that attack their monitor. Prints SUCCESS, or the first seed that made the
# monitor end in a way that is not documented. Skips without /dev/kvm.
set -u
cd "$(dirname "$0")" || exit 1
[ -w /dev/kvm ] || { echo "SKIPPED: no /dev/kvm"; exit 0; }
monitor=$1 runs=${2:-50}
[ $# -ge 2 ] && shift 2 || shift 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
native=../../native
mkdir -p "$dir/x.dir/kernel"
flags="-std=gnu11 -O2 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -DCLICKLET_GUEST -I$native/include"
for f in entry.S pvh.c tables.c trap.c; do
  ${CC:-cc} $flags -mgeneral-regs-only -mno-red-zone -c $native/guest/kernel/$f -o "$dir/x.dir/kernel/$f.o" || exit 1
done
${CC:-cc} $flags -c hostile.c -o "$dir/hostile.o" || exit 1
${CC:-cc} $flags -c $native/guest/lib.c -fno-builtin -fno-tree-loop-distribute-patterns -o "$dir/lib.o" || exit 1
${CC:-cc} -nostdlib -static -no-pie -Wl,-T,$native/guest/guest.ld -Wl,--build-id=none -Wl,-z,noexecstack \
  -Wl,--no-warn-rwx-segments "$dir"/x.dir/kernel/*.o "$dir/hostile.o" "$dir/lib.o" -o "$dir/hostile.elf" || exit 1
seed=${SEED:-1} last=$((${SEED:-1} + runs))
ports=""
for p in "$@"; do ports="$ports --port $p"; done
while [ $seed -lt $last ]; do
  printf '%08d' $seed > "$dir/plan"
  timeout 10 "$monitor" --image "$dir/hostile.elf" --plan "$dir/plan" --control "$dir/control" $ports > "$dir/out" 2> "$dir/err"
  status=$?
  case $status in
  0 | 1 | 70) ;;
  *) echo "FAILED: seed $seed: status $status"; tail -3 "$dir/err"; exit 1 ;;
  esac
  echo "$status $(tail -1 "$dir/err")" >> "$dir/all"
  seed=$((seed + 1))
done
[ -n "${VERBOSE:-}" ] && cut -c1-90 "$dir/all" | sed 's/0x[0-9a-f]*/N/g' | sort | uniq -c | sort -rn
echo SUCCESS
