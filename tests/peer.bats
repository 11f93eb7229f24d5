# peer.bats - the second implementation of the wire (tests/peer, Python): right by the published vectors, and it and the programs
# understand each other in every suite, both ways, sealed and raw.
load helpers
PEER=$ZCP_TOP/tests/peer
setup()    { private_home; }
teardown() { zcpd_stop; }
peer() { PYTHONDONTWRITEBYTECODE=1 T=$T timeout -k 5 "${PEER_TIMEOUT:-300}" /usr/bin/python3 "$PEER/$@" 3>&-; }
suites() { has_aegis && echo aegis128l aegis256; grep -qw aes /proc/cpuinfo && echo aes256gcm; echo chacha20poly1305; }

@test "the Python peer reproduces the published vectors" {
	run -0 peer selftest.py
	refute_output --partial 'not ok'
}

# py_server ARG...: the scripted server over $T/served; sets PORT, HOSTKEY.
py_server() {
	mkdir -p "$T/served"
	mkfifo "$T/py.in" "$T/py.out"
	peer server.py --root "$T/served" --key-file "$T/py.key" "$@" <"$T/py.in" >"$T/py.out" 2>"$T/py.log" &
	PY=$!
	exec 7>"$T/py.in"
	read -r -t 60 PORT <"$T/py.out" || fail "the scripted server did not start: $(cat "$T/py.log")"
	read -r _ HOSTKEY <"$T/py.key"
}
py_stop() { exec 7>&-; wait "$PY" || true; }
py_client() { peer client.py --key "$T/client/zcp/identity" --pin "$HOSTKEY" "$@"; }

files() {       # DIR: sizes around every border
	mkdir -p "$1/sub/empty"
	local n
	for n in 0 1 65535 65536 65537 262144 262145 1048576 1048577 2500000; do mkrand "$1/f$n" $n; done
	mkrand "$1/sub/x" 100
	chmod 640 "$1/f1"
}

@test "the scripted client copies a tree down and up with zcpd, in every suite, sealed" {
	zcpd_start
	files "$ROOT/tree"
	for suite in $(suites); do
		run -0 py_client --suite "$suite" --want sealed "$PORT" get-tree tree "$T/down.$suite"
		assert_output --partial "suite=$suite granted=sealed contents=sealed"
		tree_equal "$ROOT/tree" "$T/down.$suite"
		mkdir "$ROOT/up.$suite"
		run -0 py_client --suite "$suite" --want sealed "$PORT" put-tree "$ROOT/tree" "up.$suite"
		assert_output --partial "suite=$suite granted=sealed contents=sealed"
		tree_equal "$ROOT/tree" "$ROOT/up.$suite" modes times
	done
	no_litter "$ROOT"
}

@test "the scripted client proves that it is on one machine and gets raw contents with tags, in every suite" {
	zcpd_start
	files "$ROOT/tree"
	for suite in $(suites); do
		run -0 py_client --suite "$suite" "$PORT" get-tree tree "$T/down.$suite"
		assert_output --partial "suite=$suite granted=raw contents=raw"
		tree_equal "$ROOT/tree" "$T/down.$suite"
		mkdir "$ROOT/up.$suite"
		run -0 py_client --suite "$suite" "$PORT" put-tree "$ROOT/tree" "up.$suite"
		assert_output --partial "suite=$suite granted=raw contents=raw"
		tree_equal "$ROOT/tree" "$ROOT/up.$suite" modes times
	done
	no_litter "$ROOT"
}

@test "the scripted client asks for ranges, attributes and listings" {
	zcpd_start
	files "$ROOT/tree"
	for range in "0 1" "1 1000000" "1048575 2" "2499999 1" "2499999 100"; do
		read -r off len <<<"$range"
		run -0 py_client "$PORT" range tree/f2500000 "$off" "$len" "$T/range"
		cmp "$T/range" <(tail -c +$((off + 1)) "$ROOT/tree/f2500000" | head -c "$len")
	done
	run -0 py_client "$PORT" stat tree/f1
	assert_output --partial "mode=$((0640))"
	run -0 py_client "$PORT" list tree
	assert_equal "$(grep -c "^f " <<<"$output")" 11
	run -1 py_client "$PORT" stat none
	assert_output "failed: status=3 why=1 errno=2"
}

