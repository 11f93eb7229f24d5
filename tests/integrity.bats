# integrity.bats - bytes that change, or stop, on the way: the right file or none.
load helpers

setup() { export T=$BATS_TEST_TMPDIR; zcpd_start --plaintext-from 127.0.0.0/8; }
teardown() { zcpd_stop; }

damaged() {     # WHAT WAY
	run /usr/bin/python3 "$ZCP_TOP/tests/peer/integrity.py" "$@" 3>&-
	[ "$status" = 0 ] || fail "$(grep -a -v '^ok ' <<<"$output")"
	assert_output --regexp '# [0-9]+ cases, 0 failed'
}

@test "a raw byte flipped on the way down: the chunk comes again, sealed" { damaged once down; }
@test "a raw byte flipped on the way up: the chunk comes again, sealed" { damaged once up; }
@test "bytes flipped all the way down: 43, and nothing is published" { damaged always down; }
@test "bytes flipped all the way up: not 0, and nothing is published" { damaged always up; }
@test "a byte of a sealed record flipped on the way down: 43, and nothing is published" { damaged sealed down; }
@test "a byte of a sealed record flipped on the way up: not 0, and nothing is published" { damaged sealed up; }
@test "a download that is cut is never complete" { damaged cut down; }
@test "an upload that is cut is never complete" { damaged cut up; }
