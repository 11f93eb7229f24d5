# progress.bats - how far it is, on a real terminal: a line that fits, at most 10 times a second, and nothing where nobody looks.
load helpers
setup() { T=$BATS_TEST_TMPDIR SHM=''; }
teardown() {
	local status=0
	zcpd_stop || status=1
	[ -z "$SHM" ] || rm -rf "$SHM"
	return $status
}

# on_terminal COLUMNS ARG...: zcp on a terminal of that width. What it wrote in $T/tty, its status in STATUS, its seconds in TOOK.
# A terminal emulator in small checks every line: $T/lines has each state of the line, one per row.
on_terminal() {
	local columns=$1
	shift
	STATUS=0
	/usr/bin/python3 - "$columns" "$T/tty" "$T/lines" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" "$@" >"$T/took" <<-'P' 3>&- || STATUS=$?
	import fcntl, os, pty, select, struct, sys, termios, time
	columns, log, lines, prog = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
	pid, fd = pty.fork()
	if pid == 0:
	    os.environ['TERM'] = os.environ.get('TERM_TEST', 'xterm')
	    select.select([0], [], [], 60)          # until the width is set
	    os.read(0, 1)
	    os.execv(prog[0], prog)
	fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
	os.write(fd, b'\n')
	start, seen = time.monotonic(), b''
	while True:
	    try:
	        piece = os.read(fd, 65536)
	    except OSError:
	        break
	    if not piece:
	        break
	    seen += piece
	took = time.monotonic() - start
	open(log, 'wb').write(seen)
	with open(lines, 'wb') as f:
	    for row in seen.replace(b'\r\n', b'\n').split(b'\n'):
	        for state in row.split(b'\r'):
	            state = state.replace(b'\x1b[K', b'').rstrip()
	            if state:
	                f.write(state + b'\n')
	print(took)
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	P
	TOOK=$(cat "$T/took")
}
# the last form of the progress line, and what stands below it
final() { grep -av '^zcp: ' "$T/lines" | tail -n 1; }
last_line() { tail -n 1 "$T/lines"; }
widest() { /usr/bin/python3 -c 'import sys, unicodedata as u; print(max([sum(2 if u.east_asian_width(c) in "WF" else 0 if u.combining(c) else 1 for c in l.rstrip("\n")) for l in open(sys.argv[1], errors="surrogateescape") if not l.startswith("zcp: ")] or [0]))' "$T/lines"; }

@test "a file: name, part, bytes, rate and time; the last line stays" {
	zcpd_start
	mkrand "$ROOT/file.bin" 20000000
	on_terminal 80 127.0.0.1:file.bin "$T/out"
	assert_equal "$STATUS" 0
	run final
	assert_output --regexp '^file\.bin +100% +19 MiB +[0-9.]+ [KMG]?i?B/s +[0-9]+:[0-9][0-9]$'
	[ "$(widest)" -le 79 ]
	on_terminal 80 "$T/out" 127.0.0.1:up
	assert_equal "$STATUS" 0
	run final
	assert_output --regexp '^up +100% +19 MiB '
}

@test "below it, on a terminal, the last line: what limited the copy" {
	zcpd_start
	mkrand "$ROOT/f" 100000
	on_terminal 120 127.0.0.1:f "$T/out"
	assert_equal "$STATUS" 0
	[[ $(last_line) =~ ^'zcp: 1 file, 98 KiB in '[0-9]+\.[0-9]{3}' s, '[0-9.]+' '[KM]?i?'B/s over 1 stream; limited by: ' ]] || fail "$(cat "$T/lines")"
	on_terminal 120 127.0.0.1:missing "$T/out"
	assert_equal "$STATUS" 3
	[ "$(cat "$T/lines")" = 'zcp: 127.0.0.1:missing: no such file or directory' ] || fail "$(cat "$T/lines")"
}

# forward UP|DOWN: every state of the line is at least the one before it; of a tree that is being listed there is no part and no time
forward() {
	/usr/bin/python3 - "$T/lines" "$1" <<-'P' || fail "$1: $(cat "$T/lines")"
	import re, sys
	units = {'B': 0, 'KiB': 1, 'MiB': 2, 'GiB': 3}
	def size(n, u): return float(n) * 1024 ** units[u]
	line = re.compile(r'\S+ +(\d+)/(\d+)(\+?) +(?:(\d+)% +)?([\d.]+) ([KMG]?i?B)(?:/([\d.]+) ([KMG]?i?B)\+)? +\S+ \S+/s +(\S+)$')
	was, seen, open_ = [0, 0, 0, 0, -1], 0, 0
	rows = [row for row in open(sys.argv[1]) if not row.startswith('zcp: ')]
	for row in rows:
	    m = line.match(row)
	    if not m:
	        continue                    # before the first number is known
	    files, files_all, plus, part, n, u, m_all, u_all, left = m.groups()
	    now = [int(files), int(files_all), size(n, u), size(m_all, u_all) if m_all else was[3], int(part) if part else was[4]]
	    assert all(a >= b for a, b in zip(now, was)), (row, was)
	    assert now[0] <= now[1], row
	    assert bool(plus) == (part is None) == (m_all is not None), row
	    assert not plus or left == '--:--', row
	    assert part != '100' or row == rows[-1], row
	    was, seen, open_ = now, seen + 1, open_ + bool(plus)
	assert seen >= 5, seen
	P
}

