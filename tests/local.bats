# local.bats - copies on this machine: every technique, over sizes, holes and file systems; what changes, fills up, is interrupted, or is the same file. Trees: local-trees.bats.
load helpers

setup() { private_home; MNT=(); SHM=; cd "$T" || return 1; }
teardown() {
	local status=0 m
	cd / || status=1
	for m in "${MNT[@]}"; do umount "$m" || status=1; done
	[ -z "$SHM" ] || rm -rf "$SHM"
	return $status
}

random() { head -c "$2" /dev/urandom >"$1"; }   # FILE BYTES, where it need not be the same each time
holes() { /usr/bin/python3 "$ZCP_TOP/tests/peer/holes.py" "$@" 3>&-; }
# mounted KIND: a file system of its own in $T/KIND
mounted() {
	need_root
	case $1 in
	tmpfs) mkdir "$1" && mount -t tmpfs -o size=16M none "$1" || fail "cannot mount"; MNT+=("$T/$1"); return ;;
	xfs)   truncate -s 320M "$1.image"; mkfs.xfs -q "$1.image" >mkfs.log 2>&1 || fail "$(cat mkfs.log)" ;;
	btrfs) truncate -s 256M "$1.image"; mkfs.btrfs -q "$1.image" >mkfs.log 2>&1 || fail "$(cat mkfs.log)" ;;
	ext4)  truncate -s 64M "$1.image"; mkfs.ext4 -q "$1.image" ;;
	esac
	mkdir "$1"
	mount -o loop "$1.image" "$1" || fail "cannot mount $1"
	MNT+=("$T/$1")
}
# by FILE: the engines of the summary in it
by() { /usr/bin/python3 -c 'import json, sys; print("+".join(json.loads(open(sys.argv[1]).readlines()[-1])["senders"]))' "$1" 3>&-; }
copied_by() {   # ENGINE OPTION... SRC DST
	local engine=$1
	shift
	zcp_raw --json "$@" >json 2>err || fail "$*: $(cat err)"
	assert_equal "$(by json)" "$engine"
}

# best: what a copy in the test's own directory is made by
best() {
	echo probe >probe
	if zcp_raw --engine=reflink probe probe2 2>probe.err; then echo reflink; else echo copy_file_range; fi
	rm -f probe probe2 probe.err
}

# --- what moves the bytes -----------------------------------------------------------------------------------------------

borders() {     # DIR: sizes around every border there is
	mkdir "$1"
	local n
	for n in 0 1 511 4095 4096 4097 65535 65536 65537 131071 131072 131073 4194303 4194305 8388609 16777217; do random "$1/$n" $n; done
	holes make "$1/holes" 20M 1M+70000 9M+1
}

@test "every technique that works anywhere: every size has the same bytes, and is said to have come by it" {
	borders src
	local e
	for e in copy_file_range readwrite mmap; do
		copied_by $e -a --engine=$e src out.$e
		tree_equal src out.$e modes times || fail "$e"
		holes same src out.$e || fail "$e"
	done
	e=$(best)
	[ "$e" = reflink ] || e+=+readwrite         # small files
	copied_by "$e" -a src out
	tree_equal src out modes times
	no_litter "$T"
}

@test "the calls are what the names say" {
	[ "$(best)" = copy_file_range ] || skip "this file system shares extents"
	random f 40000000
	calls() { strace -f -qq -o log -e trace=copy_file_range,pread64,pwrite64,mmap,ioctl "$ZCP_BUILD/zcp" "$@" 3>&- || fail "$*"; }
	# above the size of zcp's own reading
	moves() { grep -E "$1" log | grep -cE '= (131072|16777216|6445568)$' || :; }
	calls f new
	assert_equal "$(grep -c 'FICLONE.*= -1 EOPNOTSUPP' log) $(moves copy_file_range) $(moves 'pread|pwrite')" "1 3 0"
	calls --engine=readwrite f rw
	assert_equal "$(moves copy_file_range) $(moves pread) $(moves pwrite) $(grep -c FICLONE log || :)" "0 305 305 0"
	calls --engine=mmap f mapped
	assert_equal "$(moves 'copy_file_range|pread|pwrite') $(grep -c 'mmap.*PROT_READ|PROT_WRITE, MAP_SHARED' log)" "0 5"
	calls --engine=copy_file_range f range
	assert_equal "$(moves copy_file_range) $(grep -c FICLONE log || :)" "3 0"
	for c in new rw mapped range; do cmp f $c || fail $c; done
}

