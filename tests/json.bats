# json.bats - --json: every line is as zcp-json(7) says, nothing is said without its object, and who stops reading ends the copy.
load helpers

setup()    { T=$BATS_TEST_TMPDIR; export T; }
teardown() { zcpd_stop; }

lines() { PYTHONDONTWRITEBYTECODE=1 timeout -k 5 300 /usr/bin/python3 "$ZCP_TOP/tests/peer/lines.py" "$@" 3>&- 4>&-; }
# copy STATUS ARG...: one with --json; $T/said and $T/err have what it wrote, and are looked through.
copy() {
	local want=$1 got=0
	shift
	zcp --json "$@" >"$T/said" 2>"$T/err" </dev/null || got=$?
	[ "$got" = "$want" ] || fail "zcp --json $*: status $got instead of $want: $(cat "$T/err" "$T/said")"
	lines check "$want" "$T/said" "$T/err" || fail "zcp --json $*: $(cat "$T/said")"
}
is() { lines ask "$T/said" "$@"; }
# reader STATUS AFTER DO... -- ARG...: through a pipe of one page, with what is done behind a line
reader() {
	local want=$1 got=0 does=()
	shift
	while [ "$1" != -- ]; do does+=("$1"); shift; done
	lines run "$T/said" "$T/err" "${does[@]}" -- "$ZCP_BUILD/zcp" --json --host-key="$HOSTKEY" -P "$PORT" "${@:2}" || got=$?
	[ "$got" = "$want" ] || fail "zcp --json ${*:2}: status $got instead of $want: $(cat "$T/err" "$T/said")"
}
whole() {       # FROM TO: each file below TO is a whole one of FROM, and nothing else has a name
	/usr/bin/python3 - "$1" "$2" <<-'P' 3>&-
	import os, sys
	a, b = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2])
	for top, dirs, files in os.walk(b):
	    for f in files:
	        if f.startswith(b'.zcp-'):
	            assert not sys.argv[2].endswith('/clean'), 'litter: %r' % f
	            continue
	        p = os.path.join(top, f)
	        assert open(p, 'rb').read() == open(a + p[len(b):], 'rb').read(), 'not whole: %r' % p
	P
}
# a tree of every kind: odd names, links good and bad, something special, something large
kinds() {
	mktree "$1" 40
	mkrand "$1/a/large" 9000000
	ln -s large "$1/a/link"
	ln -s $'to\xff\nnowhere' "$1/a/dangling"
	mkfifo "$1/fifo"
}

@test "a tree of every kind, down and up: each thing that is made has its object, by its exact name" {
	zcpd_start
	kinds "$ROOT/t"
	copy 0 -a 127.0.0.1:t "$T/down"
	is 's["files"] == 41 and s["links"] == 2 and s["skipped"] == 1 and s["directories"] == 8' \
		'{raw(f, "path") for f in of("file", action="copy")} == {os.path.join(d, n) for d, _, ns in os.walk(T + b"/down") for n in ns if not os.path.islink(os.path.join(d, n))}' \
		'{raw(f, "path") for f in of("file", action="mkdir")} == {d for d, _, _ in os.walk(T + b"/down")}' \
		'all(f["size"] == os.path.getsize(raw(f, "path")) and f["kind"] == "file" for f in of("file", action="copy"))' \
		'{raw(f, "path"): raw(f, "target") for f in of("file", action="symlink")} == {T + b"/down/a/link": b"large", T + b"/down/a/dangling": b"to\xff\nnowhere"}' \
		'of("start")[0]["direction"] == "download" and of("start")[0]["destination"].endswith("/down") and of("start")[0]["sources"] == ["127.0.0.1:t"]' \
		'[(e["host"], e["path"], e["level"], e["status"]) for e in of("error")] == [("127.0.0.1", "t/fifo", "warning", None)]'
	tree_equal "$T/down" "$ROOT/t" links 2>"$T/diff" || [ "$(cat "$T/diff")" = "b'/fifo': only in the second" ] || fail "$(cat "$T/diff")"
	mkfifo "$T/down/fifo"
	copy 0 -a "$T/down" 127.0.0.1:up
	is 's["files"] == 41 and s["links"] == 2 and s["skipped"] == 1 and s["directories"] == 8' \
		'{raw(f, "path") for f in of("file", action="copy")} == {os.path.join(d, n)[len(T) + 6:] for d, _, ns in os.walk(T + b"/root/up") for n in ns if not os.path.islink(os.path.join(d, n))}' \
		'{raw(f, "path") for f in of("file", action="mkdir")} == {d[len(T) + 6:] for d, _, _ in os.walk(T + b"/root/up")}' \
		'{raw(f, "path"): raw(f, "target") for f in of("file", action="symlink")} == {b"up/a/link": b"large", b"up/a/dangling": b"to\xff\nnowhere"}' \
		'of("start")[0]["direction"] == "upload" and of("start")[0]["port"] > 0 and not of("start")[0]["dry_run"]' \
		'[(e["host"], e["level"]) for e in of("error")] == [("local", "warning")]'
	rm "$T/down/fifo"
	tree_equal "$T/down" "$ROOT/up" links
}

