# helpers.bash - what the tests share: a daemon of their own, a client that trusts it, files, trees, waiting for events.
#
# Every test has its own directory $T, daemon, keys and port: tests may run side by side and in any order.
# Nothing here waits for a clock: the deadlines only bound a failure. Programs come from $ZCP_BUILD (default: build).
bats_require_minimum_version 1.5.0
for _lib in support assert file; do
	load "/usr/lib/bats/bats-$_lib/load.bash"
done
unset _lib

ZCP_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${ZCP_BUILD:=$ZCP_TOP/build}"
case $ZCP_BUILD in /*) ;; *) ZCP_BUILD=$ZCP_TOP/$ZCP_BUILD ;; esac
: "${ZCP_SEED:=1}"
PATH=$ZCP_BUILD:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
export ZCP_TOP ZCP_BUILD ZCP_SEED PATH LC_ALL=C.UTF-8
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
umask 022

# The test's own directory; empty in setup_file, so only ever read inside functions and tests.
T=$BATS_TEST_TMPDIR
# ZCP_BUILD_OTHER: the programs with the other libsodium, for tests of one against the other (may not be built).
export ZCP_BUILD_OTHER=${ZCP_BUILD_OTHER:-}

is_root()  { [ "$(id -u)" = 0 ]; }
is_san()   { case $ZCP_BUILD in *-san*) return 0 ;; esac; return 1; }
is_long()  { [ -n "${ZCP_LONG:-}" ]; }
has_aegis() { case $ZCP_BUILD in *-sys*) return 1 ;; esac; [ -f "$ZCP_TOP/build/deps/libsodium/lib/libsodium.a" ]; }
need_root() { is_root || skip "needs root"; }
need_user() { ! is_root || skip "needs an ordinary user"; }

# Identity and known_hosts are the test's own, for client and daemon alike.
private_home() {
	T=$BATS_TEST_TMPDIR
	mkdir -p "$T/client" "$T/home"
	export XDG_CONFIG_HOME=$T/client XDG_STATE_HOME=$T/client-state HOME=$T/home
}

# zcpd_start [ARG...]: a writable daemon on a free loopback port. Sets ROOT, PORT, HOSTKEY, URL, ZCPD, ZCPD_ARGS.
# ZCPD_MODE=--config... replaces "--root $ROOT --writable"; ZCPD_PROG names another zcpd; ZCPD_LISTEN another address;
# ZCPD_WRAP=(strace -f ...) runs it under something (bash array).
zcpd_start() {
	private_home
	ROOT=${ROOT:-$T/root}
	mkdir -p "$ROOT" "$T/state"
	chmod 700 "$T/state"
	local prog=${ZCPD_PROG:-$ZCP_BUILD/zcpd} key mode=(--root "$ROOT" --writable)
	[ -z "${ZCPD_MODE+set}" ] || read -r -a mode <<<"$ZCPD_MODE"
	"$ZCP_BUILD/zcp" --public-key >"$T/client.pub" 2>"$T/client.err" 3>&- ||
		fail "zcp --public-key: $(cat "$T/client.err")" || return 1
	key=$("$prog" --state "$T/state" --public-key 2>"$T/zcpd.err" 3>&-) ||
		fail "zcpd --public-key: $(cat "$T/zcpd.err")" || return 1
	read -r _ HOSTKEY _ <<<"$(grep -m1 '^zcp-x25519 ' <<<"$key")"
	rm -f "$T/port"
	mkfifo "$T/port"
	# 3>&-: a child that keeps bats' descriptor 3 open makes bats wait for it for ever.
	${ZCPD_WRAP[@]+"${ZCPD_WRAP[@]}"} "$prog" "${mode[@]}" --listen "${ZCPD_LISTEN:-127.0.0.1:0}" --port-file "$T/port" \
		--state "$T/state" "$@" 2>>"$T/zcpd.log" >>"$T/zcpd.out" </dev/null 3>&- 4>&- &
	ZCPD=$!
	read_port || return 1
	URL=zcp://127.0.0.1:$PORT
	export PORT HOSTKEY URL ROOT
}

# The fifo is opened for reading and writing, so that opening never blocks; a daemon that dies is noticed at once.
read_port() {
	local n
	PORT=
	exec {n}<>"$T/port"
	for _ in {1..100}; do
		read -r -t 0.3 -u "$n" PORT && break
		kill -0 "$ZCPD" 2>/dev/null || break
	done
	exec {n}>&-
	PORT=${PORT##*:}
	[[ $PORT =~ ^[0-9]+$ ]] || fail "zcpd never became ready: $(cat "$T/zcpd.log")"
}

# zcpd_stop: SIGTERM, status 0, and a log without a sanitizer's complaint. Harmless without a daemon.
# One chain: bats 1.8.2 judges teardown by its last status.
zcpd_stop() {
	local status=0 pid=${ZCPD:-} inner
	[ -n "$pid" ] || return 0
	ZCPD=
	inner=$pid
	[ ${#ZCPD_WRAP[@]} = 0 ] || inner=$(pgrep -P "$pid" -x zcpd) || inner=$pid
	kill "$inner" 2>/dev/null || { fail "zcpd was gone before the end: $(tail -n 20 "$T/zcpd.log")"; return 1; }
	wait_gone "$pid" || { kill -9 "$inner"; fail "zcpd did not end within 20 s of SIGTERM"; return 1; }
	wait "$pid" 2>/dev/null || status=$?    # 127: another shell's child
	[ "$status" = 0 ] || [ "$status" = 127 ] || { fail "zcpd ended with status $status: $(tail -n 20 "$T/zcpd.log")"; return 1; }
	no_sanitizer "$T/zcpd.log"
}
no_sanitizer() { ! grep -aE 'Sanitizer|runtime error:' "$@" >&2; }

# wait_gone PID [SECONDS]: until the process has ended; an event (pidfd), not a poll.
wait_gone() {
	/usr/bin/python3 - "$1" "${2:-20}" <<-'P' 3>&-
	import os, select, sys
	try:
	    fd = os.pidfd_open(int(sys.argv[1]))
	except ProcessLookupError:
	    sys.exit(0)
	sys.exit(0 if select.select([fd], [], [], float(sys.argv[2]))[0] else 1)
	P
}

# zcp ARG...: the built client, trusting this test's daemon, with one stream whatever cores there are (a later -j counts). zcp_raw: the client with nothing added.
# A client that hangs is a failure with status 124, not a suite that hangs.
zcp()     { zcp_raw --host-key="$HOSTKEY" -P "$PORT" -j 1 "$@"; }
zcp_raw() { timeout -k 5 "${ZCP_TIMEOUT:-100}" "$ZCP_BUILD/zcp" "$@" 3>&-; }

# zcp_bg ARG...: the client in the background, its process id in ZCP (a function put in the background would be a shell's).
zcp_bg() {
	"$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -j 1 "$@" >"$T/zcp.out" 2>"$T/zcp.err" </dev/null 3>&- 4>&- &
	ZCP=$!
	export ZCP
}

# unit NAME [ARG...]: one of the C drivers.
unit() { local u=$1; shift; timeout -k 5 "${ZCP_TIMEOUT:-100}" "$ZCP_BUILD/unit/$u" "$@" 3>&-; }

# mkrand FILE BYTES [SEED]: content that looks random, the same for the same seed and never the same block twice.
mkrand() {
	/usr/bin/python3 - "$1" "$2" "${3:-$ZCP_SEED}" <<-'P' 3>&-
	import random, sys
	r = random.Random(sys.argv[3])
	left = int(sys.argv[2])
	with open(sys.argv[1], 'wb') as f:
	    while left > 0:
	        n = min(left, 1 << 20)
	        f.write(r.randbytes(n))
	        left -= n
	P
}

# mkmarked FILE BYTES: lines that all have $MARK in them, so that what crossed a wire in clear is known again.
MARK="ZCP-MARKER-plaintext-"
mkmarked() {
	/usr/bin/python3 - "$1" "$2" "$MARK" <<-'P' 3>&-
	import sys
	size, mark = int(sys.argv[2]), sys.argv[3]
	line = ''.join('%s%08d ' % (mark, i) for i in range(size // (len(mark) + 9) + 1)).encode()
	open(sys.argv[1], 'wb').write(line[:size])
	P
}

# relay_start [ARG...]: a relay (tests/peer/relay.py) on loopback that records what passes: both ends see 127.0.0.1, as through ssh -L or socat. Sets RELAY_PORT.
# After relay_stop it may be started again: what the second one sees is added to the record.
relay_start() {
	rm -f "$T/relay.in" "$T/relay.out"
	mkfifo "$T/relay.in" "$T/relay.out"
	exec 8<>"$T/relay.in" 9<>"$T/relay.out"
	env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$ZCP_TOP/tests/peer/relay.py" "$PORT" --record "$T/cap" "$@" \
		<"$T/relay.in" >"$T/relay.out" 2>"$T/relay.err" 3>&- 8>&- 9>&- &
	RELAY=$!
	read -r -t 30 -u 9 RELAY_PORT && [[ $RELAY_PORT =~ ^[0-9]+$ ]] || fail "no relay: $(cat "$T/relay.err")"
}
# Its input's end ends it, and then the capture is in $T/cap.c2s and .s2c.
relay_stop() {
	[ -n "${RELAY:-}" ] || return 0
	exec 8>&- 9>&-
	local pid=$RELAY
	RELAY=
	wait_gone "$pid" 60 || { kill -9 "$pid"; fail "the relay did not end"; }
}
crossed() { cat "$T/cap.c2s" "$T/cap.s2c"; }

# mktree DIR [FILES] [SEED]: a tree with what trees have: empty files and directories, odd names, modes, links, old times.
mktree() {
	/usr/bin/python3 - "$1" "${2:-60}" "${3:-$ZCP_SEED}" <<-'P' 3>&-
	import os, random, sys
	top, n, r = os.fsencode(sys.argv[1]), int(sys.argv[2]), random.Random(sys.argv[3])
	dirs = [top] + [os.path.join(top, d) for d in (b'a', b'a/b', b'a/b/c', b'empty', b'sp ace', b'\xff\xfe', b'-rf')]
	for d in dirs:
	    os.makedirs(d, exist_ok=True)
	odd = [b'new\nline', b'esc\x1b[31m', b'*', b'?', b'quo"te\'', b'back\\slash', b'\x80\xff', 'ä€'.encode(), b'-n', b' ',
	       b'a:b', b'x' * 255, b'.hidden', b'tab\t', b'$(id)', b'[ab]']
	sizes = [0, 1, 2, 4095, 4096, 4097, 65535, 65536, 65537, 262143, 262144, 262145, 1048577]
	full = [d for d in dirs if not d.endswith(b'empty')]
	for i in range(n):
	    name = odd[i] if i < len(odd) else b'f%d' % i
	    p = os.path.join(r.choice(full), name)
	    size = sizes[i] if i < len(sizes) else int(2 ** r.uniform(0, 16))
	    with open(p, 'wb') as f:
	        f.write(r.randbytes(size))
	    os.chmod(p, r.choice([0o644, 0o600, 0o755, 0o444, 0o640]))
	    os.utime(p, ns=(0, r.randrange(10**18, 17 * 10**17)))
	os.chmod(os.path.join(top, b'a/b'), 0o750)
	P
}

# tree_equal A B [modes] [times] [links]: same names (any byte), types and contents; on request modes (below the set-id
# bits), modification times in ns, and links as links (else what they point to is compared). Says what differs.
tree_equal() {
	/usr/bin/python3 - "$@" <<-'P' 3>&-
	import os, stat, sys
	a, b, want = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2]), set(sys.argv[3:])
	bad = []
	def same_bytes(p, q):
	    with open(p, 'rb') as f, open(q, 'rb') as g:
	        while True:
	            x, y = f.read(1 << 20), g.read(1 << 20)
	            if x != y:
	                return False
	            if not x:
	                return True
	def walk(p, q, rel):
	    look = os.lstat if 'links' in want else os.stat
	    try:
	        s, t = look(p), look(q)
	    except OSError as e:
	        bad.append('%r: %s' % (rel, e)); return
	    if stat.S_IFMT(s.st_mode) != stat.S_IFMT(t.st_mode):
	        bad.append('%r: type %o, %o' % (rel, s.st_mode, t.st_mode)); return
	    if stat.S_ISLNK(s.st_mode):
	        if os.readlink(p) != os.readlink(q):
	            bad.append('%r: link' % rel)
	        return
	    if 'modes' in want and (s.st_mode ^ t.st_mode) & 0o777:
	        bad.append('%r: mode %o, %o' % (rel, s.st_mode & 0o7777, t.st_mode & 0o7777))
	    if 'times' in want and s.st_mtime_ns != t.st_mtime_ns:
	        bad.append('%r: mtime %d, %d' % (rel, s.st_mtime_ns, t.st_mtime_ns))
	    if stat.S_ISDIR(s.st_mode):
	        x, y = set(os.listdir(p)), set(os.listdir(q))
	        bad.extend('%r: only in the first' % (rel + b'/' + n) for n in sorted(x - y))
	        bad.extend('%r: only in the second' % (rel + b'/' + n) for n in sorted(y - x))
	        for n in sorted(x & y):
	            walk(p + b'/' + n, q + b'/' + n, rel + b'/' + n)
	    elif stat.S_ISREG(s.st_mode):
	        if s.st_size != t.st_size or not same_bytes(p, q):
	            bad.append('%r: contents (%d, %d bytes)' % (rel, s.st_size, t.st_size))
	walk(a, b, b'')
	print('\n'.join(bad[:20]), file=sys.stderr) if bad else None
	sys.exit(1 if bad else 0)
	P
}

# besides DIR KIND...: a line for each name below, with its xattrs (user.*), acls, owners, modes (set-id bits, too).
besides() {
	/usr/bin/python3 - "$@" <<-'P' 3>&-
	import os, stat, sys
	top, want = os.fsencode(sys.argv[1]), sys.argv[2:]
	def one(path):
	    st, out = os.lstat(path), []
	    if 'owners' in want:
	        out.append('%d:%d' % (st.st_uid, st.st_gid))
	    if 'modes' in want and not stat.S_ISLNK(st.st_mode):
	        out.append('%o' % (st.st_mode & 0o7777))
	    if not stat.S_ISLNK(st.st_mode):
	        for name in sorted(os.fsencode(n) for n in os.listxattr(path)):
	            if name.startswith(b'user.') and 'xattrs' in want or name.startswith(b'system.posix_acl_') and 'acls' in want:
	                out.append('%r=%s' % (name, os.getxattr(path, name).hex()))
	    print('%r %s' % (path[len(top):], ' '.join(out)))
	one(top)
	for where, dirs, files in os.walk(top):
	    dirs.sort()
	    for name in sorted(dirs + files):
	        one(os.path.join(where, name))
	P
}
# alike A B KIND...: the two trees have the same besides.
alike() {
	local a=$1 b=$2
	shift 2
	diff <(besides "$a" "$@" | sort) <(besides "$b" "$@" | sort) >&2 || fail "$a and $b differ in $*"
}

# no_litter DIR...: no aside file of zcp's is left below.
no_litter() {
	local left
	left=$(find "$@" -name '.zcp-*' -print)
	[ -z "$left" ] || fail "left behind: $left"
}

# as_user CMD...: as nobody when root, else as who we are. The test's directory is opened for passing through.
as_user() {
	if is_root; then
		local d=$T
		while [ "$d" != / ] && [ -n "$d" ]; do
			[ "$d" = /tmp ] || chmod o+x "$d"
			d=$(dirname "$d")
		done
		setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- "$@" 3>&-
	else
		"$@" 3>&-
	fi
}

# wait_for_line FILE PATTERN [SECONDS]: until a line matches (a regular expression), by following the file; the deadline only bounds failure.
wait_for_line() {
	/usr/bin/python3 - "$1" "$2" "${3:-20}" <<-'P' 3>&- || fail "no line like '$2' in $1: $(tail -n 20 "$1" 2>/dev/null)"
	import re, select, subprocess, sys, time
	want, end = re.compile(sys.argv[2].encode()), time.monotonic() + float(sys.argv[3])
	tail = subprocess.Popen(['tail', '-n', '+1', '-F', '-s', '0.05', '--', sys.argv[1]], stdout=subprocess.PIPE, bufsize=0,
	                        stderr=subprocess.DEVNULL)
	got, seen = b'', False
	while not seen and select.select([tail.stdout], [], [], max(0, end - time.monotonic()))[0]:
	    piece = tail.stdout.read(65536)
	    if not piece:
	        break
	    got += piece
	    seen = any(want.search(line) for line in got.split(b'\n'))
	tail.kill()
	tail.wait()
	sys.exit(0 if seen else 1)
	P
}

# rss_anon_kb PID: the process' own memory.
rss_anon_kb() { awk '/^RssAnon:/ { print $2 }' "/proc/$1/status"; }

# streams_over: zcpd has done all that a client which is gone had asked it for.
streams_over() {
	local pid
	for pid in $(pgrep -P "$ZCPD" -x zcpd); do wait_gone "$pid" || return 1; done
}

# grown PATTERN BYTES: until a file of that name is that large.
grown() {
	/usr/bin/python3 - "$1" "$2" <<-'P' 3>&- || fail "$1 did not grow to $2 bytes: $(ls -la "$(dirname "$1")")"
	import glob, os, select, sys, time
	end = time.monotonic() + 60
	while time.monotonic() < end:
	    for f in glob.glob(sys.argv[1]):
	        try:
	            if os.stat(f).st_size >= int(sys.argv[2]):
	                sys.exit(0)
	        except FileNotFoundError:       # it has its name by now, or is gone
	            pass
	    select.select([], [], [], 0.02)
	sys.exit(1)
	P
}
