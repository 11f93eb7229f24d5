# admin.bats - --add-key and --add-export: what they write, what they refuse, and that the files are never half or wrong.
load helpers
setup() {
	private_home
	umask 022
	C=$T/zcpd.conf K=$T/keys
	printf '%s\n' '# mine' "authorized-keys = \"$K\"" "state = \"$T/state\"" 'status-socket = none' >"$C"
	mkdir -m 700 "$T/state"
	chmod 755 "$T"
}
teardown() { zcpd_stop; }
zcpd()   { timeout -k 5 60 "$ZCP_BUILD/zcpd" --config "$C" "$@" 3>&-; }
# key N: a public key that nobody has the secret of
key() { /usr/bin/python3 -c 'import base64,sys; print(base64.b64encode(bytes([int(sys.argv[1]) & 255, int(sys.argv[1]) >> 8] + [7] * 30)).decode())' "$1"; }
# refused WORDS ARG...: status 1, these words, and neither file changed
refused() {
	local words=$1
	shift
	cp -a "$C" "$T/c.before"
	cp -a "$K" "$T/k.before" 2>/dev/null || rm -f "$T/k.before"
	run -1 zcpd "$@"
	[[ $output == *"$words"* ]] || fail "zcpd $*: no \"$words\" in: $output"
	cmp "$C" "$T/c.before"
	if [ -e "$T/k.before" ]; then cmp "$K" "$T/k.before"; else assert_not_exists "$K"; fi
	litter
}
litter() { [ -z "$(find "$T" -name '.zcpd-*')" ] || fail "left behind: $(find "$T" -name '.zcpd-*')"; }

