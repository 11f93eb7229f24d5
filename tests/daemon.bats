# daemon.bats - zcpd as a process: how it starts, whom it lets in, what its streams may do, how it ends. The client is the scripted one of
# tests/peer, so that nothing here leans on zcp but its identity.
load helpers
setup()    { private_home; umask 022; }
teardown() { zcpd_stop; kill_live; }

# peer COMMAND ARG...: the scripted client with the test's own identity, which must meet this daemon's key.
peer() {
	PYTHONDONTWRITEBYTECODE=1 timeout -k 5 100 /usr/bin/python3 "$ZCP_TOP/tests/peer/client.py" --key "${IDENTITY:-$T/client/zcp/identity}" \
		--pin "$HOSTKEY" --want "${WANT:-sealed}" "$PORT" "$@" 3>&-
}
works() { echo hello >"$ROOT/works"; rm -f "$T/works"; peer get works "$T/works" && cmp "$ROOT/works" "$T/works"; }

# live MODE: a stream that stays: idle | upload (part of a large file sent) | download (part of a large file read). Ends when zcpd ends it.
live() {
	rm -f "$T/live"
	mkfifo "$T/live"
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ZCP_TOP/tests/peer /usr/bin/python3 - "$1" "$PORT" "$T/client/zcp/identity" "${WANT:-sealed}" \
		"$T/live" >"$T/live.out" 2>&1 3>&- 4>&- <<-'P' &
	import signal, sys
	import opening, stream, wire
	from client import Client
	mode, port, key, want, fifo = sys.argv[1:]
	c = Client.connect(int(port), opening.key_load(key), want=want)
	if mode == 'upload':
	    c.s.put('OPEN', id=1, flags=0, meta=wire.Meta(size=100 << 20), path=b'unfinished')
	    c.answer(1)
	    c.s.send_segment(1, 0, bytes(1 << 20))
	if mode == 'receiving':
	    size = 64 << 20
	    c.s.put('OPEN', id=1, flags=0, meta=wire.Meta(size=size + 1), path=b'unfinished')
	    c.answer(1)
	    for at in range(0, size, 4 << 20):
	        c.s.send_segment(1, at, bytes(4 << 20))
	    c.stat(b'')
	if mode == 'download':
	    c.s.put('FETCH', first=1, items=[wire.Item(0, b'big')])
	    stream.recv_exact(c.s.sock, 64 << 20)
	print('ready', file=open(fifo, 'w'))
	if mode == 'download':
	    signal.pause()                      # and reads no more
	c.s.sock.settimeout(None)
	sys.exit(0 if not c.s.sock.recv(1) else 1)
	P
	LIVE=$!
	read -r -t 60 _ <>"$T/live" || fail "no stream: $(cat "$T/live.out")"
	CHILD=$(pgrep -P "$ZCPD" | head -n 1)
}
kill_live() {
	[ -z "${LIVE:-}" ] || { kill -9 "$LIVE"; wait "$LIVE"; } 2>/dev/null || :
	LIVE=
}

# start_fails STATUS WORDS ARG...: zcpd ends by itself with that status, and says these words.
start_fails() {
	local want=$1 words=$2
	shift 2
	run timeout -k 5 20 "$ZCP_BUILD/zcpd" "$@" 3>&-
	[ "$status" = "$want" ] || fail "status $status, not $want: zcpd $*: $output"
	[[ $output == *"$words"* ]] || fail "zcpd $*: no \"$words\" in: $output"
}
served() { start_fails "$1" "$2" --root "$T" --state "$T/state" --listen 127.0.0.1:0 "${@:3}"; }

@test "it says what it serves, its key and where it listens; the port file has the port" {
	zcpd_start
	assert_file_contains "$T/zcpd.log" "listening on 127.0.0.1:$PORT"
	assert_file_contains "$T/zcpd.log" 'host key SHA256:'
	assert_file_contains "$T/zcpd.log" "serving \"$ROOT\", writable"
	works
	wait_for_line "$T/zcpd.log" 'owner: sent 1 file, 6 B, inline; .*: complete'
}

