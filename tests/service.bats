# service.bats - zcpd under a real systemd: started by its socket, reloaded, drained, watched, confined. Each test boots a system of its own
# (tests/beds/nspawn, half a second), installs this tree into it as `make install` does, and looks at what is really in force.
load helpers
setup() {
	T=$BATS_TEST_TMPDIR
	need_root
	! is_san || skip "the service has a system call filter, a sanitizer's build has none"
	case $ZCP_BUILD in *-sys*) skip "the units are the same with either libsodium" ;; esac
}

# bed <SCRIPT: the script runs as root in a new system, after tests/beds/inside.bash; every line of it must succeed.
bed() {
	mkdir -p "$T/payload" "$T/out"
	{ cat "$ZCP_TOP/tests/beds/inside.bash"; cat; } >"$T/payload/script"
	local rc=0
	"$ZCP_TOP/tests/beds/nspawn" "$T/payload/script" "$T/out" 150 >"$T/said" 2>&1 3>&- 4>&- || rc=$?
	[ $rc = 0 ] || fail "status $rc: $(tail -n 40 "$T/said"; echo '-- journal:'; grep -E 'zcpd|zcp\[' "$T/out/journal" | tail -n 40)"
}

# readme: the lines of README's "As a service", those that begin with the prompt $1 ("# " the server's root, "$ " a client)
readme() {
	awk '/^## As a service/ { on = 1; next } /^## / { on = 0 } on' "$ZCP_TOP/README.md" | sed -n "s/^    $1 //p"
}

@test "from make install to a first copy: the lines that README prints, in under a minute" {
	[ "$(readme '#' | wc -l)" -ge 4 ] && [ "$(readme '[$]' | wc -l)" -ge 3 ] || fail "README has not the lines"
	# LINE is what the client's first command prints; the server's name is this machine's; the tree is built already
	{
		cat <<-'S'
			began=$SECONDS
			echo '127.0.0.1 server' >>/etc/hosts
			mkdir -p /tmp/c
			cd /tmp/c
			echo 'notes' >notes.txt
			mkdir -p /usr/share/doc
		S
		echo 'cd $TREE'
		readme '#' | sed -n '1p' | sed 's/$/ >\/tmp\/install 2>\&1/'
		cat <<-'S'
			grep -F 'nothing has been started' /tmp/install
			[ "$(systemctl is-active zcpd.socket zcpd.service | tr '\n' ' ')" = 'inactive inactive ' ]
			cd /tmp/c
		S
		readme '#' | sed -n '2p'
		cat <<-'S'
			# it answers, and serves nothing until told: refused, status 40
			[ "$(systemctl is-active zcpd.service)" = inactive ]
			rc=0; zcp --accept-new notes.txt server: 2>/tmp/err || rc=$?
			[ $rc = 40 ] || fail "status $rc: $(cat /tmp/err)"
			[ "$(systemctl is-active zcpd.service)" = active ]
		S
		echo "LINE=\$($(readme '[$]' | sed -n '1p'))"
		readme '#' | sed -n '3,4p' | sed "s/'zcp-x25519 [^']*'/\"\$LINE write\"/"
		readme '[$]' | sed -n '2,$p' | sed 's/^zcp /zcp --accept-new /'
		cat <<-'S'
			cmp notes.txt back.txt
			[ $((SECONDS - began)) -lt 60 ]
		S
		readme '#' | sed -n '5,$p'
	} >"$T/lines"
	bed <"$T/lines"
}

