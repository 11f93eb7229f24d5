# files-from.bats - --files-from: names from a list, a pipe, with -0; what is wrong in one; a million of them (in full); both directions.
load helpers
setup()    { zcpd_start; mkdir -p "$T/up" "$T/here"; }
teardown() { zcpd_stop; }

# where WAY: FROM the source as this machine sees it, SRC as zcp is given it, DST and TO likewise
where() {
	case $1 in
	up)   FROM=$T/up SRC=$T/up DST=$URL/to TO=$ROOT/to ;;
	down) FROM=$ROOT/from SRC=$URL/from DST=$T/here/to TO=$T/here/to; mkdir -p "$FROM" ;;
	esac
	rm -rf "$TO"
}
found() { (cd "$TO" && find . -mindepth 1 -printf '%P\n' | sort); }

@test "names of a list, with the directories on the way, as they are in the source" {
	local way
	for way in up down; do
		where $way
		mkdir -p "$FROM/a/b/c" "$FROM/x" "$FROM/e"
		echo 1 >"$FROM/a/b/c/f"; echo 2 >"$FROM/top"; echo 3 >"$FROM/x/other"; ln -s f "$FROM/a/b/c/l"
		chmod 711 "$FROM/a/b"; touch -d 2001-02-03 "$FROM/a/b/c/f" "$FROM/a/b" "$FROM/e"
		printf 'a/b/c/f\ntop\na/b/c/l\ne\n' >"$T/list"
		run -0 zcp -a --files-from="$T/list" "$SRC" "$DST"
		assert_equal "$(found)" $'a\na/b\na/b/c\na/b/c/f\na/b/c/l\ne\ntop'
		assert_equal "$(stat -c '%a %Y' "$TO/a/b" "$TO/e" "$TO/a/b/c/f")" "$(stat -c '%a %Y' "$FROM/a/b" "$FROM/e" "$FROM/a/b/c/f")"
		assert_equal "$(readlink "$TO/a/b/c/l")" f
		# and once more: nothing is copied
		run -0 zcp -a -v --files-from="$T/list" "$SRC" "$DST"
		refute_output --partial "a/b/c/f"
	done
}

@test "a pipe, standard input, NULs, names with newlines, and without -a" {
	local way
	for way in up down; do
		where $way
		mkdir -p "$FROM/d"
		echo 1 >"$FROM/d/new"$'\n'line; echo 2 >"$FROM/d/"$'\xff\xfe'; echo 3 >"$FROM/#c"; echo 4 >"$FROM/ sp ace"
		(cd "$FROM" && find . -type f -print0) >"$T/list"
		run -0 zcp --files-from=- -0 "$SRC" "$DST" <"$T/list"
		assert_equal "$(cd "$TO" && find . -type f -print0 | sort -z | tr '\0' '|')" "$(sort -z <"$T/list" | tr '\0' '|')"
		rm -rf "$TO"
		run -0 zcp --from0 --files-from=<(cat "$T/list") "$SRC" "$DST"
		cmp "$FROM/#c" "$TO/#c"
		rm -rf "$TO"
		printf '#c\n' | { run -0 zcp --files-from=- "$SRC" "$DST"; }
		printf '#c\n' >"$T/list"
		run -0 zcp --files-from="$T/list" "$SRC" "$DST"
		assert_equal "$(found)" "#c"
	done
}

@test "missing, absolute, doubled, ..: each is told, and the rest is copied" {
	local way
	for way in up down; do
		where $way
		mkdir -p "$FROM/d"
		echo 1 >"$FROM/d/a"; echo 2 >"$FROM/b"
		printf 'none\n/d/a\nd/../b\nb\n./b\n../etc/passwd\nd/../../x\nd/none/deeper\n\n' >"$T/list"
		run -23 zcp --files-from="$T/list" "$SRC" "$DST"
		assert_line --regexp "/none: no such file or directory$"
		assert_line --regexp "/d/none/deeper: no such file or directory$"
		assert_equal "$(grep -c 'the name leaves the source: names in a list are below it' <<<"$output")" 2
		assert_line "zcp: --files-from: names that begin with '/' are taken from below the source"
		assert_line "zcp: --files-from: 2 names stand there more than once: copied once ('b' and others)"
		assert_equal "$(grep -c : <<<"$output")" 6
		assert_equal "$(found)" $'b\nd\nd/a'
	done
}

@test "a name that no file system has: too long, of an incomplete file's form, with a NUL" {
	local way
	for way in up down; do
		where $way
		echo 1 >"$FROM/ok"
		{ printf 'x%.0s' {1..300}; echo; printf 'y/%.0s' {1..2100}; echo z; echo .zcp-0123456789abcdef0123456789abcdef; printf 'a\0b\nok\n'; } >"$T/list"
		run -23 zcp --files-from="$T/list" "$SRC" "$DST"
		assert_equal "$(grep -c '^zcp: ' <<<"$output")" 4
		refute_output --partial "$(printf '\xff')"
		assert_equal "$(found)" ok
	done
}

