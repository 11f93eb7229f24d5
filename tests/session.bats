# session.bats - what one stream may do: exports that are raw and that are not, sizes, fsync, rates, deadlines, a key that is taken away, what is opened.
load helpers
setup() { private_home; }
teardown() {
	[ -z "${PY:-}" ] || { exec 7>&-; wait "$PY" || true; }
	zcpd_stop
}

# zcp writes its key; what it may do stands in zcpd.conf. conf <TEXT: @T stands for the test's directory.
conf() {
	zcp_raw --public-key 2>/dev/null | awk '/^zcp-x25519/ { print $1, $2, "me", "write" }' >"$T/keys"
	chmod 600 "$T/keys"
	{ printf 'authorized-keys = "%s"\n' "$T/keys"; sed "s|@T|$T|g"; } >"$T/zcpd.conf"
	ZCPD_MODE="--config $T/zcpd.conf"
}
peer() { PYTHONDONTWRITEBYTECODE=1 T=$T timeout -k 5 100 /usr/bin/python3 "$ZCP_TOP/tests/peer/session.py" "$@" 3>&-; }
data() { PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ZCP_TOP/tests/peer /usr/bin/python3 -c "import sys, harness; sys.stdout.buffer.write(harness.content(600000, 'session'))" 3>&-; }
ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# --- raw, export by export ------------------------------------------------------------------------------------------------

two_exports() {
	mkdir -p "$T/open" "$T/closed"
	conf <<-'C'
		plaintext-from = {"127.0.0.0/8"}
		export open { path = "@T/open" mode = rw }
		export closed { path = "@T/closed" mode = rw plaintext-from = {none} }
	C
	zcpd_start
	data >"$T/open/big"
	cp "$T/open/big" "$T/closed/big"
}

@test "an export that is not raw is sealed on a raw stream, down and up, and -v says so" {
	two_exports
	run -0 zcp -v 127.0.0.1:open/big "$T/a"
	assert_output --partial 'plaintext, '
	run -0 zcp -v 127.0.0.1:closed/big "$T/b"
	assert_output --partial 'encrypted with suite'
	assert_output --partial 'zcpd does not allow plaintext from here'
	refute_output --partial 'plaintext, '
	cmp "$T/open/big" "$T/b"
	run -0 zcp -v "$T/open/big" 127.0.0.1:open/up
	assert_output --partial 'plaintext, '
	run -0 zcp -v "$T/open/big" 127.0.0.1:closed/up
	assert_output --partial 'encrypted with suite'
	refute_output --partial 'plaintext, '
	cmp "$T/open/big" "$T/closed/up"
	run -0 zcp -v 127.0.0.1:open/big 127.0.0.1:closed/up "$T/"
	assert_output --partial 'plaintext, '
	assert_output --partial 'what lies where zcpd does not allow plaintext encrypted'
}

@test "--plaintext, and an engine that cannot seal, are status 4 where the export is not raw" {
	two_exports
	run -4 zcp --plaintext 127.0.0.1:closed/big "$T/a"
	assert_output --partial 'zcpd does not allow plaintext from here'
	run -4 zcp --plaintext "$T/open/big" 127.0.0.1:closed/up
	assert_output --partial 'zcpd does not allow plaintext from here'
	run -4 zcp --engine=sendfile 127.0.0.1:closed/big "$T/b"
	assert_output --partial 'libsodium never sees the bytes'
	run -4 zcp --engine=sendfile "$T/open/big" 127.0.0.1:closed/up
	assert_output --partial 'libsodium never sees the bytes'
	run -4 zcp --engine=auto,splice --plaintext "$T/open/big" 127.0.0.1:closed/up
	[ ! -e "$T/a" ] && [ ! -e "$T/b" ] && [ ! -e "$T/closed/up" ] || fail "something was made"
	run -0 zcp --plaintext --engine=sendfile 127.0.0.1:open/big "$T/c"
	cmp "$T/open/big" "$T/c"
	no_litter "$T"
}

@test "a client that sends raw where it must not is cut off, nothing is published, and zcpd serves on" {
	two_exports
	run -0 peer raw-where-not
	cmp "$T/open/big" "$T/open/raw"
	[ ! -e "$T/closed/raw" ]
	wait_for_line "$T/zcpd.log" 'not in the protocol'
	no_litter "$T"
	run -0 zcp 127.0.0.1:open/big "$T/a"
}

