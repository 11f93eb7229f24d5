# ranges.bats - files stored and fetched by ranges, by scripted clients (tests/peer/ranges.py, ranges_hostile.py): streams that share one file, what an interruption
# leaves and how it goes on, who holds it, what is refused, and what is swept.
load helpers
setup() { private_home; }
teardown() {
	[ -z "${PY:-}" ] || { exec 7>&-; wait "$PY" || true; }
	zcpd_stop
}

# serve [TEXT]: $T/d as "", and beside it one that is read-only, one with small files, and one in which zcpd's own files lie
serve() {
	mkdir -p "$T/d/sub" "$T/ro" "$T/small"
	printf there >"$T/d/there"
	ln -s "$T/small" "$T/d/out"
	{
		zcp_raw --public-key 2>/dev/null | awk '/^zcp-x25519/ { print $1, $2, "me", "write" }'
		zcp_raw -i "$T/second" --public-key 2>/dev/null | awk '/^zcp-x25519/ { print $1, $2, "other", "write" }'
	} >"$T/keys"
	chmod 600 "$T/keys"
	cat >"$T/zcpd.conf" <<-C
		authorized-keys = "$T/keys"
		transfer-log = "$T/log"
		plaintext-from = {"127.0.0.0/8"}
		${1:-}
		export d { path = "$T/d" mode = rw prefix = "/" }
		export ro { path = "$T/ro" mode = ro prefix = ro }
		export small { path = "$T/small" mode = rw prefix = small max-bytes = 1M }
		export all { path = "$T" mode = rw prefix = all }
	C
	ZCPD_MODE="--config $T/zcpd.conf"
	zcpd_start
	export D=$T/d
}
# peer COMMAND ARG...: of ranges.py, or of ranges_hostile.py
peer() {
	local of=ranges
	grep -q "^def ${1//-/_}(" "$ZCP_TOP/tests/peer/ranges.py" || of=ranges_hostile
	PYTHONDONTWRITEBYTECODE=1 T=$T timeout -k 5 100 /usr/bin/python3 "$ZCP_TOP/tests/peer/$of.py" "$@" 3>&-
}
# begun COMMAND ARG... : in the background, up to its first line; ended: on to its end
begun() {
	mkfifo "$T/py.in" "$T/py.out"
	peer "$@" <"$T/py.in" >"$T/py.out" 2>"$T/py.err" &
	PY=$!
	exec 7>"$T/py.in"
	exec 8<"$T/py.out"
	read -r -t 60 LINE <&8 || fail "$(cat "$T/py.err")"
}
ended() {
	exec 7>&-
	wait "$PY" || fail "$(cat "$T/py.err")"
	PY=
	exec 8<&-
	rm "$T/py.in" "$T/py.out"
}
# logged VERB PATH BYTES ENGINE STATUS: one line like this, as regular expressions
logged() { wait_for_line "$T/log" " $1 \"[a-z]*\" \"$2\" $3 bytes [0-9.]+ s $4 [a-z0-9]+ $5\$"; }
works() { serve; run peer "$@"; [ "$status" = 0 ] || fail "$output"; no_litter "$T/d"; run ! grep -a 'ended by signal' "$T/zcpd.log"; }

@test "files of all sizes come by ranges, encrypted, with their modes and times" { works whole; }
@test "files of all sizes come by ranges, in plaintext, with their modes and times" { WANT=raw works whole; }
@test "ranges of one file come on several streams at once, and only its holder commits" { works streams; }
@test "ranges that overlap, and that come twice" { works twice; }
@test "what came before a stream ended is not asked for again, unless the source is another" { works resumed; }
@test "a second stream that opens a file which is being filled is told: 46" { works busy; }
@test "a run that was opened anew takes no range of the old one" { works stale; }
@test "COMMIT waits for ranges that are being written, says so, and gives up" { works waits-for-ranges; }
@test "ranges of no run, of another file, and COMMIT with a gap, twice, or by another stream" { works out-of-turn; }
@test "ranges beyond the file, contents beside their range, and files that are none end the stream" { works beyond; }
@test "as many files as a stream may hold, with a range of each at once, and one more" { works many; }
@test "links, directories and strange files under an aside file's name are left alone" { works planted; }
@test "sources that change or vanish under a range, and zeros in their place" { works changed; }
@test "a damaged raw chunk of a range comes again, sealed, and is not noted before" { works raw; }
@test "a chunk that stays damaged: 43, and nothing of the file is kept" { works damaged; }

@test "two keys that store one path have an aside file each: the last COMMIT wins whole" {
	serve
	run -0 peer two-keys "$T/second"
	no_litter "$T/d"
}

@test "places where nothing may be stored: read-only, too large, hidden, outside, names of aside files" {
	serve
	run -0 peer places
	assert_equal "$(find "$T/d" "$T/ro" "$T/state" -newer "$T/zcpd.conf" -name '.zcp-*')" ""
	cmp <(printf there) "$T/d/there"
}

@test "a full disk: 44 for the range, and nothing of the file is kept" {
	need_root
	mkdir -p "$T/d"
	mount -t tmpfs -o size=2M none "$T/d"
	serve
	run peer full
	zcpd_stop
	no_litter "$T/d"
	umount "$T/d"
	[ "$status" = 0 ] || fail "$output"
}

