# unix-socket.bats - zcpd on a Unix socket, zcp's unix:/SOCKET:path: listening, names, rules; descriptors in the place of contents, to whom and of what.
load helpers
load unix
teardown() {
	local m
	for m in "$T/mnt" "$T/ro" "${MNT:-$T/mnt}"; do if mountpoint -q "$m"; then umount "$m"; fi; done
	zcpd_stop
}

@test "files and trees both ways; the log, --list and a glob; mode 666 whatever the umask is, and gone in the end" {
	umask 077
	start
	umask 022
	[ "$(stat -c %a "$S")" = 666 ]
	mktree "$T/tree" 40
	u -a "$T/tree" "unix:$S:"
	tree_equal "$T/tree" "$ROOT/tree" modes times links
	u -a "unix:$S:tree" "$T/back"
	tree_equal "$T/tree" "$T/back" modes times links
	mkrand "$T/big" 20000001
	u -v "$T/big" "unix:$S:up" 2>"$T/err"
	cmp "$T/big" "$ROOT/up"
	grep -q 'plaintext.*both ends are proved to be one machine' "$T/err"
	u -j 4 "unix:$S:up" "$T/down"
	cmp "$T/big" "$T/down"
	run -0 u --list "unix:$S:u*"
	assert_output --regexp ' 20000001 .* up$'
	grep -q "unix:uid=$(id -u) own: received 1 file, 19 MiB" "$T/zcpd.log"
	grep -qF "listening on \"unix:$S\"" "$T/zcpd.log"
	zcpd_stop
	assert_not_exists "$S"
}

@test "how it is spelt, and what cannot be with it: status 1, before anything is connected" {
	private_home
	local long
	long=/$(printf '%0107d' 0)
	refused() { run -1 zcp_raw "${@:2}"; assert_output --partial "$1"; }
	refused "has a ':' behind the path" "unix:/s" "$T/x"
	refused 'at most 107 bytes' "unix:$long:f" "$T/x"
	refused 'no white space' 'unix:/a b:f' "$T/x"
	refused "no '/' at its end" 'unix:/a/:f' "$T/x"
	refused '-P: not with unix:' -P 7 unix:/s:f "$T/x"
	refused '-4: not with unix:' -4 unix:/s:f "$T/x"
	refused '-6: not with unix:' -6 unix:/s:f "$T/x"
	refused '--cc: not with unix:' --cc=cubic unix:/s:f "$T/x"
	refused 'different hosts' unix:/s:f unix:/S:f "$T/"
	run -1 zcpd --root "$T" --state "$T/state" --listen "unix:$long"
	assert_output --partial 'at most 107 bytes'
	for spec in 'unix:/a b' 'unix:/a:b' unix:/a/ unix:a; do
		run -1 zcpd --root "$T" --state "$T/state" --listen "$spec"
		assert_output --partial 'or unix:/PATH'
	done
}

@test "no socket, nobody behind it, another kind of file, no permission: status 10, and each has its sentence" {
	private_home
	at() { run -10 zcp_raw "unix:$T/s:f" "$T/x"; assert_output --partial "$1"; }
	at 'no such socket'
	/usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/s"
	at 'nobody listens there'
	rm "$T/s"
	: >"$T/s"
	at 'nobody listens there'
	keys
	rm "$T/s"
	ZCPD_LISTEN=unix:$S zcpd_start --authorized-keys "$T/keys"
	chmod 600 "$S"
	if is_root; then
		run -10 o "unix:$S:f" "$OTHER/x"
		assert_output --partial 'permission denied: who connects needs write permission'
	fi
}

@test "a socket that nobody listens at is replaced; one that is answered at, a file and a link are not" {
	start
	local own=$ZCPD
	run -10 timeout 20 "$ZCP_BUILD/zcpd" --root "$T" --state "$T/state" --authorized-keys "$T/keys" --listen "unix:$S" 3>&-
	assert_output --partial 'another zcpd?'
	kill -9 "$own"
	wait_gone "$own"
	ZCPD=
	[ -S "$S" ]
	ZCPD_LISTEN=unix:$S zcpd_start --authorized-keys "$T/keys"
	echo x >"$ROOT/f"
	u "unix:$S:f" "$T/f"
	# what has taken its place is not its own
	mv "$S" "$T/moved"
	echo mine >"$S"
	zcpd_stop
	[ "$(cat "$S")" = mine ]
	run -10 timeout 20 "$ZCP_BUILD/zcpd" --root "$ROOT" --state "$T/state" --authorized-keys "$T/keys" --listen "unix:$S" 3>&-
	assert_output --partial 'something that is no socket stands there'
	[ "$(cat "$S")" = mine ]
	ln -sf "$T/moved" "$T/link"
	run -10 timeout 20 "$ZCP_BUILD/zcpd" --root "$ROOT" --state "$T/state" --authorized-keys "$T/keys" --listen "unix:$T/link" 3>&-
	[ -L "$T/link" ]
}