@test "zcp copies a tree from and to the scripted server, in every suite, sealed and raw" {
	for suite in $(suites); do
		for how in --encrypt --plaintext; do
			rm -rf "$T/served" "$T/py.in" "$T/py.out" "$T/down" "$T/tree"
			files "$T/tree"
			py_server --suites "$suite" --flags 3
			cp -a "$T/tree" "$T/served/tree"
			mkdir "$T/down"
			run -0 zcp -r -p $how 127.0.0.1:tree "$T/down/"
			tree_equal "$T/tree" "$T/down/tree" modes
			run -0 zcp -r -p $how "$T/tree" 127.0.0.1:up
			tree_equal "$T/tree" "$T/served/up" modes times
			py_stop
		done
	done
}

@test "large files go by ranges from the scripted client to zcpd, and from zcp to the scripted server, sealed and raw" {
	mkrand "$T/large" 9000001
	zcpd_start
	for want in sealed raw; do
		run -0 py_client --suite chacha20poly1305 --want "${want/raw/auto}" "$PORT" put-ranges "$T/large" "up.$want"
		assert_output --partial "contents=$want"
		cmp "$T/large" "$ROOT/up.$want"
	done
	no_litter "$ROOT"
	zcpd_stop
	py_server --suites chacha20poly1305 --flags 3
	for how in --encrypt --plaintext; do
		for streams in 1 2; do
			run -0 zcp -j $streams $how "$T/large" "127.0.0.1:up$how$streams"
			cmp "$T/large" "$T/served/up$how$streams"
		done
	done
	py_stop
}

@test "attributes, ACLs and owners go from the scripted client to zcpd and back, and from zcp to the scripted server and back" {
	: >"$T/probe"
	{ setfattr -n user.probe -v 1 "$T/probe" && setfacl -m u:7:r "$T/probe"; } 2>/dev/null || skip "no attributes and ACLs on this file system"
	files "$T/tree"
	mkrand "$T/tree/large" 9000001
	for f in f1 f65537 f2500000 sub sub/x large; do
		setfattr -n "user.of $f" -v "$f" "$T/tree/$f"
		setfacl -m u:7:rx "$T/tree/$f"
	done
	setfacl -d -m g:8:r "$T/tree/sub"
	! is_root || { chown 4001:4002 "$T/tree/f65537" "$T/tree/sub" "$T/tree/large"; ln -s x "$T/tree/link"; chown -h 4003:4004 "$T/tree/link"; }
	zcpd_start
	mkdir "$ROOT/up"
	run -0 py_client --besides --suite chacha20poly1305 "$PORT" put-tree "$T/tree" up
	chmod 755 "$T/tree" "$ROOT/up"
	alike "$T/tree" "$ROOT/up" xattrs acls modes
	run -0 py_client --besides --suite chacha20poly1305 "$PORT" put-ranges "$T/tree/large" ranges
	alike "$T/tree/large" "$ROOT/ranges" xattrs acls modes
	cp -a "$T/tree" "$ROOT/tree"
	run -0 py_client --besides --suite chacha20poly1305 "$PORT" get-tree tree "$T/down"
	alike "$T/tree" "$T/down" xattrs acls owners
	zcpd_stop
	py_server --suites chacha20poly1305 --flags 3
	cp -a "$T/tree" "$T/served/tree"
	for streams in 1 3; do
		run -0 zcp -j $streams -aXA 127.0.0.1:tree "$T/zcp-down$streams"
		alike "$T/tree" "$T/zcp-down$streams" xattrs acls owners modes
		run -0 zcp -j $streams -aXA "$T/tree" "127.0.0.1:zcp-up$streams"
		alike "$T/tree" "$T/served/zcp-up$streams" xattrs acls modes
	done
}

