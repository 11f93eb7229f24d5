# hidden.bats - what becomes hidden while a stream lives: new in the state directory, or a key file's new place. The stream is a scripted client's, which may write.
load helpers

setup() { private_home; export T; }
teardown() { zcpd_stop; }

# above [ARG...]: zcpd serves $T, so that its state directory is $T/state, and root/ an ordinary one.
above() {
	mkdir -p "$T/root"
	ZCPD_MODE="--root $T --writable" zcpd_start "$@"
}

# client: Python from stdin, which has t = $T, new() for a stream of its own and no(f, *args): that must be answered with "no such file".
client() {
	run env PYTHONPATH="$ZCP_TOP/tests/peer" PYTHONDONTWRITEBYTECODE=1 timeout 60 /usr/bin/python3 - 3>&- <<-E
	import os, harness, opening, wire
	from client import Client, Failed
	from harness import write, read
	t = os.environ['T']
	def new():
	    return Client.connect(int(os.environ['PORT']), harness.identity(), pin=opening.key_parse(os.environ['HOSTKEY']), want='sealed')
	def no(f, *args, **how):
	    try:
	        got = f(*args, **how)
	        got = got[0].fail if isinstance(got, list) and isinstance(got[0], Failed) else got
	    except Failed as e:
	        got = e.fail
	    assert got == wire.Fail(3, 1, 2), (f, args, got)
	def out(c, path):
	    for f in c.fetch, c.hash, c.stat, c.list:
	        no(f, path)
	    no(c.fetch, path, flags=wire.FETCH_FOLLOW)
	$(cat)
	E
	assert_success
	assert_output ""
}

@test "a directory that a client replaces by a link to the state directory gives out nothing that is new there" {
	above
	client <<-'E'
	one, two = new(), new()
	one.mkdir(b'd')
	one.store(b'd/x', b'seen')
	for c in one, two:
	    assert c.fetch(b'd/x') == [b'seen']
	one.remove(b'd/x')
	one.remove(b'd', 1)
	one.symlink(b'd', b'state')
	write(t + '/state/new', b'secret')
	for c in one, two, new():
	    out(c, b'd/new')
	    out(c, b'state/new')
	one.symlink(b'l', b'state/new')
	for c in one, two:
	    no(c.fetch, b'l', flags=wire.FETCH_FOLLOW)
	    no(c.stat, b'l')
	E
}

@test "a directory made in the state directory while a stream lives: hidden, and nothing is stored or removed there" {
	above
	client <<-'E'
	c = new()
	c.stat(b'root')
	os.makedirs(t + '/state/sub/deep')
	write(t + '/state/sub/f', b'secret')
	for path in b'state/sub', b'state/sub/f', b'state/sub/deep':
	    out(c, path)
	for path in b'state/sub/g', b'state/sub/f', b'state/sub/deep/h':
	    no(c.store, path, b'planted')
	no(c.mkdir, b'state/sub/made')
	no(c.remove, b'state/sub/deep', 1)
	no(c.link, b'root/f', b'state/sub/f')
	os.symlink('state/sub', t + '/way')
	for follow in 0, wire.LOOK_FOLLOW:
	    got = [path for path, entry in c.list(b'', wire.LOOK_RECURSE | follow)]
	    assert not [path for path in got if b'state' in path or path.startswith(b'way/')], got
	assert os.listdir(t + '/state/sub/deep') == [] and sorted(os.listdir(t + '/state/sub')) == ['deep', 'f']
	E
}

# keyed: zcpd serves $T/root, its key file is $T/root/keys.
keyed() {
	mkdir -p "$T/root"
	"$ZCP_BUILD/zcp" --public-key 3>&- 2>/dev/null | grep '^zcp-x25519 ' >"$T/root/keys"
	zcpd_start --authorized-keys "$T/root/keys"
}

@test "a key file that is replaced while a stream lives stays hidden from that stream" {
	keyed
	client <<-'E'
	c, keys = new(), t + '/root/keys'
	for _ in range(2):
	    no(c.fetch, b'keys')
	    no(c.store, b'keys', b'let in again')
	    write(keys + '.new', b'# nobody any more\n')
	    os.rename(keys + '.new', keys)
	assert read(keys) == b'# nobody any more\n'
	E
}

@test "a key file that becomes a link to another one while a stream lives: that one is hidden from HASH and FETCH, too" {
	keyed
	client <<-'E'
	c, keys = new(), t + '/root/keys'
	write(t + '/root/seen', b'anybody may')
	assert c.has_contents(b'seen', b'anybody may')
	write(t + '/root/newkeys', b'# nobody any more\n')
	os.symlink('newkeys', keys + '.new')
	os.rename(keys + '.new', keys)
	no(c.hash, b'newkeys')
	no(c.fetch, b'newkeys')
	E
}

@test "a key file behind many links that is missing for a while is not made by a client" {
	mkdir -p "$T/root" "$T/k"
	local i
	for i in 1 2 3 4 5 6 7; do ln -s "l$((i + 1))" "$T/root/l$i"; done
	ln -s sub/last "$T/root/l8"
	ln -s "$T/root/l1" "$T/k/keys"
	mkdir "$T/root/sub"
	"$ZCP_BUILD/zcp" --public-key 3>&- 2>/dev/null | grep '^zcp-x25519 ' >"$T/root/sub/last"
	zcpd_start --authorized-keys "$T/k/keys"
	client <<-'E'
	c = new()
	os.unlink(t + '/root/sub/last')
	no(c.store, b'sub/last', b'evil')
	no(c.store, b'sub/LAST', b'evil')
	c.store(b'sub/first', b'fine')
	os.unlink(t + '/root/sub/first')
	os.rmdir(t + '/root/sub')
	c.stat(b'')         # who only writes is behind by a moment
	no(c.mkdir, b'sub')
	c.store(b'other', b'fine')
	E
}
