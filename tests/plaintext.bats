# plaintext.bats - who decides whether contents travel in clear: both ends, and never someone in between.
load helpers

setup() {
	T=$BATS_TEST_TMPDIR RELAY=
	mkdir "$T/root"
	mkmarked "$T/root/named-aloud" 300000
	mkmarked "$T/up-aloud" 300000
}
teardown() {
	relay_stop
	zcpd_stop
}
by_relay() { zcp_raw --host-key="$HOSTKEY" -P "$RELAY_PORT" "$@" 8>&- 9>&-; }

# table: what is asked for, what the daemon allows, what comes of it
plain()  { assert_line --regexp "^zcp: .*: plaintext, .*: .*$1"; refute_line --regexp '^zcp: .*: encrypted'; }
sealed() { assert_line --regexp "^zcp: .*: encrypted with suite .*: .*$1"; refute_line --regexp '^zcp: .*: plaintext'; }
both_ways() {           # zcp OPTION...: down and up, -v, the same bytes; what was said, twice
	run -0 zcp -v "$@" 127.0.0.1:named-aloud "$T/down"
	cmp "$T/root/named-aloud" "$T/down"
	local said=$output
	run -0 zcp -v "$@" "$T/up-aloud" 127.0.0.1:up
	cmp "$T/up-aloud" "$T/root/up"
	printf '%s\n' "$said"
}

@test "by default: plaintext on one machine, proved" {
	zcpd_start
	both_ways
	plain "proved to be one machine"
	run -0 zcp -v 127.0.0.1:named-aloud "$T/down"
	plain "proved to be one machine"
}

@test "--encrypt is never plaintext, whatever the daemon allows" {
	zcpd_start --plaintext-from 127.0.0.0/8
	both_ways --encrypt
	sealed "asked for"
	run -0 zcp -v --encrypt 127.0.0.1:named-aloud "$T/down"
	sealed "asked for"
}

@test "--plaintext on one machine" {
	zcpd_start
	both_ways --plaintext
	plain "proved to be one machine"
}

@test "--plaintext where the network is named" {
	zcpd_start --plaintext-from 127.0.0.0/8
	both_ways --plaintext
	plain "allow it on this network"
	run -0 zcp -v 127.0.0.1:named-aloud "$T/down"
	plain "proved to be one machine"
}

@test "--plaintext-from=none: sealed, also on one machine; --plaintext is then status 4" {
	zcpd_start --plaintext-from=none
	both_ways
	sealed "does not allow plaintext"
	rm -f "$T/down" "$T/root/up"
	run -4 zcp --plaintext 127.0.0.1:named-aloud "$T/down"
	assert_output --partial "zcpd does not allow plaintext from here"
	run -4 zcp --plaintext "$T/up-aloud" 127.0.0.1:up
	assert_output --partial "zcpd does not allow plaintext from here"
	[ ! -e "$T/down" ]
	[ ! -e "$T/root/up" ]
	no_litter "$T"
}

@test "--encrypt and --plaintext together are status 1" {
	zcpd_start
	run -1 zcp --encrypt --plaintext 127.0.0.1:named-aloud "$T/down"
	assert_output --partial "contradict"
}

@test "through a relay on loopback auto seals, and no byte of the files is in what passed" {
	zcpd_start
	relay_start
	run -0 by_relay -v 127.0.0.1:named-aloud "$T/down"
	sealed "not proved to be one machine"
	run -0 by_relay -v "$T/up-aloud" 127.0.0.1:up
	sealed "not proved to be one machine"
	cmp "$T/root/named-aloud" "$T/down"
	cmp "$T/up-aloud" "$T/root/up"
	relay_stop
	[ "$(crossed | wc -c)" -gt 600000 ]
	run ! grep -aqF "$MARK" "$T/cap.c2s" "$T/cap.s2c"
	run ! grep -aqF "aloud" "$T/cap.c2s" "$T/cap.s2c"
}

@test "through a relay auto seals also where the daemon names the network" {
	zcpd_start --plaintext-from 127.0.0.0/8
	relay_start
	run -0 by_relay -v 127.0.0.1:named-aloud "$T/down"
	sealed "not proved to be one machine"
	relay_stop
	[ "$(crossed | wc -c)" -gt 300000 ]
	run ! grep -aqF "$MARK" "$T/cap.c2s" "$T/cap.s2c"
}