@test "files with holes keep them between the scripted client and zcpd, and between zcp and the scripted server, whole and by ranges, sealed and raw" {
	local size n
	mkdir "$T/src"
	for size in 3000000 20000000; do        # in segments, and by ranges
		/usr/bin/python3 "$PEER/holes.py" make "$T/src/f$size" $size 0+5000 100000+1 1M+300K 2500000+1000 2990000+10000
		/usr/bin/python3 "$PEER/holes.py" make "$T/src/g$size" $size 2M+8K
	done
	zcpd_start
	for n in "$T"/src/*; do
		cp --sparse=always "$n" "$ROOT/"
		n=${n##*/}
		for want in sealed raw; do
			run -0 py_client --holes --want "${want/raw/auto}" "$PORT" get "$n" "$T/$n.$want"
			assert_output --regexp 'holes=[1-9]'
			/usr/bin/python3 "$PEER/holes.py" same "$T/src/$n" "$T/$n.$want"
			run -0 py_client --want "${want/raw/auto}" "$PORT" get "$n" "$T/$n.$want"
			assert_output --regexp 'holes=0'         # not asked for
			cmp "$T/src/$n" "$T/$n.$want"
			run -0 py_client --holes --want "${want/raw/auto}" "$PORT" put "$T/src/$n" "$n.$want"
			/usr/bin/python3 "$PEER/holes.py" same "$T/src/$n" "$ROOT/$n.$want"
			run -0 py_client --holes --want "${want/raw/auto}" "$PORT" put-ranges "$T/src/$n" "$n.$want.r"
			/usr/bin/python3 "$PEER/holes.py" same "$T/src/$n" "$ROOT/$n.$want.r"
		done
	done
	no_litter "$ROOT"
	zcpd_stop
	py_server --flags 3
	mkdir "$T/down"
	for how in --encrypt --plaintext; do
		for streams in 1 2; do
			for n in "$T"/src/*; do
				run -0 zcp -j $streams $how "$n" 127.0.0.1:
				/usr/bin/python3 "$PEER/holes.py" same "$n" "$T/served/${n##*/}"
				run -0 zcp -j $streams $how "127.0.0.1:${n##*/}" "$T/down/"
				/usr/bin/python3 "$PEER/holes.py" same "$n" "$T/down/${n##*/}"
			done
		done
	done
	py_stop
}

@test "zcp chooses the first suite of its own list that the server offers" {
	py_server --suites chacha20poly1305,aes256gcm
	mkrand "$T/served/f" 100000
	run -0 zcp -v --encrypt --cipher=chacha20poly1305,aes256gcm 127.0.0.1:f "$T/a"
	assert_output --partial chacha20poly1305
	grep -qw aes /proc/cpuinfo || return 0
	run -0 zcp -v --encrypt --cipher=aes256gcm,chacha20poly1305 127.0.0.1:f "$T/b"
	assert_output --partial aes256gcm
	run -0 zcp -v --encrypt 127.0.0.1:f "$T/c"
	assert_output --partial aes256gcm
	py_stop
}

@test "a build without AEGIS neither offers nor takes it; one with it does both" {
	zcpd_start
	mkrand "$ROOT/f" 100000
	for suite in aegis128l aegis256; do
		if has_aegis; then
			run -0 py_client --suite "$suite" "$PORT" get f "$T/f"
			cmp "$ROOT/f" "$T/f"
			run -0 zcp --cipher="$suite" --encrypt 127.0.0.1:f "$T/g"
		else
			run -1 py_client --suite "$suite" "$PORT" get f "$T/f"
			run -4 zcp --cipher="$suite" --encrypt 127.0.0.1:f "$T/g"
			assert_output --partial "$suite"
		fi
	done
}

@test "the scripted client asks what is there, compares, removes, links, and is told what directories have, in every suite" {
	local suites
	: >"$T/probe"
	{ setfattr -n user.probe -v 1 "$T/probe" && setfacl -m u:7:r "$T/probe"; } 2>/dev/null || skip "no attributes and ACLs on this file system"
	zcpd_start
	mapfile -t suites < <(suites | tr ' ' '\n')
	run -0 peer asked.py "${suites[@]}"
	refute_output --partial 'not ok'
	no_litter "$ROOT"
}

linked() {      # DIR: ... and names of both kinds that lead to others
	files "$1"
	ln "$1/f65537" "$1/sub/name2"; ln "$1/sub/x" "$1/name3"
	ln -s f1 "$1/soft"; ln -s nowhere "$1/sub/dangling"
}
inodes() { find "$1" -printf '%P %y %i %n\n' | sort; }
links_of() { find "$1" -type f -links +1 -printf '%P %n\n' | sort; }

# nothing_new CMD...: no file at $TO is another one afterwards, and all is as in $FROM.
nothing_new() {
	inodes "$TO" >"$T/before"
	run -0 "$@"
	inodes "$TO" | diff "$T/before" - >&2
	tree_equal "$FROM" "$TO" modes times links
}

