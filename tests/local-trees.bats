# local-trees.bats - trees on this machine: called what cp -r calls them, with what they have besides, and only what was asked for.
load helpers

setup() { private_home; cd "$T" || return 1; }
teardown() {
	cd / || return 1
	! mountpoint -q "$T/src/m" || umount "$T/src/m"
	chmod -R u+rwX "$T"
}

sources() {
	mkdir -p "$1/d/sub" "$1/d/empty" "$1/other/d"
	echo a >"$1/a"; echo b >"$1/b"; : >"$1/nothing"
	echo f >"$1/d/f"; head -c 70000 /dev/urandom >"$1/d/sub/g"; echo h >"$1/d/.h"
	echo a2 >"$1/other/a"; echo f2 >"$1/other/d/f2"
	ln -s a "$1/link"; ln -s d "$1/dlink"
}
there() {
	mkdir -p "$1/dir" "$1/full/d/sub" "$1/full/a.dir"
	echo old >"$1/file"; echo old >"$1/full/a"; echo kept >"$1/full/d/kept"; echo old >"$1/full/d/f"; echo old >"$1/full/d/sub/g"
}
place() { rm -rf cp here; there cp; there here; }

@test "destinations: the same trees as cp -rL makes" {
	sources src
	local line
	while IFS= read -r line; do
		place
		# shellcheck disable=SC2086 # words
		(cd src && set -- $line && cp -rL -- "${@:1:$#-1}" "$T/cp/${!#}") || fail "cp -rL $line"
		# shellcheck disable=SC2086
		(cd src && set -- $line && zcp_raw -r -- "${@:1:$#-1}" "$T/here/${!#}") || fail "zcp -r $line"
		tree_equal cp here modes || fail "$line"
	done <<-'E'
	a new
	a dir
	a dir/
	a dir/x
	a file
	a full
	nothing new
	a b dir
	a b nothing dir/
	./a dir
	d new
	d dir
	d/ dir
	d dir/new
	d/. dir
	d/. new
	d full
	d/. full
	a d dir
	a d full
	link new
	dlink dir
	dlink/. dir
	d/sub/g dir
	. dir
	. new
	E
	no_litter "$T"
}

@test "destinations that cannot be: the status, before a byte moves, and nothing is changed" {
	sources src
	local want line
	while read -r want line; do
		place
		# shellcheck disable=SC2086
		cd src && set -- $line && run zcp_raw -r -- "${@:1:$#-1}" "$T/here/${!#}"
		cd ..
		[ "$status" = "$want" ] || fail "$line: status $status instead of $want: $output"
		tree_equal cp here modes || fail "$line changed something"
		[[ $output == zcp:* ]] || fail "$line: $output"
	done <<-'E'
	1 a b new
	1 a b file
	1 a other/a dir
	1 d other/d dir
	3 a new/
	3 a missing/new
	3 missing dir
	3 a/. dir
	45 d file
	E
}

@test "without -r a directory is refused, and the rest is copied" {
	mkdir d; echo a >a; mkdir out
	run zcp_raw d a out
	assert_equal "$status $(ls out)" "23 a"
	assert_output --partial 'is a directory: copy it with -r'
}

@test "-a: modes, times to the nanosecond, links as links; again: nothing is copied; without it, links are followed" {
	mktree src 40
	ln -s nowhere src/dangling; ln -s a src/tolink
	zcp_raw -a src/. out
	tree_equal src out modes times links
	zcp_raw -a --json src/. out >json
	assert_equal "$(tail -1 json | jq -c '[.files, .same > 30, .moved]')" '[0,true,0]'
	rm src/dangling
	zcp_raw -r src/. followed
	tree_equal src followed
	[ -d followed/tolink ]
	run find followed -type l
	assert_output ''
	no_litter "$T"
}