@test "systemctl status shows what it does; the socket starts it; README's status command answers root" {
	bed <<-'S'
		served 'metrics = "127.0.0.1:9722"'
		[ "$(systemctl is-active zcpd.service)" = inactive ]
		random /srv/zcp/big 64
		held zcp/big
		[ "$(systemctl is-active zcpd.service)" = active ]
		becomes 'Status: ".*1 stream' systemctl status zcpd.service
		systemctl show -P StatusText zcpd.service | grep -E '1 stream'
		zcpd --status | tee /tmp/status | grep -F zcp/big || grep -F big /tmp/status
		zcpd --status --json | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); assert "big" in json.dumps(d), d'
		[ "$(stat -c '%U %a' /run/zcpd/status.sock)" = 'zcpd 660' ]
		/usr/bin/python3 - <<-'P'
			import urllib.request
			text = urllib.request.urlopen('http://127.0.0.1:9722/metrics', timeout=20).read().decode()
			assert text.endswith('# EOF\n') and 'zcp_' in text, text
		P
		let_go /srv/zcp/big
		becomes '^0 streams' systemctl show -P StatusText zcpd.service
		[ "$(systemctl show -P NRestarts zcpd.service)" = 0 ]
		copy '[::1]:zcp/big' /tmp/six
		cmp /tmp/six /srv/zcp/big
	S
}

@test "reload: a good configuration is taken over, a wrong one makes it fail and the old one stays; a transfer does not notice" {
	bed <<-'S'
		served
		random /srv/zcp/big 64
		mkdir /srv/more
		echo more >/srv/more/f
		held zcp/big
		pid=$(main_pid)
		printf 'export more {\n\tpath = "/srv/more"\n}\n' >>$CONF
		systemctl reload zcpd.service
		until_true copy 127.0.0.1:more/f /tmp/f
		cmp /tmp/f /srv/more/f

		cp $CONF /tmp/good
		printf 'export broken {\n\tpaht = "/srv/more"\n}\n' >>$CONF
		not systemctl reload zcpd.service
		seen 'zcpd.conf.*line [0-9]+.*paht'
		[ "$(systemctl is-active zcpd.service)" = active ]
		copy 127.0.0.1:more/f /tmp/f2
		# and where nothing checks before
		kill -HUP "$pid"
		seen 'zcpd.conf.*line [0-9]+.*paht.*'
		becomes 'ubState=running' systemctl show -p SubState zcpd.service
		copy 127.0.0.1:more/f /tmp/f3
		cp /tmp/good $CONF
		sed -i '/^export more/,$d' $CONF
		systemctl reload zcpd.service
		gone() { ! copy 127.0.0.1:more/f /tmp/f4 2>/dev/null; }
		until_true gone
		[ "$(main_pid)" = "$pid" ]
		let_go /srv/zcp/big
	S
}

@test "reload fails, and says which, where the transfer log, the status socket or the metrics address cannot be had by the unit" {
	bed <<-'S'
		served
		echo hello >/srv/zcp/f
		copy 127.0.0.1:zcp/f /tmp/f
		pid=$(main_pid)
		cp $CONF /tmp/good
		for line in 'transfer-log = "/var/log/zcpd.log"' 'transfer-log = "/nowhere/log"' 'status-socket = "/run/other/status.sock"' 'metrics = "unix:/etc/zcp/m"'; do
			{ echo "$line"; cat /tmp/good; } >$CONF
			not systemctl reload zcpd.service
			seen "${line%% *} = .*${line##*= \"}: "
			[ "$(systemctl is-active zcpd.service)" = active ]
		done
		# a daemon that is not asked by the check says it itself
		kill -HUP "$pid"
		seen 'not reloaded, the old configuration holds: metrics = "unix:/etc/zcp/m": '
		# right ones, and once more with all of them held by the daemon itself
		{ printf '%s\n' 'transfer-log = "/var/lib/zcpd/log"' 'status-socket = "/run/zcpd/s.sock"' 'metrics = "127.0.0.1:9722"'; cat /tmp/good; } >$CONF
		systemctl reload zcpd.service
		until_true test -S /run/zcpd/s.sock
		systemctl reload zcpd.service
		zcpd --check-config 2>/tmp/err
		[ ! -s /tmp/err ]
		[ "$(main_pid)" = "$pid" ]
	S
}

