# kills.bats - a transfer of one large file whose client, stream or daemon is killed (-9) at random moments goes on with the same command, and gets little twice.
#
# Moments are numbers of bytes that a relay counted (tests/peer/kills.py), chosen by ZCP_SEED. ZCP_LONG=1: 20 kills of 1 GiB; else 3 of 64 MiB and more.
load helpers

setup() { T=$BATS_TEST_TMPDIR; }

# A kill costs each stream the segment it is in (4 MiB at most): sizes are such that three, at the worst moments, stay below the limit.
kills() {       # down|up STREAMS
	local way=$1 mib=$((64 * (1 + $2 / 2))) count=3 got size
	! is_long || mib=1024 count=20
	run env PYTHONDONTWRITEBYTECODE=1 timeout -k 5 1500 /usr/bin/python3 "$ZCP_TOP/tests/peer/kills.py" "$T" "$way" $((mib << 20)) $count "$ZCP_SEED" -j "$2" 3>&- 4>&-
	assert_success
	assert_line --regexp "^$count kills, [0-9]+ runs, identical$"
	[[ ${lines[-1]} =~ ^received\ ([0-9]+)\ of\ ([0-9]+): ]]
	got=${BASH_REMATCH[1]} size=${BASH_REMATCH[2]}
	[ "$got" -ge "$size" ]
	[ $((got * 10)) -lt $((size * 13)) ] || fail "received $got bytes for a file of $size"
	no_sanitizer "$T/zcpd.log" "$T/zcp.log"
}

@test "a download, one stream, killed again and again: identical, and less than 1.3 times its size received" { kills down 1; }
@test "an upload, one stream, killed again and again: identical, and less than 1.3 times its size received" { kills up 1; }
@test "a download, four streams, killed again and again: identical, and less than 1.3 times its size received" { kills down 4; }
@test "an upload, four streams, killed again and again: identical, and less than 1.3 times its size received" { kills up 4; }