@test "MKDIR's answer says whether the directory was there" {
	zcpd_start
	mkdir "$ROOT/there"
	run -0 peer made-or-there
	[ -d "$ROOT/new/below" ]
}

@test "what zcpd sends from an export that is not raw is sealed, parts of files too" {
	two_exports
	run -0 peer sealed-where-not
}

# --- sizes, fsync, rates --------------------------------------------------------------------------------------------------

@test "max-bytes: a larger file is refused before a byte of it is written" {
	mkdir "$T/d"
	conf <<<'export d { path = "@T/d" mode = rw prefix = "/" max-bytes = 64K }'
	zcpd_start
	mkrand "$T/fits" 65536
	mkrand "$T/over" 65537
	mkrand "$T/large" 3000000
	run -0 zcp "$T/fits" 127.0.0.1:
	run -44 zcp "$T/over" 127.0.0.1:
	assert_output --partial 'larger than zcpd lets a file there be (max-bytes)'
	run -44 zcp "$T/large" 127.0.0.1:
	run -44 zcp "$T/fits" "$T/large" 127.0.0.1:
	run -0 peer too-large
	wait_for_line "$T/zcpd.log" 'closed the connection before the end'
	assert_equal "$(ls "$T/d")" fits
	no_litter "$T"
}

@test "max-bytes counts for a file inside a record, too" {
	mkdir "$T/d"
	conf <<<'export d { path = "@T/d" mode = rw prefix = "/" max-bytes = 1000 }'
	zcpd_start
	mkrand "$T/fits" 1000
	mkrand "$T/over" 1001
	run -44 zcp "$T/fits" "$T/over" 127.0.0.1:
	assert_equal "$(ls "$T/d")" fits
}

@test "fsync: every file is on the disk before it counts as stored; without it none is" {
	for yes in yes no; do
		rm -rf "$T/d"
		mkdir "$T/d"
		conf <<<"export d { path = \"@T/d\" mode = rw prefix = \"/\" fsync = $yes }"
		ZCPD_WRAP=(strace -f -qq -o "$T/trace.$yes" -e 'trace=fsync,fdatasync,syncfs')
		zcpd_start
		mkrand "$T/small" 1000
		mkrand "$T/large" 300000
		run -0 zcp "$T/small" "$T/large" 127.0.0.1:
		zcpd_stop
		ZCPD_WRAP=()
	done
	# the file and its directory, each
	[ "$(grep -cE 'f(data)?sync\(' "$T/trace.yes")" -ge 4 ] || fail "$(cat "$T/trace.yes")"
	run ! grep -E 'sync' "$T/trace.no"
}

@test "bwlimit: no more than that, in either direction, by any way of sending, all streams together" {
	local began took
	mkdir "$T/d"
	conf <<<'plaintext-from = {"127.0.0.0/8"} export d { path = "@T/d" mode = rw prefix = "/" bwlimit = 2M }'
	zcpd_start
	mkrand "$T/d/f" 2097152
	for how in --plaintext --encrypt; do
		# two seconds' worth in two streams; a tenth of a second may be taken in advance
		began=$(ms)
		zcp_bg $how 127.0.0.1:f "$T/a"
		run -0 zcp $how 127.0.0.1:f "$T/b"
		wait "$ZCP"
		took=$(($(ms) - began))
		[ $took -ge 1850 ] || fail "$how down: 4 MiB in $took ms"
		cmp "$T/d/f" "$T/a"
		cmp "$T/d/f" "$T/b"
		began=$(ms)
		run -0 zcp $how "$T/a" 127.0.0.1:up
		took=$(($(ms) - began))
		[ $took -ge 850 ] || fail "$how up: 2 MiB in $took ms"
		cmp "$T/a" "$T/d/up"
	done
	# small files are charged too
	mkdir "$T/many"
	for i in {1..40}; do mkrand "$T/many/$i" 50000 "$i"; done
	began=$(ms)
	run -0 zcp -r "$T/many" 127.0.0.1:
	took=$(($(ms) - began))
	[ $took -ge 800 ] || fail "40 small files up in $took ms"
	began=$(ms)
	run -0 zcp -r 127.0.0.1:many "$T/again"
	took=$(($(ms) - began))
	[ $took -ge 800 ] || fail "40 small files down in $took ms"
	tree_equal "$T/many" "$T/again"
}

