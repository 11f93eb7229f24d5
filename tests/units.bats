# units.bats - what make install brings, judged without booting anything: the unit's score and spelling, a socket and a service manager's
# datagrams handed to zcpd. tests/service.bats has a real systemd.
load helpers
setup()    { private_home; variant=(); case $ZCP_BUILD in *-san*) variant+=(SAN=1) ;; esac; case $ZCP_BUILD in *-sys*) variant+=(SODIUM=system) ;; esac; }
teardown() { [ -z "${MANAGED:-}" ] || kill "$MANAGED" 2>/dev/null || :; zcpd_stop; }
mk() { env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES make --no-print-directory -s -C "$ZCP_TOP" "${variant[@]}" "$@" 3>&-; }
UNITS=usr/lib/systemd/system

@test "make install puts every file where it belongs, and no other" {
	mk install DESTDIR="$T/d" PREFIX=/usr
	local m want
	want=$(
		printf '%s\n' etc/zcp/authorized_keys etc/zcp/zcpd.conf usr/bin/zcp usr/sbin/zcpd $UNITS/zcpd.service $UNITS/zcpd.socket \
			usr/lib/sysusers.d/zcpd.conf usr/lib/tmpfiles.d/zcpd.conf usr/share/bash-completion/completions/{zcp,zcpd} \
			usr/share/zsh/vendor-completions/_zcp usr/share/fish/vendor_completions.d/{zcp,zcpd}.fish
		for m in "$ZCP_TOP"/man/*.[1-8]; do printf 'usr/share/man/man%s/%s\n' "${m##*.}" "${m##*/}"; done
	)
	assert_equal "$(cd "$T/d" && find . -type f -printf '%P\n' | sort)" "$(sort <<<"$want")"
	run grep -rIl '@[A-Z]*@' "$T/d"
	assert_output ""
	assert_file_contains "$T/d/$UNITS/zcpd.service" '^ExecStart=/usr/sbin/zcpd --config /etc/zcp/zcpd.conf$'
	run find "$T/d" -type f -perm /022
	assert_output ""
}

@test "another PREFIX and another SYSCONFDIR: units where systemd looks, and with the right paths" {
	mk install DESTDIR="$T/d" PREFIX=/opt/zcp SYSCONFDIR=/usr/local/etc
	assert_file_contains "$T/d/etc/systemd/system/zcpd.service" '^ExecStart=/opt/zcp/sbin/zcpd --config /usr/local/etc/zcp/zcpd.conf$'
	assert_file_contains "$T/d/usr/local/etc/zcp/zcpd.conf" '^authorized-keys = "/usr/local/etc/zcp/authorized_keys"$'
	mk install DESTDIR="$T/e"
	assert_exists "$T/e/usr/local/lib/systemd/system/zcpd.service"
	assert_exists "$T/e/usr/local/lib/sysusers.d/zcpd.conf"
	assert_exists "$T/e/etc/zcp/zcpd.conf"
}

@test "completions are where Debian's shells look for them, below /usr and /usr/local" {
	local prefix
	mk install DESTDIR="$T/usr" PREFIX=/usr
	mk install DESTDIR="$T/usr/local"
	zsh -fc 'print -rl -- $fpath' >"$T/zsh" 3>&-
	env -u XDG_DATA_DIRS fish -c 'string join \n $fish_complete_path' >"$T/fish" 3>&-
	for prefix in usr usr/local; do
		(cd "$T/$prefix" && find . -name _zcp -printf '/%h\n') | sed 's|^/\.||' | grep -qxFf "$T/zsh" || fail "$prefix: zsh does not look there: $(cat "$T/zsh")"
		(cd "$T/$prefix" && find . -name zcp.fish -printf '/%h\n') | sed 's|^/\.||' | grep -qxFf "$T/fish" || fail "$prefix: fish does not look there: $(cat "$T/fish")"
	done
}

@test "a configuration and keys that are there stay as they are, make uninstall leaves them, too" {
	mkdir -p "$T/d/etc/zcp"
	echo "# mine" >"$T/d/etc/zcp/zcpd.conf"
	echo "# keys of mine" >"$T/d/etc/zcp/authorized_keys"
	mk install DESTDIR="$T/d" PREFIX=/usr
	mk install DESTDIR="$T/d" PREFIX=/usr
	assert_equal "$(cat "$T/d/etc/zcp/zcpd.conf" "$T/d/etc/zcp/authorized_keys")" $'# mine\n# keys of mine'
	mk uninstall DESTDIR="$T/d" PREFIX=/usr
	assert_equal "$(cd "$T/d" && find . -type f -printf '%P\n' | sort)" $'etc/zcp/authorized_keys\netc/zcp/zcpd.conf'
}

