# tree.bats - directories with everything in them, both ways, compared with the source and with what cp makes of it.
load helpers

setup() { T=$BATS_TEST_TMPDIR; }
teardown() { chmod -R u+rwx "$T" 2>/dev/null || true; zcpd_stop; }
served() { zcpd_start --plaintext-from 127.0.0.0/8 "$@"; }
# source NAME: an empty directory to be copied, wherever the way WAY asks for it. Sets SRC, DST: DST is where it will be.
place() {
	if [ "$WAY" = down ]; then SRC=$ROOT/$1 DST=$T/out/$1; else SRC=$T/in/$1 DST=$ROOT/out/$1; fi
	mkdir -p "$SRC" "$(dirname "$DST")"
}
# copy OPTION...: SRC to DST's directory
copy() {
	if [ "$WAY" = down ]; then zcp "$@" "127.0.0.1:${SRC##*/}" "${DST%/*}/"; else zcp "$@" "$SRC" 127.0.0.1:out/; fi
}
both() { served; for WAY in down up; do "$@"; done; }

whole() {
	place "t-$1"
	mktree "$SRC" 80
	run -0 copy -r "$1"
	tree_equal "$SRC" "$DST"
	cp -r "$SRC" "$T/cp-$WAY"
	tree_equal "$T/cp-$WAY" "$DST" modes
	no_litter "$DST"
}
@test "a tree with odd names, empty files and directories: as cp -r makes it, in plaintext" { both whole --plaintext; }
@test "a tree with odd names, empty files and directories: as cp -r makes it, encrypted" { both whole --encrypt; }

preserved() {
	place "p$1"
	mktree "$SRC" 80
	chmod 555 "$SRC/sp ace"
	chmod 700 "$SRC/a"
	touch -d '2001-02-03 04:05:06.789' "$SRC/empty" "$SRC/a/b" "$SRC"
	run -0 copy -r "$1" "$2"
	tree_equal "$SRC" "$DST" modes times
}
@test "-p keeps modes and times, of directories too, in plaintext" { both preserved -p --plaintext; }
@test "-p keeps modes and times, of directories too, encrypted" { both preserved -p --encrypt; }

deep() {
	place deep
	/usr/bin/python3 - "$SRC" <<-'P' 3>&-
	import os, sys
	os.chdir(sys.argv[1])
	for i in range(200):
	    os.mkdir('d%d' % i)
	    os.chdir('d%d' % i)
	    open('f', 'w').write('level %d\n' % i)
	P
	run copy -r
	assert_success
	tree_equal "$SRC" "$DST"
}
@test "200 directories below each other" { both deep; }

thousands() {
	place many
	/usr/bin/python3 - "$SRC" <<-'P' 3>&-
	import os, sys
	for i in range(3000):
	    d = '%s/%d' % (sys.argv[1], i % 30)
	    os.makedirs(d, exist_ok=True)
	    open('%s/%d' % (d, i), 'w').write('%d\n' % i * (i % 50))
	P
	run -0 copy -r
	tree_equal "$SRC" "$DST"
}
@test "3,000 small files" { both thousands; }

links() {
	place links
	mkdir "$SRC/d"
	echo one >"$SRC/d/one"
	ln -s one "$SRC/d/rel"
	ln -s ../d "$SRC/d-link"
	mkdir "$SRC/e"
	ln -s ../d/one "$SRC/e/up"
	ln -s ../d "$SRC/e/dir"
	rm "$SRC/d-link"
	run -0 copy -r
	tree_equal "$SRC" "$DST"
	[ ! -L "$DST/e/up" ]
	[ -f "$DST/e/up" ]
	[ ! -L "$DST/e/dir" ]
	[ -d "$DST/e/dir" ]
	rm -r "$DST"
	ln -s nowhere "$SRC/dangling"
	ln -s /nowhere/abs "$SRC/absolute"
	run -0 copy -a
	tree_equal "$SRC" "$DST" links modes times
	cp -a "$SRC" "$T/cp-a-$WAY"
	tree_equal "$T/cp-a-$WAY" "$DST" links modes times
	# again, over links that stand there: replaced, not followed
	ln -sfn other "$DST/dangling"
	run -0 copy -a
	assert_equal "$(readlink "$DST/dangling")" nowhere
}
@test "links are followed, and kept as links with -a" { both links; }

