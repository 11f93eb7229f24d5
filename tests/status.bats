# status.bats - the exit statuses of the contract, one test each, and which one wins: one test per line of the rule.
load helpers

setup() { export T=$BATS_TEST_TMPDIR; OTHERS=(); }
teardown() {
	local p
	for p in "${OTHERS[@]}"; do kill "$p" 2>/dev/null || true; done
	zcpd_stop
}

served() { zcpd_start --plaintext-from 127.0.0.0/8 "$@"; mkrand "$ROOT/f" 3000; mkrand "$ROOT/big" 6000000; }
# gate DOWN|UP WHAT [FILE...]: a relay before the daemon that does something (tests/peer/gate.py). Its port in GATE.
gate() {
	mkfifo "$T/gate.$#"
	/usr/bin/python3 "$ZCP_TOP/tests/peer/gate.py" "$PORT" "$1" "$T/gate.$#" "${@:2}" >/dev/null 2>"$T/gate.err" </dev/null 3>&- 4>&- &
	OTHERS+=($!)
	read -r GATE <"$T/gate.$#"
}
# fake PYTHON: a listener on loopback, `s` an accepted connection; its port in FAKE.
fake() {
	mkfifo "$T/fake"
	/usr/bin/python3 - "$T/fake" >/dev/null 2>"$T/fake.err" 3>&- 4>&- <<-P &
	import socket, sys
	l = socket.create_server(('127.0.0.1', 0))
	open(sys.argv[1], 'w').write('%d\n' % l.getsockname()[1])
	kept = []
	while True:
	    s, _ = l.accept()
	    kept.append(s)
	    $1
	P
	OTHERS+=($!)
	read -r FAKE <"$T/fake"
}
pin() { HOSTKEY=$("$ZCP_BUILD/zcpd" --state "$T/pin" --public-key 3>&- | sed -n 's/^zcp-x25519 \([^ ]*\).*/\1/p'); }
# at PORT ARG...: the client, pinned, towards another port
at() { zcp_raw --host-key="$HOSTKEY" -P "$@"; }

@test "0: all was copied" {
	served
	run -0 zcp 127.0.0.1:f "$T/f"
	cmp "$ROOT/f" "$T/f"
	run -0 zcp "$T/f" 127.0.0.1:up
	cmp "$ROOT/f" "$ROOT/up"
}

@test "1: usage" {
	private_home
	run -1 zcp_raw
	run -1 zcp_raw --no-such-option a b
	assert_output --partial no-such-option
	run -1 zcp_raw -P 0 127.0.0.1:f "$T/f"
	run -1 zcp_raw -P 70000 127.0.0.1:f "$T/f"
	run -1 zcp_raw :f "$T/f"
}

@test "2: the peer does not speak zcp" {
	private_home
	pin
	fake "s.sendall(b'HTTP/1.1 400 Bad Request' + bytes(2000)); s.close()"
	run at "$FAKE" 127.0.0.1:f "$T/f"
	assert_failure 2
	assert_file_not_exists "$T/f"
}

@test "3: no such file, here or there" {
	served
	run -3 zcp 127.0.0.1:nothing "$T/f"
	assert_output --partial nothing
	run -3 zcp "$T/nothing" 127.0.0.1:
	assert_output --partial nothing
	run -3 zcp 127.0.0.1:f "$T/missing/"
	assert_file_not_exists "$T/missing"
}

@test "4: not possible as asked" {
	served
	run -4 zcp --engine=sendfile --encrypt 127.0.0.1:f "$T/f"
	assert_output --partial 'libsodium never sees the bytes'
	run -4 zcp --engine=sendfile --encrypt "$ROOT/f" 127.0.0.1:up
	assert_output --partial 'libsodium never sees the bytes'
	zcpd_stop
	ZCPD=
	zcpd_start --plaintext-from none
	run -4 zcp --plaintext 127.0.0.1:f "$T/f"
	assert_file_not_exists "$T/f"
}

@test "10: nobody listens there" {
	served
	zcpd_stop
	run -10 zcp 127.0.0.1:f "$T/f"
	assert_output --partial "$PORT"
	assert_file_not_exists "$T/f"
}

@test "10: the other side goes away in the middle" {
	private_home
	pin
	fake "s.close()"
	run -10 at "$FAKE" 127.0.0.1:f "$T/f"
	assert_file_not_exists "$T/f"
}

@test "11: a file cannot be written, or read" {
	served
	chmod 000 "$ROOT/f"
	run -11 zcp 127.0.0.1:f "$T/f"
	assert_output --partial 'permission denied'
	chmod 644 "$ROOT/f"
	run -11 strace -f -qq -o /dev/null -e trace=linkat,renameat2 -e inject=linkat,renameat2:error=EIO "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:f "$T/f" 3>&-
	assert_file_not_exists "$T/f"
	no_litter "$T"
}

