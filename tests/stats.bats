# stats.bats - the last line and --stats: counts and bytes that agree with what was copied, and what limited it where only one thing can have.
#
# Nothing here judges a time. Who is to be found out is made the slowest by construction: by a rate, by calls that strace delays, by a reader that waits, by a line of some Mbit.
load helpers
setup() { T=$BATS_TEST_TMPDIR BED='' SHM='' SLOWED=(); }
teardown() {
	local status=0
	zcpd_stop || status=1
	[ -z "$SHM" ] || rm -rf "$SHM"
	[ -z "$BED" ] || { kill "$RELAY" 2>/dev/null; wait_gone "$BED" || status=1; }
	return $status
}

# value NAME: of the block in $T/stats; fails where it is not there exactly once.
value() {
	[ "$(grep -c "^$1: " "$T/stats")" = 1 ] || fail "'$1' is not there once: $(cat "$T/stats")" || return 1
	sed -n "s/^$1: //p" "$T/stats"
}
is() { assert_equal "$1: $(value "$1")" "$1: $2"; }
at_least() { [ "$(value "$1")" -ge "$2" ] || fail "$1: $(value "$1") is less than $2"; }
at_most() { [ "$(value "$1")" -le "$2" ] || fail "$1: $(value "$1") is more than $2"; }
# stats ARG...: a copy, its block in $T/stats, what else it says in $T/said. Its status.
stats() {
	local st=0
	zcp --stats "$@" >"$T/stats" 2>"$T/said" || st=$?
	[ $st = 0 ] || cat "$T/said" >&2
	return $st
}
# on_tmpfs: $SHM, and what zcpd serves in it: a busy disk must not be what limits a copy
on_tmpfs() {
	SHM=$(mktemp -d /dev/shm/zcp-test.XXXXXX) || fail "no tmpfs"
	ROOT=$SHM/root
	mkdir "$ROOT"
}
last_line() { tail -n 1 "$T/said"; }
# limited WHO: by both, with a share, and the share is the one that the block has beside that name
limited() {
	local who=$1 name=$2 share
	[[ $(value 'Limited by') =~ ^"$who "([0-9]+)" %" ]] || fail "not $who: $(cat "$T/stats" "$T/said")" || return 1
	share=${BASH_REMATCH[1]}
	is "$name" "$share %"
	[[ $(last_line) == *"; limited by: $(value 'Limited by')" ]] || fail "the line: $(cat "$T/said")"
}
shares_add_up() {
	local s d c r=0
	for s in Sender Receiver; do
		d=$(value "$s disk") c=$(value "$s cipher")
		[ $((${d% %} + ${c% %})) -le 101 ] || fail "$(cat "$T/stats")" || return 1
	done
	r=$(value Network)
	[ $((${d% %} + ${c% %} + ${r% %})) -le 102 ] || fail "$(cat "$T/stats")"
}

NAMES="Files copied
Files already the same
Attributes changed
Files left as they are
Links made
Directories made
Removed
Left out
Failed
Total size
Bytes moved
Bytes sent
Bytes received
Elapsed seconds
Bytes per second
Streams
Contents
Verified
Cipher
Sending engines
Receiving engines
Small files inside records
Round trip
Segments sent
Segments sent again
Limited by
Sender disk
Sender cipher
Receiver disk
Receiver cipher
Network
Rate asked for
Host's rate"

