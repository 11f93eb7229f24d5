# metrics.bats - the numbers as a monitoring system gets them: their text, the port, and Prometheus itself.
load helpers
setup()    { private_home; }
teardown() { prometheus_stop; zcpd_stop; }

# metrics_start [WHERE]: a daemon that shows its numbers; WEB is the port.
metrics_start() {
	mkdir -p "$T/root" "$T/state"
	chmod 700 "$T/state"
	"$ZCP_BUILD/zcp" --public-key 2>"$T/client.err" 3>&- | awk '/^zcp-x25519/ { print $1, $2, "owner write" }' >"$T/state/authorized_keys"
	cat >"$T/zcpd.conf" <<-C
	status-socket = "none"
	metrics = "${1:-127.0.0.1:0}"
	transfer-log = "$T/transfers"
	export data { path = "$T/root" prefix = "" mode = rw }
	C
	ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	wait_for_line "$T/zcpd.log" 'metrics at '
	WEB=$(sed -n 's|.*metrics at http://[^/]*:\([0-9]*\)/metrics$|\1|p' "$T/zcpd.log" | tail -n 1)
}

# scrape: the text itself.
scrape() {
	/usr/bin/python3 - "$WEB" <<-'P' 3>&-
	import sys, urllib.request
	sys.stdout.buffer.write(urllib.request.urlopen('http://127.0.0.1:%s/metrics' % sys.argv[1], timeout=20).read())
	P
}
strict() { /usr/bin/python3 "$ZCP_TOP/tests/peer/openmetrics.py" "$@" 3>&-; }
# number NAME{LABELS}: one sample of the scraped text, read strictly.
number() { scrape | strict | awk -v want="$1" 'index($0, want " ") == 1 { print $NF }'; }

prometheus_stop() {
	[ -z "${PROM:-}" ] || { kill -9 "$PROM"; wait "$PROM"; } 2>/dev/null || :
	PROM=
}

@test "the text is OpenMetrics, read strictly; promtool finds nothing to say" {
	unit metrics text >"$T/text"
	strict <"$T/text" >"$T/samples"
	assert_file_contains "$T/samples" '^zcp_bytes_total{direction="sent",engine="mmap"} 5000$'
	strict --classic <"$T/text" >"$T/classic"
	run -0 promtool check metrics <"$T/classic"
	assert_output ""
	metrics_start
	scrape >"$T/live"
	strict <"$T/live" >"$T/samples"
	assert_file_contains "$T/samples" '^zcp_streams_accepted_total 0$'
	strict --classic <"$T/live" >"$T/classic"
	run -0 promtool check metrics <"$T/classic"
	assert_output ""
}

@test "the strict reader is strict" {
	local bad
	unit metrics text >"$T/text"
	for bad in '$d' '/^# TYPE zcp_bytes/d' 's/^zcp_files_total/zcp_files/' 's/le="1.0"/le="1"/' '/le="+Inf"/d' 's/_count 3/_count 4/' \
		's/^zcp_crashes_total 0/&\n&/' 's/} 5000/} -1/' 's/^# UNIT zcp_bytes bytes/# UNIT zcp_bytes seconds/' '1s/gauge/gouge/'; do
		sed "$bad" "$T/text" >"$T/bad"
		! cmp -s "$T/text" "$T/bad" || fail "nothing is changed by $bad"
		run strict <"$T/bad"
		[ "$status" = 1 ] || fail "taken: $bad"
	done
}

@test "what was copied is what is counted, by direction and engine" {
	metrics_start
	mkrand "$ROOT/a" 3000001
	mkrand "$ROOT/b" 1000
	run -0 zcp --encrypt 127.0.0.1:a 127.0.0.1:b "$T"
	run -0 zcp --encrypt "$T/a" 127.0.0.1:c
	assert_equal "$(number 'zcp_bytes_total{direction="sent",engine="mmap"}')" 3000001
	assert_equal "$(number 'zcp_bytes_total{direction="sent",engine="inline"}')" 1000
	assert_equal "$(number 'zcp_files_total{direction="sent"}')" 2
	assert_equal "$(number 'zcp_files_total{direction="received"}')" 1
	assert_equal "$(number 'zcp_streams_accepted_total')" 2
	[ "$(number zcp_request_seconds_count)" -gt 0 ]
	chmod 0 "$ROOT/b"
	run -11 zcp 127.0.0.1:b "$T/x"
	assert_equal "$(number 'zcp_errors_total{number="11",status="file input or output failed"}')" 1
	assert_equal "$(number 'zcp_handshake_failures_total{cause="no zcp"}')" 0
	printf 'GET / HTTP/1.0\r\n\r\n' >"/dev/tcp/127.0.0.1/$PORT"
	wait_for_line "$T/zcpd.log" 'not a zcp'
	assert_equal "$(number 'zcp_handshake_failures_total{cause="no zcp"}')" 1
}

@test "requests that are slow, too long, a hundred at once or no requests: the others are answered" {
	metrics_start
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ZCP_TOP/tests/peer timeout -k 5 100 /usr/bin/python3 "$ZCP_TOP/tests/peer/metrics.py" "$WEB" 3>&-
}

