# delete-edges.bats - --delete where it could take too much: several sources in one directory, mounts, things in the way, sources that are missing or change, interrupted runs.
load helpers
setup()    { zcpd_start; mkdir -p "$T/src" "$T/dst"; }
teardown() { umount "$T/src/s/mnt" "$ROOT/s/mnt" "$T/dst/s/mnt" 2>/dev/null; zcpd_stop; }

# sides up|down: $S is where sources lie, $D where copies go, "$(src NAME)" and $TO name them for zcp
sides() {
	way=$1
	chmod -R u+rwx "$T/src" "$ROOT" "$T/dst"
	find "$T/src" "$ROOT" "$T/dst" -mindepth 1 -delete
	if [ "$way" = up ]; then S=$T/src D=$ROOT TO=$URL/; else S=$ROOT D=$T/dst TO=$T/dst; fi
}
src() { if [ "$way" = up ]; then echo "$T/src/$1"; else echo "$URL/$1"; fi; }
# holds NAME...: all that is in $D
holds() { assert_equal "$(cd "$D" && find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')" "$(printf '%s\n' "$@" | sort | tr '\n' ' ')"; }
tmpfs() { mkdir -p "$1"; mount -t tmpfs zcp "$1" 2>/dev/null || skip "cannot mount a tmpfs here"; }

@test "several sources go into one directory: what one of them has is not removed for another's sake" {
	for w in up down; do
		sides $w
		mkdir -p "$S/a/sub" "$S/b" "$S/sub" "$D/sub/old"
		echo 1 >"$S/a/f1"; echo 2 >"$S/b/f2"; echo k >"$S/a/sub/k"; echo j >"$S/sub/j"; echo s >"$S/file"; ln -s nowhere "$S/link"
		touch "$D/old" "$D/sub/old/x"
		for round in first second; do
			run -0 zcp -a -n --delete "$(src a/.)" "$(src b/.)" "$(src sub)" "$(src file)" "$(src link)" "$TO"
			if [ $round = first ]; then
				assert_equal "$(grep -c 'remove' <<<"$output")" 3
			else
				refute_output --partial remove
			fi
			run -0 zcp -a --delete "$(src a/.)" "$(src b/.)" "$(src sub)" "$(src file)" "$(src link)" "$TO"
			holds f1 f2 sub sub/k sub/j file link
		done
		# one that none of them has any more
		rm "$S/b/f2"
		run -0 zcp -a --delete -v "$(src a/.)" "$(src b/.)" "$(src sub)" "$(src file)" "$(src link)" "$TO"
		holds f1 sub sub/k sub/j file link
	done
}

@test "--delete-excluded with several sources in one directory" {
	for w in up down; do
		sides $w
		mkdir -p "$S/a" "$S/b"
		touch "$S/a/x.o" "$S/b/y.c" "$S/a/z.c" "$D/x.o" "$D/old.o"
		run -0 zcp -a --delete --exclude='*.o' "$(src a/.)" "$(src b/.)" "$TO"
		holds x.o old.o y.c z.c
		run -0 zcp -a --delete-excluded --exclude='*.o' "$(src a/.)" "$(src b/.)" "$TO"
		holds y.c z.c
	done
}

@test "a source that is missing: nothing is removed for any, and that is said" {
	for w in up down; do
		sides $w
		mkdir -p "$S/s" "$D/s"
		touch "$S/s/k" "$D/s/old"
		run -23 zcp -a --delete "$(src s)" "$(src missing)" "$TO"
		assert_output --partial "--delete: nothing was removed: a source is missing"
		holds s s/k s/old
		run -23 zcp -a --delete "$(src missing)" "$(src s)" "$TO"
		holds s s/k s/old
	done
	sides down
	mkdir -p "$S/s" "$D/s"
	touch "$S/s/k" "$D/s/old"
	run -23 zcp -a --delete "$(src s)" "$(src 'none*')" "$TO"
	assert_output --partial "a source is missing"
	holds s s/k s/old
}

@test "a listing of one source that had an error keeps what others lack, too" {
	need_user
	for w in up down; do
		sides $w
		mkdir -p "$S/s" "$S/t/no" "$D/s" "$D/t"
		touch "$S/s/k" "$D/s/old"
		chmod 0 "$S/t/no"
		run -23 zcp -a --delete "$(src s)" "$(src t)" "$TO"
		chmod 755 "$S/t/no"
		assert_output --partial "--delete: nothing was removed"
		assert_exists "$D/s/old"
	done
}

