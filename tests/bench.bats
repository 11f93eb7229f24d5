# bench.bats - zcp --bench: rows, counts and claims, which do not depend on the clock; and that it leaves nothing behind, however it ends.
load helpers

lines() { PYTHONDONTWRITEBYTECODE=1 timeout -k 5 300 /usr/bin/python3 "$ZCP_TOP/tests/peer/lines.py" "$@" 3>&- 4>&-; }
bench() { zcp_raw --bench "$@" </dev/null; }
at_host() { bench --host-key="$HOSTKEY" -P "$PORT" "$@"; }
# Nothing of it is left: no directory, no zcpd.
gone() {
	[ -z "$(find "$1" -name '.zcp-*' -print -quit)" ] || fail "left behind: $(find "$1" -name '.zcp-*')"
	[ -z "$(pgrep -f -- "--root $1/.zcp-bench-")" ] || fail "a zcpd is left: $(pgrep -af -- "--root $1/.zcp-bench-")"
}

# One run, traced, that most tests look at.
setup_file() {
	T=$BATS_FILE_TMPDIR
	mkdir -p "$T/dir" "$T/client" "$T/home" "$T/traces"
	export XDG_CONFIG_HOME=$T/client XDG_STATE_HOME=$T/client-state HOME=$T/home
	(cd "$T/dir" && timeout 200 strace -ff -ttt -qq -o "$T/traces/t" \
		-e trace=getrusage,pread64,pwrite64,read,write,sendto,recvfrom,poll,sendfile,splice,mmap,munmap,madvise,fallocate,copy_file_range,lseek,preadv2 \
		"$ZCP_BUILD/zcp" --bench --json --size=4M --rounds=1 >"$T/said" 2>"$T/err" </dev/null 3>&-) || echo "status $?" >>"$T/err"
}
setup()    { private_home; SAID=$BATS_FILE_TMPDIR/said; }
teardown() { zcpd_stop; }
is()       { lines ask "$SAID" "$@"; }

@test "--json is as zcp-json(7) has it, from start to summary, and nothing is left behind" {
	[ ! -s "$BATS_FILE_TMPDIR/err" ] || fail "$(cat "$BATS_FILE_TMPDIR/err")"
	lines check 0 "$SAID" "$BATS_FILE_TMPDIR/err"
	is 'o[1]["type"] == "machine" and o[1]["size"] == 4 << 20 and o[1]["rounds"] == 1 and not o[1]["cold"] and not o[1]["host"]' \
		'o[1]["kernel"] and o[1]["fs_from"] == o[1]["fs_to"] and o[1]["cores"] >= 1 and o[1]["libsodium"] and o[1]["congestion_control"] in ("cubic", open("/proc/sys/net/ipv4/tcp_congestion_control").read().strip())'
	gone "$BATS_FILE_TMPDIR/dir"
}

@test "every engine has its rows: senders to a receiver that discards, receivers, raw with and without MACs, sealed by each cipher" {
	local e s
	for e in sendfile splice mmap readwrite direct; do
		is "all(of('bench', group='sender', send='$e', recv='null', carry='plaintext', mac=m, discards=True) for m in (False, True))"
	done
	for s in $(zcp_raw --version | sed -n 's/^ciphers: //p'); do
		is "all(len(of('bench', group='sender', send=e, carry='encrypted', cipher='$s')) == 1 for e in ('mmap', 'readwrite'))" "of('bench', group='baseline', name='cipher $s')"
	done
	for e in splice mmap readwrite direct null; do
		is "len(of('bench', group='receiver', recv='$e')) == 3"
	done
	for e in reflink copy_file_range readwrite mmap; do
		is "len(of('bench', group='local', name='$e')) == 1"
	done
	is "len(of('bench', name='memcpy')) == len(of('bench', name='cp(1)')) == 1"
}

