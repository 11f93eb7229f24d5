# metadata.bats - what files have besides contents, modes and times, both ways: extended attributes, access control lists, owners, set-id bits.
load helpers

setup() { T=$BATS_TEST_TMPDIR; MNT=(); }
teardown() {
	local status=0 m
	chmod -R u+rwX "$T" 2>/dev/null || true
	zcpd_stop || status=1
	for m in "${MNT[@]}"; do umount "$m" || status=1; done
	[ -z "${ROOMY:-}" ] || rm -rf "$ROOMY"
	return $status
}

# --- places -----------------------------------------------------------------------------------------------------------

# place NAME: an empty directory to be copied, wherever the way WAY asks for it. Sets SRC, DST: DST is where it will be.
place() {
	if [ "$WAY" = down ]; then SRC=$ROOT/$1 DST=${HERE:-$T/out}/$1; else SRC=${HERE:-$T/in}/$1 DST=$ROOT/out/$1; fi
	mkdir -p "$SRC" "$(dirname "$DST")"
}
# copy OPTION...: SRC to DST's directory
copy() {
	if [ "$WAY" = down ]; then zcp "$@" "127.0.0.1:${SRC##*/}" "${DST%/*}/"; else zcp "$@" "$SRC" 127.0.0.1:out/; fi
}
both() { zcpd_start --plaintext-from 127.0.0.0/8; for WAY in down up; do "$@"; done; }

# set_attr FILE NAME VALUE, any bytes in $'...'
set_attr() { setfattr -n "$2" -v "$3" "$1"; }
need_xattrs() { : >"$T/probe"; set_attr "$T/probe" user.probe 1 2>/dev/null || skip "no extended attributes on this file system"; }
need_acls() { : >"$T/probe"; setfacl -m u:7:r "$T/probe" 2>/dev/null || skip "no access control lists on this file system"; }
# A directory whose file system keeps attributes of 64 KiB: ROOMY.
need_roomy() {
	ROOMY=$(mktemp -d /dev/shm/zcp-metadata.XXXXXX)
	: >"$ROOMY/probe"
	attr_of "$ROOMY/probe" user.probe 60000 2>/dev/null || skip "no file system at hand with attributes of 64 KiB"
	rm "$ROOMY/probe"
}
# attr_of FILE NAME BYTES: a value of so many bytes
attr_of() { /usr/bin/python3 -c 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], b"v" * int(sys.argv[3]))' "$@" 3>&-; }
need_ramfs() {  # a file system without any of it: BARE
	need_root
	mkdir -p "$T/bare"
	mount -t ramfs none "$T/bare" || fail "cannot mount"
	MNT+=("$T/bare")
	BARE=$T/bare
}

bare() { run ! grep -q "=" <(besides "$1" xattrs acls); }

# files DIR: one of each way a file may go, and directories
files() {
	mkdir -p "$1/d/e"
	: >"$1/empty"
	mkrand "$1/small" 1000
	mkrand "$1/d/eager" 70000
	mkrand "$1/d/e/asked" 2500000
	mkrand "$1/large" 9000001
	echo more >"$1/d/e/more"
}

# --- attributes -------------------------------------------------------------------------------------------------------

dressed() {     # DIR: attributes of all kinds on files and directories
	/usr/bin/python3 - "$1" <<-'P' 3>&-
	import os, sys
	names = [b'user.a', b'user.\xff\xfe', b'user.sp ace', b'user.new\nline', b'user.\x1b[31m', b'user.' + b'n' * 200, b'user.a.b.c', b'user.\xc3\xa4']
	values = [b'', b'\0', b'text', bytes(range(256)), b'\xff' * 100, b'\n', b'a=b', b'0x']
	n = 0
	for where, dirs, files in os.walk(os.fsencode(sys.argv[1])):
	    for path in [where] + [os.path.join(where, f) for f in files]:
	        for k in range(3):
	            os.setxattr(path, names[(n + k) % 8], values[(n * 3 + k) % 8])
	        n += 1
	P
}

