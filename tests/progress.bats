# progress.bats - how far it is, on a real terminal: a line that fits, at most 10 times a second, and nothing where nobody looks.
load helpers
setup() { T=$BATS_TEST_TMPDIR; }
teardown() { zcpd_stop; }

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
widest() { /usr/bin/python3 -c 'import sys, unicodedata as u; print(max([sum(2 if u.east_asian_width(c) in "WF" else 0 if u.combining(c) else 1 for c in l.rstrip("\n")) for l in open(sys.argv[1], errors="surrogateescape")] or [0]))' "$T/lines"; }

@test "a file: name, part, bytes, rate and time; the last line stays" {
	zcpd_start
	mkrand "$ROOT/file.bin" 20000000
	on_terminal 80 127.0.0.1:file.bin "$T/out"
	assert_equal "$STATUS" 0
	run tail -n 1 "$T/lines"
	assert_output --regexp '^file\.bin +100% +19 MiB +[0-9.]+ [KMG]?i?B/s +[0-9]+:[0-9][0-9]$'
	[ "$(widest)" -le 79 ]
	on_terminal 80 "$T/out" 127.0.0.1:up
	assert_equal "$STATUS" 0
	run tail -n 1 "$T/lines"
	assert_output --regexp '^up +100% +19 MiB '
}

@test "a tree: files and bytes of the whole" {
	zcpd_start
	mktree "$ROOT/t" 120
	mkrand "$ROOT/t/large" 9000000
	local n
	n=$(find "$ROOT/t" -type f -printf x | wc -c)
	on_terminal 100 -r 127.0.0.1:t "$T/out"
	assert_equal "$STATUS" 0
	tail -n 1 "$T/lines" | grep -aE " $n/$n +100% +[0-9.]+ MiB" || fail "$n: $(tail -n 3 "$T/lines")"
	on_terminal 100 -r "$T/out" 127.0.0.1:up
	assert_equal "$STATUS" 0
	tail -n 1 "$T/lines" | grep -aE " $n/$n +100% +[0-9.]+ MiB" || fail "$n: $(tail -n 3 "$T/lines")"
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
	tail -n 1 "$T/lines" | grep -q '100%'
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