@test "bwlimit: a rate that makes one piece last longer than the client's timeout does not stall it" {
	mkdir "$T/d"
	conf <<<'export d { path = "@T/d" mode = rw prefix = "/" bwlimit = 64K }'
	zcpd_start
	mkrand "$T/f" 200000
	run -0 zcp --encrypt --timeout=2 "$T/f" 127.0.0.1:up
	cmp "$T/f" "$T/d/up"
	run -0 zcp --encrypt --timeout=2 127.0.0.1:up "$T/back"
	cmp "$T/f" "$T/back"
}

# --- deadlines ------------------------------------------------------------------------------------------------------------

slow_start() { zcpd_start --timeout 1 "$@"; }

@test "a message that comes byte by byte ends its stream" {
	slow_start
	run -0 peer drip-message
	wait_for_line "$T/zcpd.log" 'has not moved a byte for the whole timeout|was too slow'
	[ ! -e "$ROOT/dripped" ]
	no_litter "$ROOT"
}

@test "contents that come byte by byte end their stream: sealed, raw, and raw without tags" {
	slow_start --plaintext-from 127.0.0.0/8 --integrity=none
	run -0 peer drip-contents
	run -0 peer drip-raw
	NO_TAGS=1 run -0 peer drip-raw
	wait_for_line "$T/zcpd.log" 'timeout'
	[ ! -e "$ROOT/dripped" ]
	wait_children_gone
	no_litter "$ROOT"
}
wait_children_gone() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ZCP_TOP/tests/peer /usr/bin/python3 -c "import sys, harness; sys.exit(not harness.wait_children($ZCPD))" 3>&-
}

@test "a client that never reads what it asked for is ended: sealed and raw" {
	slow_start --plaintext-from 127.0.0.0/8
	truncate -s 200M "$ROOT/huge"
	for want in sealed raw; do
		: >"$T/zcpd.log"
		mkfifo "$T/in.$want"
		WANT=$want peer never-reads <"$T/in.$want" >"$T/out.$want" 2>&1 &
		PY=$!
		exec 7>"$T/in.$want"
		wait_for_line "$T/zcpd.log" 'timeout'
		exec 7>&-
		wait "$PY"
		PY=
	done
}

@test "a slow client that keeps moving is served" {
	zcpd_start --timeout 10
	run -0 peer steady
	assert_equal "$(stat -c %s "$ROOT/steady")" 3000
}

@test "idle-timeout: a stream that asks for nothing is ended, with words of its own; WAIT keeps it" {
	mkdir "$T/d"
	conf <<<'idle-timeout = 1 stall-timeout = 30 export d { path = "@T/d" prefix = "/" }'
	zcpd_start
	run -0 peer idle
	wait_for_line "$T/zcpd.log" 'no request came for as long as a stream may be idle'
	run -0 peer waits
}

