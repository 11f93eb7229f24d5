# unit.bats - the C drivers of tests/unit: one test for each, by its name; a failing one shows what it printed.
load helpers

drive() {
	local name=$BATS_TEST_DESCRIPTION
	[ -x "$ZCP_BUILD/unit/$name" ] || fail "$name is not built: make unit"
	run timeout -k 5 150 "$ZCP_BUILD/unit/$name" 3>&-
	if [ "$status" != 0 ] || ! grep -q '^1\.\.[1-9]' <<<"$output" || grep -q '^not ok' <<<"$output"; then
		fail "$(printf '%s (status %s):\n%s' "$name" "$status" "$(grep -v '^ok ' <<<"$output")")"
	fi
}

# bats 1.8.2 finds only tests that are written out; the last one sees to it that none is forgotten.
@test "admin" { drive; }
@test "aside" { drive; }
@test "aside_extras" { drive; }
@test "attempt" { drive; }
@test "authorized" { drive; }
@test "bench_rows" { drive; }
@test "carry" { drive; }
@test "claims" { drive; }
@test "digest" { drive; }
@test "config" { drive; }
@test "confine" { drive; }
@test "err" { drive; }
@test "extras" { drive; }
@test "failed_to" { drive; }
@test "granted" { drive; }
@test "grant" { drive; }
@test "guard" { drive; }
@test "handshake" { drive; }
@test "handshake_peers" { drive; }
@test "host_config" { drive; }
@test "hashed" { drive; }
@test "holes" { drive; }
@test "inherit" { drive; }
@test "io" { drive; }
@test "joblog" { drive; }
@test "joblog_hostile" { drive; }
@test "journal" { drive; }
@test "json" { drive; }
@test "limits" { drive; }
@test "keys" { drive; }
@test "local" { drive; }
@test "known_hosts" { drive; }
@test "limited" { drive; }
@test "listing" { drive; }
@test "machine" { drive; }
@test "mask" { drive; }
@test "log" { drive; }
@test "metrics" { drive; }
@test "net" { drive; }
@test "nic" { drive; }
@test "noise" { drive; }
@test "notify" { drive; }
@test "noted" { drive; }
@test "names" { drive; }
@test "num" { drive; }
@test "owners" { drive; }
@test "path" { drive; }
@test "plot" { drive; }
@test "progress" { drive; }
@test "rate" { drive; }
@test "queue" { drive; }
@test "report" { drive; }
@test "resume" { drive; }
@test "resume_holes" { drive; }
@test "resume_keys" { drive; }
@test "rules" { drive; }
@test "sandbox" { drive; }
@test "scoreboard" { drive; }
@test "seal" { drive; }
@test "stages" { drive; }
@test "status" { drive; }
@test "stream" { drive; }
@test "suite" { drive; }
@test "sweep" { drive; }
@test "target" { drive; }
@test "throttle" { drive; }
@test "transfer" { drive; }
@test "transfer_holes" { drive; }
@test "usage" { drive; }
@test "verdict" { drive; }
@test "verdict_copy" { drive; }
@test "unix_socket" { drive; }
@test "uploading" { drive; }
@test "vis" { drive; }
@test "walk" { drive; }
@test "wire" { drive; }
@test "without" { drive; }

@test "every driver has a test, and every test a driver" {
	local drivers tests
	drivers=$(cd "$BATS_TEST_DIRNAME/unit" && ls -- *.c | sed 's/\.c$//' | sort)
	tests=$(sed -n 's/^@test "\([^"]*\)" { drive; }$/\1/p' "$BATS_TEST_FILENAME" | sort)
	assert_equal "$tests" "$drivers"
}

@test "every test that a header names as its proof is there" {
	local f
	for f in $(grep -rhoE 'tests/(unit/[a-z_]+\.c|[a-z_]+\.bats)' "$ZCP_TOP"/common "$ZCP_TOP"/zcp "$ZCP_TOP"/zcpd --include='*.h' | sort -u); do
		[ -f "$ZCP_TOP/$f" ] || fail "$f is named as a proof, and is not there"
	done
}
