# faults.bats - what fails below zcp and zcpd: never 0 with a wrong or missing file, nothing left behind, the daemon goes on.
load helpers

setup() { export T=$BATS_TEST_TMPDIR; }
teardown() { zcpd_stop; }

faults() {      # see tests/peer/faults.py
	zcpd_start --plaintext-from 127.0.0.0/8
	export ZCPD
	run /usr/bin/python3 "$ZCP_TOP/tests/peer/faults.py" "$@" 3>&-
	[ "$status" = 0 ] || fail "$(grep -a -v '^ok ' <<<"$output")"
	assert_output --regexp '# [0-9]+ cases, 0 failed'
}
# strace on a daemon that runs already
attached() { need_root; faults "$@"; }

@test "zcp: pwrite64 fails" { faults client pwrite64 ENOSPC EDQUOT EIO EFBIG; }
@test "zcp: write fails" { faults client write ENOSPC EDQUOT EIO; }
@test "zcp: fallocate fails" { faults client fallocate ENOSPC EDQUOT EIO EFBIG; }
@test "zcp: openat fails" { faults client openat EIO ENOSPC EMFILE EACCES; }
@test "zcp: fchmod fails" { faults client fchmod EIO EPERM; }
@test "zcp: close fails" { faults client close EIO ENOSPC EDQUOT; }
@test "zcp: renameat2 fails" { faults client renameat2 EIO ENOSPC EACCES; }
@test "zcpd: pwrite64 fails" { attached daemon pwrite64 ENOSPC EDQUOT EIO EFBIG; }
@test "zcpd: write fails" { attached daemon write ENOSPC EDQUOT EIO; }
@test "zcpd: fallocate fails" { attached daemon fallocate ENOSPC EDQUOT EIO EFBIG; }
@test "zcpd: openat fails" { attached daemon openat EIO ENOSPC EMFILE EACCES; }
@test "zcpd: fchmod fails" { attached daemon fchmod EIO EPERM; }
@test "zcpd: close fails" { attached daemon close EIO ENOSPC EDQUOT; }
@test "zcpd: renameat2 fails" { attached daemon renameat2 EIO ENOSPC EACCES; }
@test "zcp: interrupted calls are called again" { faults storm client; }
@test "zcpd: interrupted calls are called again" { attached storm daemon; }
@test "sendfile that cannot becomes splice, and then readwrite" { attached fallback -; }
@test "calls that moved nothing and say they did are not believed" { attached lies -; }
@test "zcp killed in the middle of a download" { faults kill down; }
@test "zcp killed in the middle of an upload" { faults kill up; }
@test "zcp interrupted in the middle of a download: 20, what came is kept" { faults interrupt down; }
@test "zcp interrupted in the middle of an upload: 20, what came is kept" { faults interrupt up; }
@test "zcpd's process killed in the middle of a download" { faults killed-daemon down; }
@test "zcpd's process killed in the middle of an upload" { faults killed-daemon up; }

@test "a kernel without openat2: zcpd does not start, 4, and says why" {
	private_home
	mkdir -p "$T/root" "$T/state"
	run -4 timeout 60 strace -f -qq -o "$T/log" -e trace=openat2 -e inject=openat2:error=ENOSYS "$ZCP_BUILD/zcpd" --root "$T/root" --listen 127.0.0.1:0 --state "$T/state"
	assert_output --partial openat2
}

@test "a kernel without Landlock: zcpd starts, and says so" {
	ZCPD_WRAP=(strace -f -qq -o "$T/log" -e trace=landlock_create_ruleset -e inject=landlock_create_ruleset:error=ENOSYS)
	zcpd_start
	grep -q 'no Landlock' "$T/zcpd.log"
	mkrand "$ROOT/f" 100000
	run -0 zcp 127.0.0.1:f "$T/f"
	cmp "$ROOT/f" "$T/f"
}