@test "through a relay --plaintext is refused where the network is not named" {
	zcpd_start --plaintext-from 10.0.0.0/8
	relay_start
	run -4 by_relay --plaintext 127.0.0.1:named-aloud "$T/down"
	assert_output --partial "zcpd does not allow plaintext from here"
	[ ! -e "$T/down" ]
	relay_stop
	run ! grep -aqF "$MARK" "$T/cap.c2s" "$T/cap.s2c"
}

@test "through a relay --plaintext on a named network is raw: the contents are in clear, the names are not" {
	zcpd_start --plaintext-from 127.0.0.0/8
	relay_start
	run -0 by_relay -v --plaintext 127.0.0.1:named-aloud "$T/down"
	plain "allow it on this network"
	run -0 by_relay -v --plaintext "$T/up-aloud" 127.0.0.1:up
	plain "allow it on this network"
	cmp "$T/root/named-aloud" "$T/down"
	cmp "$T/up-aloud" "$T/root/up"
	relay_stop
	grep -aqF "$MARK" "$T/cap.s2c"
	grep -aqF "$MARK" "$T/cap.c2s"
	run ! grep -aqF "aloud" "$T/cap.c2s" "$T/cap.s2c"
}

@test "small files, listings and refusals are sealed in plaintext mode too" {
	mkmarked "$T/root/small-aloud" 60000
	mkdir "$T/root/tree-aloud"
	cp "$T/root/small-aloud" "$T/root/tree-aloud/"
	zcpd_start --plaintext-from 127.0.0.0/8
	relay_start
	run -0 by_relay --plaintext 127.0.0.1:small-aloud "$T/down"
	run -0 by_relay --plaintext -r 127.0.0.1:tree-aloud "$T/tree"
	run -0 by_relay --plaintext "$T/down" 127.0.0.1:small-up
	run -3 by_relay --plaintext 127.0.0.1:missing-aloud "$T/none"
	relay_stop
	[ "$(crossed | wc -c)" -gt 180000 ]
	run ! grep -aqF "$MARK" "$T/cap.c2s" "$T/cap.s2c"
	run ! grep -aqE "aloud|small-up" "$T/cap.c2s" "$T/cap.s2c"
}

@test "--integrity=none needs --plaintext beside it, both typed" {
	private_home
	run -4 zcp_raw -P 1 --integrity=none 127.0.0.1:f "$T/out"
	assert_output --partial "--integrity=none"
	run -4 zcp_raw -P 1 --integrity=none --encrypt 127.0.0.1:f "$T/out"
	printf 'zcp alias --fast --plaintext --integrity=none\n' >"$HOME/.popt"
	run -4 zcp_raw -P 1 --fast 127.0.0.1:f "$T/out"
	assert_output --partial "--integrity=none"
	run -4 zcp_raw -P 1 --fast --plaintext 127.0.0.1:f "$T/out"
	run -1 zcp_raw -P 1 --integrity=some 127.0.0.1:f "$T/out"
	assert_output --partial "'some'"
}

@test "--integrity=none is refused by a daemon that was not started with it" {
	zcpd_start --plaintext-from 127.0.0.0/8
	run -4 zcp --plaintext --integrity=none 127.0.0.1:named-aloud "$T/down"
	assert_output --partial "zcpd does not allow --integrity=none"
	run -4 zcp --plaintext --integrity=none "$T/up-aloud" 127.0.0.1:up
	assert_output --partial "zcpd does not allow --integrity=none"
	[ ! -e "$T/down" ]
	[ ! -e "$T/root/up" ]
}

@test "--integrity=none holds for named networks only, one machine is not enough" {
	zcpd_start --integrity=none
	run -4 zcp --plaintext --integrity=none 127.0.0.1:named-aloud "$T/down"
	[ ! -e "$T/down" ]
}

@test "--integrity=none where both say so by name, and its end says: not verified" {
	zcpd_start --plaintext-from 127.0.0.0/8 --integrity=none
	both_ways --plaintext --integrity=none
	assert_line --regexp "plaintext, not verified, records by suite .*: .*network"
	assert_output --partial "not verified"
}

@test "auto never leaves the tags away, whatever the daemon allows" {
	zcpd_start --plaintext-from 127.0.0.0/8 --integrity=none
	run -0 zcp -v 127.0.0.1:named-aloud "$T/down"
	plain "one machine"
	refute_output --partial "not verified"
	run -0 zcp -v --plaintext 127.0.0.1:named-aloud "$T/down"
	plain "network"
	refute_output --partial "not verified"
}
