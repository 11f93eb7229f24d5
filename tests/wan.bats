# wan.bats - copies over a long, slow, lossy way: two network namespaces and a relay between them (tests/beds/wan), each with its own TCP.
#
# The first tests hold the bed to its word. Lower bounds of times only: a busy machine is late, never early.
load helpers

setup() {
	need_root
	[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
	private_home
	BED='' RELAY=''
}
teardown() {
	local status=0
	zcpd_stop || status=1
	[ -z "$BED" ] || { kill "$RELAY" 2>/dev/null; wait_gone "$BED" || status=1; }
	return $status
}
wan() { timeout -k 5 100 "$ZCP_TOP/tests/beds/wan" "$@" </dev/null 3>&-; }

# bed_start OPTION...: a bed that stays until teardown. RELAY is in side a, SIDE_B in side b.
bed_start() {
	mkfifo "$T/hold"
	"$ZCP_TOP/tests/beds/wan" "$@" -- bash -c 'echo ready; read -r _ <"$0"' "$T/hold" >"$T/bed" 2>&1 </dev/null 3>&- 4>&- &
	BED=$!
	wait_for_line "$T/bed" '^ready$'
	RELAY=$(pgrep -P "$BED")
	SIDE_B=$(pgrep -P "$RELAY")
}
# far_zcpd ARG...: the daemon, in side a. near ARG...: the client, in side b.
far_zcpd() {
	local ZCPD_WRAP=(nsenter -t "$RELAY" -n --) ZCPD_LISTEN=10.8.0.1:0
	zcpd_start --plaintext-from 10.8.0.0/24 --authorized-keys "$T/client.pub" "$@"
}
near() { timeout -k 5 "${ZCP_TIMEOUT:-200}" nsenter -t "$SIDE_B" -n -- "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" "$@" 3>&-; }

# burst COUNT: datagrams of 1,000 bytes from b to a, at once; prints which came. The way keeps the order, so what comes before the connection has come.
burst() {
	/usr/bin/python3 - "$1" <<-'P'
	import os, socket, subprocess, sys, time
	far = '''
	import socket, sys, time
	u, t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
	u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
	u.bind(("10.8.0.1", 7000)); t.bind(("10.8.0.1", 7000)); t.listen(1)
	print("up", flush=True)
	t.accept()[0].recv(1)
	u.setblocking(False)
	while True:
	    try:
	        print(int.from_bytes(u.recv(2000)[:4], "big"))
	    except BlockingIOError:
	        break
	'''.replace('\n\t', '\n')
	p = subprocess.Popen(os.environ['WAN_A'].split() + ['/usr/bin/python3', '-c', far], stdout=subprocess.PIPE, text=True)
	p.stdout.readline()
	u, began = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), time.monotonic()
	for i in range(int(sys.argv[1])):
	    u.sendto(i.to_bytes(4, 'big') + bytes(968), ('10.8.0.1', 7000))     # 1,000 with its headers
	t = socket.create_connection(('10.8.0.1', 7000))
	t.send(b'x')
	print('came', *p.communicate()[0].split())
	print('ms', int(1000 * (time.monotonic() - began)))
	P
}
export -f burst

@test "the bed: a round trip is twice the delay, a seed repeats its losses, and COMMAND's status comes back" {
	run -7 wan --delay 20 --loss 20 --seed 5 -- bash -c 'burst 300; exit 7'
	local first
	first=$(grep ^came <<<"$output")
	[[ $output =~ 'round trip '([0-9]+)'.'[0-9]' ms' ]]
	[ "${BASH_REMATCH[1]}" -ge 40 ]
	[ "$(wc -w <<<"$first")" -gt 200 ]
	[ "$(wc -w <<<"$first")" -lt 280 ]
	run -0 wan --delay 20 --loss 20 --seed 5 -- bash -c 'burst 300'
	assert_line "$first"
	run -0 wan --delay 20 --loss 20 --seed 6 -- bash -c 'burst 300'
	refute_line "$first"
}

@test "the bed: a line of 1 Mbit/s with 20 packets waiting drops the rest, and each takes its time" {
	WAN_STATS=$T/stats run -0 wan --rate 1 --queue 20 -- bash -c 'burst 1000'
	local came ms
	came=$(($(grep ^came <<<"$output" | wc -w) - 1)) ms=$(sed -n 's/^ms //p' <<<"$output")
	[ "$came" -ge 20 ]
	[ "$came" -lt 500 ]
	[ "$ms" -ge $((8 * came)) ]
	# what asks for the connection may be dropped, too, and asks again
	[[ $(<"$T/stats") =~ 'b to a: '.*' '([0-9]+)' dropped at the queue' ]]
	[ "${BASH_REMATCH[1]}" -ge $((1000 - came)) ]
}

@test "the bed: no option that it does not know, no bed without what it needs: status 125" {
	run -125 wan --jitter 3 -- true
	run -125 wan --delay x -- true
	assert_output --partial "--delay: a number"
	run -125 wan --loss 101 -- true
	run -125 wan --delay 1 --
	ZCP_BUILD=$T run -125 wan -- true
	assert_output --partial "make unit"
}