@test "20: interrupted (SIGINT, SIGTERM)" {
	served
	export ZCPD
	run -0 /usr/bin/python3 "$ZCP_TOP/tests/peer/faults.py" interrupt down 3>&-
	assert_output --partial 'status 20'
}

@test "23: some were not copied, the rest was" {
	served
	run -23 zcp 127.0.0.1:f 127.0.0.1:nothing 127.0.0.1:big "$T/"
	cmp "$ROOT/f" "$T/f"
	cmp "$ROOT/big" "$T/big"
	mkdir "$ROOT/up"
	run -23 zcp "$ROOT/f" "$T/nothing" 127.0.0.1:up/
	cmp "$ROOT/f" "$ROOT/up/f"
}

@test "24: the source changes all the time" {
	served
	gate down touch "$ROOT/big"
	run -24 at "$GATE" 127.0.0.1:big "$T/big"
	assert_file_not_exists "$T/big"
	no_litter "$T"
}

@test "30: the other side says nothing any more" {
	private_home
	pin
	fake "pass"
	run -30 at "$FAKE" --timeout=1 127.0.0.1:f "$T/f"
	assert_file_not_exists "$T/f"
}

@test "35: no connection within the time" {
	private_home
	pin
	# a listener whose queue is full takes no more: connecting waits
	mkfifo "$T/fake"
	/usr/bin/python3 - "$T/fake" >/dev/null 2>&1 3>&- 4>&- <<-'P' &
	import select, socket, sys
	l = socket.socket()
	l.bind(('127.0.0.1', 0))
	l.listen(0)
	kept = []
	for _ in range(8):
	    s = socket.socket()
	    s.setblocking(False)
	    s.connect_ex(l.getsockname())
	    kept.append(s)
	open(sys.argv[1], 'w').write('%d\n' % l.getsockname()[1])
	select.select([], [], [])
	P
	OTHERS+=($!)
	read -r FAKE <"$T/fake"
	run -35 at "$FAKE" --contimeout=1 127.0.0.1:f "$T/f"
}

@test "40: this client is not let in" {
	: >"$BATS_TEST_TMPDIR/nobody"
	served --authorized-keys "$T/nobody"
	run -40 zcp 127.0.0.1:f "$T/f"
	assert_output --partial authori
	assert_file_not_exists "$T/f"
	run -40 zcp "$ROOT/f" 127.0.0.1:up
	assert_file_not_exists "$ROOT/up"
}

@test "41: the host is not known, and nobody can be asked" {
	served
	run -41 zcp_raw -P "$PORT" 127.0.0.1:f "$T/f" </dev/null
	assert_file_not_exists "$T/f"
}

@test "42: the host shows another key than before" {
	served
	run -0 zcp_raw --accept-new -P "$PORT" 127.0.0.1:f "$T/f"
	rm "$T/f"
	zcpd_stop
	rm -r "$T/state"
	local known=$PORT
	ZCPD_LISTEN=127.0.0.1:$known zcpd_start
	assert_equal "$PORT" "$known"
	run -42 zcp_raw -P "$PORT" 127.0.0.1:f "$T/f"
	run -42 zcp_raw --accept-new -P "$PORT" 127.0.0.1:f "$T/f"
	assert_file_not_exists "$T/f"
}

@test "43: damaged again and again on the way" {
	served
	gate down flip
	for o in --plaintext --encrypt; do
		run -43 at "$GATE" $o 127.0.0.1:big "$T/big"
		assert_file_not_exists "$T/big"
		no_litter "$T"
	done
}

enospc() { strace -f -qq -o /dev/null -e trace=pwrite64 -e inject=pwrite64:error=ENOSPC "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" "$@" 3>&-; }
@test "44: no space" {
	served
	run -44 enospc --engine=auto,readwrite 127.0.0.1:big "$T/big"
	assert_file_not_exists "$T/big"
	no_litter "$T"
}

@test "45: something else stands there" {
	served
	mkdir "$T/d" "$ROOT/d"
	mkdir "$T/d/f" "$ROOT/d/f"
	run -45 zcp 127.0.0.1:f "$T/d/"
	assert_output --partial 'd/f'
	run -45 zcp "$ROOT/f" 127.0.0.1:d/
	[ -d "$T/d/f" ]
	[ -d "$ROOT/d/f" ]
}

@test "46: busy" {
	private_home
	pin
	fake "s.sendall(b'zcp busy\\r\\n' + bytes(6)); s.shutdown(socket.SHUT_WR)"
	run -46 at "$FAKE" 127.0.0.1:f "$T/f"
	assert_file_not_exists "$T/f"
}

# which one wins
@test "1 comes before what else is wrong" {
	served
	mkdir "$T/a" "$T/b" "$ROOT/x"
	touch "$T/a/x" "$T/b/x"
	run -1 zcp "$T/nothing" "$T/a/x" "$T/b/x" 127.0.0.1:x
	assert_equal "$(ls -A "$ROOT/x")" ''
	run -1 zcp_raw --no-such-option 127.0.0.1:nothing "$T/missing/"
}

