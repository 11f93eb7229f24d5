# memory.bats - memory does not grow with a file, and hardly with a listing. RssAnon, of plain builds: a sanitizer has memory of its own.
# Measured while the transfer is held in its middle: a download by a FIFO that is read no further, an upload by SIGSTOP.
load helpers

setup() {
	T=$BATS_TEST_TMPDIR ZCP='' SHM=''
	! is_san || skip "sanitizers have memory of their own"
}
teardown() {
	local status=0
	exec 9>&-
	if [ -n "${ZCP:-}" ]; then
		kill -9 "$ZCP" 2>/dev/null
		wait_gone "$ZCP"
	fi
	zcpd_stop || status=1
	[ -z "${SHM:-}" ] || rm -rf "$SHM"
	return $status
}

large() { mkdir -p "$(dirname "$1")" && fallocate -l "$2" "$1"; }       # all of it: holes would not travel
stream_pid() { pgrep -P "$ZCPD" -x zcpd || fail "zcpd has no stream"; }
# at_most KB PID WHAT
at_most() {
	local kb
	kb=$(rss_anon_kb "$2")
	[[ $kb =~ ^[0-9]+$ ]] || fail "$3: no RssAnon"
	[ "$kb" -gt 100 ] || fail "$3: RssAnon $kb kB cannot be"
	[ "$kb" -le "$1" ] || fail "$3: RssAnon is $kb kB, more than $1"
}

# held_download BYTES_READ OPTION...: zcp writes root/big into a FIFO of which so much is read, and stands.
held_download() {
	local bytes=$1
	shift
	rm -f "$T/pipe"
	mkfifo "$T/pipe"
	exec 9<>"$T/pipe"
	zcp_bg "$@" 127.0.0.1:big "$T/pipe" 9>&-
	/usr/bin/python3 - "$bytes" <<-'P' 3>&- || fail "the FIFO stayed dry: $(cat "$T/zcp.err")"
	import os, select, sys
	left = int(sys.argv[1])
	while left and select.select([9], [], [], 60)[0]:
	    left -= len(os.read(9, min(left, 65536)))
	sys.exit(1 if left else 0)
	P
}
let_go() {
	kill -9 "$ZCP"
	wait_gone "$ZCP"
	exec 9>&-
	ZCP=
}

# held_upload OPTION...: zcp sends $T/big and is stopped while its aside file is written; held_fetch: it fetches root/big.
held_upload() { held "$ROOT" "$@" "$T/big" 127.0.0.1:up; }
held_fetch() { mkdir -p "$T/here" && held "$T/here" "$@" 127.0.0.1:big "$T/here/out"; }

# held DIR ARG...: zcp with these arguments, stopped when some writes have been seen in DIR (inotify).
held() {
	local dir=$1
	shift
	/usr/bin/python3 - "$dir" "$T/zcp.err" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -j 1 "$@" >"$T/zcp.pid" <<-'P' 3>&- || fail "no copy: $(cat "$T/zcp.err")"
	import ctypes, os, select, signal, subprocess, sys
	libc = ctypes.CDLL(None)
	IN_MODIFY = 2
	fd = libc.inotify_init1(os.O_CLOEXEC)
	assert fd >= 0 and libc.inotify_add_watch(fd, os.fsencode(sys.argv[1]), IN_MODIFY) >= 0
	zcp = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(sys.argv[2], 'wb'))
	for _ in range(8):
	    if not select.select([fd], [], [], 60)[0]:
	        zcp.kill()
	        sys.exit(1)
	    os.read(fd, 65536)
	zcp.send_signal(signal.SIGSTOP)
	if os.waitid(os.P_PID, zcp.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT).si_code != os.CLD_STOPPED:
	    sys.exit(1)
	print(zcp.pid, flush=True)
	os._exit(0)
	P
	ZCP=$(cat "$T/zcp.pid")
}

@test "a download of 1 GiB, plaintext and encrypted: zcpd's stream below 8 MiB, zcp below 10" {
	large "$T/root/big" 1G
	zcpd_start
	for how in --plaintext --encrypt; do
		if [ $how = --plaintext ]; then held_fetch $how; else held_download 67108864 $how; fi
		at_most 8192 "$(stream_pid)" "zcpd, $how"
		at_most 10240 "$ZCP" "zcp, $how"
		let_go
	done
}

