# streams.bats - one job over several streams: small files spread, large ones in ranges, and what one stream drops the others bring.
load helpers

setup() { export T=$BATS_TEST_TMPDIR ZCP_TIMEOUT=60; zcpd_start --plaintext-from 127.0.0.0/8; export ZCPD; }
teardown() { zcpd_stop; }

resuming() {    # CASE: see tests/peer/resuming.py
	run env PYTHONDONTWRITEBYTECODE=1 timeout -k 5 300 /usr/bin/python3 "$ZCP_TOP/tests/peer/resuming.py" "$@" 3>&- 4>&-
	[ "$status" = 0 ] || fail "$(grep -a -v '^ok ' <<<"$output")"
	assert_output --regexp '# [0-9]+ cases, 0 failed'
}

@test "a tree and a large file come over four streams, plaintext and encrypted" {
	local how
	mktree "$ROOT/t" 300
	mkrand "$ROOT/t/a/large" 50000001 7
	mkrand "$ROOT/t/a/b/large" 9000000 8
	for how in --plaintext --encrypt; do
		run -0 zcp -a -j 4 $how 127.0.0.1:t "$T/out$how"
		tree_equal "$ROOT/t" "$T/out$how" modes times links
		no_litter "$T/out$how"
		run -0 zcp -j 4 $how 127.0.0.1:t/a/large "$T/one$how"
		cmp "$ROOT/t/a/large" "$T/one$how"
	done
	no_litter "$T"
}
@test "a large download uses as many streams as -j says, a small one a single stream" { resuming streams; }
@test "a stream of a download whose process is killed: the others bring its range" { resuming dies; }
@test "a stream of a download that lies: a sealed one ends, a raw chunk comes again" { resuming lies; }
@test "a stream of a download that stalls: the others bring its range" { resuming silent; }
