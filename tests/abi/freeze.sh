#!/usr/bin/env bash
# Makes the frozen plugins anew: tests/abi/freeze.sh. Only when the interface was meant to change; see frozen/README.md.
# On Debian 12 (x86-64), so that they run on glibc 2.36 and later.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
frozen=$root/tests/abi/frozen
newest_glibc=2.36
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags=(-O2 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections -Wall -Wextra -Werror "-I$root/sdk/include" "-I$work")
link=(-shared -s -Wl,--no-undefined -Wl,--gc-sections -Wl,--build-id=none "-Wl,--version-script=$root/sdk/tools/plugin.map")
kernel_flags=(-O3 -fopenmp-simd -fno-math-errno -fno-trapping-math -DDLR_ISA=baseline)  # as sdk/meson.build has them

# freeze LIBRARY SOURCE: SOURCE.cpp with the .proto and .kernel.h beside it; kernels for the baseline instruction set only.
freeze() {
  local library=$1 stem=$root/$2 text objects=()
  local name=${stem##*/}
  for text in "$stem.proto" "$stem.kernel.h"; do
    [[ ! -f $text ]] || python3 "$root/sdk/tools/embed_text.py" "$text" "$work/${text##*/}.inc"
  done
  if [[ -f $stem.kernel.h ]]; then
    objects=("$work/$name-kernel.o")
    g++ -std=c++17 "${flags[@]}" "${kernel_flags[@]}" "-I${stem%/*}" "-DDLR_KERNEL_FILE=\"$name.kernel.h\"" \
      -c "$root/sdk/tools/kernel_build.cpp" -o "${objects[0]}"
  fi
  g++ -std=c++17 "${flags[@]}" -fopenmp-simd "-I${stem%/*}" "$stem.cpp" "${objects[@]}" "${link[@]}" -o "$frozen/$library.so"
}

rm -f "$frozen"/*.so
freeze device_example sdk/template/device/example
freeze layer_swish sdk/template/layer/swish
freeze solver_signum tests/abi/source/signum
freeze source_noise tests/abi/source/noise
freeze_c() {
  gcc -std=c99 "${flags[@]}" "$root/$2" "${link[@]}" -o "$frozen/$1.so"
}
freeze_c layer_square tests/third_party/square.c
for kind in database filler schedule transform; do
  freeze_c "${kind}_minimal" "tests/plugins/minimal/$kind.c"
done

cd "$frozen"
for library in *.so; do
  newest=$(objdump -T "$library" | { grep -o 'GLIBC_[0-9.]*' || true; } | sort -Vu | tail -n 1)
  if [[ $(printf '%s\n' "${newest#GLIBC_}" "$newest_glibc" | sort -V | tail -n 1) != "$newest_glibc" ]]; then
    echo "$library needs $newest; make it where glibc is $newest_glibc or older" >&2
    exit 1
  fi
done
sha256sum ./*.so | sed 's|\./||' >SHA256SUMS
chmod 644 ./*.so
ls -l ./*.so
