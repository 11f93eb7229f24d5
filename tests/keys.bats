# keys.bats - what one key may see and do: the options of its line in authorized_keys, the rules of zcpd.conf's exports, exports in exports.
load helpers
setup()    { private_home; KEYS=$T/keys; }
teardown() { zcpd_stop; }

# serve EXPORTS...: zcpd.conf with these sections, after the lines in $CONF. The client's key is let in with $OPTIONS on its line.
serve() {
	printf '%s\n' "authorized-keys = \"$KEYS\"" 'status-socket = none' ${CONF+"$CONF"} "$@" >"$T/zcpd.conf"
	[ -s "$KEYS" ] || let_in "${OPTIONS:-}"
	ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
}
# let_in OPTION...: the client's key, and nobody else's
let_in() {
	local key
	read -r _ key _ <<<"$("$ZCP_BUILD/zcp" --public-key 2>/dev/null 3>&-)"
	echo "zcp-x25519 $key me $*" >"$KEYS.new"
	mv "$KEYS.new" "$KEYS"
}
# export NAME WORD...: a directory $T/NAME with a file in it, and its section
export_of() {
	local name=$1
	shift
	mkdir -p "$T/$name"
	echo "of $name" >"$T/$name/f"
	printf 'export %s { path = "%s"\n' "$name" "$T/$name"
	printf '\t%s\n' "$@"
	printf '}\n'
}
gets()    { rm -f "$T/got"; run -0 zcp "127.0.0.1:$1" "$T/got"; assert_equal "$(cat "$T/got")" "$2"; }
absent()  { rm -f "$T/got"; run -3 zcp "127.0.0.1:$1" "$T/got"; assert_not_exists "$T/got"; }
puts()    { echo new >"$T/new"; run -0 zcp "$T/new" "127.0.0.1:$1"; }
refuses() { echo new >"$T/new"; run -4 zcp "$T/new" "127.0.0.1:$1"; assert_output --partial "$2"; }
# names PATH: what a pattern there matches, sorted: the names of a listing
names() {
	rm -rf "$T/names"
	mkdir "$T/names"
	zcp -r "127.0.0.1:$1*" "$T/names" >/dev/null 2>&1 || :
	(cd "$T/names" && ls -A) | tr '\n' ' '
}

