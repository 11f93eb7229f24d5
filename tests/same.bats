# same.bats - what is the same is not copied: -a and -u by size and time, --checksum by contents, --ignore-existing, --existing, --size-only, -I; both directions.
load helpers
setup()    { zcpd_start; mkdir -p "$T/src"; }
teardown() {
	local status=0
	zcpd_stop || status=1
	[ -z "${MNT:-}" ] || umount "$MNT" || status=1
	return $status
}

# where WAY: sets SRC (what zcp is given), DST (what zcp is given), FROM and TO (as this machine sees them).
where() {
	case $1 in
	up)   SRC=$T/src/tree DST=$URL/ FROM=$T/src/tree TO=$ROOT/tree ;;
	down) SRC=$URL/tree DST=$T/here FROM=$ROOT/tree TO=$T/here/tree; mkdir -p "$T/here" ;;
	esac
}
copied() {      # the names that -v says were copied, without what is before the tree, sorted
	sed -nE "s/^zcp: (.*\/)?tree\/(.*)$/\2/p" <<<"$output" | sort
}
# again ARG...: one more run; fails unless just WANT (an array) is copied.
again() {
	run -0 zcp -a -v "$@" "$SRC" "$DST"
	assert_equal "$(copied)" "$(printf '%s\n' ${WANT[@]+"${WANT[@]}"} | sort | sed '/^$/d')"
}

@test "-a copies nothing twice, and just what changed" {
	local way
	for way in up down; do
		where $way
		rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
		mktree "$FROM" 60
		ln -s a/b "$FROM/link"
		run -0 zcp -a "$SRC" "$DST"
		tree_equal "$FROM" "$TO" modes times links
		find "$TO" -type f -printf '%p %i\n' | sort >"$T/inodes"
		WANT=()
		again
		find "$TO" -type f -printf '%p %i\n' | sort | cmp - "$T/inodes"
		# longer; the same size and another time; the same time and another size; a link that leads elsewhere; one that is new
		echo more >>"$FROM/a/grown"; touch "$FROM/empty/new"; ln -sfn a "$FROM/link"
		touch -d '2001-02-03 04:05:06.7' "$FROM/hidden"; echo 1 >"$FROM/one"
		run -0 zcp -a "$SRC" "$DST"
		touch -d '2002-02-03 04:05:06.7' "$FROM/hidden"
		touch -r "$FROM/one" "$T/stamp"; echo 22 >"$FROM/one"; touch -r "$T/stamp" "$FROM/one"
		WANT=(hidden one)
		again
		tree_equal "$FROM" "$TO" modes times links
	done
}

@test "-a gives what is the same its mode, without sending it" {
	local way
	for way in up down; do
		where $way
		rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
		mkdir -p "$FROM"
		mkrand "$FROM/f" 300000
		run -0 zcp -a "$SRC" "$DST"
		local was
		was=$(stat -c %i "$TO/f")
		chmod 600 "$FROM/f"
		WANT=()
		again
		assert_equal "$(stat -c '%a %i' "$TO/f")" "600 $was"
	done
}

@test "a file there whose nanoseconds happen to be 0 is not taken for the same: -a, -u, --size-only, --checksum" {
	local way
	for way in up down; do
		where $way
		rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
		mkdir -p "$FROM" "$TO"
		echo BBBBB >"$FROM/f"; echo AAAAA >"$TO/f"
		touch -d '2020-01-01 00:00:00.5' "$FROM/f"; touch -d '2020-01-01 00:00:00' "$TO/f"
		WANT=(f)
		again
		tree_equal "$FROM" "$TO" times
		touch -d '2020-01-01 00:00:00' "$TO/f"
		run -0 zcp -r -u -v "$SRC" "$DST"
		assert_equal "$(copied)" f
		# the same bytes are given the nanoseconds
		WANT=()
		touch -d '2020-01-01 00:00:00' "$TO/f"
		again --checksum
		tree_equal "$FROM" "$TO" times
		touch -d '2020-01-01 00:00:00' "$TO/f"
		again --size-only
		tree_equal "$FROM" "$TO" times
	done
}

