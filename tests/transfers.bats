# transfers.bats - the transfer log: one line for each file, whatever became of it, in a file, among the other lines, and in the journal.
load helpers
setup() { private_home; }
teardown() {
	[ -z "${JOURNAL:-}" ] || kill "$JOURNAL"
	zcpd_stop
}

# logging WHERE [MORE]: a daemon with one export "files" of $T/d
logging() {
	mkdir -p "$T/d"
	zcp_raw --public-key 2>/dev/null | awk '/^zcp-x25519/ { print $1, $2, "the-key", "write" }' >"$T/keys"
	chmod 600 "$T/keys"
	printf 'authorized-keys = "%s"\ntransfer-log = "%s"\n%s\nexport files { path = "%s" mode = rw prefix = data max-bytes = 8M }\n' \
		"$T/keys" "$1" "${2:-}" "$T/d" >"$T/zcpd.conf"
	ZCPD_MODE="--config $T/zcpd.conf"
	zcpd_start
}
TIME='20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{3}Z'
# line VERB PATH BYTES ENGINE CARRY STATUS: one like this is in the file, and as a whole (words as regular expressions)
line() {
	wait_for_line "$T/log" "^$TIME 127\.0\.0\.1:[0-9]+ \"the-key\" $1 \"files\" \"$2\" $3 bytes [0-9]+\.[0-9]{3} s $4 $5 $6\$"
}
# lines N: no more than so many, every one well-formed
lines() {
	assert_equal "$(wc -l <"$T/log")" "$1"
	run ! grep -avE "^$TIME 127\.0\.0\.1:[0-9]+ \"the-key\" (sent|received) \"[^\"]*\" \"[^\"]*\" [0-9]+ bytes [0-9]+\.[0-9]{3} s [a-z]+ [a-z0-9]+ [0-9]+\$" "$T/log"
}

@test "one line for each file: inside records, in segments, encrypted, in plaintext, both ways" {
	logging "$T/log"
	mkrand "$T/d/small" 3000
	mkrand "$T/d/large" 3000000
	run -0 zcp --encrypt 127.0.0.1:data/small 127.0.0.1:data/large "$T/"
	line sent data/small 3000 inline '(aegis|aes|chacha)[a-z0-9]+' 0
	line sent data/large 3000000 mmap '(aegis|aes|chacha)[a-z0-9]+' 0
	run -0 zcp 127.0.0.1:data/large "$T/again"
	line sent data/large 3000000 sendfile plaintext 0
	mkdir "$T/up"
	mv "$T/small" "$T/large" "$T/up/"
	run -0 zcp --encrypt -r "$T/up" 127.0.0.1:data/
	line received data/up/small 3000 inline '(aegis|aes|chacha)[a-z0-9]+' 0
	line received data/up/large 3000000 '(mmap|readwrite)' '(aegis|aes|chacha)[a-z0-9]+' 0
	run -0 zcp "$T/up/large" 127.0.0.1:data/again
	line received data/again 3000000 '(mmap|readwrite)' plaintext 0
	lines 6
	assert_equal "$(stat -c %a "$T/log")" 640 || assert_equal "$(stat -c %a "$T/log")" 600
}

@test "the time of a line is this moment's, in UTC, whatever the time zone" {
	local before after
	export TZ=Asia/Kathmandu
	logging "$T/log"
	echo x >"$T/d/f"
	before=$(date -u +%Y-%m-%dT%H:%M:%S)
	run -0 zcp 127.0.0.1:data/f "$T/f"
	line sent data/f 2 inline '[a-z0-9]+' 0
	after=$(date -u +%Y-%m-%dT%H:%M:%S.999Z)
	[[ ! $(head -c 24 "$T/log") < $before && ! $(head -c 24 "$T/log") > $after ]] || fail "$before $(cat "$T/log") $after"
}

