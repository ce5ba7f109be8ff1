#!/bin/sh
# deps.sh GROUP... -- installs the Debian packages of these groups that are missing.
#
# Does nothing, and needs no network, when all are there. Uses sudo only when not root.
set -eu

build="make gcc g++ libc6-dev pkgconf libopenblas-pthread-dev libmicrohttpd-dev libjansson-dev libyaml-dev"
test="libcmocka-dev libcurl4-openssl-dev zlib1g-dev curl"
lint="clang clang-tidy shellcheck"
bench="wrk python3 python3-torch python3-fastapi python3-uvicorn"
image="buildah podman debootstrap runc uidmap curl"

wanted=
for group; do
    case $group in
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test" ;;
    lint) wanted="$wanted $lint" ;;
    bench) wanted="$wanted $bench" ;;
    image) wanted="$wanted $image" ;;
    *) echo "deps.sh: no group called $group (build, test, lint, bench, image)" >&2; exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "This is not a Debian system. Install what these Debian packages hold, if it is missing:"
    echo "   $wanted"
    exit 0
fi

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
echo "Installing with apt-get${sudo:+ (by sudo)}:$missing"
$sudo apt-get update -q
# shellcheck disable=SC2086 # a list of words
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
