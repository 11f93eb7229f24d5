# reload.bats - a daemon that goes on: reload, drain, sockets handed over, what a service manager is told. The manager is a socket of the test's.
load helpers
setup()    { private_home; umask 022; }
teardown() { zcpd_stop; [ -z "${MANAGER:-}" ] || kill "$MANAGER" 2>/dev/null || :; end_background; }

# config [LINE...]: zcpd.conf with one export, "data"; the lines come before it.
config() {
	mkdir -p "$T/root" "$T/state" "$T/other"
	chmod 700 "$T/state"
	{ printf '%s\n' "$@" 'status-socket = none'; echo "export data { path = \"$T/root\" mode = rw }"; } >"$T/zcpd.conf"
}
key_of() { XDG_CONFIG_HOME=$1 "$ZCP_BUILD/zcp" --public-key 3>&- 2>/dev/null | sed -n "s/^\(zcp-x25519 [^ ]*\).*/\1 $2 write/p"; }
configured() {
	config "$@"
	{ key_of "$T/client" me; key_of "$T/other" other; } >"$T/state/authorized_keys"
	printf works >"$T/root/works"
	ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	export ZCPD T
}
py()    { env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$ZCP_TOP/tests/peer" timeout -k 5 100 /usr/bin/python3 "$@" 3>&- 4>&-; }
crowd() { run py - "$@"; [ "$status" = 0 ] || fail "$output"; }
get()   { rm -f "$T/got"; zcp "127.0.0.1:$1" "$T/got"; }

# a client in the background that does as its script says; it tells by $T/said, and is told by $T/go
begin() {
	mkfifo "$T/said" "$T/go"
	py - "$@" <&0 >"$T/background.out" 2>&1 &
	BACKGROUND=$!
}
said() { local word; read -r -t 60 word <>"$T/said" && [ "$word" = "$1" ] || fail "not \"$1\" but \"$word\": $(cat "$T/background.out")"; }
go()   { echo go >"$T/go"; }
finish() { wait "$BACKGROUND" || fail "$(cat "$T/background.out")"; BACKGROUND=; }
end_background() { [ -z "${BACKGROUND:-}" ] || { kill -9 "$BACKGROUND"; wait "$BACKGROUND"; } 2>/dev/null || :; }

# A service manager: every message a line of $T/notified, its newlines shown as |
manager() {
	mkfifo "$T/managing"
	/usr/bin/python3 - "$T/notify" "$T/notified" "$T/managing" 3>&- 4>&- <<-'P' &
	import os, socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1])
	os.chmod(sys.argv[1], 0o777)
	out = open(sys.argv[2], "a", buffering=1)
	open(sys.argv[3], 'w').write('ready\n')
	while True:
	    print(s.recv(4096).decode().replace('\n', '|'), file=out)
	P
	MANAGER=$!
	read -r _ <"$T/managing"
	export NOTIFY_SOCKET=$T/notify
}
told() { wait_for_line "$T/notified" "$1"; }
hup()  { kill -HUP "$ZCPD"; }

@test "reload: a new export is served, an old one is gone, and a transfer that runs is not touched" {
	configured
	mkrand "$T/root/big" 30000000
	begin <<-'P'
	from crowd import *
	T = os.environ['T']
	c = live()
	c.s.put('FETCH', first=c.next_id(), items=[wire.Item(0, b'data/big')])
	open(T + '/said', 'w').write('begun\n')
	open(T + '/go').read()
	assert c.fetched(c.id) == open(T + '/root/big', 'rb').read()
	assert c.fetch(b'data/works') == [b'works'], 'it keeps the exports it was given'
	c.bye()
	P
	said begun
	mkdir "$T/new"
	echo new >"$T/new/file"
	sed -i "s|^export.*|export fresh { path = \"$T/new\" }|" "$T/zcpd.conf"
	hup
	wait_for_line "$T/zcpd.log" ': reloaded$'
	run -0 get fresh/file
	run -3 get data/works
	go
	finish
	assert_file_contains "$T/zcpd.log" "serving \"$T/new\" as \"fresh\", read-only"
}