@test "what cannot be is refused with its reason: sealed by sendfile and splice, MACs and seals received by splice" {
	is "all('libsodium never sees' in r['why'] for e in ('sendfile', 'splice') for r in of('bench', group='sender', send=e, carry='encrypted'))" \
		"len(of('bench', group='sender', send='sendfile', carry='encrypted')) == 1" \
		"'nothing checks the bytes' in of('bench', recv='splice', mac=True)[0]['why']" "'nothing decrypts' in of('bench', recv='splice', carry='encrypted')[0]['why']" \
		"sum(r['why'] is not None for r in of('bench') if r['group'] != 'local' and 'direct' not in (r['send'], r['recv'])) == 4"
}

@test "the counted calls are those that strace sees, on both sides, for every engine; two mode switches each" {
	run -0 /usr/bin/python3 "$ZCP_TOP/tests/peer/traced.py" "$SAID" "$BATS_FILE_TMPDIR/traces/t"
	read -r senders receivers <<<"$output"
	[ "$senders" -ge 11 ] || fail "senders: $output"
	[ "$receivers" -ge 11 ] || fail "receivers: $output"
}

@test "bytes through user space are exact: 0 by sendfile and splice, 1 by mmap, 2 by read and write; a MAC looks once" {
	through() {     # SIDE BYTES FIELD=VALUE...
		is "all(abs(r['$1']['through'] - $2) < 0.01 for r in of('bench', $3) if not r['why'])" "of('bench', $3)"
	}
	through sender 0 "group='sender', send='sendfile', mac=False, carry='plaintext'"
	through sender 0 "group='sender', send='splice', mac=False, carry='plaintext'"
	through sender 1 "group='sender', send='mmap', mac=False, carry='plaintext'"
	through sender 2 "group='sender', send='readwrite', carry='plaintext'"
	through sender 1 "group='sender', send='sendfile', mac=True"
	through sender 2 "group='sender', send='mmap', mac=True"
	through sender 2 "group='sender', carry='encrypted'"
	through receiver 1 "recv='null'"
	through receiver 2 "recv='readwrite'"
	through receiver 2 "recv='direct'"
	through receiver 2 "recv='mmap', carry='encrypted'"
	is "of('bench', recv='splice', mac=False, carry='plaintext')[0]['receiver']['through'] < 0.1"
}

@test "copies are those of the definitions, and a baseline of another program has no counts" {
	is "all((r['sender']['cpu_copies'], r['sender']['dma_copies']) == want for e, want in (('sendfile', (0, 2)), ('splice', (0, 2)), ('mmap', (1, 2)), ('readwrite', (2, 2)))
		for r in of('bench', group='sender', send=e, carry='plaintext'))" \
		"all('calls' not in r['sender'] and r['receiver'] is None and r['sender']['system']['median'] >= 0 for r in of('bench', name='cp(1)'))" \
		"all(r['sender']['calls'] == {} for r in of('bench', name='memcpy'))"
}

@test "every claim has its line; those on counts hold or fail as they must" {
	local c
	for c in "read+write: 4 copies" "read+write: 4 mode" "mmap+write: 3 copies" "mmap is not" "sendfile: 2 copies" "sendfile: 2 mode" "sendfile cannot" "splice: no copy"; do
		is "[c['verdict'] for c in of('claim') if c['claim'].startswith('$c')] == ['holds']"
	done
	is "[c['verdict'] for c in of('claim') if c['claim'].startswith('mmap+write: 4 mode')] == ['fails']" \
		"len([c for c in of('claim') if 'CPU' in c['claim'] and c['verdict'] in ('holds', 'fails')]) >= 4" "len(of('claim')) >= 18 and all(c['found'] for c in of('claim'))"
}

