# same-besides.bats - -X, -A and owners of files that need not be copied: what differs is set, and no byte travels.
load helpers

setup()    { zcpd_start --plaintext-from 127.0.0.0/8; mkdir -p "$T/in" "$T/out"; }
teardown() { zcpd_stop; }

where() {
	case $1 in
	up)   SRC=$T/in/d DST=$URL/ FROM=$T/in/d TO=$ROOT/d SHOWN=d ;;
	down) SRC=$URL/d DST=$T/out FROM=$ROOT/d TO=$T/out/d SHOWN=$T/out/d ;;
	esac
	rm -rf "$T/in/d" "$T/out/d" "$ROOT/d"
	mkdir -p "$FROM/sub"
	: >"$FROM/empty"
	mkrand "$FROM/small" 1000
	mkrand "$FROM/sub/middle" 700000
	mkrand "$FROM/sub/large" 9000001
}
need_xattrs() { : >"$T/probe"; setfattr -n user.probe -v 1 "$T/probe" 2>/dev/null || skip "no extended attributes on this file system"; }
need_acls()   { : >"$T/probe"; setfacl -m u:7:r "$T/probe" 2>/dev/null || skip "no access control lists on this file system"; }
inodes() { find "$TO" -type f -printf '%P %i\n' | sort; }
words() { sed -nE "s/^($1) +//p" <<<"$output" | sort; }

# stays WHAT... -- OPTION...: -n names WHAT, the run sets exactly those, copies nothing, and a third finds nothing to do
stays() {
	local what=()
	while [ "$1" != -- ]; do what+=("$SHOWN/$1"); shift; done
	shift
	inodes >"$T/before"
	run -0 --separate-stderr zcp "$@" -n "$SRC" "$DST"
	assert_equal "$(words meta)" "$(printf '%s\n' "${what[@]}" | sort)"
	assert_equal "$(words 'copy|link')" ""
	run -0 zcp "$@" "$SRC" "$DST"
	inodes | cmp - "$T/before"
	run -0 --separate-stderr zcp "$@" -n "$SRC" "$DST"
	assert_equal "$output" ""
}

@test "attributes that changed are set, those of other files are left alone; with --checksum, too" {
	need_xattrs
	local way opts
	for way in up down; do
		where $way
		run -0 zcp -a -X "$SRC" "$DST"
		run -0 --separate-stderr zcp -a -X -n "$SRC" "$DST"
		assert_equal "$output" ""
		for opts in "-a -X" "-a -X --checksum" "-a -X -j 3" "-r -u -X"; do
			setfattr -n user.a -v "$RANDOM$RANDOM" "$FROM/small"
			setfattr -n user.b -v "$RANDOM$RANDOM" "$FROM/sub/large"
			setfattr -n user.own -v 1 "$TO/empty"
			stays small sub/large empty -- $opts
			alike "$FROM" "$TO" xattrs
		done
	done
}

@test "the same attributes in another order are the same" {
	need_xattrs
	local way
	for way in up down; do
		where $way
		setfattr -n user.a -v 1 "$FROM/small"; setfattr -n user.b -v 2 "$FROM/small"
		run -0 zcp -a "$SRC" "$DST"
		setfattr -n user.b -v 2 "$TO/small"; setfattr -n user.a -v 1 "$TO/small"
		run -0 --separate-stderr zcp -a -X -n "$SRC" "$DST"
		assert_equal "$output" ""
	done
}

@test "lists and modes that changed are set" {
	need_acls
	local way
	for way in up down; do
		where $way
		chmod 640 "$FROM/small"
		run -0 zcp -a -A "$SRC" "$DST"
		setfacl -m u:7:rw "$FROM/small"
		chmod 600 "$FROM/sub/middle"
		stays small sub/middle -- -a -A
		alike "$FROM" "$TO" acls
		setfacl -b "$FROM/small"
		stays small -- -a -A
		alike "$FROM" "$TO" acls
	done
}

@test "as root: owners and set-id bits of what is here already, links too" {
	need_root
	where down
	ln -s small "$FROM/link"
	run -0 zcp -a "$SRC" "$DST"
	chown 12345:54321 "$FROM/small"; chown -h 12345:54321 "$FROM/link"; chmod 4755 "$FROM/sub/middle"
	inodes >"$T/before"
	run -0 --separate-stderr zcp -a -n "$SRC" "$DST"
	assert_equal "$(words meta)" "$(printf '%s\n' "$SHOWN/small" "$SHOWN/sub/middle" | sort)"
	assert_equal "$(words link)" "$SHOWN/link -> small"
	run -0 zcp -a "$SRC" "$DST"
	inodes | cmp - "$T/before"
	assert_equal "$(stat -c '%u %g %a' "$TO/small" "$TO/link" "$TO/sub/middle")" "$(stat -c '%u %g %a' "$FROM/small" "$FROM/link" "$FROM/sub/middle")"
	run -0 --separate-stderr zcp -a -n "$SRC" "$DST"
	assert_equal "$output" ""
}

@test "names of a list bring it, too: directories on the way, links, files that are the same" {
	need_xattrs
	local way
	for way in up down; do
		where $way
		ln -s small "$FROM/link"
		printf 'sub/middle\nsmall\nlink\n' >"$T/list"
		setfattr -n user.dir -v 1 "$FROM/sub"; setfattr -n user.top -v 1 "$FROM"
		setfattr -n user.file -v 1 "$FROM/sub/middle"
		run -0 zcp -a -X --files-from="$T/list" "$SRC" "$DST/d"
		assert_equal "$(getfattr -n user.dir --only-values "$TO/sub")" 1
		assert_equal "$(getfattr -n user.top --only-values "$TO")" 1
		assert_equal "$(getfattr -n user.file --only-values "$TO/sub/middle")" 1
		setfattr -n user.file -v 2 "$FROM/sub/middle"
		run -0 --separate-stderr zcp -a -X -n --files-from="$T/list" "$SRC" "$DST/d"
		assert_equal "$(words meta)" "$SHOWN/sub/middle"
		inodes >"$T/before"
		run -0 zcp -a -X --files-from="$T/list" "$SRC" "$DST/d"
		inodes | cmp - "$T/before"
		assert_equal "$(getfattr -n user.file --only-values "$TO/sub/middle")" 2
	done
}

@test "a list of names below the served directory itself brings what that has, too: 0, and not 23" {
	need_xattrs
	mkdir "$ROOT/sub"
	echo 1 >"$ROOT/sub/f"
	printf 'sub/f\n' >"$T/list"
	setfattr -n user.top -v 1 "$ROOT"; setfattr -n user.dir -v 1 "$ROOT/sub"
	run -0 zcp -a -X --files-from="$T/list" "$URL/" "$T/all"
	assert_equal "$(getfattr -n user.top --only-values "$T/all")" 1
	assert_equal "$(getfattr -n user.dir --only-values "$T/all/sub")" 1
	assert_equal "$(cat "$T/all/sub/f")" 1
}

@test "as root: owners of what a list names" {
	need_root
	where down
	ln -s small "$FROM/link"
	printf 'sub/middle\nlink\n' >"$T/list"
	chown 12345:54321 "$FROM/sub" "$FROM/sub/middle"; chown -h 12345:54321 "$FROM/link"
	run -0 zcp -a --files-from="$T/list" "$SRC" "$DST/d"
	assert_equal "$(stat -c '%u %g' "$TO/sub" "$TO/sub/middle" "$TO/link" | sort -u)" "12345 54321"
	run -0 --separate-stderr zcp -a -n --files-from="$T/list" "$SRC" "$DST/d"
	assert_equal "$output" ""
}