attributes() {
	place "x$*"
	files "$SRC"
	dressed "$SRC"
	chmod 444 "$SRC/small"
	run -0 copy -r -X "$@"
	tree_equal "$SRC" "$DST"
	alike "$SRC" "$DST" xattrs
	# again, over what is there: what it has and the source has not goes
	/usr/bin/python3 -c 'import os, sys
for where, dirs, files in os.walk(os.fsencode(sys.argv[1])):
    for path in [where] + [os.path.join(where, f) for f in files]:
        mode = os.stat(path).st_mode & 0o777
        os.chmod(path, mode | 0o600)
        os.setxattr(path, "user.old", b"old")
        os.setxattr(path, "user.a", b"another")
        os.chmod(path, mode)' "$DST" 3>&-
	setfattr -x user.a "$SRC/d" 2>/dev/null || true
	run -0 copy -r -X "$@"
	alike "$SRC" "$DST" xattrs
	no_litter "$DST"
}
@test "-X: attributes with names and values of any bytes, of every size of file and of directories" { need_xattrs; both attributes; }
@test "-X over four streams, encrypted" { need_xattrs; both attributes -j 4 --encrypt; }
@test "-X with -a and plaintext" { need_xattrs; both attributes -a --plaintext; }

not_asked() {
	place plain
	files "$SRC"
	dressed "$SRC"
	cp -r "$SRC/small" "$T/kept-$WAY"
	run -0 copy -r -p
	bare "$DST"
	set_attr "$DST/d" user.own kept
	run -0 copy -r -p
	assert_equal "$(getfattr --only-values -n user.own "$DST/d")" kept
}
@test "without -X no attribute travels, and those of a directory that is there stay" { need_xattrs; both not_asked; }

@test "without -X, -A and owners no call is made for them, on either side" {
	need_root
	ZCPD_WRAP=(strace -f -qq -o "$T/daemon.log" -e "trace=listxattr,flistxattr,getxattr,fgetxattr,fsetxattr,fremovexattr,fchown,fchownat")
	zcpd_start --plaintext-from 127.0.0.0/8
	files "$ROOT/t"
	ln -s small "$ROOT/t/link"
	run -0 strace -f -qq -o "$T/client.log" -e trace=listxattr,flistxattr,getxattr,fgetxattr,fsetxattr,fremovexattr,fchown,fchownat \
		"$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -rp 127.0.0.1:t "$T/down" 3>&-
	run -0 strace -f -qq -o "$T/client2.log" -e trace=listxattr,flistxattr,getxattr,fgetxattr,fsetxattr,fremovexattr,fchown,fchownat \
		"$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -a "$T/down" 127.0.0.1:up 3>&-
	zcpd_stop
	for log in daemon client client2; do
		run ! grep -E 'xattr|chown' "$T/$log.log"
	done
	tree_equal "$ROOT/t" "$ROOT/up" modes times
}

# --- access control lists ---------------------------------------------------------------------------------------------

lists() {
	place "acl$*"
	files "$SRC"
	chmod 640 "$SRC/small"
	chmod 600 "$SRC/empty"
	setfacl -m u:7:rw,g:8:r,u:65534:x "$SRC/small" "$SRC/large" "$SRC/d/eager"
	setfacl -m u:7:rwx -m m::r "$SRC/d/e/asked"
	setfacl -m u:9:rx "$SRC/d"
	setfacl -d -m u:9:rwx,g:8:r "$SRC/d"
	setfacl -d -m o::- "$SRC/d/e"
	touch -d '2001-02-03' "$SRC/empty"
	run -0 copy -r -A "$@"
	tree_equal "$SRC" "$DST" modes
	alike "$SRC" "$DST" acls modes
	[ "$(stat -c %Y "$DST/empty")" != "$(stat -c %Y "$SRC/empty")" ] || [ "$#" != 0 ] || fail "-A alone kept times"
	# again, over files that have others: they get the source's, and none where it has none
	setfacl -m u:5:rwx "$DST/small" "$DST/empty" "$DST/large" "$DST/d/e/more" "$DST/d/e" "$DST"
	setfacl -d -m u:5:rwx "$DST" "$DST/d"
	chmod 777 "$DST/empty"
	run -0 copy -r -A "$@"
	alike "$SRC" "$DST" acls modes
	no_litter "$DST"
}
@test "-A: access control lists and modes, of every size of file; default ones of directories; none where the source has none" { need_acls; both lists; }
@test "-A -X -a over four streams" { need_acls; need_xattrs; both lists -aX -j 4; }

lists_stay() {
	place stay
	echo new >"$SRC/f"
	setfacl -m u:7:rw "$SRC/f"
	run -0 copy -r
	run ! grep -q '^user:7:' <(getfacl -cn "$DST/f")
	setfacl -m u:8:r "$DST/f"
	chmod 640 "$SRC/f"
	run -0 copy -r
	grep -q '^user:8:' <(getfacl -cn "$DST/f") || fail "without -A the list of the file that was replaced is lost"
}
@test "without -A a file that is replaced keeps its own list, and a new one gets none" { need_acls; both lists_stay; }

