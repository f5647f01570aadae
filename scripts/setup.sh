#!/usr/bin/env bash
# Makes .venv and installs what a make target needs: setup.sh demo|test|train. Quick when there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?demo, test or train}

say() { printf '== %s\n' "$*"; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

apt_install() { # only on Debian and its children, and only what is missing
  command -v apt-get >/dev/null 2>&1 || return 0
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing system packages: ${missing[*]}"
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
    say "please install them as root: apt-get install ${missing[*]}"
    exit 1
  fi
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

find_python() {
  for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$candidate" && return
  done
  say "livemusviz needs Python 3.11 or newer; set PYTHON=/path/to/python" >&2
  exit 1
}

runtime_packages=(libportaudio2 libopenblas0-pthread libegl1 libgl1 libgl1-mesa-dri)
test_packages=(xvfb xdotool openbox x11-utils x11-xserver-utils xserver-xorg-core xserver-xorg-video-dummy)
test_packages+=(pulseaudio pulseaudio-utils libasound2-plugins liblo-tools ffmpeg jackd2 chromium)
extras=()
case "$(uname -s)" in
  Linux) extras+=("${EXTRA:-cpu}") ;; # EXTRA=cuda13 or cuda12 for an NVIDIA card
esac
case "$what" in
  demo) apt_install "${runtime_packages[@]}" ;;
  test) apt_install "${runtime_packages[@]}" "${test_packages[@]}"; extras+=(dev parity midi link ndi) ;;
  train) apt_install "${runtime_packages[@]}" wordnet-base; extras+=(dev train) ;;
  *) say "unknown target $what"; exit 2 ;;
esac

if [ ! -x .venv/bin/python ]; then
  python=$(find_python)
  say "making .venv with $("$python" --version)"
  if ! "$python" -m venv .venv 2>/dev/null; then
    apt_install python3-venv
    "$python" -m venv --clear .venv
  fi
fi

wanted="$(cksum <pyproject.toml) $(IFS=,; echo "${extras[*]-}")"
stamp=".venv/.installed-$what"
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  target="."
  [ ${#extras[@]} -eq 0 ] || target=".[$(IFS=,; echo "${extras[*]}")]"
  say "installing Python wheels into .venv ($target)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -e "$target"
  echo "$wanted" >"$stamp"
fi
