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

# --- whose content a name gets: never another file's ------------------------------------------------------------------------

# pair WAY: one file of two names, A and B; at the destination two files of their own, older and of other sizes
pair() {
	case $1 in
	up)   SRC=$T/src/p DST=$URL/ FROM=$T/src/p TO=$ROOT/p ;;
	down) SRC=$URL/p DST=$T/here FROM=$ROOT/p TO=$T/here/p ;;
	esac
	rm -rf "$ROOT/p" "$T/here/p" "$T/src/p"
	mkdir -p "$FROM" "$TO"
	echo src >"$FROM/A"; ln "$FROM/A" "$FROM/B"
	echo old-A >"$TO/A"; echo precious-B >"$TO/B"
	touch -d '2020-01-02' "$FROM/A"; touch -d '2020-01-01' "$TO/A" "$TO/B"
}
shown() {       # names, contents and which are one file, below $TO
	(cd "$TO" && printf '%s\n' *) | while read -r f; do printf '%s=%s ' "$f" "$(cat "$TO/$f")"; done | sed 's/ $//'
	groups "$TO" | sed 's/^/ :/' | tr -d '\n'
}
is() { assert_equal "$(shown)" "$*"; }
# both ARG...: -n first, which says what the run then does, with the same status; the run's status is $status
both() {
	local want=$1 said
	shift
	run --separate-stderr zcp -n --json "$@"
	said=$(told "$want")
	run --separate-stderr zcp --json "$@"
	assert_equal "$(told "$want")" "$said"
}
# told STATUS: what --json has of files, and the counts of its summary
told() {
	assert_equal "$status" "$1"
	/usr/bin/python3 - "$output" <<-'P' 3>&-
	import json, sys
	lines = []
	for line in sys.argv[1].split('\n'):
	    e = json.loads(line)
	    if e['type'] == 'file':
	        lines.append('%s %s %s' % (e['action'], e['path'], e.get('target')))
	    elif e['type'] == 'error' and e.get('path'):
	        lines.append('%s %s' % (e['path'], e['status']))
	    elif e['type'] == 'summary':
	        lines.append(' '.join('%s=%s' % (k, e[k]) for k in ('status', 'files', 'links', 'same', 'left', 'meta', 'failed')))
	print('\n'.join(sorted(lines)))
	P
}

@test "-H with --ignore-existing or -u puts another file's old content under a name that was to stay" {
	local way j
	for way in up down; do
		for j in 1 4; do
			pair $way
			both 0 -a -H --ignore-existing -j $j "$SRC" "$DST"
			is A=old-A B=precious-B
			touch -d tomorrow "$TO/A" "$TO/B"
			both 0 -a -H -u -j $j "$SRC" "$DST"
			is A=old-A B=precious-B
			# the one is newer, the other is not
			touch -d 2020-01-01 "$TO/B"
			both 0 -a -H -u -j $j "$SRC" "$DST"
			is A=old-A B=src
			pair $way; touch -d tomorrow "$TO/B"
			both 0 -a -H -u -j $j "$SRC" "$DST"
			is A=src B=precious-B
		done
	done
}

@test "-H with --ignore-existing: a name that is missing is not made of a file that stays" {
	local way j
	for way in up down; do
		for j in 1 4; do
			pair $way; rm "$TO/B"; ln "$FROM/A" "$FROM/C"
			both 0 -a -H --ignore-existing -j $j "$SRC" "$DST"
			is A=old-A B=src C=src : B C
			pair $way; rm "$TO/A"; ln "$FROM/A" "$FROM/C"
			both 0 -a -H --ignore-existing -j $j "$SRC" "$DST"
			is A=src B=precious-B C=src : A C
		done
	done
}

@test "-H with --ignore-existing: what stays and is the same file, as after an attempt that was cut, has no other names" {
	local way inode
	for way in up down; do
		pair $way; rm "$TO/B" "$FROM/B"; cp -p "$FROM/A" "$TO/A"
		mkdir "$FROM/below"; ln "$FROM/A" "$FROM/below/B"               # found after what is in the directory above
		inode=$(stat -c %i "$TO/A")
		both 0 -a -H --ignore-existing -j 1 "$SRC" "$DST"
		[ "$TO/A" -ef "$TO/below/B" ]
		assert_equal "$(stat -c %i "$TO/A")" "$inode"
		# two that stay are not made one
		pair $way; cp -p "$FROM/A" "$TO/A"; cp -p "$FROM/A" "$TO/B"
		both 0 -a -H --ignore-existing -j 1 "$SRC" "$DST"
		is A=src B=src
	done
}

