# dry-run.bats - -n says exactly what would be done, and does nothing.
load helpers
setup()    { zcpd_start; mkdir -p "$T/src" "$T/here"; }
teardown() { zcpd_stop; }

where() {
	case $1 in
	up)   SRC=$T/src/tree DST=$URL/ FROM=$T/src/tree TO=$ROOT/tree SHOWN=tree ;;
	down) SRC=$URL/tree DST=$T/here FROM=$ROOT/tree TO=$T/here/tree SHOWN=$T/here/tree ;;
	esac
	rm -rf "$ROOT/tree" "$T/here/tree" "$T/src/tree"
	mktree "$FROM" 40
	ln -s a/b "$FROM/link"
}
state() {       # everything that a run could change, below DIR
	find "$1" -printf '%P %y %m %T@ %s %l %i\n' 2>/dev/null | sort
}
lines() { sed -nE "s/^($1) +//p" <<<"$output" | sort; }

@test "into nothing, and over what is there: said, and nothing is touched" {
	local way
	for way in up down; do
		where $way
		run -0 --separate-stderr zcp -a -n "$SRC" "$DST"
		assert_not_exists "$TO"
		assert_equal "$(lines copy | wc -l)" "$(find "$FROM" -type f -printf x | wc -c)"
		assert_equal "$(lines mkdir | wc -l)" "$(find "$FROM" -type d -printf x | wc -c)"
		assert_equal "$(lines link)" "$SHOWN/link -> a/b"
		run -0 zcp -a "$SRC" "$DST"
		run -0 --separate-stderr zcp -a -n "$SRC" "$DST"
		assert_equal "$output" ""
		echo changed >"$FROM/a/new"; chmod 700 "$FROM/hidden" 2>/dev/null || { echo 1 >"$FROM/hidden"; run -0 zcp -a "$SRC" "$DST"; chmod 700 "$FROM/hidden"; echo changed >"$FROM/a/new"; }
		mkdir "$FROM/newdir"; touch "$FROM/newdir/x"; ln -sfn b "$FROM/link"; touch "$TO/extra"; mkdir "$TO/gone"; touch "$TO/gone/y"
		state "$TO" >"$T/before"
		run -0 --separate-stderr zcp -a -n --delete "$SRC" "$DST"
		state "$TO" | cmp - "$T/before"
		assert_equal "$(lines copy)" "$(printf '%s\n' "$SHOWN/a/new" "$SHOWN/newdir/x" | sort)"
		assert_equal "$(lines mkdir)" "$SHOWN/newdir/"
		assert_equal "$(lines link)" "$SHOWN/link -> b"
		assert_equal "$(lines meta)" "$SHOWN/hidden"
		assert_equal "$(lines remove)" "$(printf '%s\n' "$SHOWN/extra" "$SHOWN/gone/" "$SHOWN/gone/y" | sort)"
		assert_equal "$(wc -l <<<"$output")" 8
	done
}