@test "a directory that was there is not made, and not told of" {
	zcpd_start
	mkdir -p "$ROOT/t/there" "$ROOT/t/new" "$T/out/t/there"
	copy 0 -a 127.0.0.1:t "$T/out"
	is 's["directories"] == 1' '[f["path"] for f in of("file")] == ["%s/out/t/new" % T.decode()]'
	mkdir -p "$ROOT/up/t/there"
	copy 0 -a "$ROOT/t" 127.0.0.1:up
	is 's["directories"] == 1' '[f["path"] for f in of("file")] == ["up/t/new"]'
	copy 0 -r "$ROOT/t" 127.0.0.1:up
	is 's["directories"] == 0' 'of("file") == []'
}

@test "-n tells what the copy then does, with the same objects" {
	zcpd_start
	kinds "$ROOT/t"
	kinds "$T/in/t"
	local way from to
	mkdir "$T/out" "$ROOT/up"
	for way in down up; do
		[ $way = down ] && from=127.0.0.1:t to=$T/out || from=$T/in/t to=127.0.0.1:up
		copy 0 -a -n "$from" "$to"
		is 's["moved"] == 0 and of("start")[0]["dry_run"]'
		grep '"type":"file"' "$T/said" | sort >"$T/would"
		copy 0 -a "$from" "$to"
		is 'not of("start")[0]["dry_run"]'
		grep '"type":"file"' "$T/said" | sort | diff - "$T/would"
		copy 0 -a -n "$from" "$to"
		is 'of("file") == [] and s["same"] == 41'
	done
	touch -d 2001-01-01 "$T/out/t/a/large"; chmod 600 "$T/out/t/a/large"
	: >"$T/out/t/extra"
	copy 0 -a -n --delete --checksum 127.0.0.1:t "$T/out"
	is '[(f["action"], f["path"][len(T):]) for f in of("file")] == [("meta", "/out/t/a/large"), ("remove", "/out/t/extra")]'
	copy 0 -a --delete --checksum 127.0.0.1:t "$T/out"
	is '[(f["action"], f["path"][len(T):]) for f in of("file")] == [("meta", "/out/t/a/large"), ("remove", "/out/t/extra")]' 's["meta"] == s["removed"] == 1'
	copy 0 -a --ignore-existing 127.0.0.1:t "$T/out"
	is 's["left"] == 41'
}

