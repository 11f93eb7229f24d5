# resume-upload.bats - uploads by ranges and over several streams: streams that die, runs that are cut short and go on, sources that change, what is left out.
load helpers

setup() { private_home; export T=$BATS_TEST_TMPDIR LOG=$BATS_TEST_TMPDIR/log ZCP_TIMEOUT=60; }
teardown() {
	local status=0
	[ -z "${ZCPD:-}" ] || zcpd_stop || status=1
	[ -z "${ZCP_MNT:-}" ] || umount "$ZCP_MNT" || status=1
	return $status
}

serve() {       # $ROOT (default $T/root) as "", with a transfer log
	export ROOT=${ROOT:-$T/root}
	mkdir -p "$ROOT"
	zcp_raw --public-key 2>/dev/null | awk '/^zcp-x25519/ { print $1, $2, "me", "write" }' >"$T/keys"
	chmod 600 "$T/keys"
	printf 'authorized-keys = "%s"\ntransfer-log = "%s"\nplaintext-from = {"127.0.0.0/8"}\nexport all { path = "%s" mode = rw prefix = "/" }\n' \
		"$T/keys" "$LOG" "$ROOT" >"$T/zcpd.conf"
	ZCPD_MODE="--config $T/zcpd.conf"
	zcpd_start
	export ZCPD
}
ups() {         # CASE [WORD...]: tests/peer/uploads.py
	run env PYTHONDONTWRITEBYTECODE=1 timeout -k 5 300 /usr/bin/python3 "$ZCP_TOP/tests/peer/uploads.py" "$@" 3>&-
	[ "$status" = 0 ] || fail "$(grep -a -v '^ok ' <<<"$output") $(tail -n 20 "$T/zcpd.log")"
	assert_output --regexp '# [0-9]+ cases, 0 failed'
}

@test "a large file over four streams, in plaintext" { serve; ups streams --plaintext; }
@test "a large file over four streams, encrypted" { serve; ups streams --encrypt; }
@test "a damaged raw chunk of a range comes again, sealed" { serve; ups damaged; }
@test "a stream that dies in the middle of a range: others have its work" { serve; ups stream; }
@test "the streams that hold files die: others open them again" { serve; ups opener; }
@test "the first stream dies: the job goes on once more" { serve; ups lead; }
@test "zcp killed in the middle of a file goes on with the same command, one stream" { serve; ups killed 1; }
@test "zcp killed in the middle of a file goes on with the same command, four streams" { serve; ups killed 4; }
@test "--no-resume: what is there does not count" { serve; ups fresh; }
@test "--no-resume, interrupted: 20, nothing is left" { serve; ups interrupted; }
@test "another source of the same size: what is there does not count" { serve; ups another; }
@test "a source replaced between two ranges, and one that never rests" { serve; ups replaced; }
@test "two runs that fill one file: the second is told, 46" { serve; ups busy; }
@test "zcpd killed in the middle of a file, and started again" {
	serve
	ups daemon_killed
	wait_gone "$ZCPD"
	ZCPD=
	zcpd_start
	export ZCPD
	ups daemon_again
}
@test "a destination that fills up half-way, four streams: 44, nothing is left" {
	need_root
	mkdir "$T/disk"
	mount -t tmpfs -o size=48M none "$T/disk" || fail "cannot mount"
	ZCP_MNT=$T/disk ROOT=$T/disk
	serve
	ups full
	assert_equal "$(ls -A "$ROOT")" ""
}
@test "a tree that was cut short goes on by finished files, one stream" { serve; ups tree 1; }
@test "a tree that was cut short goes on by finished files, four streams" { serve; ups tree 4; }

@test "a tree over four streams: contents, modes and times, read-only directories too" {
	serve
	mktree "$T/tree" 400
	mkdir -p "$T/tree/closed/inner"
	for i in {1..60}; do echo "$i" >"$T/tree/closed/$i"; echo "$i" >"$T/tree/closed/inner/$i"; done
	mkrand "$T/tree/a/large" 20000000
	ln -s ../large "$T/tree/a/b/link"
	chmod 555 "$T/tree/closed/inner" "$T/tree/closed"
	touch -d '2001-02-03 04:05:06.789' "$T/tree/closed/inner" "$T/tree/closed" "$T/tree/a"
	run -0 zcp -v -j 4 -a "$T/tree" 127.0.0.1:kept
	assert_output --partial 'up to 4 streams'
	tree_equal "$T/tree" "$ROOT/kept" modes times links
	run -0 zcp -j 4 -r "$T/tree" 127.0.0.1:plain
	tree_equal "$T/tree" "$ROOT/plain"
	assert_equal "$(stat -c %a "$ROOT/plain/closed/inner")" 555
	no_litter "$ROOT"
	chmod -R u+w "$T/tree" "$ROOT"
}

@test "a directory that cannot be made, four streams: said once, the rest is copied" {
	serve
	mkdir -p "$T/tree/bad" "$T/tree/good"
	for i in {1..200}; do echo "$i" >"$T/tree/bad/$i"; echo "$i" >"$T/tree/good/$i"; done
	mkdir "$ROOT/to"
	echo in the way >"$ROOT/to/bad"
	run zcp -j 4 -r "$T/tree/." 127.0.0.1:to
	[ "$status" = 23 ] || [ "$status" = 45 ] || fail "status $status: $output"
	assert_equal "$(grep -c bad <<<"$output")" 1
	assert_equal "$(cat "$ROOT/to/bad")" "in the way"
	tree_equal "$T/tree/good" "$ROOT/to/good"
}