@test "-H with --existing makes names that are not there, or does not update the one that is" {
	local way j
	for way in up down; do
		for j in 1 4; do
			pair $way; rm "$TO/A"
			both 0 -a -H --existing -j $j "$SRC" "$DST"
			is B=src
			pair $way; rm "$TO/B"
			both 0 -a -H --existing -j $j "$SRC" "$DST"
			is A=src
			pair $way; rm "$TO/A" "$TO/B"
			both 0 -a -H --existing -j $j "$SRC" "$DST"
			assert_equal "$(ls "$TO")" ""
		done
	done
}

@test "-H --checksum: names that stay apart, or come together" {
	local way
	for way in up down; do
		pair $way; cp -p "$FROM/A" "$TO/A"
		both 0 -a -H --checksum "$SRC" "$DST"
		is A=src B=src : A B
		both 0 -a -H --checksum "$SRC" "$DST"
		is A=src B=src : A B
		pair $way; echo crs >"$TO/A"; touch -r "$FROM/A" "$TO/A"
		both 0 -a -H --checksum -j 4 "$SRC" "$DST"
		is A=src B=src : A B
		pair $way; echo crs >"$TO/A"; touch -r "$FROM/A" "$TO/A"; ln -f "$TO/A" "$TO/B"
		both 0 -a -H --checksum -u -j 4 "$SRC" "$DST"
		is A=src B=src : A B
	done
}

@test "-H -n does not tell of a name that is linked anew, or cannot be" {
	local way
	for way in up down; do
		pair $way; ln -f "$TO/A" "$TO/B"
		both 0 -a -H "$SRC" "$DST"
		is A=src B=src : A B
		# what is in the way of one name is in no other's
		pair $way; rm "$TO/B"; mkdir "$TO/B"
		both 23 -a -H "$SRC" "$DST"
		rmdir "$TO/B"; is A=src
		pair $way; rm "$TO/A"; mkdir "$TO/A"
		both 23 -a -H "$SRC" "$DST"
		rmdir "$TO/A"; is B=src
	done
}

# Root without what makes root read everything; anybody else as he is.
plain() { if is_root; then setpriv --bounding-set -dac_override,-dac_read_search -- "$@"; else "$@"; fi; }

@test "-H: the first name cannot be read, and the other gets the first one's old content" {
	local way j
	zcpd_stop
	printf '#!/bin/bash\n%s\nexec %q "$@"\n' "$(is_root && echo 'exec setpriv --bounding-set -dac_override,-dac_read_search -- '"$ZCP_BUILD/zcpd"' "$@"')" "$ZCP_BUILD/zcpd" >"$T/plain-zcpd"
	chmod 755 "$T/plain-zcpd"
	ZCPD_PROG=$T/plain-zcpd zcpd_start
	for way in up down; do
		for j in 1 4; do
			pair $way; chmod 000 "$FROM/A"
			run plain timeout 100 "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -a -H -j $j --failed-to="$T/ft" "$SRC" "$DST"
			assert_equal "$status" 23
			is A=old-A B=precious-B
			assert_output --partial "another name of"
			assert_equal "$(tr '\0' '\n' <"$T/ft" | sort | xargs)" "A B"
			# what is mended comes, both names of it
			chmod 644 "$FROM/A"
			if [ $way = up ]; then
				run -0 zcp -a -H -j $j --files-from="$T/ft" -0 "$SRC" "$URL/p"
			else
				run -0 zcp -a -H -j $j "$SRC" "$DST"
			fi
			is A=src B=src : A B
		done
	done
}

@test "-H: the first name changes while it is copied, and the other gets the first one's old content" {
	local way j size writer
	for way in up down; do
		for j in 1 4; do
			for size in 7000000 12000000; do
				pair $way; mkrand "$FROM/A" $size
				/usr/bin/python3 - "$FROM/A" $size <<-'P' 3>&- &
				import os, select, sys
				size = int(sys.argv[2])
				while os.path.exists(sys.argv[1]):
				    size -= 1
				    try:
				        os.truncate(sys.argv[1], size)
				    except FileNotFoundError:
				        break
				    select.select([], [], [], .005)
				P
				writer=$!
				run zcp -a -H -j $j --bwlimit=20M --failed-to="$T/ft" "$SRC" "$DST"
				rm "$FROM/A"; wait $writer
				[ "$status" = 24 ] || fail "$way $j $size: $status: $output"
				is A=old-A B=precious-B
				assert_equal "$(tr '\0' '\n' <"$T/ft" | sort | xargs)" "A B"
				no_litter "$TO"
			done
		done
	done
}
