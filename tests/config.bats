# config.bats - zcpd.conf and --check-config: what is served, and every mistake an administrator can make, with its message and status.
load helpers
setup()    { private_home; umask 022; mkdir -p "$T/a" "$T/b"; C=$T/zcpd.conf; }
teardown() { zcpd_stop; }

zcpd() { timeout -k 5 20 "$ZCP_BUILD/zcpd" "$@" 3>&- 4>&-; }
check() { zcpd --check-config --config "$C" --state "$T/state" "$@"; }
conf() { printf '%s\n' "$@" >"$C"; }
# refused WORDS [ARG...]: --check-config has status 1 and says so; a daemon with it does not start, and says the same.
refused() {
	local words=$1
	shift
	run -1 check "$@"
	assert_output --partial "$words"
	refute_output --partial ": ok,"
	run -1 zcpd --config "$C" --state "$T/state" --listen 127.0.0.1:0 "$@"
	assert_output --partial "$words"
	refute_output --partial "listening on"
}
# usage WORDS ARG...: status 1, and this sentence.
usage() {
	local words=$1
	shift
	run -1 zcpd "$@"
	assert_output --partial "$words"
}
my_key() { "$ZCP_BUILD/zcp" --public-key 2>/dev/null 3>&- | head -n 1 | cut -d' ' -f1,2; }
keys() { mkdir -p -m 700 "$T/state"; printf '%s\n' "$@" >"$T/state/authorized_keys"; }

@test "--check-config counts exports and keys, and makes nothing" {
	conf "export a { path = \"$T/a\" }" "export b { path = \"$T/b\" mode = rw }"
	run -0 --separate-stderr check
	assert_output "$C: ok, 2 exports, 0 keys"
	[[ $stderr == *"nobody would be let in"* ]]
	assert_not_exists "$T/state"
	keys "$(my_key) anna write" "zcp-x25519 $(printf 'A%.0s' {1..42})E= bert"
	run -0 --separate-stderr check
	assert_output "$C: ok, 2 exports, 2 keys"
	[ -z "$stderr" ] || fail "$stderr"
	assert_equal "$(ls -A "$T/state")" authorized_keys
	conf "authorized-keys = any" "export a { path = \"$T/a\" }"
	run -0 check
	assert_output "$C: ok, 1 export, any key"
	conf ""
	run -0 check
	assert_output "$C: ok, 0 exports, 2 keys"
}

@test "what a file says is served: exports by their prefixes, the longest of whole components, ro and rw" {
	zcp_raw --public-key >/dev/null 2>&1
	keys "$(my_key) anna write"
	mkdir -p "$T/a/old" "$T/b"
	echo outer >"$T/a/f"; echo hidden >"$T/a/old/f"; echo inner >"$T/b/f"
	conf "export data { path = \"$T/a\" mode = rw }" "export older { prefix = data/old path = \"$T/b\" }"
	ZCPD_MODE="--config $C" zcpd_start
	zcp -q 127.0.0.1:data/f "$T/1"
	zcp -q 127.0.0.1:data/old/f "$T/2"
	assert_equal "$(cat "$T/1" "$T/2")" $'outer\ninner'
	zcp -q "$T/1" 127.0.0.1:data/new
	assert_equal "$(cat "$T/a/new")" outer
	run zcp -q "$T/1" 127.0.0.1:data/old/new
	assert_failure
	assert_not_exists "$T/b/new"
	run -3 zcp -q 127.0.0.1:database/f "$T/3"
	run -3 zcp -q 127.0.0.1:f "$T/3"
}

@test "a directory's contents with -a into an export: its own directory keeps mode and times, and that is no failure" {
	zcp_raw --public-key >/dev/null 2>&1
	keys "$(my_key) anna write"
	mkdir -p "$T/a" "$T/src/d"
	echo f >"$T/src/d/f"
	chmod 750 "$T/src"; chmod 755 "$T/a"
	conf "export data { path = \"$T/a\" mode = rw }"
	ZCPD_MODE="--config $C" zcpd_start
	run -0 zcp -a "$T/src/." 127.0.0.1:data
	assert_equal "$(cat "$T/a/d/f") $(stat -c %a "$T/a")" "f 755"
	echo d/f >"$T/list"
	run -0 zcp -a --files-from="$T/list" "$T/src" 127.0.0.1:data
}