@test "a directory stands where the source has a file or a link: it is left alone, with all in it" {
	for w in up down; do
		for what in file link; do
			sides $w
			mkdir -p "$S/s" "$D/s/a/sub" "$S/elsewhere"
			if [ $what = link ]; then ln -s ../elsewhere "$S/s/a"; else echo file >"$S/s/a"; fi
			touch "$D/s/a/p" "$D/s/a/sub/p" "$D/s/gone"
			run -23 zcp -a --delete "$(src s)" "$TO"
			assert_output --partial "stands there"
			holds s s/a s/a/p s/a/sub s/a/sub/p
		done
	done
}

@test "a file stands where the source has a directory: it is left alone" {
	for w in up down; do
		sides $w
		mkdir -p "$S/s/a" "$D/s"
		touch "$S/s/a/p" "$D/s/a" "$D/s/gone"
		run -23 zcp -a --delete "$(src s)" "$TO"
		holds s s/a
	done
}

@test "-x: what lies in the copy of a mount point stays, and so does what is mounted at the destination" {
	need_root
	for w in up down; do
		sides $w
		mkdir -p "$S/s" "$D/s/mnt/d"
		tmpfs "$S/s/mnt"
		touch "$S/s/f" "$S/s/mnt/m" "$D/s/mnt/old" "$D/s/mnt/d/x" "$D/s/gone"
		run -0 zcp -ax --delete "$(src s)" "$TO"
		holds s s/f s/mnt s/mnt/old s/mnt/d s/mnt/d/x
		run -0 zcp -ax --delete-excluded --exclude=/s/f "$(src s)" "$TO"
		holds s s/mnt s/mnt/old s/mnt/d s/mnt/d/x
		umount "$S/s/mnt"
		sides $w
		mkdir -p "$S/s" "$D/s/gone"
		tmpfs "$D/s/mnt"
		touch "$S/s/f" "$D/s/mnt/m" "$D/s/gone/x"
		run -0 zcp -axn --delete "$(src s)" "$TO"
		refute_output --partial mnt
		run -0 zcp -ax --delete "$(src s)" "$TO"
		holds s s/f s/mnt s/mnt/m
		umount "$D/s/mnt"
	done
}

@test "a mount of the source that goes away while it is copied: what the walk had seen stays" {
	need_root
	sides up
	tmpfs "$S/s/mnt"
	for i in {1..20}; do echo "p$i" >"$S/s/mnt/f$i"; done
	mkrand "$S/s/big" 3000000
	run -0 zcp -a "$(src s)" "$TO"
	touch "$S/s/big"
	zcp_bg -a --delete --bwlimit=1M -j 1 "$(src s)" "$TO"
	until compgen -G "$D/s/.zcp-*" >/dev/null; do kill -0 "$ZCP" || fail "it ended: $(cat "$T/zcp.err" 2>/dev/null)"; done
	umount -l "$S/s/mnt"
	wait "$ZCP" || :
	[ "$(find "$D/s/mnt" -type f | wc -l)" = 20 ]
}

@test "an interrupted first run, and DST is another directory by now: --delete does not guess" {
	for w in up down; do
		sides $w
		mkdir -p "$S/photos"
		mkrand "$S/photos/p" 20000000
		if [ $way = up ]; then TO=$URL/backup; else TO=$T/dst/backup; fi
		zcp_bg -a --delete --bwlimit=1M "$(src photos)" "$TO"
		until compgen -G "$D/backup/.zcp-*" >/dev/null; do kill -0 "$ZCP"; done
		kill -TERM "$ZCP"
		wait "$ZCP" || :
		rm -rf "$D/backup"; mkdir "$D/backup"; echo precious >"$D/backup/other"
		run -1 zcp -a --delete "$(src photos)" "$TO"
		assert_output --partial "--delete does not guess"
		assert_equal "$(cat "$D/backup/other")" precious
		run -0 zcp -a --delete --no-resume "$(src photos)" "$TO"
		assert_equal "$(cat "$D/backup/other")" precious
		cmp "$S/photos/p" "$D/backup/photos/p"
	done
}

@test "a first copy with --delete that is cut goes on with --retries" {
	sides up
	mkdir -p "$S/photos"
	mkrand "$S/photos/p" 40000000
	zcp_bg -a --delete --bwlimit=8M --retries=3 "$(src photos)" "$URL/backup"
	grown "$D/backup/.zcp-*.j" 1024
	pkill -KILL -P "$ZCPD"
	wait "$ZCP" || fail "status $?"
	holds backup backup/p
}

@test "-n --delete into a directory that is there, where the source's own is not: nothing to remove, and status 0" {
	for w in up down; do
		sides $w
		mkdir -p "$S/s" "$D/there"
		touch "$S/s/f" "$D/there/stays"
		if [ $way = up ]; then TO=$URL/there; else TO=$T/dst/there; fi
		run -0 zcp -an --delete "$(src s)" "$TO"
		refute_output --partial remove
		run -0 zcp -a --delete "$(src s)" "$TO"
		holds there there/s there/s/f there/stays
	done
}