@test "many consumers of one file cost one read from the disk, and direct I/O leaves the page cache alone; in memory neither is measured" {
	if is "of('machine')[0]['fs_from'] == 'ext4'" 2>/dev/null; then
		is "[c['verdict'] for c in of('claim') if 'many consumers' in c['claim'] or 'past the page cache' in c['claim']] == ['holds', 'holds']"
	else
		is "len([c for c in of('claim') if 'many consumers' in c['claim'] or 'past the page cache' in c['claim']]) == 2"
	fi
	[ -w /dev/shm ] || return 0
	SHM=$(mktemp -d /dev/shm/zcp-test.XXXXXX)
	run -0 --separate-stderr bench --size=1M --rounds=1 --cipher=chacha20poly1305 "$SHM"
	gone "$SHM"
	rmdir "$SHM"
	[[ $output == *"tmpfs (memory) to tmpfs (memory): direct I/O is from and to memory there"*"not measured"*"files are in memory only"* ]] || fail "$output"
	[ "$(grep -c 'its files are in memory only' <<<"$output")" = 2 ]
}

@test "the table is for people: at most 100 columns, every group, units, claims; --cold says so" {
	mkdir "$T/dir"
	run -0 --separate-stderr bench --size=1M --rounds=2 --cold --cipher=chacha20poly1305 "$T/dir"
	assert_equal "$(awk 'length > 100' <<<"$output")" ""
	# no label runs into what stands behind it
	[ "$(grep -c '^  readwrite, chacha20poly1305  ' <<<"$output")" -ge 3 ] || fail "$output"
	[ "$(grep -c '^  sendfile, chacha20poly1305  ' <<<"$output")" = 1 ] || fail "$output"
	local w
	for w in "cold: the file is dropped" "GiB/s" "CPU s/GiB" "senders, to a receiver that discards" "receivers, from sendfile" "baselines" "copies" "scheduler" \
		"system calls that move contents, for each GiB" "what is said of them" "does not hold here" "sendfile: 2 copies"; do
		[[ $output == *"$w"* ]] || fail "no '$w' in: $output"
	done
	# neither made up nor counted: memory's, and another program's
	run -0 awk '/^for each GiB/ { on = 1 } /^senders/ { on = 0 } on && /^  [^ ]/ { print $1, $(NF - 1) }' <<<"$output"
	assert_equal "$(LC_ALL=C sort -u <<<"$output")" $'MAC -\ncipher -\ncp(1) ?\nmemcpy -'
	gone "$T/dir"
}

# on_terminal ARG...: what it wrote to a terminal that is its stderr alone, in $T/tty; its stdout in $T/out.
on_terminal() {
	timeout 100 /usr/bin/python3 - "$T/tty" "$T/out" "$ZCP_BUILD/zcp" --bench --size=1M --rounds=1 --cipher=chacha20poly1305 "$@" <<-'P' 3>&-
	import os, pty, subprocess, sys
	master, tty = pty.openpty()
	os.environ['TERM'] = 'xterm'
	p = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL, stdout=open(sys.argv[2], 'wb'), stderr=tty)
	os.close(tty)
	seen = b''
	while True:
	    try:
	        piece = os.read(master, 65536)
	    except OSError:
	        break
	    seen += piece
	open(sys.argv[1], 'wb').write(seen)
	sys.exit(p.wait())
	P
}

@test "on a terminal one line says which round and row it is at, and is gone at the end; none with -q, with --json, or where nobody looks" {
	mkdir "$T/dir"
	on_terminal "$T/dir"
	run -0 /usr/bin/python3 - "$T/tty" <<-'P'
	import re, sys
	seen = open(sys.argv[1], 'rb').read().decode()
	assert seen.endswith('\r\x1b[K') and '\n' not in seen, repr(seen[-200:])
	lines = [s.replace('\x1b[K', '') for s in seen.split('\r')]
	assert max(map(len, lines)) <= 79, lines
	at = [m.groups() for m in (re.fullmatch(r'round (\d)( of 1| of 1 \(does not count\)), row (\d+) of (\d+): \S.*', s) for s in lines) if m]
	rows = int(at[0][3])
	assert rows > 20 and [(int(a[0]), int(a[2])) for a in at] == [(r, i + 1) for r in (0, 1) for i in range(rows)], at
	assert any(s.endswith(': sendfile, no MAC') for s in lines), lines
	P
	grep -q 'what is said of them' "$T/out"
	on_terminal -q "$T/dir"
	[ ! -s "$T/tty" ] || fail "$(cat -v "$T/tty")"
	on_terminal --json "$T/dir"
	[ ! -s "$T/tty" ] || fail "$(cat -v "$T/tty")"
	run -0 --separate-stderr bench --size=1M --rounds=1 --cipher=chacha20poly1305 "$T/dir"
	assert_equal "$stderr" ""
}