@test "the unit's exposure is at most 1.3" {
	mk install DESTDIR="$T/d" PREFIX=/usr
	cd "$T/d/$UNITS"
	run systemd-analyze security --offline=yes --threshold=13 zcpd.service
	assert_success
	assert_output --regexp 'Overall exposure level for zcpd.service: (0\.[0-9]|1\.[0-3]) '
	run ! systemd-analyze security --offline=yes --threshold=9 zcpd.service
	# the measure can fail: the same unit without one of its lines
	sed -i '/^PrivateUsers=/d' zcpd.service
	run ! systemd-analyze security --offline=yes --threshold=13 zcpd.service
}

# verify: systemd reads both units and knows every word in them. It looks up the program, so that is this build's.
verify() {
	mk install DESTDIR="$T/d" PREFIX=/usr
	cd "$T/d/$UNITS"
	sed -i "s|/usr/sbin/zcpd|$ZCP_BUILD/zcpd|; s|^Documentation=.*||; $1" zcpd.service zcpd.socket
	run systemd-analyze verify --recursive-errors=yes --man=no ./zcpd.service ./zcpd.socket
}
@test "systemd knows every word of the units" {
	verify ''
	assert_success
	refute_output --partial zcpd
}
@test "a word that systemd does not know would be noticed" {
	verify 's/^ProtectSystem=/ProtectSytem=/'
	assert_failure
	assert_output --partial "Unknown key 'ProtectSytem'"
}

@test "the unit says what the issue of trust needs it to say" {
	local unit=$ZCP_TOP/dist/zcpd.service line
	for line in Type=notify NotifyAccess=main User=zcpd KillMode=mixed Restart=on-failure OOMPolicy=continue ProtectSystem=strict ProtectHome=read-only \
		ReadWritePaths=-/srv/zcp StateDirectory=zcpd RuntimeDirectory=zcpd Sockets=zcpd.socket NoNewPrivileges=yes CapabilityBoundingSet= \
		LoadCredential=host_key:zcpd.host_key Also=zcpd.socket LimitCORE=0 StartLimitIntervalSec=0 RestartSec=1; do
		grep -qxF -- "$line" "$unit" || fail "no line $line"
	done
	# each of the three Landlock calls by name, and no second look at what the streams need: openat2
	for line in landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp; do
		grep -qE "^SystemCallFilter=([a-z_]+ )*$line( |\$)" "$unit" || fail "no $line"
	done
	run ! grep -E '^RestrictSUIDSGID=' "$unit"
	# longer than the drain that zcpd.conf shows as its default
	local stop drain
	stop=$(sed -n 's/^TimeoutStopSec=//p' "$unit")
	drain=$(sed -n 's/^#drain-timeout = //p' "$ZCP_TOP/dist/zcpd.conf")
	[ "$stop" -gt $((drain + 5)) ] || fail "TimeoutStopSec=$stop, drain-timeout $drain"
	grep -qxF 'ListenStream=7722' "$ZCP_TOP/dist/zcpd.socket"
	grep -qxF 'Accept=no' "$ZCP_TOP/dist/zcpd.socket"
	grep -qxF 'TriggerLimitIntervalSec=0' "$ZCP_TOP/dist/zcpd.socket"
}

# manager COMMAND ARG...: a service manager's side of sd_notify(3): runs COMMAND with a socket to tell, and writes what it is told, one datagram
# a line, to T/told. MANAGED is the command's process.
manager() {
	mkfifo "$T/pid"
	/usr/bin/python3 - "$T" "$@" >"$T/manager.out" 2>&1 3>&- 4>&- <<-'P' &
	import os, socket, subprocess, sys, threading
	top, command = sys.argv[1], sys.argv[2:]
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(top + '/notify')
	told = open(top + '/told', 'wb', buffering=0)
	env = dict(os.environ, NOTIFY_SOCKET=top + '/notify', WATCHDOG_USEC='400000')
	log = open(top + '/zcpd.log', 'ab')
	p = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
	threading.Thread(target=lambda: (p.wait(), s.sendto(b'', top + '/notify')), daemon=True).start()
	open(top + '/pid', 'w').write('%d\n' % p.pid)
	while True:
	    words = s.recv(65536)
	    if not words and p.poll() is not None:
	        break
	    told.write(b'|'.join(words.strip().split(b'\n')) + b'\n')
	sys.exit(p.returncode)
	P
	MANAGER=$!
	read -r -t 20 MANAGED <>"$T/pid" || fail "nothing was started: $(cat "$T/manager.out")"
}

