# json-agrees.bats - what --json says of one run is what the run did, what --stats says of it, and what -v says.
load helpers
setup()    { export T=$BATS_TEST_TMPDIR; zcpd_start --plaintext-from 127.0.0.0/8; }
teardown() { zcpd_stop; }

# copy ARG...: its objects in $T/said, all else in $T/err; status 0
copy() { zcp --json "$@" >"$T/said" 2>"$T/err" </dev/null || fail "zcp --json $*: status $?: $(cat "$T/err" "$T/said")"; }
is()   { /usr/bin/python3 "$ZCP_TOP/tests/peer/lines.py" ask "$T/said" "$@" 3>&-; }

@test "the last line is no warning" {
	echo hi >"$T/hi"
	for more in --stats -v "-v --stats"; do
		# shellcheck disable=SC2086
		copy $more "$T/hi" 127.0.0.1:
		is 'of("error") == []'
		grep -q '^zcp: 1 file, 3 B in ' "$T/err" || fail "$(cat "$T/err")"
	done
}

@test "small files inside records are encrypted, beside large ones in plaintext: carry and --stats agree" {
	mkdir "$T/both"
	echo hi >"$T/both/small"
	mkrand "$T/both/large" 1000000
	for way in up down; do
		if [ $way = up ]; then from=$T/both to=127.0.0.1:; else from=127.0.0.1:both to=$T/got; fi
		mkdir -p "$T/got"
		copy -r --plaintext --stats "$from" "$to"
		is '(s["carry"], s["integrity"], s["verified"]) == ("mixed", "mac", True)'
		grep -qx 'Contents: plaintext and encrypted' "$T/err" || fail "$(cat "$T/err")"
		copy --plaintext --stats "$from/small" "$to"
		is '(s["carry"], s["integrity"]) == ("encrypted", "aead")'
		grep -qx 'Contents: encrypted' "$T/err" || fail "$(cat "$T/err")"
		copy --plaintext --stats "$from/large" "$to"
		is 's["carry"] == "plaintext"'
		grep -qx 'Contents: plaintext' "$T/err" || fail "$(cat "$T/err")"
	done
}

@test "remove says what kind of thing went" {
	for way in up down; do
		if [ $way = up ]; then from=$T/W dst=$ROOT/W to=127.0.0.1:; else from=127.0.0.1:W dst=$T/got/W to=$T/got; fi
		rm -rf "$T/W" "$ROOT/W"
		mkdir -p "$T/got" "$dst/dir"
		if [ $way = up ]; then mkdir -p "$T/W"; else mkdir -p "$ROOT/W"; fi
		ln -s x "$dst/link"; mkfifo "$dst/fifo"; : >"$dst/file"
		for dry in -n --; do
			[ $dry = -n ] || dry=
			copy -a $dry --delete "$from" "$to"
			is 'sorted((os.path.basename(raw(f, "path").rstrip(b"/")).decode(), f["kind"]) for f in of("file", action="remove")) == [("dir", "directory"), ("fifo", "other"), ("file", "file"), ("link", "symlink")]'
		done
	done
}

@test "a source that changes while it is sent is named as the source" {
	mkrand "$T/log" 20000000
	zcp_bg --json --bwlimit=10M "$T/log" 127.0.0.1:
	until compgen -G "$ROOT/.zcp-*" >/dev/null; do kill -0 "$ZCP"; done
	echo more >>"$T/log"
	wait "$ZCP" && fail "it ended with 0"
	cp "$T/zcp.out" "$T/said"
	is 's["status"] == 24' '[(e["host"], raw(e, "path"), e["status"]) for e in of("error")] == [("local", T + b"/log", 24)]'
	grep -q "^zcp: $T/log: the source grew" "$T/zcp.err" || fail "$(cat "$T/zcp.err")"
}