@test "reload with a mistake: the old configuration holds, whatever is wrong, and that is said" {
	manager
	configured
	told '^READY=1\|STATUS=0 streams, .*\|MAINPID='
	cp "$T/zcpd.conf" "$T/good"
	local n=0 line
	bad() {
		n=$((n + 1))
		hup
		wait_for_line "$T/notified" "^READY=1\|STATUS=.*; the last reload failed, the old configuration holds: $1"
		[ "$(grep -c '^RELOADING=1|MONOTONIC_USEC=[0-9]*$' "$T/notified")" = "$n" ] || fail "$(cat "$T/notified")"
		assert_equal "$(grep -c 'not reloaded, the old configuration holds' "$T/zcpd.log")" "$n"
		run -0 get data/works
		: >"$T/notified"
		cp "$T/good" "$T/zcpd.conf"
		n=0
		: >"$T/zcpd.log"
	}
	for line in 'nonsense = 1' 'export data {' 'streams = 0' 'export other { path = "/nowhere/at/all" }' 'export again { path = "/" prefix = data }'; do
		echo "$line" >>"$T/zcpd.conf"
		bad 'the configuration has a mistake'
	done
	head -c 40 "$T/good" >"$T/zcpd.conf"
	bad 'the configuration has a mistake'
	rm "$T/zcpd.conf"
	bad 'the configuration has a mistake'
	chmod 666 "$T/zcpd.conf"
	bad 'the configuration has a mistake'
	chmod 644 "$T/zcpd.conf"
	mv "$T/state/host_key" "$T/key"
	bad 'the host key cannot be used'
	assert_not_exists "$T/state/host_key"
	cp -p "$T/key" "$T/state/host_key"
	chmod 640 "$T/state/host_key"
	bad 'the host key cannot be used'
	chmod 600 "$T/state/host_key"
	sed -i '1i transfer-log = "'"$T"'/root"' "$T/zcpd.conf"
	bad 'the transfer log "'"$T"'/root": is a directory'
	sed -i 's|status-socket = none|status-socket = "'"$T"'/good"|' "$T/zcpd.conf"
	bad 'status-socket = "'"$T"'/good": file exists'
	hup
	wait_for_line "$T/zcpd.log" ': reloaded$'
	told '^READY=1\|STATUS=[0-9]+ streams?, [^;]*\|MAINPID='
	run -0 get data/works
}

@test "reload: a confinement that cannot be had any more leaves the old one in force" {
	config
	key_of "$T/client" me >"$T/state/authorized_keys"
	printf works >"$T/root/works"
	# three at a start: what there is, twice, and its rules; the fourth is a reload's
	ZCPD_WRAP=(strace -f -qq -o "$T/trace" -e trace=landlock_create_ruleset -e inject=landlock_create_ruleset:error=EPERM:when=4+)
	ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	local inner
	inner=$(pgrep -P "$ZCPD" -x zcpd)
	assert_file_contains "$T/zcpd.log" 'streams are confined: Landlock ABI'
	kill -HUP "$inner"
	wait_for_line "$T/zcpd.log" 'not reloaded, the old configuration holds: streams cannot be confined'
	run -0 get data/works
	zcpd_stop
	ZCPD_WRAP=()
}

@test "reload: other limits hold for the next client" {
	configured
	sed -i '1i streams = 1' "$T/zcpd.conf"
	hup
	wait_for_line "$T/zcpd.log" ': reloaded$'
	crowd <<-'P'
	from crowd import *
	held = silent()
	assert busy(silent()) and waits(held)
	P
}

