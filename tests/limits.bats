# limits.bats - how many, of whom, and who must wait: every limit is reached and left again, by scripted clients that stay as long as they are told.
load helpers
setup()    { private_home; umask 022; }
teardown() { zcpd_stop; }

# limited LINE...: a daemon with these lines in its configuration, two keys that may write, and a file "works".
limited() {
	mkdir -p "$T/root" "$T/state" "$T/other"
	chmod 700 "$T/state"
	{
		printf '%s\n' "$@"
		echo 'status-socket = none'
		echo "export data { path = \"$T/root\" prefix = \"\" mode = rw }"
	} >"$T/zcpd.conf"
	{
		"$ZCP_BUILD/zcp" --public-key 3>&- 2>/dev/null | sed -n 's/^\(zcp-x25519 [^ ]*\).*/\1 me write/p'
		XDG_CONFIG_HOME=$T/other "$ZCP_BUILD/zcp" --public-key 3>&- 2>/dev/null | sed -n 's/^\(zcp-x25519 [^ ]*\).*/\1 other write/p'
	} >"$T/state/authorized_keys"
	printf works >"$T/root/works"
	ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	export ZCPD T
}
# the signal of a crash; sanitizers make a report of their own out of the other
CRASH=$(is_san && echo SIGABRT || echo SIGSEGV)
crowd() { run env CRASH="$CRASH" PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$ZCP_TOP/tests/peer" timeout -k 5 100 /usr/bin/python3 - "$@" 3>&-; [ "$status" = 0 ] || fail "$output"; }

@test "streams: one more than there may be is told to come back later, and is let in when one has gone" {
	limited 'streams = 3'
	crowd <<-'P'
	from crowd import *
	held = [silent() for _ in range(3)]
	assert busy(silent())
	assert all(waits(s) for s in held)
	held.pop().close()
	assert until(works)
	assert until(lambda: len(children(int(os.environ['ZCPD']))) == 2)
	again = silent()
	assert busy(silent()) and waits(again)
	P
	assert_file_contains "$T/zcpd.log" 'come back later: 127.0.0.1:[0-9]*: as many as there may be are live'
	# and zcp says so, with its own status
	run env PYTHONPATH="$ZCP_TOP/tests/peer" PYTHONDONTWRITEBYTECODE=1 timeout 60 /usr/bin/python3 - <<-'P' 3>&-
	from crowd import *
	assert until(lambda: not children(int(os.environ['ZCPD'])))
	held = [silent() for _ in range(3)]
	assert busy(silent())
	r = harness.zcp('127.0.0.1:works', os.environ['T'] + '/got')
	assert r.status == 46, r
	P
	assert_success
}

@test "streams-per-source: of one address; another address is not touched by it" {
	limited 'streams-per-source = 2'
	crowd <<-'P'
	from crowd import *
	held = [silent('127.0.0.1') for _ in range(2)]
	assert busy(silent('127.0.0.1'))
	assert works('127.0.0.2') and works('127.0.0.3')
	other = [silent('127.0.0.2') for _ in range(2)]
	assert busy(silent('127.0.0.2')) and busy(silent('127.0.0.1'))
	assert all(waits(s) for s in held + other)
	held[0].close()
	assert until(works)
	P
	assert_file_contains "$T/zcpd.log" 'as many as its network may have are live'
}

@test "streams-per-key: of one key, from wherever; another key is not touched by it" {
	limited 'streams-per-key = 2'
	crowd "$T/other/zcp/identity" <<-'P'
	import sys
	from crowd import *
	other = opening.key_load(sys.argv[1])
	a, b = live(), live(source='127.0.0.2')
	assert refused() == (46, 29)
	assert refused(source='127.0.0.3')[0] == 46
	c, d = live(other), live(other)
	assert refused(other)[0] == 46
	assert a.fetch(b'works') == [b'works'] and d.fetch(b'works') == [b'works']
	b.bye()
	assert until(lambda: refused() is None)
	assert refused(other)[0] == 46
	# being told so is no offence, and leaves no stream behind
	c.bye(), d.bye(), a.bye()
	assert until(lambda: not children(int(os.environ['ZCPD'])))
	P
}

@test "max-startups: those who have not shown a key crowd out each other, never the ones who have" {
	limited 'max-startups = "2:100:2"'
	crowd <<-'P'
	from crowd import *
	known = [live() for _ in range(4)]
	held = [silent() for _ in range(2)]
	assert busy(silent()) and busy(silent('127.0.0.9'))
	assert all(c.fetch(b'works') == [b'works'] for c in known)
	held[1].close()
	assert until(works)
	assert waits(held[0])
	P
	assert_file_contains "$T/zcpd.log" 'too many have not authenticated yet'
}

@test "max-startups drops at random between start and full: some, not all" {
	limited 'max-startups = "1:50:1000"' 'streams = 1024' 'streams-per-source = 1024'
	crowd <<-'P'
	from crowd import *
	held, told = [silent()], 0
	last = None
	for _ in range(60):
	    s = silent()
	    held.append(s)
	# they are taken in their order: when one more has been served or told, all before it have
	assert until(lambda: works())
	told = sum(not waits(s) and busy(s) for s in held)
	assert waits(held[0]) and 5 < told < 56, told
	P
}

@test "short of descriptors: a client is told to come back later, and live streams stay though the keys cannot be read for a moment" {
	need_root       # to see which descriptors zcpd has
	limited
	crowd <<-'P'
	import os, resource, time
	from crowd import *
	zcpd, log = int(os.environ['ZCPD']), os.environ['T'] + '/zcpd.log'
	c = live()
	assert c.fetch(b'works') == [b'works']
	limit = resource.prlimit(zcpd, resource.RLIMIT_NOFILE)
	have = set(map(int, os.listdir('/proc/%d/fd' % zcpd)))
	first = min(set(range(999)) - have)
	resource.prlimit(zcpd, resource.RLIMIT_NOFILE, (first + 1, limit[1]))   # one more: the client's socket
	assert busy(silent())
	assert b'no more processes or descriptors can be had' in open(log, 'rb').read()
	resource.prlimit(zcpd, resource.RLIMIT_NOFILE, (first, limit[1]))
	with open(os.environ['T'] + '/state/authorized_keys', 'a') as f:
	    f.write('# nothing new\n')
	assert until(lambda: b'Nobody is let in until' in open(log, 'rb').read())
	assert c.fetch(b'works') == [b'works'], 'the live stream'
	resource.prlimit(zcpd, resource.RLIMIT_NOFILE, limit)
	assert until(works)
	assert c.fetch(b'works') == [b'works']
	assert b'not let in any more' not in open(log, 'rb').read()
	c.bye()
	P
}

@test "a flood of refused clients is a few lines in the log" {
	limited 'streams = 1'
	crowd <<-'P'
	from crowd import *
	held = silent()
	assert all(busy(silent()) for _ in range(200))
	assert waits(held)
	P
	[ "$(grep -c 'come back later' "$T/zcpd.log")" -lt 10 ] || fail "$(grep -c 'come back later' "$T/zcpd.log") lines"
}

@test "a key that is not let in: its network waits, others do not" {
	limited 'penalty-exempt = {"192.0.2.0/24"}' 'penalty-refused = 600'
	mkdir -p "$T/third"
	XDG_CONFIG_HOME=$T/third "$ZCP_BUILD/zcp" --public-key >/dev/null 2>&1 3>&-
	crowd "$T/third/zcp/identity" <<-'P'
	import sys
	from crowd import *
	assert works()
	kept = live()
	assert refused(opening.key_load(sys.argv[1])) == (40, 16)
	assert until(lambda: busy(silent()))
	assert not works() and works('127.0.0.2')
	assert kept.fetch(b'works') == [b'works'], 'a stream that lives is not touched'
	P
	assert_file_contains "$T/zcpd.log" 'its network is not let in for 600 s'
	assert_file_contains "$T/zcpd.log" 'its network failed before and has to wait'
}

@test "what is no zcp is penalised; who only looks, and goes, is not" {
	limited 'penalty-exempt = {"192.0.2.0/24"}' 'penalty-refused = 600'
	crowd <<-'P'
	from crowd import *
	silent('127.0.0.4').close()
	s = silent('127.0.0.4')
	s.sendall(opening.PREFACE[:7])
	s.close()
	assert until(lambda: not children(int(os.environ['ZCPD'])))
	assert works('127.0.0.4')
	s = silent('127.0.0.5')
	s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n' + bytes(64))
	assert closed(s)
	assert until(lambda: not works('127.0.0.5'))
	assert works('127.0.0.4') and works('127.0.0.6')
	P
}

@test "loopback is exempt by default: failing costs it nothing" {
	limited
	crowd <<-'P'
	from crowd import *
	for _ in range(20):
	    s = silent()
	    s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n' + bytes(64))
	    assert closed(s)
	assert until(lambda: not children(int(os.environ['ZCPD'])))
	assert works()
	P
	run ! grep 'is not let in for' "$T/zcpd.log"
}

@test "who says nothing until the greeting's deadline is closed and waits" {
	limited 'penalty-exempt = {"192.0.2.0/24"}' 'penalty-refused = 600' 'greeting-timeout = 1'
	crowd <<-'P'
	from crowd import *
	assert closed(silent('127.0.0.4'))
	assert until(lambda: not works('127.0.0.4'))
	assert works('127.0.0.5')
	P
	assert_file_contains "$T/zcpd.log" 'no handshake and no key within 1 s'
}

@test "a stream's process that does not end itself at its deadline is ended by the listener" {
	limited 'greeting-timeout = 1'
	crowd <<-'P'
	import signal
	from crowd import *
	s = silent()
	pid = int(os.environ['ZCPD'])
	assert until(lambda: children(pid))
	os.kill(children(pid)[0], signal.SIGSTOP)       # its own timer cannot end it any more
	assert closed(s)
	assert works()
	P
	assert_file_contains "$T/zcpd.log" 'no handshake and no key within 1 s'
}

@test "a crash of a stream's process: its network waits, the others' transfers go on, and the next streams have another memory layout" {
	limited 'penalty-exempt = {"192.0.2.0/24"}' 'penalty-crash = 600'
	mkrand "$T/root/big" 20000000
	crowd <<-'P'
	import signal
	from crowd import *
	pid = int(os.environ['ZCPD'])
	def layout(p):
	    with open('/proc/%d/maps' % p) as f:
	        return {line.split()[-1]: line.split('-')[0] for line in f if line.rstrip().endswith(('zcpd', '[stack]', 'libc.so.6'))}
	mine = live(source='127.0.0.2')
	kid = children(pid)
	c = live(source='127.0.0.7')
	bad = (set(children(pid)) - set(kid)).pop()
	with open(os.environ['T'] + '/root/big', 'rb') as f:
	    big = f.read()
	mine.s.put('FETCH', first=mine.next_id(), items=[wire.Item(0, b'big')])
	before = layout(pid) if os.getuid() == 0 else None
	os.kill(bad, getattr(signal, os.environ['CRASH']))
	assert closed(c.s.sock)

	assert mine.fetched(mine.id) == big, 'the transfer that ran goes on'
	assert mine.fetch(b'works') == [b'works']
	assert until(lambda: works('127.0.0.3')), 'new clients are served'
	assert not works('127.0.0.7') and busy(silent('127.0.0.7')), 'the penalty outlives the image'
	assert open('/proc/%d/comm' % pid).read() == 'zcpd\n'
	if before:
	    assert len(before) >= 2 and until(lambda: all(before[k] != layout(pid).get(k) for k in before)), (before, layout(pid))
	mine.bye()
	P
	wait_for_line "$T/zcpd.log" 'executed anew after a crash, with [12] streams? live'
	assert_file_contains "$T/zcpd.log" "$CRASH"
	zcpd_stop
}

@test "after a crash with a configuration that is broken meanwhile: it goes on as it is, and says so" {
	limited
	cp "$T/zcpd.conf" "$T/good.conf"
	echo 'nonsense = 1' >>"$T/zcpd.conf"
	crowd <<-'P'
	import signal
	from crowd import *
	pid = int(os.environ['ZCPD'])
	mine = live()
	kid = children(pid)
	c = live()
	os.kill((set(children(pid)) - set(kid)).pop(), getattr(signal, os.environ['CRASH']))
	assert closed(c.s.sock)
	assert mine.fetch(b'works') == [b'works'] and works()
	mine.bye()
	P
	wait_for_line "$T/zcpd.log" 'could not be executed anew: the configuration has a mistake'
	run ! grep 'executed anew after' "$T/zcpd.log"
}