@test "-H, -X and -A: files of several names stay one, attributes and access control lists come along" {
	mkdir -p src/d
	echo one >src/a; ln src/a src/d/b; echo two >src/c
	setfattr -n user.color -v red src/c 2>/dev/null || skip "no extended attributes on this file system"
	setfattr -n user.kind -v dir src/d
	setfacl -m u:7:r src/c; setfacl -m u:7:rx src/d
	zcp_raw -aHXA src out
	tree_equal src out modes times
	alike src out xattrs acls modes
	assert_equal "$(stat -c %h,%i out/a)" "$(stat -c %h,%i out/d/b)"
	# what differs besides is set, and nothing is copied
	setfattr -n user.color -v blue src/c
	zcp_raw -aHXA --json src/. out >json
	alike src out xattrs acls modes
	assert_equal "$(tail -1 json | jq -c '[.files, .meta]')" '[0,1]'
}

@test "-a as root: owners by their numbers, and set-id bits; without -a neither" {
	need_root
	mkdir src
	echo a >src/a; echo b >src/b; ln -s a src/l
	chown 12345:54321 src/a; chown -h 12345:54321 src/l; chmod 4755 src/a
	zcp_raw -a src out
	alike src out owners modes
	zcp_raw -r src plain
	assert_equal "$(stat -c '%u %a' plain/a)" "0 755"
	# a link that is named is one of its own
	mkdir named
	zcp_raw -a src/l named
	assert_equal "$(stat -c '%F %u %g' named/l)" "symbolic link 12345 54321"
	zcp_raw -a --json src/l named >json
	assert_equal "$(tail -1 json | jq -c .links)" 0
}

@test "an ordinary user: what cannot be read is named, the rest is copied, and a read-only tree comes whole" {
	mkdir -p src/closed src/open; echo s >src/secret; echo a >src/open/a; : >src/closed/x
	chmod 0 src/secret src/closed
	chmod 555 src/open
	mkdir to; chmod 777 to
	! is_root || chmod 711 .
	run as_user "$ZCP_BUILD/zcp" -a src to/out
	assert_equal "$status" 23
	assert_output --partial 'src/secret: permission denied'
	assert_output --partial 'src/closed: permission denied'
	assert_equal "$(cat to/out/open/a) $(stat -c %a to/out/open)" "a 555"
	assert_not_exists to/out/secret
	chmod 700 to/out/closed
	no_litter to
}

@test "which files: rules, sizes, -u, --existing, --ignore-existing, -I, --size-only, --checksum, -n, -x" {
	mkdir -p src/d out
	echo new >src/a; echo newer >src/b; echo ccc >src/c; head -c 5000 /dev/zero >src/d/big; echo o >src/d/o.o
	echo old >out/a; echo older >out/b; touch -d 2001-01-01 out/b src/a
	got() { (cd out && find . -type f -printf '%P=%s ' | tr ' ' '\n' | grep . | sort | tr '\n' ' '); }
	fresh() { rm -rf out; mkdir out; echo OLD >out/a; echo older >out/b; touch -d 2001-01-01 out/b; }
	run zcp_raw -rn src/. out
	assert_equal "$(sort <<<"$output" | tr -s ' ' | tr '\n' '|')" 'copy out/a|copy out/b|copy out/c|copy out/d/big|copy out/d/o.o|mkdir out/d/|'
	assert_equal "$(got)" 'a=4 b=6 '
	zcp_raw -r --exclude='*.o' --max-size=1K src/. out
	assert_equal "$(got)" 'a=4 b=6 c=4 '
	cmp src/b out/b
	fresh; zcp_raw -r --min-size=1K --include=big src/. out
	assert_equal "$(got)" 'a=4 b=6 d/big=5000 '
	fresh; zcp_raw -ru src/. out
	assert_equal "$(cat out/a out/b | tr '\n' ' ')" 'OLD newer '
	fresh; zcp_raw -r --existing src/. out
	assert_equal "$(got)" 'a=4 b=6 '
	assert_equal "$(cat out/a)" new
	fresh; zcp_raw -r --ignore-existing src/. out
	assert_equal "$(cat out/a out/b out/c | tr '\n' ' ')" 'OLD older ccc '
	fresh; zcp_raw -a --size-only src/. out
	assert_equal "$(cat out/a out/b | tr '\n' ' ')" 'OLD older '
	fresh; touch -r src/a out/a
	zcp_raw -a src/. out
	assert_equal "$(cat out/a)" OLD
	zcp_raw -a --checksum src/. out
	assert_equal "$(cat out/a)" new
	zcp_raw -a --checksum --json src/. out >json
	assert_equal "$(tail -1 json | jq -c '[.files, .same]')" '[0,5]'
	echo NEW >out/a; touch -r src/a out/a
	run zcp_raw -an --checksum src/. out
	assert_equal "$(tr -s ' ' <<<"$output")" 'copy out/a'
	zcp_raw -aI src/. out
	assert_equal "$(cat out/a)" new
	is_root || return 0
	mkdir src/m; mount -t tmpfs none src/m; echo inside >src/m/f
	zcp_raw -rx src x; zcp_raw -r src all
	umount src/m
	assert_equal "$(ls x/m) $(ls all/m)" " f"
}