@test "a key that is taken away: its stream ends at its next request after a reload, and new ones are refused" {
	bed <<-'S'
		served
		echo hello >/srv/zcp/f
		mkfifo /tmp/up /tmp/go
		/usr/bin/python3 - >/tmp/peer 2>&1 <<-'P' &
			import os
			import opening
			from client import Client
			c = Client.connect(7722, opening.key_load('/tmp/home/.config/zcp/identity'), want='sealed')
			c.stat(b'zcp/f')
			open('/tmp/up', 'w').write('up\n')
			open('/tmp/go').read()
			try:
			    c.stat(b'zcp/f')
			    print('still served')
			except Exception as e:
			    print('ended:', repr(e))
		P
		peer=$!
		read -r _ </tmp/up
		sed -i 's/^zcp-x25519.*//' $KEYS
		systemctl reload zcpd.service
		seen '^(zcpd: )?reloaded'
		echo >/tmp/go
		wait $peer
		grep ended /tmp/peer || fail "$(cat /tmp/peer)"
		rc=0; copy 127.0.0.1:zcp/f /tmp/f || rc=$?
		[ $rc = 40 ] || fail "status $rc"
	S
}

@test "stop lets a transfer finish; the port stays systemd's" {
	bed <<-'S'
		served
		random /srv/zcp/big 64
		held zcp/big
		systemctl stop --no-block zcpd.service
		becomes deactivating systemctl is-active zcpd.service
		seen 'draining, 1 stream'
		let_go /srv/zcp/big
		becomes inactive systemctl is-active zcpd.service
		[ "$(systemctl show -P Result zcpd.service)" = success ]
		[ "$(systemctl is-active zcpd.socket)" = active ]
		copy 127.0.0.1:zcp/big /tmp/big
		cmp /tmp/big /srv/zcp/big
	S
}

@test "stop ends a transfer that stands still when drain-timeout is over, cleanly, and the client says so" {
	bed <<-'S'
		served 'drain-timeout = 1'
		random /srv/zcp/big 64
		held zcp/big
		systemctl stop zcpd.service
		[ "$(systemctl show -P Result zcpd.service)" = success ]
		[ "$(systemctl show -P ExecMainStatus zcpd.service)" = 0 ]
		not pgrep -x zcpd
		rc=0; let_go /srv/zcp/big || rc=$?
		[ $rc != 0 ] && [ $rc != 124 ] || fail "status $rc"
	S
}

@test "restart refuses no client: one that comes during the drain waits and is served" {
	bed <<-'S'
		served
		random /srv/zcp/big 64
		echo hello >/srv/zcp/f
		copy 127.0.0.1:zcp/f /tmp/first
		old=$(main_pid)
		held zcp/big
		systemctl restart --no-block zcpd.service
		seen 'draining, 1 stream'
		zcp --accept-new -q 127.0.0.1:zcp/f /tmp/waited & waiting=$!
		queued() { ss -ltnH 'sport = :7722' | grep -qE '^LISTEN +[1-9]'; }
		until_true queued
		[ ! -e /tmp/waited ]
		kill -0 $waiting
		let_go /srv/zcp/big
		wait $waiting
		cmp /tmp/waited /srv/zcp/f
		[ "$(main_pid)" != "$old" ]

		# and under a client that never stops asking
		(
			while [ ! -e /tmp/enough ]; do
				rc=0; copy 127.0.0.1:zcp/f /tmp/loop 2>>/tmp/loop.err || rc=$?
				echo $rc >>/tmp/statuses
			done
		) & loop=$!
		count() { [ "$(wc -l </tmp/statuses)" -ge "$1" ]; }
		for round in 1 2 3; do
			systemctl restart zcpd.service
			until_true count $((round * 5))
			systemctl reset-failed zcpd.service
		done
		: >/tmp/enough
		wait $loop
		[ "$(sort -u /tmp/statuses)" = 0 ] || fail "$(sort /tmp/statuses | uniq -c) $(cat /tmp/loop.err)"
		[ "$(systemctl show -P NRestarts zcpd.service)" = 0 ]
	S
}

@test "a listener that hangs is noticed by the watchdog and started anew" {
	bed <<-'S'
		served
		drop_in zcpd.service '[Service]\nWatchdogSec=1'
		echo hello >/srv/zcp/f
		copy 127.0.0.1:zcp/f /tmp/f
		old=$(main_pid)
		kill -STOP "$old"
		seen 'Watchdog timeout' -u zcpd.service -u init.scope
		again() { [ "$(systemctl show -P NRestarts zcpd.service)" -ge 1 ] && [ "$(systemctl is-active zcpd.service)" = active ]; }
		until_true again
		[ "$(main_pid)" != "$old" ]
		copy 127.0.0.1:zcp/f /tmp/g
		cmp /tmp/g /srv/zcp/f
	S
}