@test "SIGTERM, SIGINT and SIGHUP end it with status 0, an old port file is replaced as a whole" {
	mkdir -p "$T/r"
	local sig status
	for sig in TERM INT HUP; do
		echo "old, and longer than a port" >"$T/portfile"
		"$ZCP_BUILD/zcpd" --root "$T/r" --state "$T/state" --listen 127.0.0.1:0 --port-file "$T/portfile" 2>"$T/log.$sig" 3>&- &
		wait_for_line "$T/log.$sig" 'listening on'
		run cat "$T/portfile"
		assert_output --regexp '^[0-9]+$'
		assert_file_contains "$T/log.$sig" "listening on 127.0.0.1:$output"
		kill -"$sig" $!
		status=0
		wait $! || status=$?
		assert_equal "$status" 0
	done
	run find "$T" -maxdepth 1 -name 'portfile.*'
	assert_output ""
}

# started_with SIGNAL...: ignored by whoever starts zcpd, and blocked besides
started_with() {
	ZCPD_WRAP=(/usr/bin/python3 -c 'import os, signal, sys
names = sys.argv[1].split()
for n in names: signal.signal(getattr(signal, n), signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, n) for n in names])
os.execv(sys.argv[2], sys.argv[2:])' "$*")
}

@test "started by a program that ignores SIGCHLD, SIGALRM and SIGTERM it serves, keeps its deadline, and ends" {
	started_with SIGCHLD SIGALRM SIGTERM
	printf 'status-socket = none\ngreeting-timeout = 1\nexport a { path = "%s" prefix = "" }\n' "$T" >"$T/zcpd.conf"
	ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	wait_for_line "$T/zcpd.log" 'listening on'
	exec 7<>"/dev/tcp/127.0.0.1/$PORT"
	wait_for_line "$T/zcpd.log" 'closed, no handshake and no key within 1 s'
	exec 7>&-
	streams_over || fail "a stream is left"
	ZCPD_WRAP=()
	zcpd_stop
}

@test "under nohup a hangup does not end it; SIGTERM does" {
	started_with SIGHUP
	zcpd_start
	echo works >"$ROOT/works"
	kill -HUP "$ZCPD"
	for _ in 1 2 3; do run -0 zcp 127.0.0.1:works "$T/got"; done
	! grep 'ending' "$T/zcpd.log" || fail "it was ended"
	ZCPD_WRAP=()
	zcpd_stop
}

@test "a FIFO that nobody reads keeps nobody waiting" {
	mkdir -p "$T/r"
	mkfifo "$T/fifo"
	"$ZCP_BUILD/zcpd" --root "$T/r" --state "$T/state" --listen 127.0.0.1:0 --port-file "$T/fifo" 2>"$T/log" 3>&- &
	local pid=$!
	wait_for_line "$T/log" 'listening on'
	kill "$pid"
	wait "$pid"
}

@test "the host key is made once, 0600 in a directory of 0700; --public-key tells it" {
	run -0 --separate-stderr "$ZCP_BUILD/zcpd" --state "$T/a/b/state" --public-key 3>&-
	local first=$output
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[0]} =~ ^zcp-x25519\ [A-Za-z0-9+/]{43}=$ ]]
	[[ ${lines[1]} =~ ^SHA256:[A-Za-z0-9+/]{43}$ ]]
	[[ $stderr == *"made a new host key"* ]]
	assert_equal "$(stat -c %a "$T/a/b/state/host_key" "$T/a/b/state" "$T/a")" $'600\n700\n700'
	run -0 --separate-stderr "$ZCP_BUILD/zcpd" --state "$T/a/b/state" --public-key 3>&-
	assert_equal "$output" "$first"
	refute [ -n "$stderr" ]
}

@test "the state directory: --state, else STATE_DIRECTORY, else the user's own" {
	STATE_DIRECTORY=$T/one:$T/two run -0 "$ZCP_BUILD/zcpd" --public-key 3>&-
	assert_exists "$T/one/host_key"
	assert_not_exists "$T/two"
	STATE_DIRECTORY=$T/one run -0 "$ZCP_BUILD/zcpd" --public-key --state "$T/three" 3>&-
	assert_exists "$T/three/host_key"
	mkdir -m 777 "$T/u"
	run -0 as_user env -u STATE_DIRECTORY XDG_STATE_HOME="$T/u/xdg" "$ZCP_BUILD/zcpd" --public-key
	assert_exists "$T/u/xdg/zcpd/host_key"
	run -0 as_user env -u STATE_DIRECTORY -u XDG_STATE_HOME HOME="$T/u" "$ZCP_BUILD/zcpd" --public-key
	assert_exists "$T/u/.local/state/zcpd/host_key"
}