@test "a file system without nanoseconds: what was copied there is the same on the second run, another second is not" {
	need_root
	local way
	truncate -s 60M "$T/image"
	mkfs.ext4 -q -I 128 -m 0 "$T/image" 2>"$T/mkfs" || fail "$(cat "$T/mkfs")"
	mkdir -p "$T/disk" "$ROOT/disk"
	for way in up down; do
		where $way
		if [ $way = up ]; then MNT=$ROOT/disk DST=$URL/disk; else MNT=$T/disk DST=$T/disk; fi
		TO=$MNT/tree
		mount -o loop "$T/image" "$MNT" || fail "cannot mount"
		rm -rf "$ROOT/tree" "$T/src/tree" "$TO"
		mktree "$FROM" 40
		mkrand "$FROM/large" 9000000
		touch -d '2020-01-01 00:00:00.5' "$FROM/large"
		run -0 zcp -a "$SRC" "$DST"
		assert_equal "$(stat -c %y "$TO/large")" "$(date -d '2020-01-01' '+%F %T.000000000 %z')"
		find "$TO" -type f -printf '%p %i %C@\n' | sort >"$T/inodes"
		WANT=()
		again
		run -0 zcp -r -u -v "$SRC" "$DST"
		assert_equal "$(copied)" ""
		again --checksum
		again --size-only
		again -j 3
		find "$TO" -type f -printf '%p %i %C@\n' | sort | cmp - "$T/inodes"
		touch -d '2020-01-01 00:00:01.5' "$FROM/large"
		WANT=(large)
		again
		umount "$MNT"
		MNT=
	done
}

@test "without -a everything is copied, as scp does" {
	local way
	for way in up down; do
		where $way
		rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
		mkdir -p "$FROM"
		echo 1 >"$FROM/f"
		run -0 zcp -r -p "$SRC" "$DST"
		run -0 zcp -r -p -v "$SRC" "$DST"
		assert_equal "$(copied)" f
	done
}

@test "-u leaves what is newer at the destination" {
	local way
	for way in up down; do
		where $way
		rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
		mkdir -p "$FROM" "$TO"
		for f in newer older; do echo from >"$FROM/$f"; echo other >"$TO/$f"; done
		touch -d '2020-01-01' "$FROM/newer" "$TO/older"
		run -0 zcp -r -u "$SRC" "$DST"
		assert_equal "$(cat "$TO/newer" "$TO/older")" $'other\nfrom'
	done
}

@test "--ignore-existing leaves what is there, --existing makes nothing new" {
	local way
	for way in up down; do
		where $way
		rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
		mkdir -p "$FROM" "$TO"
		echo from >"$FROM/both"; echo from >"$FROM/only"; ln -s x "$FROM/link"
		echo other >"$TO/both"; ln -s y "$TO/link"
		run -0 zcp -a --ignore-existing "$SRC" "$DST"
		assert_equal "$(cat "$TO/both" "$TO/only"; readlink "$TO/link")" $'other\nfrom\ny'
		rm "$TO/only"
		run -0 zcp -a --existing "$SRC" "$DST"
		assert_equal "$(cat "$TO/both"; readlink "$TO/link")" $'from\nx'
		assert_not_exists "$TO/only"
	done
}

@test "--checksum finds a change that left size and time alone, and leaves the same bytes of another time" {
	local way
	for way in up down; do
		where $way
		rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
		mkdir -p "$FROM"
		mkrand "$FROM/small" 1000; mkrand "$FROM/middle" 300000; mkrand "$FROM/large" 9000000; mkrand "$FROM/touched" 70000; : >"$FROM/empty"
		run -0 zcp -a "$SRC" "$DST"
		local f
		for f in small middle large; do
			printf X | dd of="$TO/$f" bs=1 seek=$(($(stat -c %s "$TO/$f") / 2)) conv=notrunc status=none
			touch -r "$FROM/$f" "$TO/$f"
		done
		touch -d 2001-01-01 "$FROM/touched"
		local was
		was=$(stat -c %i "$TO/touched")
		WANT=()
		run -0 zcp -a --ignore-existing "$SRC" "$DST"
		! cmp -s "$FROM/large" "$TO/large" || fail "the change is not there"
		WANT=(small middle large)
		again --checksum
		tree_equal "$FROM" "$TO" modes times
		assert_equal "$(stat -c %i "$TO/touched")" "$was"
		WANT=()
		again --checksum
		# without -p no time is set
		touch -d 2002-01-01 "$FROM/touched"
		run -0 zcp -r -v --checksum "$SRC" "$DST"
		assert_equal "$(copied)" ""
		[ "$(stat -c %y "$FROM/touched")" != "$(stat -c %y "$TO/touched")" ]
	done
}

@test "--checksum over several streams, encrypted and not, by either kind of tag" {
	local cipher
	where up
	mktree "$FROM" 80
	mkrand "$FROM/large" 20000000
	run -0 zcp -a "$SRC" "$DST"
	printf X | dd of="$TO/large" bs=1 seek=19000000 conv=notrunc status=none
	touch -r "$FROM/large" "$TO/large"
	WANT=(large)
	again --checksum -j 3 --encrypt
	WANT=()
	for cipher in aes256gcm chacha20poly1305; do
		"$ZCP_BUILD/zcp" --version | grep -q "ciphers:.*$cipher" || continue
		again --checksum -j 2 --encrypt --cipher=$cipher
	done
	where down
	run -0 zcp -a "$SRC" "$DST"
	printf X | dd of="$TO/large" bs=1 seek=1000 conv=notrunc status=none
	touch -r "$FROM/large" "$TO/large"
	WANT=(large)
	again --checksum -j 3
	WANT=()
	again --checksum -j 3 --encrypt
}