@test "killed, or crashed: started anew; a mistake in the configuration at the start: not, and the journal says what" {
	bed <<-'S'
		served
		echo hello >/srv/zcp/f
		copy 127.0.0.1:zcp/f /tmp/f
		for sig in KILL SEGV; do
			old=$(main_pid) before=$(systemctl show -P NRestarts zcpd.service)
			kill -$sig "$old"
			again() { [ "$(systemctl show -P NRestarts zcpd.service)" -gt "$before" ] && [ "$(systemctl is-active zcpd.service)" = active ]; }
			until_true again
			copy 127.0.0.1:zcp/f /tmp/f.$sig
			cmp /tmp/f.$sig /srv/zcp/f
		done
		# a stream's crash is one stream's
		random /srv/zcp/big 64
		held zcp/big
		pid=$(main_pid)
		kill -SEGV "$(stream_pid)"
		not let_go /srv/zcp/big
		seen 'executed anew after a crash'
		copy 127.0.0.1:zcp/f /tmp/after
		[ "$(main_pid)" = "$pid" ]

		systemctl stop zcpd.socket zcpd.service
		echo 'nonsense = 1' >>$CONF
		not systemctl start zcpd.service
		seen 'zcpd.conf.*line [0-9]+.*nonsense'
		[ "$(systemctl show -P NRestarts zcpd.service)" -le 2 ]
		[ "$(systemctl show -P ExecMainStatus zcpd.service)" = 1 ]
		[ "$(systemctl is-active zcpd.service)" = failed ] || [ "$(systemctl is-failed zcpd.service)" = failed ]
	S
}

@test "a mistake in the file and clients who keep coming: each gets 46, and when the file is right the next one is served, with nothing reset" {
	bed <<-'S'
		served
		echo hello >/srv/zcp/f
		copy 127.0.0.1:zcp/f /tmp/f
		cp $CONF /tmp/good
		echo 'nonsense = 1' >>$CONF
		not systemctl restart zcpd.service
		for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
			rc=0; copy 127.0.0.1:zcp/f /tmp/refused 2>/tmp/err || rc=$?
			[ $rc = 46 ] || fail "client $i: status $rc: $(cat /tmp/err)"
		done
		seen 'zcpd.conf.*line [0-9]+.*nonsense'
		seen '1 client was told to come back later'
		[ "$(systemctl is-active zcpd.socket)" = active ]
		cp /tmp/good $CONF
		copy 127.0.0.1:zcp/f /tmp/again
		cmp /tmp/again /srv/zcp/f
		[ "$(systemctl is-active zcpd.service)" = active ]
	S
}

@test "zcpd --public-key as root prints the service's key and makes none; another user makes no wrong one" {
	bed <<-'S'
		installed
		configured
		rc=0; zcpd --public-key >/tmp/out 2>/tmp/err || rc=$?
		[ $rc = 1 ] && [ ! -s /tmp/out ] || fail "status $rc: $(cat /tmp/out /tmp/err)"
		grep -F '/var/lib/zcpd/host_key" is made at the first start' /tmp/err
		not ls /var/lib/zcpd/host_key
		systemctl -q enable --now zcpd.socket
		echo hello >/srv/zcp/f
		copy 127.0.0.1:zcp/f /tmp/f
		zcpd --public-key >/tmp/out 2>/tmp/err || fail "$(cat /tmp/err)"
		[ ! -s /tmp/err ]
		seen "host key $(sed '1d; s/[+]/[+]/g' /tmp/out)"
		timeout 60 zcp -q --host-key="$(sed -n 's/^zcp-x25519 //p' /tmp/out)" 127.0.0.1:zcp/f /tmp/g
		rc=0; setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp/nobody zcpd --public-key >/tmp/out 2>/tmp/err || rc=$?
		[ $rc = 1 ] && [ ! -s /tmp/out ] || fail "status $rc: $(cat /tmp/out /tmp/err)"
		grep -F "only root and the service's user may read it" /tmp/err
		not ls -d /tmp/nobody
		# the credential that the unit brings goes first
		install -d -m 700 /etc/credstore
		zcpd --state /tmp/made --public-key >/tmp/want 2>/dev/null
		install -m 600 /tmp/made/host_key /etc/credstore/zcpd.host_key
		zcpd --public-key >/tmp/out
		cmp /tmp/out /tmp/want
		systemctl restart zcpd.service
		seen "host key $(sed '1d; s/[+]/[+]/g' /tmp/want)"
		# without a configuration: one's own, and it says whose that is not
		mv $CONF $CONF.away
		install -d -o 65534 /tmp/no3
		setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp/no3 zcpd --public-key >/tmp/out 2>/tmp/err
		grep -F 'made a new host key' /tmp/err
		grep -F "zcpd --config $CONF --public-key prints that of zcpd.service" /tmp/err
	S
}