@test "the bed: at its end, and when it is killed, no process, interface or namespace of it is left" {
	local how before net children
	before=$(ip -br link)
	for how in end term kill; do
		rm -f "$T/hold"
		bed_start --delay 1
		nsenter -t "$RELAY" -n -p setsid tail -f /dev/null 3>&- 4>&- &      # in side a, deaf to hang-ups
		nsenter -t "$RELAY" -n -- ip -br link | grep -q '^wan '
		net=$(readlink "/proc/$RELAY/ns/net" "/proc/$SIDE_B/ns/net")
		[ "$(sort -u <<<"$net" | wc -l)" = 2 ]
		children="$RELAY $SIDE_B"
		case $how in
		end) : >"$T/hold" ;;
		term) kill "$RELAY" ;;
		kill) kill -9 "$BED" ;;
		esac
		for p in $BED $children; do
			wait_gone "$p" || fail "$how: process $p is still there"
		done
		wait
		run readlink /proc/[0-9]*/ns/net
		refute_output --partial "$(head -n 1 <<<"$net")"
		refute_output --partial "$(tail -n 1 <<<"$net")"
		[ "$(ip -br link)" = "$before" ]
	done
	BED=
}

# both_ways OPTION...: a large file and a tree there and back again. Over several streams: one makes 0.3 MiB/s of such a way.
both_ways() {
	mkrand "$T/big" 8400001
	mktree "$T/tree" 80
	near -v -j 6 "$@" "$T/big" 10.8.0.1:big
	cmp "$T/big" "$ROOT/big"
	near -j 6 "$@" 10.8.0.1:big "$T/big.back"
	cmp "$T/big" "$T/big.back"
	near -rp -j 6 "$@" "$T/tree" 10.8.0.1:tree
	tree_equal "$T/tree" "$ROOT/tree" modes times
	near -rp -j 6 "$@" 10.8.0.1:tree "$T/tree.back"
	tree_equal "$T/tree" "$T/tree.back" modes times
	no_litter "$T"
}

@test "a large file and a tree, both ways, at 50 ms and 1 % loss, plaintext: the same bytes" {
	bed_start --delay 25 --loss 1 --seed "$ZCP_SEED"
	far_zcpd
	both_ways --plaintext
}
@test "a large file and a tree, both ways, at 50 ms and 1 % loss, encrypted: the same bytes" {
	bed_start --delay 25 --loss 1 --seed "$ZCP_SEED"
	far_zcpd
	both_ways --encrypt
}

# journal_grows DIR BYTES: until a journal there is so long; events of the directory, no clock.
journal_grows() {
	/usr/bin/python3 - "$1" "$2" <<-'P' 3>&-
	import ctypes, glob, os, select, sys
	libc = ctypes.CDLL(None)
	fd = libc.inotify_init1(os.O_CLOEXEC)
	assert fd >= 0 and libc.inotify_add_watch(fd, os.fsencode(sys.argv[1]), 0x102) >= 0     # created, modified
	while sum(os.path.getsize(j) for j in glob.glob(sys.argv[1] + '/.zcp-*.j')) < int(sys.argv[2]):
	    if not select.select([fd], [], [], 60)[0]:
	        sys.exit('no journal grows in ' + sys.argv[1])
	    os.read(fd, 65536)
	P
}
carried() { nsenter -t "$SIDE_B" -n -- awk '$1 == "wan:" { print $2 + $10 }' /proc/thread-self/net/dev; }

# cut_and_go_on DIR SRC DST: the link goes down when a part of the copy is in DIR; when it is up again, the same command brings the rest.
cut_and_go_on() {
	local dir=$1 zcp status=0 before
	shift
	near --timeout=2 "$@" >"$T/zcp.out" 2>"$T/zcp.err" &
	zcp=$!
	journal_grows "$dir" 1500
	nsenter -t "$SIDE_B" -n -- ip link set wan down
	wait $zcp || status=$?
	# nothing moves any more, or the kernel says so at once: no way leads there
	[ $status = 30 ] || [ $status = 10 ] || fail "status $status, wanted 30 or 10: $(cat "$T/zcp.err")"
	nsenter -t "$SIDE_B" -n -- ip link set wan up
	before=$(carried)
	# the host may not know yet that the first stream is gone
	run near -v --retries=20 "$@"
	assert_success
	assert_output --regexp "[0-9]{7,} of 16000000 bytes are t?here already"
	[ $(($(carried) - before)) -lt 15500000 ]
}

@test "the link goes down in the middle: stalled (30), or cut (10); when it is up again the same command brings the rest, both ways" {
	bed_start --delay 10 --rate 20
	far_zcpd
	mkrand "$T/big" 16000000
	mkdir "$T/here"
	cut_and_go_on "$ROOT" "$T/big" 10.8.0.1:big
	cmp "$T/big" "$ROOT/big"
	cut_and_go_on "$T/here" 10.8.0.1:big "$T/here/big"
	cmp "$T/big" "$T/here/big"
	no_litter "$ROOT" "$T/here"
}
