# choose.bats - which files of a tree are copied: sizes, and one file system; both directions.
load helpers
setup()    { zcpd_start; mkdir -p "$T/src" "$T/here"; }
teardown() { umount "$T/src/tree/mnt" "$ROOT/tree/mnt" 2>/dev/null; zcpd_stop; }

where() {
	case $1 in
	up)   SRC=$T/src/tree DST=$URL/ FROM=$T/src/tree TO=$ROOT/tree ;;
	down) SRC=$URL/tree DST=$T/here FROM=$ROOT/tree TO=$T/here/tree ;;
	esac
	rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
	mkdir -p "$FROM/d"
}
found() { (cd "$TO" && find . -mindepth 1 -printf '%P\n' | sort); }

@test "--max-size and --min-size, in bytes and in K, M, G" {
	local way
	for way in up down; do
		where $way
		head -c 1023 /dev/zero >"$FROM/1023"; head -c 1024 /dev/zero >"$FROM/d/1024"; head -c 1025 /dev/zero >"$FROM/1025"; : >"$FROM/0"; ln -s 0 "$FROM/l"
		run -0 zcp -a --max-size=1K "$SRC" "$DST"
		assert_equal "$(found)" $'0\n1023\nd\nd/1024\nl'
		rm -rf "$TO"
		run -0 zcp -a --min-size=1024 "$SRC" "$DST"
		assert_equal "$(found)" $'1025\nd\nd/1024\nl'
		rm -rf "$TO"
		run -0 zcp -a --min-size=1k --max-size=1024 "$SRC" "$DST"
		assert_equal "$(found)" $'d\nd/1024\nl'
		# what is too large is not removed either
		touch "$TO/1023"
		run -0 zcp -a --delete --min-size=1k "$SRC" "$DST"
		[ -e "$TO/1023" ]
	done
	local bad
	for bad in 1KB -1 1.5M '' K 99999999999999999999 8388608T; do
		run -1 zcp -a --max-size="$bad" "$SRC" "$DST"
		assert_output --partial "--max-size"
	done
	run -1 zcp -a --min-size=2 --max-size=1 "$SRC" "$DST"
}

@test "-x makes a mounted directory, and goes no further" {
	need_root
	local way
	for way in up down; do
		where $way
		mkdir "$FROM/mnt"
		mount -t tmpfs zcp "$FROM/mnt" || skip "cannot mount a tmpfs here"
		echo 1 >"$FROM/mnt/inside"; echo 2 >"$FROM/d/f"
		run -0 zcp -a -x "$SRC" "$DST"
		assert_equal "$(found)" $'d\nd/f\nmnt'
		run -0 zcp -a "$SRC" "$DST"
		assert_equal "$(found)" $'d\nd/f\nmnt\nmnt/inside'
		umount "$FROM/mnt"
	done
}

@test "--delete -x leaves alone what is mounted at the destination" {
	need_root
	where down
	mkdir -p "$FROM/mnt" "$TO/extra/mnt"
	mount -t tmpfs zcp "$TO/extra/mnt" || skip "cannot mount a tmpfs here"
	echo precious >"$TO/extra/mnt/f"; echo 1 >"$TO/extra/g"
	run -0 zcp -a -x --delete "$SRC" "$DST"
	assert_equal "$(cat "$TO/extra/mnt/f")" precious
	assert_not_exists "$TO/extra/g"
	umount "$TO/extra/mnt"
}
