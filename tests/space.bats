# space.bats - a full disk: 44, nothing left behind, nothing of what stood there lost, and the daemon goes on.
load helpers

setup() { T=$BATS_TEST_TMPDIR; ZCP_MNT=; }
teardown() {
	local status=0
	zcpd_stop || status=1
	[ -z "$ZCP_MNT" ] || umount "$ZCP_MNT" || status=1
	return $status
}

full_ext4() {   # MIB: an ext4 file system of that size in $ZCP_MNT
	need_root
	truncate -s "$1M" "$T/image"
	mkfs.ext4 -q -m 0 -N 4096 "$T/image"
	mkdir "$T/disk"
	mount -o loop "$T/image" "$T/disk" || fail "cannot mount"
	ZCP_MNT=$T/disk
	rmdir "$ZCP_MNT/lost+found"
}
full_tmpfs() {
	need_root
	mkdir "$T/disk"
	mount -t tmpfs -o "size=$1M" none "$T/disk" || fail "cannot mount"
	ZCP_MNT=$T/disk
}
many() { for i in {1..200}; do mkrand_fast "$1/$i" "$i"; done; }
mkrand_fast() { head -c 60000 /dev/urandom >"$1"; }
holds_only() { assert_equal "$(ls -A "$1" | tr '\n' ' ')" "$2"; }

down() { ROOT=$T/root; SRC=$ROOT; zcpd_start --plaintext-from 127.0.0.0/8; }
up() { ROOT=$ZCP_MNT; SRC=$T/src; mkdir "$SRC"; zcpd_start --plaintext-from 127.0.0.0/8; }

goes_on() {     # both ways, with what room there is
	echo small >"$T/small"
	run -0 zcp "$T/small" 127.0.0.1:small-up
	run -0 zcp 127.0.0.1:small-up "$T/small-down"
	cmp "$T/small" "$T/small-down"
}

@test "download onto a full ext4: found before the bytes travel" {
	full_ext4 20
	down
	mkrand "$SRC/big" 64000000
	echo before >"$ZCP_MNT/big"
	run -44 strace -f -qq -o "$T/log" -e trace=fallocate,pwrite64,write "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" 127.0.0.1:big "$ZCP_MNT/big" 3>&-
	assert_output --partial big
	assert_output --partial 'no space left'
	run ! grep -q fallocate "$T/log"         # not even asked: the others on that disk keep what is free
	run ! grep -q pwrite64 "$T/log"
	assert_equal "$(cat "$ZCP_MNT/big")" before
	holds_only "$ZCP_MNT" "big "
	goes_on
}

@test "upload onto a full ext4: found before the bytes travel" {
	full_ext4 20
	up
	mkrand "$SRC/big" 64000000
	run /usr/bin/python3 - "$SRC/big" 3>&- <<-P
		import os, sys
		sys.path.insert(0, '$ZCP_TOP/tests/peer')
		import harness, relay
		with relay.Relay($PORT) as r:
		    result = harness.zcp(sys.argv[1], '127.0.0.1:big', port=r.port)
		print(result)
		print('travelled:', r.passed['c2s'])
		sys.exit(0 if result.status == 44 and r.passed['c2s'] < 1 << 20 else 1)
	P
	assert_success
	holds_only "$ZCP_MNT" ""
	goes_on
}

no_room() {     # WAY FS CARRY: too small for fallocate, or a file system without it
	"full_$2" 16
	"$1"
	local size=12000000
	[ "$2" = ext4 ] || size=64000000
	mkrand "$SRC/one" 6000000 1
	mkrand "$SRC/two" 7000000 2
	[ "$2" = ext4 ] || mkrand "$SRC/three" $size 3
	mkrand "$SRC/last" 100 4
	[ "$2" = tmpfs ] || head -c 8000000 /dev/zero >"$ZCP_MNT/ballast"
	local names=(one two last)
	[ "$2" = ext4 ] || names=(one three last)
	if [ "$1" = down ]; then
		run -44 zcp "--$3" "${names[@]/#/127.0.0.1:}" "$ZCP_MNT/"
	else
		run -44 zcp "--$3" "${names[@]/#/$SRC/}" 127.0.0.1:
	fi
	assert_output --partial "${names[1]}"
	assert_file_not_exists "$ZCP_MNT/${names[1]}"
	cmp "$SRC/last" "$ZCP_MNT/last"
	no_litter "$ZCP_MNT"
	for n in "${names[@]}"; do [ ! -e "$ZCP_MNT/$n" ] || cmp "$SRC/$n" "$ZCP_MNT/$n"; done
	rm -f "$ZCP_MNT/one"
	goes_on
}

