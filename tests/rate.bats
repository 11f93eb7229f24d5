# rate.bats - -l and --bwlimit: their forms, a rate in a file, and what a limit does to a copy. Events decide, not times.
load helpers
setup() { T=$BATS_TEST_TMPDIR; }
teardown() {
	[ -z "${ZCP:-}" ] || kill "$ZCP" 2>/dev/null || true
	zcpd_stop
}

# refuses WORDS ARG...: status 1, those words, one line
refuses() {
	local words=$1
	shift
	run --separate-stderr zcp_raw "$@"
	# shellcheck disable=SC2154 # run sets them
	[ "$status" = 1 ] || fail "zcp $*: status $status: $stderr"
	[[ $stderr == "zcp: "*"$words"* ]] || fail "zcp $*: does not say '$words': $stderr"
	[ "$(wc -l <<<"$stderr")" = 1 ] || fail "zcp $*: more than a line: $stderr"
}

@test "rates that are none: status 1, and the forms there are" {
	private_home
	cd "$T"
	local bad
	for bad in 3 3K 1; do refuses "--bwlimit: '$bad' is not enough: at least 4K, or zcpd takes the streams for dead" --bwlimit="$bad" h:f .; done
	for bad in 1.5M 1,5; do refuses "--bwlimit: '$bad' is not a rate: whole numbers only" --bwlimit="$bad" h:f .; done
	for bad in 12Q 0x10 -1 ' 5' '5 ' K 5KiB 1e6 99999999999999999999; do
		refuses "--bwlimit: '$bad' is not a rate: KiB a second, or a number with K, M or G, at least 4K; 0 is no limit" --bwlimit="$bad" h:f .
	done
	refuses "--bwlimit: '' is not a rate" --bwlimit= h:f .
	refuses "--bwlimit: '@' is not @FILE" --bwlimit=@ h:f .
	for bad in 0 31 x 1.5 -1 104857601 ''; do
		refuses "-l/--limit: '$bad' is not a number from 32 to 104857600 (Kbit/s; --bwlimit=1M is in bytes)" --limit="$bad" h:f .
	done
	refuses '-l and --bwlimit contradict each other' -l 32 --bwlimit=8K h:f .
	refuses '-l and --bwlimit contradict each other' --bwlimit=0 -l 32 h:f .
	refuses '-l and --bwlimit contradict each other' --bwlimit=@x -l 32 h:f .
	# the same twice is no contradiction, and of two rates the last one counts
	refuses 'nothing to copy' -l 32 --bwlimit=4K
	refuses 'nothing to copy' --bwlimit=@x --bwlimit=4 -l 32
}

@test "a file with a rate that is missing, or has none: status 1, before anything is connected" {
	private_home
	cd "$T"
	refuses '--bwlimit=@missing: no such file' --bwlimit=@missing -P 1 127.0.0.1:f .
	mkdir dir
	refuses '--bwlimit=@dir: not a regular file' --bwlimit=@dir -P 1 127.0.0.1:f .
	mkfifo fifo
	refuses '--bwlimit=@fifo: not a regular file' --bwlimit=@fifo -P 1 127.0.0.1:f .
	refuses '--bwlimit=@/dev/zero: not a regular file' --bwlimit=@/dev/zero -P 1 127.0.0.1:f .
	: >empty
	refuses "--bwlimit=@empty: '' is not a rate" --bwlimit=@empty -P 1 127.0.0.1:f .
	printf '\e[31m\n' >ugly
	refuses "'\\x1b[31m' is not a rate" --bwlimit=@ugly -P 1 127.0.0.1:f .
	echo 3K >small
	refuses "'3K' is not a rate" --bwlimit=@small -P 1 127.0.0.1:f .
}