dangling() {
	place dang
	echo fine >"$SRC/fine"
	ln -s nowhere "$SRC/dangling"
	mkdir "$SRC/loop"
	echo in >"$SRC/loop/in"
	ln -s .. "$SRC/loop/up"
	ln -s self "$SRC/self"
	run -23 copy -r
	assert_output --partial dangling
	assert_output --partial loop/up
	assert_output --partial self
	[ "$(cat "$DST/fine")" = fine ]
	[ "$(cat "$DST/loop/in")" = in ]
	assert_file_not_exists "$DST/dangling"
	[ ! -e "$DST/loop/up/loop" ]
}
@test "links that dangle or loop: a line each, 23, and the rest is copied" { both dangling; }

special() {
	place "special"
	echo fine >"$SRC/fine"
	mkfifo "$SRC/fifo"
	/usr/bin/python3 -c "import socket,sys,os; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind('sock')" "$SRC" 3>&-
	local kinds=(fifo sock) k
	is_root && mknod "$SRC/null" c 1 3 && kinds+=(null)
	run -23 copy -r
	for k in "${kinds[@]}"; do
		assert_equal "$(grep -c "special/$k" <<<"$output")" 1
		[ ! -e "$DST/$k" ]
	done
	[ "$(cat "$DST/fine")" = fine ]
	rm -r "$DST"
	run -0 copy -a
	for k in "${kinds[@]}"; do assert_equal "$(grep -c "special/$k" <<<"$output")" 1; done
	[ "$(cat "$DST/fine")" = fine ]
}
@test "FIFOs, sockets and devices inside: a line each, 23, and 0 with -a" { both special; }

@test "what the daemon may not read: 23, and the rest is copied" {
	served
	mkdir -p "$ROOT/t/closed" "$ROOT/t/open" "$T/out"
	echo secret >"$ROOT/t/closed/x"
	echo secret >"$ROOT/t/private"
	echo fine >"$ROOT/t/open/fine"
	chmod 000 "$ROOT/t/closed" "$ROOT/t/private"
	run -23 zcp -r 127.0.0.1:t "$T/out/"
	assert_output --partial t/closed
	assert_output --partial t/private
	[ "$(cat "$T/out/t/open/fine")" = fine ]
	[ ! -s "$T/out/t/private" ]
	chmod 755 "$ROOT/t/closed"
}

@test "what zcp may not read: 23, and the rest is copied" {
	served --authorized-keys any
	mkdir -p "$T/t/closed" "$T/t/open" "$T/nobody" "$ROOT/out"
	chmod 777 "$T/nobody"
	echo secret >"$T/t/closed/x"
	echo secret >"$T/t/private"
	echo fine >"$T/t/open/fine"
	chmod 000 "$T/t/closed" "$T/t/private"
	run -23 as_user env XDG_CONFIG_HOME="$T/nobody" XDG_STATE_HOME="$T/nobody" HOME="$T/nobody" timeout 100 "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" \
		-r "$T/t" 127.0.0.1:out/
	assert_output --partial t/closed
	assert_output --partial t/private
	[ "$(cat "$ROOT/out/t/open/fine")" = fine ]
	[ ! -e "$ROOT/out/t/private" ]
}

