#!/usr/bin/env bash
# Installs the clients of the interop run, and valgrind: Debian's packages where a program is missing (as root), the packages of
# Python and Node into the target folder. Does nothing where all of it is there.
set -euo pipefail
cd "$(dirname "$0")"
tools="${CARGO_TARGET_DIR:-../../target}/interop"

missing=()
need() { command -v "$1" >/dev/null || missing+=("${@:2}"); }
need c++ build-essential
need curl curl
need gzip gzip
need brotli brotli
need zstd zstd
need h2load nghttp2-client
need kill procps
need python3 python3 python3-pip
need nginx nginx-light
need wget wget
need node nodejs
need npm npm
need openssl openssl
need php php-cli
need chromium chromium
# the gate of instruction counts
need valgrind valgrind
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
if ((${#missing[@]})); then
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
fi

mkdir -p "$tools"
if ! cmp -s requirements.txt "$tools/requirements.txt"; then
    rm -rf "$tools/python"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
        --target "$tools/python" --requirement requirements.txt
    cp requirements.txt "$tools/"
fi
# npm writes the hidden lock file last, so a broken install is not taken for a whole one.
if ! cmp -s package.json "$tools/package.json" || [[ ! -f $tools/node_modules/.package-lock.json ]]; then
    cp package.json "$tools/"
    npm install --silent --no-package-lock --no-audit --no-fund --ignore-scripts --prefix "$tools"
fi