@test "reload: log-level counts from then on" {
	configured 'log-level = warn'
	run -0 get data/works
	run ! grep 'me: sent' "$T/zcpd.log"
	sed -i 's/log-level = warn/log-level = debug/' "$T/zcpd.conf"
	hup
	wait_for_line "$T/zcpd.log" ': reloaded$'
	run -0 get data/works
	wait_for_line "$T/zcpd.log" 'me: let in'
}

@test "the stream of a key that was taken out ends at its next request; others live on" {
	configured
	begin "$T/other/zcp/identity" <<-'P'
	import sys
	from crowd import *
	T = os.environ['T']
	gone, stays = live(opening.key_load(sys.argv[1])), live()
	assert gone.fetch(b'data/works') == [b'works']
	open(T + '/said', 'w').write('begun\n')
	open(T + '/go').read()
	got = gone.fetch(b'data/works')[0]
	assert getattr(got, 'fail', (0,))[0] == 40, got
	assert closed(gone.s.sock)
	assert stays.fetch(b'data/works') == [b'works']
	assert refused(opening.key_load(sys.argv[1])) == (40, 16)
	stays.bye()
	P
	said begun
	sed -i '/ other /d' "$T/state/authorized_keys"
	hup
	wait_for_line "$T/zcpd.log" 'its key is not let in any more'
	go
	finish
	assert_equal "$(grep -c 'its key is not let in any more' "$T/zcpd.log")" 1
}

@test "authorized_keys alone, without a reload: the next connection is enough" {
	configured
	begin "$T/other/zcp/identity" <<-'P'
	import sys
	from crowd import *
	T = os.environ['T']
	gone, from_elsewhere = live(opening.key_load(sys.argv[1])), live(source='127.0.0.2')
	open(T + '/said', 'w').write('begun\n')
	open(T + '/go').read()
	live().bye()
	for c in (gone, from_elsewhere):
	    got = c.fetch(b'data/works')[0]
	    assert getattr(got, 'fail', (0,))[0] == 40, got
	P
	said begun
	sed -i -e '/ other /s/$/ expires=2020-01-01/' -e '/ me /s/$/ from=127.0.0.1/' "$T/state/authorized_keys"
	go
	finish
}

@test "reload: a new host key is shown to the next client, with a warning" {
	configured
	mv "$T/state/host_key" "$T/old"
	"$ZCP_BUILD/zcpd" --state "$T/state" --public-key >"$T/new.pub" 2>/dev/null 3>&-
	hup
	wait_for_line "$T/zcpd.log" 'the host key is another one'
	run -42 get data/works
	HOSTKEY=$(awk '{ print $2; exit }' "$T/new.pub")
	run -0 get data/works
}

@test "reload: addresses are opened and closed; one that cannot be had is left for a restart" {
	# --listen would win over the file's
	config 'listen = {"127.0.0.1:0", "127.0.0.2:0"}'
	key_of "$T/client" me >"$T/state/authorized_keys"
	printf works >"$T/root/works"
	"$ZCP_BUILD/zcpd" --state "$T/state" --public-key >"$T/pub" 2>/dev/null 3>&-
	HOSTKEY=$(awk '{ print $2; exit }' "$T/pub")
	manager
	"$ZCP_BUILD/zcpd" --config "$T/zcpd.conf" --state "$T/state" 2>"$T/zcpd.log" 3>&- 4>&- &
	ZCPD=$!
	told '^READY=1'
	PORT=$(sed -n 's/.*listening on 127.0.0.1://p' "$T/zcpd.log")
	local second third
	second=$(sed -n 's/.*listening on 127.0.0.2://p' "$T/zcpd.log")
	export PORT ZCPD HOSTKEY T
	run -0 get data/works
	sed -i 's/^listen.*/listen = {"127.0.0.1:0", "127.0.0.3:0"}/' "$T/zcpd.conf"
	hup
	wait_for_line "$T/zcpd.log" ': reloaded$'
	assert_file_contains "$T/zcpd.log" 'listening on "127.0.0.3:0", too'
	assert_file_contains "$T/zcpd.log" 'not listening on "127.0.0.2:0" any more'
	run -0 get data/works
	run -0 /usr/bin/python3 - "$second" "$ZCPD" <<-'P' 3>&-
	import socket, sys
	try:
	    socket.create_connection(('127.0.0.2', int(sys.argv[1])), 10)
	    sys.exit('still there')
	except ConnectionRefusedError:
	    pass
	P
	sed -i 's/^listen.*/listen = {"127.0.0.1:0", "192.0.2.1:7722"}/' "$T/zcpd.conf"
	hup
	wait_for_line "$T/zcpd.log" 'reloaded; an address to listen on needs a restart'
	told '^READY=1\|STATUS=.*; an address to listen on needs a restart'
	assert_file_contains "$T/zcpd.log" 'cannot listen on 192.0.2.1:7722'
	run -0 get data/works
}