@test "several sources, and a destination that is no directory" {
	served
	mkdir -p "$ROOT/d/e" "$T/out"
	echo 1 >"$ROOT/one"; echo 2 >"$ROOT/d/two"; echo 3 >"$ROOT/d/e/three"
	run -0 zcp -r 127.0.0.1:one 127.0.0.1:d "$T/out"
	tree_equal "$ROOT/d" "$T/out/d"
	[ "$(cat "$T/out/one")" = 1 ]
	run -0 zcp -r "$T/out/one" "$T/out/d" 127.0.0.1:up/ || run -0 zcp -r "$T/out/one" "$T/out/d" 127.0.0.1:
	echo file >"$T/file"
	run zcp -r 127.0.0.1:one 127.0.0.1:d "$T/file"
	assert_failure
	[ "$(cat "$T/file")" = file ]
	run -1 zcp 127.0.0.1:one 127.0.0.1:d/../one "$T/out"
	run zcp -r 127.0.0.1:d "$T/file"
	assert_failure
	[ "$(cat "$T/file")" = file ]
	run zcp -r "$ROOT/d" 127.0.0.1:one
	assert_failure
	[ "$(cat "$ROOT/one")" = 1 ]
}

@test "a directory without -r is not copied, the rest is" {
	served
	mkdir "$ROOT/d" "$T/out"
	echo 1 >"$ROOT/one"
	run zcp 127.0.0.1:d 127.0.0.1:one "$T/out"
	assert_failure
	assert_output --partial -- -r
	[ ! -e "$T/out/d" ]
	run zcp "$ROOT/d" 127.0.0.1:x
	assert_failure
	[ ! -e "$ROOT/x" ]
}

@test "cp's rules: a directory into one that is there, under a name that is not, dir/ and dir/." {
	served
	mkdir -p "$ROOT/d/sub" "$T/out" "$ROOT/up"
	echo 1 >"$ROOT/d/one"; echo 2 >"$ROOT/d/.hidden"; echo 3 >"$ROOT/d/sub/three"
	run -0 zcp -r 127.0.0.1:d "$T/out"
	tree_equal "$ROOT/d" "$T/out/d"
	run -0 zcp -r 127.0.0.1:d "$T/new"
	tree_equal "$ROOT/d" "$T/new"
	run -0 zcp -r 127.0.0.1:d/ "$T/slash"
	tree_equal "$ROOT/d" "$T/slash"
	mkdir "$T/in"
	run -0 zcp -r 127.0.0.1:d/ "$T/in/"
	tree_equal "$ROOT/d" "$T/in/d"
	mkdir "$T/dot"
	run -0 zcp -r 127.0.0.1:d/. "$T/dot"
	tree_equal "$ROOT/d" "$T/dot"
	run -0 zcp -r "$T/new" 127.0.0.1:up
	tree_equal "$T/new" "$ROOT/up/new"
	run -0 zcp -r "$T/new" 127.0.0.1:fresh
	tree_equal "$T/new" "$ROOT/fresh"
	mkdir "$ROOT/dot"
	run -0 zcp -r "$T/new/." 127.0.0.1:dot
	tree_equal "$T/new" "$ROOT/dot"
	run -0 zcp -r "$T/new/" 127.0.0.1:up/again
	tree_equal "$T/new" "$ROOT/up/again"
	# merged into what is there
	echo old >"$ROOT/fresh/kept"
	run -0 zcp -r "$T/new/." 127.0.0.1:fresh
	[ "$(cat "$ROOT/fresh/kept")" = old ]
}

@test "the whole root, hidden files included" {
	served
	mktree "$ROOT" 30
	mkdir "$T/out"
	run -0 zcp -r 127.0.0.1: "$T/out/"
	tree_equal "$ROOT" "$T/out"
}

@test "a directory that was there keeps its mode without -p" {
	served
	mkdir -p "$ROOT/d" "$T/out/d" "$T/out/x"
	echo 1 >"$ROOT/d/one"
	chmod 755 "$ROOT/d"
	chmod 711 "$T/out/d"
	run -0 zcp -r 127.0.0.1:d "$T/out/"
	assert_equal "$(stat -c %a "$T/out/d")" 711
	run -0 zcp -rp 127.0.0.1:d "$T/out/"
	assert_equal "$(stat -c %a "$T/out/d")" 755
}