@test "a host's file: the same rows as far as it allows them, nothing changed there, nothing left here" {
	zcpd_start
	mkrand "$ROOT/f" 3000000
	chmod a-w "$ROOT/f"
	local before
	before=$(find "$T/root" -printf '%p %s %T@ %i\n')
	mkdir "$T/here"
	cd "$T/here"
	SAID=$T/said
	at_host --json --rounds=1 127.0.0.1:f >"$SAID" 2>"$T/err" || fail "$(cat "$T/err")"
	lines check 0 "$SAID" "$T/err"
	is "of('machine')[0]['host'] and of('machine')[0]['size'] == 3000000" "not of('bench', name='cp(1)')" \
		"all('--integrity=none' in r['why'] for r in of('bench', carry='plaintext', mac=False))" \
		"all(r['sender'] and r['receiver'] and not r['why'] for r in of('bench', group='sender', send='mmap', carry='encrypted'))" \
		"[c['verdict'] for c in of('claim') if 'many consumers' in c['claim']] == ['unmeasured']"
	assert_equal "$(find "$T/root" -printf '%p %s %T@ %i\n')" "$before"
	gone "$T/here"
	[ -z "$(ls -A "$T/here")" ]
}

@test "a host that cannot serve it is a copy's failure, said once: no such file, a directory, too small, an unknown key" {
	zcpd_start
	echo hi >"$ROOT/small"
	cd "$T"
	run -3 --separate-stderr at_host 127.0.0.1:nothing
	[[ $stderr == *"nothing: no such file"* ]] || fail "$stderr"
	run -4 --separate-stderr at_host 127.0.0.1:/
	[[ $stderr == *"is a directory"* ]] || fail "$stderr"
	run -4 --separate-stderr at_host 127.0.0.1:small
	[[ $stderr == *"at least 1 MiB"* ]] || fail "$stderr"
	run -41 --separate-stderr bench --json -P "$PORT" 127.0.0.1:small
	lines check 41 <(printf '%s\n' "$output") <(printf '%s\n' "$stderr") || fail "$output $stderr"
	gone "$T"
}

@test "a host whose zcpd knows nothing of USAGE is measured on this side alone" {
	mkdir "$T/served"
	mkrand "$T/served/f" 1048577
	mkfifo "$T/py.in" "$T/py.out"
	exec 8<>"$T/py.in" 9<>"$T/py.out"
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$ZCP_TOP/tests/peer/server.py" --root "$T/served" --key-file "$T/py.key" <"$T/py.in" >"$T/py.out" 2>"$T/py.log" 3>&- 8>&- 9>&- &
	local pid=$!
	read -r -t 30 -u 9 PORT
	HOSTKEY=$(cat "$T/py.key")
	SAID=$T/said
	cd "$T"
	at_host --json --rounds=1 --cipher=chacha20poly1305 127.0.0.1:f >"$SAID" 2>"$T/err" || fail "$(cat "$T/err")"
	exec 8>&- 9>&-
	wait_gone "$pid"
	lines check 0 "$SAID" "$T/err" || fail "$(cat "$T/err")"
	[[ $(<"$T/err") == "zcp: --bench: the zcpd there is older than this zcp, and does not say what it costs: its columns stay empty" ]] || fail "$(cat "$T/err")"
	is "all(r['sender'] is None and r['receiver'] for r in of('bench') if r['send'] and not r['why'])" \
		"all('does not say what it costs' in c['found'] for c in of('claim') if c['claim'].startswith('sealed: mmap'))"
}

