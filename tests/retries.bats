# retries.bats - --retries: which ends are tried again, and that a copy goes on where it was.
#
# A daemon that comes back needs its old port: each test has a loopback address of its own.
load helpers

setup() { T=$BATS_TEST_TMPDIR; AT=127.$((64 + BASHPID / 65536 % 64)).$((BASHPID / 256 % 256)).$((1 + BASHPID % 254)); }
teardown() { zcpd_stop; }

start() { ZCPD_LISTEN=$AT:7722 zcpd_start "$@"; }
kill_daemon() {                         # -9, with all its streams
	local pids
	pids=$(pgrep -P "$ZCPD" -x zcpd) || pids=
	# shellcheck disable=SC2086
	kill -KILL $ZCPD $pids
	wait_gone "$ZCPD"
	ZCPD=
}
end_of_zcp() {                          # STATUS
	wait_gone "$ZCP" 100 || fail "zcp did not end: $(cat "$T/zcp.err")"
	status=0
	wait "$ZCP" || status=$?
	[ "$status" = "$1" ] || fail "status $status: $(cat "$T/zcp.err")"
}

@test "nobody listens: tried again as often as --retries says, each attempt named, then status 10" {
	start
	kill_daemon
	run -10 zcp --retries=1 "$AT:f" "$T/f"
	assert_line --regexp '^zcp: .*: connection refused: .*'
	assert_line --regexp '^zcp: .*: trying again in 1\.[0-2] s \(1 of 1\)$'
	[ "$(grep -c 'connection refused' <<<"$output")" = 2 ]
	[ ! -e "$T/f" ]
}

@test "without --retries nothing is tried twice" {
	start
	kill_daemon
	run -10 zcp "$AT:f" "$T/f"
	refute_output --partial 'trying again'
}

@test "zcpd comes up while zcp waits: the copy is made, status 0" {
	start
	echo hello >"$ROOT/f"
	kill_daemon
	zcp_bg --retries=20 "$AT:f" "$T/f"
	wait_for_line "$T/zcp.err" 'trying again'
	start
	end_of_zcp 0
	cmp "$ROOT/f" "$T/f"
}

@test "zcpd is killed in the middle of a large file, down and up, and comes back: identical, and not from the start" {
	local way
	mkrand "$T/big" $((64 << 20))
	for way in down up; do
		ROOT=$T/$way.root
		start
		mkdir "$T/$way"
		if [ $way = down ]; then
			cp "$T/big" "$ROOT/big"
			zcp_bg -v --retries=20 --bwlimit=24M -j 2 "$AT:big" "$T/down/big"
			grown "$T/down/.zcp-*.j" 4096
		else
			zcp_bg -v --retries=20 --bwlimit=24M -j 2 "$T/big" "$AT:big"
			grown "$ROOT/.zcp-*.j" 4096
		fi
		kill_daemon
		wait_for_line "$T/zcp.err" 'trying again'
		start
		end_of_zcp 0
		if [ $way = down ]; then cmp "$T/big" "$T/down/big"; else cmp "$T/big" "$ROOT/big"; fi
		grep -Eq 'big: [0-9]+ of 67108864 bytes are (there|here) already' "$T/zcp.err" || fail "$(cat "$T/zcp.err")"
		no_litter "$T/$way" "$ROOT"
		zcpd_stop
	done
}

@test "-H: zcpd is killed while files of several names are copied, and comes back: still files of several names, and what was to stay stays" {
	local way i
	mkdir -p "$T/tree/d"
	for i in {1..40}; do echo "$i" >"$T/tree/f$i"; ln "$T/tree/f$i" "$T/tree/d/g$i"; done
	mkrand "$T/tree/slow" $((12 << 20)); ln "$T/tree/slow" "$T/tree/d/slow2"
	for way in down up; do
		ROOT=$T/$way.root
		start
		mkdir -p "$T/$way/tree"
		if [ $way = down ]; then
			cp -a "$T/tree" "$ROOT/tree"
			to=$T/down/tree; echo mine >"$to/f7"
			zcp_bg -v --retries=20 --bwlimit=6M -j 1 -a -H --ignore-existing "$AT:tree" "$T/down"
		else
			to=$ROOT/tree; mkdir "$to"; echo mine >"$to/f7"
			zcp_bg -v --retries=20 --bwlimit=6M -j 1 -a -H --ignore-existing "$T/tree" "$AT:"
		fi
		grown "$to*/.zcp-*" 1
		kill_daemon
		wait_for_line "$T/zcp.err" 'trying again'
		start
		end_of_zcp 0
		find "$to" -name '.zcp-*' -type f -delete
		assert_equal "$(cat "$to/f7")" mine
		rm "$to/f7"
		diff -r "$T/tree" "$to" | grep -v '^Only in .*: f7$' && fail "they differ"
		assert_equal "$(find "$to" -type f -links 2 | wc -l)" 80
		cmp "$to/d/slow2" "$T/tree/slow"
		[ "$to/d/slow2" -ef "$to/slow" ]
		zcpd_stop
	done
}

