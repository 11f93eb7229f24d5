# vm.bats - other kernels and processors: a small VM under software emulation with Debian's kernel (tests/beds/mkvm, tests/beds/vm).
#
# The kernel comes through apt once, into build-vm/. Here it runs as root, once per CI run: tests/skips.txt.
load helpers

setup_file() {
	is_root && ! is_san && [[ $ZCP_BUILD != *-sys* ]] || return 0
	VM=$("$BATS_TEST_DIRNAME/beds/mkvm" "$ZCP_TOP/build-vm" </dev/null 3>&- 4>&- | tail -n 1)
	[ -s "$VM/initrd.gz" ]
	export VM
}
setup() {
	need_root
	is_san && skip "runs with the plain build"
	[[ $ZCP_BUILD != *-sys* ]] || skip "runs with the plain build"
	T=$BATS_TEST_TMPDIR
}

# payload: the programs, and the libraries that they name, where their loader looks for them.
payload() {
	local p=$T/payload
	mkdir -p "$p/bin" "$p/root"
	cp "$ZCP_BUILD/zcp" "$ZCP_BUILD/zcpd" "$p/bin/"
	ldd "$p/bin/zcp" "$p/bin/zcpd" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u | while read -r lib; do
		mkdir -p "$p/root$(dirname "$lib")"
		cp -L "$lib" "$p/root$lib"
	done
	cp "$ZCP_TOP/tests/beds/vm-copy" "$p/run"
}

# in_vm: the payload's script; its output in $output.
in_vm() { run env TMO=80 "$ZCP_TOP/tests/beds/vm" "$VM" "$T/payload" run 3>&-; }

@test "Linux 6.1: Landlock ABI 2 in force, a copy both ways, nothing outside" {
	payload
	in_vm
	assert_success
	assert_line "zcpd: streams are confined: Landlock ABI 2, system calls filtered"
	assert_line "zcp: confined: Landlock ABI 2, system calls filtered"
	assert_line "both ways: the same bytes"
	assert_line "a tree both ways: the same"
	assert_line "a link out: refused"
	assert_line --regexp '^live stream: Seccomp: 2$'
	assert_line --regexp '^live stream: NoNewPrivs: 1$'
	assert_line --regexp '^live stream: CapEff: 0+$'
}

@test "Linux 6.1 without Landlock: zcpd and zcp start, say so, copy, and hold the paths" {
	payload
	APPEND='lsm=lockdown,capability,yama' in_vm
	assert_success
	assert_line "zcpd: this kernel has no Landlock: streams are held to their directories by openat2 and seccomp alone"
	assert_line "zcp: confined: this kernel has no Landlock, system calls filtered"
	assert_line "both ways: the same bytes"
	assert_line "a link out: refused"
	assert_line --regexp '^live stream: Seccomp: 2$'
}

@test "a processor without AES: chacha20-poly1305 is chosen, the copy is whole, -v says so" {
	payload
	CPU=qemu64 in_vm
	assert_success
	assert_line --regexp '^zcp: .*(encrypted|plaintext).* suite chacha20poly1305'
	assert_line --regexp '^ciphers: chacha20poly1305$'
	assert_line "both ways: the same bytes"
}

@test "a VM that says no status is a failure, and so is a failing script's" {
	mkdir -p "$T/payload"
	printf '#!/bin/sh\necho before\nexit 3\n' >"$T/payload/run"
	chmod +x "$T/payload/run"
	in_vm
	assert_failure 3
	assert_line before
	printf '#!/bin/sh\necho o >/proc/sysrq-trigger\nwhile :; do read -r _; done\n' >"$T/payload/run"
	run env TMO=80 "$ZCP_TOP/tests/beds/vm" "$VM" "$T/payload" run 3>&-
	assert_failure 99
	assert_output --partial "no status came out of it"
}

@test "the unit's MemoryMax and TasksMax are in force: the kernel has them, and with no process left a client is told to come later" {
	local vm
	vm=$("$ZCP_TOP/tests/beds/mkvm" --systemd "$ZCP_TOP/build-vm" </dev/null 3>&- 4>&- | tail -n 1)
	make --no-print-directory -s -C "$ZCP_TOP" install DESTDIR="$T/payload/inst" PREFIX=/usr 3>&-
	cat >"$T/payload/run" <<-'S'
		#!/bin/bash
		set -eEu
		trap 'echo "line $LINENO: $BASH_COMMAND"; journalctl -q -o cat -u zcpd.service | tail -n 20' ERR
		exec 2>&1
		export HOME=/root
		cp -a /share/inst/. /
		systemd-sysusers
		systemd-tmpfiles --create /usr/lib/tmpfiles.d/zcpd.conf
		mkdir -p /etc/systemd/system/zcpd.service.d
		printf '[Service]\nMemoryMax=64M\nTasksMax=8\n' >/etc/systemd/system/zcpd.service.d/test.conf
		printf 'greeting-timeout = 600\npenalty-refused = 0\nexport zcp {\n\tpath = "/srv/zcp"\n}\n' >>/etc/zcp/zcpd.conf
		zcp --public-key >/etc/zcp/authorized_keys
		echo hello >/srv/zcp/f
		systemctl daemon-reload
		ip link set lo up
		systemctl start zcpd.socket
		zcp -q --accept-new 127.0.0.1:zcp/f /tmp/first
		cmp /tmp/first /srv/zcp/f
		group=/sys/fs/cgroup$(systemctl show -P ControlGroup zcpd.service)
		echo "memory.max $(cat "$group/memory.max")"
		echo "pids.max $(cat "$group/pids.max")"
		pid=$(systemctl show -P MainPID zcpd.service)
		# callers that say nothing, until no process is left
		for i in 1 2 3 4 5 6 7 8 9; do
			exec {fd}<>/dev/tcp/127.0.0.1/7722
			fds="${fds:-} $fd"
		done
		rc=0
		zcp -q 127.0.0.1:zcp/f /tmp/none || rc=$?
		echo "with no process left: status $rc"
		echo "$(cat "$group/pids.events")"
		[ "$(cat "$group/pids.current")" -le 8 ]
		for fd in $fds; do exec {fd}>&-; done
		until zcp -q 127.0.0.1:zcp/f /tmp/again; do :; done
		cmp /tmp/again /srv/zcp/f
		[ "$(systemctl show -P MainPID zcpd.service)" = "$pid" ]
		[ "$(cat "$group/memory.current")" -le 67108864 ]
		echo "and then it serves"
	S
	chmod +x "$T/payload/run"
	run env TMO=150 MEM=1024 "$ZCP_TOP/tests/beds/vm" "$vm" "$T/payload" --systemd 3>&-
	assert_success
	assert_line "memory.max 67108864"
	assert_line "pids.max 8"
	assert_line "with no process left: status 46"
	assert_line --regexp '^max [1-9]'
	assert_line "and then it serves"
}
