# scoreboard.bats - zcpd --status: what the streams do now, what they did, who may ask, and who answers in zcpd's place.
load helpers
setup()    { private_home; S=$T/status.sock; umask 022; }
teardown() { end_live; zcpd_stop; }

# A daemon with a configuration: exports, a status socket. KEY_NAME and DATA_NAME replace the names of the key and of the first export, SLOW is a
# bwlimit of the second.
board_start() {
	mkdir -p "$T/root" "$T/inbox" "$T/closed" "$T/state"
	chmod 700 "$T/state"
	"$ZCP_BUILD/zcp" --public-key 2>"$T/client.err" 3>&- | awk '/^zcp-x25519/ { print $1, $2, "'"${KEY_NAME:-owner}"' write" }' >"$T/state/authorized_keys"
	cat >"$T/zcpd.conf" <<-C
	status-socket = "$S"
	export ${DATA_NAME:-data} { path = "$T/root" prefix = "" mode = rw }
	export inbox { path = "$T/inbox" prefix = "in" mode = rw ${SLOW:+bwlimit = $SLOW} }
	export closed { path = "$T/closed" plaintext-from = {none} }
	C
	ZCPD_MODE="--config $T/zcpd.conf" zcpd_start "$@"
}

st() { timeout -k 5 60 "$ZCP_BUILD/zcpd" --status --status-socket "$S" "$@" 3>&-; }
# js EXPRESSION: of the JSON document d; its first stream is s.
js() {
	st --json >"$T/status.json" || return 1
	/usr/bin/python3 -c 'import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
s = d["streams"][0] if d["streams"] else None
print(eval(sys.argv[2]))' "$T/status.json" "$1" 3>&-
}

# hold WAY PATH: a scripted client that stands still in the middle of 256 MiB (piece: of an upload's first record). Ends when it is killed, or when
# zcpd ends it.
hold() {
	rm -f "$T/held"
	mkfifo "$T/held"
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ZCP_TOP/tests/peer /usr/bin/python3 - "$1" "$2" "$PORT" "$T/client/zcp/identity" "${WANT:-sealed}" \
		"$T/held" >"$T/held.out" 2>&1 3>&- 4>&- <<-'P' &
	import os, signal, sys
	import opening, stream, wire
	from client import Client
	way, path, port, key, want, fifo = sys.argv[1:]
	def failed(*what):
	    sys.__excepthook__(*what)
	    print('failed', file=open(fifo, 'w'))
	sys.excepthook = failed
	c = Client.connect(int(port), opening.key_load(key), want=want)
	if way == 'down':
	    c.s.put('FETCH', first=1, items=[wire.Item(0, os.fsencode(path))])
	    stream.recv_exact(c.s.sock, 72 << 20)
	elif way == 'piece':
	    c.s.put('OPEN', id=1, flags=0, meta=wire.Meta(size=64 << 20), path=os.fsencode(path))
	    c.answer(1)
	    c.s.put('SEGMENT', id=1, offset=0, length=1 << 20, carry=wire.CARRY_SEALED)
	    c.s.raw(c.s.tx.seal(bytes(256 << 10), True)[:100000])
	else:
	    c.s.put('OPEN', id=1, flags=0, meta=wire.Meta(size=(64 << 20) + 1), path=os.fsencode(path))
	    c.answer(1)
	    for at in range(0, 64 << 20, 4 << 20):
	        c.s.send_segment(1, at, bytes(4 << 20))
	    c.stat(b'')                             # answered: all before it was taken
	print('ready', file=open(fifo, 'w'))
	if way == 'down':
	    signal.pause()
	c.s.sock.settimeout(None)
	c.s.sock.recv(1)
	P
	LIVE=$!
	local word=
	read -r -t 60 word <>"$T/held" || :
	[ "$word" = ready ] || fail "no stream: $(cat "$T/held.out" "$T/zcpd.log")"
}
end_live() {
	[ -z "${LIVE:-}" ] || { kill -9 "$LIVE"; wait "$LIVE"; } 2>/dev/null || :
	LIVE=
}

