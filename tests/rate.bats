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
	for bad in 12Q 1.5M 0x10 -1 ' 5' '5 ' K 5KiB 1e6 99999999999999999999 3 3K; do
		refuses "--bwlimit: '$bad' is not a rate: KiB a second, or a number with K, M or G, at least 4K; 0 is no limit" --bwlimit="$bad" h:f .
	done
	refuses "--bwlimit: '' is not a rate" --bwlimit= h:f .
	refuses "--bwlimit: '@' is not @FILE" --bwlimit=@ h:f .
	for bad in 0 31 x 1.5 -1 104857601 ''; do
		refuses "-l: '$bad' is not a number from 32 to 104857600" --limit="$bad" h:f .
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