@test "--size-only and -I" {
	local way
	for way in up down; do
		where $way
		rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
		mkdir -p "$FROM" "$TO"
		echo aaaa >"$FROM/f"; echo bbbb >"$TO/f"; touch -d 2001-01-01 "$TO/f"
		WANT=()
		again --size-only
		assert_equal "$(cat "$TO/f"; stat -c %y "$TO/f")" $'bbbb\n'"$(stat -c %y "$FROM/f")"
		again
		WANT=(f)
		again -I
		assert_equal "$(cat "$TO/f")" aaaa
	done
}

@test "what cannot be replaced is a failure, whatever is compared; what is beside it is copied" {
	local way
	for way in up down; do
		where $way
		rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
		mkdir -p "$FROM" "$TO/dir"
		echo 1 >"$FROM/dir"; echo 2 >"$FROM/f"; mkfifo "$TO/fifo"; echo 3 >"$FROM/fifo"; ln -s x "$FROM/l"; mkdir "$TO/l"
		run -23 zcp -a "$SRC" "$DST"
		assert_equal "$(cat "$TO/f")" 2
		[ -d "$TO/dir" ]
		[ -p "$TO/fifo" ]
		[ -d "$TO/l" ]
		assert_equal "$(grep -c 'stands there' <<<"$output")" 3
	done
}

@test "one file by its name: -a, -u and --checksum count, too" {
	echo 1 >"$T/src/f"
	run -0 zcp -a "$T/src/f" "$URL/f"
	run -0 zcp -a -v "$T/src/f" "$URL/f"
	refute_line "zcp: f"
	run -0 zcp -a -v "$URL/f" "$T/back"
	assert_line "zcp: $T/back"
	run -0 zcp -a -v "$URL/f" "$T/back"
	refute_line "zcp: $T/back"
	run -0 zcp -u -v "$URL/f" "$T/back"
	refute_line "zcp: $T/back"
	run -0 zcp --checksum -v "$URL/f" "$T/back"
	refute_line "zcp: $T/back"
	run -0 zcp -v "$URL/f" "$T/back"
	assert_line "zcp: $T/back"
	run -0 --separate-stderr zcp -a --checksum "$URL/f" /dev/stdout
	assert_output 1
}

@test "thousands of files that are the same, over several streams" {
	/usr/bin/python3 - "$T/src/tree" <<-'P' 3>&-
	import os, sys
	for d in range(40):
	    os.makedirs('%s/d%02d/sub' % (sys.argv[1], d))
	    for i in range(50):
	        open('%s/d%02d/%sf%03d' % (sys.argv[1], d, 'sub/' if i % 2 else '', i), 'w').write('x' * i)
	P
	where up
	run -0 zcp -a -j 4 "$SRC" "$DST"
	WANT=()
	again -j 4
	echo new >"$FROM/d20/sub/f001"
	WANT=(d20/sub/f001)
	again -j 4
	where down
	run -0 zcp -a -j 4 "$SRC" "$DST"
	tree_equal "$T/src/tree" "$TO" modes times
	WANT=()
	again -j 4
}

@test "--checksum reads what an interrupted run had finished: its log is not enough" {
	local way from to dst
	mkrand "$T/big" 20000000
	for way in up down; do
		if [ $way = up ]; then from=$T/jobs to=$URL/jobs dst=$ROOT/jobs; else from=$URL/jobs to=$T/got dst=$T/got; fi
		rm -rf "$T/jobs" "$ROOT/jobs"
		if [ $way = up ]; then mkdir "$T/jobs"; src=$T/jobs; else mkdir "$ROOT/jobs"; src=$ROOT/jobs; fi
		echo right >"$src/a"
		cp "$T/big" "$src/b"
		zcp_bg -r --checksum --bwlimit=4M "$from" "$to"
		grown "$dst/.zcp-*.j" 1024
		until [ -s "$dst/a" ]; do kill -0 "$ZCP"; done
		kill "$ZCP"
		wait "$ZCP" && fail "it ended with 0"
		echo wrong >"$dst/a"
		run -0 zcp -r --checksum "$from" "$to"
		assert_equal "$(cat "$dst/a")" right
		cmp "$T/big" "$dst/b"
	done
}
