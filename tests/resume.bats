# resume.bats - copies that were cut go on with the same command, and believe nothing but what is proved.
load helpers

setup() { export T=$BATS_TEST_TMPDIR ZCP_TIMEOUT=60; zcpd_start --plaintext-from 127.0.0.0/8; export ZCPD; }
teardown() {
	local status=0
	zcpd_stop || status=1
	[ -z "${DISK:-}" ] || umount "$DISK" || status=1
	return $status
}

resuming() {    # CASE: see tests/peer/resuming.py
	run env PYTHONDONTWRITEBYTECODE=1 timeout -k 5 300 /usr/bin/python3 "$ZCP_TOP/tests/peer/resuming.py" "$@" 3>&- 4>&-
	[ "$status" = 0 ] || fail "$(grep -a -v '^ok ' <<<"$output")"
	assert_output --regexp '# [0-9]+ cases, 0 failed'
}

@test "a download that was killed goes on with the same command: only the rest comes" { resuming killed; }
@test "a download that was interrupted stays for the same command, with --no-resume it does not" { resuming interrupted; }
@test "--no-resume copies from the start" { resuming no_resume; }
@test "a download's journal with flipped bits, cut short or empty is not believed further than it is right" { resuming damaged; }
@test "a download's journal of the future: copied from the start, and said" { resuming future; }
@test "a download's journal of another file, or of one that changed: copied from the start, and said" { resuming another; }
@test "an aside file that holds less than its journal says: only what is proved counts" { resuming torn; }
@test "what is not ours under the aside file's name is left alone: 45" { resuming strange; }
@test "two runs of one download: the second is told, 46" { resuming busy; }
@test "a source replaced between two ranges is never joined: copied again, or 24" { resuming replaced; }
@test "a tree that was interrupted: files that are there do not come again" { resuming tree; }
@test "old incomplete copies are swept where files arrive: only of that form, own, old and unlocked" { resuming swept; }
@test "a disk that fills up in the middle of a large download: 44, and nothing is left" {
	need_root
	DISK=$T/disk
	mkdir "$DISK"
	mount -t tmpfs -o size=20M none "$DISK" || fail "cannot mount"
	export DISK
	resuming full
}