@test "an empty file, comments alone: nothing is served, and that is no mistake" {
	conf "# nothing" ""
	run -0 check
	assert_output --partial "ok, 0 exports"
}

@test "the configuration that is shipped is right, with its comments and with what they show" {
	[ -f "$ZCP_TOP/dist/zcpd.conf" ] || fail "dist/zcpd.conf is not there"
	sed "s|@[A-Z]*@|$T|g" "$ZCP_TOP/dist/zcpd.conf" >"$C"
	mkdir -p "$T/zcp"
	my_key >"$T/zcp/authorized_keys"
	run -0 check
	assert_output --partial "ok, 0 exports, 1 key"
	# "#key = value" lines as if the # were not there, but for what names this system's own users, networks and directories
	sed -E 's/^#([a-z}\t].*)$/\1/' "$C" | grep -vE '^(user|state|host-key|ciphers|status-socket) ' | sed "s|/srv/pub|$T/a|; s/mode = ro/mode = rw/" >"$C.shown"
	[ "$(grep -cE '^.?[a-z-]+ = ' "$C.shown")" -gt 20 ] || fail "it shows too little"
	C=$C.shown run -0 check
	assert_output --partial "ok, 1 export, 1 key"
}

@test "mistakes are said with file, line and word, all of them" {
	conf "streams = many" "" "integrity = maybe" "export a { path = \"$T/a\"" "mode = w }"
	refused "\"$C\" line 1: streams = \"many\": must be 1 to 1024"
	assert_output --partial "\"$C\" line 3: integrity = \"maybe\": must be mac or none"
	assert_output --partial "\"$C\" line 5: mode = \"w\": must be ro or rw"
}

@test "a path that does not exist, or is not a directory" {
	: >"$T/file"
	conf "export a { path = \"$T/a\" }" "export n {" "path = \"$T/nowhere\"" "}" "export f { path = \"$T/file\" }"
	refused "\"$C\" line 3: path = \"$T/nowhere\" of export \"n\": no such file or directory"
	assert_output --partial "line 5: path = \"$T/file\" of export \"f\": not a directory"
}

@test "unknown keys and sections, keys in the wrong place, keys and exports that stand twice" {
	conf "" "lisen = :1"
	refused "line 2: no such option 'lisen'"
	conf "exports a { }"
	refused "no such option 'exports'"
	conf "export a { path = \"$T/a\"" "streams = 1 }"
	refused "line 2: no such option 'streams'"
	conf "streams = 1" "streams = 2"
	refused "line 2: \"streams\" stands twice, first in line 1"
	conf "export a { path = \"$T/a\" }" "export a { path = \"$T/b\" }"
	refused "line 2: found duplicate title 'a'"
	conf "export a { path = \"$T/a\" }" "export b { prefix = /a/ path = \"$T/b\" }"
	refused "line 2: the prefix \"a\" is that of export \"a\", too (line 1)"
	conf "export a { path = \"$T/a\"" "allow-write = anna }"
	refused "line 2: allow-write in export \"a\", which is read-only"
	conf "export a { }"
	refused "line 1: export \"a\" has no path"
	for i in {1..65}; do echo "export e$i { path = / }"; done >"$C"
	refused "line 65: more than 64 exports"
}

@test "values out of their range, one of each kind" {
	local line
	for line in "stall-timeout = 0" "streams = 1025" "drain-timeout = -1" "greeting-timeout = 10s" "listen = 7722" "metrics = 0.0.0.0:9" \
		"metrics = 192.0.2.1:9722" "plaintext-from = 10.0.0.0/33" "penalty-exempt = nobody" "max-startups = 10:30" "max-startups = 20:30:10" \
		"ciphers = rot13" "log-level = loud" "state = here" "transfer-log = here" "status-socket = here" "authorized-keys = here" "user = \"\""; do
		conf "# one" "$line"
		refused "\"$C\" line 2: ${line%% =*} = "
	done
	for line in "max-bytes = 1.5G" "bwlimit = 1000" "bwlimit = 15K" "fsync = maybe" "plaintext-from = x" "prefix = a/../b" "allow = \"a b\""; do
		conf "export a { path = \"$T/a\"" "$line }"
		refused "\"$C\" line 2: ${line%% =*} = "
	done
	conf "streams = 10" "streams-per-key = 11"
	refused "line 2: streams-per-key = 11: more than streams, which is 10"
	conf "user = no-such-user-here"
	refused "line 1: user = \"no-such-user-here\": there is no such user"
}