@test "zero configuration: no exports, no keys: it runs, says what to do, and refuses with the right sentence" {
	mkdir -p "$T/state"
	chmod 700 "$T/state"
	echo 'status-socket = none' >"$T/zcpd.conf"
	ZCPD_LISTEN=0.0.0.0:0 ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	export T ZCPD
	assert_file_contains "$T/zcpd.log" 'nothing is served yet: zcpd --add-export'
	assert_file_contains "$T/zcpd.log" "no client is let in yet: there is no \"$T/state/authorized_keys\" (zcpd --add-key)"
	run -40 zcp 127.0.0.1:x "$T/got"
	key_of "$T/client" me >"$T/state/authorized_keys"
	run -3 zcp 127.0.0.1:x "$T/got"
	mkdir "$T/d"
	echo hello >"$T/d/x"
	echo "export d { path = \"$T/d\" }" >>"$T/zcpd.conf"
	hup
	wait_for_line "$T/zcpd.log" ': reloaded$'
	run -0 zcp 127.0.0.1:d/x "$T/got"
}

@test "SIGTERM lets a transfer finish, refuses new clients, tells the manager, and ends" {
	manager
	configured 'drain-timeout = 600'
	mkrand "$T/root/big" 40000000
	begin <<-'P'
	from crowd import *
	T = os.environ['T']
	c = live()
	c.s.put('FETCH', first=c.next_id(), items=[wire.Item(0, b'data/big')])
	open(T + '/said', 'w').write('begun\n')
	open(T + '/go').read()
	assert c.fetched(c.id) == open(T + '/root/big', 'rb').read()
	c.bye()
	P
	said begun
	kill -TERM "$ZCPD"
	told '^STOPPING=1$'
	told '^STATUS=draining, 1 stream, [0-9]+ s left$'
	assert_file_contains "$T/zcpd.log" 'draining, 1 stream live, for at most 600 s'
	run -10 zcp 127.0.0.1:data/works "$T/got"
	go
	finish
	wait_gone "$ZCPD"
	wait "$ZCPD"
	ZCPD=
	assert_equal "$(grep -c '^READY=1' "$T/notified")" 1
	run ! grep 'had to be killed' "$T/zcpd.log"
}

@test "streams that only rest do not hold the end up" {
	configured 'drain-timeout = 86400'
	begin <<-'P'
	from crowd import *
	T = os.environ['T']
	c, s = live(), silent()
	assert c.fetch(b'data/works') == [b'works']
	open(T + '/said', 'w').write('begun\n')
	assert closed(c.s.sock)
	P
	said begun
	kill -TERM "$ZCPD"
	finish
	wait_gone "$ZCPD"
	wait "$ZCPD"
	ZCPD=
}