@test "a service manager is told: READY and STATUS, RELOADING with the time, WATCHDOG, STOPPING; it ends with 0" {
	local t0 t1 t2 status=0
	mkdir -p "$T/r"
	printf 'listen = {"127.0.0.1:0"}\nstate = "%s"\nstatus-socket = none\nexport r {\n\tpath = "%s"\n}\n' "$T/state" "$T/r" >"$T/conf"
	t0=$(/usr/bin/python3 -c 'import time; print(time.monotonic_ns() // 1000)')
	manager "$ZCP_BUILD/zcpd" --config "$T/conf"
	wait_for_line "$T/told" '(^|\|)READY=1(\||$)'
	wait_for_line "$T/told" '(^|\|)STATUS=.*0 streams'
	wait_for_line "$T/told" '(^|\|)WATCHDOG=1'
	kill -HUP "$MANAGED"
	wait_for_line "$T/told" '(^|\|)RELOADING=1\|MONOTONIC_USEC=[0-9]+'
	wait_for_line "$T/zcpd.log" 'reloaded'
	t1=$(sed -nE 's/.*MONOTONIC_USEC=([0-9]+).*/\1/p' "$T/told" | head -n 1)
	t2=$(/usr/bin/python3 -c 'import time; print(time.monotonic_ns() // 1000)')
	[ "$t0" -le "$t1" ] && [ "$t1" -le "$t2" ] || fail "$t0, $t1, $t2"
	/usr/bin/python3 - "$T/told" <<-'P' || fail "no READY after RELOADING: $(cat "$T/told")"
	import re, sys
	lines = open(sys.argv[1]).read()
	sys.exit(0 if re.search(r'RELOADING=1(.|\n)*READY=1', lines) else 1)
	P
	kill -TERM "$MANAGED"
	wait "$MANAGER" || status=$?
	MANAGED=
	assert_equal "$status" 0
	assert_file_contains "$T/told" 'STOPPING=1'
}

@test "a service manager that cannot be reached is said once, and zcpd serves" {
	local where
	for where in /nowhere/notify "$T/x" nonsense @ ''; do
		rm -rf "$T/port" "$T/zcpd.log" "$T/root"
		NOTIFY_SOCKET=$where zcpd_start
		echo hi >"$ROOT/f"
		zcp "$URL/f" "$T/f"
		[ -z "$where" ] || assert_equal "$(grep -c NOTIFY_SOCKET "$T/zcpd.log")" 1
		zcpd_stop
	done
}

@test "systemd-socket-activate: the socket is taken over, --listen is not used" {
	private_home
	mkdir -p "$T/root"
	echo hello >"$T/root/f"
	"$ZCP_BUILD/zcp" --public-key >/dev/null 2>&1 3>&-
	HOSTKEY=$("$ZCP_BUILD/zcpd" --state "$T/state" --public-key 2>/dev/null 3>&- | sed -n 's/^zcp-x25519 \([^ ]*\).*/\1/p')
	# it takes no port 0: a free one, and another should somebody be faster
	local try
	for try in 1 2 3 4 5; do
		PORT=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
		systemd-socket-activate -l "127.0.0.1:$PORT" --fdname=zcp -E HOME -E XDG_CONFIG_HOME -E XDG_STATE_HOME -E ASAN_OPTIONS -E UBSAN_OPTIONS \
			"$ZCP_BUILD/zcpd" --root "$T/root" --state "$T/state" --listen 127.0.0.1:1 >"$T/zcpd.log" 2>&1 </dev/null 3>&- 4>&- &
		ZCPD=$!
		wait_for_line "$T/zcpd.log" 'Listening on|Failed to'
		grep -q 'Failed to' "$T/zcpd.log" || break
		echo "try $try: $(cat "$T/zcpd.log")"
	done
	assert_equal "$(cat "/proc/$ZCPD/comm")" systemd-socket-
	zcp "zcp://127.0.0.1:$PORT/f" "$T/f"
	cmp "$T/root/f" "$T/f"
	assert_equal "$(cat "/proc/$ZCPD/comm")" zcpd
	assert_file_contains "$T/zcpd.log" "listening on 127.0.0.1:$PORT"
	run grep -c 'listening on' "$T/zcpd.log"
	assert_output 1
}