@test "20 comes before the connection's end" {
	private_home
	pin
	fake "pass"
	zcp_bg_at() { "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$FAKE" 127.0.0.1:f "$T/f" >"$T/zcp.out" 2>"$T/zcp.err" </dev/null 3>&- 4>&- & ZCP=$!; }
	zcp_bg_at
	# connected: the listener has it, so zcp's handlers have been there for long
	/usr/bin/python3 - "$FAKE" <<-'P' 3>&-
	import sys
	want = '%04X' % int(sys.argv[1])
	for _ in range(2000000):
	    if any(l.split()[2].endswith(':' + want) and l.split()[3] == '01' for l in open('/proc/net/tcp').readlines()[1:]):
	        sys.exit(0)
	sys.exit(1)
	P
	kill -TERM "$ZCP"      # a shell starts its background with SIGINT ignored
	local status=0
	wait "$ZCP" || status=$?
	assert_equal "$status" 20
}

@test "42 comes before 40" {
	: >"$BATS_TEST_TMPDIR/nobody"
	served
	run -0 zcp_raw --accept-new -P "$PORT" 127.0.0.1:f "$T/f"
	zcpd_stop
	rm -r "$T/state"
	ZCPD_LISTEN=127.0.0.1:$PORT zcpd_start --authorized-keys "$T/nobody"
	run -42 zcp_raw -P "$PORT" 127.0.0.1:f "$T/f"
}

@test "41 comes before 40" {
	: >"$BATS_TEST_TMPDIR/nobody"
	served --authorized-keys "$T/nobody"
	run -41 zcp_raw -P "$PORT" 127.0.0.1:f "$T/f" </dev/null
}

@test "40 comes before what would be missing" {
	: >"$BATS_TEST_TMPDIR/nobody"
	served --authorized-keys "$T/nobody"
	run -40 zcp 127.0.0.1:nothing 127.0.0.1:neither "$T/"
}

@test "the connection's end comes before the files' failures" {
	served
	/usr/bin/python3 - "$ROOT/big" <<-'P' 3>&-
	import sys
	sys.path.insert(0, __import__('os').environ['ZCP_TOP'] + '/tests/peer')
	import harness, relay, os
	with relay.Relay(int(os.environ['PORT']), 'cut:s2c:2000000:rst') as r:
	    result = harness.zcp('127.0.0.1:nothing', '127.0.0.1:big', os.environ['T'] + '/', port=r.port)
	print(result)
	sys.exit(0 if result.status == 10 else 1)
	P
	assert_file_not_exists "$T/big"
}

@test "43 comes before the files' failures" {
	served
	gate down flip
	run -43 at "$GATE" --plaintext 127.0.0.1:nothing 127.0.0.1:big "$T/"
	assert_file_not_exists "$T/big"
}

@test "one file was asked for: its own status" {
	served
	run -3 zcp 127.0.0.1:nothing "$T/f"
	run -44 enospc --engine=auto,readwrite 127.0.0.1:big "$T/f"
	mkdir "$T/d"
	mkdir "$T/d/f"
	run -45 zcp 127.0.0.1:f "$T/d"
}

@test "all failures are 24: 24" {
	served
	cp "$ROOT/big" "$ROOT/big2"
	gate down touch "$ROOT/big" "$ROOT/big2"
	run -24 at "$GATE" 127.0.0.1:f 127.0.0.1:big 127.0.0.1:big2 "$T/"
	cmp "$ROOT/f" "$T/f"
	assert_file_not_exists "$T/big"
	assert_file_not_exists "$T/big2"
}

@test "24 and another failure: 23" {
	served
	gate down touch "$ROOT/big"
	run -23 at "$GATE" 127.0.0.1:nothing 127.0.0.1:big "$T/"
}

@test "a failure for space among others: 44" {
	served
	run -44 enospc --engine=auto,readwrite 127.0.0.1:nothing 127.0.0.1:big 127.0.0.1:f "$T/"
	cmp "$ROOT/f" "$T/f"
}

@test "else: 23" {
	served
	run -23 zcp 127.0.0.1:nothing 127.0.0.1:neither "$T/"
}

# zcpd's own
@test "zcpd: 0 at the end by SIGTERM, and for --version" {
	served
	kill "$ZCPD"
	wait "$ZCPD"
	ZCPD=
	run -0 "$ZCP_BUILD/zcpd" --version
}

@test "zcpd: 1 for what is wrong with its configuration" {
	private_home
	run -1 "$ZCP_BUILD/zcpd"
	run -1 "$ZCP_BUILD/zcpd" --root "$T/nothing" --state "$T/state" --listen 127.0.0.1:0
	run -1 "$ZCP_BUILD/zcpd" --no-such-option
}

@test "zcpd: 10 when it cannot listen" {
	served
	run -10 timeout 20 "$ZCP_BUILD/zcpd" --root "$ROOT" --state "$T/state2" --listen "127.0.0.1:$PORT"
	assert_output --partial "$PORT"
}
