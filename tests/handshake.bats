# handshake.bats - who is talked to, who is let in, and that no byte of an opening can be changed, left out, doubled or moved
# by somebody in between. The bytes to flip are sampled with ZCP_SEED; ZCP_LONG=1 takes all.
load helpers
teardown() { zcpd_stop; }
driver() {
	run env PYTHONDONTWRITEBYTECODE=1 T="$T" timeout -k 5 1200 /usr/bin/python3 "$ZCP_TOP/tests/peer/$1.py" "${@:2}" 3>&-
	[ "$status" = 0 ] || fail "$(grep -v '^ok ' <<<"$output" | head -n 100)"
}
middle()   { zcpd_start; driver middle "$@"; no_litter "$ROOT"; no_signal; }
stranger() { private_home; zcp_raw --public-key >/dev/null; driver strangers "$@"; }
no_signal() { run ! grep -a 'ended by signal' "$T/zcpd.log"; }
some_file() { mkrand "$ROOT/f" 5000; }
known_hosts() { cat "$XDG_CONFIG_HOME/zcp/known_hosts" 2>/dev/null; }

@test "any byte of the handshake flipped: zcp fails, nothing is copied, zcpd goes on serving" { middle flips; }
@test "any message of the handshake dropped, doubled or swapped: zcp fails, nothing is copied" { middle messages; }
@test "any record behind the handshake flipped, dropped, doubled or swapped: zcp fails" { middle records; }

@test "a server with another key gets nothing of the client's identity: message 3 never comes" { stranger identity; }
@test "offers that are none, or of nothing in common: refused; what a later version adds is skipped" { stranger offers; }
@test "points of low order in a server's keys are refused" { stranger points; }
@test "a peer that speaks something else: a message and a status, nothing hung" { stranger protocols; }

@test "an unknown host in a script is 41, says its key, and nothing is copied or remembered" {
	zcpd_start
	some_file
	run -41 zcp_raw -P "$PORT" 127.0.0.1:f "$T/f"
	assert_output --partial "SHA256:"
	assert_output --partial "127.0.0.1"
	assert_not_exists "$T/f"
	assert_equal "$(known_hosts)" ""
}

@test "--accept-new takes an unknown host's key once and remembers it; then the host is known" {
	zcpd_start
	some_file
	run -0 zcp_raw --accept-new -P "$PORT" 127.0.0.1:f "$T/f"
	cmp "$ROOT/f" "$T/f"
	run known_hosts
	assert_output --partial "$HOSTKEY"
	assert_output --partial ":$PORT"
	[ "${#lines[@]}" = 1 ]
	run -0 zcp_raw -P "$PORT" 127.0.0.1:f "$T/g"
	run -0 zcp_raw --accept-new -P "$PORT" 127.0.0.1:f "$T/h"
	run known_hosts
	[ "${#lines[@]}" = 1 ]
	run stat -c %a "$XDG_CONFIG_HOME/zcp/known_hosts"
	assert_output 600
}

@test "a changed host key is 42, always, until it is forgotten by hand" {
	zcpd_start
	some_file
	run -0 zcp_raw --accept-new -P "$PORT" 127.0.0.1:f "$T/f"
	local before port=$PORT
	before=$(known_hosts)
	zcpd_stop
	rm -rf "$T/state"
	ZCPD_LISTEN=127.0.0.1:$port zcpd_start
	assert_equal "$PORT" "$port"
	for how in "" --accept-new; do
		run -42 zcp_raw $how -P "$PORT" 127.0.0.1:f "$T/g"
		assert_output --partial "--forget-host"
		assert_not_exists "$T/g"
		assert_equal "$(known_hosts)" "$before"
	done
	run -0 zcp_raw --forget-host "127.0.0.1:$PORT"
	run -41 zcp_raw -P "$PORT" 127.0.0.1:f "$T/g"
	run -0 zcp_raw --accept-new -P "$PORT" 127.0.0.1:f "$T/g"
	run known_hosts
	assert_output --partial "$HOSTKEY"
}

@test "--host-key pins a key or a fingerprint for one run, and remembers nothing" {
	zcpd_start
	some_file
	run -0 zcp_raw --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:f "$T/f"
	local print
	print=$("$ZCP_BUILD/zcpd" --state "$T/state" --public-key 3>&- | grep -o 'SHA256:[A-Za-z0-9+/]*')
	run -0 zcp_raw --host-key="$print" -P "$PORT" 127.0.0.1:f "$T/g"
	run -42 zcp_raw --host-key="SHA256:$(printf 'A%.0s' {1..43})" -P "$PORT" 127.0.0.1:f "$T/h"
	assert_not_exists "$T/h"
	assert_equal "$(known_hosts)" ""
}

@test "a client whose key is not in authorized_keys is 40, up and down" {
	private_home
	"$ZCP_BUILD/zcp" --public-key >/dev/null 3>&-
	mkdir -p "$T/other"
	XDG_CONFIG_HOME=$T/other "$ZCP_BUILD/zcp" --public-key 3>&- | awk '/^zcp-x25519 /{ print $1, $2, "other" }' >"$T/keys"
	zcpd_start --authorized-keys "$T/keys"
	some_file
	run -40 zcp 127.0.0.1:f "$T/f"
	assert_output --partial "authorized_keys"
	refute_output --partial "cannot be used"
	assert_not_exists "$T/f"
	run -40 zcp "$ROOT/f" 127.0.0.1:up
	assert_not_exists "$ROOT/up"
	XDG_CONFIG_HOME=$T/other run -0 zcp 127.0.0.1:f "$T/f"
	cmp "$ROOT/f" "$T/f"
	no_signal
}

@test "a stream names the suite that it chose, on both ends" {
	zcpd_start
	mkrand "$ROOT/f" 100000
	for suite in $(has_aegis && echo aegis128l aegis256) chacha20poly1305; do
		run -0 zcp -v --encrypt --cipher="$suite" 127.0.0.1:f "$T/f.$suite"
		assert_output --partial "$suite"
		wait_for_line "$T/zcpd.log" "$suite"
	done
}