@test "no mode is set by the socket's path: a link that took its place meanwhile would be followed" {
	umask 077
	ZCPD_WRAP=(strace -D -qq -o "$T/trace" -e trace=bind,chmod,fchmodat,?fchmodat2)
	start
	grep -qF "bind(" "$T/trace"
	run ! grep -F "\"$S\", 0" "$T/trace"
	[ "$(stat -c %a "$S")" = 666 ]
}

@test "known_hosts has the socket's name; another key there is refused; --forget-host" {
	start
	echo x >"$ROOT/f"
	run -41 zcp_raw "unix:$S:f" "$T/f"
	zcp_raw --accept-new "unix:$S:f" "$T/f"
	grep -q "^unix:$S zcp-x25519 $HOSTKEY" "$T/client/zcp/known_hosts"
	zcp_raw "unix:$S:f" "$T/f"
	zcpd_stop
	rm "$T/state/host_key"
	ZCPD_LISTEN=unix:$S zcpd_start --authorized-keys "$T/keys"
	run -42 zcp_raw "unix:$S:f" "$T/f"
	assert_output --partial "zcp --forget-host unix:$S"
	run -3 zcp_raw --forget-host "unix:${S^^}"
	zcp_raw --forget-host "unix:$S"
	run -41 zcp_raw "unix:$S:f" "$T/f"
}

@test "from= and plaintext-from: a Unix peer is where 127.0.0.1 or ::1 is" {
	configured -- "export all { prefix = / path = \"$T/root\" }"
	mkrand "$T/root/big" 200000
	from() { sed -i "1s|\( from=.*\)\?\$| from=$1|" "$T/keys"; }
	for net in 127.0.0.0/8 ::1 0.0.0.0/0; do
		from "$net"
		u "unix:$S:big" "$T/got"
	done
	for net in 10.0.0.0/8 fd00::/8; do
		from "$net"
		run -40 u "unix:$S:big" "$T/got"
	done
	zcpd_stop
	sed -i '1s/ from=.*//' "$T/keys"
	ZCPD_MODE="--config $T/zcpd.conf" ZCPD_LISTEN=unix:$S zcpd_start --plaintext-from none
	u -v "unix:$S:big" "$T/got" 2>"$T/err"
	grep -q 'encrypted with suite' "$T/err"
	run -4 u --plaintext "unix:$S:big" "$T/got"
}

@test "without authorized_keys it is as on loopback: the user who started zcpd is let in, nobody else" {
	keys
	ZCPD_LISTEN=unix:$S zcpd_start
	echo x >"$ROOT/f"
	u "unix:$S:f" "$T/f"
	XDG_CONFIG_HOME=$T/stranger run -40 u "unix:$S:f" "$T/g"
}

@test "a socket handed over with PassCredentials=, PassSecurity= and PassPIDFD=: streams go on" {
	# what the accepted sockets inherit
	ZCPD_WRAP=(/usr/bin/python3 -c "import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind('$T/s'); s.listen()
for option in 16, 34, 76:
    try: s.setsockopt(socket.SOL_SOCKET, option, 1)
    except OSError: assert option != 16
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])")
	start
	mkrand "$ROOT/f" 200000
	u "unix:$S:f" "$T/got"
	cmp "$ROOT/f" "$T/got"
}