@test "--list: an object for each thing that is there" {
	zcpd_start
	kinds "$ROOT/t"
	touch -d '1969-12-31 23:59:59.25 UTC' "$ROOT/t/a/large"; chmod 4750 "$ROOT/t/a/large"
	copy 0 --list -r 127.0.0.1:t
	is '{raw(e, "path") for e in of("entry")} == {os.path.join(d, n)[len(T) + 6:] for d, ds, fs in os.walk(T + b"/root/t") for n in ds + fs}' \
		'{e["path"]: (e["kind"], e["size"], e["mode"], e["mtime"]) for e in of("entry")}["t/a/large"] == ("file", 9000000, "4750", "1969-12-31T23:59:59.250000000Z")' \
		'{raw(e, "path"): raw(e, "target") for e in of("entry") if e["kind"] == "symlink"} == {b"t/a/link": b"large", b"t/a/dangling": b"to\xff\nnowhere"}' \
		'[e["path"] for e in of("entry") if e["kind"] == "other"] == ["t/fifo"] and all(e["uid"] == os.geteuid() for e in of("entry"))' \
		'of("start")[0]["direction"] == "list" and of("start")[0]["sources"] == ["127.0.0.1:t"] and of("start")[0]["destination"] is None' 's["files"] == 0 and s["listed"] == len(of("entry"))'
	copy 0 --list 127.0.0.1:t/a/large
	is '[e["path"] for e in of("entry")] == ["t/a/large"]'
	copy 3 --list 127.0.0.1:none
	is '[(e["path"], e["status"]) for e in of("error")] == [("none", 3)]'
}

@test "one file, an empty one, several sources, a link as a source, into a device" {
	zcpd_start
	: >"$ROOT/empty"
	mkrand "$ROOT/f" 70000
	ln -s f "$ROOT/l"
	copy 0 127.0.0.1:empty "$T/"
	is '[f["size"] for f in of("file")] == [0] and s["bytes"] == s["moved"] == 0' 's["carry"] and s["verified"]'
	copy 0 "$T/empty" 127.0.0.1:up
	is 'of("file") == [{"type": "file", "action": "copy", "kind": "file", "path": "up", "size": 0}]'
	copy 0 -a 127.0.0.1:f 127.0.0.1:l "$T/"
	is 's["files"] == 1 and s["links"] == 1 and s["bytes"] == s["moved"] == 70000' '[f["target"] for f in of("file", action="symlink")] == ["f"]'
	mkdir "$ROOT/d"
	copy 0 -a "$T/f" "$T/l" 127.0.0.1:d
	is '[(f["path"], f.get("target")) for f in of("file")] == [("d/f", None), ("d/l", "f")]'
	copy 0 127.0.0.1:f /dev/null
	is '[f["path"] for f in of("file")] == ["/dev/null"]' 's["carry"] == "encrypted"'
	zcp --json 127.0.0.1:f /dev/stderr >"$T/said" 2>"$T/poured"
	lines check 0 "$T/said"
	cmp "$ROOT/f" "$T/poured"
}

@test "names as they were typed, too: sources and DST that are no UTF-8" {
	zcpd_start
	echo 1 >"$ROOT/"$'s\xff'
	echo 2 >"$ROOT/ä"
	mkdir "$T/"$'d\xfe'
	copy 0 "127.0.0.1:"$'s\xff' "127.0.0.1:ä" "$T/"$'d\xfe'
	is 'of("start")[0]["sources"] == ["127.0.0.1:s\ufffd", "127.0.0.1:ä"]' 'of("start")[0]["sources_base64"] == ["MTI3LjAuMC4xOnP/", None]' \
		'raw(of("start")[0], "destination") == T + b"/d\xfe"' '{raw(f, "path") for f in of("file")} == {T + b"/d\xfe/s\xff", T + b"/d\xfe/" + "ä".encode()}'
}

# --- what goes wrong ----------------------------------------------------------------------------------------------------