@test "the host key as a credential: used when it is there, and never written to the state directory" {
	bed <<-'S'
		installed
		configured
		mkdir -p /etc/credstore
		key=$(umask 077; zcpd --state /tmp/made --public-key 2>/dev/null | sed -n 's/^zcp-x25519 \([^ ]*\).*/\1/p')
		install -m 600 /tmp/made/host_key /etc/credstore/zcpd.host_key
		systemctl -q enable --now zcpd.socket
		echo hello >/srv/zcp/f
		timeout 60 zcp -q --host-key="$key" 127.0.0.1:zcp/f /tmp/f
		[ ! -e /var/lib/zcpd/host_key ]
		# a credential that is no key: it does not start, and does not make another
		systemctl stop zcpd.socket zcpd.service
		echo nonsense >/etc/credstore/zcpd.host_key
		not systemctl start zcpd.service
		seen 'host_key.*is not a host key'
		[ ! -e /var/lib/zcpd/host_key ]
		# without one: its own, made once
		rm /etc/credstore/zcpd.host_key
		systemctl reset-failed zcpd.service zcpd.socket
		systemctl start zcpd.socket
		rc=0; timeout 60 zcp -q --host-key="$key" 127.0.0.1:zcp/f /tmp/g || rc=$?
		[ $rc = 41 ] || [ $rc = 42 ] || fail "status $rc"
		[ "$(stat -c '%U %a' /var/lib/zcpd/host_key)" = 'zcpd 600' ]
	S
}

@test "the sandbox in force, read from inside: user, capabilities, filters, no new privileges, Landlock's ABI, limits" {
	bed <<-'S'
		served
		random /srv/zcp/big 64
		held zcp/big
		main=$(main_pid) stream=$(stream_pid) uid=$(id -u zcpd)
		[ -n "$stream" ]
		[ "$stream" != "$main" ]
		field() { awk -v f="$2:" '$1 == f { $1 = ""; print substr($0, 2) }' "/proc/$1/status"; }
		for p in $main $stream; do
			[ "$(field $p Uid)" = "$uid $uid $uid $uid" ] || fail "$p: $(field $p Uid)"
			[ "$(field $p Groups)" = "" ] || [ "$(field $p Groups)" = "$(id -g zcpd) " ] || [ "$(field $p Groups)" = "$(id -g zcpd)" ]
			for cap in CapInh CapPrm CapEff CapBnd CapAmb; do
				[ "$(field $p $cap)" = 0000000000000000 ] || fail "$p: $cap $(field $p $cap)"
			done
			[ "$(field $p NoNewPrivs)" = 1 ]
			[ "$(field $p Seccomp)" = 2 ]
		done
		[ "$(field $stream Seccomp_filters)" -gt "$(field $main Seccomp_filters)" ]
		grep -E '^Max core file size +0 +0 ' /proc/$main/limits
		grep -E '^Max open files +8192 ' /proc/$main/limits
		abi=$(/usr/bin/python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))')
		[ "$abi" -ge 1 ]
		seen "Landlock ABI $abi([^0-9]|\$)"
		# what it cannot reach: seen from its own file systems
		look() { nsenter -t "$main" -m -- setpriv --reuid=zcpd --regid=zcpd --clear-groups -- "$@"; }
		for place in /etc /usr /home /opt /srv /var; do
			not look touch $place/x 2>/tmp/err
			grep -qE 'Read-only|denied' /tmp/err || fail "$place: $(cat /tmp/err)"
		done
		look touch /srv/zcp/x /var/lib/zcpd/x /run/zcpd/x
		rm /srv/zcp/x /var/lib/zcpd/x /run/zcpd/x
		: >/tmp/marker
		not look test -e /tmp/marker
		not look test -e /proc/1
		look test -e /proc/self
		not look test -w /proc/sys/kernel/hostname
		[ "$(systemd-analyze security --no-pager zcpd.service | sed -n 's/.*zcpd.service: \([0-9.]*\).*/\1/p' | tr -d .)" -le 13 ]
		let_go /srv/zcp/big
	S
}

