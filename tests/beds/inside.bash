# inside.bash - the first lines of every script that tests/beds/nspawn runs: this tree installed, a client, words for what a test waits for.
# shellcheck shell=bash
set -eEu
trap 'echo "line $((LINENO - PRELUDE)) of the script: $BASH_COMMAND: status $?" >&2' ERR
export PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin LC_ALL=C.UTF-8 HOME=/tmp/home PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH=$TREE/tests/peer SYSTEMD_PAGER='' SYSTEMD_COLORS=0
mkdir -p "$HOME"
CONF=/etc/zcp/zcpd.conf KEYS=/etc/zcp/authorized_keys
# nspawn puts a boot id of its own over the kernel's; services get a fresh /proc and see the kernel's. A real machine has one.
umount /proc/sys/kernel/random/boot_id

fail() { printf '%s\n' "$*" >&2; exit 1; }
# not COMMAND...: it must fail. (`! command` would be overlooked by set -e, and so is what stands before && in a line: one thing a line here.)
not() { ! "$@" || fail "this should have failed: $*"; }

# installed: make install, as onto a real system
installed() { make -s --no-print-directory -C "$TREE" install >/tmp/install 2>&1 || fail "make install: $(cat /tmp/install)"; }

# configured [LINE...]: a zcpd.conf with these lines and an export "zcp" of /srv/zcp; this client may write
configured() {
	{ printf 'authorized-keys = "%s"\n' "$KEYS"; printf '%s\n' "$@"; printf 'export zcp {\n\tpath = "/srv/zcp"\n\tmode = rw\n}\n'; } >"$CONF"
	zcp --public-key 2>/dev/null | sed 's/$/ write/' >"$KEYS"
}
# served [LINE...]: installed, configured, the socket unit started
served() { installed; configured "$@"; systemctl -q enable --now zcpd.socket; }

# drop_in UNIT TEXT: a file of `systemctl edit`
drop_in() {
	mkdir -p "/etc/systemd/system/$1.d"
	printf '%b\n' "$2" >"/etc/systemd/system/$1.d/test.conf"
	systemctl daemon-reload
}
main_pid() { systemctl show -P MainPID zcpd.service; }
stream_pid() { pgrep -P "$(main_pid)" "$@" | tail -n 1; }

# copy ARG...: zcp, trusting a host not seen before; never for ever
copy() { timeout 60 zcp --accept-new -q "$@"; }

# until_true COMMAND...: asked again ten times a second, 20 seconds at most, for what tells nobody when it changes
until_true() {
	local tries=0 never
	exec {never}<> <(:)
	until "$@"; do
		[ $((tries += 1)) -lt 200 ] || fail "never true: $*"
		read -r -t 0.1 -u "$never" || :
	done
	exec {never}>&-
}
# seen PATTERN [WORD-FOR-JOURNALCTL...]: until the journal of zcpd has such a line
said() { journalctl -q -o cat "${@:2}" | grep -aE -- "$1" >/dev/null; }
# Of the unit, or by name: journald cannot tell the unit of a process that is gone before it looks.
said_here() { said "$1" -u zcpd.service || said "$1" -t zcpd; }
seen() {
	if [ $# -gt 1 ]; then until_true said "$@"; else until_true said_here "$1"; fi
}
# becomes WORD COMMAND...: until the command prints a line with this word (a regular expression)
prints() { "${@:2}" 2>&1 | grep -E -- "$1" >/dev/null; }
becomes() { until_true prints "$@"; }
# random FILE MIB
random() { head -c "$(($2 << 20))" /dev/urandom >"$1"; chmod 644 "$1"; }

# held REMOTE: a download into a FIFO that stands still after its first MiB: HELD is zcp's process. let_go FILE: the rest of it; zcp's status
held() {
	local both
	rm -f /tmp/held.fifo /tmp/held.part
	mkfifo /tmp/held.fifo
	zcp --accept-new -q "127.0.0.1:$1" /tmp/held.fifo 2>/tmp/held.err &
	HELD=$!
	# both ways first: a zcp that ends before it opens the FIFO must not hold the script
	exec {both}<>/tmp/held.fifo
	exec {HELD_FD}</tmp/held.fifo
	timeout 20 head -c 1048576 <&"$HELD_FD" >/tmp/held.part || :
	[ "$(stat -c %s /tmp/held.part)" = 1048576 ] || fail "no transfer: $(cat /tmp/held.err)"
	exec {both}>&-
}
let_go() {
	local rc=0
	cat <&"$HELD_FD" >>/tmp/held.part
	exec {HELD_FD}<&-
	wait "$HELD" || rc=$?
	[ $rc != 0 ] || cmp /tmp/held.part "$1" || fail "other bytes than $1"
	return $rc
}
PRELUDE=$(grep -n '^# -- the script' "$0" | cut -d: -f1)
export PRELUDE
# -- the script