@test "what stands in the way stays: a directory where a file is to be, a file where a directory is to be" {
	mkdir -p src/d out/a; echo a >src/a; echo x >src/d/x; echo kept >out/d; echo kept >out/a/kept
	run zcp_raw -r src/. out
	assert_equal "$status $(cat out/d out/a/kept | tr '\n' ' ')" "23 kept kept "
	assert_output --partial 'out/a: something that is not a regular file stands there'
	run zcp_raw src/a out/a/kept/x
	[ "$status" = 3 ]
}

@test "--json, --stats, -v and --failed-to tell of it as of any copy" {
	mkdir -p src/d; echo a >src/a; head -c 3000000 /dev/urandom >src/d/b; mkfifo src/p
	run zcp_raw -r --json src out 2>/dev/null
	assert_equal "$(jq -r .direction <<<"${lines[0]}") $(jq -c .host <<<"${lines[0]}")" "local null"
	assert_equal "$(jq -r 'select(.type == "file") | .action + " " + .path' <<<"$(grep -v '^zcp' <<<"$output")" | sort | tr '\n' ',')" 'copy out/a,copy out/d/b,mkdir out,mkdir out/d,'
	assert_equal "$(grep '"summary"' <<<"$output" | jq -c '[.status, .files, .bytes, .failed, .attempts, .streams]')" '[23,2,3000002,1,1,0]'
	zcp_raw -a --stats src s2 >stats 2>err
	assert_file_contains stats '^Files copied: 2$'
	assert_file_contains stats '^Bytes moved: 3000002$'
	assert_file_contains stats '^Engines: [a-z_+]*$'
	run grep -E 'Streams|Round trip|Cipher' stats
	assert_output ''
	zcp_raw -av src s3 2>err
	assert_file_contains err 'on this machine, by engine [a-z_+]*$'
	assert_file_contains err 's3/d/b$'
	run zcp_raw -r --failed-to=left src s4
	assert_equal "$status $(tr '\0' '|' <left)" "23 p|"
	# a list in what is copied, or in place of the copy, is refused
	run zcp_raw -r --failed-to=src/left src s5
	assert_equal "$status $(ls s5 2>/dev/null)" "1 "
	run zcp_raw --failed-to=s6 src/a s6
	assert_equal "$status" 1
}

@test "confined to what the command line named: no socket, and no other file" {
	mkdir -p src out; echo a >src/a; echo x >other
	run zcp_raw -av src out
	assert_output --partial "confined"
	unit confine >log || fail "$(grep '^not ok' log)"
	assert_file_contains log 'ok .* local: and does not write it'
}