@test "an idle daemon: no stream, no table, totals; the JSON has everything" {
	board_start
	run -0 st
	assert_line --index 0 "0 streams, 0 B sent, 0 B received"
	assert_line --index 1 --regexp '^since its start [0-9]+ s ago: 0 streams, 0 files sent, 0 received, 0 errors, 0 let in no further, 0 crashed; zcpd [0-9.]+$'
	run -0 js 'd["live"], d["accepted"], d["streams"], d["sent"]["bytes"], d["errors"], d["reloads"], d["up_seconds"] >= 0'
	assert_output "(0, 0, [], 0, {}, 0, True)"
	assert_equal "$(stat -c '%F %a' "$S")" "socket 660"
}

@test "a download in the middle: who, what, by which engine, how much, for how long; afterwards the totals" {
	board_start
	truncate -s 256M "$ROOT/big"
	hold down big
	run -0 st
	assert_line --index 0 --regexp '^PEER +KEY +STATE +EXPORT +FILE +DONE +SUITE +ENGINE +BYTES +RATE +FOR$'
	assert_line --index 1 --regexp '^127\.0\.0\.1:[0-9]+ +owner +sending +data +big +[0-9]+ % +[a-z0-9]+ +mmap +[0-9.]+ MiB +[0-9.]+ ([KMG]i)?B/s +[0-9]+ s$'
	assert_line --index 2 --regexp '^1 stream \(1 sending, 0 receiving\), [0-9.]+ MiB sent, 0 B received$'
	run -0 js 's["state"], s["way"], s["export"], s["file"], s["file_size"], s["engine"], s["encrypted"], s["file_done"] >= 1 << 20, s["bytes"] == s["file_done"], s["pid"]'
	assert_output "('sending', 'sent', 'data', 'big', 268435456, 'mmap', True, True, True, $(pgrep -P "$ZCPD" -f . | head -n 1))"
	run -0 js 's["bytes"]'
	local moved=$output
	end_live
	wait_for_line "$T/zcpd.log" 'owner: .*: the connection was cut'
	run -0 js "d['live'], d['sent']['bytes'] >= $moved, d['sent']['bytes_by_engine']['mmap'] == d['sent']['bytes'], d['accepted']"
	assert_output "(0, True, True, 1)"
}

@test "plaintext is sent by sendfile, and the table says so" {
	board_start
	truncate -s 256M "$ROOT/big"
	WANT=raw hold down big
	run -0 st
	assert_line --index 1 --regexp ' sending +data +big +[0-9]+ % +plaintext +sendfile +[0-9.]+ MiB '
	run -0 js 's["encrypted"], s["engine"]'
	assert_output "(False, 'sendfile')"
}

@test "an upload in the middle: receiving, into which export" {
	board_start
	hold up in/new
	run -0 st
	assert_line --index 1 --regexp ' receiving +inbox +in/new +[0-9]+ % +[a-z0-9]+ +[a-z]+ +64 MiB '
	run -0 js 's["way"], s["bytes"], d["receiving"], d["received"]["bytes"]'
	assert_output "('received', 67108864, 1, 67108864)"
}

@test "the totals are what was copied, byte by byte and file by file; a failure is counted by its status" {
	board_start
	mkrand "$ROOT/a" 3000001
	mkrand "$ROOT/b" 1000
	run -0 zcp 127.0.0.1:a 127.0.0.1:b "$T"
	cp "$T/a" "$T/c"
	run -0 zcp "$T/c" 127.0.0.1:in/
	chmod 0 "$ROOT/b"
	run -11 zcp 127.0.0.1:b "$T/x"
	run -0 js 'd["sent"]["files"], d["sent"]["bytes"], d["sent"]["bytes_by_engine"]["inline"], d["received"]["files"], d["received"]["bytes"], d["errors"]'
	assert_output "(2, 3001001, 1000, 1, 3000001, {'11': 1})"
	run -0 js 'd["handshake_failures"], d["crashes"]'
	refute_output --partial ": 1"
	printf 'GET / HTTP/1.0\r\n\r\n' >"/dev/tcp/127.0.0.1/$PORT"
	wait_for_line "$T/zcpd.log" 'not a zcp'
	run -0 js 'd["handshake_failures"]["no zcp"]'
	assert_output 1
}

@test "a stream that is killed in the middle takes no byte of the totals with it" {
	board_start
	truncate -s 256M "$ROOT/big"
	hold down big
	run -0 js 's["bytes"], s["pid"]'
	local moved pid
	IFS='(, )' read -r _ moved pid _ <<<"$output"
	kill -ABRT "$pid"                       # a sanitizer catches SIGSEGV
	wait_for_line "$T/zcpd.log" 'its process was ended by signal'
	run -0 js "d['sent']['bytes'] >= $moved, d['crashes'], d['live'], d['accepted'], d['handshake_failures']['crash']"
	assert_output "(True, 1, 0, 1, 0)"
}