@test "a drain's time is over, or a second signal comes: what still runs is ended cleanly" {
	local how
	for how in time TERM INT; do
		configured "drain-timeout = $([ $how = time ] && echo 1 || echo 86400)"
		rm -f "$T/said" "$T/go"
		begin <<-'P'
		from crowd import *
		T = os.environ['T']
		c = live()
		c.s.put('OPEN', id=c.next_id(), flags=0, meta=wire.Meta(size=100 << 20), path=b'data/unfinished')
		c.answer(c.id)
		c.s.send_segment(1, 0, bytes(1 << 20))
		open(T + '/said', 'w').write('begun\n')
		assert closed(c.s.sock)
		P
		said begun
		kill -TERM "$ZCPD"
		wait_for_line "$T/zcpd.log" 'draining, 1 stream live'
		[ $how = time ] || kill -$how "$ZCPD"
		finish
		wait_gone "$ZCPD"
		wait "$ZCPD"
		ZCPD=
		no_litter "$T/root"
		assert_not_exists "$T/root/unfinished"
		rm "$T/zcpd.log"
	done
}

@test "Ctrl-C does not drain" {
	configured 'drain-timeout = 86400'
	begin <<-'P'
	from crowd import *
	T = os.environ['T']
	c = live()
	c.s.put('OPEN', id=c.next_id(), flags=0, meta=wire.Meta(size=100 << 20), path=b'data/unfinished')
	c.answer(c.id)
	open(T + '/said', 'w').write('begun\n')
	assert closed(c.s.sock)
	P
	said begun
	kill -INT "$ZCPD"
	finish
	wait_gone "$ZCPD"
	wait "$ZCPD"
	ZCPD=
	no_litter "$T/root"
}

@test "a restart with a socket that was handed over refuses nobody: who comes in between waits, and is served" {
	config 'drain-timeout = 600' 'listen = {"127.0.0.1:1"}'
	key_of "$T/client" me >"$T/state/authorized_keys"
	printf works >"$T/root/works"
	"$ZCP_BUILD/zcpd" --state "$T/state" --public-key >"$T/pub" 2>/dev/null 3>&-
	HOSTKEY=$(awk '{ print $2; exit }' "$T/pub")
	export T HOSTKEY
	crowd <<-'P'
	import subprocess, sys, threading
	import crowd
	from crowd import *
	T = os.environ['T']
	unit = socket.create_server(('127.0.0.1', 0))
	crowd.PORT = unit.getsockname()[1]
	def start():
	    log = open(T + '/handed.log', 'a')
	    def child():
	        os.dup2(unit.fileno(), 3)
	        os.set_inheritable(3, True)
	        os.environ['LISTEN_PID'], os.environ['LISTEN_FDS'], os.environ['LISTEN_FDNAMES'] = str(os.getpid()), '1', 'zcpd.socket'
	        os.execv(harness.BUILD + '/zcpd', ['zcpd', '--config', T + '/zcpd.conf', '--state', T + '/state'])
	    pid = os.fork()
	    if pid == 0:
	        os.dup2(log.fileno(), 2)
	        child()
	    return pid
	def get():
	    s = silent()
	    c = Client(opening.client_open(s, harness.identity(), pin=PIN)).begin()
	    got = c.fetch(b'data/works')[0]
	    c.bye()
	    return got
	first = start()
	assert get() == b'works'
	# one transfer holds the drain up
	held = live()
	held.s.put('OPEN', id=held.next_id(), flags=0, meta=wire.Meta(size=1 << 20), path=b'data/up')
	held.answer(held.id)
	os.kill(first, 15)
	assert until(lambda: 'draining' in open(T + '/handed.log').read())
	waiting = []
	t = threading.Thread(target=lambda: waiting.append(get()))
	t.start()
	held.s.send_segment(1, 0, bytes(1 << 20))
	held.s.sock.close()
	assert os.waitpid(first, 0)[1] == 0
	assert not waiting and t.is_alive(), 'it waits in the backlog'
	second = start()
	t.join(60)
	assert waiting == [b'works'], waiting
	os.kill(second, 15)
	assert os.waitpid(second, 0)[1] == 0
	P
	assert_file_contains "$T/handed.log" 'listening on 127.0.0.1:[0-9]*, handed over'
}