@test "download: a file that does not fit on ext4, --plaintext: 44, and the rest is copied" { no_room down ext4 plaintext; }
@test "upload: a file that does not fit on ext4, --plaintext: 44, and the rest is copied" { no_room up ext4 plaintext; }
@test "download: a file that does not fit on tmpfs, --plaintext: 44, and the rest is copied" { no_room down tmpfs plaintext; }
@test "upload: a file that does not fit on tmpfs, --plaintext: 44, and the rest is copied" { no_room up tmpfs plaintext; }
@test "download: a file that does not fit on ext4, --encrypt: 44, and the rest is copied" { no_room down ext4 encrypt; }
@test "upload: a file that does not fit on ext4, --encrypt: 44, and the rest is copied" { no_room up ext4 encrypt; }
@test "download: a file that does not fit on tmpfs, --encrypt: 44, and the rest is copied" { no_room down tmpfs encrypt; }
@test "upload: a file that does not fit on tmpfs, --encrypt: 44, and the rest is copied" { no_room up tmpfs encrypt; }

many_small() {  # WAY FS
	"full_$2" 8
	"$1"
	mkdir "$SRC/many"
	many "$SRC/many"
	if [ "$1" = down ]; then
		run -44 zcp -r 127.0.0.1:many "$ZCP_MNT/"
	else
		run -44 zcp -r "$SRC/many" 127.0.0.1:
	fi
	no_litter "$ZCP_MNT"
	local n=0
	for f in "$ZCP_MNT"/many/*; do
		cmp "$f" "$SRC/many/${f##*/}"
		n=$((n + 1))
	done
	[ $n -gt 20 ] && [ $n -lt 200 ] || fail "$n files"
	rm -r "$ZCP_MNT/many"
	goes_on
}
@test "download of many small files onto a full ext4: 44, those that fit are whole" { many_small down ext4; }
@test "upload of many small files onto a full ext4: 44, those that fit are whole" { many_small up ext4; }
@test "download of many small files onto a full tmpfs: 44, those that fit are whole" { many_small down tmpfs; }
@test "upload of many small files onto a full tmpfs: 44, those that fit are whole" { many_small up tmpfs; }

@test "a full tmpfs under the mmap engine: 44, and no signal" {
	full_tmpfs 16
	down
	mkrand "$SRC/big" 40000000
	run -44 zcp --engine=auto,mmap 127.0.0.1:big "$ZCP_MNT/"
	holds_only "$ZCP_MNT" ""
	goes_on_here() { echo s >"$SRC/s"; run -0 zcp 127.0.0.1:s "$ZCP_MNT/"; }
	goes_on_here
}

# Asking the file system would take all that is free, until it says no: others on the disk would see it full meanwhile. (What is so large here is only said to be: with holes it would fit.)
@test "a file larger than the disk is refused before any of its space is taken: nobody else sees it full" {
	[ "$(stat -f -c %T "$T")" != tmpfs ] || skip "no space is asked for on tmpfs"
	ZCPD_WRAP=(strace -f -qq -o "$T/trace.zcpd" -e trace=fallocate)
	zcpd_start
	mkdir "$T/out"
	run env PYTHONDONTWRITEBYTECODE=1 timeout -k 5 60 /usr/bin/python3 - 3>&- <<-P
		import os, subprocess, sys
		sys.path.insert(0, '$ZCP_TOP/tests/peer')
		import harness, opening, wire
		from client import Client, Failed
		from server import Server
		huge = wire.Meta('f', 0o644, 12 << 40)

		class Says(Server):
		    def on_STAT(self, s, m):
		        s.put('ATTR', id=m.id, meta=huge, identity=wire.Identity(1, 2))

		    def send_file(self, s, id_, item):
		        s.put('FILE', id=id_, meta=huge, identity=wire.Identity(1, 2))
		        s.put('DONE', id=id_)

		server = Says('$T/out').start()
		r = subprocess.run(['strace', '-f', '-qq', '-o', '$T/trace', '-e', 'trace=fallocate', os.path.join(harness.BUILD, 'zcp'), '--host-key=' + server.key,
		                    '-P', str(server.port), '127.0.0.1:huge', '$T/out/'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
		server.stop()
		print('down: %d %s' % (r.returncode, r.stdout.decode()))
		c = Client.connect($PORT, harness.identity(), pin=opening.key_parse('$HOSTKEY'))
		for how in (lambda: c.store_open(c.next_id(), b'again', b'', huge, 0), lambda: c.open_aside(b'again', huge)):
		    try:
		        how()
		    except Failed as e:
		        print('up: %d' % e.fail.status)
		c.bye()
	P
	assert_success
	assert_line --regexp '^down: 44 .*no space left'
	assert_equal "$(grep -c '^up: 44$' <<<"$output")" 2
	refute grep -q fallocate "$T/trace"
	refute grep -q fallocate "$T/trace.zcpd"
	assert_file_not_exists "$ROOT/again"
	no_litter "$ROOT" "$T/out"
}

@test "a part that is kept: the space it has already is not asked for again" {
	full_ext4 40
	run -0 timeout 60 "$ZCP_BUILD/unit/aside" "$ZCP_MNT" three-fifths 3>&-
	assert_output --partial 1..4
	holds_only "$ZCP_MNT" ""
}