@test "files that are damaged, half written, or from elsewhere" {
	printf 'streams = 1\r\nlisten = :1\r\n' >"$C"
	refused "line 1: the line ends in CR LF"
	printf 'streams = 1\nstate = /x\0y\n' >"$C"
	refused "line 2: a NUL byte"
	printf 'export a {\npath = %s\n' "$T/a" >"$C"
	refused "line 1: a { that is not closed before the end of the file"
	printf 'streams = 1\nstate = "/var/lib' >"$C"
	refused "line 2: a \" that is not closed before the end of the file"
	printf '/* the rest is lost\nstreams = 1\n' >"$C"
	refused "line 1: \"*\""
	printf '\033[2J = 1\n' >"$C"
	refused '"\x1b"'
	head -c 4096 /dev/urandom >"$C"
	refused "\"$C\""
}

@test "libConfuse's own includes, functions and variables are closed" {
	conf "streams = 7"
	mv "$C" "$T/other"
	conf "include(\"$T/other\")"
	refused 'line 1: "(": nothing is called and nothing included'
	conf "include { \"$T/other\" }"
	refused "no such option 'include'"
	conf "state = \"\${HOME}\""
	refused 'line 1: "${": variables are not expanded'
	conf "state = \${HOME}"
	refused 'line 1: "$": variables are not expanded'
	conf "state = ~root"
	refused 'state = "~root": must be an absolute path'
	mkdir "$T/\${HOME}"
	conf "export a { path = '$T/\${HOME}' }"
	run -0 check
}

@test "a file that is none, that others may write, or that is too large" {
	rm -f "$C"
	refused "\"$C\": no such file or directory"
	mkdir "$C"
	refused "a directory, not a file"
	rmdir "$C"
	mkfifo "$C"
	refused "not a regular file"
	rm "$C"
	ln -s /dev/zero "$C"
	refused "not a regular file"
	rm "$C"
	truncate -s 1G "$C"
	refused "larger than 1 MiB"
	truncate -s 1048577 "$C"
	refused "larger than 1 MiB"
	conf ""
	local mode
	for mode in 664 646 666; do
		chmod "$mode" "$C"
		refused "can be written by others"
	done
}

@test "a file of another user is refused" {
	need_root
	conf ""
	chown 65534 "$C"
	refused "belongs to another user"
}

@test "wrong modes and owners of keys and state are found without a start" {
	conf "export a { path = \"$T/a\" }"
	"$ZCP_BUILD/zcpd" --public-key --state "$T/state" >/dev/null 2>&1 3>&-
	chmod 644 "$T/state/host_key"
	refused 'host_key" can be read or written by others'
	chmod 600 "$T/state/host_key"
	echo nonsense >"$T/state/host_key"
	refused 'is not a host key'
	rm "$T/state/host_key"
	keys "nonsense"
	run -1 check
	assert_output --partial "authorized_keys\" line 1:"
	keys "$(my_key) anna"
	chmod 666 "$T/state/authorized_keys"
	run -1 check
	assert_output --partial "can be written by others"
	rm "$T/state/authorized_keys"
	chmod 777 "$T/state"
	run -1 check
	assert_output --partial "can be written by others"
	chmod 700 "$T/state"
	conf "authorized-keys = \"$T/nowhere\"" "export a { path = \"$T/a\" }"
	run -1 check
	assert_output --partial "\"$T/nowhere\": no such file or directory"
	conf "export s { path = \"$T/state\" }"
	refused "lies in the state directory"
}