@test "a file that fails has its line with its status" {
	logging "$T/log"
	mkrand "$T/nine" 9000000
	mkfifo "$T/d/pipe"
	run -44 zcp "$T/nine" 127.0.0.1:data/nine
	line received data/nine 0 inline '[a-z0-9]+' 44
	PYTHONDONTWRITEBYTECODE=1 run -1 timeout 60 /usr/bin/python3 "$ZCP_TOP/tests/peer/client.py" --key "$T/client/zcp/identity" --pin "$HOSTKEY" "$PORT" \
		get data/none "$T/a" 3>&-
	line sent data/none 0 inline '[a-z0-9]+' 3
	PYTHONDONTWRITEBYTECODE=1 run -1 timeout 60 /usr/bin/python3 "$ZCP_TOP/tests/peer/client.py" --key "$T/client/zcp/identity" --pin "$HOSTKEY" "$PORT" \
		get data/pipe "$T/a" 3>&-
	line sent data/pipe 0 inline '[a-z0-9]+' 4
	PYTHONDONTWRITEBYTECODE=1 run -1 timeout 60 /usr/bin/python3 "$ZCP_TOP/tests/peer/client.py" --key "$T/client/zcp/identity" --pin "$HOSTKEY" "$PORT" \
		get elsewhere "$T/a" 3>&-
	wait_for_line "$T/log" '"the-key" sent "" "elsewhere" 0 bytes .* 3$'
	lines 4
}

@test "an upload and a download that are cut off have their lines, with what had come and status 10" {
	logging "$T/log"
	mkrand "$T/big" 8000000
	cp "$T/big" "$T/d/big"
	PYTHONDONTWRITEBYTECODE=1 T=$T run -0 timeout 60 /usr/bin/python3 - "$ZCP_TOP/tests/peer" <<-'P' 3>&-
	import sys
	sys.path.insert(0, sys.argv[1])
	import session, wire
	c = session.connect(want='sealed')
	c.s.put('OPEN', id=1, flags=wire.EAGER, meta=wire.Meta(size=900000), path=b'data/cut')
	c.s.send_segment(1, 0, bytes(300000), wire.CARRY_SEALED)
	c.stat(b'')
	c.s.close()
	c = session.connect(want='sealed')
	c.s.put('FETCH', first=1, items=[wire.Item(0, b'data/big')])
	c.s.expect('FILE')
	c.s.close()
	P
	line received data/cut 300000 '(mmap|readwrite)' '[a-z0-9]+' 10
	line sent data/big '[0-9]+' '(mmap|readwrite|inline)' '[a-z0-9]+' 10
	[ ! -e "$T/d/cut" ]
}

@test "files that were asked for ahead: SECONDS count from each one's own first byte" {
	logging "$T/log"
	PYTHONDONTWRITEBYTECODE=1 T=$T run -0 timeout 60 /usr/bin/python3 - "$ZCP_TOP/tests/peer" <<-'P' 3>&-
	import socket, sys
	sys.path.insert(0, sys.argv[1])
	import session, wire
	c = session.connect(want='sealed')
	for i in (1, 2, 3):
	    c.s.put('OPEN', id=i, meta=wire.Meta(size=300000), path=b'data/ahead%d' % i)
	    c.answer(i)
	c.s.sock.settimeout(1.5)
	try:
	    c.s.sock.recv(1)
	except socket.timeout:
	    pass
	c.s.sock.settimeout(30)
	for i in (1, 2):
	    c.s.send_segment(i, 0, bytes(300000), wire.CARRY_SEALED)
	    c.s.put('DONE', id=i)
	    c.answer(i)
	c.s.close()
	P
	line received data/ahead2 300000 '(mmap|readwrite)' '[a-z0-9]+' 0
	line received data/ahead3 0 inline '[a-z0-9]+' 10
	run ! grep -E 'ahead[123]" [0-9]+ bytes ([1-9]|[0-9]{2,})\.' "$T/log"
}