@test "names that hold terminal controls, quotes and no UTF-8 do no harm" {
	board_start
	local name=$'a\x1b[31m"\\\xff\n'
	truncate -s 256M "$ROOT/$name"
	hold down "$name"
	run -0 st
	assert_line --index 1 --partial 'a\x1b[31m"\\\xff\x0a'
	refute_output --partial $'\x1b'
	run -0 js 's["file"]'
	assert_output 'a\x1b[31m"\\\xff\x0a'
}

# on_terminal COLUMNS: the table as a terminal of that width gets it.
on_terminal() {
	/usr/bin/python3 - "$1" "$ZCP_BUILD/zcpd" --status --status-socket "$S" <<-'P' 3>&-
	import fcntl, os, pty, struct, sys, termios
	pid, fd = pty.fork()
	if pid == 0:
	    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 24, int(sys.argv[1]), 0, 0))
	    os.execv(sys.argv[2], sys.argv[2:])
	seen = b''
	while True:
	    try:
	        piece = os.read(fd, 65536)
	    except OSError:
	        break
	    if not piece:
	        break
	    seen += piece
	sys.stdout.buffer.write(seen.replace(b'\r\n', b'\n'))
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	P
}

@test "on a terminal long names are cut to its width, elsewhere they are not" {
	board_start
	local name
	name=$(printf 'long%.0s' {1..50})end
	truncate -s 256M "$ROOT/$name"
	hold down "$name"
	run -0 st
	assert_line --index 1 --partial " $name "
	run -0 on_terminal 120
	assert_line --index 1 --regexp ' sending +data +\.\.\.(long)?[long]*end +'
	[ "${#lines[0]}" -le 120 ] && [ "${#lines[1]}" -le 120 ] || fail "wider than 120: $output"
	run -0 on_terminal 40
	assert_line --index 1 --regexp ' \.\.\..*ngend$'
	narrow 40
}
# narrow COLUMNS: nothing that was printed is wider
narrow() {
	/usr/bin/python3 - "$1" "$output" <<-'P' 3>&- || fail "wider than $1: $output"
	import sys, unicodedata
	def columns(text):
	    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)
	sys.exit(any(columns(line) > int(sys.argv[1]) for line in sys.argv[2].split('\n')))
	P
}

@test "80 columns hold the table and the totals, whatever the key, the export and the file are called" {
	KEY_NAME=$(printf 'key%.0s' {1..40}) DATA_NAME=$(printf 'export%.0s' {1..10}) board_start
	local wide name
	wide=$(printf '写真%.0s' {1..20}) name=$(printf 'dir/%.0s' {1..20})last-of-all.raw
	mkdir -p "$ROOT/${name%/*}"
	for name in "$name" "$wide"; do
		truncate -s 256M "$ROOT/$name"
		hold down "$name"
		for columns in 40 60 80 99 100 130; do
			run -0 on_terminal $columns
			narrow $columns
			assert_line --index 0 --regexp '^PEER .*FILE'
			assert_line --index 1 --regexp "\.\.\..*${name: -3}"
		done
		run -0 on_terminal 80
		assert_line --index 0 --regexp '^PEER +KEY +STATE +FILE +DONE +BYTES +RATE'
		run -0 st
		assert_line --index 1 --partial " $name "
		end_live
	done
}

@test "contents that are sealed on a stream that may be raw show the suite, in the table and at the stream's end" {
	board_start
	truncate -s 256M "$T/closed/big"
	WANT=raw hold down closed/big
	run -0 st
	assert_line --index 1 --regexp ' sending +closed +closed/big +[0-9]+ % +(aegis|aes|chacha)[a-z0-9]+ +mmap '
	run -0 js 's["encrypted"]'
	assert_output True
	end_live
	wait_for_line "$T/zcpd.log" 'owner: .*(aegis|aes|chacha)[a-z0-9]+, encrypted: '
	run ! grep plaintext: "$T/zcpd.log"
	mkrand "$ROOT/f" 3000
	run -0 zcp 127.0.0.1:f "$T/f"
	wait_for_line "$T/zcpd.log" 'owner: sent 1 file, .*, encrypted: complete'
	mkrand "$ROOT/g" 3000000
	run -0 bash -c '"$@" | cmp - "$0"' "$ROOT/g" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:g /dev/stdout 3>&-
	wait_for_line "$T/zcpd.log" 'owner: sent 1 file, 2.9 MiB, mmap; .*, encrypted: complete'
	run -0 zcp 127.0.0.1:g "$T/g"
	wait_for_line "$T/zcpd.log" 'owner: sent 1 file, 2.9 MiB, sendfile; .*, plaintext: complete'
}