@test "a link in the source that leads to the destination, or above it, copies the copy again and again" {
	mkdir -p "$T/w/proj/src" "$T/w/out"
	cd "$T/w"
	echo x >proj/src/a
	ln -s .. proj/up
	ln -s ../out proj/into
	run -23 --separate-stderr zcp_raw -r proj out/
	[[ $stderr == *'proj/into: '* ]]
	[[ $stderr == *'out: it is found in a source, by way of a link or a mount, and left out there'* ]]
	assert_equal "$(find out | sort | tr '\n' ' ')" 'out out/proj out/proj/src out/proj/src/a out/proj/up '
	rm -rf out
	run -23 --separate-stderr zcp_raw -r proj out
	assert_equal "$(find out | sort | tr '\n' ' ')" 'out out/src out/src/a out/up '
}

@test "--stats and -v tell of a copy on this machine that had nothing to move" {
	mkdir -p "$T/s"
	echo x >"$T/s/f"
	run -0 zcp_raw -a "$T/s" "$T/d"
	run -0 --separate-stderr zcp_raw -a --stats "$T/s/." "$T/d"
	assert_line 'Files already the same: 1'
	chmod 600 "$T/s/f"
	run -0 --separate-stderr zcp_raw -a --stats "$T/s/." "$T/d"
	assert_line 'Attributes changed: 1'
}

@test "-a of a tree with a link to what it would replace: that one is refused with 4, its contents are kept, and the rest is copied" {
	mkdir -p d1/sub d2/sub d3
	echo precious >d2/x; ln -s ../d2/x d1/x
	echo deep >d2/sub/y; ln -s z d1/sub/y; ln -s "$T/d2/sub/y" d1/sub/z
	echo data >d3/data; ln -s ../d3/data d2/chain; ln -s ../d2/chain d1/chain
	echo a >d1/a; ln -s a d1/l; ln -s a d2/l
	local before
	before=$(cat d2/x d2/sub/y d2/chain)
	run zcp_raw -an d1/. d2
	assert_equal "$status" 23
	run zcp_raw -a --json d1/. d2
	assert_equal "$status $(cat d2/x d2/sub/y d2/chain)" "23 $before"
	assert_equal "$(jq -r 'select(.type == "error") | [.path, .status] | join(" ")' <<<"$(grep '^{' <<<"$output")" | sort | tr '\n' ',')" 'd2/chain 4,d2/sub/y 4,d2/x 4,'
	assert_equal "$(cat d2/a d2/l | tr '\n' ' ')$(readlink d2/sub/z) $(readlink d2/chain)" "a a $T/d2/sub/y ../d3/data"
	no_litter "$T"
}

@test "a link to a directory that lies where the copy is made, and is no part of it, is followed as cp -rL does" {
	mkdir -p w/data/deep w/proj/sub
	cd w
	echo x >data/f; echo y >data/deep/g; ln -s deep/g data/file
	ln -s "$PWD/data" proj/sub/l; ln -s ../../data/deep proj/sub/deep
	cp -a . ../cp
	(cd ../cp && rm proj/sub/l && ln -s "$PWD/data" proj/sub/l && cp -rL proj/sub .)
	zcp_raw -r proj/sub .
	tree_equal ../cp/sub sub
	assert_equal "$(cat sub/l/f sub/l/file sub/deep/g | tr '\n' ' ')" 'x y y '
	# once more, into what is there by now
	zcp_raw -r proj/sub .
	tree_equal ../cp/sub sub
}