@test "a host key that others can read or write, or that is no key, is refused and left alone" {
	"$ZCP_BUILD/zcpd" --state "$T/state" --public-key >/dev/null 2>&1 3>&-
	local mode before
	before=$(sha256sum <"$T/state/host_key")
	for mode in 640 604 660 602 644; do
		chmod "$mode" "$T/state/host_key"
		served 1 'host_key" can be read or written by others'
		start_fails 1 'can be read or written by others' --state "$T/state" --public-key
	done
	assert_equal "$(sha256sum <"$T/state/host_key")" "$before"
	chmod 600 "$T/state/host_key"
	local bad
	for bad in "" "nonsense" "zcp-x25519-secret AAAA" "zcp-x25519 $(head -c 32 /dev/urandom | base64)"; do
		printf '%s\n' "$bad" >"$T/state/host_key"
		served 1 'is not a host key'
		assert_equal "$(cat "$T/state/host_key")" "$bad"
	done
	rm "$T/state/host_key"
	mkdir "$T/state/host_key"
	served 1 'host_key'
}

@test "a state directory that others may write in is refused" {
	local mode
	for mode in 770 707 1777; do
		rm -rf "$T/state"
		mkdir "$T/state"
		chmod "$mode" "$T/state"
		served 1 "others may write in"
		assert_not_exists "$T/state/host_key"
	done
	: >"$T/file"
	start_fails 1 '--state' --root "$T" --state "$T/file"
	start_fails 1 '--state' --root "$T" --state "$T/file/below"
}

@test "a root that is missing, a file, or the state directory: 1, and which" {
	: >"$T/file"
	mkdir -p "$T/state/in"
	chmod 700 "$T/state"
	local listen=(--state "$T/state" --listen 127.0.0.1:0)
	start_fails 1 "\"$T/nowhere\": no such file or directory" --root "$T/nowhere" "${listen[@]}"
	start_fails 1 "\"$T/file\": not a directory" --root "$T/file" "${listen[@]}"
	start_fails 1 "lies in the state directory" --root "$T/state" "${listen[@]}"
	start_fails 1 "lies in the state directory" --root "$T/state/in" "${listen[@]}"
	start_fails 1 "nothing to serve" "${listen[@]}"
}

@test "an address in use, or of nobody here: 10, and which" {
	zcpd_start
	start_fails 10 "127.0.0.1:$PORT" --root "$T" --state "$T/state" --listen "127.0.0.1:$PORT"
	start_fails 10 "192.0.2.1:0" --root "$T" --state "$T/state" --listen 192.0.2.1:0
	works
}

@test "options that are none, or say nothing: 1, and which" {
	served 1 '--nonsense: unknown option' --nonsense
	served 1 '-Z: unknown option' -Z
	served 1 'stray' stray
	served 1 '--writable' --writable=yes
	start_fails 1 '--root' --root
	start_fails 1 '--root' --root ""
	served 1 '--root: given twice' --root /
	served 1 '--state: given twice' --state /
	served 1 '--listen' --listen ""
	served 1 '--listen=nonsense' --listen nonsense
	served 1 '--listen=127.0.0.1:' --listen 127.0.0.1:
	served 1 '--listen=127.0.0.1:65536' --listen 127.0.0.1:65536
	served 1 '--listen=127.0.0.1:-1' --listen 127.0.0.1:-1
	served 1 '--listen=127.0.0.1:0x10' --listen 127.0.0.1:0x10
	local v
	for v in "" 0 -1 1.5 010x 0x10 86401 99999999999999999999 " 5" 5s; do
		served 1 "--timeout=$v: must be a number" "--timeout=$v"
	done
	for v in "" MAC no macnone; do
		served 1 "--integrity=$v: must be mac or none" "--integrity=$v"
	done
	for v in "" 10.0.0.0 /8 10.0.0.0/33 10.0.0.0/ 10.0.0/8 fe80::/129 host.example any 10.0.0.0/8,,::1 10.0.0.0/8,; do
		[ "$v" != 10.0.0.0 ] || continue
		served 1 "--plaintext-from=" "--plaintext-from=$v"
	done
	for v in "" aegis rot13 aegis128l, ,; do
		served 1 "--cipher=" "--cipher=$v"
	done
	run -0 "$ZCP_BUILD/zcpd" --help 3>&-
	assert_output --partial --port-file
}