# a tree of everything in $T/src: files, a large one, a link, empty directories; FILES, BYTES, DIRS of it
make_src() {
	mktree "$T/src" 120
	mkrand "$T/src/large" 9000001
	ln -s large "$T/src/link"
	mkfifo "$T/src/fifo"
	FILES=$(find "$T/src" -type f -printf x | wc -c)
	DIRS=$(find "$T/src" -type d -printf x | wc -c)
	BYTES=$(find "$T/src" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
}

# counted WAY HOW...: a copy of the tree into nothing, and once more onto itself
counted() {
	local way=$1 from to moving=Bytes\ received quiet=Bytes\ sent
	shift
	[ "$way" = down ] || moving='Bytes sent' quiet='Bytes received'
	rm -rf "$T/dst" "$ROOT/dst"
	if [ "$way" = down ]; then from=127.0.0.1:src to=$T/dst; else from=$T/src to=127.0.0.1:dst; fi
	stats -a "$@" "$from" "$to" || fail "$way $*: status $?: $(cat "$T/said")" || return 1
	assert_equal "$(sed 's/: .*//' "$T/stats")" "$NAMES"
	is 'Files copied' "$FILES"
	is 'Files already the same' 0
	is 'Links made' 1
	is 'Directories made' "$DIRS"
	is 'Left out' 1
	is Failed 0
	is 'Total size' "$BYTES"
	is 'Bytes moved' "$BYTES"
	at_least "$moving" "$BYTES"
	at_most "$moving" $((BYTES + BYTES / 10 + 200000))
	at_least "$quiet" 500
	at_most "$quiet" 300000
	at_least Streams 1
	is Verified yes
	at_least 'Small files inside records' 60
	shares_add_up
	[[ $(last_line) =~ ^"zcp: $FILES files, "[0-9.]+" MiB in "$(value 'Elapsed seconds')" s, "[0-9.]+" "[KMG]?i?"B/s over "$(value Streams)" stream"s?"; limited by: "$(value 'Limited by' | sed 's/[()]/./g')$ ]] ||
		fail "the line: $(cat "$T/said" "$T/stats")" || return 1
	cp "$T/stats" "$T/copied"
	# what is there is not made again
	mkdir -p "$T/into"
	if [ "$way" = down ]; then to=$T/dst/..; mv "$T/dst" "$T/into/src"; to=$T/into/; else mkdir -p "$ROOT/into"; mv "$ROOT/dst" "$ROOT/into/src"; to=127.0.0.1:into/; fi
	stats -a "$@" "$from" "$to" || fail "$way $*, again: status $?: $(cat "$T/said")" || return 1
	is 'Directories made' 0
	is 'Files copied' 0
	is 'Files already the same' "$FILES"
	stats -a -n -I "$@" "$from" "$to" || fail "$way $*, what would be: status $?: $(cat "$T/said")" || return 1
	is 'Directories made' 0
	is 'Files copied' "$FILES"
	is 'Bytes moved' 0
	stats -a -I --ignore-existing "$@" "$from" "$to" || fail "$way $*, nothing: status $?: $(cat "$T/said")" || return 1
	is 'Files left as they are' "$FILES"
	rm -rf "$T/into" "$ROOT/into"
	mv "$T/copied" "$T/stats"
}

@test "--stats: always the same names; files, directories, links and bytes are those of the tree; on the wire there is more: both ways, in plaintext and encrypted" {
	zcpd_start --plaintext-from 127.0.0.0/8
	make_src
	cp -a "$T/src" "$ROOT/src"
	local way
	for way in down up; do
		counted $way --plaintext
		is Contents 'plaintext and encrypted'
		[ "$(value 'Sending engines')" = sendfile ]
		[ "$(value 'Receiving engines')" = readwrite ]
		counted $way --encrypt
		is Contents encrypted
		[ "$(value 'Sending engines')" = mmap ]
		counted $way --encrypt -j 4
		at_least Streams 2
		counted $way --plaintext -j 4 --cipher=chacha20poly1305
		is Cipher chacha20poly1305
	done
}

@test "--stats: what failed, what one file is, and what an interrupted run has left" {
	zcpd_start
	mkdir "$ROOT/d"
	mkrand "$ROOT/d/one" 100000
	mkrand "$ROOT/d/two" 1000
	ln -s nowhere "$ROOT/d/broken"
	run -23 stats -r 127.0.0.1:d "$T/d"
	is 'Files copied' 2
	is Failed 1
	is 'Total size' 101000
	is 'Bytes moved' 101000
	run -3 stats 127.0.0.1:missing "$T/m"
	is 'Files copied' 0
	is Failed 1
	is Contents none
	stats 127.0.0.1:d/one "$T/one"
	is 'Files copied' 1
	is 'Total size' 100000
	is 'Small files inside records' 0
	stats 127.0.0.1:d/two "$T/two"
	is 'Small files inside records' 1
	is 'Sending engines' none
	is Contents encrypted
	# nobody answered: nothing is said
	run -10 --separate-stderr zcp_raw --stats --host-key="$HOSTKEY" -P 1 127.0.0.1:d/one "$T/x"
	refute_output
	[ "$(wc -l <<<"$stderr")" = 1 ] || fail "$stderr"
	# cut short: its lines, too
	mkrand "$ROOT/big" $((32 << 20))
	zcp_bg --stats --bwlimit=8M 127.0.0.1:big "$T/big"
	wait_for_file "$T" '^\.zcp-.*\.j$' 4096
	kill -TERM "$ZCP"
	wait_gone "$ZCP" || fail "it goes on"
	run -20 wait "$ZCP"
	cp "$T/zcp.out" "$T/stats"
	is 'Files copied' 0
	at_least 'Bytes moved' 1
	at_most 'Bytes moved' $((32 << 20))
	stats 127.0.0.1:big "$T/big"
	is 'Files copied' 1
	is 'Total size' $((32 << 20))
	at_most 'Bytes moved' $(((32 << 20) - 1))
	cmp "$T/big" "$ROOT/big"
}

@test "--stats: a tree that was cut short and goes on: what is there counts as the same, and both runs make the whole" {
	zcpd_start
	mkdir "$ROOT/d"
	local i n
	for i in {1..400}; do mkrand "$ROOT/d/$i" 20000 "$i"; done
	for way in down up; do
		if [ $way = down ]; then set -- 127.0.0.1:d "$T/to"; else set -- "$T/to" 127.0.0.1:up; fi
		zcp_bg -r --stats --bwlimit=1M "$@"
		if [ $way = down ]; then n=$T/to; else n=$ROOT/up; fi
		wait_for_files "$n" 20
		kill -TERM "$ZCP"
		wait_gone "$ZCP" || fail "it goes on"
		run -20 wait "$ZCP"
		cp "$T/zcp.out" "$T/stats"
		n=$(value 'Files copied')
		[ "$n" -ge 1 ] && [ "$n" -lt 400 ] || fail "$n were copied"
		stats -r "$@"
		at_least 'Files already the same' 1
		[ $(($(value 'Files already the same') + $(value 'Files copied'))) = 400 ] || fail "$(cat "$T/stats")"
		is 'Total size' 8000000
		at_most 'Bytes moved' $((8000000 - 20000))
	done
	tree_equal "$ROOT/d" "$ROOT/up"
}

# wait_for_file DIR PATTERN BYTES: until a file of such a name is so large. wait_for_files DIR COUNT: until so many files have names there. Events, no clock.
wait_for_file() { /usr/bin/python3 - "$@" <<-'P' 3>&- || fail "no $2 in $1"
	import ctypes, os, re, select, sys
	d, want, least = sys.argv[1], re.compile(sys.argv[2]), int(sys.argv[3])
	libc = ctypes.CDLL(None)
	fd = libc.inotify_init1(os.O_CLOEXEC)
	assert fd >= 0 and libc.inotify_add_watch(fd, os.fsencode(d), 0x102) >= 0
	while not any(want.search(n) and os.path.getsize(os.path.join(d, n)) >= least for n in os.listdir(d)):
	    if not select.select([fd], [], [], 60)[0]:
	        sys.exit(1)
	    os.read(fd, 65536)
	P
}
wait_for_files() { /usr/bin/python3 - "$@" <<-'P' 3>&- || fail "no $2 files in $1"
	import ctypes, os, select, sys
	d, least = sys.argv[1], int(sys.argv[2])
	libc = ctypes.CDLL(None)
	fd = libc.inotify_init1(os.O_CLOEXEC)
	def until(top, done):
	    assert libc.inotify_add_watch(fd, os.fsencode(top), 0x180) >= 0     # created, moved to
	    while not done():
	        if not select.select([fd], [], [], 60)[0]:
	            sys.exit(1)
	        os.read(fd, 65536)
	until(os.path.dirname(d), lambda: os.path.isdir(d))
	until(d, lambda: sum(not n.startswith('.zcp-') for n in os.listdir(d)) >= least)
	P
}

@test "the last line: with -v and --stats, not with -q, and nothing of it for a script" {
	zcpd_start
	mkrand "$ROOT/f" 1000
	run -0 zcp 127.0.0.1:f "$T/f"
	refute_output
	run -0 --separate-stderr zcp -v 127.0.0.1:f "$T/f"
	refute_output
	[[ $(tail -n 1 <<<"$stderr") =~ ^'zcp: 1 file, 1000 B in '[0-9]+\.[0-9]{3}' s, '[0-9.]+' '[KM]?i?'B/s over 1 stream; limited by: nothing in particular'$ ]] || fail "$stderr"
	run -0 --separate-stderr zcp --stats 127.0.0.1:f "$T/f"
	[[ $stderr =~ ^'zcp: 1 file, 1000 B in '[^$'\n']*'; limited by: nothing in particular'$ ]] || fail "$stderr"
	run -0 --separate-stderr zcp -q --stats 127.0.0.1:f "$T/f"
	assert_line 'Files copied: 1'
	[ -z "$stderr" ] || fail "$stderr"
	run -0 --separate-stderr zcp -q -v 127.0.0.1:f "$T/f"
	[ -z "$stderr" ] || fail "$stderr"
}

@test "a copy of some milliseconds was limited by nothing in particular, also where a rate was asked for" {
	zcpd_start
	mkrand "$ROOT/f" 1000
	stats --bwlimit=100M 127.0.0.1:f "$T/f"
	is 'Limited by' 'nothing in particular'
}

@test "--stats: standard output that does not take it is 11, and everything is copied all the same" {
	zcpd_start
	mkrand "$ROOT/f" 100000
	run -11 --separate-stderr bash -c 'exec "$0" --host-key="$HOSTKEY" -P "$PORT" --stats 127.0.0.1:f "$1" >/dev/full' "$ZCP_BUILD/zcp" "$T/full"
	[[ $stderr == *"zcp: cannot write to standard output: no space left on device"* ]] || fail "$stderr"
	cmp "$ROOT/f" "$T/full"
	run -0 /usr/bin/python3 - "$ZCP_BUILD/zcp" "--host-key=$HOSTKEY" -P "$PORT" --stats 127.0.0.1:f "$T/pipe" <<-'P'
	import os, subprocess, sys
	r, w = os.pipe()
	os.close(r)
	p = subprocess.run(sys.argv[1:], stdout=w, stderr=subprocess.PIPE, text=True)
	assert p.returncode == 11 and 'cannot write to standard output: broken pipe' in p.stderr.lower(), p
	P
	cmp "$ROOT/f" "$T/pipe"
	no_litter "$T"
	# closed: what is opened next would have its number
	run -11 --separate-stderr bash -c 'exec "$0" --host-key="$HOSTKEY" -P "$PORT" --stats 127.0.0.1:f "$1" >&-' "$ZCP_BUILD/zcp" "$T/closed"
	[[ $stderr == "zcp: --stats: standard output is closed" ]] || fail "$stderr"
	[ ! -e "$T/closed" ]
}

@test "--stats: never among contents that are written to standard output, a pipe or a file" {
	zcpd_start
	mkrand "$ROOT/f" 300000
	zcp --stats 127.0.0.1:f /dev/stdout 2>"$T/said" | cat >"$T/piped"
	cmp "$ROOT/f" "$T/piped"
	grep -qx 'Files copied: 1' "$T/said"
	zcp --stats 127.0.0.1:f /dev/stdout >"$T/file" 2>"$T/said"
	cmp "$ROOT/f" "$T/file"
	grep -qx 'Files copied: 1' "$T/said"
	# another descriptor is not in its way
	zcp --stats 127.0.0.1:f /dev/fd/4 4>"$T/four" >"$T/stats" 2>"$T/said"
	cmp "$ROOT/f" "$T/four"
	is 'Files copied' 1
}

# --- what limited it ----------------------------------------------------------------------------------------------------

@test "--bwlimit: the rate asked for, both ways, in plaintext, encrypted, over streams, and in small files" {
	on_tmpfs
	zcpd_start --plaintext-from 127.0.0.0/8
	mkrand "$SHM/f" 600000
	cp "$SHM/f" "$ROOT/f"
	mkdir "$SHM/many"
	local i how
	for i in {1..60}; do mkrand "$SHM/many/$i" 10000 "$i"; done
	cp -r "$SHM/many" "$ROOT/many"
	for how in --plaintext --encrypt; do
		stats $how --bwlimit=256K 127.0.0.1:f "$SHM/down"
		limited 'the rate asked for' 'Rate asked for'
		stats $how --bwlimit=256K "$SHM/f" 127.0.0.1:up
		limited 'the rate asked for' 'Rate asked for'
	done
	stats -r --bwlimit=256K 127.0.0.1:many "$SHM/down.many"
	limited 'the rate asked for' 'Rate asked for'
	stats -r --bwlimit=256K "$SHM/many" 127.0.0.1:up.many
	limited 'the rate asked for' 'Rate asked for'
	mkrand "$ROOT/large" $((12 << 20))
	stats -j 3 --bwlimit=4M 127.0.0.1:large "$SHM/large"
	limited 'the rate asked for' 'Rate asked for'
}

@test "an export's bwlimit: the host's rate, both ways" {
	private_home
	on_tmpfs
	mkrand "$SHM/f" 600000
	cp "$SHM/f" "$ROOT/f"
	zcp_raw --public-key >"$T/client.pub" 2>/dev/null
	echo "$(grep -o '^zcp-x25519 [^ ]*' "$T/client.pub") me write" >"$T/keys"
	printf '%s\n' "authorized-keys = \"$T/keys\"" "export d { path = \"$ROOT\" mode = rw bwlimit = 256K }" >"$T/zcpd.conf"
	ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	stats 127.0.0.1:d/f "$SHM/down"
	limited "the host's rate" "Host's rate"
	stats "$SHM/f" 127.0.0.1:d/up
	limited "the host's rate" "Host's rate"
	cmp "$SHM/f" "$ROOT/up"
}

# slowed CALL ZCP_ARG...: the client, each such call of which is kept for a tenth of a second. SLOWED: more for strace
slowed() {
	local call=$1 st=0
	shift
	timeout -k 5 100 strace -f -qq -o "$T/trace" -e trace="$call" "${SLOWED[@]}" -e inject="$call":delay_enter=100000 \
		"$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -j 1 --stats "$@" >"$T/stats" 2>"$T/said" 3>&- || st=$?
	return $st
}

@test "reads that are slow here, writes that are slow here: the sender's disk, and the receiver's" {
	zcpd_start --plaintext-from 127.0.0.0/8
	mkrand "$T/f" 4500000
	cp "$T/f" "$ROOT/f"
	local how
	for how in --plaintext --encrypt; do
		slowed pread64 $how --engine=readwrite "$T/f" 127.0.0.1:up
		limited 'sender disk' 'Sender disk'
		slowed pwrite64 $how --engine=auto,readwrite 127.0.0.1:f "$T/down"
		limited 'receiver disk' 'Receiver disk'
	done
	cmp "$T/f" "$ROOT/up"
	cmp "$T/f" "$T/down"
}

@test "small files: slow to be read here, and slow to be given their names: the sender's disk, and the receiver's" {
	zcpd_start
	mkdir "$T/many"
	local i
	for i in {1..20}; do echo "$i" >"$T/many/$i"; done
	cp -r "$T/many" "$ROOT/many"
	slowed pread64 -r "$T/many" 127.0.0.1:up
	limited 'sender disk' 'Sender disk'
	slowed linkat -r 127.0.0.1:many "$T/down"
	limited 'receiver disk' 'Receiver disk'
}

# slow_host CALL [ARG...]: a daemon, each such call of which is kept for a tenth of a second
slow_host() {
	local call=$1
	shift
	ZCPD_WRAP=(strace -f -qq -o /dev/null -e trace="$call" -e inject="$call":delay_enter=100000)
	zcpd_start "$@"
}

@test "reads that are slow on the host: the sender's disk" {
	need_root
	slow_host pread64
	mkrand "$ROOT/f" 4500000
	stats --encrypt --engine=readwrite 127.0.0.1:f "$T/down"
	limited 'sender disk' 'Sender disk'
	cmp "$ROOT/f" "$T/down"
}

@test "writes that are slow on the host: the receiver's disk, and of small files their names" {
	need_root
	slow_host pwrite64,linkat,renameat2
	mkrand "$T/f" 4500000
	stats --encrypt --engine=auto,readwrite "$T/f" 127.0.0.1:up
	limited 'receiver disk' 'Receiver disk'
	mkdir "$T/many"
	local i
	for i in {1..20}; do echo "$i" >"$T/many/$i"; done
	stats -r "$T/many" 127.0.0.1:many
	limited 'receiver disk' 'Receiver disk'
	tree_equal "$T/many" "$ROOT/many"
}

@test "a pipe that nobody reads until another copy, at a rate, is done: the receiver's disk" {
	zcpd_start
	mkrand "$ROOT/f" 3000000
	mkrand "$ROOT/clock" $((2 << 20))
	mkfifo "$T/pipe"
	zcp_bg --stats 127.0.0.1:f "$T/pipe"
	exec 7<"$T/pipe"
	zcp -q --bwlimit=1M 127.0.0.1:clock "$T/clock"
	cat <&7 >"$T/got" 3>&-
	exec 7<&-
	wait "$ZCP"
	cmp "$ROOT/f" "$T/got"
	cp "$T/zcp.out" "$T/stats"
	cp "$T/zcp.err" "$T/said"
	limited 'receiver disk' 'Receiver disk'
}

@test "--integrity=none: what sendfile takes is the network's where its pages are in memory, or on a file system without disk, and the sender's disk where they are not" {
	on_tmpfs
	zcpd_start --plaintext-from 127.0.0.0/8 --integrity=none
	mkrand "$T/f" 40000000
	mkrand "$SHM/f" 40000000
	cat "$T/f" >/dev/null
	local from none=(--plaintext --integrity=none)
	for from in "$T/f" "$SHM/f"; do
		SLOWED=(-e trace=sendfile,preadv2)
		slowed sendfile "${none[@]}" "$from" 127.0.0.1:up
		limited network Network
		grep -q preadv2 "$T/trace"
		run ! grep -q 'preadv2.*ENOSYS' "$T/trace"      # its own filter lets it ask
		is Verified no
		is 'Sender cipher' '0 %'
		[[ $(last_line) == *" over 1 stream, not verified; limited by: network"* ]] || fail "$(last_line)"
		SLOWED=(-e trace=sendfile,preadv2 -e inject=preadv2:error=EAGAIN)
		slowed sendfile "${none[@]}" "$from" 127.0.0.1:up
		SLOWED=()
		limited 'sender disk' 'Sender disk'
	done
	cmp "$T/f" "$ROOT/up"
}

@test "streams that died have told nothing, the rest is counted: a stream's process is killed, another attempt brings the file" {
	zcpd_start
	mkrand "$ROOT/f" $((16 << 20))
	echo 64K >"$T/limit"
	zcp_bg --stats --retries=5 --bwlimit=@"$T/limit" 127.0.0.1:f "$T/f"
	wait_for_file "$T" '^\.zcp-.*\.j$' 1
	pkill -KILL -P "$ZCPD" -x zcpd
	echo 0 >"$T/limit"
	wait_gone "$ZCP" 100 || fail "it hangs: $(cat "$T/zcp.err")"
	wait "$ZCP" || fail "status $?: $(cat "$T/zcp.err")"
	cp "$T/zcp.out" "$T/stats"
	cp "$T/zcp.err" "$T/said"
	is 'Files copied' 1
	is 'Total size' $((16 << 20))
	at_least 'Bytes received' $((16 << 20))
	grep -q 'trying again' "$T/said"
	shares_add_up
	cmp "$ROOT/f" "$T/f"
}

@test "a line of 8 Mbit/s: the network, both ways, a file and small ones" {
	need_root
	[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
	private_home
	on_tmpfs
	mkfifo "$T/hold"
	"$ZCP_TOP/tests/beds/wan" --delay 5 --rate 8 -- bash -c 'echo ready; read -r _ <"$0"' "$T/hold" >"$T/bed" 2>&1 </dev/null 3>&- 4>&- &
	BED=$!
	wait_for_line "$T/bed" '^ready$'
	RELAY=$(pgrep -P "$BED")
	local side=$(pgrep -P "$RELAY") ZCPD_WRAP=(nsenter -t "$RELAY" -n --) ZCPD_LISTEN=10.8.0.1:0 i
	zcpd_start --plaintext-from 10.8.0.0/24 --authorized-keys "$T/client.pub"
	ZCPD_WRAP=()
	far() { timeout -k 5 100 nsenter -t "$side" -n -- "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" --stats "$@" >"$T/stats" 2>"$T/said" 3>&-; }
	mkrand "$SHM/f" 2500000
	cp "$SHM/f" "$ROOT/f"
	mkdir "$SHM/many"
	for i in {1..100}; do mkrand "$SHM/many/$i" 20000 "$i"; done
	far --plaintext 10.8.0.1:f "$SHM/down"
	limited network Network
	far --encrypt -j 4 "$SHM/f" 10.8.0.1:up
	limited network Network
	at_least 'Segments sent' 1000
	far -r "$SHM/many" 10.8.0.1:many
	limited network Network
	far -r 10.8.0.1:many "$SHM/many.down"
	limited network Network
	cmp "$SHM/f" "$ROOT/up"
	tree_equal "$SHM/many" "$SHM/many.down"
}
