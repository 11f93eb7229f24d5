# sparse.bats - holes stay holes, both ways, and cost nothing: by every engine, plaintext and encrypted, over one stream and several, cut short, written over,
# changed meanwhile, where there are none, and from hosts that lie about them (hostile.bats).
load helpers

setup() {
	export T=$BATS_TEST_TMPDIR PYTHONDONTWRITEBYTECODE=1
	SHM='' MNT=''
}
teardown() {
	local status=0
	zcpd_stop || status=1
	[ -z "$MNT" ] || umount "$MNT" || status=1
	[ -z "$SHM" ] || rm -rf "$SHM"
	return $status
}

holes() { /usr/bin/python3 "$ZCP_TOP/tests/peer/holes.py" "$@" 3>&-; }
serve() { zcpd_start --plaintext-from 127.0.0.0/8 "$@"; export ZCPD; }
sparse() {      # CASE WAY: see tests/peer/sparse.py
	serve
	run timeout -k 5 300 /usr/bin/python3 "$ZCP_TOP/tests/peer/sparse.py" "$@" 3>&- 4>&-
	[ "$status" = 0 ] || fail "$(grep -a -v '^ok ' <<<"$output")"
	assert_output --regexp '1\.\.[1-9]'
}
# taken FILE: bytes on the disk
taken() { echo $(($(stat -c %b "$1") * 512)); }

# shapes DIR: below and above the size from which files go by ranges
shapes() {
	mkdir -p "$1"
	holes make "$1/all-hole" 3M
	holes make "$1/behind" 1M 1000000+48576
	holes make "$1/first" 2M 1M+1M
	holes make "$1/last" 2000001 0+300001
	holes make "$1/middle" 5M 0+1000001 4M+1M
	holes make "$1/odd" 2097229 0+1 10000+1 300000+400001 1052671+2 2097228+1
	holes make "$1/large-all-hole" 100M
	holes make "$1/large" 300M 0+70000 10M+3M 40000001+1 150M+5M 314572799+1
	holes make "$1/large-last" 64M 63M+1M
	holes make "$1/large-first" 50000001 0+9M
	mkrand "$1/dense" 9000000
	mkrand "$1/small" 3000
}
both_ways() {   # SRC ROOTDIR OUT OPTION...: SRC up into ROOTDIR, and down from there to OUT
	local src=$1 there=$2 out=$3
	shift 3
	rm -rf "${ROOT:?}/$there" "$out"
	run -0 zcp -r "$@" "$src" "127.0.0.1:$there"
	holes same "$src" "$ROOT/$there" || fail "up: $*"
	run -0 zcp -r "$@" "127.0.0.1:$there" "$out"
	holes same "$src" "$out" || fail "down: $*"
	no_litter "$ROOT" "$out"
}

@test "every kind of hole, up and down, plaintext and encrypted, over one stream and four: the same bytes, the same holes" {
	serve
	shapes "$T/src"
	local how j
	for how in --plaintext --encrypt; do
		for j in 1 4; do both_ways "$T/src" "s$how$j" "$T/out" $how -j $j; done
	done
	[ "$(taken "$T/out/large-all-hole")" = 0 ]
	[ "$(taken "$T/out/large")" -lt 10000000 ]
	[ "$(taken "$T/out/dense")" -ge 9000000 ]
}