@test "descriptors that are no sockets, or none at all: 10, and which" {
	config
	key_of "$T/client" me >"$T/state/authorized_keys"
	run -10 bash -c 'exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" --config "$1/zcpd.conf" --state "$1/state"' "$ZCP_BUILD/zcpd" "$T"
	assert_output --partial 'descriptor 3, handed over by $LISTEN_FDS, is not a socket'
	run -10 bash -c 'exec 3>&-; LISTEN_PID=$$ LISTEN_FDS=0 exec "$0" --config "$1/zcpd.conf" --state "$1/state"' "$ZCP_BUILD/zcpd" "$T"
	assert_output --partial 'no descriptors'
}

@test "the watchdog is told while the loop turns, at half the period, and what changed in between" {
	manager
	export WATCHDOG_USEC=400000
	configured
	wait_for_line "$T/notified" '^WATCHDOG=1$'
	: >"$T/notified"
	run -0 get data/works
	wait_for_line "$T/notified" '^STATUS=0 streams, 5 B sent, 0 B received$'
	wait_for_line "$T/notified" '^WATCHDOG=1$'
}

@test "a manager that is not there is said once, and zcpd serves" {
	NOTIFY_SOCKET=$T/nobody configured
	run -0 get data/works
	assert_equal "$(grep -c 'NOTIFY_SOCKET cannot be told anything' "$T/zcpd.log")" 1
}

@test "started as root with user: it listens on a low port first, then is that user, for good, in a state directory it was given" {
	need_root
	config 'user = "nobody"' 'listen = {"127.0.0.1:0"}'
	key_of "$T/client" me >"$T/keys"
	printf works >"$T/root/works"
	chmod o+rwx "$T/root"
	local d=$T
	while [ "$d" != / ]; do chmod o+x "$d"; d=$(dirname "$d"); done
	rm -r "$T/state"
	sed -i "1i authorized-keys = \"$T/keys\"" "$T/zcpd.conf"
	mkfifo -m 666 "$T/port"
	"$ZCP_BUILD/zcpd" --config "$T/zcpd.conf" --state "$T/state" --port-file "$T/port" 2>"$T/zcpd.log" 3>&- 4>&- &
	ZCPD=$!
	read_port
	HOSTKEY=$("$ZCP_BUILD/zcpd" --config "$T/zcpd.conf" --state "$T/state" --public-key 2>/dev/null 3>&- | awk '{ print $2; exit }')
	run grep -E '^(Uid|Gid|Groups|CapPrm|CapBnd)' "/proc/$ZCPD/status"
	assert_line --regexp '^Uid:\s+65534\s+65534\s+65534\s+65534$'
	assert_line --regexp '^Gid:\s+65534\s+65534\s+65534\s+65534$'
	assert_line --regexp '^CapPrm:\s+0+$'
	assert_line --regexp '^CapBnd:\s+0+$'
	refute_line --regexp '^Groups:.*\b0\b'
	assert_equal "$(stat -c '%U %a' "$T/state" "$T/state/host_key")" $'nobody 700\nnobody 600'
	run -0 get data/works
	run -0 zcp "$T/zcpd.conf" 127.0.0.1:data/stored
	assert_equal "$(stat -c %U "$T/root/stored")" nobody
	hup
	wait_for_line "$T/zcpd.log" ': reloaded$'
	run -0 get data/works
}

@test "started as root with user: the status socket is that user's, who may ask" {
	need_root
	config 'user = "nobody"' 'listen = {"127.0.0.1:0"}'
	sed -i "s|status-socket = none|status-socket = \"$T/status\" metrics = \"unix:$T/metrics\"|" "$T/zcpd.conf"
	as_user true            # the way to $T is open to others from here on
	rm -r "$T/state"
	mkfifo -m 666 "$T/port"
	"$ZCP_BUILD/zcpd" --config "$T/zcpd.conf" --state "$T/state" --port-file "$T/port" 2>"$T/zcpd.log" 3>&- 4>&- &
	ZCPD=$!
	read_port
	assert_equal "$(stat -c '%U %a' "$T/status" "$T/metrics")" $'nobody 660\nnobody 660'
	run -0 as_user "$ZCP_BUILD/zcpd" --status --status-socket "$T/status"
	assert_output --partial 'streams'
}