@test "an upload under a rate is counted as it comes, not segment by segment" {
	SLOW=1M board_start
	hold piece in/new
	local i
	for i in {1..20}; do
		run -0 js 's["bytes"]'
		[ "$output" -lt 90000 ] || break
	done
	[ "$output" -ge 90000 ] && [ "$output" -le 100000 ] || fail "$output bytes of 100,000 that came of one segment"
}

@test "files asked for ahead: the table shows the one whose contents come, and no byte is counted twice" {
	board_start
	mkdir "$T/up"
	for i in 1 2 3 4 5 6; do mkrand "$T/up/$i" 2000000 "$i"; done
	mkrand "$T/up/small" 1000
	run -0 zcp -r "$T/up" 127.0.0.1:in/
	run -0 js 'd["received"]["files"], d["received"]["bytes"]'
	assert_output "(7, 12001000)"
	PYTHONDONTWRITEBYTECODE=1 T=$T run -0 timeout 60 /usr/bin/python3 - "$ZCP_TOP/tests/peer" <<-'P' 3>&-
	import sys
	sys.path.insert(0, sys.argv[1])
	import session, wire
	c = session.connect(want='sealed')
	for i in (1, 2):
	    c.s.put('OPEN', id=i, meta=wire.Meta(size=600000), path=b'in/ahead%d' % i)
	    c.answer(i)
	for at in (0, 300000):
	    for i in (1, 2):
	        c.s.send_segment(i, at, bytes(300000), wire.CARRY_SEALED)
	    c.s.put('STORE', id=10 + at, meta=wire.Meta(size=5), path=b'in/five', contents=b'12345')
	    c.answer(10 + at)
	for i in (1, 2):
	    c.s.put('DONE', id=i)
	    c.answer(i)
	c.bye()
	P
	run -0 js 'd["received"]["files"], d["received"]["bytes"]'
	assert_output "(11, 13201010)"
}

@test "a stream that is cut says how much had moved, and counts the file as failed: by its client, and by zcpd's end" {
	local way
	for way in down up; do
		board_start
		truncate -s 256M "$ROOT/big"
		[ $way = down ] && hold down big || hold up in/new
		end_live
		wait_for_line "$T/zcpd.log" 'owner: (sent|received) 0 files, [0-9.]+ MiB, [a-z]+; 1 failed; '
		[ $way = down ] && hold down big || hold up in/new
		kill -INT "$ZCPD"
		wait_for_line "$T/zcpd.log" 'owner: (sent|received) 0 files, [0-9.]+ MiB, [a-z]+; 1 failed; .*: zcpd is ending'
		wait_gone "$ZCPD"
		ZCPD=
		end_live
		no_litter "$T/inbox"
		: >"$T/zcpd.log"
	done
}

@test "nobody answers: status 10, and what to look at" {
	run -10 st
	assert_output --partial "nobody answers at \"$S\": is zcpd running"
	/usr/bin/python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])' "$S" 3>&-
	run -10 st
	assert_output --partial "nobody answers at \"$S\""
	echo x >"$T/file"
	S=$T/file run -10 st
	assert_output --partial "nobody answers at \"$T/file\""
	S=/$(printf 'x%.0s' {1..200}) run -10 st
	assert_output --partial "nobody answers at"
}

@test "one who may not ask is told who may" {
	board_start
	run -0 st
	chmod 0 "$S"
	run -10 as_user "$ZCP_BUILD/zcpd" --status --status-socket "$S"
	assert_output --partial "permission denied: ask as root, as the service's user, or as a member of its group"
}