@test "--plot draws what was measured, beside the table; where it cannot be made nothing is measured" {
	mkdir "$T/dir"
	run -0 --separate-stderr bench --size=1M --rounds=1 --cipher=chacha20poly1305 --plot="$T/p.svg" "$T/dir"
	[[ $output == *"what is said of them"* ]] || fail "$output"
	/usr/bin/python3 -c 'import sys, xml.etree.ElementTree as e; t = "".join(e.parse(sys.argv[1]).getroot().itertext()); assert "sendfile" in t and "GiB/s" in t, t' "$T/p.svg"
	run -3 --separate-stderr bench --plot="$T/nowhere/p.svg" "$T/dir"
	assert_equal "$output" ""
	gone "$T/dir"
}

@test "Ctrl-C in the middle: status 20, nothing is left, no zcpd runs" {
	local s
	for s in INT TERM; do
		rm -rf "$T/dir"
		mkdir "$T/dir"
		run -20 lines run "$T/said" "$T/err" '"start"' signal "$s" -- "$ZCP_BUILD/zcp" --bench --json --size=64M "$T/dir"
		lines check 20 "$T/said" "$T/err" || fail "$(cat "$T/said" "$T/err")"
		gone "$T/dir"
		[ -z "$(ls -A "$T/dir")" ] || fail "left: $(ls -A "$T/dir")"
	done
}

@test "in the middle of the rounds, too" {
	mkdir "$T/dir"
	"$ZCP_BUILD/zcp" --bench -v --size=16M --rounds=100 "$T/dir" >"$T/out" 2>"$T/err" </dev/null 3>&- &
	local pid=$!
	wait_for_line "$T/err" 'round 1 of 100: sendfile, no MAC'
	kill -TERM "$pid"
	local status=0
	wait "$pid" || status=$?
	assert_equal "$status" 20
	grep -q 'interrupted: nothing was left behind' "$T/err" || fail "$(tail -n 3 "$T/err")"
	gone "$T/dir"
	[ ! -s "$T/out" ]
}

@test "Ctrl-C before its zcpd runs: what was to become it ends at once, and nothing is left" {
	mkdir "$T/dir"
	# dup2 is called only there, between fork and exec: the signal comes to the one that is not zcpd yet
	run -11 --separate-stderr timeout -k 5 100 strace -f -qq -o "$T/trace" -e 'trace=?dup2,?dup3,execve' -e 'inject=?dup2,?dup3:signal=TERM:when=1' \
		"$ZCP_BUILD/zcp" --bench --size=1M --rounds=1 "$T/dir" 3>&-
	assert_equal "$stderr" "zcp: --bench: $ZCP_BUILD/zcpd did not start: it was ended by signal 15"
	[ "$(grep -c 'execve(' "$T/trace")" = 1 ] || fail "a zcpd ran: $(cat "$T/trace")"
	gone "$T/dir"
	[ -z "$(ls -A "$T/dir")" ] || fail "left: $(ls -A "$T/dir")"
}

@test "Ctrl-C while its zcpd does not get ready and ignores signals: 20, gone before another Ctrl-C would count" {
	mkdir "$T/bin" "$T/dir"
	cp "$ZCP_BUILD/zcp" "$T/bin/"
	mkfifo "$T/up" "$T/never"
	printf '#!/bin/sh\ntrap "" TERM INT\necho up >"%s"\n: <"%s"\n' "$T/up" "$T/never" >"$T/bin/zcpd"
	chmod +x "$T/bin/zcpd"
	timeout -k 5 100 strace -qq -o "$T/trace" -e trace=poll "$T/bin/zcp" --bench --size=1M "$T/dir" >"$T/out" 2>"$T/err" </dev/null 3>&- &
	local by=$! pid status=0
	read -r _ <"$T/up"
	pid=$(pgrep -f "^$T/bin/zcp --bench")
	kill -INT "$pid"
	wait "$by" || status=$?
	assert_equal "$status" 20
	# main.c's SAME_WISH_NS is a second
	run -0 sed -n 's/^poll(\[{fd=[0-9]*, events=POLLIN}\], 1, \([0-9]*\)) *= 0 (Timeout)$/\1/p' "$T/trace"
	[ -n "$output" ] && [ "$output" -lt 1000 ] || fail "$(cat "$T/trace")"
	gone "$T/dir"
	[ -z "$(pgrep -f "$T/bin/zcpd")" ] || fail "$(pgrep -af "$T/bin/zcpd")"
}

