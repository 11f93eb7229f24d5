# destination.bats - what a copy is called and what it does to what stands there: compared with cp -r, down and up.
load helpers
setup() { T=$BATS_TEST_TMPDIR; }
teardown() { chmod -R u+rwx "$T" 2>/dev/null || true; zcpd_stop; }

# sources DIR: what is copied
sources() {
	mkdir -p "$1/d/sub" "$1/d/empty" "$1/other/d"
	echo a >"$1/a"; echo b >"$1/b"; : >"$1/nothing"
	echo f >"$1/d/f"; mkrand "$1/d/sub/g" 70000; echo h >"$1/d/.h"
	echo a2 >"$1/other/a"; echo f2 >"$1/other/d/f2"
	ln -s a "$1/link"; ln -s d "$1/dlink"
}
# there DIR: where it is copied to
there() {
	mkdir -p "$1/dir" "$1/full/d/sub" "$1/full/a.dir"
	echo old >"$1/file"; echo old >"$1/full/a"; echo kept >"$1/full/d/kept"; echo old >"$1/full/d/f"; echo old >"$1/full/d/sub/g"
}
# both ways: WAY down copies from the host to here, up from here to the host. Runs zcp with SRC... DST relative to their places.
copy() {
	local way=$1 args=() last
	shift
	if [ "$way" = down ]; then
		for last in "${@:1:$#-1}"; do args+=("127.0.0.1:src/$last"); done
		zcp -r "${args[@]}" "$T/down/${!#}"
	else
		for last in "${@:1:$#-1}"; do args+=("$ROOT/src/$last"); done
		zcp -r "${args[@]}" "127.0.0.1:up/${!#}"
	fi
}
place() { chmod -R u+rwx "$T/cp" "$T/down" "$ROOT/up" 2>/dev/null || :; rm -rf "$T/cp" "$T/down" "$ROOT/up"; there "$T/cp"; there "$T/down"; there "$ROOT/up"; }
at() { if [ "$1" = down ]; then echo "$T/down"; else echo "$ROOT/up"; fi; }

@test "destinations: the same trees as cp -rL makes" {
	zcpd_start
	sources "$ROOT/src"
	local line way
	while IFS= read -r line; do
		place
		# shellcheck disable=SC2086 # words
		(cd "$ROOT/src" && set -- $line && cp -rL -- "${@:1:$#-1}" "$T/cp/${!#}") || fail "cp -rL $line"
		for way in down up; do
			# shellcheck disable=SC2086
			run -0 copy "$way" $line
			tree_equal "$T/cp" "$(at "$way")" modes || fail "$way: $line"
		done
	done <<-'E'
	a new
	a dir
	a dir/
	a dir/.
	a dir/x
	a file
	a full
	nothing new
	nothing file
	a b dir
	a b nothing dir/
	./a dir
	d/../a dir
	d new
	d dir
	d/ dir
	d dir/
	d dir/new
	d/. dir
	d/. new
	d/sub/.. dir
	d/sub/.. new
	d full
	d/. full
	d/ full/
	a d dir
	a d full
	link dir
	link new
	dlink dir
	dlink new
	dlink/. dir
	d/sub/g dir
	d/sub d/f dir
	. dir
	. new
	E
	no_litter "$T" "$ROOT"
}

@test "destinations that cannot be: the status, before a byte moves, and nothing is changed" {
	zcpd_start
	sources "$ROOT/src"
	local want line way
	while read -r want line; do
		place
		for way in down up; do
			# shellcheck disable=SC2086
			run copy "$way" $line
			[ "$status" = "$want" ] || fail "$way: $line: status $status instead of $want: $output"
			tree_equal "$T/cp" "$(at "$way")" modes || fail "$way: $line changed something"
			[[ $output == zcp:* ]] || fail "$way: $line: $output"
		done
	done <<-'E'
	1 a b new
	1 a b file
	1 a d new
	1 a other/a dir
	1 d other/d dir
	3 a new/
	3 d new/
	3 a missing/new
	3 d missing/new
	3 a file/x
	3 a file/
	45 d file
	45 d full/a
	E
	# a directory onto a file of its own name, in a directory
	place
	for way in down up; do
		rm -rf "$(at "$way")/full/d"; echo file >"$(at "$way")/full/d"
		run copy "$way" a d full
		[ "$status" = 45 ] || fail "$way: $status $output"
		assert_equal "$(cat "$(at "$way")/full/a")" old
		assert_equal "$(cat "$(at "$way")/full/d")" file
	done
	no_litter "$T" "$ROOT"
}

