# engines.bats - every engine, both ways, through the real programs: the same bytes; and by system calls, what moved them.
load helpers

# One file for each border: inline or segment, chunk, record, block.
SIZES="0 1 4095 4096 65535 65536 65537 262143 262144 262145 1048575 1048576 1048577 3145729"
MARK=ZCP-MARKER-plaintext-

setup() { T=$BATS_TEST_TMPDIR SHM='' MNT=; }
teardown() {
	local status=0
	zcpd_stop || status=1
	[ -z "${SHM:-}" ] || rm -rf "$SHM"
	[ -z "${MNT:-}" ] || umount "$MNT" || status=1
	return $status
}

mksizes() {             # DIR: one file per size
	/usr/bin/python3 - "$1" "$ZCP_SEED" $SIZES <<-'P' 3>&-
	import os, random, sys
	r = random.Random(sys.argv[2])
	os.makedirs(sys.argv[1])
	for size in map(int, sys.argv[3:]):
	    with open('%s/f%d' % (sys.argv[1], size), 'wb') as f:
	        f.write(r.randbytes(size))
	P
}
mkmarked() {            # FILE BYTES: the marker again and again, numbered
	/usr/bin/python3 - "$1" "$2" "$MARK" <<-'P' 3>&-
	import sys
	size, mark = int(sys.argv[2]), sys.argv[3]
	line = ''.join('%s%08d ' % (mark, i) for i in range(size // (len(mark) + 9) + 1)).encode()
	open(sys.argv[1], 'wb').write(line[:size])
	P
}
has_direct() {          # DIR: does its file system have O_DIRECT?
	/usr/bin/python3 - "$1/.direct" <<-'P' 3>&-
	import os, sys
	fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
	os.close(fd)
	try:
	    os.close(os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT))
	except OSError:
	    sys.exit(1)
	finally:
	    os.unlink(sys.argv[1])
	P
}

# pair DIR SEND RECV OPTION...: the sizes down and up by these engines, and the word of -v that they were.
pair() {
	local dir=$1 send=$2 recv=$3 way
	shift 3
	for way in down up; do
		rm -rf "$dir/down" "$ROOT/up"
		if [ $way = down ]; then
			run zcp -v -r --engine="$send,$recv" "$@" 127.0.0.1:src "$dir/down"
			{ [ "$status" = 0 ] && diff -r "$ROOT/src" "$dir/down"; } || fail "$send to $recv, $way, $*: status $status: $output" || return 1
		else
			run zcp -v -r --engine="$send,$recv" "$@" "$ROOT/src" 127.0.0.1:up
			{ [ "$status" = 0 ] && diff -r "$ROOT/src" "$ROOT/up"; } || fail "$send to $recv, $way, $*: status $status: $output" || return 1
		fi
		assert_output --regexp "sent by engine $send, received by ${recv}[ :,]" || return 1
	done
	no_litter "$ROOT" "$dir"
}
# pairs DIR "SENDERS" "RECEIVERS" OPTION...
pairs() {
	local dir=$1 senders=$2 receivers=$3 s r
	shift 3
	for s in $senders; do
		for r in $receivers; do
			pair "$dir" "$s" "$r" "$@" || return 1
		done
	done
}
serve_sizes() {         # ROOT: a daemon for all kinds of plaintext
	ROOT=$1
	mksizes "$ROOT/src"
	zcpd_start --plaintext-from 127.0.0.0/8 --integrity=none
}
on_tmpfs() {
	SHM=$(mktemp -d /dev/shm/zcp-test.XXXXXX) || fail "no tmpfs"
	chmod 755 "$SHM"
	mkdir "$SHM/root" "$SHM/d"
}
direct_if() { if has_direct "$1"; then echo direct; fi; }

@test "every pair of engines, encrypted: the same bytes" {
	serve_sizes "$T/root"
	mkdir "$T/d"
	pairs "$T/d" "mmap readwrite $(direct_if "$T")" "mmap readwrite $(direct_if "$T")" --encrypt
}

@test "every pair of engines, in plaintext with tags: the same bytes" {
	serve_sizes "$T/root"
	mkdir "$T/d"
	pairs "$T/d" "sendfile splice mmap readwrite $(direct_if "$T")" "mmap readwrite $(direct_if "$T")" --plaintext
}

@test "every pair of engines, in plaintext without tags: the same bytes" {
	serve_sizes "$T/root"
	mkdir "$T/d"
	pairs "$T/d" "sendfile splice mmap readwrite $(direct_if "$T")" "splice mmap readwrite $(direct_if "$T")" --plaintext --integrity=none
}

@test "on tmpfs, every pair of engines, encrypted: the same bytes" {
	on_tmpfs
	serve_sizes "$SHM/root"
	pairs "$SHM/d" "mmap readwrite $(direct_if "$SHM")" "mmap readwrite $(direct_if "$SHM")" --encrypt
}

@test "on tmpfs, every pair of engines, in plaintext with tags and without: the same bytes" {
	on_tmpfs
	serve_sizes "$SHM/root"
	pairs "$SHM/d" "sendfile splice mmap readwrite $(direct_if "$SHM")" "mmap readwrite $(direct_if "$SHM")" --plaintext
	pairs "$SHM/d" "sendfile splice" "splice mmap readwrite" --plaintext --integrity=none
}

@test "a file system without direct I/O: --engine=direct is status 4 and a sentence, auto copies" {
	# sysfs has none; its one big file is the kernel's type information
	local big=/sys/kernel/btf/vmlinux
	[ -r $big ] && [ "$(stat -c %s $big)" -gt 65536 ] || skip "no big file on a file system without direct I/O"
	ROOT=/sys/kernel/btf
	zcpd_start
	run -4 zcp --engine=direct 127.0.0.1:vmlinux "$T/out"
	assert_output --partial "vmlinux: the engine asked for does not work with this file system: leave --engine away"
	[ ! -e "$T/out" ]
	run -0 zcp -v 127.0.0.1:vmlinux "$T/out"
	cmp $big "$T/out"
	run -0 zcp -v --encrypt 127.0.0.1:vmlinux "$T/out"
	cmp $big "$T/out"
}

@test "--engine=SEND names the sender, wherever it runs" {
	mkdir "$T/root"
	mkrand "$T/root/f" 1000000
	zcpd_start
	for e in splice mmap readwrite; do
		run -0 zcp -v --engine=$e 127.0.0.1:f "$T/down"
		assert_output --regexp "sent by engine $e, received by readwrite: "
		run -0 zcp -v --engine=$e "$T/down" 127.0.0.1:up
		assert_output --regexp "sent by engine $e, received by readwrite: "
		cmp "$T/root/f" "$T/root/up"
	done
	run -0 zcp -v --engine=auto,mmap 127.0.0.1:f "$T/down"
	assert_output --regexp "sent by engine sendfile, received by mmap: "
	run -0 zcp -v --engine=auto,mmap "$T/down" 127.0.0.1:up
	assert_output --regexp "sent by engine sendfile, received by mmap: "
}

@test "a forced engine is honoured for small files too" {
	mkdir "$T/root"
	mkrand "$T/root/f" 100
	zcpd_start
	run -0 zcp -v --engine=sendfile 127.0.0.1:f "$T/down"
	assert_output --regexp "sent by engine sendfile"
	run -0 zcp -v 127.0.0.1:f "$T/down"
	refute_output --partial "sent by engine"
	assert_output --partial "1 small file inside sealed records"
}

# --- the limitation, three ways ---------------------------------------------------------------------------------------

@test "the code has the column 'can seal', and it tells the truth about every row" {
	local e says has
	grep -qE '^ \*   name .*can seal$' "$ZCP_TOP/common/engine/engine.h"
	for e in sendfile splice mmap readwrite direct null; do
		says=$(sed -nE "s/^ \*   $e .* (yes|no)\$/\1/p" "$ZCP_TOP/common/engine/engine.h")
		has=no
		! grep -qE '\.can = .*CAN_SEAL' "$ZCP_TOP/common/engine/$e.c" || has=yes
		grep -qF ".name = \"$e\"" "$ZCP_TOP/common/engine/$e.c"
		assert_equal "$e $says" "$e $has"
	done
}

@test "--engine=sendfile --encrypt teaches, with status 4, before anything is connected" {
	private_home
	# Nobody listens on port 1: whoever connects ends with status 10.
	run -4 strace -f -qq -o "$T/trace" -e trace=socket,connect "$ZCP_BUILD/zcp" -P 1 --engine=sendfile --encrypt 127.0.0.1:f "$T/out"
	assert_line --regexp '^zcp: --engine=sendfile cannot send encrypted data: (it|sendfile) moves pages from the page cache to the socket inside the kernel, so libsodium never sees the bytes\. Use --engine=mmap, or --plaintext on a network you trust\.?$'
	run ! grep -E 'AF_INET' "$T/trace"
	run -4 zcp_raw -P 1 --engine=splice --encrypt 127.0.0.1:f "$T/out"
	assert_output --partial "--engine=splice cannot send encrypted data"
	run -4 zcp_raw -P 1 --engine=sendfile --encrypt "$ZCP_TOP/Makefile" 127.0.0.1:f
	assert_output --partial "--engine=sendfile cannot send encrypted data"
	run -10 zcp_raw -P 1 --engine=mmap --encrypt --accept-new 127.0.0.1:f "$T/out"
}

@test "an engine that cannot seal is refused where zcpd seals" {
	mkdir "$T/root"
	mkrand "$T/root/f" 100000
	zcpd_start --plaintext-from=none
	for e in sendfile splice; do
		run -4 zcp --engine=$e 127.0.0.1:f "$T/out"
		assert_output --partial "--engine=$e cannot send encrypted data"
		run -4 zcp --engine=$e "$T/root/f" 127.0.0.1:up
		assert_output --partial "--engine=$e cannot send encrypted data"
	done
	[ ! -e "$T/out" ]
	[ ! -e "$T/root/up" ]
	no_litter "$T/root"
}

@test "engines that are not for this: null 4, unknown 1, the wrong side 4" {
	private_home
	run -4 zcp_raw -P 1 --engine=null 127.0.0.1:f "$T/out"
	assert_output --partial "--engine=null"
	run -4 zcp_raw -P 1 --engine=readwrite,null 127.0.0.1:f "$T/out"
	run -1 zcp_raw -P 1 --engine=warp 127.0.0.1:f "$T/out"
	assert_output --partial "'warp'"
	run -1 zcp_raw -P 1 --engine= 127.0.0.1:f "$T/out"
	run -1 zcp_raw -P 1 --engine=mmap,warp 127.0.0.1:f "$T/out"
	assert_output --partial "'warp'"
	run -1 zcp_raw -P 1 --engine=mmap,readwrite,mmap 127.0.0.1:f "$T/out"
	run -4 zcp_raw -P 1 --engine=sendfile,sendfile 127.0.0.1:f "$T/out"
	assert_output --partial "--engine=sendfile does not move bytes in this direction"
}

@test "splice receives only where nothing has to be checked" {
	mkdir "$T/root"
	mkrand "$T/root/f" 1000000
	zcpd_start --plaintext-from 127.0.0.0/8 --integrity=none
	run -4 zcp --plaintext --engine=auto,splice 127.0.0.1:f "$T/out"
	assert_output --partial "--engine=splice cannot receive with --integrity=mac"
	run -4 zcp --plaintext --engine=auto,splice "$T/root/f" 127.0.0.1:up
	assert_output --partial "--engine=splice cannot receive with --integrity=mac"
	run -4 zcp --engine=auto,splice 127.0.0.1:f "$T/out"
	run -4 zcp --encrypt --engine=auto,splice 127.0.0.1:f "$T/out"
	assert_output --partial "--engine=splice cannot"
	[ ! -e "$T/out" ]
	[ ! -e "$T/root/up" ]
	run -0 zcp -v --plaintext --integrity=none --engine=auto,splice 127.0.0.1:f "$T/out"
	assert_output --partial "sent by engine sendfile, received by splice"
	assert_output --partial "not verified"
	cmp "$T/root/f" "$T/out"
	run -0 zcp -v --plaintext --integrity=none --engine=auto,splice "$T/out" 127.0.0.1:up
	assert_output --partial "sent by engine sendfile, received by splice"
	cmp "$T/root/f" "$T/root/up"
}

@test "-v says engine, suite and reason" {
	local suite='(aegis128l|aegis256|aes256gcm|chacha20poly1305)'
	mkdir "$T/root"
	mkrand "$T/root/f" 1000000
	zcpd_start
	run -0 zcp -v 127.0.0.1:f "$T/out"
	assert_line --regexp "^zcp: .*plaintext, .*suite $suite, sent by engine sendfile, received by readwrite: .*one machine"
	run -0 zcp -v "$T/out" 127.0.0.1:up
	assert_line --regexp "^zcp: .*plaintext, .*suite $suite, sent by engine sendfile, received by readwrite: .*one machine"
	run -0 zcp -v --encrypt 127.0.0.1:f "$T/out"
	assert_line --regexp "^zcp: .*encrypted with suite $suite, sent by engine mmap, received by readwrite: .*asked for"
	run -0 zcp -v --encrypt "$T/out" 127.0.0.1:up
	assert_line --regexp "^zcp: .*encrypted with suite $suite, sent by engine mmap, received by readwrite: .*asked for"
	run -0 zcp --encrypt 127.0.0.1:f "$T/out"
	refute_output --partial engine
}

# --- by system calls --------------------------------------------------------------------------------------------------

# moved CALL...: the bytes that these calls of all traced processes returned, from strace -ff's files $T/trace.*
moved() {
	/usr/bin/python3 - "$T" "$@" <<-'P' 3>&-
	import glob, re, sys
	total, names = 0, set(sys.argv[2:])
	files = glob.glob(sys.argv[1] + '/trace.[0-9]*')
	assert files, 'no trace'
	for f in files:
	    for line in open(f, errors='replace'):
	        m = re.match(r'(\w+)\(.*\)\s+= (\d+)', line)
	        if m and m.group(1) in names:
	            total += int(m.group(2))
	print(total)
	P
}
IN="read pread64 readv preadv preadv2"
OUT="write pwrite64 writev pwritev pwritev2 sendto sendmsg sendmmsg vmsplice copy_file_range"
count() { cat "$T"/trace.[0-9]* | grep -cE "^($1)\(" || true; }
# The daemon under strace: every call of it and of its children.
traced_daemon() {
	mkdir "$T/root"
	mkmarked "$T/root/big" 5242880
	ZCPD_WRAP=(strace -ff -qq -s 256 -o "$T/trace")
	zcpd_start "$@"
	ZCPD_WRAP=(strace -ff -qq)
}
small() { [ "$1" -lt 204800 ] || fail "$2: $1 bytes"; }
# A process that is not dumpable shows its memory to root's strace only.
carries_mark() { grep -qE "^($1)\(.*$MARK" "$T"/trace.[0-9]*; }

@test "plaintext down: sendfile moves every byte, no read or write of zcpd sees one" {
	traced_daemon
	run -0 zcp -v 127.0.0.1:big "$T/out"
	assert_output --partial "sent by engine sendfile"
	zcpd_stop
	cmp "$T/root/big" "$T/out"
	assert_equal "$(moved sendfile)" 5242880
	assert_equal "$(moved splice)" 0
	small "$(moved $IN)" "reads"
	small "$(moved $OUT)" "writes"
	run ! carries_mark "read|pread64|readv|preadv|write|writev|sendto|sendmsg"
}

@test "plaintext down with --engine=splice: splice moves every byte, twice, through a pipe" {
	traced_daemon
	run -0 zcp -v --engine=splice 127.0.0.1:big "$T/out"
	zcpd_stop
	cmp "$T/root/big" "$T/out"
	assert_equal "$(moved splice)" 10485760
	assert_equal "$(moved sendfile)" 0
	small "$(moved $IN)" "reads"
	small "$(moved $OUT)" "writes"
	run ! carries_mark "read|pread64|readv|preadv|write|writev|sendto|sendmsg"
}

@test "encrypted down: no sendfile, no splice, no read: the file is mapped, and leaves by send" {
	traced_daemon
	run -0 zcp -v --encrypt 127.0.0.1:big "$T/out"
	assert_output --partial "sent by engine mmap"
	zcpd_stop
	cmp "$T/root/big" "$T/out"
	assert_equal "$(count 'sendfile|splice')" 0
	small "$(moved $IN)" "reads"
	[ "$(moved sendto sendmsg write writev)" -gt 5242880 ]
	[ "$(cat "$T"/trace.[0-9]* | grep -cE '^mmap\(NULL, 5242880, PROT_READ, MAP_SHARED,')" -ge 1 ]
	run ! carries_mark "sendto|sendmsg|write|writev"
}

@test "plaintext down with --engine=readwrite: the same measure sees every byte" {
	traced_daemon
	run -0 zcp -v --engine=readwrite 127.0.0.1:big "$T/out"
	zcpd_stop
	assert_equal "$(count 'sendfile|splice')" 0
	[ "$(moved pread64)" -ge 5242880 ]
	[ "$(moved sendto sendmsg write writev)" -gt 5242880 ]
	! is_root || carries_mark "pread64"
	! is_root || carries_mark "sendto|sendmsg|write|writev"
}

@test "plaintext up: zcp's sendfile moves every byte" {
	mkdir "$T/root"
	mkmarked "$T/big" 5242880
	zcpd_start
	run -0 strace -ff -qq -s 256 -o "$T/trace" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" "$T/big" 127.0.0.1:up
	cmp "$T/big" "$T/root/up"
	assert_equal "$(moved sendfile)" 5242880
	small "$(moved $IN)" "reads"
	small "$(moved $OUT)" "writes"
	run ! carries_mark "read|pread64|write|sendto|sendmsg"
}

@test "encrypted up: zcp maps the file and sends what the cipher made of it" {
	mkdir "$T/root"
	mkmarked "$T/big" 5242880
	zcpd_start
	run -0 strace -ff -qq -s 256 -o "$T/trace" "$ZCP_BUILD/zcp" --encrypt --host-key="$HOSTKEY" -P "$PORT" "$T/big" 127.0.0.1:up
	cmp "$T/big" "$T/root/up"
	assert_equal "$(count 'sendfile|splice')" 0
	small "$(moved $IN)" "reads"
	[ "$(moved sendto sendmsg write writev)" -gt 5242880 ]
	[ "$(cat "$T"/trace.[0-9]* | grep -cE '^mmap\(NULL, 5242880, PROT_READ, MAP_SHARED,')" -ge 1 ]
	run ! carries_mark "read|pread64|write|sendto|sendmsg"
}

@test "without tags no byte of the file is looked at: it is not even mapped" {
	traced_daemon --plaintext-from 127.0.0.0/8 --integrity=none
	run -0 zcp -v --plaintext --integrity=none 127.0.0.1:big "$T/out"
	zcpd_stop
	cmp "$T/root/big" "$T/out"
	assert_equal "$(moved sendfile)" 5242880
	assert_equal "$(cat "$T"/trace.[0-9]* | grep -cE '^mmap\(NULL, [0-9]+, PROT_READ, MAP_SHARED,')" 0
}

# on_image TYPE: a small file system of this type, mounted at $MNT
on_image() {
	need_root
	truncate -s "$2" "$T/image"
	"mkfs.$1" -q "$T/image"
	MNT=$T/mnt
	mkdir "$MNT"
	mount -o loop "$T/image" "$MNT" || fail "cannot mount $1"
	mkdir "$MNT/root" "$MNT/d"
	serve_sizes "$MNT/root"
}
every_pair() {
	pairs "$MNT/d" "sendfile splice mmap readwrite direct" "mmap readwrite direct" --plaintext
	pairs "$MNT/d" "mmap readwrite direct" "mmap readwrite direct" --encrypt
	pairs "$MNT/d" "sendfile" "splice" --plaintext --integrity=none
}

@test "on XFS, every pair of engines: the same bytes" {
	on_image xfs 320M
	every_pair
}

@test "on btrfs, every pair of engines: the same bytes" {
	on_image btrfs 256M
	every_pair
}

@test "a source in sysfs that cannot be mapped, so that what sendfile and splice send cannot be tagged: auto goes on to readwrite, a forced one is status 4" {
	local file=/sys/kernel/btf/vmlinux e
	[ "$(stat -c %s "$file" 2>/dev/null || echo 0)" -gt 65536 ] || skip "no large file in sysfs"
	/usr/bin/python3 -c 'import mmap, os, sys; mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 4096, mmap.MAP_SHARED, mmap.PROT_READ, offset=8192)' "$file" 2>/dev/null 3>&- &&
		skip "it can be mapped here"
	ROOT=$T/root
	mkdir "$ROOT"
	ZCPD_MODE="--root /sys/kernel/btf" zcpd_start
	for e in '' --integrity=mac; do
		run -0 zcp -v -j 1 --plaintext $e 127.0.0.1:vmlinux "$T/got"
		assert_output --partial 'sent by engine readwrite, received by readwrite'
		cmp "$file" "$T/got"
		rm "$T/got"
	done
	for e in sendfile splice mmap; do
		run -4 zcp -j 1 --plaintext "--engine=$e" 127.0.0.1:vmlinux "$T/got"
		assert_output --partial 'does not work with this file system'
		[ ! -e "$T/got" ]
	done
}
