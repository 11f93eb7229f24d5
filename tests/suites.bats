# suites.bats - each cipher by name, both ways; who chooses; this build's programs with the other libsodium's.
load helpers
ALL="aegis128l aegis256 aes256gcm chacha20poly1305"

setup()    { T=$BATS_TEST_TMPDIR; mkdir "$T/root"; mkrand "$T/root/f" 1500000; }
teardown() { zcpd_stop; }

has_aes() { grep -qwE 'aes' /proc/cpuinfo; }
# here SUITE: does this build, on this processor, have it?
here() {
	case $1 in
	aegis*)    has_aes && has_aegis ;;
	aes256gcm) has_aes ;;
	esac
}
best() { local s; for s in $ALL; do ! here "$s" || { echo "$s"; return; }; done; }
# both_ways PROGRAM OPTION...: -v of both directions in $output
both_ways() {
	local prog=$1 said
	shift
	run -0 timeout -k 5 100 "$prog" --host-key="$HOSTKEY" -P "$PORT" -v "$@" 127.0.0.1:f "$T/down" 3>&-
	cmp "$T/root/f" "$T/down" || fail "down: not the same bytes"
	said=$output
	run -0 timeout -k 5 100 "$prog" --host-key="$HOSTKEY" -P "$PORT" -v "$@" "$T/down" 127.0.0.1:up 3>&-
	cmp "$T/root/f" "$T/root/up" || fail "up: not the same bytes"
	rm -f "$T/down" "$T/root/up"
	output=$said$'\n'$output
}
# named SUITE: both directions' lines name it, and no line another one
named() {
	assert_equal "$(grep -cE "suite $1[ ,]" <<<"$output")" 2
	assert_equal "$(grep -cE "suite [a-z0-9]+" <<<"$output")" 2
}

@test "each cipher by name, both ways, encrypted and in plaintext with tags" {
	zcpd_start
	local s
	for s in $ALL; do
		here "$s" || continue
		both_ways "$ZCP_BUILD/zcp" --encrypt --cipher="$s"
		named "$s"
		both_ways "$ZCP_BUILD/zcp" --plaintext --cipher="$s"
		named "$s"
	done
}

@test "without a word the best cipher of both is taken" {
	zcpd_start
	both_ways "$ZCP_BUILD/zcp" --encrypt
	named "$(best)"
}

@test "a cipher that this libsodium or processor lacks is status 4, and the ones there are are named" {
	private_home
	local s lacking=0
	for s in $ALL; do
		! here "$s" || continue
		lacking=1
		run -4 zcp_raw -P 1 --cipher="$s" 127.0.0.1:f "$T/out"
		assert_output --partial "'$s'"
		assert_output --partial "chacha20poly1305"
		run -1 "$ZCP_BUILD/zcpd" --root "$T/root" --state "$T/s" --listen 127.0.0.1:0 --cipher="$s" 3>&-
		assert_output --partial "$s"
	done
	[ $lacking = 1 ] || skip "every cipher is there"
}

@test "an unknown cipher is status 1 and is named" {
	private_home
	run -1 zcp_raw -P 1 --cipher=rot13 127.0.0.1:f "$T/out"
	assert_output --partial "'rot13'"
	run -1 zcp_raw -P 1 --cipher=chacha20poly1305,rot13 127.0.0.1:f "$T/out"
	assert_output --partial "'rot13'"
	run -1 zcp_raw -P 1 --cipher= 127.0.0.1:f "$T/out"
	run -1 zcp_raw -P 1 --cipher=chacha20poly1305, 127.0.0.1:f "$T/out"
	run -1 "$ZCP_BUILD/zcpd" --root "$T/root" --state "$T/s" --listen 127.0.0.1:0 --cipher=rot13 3>&-
	assert_output --partial rot13
}

@test "the client's order decides among what the daemon offers" {
	has_aes || skip "one cipher only on this processor"
	zcpd_start --cipher=aes256gcm,chacha20poly1305
	both_ways "$ZCP_BUILD/zcp" --encrypt --cipher=chacha20poly1305,aes256gcm
	named chacha20poly1305
	both_ways "$ZCP_BUILD/zcp" --encrypt --cipher=aes256gcm,chacha20poly1305
	named aes256gcm
	both_ways "$ZCP_BUILD/zcp" --encrypt
	named aes256gcm
}

@test "a daemon that offers one cipher gets that one" {
	zcpd_start --cipher=chacha20poly1305
	both_ways "$ZCP_BUILD/zcp" --encrypt
	named chacha20poly1305
}

@test "nothing in common is status 4" {
	has_aes || skip "one cipher only on this processor"
	zcpd_start --cipher=chacha20poly1305
	run -4 zcp --cipher=aes256gcm 127.0.0.1:f "$T/out"
	assert_output --partial "no cipher or version in common"
	[ ! -e "$T/out" ]
}

# The two libsodiums: 1.0.18 has no AEGIS, so they meet at the best of the older one.
common_best() { if has_aes; then echo aes256gcm; else echo chacha20poly1305; fi; }
need_other() { [ -n "$ZCP_BUILD_OTHER" ] && [ -x "$ZCP_BUILD_OTHER/zcpd" ] && [ -x "$ZCP_BUILD_OTHER/zcp" ] || skip "no build with the other libsodium"; }
alike() { [ "$("$ZCP_BUILD/zcp" --version)" = "$("$ZCP_BUILD_OTHER/zcp" --version)" ]; }

@test "this zcp with the other libsodium's zcpd: the same bytes, in a cipher both have" {
	need_other
	ZCPD_PROG=$ZCP_BUILD_OTHER/zcpd
	zcpd_start
	local want
	want=$(common_best)
	! alike || want=$(best)
	both_ways "$ZCP_BUILD/zcp" --encrypt
	named "$want"
	both_ways "$ZCP_BUILD/zcp"
	named "$want"
	both_ways "$ZCP_BUILD/zcp" --cipher=chacha20poly1305
	named chacha20poly1305
}

@test "the other libsodium's zcp with this zcpd: the same bytes, in a cipher both have" {
	need_other
	zcpd_start
	local want
	want=$(common_best)
	! alike || want=$(best)
	both_ways "$ZCP_BUILD_OTHER/zcp" --encrypt
	named "$want"
	both_ways "$ZCP_BUILD_OTHER/zcp"
	named "$want"
}