@test "every error has its object, down: missing, in the way, special, a link that leads nowhere" {
	zcpd_start
	mkdir -p "$ROOT/t/d" "$T/out/t/f" "$T/out/t"
	echo 1 >"$ROOT/t/f"
	echo 2 >"$ROOT/t/good"
	echo 3 >"$ROOT/t/d/in"
	echo 4 >"$ROOT/t/"$'odd\xff'
	mkdir "$T/out/t/"$'odd\xff'
	echo 5 >"$T/out/t/d"
	mkfifo "$ROOT/t/fifo"
	ln -s nowhere "$ROOT/t/dangling"
	copy 23 -r 127.0.0.1:t "127.0.0.1:missing" "127.0.0.1:m*g" "$T/out"
	is 's["files"] == 1 and s["failed"] == 7' \
		'{(e["host"], raw(e, "path")): e["status"] for e in of("error")} == {("127.0.0.1", b"missing"): 3, ("127.0.0.1", b"m*g"): 3, ("127.0.0.1", b"t/fifo"): 23, ("127.0.0.1", b"t/dangling"): 3,
			("local", T + b"/out/t/f"): 45, ("local", T + b"/out/t/odd\xff"): 45, ("local", T + b"/out/t/d"): 45}' \
		'[f["path"] for f in of("file", action="copy")] == ["%s/out/t/good" % T.decode()]' 'not any(e["retried"] for e in of("error"))'
}

@test "every error has its object, up: missing, in the way, special, below what cannot be made" {
	zcpd_start
	mkdir -p "$T/t/d/e" "$ROOT/t/f" "$ROOT/t"
	echo 1 >"$T/t/f"
	echo 2 >"$T/t/good"
	echo 3 >"$T/t/d/in"
	echo 4 >"$T/t/d/e/in"
	echo 5 >"$T/t/"$'odd\xff'
	mkdir "$ROOT/t/"$'odd\xff'
	echo 6 >"$ROOT/t/d"
	mkfifo "$T/t/fifo"
	ln -s nowhere "$T/t/dangling"
	copy 23 -r "$T/t" "$T/missing" 127.0.0.1:
	is 's["files"] == 1' \
		'{(e["host"], raw(e, "path")): e["status"] for e in of("error")} == {("local", T + b"/missing"): 3, ("local", T + b"/t/fifo"): 23, ("local", T + b"/t/dangling"): 3, ("127.0.0.1", b"t/f"): 45,
			("127.0.0.1", b"t/odd\xff"): 45, ("127.0.0.1", b"t/d"): 45}'
}

@test "what ends a copy has its status: no zcpd, a wrong key, a refusal, a directory without -r, read-only" {
	local key
	zcpd_start
	mkdir "$ROOT/d"
	echo 1 >"$T/f"
	copy 4 127.0.0.1:d "$T/x"
	is '[e["status"] for e in of("error")] == [4]'
	key=$HOSTKEY
	HOSTKEY="zcp-x25519 $(head -c 32 /dev/zero | base64)" copy 42 127.0.0.1:d "$T/x"
	is '{e["status"] for e in of("error")} == {42} and not any("path" in e for e in of("error"))' 's["carry"] is None and s["attempts"] == 1 and not s["verified"]'
	zcpd_stop
	HOSTKEY=$key copy 10 127.0.0.1:d "$T/x"
	is '[(e["status"], e["name"], e["retried"]) for e in of("error")] == [(10, "connection failed", False)]' 's["streams"] == 0'
	: >"$T/nobody"
	zcpd_start --authorized-keys "$T/nobody"
	copy 40 127.0.0.1:d "$T/x"
	is '[e["status"] for e in of("error")] == [40]'
	zcpd_stop
	ZCPD_MODE="--root $ROOT" zcpd_start
	copy 4 "$T/f" 127.0.0.1:up
	is '[e["status"] for e in of("error")] == [4]'
}

