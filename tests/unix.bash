# shellcheck shell=bash disable=SC2154    # status and output are bats' own
# unix.bash - what tests over a Unix socket share. Load helpers first.
# Two clients: this user, who runs zcpd, and another one (nobody), whom files of this user's are handed to. Both are let in.
keys() {
	private_home
	export OTHER=$T/other
	mkdir -p "$OTHER/out"
	! is_root || chown -R 65534:65534 "$OTHER"
	"$ZCP_BUILD/zcp" --public-key 2>/dev/null 3>&- | sed 's/ [^ ]*$/ own write/' >"$T/keys"
	other_zcp --public-key 2>/dev/null | sed 's/ [^ ]*$/ other write/' >>"$T/keys"
	chmod 600 "$T/keys"
	S=$T/s
}
other_zcp() { as_user env XDG_CONFIG_HOME="$OTHER" XDG_STATE_HOME="$OTHER/state" HOME="$OTHER" timeout -k 5 "${ZCP_TIMEOUT:-100}" "$ZCP_BUILD/zcp" "$@"; }
start() { keys; ZCPD_LISTEN=unix:$S zcpd_start --authorized-keys "$T/keys" "$@"; }
# configured DIR... -- TEXT: under --config, which has TEXT; the root and DIRs are there
configured() {
	keys
	mkdir -p "$T/root"
	while [ "$1" != -- ]; do mkdir -p "$1"; shift; done
	printf '%s\n' "authorized-keys = \"$T/keys\"" "$2" >"$T/zcpd.conf"
	ZCPD_MODE="--config $T/zcpd.conf" ZCPD_LISTEN=unix:$S zcpd_start
}
u() { zcp_raw --host-key="$HOSTKEY" "$@"; }
o() { other_zcp --host-key="$HOSTKEY" "$@"; }
driver() {
	run env PYTHONDONTWRITEBYTECODE=1 T="$T" SOCK="${S:-}" timeout -k 5 300 /usr/bin/python3 "$ZCP_TOP/tests/peer/hostile_handed.py" "$1" 3>&-
	[ "$status" = 0 ] || fail "$(grep -v '^ok ' <<<"$output" | head -n 60)"
}
# handed SRC [ARG...]: nobody copies it, by descriptor; sent: not so. Both: the same bytes.
handed() { o -v "${@:2}" "unix:$S:$1" "$OTHER/out/got" 2>"$T/err" || fail "$(cat "$T/err")"; grep -q 'handed over as descriptor' "$T/err" || fail "$1 was not handed over: $(cat "$T/err")"; cmp "$ROOT/$1" "$OTHER/out/got"; }
sent() { o -v "${@:2}" "unix:$S:$1" "$OTHER/out/got" 2>"$T/err" || fail "$(cat "$T/err")"; run ! grep 'handed over' "$T/err"; cmp "$ROOT/$1" "$OTHER/out/got"; }
