# list.bats - --list: what is there, as ls -l says it.
load helpers
setup()    { zcpd_start; export TZ=UTC0; }
teardown() { zcpd_stop; }

@test "a directory, a file, a link, a tree: the lines of ls -l" {
	mkdir -p "$ROOT/d/sub"
	printf 12345 >"$ROOT/d/f"; ln -s f "$ROOT/d/l"; touch -d '2001-02-03 04:05:06Z' "$ROOT/d/f" "$ROOT/d/sub"; chmod 640 "$ROOT/d/f"; chmod 1777 "$ROOT/d/sub"; : >"$ROOT/d/sub/x"; touch -d '2001-02-03 04:05:06Z' "$ROOT/d/sub"
	run -0 --separate-stderr zcp --list "$URL/d"
	assert_line --regexp '^-rw-r----- +[^ ]+ +[^ ]+ +5 2001-02-03 04:05:06 f$'
	assert_line --regexp '^drwxrwxrwt +[^ ]+ +[^ ]+ +0 2001-02-03 04:05:06 sub/$'
	assert_line --regexp '^lrwxrwxrwx .* l -> f$'
	assert_equal "$(awk '{ print $7 }' <<<"$output")" $'f\nl\nsub/'
	assert_equal "$stderr" ""
	run -0 zcp --list -r "$URL/d"
	assert_line --regexp ' sub/x$'
	run -0 zcp --list "$URL/d/f" "$URL/d/sub"
	assert_line --regexp ' d/f$'
	assert_line --regexp ' d/sub/x$'
	run -0 zcp --list "$URL/d/l"
	assert_line --regexp ' d/l -> f$'
}

@test "the exports of a key, a pattern, what is missing, what is no host" {
	mkdir "$ROOT/a" "$ROOT/b"; : >"$ROOT/a/1"; : >"$ROOT/x.c"; : >"$ROOT/y.c"; : >"$ROOT/z.h"
	run -0 zcp --list "$URL/"
	assert_equal "$(awk '{ print $7 }' <<<"$output")" $'a/\nb/\nx.c\ny.c\nz.h'
	run -0 zcp --list "$URL/*.c"
	assert_equal "$(awk '{ print $7 }' <<<"$output")" $'x.c\ny.c'
	run -3 zcp --list "$URL/none"
	assert_output --partial "no such file"
	run -1 zcp --list /etc
	assert_output --partial "is not on a host"
	run -1 zcp --list
	run -1 zcp --list "$URL/a" "otherhost:b"
	run -1 zcp --list -n "$URL/a"
}

@test "names that are no text, sizes of files, what is left out" {
	: >"$ROOT/"$'new\nline'; : >"$ROOT/"$'\xff'; : >"$ROOT/"$'esc\x1b[31m'; truncate -s 10G "$ROOT/big"
	run -0 zcp --list "$URL/"
	assert_line --regexp ' new\\x0aline$'
	assert_line --regexp ' \\xff$'
	assert_line --regexp ' 10737418240 .* big$'
	refute_output --partial $'\x1b'
	run -0 zcp --list --max-size=5G "$URL/"
	refute_output --partial big
}

@test "a reader that goes away, and a full disk: status 11, at once" {
	local i
	for i in {1..3000}; do : >"$ROOT/a-rather-long-name-so-that-a-pipe-is-full-soon-$i"; done
	run -0 bash -c "'$ZCP_BUILD/zcp' --host-key=$HOSTKEY -P $PORT --list $URL/ 2>'$T/err' | head -n 1; exit \${PIPESTATUS[0]}" || [ "$status" = 11 ]
	run -11 bash -c "'$ZCP_BUILD/zcp' --host-key=$HOSTKEY -P $PORT --list $URL/ >/dev/full"
	assert_output --partial "cannot write to standard output"
}

@test "an unreadable directory in a tree is told, the rest is listed" {
	need_user
	mkdir -p "$ROOT/no" "$ROOT/yes"; : >"$ROOT/yes/f"; chmod 0 "$ROOT/no"
	run -23 zcp --list -r "$URL/"
	chmod 755 "$ROOT/no"
	assert_line --regexp ' yes/f$'
	assert_output --partial "no: permission denied"
}