@test "a table that standard output does not take, full or closed, is no success: 11; a closed one before anything is made" {
	mkdir "$T/dir"
	run -11 bash -c '"$@" >/dev/full' - "$ZCP_BUILD/zcp" --bench -q --size=1M --rounds=1 --cipher=chacha20poly1305 "$T/dir"
	assert_output "zcp: standard output cannot be written"
	run -11 bash -c '"$@" >&-' - "$ZCP_BUILD/zcp" --bench --size=1M --rounds=1 "$T/dir"
	assert_output "zcp: --bench: standard output is closed"
	# where it would be found out at the end: fd 1 is none of bench's own files
	run -11 bash -c '"$@" >&-' - "$ZCP_BUILD/zcp" --bench --json --size=1M --rounds=1 "$T/dir"
	assert_output "zcp: standard output cannot be written (--json): bad file descriptor"
	gone "$T/dir"
}

@test "no space for two files: 44, before anything is written" {
	mkdir "$T/dir"
	local free
	free=$(/usr/bin/python3 -c 'import os, sys; s = os.statvfs(sys.argv[1]); print(min(s.f_bfree * s.f_frsize // 1024, 1 << 30))' "$T/dir")
	run -44 --separate-stderr bench --size="${free}K" "$T/dir"
	[[ $stderr == "zcp: --bench: $T/dir: no space: the file and one copy of it need "*" are free: another directory, or a smaller --size" ]] || fail "$stderr"
	[ -z "$(ls -A "$T/dir")" ]
}

@test "no zcpd anywhere, a directory that is not there, one that cannot be written: said, with their status" {
	mkdir "$T/bin" "$T/dir"
	cp "$ZCP_BUILD/zcp" "$T/bin/"
	[ -z "$(ls /usr/sbin/zcpd /usr/local/sbin/zcpd 2>/dev/null)" ] || fail "this machine has a zcpd installed"
	PATH=/usr/bin:/bin run -4 --separate-stderr "$T/bin/zcp" --bench --size=1M "$T/dir" 3>&-
	[[ $stderr == "zcp: --bench: no zcpd: neither beside this zcp, nor in PATH"*"zcp --bench host:path" ]] || fail "$stderr"
	gone "$T/dir"
	run -3 --separate-stderr bench "$T/nowhere"
	[[ $stderr == "zcp: --bench: $T/nowhere: no such file or directory" ]] || fail "$stderr"
	chmod 555 "$T/dir"
	run -11 --separate-stderr as_user timeout 100 "$ZCP_BUILD/zcp" --bench --size=1M "$T/dir"
	[[ $stderr == *"permission denied"* ]] || fail "$stderr"
}

@test "a zcpd that does not start: its last words" {
	mkdir "$T/bin" "$T/dir"
	cp "$ZCP_BUILD/zcp" "$T/bin/"
	printf '#!/bin/sh\necho first >&2\necho "zcpd: out of order" >&2\nexit 1\n' >"$T/bin/zcpd"
	chmod +x "$T/bin/zcpd"
	run -11 --separate-stderr "$T/bin/zcp" --bench --size=1M "$T/dir" 3>&-
	assert_equal "$stderr" "zcp: --bench: $T/bin/zcpd did not start: zcpd: out of order"
	gone "$T/dir"
}

