# sandbox.bats - what zcpd's streams and zcp can no longer do, tried from inside by a build for tests only; and kernels that lack a part.
load helpers

setup_file() {
	env -u SAN -u SODIUM -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES make --no-print-directory -s -j2 -C "$ZCP_TOP" UNSAFE=1 all 3>&-
	export UNSAFE=$ZCP_TOP/build-unsafe
}
setup()    { T=$BATS_TEST_TMPDIR; echo hi >"$T/beside"; mkdir "$T/root"; echo hi >"$T/root/f"; }
teardown() { zcpd_stop; }

# What ends a process on any x86-64 or arm64, whether its peer is known or not.
killed="exec fork socket mptcp fastopen ulp connect ptrace io_uring vmsplice tee kill dumpable openat exec-map sendto sendmsg setsockopt times"

# held [OTHER]: a stream that stays, blocked in the middle of a download; its process, not OTHER, in HELD. held_end: it goes on, and all arrives.
held() {
	[ -e "$T/root/big" ] || mkrand "$T/root/big" 3000000
	mkfifo "$T/pipe"
	exec 7<>"$T/pipe"
	zcp_bg 127.0.0.1:big "$T/pipe"
	head -c 1000 <&7 >"$T/got"
	HELD=$(pgrep -P "$ZCPD" | grep -vx "${1:-none}")
	[[ $HELD =~ ^[0-9]+$ ]] || fail "streams: $HELD"
}
held_end() {
	head -c 2999000 <&7 >>"$T/got"
	wait "$ZCP"
	exec 7<&-
	cmp "$T/root/big" "$T/got"
}

# ended NAME: the stream that asked for it was killed, and nothing came of it. said NAME ERRNO: it lives, and was refused.
ended() {
	run zcp 127.0.0.1:.forbidden/"$1" "$T/out"
	[ "$status" = 10 ] || fail "$1: zcp ended with $status: $output; $(tail -n 3 "$T/zcpd.log")"
	wait_for_line "$T/zcpd.log" 'made a system call that it may not make and was ended'
	! grep "forbidden $1" "$T/zcpd.log" || fail "$1 was done, or refused"
	: >"$T/zcpd.log"
}
said() {
	run -3 zcp "127.0.0.1:${BELOW:-}.forbidden/$1" "$T/out"
	wait_for_line "$T/zcpd.log" "forbidden ${1%%=*}: $2\$"
	: >"$T/zcpd.log"
}

@test "after authentication: each forbidden call ends the stream that made it, is logged, and the others live" {
	ZCPD_PROG=$UNSAFE/zcpd zcpd_start
	held
	for name in $killed landlock; do
		ended "$name"
	done
	said mremap ENOMEM
	kill -0 "$HELD"
	held_end
	run -0 zcp 127.0.0.1:f "$T/f"
}

@test "after authentication: files that are not exported are closed, by every name" {
	ZCPD_PROG=$UNSAFE/zcpd zcpd_start
	said passwd EACCES
	said proc-mem EACCES
	said "export=$T/beside" EACCES
	said "write-outside=$T/made" EACCES
	[ ! -e "$T/made" ]
	said "export=$ROOT/f" done
	said "write-outside=$ROOT/made" done
	[ -e "$ROOT/made" ]
}

@test "before the first byte: the same calls end the stream, and what is not exported is closed" {
	for name in $killed; do
		ZCPD_PROG=$UNSAFE/zcpd ZCPD_TRY=$name zcpd_start
		run -10 zcp 127.0.0.1:f "$T/out"
		wait_for_line "$T/zcpd.log" 'made a system call that it may not make and was ended'
		! grep 'forbidden' "$T/zcpd.log" || fail "$name was done, or refused"
		zcpd_stop
		: >"$T/zcpd.log"
	done
	for name in mremap:ENOMEM passwd:EACCES proc-mem:EACCES "export=$T/beside:EACCES" "write-outside=$T/made:EACCES"; do
		ZCPD_PROG=$UNSAFE/zcpd ZCPD_TRY=${name%:*} zcpd_start
		run -0 zcp 127.0.0.1:f "$T/out"
		word=${name%:*}
		grep -q "forbidden ${word%%=*}: ${name##*:}\$" "$T/zcpd.log" || fail "$name: $(cat "$T/zcpd.log")"
		zcpd_stop
	done
}

