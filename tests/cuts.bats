# cuts.bats - connections cut at any byte, by FIN and by RST: never exit 0, never a final name with anything but the whole file.
# Offsets are sampled with ZCP_SEED; ZCP_LONG=1 takes some hundred of each.
load helpers
setup()    { zcpd_start --plaintext-from 127.0.0.0/8; export ZCPD; }
teardown() { zcpd_stop; }
cuts() {
	run env PYTHONDONTWRITEBYTECODE=1 T="$T" timeout -k 5 3000 /usr/bin/python3 "$ZCP_TOP/tests/peer/cuts.py" "$@" 3>&-
	[ "$status" = 0 ] || fail "$(grep -v '^ok ' <<<"$output" | head -n 100)"
}

@test "a download of a small file, cut anywhere" { cuts down small; }
@test "a download of a big file, cut anywhere" { cuts down big; }
@test "a download of a big file in plaintext, cut anywhere" { cuts down big raw; }
@test "a download of a tree, cut anywhere" { cuts down tree; }
@test "an upload of a small file, cut anywhere" { cuts up small; }
@test "an upload of a big file, cut anywhere" { cuts up big; }
@test "an upload of a big file in plaintext, cut anywhere" { cuts up big raw; }
@test "an upload of a tree, cut anywhere" { cuts up tree; }