shares() {      # FILE: are all its extents another one's, too?
	sync -f "$1"
	filefrag -v "$1" | grep -E '^ *[0-9]+:' >extents || fail "no extents of $1"
	run ! grep -v shared extents
}
reflinks() {    # KIND
	mounted "$1"
	random "$1/f" 20000003
	holes make "$1/h" 20M 1M+70000 9M+1
	local before
	sync -f "$1/f"
	before=$(df --output=avail "$1" | tail -1)
	copied_by reflink "$1/f" "$1/new"
	cmp "$1/f" "$1/new"
	shares "$1/new"
	[ $((before - $(df --output=avail "$1" | tail -1))) -lt 4096 ] || fail "room was taken"
	copied_by reflink "$1/h" "$1/h2"
	holes same "$1/h" "$1/h2"
	copied_by reflink -p --engine=reflink "$1/f" "$1/again"
	cmp "$1/f" "$1/again"
	copied_by readwrite "$1/f" f                   # to another file system: nothing is shared, nor copied by the kernel alone
	cmp "$1/f" f
	run zcp_raw --engine=reflink "$1/f" other
	assert_equal "$status $(ls other 2>/dev/null)" "4 "
	assert_output --partial "does not work with this file system"
	unit local "$T/$1" >log || fail "$(grep '^not ok' log)"
}
@test "btrfs: a copy shares its extents, and takes no room" { reflinks btrfs; }
@test "XFS: a copy shares its extents, and takes no room" { reflinks xfs; }

@test "between two file systems: what cannot be done there is passed over, and a forced one says so" {
	SHM=$(mktemp -d /dev/shm/zcp-local.XXXXXX)
	random f 3000001
	copied_by readwrite f "$SHM/f"
	cmp f "$SHM/f"
	copied_by mmap --engine=mmap "$SHM/f" g
	cmp f g
	run zcp_raw --engine=copy_file_range f "$SHM/no"
	assert_equal "$status $(ls -A "$SHM")" "4 f"
	assert_output --partial "the engine asked for does not work"
	unit local "$SHM" >log || fail "$(grep '^not ok' log)"
}

@test "holes stay holes, and a source's in a tmpfs are still there" {
	SHM=$(mktemp -d /dev/shm/zcp-local.XXXXXX)
	local dir e before
	for dir in "$T" "$SHM"; do
		holes make "$dir/h" 300M 0+70000 10M+3M 40000001+1 314572799+1
		before=$(stat -c %b "$dir/h")
		for e in auto copy_file_range readwrite mmap; do
			zcp_raw --engine=$e "$dir/h" "$dir/h.$e"
			holes same "$dir/h" "$dir/h.$e" || fail "$e"
			[ "$(stat -c %b "$dir/h.$e")" -le $((before + 64)) ] || fail "$e: $(stat -c %b "$dir/h.$e") blocks for $before"
		done
		assert_equal "$(stat -c %b "$dir/h")" "$before"
	done
	holes make huge 1T 1T-4096+4096 2>/dev/null || holes make huge 1024G 1048576M+0
	zcp_raw huge huger
	holes same huge huger
}

