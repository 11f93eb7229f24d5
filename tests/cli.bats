# cli.bats - what is typed: options, hosts, paths, keys. Every mistake is named, has its status, loses nothing and hangs nothing.
load helpers
setup() { T=$BATS_TEST_TMPDIR; OTHERS=(); }
teardown() {
	local p
	for p in "${OTHERS[@]}"; do kill "$p" 2>/dev/null || true; done
	zcpd_stop
}

# refuses STATUS WORDS ARG...: that status, those words, every line zcp's, nothing on standard output.
refuses() {
	local want=$1 words=$2
	shift 2
	run --separate-stderr zcp_raw "$@"
	# shellcheck disable=SC2154 # run sets them
	[ "$status" = "$want" ] || fail "zcp $*: status $status instead of $want: $stderr"
	[[ $stderr == *"$words"* ]] || fail "zcp $*: does not say '$words': $stderr"
	[ -z "$output" ] || fail "zcp $*: on standard output: $output"
	! grep -qv '^zcp: ' <<<"$stderr" || fail "zcp $*: a line that is not zcp's: $stderr"
}
# table STATUS: lines of "WORDS | ARG ARG..." from standard input
table() {
	local want=$1 words args line
	while IFS= read -r line; do
		[ -n "$line" ] || continue
		words=${line%% | *} args=${line#* | }
		# shellcheck disable=SC2086 # the arguments are words
		refuses "$want" "$words" $args
	done
}

@test "options that are none, numbers that are none, values that are none: status 1" {
	private_home
	cd "$T"
	table 1 <<-'E'
	--nope | --nope h:f .
	--nope | --nope=5 h:f .
	-! | -! h:f .
	missing argument | h:f . -P
	missing argument | h:f . --cipher
	'0' | -P 0 h:f .
	'70000' | -P 70000 h:f .
	'65536' | --port=65536 h:f .
	'22x' | -P 22x h:f .
	'0x16' | -P 0x16 h:f .
	'-1' | --port=-1 h:f .
	'' | --port= h:f .
	'99999999999999999999' | -P 99999999999999999999 h:f .
	'0' | --timeout=0 h:f .
	'1.5' | --timeout=1.5 h:f .
	'abc' | --contimeout=abc h:f .
	'maybe' | --integrity=maybe h:f .
	'rot13' | --cipher=rot13 h:f .
	'' | --cipher= h:f .
	'rot13' | --cipher=chacha20poly1305,rot13 h:f .
	'turbo' | --engine=turbo h:f .
	'turbo' | --engine=mmap,turbo h:f .
	'Cubic!' | --cc=Cubic! h:f .
	contradict | --encrypt --plaintext h:f .
	-4 and -6 contradict | -4 -6 h:f .
	-4 and -6 contradict | --ipv6 --ipv4 h:f .
	rsync's -P is --progress | -P /tmp/x h:f .
	rsync's -P is --progress | -P h:f .
	--bwlimit=1M is in bytes | -l 1M h:f .
	or zcpd takes the streams for dead | --bwlimit=3 h:f .
	whole numbers only | --bwlimit=1.5M h:f .
	to where | h:f
	not a key | --host-key=AAAA h:f .
	not a key | --host-key=SHA256:short h:f .
	not a key | --host-key= h:f .
	-j/--streams: '0x2' is not a number from 0 to 64 | -j 0x2 h:f .
	-j/--streams: '65' | -j 65 h:f .
	-j/--streams: '-1' | --streams=-1 h:f .
	missing argument | h:f . -j
	--retries: '-1' is not a number from 0 to 1000 | --retries=-1 h:f .
	--retries: '1001' | --retries=1001 h:f .
	--retries: '' | --retries= h:f .
	-F/--config | --config= h:f .
	not NAME | --forget-host=h:0
	not NAME | --forget-host=h:x
	not NAME | --forget-host=[::1
	E
	refuses 1 'nothing to copy'
	refuses 1 'nothing to copy' -r -v
}

@test "hosts and paths that are none: status 1, and 3 for paths that leave" {
	private_home
	cd "$T"
	table 1 <<-'E'
	no host is named | :f .
	no host name | me@:f .
	no host name | []:f .
	'-' | -- -h:f .
	']:' | [::1:f .
	']:' | [::1]f:x .
	not a host name | h!st:f .
	not a host name | a=b:f .
	host:path | h::module/f .
	zcp:// only | http://h/f .
	zcp:// only | scp://h/f .
	no host name | zcp:///f .
	port | zcp://h:0/f .
	port | zcp://h:65536/f .
	port | zcp://h:x/f .
	hexadecimal | zcp://h/%zz .
	hexadecimal | zcp://h/%00 .
	brackets | zcp://::1/f .
	two hosts | h:f i:g
	different hosts | h:f i:g .
	no host is named | h:f g .
	./- | h:f -
	./- | - h:f
	E
	refuses 1 'an empty name' '' .
	refuses 1 'an empty name' h:f ''
	refuses 1 'not a host name' $'a\nb:f' .
	refuses 1 'not a host name' $'a\e[31mb:f' .
	refuses 1 'not a host name' 'a b:f' .
	table 3 <<-'E'
	outside | h:.. .
	outside | h:../f .
	outside | h:/../f .
	outside | h:a/../../f .
	outside | zcp://h/%2e%2e/f .
	home | h:~ .
	home | h:~me/f .
	E
	refuses 1 'too long' "$(printf 'h%.0s' {1..300}):f" .
}

@test "what this version, scp or rsync would have: one sentence that names it, never ignored" {
	private_home
	cd "$T"
	local o
	for o in b c J o S D O s R T 1 2 3 h e f d L k K E g t U N W m M y; do
		refuses 1 "zcp: -$o: " "-$o" h:f .
		[ "$(wc -l <<<"$stderr")" = 1 ] || fail "-$o: $stderr"
	done
	for o in C z; do refuses 4 'does not compress' "-$o" h:f .; done
	for o in fsync \
		ssh delete-after inplace partial-dir append append-verify sparse chown owner group links copy-links rsync-path \
		mkpath log-file info itemize-changes backup whole-file remove-source-files; do
		refuses 1 "zcp: --$o: " "--$o" h:f .
		refuses 1 "zcp: --$o: " "--$o=3" h:f .
	done
	refuses 4 "zcp: --compress: zcp does not compress" --compress h:f .
	refuses 1 'zcp: -m: ' -rm h:f .
	refuses 4 'zcp: -z: ' -rvz h:f .
}

@test "what contradicts the engine or the check is taught before anything is connected: status 4" {
	private_home
	cd "$T"
	table 4 <<-'E'
	--engine=sendfile cannot send encrypted data | --engine=sendfile --encrypt h:f .
	libsodium never sees the bytes | --engine=splice --encrypt f h:
	--engine=mmap | --engine=sendfile --encrypt h:f .
	does not move bytes in this direction | --engine=mmap,sendfile h:f .
	measurements | --engine=null h:f .
	measurements | --engine=mmap,null h:f .
	cannot receive with --integrity=mac | --plaintext --engine=auto,splice h:f .
	cannot receive encrypted data | --encrypt --engine=auto,splice h:f .
	--plaintext | --integrity=none h:f .
	--plaintext | --integrity=none --encrypt h:f .
	one stream only | --plaintext --integrity=none -j 2 h:f .
	one stream only | -j64 --plaintext --integrity none h:f .
	E
}

@test "--integrity=none from an alias counts for nothing; aliases are read, what they would run is not" {
	private_home
	cd "$T"
	printf '%s\n' 'zcp alias --fast --plaintext --integrity=none' 'zcp alias --tree -r -v' "zcp exec --run touch $T/ran" >"$HOME/.popt"
	refuses 4 '--plaintext' --fast h:f .
	refuses 4 '--plaintext' --fast --plaintext h:f .
	run zcp_raw --run h:f .
	assert_failure
	assert_file_not_exists "$T/ran"
	zcpd_start
	mkdir "$ROOT/d"; echo x >"$ROOT/d/f"
	run -0 zcp --tree 127.0.0.1:d "$T/d"
	assert_file_exists "$T/d/f"
	# options by popt's aliases, hosts by their own file: one beside the other
	mkdir -p "$XDG_CONFIG_HOME/zcp"
	printf '%s\n' 'Host there' 'HostName 127.0.0.1' >"$XDG_CONFIG_HOME/zcp/config"
	run -0 zcp --tree there:d "$T/e"
	assert_file_exists "$T/e/f"
}

@test "--help and --version: on standard output, status 0" {
	private_home
	run --separate-stderr -0 zcp_raw --help
	[[ $output == usage:* ]]
	[ -z "$stderr" ]
	assert_output --partial '--accept-new'
	refute_output --partial '--compress'
	run --separate-stderr -0 zcp_raw --version
	[[ ${lines[0]} == "zcp "[0-9]* ]]
	[[ ${lines[1]} == "libsodium "[0-9]* ]]
	[ -z "$stderr" ]
	assert_output --partial chacha20poly1305
	assert_dir_not_exists "$XDG_CONFIG_HOME/zcp"
}

@test "sources that are missing here: 3, or 23 among others, and no connection for nothing" {
	private_home
	refuses 3 "$T/no: no such file" -P 1 "$T/no" 127.0.0.1:
	zcpd_start
	echo x >"$T/yes"
	run -23 zcp "$T/no" "$T/yes" 127.0.0.1:
	assert_output --partial "$T/no: no such file"
	assert_file_exists "$ROOT/yes"
	run -23 zcp 127.0.0.1:no 127.0.0.1:yes "$T"
	assert_output --partial "127.0.0.1:no: no such file"
}

@test "a source that is a FIFO, a socket or a device: a line, and nothing waits for it" {
	zcpd_start
	mkfifo "$T/fifo" "$ROOT/fifo"
	export ZCP_TIMEOUT=20
	run zcp "$T/fifo" 127.0.0.1:up
	assert_failure 23
	assert_output --partial "$T/fifo: not a regular file"
	run zcp 127.0.0.1:fifo "$T/down"
	assert_failure 23
	run zcp /dev/null 127.0.0.1:up
	assert_failure 23
	run -4 zcp "$T" 127.0.0.1:up
	assert_output --partial "$T: is a directory: copy it with -r"
	run -4 zcp 127.0.0.1: "$T/down"
	assert_file_not_exists "$ROOT/up"
	assert_file_not_exists "$T/down"
}

@test "identities: made once, 0600; others' keys, readable ones and nonsense are status 1, by name" {
	private_home
	run --separate-stderr -0 zcp_raw --public-key
	assert_equal "$(stat -c '%a %a' "$XDG_CONFIG_HOME/zcp/identity")" "600 600"
	assert_equal "$(stat -c %a "$XDG_CONFIG_HOME/zcp")" 700
	[[ $output =~ ^zcp-x25519\ [A-Za-z0-9+/]{43}=\ [A-Za-z0-9._@-]+$ ]] || fail "$output"
	local first=$output
	run --separate-stderr -0 zcp_raw --public-key
	assert_equal "$output" "$first"

	chmod 640 "$XDG_CONFIG_HOME/zcp/identity"
	refuses 1 'chmod 600' -P 1 127.0.0.1:f "$T/f"
	chmod 600 "$XDG_CONFIG_HOME/zcp/identity"
	echo nonsense >"$T/nokey"
	chmod 600 "$T/nokey"
	refuses 1 "$T/nokey: there is no zcp key" -i "$T/nokey" 127.0.0.1:f "$T/f"
	refuses 1 "$T/none: no such file" -i "$T/none" 127.0.0.1:f "$T/f"
	assert_file_not_exists "$T/none"
	refuses 1 "$T:" -i "$T" 127.0.0.1:f "$T/f"
	run -0 zcp_raw -i "$T/other" --public-key
	assert_file_exists "$T/other"
	refute [ "$output" = "$first" ]
	HOME=/dev/null XDG_CONFIG_HOME='' refuses 1 identity -P 1 127.0.0.1:f "$T/f"
}

@test "known hosts: refused in a script (41), remembered with --accept-new, changed is 42, and forgotten by name" {
	zcpd_start
	echo x >"$ROOT/f"
	local known=$XDG_CONFIG_HOME/zcp/known_hosts
	refuses 41 'nobody to ask' -P "$PORT" 127.0.0.1:f "$T/f"
	assert_file_not_exists "$known"
	refuses 41 'nobody to ask' -B -P "$PORT" 127.0.0.1:f "$T/f"
	run -0 zcp_raw -P "$PORT" --accept-new 127.0.0.1:f "$T/f"
	assert_output --partial 'new key remembered'
	run -0 zcp_raw -P "$PORT" 127.0.0.1:f "$T/f"
	refute_output
	grep -q "^127.0.0.1:$PORT zcp-x25519 $HOSTKEY\$" "$known"

	sed -i "s|$HOSTKEY|$(head -c 32 /dev/zero | tr '\0' 'x' | base64)|" "$known"
	cp "$known" "$T/before"
	refuses 42 "zcp --forget-host 127.0.0.1:$PORT" -P "$PORT" --accept-new 127.0.0.1:f "$T/f2"
	[[ $stderr == *"line 1"* && $stderr == *"$known"* ]] || fail "$stderr"
	cmp "$known" "$T/before"
	run -0 zcp_raw -P "$PORT" --host-key="$HOSTKEY" 127.0.0.1:f "$T/f3"
	cmp "$known" "$T/before"
	run -0 zcp_raw --forget-host "127.0.0.1:$PORT"
	run -3 zcp_raw --forget-host "127.0.0.1:$PORT"
	run -0 zcp_raw -P "$PORT" --accept-new 127.0.0.1:f "$T/f4"

	echo garbage >>"$known"
	refuses 41 'line 2' -P "$PORT" 127.0.0.1:f "$T/f5"
	sed -i 2d "$known"
	chmod 666 "$known"
	refuses 41 'chmod' -P "$PORT" 127.0.0.1:f "$T/f5"
	assert_file_not_exists "$T/f5"
	refuses 42 'not the one --host-key demands' -P "$PORT" --host-key="SHA256:$(printf 'A%.0s' {1..43})" 127.0.0.1:f "$T/f5"
	assert_file_not_exists "$T/f5"
}

@test "the question about a key: yes and the fingerprint are remembered, no is 41; the connection is not kept meanwhile" {
	zcpd_start
	echo x >"$ROOT/f"
	local fingerprint
	fingerprint=$("$ZCP_BUILD/zcpd" --state "$T/state" --public-key 3>&- | grep -o 'SHA256:[A-Za-z0-9+/]*')
	asked no
	assert_equal "$STATUS" 41
	assert_file_not_exists "$XDG_CONFIG_HOME/zcp/known_hosts"
	asked "${fingerprint%?}_"
	assert_equal "$STATUS" 41
	asked yes
	assert_equal "$STATUS" 0
	grep -qF "$fingerprint" "$T/asked"
	cmp "$ROOT/f" "$T/f"
	grep -q "^127.0.0.1:$PORT " "$XDG_CONFIG_HOME/zcp/known_hosts"
	rm "$XDG_CONFIG_HOME/zcp/known_hosts"
	asked "$fingerprint"
	assert_equal "$STATUS" 0
}
# asked ANSWER: zcp on a terminal of its own, answered when it asks. What it showed is in $T/asked, its status in STATUS.
asked() {
	STATUS=0
	/usr/bin/python3 - "$1" "$T/asked" "$ZCP_BUILD/zcp" -P "$PORT" 127.0.0.1:f "$T/f" <<-'P' 3>&- || STATUS=$?
	import os, pty, sys
	answer, log, prog = sys.argv[1], sys.argv[2], sys.argv[3:]
	pid, fd = pty.fork()
	if pid == 0:
	    os.execv(prog[0], prog)
	seen, sent = b'', False
	while True:
	    try:
	        piece = os.read(fd, 4096)
	    except OSError:
	        break
	    if not piece:
	        break
	    seen += piece
	    if b'fingerprint) ' in seen and not sent:
	        sent = True
	        os.write(fd, answer.encode() + b'\n')
	open(log, 'wb').write(seen)
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if sent else 99)
	P
}

@test "user@ is accepted, and says once that keys decide" {
	zcpd_start
	echo x >"$ROOT/f"
	run -0 zcp me@127.0.0.1:f "$T/f"
	assert_equal "$(grep -c 'user@' <<<"$output")" 1
	run -0 zcp -q me@127.0.0.1:f "$T/f"
	refute_output
}

@test "names of one file: host:, zcp://, with slashes, dots and percent signs" {
	zcpd_start
	mkdir "$ROOT/d"
	echo content >"$ROOT/d/sp ace*"
	local n out=0
	for n in "127.0.0.1:d/sp ace*" "127.0.0.1:/d//./sp ace*" "127.0.0.1:x/../d/sp ace*" "zcp://127.0.0.1:$PORT/d/sp%20ace%2A" '127.0.0.1:d/sp ace\*' \
		"127.0.0.1:d/sp*"; do
		run -0 zcp "$n" "$T/out.$((++out))"
		cmp "$ROOT/d/sp ace*" "$T/out.$out" || fail "$n"
	done
	run -0 zcp "$T/out.1" "zcp://127.0.0.1:$PORT/up%2aload"
	assert_file_exists "$ROOT/up*load"
	echo local >"$T/a:b"
	cd "$T"
	run -0 zcp ./a:b 127.0.0.1:
	assert_file_exists "$ROOT/a:b"
}

@test "patterns: matched here, component by component; a literal name wins; none is 3" {
	zcpd_start
	mkdir -p "$ROOT/one" "$ROOT/two" "$ROOT/.hid"
	touch "$ROOT"/one/{a.c,b.c,c.h,.d.c} "$ROOT"/two/{e.c,'*.c'} "$ROOT/.hid/f.c" "$ROOT/g.c"
	mkdir "$T/x"
	run -0 zcp '127.0.0.1:one/*.c' "$T/x"
	assert_equal "$(ls -A "$T/x" | tr '\n' ' ')" "a.c b.c "
	rm "$T"/x/*
	run -0 zcp '127.0.0.1:*/[be].c' '127.0.0.1:one/.*.c' '127.0.0.1:o?e/c.h' "$T/x"
	assert_equal "$(ls -A "$T/x" | tr '\n' ' ')" ".d.c b.c c.h e.c "
	rm "$T"/x/* "$T"/x/.d.c
	run -0 zcp '127.0.0.1:two/*.c' "$T/x"
	assert_equal "$(ls -A "$T/x")" '*.c'
	rm "$T"/x/*
	run -0 zcp -r '127.0.0.1:[ot][nw][eo]' "$T/x"
	assert_equal "$(ls -A "$T/x" | tr '\n' ' ')" "one two "
	run -3 zcp '127.0.0.1:*.nothing' "$T/x"
	assert_output --partial '*.nothing'
	run -3 zcp '127.0.0.1:nowhere/*' "$T/x"
	run -1 zcp '127.0.0.1:one/*.c' "$T/new"
	assert_file_not_exists "$T/new"
}

@test "a signal: 20, and nothing under a final name; what came stays for the same command, with --no-resume nothing does" {
	zcpd_start
	fallocate -l 4G "$ROOT/big"
	mkdir "$T/out"
	local how st
	for how in --resume --no-resume; do
		"$ZCP_BUILD/zcp" "$how" --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:big "$T/out/" 2>"$T/err" 3>&- &
		OTHERS+=($!)
		wait_for_aside "$T/out"
		kill -TERM $!
		st=0
		wait $! || st=$?
		assert_equal "$st" 20
		if [ "$how" = --resume ]; then grep -q '^zcp: interrupted: the same command goes on from here$' "$T/err"
		else grep -q '^zcp: interrupted: files that were not complete have been removed$' "$T/err"; fi
		assert_file_not_exists "$T/out/big"
		[ "$how" = --no-resume ] || [ "$(find "$T/out" -name '.zcp-*' | wc -l)" = 2 ]
	done
	assert_equal "$(ls -A "$T/out")" ''
}
# until something is written below the directory (inotify)
wait_for_aside() {
	/usr/bin/python3 - "$1" <<-'P' 3>&-
	import ctypes, os, select, sys
	libc = ctypes.CDLL(None, use_errno=True)
	fd = libc.inotify_init1(0)
	libc.inotify_add_watch(fd, os.fsencode(sys.argv[1]), 2)         # IN_MODIFY
	sys.exit(0 if select.select([fd], [], [], 30)[0] else 1)
	P
}

@test "a peer that speaks something else, or nothing: named, its status, in time" {
	private_home
	local key
	key=$(head -c 32 /dev/zero | base64)
	fake http "s.sendall(b'HTTP/1.1 400 Bad Request\\r\\n\\r\\n')"
	refuses 2 "127.0.0.1:$FAKE does not speak zcp: it said 'HTTP/1.1" -P "$FAKE" --host-key="$key" 127.0.0.1:f "$T/f"
	fake ssh "s.sendall(b'SSH-2.0-OpenSSH_9.2p1 Debian\\r\\n')"
	refuses 2 "it said 'SSH-2.0-Open" -P "$FAKE" --host-key="$key" 127.0.0.1:f "$T/f"
	fake closed "s.close()"
	refuses 10 'closed the connection' -P "$FAKE" --host-key="$key" 127.0.0.1:f "$T/f"
	fake silent "kept.append(s)"
	refuses 30 'said nothing for 2 s' --contimeout=1 --timeout=2 -P "$FAKE" --host-key="$key" 127.0.0.1:f "$T/f"
	fake control "s.sendall(b'\\x1b[31m evil')"
	refuses 2 '\x1b[31m' -P "$FAKE" --host-key="$key" 127.0.0.1:f "$T/f"
	refuses 10 'connection refused' -P 1 --host-key="$key" 127.0.0.1:f "$T/f"
	refuses 10 'has no address' --host-key="$key" no-such-host.invalid:f "$T/f"
	assert_file_not_exists "$T/f"
}
# fake NAME PYTHON: a listener on loopback; its port in FAKE
fake() {
	mkfifo "$T/fake.$1"
	/usr/bin/python3 - "$T/fake.$1" >/dev/null 2>"$T/fake.err" 3>&- 4>&- <<-P &
	import socket, sys
	l = socket.create_server(('127.0.0.1', 0))
	open(sys.argv[1], 'w').write('%d\n' % l.getsockname()[1])
	kept = []
	while True:
	    s, _ = l.accept()
	    $2
	P
	OTHERS+=($!)
	read -r FAKE <"$T/fake.$1"
}