@test "a file onto a directory of its name: 45, the directory stays, the rest is copied" {
	zcpd_start
	sources "$ROOT/src"
	place
	local way
	for way in down up; do
		mkdir "$(at "$way")/dir/a"
		echo in >"$(at "$way")/dir/a/in"
		run copy "$way" a dir
		assert_failure 45
		assert_equal "$(cat "$(at "$way")/dir/a/in")" in
		run copy "$way" a b dir
		assert_failure 23
		assert_equal "$(cat "$(at "$way")/dir/b")" b
	done
	no_litter "$T" "$ROOT"
}

@test "new files get the source's mode below the umask; files that are there keep theirs; -p keeps modes and times" {
	zcpd_start
	sources "$ROOT/src"
	local way there
	chmod 777 "$ROOT/src/a"; chmod 6755 "$ROOT/src/b"; chmod 500 "$ROOT/src/d/empty"; chmod 555 "$ROOT/src/d/sub"; chmod 1777 "$ROOT/src/d"
	touch -d '2001-02-03 04:05:06.123456789' "$ROOT/src/a" "$ROOT/src/d/f" "$ROOT/src/d/sub/g" "$ROOT/src/d/sub" "$ROOT/src/d"
	for way in down up; do
		place
		there=$(at "$way")
		chmod 640 "$there/file"
		chmod 700 "$there/full/d"
		run -0 copy "$way" a file
		assert_equal "$(stat -c %a "$there/file")" 640
		assert_equal "$(cat "$there/file")" a
		run -0 copy "$way" a b d dir
		assert_equal "$(stat -c %a "$there/dir/a" "$there/dir/b" "$there/dir/d" "$there/dir/d/empty" "$there/dir/d/sub" | tr '\n' ' ')" "755 755 755 500 555 "
		run -0 copy "$way" d full
		assert_equal "$(stat -c %a "$there/full/d")" 700
		[ "$(stat -c %Y "$there/dir/a")" -gt 1000000000 ]
		[ "$(stat -c %y "$there/dir/a")" != "$(stat -c %y "$ROOT/src/a")" ]
	done
	place
	run -0 zcp -rp 127.0.0.1:src/a 127.0.0.1:src/d "$T/down/full"
	run -0 zcp -rp "$ROOT/src/a" "$ROOT/src/d" 127.0.0.1:up/full
	for there in "$T/down/full" "$ROOT/up/full"; do
		assert_equal "$(stat -c '%a %y' "$there/a")" "$(stat -c '%a %y' "$ROOT/src/a")"
		assert_equal "$(stat -c '%a %y' "$there/d/sub" "$there/d/sub/g" "$there/d/f")" "$(cd "$ROOT/src"; stat -c '%a %y' d/sub d/sub/g d/f)"
		assert_equal "$(stat -c '%a %y' "$there/d")" "777 $(stat -c %y "$ROOT/src/d")"
	done
	(umask 077; zcp 127.0.0.1:src/a "$T/private" && zcp -r 127.0.0.1:src/d "$T/private.d")
	assert_equal "$(stat -c %a "$T/private" "$T/private.d" "$T/private.d/sub" | tr '\n' ' ')" "700 700 500 "
}