@test "--status, the transfer log, metrics and limits know a peer by its uid" {
	configured -- "export all { prefix = / path = \"$T/root\" }
transfer-log = \"$T/transfers\"
status-socket = \"$T/status\"
metrics = \"unix:$T/metrics\"
streams-per-source = 1"
	mkrand "$T/root/big" 200000
	u --engine=sendfile "unix:$S:big" "$T/got"
	grep -q "unix:uid=$(id -u) \"own\" sent \"all\" \"big\" 200000 bytes" "$T/transfers"
	# one stream that stays, by a scripted client
	coproc STAYS { PYTHONPATH=$ZCP_TOP/tests/peer PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 -c "
import os, socket, sys, harness, opening
from client import Client
s = socket.socket(socket.AF_UNIX); s.connect('$S')
Client(opening.client_open(s, harness.identity(), pin=opening.key_parse('$HOSTKEY'))).begin()
print('up', flush=True); sys.stdin.read()" 3>&-; }
	read -r -t 30 -u "${STAYS[0]}" word
	[ "$word" = up ]
	run -0 zcpd --status --json --config "$T/zcpd.conf"
	assert_output --partial "\"unix:uid=$(id -u)\""
	run -46 u "unix:$S:big" "$T/got"
	wait_for_line "$T/zcpd.log" "unix:uid=$(id -u): as many as its network may have are live"
	! is_root || o "unix:$S:big" "$OTHER/out/got"
	eval "exec ${STAYS[1]}>&-"
	wait "$STAYS_PID"
	is_root || return 0
	run -0 /usr/bin/python3 -c "
import socket; s = socket.socket(socket.AF_UNIX); s.connect('$T/metrics'); s.sendall(b'GET /metrics HTTP/1.0\r\n\r\n')
data = b''
while piece := s.recv(65536): data += piece
print(data.decode())"
	assert_output --partial 'engine="descriptor"'
}

@test "a reload listens on another socket, too, and no more on an old one" {
	configured -- "export all { prefix = / path = \"$T/root\" }"
	echo x >"$T/root/f"
	zcpd_stop
	reload() { sed -i '/^listen/d' "$T/zcpd.conf"; echo "listen = { $1 }" >>"$T/zcpd.conf"; }
	reload "\"unix:$T/a\""
	"$ZCP_BUILD/zcpd" --config "$T/zcpd.conf" --state "$T/state" 2>>"$T/zcpd.log" </dev/null 3>&- &
	ZCPD=$!
	wait_for_line "$T/zcpd.log" "listening on .unix:$T/a"
	reload "\"unix:$T/a\", \"unix:$T/b\""
	kill -HUP "$ZCPD"
	wait_for_line "$T/zcpd.log" "listening on .unix:$T/b.*, too"
	wait_for_line "$T/zcpd.log" 'zcpd: reloaded$'
	u "unix:$T/a:f" "$T/f"; u "unix:$T/b:f" "$T/f"
	reload "\"unix:$T/b\""
	kill -HUP "$ZCPD"
	wait_for_line "$T/zcpd.log" "not listening on .unix:$T/a. any more"
	assert_not_exists "$T/a"
	u "unix:$T/b:f" "$T/f"
}

# relay BOUND TO NAMED [WRAP...]: a relay at BOUND, which the client sees at NAMED, to the daemon at TO
relay() {
	mkmarked "$ROOT/big" 300000
	coproc RELAYS { exec "${@:4}" /usr/bin/python3 -c "
import socket, sys, threading
def pump(a, b, log):
    while data := a.recv(65536):
        log.write(data); b.sendall(data)
    b.shutdown(socket.SHUT_WR)
l = socket.socket(socket.AF_UNIX); l.bind('$1'); l.listen(); print('up', flush=True)
a, _ = l.accept(); b = socket.socket(socket.AF_UNIX); b.connect('$2')
with open('$T/cap', 'wb') as log:
    t = [threading.Thread(target=pump, args=x) for x in ((a, b, log), (b, a, log))]
    [x.start() for x in t]; [x.join() for x in t]" 3>&-; }
	local relays=$RELAYS_PID
	read -r -t 30 -u "${RELAYS[0]}" word
	u -v "unix:$3:big" "$T/got" 2>"$T/err"
	cmp "$ROOT/big" "$T/got"
	grep -q 'encrypted with suite.*not proved to be one machine' "$T/err"
	wait "$relays"
	[ -s "$T/cap" ]
	run ! grep -qa "$MARK" "$T/cap"
}

@test "through a relay between two Unix sockets contents are encrypted, and no descriptor is asked for" {
	start
	relay "$T/relay" "$S" "$T/relay"
}

@test "through one that is bound to the same path in a mount namespace of its own, too" {
	need_root
	keys
	S=$T/there/s
	mkdir "$T/there" "$T/evil" "$T/real"
	ZCPD_LISTEN=unix:$S zcpd_start --authorized-keys "$T/keys"
	relay "$S" "$T/real/s" "$T/evil/s" env T="$T" unshare -m bash -c 'mount --bind "$T/there" "$T/real"; mount --bind "$T/evil" "$T/there"; exec "$@"' -
}

@test "a client's descriptors: the stream ends, and none is kept" { start; mkrand "$ROOT/f" 100000; driver to_zcpd; run ! grep -a 'ended by signal' "$T/zcpd.log"; }
@test "a server's descriptors of the wrong kind, none, two, or where none is due" { private_home; zcp_raw --public-key >/dev/null; driver to_zcp; }
@test "a server's file that never answers is not asked for anything" { need_root; private_home; zcp_raw --public-key >/dev/null; driver silent; }

# --- descriptors: between two users ---------------------------------------------------------------------------------------------

@test "a large file comes as a descriptor: no contents pass through the socket, the kernel copies" {
	need_root
	start
	mkrand "$ROOT/big" 30000000
	chmod 640 "$ROOT/big"; touch -d '2001-02-03 04:05:06.789' "$ROOT/big"
	as_user strace -f -e trace=recvfrom,recvmsg,copy_file_range,read,pread64,pwrite64 -o "$OTHER/trace" env XDG_CONFIG_HOME="$OTHER" XDG_STATE_HOME="$OTHER/state" HOME="$OTHER" \
		"$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -p "unix:$S:big" "$OTHER/out/big"
	cmp "$ROOT/big" "$OTHER/out/big"
	[ "$(stat -c '%a %.9Y' "$OTHER/out/big")" = "$(stat -c '%a %.9Y' "$ROOT/big")" ]
	/usr/bin/python3 - "$OTHER/trace" <<-'P' || fail "$(grep -E 'recv|copy_file' "$OTHER/trace" | head -40)"
	import re, sys
	moved = {}
	for line in open(sys.argv[1]):
	    m = re.search(r'(\w+)\(.* = (\d+)', line)
	    if m:
	        moved[m[1]] = moved.get(m[1], 0) + int(m[2])
	sys.exit(not (moved['copy_file_range'] == 30000000 and moved['recvmsg'] + moved.get('recvfrom', 0) < 4000 and moved.get('pwrite64', 0) == 0))
	P
	grep -q 'SCM_RIGHTS' "$OTHER/trace"
	grep -q 'unix:uid=65534 other: sent 1 file, 29 MiB, descriptor; .*plaintext: complete' "$T/zcpd.log"
	no_litter "$OTHER"
}

@test "trees, holes, attributes, several streams: as by any other way" {
	need_root
	start
	mktree "$ROOT/tree" 60
	chmod -R o+r,go-w "$ROOT/tree"; find "$ROOT/tree" -type d -exec chmod 755 {} +
	for n in 1 2 3 4 5 6; do mkrand "$ROOT/tree/large$n" $((9000000 + n)); done
	truncate -s 50000000 "$ROOT/tree/holed"
	printf end >>"$ROOT/tree/holed"
	setfattr -n user.x -v y "$ROOT/tree/large1"
	o -aX -v -j 3 "unix:$S:tree" "$OTHER/out/" 2>"$T/err"
	tree_equal "$ROOT/tree" "$OTHER/out/tree" modes times links
	[ "$(getfattr --only-values -n user.x "$OTHER/out/tree/large1")" = y ]
	[ "$(stat -c %b "$OTHER/out/tree/holed")" -le 16 ]
	grep -Eq '[0-9]+ small files inside sealed records, [0-9]+ files handed over as descriptors' "$T/err"
	run -0 o -av "unix:$S:tree" "$OTHER/out/"
	run -0 o --list "unix:$S:tree/large*"
	assert_line --regexp 'tree/large6$'
	no_litter "$OTHER"
}

@test "on btrfs they share their extents" {
	need_root
	truncate -s 200M "$T/image"
	mkfs.btrfs -q "$T/image"
	mkdir "$T/mnt"
	mount -o loop "$T/image" "$T/mnt" || skip "this kernel has no btrfs"
	ROOT=$T/mnt/root
	start
	mkrand "$ROOT/big" 20000000
	sync -f "$T/mnt"
	local before after
	before=$(df --output=used -B1 "$T/mnt" | tail -n 1)
	mkdir -m 777 "$T/mnt/out"
	o -v "unix:$S:big" "$T/mnt/out/big" 2>"$T/err"
	grep -q 'copied by reflink' "$T/err"
	cmp "$ROOT/big" "$T/mnt/out/big"
	sync -f "$T/mnt"
	after=$(df --output=used -B1 "$T/mnt" | tail -n 1)
	[ $((after - before)) -lt 5000000 ]
	filefrag -v "$T/mnt/out/big" | grep -q shared
	zcpd_stop
}

@test "whoever could do more with a descriptor than read gets the bytes: by mode, owner, set-id bits, capabilities; root" {
	need_root
	ZCPD_WRAP=(setpriv --bounding-set -sys_admin --inh-caps -sys_admin)     # one that cannot make a mount
	start
	mkrand "$ROOT/f" 200000
	handed f
	for mode in 664 646 666; do chmod "$mode" "$ROOT/f"; sent f; done
	for mode in 4755 2755; do chmod "$mode" "$ROOT/f"; sent f; done
	chmod 755 "$ROOT/f"; handed f
	setcap cap_net_raw+ep "$ROOT/f"; sent f; setcap -r "$ROOT/f"
	chmod 644 "$ROOT/f"; chown 65534 "$ROOT/f"; sent f
	chown 12345 "$ROOT/f"; handed f
	setfacl -m u:65534:rw "$ROOT/f"; sent f; setfacl -b "$ROOT/f"; chmod 644 "$ROOT/f"
	handed f
	u -v "unix:$S:f" "$T/got" 2>"$T/err"
	run ! grep 'handed over' "$T/err"
	cmp "$ROOT/f" "$T/got"
}

# closed_to_writing AS...: zcp, started so, stops with a descriptor of f in hand; root cannot open it for writing.
closed_to_writing() {
	strace -f -qq -o "$T/st.log" -e trace=copy_file_range -e inject=copy_file_range:signal=SIGSTOP:when=1 "$@" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" "unix:$S:f" "$T/got" 3>&- &
	local traced=$! pid fd found=
	wait_for_line "$T/st.log" SIGSTOP
	pid=$(sed -n 's/^\([0-9]*\) .*SIGSTOP.*/\1/p' "$T/st.log" | head -n 1)
	for fd in /proc/"$pid"/fd/*; do
		[ "$(stat -Lc %d:%i "$fd" 2>/dev/null)" = "$(stat -c %d:%i "$ROOT/f")" ] || continue
		found=$fd
		cmp "$fd" "$ROOT/f"
		run -1 bash -c ": >>'$fd'"
		assert_output --partial 'Read-only file system'
	done
	[ -n "$found" ]
	kill -CONT "$pid"
	wait "$traced"
	cmp "$ROOT/f" "$T/got"
	rm "$T/st.log"
}

@test "root's zcpd hands over to everybody, from a mount where the file cannot be opened anew for writing, not by root either" {
	need_root
	start
	mkrand "$ROOT/f" 200000
	for mode in 644 666; do chmod "$mode" "$ROOT/f"; handed f; done
	chown 65534 "$ROOT/f"
	handed f
	closed_to_writing env
	# nor where its owner may let others write later
	chown 0 "$ROOT/f"
	chmod 644 "$ROOT/f"
	rm "$T/got"
	chmod 777 "$T"
	closed_to_writing setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all env XDG_CONFIG_HOME="$OTHER" XDG_STATE_HOME="$OTHER/state" HOME="$OTHER"
	# what is mounted over a place in the export is not in that mount: it comes as bytes
	mkdir "$ROOT/mnt"
	mount -t tmpfs none "$ROOT/mnt"
	MNT=$ROOT/mnt
	mkrand "$ROOT/mnt/f" 200000
	chmod 666 "$ROOT/mnt/f"
	sent mnt/f
}

@test "copying what was handed over takes longer than zcpd's timeout: the stream stays" {
	need_root
	start --timeout=2
	mkrand "$ROOT/1big" 5200000
	# their contents are more than the socket takes while the large one is copied
	for n in 1 2 3 4 5 6 7 8; do mkrand "$ROOT/2small$n" 40000; done
	for n in 1 2 3 4; do mkrand "$ROOT/3mid$n" 100000; done
	o -v --bwlimit=1M "unix:$S:[12]*" "$OTHER/out/" 2>"$T/err" || fail "$(cat "$T/err" "$T/zcpd.log")"
	run -0 cat "$T/err"
	assert_output --partial '1 file handed over as descriptor'
	# none of them takes so long, all of them do, and all have been answered
	as_user strace -f -qq -o "$OTHER/trace" -e trace=copy_file_range -e inject=copy_file_range:delay_enter=700000 \
		env XDG_CONFIG_HOME="$OTHER" XDG_STATE_HOME="$OTHER/state" HOME="$OTHER" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" "unix:$S:3*" "$OTHER/out/" || fail "$(cat "$T/zcpd.log")"
	diff -r "$ROOT" "$OTHER/out"
}

@test "a read-only mount hands over to everybody: nobody can write there" {
	need_root
	mkdir -p "$T/rw" "$T/ro"
	mount --bind "$T/rw" "$T/ro"
	mount -o remount,bind,ro "$T/ro"
	mkrand "$T/rw/f" 200000
	chmod 666 "$T/rw/f"
	ROOT=$T/ro
	ZCPD_MODE="--root $T/ro" start
	handed f
	u -v "unix:$S:f" "$T/got" 2>"$T/err"
	grep -q 'handed over as descriptor' "$T/err"
	zcpd_stop
}

@test "an export that is encrypted or has a rate, a key without plaintext, --encrypt, --engine, a pipe: bytes" {
	need_root
	configured "$T/root/sealed" "$T/root/slow" -- "export all { prefix = / path = \"$T/root\" }
export sealed { prefix = sealed path = \"$T/root/sealed\" plaintext-from = none }
export slow { prefix = slow path = \"$T/root/slow\" bwlimit = 100M }"
	for d in . sealed slow; do mkmarked "$ROOT/$d/f" 200000; done
	handed f
	sent sealed/f
	sent slow/f
	sent f --encrypt
	sent f --engine=sendfile
	grep -q 'no descriptors (--engine)' "$T/err"
	sent f --engine=mmap,readwrite
	o "unix:$S:f" /dev/stdout | cmp - "$ROOT/f"
	handed f --plaintext
	handed f --bwlimit=100M
	sed -i '2s/$/ plaintext=no/' "$T/keys"
	sent f
	grep -q 'encrypted with suite' "$T/err"
}

@test "what nobody may have over TCP nobody has here: hidden files, denied exports, links that lead out" {
	need_root
	configured "$T/closed" "$T/root/in" -- "export all { prefix = / path = \"$T/root\" }
export closed { prefix = closed path = \"$T/closed\" allow = {own} }"
	mkrand "$T/closed/f" 200000
	mkrand "$T/outside" 200000
	ln -s "$T/outside" "$T/root/out"
	zcpd_stop
	mv "$T/state" "$T/root/state"
	ln -s root/state "$T/state"
	ZCPD_MODE="--config $T/zcpd.conf" ZCPD_LISTEN=unix:$S zcpd_start
	chmod 755 "$T/root/state"; mkrand "$T/root/state/log" 200000
	chmod 700 "$T/root/state"
	for f in state/log state/host_key closed/f; do
		run -3 o "unix:$S:$f" "$OTHER/out/x"
	done
	run ! o "unix:$S:out" "$OTHER/out/x"
	assert_not_exists "$OTHER/out/x"
}

@test "a disk that is too small: 44, and nothing is left; a source that is the destination is refused" {
	need_root
	start
	mkrand "$ROOT/big" 20000000
	mkdir "$T/mnt"
	mount -t tmpfs -o size=8m,mode=777 none "$T/mnt"
	run -44 o "unix:$S:big" "$T/mnt/big"
	[ -z "$(ls -A "$T/mnt")" ]
	umount "$T/mnt"
	chmod 777 "$ROOT"
	run -4 o "unix:$S:big" "$ROOT/big"
	assert_output --partial 'the same file'
	zcpd_stop
}

@test "what a killed copy left long ago is swept where a descriptor is copied" {
	need_root
	start
	mkrand "$ROOT/f" 200000
	local old=$OTHER/out/.zcp-0123456789abcdef0123456789abcdef
	as_user touch -d '30 days ago' "$old"
	handed f
	assert_not_exists "$old"
}

@test "a zcpd of another user's socket hands nothing over: it is not taken" {
	need_root
	keys
	mkdir -p "$OTHER/root" "$OTHER/st"
	mkrand "$OTHER/root/f" 200000
	chown -R 65534:65534 "$OTHER"; chmod 700 "$OTHER/st"
	cp "$T/keys" "$OTHER/keys"; chown 65534 "$OTHER/keys"
	as_user env HOME="$OTHER" "$ZCP_BUILD/zcpd" --root "$OTHER/root" --state "$OTHER/st" --authorized-keys "$OTHER/keys" --listen "unix:$OTHER/s" 2>"$T/zcpd.log" </dev/null 4>&- &
	wait_for_line "$T/zcpd.log" 'listening on'
	ZCPD=$(pgrep -f "^$ZCP_BUILD/zcpd --root $OTHER/root")
	zcp_raw --accept-new -v "unix:$OTHER/s:f" "$T/got" 2>"$T/err"
	cmp "$OTHER/root/f" "$T/got"
	grep -q "no descriptors (the socket is another user's)" "$T/err"
}