@test "a mistake in the file while somebody waits at a socket handed over: he gets 46, and zcpd ends with 1" {
	private_home
	echo 'nonsense = 1' >"$T/conf"
	"$ZCP_BUILD/zcp" --public-key >/dev/null 2>&1 3>&-
	# two clients wait before zcpd is there; a third one has gone already
	run -0 timeout 60 /usr/bin/python3 - "$ZCP_BUILD" "$T/conf" "$T/f" 3>&- 4>&- <<-'P'
	import os, socket, subprocess, sys
	build, conf, f = sys.argv[1:]
	s = socket.create_server(('127.0.0.1', 0))
	port = s.getsockname()[1]
	socket.create_connection(('127.0.0.1', port)).close()
	zcp = [subprocess.Popen([build + '/zcp', '--accept-new', '-P', str(port), '127.0.0.1:f', f], stderr=subprocess.PIPE, text=True) for _ in range(2)]
	silent = socket.create_connection(('127.0.0.1', port))
	def waiting():
	    # the listening socket's queue: ss(8), Recv-Q
	    for line in open('/proc/net/tcp'):
	        w = line.split()
	        if w[1] == '0100007F:%04X' % port and w[3] == '0A':
	            return int(w[4].split(':')[1], 16)
	while waiting() < 4:
	    os.sched_yield()
	def hand_over():
	    os.dup2(s.fileno(), 3)
	    os.set_inheritable(3, True)
	    os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
	pid = os.fork()
	if pid == 0:
	    hand_over()
	    os.execv(build + '/zcpd', ['zcpd', '--config', conf])
	for z in zcp:
	    err = z.communicate(timeout=30)[1]
	    assert z.returncode == 46, (z.returncode, err)
	assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
	assert waiting() == 0
	assert len(silent.recv(100)) == 16
	P
	assert_output --partial 'nonsense'
	assert_output --partial 'clients were told to come back later'
}

@test "a descriptor that is no listening socket is refused by its number, status 1 or 10" {
	mkdir -p "$T/r"
	run timeout 20 bash -c 'exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"' _ "$ZCP_BUILD/zcpd" --root "$T/r" --state "$T/state" 3>&-
	[ "$status" = 1 ] || [ "$status" = 10 ]
	assert_output --partial 'descriptor 3'
}

@test "the host key from \$CREDENTIALS_DIRECTORY, when it is there; a bad one is refused, none is made there" {
	mkdir -m 700 "$T/cred" "$T/none"
	"$ZCP_BUILD/zcpd" --state "$T/made" --public-key >"$T/want" 2>/dev/null 3>&-
	install -m 400 "$T/made/host_key" "$T/cred/host_key"
	CREDENTIALS_DIRECTORY=$T/cred run -0 --separate-stderr "$ZCP_BUILD/zcpd" --state "$T/state" --public-key 3>&-
	assert_equal "$output" "$(cat "$T/want")"
	assert_not_exists "$T/state/host_key"
	# the directory is there for other credentials, or is not there at all
	local dir
	for dir in "$T/none" "$T/nowhere"; do
		CREDENTIALS_DIRECTORY=$dir run -0 "$ZCP_BUILD/zcpd" --state "$T/state" --public-key 3>&-
		assert_exists "$T/state/host_key"
		assert_not_exists "$dir/host_key"
	done
	# its directory is closed: the file's group bits are an ACL's mask where systemd lets the service read by one
	chmod 440 "$T/cred/host_key"
	CREDENTIALS_DIRECTORY=$T/cred run -0 --separate-stderr "$ZCP_BUILD/zcpd" --state "$T/state" --public-key 3>&-
	assert_equal "$output" "$(cat "$T/want")"
	chmod 600 "$T/cred/host_key"
	echo nonsense >"$T/cred/host_key"
	CREDENTIALS_DIRECTORY=$T/cred run -1 "$ZCP_BUILD/zcpd" --state "$T/state" --public-key 3>&-
	assert_output --partial 'is not a host key'
	assert_equal "$(cat "$T/cred/host_key")" nonsense
}