@test "a list that is missing, a directory, or empty" {
	where up
	run -1 zcp --files-from="$T/none" "$SRC" "$DST"
	assert_output "zcp: --files-from=$T/none: no such file or directory"
	run -1 zcp --files-from="$T" "$SRC" "$DST"
	assert_output "zcp: --files-from=$T: is a directory"
	: >"$T/list"
	run -0 zcp --files-from="$T/list" "$SRC" "$DST"
	assert_equal "$(found)" ""
}

@test "a directory in a list is made; with -r it is copied with all in it, and nothing twice" {
	local way
	for way in up down; do
		where $way
		mkdir -p "$FROM/d/sub" "$FROM/e"
		echo 1 >"$FROM/d/a"; echo 2 >"$FROM/d/sub/b"; echo 3 >"$FROM/e/c"; mkrand "$FROM/d/large" 9000000
		printf 'd\ne/c\n' >"$T/list"
		run -0 zcp -a --files-from="$T/list" "$SRC" "$DST"
		assert_equal "$(found)" $'d\ne\ne/c'
		local order
		for order in 'd/a d e/c d/sub d/large' 'd d/a d/sub/b e' 'e/c d/sub d/large d' '. d/a'; do
			rm -rf "$TO"
			tr ' ' '\n' <<<"$order" >"$T/list"
			run -0 zcp -a -r -v --files-from="$T/list" "$SRC" "$DST"
			tree_equal "$FROM" "$TO" modes times || fail "$order"
			assert_equal "$(grep -cE '^zcp: (to|.*/to)/(d/(a|sub/b|large)|e/c)$' <<<"$output")" 4
		done
	done
}

@test "one source, a directory; and what does not go with a list" {
	where up
	echo a >"$T/list"; echo 1 >"$FROM/a"
	run -1 zcp --files-from="$T/list" "$SRC" "$SRC" "$DST"
	assert_output --partial "the names are below one source"
	run -4 zcp --files-from="$T/list" "$SRC/a" "$DST"
	assert_output --partial "is not a directory"
	run -1 zcp -r --delete --files-from="$T/list" "$SRC" "$DST"
	run -1 zcp -0 "$SRC" "$DST"
	assert_output --partial "-0: only with a list"
	run -1 zcp --files-from= "$SRC" "$DST"
}

@test "links: kept, followed, as directories on the way, and one with a very long target" {
	local way long
	long=$(printf 'long/%.0s' {1..100})
	for way in up down; do
		where $way
		mkdir -p "$FROM/real"
		echo 1 >"$FROM/real/f"; ln -s real "$FROM/dirlink"; ln -s "$long" "$FROM/longlink"; ln -s real/f "$FROM/link"
		printf 'dirlink/f\nlonglink\nlink\n' >"$T/list"
		run -0 zcp -a --files-from="$T/list" "$SRC" "$DST"
		assert_equal "$(found)" $'dirlink\ndirlink/f\nlink\nlonglink'
		[ -d "$TO/dirlink" ]
		[ ! -L "$TO/dirlink" ]
		assert_equal "$(readlink "$TO/longlink")" "$long"
		rm -rf "$TO"
		printf 'dirlink/f\nlink\n' >"$T/list"
		run -0 zcp --files-from="$T/list" "$SRC" "$DST"
		[ -f "$TO/link" ]
		[ ! -L "$TO/link" ]
	done
}

@test "names in any order, in thousands of directories" {
	local way n=2000
	! is_long || n=20000
	for way in up down; do
		where $way
		/usr/bin/python3 - "$FROM" "$T/list" $n <<-'P' 3>&-
		import os, random, sys
		top, n, r, names = sys.argv[1], int(sys.argv[3]), random.Random(os.environ['ZCP_SEED']), []
		for i in range(n):
		    name = 'd%d/e%d/f%d' % (r.randrange(50), r.randrange(20), i)
		    os.makedirs(os.path.dirname(os.path.join(top, name)), exist_ok=True)
		    with open(os.path.join(top, name), 'w') as f:
		        f.write(name)
		    if i % 3:
		        names.append(name)
		r.shuffle(names)
		open(sys.argv[2], 'w').write('\n'.join(names))
		P
		run -0 zcp -a -j 3 --files-from="$T/list" "$SRC" "$DST"
		assert_equal "$output" ""
		(cd "$TO" && find . -type f -printf '%P\n' | sort) | cmp - <(sort "$T/list"; echo)  || (cd "$TO" && find . -type f -printf '%P\n' | sort) | cmp - <(sort "$T/list")
	done
}

@test "a list that was read from a pipe is read again by another attempt" {
	where down
	for i in {1..200}; do mkrand "$FROM/f$i" 30000 $i; done
	(cd "$FROM" && ls) >"$T/list"
	"$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -j 1 -a --bwlimit=2M --retries=3 --files-from=- "$SRC" "$DST" <"$T/list" 2>"$T/zcp.err" 3>&- &
	local pid=$!
	wait_for_line "$T/zcpd.log" "." 1 || true
	until [ -e "$TO/f1" ]; do read -r -t 0.05 _ <> <(:) || :; kill -0 $pid; done
	pkill -P "$ZCPD" -x zcpd || fail "no stream was there to be killed"
	wait $pid
	assert_file_contains "$T/zcp.err" "trying again"
	tree_equal "$FROM" "$TO"
}