@test "files that are named, one by one, without -r: the same holes" {
	serve --integrity=mac
	shapes "$T/src"
	mkdir "$T/out"
	local j
	for j in 1 4; do
		run -0 zcp -j $j "$T"/src/* 127.0.0.1:
		holes same "$T/src" "$ROOT"
		run -0 zcp -j $j $(for f in "$T"/src/*; do echo "127.0.0.1:${f##*/}"; done) "$T/out/"
		holes same "$T/src" "$T/out"
		rm "$ROOT"/* "$T"/out/*
	done
}

engines() {     # CARRY SENDERS RECEIVERS OPTION...
	local carry=$1 send=$2 recv=$3 s r
	shift 3
	for s in $send; do both_ways "$T/src" "$carry$s" "$T/out" "--$carry" "--engine=$s" "$@"; done
	for r in $recv; do both_ways "$T/src" "$carry-to-$r" "$T/out" "--$carry" "--engine=auto,$r" "$@"; done
}
@test "every engine that sends and every one that receives, plaintext: the same holes" {
	serve
	shapes "$T/src"
	engines plaintext "sendfile splice mmap readwrite direct" "mmap readwrite direct" -j 1
	engines plaintext "sendfile" "mmap" -j 4
}
@test "every engine that sends and every one that receives, encrypted: the same holes" {
	serve
	shapes "$T/src"
	engines encrypt "mmap readwrite direct" "mmap readwrite direct" -j 1
	engines encrypt "mmap" "mmap" -j 4
}
@test "every engine that sends and every one that receives, without tags: the same holes" {
	serve --integrity=none
	shapes "$T/src"
	engines plaintext "sendfile splice mmap readwrite direct" "splice mmap readwrite direct" --integrity=none -j 1
}

@test "a tmpfs: the same holes, and the source's are still there" {
	SHM=$(mktemp -d /dev/shm/zcp.XXXXXX)
	ROOT=$SHM/root
	mkdir "$ROOT"
	serve
	shapes "$SHM/src"
	local how j before after
	before=$(stat -c '%n %b' "$SHM"/src/*)
	for how in --plaintext --encrypt; do
		for j in 1 4; do both_ways "$SHM/src" "s$how$j" "$SHM/out" $how -j $j; done
		both_ways "$SHM/src" "m$how" "$SHM/out" $how --engine=mmap,mmap
	done
	both_ways "$SHM/src" sendfile "$SHM/out" --plaintext --engine=sendfile
	after=$(stat -c '%n %b' "$SHM"/src/*)
	assert_equal "$after" "$before"
}

@test "blocks of 1 KiB: the same bytes, and every hole of whole 4 KiB" {
	need_root
	truncate -s 60M "$T/image"
	mkfs.ext4 -q -b 1024 -m 0 "$T/image"
	mkdir "$T/disk"
	mount -o loop "$T/image" "$T/disk" || fail "cannot mount"
	MNT=$T/disk
	mkdir "$MNT/src" "$MNT/out"
	holes make "$MNT/src/a" 3M 1024+1024 5120+2048 1M+3072 2000000+1
	holes make "$MNT/src/b" 20M 5M+1024 10487808+5000
	serve
	for f in a b; do
		run -0 zcp "$MNT/src/$f" 127.0.0.1:
		cmp "$MNT/src/$f" "$ROOT/$f"
		run -0 zcp "127.0.0.1:$f" "$MNT/out/"
		cmp "$MNT/src/$f" "$MNT/out/$f"
		run -0 zcp --encrypt --engine=direct "$MNT/src/$f" "127.0.0.1:direct$f"
		holes same "$ROOT/$f" "$ROOT/direct$f"
		[ "$(taken "$MNT/out/$f")" -le 65536 ]
	done
}

@test "1 TiB with 1 MiB at its end costs a MiB: down" { sparse terabyte down; }
@test "1 TiB with 1 MiB at its end costs a MiB: up" { sparse terabyte up; }
@test "1 TiB of nothing costs nothing, whatever the rate: down" { sparse nothing down; }
@test "1 TiB of nothing costs nothing, whatever the rate: up" { sparse nothing up; }
@test "every other block is a hole: down" { sparse blocks down; }
@test "every other block is a hole: up" { sparse blocks up; }

@test "killed in the middle, it goes on: only what is missing comes, and holes are holes: down" { sparse killed down; }
@test "killed in the middle, it goes on: only what is missing comes, and holes are holes: up" { sparse killed up; }
@test "killed again and again: down" { sparse twice down; }
@test "killed again and again: up" { sparse twice up; }
@test "what stands where a hole is to be is found and removed: down" { sparse polluted down; }
@test "what stands where a hole is to be is found and removed: up" { sparse polluted up; }
@test "where no hole can be made there are zeros; interrupted calls are called again" { sparse wrapped down; }
@test "where holes cannot be found, every byte is sent" { sparse lseek_sender up; }
@test "a source whose holes change is noticed: down" { sparse changing down; }
@test "a source whose holes change is noticed: up" { sparse changing up; }

@test "a dense file stays dense, and its room is asked for; for one with holes none is" {
	serve
	mkrand "$ROOT/dense" 9000000
	holes make "$ROOT/sparse" 20M 0+4096 10M+5M
	mkdir "$T/out" "$ROOT/tree"
	holes make "$ROOT/tree/sparse" 20M 0+4096 10M+5M
	local f n
	for f in dense sparse tree; do
		run -0 timeout 60 strace -f -qq -o "$T/trace" -e trace=fallocate "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -r "127.0.0.1:$f" "$T/out/" 3>&-
		n=$(grep -c 'fallocate(' "$T/trace") || true
		[ $f != dense ] || [ "$(stat -f -c %T "$T")" = tmpfs ] || [ "$n" = 1 ] || fail "$f: $(cat "$T/trace")"
		[ $f = dense ] || [ "$n" = 0 ] || fail "$f: $(cat "$T/trace")"
	done
	[ "$(taken "$T/out/dense")" -ge 9000000 ]
	holes same "$ROOT/sparse" "$T/out/sparse"
	holes same "$ROOT/tree/sparse" "$T/out/tree/sparse"
}

@test "a file is replaced by what it becomes: dense by one with holes, and the reverse" {
	serve
	mkdir "$T/src" "$T/out"
	local size
	for size in 3M 30M; do
		holes make "$T/src/sparse" $size 1M+100K
		mkrand "$T/src/dense" "$(stat -c %s "$T/src/sparse")"
		for f in dense sparse dense sparse; do
			run -0 zcp "$T/src/$f" 127.0.0.1:f
			holes same "$T/src/$f" "$ROOT/f"
			run -0 zcp 127.0.0.1:f "$T/out/f"
			holes same "$T/src/$f" "$T/out/f"
		done
	done
}

@test "into a pipe, a device or standard output every byte goes, and the host is not asked for holes" {
	serve
	holes make "$ROOT/f" 20M 1M+5000 10M+100K
	run -0 bash -c '"$@" >"$0"' "$T/out" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:f /dev/stdout 3>&-
	cmp "$ROOT/f" "$T/out"
	mkfifo "$T/pipe"
	zcp_bg 127.0.0.1:f "$T/pipe"
	cmp "$ROOT/f" <(cat "$T/pipe")
	wait "$ZCP"
	[ -p "$T/pipe" ]
	run -0 bash -c '"$@" | cmp - "$0"' "$ROOT/f" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" --plaintext 127.0.0.1:f /dev/stdout 3>&-
	run -0 zcp 127.0.0.1:f /dev/null
	mkfifo "$ROOT/fifo"
	run zcp 127.0.0.1:fifo "$T/none"
	assert_failure
	assert_file_not_exists "$T/none"
	[ -p "$ROOT/fifo" ]
}

small_disk() {          # 20 MiB of ext4 at $MNT
	truncate -s 20M "$T/image"
	mkfs.ext4 -q -m 0 -N 4096 "$T/image"
	mkdir "$T/disk"
	mount -o loop "$T/image" "$T/disk" || fail "cannot mount"
	MNT=$T/disk
	rmdir "$MNT/lost+found"
}

@test "a disk that is smaller than the file, and larger than what is in it: it fits; with more in it: 44, and nothing is left" {
	need_root
	small_disk
	holes make "$T/fits" 5G 1G+3M 4G+2M
	holes make "$T/not" 5G 1G+13M 4G+12M
	local recv
	ROOT=$MNT
	serve
	for recv in auto mmap direct; do
		for j in 1 3; do
			run -0 zcp -j $j "--engine=auto,$recv" "$T/fits" 127.0.0.1:
			holes same "$T/fits" "$MNT/fits"
			rm "$MNT/fits"
			run -44 zcp -j $j "--engine=auto,$recv" "$T/not" 127.0.0.1:
			assert_equal "$(ls -A "$MNT")" ''
		done
	done
	zcpd_stop
	ROOT=$T/root
	serve
	ln "$T/fits" "$T/not" "$ROOT/"
	for recv in auto mmap direct; do
		for j in 1 3; do
			run -0 zcp -j $j "--engine=auto,$recv" 127.0.0.1:fits "$MNT/"
			holes same "$T/fits" "$MNT/fits"
			rm "$MNT/fits"
			run -44 zcp -j $j "--engine=auto,$recv" 127.0.0.1:not "$MNT/"
			assert_equal "$(ls -A "$MNT")" ''
		done
	done
}

# A page's first write wants the blocks of its whole large folio, beyond what was asked for: which folios there are is up to the kernel, so it is tried often.
@test "a disk that fills up under a mapping: 44 each time, not a cut connection" {
	need_root
	small_disk
	holes make "$T/not" 5G 1G+13M 4G+12M
	ROOT=$MNT
	serve
	for _ in {1..12}; do
		run -44 --separate-stderr zcp -j 3 --engine=auto,mmap "$T/not" 127.0.0.1:
		[[ $stderr != *"cut"* ]] || fail "$stderr"
		assert_equal "$(ls -A "$MNT")" ''
	done
}

@test "progress counts holes as done; the daemon counts what moved" {
	conf=$T/zcpd.conf
	private_home
	mkdir -p "$T/root"
	ROOT=$T/root
	run -0 zcp_raw --public-key
	echo "$(grep -m1 '^zcp-x25519' <<<"$output") write" >"$T/keys"
	chmod 600 "$T/keys"
	printf 'authorized-keys = "%s"\ntransfer-log = "%s"\nexport r { path = "%s" mode = rw prefix = "/" }\n' "$T/keys" "$T/log" "$ROOT" >"$conf"
	ZCPD_MODE="--config $conf" zcpd_start
	holes make "$ROOT/f" 1G 512M+2M
	holes make "$T/g" 5M 1M+100K
	run -0 zcp --progress 127.0.0.1:f "$T/f"
	assert_output --regexp '^f +100% +1\.0 GiB'
	wait_for_line "$T/zcpd.log" 'sent 1 file, 2\.0 MiB, '
	wait_for_line "$T/log" ' sent "r" "f" 2097152 bytes '
	run -0 zcp --progress "$T/f" 127.0.0.1:up
	assert_output --regexp '100% +1\.0 GiB'
	wait_for_line "$T/zcpd.log" 'received 1 file, 2\.0 MiB, '
	wait_for_line "$T/log" ' received "r" "up" 1073741824 bytes '
	run -0 zcp --progress "$T/g" 127.0.0.1:g
	assert_output --regexp '100% +5\.0 MiB'
	wait_for_line "$T/zcpd.log" 'received 1 file, 1[0-9][0-9] KiB, '
	wait_for_line "$T/log" ' received "r" "g" 102400 bytes '
}