@test "zcpd is killed in the middle of a tree, down and up, and comes back: complete, and what was finished is not copied twice" {
	local way once
	mktree "$T/tree" 400
	mkrand "$T/tree/slow" $((6 << 20))
	for way in down up; do
		ROOT=$T/$way.root
		start
		mkdir -p "$T/$way"
		if [ $way = down ]; then
			cp -a "$T/tree" "$ROOT/tree"
			zcp_bg -v --retries=20 --bwlimit=4M -j 1 -a "$AT:tree" "$T/down/copy"
			wait_for_line "$T/zcp.err" '^zcp: .*/copy/'
		else
			zcp_bg -v --retries=20 --bwlimit=4M -j 1 -a "$T/tree" "$AT:copy"
			wait_for_line "$T/zcp.err" '^zcp: copy/'
		fi
		kill_daemon
		wait_for_line "$T/zcp.err" 'trying again'
		start
		end_of_zcp 0
		# a kill leaves a small file's aside file, which is swept when it is a week old
		find "$T/$way" "$ROOT" -name '.zcp-*' -type f -delete
		if [ $way = down ]; then tree_equal "$T/tree" "$T/down/copy" modes links; else tree_equal "$T/tree" "$ROOT/copy" modes links; fi
		# DST was not there at first: it is still the copy, and not what the copy is put into
		once=$(grep -cE '^zcp: ([^ ]*/)?copy/' "$T/zcp.err")
		[ "$once" -le $(($(find "$T/tree" -type f | wc -l) + 1)) ] || fail "$once files were copied"
		zcpd_stop
	done
}

@test "a source that is missing here is missing after every attempt: 23, not 0" {
	start
	echo hello >"$T/f"
	kill_daemon
	zcp_bg --retries=20 "$T/f" "$T/nothing" "$AT:"
	wait_for_line "$T/zcp.err" 'trying again'
	start
	end_of_zcp 23
	cmp "$T/f" "$ROOT/f"
	[ "$(grep -c 'nothing: no such file' "$T/zcp.err")" = 1 ] || fail "$(cat "$T/zcp.err")"
}

@test "a refused key, a missing file, another host key: no matter for a further attempt" {
	start
	run -3 zcp --retries=5 "$AT:nothing" "$T/f"
	refute_output --partial 'trying again'
	run -42 zcp_raw --host-key="zcp-x25519 $(head -c 32 /dev/zero | base64)" --retries=5 -P "$PORT" "$AT:f" "$T/f"
	refute_output --partial 'trying again'
	: >"$T/nobody"
	zcpd_stop
	start --authorized-keys "$T/nobody"
	run -40 zcp --retries=5 "$AT:f" "$T/f"
	refute_output --partial 'trying again'
}

@test "another host answers the second attempt: its key is not the first one's, nothing is sent, 42" {
	start
	mkrand "$ROOT/big" $((64 << 20))
	zcp_raw --accept-new -P "$PORT" "$AT:big" "$T/known" 2>"$T/first.err"
	"$ZCP_BUILD/zcp" -P "$PORT" --retries=20 --bwlimit=8M "$AT:big" "$T/f" >"$T/zcp.out" 2>"$T/zcp.err" </dev/null 3>&- 4>&- &
	ZCP=$!
	grown "$T/.zcp-*.j" 1024
	kill_daemon
	wait_for_line "$T/zcp.err" 'trying again'
	rm -r "$T/state"
	start
	end_of_zcp 42
	grep -q 'it showed another key than a moment ago. Nothing was sent' "$T/zcp.err"
}

@test "a signal while zcp waits for the next attempt ends it at once: 20" {
	start
	kill_daemon
	zcp_bg --retries=1000 "$AT:f" "$T/f"
	wait_for_line "$T/zcp.err" 'trying again'
	kill -TERM "$ZCP"
	end_of_zcp 20
	grep -q '^zcp: interrupted$' "$T/zcp.err" || fail "$(cat "$T/zcp.err")"
}

# what one run fills, another one finds busy
holder() {                              # ARG...: a slow copy of one large file, until its journal is there; its process in HOLDER
	zcp_bg --bwlimit=1M "${@:2}"
	HOLDER=$ZCP
	grown "$1/.zcp-*.j" 1
}
busy_tree() {                           # HOLDS-WHERE FROM TO ARG...: the tree FROM into TO, whose file big another run fills
	local where=$1 from=$2 to=$3
	run -46 zcp -v -r "$from" "$to"
	assert_output --partial 'big: another run is filling this file'
	zcp_bg -v -r --retries=20 "$from" "$to"
	wait_for_line "$T/zcp.err" 'trying again'
	kill -KILL "$HOLDER"
	wait "$HOLDER" || true
	end_of_zcp 0
	no_litter "$where"
}
@test "a large file of a tree that another run fills: 46 when all else is copied, and --retries goes on when that run is gone, down and up" {
	start
	mkdir "$T/tree" "$ROOT/copy"
	mkrand "$T/tree/big" $((48 << 20))
	echo small >"$T/tree/small"
	holder "$ROOT/copy" "$T/tree/big" "$AT:copy/big"
	busy_tree "$ROOT/copy" "$T/tree/." "$AT:copy"
	tree_equal "$T/tree" "$ROOT/copy"
	mkdir "$T/copy"
	holder "$T/copy" "$AT:copy/big" "$T/copy/big"
	busy_tree "$T/copy" "$AT:copy/." "$T/copy"
	tree_equal "$T/tree" "$T/copy"
}