@test "usage errors behind --json: start, error and summary, and nothing else on standard output" {
	private_home
	PORT=7722 HOSTKEY=
	local o
	for o in --bogus --bwlimit=x "--cipher=none" --config; do
		run -1 --separate-stderr zcp_raw --json "$o" h:f .
		lines check 1 <(printf '%s\n' "$output") <(printf '%s\n' "$stderr") || fail "$o: $output"
	done
	for o in --version --help --public-key --forget-host=h; do
		run -1 --separate-stderr zcp_raw --json "$o"
		lines check 1 <(printf '%s\n' "$output") <(printf '%s\n' "$stderr") || fail "$o: $output"
	done
	for o in "" "h:f" ":a b" "h:a i:b ." "h:a i:b"; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr zcp_raw --json $o
		lines check 1 <(printf '%s\n' "$output") <(printf '%s\n' "$stderr") || fail "'$o': $output"
	done
	run -4 --separate-stderr zcp_raw --json -z h:f .
	lines check 4 <(printf '%s\n' "$output") <(printf '%s\n' "$stderr")
	run -1 zcp_raw --bogus --json h:f .
	refute_output --partial '{'
}

@test "contents and lines do not share standard output: DST=/dev/stdout is refused" {
	local to
	zcpd_start
	echo 1 >"$ROOT/f"
	for to in /dev/stdout /dev/fd/1 /proc/self/fd/1; do
		{ zcp --json 127.0.0.1:f $to || echo $? >"$T/status"; } 2>"$T/err" | cat >"$T/said"
		assert_equal "$(cat "$T/status")" 1
		lines check 1 "$T/said" "$T/err"
	done
	copy 1 127.0.0.1:f /dev/fd/1
	zcp --json 127.0.0.1:f /dev/null >/dev/null
}

@test "-q: errors have their objects, warnings and progress have none" {
	zcpd_start
	mkdir "$ROOT/t"
	mkrand "$ROOT/t/f" 24000000
	mkfifo "$ROOT/t/fifo"
	copy 0 -q -a --bwlimit=12M u@127.0.0.1:t "$T/out"
	is 'not of("error") and not of("progress") and s["skipped"] == 1 and len(of("file")) == 2'
	copy 23 -q -r 127.0.0.1:t "127.0.0.1:missing" "$T/out"
	is '[e["level"] for e in of("error")] == ["error", "error"]'
}

# --- how it went ----------------------------------------------------------------------------------------------------------

@test "the summary says how contents travelled and what checked them" {
	zcpd_start --plaintext-from 127.0.0.0/8 --integrity=none
	mkrand "$ROOT/f" 1000000
	copy 0 --encrypt 127.0.0.1:f "$T/f"
	is '(s["carry"], s["integrity"], s["verified"]) == ("encrypted", "aead", True)' 's["senders"] == ["mmap"] and s["receivers"] and s["cipher"]' 's["streams"] == 1 and s["attempts"] == 1'
	copy 0 --plaintext "$T/f" 127.0.0.1:up
	is '(s["carry"], s["integrity"], s["verified"]) == ("plaintext", "mac", True)' 's["senders"] == ["sendfile"]'
	copy 0 --plaintext --integrity=none --engine=auto,splice 127.0.0.1:f "$T/f"
	is '(s["carry"], s["integrity"], s["verified"]) == ("plaintext", "none", False)' 's["receivers"] == ["splice"]'
}

@test "several streams: no line is torn or lost" {
	zcpd_start
	mktree "$ROOT/t" 1500
	mkrand "$ROOT/t/large" 40000000
	copy 0 -a -j 8 127.0.0.1:t "$T/out"
	is 's["files"] == 1501 and s["streams"] > 1' 's["moved"] == s["bytes"]'
	tree_equal "$ROOT/t" "$T/out"
	copy 0 -a -j 8 "$T/out" 127.0.0.1:up
	is 's["files"] == 1501 and s["streams"] > 1' 's["moved"] == s["bytes"]'
}