@test "zcpd killed in the middle: the next one goes on from what had come" {
	serve
	begun half
	local children
	children=$(pgrep -P "$ZCPD")
	kill -9 "$ZCPD"
	# shellcheck disable=SC2086
	kill -9 $children
	wait_gone "$ZCPD"
	ZCPD=
	ended
	assert_equal "$(find "$T/d" -name '.zcp-*' | wc -l)" 2
	zcpd_start
	run -0 peer other-half
}

@test "a client killed in the middle: the next one goes on from what had come" {
	serve
	begun half
	kill -9 "$LINE"
	wait "$PY" || true
	PY=
	exec 7>&- 8<&-
	run -0 peer other-half
	no_litter "$T/d"
}

@test "zcpd ended by SIGTERM in the middle keeps what had come" {
	serve 'drain-timeout = 0'
	begun half
	zcpd_stop
	ended
	zcpd_start
	run -0 peer other-half
}

@test "a key that is taken away: the range that comes is finished, no other, no COMMIT, and nothing stays" {
	local what
	for what in RANGE COMMIT OPEN_ASIDE; do
		rm -rf "$T/d" "$T/log"
		serve
		begun revoked "$what"
		sed -i '/ me /d' "$T/keys"
		kill -HUP "$ZCPD"
		wait_for_line "$T/zcpd.log" 'it ends at its next request'
		echo go >&7
		ended
		logged received f 2097152 '(mmap|readwrite)' 40
		zcpd_stop
		rm -f "$T/zcpd.log"
	done
}

@test "down: ranges on several streams, a look at what the file is, and behind its end" {
	serve
	run -0 peer down
	zcpd_stop
	# one line for each stream's part of it, when its last bytes went out, when the next file's turn comes, or at the end of the stream
	logged sent big $((4194381 - 2097152)) mmap 0
	logged sent big 2097152 '(sendfile|splice)' 0
	logged sent big 7 '[a-z]+' 0
	logged sent big 0 inline 24
	assert_equal "$(grep -c '" sent "d" "big"' "$T/log")" 4
}

@test "the transfer log has one line for a file that came by ranges, with the size of all of it" {
	serve
	run -0 peer streams
	logged received f 4194381 '(mmap|readwrite)' 0
	assert_equal "$(grep -c received "$T/log")" 1
	rm "$T/d/f"
	run -0 peer two-keys "$T/second"
	logged received f 1048576 '(mmap|readwrite)' 0
	assert_equal "$(grep -c received "$T/log")" 3
	run -0 peer busy
	logged received f 0 '(inline|ranges)' 46
	logged received f 4194381 ranges 0
	run -0 peer damaged
	logged received f 1048576 '[a-z]+' 43
}

# old FILE...: made a month ago
old() { local f; for f in "$@"; do : >"$f"; chmod 600 "$f"; touch -d '30 days ago' "$f"; done; }
DIGITS=0123456789abcdef0123456789abcde

@test "what nobody goes on with is removed after a week, by form, age and lock, and nothing else" {
	serve
	local how d=$T/d/old
	for how in mkdir open; do
		rm -rf "$d"
		mkdir -p "$d"
		old "$d/.zcp-${DIGITS}0" "$d/.zcp-${DIGITS}0.j" "$d/.zcp-${DIGITS}1" "$d/.zcp-${DIGITS}" "$d/.zcp-${DIGITS}g" "$d/.zcp-${DIGITS}0.k" "$d/zcp-${DIGITS}0" "$d/x"
		old "$d/.zcp-${DIGITS}2"
		ln "$d/.zcp-${DIGITS}2" "$d/second"
		ln -s x "$d/.zcp-${DIGITS}3"
		touch -h -d '30 days ago' "$d/.zcp-${DIGITS}3"
		old "$d/.zcp-${DIGITS}4"
		touch -d '6 days ago' "$d/.zcp-${DIGITS}4"
		old "$d/.zcp-${DIGITS}5"
		touch -d '+6 days' "$d/.zcp-${DIGITS}5"
		mkdir "$d/.zcp-${DIGITS}6"
		touch -d '30 days ago' "$d/.zcp-${DIGITS}6"
		run -0 peer swept "$how"
		assert_equal "$(cd "$d" && ls -A | sort | tr '\n' ' ')" \
			"$(printf '%s\n' ".zcp-$DIGITS" ".zcp-${DIGITS}0.k" ".zcp-${DIGITS}2" ".zcp-${DIGITS}3" ".zcp-${DIGITS}4" ".zcp-${DIGITS}5" ".zcp-${DIGITS}6" ".zcp-${DIGITS}g" second x "zcp-${DIGITS}0" | sort | tr '\n' ' ')"
	done
	old "$T/d/.zcp-${DIGITS}0"
	run -0 peer swept top
	no_litter "$T/d/sub"
	[ ! -e "$T/d/.zcp-${DIGITS}0" ]
}

@test "another user's files of that form are not removed" {
	need_root
	serve
	mkdir "$T/d/old"
	old "$T/d/old/.zcp-${DIGITS}0"
	chown 65534 "$T/d/old/.zcp-${DIGITS}0"
	run -0 peer swept mkdir
	[ -e "$T/d/old/.zcp-${DIGITS}0" ]
}

@test "a file that is being filled is not removed, however old it looks" {
	serve
	mkdir "$T/d/old"
	begun hold
	run -0 peer swept mkdir
	run -0 peer swept open
	ended
}

@test "raw bytes that were never proved lie over a range that another stream had right: it is not committed, and comes again" { works raw-over; }