@test "files without a true size: all of what they have" {
	copied_by readwrite /proc/version version
	cmp /proc/version version
	copied_by readwrite /proc/kallsyms symbols         # more than any piece
	[ "$(wc -l <symbols)" = "$(wc -l </proc/kallsyms)" ]
	zcp_raw /sys/kernel/fscaps fscaps                   # 4,096 bytes, it says
	diff /sys/kernel/fscaps fscaps
	# looked up anew, it is another inode
	local deep
	deep=$(find /proc/self/net/ -mindepth 2 -type f -print -quit)
	zcp_raw /proc/net/tcp tcp
	assert_equal "$(head -n 1 tcp)" "$(head -n 1 /proc/net/tcp)"
	[ -n "$deep" ] || fail "no directory in /proc/net"
	deep=/proc/net/${deep#/proc/self/net/}
	zcp_raw "$deep" deep
	assert_equal "$(head -n 1 deep | cut -c 1-8)" "$(head -n 1 "$deep" | cut -c 1-8)"
	zcp_raw -a "${deep%/*}" tree
	chmod -R u+w tree               # procfs's modes: it is removed at the end
	[ -s "tree/${deep##*/}" ] || fail "$(ls -lR tree)"
	run zcp_raw --engine=mmap /proc/version no
	assert_equal "$status $(ls no 2>/dev/null)" "4 "
}

@test "engines of the other kind, and options about hosts, --files-from and --delete: one sentence each, and nothing is made" {
	: >f; mkdir d
	: >names
	local line
	while IFS= read -r line; do
		# shellcheck disable=SC2086
		run zcp_raw $line d out
		assert_equal "$status $(ls out 2>/dev/null)" "1 "
		assert_output --partial "$(grep -oE -- '^--[a-z-]+' <<<"$line")"
		assert_equal "${#lines[@]}" 1
	done <<-'E'
	--port=1 -r
	--identity=f -r
	--config=none -r
	--ipv4 -r
	--ipv6 -r
	--accept-new -r
	--host-key=SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA -r
	--encrypt -r
	--plaintext -r
	--cipher=chacha20poly1305 -r
	--cc=cubic -r
	--timeout=9 -r
	--contimeout=9 -r
	--streams=2 -r
	--resume -r
	--no-resume -r
	--retries=1 -r
	--delete -r
	--files-from=names
	E
	for line in sendfile splice direct mmap,mmap auto,splice; do
		run zcp_raw --engine=$line f out
		assert_equal "$status $(ls out 2>/dev/null)" "4 "
		assert_output --partial "on this machine"
	done
	for line in reflink copy_file_range; do
		run zcp_raw --engine=$line f h:out
		[ "$status" = 4 ]
		assert_output --partial "from one file of a machine to another"
	done
	run zcp_raw "${NONE:-}:f" out               # an empty variable is no file's name
	assert_equal "$status" 1
	assert_output --partial "no host is named in front of ':f'"
}

# --- what happens meanwhile ---------------------------------------------------------------------------------------------

# stopped ENGINE CALL HOW SRC DST: zcp is stopped at every second CALL (one that a signal interrupts is begun anew, and counts twice), and HOW is done then, in a shell: n says how often it has been, ZCP is the process. Sets STATUS, STOPS.
stopped() {
	rm -f calls
	mkfifo calls
	/usr/bin/python3 - "$ZCP_BUILD/zcp" "$@" <<-'P' 3>&- >stops || fail "stopped $*: $(cat err)"
	import os, re, signal, subprocess, sys
	zcp, engine, call, how, src, dst = sys.argv[1:]
	signal.alarm(90)                        # bounds a failure
	run = subprocess.Popen(['strace', '-f', '-o', 'calls', '-e', 'trace=' + call, '-e', 'inject=%s:signal=SIGSTOP:when=2+%s' % (call, 100 if call == 'pwrite64' else 2),
	                        zcp, '-p', '--engine=' + engine, src, dst], stderr=open('err', 'w'), stdin=subprocess.DEVNULL)
	n = 0
	for line in open('calls'):
	    m = re.match(r'(\d+) +--- stopped by SIGSTOP', line)
	    if m:
	        n += 1
	        subprocess.run(['sh', '-c', how], env=dict(os.environ, n=str(n), ZCP=m.group(1)), check=True)
	        os.kill(int(m.group(1)), signal.SIGCONT)
	print(run.wait(), n)
	P
	read -r STATUS STOPS <stops
}

@test "a source that is cut or rewritten between two pieces: once more, and then 24 and nothing is published" {
	local e call
	echo old >to
	for e in copy_file_range:copy_file_range readwrite:pwrite64 mmap:madvise; do
		call=${e#*:} e=${e%:*}
		# each time: 24
		random f 34000000
		stopped $e $call 'truncate -s $((33000000 - n * 4096)) f' f to
		assert_equal "$e $STATUS $(cat to)" "$e 24 old"
		assert_file_contains err 'the source changed while it was read'
		[ "$STOPS" -ge 2 ]
		# once: the second try has it
		random f 20000000
		stopped $e $call '[ $n != 1 ] || truncate -s 10000000 f' f new
		assert_equal "$e $STATUS" "$e 0"
		cmp f new
		rm new
	done
	no_litter "$T"
}

@test "a source that grows meanwhile: what there was, and 24" {
	random f 20000000
	cp f was
	stopped copy_file_range copy_file_range 'echo more >>f' f to
	assert_equal "$STATUS" 24
	cmp was to
}

@test "interrupted between two pieces: 20, nothing of it is left, and what stood there stays" {
	random f 40000000
	echo old >to
	stopped copy_file_range copy_file_range 'kill -INT $ZCP' f to
	assert_equal "$STATUS $(cat to)" "20 old"
	assert_file_contains err 'interrupted'
	stopped readwrite pwrite64 'kill -TERM $ZCP' f to2
	assert_equal "$STATUS $(ls to2 2>/dev/null)" "20 "
	no_litter "$T"
}

full() {        # KIND
	mounted "$1"
	local e
	echo old >"$1/to"
	random f 40000000
	[ "$1" = tmpfs ] || random f 90000000
	for e in auto copy_file_range readwrite mmap; do
		case $1:$e in *:copy_file_range) continue ;; esac      # not from another file system
		run zcp_raw --engine=$e f "$1/to"
		assert_equal "$e $status $(cat "$1/to")" "$e 44 old"
		assert_output --partial 'no space left'
		no_litter "$1"
	done
	random "$1/own" 9000000
	[ "$1" != ext4 ] || random "$1/more" 40000000
	run zcp_raw "$1/own" "$1/to"
	assert_equal "$status $(cat "$1/to")" "44 old"
	echo small >s
	zcp_raw s "$1/to"
	cmp s "$1/to"
	no_litter "$1"
}
@test "a full tmpfs: 44 by every technique, a mapping too, and nothing is lost" { full tmpfs; }
@test "a full ext4: 44 by every technique, a mapping too, and nothing is lost" { full ext4; }

@test "what moves is what --bwlimit allows, and holes and shared extents are free" {
	random f 300000
	/usr/bin/python3 - "$ZCP_BUILD/zcp" <<-'P' 3>&-
	import subprocess, sys, time
	start = time.monotonic()
	subprocess.run([sys.argv[1], '--bwlimit=200K', 'f', 'to'], check=True)
	# 293 KiB, a tenth of a second of it in advance: never faster than that, whatever else the machine does
	assert time.monotonic() - start > 1.2
	P
	cmp f to
	holes make h 100G 50G+4096
	zcp_raw --bwlimit=64K h h2
	holes same h h2
}

# --- the same file ------------------------------------------------------------------------------------------------------

@test "a file onto itself, by whatever name, and a directory into itself: 4, and nothing is lost" {
	mkdir -p d/sub; echo kept >d/f; ln d/f hard; ln -s d/f soft; ln -s d dlink; echo x >d/sub/x
	standing() { find d hard -type f -exec stat -c '%n %i' {} + -exec cat {} + | sort; }
	local before
	before=$(standing)
	local line
	while IFS= read -r line; do
		# shellcheck disable=SC2086
		run zcp_raw $line
		assert_equal "$line: $status" "$line: 4"
		assert_equal "$(standing)" "$before"
	done <<-'E'
	d/f d/f
	d/f d
	d/f d/../d/f
	d/f soft
	soft d/f
	d/f hard
	hard d/f
	dlink/f d/f
	-n d/f hard
	-r d d/sub
	-r d d/new
	-r d d/sub/new
	-r d dlink
	-r d dlink/sub
	-r . d
	-r d/. d/sub
	-a d d
	E
	no_litter "$T"
}

@test "a link copied with -a onto the file that it leads to: 4, and the file keeps its contents" {
	mkdir d; echo precious >f; ln -s f g; ln -s g gg; ln -s "$T/f" d/absolute; ln f hard; ln -s ../f d/f
	local line
	while IFS= read -r line; do
		# shellcheck disable=SC2086
		run zcp_raw -a $line
		assert_equal "$line: $status" "$line: 4"
		assert_output --partial 'source and destination are the same file'
		assert_equal "$line: $(stat -c %F f) $(cat f hard | tr '\n' ' ')$(readlink g)" "$line: regular file precious precious f"
	done <<-'E'
	g f
	gg f
	-n g f
	-u gg f
	-I g ./f
	-H g hard
	d/absolute f
	d/f .
	g gg
	E
	no_litter "$T"
	# what leads elsewhere replaces a file, and a link that is the same is there already
	echo other >other
	zcp_raw -a g other
	assert_equal "$(readlink other)" f
	mkdir into; ln -s f into/g
	zcp_raw -a --json g into >json
	assert_equal "$(tail -1 json | jq -c .links)" 0
}

@test "a file poured onto itself, which would grow until the disk is full: 4, and it stays as it was" {
	head -c 300000 /dev/urandom >f
	cp f was
	ln -s f soft
	: >empty
	pours() { ( ulimit -f 4096; "$@" ) 2>err 3>&-; }        # bounds a failure
	run pours timeout 60 bash -c '"$ZCP_BUILD/zcp" f /dev/stdout >>f'
	assert_equal "$status" 4
	assert_file_contains err 'source and destination are the same file'
	cmp f was
	run pours timeout 60 bash -c '"$ZCP_BUILD/zcp" soft /dev/fd/7 7<>f'
	assert_equal "$status" 4
	cmp f was
	run pours timeout 60 bash -c '"$ZCP_BUILD/zcp" -n f /dev/stdout >>f'
	assert_equal "$status" 4
	cmp f was
	zcp_raw f /dev/stdout >>empty
	cmp f empty
}

@test "a slash behind a source has no meaning: a link is copied with -a, and what it leads to without" {
	mkdir d to; echo x >d/x; ln -s d l; ln -s d/x lf; echo f >f
	zcp_raw -a l/ to/link
	assert_equal "$(readlink to/link)" d
	zcp_raw -r l/ to
	assert_equal "$(stat -c %F to/l) $(cat to/l/x)" "directory x"
	zcp_raw -a l/// f/ lf/ to/l
	assert_equal "$(readlink to/l/l to/l/lf | tr '\n' ' ')$(cat to/l/f)" "d d/x f"
	zcp_raw lf/ to/copy
	assert_equal "$(stat -c %F to/copy)" "regular file"
	run zcp_raw -a l/. to/inside
	assert_equal "$status $(cat to/inside/x)" "0 x"
}

# --- into pipes and devices, out of FIFOs -------------------------------------------------------------------------------

@test "a FIFO, a device or a socket as source is left out, and never waited for" {
	mkfifo pipe; mkdir d; mkfifo d/pipe; echo a >d/a
	run zcp_raw pipe new
	assert_equal "$status $(ls new 2>/dev/null)" "23 "
	run zcp_raw /dev/null new
	assert_equal "$status $(ls new 2>/dev/null)" "23 "
	run zcp_raw -r d new
	assert_equal "$status $(ls new)" "23 a"
	run zcp_raw -a d archive
	assert_equal "$status $(ls archive)" "0 a"
	assert_output --partial 'left out'
}

@test "a pipe, a FIFO, a device and standard output are written in order" {
	random f 3000000
	zcp_raw f /dev/stdout | cmp - f
	zcp_raw f /dev/fd/1 >redirected
	cmp f redirected
	mkfifo pipe
	cat pipe >got 3>&- &
	local reader=$!
	zcp_raw f pipe
	wait $reader
	cmp f got
	zcp_raw f /dev/null
	[ -c /dev/null ]
	zcp_raw /proc/version /dev/stdout | cmp - /proc/version
	run zcp_raw --engine=mmap f pipe
	assert_equal "$status" 4
	run zcp_raw --json f /dev/stdout
	assert_equal "$status" 1
	run -45 zcp_raw -r "$T" pipe
}

@test "closed standard input, output or error: no file that is opened later stands in its place" {
	mkdir out
	random f 70000
	# it would be the directory that is copied into
	run -23 bash -c '"$1" -r /dev/stdin out <&-' - "$ZCP_BUILD/zcp"
	[[ $output == "zcp: /dev/stdin: not a regular file"* ]] || fail "$output"
	assert_equal "$(ls -A out)" ""
	local to
	for to in /dev/stdout /dev/fd/1; do
		run -11 bash -c '"$1" f "$2" >&-' - "$ZCP_BUILD/zcp" "$to"
		assert_output "zcp: $to: bad file descriptor"
	done
	run -44 bash -c '"$1" f /proc/self/fd/1 >&-' - "$ZCP_BUILD/zcp"         # nothing takes it: said, and not lost
	run -11 bash -c '"$1" f /dev/stderr 2>&-' - "$ZCP_BUILD/zcp"
	bash -c '"$1" -v f /dev/stdout 2>&-' - "$ZCP_BUILD/zcp" >said
	cmp f said
	bash -c '"$1" -vv f out/g <&- >&- 2>&-' - "$ZCP_BUILD/zcp"
	cmp f out/g
	local o
	for o in --json --stats -n; do
		run -11 bash -c '"$1" "$2" f out/h >&-' - "$ZCP_BUILD/zcp" "$o"
	done
}

@test "timeout(1) sends its signal twice: what was not complete stays behind" {
	mkrand "$T/big" 3000000
	mkdir "$T/o"
	run -20 timeout 60 strace -f -qq -o "$T/log" -e trace=pread64,unlinkat -e inject=pread64:signal=SIGTERM:when=5 -e inject=unlinkat:signal=SIGTERM:when=1 \
		"$ZCP_BUILD/zcp" --engine=readwrite "$T/big" "$T/o/"
	[ "$(grep -c 'SIGTERM' "$T/log")" = 2 ] || fail "$(cat "$T/log")"
	assert_equal "$(ls -A "$T/o")" ''
}
