# rules.bats - --include, --exclude and their lists: the names that rsync would copy, by asking rsync; and what is refused, before anything is connected.
# Random patterns, lists and trees come from ZCP_SEED; ZCP_LONG=1 takes twenty times as many.
load helpers
setup() { export T=$BATS_TEST_TMPDIR; private_home; }

times() { if is_long; then echo $(($1 * 20)); else echo "$1"; fi; }

# beside ARG...: tests/peer/rules.py finds no difference
beside() {
	command -v rsync >/dev/null || fail "there is no rsync to compare with: make setup"
	run env PYTHONDONTWRITEBYTECODE=1 timeout -k 5 3000 /usr/bin/python3 "$ZCP_TOP/tests/peer/rules.py" "$@" 3>&-
	[ "$status" = 0 ] || fail "seed $ZCP_SEED: $(tail -n 20 <<<"$output")"
	assert_output --regexp '# [1-9][0-9]* cases, 0 failed; rsync [0-9.]+'
}

# same WANT OPTION...: of the tree $T/x both copy WANT (sorted, divided by spaces), and nothing else
same() {
	local want=$1
	shift
	beside options "$T/x" "$@"
	assert_equal "$(unit rules walk "$T/x" "$@" | tr '\0' '\n' | sort | tr '\n' ' ')" "$want${want:+ }"
}

# refuses WORDS ARG...: status 1, one line, with these words
refuses() {
	local words=$1
	shift
	run --separate-stderr zcp_raw "$@" nowhere.invalid:f "$T/out"
	# shellcheck disable=SC2154 # run sets it
	[ "$status" = 1 ] && [[ $stderr == "zcp: "*"$words"* ]] && [ "$(wc -l <<<"$stderr")" = 1 ] || fail "zcp $*: status $status, $stderr"
	[ ! -e "$T/out" ] || fail "something was copied"
}

plant() { local f; for f; do mkdir -p "$T/x/$(dirname "$f")"; : >"$T/x/$f"; done; }

@test "every verdict of the unit test's table is rsync's" { beside table; }
@test "random patterns and lists of them: each name of a tree is judged as rsync judges it" { beside patterns "$ZCP_SEED" "$(times 240)"; }
@test "random patterns that zcp refuses leave nothing out in rsync" { beside refused "$ZCP_SEED" "$(times 1500)"; }
@test "random options and lists over random trees: what rsync copies" { beside trees "$ZCP_SEED" "$(times 60)"; }

@test "the examples of rsync's manual page" {
	plant file.txt y/file.txt y/zzz.txt z/file.txt
	same 'y y/file.txt' --include=y/ --include=y/file.txt --exclude='*'
	same 'file.txt' --include=file.txt --exclude='*'
	same 'file.txt y y/file.txt z z/file.txt' --exclude=zzz.txt
	rm -r "$T/x"
	plant a.o a.c foo/b.o foo/bar.c foo/x/bar foo/x/y/bar foo/bar sub/foo/x sub/cmd
	same 'a.c foo foo/bar foo/bar.c foo/x foo/x/bar foo/x/y foo/x/y/bar sub sub/cmd sub/foo sub/foo/x' --exclude='*.o'
	same 'a.c a.o sub sub/cmd sub/foo sub/foo/x' --exclude=/foo
	same 'a.c a.o sub sub/cmd' --exclude=foo/
	same 'a.c a.o foo foo/b.o foo/bar foo/bar.c foo/x foo/x/y foo/x/y/bar sub sub/cmd sub/foo sub/foo/x' --exclude='foo/*/bar'
	same 'a.c a.o foo foo/b.o foo/bar foo/bar.c foo/x foo/x/y sub sub/cmd sub/foo sub/foo/x' --exclude='/foo/**/bar'
	same 'a.c foo foo/bar.c foo/x foo/x/y sub sub/foo' --include='*/' --include='*.c' --exclude='*'
	same 'foo foo/bar.c' --include=foo/ --include=foo/bar.c --exclude='*'
	same 'foo foo/b.o foo/bar foo/bar.c foo/x foo/x/bar foo/x/y foo/x/y/bar sub sub/foo sub/foo/x' --include='foo/***' --include=sub/ --exclude='*'
}