@test "names that hold newlines, terminal controls, quotation marks and no UTF-8 make no second line, and are told apart" {
	logging "$T/log"
	hostile_names >/dev/null
	run -0 zcp -r "$T/names" 127.0.0.1:data/
	line received 'data/names/a\\x0afake' 1 inline '[a-z0-9]+' 0
	line received 'data/names/\\x1b\[31m' 1 inline '[a-z0-9]+' 0
	line received 'data/names/\\x9b\\xff' 1 inline '[a-z0-9]+' 0
	line received 'data/names/q\\x22 1 bytes' 1 inline '[a-z0-9]+' 0
	line received 'data/names/b\\\\x22' 1 inline '[a-z0-9]+' 0
	lines 5
	run ! grep -aP '[\x00-\x08\x0b-\x1f\x7f-\xff]' "$T/log"
}
hostile_names() {
	/usr/bin/python3 - "$T/names" <<-'P' 3>&-
	import os, sys
	top = os.fsencode(sys.argv[1])
	os.mkdir(top)
	for n in (b'a\nfake', b'\x1b[31m', b'\x9b\xff', b'q" 1 bytes', b'b\\x22'):
	    with open(top + b'/' + n, 'wb') as f:
	        f.write(b'x')
	P
}

@test "the longest path there is stands in one line" {
	logging "$T/log"
	PYTHONDONTWRITEBYTECODE=1 T=$T run -0 timeout 60 /usr/bin/python3 - "$ZCP_TOP/tests/peer" <<-'P' 3>&-
	import sys
	sys.path.insert(0, sys.argv[1])
	import session, client
	c = session.connect(want='sealed')
	path = b'/'.join([b'data'] + [b'\x01' * 255] * 15) + b'/'
	path += b'\x01' * (4095 - len(path))
	assert len(path) == 4095 and isinstance(c.fetch(path)[0], client.Failed)
	c.bye()
	P
	wait_for_line "$T/log" '^.*(\\x01){239,}" 0 bytes .* (3|11)$'
	lines 1
}

@test "several streams write whole lines" {
	logging "$T/log"
	mkdir "$T/d/many"
	for i in {1..200}; do echo "$i" >"$T/d/many/$i"; done
	for i in 1 2 3 4; do
		"$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -r 127.0.0.1:data/many "$T/copy$i" 3>&- &
	done
	wait $(jobs -p | grep -v "^$ZCPD\$")
	lines 800
}

@test "transfer-log = log: among the other lines" {
	logging log
	echo x >"$T/d/f"
	run -0 zcp 127.0.0.1:data/f "$T/f"
	wait_for_line "$T/zcpd.log" '^zcpd: 127\.0\.0\.1:[0-9]+ "the-key" sent "files" "data/f" 2 bytes [0-9]+\.[0-9]{3} s inline [a-z0-9]+ 0$'
}

@test "without transfer-log there is no line for a file" {
	logging none
	echo x >"$T/d/f"
	run -0 zcp 127.0.0.1:data/f "$T/f"
	wait_for_line "$T/zcpd.log" 'complete'
	run ! grep '"data/f"' "$T/zcpd.log"
}

# --- the journal ----------------------------------------------------------------------------------------------------------

# A journal's socket in a mount namespace of zcpd's own, what comes there as one JSON object per line, in $T/journal.out
journal() {
	mkdir "$T/journal"
	cat >"$T/journal.py" <<-'P'
	import json, socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1])
	out = open(sys.argv[2], 'w', buffering=1)
	while True:
	    data, fields = s.recv(1 << 20), {}
	    while data:
	        line, _, rest = data.partition(b'\n')
	        if b'=' in line:
	            name, _, value = line.partition(b'=')
	        else:
	            name, size = line, int.from_bytes(rest[:8], 'little')
	            value, rest = rest[8:8 + size], rest[8 + size + 1:]
	        assert name.decode() not in fields
	        fields[name.decode()] = value.decode('latin-1')
	        data = rest
	    print(json.dumps(fields), file=out)
	P
	/usr/bin/python3 "$T/journal.py" "$T/journal/socket" "$T/journal.out" </dev/null >/dev/null 3>&- 4>&- 2>"$T/journal.err" &
	JOURNAL=$!
	chmod 755 "$T/journal"
	cat >"$T/under" <<-'S'
	#!/bin/bash
	mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind "$1" /run/systemd/journal || exit 9
	export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2)
	shift
	exec "$@"
	S
	chmod +x "$T/under"
	if is_root; then ZCPD_WRAP=(unshare -m "$T/under" "$T/journal"); else ZCPD_WRAP=(unshare -rm "$T/under" "$T/journal"); fi
}
# field NAME of the event whose ZCP_PATH is $1
field() { jq -r --arg p "$1" --arg n "$2" 'select(.ZCP_PATH == $p) | .[$n]' "$T/journal.out"; }