@test "progress: at most one a second, it grows, and its totals are the whole; none of it goes to standard output without --json" {
	local from to
	zcpd_start
	mkrand "$ROOT/big" 40000000
	for to in "$T/big" 127.0.0.1:up; do
		if [ "$to" = "$T/big" ]; then from=127.0.0.1:big; else from=$T/big; fi
		copy 0 --bwlimit=8M "$from" "$to"
		is 'len(of("progress")) >= 1 and len(of("progress")) <= s["elapsed_seconds"]' \
			'all((p["files_total"], p["bytes_total"], p["totals_final"]) == (1, 40000000, True) for p in of("progress"))' \
			'all(p["bytes_per_second"] > 0 for p in of("progress")) and any(p["eta_seconds"] is not None for p in of("progress"))' \
			's["limited_by"] == "rate" and s["limits"]["rate"] > 60'
	done
	run -0 --separate-stderr zcp --bwlimit=24M 127.0.0.1:big "$T/big"
	refute_output
}

@test "a copy that goes on: what was there is told with -v, and does not count as copied or moved" {
	local way first
	zcpd_start
	mktree "$T/t" 200
	mkrand "$T/t/slow" 7000000
	cp -a "$T/t" "$ROOT/t"
	for way in down up; do
		if [ $way = down ]; then set -- 127.0.0.1:t "$T/down"; else set -- "$T/t" 127.0.0.1:up; fi
		reader 20 '"action":"copy"' signal TERM -- -a -j 1 --bwlimit=3M "$@"
		lines check 20 "$T/said" "$T/err"
		first=$(grep -c '"action":"copy"' "$T/said")
		reader 0 -- -a -v -j 1 "$@"
		lines check 0 "$T/said"
		# with -a also what had come when the answer could not be read any more
		is "s['same'] == len(of('file', action='same')) >= $first > 0" 's["same"] + s["files"] == 201'
	done
	tree_equal "$T/t" "$T/down"
	tree_equal "$T/t" "$ROOT/up"
}

@test "a large file that was cut: its whole size is copied, and less has moved" {
	local way
	zcpd_start
	mkrand "$T/big" $((48 << 20))
	cp "$T/big" "$ROOT/big"
	for way in down up; do
		if [ $way = down ]; then set -- 127.0.0.1:big "$T/copy"; else set -- "$T/big" 127.0.0.1:up; fi
		reader 20 '"progress"' signal INT -- --bwlimit=16M "$@"
		lines check 20 "$T/said" "$T/err"
		is 's["files"] == 0 and s["moved"] > 0'
		copy 0 "$@"
		is 's["bytes"] == 48 << 20 and s["files"] == 1 and 0 < s["moved"] < 48 << 20' '[f["size"] for f in of("file")] == [48 << 20]'
	done
	cmp "$T/big" "$T/copy"
	cmp "$T/big" "$ROOT/up"
	no_litter "$T"
}

# --- attempts -------------------------------------------------------------------------------------------------------------

@test "--retries: what ended an attempt is a warning that says so, the summary counts attempts and what was copied once" {
	zcpd_start
	mktree "$ROOT/t" 50
	local port=$PORT
	zcpd_stop
	zcp_bg --json -r --retries=20 127.0.0.1:t "$T/copy"
	wait_for_line "$T/zcp.out" '"status":10,"name":"connection failed",.*"retried":true'
	ZCPD_LISTEN=127.0.0.1:$port zcpd_start
	wait_gone "$ZCP" 100
	status=0
	wait "$ZCP" || status=$?
	[ "$status" = 0 ] || fail "status $status: $(cat "$T/zcp.err")"
	lines check 0 "$T/zcp.out" "$T/zcp.err"
	lines ask "$T/zcp.out" 's["attempts"] > 1 and s["files"] == 50 and s["failed"] == 0' 'all(e["level"] == "warning" for e in of("error"))'
	zcpd_stop
	copy 10 --retries=1 127.0.0.1:t "$T/copy"
	is '[e["retried"] for e in of("error") if e["status"]] == [True, False]' 's["attempts"] == 2'
}

# --- signals --------------------------------------------------------------------------------------------------------------