@test "a directory that is left out takes what is in it along, whatever later rules say; the order decides" {
	plant a/keep a/b/keep c
	same 'c' --exclude=a --include=keep
	same 'a a/b a/b/keep a/keep c' --include=a --exclude=a
	same 'c' --exclude=a --include=a
	same 'a a/b a/b/keep a/keep' --exclude=a --exclude='!' --exclude=c
	same 'a a/b a/b/keep a/keep c' --exclude='+ c' --exclude='!'
	same 'a a/keep c' --include='- b' --include='*'
}

@test "a source is judged too, by its last component; what is in dir/. has no dir in front" {
	plant src/src/f src/g
	same '' --exclude=src
	same '' --exclude=/src
	same 'src src/g' --exclude=/src/src
	same 'src src/g' --exclude=src/src
	mv "$T/x/src" "$T/y" && rm -r "$T/x" && mv "$T/y" "$T/x"
	same 'g' --exclude=src
	same 'g src' --exclude=/src/f
	same 'g src src/f' --exclude=/x
}

@test "lists: CR, LF and both, blanks, comments, prefixes, with and without -0, as typed" {
	plant a b 'a ' ' ' '#c' ';d' '- a' $'n\nl' $'c\rr'
	printf 'a\r\n\r\n#c\n;d\nb' >"$T/lines"
	printf -- '- #c\n+ b\n- [ab]\n \n' >"$T/prefixed"
	printf 'n\nl\0#c\0c\rr\0' >"$T/nul"
	printf '!\na\n' >"$T/clears"
	beside options "$T/x" --exclude-from="$T/lines"
	beside options "$T/x" --exclude-from="$T/prefixed"
	beside options "$T/x" -0 --exclude-from="$T/nul"
	beside options "$T/x" --exclude-from="$T/lines" -0 --exclude-from="$T/nul"
	beside options "$T/x" --exclude-from="$T/lines" --exclude-from="$T/clears"
	beside options "$T/x" --include-from="$T/lines" --exclude='*'
	beside options "$T/x" --include-from="$T/prefixed" --exclude='*'
	beside options "$T/x" --exclude=b --include-from="$T/lines" --exclude='?'
	run -0 unit rules walk "$T/x" --include=a --exclude-from=- < <(printf '*\n')
	assert_equal "$output" a
}

@test "patterns that cannot match, and lists that cannot be read: status 1, with file, line, pattern and what to do" {
	printf 'good\n\nbad[\n' >"$T/list"
	printf 'a\0b\0' >"$T/nul"
	refuses "--exclude=: an empty pattern" --exclude=
	refuses "--include=a[: a '[' without its ']' matches nothing: close it" --include='a['
	refuses "--exclude=./a: it matches nothing, since no name is empty, '.' or '..': write /NAME" --exclude=./a
	refuses "--exclude=[[:foo:]]: there is no such class: [:alnum:]" --exclude='[[:foo:]]'
	refuses "--exclude=*\\\\: a backslash at the end" --exclude='*\'
	refuses "--include=+ : there is no pattern behind the prefix" --include='+ '
	refuses "a pattern has at most 4,095 bytes" --exclude="$(printf 'x%.0s' {1..4096})"
	refuses "--exclude-from=$T/none: No such file or directory: name a file of patterns" --exclude-from="$T/none"
	refuses "--include-from=$T: Is a directory: name a file of patterns" --include-from="$T"
	refuses "$T/list, line 3: bad[: a '[' without its ']'" --exclude-from="$T/list"
	refuses "$T/nul, line 1: a: a NUL byte follows: where NUL bytes end the patterns, give -0 before the file" --exclude-from="$T/nul" -0
	refuses "--include-from=-: standard input was read already" --exclude-from=- --include-from=- </dev/null
	refuses "--include=PATTERN and --exclude=PATTERN" -f 'merge x'
	refuses "--include=PATTERN and --exclude=PATTERN" --filter='- *.o'
}

@test "a list that may not be read is no empty one" {
	echo '*' >"$T/list"
	chmod 0 "$T/list"
	run as_user "$ZCP_BUILD/zcp" --exclude-from="$T/list" nowhere.invalid:f /tmp
	assert_equal "$status" 1
	assert_output --partial "--exclude-from=$T/list: Permission denied: name a file"
}