@test "an upload of 1 GiB, plaintext and encrypted: zcpd's stream below 8 MiB, zcp below 10" {
	large "$T/big" 1G
	zcpd_start
	for how in --plaintext --encrypt; do
		held_upload $how
		at_most 8192 "$(stream_pid)" "zcpd, $how"
		at_most 10240 "$ZCP" "zcp, $how"
		let_go
	done
}

@test "every engine that can be forced keeps below 8 MiB" {
	large "$T/root/big" 1G
	zcpd_start --plaintext-from 127.0.0.0/8
	local e
	for e in sendfile splice mmap readwrite; do
		held_fetch --plaintext --engine=$e
		at_most 8192 "$(stream_pid)" "zcpd, --engine=$e"
		let_go
	done
	held_download 33554432 --encrypt --engine=readwrite
	at_most 8192 "$(stream_pid)" "zcpd, --encrypt --engine=readwrite"
}

@test "zcp's memory is the same for 16 MiB and for 1 GiB" {
	local how small large
	mkdir "$T/root"
	zcpd_start
	for how in --plaintext --encrypt; do
		large "$T/root/big" 16M
		held_download 15728640 $how
		small=$(rss_anon_kb "$ZCP")
		at_most 10240 "$ZCP" "zcp at the end of 16 MiB, $how"
		let_go
		large "$T/root/big" 1G
		held_download 1072693248 $how
		large=$(rss_anon_kb "$ZCP")
		at_most 10240 "$ZCP" "zcp at the end of 1 GiB, $how"
		let_go
		[ $((large - small)) -le 1024 ] || fail "$how: $small kB for 16 MiB, $large kB for 1 GiB"
	done
}

# --- listings -----------------------------------------------------------------------------------------------------------