@test "root looks with the eyes of the user, and of the state directory's owner where none is named" {
	need_root
	as_user true            # the way to $T is open to others from here on
	"$ZCP_BUILD/zcpd" --public-key --state "$T/state" >/dev/null 2>&1 3>&-
	keys "$(my_key) anna"
	chown -R 65534:65534 "$T/state"
	chmod 700 "$T/a"
	conf "export a { path = \"$T/a\" }"
	run -0 check
	assert_output --partial "export \"a\": its directory \"$T/a\" cannot be read by the user $(id -un 65534): permission denied"
	assert_output --partial "setfacl -R -m u:$(id -un 65534):rX -m d:u:$(id -un 65534):rX '$T/a'"
	assert_output --partial "ok, 1 export, 1 key"
	chmod 755 "$T/a"
	run -0 check
	assert_output "$C: ok, 1 export, 1 key"
	conf "user = root" "export a { path = \"$T/a\" }"
	run -1 check
	assert_output --partial "the state directory \"$T/state\" belongs to another user"
	chown -R 0:0 "$T/state"
	conf "user = nobody" "export a { path = \"$T/a\" }"
	run -1 check
	assert_output --partial "state/host_key\": permission denied"
}

@test "--public-key with a configuration prints the key of its daemon, and makes none" {
	conf "state = \"$T/state\"" "export a { path = \"$T/a\" }"
	run -1 --separate-stderr zcpd --config "$C" --public-key
	assert_output ""
	[[ $stderr == *"\"$T/state/host_key\" is made at the first start"* ]] || fail "$stderr"
	assert_not_exists "$T/state"
	"$ZCP_BUILD/zcpd" --state "$T/state" --public-key >"$T/want" 2>/dev/null 3>&-
	run -0 --separate-stderr zcpd --config "$C" --public-key
	assert_equal "$output" "$(cat "$T/want")"
	conf "state = \"$T/state\"" "host-key = \"$T/other/key\""
	run -1 zcpd --config "$C" --public-key
	assert_output --partial "other/key\" is made at the first start"
	assert_not_exists "$T/other"
	chmod 644 "$T/state/host_key"
	conf "state = \"$T/state\""
	run -1 zcpd --config "$C" --public-key
	assert_output --partial "chmod 600"
	assert_not_exists "$XDG_STATE_HOME"
}

@test "--check-config finds a transfer log, a status socket and a metrics address that the daemon could not have, and makes none of them" {
	keys "$(my_key) anna"
	conf "transfer-log = \"$T/no/log\"" "export a { path = \"$T/a\" }"
	refused "\"$T/no/log\": no such file or directory"
	conf "transfer-log = \"$T/a\"" "export a { path = \"$T/a\" }"
	refused "\"$T/a\": is a directory"
	mkfifo "$T/fifo"
	conf "transfer-log = \"$T/fifo\"" "export a { path = \"$T/a\" }"
	refused "\"$T/fifo\": "
	conf "status-socket = \"$T/no/sock\"" "export a { path = \"$T/a\" }"
	run -1 check
	assert_output --partial "status-socket = \"$T/no/sock\": no such file or directory"
	conf "status-socket = \"$C\"" "export a { path = \"$T/a\" }"
	run -1 check
	assert_output --partial "something that is no socket stands there"
	conf "metrics = \"unix:$T/no/sock\"" "export a { path = \"$T/a\" }"
	run -1 check
	assert_output --partial "metrics = \"unix:$T/no/sock\": no such file or directory"
	conf "transfer-log = \"$T/a/log\"" "status-socket = \"$T/a/sock\"" "metrics = \"unix:$T/a/m\"" "export a { path = \"$T/a\" }"
	run -0 check
	assert_output "$C: ok, 1 export, 1 key"
	assert_equal "$(ls -A "$T/a")" ""
}

@test "--check-config as root looks at the transfer log with the user's eyes" {
	need_root
	as_user true
	keys "$(my_key) anna"
	chown -R 65534:65534 "$T/state"
	mkdir -m 755 "$T/logs"
	conf "transfer-log = \"$T/logs/log\"" "export a { path = \"$T/a\" }"
	run -1 check
	assert_output --partial "transfer-log = \"$T/logs/log\": permission denied"
	: >"$T/logs/log"
	run -1 check
	assert_output --partial "permission denied"
	chown 65534 "$T/logs/log"
	run -0 check
}