@test "a key's stream cannot open another key's export, nor write where it may read" {
	private_home
	mkdir "$T/mine" "$T/theirs" "$T/state"
	chmod 700 "$T/state"
	echo hi >"$T/mine/f"
	echo hi >"$T/theirs/f"
	zcp_raw --public-key >"$T/keys" 2>/dev/null
	read -r kind key _ <"$T/keys"
	echo "$kind $key me" >"$T/keys"
	cat >"$T/zcpd.conf" <<-C
	authorized-keys = "$T/keys"
	host-key = "$T/state/host_key"
	export mine { path = "$T/mine" mode = rw allow = { "me" } }
	export theirs { path = "$T/theirs" mode = rw allow = { "somebody" } }
	C
	ZCPD_PROG=$UNSAFE/zcpd ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	local BELOW=mine/
	said "export=$T/theirs/f" EACCES
	said "export=$T/mine/f" done
	said "write-outside=$T/mine/made" EACCES
	[ ! -e "$T/mine/made" ]
	zcpd_stop
	ZCPD_TRY="export=$T/theirs/f" ZCPD_PROG=$UNSAFE/zcpd ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	run -0 zcp 127.0.0.1:mine/f "$T/out"
	grep -q "forbidden export: done\$" "$T/zcpd.log"        # before the key is known all exports are open: SECURITY.md says so
}

@test "a stream cannot read its neighbour's page of the scoreboard" {
	need_root       # to see where the listener has it
	ZCPD_PROG=$UNSAFE/zcpd zcpd_start
	held
	local board
	board=$(sed -n 's/^\([0-9a-f]*\)-.*memfd:zcpd-scoreboard.*/\1/p' "/proc/$ZCPD/maps" | head -n 1)
	[ -n "$board" ]
	# the totals, then a page for each stream: the one that is held has the first, this one the second
	said "neighbour=$(printf %x $((16#$board + 2 * 4096)))/owner" done
	run zcp "127.0.0.1:.forbidden/neighbour=$(printf %x $((16#$board + 4096)))/owner" "$T/out"
	[ "$status" = 10 ] || grep -q 'forbidden neighbour: ENOENT$' "$T/zcpd.log" || fail "$status: $(cat "$T/zcpd.log")"
	run zcp "127.0.0.1:.forbidden/neighbour=$board/owner" "$T/out"
	! grep -q 'forbidden neighbour: done' "$T/zcpd.log" || fail "it lived on"
	held_end
}

@test "what is in force in a live stream: no privileges, two filters, Landlock; and zcpd says which" {
	zcpd_start
	held
	run -0 cat "/proc/$HELD/status"
	assert_line --regexp '^NoNewPrivs:[[:space:]]1$'
	assert_line --regexp '^CapEff:[[:space:]]0+$'
	assert_line --regexp '^CapBnd:[[:space:]]' # dropped too, where zcpd could: tests/daemon.bats
	if ! is_san; then
		assert_line --regexp '^Seccomp:[[:space:]]2$'
		[ "$(sed -n 's/^Seccomp_filters:[[:space:]]*//p' "/proc/$HELD/status")" -ge $(($(sed -n 's/^Seccomp_filters:[[:space:]]*//p' /proc/self/status) + 2)) ]
		grep -qE 'streams are confined: Landlock ABI [1-9][0-9]*, system calls filtered$' "$T/zcpd.log"
		run -0 cat "/proc/$ZCP/status"
		assert_line --regexp '^NoNewPrivs:[[:space:]]1$'
		assert_line --regexp '^Seccomp:[[:space:]]2$'
	fi
	held_end
}

