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
