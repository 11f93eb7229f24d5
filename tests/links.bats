# links.bats - -H: files of several names stay one file; both directions.
load helpers
setup()    { zcpd_start; mkdir -p "$T/src" "$T/here"; }
teardown() { zcpd_stop; }

where() {
	case $1 in
	up)   SRC=$T/src/tree DST=$URL/ FROM=$T/src/tree TO=$ROOT/tree ;;
	down) SRC=$URL/tree DST=$T/here FROM=$ROOT/tree TO=$T/here/tree ;;
	esac
	rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
	mkdir -p "$FROM/d/e"
	mkrand "$FROM/one" 100000; ln "$FROM/one" "$FROM/d/two"; ln "$FROM/one" "$FROM/d/e/three"
	echo small >"$FROM/d/s"; ln "$FROM/d/s" "$FROM/s2"; mkrand "$FROM/large" 9000000; ln "$FROM/large" "$FROM/d/large2"
	echo alone >"$FROM/alone"; ln -s one "$FROM/sym"
}
# groups DIR: names that share an inode, a line each
groups() { (cd "$1" && find . -type f -links +1 -printf '%i %P\n' | sort | awk '{ g[$1] = g[$1] " " $2 } END { for (i in g) print g[i] }' | sort); }

@test "names of one file are names of one file; without -H they are files of their own" {
	local way streams
	for way in up down; do
		for streams in 1 4; do
			where $way
			run -0 zcp -a -H -j $streams "$SRC" "$DST"
			tree_equal "$FROM" "$TO" modes times links
			assert_equal "$(groups "$TO")" "$(groups "$FROM")"
			local inodes
			inodes=$(cd "$TO" && find . -printf '%i %P\n' | sort)
			run -0 zcp -a -H -v -j $streams "$SRC" "$DST"
			assert_equal "$(cd "$TO" && find . -printf '%i %P\n' | sort)" "$inodes"
			refute_output --partial "tree/"
		done
		where $way
		run -0 zcp -a "$SRC" "$DST"
		tree_equal "$FROM" "$TO" modes times links
		assert_equal "$(groups "$TO")" ""
	done
}

@test "names that have come apart, or together, at the destination" {
	local way
	for way in up down; do
		where $way
		run -0 zcp -a "$SRC" "$DST"
		run -0 zcp -a -H "$SRC" "$DST"
		assert_equal "$(groups "$TO")" "$(groups "$FROM")"
		# another file, and a link, stand where a name is to be
		rm "$TO/d/two" "$TO/d/e/three"; echo other >"$TO/d/two"; ln -s nowhere "$TO/d/e/three"
		run -0 zcp -a -H "$SRC" "$DST"
		tree_equal "$FROM" "$TO" modes times links
		assert_equal "$(groups "$TO")" "$(groups "$FROM")"
		no_litter "$TO"
		# a directory is left alone
		rm "$TO/d/two"; mkdir "$TO/d/two"
		run -23 zcp -a -H "$SRC" "$DST"
		[ -d "$TO/d/two" ]
	done
}

@test "the first name cannot be copied: the others say so" {
	local way
	for way in up down; do
		where $way
		rm "$FROM/d/e/three" "$FROM/s2" "$FROM/d/large2"
		mkdir -p "$TO/one" "$TO/d/two"
		run -23 zcp -a -H "$SRC" "$DST"
		rmdir "$TO/one"
		assert_equal "$(cat "$TO/alone")" alone
	done
}

@test "a changed file of several names" {
	local way
	for way in up down; do
		where $way
		run -0 zcp -a -H "$SRC" "$DST"
		echo changed >"$FROM/d/s"
		run -0 zcp -a -H "$SRC" "$DST"
		tree_equal "$FROM" "$TO" modes times links
		assert_equal "$(groups "$TO")" "$(groups "$FROM")"
	done
}

@test "hard links in a list of names, on the way up" {
	where up
	(cd "$FROM" && find . -type f) >"$T/list"
	run -0 zcp -a -H --files-from="$T/list" "$SRC" "$URL/tree"
	assert_equal "$(groups "$TO")" "$(groups "$FROM")"
	where down
	(cd "$FROM" && find . -type f) >"$T/list"
	run -1 zcp -a -H --files-from="$T/list" "$SRC" "$DST/tree"
	assert_output --partial "-H"
}