@test "started as root with user: directories that are missing above its state become that user's, too" {
	need_root
	config 'user = "nobody"'
	as_user true            # the way to $T is open to others from here on
	run -0 "$ZCP_BUILD/zcpd" --config "$T/zcpd.conf" --state "$T/not/there/yet" --public-key 3>&-
	assert_output --partial 'made a new host key'
	assert_equal "$(stat -c '%U %a' "$T/not" "$T/not/there" "$T/not/there/yet" "$T/not/there/yet/host_key")" $'nobody 700\nnobody 700\nnobody 700\nnobody 600'
}

@test "user: one that is not there, or another without being root: 1, and why" {
	config 'user = "no-such-user-here"'
	run -1 "$ZCP_BUILD/zcpd" --config "$T/zcpd.conf" --state "$T/state" --listen 127.0.0.1:0 3>&-
	assert_output --partial 'no-such-user-here'
	config 'user = "root"'
	chmod 755 "$T/state"
	rm -rf "$T/state"
	mkdir -m 777 "$T/u"
	chmod 644 "$T/zcpd.conf"
	run -1 as_user "$ZCP_BUILD/zcpd" --config "$T/zcpd.conf" --state "$T/u/state" --listen 127.0.0.1:0
	assert_output --partial 'only root can change it'
}

@test "the listener is not dumpable and leaves no core" {
	configured
	run prlimit --pid "$ZCPD" --core --noheadings --output SOFT,HARD
	assert_line --regexp '^ *0 +0$'
	# what is not dumpable belongs to root in /proc
	assert_equal "$(stat -c %u "/proc/$ZCPD/environ")" 0
	is_root || { run ! cat "/proc/$ZCPD/environ"; }
}

# a loopback address that no other test has: its ports are free, which those of 127.0.0.1 are only until somebody else is given them
own_address() { echo "127.$((64 + BASHPID / 65536 % 64)).$((BASHPID / 256 % 256)).$((1 + BASHPID % 254))"; }
scrape() { /usr/bin/python3 - "$1" <<-'P' 3>&-
	import sys, urllib.request
	print(urllib.request.urlopen('http://%s/metrics' % sys.argv[1], timeout=20).read().decode())
	P
}

@test "the metrics process is started again when it dies, moves with a reload, ends with zcpd; what cannot be had leaves the old one" {
	local address one two pid
	address=$(own_address) one=$address:9722 two=$address:9723
	configured "metrics = \"$one\""
	run -0 scrape "$one"
	assert_output --partial 'zcp_streams'
	pid=$(pgrep -P "$ZCPD")
	kill -KILL "$pid"
	wait_for_line "$T/zcpd.log" 'the metrics process ended .*, it is started again in 1 s'
	run -0 scrape "$one"                    # it waits in the backlog
	assert_output --partial 'zcp_reloads_total 0'
	sed -i "s/$one/$two/" "$T/zcpd.conf"
	hup
	wait_for_line "$T/zcpd.log" ': reloaded$'
	run -0 scrape "$two"
	assert_output --partial 'zcp_reloads_total 1'
	run ! scrape "$one"
	pid=$(pgrep -P "$ZCPD")
	sed -i "s/$two/127.0.0.1:$PORT/" "$T/zcpd.conf"
	hup
	wait_for_line "$T/zcpd.log" "not reloaded, .* metrics = .*$PORT\": address already in use"
	run -0 scrape "$two"
	assert_equal "$(pgrep -P "$ZCPD")" "$pid"
	zcpd_stop
	run ! kill -0 "$pid"
}