@test "a key without options reads every export, and writes in none" {
	serve "$(export_of pub)" "$(export_of in 'mode = rw')"
	gets pub/f "of pub"
	gets in/f "of in"
	refuses in/g "this key may only read there"
	refuses pub/g "read-only"
	assert_not_exists "$T/in/g"
}
@test "an upload that is refused is told the true reason, and leaves its line in the log, its count and its line of transfers" {
	local round=0 what
	CONF="transfer-log = \"$T/log\"" serve "$(export_of pub)" "$(export_of drop 'mode = rw')"
	mkdir "$T/tree"
	echo new | tee "$T/f" >"$T/tree/f"
	refused_in() {
		round=$((round + 1))
		run -4 zcp "${@:3}"
		assert_output --partial "$2"
		refute_output --partial "closed the connection"
		[ "$2" = read-only ] || refute_output --partial --writable
		wait_for_line "$T/zcpd.log" "me: may not store in export \"$1\": \"$1/(f|g|tree)\": .*$2"
		wait_for_count "me: 1 failed; .*, encrypted: complete" $round
	}
	refused_in drop "this key may only read there" "$T/f" 127.0.0.1:drop/
	wait_for_line "$T/log" '"me" received "drop" "drop/f" 0 bytes .* 4$'
	refused_in drop "this key may only read there" "$T/f" "$T/f" 127.0.0.1:drop/g
	refused_in drop "this key may only read there" -r "$T/tree" 127.0.0.1:drop/
	refused_in pub read-only "$T/f" 127.0.0.1:pub/
	assert_equal "$(find "$T/drop" "$T/pub" -type f | wc -l)" 2
	assert_equal "$(wc -l <"$T/log")" 3
	run ! grep -E "closed the connection|was cut" "$T/zcpd.log"
	# where it may write somewhere the daemon is asked file by file; one line is enough
	let_in write export=pub export=drop
	refuses pub/g read-only
	wait_for_count 'may not store in export' 5
}
# wait_for_count PATTERN N: until N lines of the log are so
wait_for_count() {
	local n line seen=0
	exec {n}< <(exec tail -n +1 -F -s 0.05 -- "$T/zcpd.log" 2>/dev/null 3>&-)
	local tail=$!
	while [ $seen -lt "$2" ] && read -r -t 20 -u "$n" line; do
		[[ ! $line =~ $1 ]] || seen=$((seen + 1))
	done
	exec {n}<&-
	kill $tail 2>/dev/null || true
	[ $seen -ge "$2" ] || fail "not $2 times '$1': $(cat "$T/zcpd.log")"
}
@test "--plaintext and --integrity=none that are not granted: a line in the log, counted, and no broken connection" {
	OPTIONS=plaintext=no serve "$(export_of a)"
	run -4 zcp --plaintext 127.0.0.1:a/f "$T/got"
	wait_for_line "$T/zcpd.log" 'me: refused: zcpd does not allow plaintext from here'
	wait_for_line "$T/zcpd.log" 'me: 1 failed; .*: complete'
	zcpd_stop
	rm -f "$T/port"
	: >"$T/zcpd.log"
	CONF='plaintext-from = "127.0.0.0/8"' serve "$(export_of a)"
	let_in
	run -4 zcp --plaintext --integrity=none 127.0.0.1:a/f "$T/got"
	wait_for_line "$T/zcpd.log" 'me: refused: zcpd does not allow --integrity=none'
	wait_for_line "$T/zcpd.log" 'me: 1 failed; .*: complete'
	run ! grep -E "closed the connection|was cut" "$T/zcpd.log"
}
@test "a client that finds nothing, or has no place for it, leaves in order" {
	serve "$(export_of a)"
	absent a/none
	run -1 zcp 127.0.0.1:a/f 127.0.0.1:a/f "$T/no/such/place"
	run -4 zcp 127.0.0.1:a "$T/got"
	wait_for_line "$T/zcpd.log" 'complete'
	gets a/f "of a"
	wait_for_line "$T/zcpd.log" 'sent 1 file.*complete'
	run ! grep -E "closed the connection|was cut" "$T/zcpd.log"
}
@test "a refused key is named in the log as far as it is known, with words for who reads that log" {
	local print
	OPTIONS='expires=2020-01-01' serve "$(export_of a)"
	run --separate-stderr -0 zcp_raw --public-key
	[[ $output != *SHA256:* ]] || fail "$output"
	[[ $stderr =~ (SHA256:[A-Za-z0-9+/]{43}) ]] || fail "$stderr"
	print=${BASH_REMATCH[1]}
	run -40 zcp 127.0.0.1:a/f "$T/got"
	wait_for_line "$T/zcpd.log" 'refused, "me", key SHA256:.*: this key has expired'
	let_in from=10.0.0.0/8
	run -40 zcp 127.0.0.1:a/f "$T/got"
	wait_for_line "$T/zcpd.log" 'refused, "me", key SHA256:.*from='
	echo "zcp-x25519 $HOSTKEY other" >"$KEYS.new"
	mv "$KEYS.new" "$KEYS"
	run -40 zcp 127.0.0.1:a/f "$T/got"
	assert_output --partial "zcp --public-key"
	wait_for_line "$T/zcpd.log" "refused, key SHA256:.*: it is not in \"$KEYS\"\$"
	assert_equal "$(grep -cF "key $print: " "$T/zcpd.log")" 3
	run ! grep -F "zcp --public-key" "$T/zcpd.log"
}
@test "write: in the exports that are rw, and in no other" {
	OPTIONS='write' serve "$(export_of pub)" "$(export_of in 'mode = rw')"
	puts in/g
	assert_equal "$(cat "$T/in/g")" new
	refuses pub/g "read-only"
}
@test "export=: the others are not there for this key" {
	OPTIONS='export=a export=b' serve "$(export_of a)" "$(export_of b)" "$(export_of c)"
	gets a/f "of a"
	gets b/f "of b"
	absent c/f
	absent c
	assert_equal "$(names "")" "a b "
}
@test "export= of an export that there is none of: nothing is there, and the client is let in all the same" {
	OPTIONS='export=gone' serve "$(export_of a)"
	absent a/f
	run zcp -r 127.0.0.1: "$T/got"
	[ "$status" != 0 ]
	[ "$status" != 40 ]
}
@test "allow: who is not named sees nothing of it; allow-write: who is named writes without write on his line" {
	serve "$(export_of mine 'allow = {me, other}')" "$(export_of theirs 'allow = {other}')" "$(export_of in 'mode = rw' 'allow-write = {me}')" \
		"$(export_of closed 'mode = rw' 'allow-write = {other}')"
	gets mine/f "of mine"
	absent theirs/f
	puts in/g
	gets closed/f "of closed"
	refuses closed/g "this key may only read there"
	assert_equal "$(names "")" "closed in mine "
}
@test "from=: from elsewhere the key is refused with words of its own, status 40" {
	OPTIONS='from=127.0.0.1' serve "$(export_of a)"
	gets a/f "of a"
	let_in from=127.0.0.2 from=10.0.0.0/8
	run -40 zcp 127.0.0.1:a/f "$T/got"
	assert_output --partial "not let in from this address"
	wait_for_line "$T/zcpd.log" 'refused.*from='
	let_in from=::/0
	run -40 zcp 127.0.0.1:a/f "$T/got"
	let_in from=10.0.0.0/8 from=127.0.0.0/8
	gets a/f "of a"
}
@test "expires= in the past: 40 and its own words; in the future: let in" {
	OPTIONS='expires=2020-01-01' serve "$(export_of a)"
	run -40 zcp 127.0.0.1:a/f "$T/got"
	assert_output --partial "this key has expired"
	let_in expires=2020-12-31T23:59:59Z
	run -40 zcp 127.0.0.1:a/f "$T/got"
	let_in expires=9999-12-31
	gets a/f "of a"
}
@test "plaintext=no: sealed on one machine and on a named network; --plaintext is then status 4" {
	CONF='plaintext-from = "127.0.0.0/8"' OPTIONS='plaintext=no' serve "$(export_of a)"
	mkrand "$T/a/big" 300000
	run -0 zcp -v 127.0.0.1:a/big "$T/got"
	assert_output --partial encrypted
	refute_output --partial plaintext:
	run -4 zcp --plaintext 127.0.0.1:a/big "$T/got2"
	let_in
	run -0 zcp -v --plaintext 127.0.0.1:a/big "$T/got3"
	assert_output --partial "plaintext"
	cmp "$T/a/big" "$T/got3"
}
@test "a broken line lets nobody in, and the log says which" {
	serve "$(export_of a)"
	gets a/f "of a"
	echo "zcp-x25519 $HOSTKEY other from=everywhere" >>"$KEYS"
	run -40 zcp 127.0.0.1:a/f "$T/got"
	wait_for_line "$T/zcpd.log" 'line 2: "from=.*: from= is not a network'
}
@test "keys that could not be read for a moment are read again, though the file has not changed" {
	need_root               # a process that is not dumpable shows names to root's strace only
	ZCPD_WRAP=(strace -f -qq -o "$T/trace" -P "$KEYS" -e trace=openat -e inject=openat:error=EMFILE:when=1)
	serve "$(export_of a)"
	ZCPD_WRAP=()
	assert_file_contains "$T/zcpd.log" 'too many open files. Nobody is let in until this is put right'
	gets a/f "of a"
	kill "$(pgrep -P "$ZCPD" -x zcpd)"
	wait_gone "$ZCPD"
	ZCPD=
}
@test "an inner export hides what lies beneath it in the outer one" {
	mkdir -p "$T/out/in/deep"
	echo hidden >"$T/out/in/f"
	echo hidden >"$T/out/in/only-there"
	OPTIONS='write' serve "$(export_of out 'mode = rw')" "$(export_of inner 'prefix = "out/in"')"
	gets out/f "of out"
	gets out/in/f "of inner"
	absent out/in/only-there
	refuses out/in/g "read-only"
	assert_equal "$(names out/)" "f in "
	assert_equal "$(names out/in/)" "f "
}
@test "a denied inner export: nothing of it, under no name, through no link, in no listing" {
	mkdir -p "$T/out/in/deep" "$T/out/side"
	echo secret >"$T/out/in/s"
	echo secret >"$T/out/in/deep/s"
	ln -s ../in/deep "$T/out/side/dir"
	ln -s ../in/s "$T/out/side/file"
	ln -s side/dir "$T/out/twice"
	serve "$(export_of out)" "$(export_of inner 'prefix = "out/in"' 'allow = {other}')"
	for name in in in/s in/deep in/deep/s in/nothing side/dir/s side/file twice/s; do absent "out/$name"; done
	assert_equal "$(names out/)" "f side "
	run zcp -r 127.0.0.1:out "$T/tree"
	assert_equal "$(cat "$T/tree/f")" "of out"
	run grep -r secret "$T/tree"
	assert_failure
	assert_not_exists "$T/tree/in"
}
@test "a writer of the outer export cannot reach the denied inner one through a link of his own" {
	mkdir -p "$T/out/in"
	echo secret >"$T/out/in/s"
	OPTIONS='write' serve "$(export_of out 'mode = rw')" "$(export_of inner 'prefix = "out/in"' 'allow = {other}')"
	mkdir "$T/links"
	ln -s in/s "$T/links/file"
	ln -s in "$T/links/dir"
	run -0 zcp -a "$T/links/file" "$T/links/dir" 127.0.0.1:out/
	assert_link_exists "$T/out/file"
	absent out/file
	absent out/dir/s
	puts out/allowed
	run ! zcp "$T/new" 127.0.0.1:out/in/g
	run ! zcp "$T/new" 127.0.0.1:out/dir/g
	assert_equal "$(ls "$T/out/in")" s
}
@test "host: lists the exports this key may see; -r does not walk into them, and says so" {
	serve "$(export_of a)" "$(export_of b 'prefix = "x/y/b"')" "$(export_of c 'allow = {other}')"
	assert_equal "$(names "")" "a x "
	assert_equal "$(names x/)" "y "
	gets x/y/b/f "of b"
	run -23 zcp -r 127.0.0.1: "$T/all"
	assert_output --partial "exports of their own lie below it"
	assert_not_exists "$T/all/a/f"
	assert_not_exists "$T/all/c"
	absent c
	absent x/z
}
@test "an outer export's copy without its inner ones does not look whole" {
	serve "$(export_of out)" "$(export_of inner 'prefix = "out/in"')"
	run -23 zcp -r 127.0.0.1:out "$T/all"
	assert_output --partial "exports of their own lie below it"
	assert_equal "$(cat "$T/all/f")" "of out"
	assert_not_exists "$T/all/in"
}
@test "an export that holds the configuration, the keys, the host key and the log cannot give or replace them" {
	CONF="host-key = \"$T/host.key\""$'\n'"transfer-log = \"$T/transfers\"" OPTIONS=write
	serve "export all { path = \"$T\""$'\n\tmode = rw\n}'
	HOSTKEY=$(sed -nE 's/.*host key (SHA256:[^ ]*)$/\1/p' "$T/zcpd.log" | tail -n 1)
	assert_exists "$T/host.key"
	assert_exists "$T/transfers"
	echo "not hidden" >"$T/plain"
	gets all/plain "not hidden"
	ln -s keys "$T/alias"
	ln "$T/zcpd.conf" "$T/hard"
	for name in zcpd.conf keys host.key transfers alias hard; do
		absent "all/$name"
		echo "zcp-x25519 $HOSTKEY evil write" >"$T/new"
		run ! zcp "$T/new" "127.0.0.1:all/$name"
		run ! grep -q evil "$T/$name"
	done
	run -0 zcp "$T/new" 127.0.0.1:all/harmless
	[[ " $(names all/) " != *" keys "* ]]
	[[ " $(names all/) " != *" zcpd.conf "* ]]
}
@test "where a key file, configuration or log is missing, a stream that lives on cannot make one" {
	CONF="host-key = \"$T/host.key\""$'\n'"transfer-log = \"$T/transfers\"" OPTIONS=write
	serve "export all { path = \"$T\""$'\n\tmode = rw\n}'
	HOSTKEY=$(sed -nE 's/.*host key (SHA256:[^ ]*)$/\1/p' "$T/zcpd.log" | tail -n 1)
	run env PYTHONPATH="$ZCP_TOP/tests/peer" PYTHONDONTWRITEBYTECODE=1 T="$T" timeout 60 /usr/bin/python3 - 3>&- <<-'E'
	import os, harness
	from client import Client, Failed
	T = os.environ['T']
	c = Client.connect(int(os.environ['PORT']), harness.identity(), want='sealed')
	for name in 'zcpd.conf', 'host.key', 'transfers', 'keys':
	    os.rename(T + '/' + name, T + '/moved')
	    for what in (lambda p: c.store(p, b'let in again'), lambda p: c.store(p, bytes(200000)), lambda p: c.mkdir(p), lambda p: c.symlink(p, b'plain')):
	        try:
	            what(b'all/' + name.encode())
	            print(name, 'made')
	        except Failed as e:
	            if e.fail.status == 40:                 # zcpd has looked for its keys just now: as good
	                raise SystemExit(print('done'))
	            assert e.fail.status == 3, e
	    assert not os.path.lexists(T + '/' + name), name
	    os.rename(T + '/moved', T + '/' + name)
	c.store(b'all/harmless', b'x')
	c.bye()
	print('done')
	E
	assert_output done
}
@test "under --root every key may read and, with --writable, write" {
	let_in
	zcpd_start --authorized-keys "$KEYS"
	echo here >"$ROOT/f"
	gets f here
	puts g
	let_in from=127.0.0.9
	run -40 zcp 127.0.0.1:f "$T/got2"
}
@test "16,000 keys: the last one is let in" {
	/usr/bin/python3 - "$KEYS" <<-'P'
	import base64, sys
	with open(sys.argv[1], 'w') as f:
	    for i in range(15000):
	        f.write('zcp-x25519 %s k%d\n' % (base64.b64encode(bytes([i & 255, i >> 8, 1] + [0] * 29)).decode(), i))
	P
	"$ZCP_BUILD/zcp" --public-key 2>/dev/null 3>&- >>"$KEYS"
	serve "$(export_of a)"
	gets a/f "of a"
}
@test "who may store may remove and link, in that export, through no link, and nothing that is hidden" {
	# to COMMAND NAME... ANSWER: what zcpd says to one such request
	to() { assert_equal "$1 ${*:2:$#-2}: $(PYTHONDONTWRITEBYTECODE=1 timeout 60 /usr/bin/python3 "$ZCP_TOP/tests/peer/removing.py" "${@:1:$#-1}" 3>&-)" "$1 ${*:2:$#-2}: ${*: -1}"; }
	mkdir -p "$T/out/in" "$T/out/full" "$T/out/empty"
	echo 1 >"$T/out/in/f"; echo 2 >"$T/out/full/g"; ln -s in "$T/out/way"; ln -s full/g "$T/out/soft"
	KEYS=$T/out/keys
	OPTIONS=write CONF="transfer-log = \"$T/out/log\"" serve "$(export_of out 'mode = rw')" "$(export_of other 'mode = rw')" \
		"export inner { prefix = out/in path = \"$T/out/in\" }"
	find "$T/out" "$T/other" ! -name log -printf '%p %i %n %s\n' | sort >"$T/before"
	to remove out/in/f "error 4"
	to rmdir out/in "error 4"
	to rmdir out "error 4"
	to remove out/way/f "error 11"
	to remove out/keys "error 3"
	to remove out/log "error 3"
	to remove out/full "error 45"
	to rmdir out/full "error 11"
	to rmdir out/f "error 45"
	to remove "out/.zcp-0123456789abcdef0123456789abcdef" "error 3"
	to remove out/../other/f "error 3"
	to link out/k out/keys "error 3"
	to link out/k out/log "error 3"
	to link out/keys out/f "error 3"
	to link out/k out/in/f "error 4"
	to link out/in/k out/f "error 4"
	to link other/k out/f "error 4"
	to link out/k out/way/f "error 11"
	to link out/k out/soft "error 3"
	to link out/full out/f "error 45"
	find "$T/out" "$T/other" ! -name log -printf '%p %i %n %s\n' | sort | diff "$T/before" -
	to link out/k out/f "ok 0"
	to link out/k out/f "ok 1"
	assert_equal "$(stat -c %i:%h "$T/out/k")" "$(stat -c %i "$T/out/f"):2"
	to remove out/k "ok 0"
	to remove out/k "ok 0"
	to remove out/soft "ok 0"
	to rmdir out/empty "ok 0"
	assert_equal "$(cd "$T/out" && echo * full/*)" "f full in keys log way full/g"
	assert_equal "$(grep -cE '"me" removed "out" "out/(k|soft|empty)" 0 bytes .* 0$' "$T/out/log")" 4
	assert_equal "$(grep -cE '"me" removed "out" "out/full" 0 bytes .* (45|11)$' "$T/out/log")" 2
	# of what this key may only read nothing goes
	let_in
	to remove out/f "error 4"
	to link out/k out/f "error 4"
}