# killer DIR: kills the process of the youngest stream when 5 files have their names in DIR, and again at 12; what it was at comes again
killer() {
	/usr/bin/python3 - "$1" "$ZCPD" <<-'P'
	import ctypes, os, select, signal, sys
	d, zcpd = sys.argv[1], sys.argv[2]
	libc = ctypes.CDLL(None)
	fd = libc.inotify_init1(os.O_CLOEXEC)
	def until(top, done):
	    assert libc.inotify_add_watch(fd, os.fsencode(top), 0x180) >= 0
	    while not done():
	        assert select.select([fd], [], [], 60)[0]
	        os.read(fd, 65536)
	whole = lambda: sum(not n.startswith('.zcp-') for n in os.listdir(d))
	until(os.path.dirname(d), lambda: os.path.isdir(d))
	for least in 5, 12:
	    until(d, lambda: whole() >= least)
	    os.kill(int(open('/proc/%s/task/%s/children' % (zcpd, zcpd)).read().split()[-1]), signal.SIGKILL)
	P
}

@test "a tree: nothing that is shown goes back, while it is listed and when streams are lost" {
	SHM=$(mktemp -d /dev/shm/zcp-test.XXXXXX) || fail "no tmpfs"
	ROOT=$SHM/root
	mkdir -p "$ROOT/t"
	zcpd_start
	local i way killer to
	# so much that some of it has not even been asked for when streams are killed
	for i in {1..80}; do mkrand "$ROOT/t/$i" 600000 "$i"; done
	mv "$ROOT/t" "$SHM/t"
	for way in up down; do
		if [ $way = up ]; then
			set -- "$SHM/t" 127.0.0.1:to
			to=$ROOT/to
		else
			mv "$ROOT/to" "$ROOT/t"
			set -- 127.0.0.1:t "$SHM/to"
			to=$SHM/to
		fi
		on_terminal 100 -r -j 3 --bwlimit=24M "$@"
		[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/lines")"
		forward $way
		final | grep -aE " 80/80 +100% +46 MiB" || fail "$(cat "$T/lines")"
		rm -r "$to"
		killer "$to" 3>&- &
		killer=$!
		on_terminal 100 -r -j 1 --retries=9 --bwlimit=24M "$@"
		wait "$killer"
		[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/lines")"
		grep -q 'trying again' "$T/lines"
		forward "$way, killed"
		final | grep -aE " 80/80 +100% +46 MiB" || fail "$(cat "$T/lines")"
	done
	tree_equal "$SHM/t" "$SHM/to"
}

@test "an upload walks its tree once, and sends while it does" {
	zcpd_start
	local d i n how
	for d in {1..40}; do
		mkdir -p "$T/t/$d"
		for i in {1..30}; do printf '%04000d' "$d$i" >"$T/t/$d/$i"; done
	done
	for how in -q --progress; do
		run -0 strace -f -qq -o "$T/trace$how" -e trace=getdents64,sendto "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -j 1 $how -r "$T/t" "127.0.0.1:to$how"
		tree_equal "$T/t" "$ROOT/to$how"
	done
	n=$(grep -c 'getdents64.* = [1-9]' "$T/trace-q")
	[ "$n" -ge 41 ]
	assert_equal "$(grep -c 'getdents64.* = [1-9]' "$T/trace--progress")" "$n"
	/usr/bin/python3 - "$T/trace--progress" <<-'P' || fail "all was walked before anything was sent"
	import re, sys
	calls = [m.groups() for m in re.finditer(r'(getdents64|sendto)\(.* = (\d+)', open(sys.argv[1]).read())]
	last = max(i for i, (name, _) in enumerate(calls) if name == 'getdents64')
	assert sum(int(n) for name, n in calls[:last] if name == 'sendto') > 1000000, calls[:20]
	P
}

@test "a tree: files and bytes of the whole" {
	zcpd_start
	mktree "$ROOT/t" 120
	mkrand "$ROOT/t/large" 9000000
	local n
	n=$(find "$ROOT/t" -type f -printf x | wc -c)
	on_terminal 100 -r 127.0.0.1:t "$T/out"
	assert_equal "$STATUS" 0
	final | grep -aE " $n/$n +100% +[0-9.]+ MiB" || fail "$n: $(tail -n 3 "$T/lines")"
	on_terminal 100 -r "$T/out" 127.0.0.1:up
	assert_equal "$STATUS" 0
	final | grep -aE " $n/$n +100% +[0-9.]+ MiB" || fail "$n: $(tail -n 3 "$T/lines")"
	tree_equal "$ROOT/t" "$ROOT/up"
}

@test "never wider than the terminal, down to 20 columns; wide characters count twice" {
	zcpd_start
	local c name=$'\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587.bin'
	mkrand "$ROOT/$name" 5000000
	mkrand "$ROOT/a-name-that-is-much-longer-than-any-terminal-of-this-test-is-wide-and-goes-on-and-on-and-on.tar.gz" 5000000
	for c in 20 21 30 40 60 80; do
		on_terminal "$c" "127.0.0.1:*" "$T"
		assert_equal "$STATUS" 0
		[ "$(widest)" -lt "$c" ] || fail "$c columns: $(cat "$T/lines")"
		[ -s "$T/lines" ]
	done
}

@test "at most 10 redraws a second" {
	zcpd_start
	mkrand "$ROOT/f" 1000000
	truncate -s 3G "$ROOT/f"
	on_terminal 80 --encrypt 127.0.0.1:f /dev/null
	assert_equal "$STATUS" 0
	/usr/bin/python3 -c 'import sys; sys.exit(int(sys.argv[1]) > float(sys.argv[2]) * 10 + 2)' "$(wc -l <"$T/lines")" "$TOOK" ||
		fail "$(wc -l <"$T/lines") lines in $TOOK s"
}

@test "messages stand on lines of their own, with nothing of the progress line before them" {
	zcpd_start
	mkdir "$ROOT/d"
	mkrand "$ROOT/d/big" 30000000
	mkfifo "$ROOT/d/fifo"
	on_terminal 80 -rv 127.0.0.1:d "$T/out"
	assert_equal "$STATUS" 23
	grep -qxF 'zcp: 127.0.0.1:d/fifo: not a regular file, a directory or a symbolic link: FIFOs, sockets and devices are not copied' "$T/lines"
	grep -qxF "zcp: $T/out/big" "$T/lines"
}

@test "a terminal without escape sequences gets none" {
	zcpd_start
	mkrand "$ROOT/f" 8000000
	TERM_TEST=dumb on_terminal 60 127.0.0.1:f "$T/out"
	assert_equal "$STATUS" 0
	run ! grep -qa $'\e' "$T/tty"
	final | grep -q '100%'
}

@test "no progress where stderr is no terminal, nor with -q; lines of it with --progress" {
	zcpd_start
	mkrand "$ROOT/f" 8000000
	run -0 zcp 127.0.0.1:f "$T/out"
	refute_output
	on_terminal 80 -q 127.0.0.1:f "$T/out"
	assert_equal "$STATUS" 0
	[ ! -s "$T/lines" ] || fail "$(cat "$T/lines")"
	run -0 zcp --progress 127.0.0.1:f "$T/out"
	assert_output --regexp '^f +100%'
	refute_output --partial $'\r'
	run -0 zcp -q --progress 127.0.0.1:f "$T/out"
	refute_output
}

@test "tmux: a resized window is seen at the next drawing" {
	command -v tmux >/dev/null || skip "no tmux"
	zcpd_start
	truncate -s 1G "$ROOT/f"
	mkfifo "$T/go" "$T/pipe"
	export TMUX_TMPDIR=$T
	tmux -L zcp new-session -d -x 90 -y 10 "exec 3<>$T/go; read -r -u 3 _; '$ZCP_BUILD/zcp' --host-key='$HOSTKEY' -P $PORT 127.0.0.1:f '$T/pipe'; echo status \$? >'$T/done'; read -r -u 3 _" 3>&-
	tmux -L zcp set-option -g window-size manual 3>&- 2>/dev/null || true
	echo go >"$T/go"
	exec 7<"$T/pipe"
	head -c 200000000 <&7 >/dev/null
	tmux -L zcp resize-window -x 30 -y 10 3>&-
	cat <&7 >/dev/null
	exec 7<&-
	wait_for_line "$T/done" 'status 0'
	local shown
	shown=$(tmux -L zcp capture-pane -p 3>&-)
	echo end >"$T/go"
	tmux -L zcp kill-server 3>&- 2>/dev/null || true
	grep -qE '^f +100%' <<<"$shown" || fail "$shown"
	[ "$(awk '{ if (length > w) w = length } END { print w + 0 }' <<<"$shown")" -le 30 ] || fail "$shown"
}