@test "a link into the copy that is being made, or to what it lies in, is refused by the name of what it leads into" {
	mkdir -p proj/sub/in data sub/in
	echo x >proj/sub/a; echo d >data/d
	ln -s "$T" proj/sub/base; ln -s "$T/sub" proj/sub/self; ln -s "$T/sub/in" proj/sub/below; ln -s "$T/data" proj/sub/data; ln -s ../sub data/back; ln -s .. data/up
	run -23 zcp_raw -r --json proj/sub .
	assert_equal "$(jq -r 'select(.type == "error") | .path' <<<"$(grep '^{' <<<"$output")" | sort | tr '\n' ' ')" \
		'proj/sub/base proj/sub/below proj/sub/data/back proj/sub/data/up proj/sub/self '
	run -23 zcp_raw -r proj/sub .
	assert_output --partial 'proj/sub/self: a symbolic link leads into the destination'
	assert_output --partial 'proj/sub/data/up: a symbolic link leads into the destination'
	assert_equal "$(find sub | sort | tr '\n' ' ')" 'sub sub/a sub/data sub/data/d sub/in '
	# a true loop is called one
	ln -s loop proj/sub/loop
	run -23 zcp_raw -r proj/sub .
	assert_output --partial 'proj/sub/loop: too many levels of symbolic links'
	[[ $output != *'loop: a symbolic link leads into'* ]]
	# what several sources make is no part of each other's copy
	mkdir one two m; echo 1 >one/1; echo 2 >two/2; ln -s "$T/m/two" one/two; ln -s "$T/m/one" two/one
	mkdir m/two; echo there >m/two/there
	zcp_raw -r one two m
	assert_equal "$(cd m && find . -type f | sort | tr '\n' ' ')" './one/1 ./one/two/there ./two/2 ./two/one/1 ./two/one/two/there ./two/there '
}

@test "a mount of the copy in what a link leads to is left out: it would be copied again and again" {
	need_root
	mkdir -p w/data/m w/proj/sub w/sub
	cd w
	echo x >data/f; ln -s ../../data proj/sub/l
	mount --bind sub data/m
	run zcp_raw -r proj/sub .
	umount data/m
	assert_equal "$(find sub | sort | tr '\n' ' ')" 'sub sub/l sub/l/f '
	assert_output --partial 'left out there'
}

@test "files of a tree onto themselves, by a hard link or a link: 4 each, what stands there stays; what needs nothing is skipped" {
	mkdir a; echo 1 >a/1; head -c 3000000 /dev/urandom >a/2; : >a/3; echo new >a/new
	cp -al a b; rm b/new
	local ids
	ids=$(stat -c %i b/1 b/2 b/3)
	run zcp_raw -r --json a/. b
	assert_equal "$status $(stat -c %i b/1 b/2 b/3)" "23 $ids"
	assert_equal "$(jq -r 'select(.type == "error") | [.path, .status] | join(" ")' <<<"$(grep '^{' <<<"$output")" | sort | tr '\n' ',')" 'b/1 4,b/2 4,b/3 4,'
	cmp a/new b/new
	assert_output --partial 'source and destination are the same file'
	run -23 zcp_raw -rn a/. b
	assert_output --partial 'b/2: source and destination are the same file'
	rm b/new
	local o
	for o in -a -au -aH '-a --checksum' '-r --ignore-existing'; do
		# shellcheck disable=SC2086
		zcp_raw $o a/. b
		assert_equal "$o $(stat -c %i b/1 b/2 b/3)" "$o $ids"
	done
	run -23 zcp_raw -aI a/. b
	assert_equal "$(stat -c %i b/1 b/2 b/3)" "$ids"
	# a link that leads to the source
	mkdir d t; echo 1 >d/f; ln -s d/f f; ln -s ../d/f t/f; ln -s ../a/1 t/other; echo o >d/other
	run zcp_raw d/f .
	assert_equal "$status $(readlink f)" "4 d/f"
	run zcp_raw -n d/f .
	assert_equal "$status" 4
	run zcp_raw -r d/. t
	assert_equal "$status $(readlink t/f) $(cat t/other a/1 | tr '\n' ' ')" "23 ../d/f o 1 "
	[ ! -L t/other ]
	# with -a links are things of their own
	zcp_raw -a d/f .
	assert_equal "$(stat -c %F f) $(cat f d/f | tr '\n' ' ')" "regular file 1 1 "
	no_litter "$T"
}

@test "-H: a name whose file is the source itself is refused with 4, and not linked to another" {
	mkdir s o; echo 1 >s/a; ln s/a s/b; ln s/a o/b
	touch s/a
	local before
	before=$(stat -c %i s/b)
	run zcp_raw -rH s/. o
	assert_equal "$status $(stat -c %i o/b)" "23 $before"
	assert_output --partial 'source and destination are the same file'
	no_litter "$T"
}
