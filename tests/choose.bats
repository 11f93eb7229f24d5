# choose.bats - which files of a tree are copied: rules, sizes, and one file system; both directions. What rules say is rules.bats' affair.
load helpers
setup()    { zcpd_start; mkdir -p "$T/src" "$T/here"; }
teardown() { umount "$T/src/tree/mnt" "$ROOT/tree/mnt" 2>/dev/null; zcpd_stop; }

where() {
	case $1 in
	up)   SRC=$T/src/tree DST=$URL/ FROM=$T/src/tree TO=$ROOT/tree ;;
	down) SRC=$URL/tree DST=$T/here FROM=$ROOT/tree TO=$T/here/tree ;;
	esac
	chmod -R u+rwx "$ROOT" "$T/src" "$T"/here* 2>/dev/null || :      # some were closed
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

# tree of rules: with rsync as the judge
many() {
	/usr/bin/python3 - "$FROM" <<-'P' 3>&-
	import os, sys
	for p in ('a.c', 'a.o', 'build/x.o', 'build/keep/y.c', 'src/b.c', 'src/b.o', 'src/cache/z', 'doc/cache', 'doc/\xff.c', '.git/config', 'src/.git/hooks/h', 'e/empty/'):
	    q = os.path.join(os.fsencode(sys.argv[1]), p.encode('latin-1'))
	    os.makedirs(os.path.dirname(q), exist_ok=True)
	    if not p.endswith('/'):
	        open(q, 'w').write(p)
	os.symlink('src', sys.argv[1] + '/l.c')
	P
}

@test "rules choose what rsync chooses, in both directions" {
	local way rules
	for way in up down; do
		for rules in "--exclude=*.o" "--exclude=cache/ --exclude=.git" "--include=*/ --include=*.c --exclude=*" "--exclude=/tree/build" "--include=build/*** --exclude=*.o --exclude=src" \
			"--exclude=tree" "--exclude=**/keep" "--exclude=l.c" "--include=a.c --exclude=a.*"; do
			where $way
			many
			rm -rf "$T/oracle"; mkdir -p "$T/oracle"
			rsync -a $rules "$FROM" "$T/oracle/"
			run -0 zcp -a $rules "$SRC" "$DST"
			mkdir -p "$TO" "$T/oracle/tree"
			diff -r --no-dereference "$T/oracle/tree" "$TO" || fail "$way $rules"
			# of dir/. names begin with what is in it
			rm -rf "$T/oracle" "$TO"; mkdir -p "$T/oracle"
			rsync -a ${rules/tree\//} "$FROM/" "$T/oracle/"
			run -0 zcp -a ${rules/tree\//} "$SRC/." "${DST%/}/tree"
			diff -r --no-dereference "$T/oracle" "$TO" || fail "$way $rules of what is in it"
		done
	done
}

@test "--delete leaves what rules leave out; --delete-excluded removes it: as rsync does" {
	local way opt
	for way in up down; do
		for opt in --delete --delete-excluded; do
			where $way
			many
			mkdir -p "$TO" "$T/oracle"
			cp -a "$FROM/." "$TO"
			mkdir -p "$TO/gone/deep" "$TO/other"; touch "$TO/gone/deep/x.o" "$TO/gone/deep/y" "$TO/extra.o" "$TO/extra" "$TO/other/z"
			rm -rf "$T/oracle"; cp -a "$TO" "$T/oracle"
			rsync -a $opt --exclude='*.o' --exclude=cache/ "$FROM/" "$T/oracle/"
			run -0 zcp -a $opt --exclude='*.o' --exclude=cache/ "$SRC" "$DST"
			diff -r --no-dereference "$T/oracle" "$TO" || fail "$way $opt"
			run -0 --separate-stderr zcp -a -n $opt --exclude='*.o' --exclude=cache/ "$SRC" "$DST"
			assert_equal "$output" ""
		done
	done
}

@test "a file that is named, a list of names, and a listing are judged, too" {
	local way
	for way in up down; do
		where $way
		many
		run -0 zcp -a --exclude='*.o' "$SRC/a.o" "$SRC/a.c" "$DST"
		[ -e "$(dirname "$TO")/a.c" ]
		[ ! -e "$(dirname "$TO")/a.o" ]
		printf 'build/x.o\nbuild/keep/y.c\nsrc/b.c\n' >"$T/list"
		run -0 zcp -a --exclude='*.o' --exclude=src --files-from="$T/list" "$SRC" "${DST%/}/named"
		assert_equal "$(cd "$(dirname "$TO")/named" && find . -type f -printf '%P\n' | sort)" $'build/keep/y.c\nsrc/b.c'
		rm -rf "$(dirname "$TO")/named" "$(dirname "$TO")/a.c"
	done
	run -0 zcp --list -r --exclude='*.o' --exclude=.git "$URL/tree"
	refute_output --partial "x.o"
	refute_output --partial "config"
	assert_output --partial "build/keep/y.c"
}

@test "patterns that match nothing are told with -v; an unreadable directory that is left out is no failure" {
	local way
	for way in up down; do
		where $way
		many
		run -0 zcp -a -v --exclude='*.o' --exclude='*.none' "$SRC" "$DST"
		assert_output --partial "*.none"
		refute_line --partial "'*.o'"
		is_root && continue
		chmod 0 "$FROM/.git"
		run -0 zcp -a --exclude=.git "$SRC" "$DST"
		run -23 zcp -a "$SRC" "$DST"
		chmod 755 "$FROM/.git"
	done
}

@test "a tree that changes while it is walked: what stays is copied, what goes is told" {
	local way i
	for way in up down; do
		where $way
		for i in {1..60}; do mkdir "$FROM/d$i"; echo $i >"$FROM/d$i/stays"; done
		/usr/bin/python3 - "$FROM" "$T/stop" <<-'P' 3>&- &
		import os, random, sys
		top, n, r = sys.argv[1], 0, random.Random(os.environ['ZCP_SEED'])
		while not os.path.exists(sys.argv[2]):
		    d = '%s/d%d' % (top, r.randrange(1, 61))
		    for _ in range(3):
		        kind = r.choice('df')           # a directory never takes a file's name, nor a file a directory's
		        p = '%s/%s%d' % (d, kind, r.randrange(4))
		        try:
		            if r.random() < .5:
		                os.mkdir(p) if kind == 'd' else open(p, 'w').write('x' * r.randrange(9000))
		            else:
		                os.rmdir(p) if kind == 'd' else os.unlink(p)
		        except OSError:
		            pass
		P
		local changer=$! n
		for n in {1..10}; do
			run zcp -a -j 2 "$SRC" "$DST"
			case $status in 0 | 23 | 24) ;; *) fail "status $status: $output" ;; esac
			for i in {1..60}; do cmp "$FROM/d$i/stays" "$TO/d$i/stays"; done
			no_litter "$TO"
		done
		touch "$T/stop"
		wait $changer || true
		rm "$T/stop"
		run -0 zcp -a --delete "$SRC" "$DST"
		tree_equal "$FROM" "$TO" modes times links
	done
}