@test "--check-config: a metrics address that something else has is a mistake, the running zcpd's is not" {
	zcp_raw --public-key >/dev/null 2>&1
	keys "$(my_key) anna"
	local taken own
	coproc TAKEN { exec /usr/bin/python3 -u -c '
import socket
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])
while True:
    c = s.accept()[0]; c.recv(100); c.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello"); c.close()' 3>&- 4>&-; }
	read -r -t 20 taken <&"${TAKEN[0]}"
	conf "metrics = \"127.0.0.1:$taken\"" "export a { path = \"$T/a\" }"
	run -1 check
	kill "$TAKEN_PID"
	assert_output --partial "metrics = \"127.0.0.1:$taken\": address already in use, by something that is no zcpd"
	# what was free a moment ago, for a zcpd with metrics and a status socket that runs
	wait "$TAKEN_PID" 2>/dev/null || :
	conf "metrics = \"127.0.0.1:$taken\"" "status-socket = \"$T/sock\"" "export a { path = \"$T/a\" }"
	ZCPD_MODE="--config $C" zcpd_start
	run -0 check
	assert_output "$C: ok, 1 export, 1 key"
}

@test "--check-config: no key in the file, and a file with keys that is not the one that is read" {
	keys "$(my_key) anna"
	printf '# none yet\n' >"$T/other"
	conf "authorized-keys = \"$T/other\"" "export a { path = \"$T/a\" }"
	run -0 check
	assert_output --partial "nobody would be let in: there is no key in \"$T/other\""
	assert_output --partial "\"$T/state/authorized_keys\" is not read: authorized-keys is \"$T/other\""
	conf "authorized-keys = \"$T/state/authorized_keys\"" "export a { path = \"$T/a\" }"
	run -0 check
	assert_output "$C: ok, 1 export, 1 key"
}

@test "--check-config: a keys file that the user cannot read: who, and the lines that change it" {
	need_root
	as_user true
	mkdir -p -m 700 "$T/state" "$T/closed"
	chown -R 65534:65534 "$T/state"
	printf '%s\n' "$(my_key) anna" >"$T/closed/keys"
	chmod 600 "$T/closed/keys"
	conf "authorized-keys = \"$T/closed/keys\"" "export a { path = \"$T/a\" }"
	run -1 check
	assert_output --partial "the user $(id -un 65534) cannot read it"
	assert_output --partial "setfacl -m u:$(id -un 65534):x '$T/closed'"
	assert_output --partial "setfacl -m u:$(id -un 65534):r '$T/closed/keys'"
	refute_output --partial "'$T'"
}

@test "user = another one, checked or started as an ordinary user: both fail, with file and line" {
	need_user
	conf "user = root" "export a { path = \"$T/a\" }"
	run -1 check
	assert_output --partial "line 1: user = \"root\": zcpd was started as another user, and only root can change it"
	run -1 zcpd --config "$C" --state "$T/state"
	assert_output --partial "only root can change it"
}

@test "a blank in a value, a list without braces, a network with host bits, an argument for --config: what is wanted is said" {
	conf "export a {" "path = $T/a" "bwlimit = 4 M }"
	refused "line 3: \"M\" behind a value: one with a blank stands in quotes"
	conf "export a {" "path = /srv/my files" "}"
	refused "line 2: \"files\" behind a value: one with a blank stands in quotes"
	conf "listen = 127.0.0.1:1, 127.0.0.1:2"
	refused "line 1: \",\": a list stands in braces: {A, B}"
	conf "plaintext-from = 10.1.2.3/8"
	refused "line 1: plaintext-from = \"10.1.2.3/8\": must be a network, whose bits behind the / are 0"
	usage "its bits behind the / are not 0" --root "$T/a" --plaintext-from 10.1.2.3/8
	usage "a configuration is named by --config FILE" --check-config "$C"
	conf "authorized-keys = any log-level = warn export a { path = \"$T/a\" mode = ro }"
	run -0 check
}