@test "a signal in the middle of a copy: the rest is told, the summary is the last line, 20" {
	local sig
	zcpd_start
	mktree "$ROOT/t" 300
	for sig in INT TERM HUP; do
		reader 20 '"action":"copy"' signal $sig -- -r -j 4 --bwlimit=2M 127.0.0.1:t "$T/$sig"
		lines check 20 "$T/said" "$T/err"
		is '"interrupted" in of("error", status=20)[-1]["message"]' 's["files"] < 300 and s["status_name"] == "interrupted"'
		whole "$ROOT/t" "$T/$sig"
	done
}

@test "a signal before there is a connection, and between attempts: the summary is the last line all the same" {
	zcpd_start
	local port=$PORT
	/usr/bin/python3 - "$T/blocked" <<-'P' 3>&- 4>&- &
	import select, socket, sys
	s = socket.socket()
	s.bind(('127.0.0.1', 0))
	s.listen(0)                                 # takes one, and has no room for another
	c = [socket.socket() for _ in range(4)]
	for k in c:
	    k.setblocking(False)
	    k.connect_ex(s.getsockname())
	select.select([], c, [], 10)
	open(sys.argv[1] + '.new', 'w').write(str(s.getsockname()[1]))
	import os
	os.rename(sys.argv[1] + '.new', sys.argv[1])
	sys.stdin.close()
	select.select([], [], [], 100)
	P
	local holder=$!
	wait_for_line "$T/blocked" '[0-9]'
	PORT=$(cat "$T/blocked")
	reader 20 '"start"' signal INT -- --contimeout=50 127.0.0.1:f "$T/x"
	lines check 20 "$T/said" "$T/err"
	is 's["elapsed_seconds"] < 45 and s["files"] == 0'
	kill "$holder"
	wait "$holder" || true
	PORT=$port
	zcpd_stop
	reader 20 'trying again' signal TERM -- --retries=1000 127.0.0.1:f "$T/missing-here"
	lines check 20 "$T/said" "$T/err"
	is 's["attempts"] == 1' 'of("error", status=10)[0]["retried"]'
}

@test "a reader that stops reading does not keep a signal from ending the copy" {
	zcpd_start
	mktree "$ROOT/t" 400
	reader 20 '"action":"copy"' stuck TERM -- -r -j 4 127.0.0.1:t "$T/x"
	grep -q '^zcp: interrupted' "$T/err" || fail "$(cat "$T/err")"
	whole "$ROOT/t" "$T/x"
}

# --- readers that go away -------------------------------------------------------------------------------------------------

gone() {        # the one message, and nothing half under a final name
	[ "$(grep -c '^zcp: nobody reads standard output any more' "$T/err")" = 1 ] || fail "$(cat "$T/err")"
	whole "$1" "$2"
}
@test "a reader that goes away after any line, down and up, over one stream and several: status 11, whole files only, and the same command goes on" {
	local n k
	zcpd_start
	mktree "$T/t" 400
	cp -a "$T/t" "$ROOT/t"
	RANDOM=$ZCP_SEED
	for n in 0 $((RANDOM % 300)) $((RANDOM % 300)) $((RANDOM % 300)); do
		for k in 1 4; do
			rm -rf "$T/down" "$ROOT/up"
			lines_gone 11 "$n" -a -j $k 127.0.0.1:t "$T/down"
			gone "$T/t" "$T/down"
			lines_gone 11 "$n" -a -j $k "$T/t" 127.0.0.1:up
			gone "$T/t" "$ROOT/up"
			streams_over
			run -0 zcp -a -j $k 127.0.0.1:t "$T/down"
			run -0 zcp -a -j $k "$T/t" 127.0.0.1:up
			tree_equal "$T/t" "$T/down" modes times
			tree_equal "$T/t" "$ROOT/up" modes times
			no_litter "$T"
		done
	done
}
lines_gone() {  # STATUS LINES ARG...: the reader goes away behind so many lines and the first
	local want=$1 n=$2
	shift 2
	AFTER=$n reader "$want" '.' close -- "$@"
}