# own PID WHAT...: its descriptors are these, and no others: names as the kernel has them, each an extended regular expression.
own() {
	local pid=$1 fd name what
	shift
	for fd in "/proc/$pid/fd"/*; do
		name=$(readlink "$fd") || continue      # closed meanwhile
		for what in "$@"; do [[ ! $name =~ ^($what)$ ]] || continue 2; done
		fail "process $pid has ${fd##*/}: $name"
	done
}

@test "what was open when zcpd was started is no stream's, nor what is the listener's own" {
	need_root       # to see another process's descriptors
	local missing
	printf 'status-socket = none\nmetrics = "unix:%s"\nexport a { path = "%s" prefix = "" }\n' "$T/metrics" "$T/root" >"$T/zcpd.conf"
	mkdir "$T/state"
	chmod 700 "$T/state"
	private_home
	"$ZCP_BUILD/zcp" --public-key 2>/dev/null 3>&- >"$T/state/authorized_keys"
	echo secret >"$T/secret"
	for missing in mremap close_range; do
		without $missing=ENOSYS
		ZCPD_MODE="--config $T/zcpd.conf" zcpd_start 8<"$T/secret" 65<"$T/secret" 500<"$T/secret"
		[ "$(readlink "/proc/$ZCPD/fd/65")" = "$T/secret" ]
		# the metrics process is there already; the stream is the other one
		local metrics
		metrics=$(pgrep -P "$ZCPD")
		own "$metrics" /dev/null "$T/zcpd.log" 'socket:.*'
		held "$metrics"
		own "$HELD" /dev/null "$T/zcpd.log" 'socket:.*' "$T/root" "$T/root/big" 'pipe:.*'
		held_end
		rm "$T/pipe"
		ZCPD_WRAP=()            # `without` is zcpd by now
		zcpd_stop
	done
}

# --- zcp -----------------------------------------------------------------------------------------------------------

# zcp_tries NAME ERRNO ARG...: zcp, confined, was refused; and its copy is whole all the same.
zcp_tries() {
	local name=$1 errno=$2
	shift 2
	rm -rf "$T/got"
	run env ZCP_TRY="$name" timeout 60 "$UNSAFE/zcp" -v --host-key="$HOSTKEY" -P "$PORT" "$@" 3>&-
	assert_success
	assert_line "zcp: forbidden ${name%%=*}: $errno"
}

@test "zcp cannot do them either, downloading and uploading, and copies all the same" {
	zcpd_start
	for name in exec fork datagram mptcp fastopen ulp sendmsg sendto ptrace io_uring vmsplice tee kill dumpable exec-map landlock; do
		zcp_tries $name ENOSYS 127.0.0.1:f "$T/got"
		cmp "$T/got" "$ROOT/f"
	done
	zcp_tries exec-map ENOSYS "$T/root/f" 127.0.0.1:up
	for name in datagram mptcp fastopen ulp sendmsg sendto; do
		zcp_tries $name ENOSYS "$T/root/f" 127.0.0.1:up
	done
	zcp_tries mremap ENOMEM "$T/root/f" 127.0.0.1:up
}

@test "zcp reaches the files that its command line named, and no others" {
	zcpd_start
	mkdir "$T/dst" "$T/tree"
	echo hi >"$T/tree/x"
	for name in elsewhere openat passwd proc-mem export="$T/beside" write-outside="$T/made"; do
		zcp_tries "$name" EACCES 127.0.0.1:f "$T/dst"
		zcp_tries "$name" EACCES 127.0.0.1:f /dev/null
		zcp_tries "$name" EACCES -a "$T/tree" 127.0.0.1:up
	done
	[ ! -e "$T/made" ]
	zcp_tries write-outside="$T/dst/made" done 127.0.0.1:f "$T/dst"
	zcp_tries write-outside="$T/tree/made" EACCES -r "$T/tree" 127.0.0.1:up2
	zcp_tries export="$T/beside" done -r "$T/tree" 127.0.0.1:up2            # links of a tree may lead anywhere
	run env ZCP_TRY=passwd timeout 60 "$UNSAFE/zcp" -v --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:f /dev/stdout 3>&-
	assert_line "zcp: forbidden passwd: EACCES"
}