# answer FILE: something else listens at the socket and answers with a file's bytes, for ever if FILE is "endless"; TWICE is asked.
answer() {
	rm -f "$T/up" "$S"
	mkfifo "$T/up"
	/usr/bin/python3 - "$S" "$1" "$T/up" 3>&- 4>&- <<-'P' &
	import socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.bind(sys.argv[1])
	s.listen()
	print('up', file=open(sys.argv[3], 'w'))
	c, _ = s.accept()
	try:
	    if sys.argv[2] == 'endless':
	        while True:
	            c.sendall(bytes(65536))
	    c.sendall(open(sys.argv[2], 'rb').read())
	    c.close()
	except BrokenPipeError:
	    pass
	P
	LIVE=$!
	read -r -t 20 _ <>"$T/up"
}

@test "whatever else answers there: status 2 and a sentence, at once" {
	local what
	head -c 100000 /dev/urandom >"$T/garbage"
	printf 'HTTP/1.1 200 OK\r\n\r\n' >"$T/short"
	/usr/bin/python3 -c 'import struct, sys
for name, version in (("version", 99), ("cut", 1)):
    open(sys.argv[1] + "/" + name, "wb").write(b"zcpd\x01\x02\r\n" + struct.pack("<IIIIQ16s", version, 4096, 3, 0, 1, b"9") + bytes(4097))' "$T" 3>&-
	for what in "$T/garbage" "$T/short" "$T/version" "$T/cut" endless; do
		answer "$what"
		run -2 st --json
		assert_output --partial "what answers at \"$S\" sent no snapshot of zcpd's: "
		end_live
	done
	answer "$T/version"
	run -2 st
	assert_output --partial "it is of another version"
}

@test "a hundred who ask and never read keep nobody waiting" {
	board_start
	echo hello >"$ROOT/f"
	/usr/bin/python3 - "$S" "$T/up" 3>&- 4>&- <<-'P' &
	import signal, socket, sys
	held = []
	for _ in range(100):
	    s = socket.socket(socket.AF_UNIX)
	    s.connect(sys.argv[1])
	    held.append(s)
	open(sys.argv[2], 'w').write('up\n')
	signal.pause()
	P
	LIVE=$!
	wait_for_line "$T/up" up
	run -0 zcp 127.0.0.1:f "$T/copy"
	run -0 st
	assert_line --index 0 "0 streams, 6 B sent, 0 B received"
}

@test "out of descriptors, one who asks waits: no spin, said once, then answered" {
	need_root       # to see which descriptors zcpd has
	board_start
	local used
	used=$(/usr/bin/python3 -c "import os; print(min(set(range(99)) - set(map(int, os.listdir('/proc/$ZCPD/fd')))))")
	prlimit --pid "$ZCPD" --nofile="$used:"         # the next number it would get
	st >"$T/table" 2>&1 &
	local asks=$!
	wait_for_line "$T/zcpd.log" 'cannot accept for a moment'
	prlimit --pid "$ZCPD" --nofile="1024:"
	wait "$asks" || fail "$(cat "$T/table")"
	assert_equal "$(grep -c 'cannot accept for a moment' "$T/zcpd.log")" 1
}

@test "the socket: not without being asked for under --root; a dead one is replaced, a live one and a file are not" {
	zcpd_start --status-socket "$S"
	run -0 st
	assert_line --index 0 "0 streams, 0 B sent, 0 B received"
	run -10 timeout 20 "$ZCP_BUILD/zcpd" --root "$ROOT" --state "$T/state" --listen 127.0.0.1:0 --status-socket "$S" 3>&-
	assert_output --partial "the status socket \"$S\": "
	run -0 st
	kill -9 "$ZCPD"
	wait "$ZCPD" || :
	assert_exists "$S"
	zcpd_start --status-socket "$S"
	run -0 st
	zcpd_stop
	assert_not_exists "$S"
	echo precious >"$T/file"
	run -10 timeout 20 "$ZCP_BUILD/zcpd" --root "$ROOT" --state "$T/state" --listen 127.0.0.1:0 --status-socket "$T/file" 3>&-
	assert_output --partial "the status socket \"$T/file\": "
	assert_equal "$(cat "$T/file")" precious
	zcpd_start
	assert_not_exists "$T/status.sock"
}

@test "a reload is counted" {
	board_start
	kill -HUP "$ZCPD"
	wait_for_line "$T/zcpd.log" 'reloaded'
	run -0 js 'd["reloads"]'
	assert_output 1
}