@test "a reader that goes away while a large file comes: nothing under its name, and the same command goes on, down and up" {
	local way
	zcpd_start
	mkrand "$T/big" $((64 << 20))
	cp "$T/big" "$ROOT/big"
	for way in down up; do
		if [ $way = down ]; then set -- 127.0.0.1:big "$T/copy"; else set -- "$T/big" 127.0.0.1:up; fi
		reader 11 '"progress"' close -- -j 2 --bwlimit=20M "$@"
		gone /nowhere /nowhere
		if [ $way = down ]; then [ ! -e "$T/copy" ]; else [ ! -e "$ROOT/up" ]; fi || fail "$way: it has its name"
		grep -q ': the same command goes on from here$' "$T/err" || fail "$(cat "$T/err")"
		run -0 zcp -v -j 2 "$@"
		assert_output --regexp '(copy|up): [0-9]+ of 67108864 bytes are t?here already'
		if [ $way = down ]; then cmp "$T/big" "$T/copy"; else cmp "$T/big" "$ROOT/up"; fi
	done
	no_litter "$T"
}

@test "a reader that goes away is noticed while nothing is told: -q, and a rate at which nothing comes for an hour" {
	local way
	zcpd_start
	mkrand "$T/big" $((64 << 20))
	cp "$T/big" "$ROOT/big"
	for way in down up; do
		if [ $way = down ]; then set -- 127.0.0.1:big "$T/copy"; else set -- "$T/big" 127.0.0.1:up; fi
		reader 11 '"start"' close -- -q -j 2 --bwlimit=4K "$@"
		gone /nowhere /nowhere
		[ ! -e "$T/copy" ] && [ ! -e "$ROOT/up" ] || fail "$way: it has its name"
	done
}

@test "standard output that is full or closed: status 11, said once, and nothing was begun" {
	local c to
	zcpd_start
	mkrand "$ROOT/f" 100000
	cp "$ROOT/f" "$T/f"
	for to in "127.0.0.1:f $T/x" "$T/f 127.0.0.1:up"; do
		read -ra c <<<"$to"
		run -11 bash -c 'exec "$@" 2>&1 >/dev/full' - "$ZCP_BUILD/zcp" --json --host-key="$HOSTKEY" -P "$PORT" "${c[@]}"
		assert_output 'zcp: standard output cannot be written (--json): no space left on device'
		run -11 bash -c 'exec "$@" 2>&1 >&-' - "$ZCP_BUILD/zcp" --json --host-key="$HOSTKEY" -P "$PORT" "${c[@]}"
		assert_output 'zcp: standard output cannot be written (--json): bad file descriptor'
		run -11 bash -c 'exec "$@" <&- >&- 2>&-' - "$ZCP_BUILD/zcp" --json --host-key="$HOSTKEY" -P "$PORT" "${c[@]}"
	done
	[ ! -e "$T/x" ]
	[ ! -e "$ROOT/up" ]
}

@test "a file that fills up in the middle: status 11, lines up to there are whole but the last, and what was copied stays" {
	zcpd_start
	mktree "$ROOT/t" 300
	run -11 bash -c 'ulimit -f 8; exec "$@" 2>"$0" >>"${0%err}out"' "$T/err" "$ZCP_BUILD/zcp" --json --host-key="$HOSTKEY" -P "$PORT" -j 4 -r 127.0.0.1:t/a "$T/x"
	grep -q 'standard output cannot be written (--json): file too large' "$T/err" || fail "$(cat "$T/err")"
	whole "$ROOT/t/a" "$T/x"
}

@test "each line is one write" {
	zcpd_start
	mktree "$ROOT/t" 60
	run -0 timeout 60 strace -f -qq -s 20 -e trace=write,writev -o "$T/trace" bash -c 'exec "$0" "$@" >"$T/said"' "$ZCP_BUILD/zcp" --json --host-key="$HOSTKEY" -P "$PORT" -j 4 -a 127.0.0.1:t "$T/x"
	assert_equal "$(grep -c 'write([0-9]*, "{\\"type\\":' "$T/trace")" "$(wc -l <"$T/said")"
	lines check 0 "$T/said"
}
