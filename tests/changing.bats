# changing.bats - a source that is cut, grown, rewritten, unlinked, replaced or punched while it is sent, by every engine.
# One more try on the same stream; then 24 and nothing published; only grown: what was there at open, and 24.
load helpers

setup() { export T=$BATS_TEST_TMPDIR ZCP_TIMEOUT=60; zcpd_start --plaintext-from 127.0.0.0/8; }
teardown() { zcpd_stop; }

changes() {     # ENGINE WAY CARRY
	run /usr/bin/python3 "$ZCP_TOP/tests/peer/changing.py" "$@" 3>&-
	[ "$status" = 0 ] || fail "$(grep -a -v '^ok ' <<<"$output")"
	assert_output --regexp '# [0-9]+ cases, 0 failed'
}

@test "a source that changes: download by sendfile, plaintext" { changes sendfile down plain; }
@test "a source that changes: download by splice, plaintext" { changes splice down plain; }
@test "a source that changes: download by mmap, plaintext" { changes mmap down plain; }
@test "a source that changes: download by readwrite, plaintext" { changes readwrite down plain; }
@test "a source that changes: download by direct, plaintext" { changes direct down plain; }
@test "a source that changes: download by mmap, encrypted" { changes mmap down sealed; }
@test "a source that changes: download by readwrite, encrypted" { changes readwrite down sealed; }
@test "a source that changes: download by direct, encrypted" { changes direct down sealed; }
@test "a source that changes: upload by sendfile, plaintext" { changes sendfile up plain; }
@test "a source that changes: upload by splice, plaintext" { changes splice up plain; }
@test "a source that changes: upload by mmap, plaintext" { changes mmap up plain; }
@test "a source that changes: upload by readwrite, plaintext" { changes readwrite up plain; }
@test "a source that changes: upload by direct, plaintext" { changes direct up plain; }
@test "a source that changes: upload by mmap, encrypted" { changes mmap up sealed; }
@test "a source that changes: upload by readwrite, encrypted" { changes readwrite up sealed; }
@test "a source that changes: upload by direct, encrypted" { changes direct up sealed; }

unsized() {     # FROM TO: of /proc, where files have contents and no size
	[ "$(head -c 65537 /proc/kallsyms 2>/dev/null | wc -c)" = 65537 ] || skip "no /proc/kallsyms above 64 KiB here"
	run zcp_raw --host-key="$HOSTKEY" -P "$PORT" "$@"
	[ "$status" = 11 ] || fail "status $status: $output"
	assert_output --partial kallsyms
	run find "$T/got" "$ROOT" -maxdepth 1 -name '*kallsyms*' -newer "$T/before"
	assert_output ''
}
@test "a file without a size and of more than 64 KiB is refused, not cut: upload" {
	mkdir "$T/got"; touch "$T/before"
	unsized /proc/kallsyms 127.0.0.1:
}
@test "a file without a size and of more than 64 KiB is refused, not cut: download" {
	zcpd_stop
	ROOT=/proc ZCPD_MODE="--root /proc" zcpd_start
	mkdir "$T/got"; touch "$T/before"; ROOT=$T/got
	unsized 127.0.0.1:kallsyms "$T/got/"
}