@test "odd names: newlines, bytes that are no text, a dash, spaces, 255 bytes; empty files and directories" {
	zcpd_start
	local long
	long=$(printf 'x%.0s' {1..255})
	mkdir -p "$ROOT/odd/"$'new\nline' "$ROOT/odd/-rf" "$ROOT/odd/ " "$ROOT/odd/$long"
	echo 1 >"$ROOT/odd/"$'new\nline/\xff\xfe'; echo 2 >"$ROOT/odd/-rf/-n"; : >"$ROOT/odd/ / "; echo 3 >"$ROOT/odd/$long/$long"
	echo 4 >"$ROOT/odd/"$'\e[31m'; echo 5 >"$ROOT/odd/*"; echo 6 >"$ROOT/odd/a:b"; echo 7 >"$ROOT/odd/back\\slash"
	run -0 zcp -r 127.0.0.1:odd "$T/odd"
	tree_equal "$ROOT/odd" "$T/odd" modes
	run -0 zcp -r "$T/odd" 127.0.0.1:again
	tree_equal "$ROOT/odd" "$ROOT/again" modes
	run -0 zcp "127.0.0.1:odd/"$'\e[31m' "127.0.0.1:odd/-rf/-n" "$T/"
	cmp "$T/-n" "$ROOT/odd/-rf/-n"
	cd "$T"
	run -0 zcp -- -n 127.0.0.1:dash
	cmp "$T/-n" "$ROOT/dash"
	# what is said of them shows no byte that a terminal obeys
	chmod 000 "$ROOT/odd/"$'\e[31m'
	run zcp -v -r 127.0.0.1:odd "$T/seen"
	refute_output --partial $'\e'
	assert_output --partial '\x1b[31m'
	[ ! -e "$T/seen/"$'\e[31m' ] || is_root
}

@test "/dev/null is left alone, also by root; pipes and FIFOs get what was checked" {
	zcpd_start
	mkrand "$ROOT/big" 3000000
	echo small >"$ROOT/small"
	local o
	for o in --plaintext --encrypt; do
		run -0 zcp $o 127.0.0.1:big /dev/null
		run -0 zcp $o 127.0.0.1:small /dev/null
		[ -c /dev/null ]
		mkfifo "$T/fifo"
		cat "$T/fifo" >"$T/got" 3>&- &
		run -0 zcp $o 127.0.0.1:big "$T/fifo"
		wait $!
		cmp "$ROOT/big" "$T/got"
		[ -p "$T/fifo" ]
		rm "$T/fifo" "$T/got"
		zcp $o 127.0.0.1:big /dev/stdout 2>"$T/err" | cmp - "$ROOT/big"
		[ "$(zcp $o 127.0.0.1:small /dev/stdout 2>"$T/err" | cat)" = small ]
	done
	# what a script redirected is written on, not replaced
	(echo head; zcp 127.0.0.1:big /dev/stdout; echo foot) >>"$T/log" 2>"$T/err"
	cmp "$T/log" <(echo head; cat "$ROOT/big"; echo foot)
	(exec 7>"$T/seven"; echo head >&7; zcp 127.0.0.1:small /dev/fd/7)
	cmp "$T/seven" <(echo head; cat "$ROOT/small")
	# contents come sealed then, and zcp says so
	run -4 zcp --plaintext --engine=sendfile 127.0.0.1:big /dev/null
	assert_output --partial 'cannot send encrypted data'
	run -0 zcp -v --plaintext 127.0.0.1:big /dev/null
	assert_output --partial 'encrypted with suite'
	assert_output --partial 'verified first'
	run -45 zcp -r 127.0.0.1: /dev/null
	run -1 zcp 127.0.0.1:big 127.0.0.1:small /dev/null
	# a reader that goes away is a failure of its own
	mkfifo "$T/fifo"
	head -c 1000 "$T/fifo" >/dev/null 3>&- &
	run zcp 127.0.0.1:big "$T/fifo"
	assert_failure 11
	mkfifo "$ROOT/fifo"
	run -45 zcp "$ROOT/small" 127.0.0.1:fifo
	[ -p "$ROOT/fifo" ]
}