# held DIRECTION WHAT ARG...: a copy of WHAT at 4 KiB/s, which cannot be done for hours; then there is no limit any more, and it ends.
held() {
	local way=$1 what=$2 from=127.0.0.1:$2 to=$T/copy there=$T/copy
	shift 2
	[ "$way" = down ] || { mv "$ROOT/$what" "$T/"; from=$T/$what to=127.0.0.1:copy there=$ROOT/copy; }
	echo 4K >"$T/limit"
	zcp_bg -v --bwlimit=@"$T/limit" "$@" "$from" "$to"
	wait_for_line "$T/zcp.err" 'limit: 4\.0 KiB/s at first'
	wait_for_line "$T/zcp.err" 'onfined'
	# the new word is looked at a second long before it is said to be none; without a limit all would have been copied by then
	echo banana >"$T/limit"
	wait_for_line "$T/zcp.err" "limit: the rate stays as it is: 'banana' is not a rate"
	kill -0 "$ZCP" || fail "it has ended: $(cat "$T/zcp.err")"
	! grep -q ' files*, ' "$T/zcp.err" || fail "it is done: $(cat "$T/zcp.err")"
	echo 0 >"$T/limit.new"
	mv "$T/limit.new" "$T/limit"
	wait_for_line "$T/zcp.err" 'limit: no limit from now on'
	wait_gone "$ZCP" 100 || fail "it goes on at the old rate: $(cat "$T/zcp.err")"
	wait "$ZCP" || fail "status $?: $(cat "$T/zcp.err")"
	ZCP=
	tree_equal "$there" "$([ "$way" = down ] && echo "$ROOT/$what" || echo "$T/$what")"
	no_sanitizer "$T/zcp.err"
}

@test "a limit holds downloads, and one in a file that is changed lets them go at once: plaintext, sealed, two streams" {
	zcpd_start --plaintext-from 127.0.0.0/8
	mkrand "$ROOT/big" $((48 << 20))
	local how
	for how in "-j 1 --plaintext" "-j 1 --encrypt" "-j 2"; do
		# shellcheck disable=SC2086 # words
		held down big $how
		rm "$T/copy"
	done
}

@test "a limit holds uploads, and one in a file that is changed lets them go at once: plaintext, sealed, two streams" {
	zcpd_start --plaintext-from 127.0.0.0/8
	local how
	for how in "-j 1 --plaintext" "-j 1 --encrypt" "-j 2"; do
		mkrand "$ROOT/big" $((48 << 20))
		# shellcheck disable=SC2086 # words
		held up big $how
		rm "$ROOT/copy" "$T/big"
	done
}

@test "a limit holds small files, too, both ways" {
	zcpd_start
	mkdir "$ROOT/tree"
	local i
	for i in {1..60}; do mkrand "$ROOT/tree/$i" 4000 "$i"; done
	held down tree -r
	held up tree -r
}

@test "a copy that waits for its rate ends at once when it is told to" {
	zcpd_start
	mkrand "$ROOT/big" $((16 << 20))
	local way st
	for way in "127.0.0.1:big $T/copy" "$ROOT/big 127.0.0.1:copy"; do
		# shellcheck disable=SC2086 # two words
		zcp_bg -v -l 32 --encrypt $way
		wait_for_line "$T/zcp.err" 'onfined'
		kill -TERM "$ZCP"
		wait_gone "$ZCP" || fail "$way: it waits on"
		st=0
		wait "$ZCP" || st=$?
		ZCP=
		assert_equal "$st" 20
	done
}

@test "the process that watches a rate's file has nothing else open, and ends with zcp, even when that is killed" {
	zcpd_start
	mkrand "$ROOT/big" $((16 << 20))
	echo 4K >"$T/limit"
	zcp_bg -v --bwlimit=@"$T/limit" --encrypt 127.0.0.1:big "$T/copy"
	wait_for_line "$T/zcp.err" 'onfined'
	local watcher
	watcher=$(pgrep -P "$ZCP")
	[[ $watcher =~ ^[0-9]+$ ]] || fail "processes of zcp: $watcher"
	if is_root; then
		[ "$(readlink "/proc/$watcher/fd/"* | sed 's/:.*//' | sort | tr '\n' ' ')" = "$T anon_inode pipe " ] || fail "open: $(readlink "/proc/$watcher/fd/"*)"
	fi
	kill -KILL "$ZCP"
	wait_gone "$ZCP"
	wait "$ZCP" || true
	ZCP=
	wait_gone "$watcher" || fail "it stays"
}

@test "-v: why there are fewer streams than -j says: the rate, or a destination that is written into" {
	zcpd_start
	echo hello >"$ROOT/f"
	run -0 zcp -v -j 8 --bwlimit=8K 127.0.0.1:f "$T/f"
	assert_output --regexp ' [1-7] streams?: the rate feeds no more'
	run -0 zcp -v -j 8 127.0.0.1:f /dev/null
	assert_output --partial ' 1 stream: what is written into DST comes in order'
	run -0 zcp -v -j 8 127.0.0.1:f "$T/f"
	assert_output --partial 'up to 8 streams: -j'
	assert_output --regexp 'B/s over 1 stream; limited by: '
}