# mkmany DIR COUNT: empty files, half of them in one directory
mkmany() {
	/usr/bin/python3 - "$1" "$2" <<-'P' 3>&-
	import os, sys
	top, n = sys.argv[1], int(sys.argv[2])
	for i in range(n):
	    d = '%s/%s' % (top, 'one' if i % 2 else 'd%d' % (i // 2 // 1000))
	    if i < 2 or i % 2 == 0 and i // 2 % 1000 == 0:
	        os.makedirs(d, exist_ok=True)
	    os.close(os.open('%s/file-%07d' % (d, i), os.O_CREAT | os.O_WRONLY, 0o644))
	P
}
# $T/peak FILE PROGRAM ARG...: runs it; FILE gets the most memory that it or a child of its ever had, all kinds together, in kB.
# In C because a process counts the memory of the one it was forked from: an interpreter's would hide what is measured.
build_peak() {
	[ ! -x "$T/measure" ] || return 0
	"${CC:-cc}" -x c -o "$T/measure" - <<-'C' 3>&- || fail "no compiler"
	#include <stdio.h>
	#include <sys/resource.h>
	#include <sys/wait.h>
	#include <unistd.h>
	int main(int argc, char **argv)
	{
		struct rusage u;
		int status = 0;
		pid_t pid = fork();
		if (pid == 0) {
			execv(argv[2], argv + 2);
			_exit(127);
		}
		FILE *f = argc > 2 && pid > 0 && waitpid(pid, &status, 0) == pid ? fopen(argv[1], "w") : NULL;
		if (!f || getrusage(RUSAGE_CHILDREN, &u) < 0)
			return 126;
		fprintf(f, "%ld\n", u.ru_maxrss);
		return fclose(f) || !WIFEXITED(status) ? 126 : WEXITSTATUS(status);
	}
	C
}
peak_kb() {             # ZCP_ARG...: its figure
	"$T/measure" "$T/zcp.peak" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" "$@" </dev/null 3>&- && cat "$T/zcp.peak"
}
# The daemon's peak, its streams' among it: told when it has ended.
daemon_peak() {
	zcpd_stop
	[ -s "$T/zcpd.peak" ] || fail "no figure of zcpd's"
	cat "$T/zcpd.peak"
}
measured_daemon() {
	rm -f "$T/zcpd.peak"
	build_peak && ZCPD_WRAP=("$T/measure" "$T/zcpd.peak") && zcpd_start
}
# listing COUNT: "zcp-down zcpd-down zcp-up zcpd-up" in kB, of a tree of COUNT empty files copied both ways
listing() {
	local d u dd du
	SHM=$(mktemp -d /dev/shm/zcp-test.XXXXXX) || fail "no tmpfs"
	ROOT=$SHM/root
	mkdir "$ROOT"
	mkmany "$ROOT/many" "$1"
	measured_daemon || return 1
	d=$(peak_kb -q -r 127.0.0.1:many "$SHM/down") || fail "down: $(cat "$T/zcpd.log")" || return 1
	dd=$(daemon_peak) || return 1
	ZCPD=
	[ "$(find "$SHM/down" -type f | wc -l)" = "$1" ] || fail "not all came down" || return 1
	rm -rf "$ROOT/many"
	measured_daemon || return 1
	u=$(peak_kb -q -r "$SHM/down" 127.0.0.1:up) || fail "up: $(cat "$T/zcpd.log")" || return 1
	du=$(daemon_peak) || return 1
	ZCPD=
	[ "$(find "$ROOT/up" -type f | wc -l)" = "$1" ] || fail "not all went up" || return 1
	rm -rf "$SHM"
	SHM=
	FIGURES="$d $dd $u $du"
}

@test "a listing's memory grows by less than 128 bytes a file, on both sides" {
	local few many i names=(zcp-down zcpd-down zcp-up zcpd-up)
	listing 2000
	read -r -a few <<<"$FIGURES"
	ROOT=
	listing 50000
	read -r -a many <<<"$FIGURES"
	for i in 0 1 2 3; do
		# 128 MiB for 1,000,000 files is 134 bytes each
		[ $(((many[i] - few[i]) * 1024)) -le $((48000 * 128)) ] ||
			fail "${names[i]}: ${few[i]} kB for 2,000 files, ${many[i]} kB for 50,000"
	done
}

# listed COUNT: "zcp-down zcp-up" in kB, of so many names of a list that names what is not there
listed() {
	local d u
	ROOT=$T/root
	zcpd_start
	build_peak
	mkdir -p "$T/none"
	/usr/bin/python3 -c 'import sys; sys.stdout.write("".join("dir-%d/name-%07d\\0" % (i % 50, i) for i in range(int(sys.argv[1]))))' "$1" 3>&- >"$T/list"
	d=$("$T/measure" "$T/zcp.peak" "$ZCP_BUILD/zcp" -q -n --host-key="$HOSTKEY" -P "$PORT" -0 --files-from="$T/list" 127.0.0.1: "$T/none" 2>/dev/null </dev/null 3>&-; cat "$T/zcp.peak")
	u=$("$T/measure" "$T/zcp.peak" "$ZCP_BUILD/zcp" -q -n --host-key="$HOSTKEY" -P "$PORT" -0 --files-from="$T/list" "$T/none" 127.0.0.1: 2>/dev/null </dev/null 3>&-; cat "$T/zcp.peak")
	zcpd_stop
	ZCPD=
	FIGURES="$d $u"
}

@test "names of a list are read as they are needed: 100,000 of them take no more memory than 5,000" {
	local few many i names=(zcp-down zcp-up)
	listed 5000
	read -r -a few <<<"$FIGURES"
	listed 100000
	read -r -a many <<<"$FIGURES"
	for i in 0 1; do
		[ "${few[i]}" -gt 1000 ]
		[ $((many[i] - few[i])) -le 2048 ] || fail "${names[i]}: ${few[i]} kB for 5,000 names, ${many[i]} kB for 100,000"
	done
}

@test "a tree of 1,000,000 files: below 128 MiB on both sides" {
	is_long || skip "in make check-long"
	local i names=(zcp-down zcpd-down zcp-up zcpd-up)
	listing 1000000
	i=0
	for kb in $FIGURES; do
		[ "$kb" -lt 131072 ] || fail "${names[i]}: $kb kB"
		i=$((i + 1))
	done
}