@test "a DST that is a link is resolved once, here and there; inside trees links are replaced, never followed" {
	zcpd_start
	sources "$ROOT/src"
	mkdir -p "$T/real" "$ROOT/real"
	local there to
	for there in "$T" "$ROOT"; do
		to=$there/; [ "$there" = "$T" ] || to=127.0.0.1:
		echo old >"$there/target"; ln -s target "$there/l"; ln -s real "$there/ld"; ln -s nowhere "$there/dangling"
		from=127.0.0.1:src; [ "$there" = "$T" ] || from=$ROOT/src
		run -0 zcp "$from/a" "${to}l"
		[ -L "$there/l" ]
		assert_equal "$(cat "$there/target")" a
		run -0 zcp "$from/b" "${to}ld"
		[ -L "$there/ld" ]
		assert_equal "$(cat "$there/real/b")" b
		echo outside >"$there/outside"
		ln -s ../outside "$there/real/a"
		run -0 zcp "$from/a" "${to}real"
		[ ! -L "$there/real/a" ] || fail "the link was followed, or kept: $there"
		assert_equal "$(cat "$there/outside" "$there/real/a" | tr '\n' ' ')" "outside a "
		# a link in the place of a tree's directory is not gone through
		mkdir "$there/elsewhere"; ln -s ../elsewhere "$there/real/d"
		run zcp -r "$from/d" "${to}real"
		assert_failure 45
		assert_equal "$(ls -A "$there/elsewhere")" ''
	done
	run -45 zcp 127.0.0.1:src/a "$T/dangling"
	assert_file_not_exists "$T/nowhere"
}

@test "onto itself: refused, the source is intact; a directory into itself too" {
	zcpd_start
	sources "$ROOT/src"
	cp -r "$ROOT/src" "$T/before"
	run -4 zcp 127.0.0.1:src/a "$ROOT/src/a"
	assert_output --partial 'same file'
	run -4 zcp "$ROOT/src/a" 127.0.0.1:src/a
	run -4 zcp "$ROOT/src/a" 127.0.0.1:src
	run -4 zcp 127.0.0.1:src/d/sub/g "$ROOT/src/d/sub"
	run -4 zcp -r 127.0.0.1:src "$ROOT/src/d/new"
	run -4 zcp -r 127.0.0.1:src/d "$ROOT/src"
	run -4 zcp -r "$ROOT/src" 127.0.0.1:src/d
	run -4 zcp -r "$ROOT/src/d" 127.0.0.1:src
	tree_equal "$ROOT/src" "$T/before" links modes
}

@test "what may not be written is named, with its status, and what is there stays" {
	zcpd_start
	echo new >"$ROOT/f"
	mkdir "$T/locked"
	echo old >"$T/locked/f"
	cp -r "$T/client" "$T/user"
	chmod 555 "$T/locked"
	is_root && chown -R 65534:65534 "$T/user"
	run as_user env XDG_CONFIG_HOME="$T/user" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:f "$T/locked/f"
	assert_failure 11
	assert_output --partial "$T/locked/f"
	assert_equal "$(cat "$T/locked/f")" old
	assert_equal "$(ls -A "$T/locked")" f
}

@test "a slash behind a source of this machine has no meaning: a link goes up with -a, and what it leads to without" {
	zcpd_start
	mkdir -p "$T/src/d" "$ROOT/to"
	echo x >"$T/src/d/x"; ln -s d "$T/src/l"; ln -s d/x "$T/src/lf"; echo f >"$T/src/f"
	run -0 zcp -a "$T/src/l/" "$T/src/lf/" "$T/src/f//" 127.0.0.1:to
	assert_equal "$(readlink "$ROOT/to/l" "$ROOT/to/lf" | tr '\n' ' ')$(cat "$ROOT/to/f")" "d d/x f"
	run -0 zcp -r "$T/src/l/" 127.0.0.1:to/followed
	assert_equal "$(stat -c %F "$ROOT/to/followed") $(cat "$ROOT/to/followed/x")" "directory x"
}
