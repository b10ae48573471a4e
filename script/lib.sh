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

RELEASE=trixie # of Debian, whose packages are unpacked beside the system where its own are too old

# "URI KEYRING" of the archive this machine installs from, so that mirrors and proxies are honoured.
archive() {
  # shellcheck disable=SC2016  # apt-get's own placeholders
  local format='$(LABEL)|$(REPO_URI)|$(SIGNED_BY)'
  # Labels are known only once the lists have been fetched.
  apt-get indextargets --format "$format" 'Created-By: Packages' | grep -c '^Debian|' >"$(scratch count)" || apt-get update -qq
  apt-get indextargets --format "$format" 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" { print $2, ($3 ~ /^\// ? $3 : "/usr/share/keyrings/debian-archive-keyring.gpg"); exit }'
}

# Newer packages, unpacked beside the system. unpack FOLDER PACKAGE…
unpack() {
  local uri keyring folder=$1 deb
  shift
  read -r uri keyring < <(archive) || die "apt knows no Debian archive" "check /etc/apt/sources.list.d"
  mkdir -p "$SCRATCH"/{lists/partial,cache/archives/partial,debs}
  say "deb [signed-by=$keyring] $uri $RELEASE main" >"$SCRATCH/sources.list"
  local apt=(apt-get -qq -o "Dir::Etc::SourceList=$SCRATCH/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$SCRATCH/lists" -o "Dir::Cache=$SCRATCH/cache" -o APT::Sandbox::User=root)
  "${apt[@]}" update
  (cd "$SCRATCH/debs" && "${apt[@]}" download "$@")
  mkdir -p "$folder"
  for deb in "$SCRATCH"/debs/*.deb; do dpkg -x "$deb" "$folder"; done
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