@test "exports under the unit: read-only anywhere that can be read, also in a home; writable below /srv/zcp; all as contents in plaintext" {
	bed <<-'S'
		installed
		mkdir -p /opt/data /home/anna/pub /root/secret /srv/zcp/in
		chown zcpd: /srv/zcp/in
		echo data >/opt/data/f; echo home >/home/anna/pub/f; echo no >/root/secret/f
		chmod 755 /home/anna
		configured 'export opt {' 'path = "/opt/data"' '}' 'export home {' 'path = "/home/anna/pub"' '}' 'export etc {' 'path = "/etc"' 'mode = rw' '}'
		systemctl -q enable --now zcpd.socket
		copy 127.0.0.1:opt/f /tmp/opt
		cmp /tmp/opt /opt/data/f
		copy 127.0.0.1:home/f /tmp/home.f
		cmp /tmp/home.f /home/anna/pub/f
		random /tmp/up 3
		zcp -v 127.0.0.1:opt/f /tmp/opt2 2>&1 | grep -F plaintext
		copy /tmp/up 127.0.0.1:zcp/in/up
		cmp /tmp/up /srv/zcp/in/up
		[ "$(stat -c '%U:%G %a' /srv/zcp/in/up)" = 'zcpd:zcpd 640' ]
		mktree=$(mktemp -d)
		mkdir -p $mktree/a/b; ln -s b $mktree/a/l; random $mktree/a/b/f 1; : >$mktree/a/e
		copy -a $mktree 127.0.0.1:zcp/in/tree
		copy -a 127.0.0.1:zcp/in/tree /tmp/tree
		diff -r --no-dereference $mktree /tmp/tree
		# the unit has one writable place: rw in the file is not enough
		rc=0; copy /tmp/up 127.0.0.1:etc/up 2>/tmp/err || rc=$?
		[ $rc != 0 ] && [ ! -e /etc/up ] || fail "status $rc"
		# over a file that is there: its mode stays
		chmod 600 /srv/zcp/in/up
		random /tmp/up2 1
		copy /tmp/up2 127.0.0.1:zcp/in/up
		cmp /tmp/up2 /srv/zcp/in/up
		[ "$(stat -c %a /srv/zcp/in/up)" = 600 ]
	S
}