@test "what -n says is what is done, for random trees and options" {
	local way i opts
	for way in up down; do
		for i in 1 2 3; do
			where $way
			mktree "$TO" 50 "$ZCP_SEED-$i"
			/usr/bin/python3 - "$FROM" "$TO" "$ZCP_SEED-$i" <<-'P' 3>&-
			import os, random, shutil, sys
			a, b, r = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2]), random.Random(sys.argv[3])
			for d, _, files in os.walk(a):
			    rel = os.path.relpath(d, a)
			    os.makedirs(os.path.join(b, rel), exist_ok=True)
			    for f in files:
			        p, q = os.path.join(d, f), os.path.join(b, rel, f)
			        if os.path.isfile(q) and not os.path.islink(p) and r.random() < .5:
			            os.unlink(q)        # its mode may forbid to write it
			            shutil.copy2(p, q)
			            if r.random() < .3:
			                os.chmod(q, 0o640)
			P
			for opts in "-a --delete" "-a -u --max-size=5000" "-a --checksum" "-a --ignore-existing" "-r -u"; do
				rm -rf "$T/save"; cp -a "$TO" "$T/save"
				run --separate-stderr zcp $opts -n "$SRC" "$DST"
				local would=$output wstatus=$status
				diff <(state "$TO" | sed 's/ [0-9]*$//') <(state "$T/save" | sed 's/ [0-9]*$//') || fail "$opts: -n touched something"
				find "$TO" ! -type d -printf '%P %i %m\0' >"$T/before"; find "$TO" -type d -printf '%P\n' | sort >"$T/dirs"
				run zcp $opts "$SRC" "$DST"
				assert_equal "$status" "$wstatus"
				find "$TO" ! -type d -printf '%P %i %m\0' >"$T/after"; find "$TO" -type d -printf '%P\n' | sort >"$T/dirs2"
				/usr/bin/python3 - "$T" "$SHOWN" "$would" <<-'P' 3>&- || fail "$way $opts: $would"
				import os, re, sys
				t, shown, would = sys.argv[1:4]
				def read(name):
				    rows = [l.rsplit(b' ', 2) for l in open(t + '/' + name, 'rb').read().split(b'\0') if l.count(b' ') >= 2]
				    return {r[0]: tuple(r[1:]) for r in rows}
				a, b = read('before'), read('after')
				new = {n for n in b if n not in a or a[n][0] != b[n][0]}
				gone = {n for n in a if n not in b}
				said = {'copy': set(), 'link': set(), 'remove': set(), 'meta': set(), 'mkdir': set(), 'hardlink': set()}
				for line in would.split('\n'):
				    m = re.match(r'(\w+) +(.*)$', line)
				    if m:
				        name = m.group(2).split(' -> ')[0]
				        name = re.sub(r'\\x([0-9a-f]{2})', lambda x: chr(int(x.group(1), 16)), name).replace('\\\\', '\\')
				        raw = name[len(shown):].lstrip('/')
				        said[m.group(1)].add(b''.join(c.encode('latin-1') if ord(c) < 256 and ord(c) > 127 else c.encode() for c in raw))
				plain = lambda s: {n for n in s if b'\n' not in n and all(32 <= c < 127 for c in n)}
				for what, have in (('copy', said['copy'] | said['link']), ):
				    if plain(have) != {n for n in plain(new)}:
				        sys.exit('would copy %r\ncopied %r' % (sorted(plain(have) - new), sorted(plain(new) - have)))
				files_gone = {n for n in plain(said['remove']) if not n.endswith(b'/')}
				if files_gone != plain(gone):
				    sys.exit('would remove %r\nremoved %r' % (sorted(files_gone), sorted(plain(gone))))
				P
				rm -rf "$TO"; cp -a "$T/save" "$TO"
			done
		done
	done
}

@test "hard links, lists of names, and what would fail" {
	local way
	for way in up down; do
		where $way
		ln "$FROM/a/b/c" "$FROM/x" 2>/dev/null || { echo 1 >"$FROM/p"; ln "$FROM/p" "$FROM/q"; }
		run -0 --separate-stderr zcp -a -H -n "$SRC" "$DST"
		[ "$(lines hardlink | wc -l)" = 1 ] || fail "$output"
		run -0 zcp -a -H "$SRC" "$DST"
		run -0 --separate-stderr zcp -a -H -n "$SRC" "$DST"
		assert_equal "$output" ""
		printf 'hidden\nnone\nempty\n' >"$T/list"; touch "$FROM/hidden"
		run -23 --separate-stderr zcp -a -n --files-from="$T/list" "$SRC" "$DST/fresh"
		assert_equal "$(sed -E 's|^[a-z]+ +(.*/)?fresh|fresh|' <<<"$output" | sort)" "$(printf '%s\n' fresh/ fresh/empty/ fresh/hidden | sort)"
		rm -f "$TO/hidden"; mkdir "$TO/hidden"
		run -23 --separate-stderr zcp -a -n "$SRC" "$DST"
		[[ $stderr == *"stands there"* ]]
	done
}

@test "it keeps no log of the job, starts no further streams, and needs no right to write" {
	where up
	zcpd_stop
	ZCPD_MODE="--root $ROOT" zcpd_start
	run -4 zcp -a -n "$T/src/tree" "$URL/"
	where down
	run -0 zcp -a -n -j 8 "$URL/tree" "$T/here"
	assert_not_exists "$XDG_STATE_HOME/zcp/jobs"
	into_full() { zcp "$@" >/dev/full; }
	run -11 into_full -a -n "$URL/tree" "$T/here"
}
