# failed.bats - --failed-to: the names of what failed, and of nothing else, byte by byte, whatever they are and whichever way they were to go.
load helpers

setup()    { T=$BATS_TEST_TMPDIR; }
teardown() { zcpd_stop; }

# names FILE NAME...: exactly these stand in it, in any order, each with a NUL behind it
names() {
	/usr/bin/python3 - "$@" <<-'P' 3>&-
	import os, sys
	data = open(sys.argv[1], 'rb').read()
	want, got = sorted(map(os.fsencode, sys.argv[2:])), sorted(data.split(b'\0')[:-1])
	if data and not data.endswith(b'\0') or want != got:
	    print('wanted %r, there is %r' % (want, got), file=sys.stderr)
	    sys.exit(1)
	P
}
# lacking FILE FROM TO: the names are those of the files below FROM that are not, or not whole, below TO
lacking() {
	/usr/bin/python3 - "$@" <<-'P' 3>&-
	import os, sys
	a, b = map(os.fsencode, sys.argv[2:])
	def files(top):
	    return {os.path.join(d, n)[len(top) + 1:] for d, _, ns in os.walk(top) for n in ns}
	names = open(sys.argv[1], 'rb').read().split(b'\0')[:-1]
	want = files(a) - files(b)
	if len(names) != len(set(names)) or set(names) != want or not want:
	    print('wanted %r, there is %r' % (sorted(want), sorted(names)), file=sys.stderr)
	    sys.exit(1)
	for n in files(b):
	    assert open(os.path.join(a, n), 'rb').read() == open(os.path.join(b, n), 'rb').read(), n
	P
}
# Root without what makes root read everything; anybody else as he is.
plain_user=()
! is_root || plain_user=(setpriv --bounding-set -dac_override,-dac_read_search --)
as_plain() { timeout -k 5 "${ZCP_TIMEOUT:-100}" ${plain_user[@]+"${plain_user[@]}"} "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -j 1 "$@" 3>&-; }
plain_zcpd() {
	printf '#!/bin/sh\nexec %s "%s" "$@"\n' "${plain_user[*]}" "$ZCP_BUILD/zcpd" >"$T/plain-zcpd"
	chmod 755 "$T/plain-zcpd"
	ZCPD_PROG=$T/plain-zcpd zcpd_start "$@"
}
odd=$'odd\n\xff\x01 name'

# a tree in which much fails: what is special, leads nowhere, cannot be read, or has something in its way at $2
trouble() {
	mkdir -p "$1/d/e" "$1/closed" "$1/none" "$2/$odd" "$2/deep/f"
	echo 1 >"$1/good"
	echo 2 >"$1/d/e/good"
	echo 3 >"$1/$odd"
	echo 4 >"$1/closed/in"
	echo 5 >"$1/unreadable"
	mkdir "$1/deep"
	echo 6 >"$1/deep/f"
	echo 7 >"$1/none/in"
	echo 8 >"$2/none"
	mkfifo "$1/d/fifo"
	ln -s nowhere "$1/d/dangling"
	chmod 000 "$1/closed" "$1/unreadable"
}

@test "a directory, down: names are what is below it; of a directory that failed what is in it is not named" {
	plain_zcpd
	trouble "$ROOT/t" "$T/to/t"
	run -23 zcp -r --failed-to="$T/left" 127.0.0.1:t "$T/to"
	names "$T/left" "$odd" closed unreadable deep/f none d/fifo d/dangling
	cmp "$ROOT/t/good" "$T/to/t/good"
	# as what is in it, too
	run -23 zcp -r --failed-to="$T/left2" 127.0.0.1:t/. "$T/to/t"
	names "$T/left2" "$odd" closed unreadable deep/f none d/fifo d/dangling
	chmod 755 "$ROOT/t/closed"
}

@test "a directory, up: names are what is below it; of a directory that failed what is in it is not named" {
	zcpd_start
	trouble "$T/t" "$ROOT/to/t"
	run -23 as_plain -r --failed-to="$T/left" "$T/t" 127.0.0.1:to
	names "$T/left" "$odd" closed unreadable deep/f none d/fifo d/dangling
	cmp "$T/t/good" "$ROOT/to/t/good"
	cd "$T"
	run -23 as_plain -r --failed-to=left2 t/. 127.0.0.1:to/t
	names "$T/left2" "$odd" closed unreadable deep/f none d/fifo d/dangling
	chmod 755 "$T/t/closed"
}

@test "what failed is a list for --files-from -0: when the trouble is over it brings the rest, and nothing else" {
	plain_zcpd
	for way in down up; do
		if [ $way = down ]; then from=$ROOT/t to=$T/to/t src=127.0.0.1:t dst=$T/to/t; else from=$T/from/t to=$ROOT/up src=$T/from/t dst=127.0.0.1:up; fi
		trouble "$from" "$to"
		run -23 zcp -r --failed-to="$T/left" "$src/." "$dst"
		rm "$from/d/fifo" "$from/d/dangling"
		chmod 755 "$from/closed" "$from/unreadable" "$to/closed"        # it was made as it is in the source: for nobody
		rm -rf "${to:?}/$odd" "$to/deep/f" "$to/none"
		echo "stays as it is" >"$to/good"
		run -23 zcp -v -r -0 --files-from="$T/left" "$src" "$dst"       # the two that are gone from the source
		assert_equal "$(grep -c ': no such file or directory' <<<"$output")" 2
		assert_equal "$(cat "$to/good")" "stays as it is"
		echo 1 >"$to/good"
		tree_equal "$from" "$to"
	done
}

@test "symbolic links that cannot be made, down and up" {
	zcpd_start
	mkdir -p "$T/t/d" "$T/to/t/d/link" "$ROOT/to/t/d/link"
	ln -s x "$T/t/d/link"
	ln -s y "$T/t/good"
	cp -a "$T/t" "$ROOT/t"
	run -23 zcp -a --failed-to="$T/down" 127.0.0.1:t "$T/to"
	names "$T/down" d/link
	run -23 zcp -a --failed-to="$T/up" "$T/t" 127.0.0.1:to
	names "$T/up" d/link
}

@test "several sources, and one that is no directory: names are the sources' and what is below, each once" {
	zcpd_start
	mkdir -p "$ROOT/a/b" "$T/a/b" "$T/to" "$ROOT/to"
	mkfifo "$ROOT/a/b/fifo" "$T/a/b/fifo"
	run -23 zcp -r --failed-to="$T/left" 127.0.0.1:a 127.0.0.1:a/b 127.0.0.1:missing '127.0.0.1:m*g' "$T/to"
	names "$T/left" a/b/fifo missing 'm*g'
	cd "$T"
	run -23 zcp -r --failed-to="$T/left" a ./a/b "$T/missing" nothing 127.0.0.1:to
	names "$T/left" a/b/fifo ./a/b/fifo "$T/missing" nothing
	run -3 zcp --failed-to="$T/left" 127.0.0.1:missing "$T/x"
	names "$T/left" missing
	run -23 zcp --failed-to="$T/left" a/b/fifo 127.0.0.1:x
	names "$T/left" a/b/fifo
	run -4 zcp --failed-to="$T/left" 127.0.0.1:a "$T/x"
	names "$T/left" a
	run -45 zcp --failed-to="$T/left2" "$T/left" 127.0.0.1:to/../a/b/fifo
	names "$T/left2"
}

@test "the whole of what a host serves, and of /: names are what is below it" {
	zcpd_start
	mkfifo "$ROOT/fifo"
	mkdir "$ROOT/d"
	mkfifo "$ROOT/d/fifo"
	run -23 zcp -r --failed-to="$T/left" 127.0.0.1: "$T/to"
	names "$T/left" fifo d/fifo
}

@test "nothing fails: the file is there and empty, whatever stood in it" {
	zcpd_start
	mktree "$ROOT/t" 20
	echo old >"$T/left"
	run -0 zcp -a --failed-to="$T/left" 127.0.0.1:t "$T/to"
	[ -f "$T/left" ]
	[ ! -s "$T/left" ]
	rm "$T/left"
	run -0 zcp -a --failed-to="$T/left" "$T/to" 127.0.0.1:up
	[ -f "$T/left" ]
	[ ! -s "$T/left" ]
}

# --- while it is copied ---------------------------------------------------------------------------------------------------

# a tree whose first file takes long, so that the others are listed, and gone when their turn comes
slow_tree() {
	mkdir -p "$1"
	mkrand "$1/slow" 7000000
	local i
	for i in {1..40}; do mkrand "$1/v$i" $((100000 + i)); done
}
@test "files that vanish while others are copied, down and up: those that did not come, and no others" {
	local way st
	zcpd_start
	slow_tree "$T/t"
	cp -a "$T/t" "$ROOT/t"
	cp -a "$T/t" "$T/kept"
	for way in down up; do
		if [ $way = down ]; then set -- 127.0.0.1:t "$T/down"; else set -- "$T/t" 127.0.0.1:up; fi
		zcp_bg -v -r -j 2 --bwlimit=3M --failed-to="$T/$way.left" "$@"
		wait_for_line "$T/zcp.err" '^zcp: ([^ ]*/)?(down|up)/'
		if [ $way = down ]; then rm "$ROOT/t/"*; else rm "$T/t/"*; fi
		wait_gone "$ZCP" 100
		st=0
		wait "$ZCP" || st=$?
		[ "$st" = 24 ] || fail "$way: status $st: $(cat "$T/zcp.err")"
		if [ $way = down ]; then lacking "$T/down.left" "$T/kept" "$T/down"; else lacking "$T/up.left" "$T/kept" "$ROOT/up"; fi
	done
}

@test "a further attempt begins with an empty file: what failed in one before and not in the last is not in it" {
	zcpd_start
	mkdir "$T/tree" "$ROOT/copy"
	mkrand "$T/tree/big" $((48 << 20))
	echo small >"$T/tree/small"
	zcp_bg --bwlimit=1M "$T/tree/big" 127.0.0.1:copy/big
	local holder=$ZCP
	/usr/bin/python3 - "$ROOT/copy" <<-'P' 3>&-
	import glob, select, sys
	for _ in range(3000):
	    if any(open(f, 'rb').read(1) for f in glob.glob(sys.argv[1] + '/.zcp-*.j')):
	        sys.exit(0)
	    select.select([], [], [], 0.02)
	sys.exit(1)
	P
	zcp_bg -r --retries=20 --failed-to="$T/left" "$T/tree/." 127.0.0.1:copy
	wait_for_line "$T/left" big
	kill -KILL "$holder"
	wait "$holder" || true
	wait_gone "$ZCP" 100
	wait "$ZCP" || fail "$(cat "$T/zcp.err")"
	names "$T/left"
	tree_equal "$T/tree" "$ROOT/copy"
}

@test "a source that is missing here is in the file after every attempt, once" {
	zcpd_start
	echo hello >"$T/f"
	local port=$PORT
	zcpd_stop
	zcp_bg --retries=20 --failed-to="$T/left" "$T/f" "$T/nothing" 127.0.0.1:
	wait_for_line "$T/zcp.err" 'trying again'
	ZCPD_LISTEN=127.0.0.1:$port zcpd_start
	wait_gone "$ZCP" 100
	status=0
	wait "$ZCP" || status=$?
	assert_equal "$status" 23
	names "$T/left" "$T/nothing"
}

@test "several streams: every name, and none twice" {
	local i
	zcpd_start
	mktree "$T/t" 300
	cp -a "$T/t" "$ROOT/t"
	mkdir -p "$T/to/t" "$ROOT/to/t"
	# every third file has a directory in its way
	(cd "$T/t" && find . -type f -print0) | /usr/bin/python3 -c 'import os, sys
names = sorted(sys.stdin.buffer.read().split(b"\0")[:-1])
for top in map(os.fsencode, sys.argv[2:]):
    for n in names[::3]:
        os.makedirs(os.path.join(top, n[2:]))
open(sys.argv[1], "wb").write(b"".join(n[2:] + b"\0" for n in names[::3]))' "$T/want" "$T/to/t" "$ROOT/to/t"
	run -23 zcp -r -j 6 --failed-to="$T/down" 127.0.0.1:t "$T/to"
	cmp <(sort -z "$T/want") <(sort -z "$T/down")
	run -23 zcp -r -j 6 --failed-to="$T/up" "$T/t" 127.0.0.1:to
	cmp <(sort -z "$T/want") <(sort -z "$T/up")
}

@test "together with --json: the names of both are the same" {
	zcpd_start
	trouble "$ROOT/t" "$T/to/t"
	chmod 755 "$ROOT/t/closed" "$ROOT/t/unreadable"
	zcp --json -r --failed-to="$T/left" 127.0.0.1:t "$T/to" >"$T/said" 2>"$T/err" && fail "all was copied"
	names "$T/left" "$odd" deep/f none d/fifo d/dangling
	grep -c '"type":"error"' "$T/said" | grep -qx 5 || fail "$(cat "$T/said")"
}

# --- the file -------------------------------------------------------------------------------------------------------------

@test "standard output: - has the names at the end; not together with --json or DST=/dev/stdout" {
	zcpd_start
	mkdir "$ROOT/d"
	mkfifo "$ROOT/d/fifo" "$ROOT/d/"$'f\xff'
	zcp -r --failed-to=- 127.0.0.1:d "$T/to" >"$T/names" 2>"$T/err" && fail "all was copied"
	names "$T/names" fifo $'f\xff'
	zcp -r --failed-to=- 127.0.0.1:d "$T/to" 2>"$T/err" | cat >"$T/names"
	names "$T/names" fifo $'f\xff'
	mkfifo "$T/pipe"
	cat "$T/pipe" >"$T/names" &
	zcp -r --failed-to="$T/pipe" 127.0.0.1:d "$T/to" 2>"$T/err" && fail "all was copied"
	wait $!
	names "$T/names" fifo $'f\xff'
	run -1 --separate-stderr zcp --json --failed-to=- -r 127.0.0.1:d "$T/to2"
	[[ $stderr == *'--failed-to=- and --json would both write to standard output'* ]] || fail "$stderr"
	echo 1 >"$ROOT/f"
	run -1 zcp --failed-to=- 127.0.0.1:f /dev/stdout
	assert_output --partial 'would go to standard output: name a file'
	[ ! -e "$T/to2" ]
}

@test "a file that cannot be opened: status 1, and nothing was copied or even asked for" {
	private_home
	PORT=1 HOSTKEY="zcp-x25519 $(head -c 32 /dev/zero | base64)"
	echo 1 >"$T/f"
	run -1 zcp --failed-to="$T/no/such" "$T/f" 127.0.0.1:f
	assert_output "zcp: --failed-to=$T/no/such: no such file or directory"
	run -1 zcp --failed-to="$T" 127.0.0.1:f "$T/x"
	assert_output "zcp: --failed-to=$T: is a directory"
	run -1 bash -c 'exec "$@" >&-' - "$ZCP_BUILD/zcp" --failed-to=- 127.0.0.1:f "$T/x"
	assert_output "zcp: --failed-to=-: bad file descriptor"
	run -1 zcp --failed-to= 127.0.0.1:f "$T/x"
}

# refused FILE WORDS ARG...: status 1 and these words, and FILE is as it was
refused() {
	local file=$1 words=$2 was=
	shift 2
	[ ! -e "$file" ] || was=$(stat -c '%i %s %y' "$file")
	run -1 zcp --failed-to="$file" "$@"
	assert_output "zcp: --failed-to=$file $words"
	assert_equal "$(if [ -e "$file" ]; then stat -c '%i %s %y' "$file"; fi)" "$was"
}
other=': name another file'
@test "a file that is itself to be copied is not emptied before: a source, under whatever name, and what lies in one" {
	zcpd_start
	mkdir -p "$T/s/d/e" "$T/outside" "$T/away"
	echo precious >"$T/s/d/g"
	ln "$T/s/d/g" "$T/hard"
	ln -s s/d/g "$T/soft"
	ln -s s "$T/s-too"
	ln -s ../../outside "$T/s/d/out"
	cd "$T"
	local a='is a source, and would be emptied before it is copied' b=', which is copied: name a file elsewhere, or leave it out (--exclude)' file
	for file in s/d/g "$T/s/d/g" ./s/../s/d/g s-too/d/g hard soft; do
		refused "$file" "$a$other" -a s/d/g 127.0.0.1:up
		refused "$file" "$a$other" -n away s/d/g 127.0.0.1:up
	done
	refused s/d/g "$a$other" soft 127.0.0.1:up
	for file in s/d/g "$T/s/d/g" s-too/d/g soft s/new s/d/e/new s/d/../new; do
		refused "$file" "lies in s$b" -a s 127.0.0.1:up
		refused "$file" "lies in s$b" -r away s 127.0.0.1:up
	done
	refused new "lies in .$b" -a . 127.0.0.1:up
	refused "$T/new" "lies in /$b" -r / 127.0.0.1:up
	# links are followed where the copy follows them, and as links are no more than that
	refused s-too/d/g "lies in s-too$b" -r s-too 127.0.0.1:up
	assert_equal "$(cat s/d/g)" precious
	[ ! -e "$ROOT/up" ]
	run -0 zcp -a --failed-to=s/d/g s-too 127.0.0.1:up
	[ -L "$ROOT/up" ]
	[ ! -s s/d/g ]
	# what is not copied is as good as elsewhere
	echo 1 >s/d/f
	run -0 zcp -a --exclude=left --failed-to=s/d/left s 127.0.0.1:one
	run -0 zcp -a --exclude=/s/d/ --failed-to=s/d/left s 127.0.0.1:two
	run -0 zcp -a --exclude=/d/e/ --failed-to=s/d/e/left s/. 127.0.0.1:three
	run -0 zcp -a --failed-to=s-beside s 127.0.0.1:four
	[ -e "$ROOT/one/d/f" ]
	[ ! -e "$ROOT/one/d/left" ]
	[ ! -e "$ROOT/two/d" ]
	[ -e "$ROOT/three/d/f" ]
	[ -e "$ROOT/four/d/f" ]
}

@test "the list that is read, and below what it names: not emptied; a new file there is fine" {
	zcpd_start
	mkdir "$T/s"
	echo precious >"$T/s/g"
	mkfifo "$T/s/fifo"
	cd "$T"
	printf '%s\n' g fifo >list
	refused list 'is the list that --files-from reads: name another file, and rename it afterwards' --files-from="$T/list" s 127.0.0.1:up
	refused s/g 'has something in it, and lies in s, where the list may name it: name a file that is new, or one elsewhere' --files-from=list s 127.0.0.1:up
	assert_equal "$(cat s/g)" precious
	cd s
	run -23 zcp --files-from=../list --failed-to=left . 127.0.0.1:up
	names left fifo
	cmp g "$ROOT/up/g"
}

@test "what a download puts in its place is no file for names" {
	zcpd_start
	echo new >"$ROOT/f"
	mkfifo "$ROOT/fifo"
	mkdir "$T/d"
	cd "$T"
	echo old >d/f
	ln -s d/f soft
	refused d/f "is where the copy goes, to d/f$other" 127.0.0.1:f d/f
	refused soft "is where the copy goes, to d/f$other" 127.0.0.1:f d/f
	refused d/f "is where the copy goes, to soft$other" 127.0.0.1:f soft
	refused ./new "is where the copy goes, to new$other" 127.0.0.1:f new
	refused d/f "is where the copy goes, to d$other" 127.0.0.1:fifo 127.0.0.1:f d
	assert_equal "$(cat d/f)" old
	[ ! -e new ]
	# beside what comes it may lie
	cd d
	run -23 zcp --failed-to=left 127.0.0.1:fifo 127.0.0.1:f .
	names left fifo
	assert_equal "$(cat f)" new
}

@test "a file that cannot be written any more: said once, 11 in the place of 23, and the rest is copied" {
	local i
	zcpd_start
	mkdir "$T/t"
	for i in {1..200}; do mkfifo "$T/t/a-fifo-that-is-not-copied-$i"; done
	echo 1 >"$T/t/good"
	run -11 bash -c 'ulimit -f 1; trap "" XFSZ; exec "$@"' - "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -r --failed-to="$T/left" "$T/t" 127.0.0.1:to
	assert_equal "$(grep -c -- "--failed-to=$T/left: file too large: names are missing in it" <<<"$output")" 1
	cmp "$T/t/good" "$ROOT/to/good"
	/usr/bin/python3 -c 'import os, sys
names = open(sys.argv[1], "rb").read().split(b"\0")
assert names[-1] == b"" and len(names) > 20 and all(os.path.exists(os.path.join(os.fsencode(sys.argv[2]), n)) for n in names), names' "$T/left" "$T/t"
	run -11 bash -c 'exec "$@" >/dev/full' - "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -r --failed-to=- "$T/t" 127.0.0.1:to
	assert_equal "$(grep -c -- '--failed-to=-: no space left on device: names are missing in it' <<<"$output")" 1
	mkdir -p "$ROOT/to/way/good"
	run -45 bash -c 'exec "$@" >/dev/full' - "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" --failed-to=- "$T/t/good" 127.0.0.1:to/way
	run -0 bash -c 'exec "$@" >/dev/full' - "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" --failed-to=- "$T/t/good" 127.0.0.1:to/good
}

@test "who is confined can still write and empty it: an upload that keeps no log" {
	zcpd_start
	mkdir "$T/d"
	mkfifo "$T/d/fifo"
	run -23 zcp -r --no-resume --failed-to="$T/left" "$T/d" 127.0.0.1:x
	names "$T/left" fifo
	XDG_STATE_HOME=/dev/null run -23 zcp -r --failed-to="$T/left" "$T/d" 127.0.0.1:x
	names "$T/left" fifo
}