@test "Prometheus scrapes it: zcp_bytes_total is what was copied" {
	metrics_start
	mkrand "$ROOT/a" 3000001
	run -0 zcp --encrypt 127.0.0.1:a "$T/out"
	cat >"$T/prometheus.yml" <<-C
	global: { scrape_interval: 1s }
	scrape_configs: [ { job_name: zcpd, static_configs: [ { targets: [ "127.0.0.1:$WEB" ] } ] } ]
	C
	prometheus --config.file="$T/prometheus.yml" --storage.tsdb.path="$T/tsdb" --web.listen-address=127.0.0.1:0 --log.level=info \
		>"$T/prometheus.log" 2>&1 </dev/null 3>&- 4>&- &
	PROM=$!
	wait_for_line "$T/prometheus.log" 'Server is ready to receive web requests' 60
	# the kernel has chosen its port: ask which it is
	run -0 /usr/bin/python3 - "$PROM" "$ROOT/a" <<-'P' 3>&-
	import json, os, re, select, sys, time, urllib.parse, urllib.request
	pid, size = sys.argv[1], os.stat(sys.argv[2]).st_size
	inodes = set(re.findall(r'socket:\[(\d+)\]', ' '.join(os.readlink('/proc/%s/fd/%s' % (pid, f)) for f in os.listdir('/proc/%s/fd' % pid))))
	ports = [int(l.split()[1].split(':')[1], 16) for l in open('/proc/net/tcp').read().split('\n')[1:-1] if l.split()[3] == '0A' and l.split()[9] in inodes]
	def ask(query):
	    url = 'http://127.0.0.1:%d/api/v1/query?%s' % (ports[0], urllib.parse.urlencode({'query': query}))
	    return json.load(urllib.request.urlopen(url, timeout=20))['data']['result']
	def wait_for(query):
	    end = time.monotonic() + 60
	    while True:
	        found = ask(query)
	        if found or time.monotonic() > end:
	            return found
	        select.select([], [], [], 0.2)
	up = wait_for('up == 1')
	assert up and up[0]['metric']['job'] == 'zcpd', ask('up')
	def value(query):
	    found = wait_for(query)
	    assert len(found) == 1, (query, found)
	    return float(found[0]['value'][1])
	assert value('zcp_bytes_total{direction="sent",engine="mmap"}') == size
	assert value('sum(zcp_bytes_total)') == size
	assert value('zcp_files_total{direction="sent"}') == 1
	assert value('zcp_request_seconds_count') == value('zcp_request_seconds_bucket{le="+Inf"}') > 0
	assert value('zcp_build_info') == 1
	assert 0 < time.time() - value('process_start_time_seconds') < 3600
	kinds = json.load(urllib.request.urlopen('http://127.0.0.1:%d/api/v1/metadata' % ports[0], timeout=20))['data']
	print(kinds['zcp_bytes'][0]['type'] if 'zcp_bytes' in kinds else kinds['zcp_bytes_total'][0]['type'])
	P
	assert_output counter
}

@test "a Unix socket instead: 0660, and answered" {
	metrics_start "unix:$T/m.sock"
	assert_equal "$(stat -c '%F %a' "$T/m.sock")" "socket 660"
	run -0 /usr/bin/python3 - "$T/m.sock" <<-'P' 3>&-
	import socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	s.sendall(b'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
	got = b''
	while True:
	    piece = s.recv(65536)
	    if not piece:
	        break
	    got += piece
	print(got.split(b'\r\n')[0].decode(), got.endswith(b'# EOF\n'))
	P
	assert_output "HTTP/1.1 200 OK True"
	sed -i 's/^metrics = .*/metrics = none/' "$T/zcpd.conf"
	kill -HUP "$ZCPD"
	wait_for_line "$T/zcpd.log" ': reloaded$'
	assert_not_exists "$T/m.sock"           # a file that nobody listens at is none's
	sed -i "s|^metrics = .*|metrics = unix:$T/m.sock|" "$T/zcpd.conf"
	kill -HUP "$ZCPD"
	wait_for_line "$T/zcpd.log" "metrics at \"unix:$T/m.sock\"|metrics at \"$T/m.sock\""
	zcpd_stop
	assert_not_exists "$T/m.sock"
}

# refused STATUS WORDS WHERE: zcpd does not start.
refused() {
	mkdir -p "$T/root" "$T/state"
	printf 'metrics = "%s"\nexport data { path = "%s" prefix = "" }\n' "$3" "$T/root" >"$T/bad.conf"
	run timeout -k 5 20 "$ZCP_BUILD/zcpd" --config "$T/bad.conf" --status-socket none --state "$T/state" --listen 127.0.0.1:0 3>&-
	[ "$status" = "$1" ] || fail "$3: status $status, not $1: $output"
	[[ $output == *"$2"* ]] || fail "$3: no \"$2\" in: $output"
}

@test "only this machine is told: another address is refused, and so is one in use" {
	refused 1 'loopback' '0.0.0.0:9722'
	refused 1 'loopback' '[::]:9722'
	refused 1 'loopback' ':9722'
	refused 1 'loopback' '192.0.2.1:9722'
	refused 1 'loopback' 'nonsense'
	metrics_start
	refused 10 'Address already in use' "127.0.0.1:$WEB"
	echo precious >"$T/file"
	refused 10 'something that is no socket stands there' "unix:$T/file"
	assert_equal "$(cat "$T/file")" precious
}

@test "it is a process of its own, confined, for reading only; it ends with zcpd" {
	metrics_start
	scrape >"$T/live"
	local pid
	pid=$(pgrep -P "$ZCPD")
	run -0 cat "/proc/$pid/status"
	assert_line --regexp '^NoNewPrivs:[[:space:]]1$'
	is_san || assert_line --regexp '^Seccomp:[[:space:]]2$'
	if is_root; then
		run -0 cat "/proc/$pid/maps"
		assert_line --regexp ' r--s .*memfd:zcpd-scoreboard'
		refute_line --regexp ' rw-s '
		run -0 readlink "/proc/$pid"/fd/*
		refute_line "$T/root"
		refute_line "$T/transfers"
	fi
	zcpd_stop
	wait_gone "$pid"
	run scrape
	assert_failure
}
