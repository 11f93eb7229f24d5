# delete.bats - --delete: what is not in the source goes, when all has been copied; never when a listing had an error; both directions.
load helpers
setup()    { zcpd_start; mkdir -p "$T/src" "$T/here"; }
teardown() { chmod -R u+rwx "$T/src" "$ROOT" 2>/dev/null; zcpd_stop; }

where() {
	case $1 in
	up)   SRC=$T/src/tree DST=$URL/ FROM=$T/src/tree TO=$ROOT/tree ;;
	down) SRC=$URL/tree DST=$T/here FROM=$ROOT/tree TO=$T/here/tree ;;
	esac
	chmod -R u+rwx "$ROOT" "$T/here"
	rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
	mkdir -p "$FROM/a/b" "$FROM/empty"
	echo 1 >"$FROM/f"; echo 2 >"$FROM/a/g"; ln -s f "$FROM/l"
}
extra() {       # what only the destination has: files, links, directories full and empty, a FIFO, in old and in new places
	mkdir -p "$TO/x/y/z" "$TO/a/b/old" "$TO/empty/dir"
	echo x >"$TO/x/y/z/1"; echo x >"$TO/x/2"; echo x >"$TO/a/b/old/3"; echo x >"$TO/"$'odd\n\xff'; ln -s nowhere "$TO/x/ln"; ln -s ../../f "$TO/a/ln"; mkfifo "$TO/empty/fifo"
}

@test "what is not in the source is removed, and all else stays" {
	local way
	for way in up down; do
		where $way
		run -0 zcp -a "$SRC" "$DST"
		extra
		run -0 zcp -a "$SRC" "$DST"
		[ -e "$TO/x/y/z/1" ]
		touch -d 2001-01-01 "$FROM/a" "$FROM/empty" "$FROM"
		run -0 zcp -a --delete "$SRC" "$DST"
		tree_equal "$FROM" "$TO" modes times links
		run -0 zcp -a -v --delete "$SRC" "$DST"
		refute_output --partial "removed:"
	done
}

@test "a link at the destination is removed, not what it leads to" {
	local way
	for way in up down; do
		where $way
		run -0 zcp -a "$SRC" "$DST"
		mkdir "$T/outside"; echo precious >"$T/outside/f"
		ln -s "$T/outside" "$TO/out"
		run -0 zcp -a --delete "$SRC" "$DST"
		assert_not_exists "$TO/out"
		assert_equal "$(cat "$T/outside/f")" precious
		rm -r "$T/outside"
	done
}

@test "a directory of the source that cannot be read: nothing is removed, and that is said" {
	need_user
	local way
	for way in up down; do
		where $way
		run -0 zcp -a "$SRC" "$DST"
		extra
		chmod 0 "$FROM/a/b"
		run -23 zcp -a --delete "$SRC" "$DST"
		assert_output --partial "--delete: nothing was removed"
		chmod 755 "$FROM/a/b" "$TO/a/b"         # -a gave it that mode, too
		assert_exists "$TO/x/y/z/1"
		assert_exists "$TO/a/b/old/3"
		[ -p "$TO/empty/fifo" ]
	done
}

@test "a listing with an error, as root too: nothing is removed" {
	where down
	run -0 zcp -a "$SRC" "$DST"
	extra
	# a name that is too long to be listed with what is above it
	/usr/bin/python3 - "$FROM" <<-'P' 3>&-
	import os, sys
	os.chdir(sys.argv[1])
	for _ in range(17):
	    os.mkdir('d' * 250)
	    os.chdir('d' * 250)
	open('x', 'w').close()
	P
	run -23 zcp -a --delete "$SRC" "$DST"
	assert_output --partial "--delete: nothing was removed: not all that is there could be listed"
	[ -e "$TO/x/y/z/1" ]
	where up
	run -0 zcp -a "$SRC" "$DST"
	extra
	/usr/bin/python3 - "$FROM" <<-'P' 3>&-
	import os, sys
	os.chdir(sys.argv[1])
	for _ in range(17):
	    os.mkdir('d' * 250)
	    os.chdir('d' * 250)
	open('x', 'w').close()
	P
	run -23 zcp -a --delete "$SRC" "$DST"
	assert_output --partial "--delete: nothing was removed: not all that is here could be read"
	[ -e "$TO/x/y/z/1" ]
}