# --- more than fits, and what is refused ---------------------------------------------------------------------------------

most() {
	place "most-$WAY"
	files "$SRC"
	# tag, length, length of the name, name: with its value 60,000 bytes exactly
	attr_of "$SRC/small" user.x 59990
	attr_of "$SRC/d" user.x 59990
	attr_of "$SRC/large" user.xx 59989
	attr_of "$SRC/d/eager" user.y 30000
	attr_of "$SRC/d/eager" user.z 29980
	run -0 copy -r -X
	tree_equal "$SRC" "$DST"
	alike "$SRC" "$DST" xattrs
}
@test "60,000 bytes of attributes are copied, on files and directories" { need_roomy; HERE=$ROOMY/here ROOT=$ROOMY/root; both most; }

many_dirs() {
	place "many-$WAY"
	for i in {1..40}; do
		mkdir "$SRC/$i"
		attr_of "$SRC/$i" user.x $((59990 - i))
	done
	run -0 copy -r -X
	alike "$SRC" "$DST" xattrs
}
@test "40 directories with as many bytes each: a listing's pages hold few of them" { need_roomy; HERE=$ROOMY/here ROOT=$ROOMY/root; both many_dirs; }

too_much() {
	local name
	for name in small d/eager d/e/asked large d; do
		place "much-$WAY${name//\//-}"
		files "$SRC"
		attr_of "$SRC/$name" user.x 59991
		set_attr "$SRC/empty" user.ok 1
		mkdir -p "$DST/d"
		set_attr "$DST/d" user.own kept
		run -23 copy -r -X
		assert_output --partial "$name: its extended attributes and access control lists are more than 60,000 bytes"
		assert_equal "$(grep -c '60,000' <<<"$output")" 1
		assert_equal "$(getfattr --only-values -n user.ok "$DST/empty")" 1
		if [ "$name" = d ]; then
			tree_equal "$SRC" "$DST"
			assert_equal "$(getfattr --only-values -n user.own "$DST/d")" kept
		else
			[ ! -e "$DST/$name" ] || fail "$name is there, with less than it has"
			rm "$SRC/$name"
			tree_equal "$SRC" "$DST"
		fi
	done
	place "one-$WAY"
	echo x >"$SRC/f"
	attr_of "$SRC/f" user.x 60001
	if [ "$WAY" = down ]; then run -11 zcp -X "127.0.0.1:one-down/f" "$DST"; else run -11 zcp -X "$SRC/f" 127.0.0.1:out/one-up; fi
	[ ! -e "$DST" ]
	no_litter "$ROOMY"
}
@test "one byte more: 11 and a sentence, nothing of that file is there, all else is" { need_roomy; HERE=$ROOMY/here ROOT=$ROOMY/root; both too_much; }

# SRC keeps large attributes, DST does not.
no_room() {
	[ "$WAY" = down ] && ROOT=$ROOMY/root || ROOT=$T/root
	zcpd_start --plaintext-from 127.0.0.0/8
	[ "$WAY" = down ] || HERE=$ROOMY/in
	place refused
	files "$SRC"
	for f in small d/eager d/e/asked large d; do attr_of "$SRC/$f" user.x 20000; done
	set_attr "$SRC/empty" user.ok 1
	set_attr "$SRC/small" user.fits 1
	run -23 copy -r -X
	assert_equal "$(grep -c 'copied, but its extended attributes (-X) could not be set' <<<"$output")" 5
	tree_equal "$SRC" "$DST"
	assert_equal "$(getfattr --only-values -n user.ok "$DST/empty")" 1
	assert_equal "$(getfattr --only-values -n user.fits "$DST/small")" 1
	no_litter "$DST"
	zcpd_stop
	unset HERE
}
@test "attributes that the destination has no room for: all is copied, 23, and a sentence for each name" {
	need_roomy
	need_xattrs
	: >"$T/probe"
	! attr_of "$T/probe" user.x 20000 2>/dev/null || skip "the file systems at hand have room for all attributes"
	for WAY in down up; do no_room; done
}