@test "-v: who waits for another run to let go of a file says so once" {
	start
	mkrand "$T/big" $((48 << 20))
	holder "$ROOT" "$T/big" "$AT:big"
	run -46 zcp -v "$T/big" "$AT:big"
	[ "$(grep -c 'big: waiting for the other run that fills it$' <<<"$output")" = 1 ] || fail "$output"
	kill -KILL "$HOLDER"
	wait "$HOLDER" || true
}

@test "-q: an attempt that failed and was repeated is not an error: nothing is said when the job is complete" {
	start
	mkrand "$ROOT/big" $((48 << 20))
	zcp_bg -q --retries=20 --bwlimit=24M -j 2 "$AT:big" "$T/big"
	grown "$T/.zcp-*.j" 1024
	kill_daemon
	start
	end_of_zcp 0
	cmp "$ROOT/big" "$T/big"
	[ ! -s "$T/zcp.err" ] || fail "$(cat "$T/zcp.err")"
	kill_daemon
	run -10 zcp -q --retries=1 "$AT:f" "$T/f"
	assert_output --partial 'connection refused'
	[ "$(wc -l <<<"$output")" = 1 ] || fail "$output"
}

@test "a copy that was cut: what stays for the same command is named, and only then" {
	local size
	for size in $((48 << 20)) $((6 << 20)); do
		start
		mkrand "$ROOT/f" "$size"
		mkdir "$T/$size"
		zcp_bg --bwlimit=4M -j 1 "$AT:f" "$T/$size/f"
		grown "$T/$size/.zcp-*" 4096
		kill_daemon
		end_of_zcp 10
		if [ "$size" -gt $((8 << 20)) ]; then
			grep -q '^zcp: .*: the same command goes on from here$' "$T/zcp.err" || fail "$(cat "$T/zcp.err")"
		else
			! grep -q 'goes on' "$T/zcp.err" || fail "$(cat "$T/zcp.err")"
			start
			no_litter "$T/$size"
			zcp_bg --bwlimit=4M "$AT:f" "$T/$size/f"
			grown "$T/$size/.zcp-*" 4096
			kill -TERM "$ZCP"
			end_of_zcp 20
			grep -q '^zcp: interrupted: files that were not complete have been removed$' "$T/zcp.err" || fail "$(cat "$T/zcp.err")"
			zcpd_stop
		fi
	done
}

@test "-v: what this run moved is counted, not what was there, also when it is interrupted; and the streams it took" {
	local way here moved
	start
	mkrand "$T/big" $((64 << 20))
	cp "$T/big" "$ROOT/from"
	mkdir "$T/down"
	for way in down up; do
		if [ $way = down ]; then set -- "$AT:from" "$T/down/big"; else set -- "$T/big" "$AT:to"; fi
		zcp_bg -v -j 2 --bwlimit=24M "$@"
		if [ $way = down ]; then grown "$T/down/.zcp-*.j" 4096; else grown "$ROOT/.zcp-*.j" 4096; fi
		kill -TERM "$ZCP"
		end_of_zcp 20
		grep -Eq '^zcp: 0 files, [0-9.]+ MiB in .* over 2 streams; limited by: ' "$T/zcp.err" || fail "$way: $(cat "$T/zcp.err")"
		run -0 zcp -v -j 2 "$@"
		[[ $output =~ ([0-9]+)\ of\ 67108864\ bytes\ are\ t?here\ already\ \(([0-9.]+)\ MiB\ of\ 64\ MiB\) ]] || fail "$way: $output"
		here=$((BASH_REMATCH[1] >> 20))
		[[ $output =~ 1\ file,\ ([0-9]+)[.0-9]*\ MiB\ in ]] || fail "$way: $output"
		moved=${BASH_REMATCH[1]}
		[ $((here + moved)) -ge 62 ] && [ $((here + moved)) -le 66 ] || fail "$way: $here MiB there, $moved MiB moved"
	done
}

@test "a name that leads nowhere for good is not looked up again" {
	start
	run -10 zcp -4 --retries=5 "[::1]:f" "$T/f"
	assert_output --partial 'the host has no address'
	refute_output --partial 'trying again'
}

@test "what was poured into a pipe in part is not poured again: no further attempt, 10" {
	local got
	start
	mkrand "$ROOT/big" $((48 << 20))
	zcp_bg --retries=5 --bwlimit=8M "$AT:big" /dev/stdout
	grown "$T/zcp.out" 4096
	kill_daemon
	end_of_zcp 10
	! grep -q 'trying again' "$T/zcp.err" || fail "$(cat "$T/zcp.err")"
	grep -q '^zcp: ' "$T/zcp.err"
	got=$(stat -c %s "$T/zcp.out")
	cmp -n "$got" "$ROOT/big" "$T/zcp.out"
}
