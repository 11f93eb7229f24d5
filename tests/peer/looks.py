"""looks.py - what is there already? LOOKS, HASH, REMOVE and LINK of zcp-wire(7), asked and answered; and the digests of HASH.

    Asks        for client.py: looks(), hash(), remove(), link(), extras_of()
    Answers     for server.py: on_LOOKS, on_HASH, on_REMOVE, on_LINK
"""
import errno
import hashlib
import os
import stat

import besides
import record
import wire
from wire import FETCH_RANGE, LOOK_FOLLOW, Fail, Item, Looked, Meta


def contents_digest(mac, key, data):
    """mac: the suite that makes the stream's raw tags."""
    h = hashlib.blake2b(digest_size=32)
    for i in range(0, len(data), record.RAW_CHUNK):
        h.update(mac.aead.mac(key[:mac.key], bytes(mac.nonce), data[i:i + record.RAW_CHUNK]))
    return h.digest()


def extras_digest(key, ext):
    """(how many bytes that are, digest) of attributes and ACLs"""
    items = sorted(wire.number(tag, 1) + wire.put_str(value) for tag, value in ext if tag in (wire.EXTRA_XATTR, wire.EXTRA_ACL, wire.EXTRA_DEFAULT_ACL))
    return sum(map(len, items)), hashlib.blake2b(b''.join(items), digest_size=32, key=key).digest()


def meta_of(st):
    kind = 'f' if stat.S_ISREG(st.st_mode) else 'd' if stat.S_ISDIR(st.st_mode) else 'l' if stat.S_ISLNK(st.st_mode) else 'o'
    return Meta(kind, st.st_mode & 0o7777, st.st_size, st.st_mtime_ns // 10**9, st.st_mtime_ns % 10**9)


def identity_of(st):
    return wire.Identity(st.st_dev, st.st_ino, st.st_ctime_ns // 10**9, st.st_ctime_ns % 10**9)


class Asks:
    def looks(self, dir_, names, links=True, flags=0):
        """[Looked], in the order of the names."""
        id_ = self.next_id()
        self.s.put('LOOKS', id=id_, flags=flags, dir=dir_, items=wire.looks(names, wire.LOOKS_LINK if links else 0))
        m = self.answer(id_, 'LOOKED')
        if len(m.items) != len(names):
            raise wire.WireError('%d names, %d answers' % (len(names), len(m.items)))
        return m.items

    def hash(self, path, offset=0, length=0, flags=0, key=None):
        """DIGEST; .key: what it was made with."""
        id_, key = self.next_id(), key or os.urandom(32)
        self.s.put('HASH', id=id_, flags=flags, offset=offset, length=length, key=key, path=path)
        m = self.answer(id_, 'DIGEST')
        m.key = key
        return m

    def has_contents(self, path, data, offset=0, length=0, flags=0):
        """Are these the bytes there?"""
        m = self.hash(path, offset, length, flags)
        part = data[offset:offset + length] if length else data[offset:]
        return m.length == len(part) and m.digest == contents_digest(self.s.rx.mac, m.key, part)

    def has_extras(self, path, ext, flags=0):
        m = self.hash(path, flags=flags | wire.LOOK_EXTRAS)
        return (m.length, m.digest) == extras_digest(m.key, ext)

    def remove(self, path, directory=0):
        id_ = self.next_id()
        self.s.put('REMOVE', id=id_, directory=directory, path=path)
        return self.answer(id_)

    def link(self, path, to):
        id_ = self.next_id()
        self.s.put('LINK', id=id_, path=path, to=to)
        return self.answer(id_)

    def extras_of(self, path, flags=0):
        """FILE of a range of no bytes: of a directory, too."""
        got = self.fetch_items([Item(FETCH_RANGE | flags, path)])[0]
        if isinstance(got, Exception):
            raise got
        return self.file


class Answers:
    def look(self, path, flags, item):
        try:
            st = (os.stat if flags & LOOK_FOLLOW else os.lstat)(self.local(path))
            link = os.readlink(self.local(path)) if stat.S_ISLNK(st.st_mode) and item.flags & wire.LOOKS_LINK else b''
        except OSError as e:
            if e.errno in (errno.ENOENT, errno.ENOTDIR):
                return Looked()
            return Looked(wire.LOOKED_FAILED, fail=self.fail_of(e))
        return Looked(wire.LOOKED_THERE, meta_of(st), link if len(link) <= 255 else b'')

    def on_LOOKS(self, s, m):
        paths = [m.dir + b'/' + name if m.dir else name for name in wire.names_of(m.items)]
        s.put('LOOKED', id=m.id, items=[self.look(path, m.flags, item) for path, item in zip(paths, m.items)])

    def digest(self, s, m, f):
        """(how many bytes, digest) of an open file"""
        if m.flags & wire.LOOK_EXTRAS:
            return extras_digest(m.key, besides.read(self.local(m.path), s.wants & (wire.SETUP_XATTRS | wire.SETUP_ACLS)))
        f.seek(m.offset)
        data = f.read(m.length or -1)
        return len(data), contents_digest(s.tx.mac, m.key, data)

    def on_HASH(self, s, m):
        path = self.local(m.path)
        try:
            if not stat.S_ISREG((os.stat if m.flags & LOOK_FOLLOW else os.lstat)(path).st_mode):
                return s.put('ERROR', id=m.id, fail=Fail(4, 7))
            with open(path, 'rb') as f:
                length, digest = self.digest(s, m, f)
                st = os.fstat(f.fileno())
        except OSError as e:
            return s.put('ERROR', id=m.id, fail=self.fail_of(e))
        s.put('DIGEST', id=m.id, meta=meta_of(st), identity=identity_of(st), length=length, digest=digest)

    def remove(self, path, directory):
        try:
            (os.rmdir if directory else os.unlink)(self.local(path))
        except FileNotFoundError:
            pass

    def on_REMOVE(self, s, m):
        self.do(s, m.id, self.remove, m.path, m.directory)

    def link(self, path, to):
        path, to = self.local(path), self.local(to)
        if not stat.S_ISREG(os.lstat(to).st_mode):
            raise OSError(errno.EINVAL, 'no file')
        if os.path.lexists(path):
            if os.path.samestat(os.lstat(path), os.lstat(to)):
                return wire.OK_EXISTED
            os.unlink(path)
        os.link(to, path)
        return 0

    def on_LINK(self, s, m):
        self.do(s, m.id, self.link, m.path, m.to)