@test "--add-key LINE, FILE and -: what zcp --public-key prints is let in" {
	"$ZCP_BUILD/zcp" --public-key >"$T/me.pub" 2>/dev/null 3>&-
	run -0 zcpd --add-key "zcp-x25519 $(key 1) anna@laptop"
	assert_output --partial "anna@laptop (SHA256:"
	run -0 zcpd --add-key "$T/me.pub"
	run -0 zcpd --add-key - <<<"zcp-x25519 $(key 2) ben"
	assert_equal "$(cat "$K")" "zcp-x25519 $(key 1) anna@laptop"$'\n'"$(cat "$T/me.pub")"$'\n'"zcp-x25519 $(key 2) ben"
	assert_equal "$(stat -c %a "$K")" 644
	mkdir "$T/data"
	echo hello >"$T/data/f"
	zcpd --add-export "$T/data"
	ZCPD_MODE="--config $C" zcpd_start
	run -0 zcp 127.0.0.1:data/f "$T/got"
	cmp "$T/data/f" "$T/got"
}
@test "--name and --writable say what the line lacks" {
	run -0 zcpd --add-key "zcp-x25519 $(key 1) x@y" --name anna --writable
	run -0 zcpd --add-key "zcp-x25519 $(key 2) ben write" --writable
	run -0 zcpd --add-key "zcp-x25519 $(key 3)" --writable
	run -0 zcpd --add-key "zcp-x25519 $(key 4) carl export=a from=10.0.0.0/8 expires=2099-01-01 plaintext=no"
	assert_output --partial "export=a: there is no such export"
	assert_equal "$(sed 's/zcp-x25519 [^ ]* //' "$K" | sed 's/SHA256:.* /PRINT /')" $'anna write\nben write\nPRINT write\ncarl export=a from=10.0.0.0/8 expires=2099-01-01 plaintext=no'
}
@test "a key that is there already: said, status 0, nothing written; with other words, or a taken name: 1" {
	zcpd --add-key "zcp-x25519 $(key 1) anna write"
	local before
	before=$(stat -c '%i %Y' "$K")
	run -0 zcpd --add-key "zcp-x25519 $(key 1) anna write"
	assert_output --partial "anna is there already: line 1"
	assert_equal "$(stat -c '%i %Y' "$K")" "$before"
	refused "this key is there already, as anna" --add-key "zcp-x25519 $(key 1) anna"
	refused "has the name anna already" --add-key "zcp-x25519 $(key 2) anna"
}
@test "what is no public key is refused, each with its sentence" {
	refused "a SECRET key" --add-key "zcp-x25519-secret $(key 1) x"
	refused "KEY is not a key" --add-key "zcp-x25519 short x"
	refused "unknown option" --add-key "zcp-x25519 $(key 1) x read"
	refused "from= is not a network" --add-key "zcp-x25519 $(key 1) x from=everywhere"
	refused "where NAME should stand" --add-key "zcp-x25519 $(key 1) from=10.0.0.0/8"
	refused "no such file" --add-key "$T/nothing"
	refused "does not begin with zcp-x25519" --add-key - <<<"ssh-ed25519 AAAA x"
	refused "no line with a key" --add-key - </dev/null
	refused "more than one line" --add-key - <<<"zcp-x25519 $(key 1) x"$'\n'"zcp-x25519 $(key 2) y"
	refused "more than one line" --add-key "zcp-x25519 $(key 1) x"$'\n'"zcp-x25519 $(key 2) y"
	refused "no public key" --add-key - < <(printf 'zcp-x25519 %s x\0' "$(key 1)")
	refused "control character" --add-key "zcp-x25519 $(key 1) x"$'\033[31m'
	refused "no public key" --add-key - < <(head -c 100000 /dev/zero | tr '\0' 'x')
	refused "NAME longer" --add-key "zcp-x25519 $(key 1) x" --name "$(printf 'n%.0s' {1..200})"
}
@test "a key given wrongly: the word that is meant, what is wrong with it, and what to give" {
	local k
	k=$(key 1)
	refused "\"${k:0:20}...\": does not begin with zcp-x25519: that word goes before the key" --add-key "$k"
	assert_output --partial "the line that the client's zcp --public-key prints"
	refused "\"ssh-ed25519\": does not begin with zcp-x25519: a key of ssh's" --add-key "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI anna"
	refused "a part is missing, it has 44 characters" --add-key "zcp-x25519 ${k:0:40} anna"
	assert_output --partial "\"${k:0:20}...\": KEY is not a key"
	refused "too long, it has 44 characters" --add-key "zcp-x25519 ${k}A anna"
	refused "there is none behind zcp-x25519" --add-key "zcp-x25519"
	refused "\"wirte\": an unknown option after NAME" --add-key "zcp-x25519 $k anna wirte"
	refused "\"laptop\": an unknown option after NAME: write, export=, from=, expires= or plaintext=no (a NAME is one word)" --add-key "zcp-x25519 $k annas laptop"
	refused "\"expires=soon\": expires= is not a date" --add-key "zcp-x25519 $k anna expires=soon"
	refused "\"write\": an option where NAME should stand" --add-key "zcp-x25519 $k write"
	refused "the key's line is one argument: put it in quotes" --add-key zcp-x25519 "$k" anna
	refused "and no key either" --add-key "${k:0:10}"
	# a secret is not shown
	refused "a SECRET key" --add-key "zcp-x25519-secret $k anna"
	refute_output --partial "${k:0:8}"
	assert_output --partial "the line that the client's zcp --public-key prints"
}
@test "--name cannot hold an option: it is one word" {
	refused "a key's NAME is one word" --add-key "zcp-x25519 $(key 1) x" --name "anna write"
	refused "a key's NAME is one word" --add-key "zcp-x25519 $(key 1) x" --name $'anna\twrite'
	refused "a key's NAME is one word" --add-key "zcp-x25519 $(key 1) x" --name "anna"$'\n'"zcp-x25519 $(key 2) eve"
}
@test "a file that is broken, foreign, writable by others, or no file is refused, not mended" {
	printf 'nonsense\n' >"$K"
	refused 'line 1: "nonsense": does not begin' --add-key "zcp-x25519 $(key 1) x"
	printf '# a\0b\n' >"$K"
	refused 'a NUL byte' --add-key "zcp-x25519 $(key 1) x"
	: >"$K"
	chmod 664 "$K"
	refused 'can be written by others' --add-key "zcp-x25519 $(key 1) x"
	rm "$K"
	ln -s nowhere "$K"
	run -1 zcpd --add-key "zcp-x25519 $(key 1) x"
	assert_output --partial "a link that leads nowhere" || assert_output --partial "leads nowhere"
	rm "$K"
	mkdir "$K"
	run -1 zcpd --add-key "zcp-x25519 $(key 1) x"
	assert_output --partial "not a regular file"
	rmdir "$K"
	mkfifo "$K"
	run -1 zcpd --add-key "zcp-x25519 $(key 1) x"
	assert_output --partial "not a regular file"
}
@test "authorized-keys = any: there is nothing to add to" {
	sed -i 's/^authorized-keys.*/authorized-keys = any/' "$C"
	run -1 zcpd --add-key "zcp-x25519 $(key 1) x"
	assert_output --partial "every client is let in already"
}
@test "a last line without an end gets one; owner, mode and links stay" {
	mkdir "$T/real"
	printf 'zcp-x25519 %s first' "$(key 1)" >"$T/real/keys"
	chmod 600 "$T/real/keys"
	ln -s real/keys "$K"
	run -0 zcpd --add-key "zcp-x25519 $(key 2) second"
	assert_link_exists "$K"
	assert_equal "$(cat "$T/real/keys")" "zcp-x25519 $(key 1) first"$'\n'"zcp-x25519 $(key 2) second"
	assert_equal "$(stat -c %a "$T/real/keys")" 600
	litter
}
@test "20 keys added side by side: all 20 lines are there, and the file is whole at every look" {
	local i pids=()
	for i in {1..20}; do
		zcpd --add-key "zcp-x25519 $(key "$i") k$i" >"$T/said.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	assert_equal "$(sort -u "$K" | wc -l)" 20
	assert_equal "$(wc -l <"$K")" 20
	run ! grep -vE '^zcp-x25519 [A-Za-z0-9+/]{43}= k[0-9]+$' "$K"
	litter
}
@test "10 exports added side by side: all are in a configuration that is right" {
	local i pids=()
	for i in {1..10}; do
		mkdir "$T/d$i"
		zcpd --add-export "$T/d$i" >"$T/said.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	assert_equal "$(grep -c '^export d[0-9]* {' "$C")" 10
	[ -e "$K" ] || : >"$K"
	run -0 zcpd --check-config
	litter
}
@test "--add-export: a section after the directory's name; read-only, or with --writable rw" {
	mkdir "$T/pub" "$T/in"
	run -0 zcpd --add-export "$T/pub"
	assert_output --partial "is the export pub now, read-only"
	run -0 zcpd --add-export "$T/in/../in/" --writable --name drop
	grep -qx "export drop {" "$C"
	grep -qxF "	path = '$T/in'" "$C"
	head -n 1 "$C" | grep -qx '# mine'
	[ -e "$K" ] || : >"$K"
	run -0 zcpd --check-config
	run -0 zcpd --add-export "$T/pub"
	assert_output --partial "is exported already"
	assert_equal "$(grep -c '^export pub' "$C")" 1
	refused "serves it already, with mode = ro" --add-export "$T/pub" --writable
	zcpd --add-key "$("$ZCP_BUILD/zcp" --public-key 2>/dev/null 3>&-)" --writable
	ZCPD_MODE="--config $C" zcpd_start
	echo new >"$T/new"
	run -0 zcp "$T/new" 127.0.0.1:drop/new
	cmp "$T/new" "$T/in/new"
}
@test "the same name twice gets a number; by --name it is refused" {
	mkdir -p "$T/a/data" "$T/b/data" "$T/c/data"
	zcpd --add-export "$T/a/data"
	zcpd --add-export "$T/b/data"
	grep -qx "export data-2 {" "$C"
	refused "is there already" --add-export "$T/c/data" --name data
}
@test "/ and the configuration's own directory take a --name; why a name got a number is said" {
	refused "everything on this machine; if that is meant, name it with --name NAME" --add-export /
	refused "zcpd's own configuration lies in it; if that is meant, name it with --name NAME" --add-export "$T"
	run -0 zcpd --add-export "$T" --name mine
	mkdir -p "$T/a/data" "$T/b/data"
	run -0 zcpd --add-export "$T/a/data"
	refute_output --partial "is taken by"
	assert_output --partial "zcpd reads it when it starts"
	run -0 zcpd --add-export "$T/b/data"
	assert_output --partial "is the export data-2 now"
	assert_output --partial "(data is taken by \"$T/a/data\"; another name is given with --name NAME)"
}
@test "paths of every kind that zcpd.conf can hold; the others are refused" {
	local odd=("sp ace" "quo'te" 'dou"ble' 'back\slash' 'end\' '${HOME}' '# no comment' 'ä€' '*' 'a{b}' "\\'" '%n' 'x=y') at
	for at in "${!odd[@]}"; do
		mkdir "$T/${odd[at]}"
		echo "${odd[at]}" >"$T/${odd[at]}/f"
		run -0 zcpd --add-export "$T/${odd[at]}" --name "e$at"
	done
	zcpd --add-key "$("$ZCP_BUILD/zcp" --public-key 2>/dev/null 3>&-)"
	ZCPD_MODE="--config $C" zcpd_start
	for at in "${!odd[@]}"; do
		run -0 zcp "127.0.0.1:e$at/f" "$T/got"
		assert_equal "$(cat "$T/got")" "${odd[at]}"
	done
	mkdir "$T/new"$'\n'"line" "$T/"$'\xff' "$T/esc"$'\033'
	refused "control characters, or not in UTF-8" --add-export "$T/new"$'\n'"line" --name x
	refused "control characters, or not in UTF-8" --add-export "$T/"$'\xff' --name x
	refused "control characters, or not in UTF-8" --add-export "$T/esc"$'\033' --name x
	mkdir "$T/no name"
	refused "give one with --name NAME" --add-export "$T/no name"
}
@test "what cannot be an export is refused" {
	: >"$T/file"
	refused "not a directory" --add-export "$T/file"
	refused "no such file" --add-export "$T/nothing"
	refused "the state directory" --add-export "$T/state"
	mkdir "$T/ok"
	refused "letters, digits" --add-export "$T/ok" --name "a/b"
	printf 'export x {\n' >>"$C"
	refused "line" --add-export "$T/ok"
}
@test "zcpd.conf as it was: mode and link stay, a last line without an end gets one" {
	mkdir "$T/real" "$T/pub"
	printf '%s' "$(cat "$C")" >"$T/real/c"
	rm "$C"
	ln -s real/c "$C"
	chmod 640 "$T/real/c"
	run -0 zcpd --add-export "$T/pub"
	assert_link_exists "$C"
	assert_equal "$(stat -c %a "$T/real/c")" 640
	[ -e "$K" ] || : >"$K"
	run -0 zcpd --check-config
	chmod 660 "$T/real/c"
	run -1 zcpd --add-export "$T/real" --name other
	assert_output --partial "can be written by others"
}
@test "a directory that the service's user cannot use: the setfacl lines, status 1; typed, they change that" {
	need_root
	sed -i '1a user = "nobody"' "$C"
	chmod 755 "$(dirname "$T")"
	mkdir -p "$T/pri'vate/sub/data"
	echo hello >"$T/pri'vate/sub/data/f"
	chmod 700 "$T/pri'vate" "$T/pri'vate/sub/data"
	local d=$T
	while [ "$d" != /tmp ] && [ "$d" != / ]; do chmod o+x "$d"; d=$(dirname "$d"); done
	refused "the user nobody cannot read" --add-export "$T/pri'vate/sub/data"
	assert_output --partial "setfacl -m u:nobody:x '$T/pri'\\''vate'"
	assert_output --partial "setfacl -R -m u:nobody:rX -m d:u:nobody:rX '$T/pri'\\''vate/sub/data'"
	refute_output --partial "x '$T/pri'\\''vate/sub'"
	grep -o 'setfacl .*' <<<"$output" >"$T/lines"
	setfacl -m u:nobody:x "$T" 2>/dev/null || skip "a file system without access control lists"
	bash -e "$T/lines"
	run -0 zcpd --add-export "$T/pri'vate/sub/data"
	refused "serves it already" --add-export "$T/pri'vate/sub/data" --writable
	mkdir "$T/in"
	refused "cannot store files in" --add-export "$T/in" --writable
	bash -ec "$(grep -o 'setfacl .*' <<<"$output")"
	run -0 zcpd --add-export "$T/in" --writable
	assert_equal "$(ls -A "$T/in")" ""
}
@test "the service's user owns the directory and its mode is in the way: chmod, for a list would not help; a home: a warning" {
	need_root
	sed -i '1a user = "nobody"' "$C"
	local d=$T
	while [ "$d" != /tmp ] && [ "$d" != / ]; do chmod o+x "$d"; d=$(dirname "$d"); done
	mkdir -p "$T/up/own"
	chown -R nobody "$T/up"
	chmod 600 "$T/up"
	chmod 300 "$T/up/own"
	refused "the user nobody cannot read" --add-export "$T/up/own"
	assert_output --partial "chmod u+x '$T/up'"
	assert_output --partial "chmod -R u+rX '$T/up/own'"
	refute_output --partial "setfacl"
	refute_output --partial "also what is private"
	bash -ec "$(grep -o 'chmod .*' <<<"$output")"
	run -0 zcpd --add-export "$T/up/own"
	# /root: where it is closed
	[ "$(stat -c %a /root)" != 700 ] || {
		refused "the user nobody cannot read" --add-export /root --name root
		assert_output --partial "this opens everything in it, also what is private in there"
	}
}
@test "a file in it that cannot be read: a warning with the line that changes it, and the export is added" {
	need_root
	sed -i '1a user = "nobody"' "$C"
	local d=$T
	while [ "$d" != /tmp ] && [ "$d" != / ]; do chmod o+x "$d"; d=$(dirname "$d"); done
	mkdir "$T/mixed"
	: >"$T/mixed/secret"
	chmod 600 "$T/mixed/secret"
	run -0 zcpd --add-export "$T/mixed"
	assert_output --partial 'cannot read "secret"'
	assert_output --partial "setfacl -R"
	grep -q "^export mixed {" "$C"
}
@test "a configuration that names another user is tried as that user, or not at all" {
	need_user
	sed -i '1a user = "root"' "$C"
	mkdir "$T/pub"
	refused "only as root" --add-export "$T/pub"
}
@test "the daemon that runs takes both over at once" {
	sed -i "s|^status-socket.*|status-socket = \"$T/status.sock\"|" "$C"
	mkdir "$T/pub"
	echo hello >"$T/pub/f"
	ZCPD_MODE="--config $C" zcpd_start --authorized-keys "$K"
	run -0 zcpd --add-key "$("$ZCP_BUILD/zcp" --public-key 2>/dev/null 3>&-)"
	assert_output --partial "(process $ZCPD) was told to reload"
	run -0 zcpd --add-export "$T/pub"
	assert_output --partial "was told to reload"
	wait_for_line "$T/zcpd.log" 'pub"?, read-only'
	run -0 zcp 127.0.0.1:pub/f "$T/got"
	cmp "$T/pub/f" "$T/got"
}
@test "a zcpd with --root that answers there is not ended by --add-key" {
	sed -i "s|^status-socket.*|status-socket = \"$T/status.sock\"|" "$C"
	zcpd_start --authorized-keys "$K.other" --status-socket "$T/status.sock"
	run -0 zcpd --add-key "zcp-x25519 $(key 1) anna"
	assert_output --partial "(process $ZCPD) serves --root: it reads no configuration"
	run -0 "$ZCP_BUILD/zcpd" --status --status-socket "$T/status.sock"
}