# changed_one CMD...: FROM/f262145 has another byte, the same size and time: that alone is copied.
changed_one() {
	local f=f262145
	inodes "$TO" | grep -v "^$f " >"$T/before"
	touch -r "$FROM/$f" "$T/stamp"
	printf '%s' "$RANDOM" | dd of="$FROM/$f" conv=notrunc status=none
	touch -r "$T/stamp" "$FROM/$f"
	run -0 "$@"
	inodes "$TO" | grep -v "^$f " | diff "$T/before" - >&2
	tree_equal "$FROM" "$TO" modes times links
}

litter() {      # what only the destination has
	mkdir -p "$TO/old/er" "$TO/sub/empty/gone"
	echo x >"$TO/old/er/f"; echo x >"$TO/sub/"$'odd\n\xff'; ln -s / "$TO/old/root"; ln "$TO/f1" "$TO/another"
}

@test "zcp asks the scripted server what is there: the same is not copied twice, what is gone is removed, hard links stay links, in every suite" {
	local suite how way src dst
	for suite in $(suites); do
		for how in --encrypt --plaintext; do
			[ "$how $suite" != "--plaintext aegis256" ] || continue         # that is aegis128l's tags
			rm -rf "$T/served" "$T/py.in" "$T/py.out" "$T/tree" "$T/down"
			linked "$T/tree"
			mkdir "$T/down"
			py_server --suites "$suite" --flags 3
			for way in up down; do
				case $way in
				up)   src=$T/tree dst=127.0.0.1: FROM=$T/tree TO=$T/served/tree ;;
				down) src=127.0.0.1:tree dst=$T/down/ FROM=$T/served/tree TO=$T/down/tree ;;
				esac
				run -0 zcp -aH $how "$src" "$dst"
				tree_equal "$FROM" "$TO" modes times links
				diff <(links_of "$FROM") <(links_of "$TO") >&2
				assert_equal "$(links_of "$TO" | wc -l)" 4
				nothing_new zcp -aH $how "$src" "$dst"
				nothing_new zcp -aH --checksum $how "$src" "$dst"
				changed_one zcp -aH --checksum $how "$src" "$dst"
				chmod 600 "$FROM/f65535"
				nothing_new zcp -aH $how "$src" "$dst"
				litter
				run -0 zcp -aH --delete $how "$src" "$dst"
				touch "$FROM/sub/new"
				run -0 zcp -aH --delete $how "$src" "$dst"
				tree_equal "$FROM" "$TO" modes times links
			done
			py_stop
			[ ! -s "$T/py.log" ] || fail "$(cat "$T/py.log")"
		done
	done
}

@test "zcp asks the scripted server for attributes and ACLs: they are set where they differ, and of names of a list" {
	local how way src dst to
	: >"$T/probe"
	{ setfattr -n user.probe -v 1 "$T/probe" && setfacl -m u:7:r "$T/probe"; } 2>/dev/null || skip "no attributes and ACLs on this file system"
	linked "$T/tree"
	mkdir "$T/down"
	py_server --suites chacha20poly1305 --flags 3
	for way in up down; do
		case $way in
		up)   src=$T/tree dst=127.0.0.1: to=127.0.0.1:tree FROM=$T/tree TO=$T/served/tree ;;
		down) src=127.0.0.1:tree dst=$T/down/ to=$T/down/tree FROM=$T/served/tree TO=$T/down/tree ;;
		esac
		run -0 zcp -aHXA "$src" "$dst"
		for how in "" --checksum; do
			setfattr -n user.b -v "$way$how" "$FROM/f65537"; setfattr -n user.a -v "" "$FROM/f65537"; setfattr -n user.top -v 1 "$FROM"
			setfacl -m "u:$((${#how} + 1)):r" "$FROM/f2500000" "$FROM/sub"
			nothing_new zcp -aHXA $how "$src" "$dst"
			alike "$FROM" "$TO" xattrs acls modes
			nothing_new zcp -aHXA $how "$src" "$dst"
		done
		printf 'sub/x\nf65537\nsoft\n' >"$T/list"
		setfattr -n user.c -v "$way" "$FROM/f65537" "$FROM/sub" "$FROM"
		nothing_new zcp -aXA --files-from="$T/list" "$src" "$to"
		alike "$FROM" "$TO" xattrs acls modes
	done
	py_stop
	[ ! -s "$T/py.log" ] || fail "$(cat "$T/py.log")"
}