@test "what lies beside the file that a rate is read from is closed to zcp" {
	zcpd_start
	mkdir "$T/rated" "$T/dst" "$T/tree"
	echo 100M >"$T/rated/limit"
	echo secret >"$T/rated/beside"
	echo hi >"$T/tree/x"
	for name in export="$T/rated/beside" export="$T/rated/limit" write-outside="$T/rated/made"; do
		zcp_tries "$name" EACCES --bwlimit=@"$T/rated/limit" 127.0.0.1:f "$T/dst"
		zcp_tries "$name" EACCES --bwlimit=@"$T/rated/limit" -a "$T/tree" 127.0.0.1:up
	done
}

@test "the directory of the job's logs is closed to zcp; a job that came to its end leaves an empty log, which a later run removes" {
	zcpd_start
	export XDG_STATE_HOME=$T/state2
	mkdir "$T/tree" "$ROOT/tree2" "$T/dst"
	touch "$T/tree/x" "$ROOT/tree2/y"
	zcp_tries write-outside="$T/state2/zcp/jobs/made" EACCES -a "$T/tree" 127.0.0.1:up
	zcp_tries write-outside="$T/state2/zcp/jobs/made" EACCES -a 127.0.0.1:tree2 "$T/dst"
	local log
	log=$(find "$T/state2/zcp/jobs" -type f -empty | head -n 1)
	[ -n "$log" ] || fail "$(ls -l "$T/state2/zcp/jobs")"
	[ -z "$(find "$T/state2/zcp/jobs" -type f ! -empty)" ]
	touch -d '2 minutes ago' "$log"
	run -0 zcp -r 127.0.0.1:tree2 "$T/dst/again"
	[ ! -e "$log" ]
}

# holds FILE PID: is the file's secret key in that process's memory?
holds() {
	/usr/bin/python3 - "$@" <<-'P'
	import base64, sys
	words = open(sys.argv[1]).read().split()
	key = next(base64.b64decode(w) for w in words if len(w) == 44 and w.endswith('='))
	with open('/proc/%s/maps' % sys.argv[2]) as maps, open('/proc/%s/mem' % sys.argv[2], 'rb') as mem:
	    for line in maps:
	        if ' rw' in line:
	            begin, end = (int(x, 16) for x in line.split()[0].split('-'))
	            mem.seek(begin)
	            if key in mem.read(end - begin):
	                sys.exit(0)
	sys.exit(1)
	P
}

@test "the identity's secret leaves memory when no further stream can need it, and stays while one can" {
	need_root       # to read another process's memory
	is_san && skip "memory that is used no more is kept for a while"
	zcpd_start
	held
	[ -e "$XDG_CONFIG_HOME/zcp/identity" ]
	run holds "$XDG_CONFIG_HOME/zcp/identity" "$ZCP"
	assert_failure 1
	held_end
	mkdir "$T/into"
	local more
	for more in "-j 2 --bwlimit=32K" "-j 1 --retries=1 -l 32"; do
		# shellcheck disable=SC2086 # words
		zcp_bg -v $more 127.0.0.1:big "$T/into/"
		wait_for_line "$T/zcp.err" 'round trip'
		holds "$XDG_CONFIG_HOME/zcp/identity" "$ZCP" || fail "$more: it is gone"
		kill "$ZCP"
		wait "$ZCP" || true
	done
}

@test "only builds with UNSAFE=1 can try, and they say what they are" {
	run -0 "$UNSAFE/zcp" --version
	assert_output --partial "UNSAFE"
	for p in zcp zcpd; do
		run ! grep -q 'forbidden/' "$ZCP_BUILD/$p"
		grep -qE 'ZCPD?_TRY' "$UNSAFE/$p"
		run ! grep -qE 'ZCPD?_TRY' "$ZCP_BUILD/$p"
	done
	zcpd_start
	run -3 zcp 127.0.0.1:.forbidden/exec "$T/out"
	run -0 env ZCP_TRY=exec "$ZCP_BUILD/zcp" -v --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:f "$T/out" 3>&-
	refute_output --partial forbidden
}