@test "several addresses; clients that come over each are served" {
	zcpd_start --listen '127.0.0.2:0'
	local second
	second=$(sed -n 's/.*listening on 127.0.0.2://p' "$T/zcpd.log")
	works
	run -0 /usr/bin/python3 - "$second" <<-'P'
	import socket, sys
	s = socket.create_connection(('127.0.0.2', int(sys.argv[1])), 10)
	s.sendall(b'x' * 16)
	assert s.recv(100) == b''
	P
}

@test "no authorized_keys and not on loopback: it does not start, and says what to type" {
	start_fails 1 'zcp --public-key' --root "$T" --state "$T/state" --listen 0.0.0.0:0
	assert_output --partial "$T/state/authorized_keys"
	start_fails 1 'zcp --public-key' --root "$T" --state "$T/state" --listen 127.0.0.1:0 --listen '[::]:0'
	start_fails 1 'any' --root "$T" --state "$T/state" --listen 0.0.0.0:0 --authorized-keys any --writable
	"$ZCP_BUILD/zcp" --public-key 3>&- | sed -n 's/^\(zcp-x25519 [^ ]*\).*/\1 me/p' >"$T/state/authorized_keys"
	ZCPD_LISTEN=0.0.0.0:0 zcpd_start
	works
}

@test "--authorized-keys=any lets any key in, read-only off loopback" {
	ZCPD_MODE="--root $T/root" ZCPD_LISTEN=0.0.0.0:0 zcpd_start --authorized-keys any
	mkdir -p "$T/other"
	XDG_CONFIG_HOME=$T/other "$ZCP_BUILD/zcp" --public-key >/dev/null 3>&-
	IDENTITY=$T/other/zcp/identity works
	assert_file_contains "$T/zcpd.log" 'every client is let in'
}

# refused_as WHY: status 40 with that reason (enum why: 16 = this key, 17 = the file)
refused_as() { run peer get works "$T/none"; assert_failure; assert_output --partial "status=40 why=$1"; assert_not_exists "$T/none"; }

@test "only the owner's identity is let in without an authorized_keys; the file, once there, alone counts" {
	zcpd_start
	works
	mkdir -p "$T/other"
	local other
	other=$(XDG_CONFIG_HOME=$T/other "$ZCP_BUILD/zcp" --public-key 3>&- | sed -n 's/^\(zcp-x25519 [^ ]*\).*/\1 other/p')
	IDENTITY=$T/other/zcp/identity refused_as 16
	wait_for_line "$T/zcpd.log" 'refused, key SHA256:'
	printf '# who may come\n\n%s\n' "$other" >"$T/state/authorized_keys"
	IDENTITY=$T/other/zcp/identity works
	wait_for_line "$T/zcpd.log" ' other: sent 1 file'
	refused_as 16
	rm "$T/state/authorized_keys"
	works
}