@test "a destination without attributes and lists: all is copied, 23; the group gets no more than the list gave it" {
	need_ramfs
	need_xattrs
	need_acls
	ROOT=$T/root
	zcpd_start --plaintext-from 127.0.0.0/8
	mkdir "$ROOT/t"
	files "$ROOT/t"
	chmod 640 "$ROOT/t/small"
	chmod 600 "$ROOT/t/large"
	setfacl -m u:7:rw "$ROOT/t/small" "$ROOT/t/large"       # the mask, which stands in the place of the group's bits, is rw
	set_attr "$ROOT/t/d/eager" user.x 1
	setfacl -d -m u:7:rw "$ROOT/t/d/e"
	run -23 zcp -r -X -A 127.0.0.1:t "$BARE/"
	assert_output --partial 't/small: copied, but its access control list (-A) could not be set'
	assert_output --partial 't/d/e: copied, but its access control list (-A) could not be set'
	assert_output --partial 't/d/eager: copied, but its extended attributes (-X) could not be set'
	assert_equal "$(grep -c 'copied, but' <<<"$output")" 4
	tree_equal "$ROOT/t" "$BARE/t"
	assert_equal "$(stat -c %a "$BARE/t/small" "$BARE/t/large" | xargs)" "640 600"
	zcpd_stop
	ROOT=$BARE
	zcpd_start --plaintext-from 127.0.0.0/8
	run -23 zcp -r -X -A "$T/root/t" 127.0.0.1:up
	assert_output --partial '127.0.0.1:up/small: copied, but its access control list (-A) could not be set'
	assert_output --partial '127.0.0.1:up/d/e: copied, but its access control list (-A) could not be set'
	assert_output --partial '127.0.0.1:up/d/eager: copied, but its extended attributes (-X) could not be set'
	assert_equal "$(grep -c 'copied, but' <<<"$output")" 4
	tree_equal "$T/root/t" "$BARE/up"
	assert_equal "$(stat -c %a "$BARE/up/small" "$BARE/up/large" | xargs)" "640 600"
	# and what has nothing of the kind is copied without a word
	rm -r "$BARE"/*
	mkdir "$T/bare-tree"
	files "$T/bare-tree"
	run -0 zcp -aXA "$T/bare-tree" 127.0.0.1:fine
	refute_output
}

# --- large files that go on -------------------------------------------------------------------------------------------------

@test "a large file of which all is here but its name: the next run gives it its attributes and its list" {
	need_xattrs
	need_acls
	zcpd_start --plaintext-from 127.0.0.0/8
	mkrand "$ROOT/large" 9000001
	set_attr "$ROOT/large" user.x 1
	setfacl -m u:7:rw "$ROOT/large"
	# killed when the last byte has come, by its first look at the attributes of what came
	run -137 strace -f -qq -o "$T/log" -e trace=flistxattr -e inject=flistxattr:error=EIO:signal=KILL \
		"$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -aXA 127.0.0.1:large "$T/" 3>&-
	[ ! -e "$T/large" ]
	run -0 zcp -v -aXA 127.0.0.1:large "$T/"
	assert_output --partial '9000001 of 9000001 bytes are here already'
	cmp "$ROOT/large" "$T/large"
	besides "$ROOT/large" xattrs acls modes >"$T/a"
	besides "$T/large" xattrs acls modes >"$T/b"
	cmp "$T/a" "$T/b"
	no_litter "$T"
}

@test "a large file that goes on has its attributes; one whose attributes change while it is copied is copied again, with what it has then" {
	need_xattrs
	export T ZCP_TIMEOUT=60
	zcpd_start --plaintext-from 127.0.0.0/8
	export ZCPD
	local way
	for way in resuming uploads; do
		run env PYTHONDONTWRITEBYTECODE=1 timeout -k 5 300 /usr/bin/python3 "$ZCP_TOP/tests/peer/$way.py" extras 3>&- 4>&-
		[ "$status" = 0 ] || fail "$(grep -a -v '^ok ' <<<"$output")"
		assert_output --regexp '# [0-9]+ cases, 0 failed'
	done
}

# --- owners -----------------------------------------------------------------------------------------------------------------

owned() {       # DIR: files, directories and links of several owners, set-id and sticky bits
	files "$1"
	ln -s small "$1/link"
	ln -s nowhere "$1/d/link"
	chown 4001:4002 "$1/small" "$1/d" "$1/large" "$1/d/e/asked"
	chown -h 4003:4004 "$1/link" "$1/d/link"
	chown 4001:0 "$1/d/eager"
	chmod 4755 "$1/small" "$1/d/e/asked"
	chmod 2755 "$1/large" "$1/d/eager"
	chmod 6711 "$1/empty"
	chmod 2775 "$1/d"
	chmod 1777 "$1/d/e"
}

@test "as root -a keeps owners, groups and set-id bits of what comes: files, directories, links" {
	need_root
	zcpd_start --plaintext-from 127.0.0.0/8
	owned "$ROOT/t"
	mkdir "$T/out"
	for how in --plaintext "-j4 --encrypt" --numeric-ids; do
		rm -rf "$T/out/t"
		# shellcheck disable=SC2086
		run -0 zcp -a $how 127.0.0.1:t "$T/out/"
		tree_equal "$ROOT/t" "$T/out/t" modes times links
		alike "$ROOT/t" "$T/out/t" owners modes
	done
	chown -h 1:1 "$T/out/t"/* "$T/out/t"
	run -0 zcp -a 127.0.0.1:t "$T/out/"              # over what is there
	alike "$ROOT/t" "$T/out/t" owners modes
	rm -r "$T/out/t"
	run -0 zcp -a 127.0.0.1:t/link 127.0.0.1:t/small "$T/out/"
	assert_equal "$(stat -c '%n %u:%g %a' "$T/out/link" "$T/out/small" | sed "s|$T/out/||" | xargs)" "link 4003:4004 777 small 4001:4002 4755"
	no_litter "$T/out"
}

@test "without -a, and with -p alone, root keeps neither owners nor set-id bits" {
	need_root
	zcpd_start --plaintext-from 127.0.0.0/8
	owned "$ROOT/t"
	rm "$ROOT/t/d/link"             # it leads nowhere, and links are followed
	for how in -r -rp -rpXA; do
		rm -rf "$T/t"
		run -0 zcp $how 127.0.0.1:t "$T/"
		tree_equal "$ROOT/t" "$T/t"
		run -0 find "$T/t" '(' ! -uid 0 -o ! -gid 0 -o -perm /7000 ')'
		refute_output
	done
}

@test "uploads carry no owners: what arrives is zcpd's own, without set-id bits" {
	need_root
	zcpd_start --plaintext-from 127.0.0.0/8
	owned "$T/t"
	run -0 zcp -aXA "$T/t" 127.0.0.1:up
	tree_equal "$T/t" "$ROOT/up" modes times links
	run -0 find "$ROOT/up" '(' ! -uid 0 -o ! -gid 0 -o -perm /7000 ')'
	refute_output
}

@test "somebody who is not root asks for no owners: -a is fine, and there are no set-id bits" {
	need_user
	zcpd_start --plaintext-from 127.0.0.0/8
	files "$ROOT/t"
	chmod 6755 "$ROOT/t/small"
	run -0 zcp -a 127.0.0.1:t "$T/"
	refute_output
	tree_equal "$ROOT/t" "$T/t" modes times
	assert_equal "$(stat -c %a "$T/t/small")" 755
}

@test "root that may not give files away: all is copied, a sentence for each, no set-id bits, 23" {
	need_root
	zcpd_start --plaintext-from 127.0.0.0/8
	owned "$ROOT/t"
	run -23 setpriv --bounding-set=-chown --inh-caps=-all -- "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -a 127.0.0.1:t "$T/" 3>&-
	assert_equal "$(grep -c 'copied, but its owner and group could not be set' <<<"$output")" 7
	assert_output --partial 't/d/link: copied, but its owner'
	tree_equal "$ROOT/t" "$T/t" modes times links
	# root's own keep theirs
	assert_equal "$(stat -c %a "$T/t/small" "$T/t/d/eager" "$T/t/d/e/asked" "$T/t/large" "$T/t/d" "$T/t/empty" "$T/t/d/e" | xargs)" "755 755 755 755 775 6711 1777"
}

# with PASSWD GROUP COMMAND...: as on a machine that has those users and groups
with_names() {
	cat >"$T/with" <<-'S'
	#!/bin/sh
	mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/group && shift 2 && exec "$@"
	S
	chmod +x "$T/with"
}

@test "names that zcpd did not have when it was started are known after a reload" {
	need_root
	private_home
	mkdir -p "$T/state" "$T/root"
	chmod 700 "$T/state"
	zcp_raw --public-key 2>/dev/null | awk '/^zcp-x25519/ { print $1, $2, "me" }' >"$T/state/authorized_keys"
	printf 'status-socket = none\nexport data { path = "%s" prefix = "/" }\n' "$T/root" >"$T/zcpd.conf"
	echo root:x:0:0::/: >"$T/passwd.there"
	echo root:x:0: >"$T/group.there"
	printf 'root:x:0:0::/:\nalpha:x:5001:5001::/:\n' >"$T/passwd.here"
	with_names
	ZCPD_WRAP=(unshare -m "$T/with" "$T/passwd.there" "$T/group.there")
	ZCPD_MODE="--config $T/zcpd.conf" zcpd_start
	echo x >"$ROOT/f"
	chown 4001:0 "$ROOT/f"
	here() { unshare -m "$T/with" "$T/passwd.here" "$T/group.there" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -a 127.0.0.1:f "$T/f" 3>&-; }
	run -0 here
	assert_equal "$(stat -c %u "$T/f")" 4001
	echo alpha:x:4001:4001::/: >>"$T/passwd.there"
	kill -HUP "$ZCPD"
	wait_for_line "$T/zcpd.log" ': reloaded$'
	run -0 here
	assert_equal "$(stat -c %u "$T/f")" 5001
}

@test "names count before numbers, unless --numeric-ids" {
	need_root
	zcpd_start --plaintext-from 127.0.0.0/8
	zcpd_stop
	# the daemon knows alpha and beta by other numbers than the client
	printf 'alpha:x:4001:4001::/:\nroot:x:0:0::/:\nonly-there:x:4010:4010::/:\n' >"$T/passwd.there"
	printf 'beta:x:4002:\nroot:x:0:\n' >"$T/group.there"
	printf 'root:x:0:0::/:\nalpha:x:5001:5001::/:\n' >"$T/passwd.here"
	printf 'root:x:0:\nbeta:x:5002:\n' >"$T/group.here"
	with_names
	ZCPD_WRAP=(unshare -m "$T/with" "$T/passwd.there" "$T/group.there")
	zcpd_start --plaintext-from 127.0.0.0/8
	files "$ROOT/t"
	chown 4001:4002 "$ROOT/t/small" "$ROOT/t/d"
	chown 4010:4011 "$ROOT/t/large"
	ln -s x "$ROOT/t/link"
	chown -h 4001:4002 "$ROOT/t/link"
	chmod 4755 "$ROOT/t/small"
	mkdir "$T/out"
	run -0 unshare -m "$T/with" "$T/passwd.here" "$T/group.here" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -a 127.0.0.1:t "$T/out/" 3>&-
	assert_equal "$(cd "$T/out/t" && stat -c '%n %u:%g' small d link large empty | xargs)" "small 5001:5002 d 5001:5002 link 5001:5002 large 4010:4011 empty 0:0"
	assert_equal "$(stat -c %a "$T/out/t/small")" 4755
	run -0 unshare -m "$T/with" "$T/passwd.here" "$T/group.here" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -a --numeric-ids 127.0.0.1:t "$T/out/" 3>&-
	alike "$ROOT/t" "$T/out/t" owners
}

@test "what is poured into a pipe has nothing besides" {
	zcpd_start
	mkrand "$ROOT/f" 100000
	zcp -aXA 127.0.0.1:f /dev/stdout >"$T/poured" </dev/null || fail "status $?"
	cmp "$ROOT/f" "$T/poured"
}

@test "a directory that its owner may not write into is filled on a later run, too, and has its mode again" {
	mkdir -p "$T/src/RU/d"
	echo 1 >"$T/src/RU/d/f"; touch "$T/src/RU/d/gone"
	chmod 555 "$T/src/RU/d"
	zcpd_start
	run -0 zcp -a "$T/src/RU" "127.0.0.1:"
	run -0 zcp -a "127.0.0.1:RU" "$T/down"
	for again in 1 2; do
		chmod 755 "$T/src/RU/d"
		echo "more $again" >>"$T/src/RU/d/f"; echo new >"$T/src/RU/d/new$again"; rm -f "$T/src/RU/d/gone"
		chmod 555 "$T/src/RU/d"
		run -0 zcp -a --delete "$T/src/RU" "127.0.0.1:"
		tree_equal "$T/src/RU" "$ROOT/RU" modes times
		run -0 zcp -a --delete "127.0.0.1:RU/." "$T/down"
		tree_equal "$T/src/RU" "$T/down" modes times
	done
	# without -p nobody would set its mode again
	echo "once more" >"$T/other"
	cp "$T/other" "$T/src/RU/d/f" 2>/dev/null || { chmod 755 "$T/src/RU/d"; cp "$T/other" "$T/src/RU/d/f"; chmod 555 "$T/src/RU/d"; }
	run zcp -r "$T/src/RU" "127.0.0.1:"
	assert_equal "$(stat -c %a "$ROOT/RU/d")" 555
	chmod -R u+w "$T/src" "$ROOT/RU" "$T/down"
}