@test "names that one file mentions and the other lacks are warnings" {
	keys "$(my_key) anna export=a export=gone"
	conf "export a { path = \"$T/a\" mode = rw allow = {anna, bert} allow-write = carl }"
	run -0 check
	assert_output --partial 'line 1: export "a": allow names "bert", and no key is called so'
	assert_output --partial 'export "a": allow-write names "carl", and no key is called so'
	assert_output --partial 'line 1: export=gone, and no export is called so'
	refute_output --partial 'export=a,'
	refute_output --partial '"anna"'
}

@test "words on the command line win over the file's" {
	keys "$(my_key) anna"
	conf "listen = \"192.0.2.1:1\"" "state = /nowhere" "export a { path = \"$T/a\" }"
	ZCPD_MODE="--config $C" zcpd_start
	echo x >"$T/a/f"
	zcp -q 127.0.0.1:a/f "$T/f"
}

@test "--integrity=mac wins over integrity = none of the file, also at a reload" {
	keys "$(my_key) anna"
	conf "integrity = none" "plaintext-from = 127.0.0.0/8" "status-socket = none" "export a { path = \"$T/a\" }"
	echo x >"$T/a/f"
	ZCPD_MODE="--config $C" zcpd_start --integrity=mac
	run -4 zcp --plaintext --integrity=none 127.0.0.1:a/f "$T/f"
	assert_output --partial "zcpd does not allow --integrity=none"
	kill -HUP "$ZCPD"
	wait_for_line "$T/zcpd.log" ': reloaded$'
	run -4 zcp --plaintext --integrity=none 127.0.0.1:a/f "$T/f"
	run -0 zcp --plaintext 127.0.0.1:a/f "$T/f"
}

@test "every key let in, and an export that may be written: --check-config warns, off loopback it does not start" {
	conf "authorized-keys = any" "export a { path = \"$T/a\" mode = rw }"
	run -0 check
	assert_output --partial 'authorized-keys = any with mode = rw in export "a"'
	run -1 zcpd --config "$C" --state "$T/state" --listen :0
	assert_output --partial "authorized-keys = any with mode = rw in an export, and not on a loopback address"
	conf "authorized-keys = any" "export a { path = \"$T/a\" }"
	run -0 check
	assert_output "$C: ok, 1 export, any key"
}

@test "options that do not go together: 1, and which" {
	conf ""
	usage "nothing to serve: name a directory with --root DIR, or a configuration with --config FILE"
	usage "nothing to serve" --writable
	usage "--root and --config" --root "$T" --config "$C"
	usage "--writable goes with --root; in the configuration an export says mode = rw" --config "$C" --writable
	usage "--config: needs a value" --config ""
	usage "--config: given twice" --config "$C" --config "$C"
	usage "--json goes with --status" --config "$C" --json
	usage "--json goes with --status" --check-config --json
	usage "--name goes with --add-key and --add-export" --config "$C" --name x
	usage "--status: one task at a time" --check-config --status
	usage "--add-key: one task at a time" --add-export "$T" --add-key x
	usage "--add-key: needs a value" --add-key ""
	usage "--add-export: needs a value" --add-export ""
	usage "--name: needs a value" --add-export "$T" --name ""
	usage "--status-socket: needs a value" --root "$T" --status-socket ""
	usage "--status-socket: given twice" --root "$T" --status-socket a --status-socket b
	usage "--root serves a directory" --root "$T" --check-config
	usage "--root serves a directory" --root "$T" --status
	usage "--writable goes with" --check-config --writable
	usage "--port-file goes with serving" --check-config --config "$C" --port-file "$T/p"
	usage "--check-config" --check-config=yes
}

@test "integrity none without a network is told, also from a file" {
	conf "integrity = none"
	run -0 check
	assert_output --partial "integrity none allows nothing by itself"
	conf "integrity = none" "plaintext-from = 127.0.0.1"
	run -0 check
	refute_output --partial "allows nothing"
	conf "integrity = none" "export a { path = \"$T/a\" plaintext-from = 127.0.0.1 }"
	run -0 check
	refute_output --partial "allows nothing"
}