@test "under the journal a transfer is an event with fields, and no byte of a peer's is raw in it" {
	journal
	wait_for_file "$T/journal/socket"
	logging log
	hostile_names
	mkrand "$T/d/large" 3000000
	run -0 zcp --encrypt 127.0.0.1:data/large "$T/large"
	run -0 zcp -r "$T/names" 127.0.0.1:data/
	wait_for_line "$T/journal.out" '"ZCP_PATH": "data/large"'
	wait_for_line "$T/journal.out" 'received 5 files'
	local p=data/large
	assert_equal "$(field $p PRIORITY) $(field $p SYSLOG_IDENTIFIER) $(field $p ZCP_KEY) $(field $p ZCP_VERB) $(field $p ZCP_EXPORT)" "6 zcpd the-key sent files"
	assert_equal "$(field $p ZCP_BYTES) $(field $p ZCP_ENGINE) $(field $p ZCP_STATUS)" "3000000 mmap 0"
	[[ $(field $p ZCP_PEER) =~ ^127\.0\.0\.1:[0-9]+$ ]]
	[[ $(field $p ZCP_SECONDS) =~ ^[0-9]+\.[0-9]{3}$ ]]
	[[ $(field $p ZCP_SUITE) =~ ^(aegis|aes|chacha) ]]
	[[ $(field $p MESSAGE) == *' "the-key" sent "files" "data/large" 3000000 bytes '* ]]
	for p in 'data/names/a\x0afake' 'data/names/\x1b[31m' 'data/names/\x9b\xff' 'data/names/q\x22 1 bytes' 'data/names/b\\x22'; do
		assert_equal "$(field "$p" ZCP_VERB)" received
	done
	assert_equal "$(jq -r 'select(.MESSAGE | test("received 5 files")) | .ZCP_STATUS' "$T/journal.out")" 0
	run ! jq -e 'to_entries[] | .value | select(test("[\u0000-\u001f\u007f-\u00ff]"))' "$T/journal.out"
	# lines without fields go where stderr goes, with their priority
	grep -q '^<6>zcpd: host key' "$T/zcpd.log"
	run ! grep -E 'data/large|received 5 files' "$T/zcpd.log"
}
wait_for_file() {
	/usr/bin/python3 - "$1" <<-'P' 3>&-
	import os, subprocess, sys
	# the directory's changes are waited for; the deadline only bounds a failure
	import select, ctypes
	libc = ctypes.CDLL(None)
	fd = libc.inotify_init1(0)
	libc.inotify_add_watch(fd, os.fsencode(os.path.dirname(sys.argv[1])), 0x100)
	sys.exit(0 if os.path.exists(sys.argv[1]) or select.select([fd], [], [], 30)[0] else 1)
	P
}

@test "a journal that has gone away gets its lines on stderr" {
	journal
	wait_for_file "$T/journal/socket"
	logging log
	kill "$JOURNAL"
	wait "$JOURNAL" || true
	JOURNAL=
	echo x >"$T/d/f"
	run -0 zcp 127.0.0.1:data/f "$T/f"
	wait_for_line "$T/zcpd.log" '^<6>zcpd: .* "the-key" sent "files" "data/f" 2 bytes'
}