@test "an authorized_keys with any flaw lets nobody in, says the line, and is read again when put right" {
	zcpd_start --authorized-keys "$T/keys"
	local good key n=0 bad
	refused_as 17
	good=$("$ZCP_BUILD/zcp" --public-key 3>&- | sed -n 's/^\(zcp-x25519 [^ ]*\).*/\1 me/p')
	key=${good#zcp-x25519 }
	key=${key% me}
	for bad in "nonsense" "zcp-x25519" "zcp-x25519 AAAA you" "zcp-x25519 $key you" "zcp-x25519 ${key%=}A you" "$good" "$good read" "$good from=::1" \
		"ssh-ed25519 $key you" "zcp-x25519-secret $key you" $'zcp-x25519 '"$key"$' you\r' $'\e[31m' "\"$good\""; do
		printf '%s\n# fine\n%s\n' "$good" "$bad" >"$T/keys"
		refused_as 17
		n=$((n + 1))
		assert_equal "$(grep -c 'keys" line 3: .* Nobody is let in' "$T/zcpd.log")" "$n"
		printf '%s\n' "$good" >"$T/keys"
		works
	done
	chmod 664 "$T/keys"
	refused_as 17
	chmod 644 "$T/keys"
	works
	mv "$T/keys" "$T/keys2"
	refused_as 17
	ln -s keys2 "$T/keys"
	works
	run ! grep -P '\x1b|\r' "$T/zcpd.log"
}

@test "read-only by default: nothing can be made, replaced or changed" {
	ZCPD_MODE="--root $T/root" zcpd_start
	works
	mkdir "$ROOT/d"
	local before
	before=$(find "$ROOT" -printf '%p %s %m %t %c\n')
	mkrand "$T/big" 3000000
	run ! peer put "$T/client.pub" new
	assert_output --partial "status=4 why=5"
	run ! peer put "$T/big" works
	assert_output --partial "status=4 why=5"
	run ! peer put-tree "$ROOT" tree
	assert_output --partial "status=4 why=5"
	assert_equal "$(find "$ROOT" -printf '%p %s %m %t %c\n')" "$before"
}

# hidden PATH: not there for the peer, whatever it asks, following links or not
hidden() {
	run -0 env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$ZCP_TOP/tests/peer" /usr/bin/python3 - "$1" "$PORT" "$T/client/zcp/identity" <<-'P' 3>&-
	import os, sys
	import opening, wire
	from client import Client, Failed
	path, port, key = os.fsencode(sys.argv[1]), int(sys.argv[2]), opening.key_load(sys.argv[3])
	def asked(f):
	    c = Client.connect(port, key)
	    try:
	        got = f(c)
	        return got.fail if isinstance(got, Failed) else got
	    except Failed as e:
	        return e.fail
	is_link = os.path.islink('/' + sys.argv[1])
	for follow in (0, 1):
	    for f in (lambda c: c.fetch(path, flags=wire.FETCH_FOLLOW * follow)[0], lambda c: c.stat(path, wire.LOOK_FOLLOW * follow),
	              lambda c: c.list(path, wire.LOOK_FOLLOW * follow)):
	        got = asked(f)
	        if is_link and not follow:
	            assert isinstance(got, (wire.Fail, list)) or got.meta.type == 'l', got
	        else:
	            assert got == wire.Fail(3, 1, 2), got
	P
}

@test "--root / cannot give the host key, under whatever name, and nothing can be put beside it" {
	mkdir -p "$T/root"
	ZCPD_MODE="--root / --writable" zcpd_start --authorized-keys "$T/keys"
	"$ZCP_BUILD/zcp" --public-key 3>&- | sed -n 's/^\(zcp-x25519 [^ ]*\).*/\1 me/p' >"$T/keys"
	local at=${T#/} before
	before=$(cat "$T/state/host_key" "$T/keys" | sha256sum)
	assert_file_contains "$T/zcpd.log" 'it is hidden from clients'
	echo hello >"$T/root/plain"
	run -0 peer get "$at/root/plain" "$T/got"
	hidden "$at/state/host_key"
	hidden "$at/state"
	hidden "$at/keys"
	ln -s ../state/host_key "$T/root/soft"
	ln -s ../state "$T/root/dir"
	ln "$T/state/host_key" "$T/root/hard"
	hidden "$at/root/soft"
	hidden "$at/root/dir/host_key"
	hidden "$at/root/hard"
	run -0 peer list "$at"
	refute_output --partial host_key
	refute_output --partial "b'state'"
	refute_output --partial "b'keys'"
	refute_output --partial "b'root/hard'"
	assert_output --partial "b'root/plain'"
	echo planted >"$T/planted"
	local name
	for name in state/new state/host_key state/authorized_keys keys state root/hard; do
		run ! peer put "$T/planted" "$at/$name"
		assert_output --partial "status=3"
	done
	assert_equal "$(cat "$T/state/host_key" "$T/keys" | sha256sum)" "$before"
	run ls -A "$T/state"
	assert_output host_key
}

@test "a stream's process is confined before it reads a byte" {
	zcpd_start
	mkfifo "$T/quiet"
	/usr/bin/python3 - "$PORT" "$T/quiet" 3>&- 4>&- <<-'P' &
	import socket, sys
	s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
	open(sys.argv[2], 'w').write('connected\n')
	s.recv(1)
	P
	read -r _ <"$T/quiet"
	wait_for_child
	confined "$CHILD"
	kill -9 $!
	live idle
	confined "$CHILD"
}
# The child is there when it has entered the sandbox: its limit on descriptors is set on the way.
wait_for_child() {
	/usr/bin/python3 - "$ZCPD" <<-'P' >"$T/child" 3>&- || fail "no confined child"
	import os, sys, time
	end = time.monotonic() + 20
	last = 'Seccomp:\t2' if 'san' not in os.environ['ZCP_BUILD'].rsplit('/', 1)[-1] else 'NoNewPrivs:\t1'
	while time.monotonic() < end:
	    for pid in open('/proc/%s/task/%s/children' % (sys.argv[1], sys.argv[1])).read().split():
	        try:
	            if last in open('/proc/%s/status' % pid).read():
	                print(pid)
	                sys.exit(0)
	        except OSError:
	            pass
	sys.exit(1)
	P
	CHILD=$(cat "$T/child")
}
confined() {
	run cat "/proc/$1/status"
	assert_line --regexp '^NoNewPrivs:\s+1$'
	assert_line --regexp '^CapEff:\s+0+$'
	assert_line --regexp '^CapPrm:\s+0+$'
	assert_line --regexp '^CapAmb:\s+0+$'
	is_san || assert_line --regexp '^Seccomp:\s+2$'
	! is_root || assert_line --regexp '^CapBnd:\s+0+$'
	run prlimit --pid "$1" --nofile --nproc --core --noheadings --output SOFT,HARD
	assert_line --regexp '^ *290 +290$'
	assert_equal "$(grep -cE '^ *0 +0$' <<<"$output")" 2
}

@test "the listener has no capability left" {
	zcpd_start
	run grep -E '^Cap(Prm|Eff|Amb)' "/proc/$ZCPD/status"
	refute_output --regexp '[1-9a-f]$'
}

@test "a stream's process has nothing of the listener's, and its memory is its own alone" {
	zcpd_start
	live idle
	is_root || return 0             # a process that is not dumpable shows its descriptors to root alone
	run bash -c 'ls -l /proc/$0/fd | sed -n "s/.* -> //p" | sort' "$CHILD"
	refute_output --partial signalfd
	refute_output --partial "$T/state"
	assert_equal "$(grep -c socket: <<<"$output")" 1
}

@test "SIGTERM wakes a client that is blocked in sending" {
	zcpd_start --timeout 600
	fallocate -l 1G "$T/big"
	zcp_bg --timeout=600 --encrypt "$T/big" 127.0.0.1:big
	until [ -n "$(find "$ROOT" -name '.zcp-*')" ]; do kill -0 "$ZCP" || fail "$(cat "$T/zcp.err")"; done
	local child
	child=$(pgrep -P "$ZCPD") || fail "no stream"
	kill -STOP "$child"
	kill -TERM "$ZCPD"
	kill -CONT "$child"
	wait_gone "$ZCP" 30 || { kill -9 "$ZCP"; fail "the client still waits"; }
	run -10 wait "$ZCP"
	wait_gone "$ZCPD" && ZCPD=
	[ ! -e "$ROOT/big" ]            # what came of it stays aside, for the same command
}

@test "SIGTERM with live streams: status 0, and nothing unfinished stays" {
	zcpd_start
	live idle
	local idle=$LIVE
	live upload
	run find "$ROOT" -name '.zcp-*'
	[ -n "$output" ] || fail "no aside file of the upload"
	zcpd_stop
	wait "$idle" || fail "the idle stream was not closed"
	wait "$LIVE" || fail "the upload was not closed"
	LIVE=
	no_litter "$ROOT"
	assert_not_exists "$ROOT/unfinished"
	assert_file_contains "$T/zcpd.log" 'zcpd is ending'
	assert_file_contains "$T/zcpd.log" 'ending, 2 streams live'
}

@test "a Ctrl-C that reaches the streams, too, leaves nothing unfinished behind" {
	zcpd_start
	live upload
	kill -INT "$CHILD"
	kill -HUP "$CHILD"
	kill -INT "$ZCPD"
	wait "$LIVE" || fail "the upload was not closed"
	LIVE=
	wait "$ZCPD"
	ZCPD=
	no_litter "$ROOT"
}

@test "a stream on which nothing moves is ended after --timeout" {
	zcpd_start --timeout 1
	live upload
	wait "$LIVE" || fail "the upload was not closed"
	LIVE=
	wait_for_line "$T/zcpd.log" 'has not moved a byte for the whole timeout'
	no_litter "$ROOT"
}

@test "every engine moves files both ways inside the confinement" {
	zcpd_start --plaintext-from 127.0.0.0/8 --integrity=none
	run env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$ZCP_TOP/tests/peer" /usr/bin/python3 - "$PORT" "$T/client/zcp/identity" <<-'P' 3>&-
	import random, sys
	import opening, wire
	from client import Client
	port, key = int(sys.argv[1]), opening.key_load(sys.argv[2])
	SENDFILE, SPLICE, MMAP, READWRITE, DIRECT, NULL = range(1, 7)
	sizes = (0, 1, 70000, 9437189)
	data = {n: random.Random(n).randbytes(n) for n in sizes}
	done = 0
	for want, none in (('sealed', 0), ('auto', 0), ('raw', 0), ('raw', 1)):
	    raw = want != 'sealed'
	    for send in (0, MMAP, READWRITE, DIRECT, NULL) + ((SENDFILE, SPLICE) if raw else ()):
	        for recv in (0, MMAP, READWRITE, DIRECT, NULL) + ((SPLICE,) if none else ()):
	            if send and recv and send != recv and (send, recv) != (SENDFILE, SPLICE):
	                continue
	            c = Client(opening.client_open(opening.connect(port), key, want=want, integrity=none)).begin(send_engine=send, recv_engine=recv)
	            for n in sizes:
	                name = b'%d' % n
	                used = c.store(name, data[n])
	                if n > wire.INLINE_MAX and recv == NULL:
	                    continue
	                got = c.fetch(name)[0]
	                assert got == data[n] or (send == NULL and got == bytes(n)), (want, none, send, recv, n, got)
	                assert n <= wire.INLINE_MAX or recv in (0, used), (want, none, recv, used)
	                done += 1
	            c.setmeta(b'd', wire.Meta('d', 0o700)) if c.mkdir(b'd') else None
	            c.bye()
	print(done)
	P
	[ "$status" = 0 ] && [ "$output" -gt 100 ] || fail "$output"
	run ! grep -E 'may not make|ended by signal' "$T/zcpd.log"
	no_litter "$ROOT"
}

@test "SIGTERM while a stream is blocked in sending: status 0" {
	zcpd_start
	truncate -s 1G "$ROOT/big"
	WANT=sealed live download
	zcpd_stop
	assert_file_contains "$T/zcpd.log" 'zcpd is ending'
}

@test "it goes on serving when a stream's process is killed" {
	zcpd_start
	live upload
	kill -9 "$CHILD"
	wait "$LIVE" || :
	LIVE=
	wait_for_line "$T/zcpd.log" 'ended by signal 9 \(SIGKILL\)'
	works
}

@test "a peer that speaks something else gets nothing, is named in the log, and harms nobody" {
	zcpd_start
	run -0 /usr/bin/python3 - "$PORT" <<-'P'
	import random, socket, sys
	said = [b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'SSH-2.0-OpenSSH_9.2\r\n', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(200),
	        random.Random(1).randbytes(4096), bytes(4096), b'\x1b[31mred\x07' + b'x' * 50, b'\x7a\x63\x70\x0d\x0a\x1a\x0a\x00\x02\x01' + bytes(60),
	        b'\x7a\x63\x70\x0d\x0a\x1a\x0a\x00\x01\x02' + bytes(60), b'x', b'']
	for words in said:
	    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10)
	    s.settimeout(20)
	    try:                                # zcpd may have closed before all of it was said
	        s.sendall(words)
	        s.shutdown(socket.SHUT_WR)
	        got = s.recv(100)
	    except socket.timeout:
	        raise
	    except OSError:
	        got = b''
	    assert got == b'', (words, got)
	P
	wait_for_line "$T/zcpd.log" 'not a zcp, it began with "GET / HTTP/1.1'
	wait_for_line "$T/zcpd.log" 'not a zcp, it began with "SSH-2.0-Op'
	wait_for_line "$T/zcpd.log" '\\x1b\[31mred\\x07'
	run ! grep -P '\x1b' "$T/zcpd.log"
	works
}

@test "a peer that says nothing, or a byte now and then, is closed after 10 seconds" {
	zcpd_start
	run -0 /usr/bin/python3 - "$PORT" <<-'P'
	import select, socket, sys, time
	a, b = (socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10) for _ in 'ab')
	began, preface = time.monotonic(), iter(bytes.fromhex('7a63700d0a1a0a000101'))
	open_ = {a, b}
	while open_ and time.monotonic() < began + 30:
	    for s in select.select(list(open_), [], [], 1.5)[0]:
	        try:
	            assert s.recv(1) == b''
	        except ConnectionResetError:
	            pass
	        open_.discard(s)
	    if b in open_:
	        b.sendall(bytes([next(preface)]))
	assert not open_ and 8 < time.monotonic() - began < 25, time.monotonic() - began
	P
	wait_for_line "$T/zcpd.log" 'no handshake and no key within 10 s'
	works
}