@test "a limit on the size of files: a failure of that file, not of zcp" {
	zcpd_start
	mkrand "$ROOT/big" 3000000
	mkrand "$ROOT/small" 3000
	mkdir "$T/to"
	run bash -c 'ulimit -f 1024; exec "$@" 3>&-' - "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:big 127.0.0.1:small "$T/to/"
	assert_failure 23
	assert_output --partial big
	assert_file_not_exists "$T/to/big"
	cmp "$ROOT/small" "$T/to/small"
	no_litter "$T/to"
}

@test "a limit on the size of the daemon's files: a failure of that file, and the daemon goes on" {
	ZCPD_WRAP=(bash -c 'ulimit -f 8192; "$@"' -)
	zcpd_start
	mkrand "$T/big" 9000000
	mkrand "$T/small" 3000
	run zcp "$T/big" "$T/small" 127.0.0.1:
	assert_failure 23
	assert_output --partial big
	assert_file_not_exists "$ROOT/big"
	cmp "$T/small" "$ROOT/small"
	no_litter "$ROOT"
	run -0 zcp "$T/small" 127.0.0.1:again
}

@test "a limit that is below what the daemon itself needs is named" {
	mkdir -p "$T/root"
	run -4 timeout 20 bash -c 'ulimit -f 1024; exec "$@" 3>&-' - "$ZCP_BUILD/zcpd" --root "$T/root" --listen 127.0.0.1:0 --state "$T/state"
	assert_output --partial "LimitFSIZE="
}

@test "closed and full standard descriptors: the file is right, and never gets a message" {
	zcpd_start
	mkrand "$ROOT/f" 300000
	local c=("$ZCP_BUILD/zcp" -v --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:f)
	"${c[@]}" "$T/f1" >&- 2>/dev/null 3>&-
	"${c[@]}" "$T/f2" 2>&- 3>&-
	"${c[@]}" "$T/f3" <&- >&- 2>&- 3>&-
	"${c[@]}" "$T/f4" >/dev/full 2>/dev/full 3>&-
	for n in 1 2 3 4; do cmp "$ROOT/f" "$T/f$n"; done
	mkrand "$T/up" 300000 2
	"$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" "$T/up" 127.0.0.1:up <&- >&- 2>&- 3>&-
	cmp "$T/up" "$ROOT/up"
}

@test "what is asked for on standard output and cannot be written there is no success" {
	private_home
	run -0 zcp_raw --public-key
	local o to
	for to in '>/dev/full' '>&-'; do        # closed: by no file that is opened later, either
		for o in --public-key --help --version; do
			run -11 bash -c '"$1" '"$o $to" - "$ZCP_BUILD/zcp"
			run -1 bash -c '"$1" --state "$2" '"$o $to" - "$ZCP_BUILD/zcpd" "$T/state"
		done
		run -1 bash -c '"$1" --help-config '"$to" - "$ZCP_BUILD/zcpd"
	done
}

@test "a new small file has no name until it is complete, and is renamed where the kernel, or the file system, gives names to no such file" {
	local how
	zcpd_start
	echo contents >"$ROOT/small"
	for how in none linkat:error=ENOENT linkat:error=EPERM openat2:error=EOPNOTSUPP:when=2; do
		[ "$how" = none ] || set -- -e "inject=$how"
		rm -f "$T/log" "$T/got"
		run -0 timeout 60 strace -f -qq -o "$T/log" -e trace=linkat,renameat2,openat2 "$@" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -j 1 127.0.0.1:small "$T/got"
		cmp "$ROOT/small" "$T/got"
		if [ "$how" = none ]; then
			[ "$(grep -c 'O_TMPFILE' "$T/log")" = 1 ] || fail "$(cat "$T/log")"
			[ "$(grep -c 'linkat(.*"got", AT_EMPTY_PATH) = 0' "$T/log")" = 1 ] || fail "$(cat "$T/log")"
			run ! grep renameat2 "$T/log"
		else
			[ "$(grep -c 'INJECTED' "$T/log")" = 1 ] || fail "$(cat "$T/log")"
			[ "$(grep -c 'renameat2(.*"got"' "$T/log")" = 1 ] || fail "$(cat "$T/log")"
		fi
		set --
	done
}