@test "a source that is missing removes nothing; nor does a copy that was cut" {
	local way
	for way in up down; do
		where $way
		run -0 zcp -a "$SRC" "$DST"
		extra
		run zcp -a --delete "$SRC.none" "$DST"
		[ "$status" != 0 ]
		[ -e "$TO/x/y/z/1" ]
		run -1 zcp -a --delete "$SRC" "$T/nowhere/x" "$DST/y/"
		[ -e "$TO/x/y/z/1" ]
	done
	where down
	run -0 zcp -a "$SRC" "$DST"
	extra
	mkrand "$FROM/zz" 20000000
	zcp_bg -a --delete --bwlimit=1M "$SRC" "$DST"
	until compgen -G "$TO/.zcp-*" >/dev/null; do kill -0 "$ZCP"; done
	kill "$ZCP"
	wait "$ZCP" && fail "it ended with 0"
	[ -e "$TO/x/y/z/1" ]
}

@test "files that fail to be copied do not keep --delete from its work" {
	local way
	for way in up down; do
		where $way
		run -0 zcp -a "$SRC" "$DST"
		extra
		rm "$TO/f"; mkdir "$TO/f"
		echo changed >>"$FROM/f"
		run -23 zcp -a --delete "$SRC" "$DST"
		assert_output --partial "stands there"
		assert_not_exists "$TO/x"
		[ -d "$TO/f" ]
	done
}

@test "only with -r, and not where the destination is no tree" {
	where up
	run -1 zcp --delete "$SRC" "$DST"
	assert_output --partial "--delete: only with -r or -a"
	run -0 zcp -a --delete "$SRC" "$URL/fresh"
	tree_equal "$FROM" "$ROOT/fresh" modes times links
	echo single >"$T/src/one"; echo stays >"$ROOT/stays"
	run -0 zcp -r --delete "$T/src/one" "$URL/"
	[ -e "$ROOT/stays" ]
}

@test "dir/. into a directory: what is beside it goes, too; several sources touch only their own" {
	local way
	for way in up down; do
		where $way
		run -0 zcp -a "$SRC/." "$DST/into"
		case $way in up) TO=$ROOT/into ;; down) TO=$T/here/into ;; esac
		extra
		run -0 zcp -a --delete "$SRC/." "$DST/into"
		tree_equal "$FROM" "$TO" modes times links
		rm -rf "$TO"
	done
	where up
	mkdir "$T/src/other"; echo 1 >"$T/src/other/f"
	mkdir -p "$ROOT/tree" "$ROOT/other" "$ROOT/third"; touch "$ROOT/tree/gone" "$ROOT/other/gone" "$ROOT/third/stays"
	run -0 zcp -a --delete "$SRC" "$T/src/other" "$DST"
	assert_not_exists "$ROOT/tree/gone"
	assert_not_exists "$ROOT/other/gone"
	assert_exists "$ROOT/third/stays"
}

@test "incomplete files of zcp's form are left alone" {
	local way name=.zcp-0123456789abcdef0123456789abcdef
	for way in up down; do
		where $way
		run -0 zcp -a "$SRC" "$DST"
		touch "$TO/$name"
		run -0 zcp -a --delete "$SRC" "$DST"
		[ -e "$TO/$name" ]
	done
}

@test "a read-only host removes nothing, and says why" {
	where up
	run -0 zcp -a "$SRC" "$DST"
	zcpd_stop
	ZCPD_MODE="--root $ROOT" zcpd_start
	touch "$ROOT/tree/extra"
	run -4 zcp -a --delete "$T/src/tree" "$URL/"
	assert_output --partial "read-only"
	[ -e "$ROOT/tree/extra" ]
}

@test "-v names what was removed" {
	where up
	run -0 zcp -a "$SRC" "$DST"
	touch "$TO/gone"
	run -0 zcp -a -v --delete "$SRC" "$DST"
	assert_line "zcp: removed: tree/gone"
}