@test "a zcpd that ends at once and says nothing: how it ended; one that never gets ready: 4, after a while, and it is gone, ignored signals or not" {
	mkdir "$T/bin" "$T/dir"
	cp "$ZCP_BUILD/zcp" "$T/bin/"
	local end
	for end in 'exit 7:it ended with status 7' 'kill -9 $$:it was ended by signal 9'; do
		printf '#!/bin/sh\n%s\n' "${end%%:*}" >"$T/bin/zcpd"
		chmod +x "$T/bin/zcpd"
		run -11 --separate-stderr "$T/bin/zcp" --bench --size=1M "$T/dir" 3>&-
		assert_equal "$stderr" "zcp: --bench: $T/bin/zcpd did not start: ${end#*:}"
		gone "$T/dir"
	done
	# it waits for ever; that time has passed is what the kernel says to zcp's poll
	mkfifo "$T/never"
	printf '#!/bin/sh\ntrap "" TERM\necho waiting >&2\n: <"%s"\n' "$T/never" >"$T/bin/zcpd"
	run -4 --separate-stderr timeout -k 5 100 strace -qq -o "$T/trace" -e trace=poll -e inject=poll:retval=0 "$T/bin/zcp" --bench --size=1M "$T/dir" 3>&-
	[[ $stderr == "zcp: --bench: $T/bin/zcpd did not get ready in 20 s"* ]] || fail "$stderr"
	grep -Eq 'poll\(\[.*, (20000|19[0-9]{3})\) += 0 .*INJECTED' "$T/trace" || fail "$(cat "$T/trace")"
	gone "$T/dir"
	[ -z "$(pgrep -f "$T/bin/zcpd")" ] || fail "$(pgrep -af "$T/bin/zcpd")"
}

@test "as an ordinary user" {
	mkdir "$T/dir"
	! is_root || chown 65534:65534 "$T/dir"
	run -0 --separate-stderr as_user env HOME="$T/nohome" XDG_CONFIG_HOME="$T/nohome" timeout 100 "$ZCP_BUILD/zcp" --bench --size=1M --rounds=1 --cipher=chacha20poly1305 "$T/dir" </dev/null
	[[ $output == *"sendfile, no MAC"*"what is said of them"* ]] || fail "$output"
	[ ! -e "$T/nohome" ] || fail "it has made keys in somebody's home"
	gone "$T/dir"
}

@test "a congestion control that is not to be had: 4, said once, before anything is made; at a host, too" {
	mkdir "$T/dir"
	run -4 --separate-stderr bench --cc=foo "$T/dir"
	[[ $stderr == "zcp: --cc=foo: that congestion control is not to be had: "* ]] || fail "$stderr"
	assert_equal "$output" ""
	[ -z "$(ls -A "$T/dir")" ]
	zcpd_start
	mkrand "$ROOT/f" 1048577
	cd "$T/dir"
	run -4 --separate-stderr at_host --cc=foo 127.0.0.1:f
	[[ $stderr == "zcp: --cc=foo: that congestion control is not to be had: "* ]] || fail "$stderr"
	[ -z "$(ls -A "$T/dir")" ]
}

@test "what does not go with --bench is refused, and its own options go with nothing else" {
	local o
	for o in -r -a -n --list --delete --engine=mmap --integrity=none --plaintext --encrypt --stats --progress --resume --bwlimit=1M --files-from=x -j4 --checksum; do
		run -1 --separate-stderr bench "$o" "$T"
		[[ $stderr == "zcp: --bench measures every engine, and copies nothing of yours: leave --"*" away" ]] || fail "$o: $stderr"
	done
	for o in --size=4M --rounds=2 --cold; do
		run -1 --separate-stderr zcp_raw "$o" a b
		[[ $stderr == "zcp: ${o%=*}: only with --bench" ]] || fail "$o: $stderr"
	done
	run -1 bench a b
	run -1 bench --size=1000 "$T"
	run -1 bench --size=2T "$T"
	run -1 bench --rounds=0 "$T"
	run -1 bench --rounds=101 "$T"
	run -1 --separate-stderr bench --cold 127.0.0.1:f
	[[ $stderr == *"--cold: the file at a host is as long, and as cached, as it is" ]] || fail "$stderr"
}