@test "the options that notice a peer that has gone are set on every stream" {
	ZCPD_WRAP=(strace -f -qq -o "$T/trace" -e trace=setsockopt)
	zcpd_start --timeout 8
	echo x >"$ROOT/f"
	run -0 zcp 127.0.0.1:f "$T/f"
	zcpd_stop
	ZCPD_WRAP=()
	# a process that is not dumpable shows the values to root's strace only
	for option in 'TCP_USER_TIMEOUT, [24000]' 'TCP_KEEPIDLE, [2]' 'TCP_KEEPINTVL, [2]' 'TCP_KEEPCNT, [4]' 'SO_KEEPALIVE, [1]'; do
		is_root || option=${option%[*}
		grep -qF "$option" "$T/trace" || fail "no $option: $(cat "$T/trace")"
	done
}

# --- who is let in --------------------------------------------------------------------------------------------------------

@test "a client that only looks at the host key is no failure: a word at -v, none without" {
	zcpd_start -v
	run -0 peer looks-at-the-key
	wait_for_line "$T/zcpd.log" "closed when it had seen this host's key"
	zcpd_stop
	: >"$T/zcpd.log"
	rm -f "$T/port"
	zcpd_start
	run -0 peer looks-at-the-key
	echo x >"$ROOT/f"
	run -0 zcp 127.0.0.1:f "$T/f"
	wait_for_line "$T/zcpd.log" 'complete'
	run ! grep -E "no handshake|closed when" "$T/zcpd.log"
}

@test "a key that is taken away: its stream ends at its next request, told why; what it had begun is finished" {
	local what round=0
	mkdir "$T/d"
	for what in STAT LIST FETCH STORE; do
		round=$((round + 1))
		conf <<<'export d { path = "@T/d" mode = rw prefix = "/" }'
		[ $round -gt 1 ] || zcpd_start
		mkfifo "$T/in.$what"
		peer revoked $what <"$T/in.$what" >"$T/out.$what" 2>&1 &
		PY=$!
		exec 7>"$T/in.$what"
		wait_for_line "$T/out.$what" open
		printf 'zcp-x25519 %s other write\n' "$(head -c 32 /dev/urandom | base64)" >"$T/keys"
		kill -HUP "$ZCPD"
		wait_for_lines "$T/zcpd.log" 'it ends at its next request' $round
		echo go >&7
		exec 7>&-
		wait "$PY" || fail "$what: $(cat "$T/out.$what")"
		PY=
		wait_for_lines "$T/zcpd.log" 'its key was taken away' $round
		cmp "$T/d/half" <(data)
		[ ! -e "$T/d/more" ]
		run -40 zcp 127.0.0.1:half "$T/half"
	done
}

@test "a key that is taken away writes no file that was only asked for: what had begun is finished, the rest is 40" {
	mkdir "$T/d"
	conf <<<"transfer-log = \"$T/log\" export d { path = \"@T/d\" mode = rw prefix = \"/\" }"
	zcpd_start
	mkfifo "$T/in"
	peer revoked-ahead <"$T/in" >"$T/out" 2>&1 &
	PY=$!
	exec 7>"$T/in"
	wait_for_line "$T/out" open
	printf 'zcp-x25519 %s other write\n' "$(head -c 32 /dev/urandom | base64)" >"$T/keys"
	kill -HUP "$ZCPD"
	wait_for_line "$T/zcpd.log" 'it ends at its next request'
	echo go >&7
	exec 7>&-
	wait "$PY" || fail "$(cat "$T/out")"
	PY=
	wait_for_line "$T/zcpd.log" 'received 1 file, .* 2 failed; .*its key was taken away'
	assert_equal "$(ls -A "$T/d")" ahead1
	wait_for_line "$T/log" '"d" "ahead2" 0 bytes 0\.000 s inline [a-z0-9]+ 40$'
	wait_for_line "$T/log" '"d" "ahead3" 0 bytes 0\.000 s inline [a-z0-9]+ 40$'
}

@test "a key that is taken away in the middle of one request for many files gets the one at hand, and no more" {
	mkdir "$T/d"
	mkrand "$T/d/huge" 30000000
	conf <<<'export d { path = "@T/d" prefix = "/" }'
	zcpd_start
	mkfifo "$T/in"
	HUGE=$T/d/huge peer revoked-between <"$T/in" >"$T/out" 2>&1 &
	PY=$!
	exec 7>"$T/in"
	wait_for_line "$T/out" open
	printf 'zcp-x25519 %s other write\n' "$(head -c 32 /dev/urandom | base64)" >"$T/keys"
	kill -HUP "$ZCPD"
	wait_for_line "$T/zcpd.log" 'it ends at its next request'
	echo go >&7
	exec 7>&-
	wait "$PY" || fail "$(cat "$T/out")"
	PY=
	wait_for_line "$T/zcpd.log" 'sent 1 file, .* 1 failed; .*its key was taken away'
}
# wait_for_lines FILE WORDS N: until N lines have them
wait_for_lines() {
	local n
	exec {n}< <(exec tail -n +1 -F -s 0.05 -- "$1" 2>/dev/null 3>&-)
	local tail=$! line seen=0
	while [ $seen -lt "$3" ] && read -r -t 20 -u "$n" line; do
		[[ $line != *"$2"* ]] || seen=$((seen + 1))
	done
	exec {n}<&-
	kill $tail 2>/dev/null || true
	[ $seen -ge "$3" ] || fail "not $3 times '$2' in $1: $(cat "$1")"
}

# refusing [LET]: a server that says of every request but LET that the key was taken away
refusing() {
	mkdir -p "$T/served"
	mkfifo "$T/py.in.${1:-}" "$T/py.out.${1:-}"
	LET=${1:-} ROOT=$T/served peer taken-away <"$T/py.in.${1:-}" >"$T/py.out.${1:-}" 2>"$T/py.log" &
	PY=$!
	exec 7>"$T/py.in.${1:-}"
	read -r -t 60 PORT HOSTKEY <"$T/py.out.${1:-}" || fail "the scripted server did not start: $(cat "$T/py.log")"
}

@test "40 for one request is the job's status, whatever was asked for" {
	zcp_raw --public-key >/dev/null 2>&1
	mkdir "$T/tree"
	for i in 1 2 3; do mkrand "$T/tree/$i" 100000; done
	local first
	for first in '' STAT; do
		refusing $first
		cp -r "$T/tree" "$T/served/"
		for job in "127.0.0.1:tree/1 $T/a" "-r 127.0.0.1:tree $T/b" "$T/tree/1 127.0.0.1:up" "-r $T/tree 127.0.0.1:ups"; do
			# shellcheck disable=SC2086
			run zcp $job
			[ "$status" = 40 ] || fail "$first, $job: status $status: $output"
			assert_output --partial 'not authorised'
			refute_output --partial 'closed the connection'
		done
		exec 7>&-
		wait "$PY" || true
		PY=
		rm -rf "$T/served"
	done
	no_litter "$T"
}

# --- what is opened -------------------------------------------------------------------------------------------------------

@test "a FIFO that is asked for is never opened, only looked at" {
	need_root       # a process that is not dumpable shows names to root's strace only
	ZCPD_WRAP=(strace -f -qq -o "$T/trace" -e 'trace=open,openat,openat2')
	zcpd_start
	mkfifo "$ROOT/pipe"
	ln -s pipe "$ROOT/to-pipe"
	echo yes >"$ROOT/file"
	run zcp 127.0.0.1:pipe "$T/a"
	[ "$status" != 0 ]
	run zcp 127.0.0.1:to-pipe "$T/a"
	[ "$status" != 0 ]
	run -0 zcp 127.0.0.1:file "$T/b"
	zcpd_stop
	ZCPD_WRAP=()
	grep -q '"pipe".*O_PATH' "$T/trace" || fail "it was not looked at: $(cat "$T/trace")"
	run ! grep -E '"(to-)?pipe"' <(grep -v O_PATH "$T/trace")
	grep '"file"' "$T/trace" | grep -qv O_PATH
}

@test "a device that is asked for is never opened" {
	need_root
	ZCPD_WRAP=(strace -f -qq -o "$T/trace" -e 'trace=open,openat,openat2')
	zcpd_start
	mknod "$ROOT/null" c 1 3 || skip "no devices here"
	run zcp 127.0.0.1:null "$T/a"
	[ "$status" != 0 ]
	zcpd_stop
	ZCPD_WRAP=()
	run ! grep '"null"' <(grep -v O_PATH "$T/trace" | grep -v /dev/null)
}

@test "a scripted client that asks for FIFOs directly is refused, and the writer goes on waiting" {
	zcpd_start
	mkfifo "$ROOT/pipe"
	PYTHONDONTWRITEBYTECODE=1 run -1 timeout 60 /usr/bin/python3 "$ZCP_TOP/tests/peer/client.py" --key "$T/client/zcp/identity" --pin "$HOSTKEY" "$PORT" \
		get pipe "$T/a" 3>&-
	assert_output --partial 'status=4'
}

@test "more damaged chunks than a file may have are that file's failure, and the stream lives on" {
	zcpd_start
	run -0 peer damaged
	[ ! -e "$ROOT/damaged" ]
	no_litter "$ROOT"
}