@test "zcpd --add-export DIR --writable: the setfacl line when it cannot, then the drop-in, and after the restart it holds" {
	bed <<-'S'
		served
		copy 127.0.0.1: /tmp/none 2>/dev/null || :
		mkdir -p /data/in /home/anna/in
		chmod 755 /home/anna
		echo x >/tmp/x
		for dir in /data/in /home/anna/in; do
			rc=0; zcpd --add-export $dir --writable --name "$(basename "$(dirname $dir)")" >/tmp/said 2>&1 || rc=$?
			[ $rc = 1 ] || fail "status $rc: $(cat /tmp/said)"
			line=$(grep -oE 'setfacl .*' /tmp/said | head -n 1)
			[ -n "$line" ] || fail "no setfacl line: $(cat /tmp/said)"
			not grep -F "$dir" $CONF
			eval "$line"
			zcpd --add-export $dir --writable --name "$(basename "$(dirname $dir)")" >/tmp/said 2>&1 || fail "$(cat /tmp/said)"
			grep -i restart /tmp/said || fail "$(cat /tmp/said)"
			grep -F "$dir" $CONF
			grep -rF "$dir" /etc/systemd/system/zcpd.service.d/
			systemctl daemon-reload
			systemctl restart zcpd.service
			copy /tmp/x "127.0.0.1:$(basename "$(dirname $dir)")/x"
			cmp /tmp/x $dir/x
		done
		# what lies in /tmp is the unit's own there: a drop-in for reading, too
		mkdir /var/tmp/pub
		echo tmp >/var/tmp/pub/f
		zcpd --add-export /var/tmp/pub --name tmp >/tmp/said 2>&1 || fail "$(cat /tmp/said)"
		grep -i restart /tmp/said
		# not restarted yet: reload says what is missing, and so does the next --add-export
		not systemctl reload zcpd.service
		seen '/var/tmp/pub" of export "tmp": .* it sees from its next restart on'
		zcpd --add-export /usr/share/doc >/tmp/said 2>&1
		grep -F 'must be restarted for what the unit was given before' /tmp/said || fail "$(cat /tmp/said)"
		systemctl daemon-reload
		systemctl restart zcpd.service
		zcpd --add-export /usr/share/man >/tmp/said 2>&1
		not grep restart /tmp/said
		copy 127.0.0.1:tmp/f /tmp/f
		cmp /tmp/f /var/tmp/pub/f
		systemd-analyze security --threshold=13 zcpd.service >/dev/null
	S
}

@test "the journal: a priority on each line, fields of its own, and no peer's byte raw" {
	bed <<-'S'
		served 'transfer-log = log'
		evil=$(printf 'evil\033[31m\nname')
		echo hello >"/srv/zcp/$evil"
		copy "127.0.0.1:zcp/$evil" /tmp/evil
		# somebody who is no zcp
		exec 9<>/dev/tcp/127.0.0.1/7722
		printf 'GET /\033[2J HTTP/1.0\r\n\r\n' >&9
		cat <&9 >/dev/null || :
		exec 9>&-
		seen 'not a zcp'
		seen 'evil'
		journalctl -q -t zcpd -o json --all >/tmp/journal
		/usr/bin/python3 - <<-'P'
			import json
			lines = [json.loads(l) for l in open('/tmp/journal')]
			own = lines     # by name: journald cannot tell unit and program of a process that is gone already
			assert len(own) >= 4, lines
			for l in own:
			    assert isinstance(l['MESSAGE'], str), l
			    assert all(c.isprintable() for c in l['MESSAGE']), l
			    assert l['PRIORITY'] in '3467', l
			    assert not l['MESSAGE'].startswith('<'), l
			assert {l['PRIORITY'] for l in own} >= {'6'}, own
			done = [l for l in own if 'evil' in l['MESSAGE'] and any(k.startswith('ZCP_') for k in l)]
			assert done, 'no structured line: %r' % own[-3:]
			fields = {k: v for k, v in done[0].items() if k.startswith('ZCP_')}
			print(fields)
			assert all(isinstance(v, str) and v.isprintable() for v in fields.values()), fields
			for want in ('PEER', 'KEY', 'PATH', 'BYTES', 'STATUS', 'SUITE', 'ENGINE'):
			    assert any(want in k for k in fields), (want, fields)
		P
	S
}

@test "uninstall: stopped, gone, and what was served is still there" {
	bed <<-'S'
		served
		echo hello >/srv/zcp/f
		copy 127.0.0.1:zcp/f /tmp/f
		make -s --no-print-directory -C $TREE uninstall
		[ "$(systemctl is-active zcpd.service zcpd.socket | sort -u)" = inactive ]
		not systemctl cat zcpd.service 2>/dev/null
		ls -d /srv/zcp/f /var/lib/zcpd/host_key $CONF
		not command -v zcpd
	S
}