@test "a log that nobody reads keeps no client waiting; what was lost is said when it is read again" {
	local log
	mkfifo "$T/log"
	exec {log}<>"$T/log"
	/usr/bin/python3 -c 'import fcntl, sys; fcntl.fcntl(int(sys.argv[1]), 1031, 4096)' "$log" 3>&-       # F_SETPIPE_SZ: a page
	head -c 4096 /dev/zero >&"$log"
	ZCPD_WRAP=(sh -c 'exec "$@" 2>"$0"' "$T/log")
	zcpd_start -v
	ZCPD_WRAP=()
	echo x >"$ROOT/f"
	for _ in 1 2 3; do run -0 zcp 127.0.0.1:f "$T/f"; done
	cat <&"$log" >"$T/read" 3>&- &
	local reader=$!
	wait_for_line "$T/read" '\x00'          # it has begun: there is room
	run -0 zcp 127.0.0.1:f "$T/f"
	kill "$ZCPD"
	wait_gone "$ZCPD"
	wait_for_line "$T/read" 'zcpd: [0-9]* lines were lost: nobody read this log$'
	kill "$reader"
	exec {log}>&-
	ZCPD=
	assert_file_contains "$T/read" 'complete'
}

@test "out of descriptors it waits without spinning, says so once, and goes on" {
	need_root       # to see which descriptors zcpd has
	zcpd_start
	local used
	used=$(/usr/bin/python3 -c "import os; print(min(set(range(99)) - set(map(int, os.listdir('/proc/$ZCPD/fd')))))")
	prlimit --pid "$ZCPD" --nofile="$used:"         # the next number it would get
	/usr/bin/python3 - "$PORT" "$T/late" 3>&- 4>&- <<-'P' &
	import socket, sys
	s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
	s.sendall(b'GET /' + bytes(60))
	try:
	    s.recv(1)
	except ConnectionResetError:
	    pass
	open(sys.argv[2], 'w').write('closed')
	P
	local late=$!
	wait_for_line "$T/zcpd.log" 'cannot accept for a moment'
	prlimit --pid "$ZCPD" --nofile="1024:"
	wait "$late"
	works
	assert_equal "$(grep -c 'cannot accept for a moment' "$T/zcpd.log")" 1
}

