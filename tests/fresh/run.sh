#!/usr/bin/env bash
# Proves the README's two commands on a machine with nothing but git: run.sh bookworm|trixie [root|sudo]
#
# Makes a minimal Debian by debootstrap, clones the last commit of this repository into it and runs the commands there, as
# root or as a user who may use sudo. Needs root, debootstrap and 5 GB in DLRUN_FRESH_FOLDER (/tmp). Packages come from
# where this machine's come from. DLRUN_FRESH_CCACHE names a folder of compiled objects to begin with and to leave behind: the
# second user of a Debian then needn't wait for the compiler again.
set -euo pipefail

suite=${1:?usage: run.sh bookworm|trixie [root|sudo]}
who=${2:-root}
repository=$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)
machine=${DLRUN_FRESH_FOLDER:-/tmp}/fresh-$suite-$who

# In a mount namespace of our own, what is mounted below goes away with us.
if [[ ! ${DLRUN_FRESH_INSIDE:-} ]]; then
  DLRUN_FRESH_INSIDE=1 exec unshare --mount --propagation private "$(readlink -f "$0")" "$@"
fi

# The first Debian archive among this machine's package sources.
archive() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
    grep -oE '^(deb |URIs:).*https?://[^ ]*/debian/?( |$)' | grep -oE 'https?://[^ ]+' | head -n 1
}

make_machine() {
  local packages=git
  [[ $who == root ]] || packages+=,sudo
  rm -rf --one-file-system "$machine"
  debootstrap --variant=minbase --include="$packages" "$suite" "$machine" "$(archive)" >"$machine.log" 2>&1 || {
    tail -n 20 "$machine.log" >&2
    exit 1
  }
  apt-config dump | grep -E '^Acquire::(http|https|Check)' >"$machine/etc/apt/apt.conf.d/99host" || true
  cp -L /etc/resolv.conf /etc/hosts "$machine/etc/"
  mount -t proc proc "$machine/proc"
  mount --rbind /dev "$machine/dev"
  mount --rbind --read-only /sys "$machine/sys"  # some OpenCL drivers abort without it
}

# Runs a command line in the clone, as the user; everything it says goes to the log.
run() {
  local start=$SECONDS status=0
  echo "--- $*" >>"$machine.log"
  chroot "$machine" su - "$user" -c "cd dlrun && CI=true $*" </dev/null >>"$machine.log" 2>&1 || status=$?
  printf '%s as %s: "%s" ended with %d after %d s\n' "$suite" "$who" "$*" "$status" $((SECONDS - start))
  return "$status"
}

make_machine
user=root home=/root
if [[ $who == sudo ]]; then
  user=person home=/home/person
  chroot "$machine" useradd --create-home --shell /bin/bash "$user"
  echo "$user ALL=(ALL) NOPASSWD: ALL" >"$machine/etc/sudoers.d/$user"
fi
git clone --quiet --no-hardlinks "$repository" "$machine$home/dlrun"
chroot "$machine" chown -R "$user:" "$home/dlrun"

cache=$machine$home/.cache/ccache
if [[ -d ${DLRUN_FRESH_CCACHE:-} ]]; then
  mkdir -p "$cache"
  cp -r "$DLRUN_FRESH_CCACHE/." "$cache/"
  chroot "$machine" chown -R "$user:" "$home/.cache"
fi

run './dev run train configs/lenet-mnist.yaml'
grep -E 'accuracy = 0\.9' "$machine.log" | tail -n 1
run './dev test'
[[ ! ${DLRUN_FRESH_CCACHE:-} ]] || cp -r "$cache/." "$DLRUN_FRESH_CCACHE/"
