#!/bin/bash
# image-test.sh [trixie|bookworm] -- builds the image with buildah and tries it with podman.
#
# Needs root, no Docker engine. The base image is BASE if set; else debian:SUITE-slim if it can be
# pulled; else it is made with debootstrap from MIRROR, by default the one that this machine's apt
# uses. The stage `test` is built first, so every test runs on the image's own platform
# (SKIP_TESTS=1 leaves that out). Everything is kept below build/image/ and removed at the end,
# save the base's archive (KEEP=1 keeps all).
set -eu
cd "$(dirname "$0")/.."

suite=${1:-trixie}
case $suite in
trixie) microhttpd=libmicrohttpd12t64 ;;
bookworm) microhttpd=libmicrohttpd12 ;;
*) echo "usage: image-test.sh [trixie|bookworm]" >&2; exit 2 ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "image-test.sh needs root" >&2; exit 1; }

work=$PWD/build/image
mkdir -p "$work"
scratch=$(mktemp -d)
export TMPDIR=$scratch
store=(--root "$work/root" --runroot "$scratch/run" --storage-driver vfs)
runc=$(command -v runc || true)
engine=(podman "${store[@]}" ${runc:+--runtime "$runc"} --cgroup-manager cgroupfs)
container=gradd-image-test-$$
passed=0
failed=0

cleanup() {
    "${engine[@]}" rm -f "$container" >/dev/null 2>&1 || true
    if [ -z "${KEEP:-}" ]; then
        "${engine[@]}" image rm -a -f >/dev/null 2>&1 || true
        rm -rf "$work/root"
    fi
    rm -rf "$scratch"
}
trap cleanup EXIT

say() { printf '\n== %s\n' "$*"; }
expect() { # what, expected, found
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
        echo "ok   $1: $3"
    else
        failed=$((failed + 1))
        printf 'FAIL %s: expected %s, found %s\n' "$1" "$2" "$3"
    fi
}

# ---- the base image ------------------------------------------------------------------------------

# The mirror that apt uses here for the distribution itself, security updates aside.
mirror() {
    # shellcheck disable=SC2016 # the variables are apt's
    local list format='$(ORIGIN) $(LABEL) $(REPO_URI)'
    list=$(apt-get indextargets --format "$format" 'Created-By: Packages')
    if [ -z "$list" ]; then
        apt-get update -q >&2
        list=$(apt-get indextargets --format "$format" 'Created-By: Packages')
    fi
    awk '$1 == "Debian" && $2 == "Debian" {print $3; exit}' <<<"$list"
}

base=${BASE:-}
if [ -z "$base" ] && timeout 60 podman "${store[@]}" pull -q "debian:$suite-slim" 2>/dev/null; then
    base=debian:$suite-slim
fi
if [ -z "$base" ]; then
    base=localhost/gradd-base:$suite
    if [ ! -f "$work/$suite.tar" ]; then
        from=${MIRROR:-$(mirror)}
        say "debootstrap $suite"
        debootstrap --variant=minbase "$suite" "$scratch/base" "$from" >"$work/debootstrap.log" 2>&1 ||
            { tail -n 20 "$work/debootstrap.log"; exit 1; }
        tar -C "$scratch/base" --exclude='./var/cache/apt/archives/*.deb' -cf "$work/$suite.tar.part" .
        mv "$work/$suite.tar.part" "$work/$suite.tar"
        rm -rf "$scratch/base"
    fi
    podman "${store[@]}" import -q "$work/$suite.tar" "$base" >/dev/null
fi

# ---- build ---------------------------------------------------------------------------------------

build() { # target, tag
    buildah "${store[@]}" build --isolation chroot --pull-never --format docker --layers \
        --build-arg BASE="$base" --build-arg MICROHTTPD="$microhttpd" \
        --build-arg COMMIT="$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)" \
        --target "$1" -t "$2" .
}

if [ -z "${SKIP_TESTS:-}" ]; then
    say "stage test, on $suite"
    build test localhost/gradd:tested
fi
say "the image, on $suite"
build final localhost/gradd:image-test

inspect() { "${engine[@]}" image inspect localhost/gradd:image-test --format "$1"; }
expect "user" 65532:65532 "$(inspect '{{.Config.User}}')"
expect "entry point" '[gradd]' "$(inspect '{{.Config.Entrypoint}}')"
expect "port" 'map[8080/tcp:{}]' "$(inspect '{{.Config.ExposedPorts}}')"
expect "stop signal" SIGTERM "$(inspect '{{.Config.StopSignal}}')"
expect "health check" '[CMD gradd --healthcheck]' "$(inspect '{{.HealthCheck.Test}}')"
echo "     size: $(($(inspect '{{.Size}}') / 1000000)) MB"

# ---- run -----------------------------------------------------------------------------------------

port=$((20000 + RANDOM % 10000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
url=http://127.0.0.1:$port

say "running it read-only, without capabilities, as its own user"
"${engine[@]}" run -d --name "$container" --no-healthcheck --network host --read-only \
    --read-only-tmpfs=false --cap-drop ALL --security-opt no-new-privileges --memory 512m --pids-limit 64 \
    --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 \
    -e GRADD_LISTEN="127.0.0.1:$port" localhost/gradd:image-test >/dev/null

for _ in $(seq 100); do
    curl -sf --max-time 2 "$url/readyz" >/dev/null && break
    sleep 0.1
done
inside() { "${engine[@]}" exec "$container" "$@" 2>&1; }
status() { inside sed -n "s/^$1:[[:space:]]*//p" /proc/1/status; }

answer=$(curl -sS --max-time 10 -H 'Content-Type: application/json' "$url/v1/evaluate" -d '
    { "graph": { "nodes": [ {"id": "q", "op": "add", "inputs": ["x", "y"]},
                            {"id": "f", "op": "mul", "inputs": ["q", "z"]} ],
                 "outputs": ["f"] },
      "inputs": {"x": -2, "y": 5, "z": -4} }' | tr -d ' \n')
expect "(x + y) z" '{"outputs":["f"],"values":{"x":-2,"y":5,"z":-4,"q":3,"f":-12},"gradients":{"x":-4,"y":-4,"z":3,"q":-4,"f":1}}' "$answer"
expect "health check inside" 0 "$(inside gradd --healthcheck >/dev/null && echo 0 || echo "$?")"
expect "user of process 1" 65532 "$(status Uid | cut -f1)"
expect "capabilities" 0000000000000000 "$(status CapEff)"
expect "no new privileges" 1 "$(status NoNewPrivs)"
expect "writes to the root" refused "$(inside sh -c 'touch /x 2>/dev/null && echo written || echo refused')"
expect "setuid files" "" "$(inside sh -c 'find / -xdev -type f -perm /6000 2>/dev/null')"

"${engine[@]}" stop -t 30 "$container" >/dev/null
expect "exit after SIGTERM" 0 "$("${engine[@]}" inspect "$container" --format '{{.State.ExitCode}}')"
expect "killed for memory" false "$("${engine[@]}" inspect "$container" --format '{{.State.OOMKilled}}')"
[ "$failed" -eq 0 ] || "${engine[@]}" logs "$container" | tail -n 20

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