@test "globs are matched there, and not by a shell" {
	served
	mkdir -p "$ROOT/g/.hid" "$T/o1" "$T/o2" "$T/o3" "$T/o4" "$T/o5" "$T/o6"
	cd "$ROOT/g"
	touch a.c b.c ab.c x.h .hidden.c '*' '[ab].c' 'a?c' '$(touch x).c' "q'uote.c"
	run -0 zcp '127.0.0.1:g/*.c' "$T/o1/"
	assert_equal "$(ls -A "$T/o1" | LC_ALL=C sort | tr '\n' '|')" "\$(touch x).c|[ab].c|a.c|ab.c|b.c|q'uote.c|"
	run -0 zcp '127.0.0.1:g/[ab].c' "$T/o2/"
	[ -e "$T/o2/a.c" ] || [ -e "$T/o2/[ab].c" ]
	run -0 zcp '127.0.0.1:g/\*' '127.0.0.1:g/\[ab\].c' '127.0.0.1:g/a\?c' "$T/o3/"
	assert_equal "$(ls -A "$T/o3" | LC_ALL=C sort | tr '\n' '|')" '*|[ab].c|a?c|'
	run -0 zcp '127.0.0.1:g/.h*.c' "$T/o4/"
	assert_equal "$(ls -A "$T/o4")" .hidden.c
	run -0 zcp -r '127.0.0.1:?/a*' "$T/o5/"
	assert_equal "$(ls -A "$T/o5" | LC_ALL=C sort | tr '\n' '|')" 'a.c|a?c|ab.c|'
	run -3 zcp '127.0.0.1:g/*.nothing' "$T/o6/"
	assert_output --partial '*.nothing'
	assert_equal "$(ls -A "$T/o6")" ''
	assert_file_not_exists "$ROOT/g/x"
}

@test "a file onto a directory of a tree, and a directory onto a file: 45 or 23, both stay" {
	served
	mkdir -p "$ROOT/d/x" "$T/out/d" "$T/in/d/y"
	echo f >"$ROOT/d/y"; echo in >"$ROOT/d/x/in"; echo fine >"$ROOT/d/z"
	echo file >"$T/out/d/x"
	mkdir "$T/out/d/y"
	run zcp -r 127.0.0.1:d "$T/out/"
	assert_failure 23
	assert_equal "$(cat "$T/out/d/x")" file
	[ -d "$T/out/d/y" ]
	assert_equal "$(cat "$T/out/d/z")" fine
	run zcp -r "$T/out/d" 127.0.0.1:
	assert_failure 23
	[ -d "$ROOT/d/x" ]
	[ "$(cat "$ROOT/d/y")" = f ]
	no_litter "$T/out" "$ROOT"
}

@test "a small file into a new directory costs six calls here, and nine of zcpd the other way" {
	local calls n
	is_san && skip "a sanitizer's build makes calls of its own"
	mkdir -p "$T/root/t"
	for n in {1..400}; do echo "$n" >"$T/root/t/f$n"; done
	ZCPD_WRAP=(strace -ff -qq -o "$T/daemon")
	ROOT=$T/root zcpd_start
	run -0 strace -f -qq -o "$T/here" "$ZCP_BUILD/zcp" -q -r -j 1 --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:t "$T/got"
	tree_equal "$T/root/t" "$T/got"
	calls=$(grep -cE '^[0-9]+ +(openat2|write|close|linkat|renameat2|newfstatat|getrandom|fchmod|utimensat|unlinkat|fcntl)\(' "$T/here")
	[ "$calls" -lt $((400 * 6 + 150)) ] || fail "$calls calls for 400 files: $(cut -d'(' -f1 "$T/here" | awk '{ print $2 }' | sort | uniq -c | sort -rn | head -n 8)"
	rm -f "$T"/daemon.*
	run -0 zcp -q -r -j 1 "$T/got" 127.0.0.1:up
	tree_equal "$T/root/t" "$T/root/up"
	calls=$(cat "$T"/daemon.* | grep -cE '^(openat2|write|close|linkat|renameat2|newfstatat|fstat|getrandom|fchmod|utimensat|unlinkat|fcntl)\(')
	[ "$calls" -lt $((400 * 9 + 150)) ] || fail "$calls calls for 400 files: $(cat "$T"/daemon.* | cut -d'(' -f1 | sort | uniq -c | sort -rn | head -n 8)"
}
