# hostile.bats - a server that lies to zcp, and a client that lies to zcpd (tests/peer): nothing outside changes, nothing hangs,
# nothing half is called a file, and zcpd goes on serving.
load helpers
teardown() { zcpd_stop; }
driver() {
	run env PYTHONDONTWRITEBYTECODE=1 T="$T" ZCPD="${ZCPD:-}" timeout -k 5 600 /usr/bin/python3 "$ZCP_TOP/tests/peer/$1.py" "${@:2}" 3>&-
	[ "$status" = 0 ] || fail "$(grep -v '^ok ' <<<"$output" | head -n 100)"
}
server() { private_home; zcp_raw --public-key >/dev/null; driver "$@"; }
client() { zcpd_start; driver "$@"; no_litter "$ROOT"; run ! grep -a 'ended by signal' "$T/zcpd.log"; }

have_extras() {
	: >"$BATS_TEST_TMPDIR/probe"
	{ setfattr -n user.probe -v 1 "$BATS_TEST_TMPDIR/probe" && setfacl -m u:7:r "$BATS_TEST_TMPDIR/probe"; } 2>/dev/null || skip "no attributes and ACLs on this file system"
}

@test "a server's names that climb, are absolute, empty, special or no names: status 2, nothing outside" { server hostile_server names; }
@test "a server's listings with doubled names, wrong parents, numbers out of bounds: status 2" { server hostile_server listings; }
@test "a server's answers that are not what was asked for" { server hostile_server files; }
@test "a server's records that are none, come twice, or end too early" { server hostile_server records; }
@test "a server that refuses, grants what was not chosen, or speaks of a later version" { server hostile_server refusals; }
@test "a server's segments of wrong lengths, offsets, requests, and too little of a file" { server hostile_contents segments; }
@test "a server's holes out of their turn, too long, of no file" { server hostile_contents holes; }
@test "a server's wrong tags: asked for again, sealed, at most twice, then 43" { server hostile_contents tags; }
@test "a server's wrong answers to an upload" { server hostile_contents uploads; }
@test "a server that claims a file of any size: few pieces, little memory" { server hostile_claims sizes; }
@test "a server whose listing never ends: an upload that goes on asks for none, one with --delete removes nothing, with little memory" { server hostile_claims listing; }
@test "a server's LOOKED that counts wrong, comes twice, unasked, without end, or is another message" { server hostile_looked looked; }
@test "a server's DIGEST of wrong lengths, other files, twice or unasked, to an upload" { server hostile_looked digests_up; }
@test "a server's DIGEST of wrong lengths, other files, twice or unasked, to a download" { server hostile_looked digests_down; }
@test "a server's OK with flags that make no sense, of other requests, and twice" { server hostile_looked oks; }
@test "a server's listing that lies, to a download with --delete: nothing outside goes, and nothing at all when it was broken" { server hostile_delete down; }
@test "a server's listing that lies, to an upload with --delete: nothing goes but what was listed whole" { server hostile_delete up; }

@test "a server's owners, attributes and ACLs that are none, are not the user's, or are too many" { have_extras; server hostile_extras to_zcp; }

@test "a client's attributes and ACLs that are none, are not the user's, or are too many; SETMETA of what it must not change" { have_extras; client hostile_extras to_zcpd; }
@test "a client's paths that climb, are absolute, or lead out through links" { client hostile_client paths; }
@test "a client's counts, lengths and sizes out of bounds, and floods of OPEN" { client hostile_client numbers; }
@test "a client's segments of wrong lengths, offsets, requests, and too little of a file" { client hostile_upload sealed; }
@test "a client's raw segments with wrong tags" { client hostile_upload raw; }
@test "a client's holes out of their turn, too long, of no file" { client hostile_upload holes; }
@test "a client's messages out of turn" { client hostile_turns turns; }
@test "a client's handshakes of low order, other protocols, and choices that were not offered" { client hostile_turns handshake; }
@test "a client's LOOKS with counts that lie, torn, of names that climb, are too long or lead out" { client hostile_looks looks; }
@test "a client's HASH and FETCH of what is no file, lies outside, or takes long" { client hostile_looks digests; }
@test "a client's REMOVE of what is not its own to remove" { client hostile_changes remove; }
@test "a client's LINK over what is there, of what is no file, and out of the root" { client hostile_changes link; }

own_key() { "$ZCP_BUILD/zcp" --public-key 2>/dev/null 3>&- | head -n 1 | cut -d' ' -f1,2; }
# configured DIR: there, a configuration with two keys and the root's own export
configured() {
	private_home
	mkdir -p "$1"
	printf '%s\n' "$(own_key) anna write" "$(XDG_CONFIG_HOME=$T/other own_key) ben" >"$1/keys"
	chmod 600 "$1/keys"
	printf '%s\n' "authorized-keys = \"$1/keys\"" "export all { prefix = / path = \"$T/root\" mode = rw }" >"$1/zcpd.conf"
}

@test "a client that looks, compares, removes and links across exports: each as it is served, to this key" {
	configured "$T"
	mkdir -p "$T/root" "$T/outside"/{two,ro/empty,inner,closed}
	printf two/f >"$T/outside/two/f"; printf ro/f >"$T/outside/ro/f"; printf d/in/f >"$T/outside/inner/f"; printf d/closed/f >"$T/outside/closed/f"
	cat >>"$T/zcpd.conf" <<-C
	export two { path = "$T/outside/two" mode = rw }
	export ro { path = "$T/outside/ro" }
	export inner { prefix = d/in path = "$T/outside/inner" mode = rw }
	export closed { prefix = d/closed path = "$T/outside/closed" mode = rw allow = {ben} }
	C
	ZCPD_MODE="--config $T/zcpd.conf" client hostile_changes exports
}

@test "a client that looks for, compares, removes and links what zcpd hides" {
	configured "$T/root"
	mkdir -m 700 "$T/root/state"
	ln -s root/state "$T/state"
	ZCPD_MODE="--config $T/root/zcpd.conf" client hostile_changes hidden
}