@test "without room for one more process the peer is told \"busy\"" {
	mkdir -m 777 "$T/u"
	as_user bash -c 'echo $$ >"$1/pid"; exec "$2" --root "$1" --state "$1/state" --listen 127.0.0.1:0' - "$T/u" "$ZCP_BUILD/zcpd" 2>"$T/busy.log" 4>&- &
	local shell=$! pid port
	wait_for_line "$T/busy.log" 'listening on'
	pid=$(cat "$T/u/pid")
	as_user prlimit --pid "$pid" --nproc=1:1        # an ordinary user's limit on processes; root has none
	port=$(sed -n 's/.*listening on 127.0.0.1://p' "$T/busy.log")
	run -0 /usr/bin/python3 - "$port" <<-'P'
	import socket, sys
	s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10)
	s.sendall(bytes.fromhex('7a63700d0a1a0a000101') + bytes(6) + b'\x20\0' + bytes(32))
	got = b''
	while len(got) < 16:
	    got += s.recv(16 - len(got)) or sys.exit('cut after %r' % got)
	assert got == b'zcp busy\r\n' + bytes(6) and s.recv(1) == b'', got
	P
	kill "$pid"
	wait "$shell"
	assert_file_contains "$T/busy.log" 'told to come back later'
}

@test "RssAnon of a stream's process stays within 8 MiB, sending and receiving, encrypted and plain" {
	local most=8192
	! is_san || most=262144         # with a sanitizer's shadow
	zcpd_start
	truncate -s 1G "$ROOT/big"
	local want mode
	for want in sealed auto; do
		for mode in download receiving; do
			WANT=$want live "$mode"
			run rss_anon_kb "$CHILD"
			assert [ "$output" -le "$most" ]
			kill_live
			wait_gone "$CHILD"
		done
	done
	run rss_anon_kb "$ZCPD"
	assert [ "$output" -le "$most" ]
}