# --- a part that is missing -------------------------------------------------------------------------------------------

without() { ZCPD_WRAP=("$ZCP_BUILD/unit/without" "$@" --); }
cannot_start() {
	private_home
	mkdir "$T/state"
	chmod 700 "$T/state"
	run -4 timeout 30 "${ZCPD_WRAP[@]}" "$ZCP_BUILD/zcpd" --root "$T/root" --listen 127.0.0.1:0 --state "$T/state" 3>&-
}

@test "without openat2 zcpd does not start, and says why" {
	without openat2=ENOSYS
	cannot_start
	assert_output --partial "this kernel has no openat2 (Linux 5.6)"
	rm -rf "$T/state"
	without openat2=EPERM
	cannot_start
	assert_output --partial "a container's filter forbids it"
}

@test "without seccomp zcpd does not start, and says why" {
	is_san && skip "a sanitizer's build has no filter"
	without seccomp=ENOSYS
	cannot_start
	assert_output --partial "streams cannot be confined, so none is served"
	rm -rf "$T/state"
	without seccomp=EPERM
	cannot_start
	assert_output --partial "streams cannot be confined, so none is served"
}

copies_and_holds() {
	run -0 zcp 127.0.0.1:f "$T/f"
	run -0 zcp "$T/f" 127.0.0.1:up
	ln -s "$T/beside" "$ROOT/out"
	run zcp 127.0.0.1:out "$T/g"
	assert_failure
	[ ! -e "$T/g" ]
}

@test "without Landlock zcpd starts, says so once, copies, and openat2 still holds the paths" {
	without landlock_create_ruleset=ENOSYS
	zcpd_start
	[ "$(grep -c 'this kernel has no Landlock: streams are held to their directories by openat2 and seccomp alone' "$T/zcpd.log")" = 1 ]
	copies_and_holds
	held
	is_san || grep -qE '^Seccomp:[[:space:]]2$' "/proc/$HELD/status"
	held_end
}

@test "Landlock forbidden by a filter around zcpd: it says what the unit has to name, and copies" {
	for call in landlock_create_ruleset landlock_add_rule landlock_restrict_self; do
		without $call=EPERM
		zcpd_start
		grep -q 'Landlock is forbidden by a filter around zcpd: the unit.s SystemCallFilter= .* has to name landlock_create_ruleset landlock_add_rule landlock_restrict_self' \
			"$T/zcpd.log" || fail "$call: $(cat "$T/zcpd.log")"
		copies_and_holds
		rm -f "$ROOT/out" "$T/f"
		zcpd_stop
		: >"$T/zcpd.log"
	done
}

zcp_without() {
	local lack=$1
	shift
	run timeout 60 "$ZCP_BUILD/unit/without" "$lack" -- "$ZCP_BUILD/zcp" -v --host-key="$HOSTKEY" -P "$PORT" "$@" 3>&-
	assert_success
}

@test "where a part is missing zcp goes on, and says so with -v" {
	zcpd_start
	local filtered=", system calls filtered"
	is_san && filtered=", a sanitizer's build filters no system calls"
	zcp_without landlock_create_ruleset=ENOSYS 127.0.0.1:f "$T/f"
	assert_output --partial "onfined: this kernel has no Landlock$filtered"
	zcp_without landlock_restrict_self=EPERM "$T/f" 127.0.0.1:up
	assert_output --partial "onfined: Landlock is forbidden by a filter around zcp$filtered"
	is_san || zcp_without seccomp=ENOSYS 127.0.0.1:f "$T/f"
	is_san || assert_output --regexp "confined: Landlock ABI [1-9][0-9]*, no system call filter"
	run -0 zcp -v 127.0.0.1:f "$T/f"
	is_san || assert_output --regexp "zcp: confined: Landlock ABI [1-9][0-9]*, system calls filtered"
}
