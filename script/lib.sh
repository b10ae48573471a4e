# Shared by the scripts beside it. Source it: `. "$(dirname "$0")/lib.sh"`.
# shellcheck shell=bash
# shellcheck disable=SC2034  # names used by the scripts
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${WINDLASS_VENV:-$ROOT/.venv} # Python with everything locked in requirements/dev.txt

ENGINE_PREFIX=${WINDLASS_ENGINE_PREFIX:-/opt/windlass-engine}  # programs, unpacked beside the system
ENGINE_STATE=${WINDLASS_ENGINE_STATE:-/var/lib/windlass-engine} # images, logs, process ids
ENGINE_SOCKET=${WINDLASS_ENGINE_SOCKET:-/var/run/docker.sock}
MIRROR_PORT=${WINDLASS_MIRROR_PORT:-5055} # where base images are served when Docker Hub is out of reach

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
  BOLD='' GREEN='' RED='' DIM='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }

# die MESSAGE [REMEDY]
die() {
  printf '%s: %s%s%s\n' "${0##*/}" "$RED" "$1" "$PLAIN" >&2
  [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/  /' >&2
  exit "${3:-1}"
}

# Show the comment at the top of the script, and end: well when help was asked for, with 64 when the words were wrong.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  [ "$1" = --help ] || exit 64
  exit 0
}

is_debian() { [ "$(. /etc/os-release 2>/dev/null && printf %s "${ID:-}")" = debian ]; }

# Install Debian packages that are missing. Where that cannot be done from here, say what to install.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! is_debian || [ "$(id -u)" != 0 ]; then
    die "these Debian packages are missing: ${missing[*]}" "install them, or run this as root on Debian" 7
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # RUNLEVEL: a package's own service (docker-registry has one) is not to be started.
  RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>"$(scratch apt)" || {
    tail -5 "$(scratch apt)" >&2
    die "cannot install ${missing[*]}" "apt-get install ${missing[*]}" 7
  }
}

# A file of this process for a program's output; the folder goes when the process ends.
scratch() { printf '%s/%s' "$SCRATCH" "$1"; }
SCRATCH=$(mktemp -d)
on_exit() { :; } # a script may put its own clean-up here
trap 'on_exit; rm -rf "$SCRATCH"' EXIT

# Wait until a command succeeds. until_true SECONDS COMMAND…
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
}

# limit SECONDS COMMAND…: end it after a time, where this machine has the program for that (macOS has not).
limit() {
  if command -v timeout >/dev/null; then timeout "$@"; else shift && "$@"; fi
}

# Put the container engine's client on PATH, where it is one of ours.
use_engine() { eval "$("$ROOT/script/engine" --env)"; }
