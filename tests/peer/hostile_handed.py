#!/usr/bin/python3
"""hostile_handed.py - descriptors that are not what they should be, over Unix sockets: to the real zcp, and to the real zcpd. TAP.

    hostile_handed.py to_zcp | silent | to_zcpd      (to_zcpd: SOCK, a daemon's Unix socket; HOSTKEY, T: helpers.bash)
"""
import os
import select
import socket
import stat
import subprocess
import sys

import harness
import opening
import silent_fs
import wire
from client import Client
from evil_server import BIG, Evil, room, tap
from looks import identity_of, meta_of
from stream import Closed, Late
from wire import Fail, Identity, Meta, SENT_HANDED, SENT_INLINE


class Unix(Evil):
    """Hands over what `gives` returns for f: [descriptors], and whatever FILE is to say otherwise."""
    capabilities = wire.CAPABILITY_HAND

    def __init__(self, path, **settings):
        super().__init__(**settings)
        self.listener.close()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        self.asked = []

    def send_file(self, s, id_, item):
        self.asked.append(bool(item.flags & wire.FETCH_HAND))
        s.server = self
        self.sends(s, id_, item)


def put_with(s, fds, name='FILE', **fields):
    socket.send_fds(s.sock, [s.tx.seal(wire.encode(name, **fields))], fds)


def hand(s, id_, fds, of=None, **fields):
    """FILE as an honest host says it of `of`, a descriptor, with these descriptors."""
    st = os.fstat(of if of is not None else fds[0])
    put_with(s, fds, id=id_, **{'flags': SENT_HANDED, 'meta': meta_of(st)._replace(type='f'), 'identity': identity_of(st), **fields})


def zcp(server, path, dst, *args, timeout=100):
    command = [os.path.join(harness.BUILD, 'zcp'), '--host-key=' + server.key, *args, 'unix:%s:f' % path, dst + '/f']
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def case(what, sends, statuses=(2,), data=None, args=(), asked=True, **settings):
    """data: what f holds in the end; None: it is not there."""
    base = room.new()
    path, dst = os.path.join(base, 's'), os.path.join(base, 'dst')
    os.mkdir(dst)
    server = Unix(path, sends=sends, **settings).start()
    p = zcp(server, path, dst, *args)
    try:
        text = p.communicate(timeout=100)[0].decode('utf-8', 'replace')
    except subprocess.TimeoutExpired:
        p.kill()
        text = 'hangs'
    server.stop()
    left = harness.snapshot(dst)
    good = p.returncode in statuses and left == ({b'f': ('f', data)} if data is not None else {}) and '\x1b' not in text
    tap.ok(good and (asked is None or asked in server.asked), what, 'status %r, wanted %r: %s\nleft: %r\nasked: %r %s' % (p.returncode, statuses, text, list(left), server.asked, server.errors))
    room.drop(base)


class Kinds:
    """Descriptors of every kind, for as long as it is used."""

    def __enter__(self):
        self.base = room.new()
        self.file = harness.write(os.path.join(self.base, 'file'), BIG)
        os.mkfifo(os.path.join(self.base, 'fifo'))
        self.fds = [os.open(self.file, os.O_RDONLY), os.open(os.path.join(self.base, 'fifo'), os.O_RDWR), os.open(self.base, os.O_RDONLY), os.open('/dev/zero', os.O_RDONLY),
                    os.open(self.file, os.O_PATH), os.open(self.file, os.O_WRONLY), *os.pipe(), select.epoll().fileno()]
        self.mem = os.memfd_create('x', os.MFD_ALLOW_SEALING)
        os.write(self.mem, BIG)
        self.other = os.open(harness.write(os.path.join(self.base, 'other'), BIG), os.O_RDONLY)
        self.sock = socket.socketpair()
        return self

    def __exit__(self, *_):
        for fd in self.fds[:-1] + [self.mem, self.other]:
            os.close(fd)
        room.drop(self.base)


def to_zcp():
    with Kinds() as k:
        good, fifo, directory, device, named, writes, pipe = k.fds[:7]
        st = os.fstat(good)
        head = dict(meta=meta_of(st), identity=identity_of(st))
        case('a file, as it was said: it is copied', lambda s, i, _: hand(s, i, [good]), (0,), BIG)
        case('a memfd with its own identity: it is a file', lambda s, i, _: hand(s, i, [k.mem]), (0,), BIG)
        for what, fd in (('FIFO', fifo), ('directory', directory), ('device', device), ('name without a file (O_PATH)', named), ('file that is open for writing alone', writes),
                         ('pipe', pipe), ('socket', k.sock[0].fileno()), ('listening socket', None)):
            case('a %s, said to be the file' % what, lambda s, i, _, fd=fd: hand(s, i, [fd if fd is not None else s.sock.fileno()], good))
            if fd is not None:
                case('a %s, with its own identity' % what, lambda s, i, _, fd=fd: hand(s, i, [fd], meta=Meta('f', 0o644, len(BIG))))
        case('another file', lambda s, i, _: hand(s, i, [k.other], good))
        case('none', lambda s, i, _: s.put('FILE', id=i, flags=SENT_HANDED, **head))
        case('two', lambda s, i, _: hand(s, i, [good, good]))
        case('two hundred', lambda s, i, _: hand(s, i, [good] * 200))
        case('one with a file that is inline', lambda s, i, _: put_with(s, [good], id=i, flags=SENT_INLINE, meta=Meta('f', 0o644, 4), contents=b'evil'))
        case('one with an error', lambda s, i, _: put_with(s, [good], 'ERROR', id=i, fail=Fail(3, 1, 2)))
        case('one with WAIT', lambda s, i, _: (put_with(s, [good], 'WAIT'), s.put('FILE', id=i, flags=SENT_HANDED, **head)))

        def late(s, i, _):
            s.put('FILE', id=i, flags=SENT_HANDED, **head)
            put_with(s, [good], 'WAIT')
        case('one that comes behind its file', late)

        def in_contents(s, i, _):
            s.put('FILE', id=i, meta=meta_of(st), identity=identity_of(st))
            s.put('SEGMENT', id=i, offset=0, length=len(BIG), carry=wire.CARRY_RAW)
            socket.send_fds(s.sock, [BIG[:1000]], [good])
        case('one among contents', in_contents)

        def torn(s, i, _):
            """The record's first byte alone, with the descriptor; then the rest."""
            data = s.tx.seal(wire.encode('FILE', id=i, flags=SENT_HANDED, **head))
            socket.send_fds(s.sock, [data[:1]], [good])
            s.raw(data[1:])
        case('a record that comes in two pieces: it is copied', torn, (0,), BIG)
        case('a size that is too large: a source that changed, twice', lambda s, i, _: hand(s, i, [good], meta=meta_of(st)._replace(size=len(BIG) + 1)), (24,))
        case('a size that is too small', lambda s, i, _: hand(s, i, [good], meta=meta_of(st)._replace(size=len(BIG) - 1)), (24,))
        case('a size of 2^62', lambda s, i, _: hand(s, i, [good], meta=meta_of(st)._replace(size=1 << 62)), (24,))
        case('a time that is another one', lambda s, i, _: hand(s, i, [good], meta=meta_of(st)._replace(mtime=7)), (24,))
        case('flags that make no sense with it', lambda s, i, _: hand(s, i, [good], flags=SENT_HANDED | wire.SENT_SHRANK))
        case('contents with it', lambda s, i, _: hand(s, i, [good], contents=b'evil'))
        case('set-id bits are not taken over', lambda s, i, _: hand(s, i, [good], meta=meta_of(st)._replace(mode=0o6755)), (0,), BIG, ('-p',))
        case('a daemon that offers none is asked for none', lambda s, i, item: Evil.send_file(s.server, s, i, item), (0,), BIG, (), False, capabilities=0)
        case('one that was not asked for', lambda s, i, _: hand(s, i, [good]), (2,), None, ('--engine=readwrite',), False)
        case('one where contents are to be encrypted', lambda s, i, _: hand(s, i, [good]), (2,), None, ('--encrypt',), False)


def silent():
    """A regular file that answers no read: who reads it waits for ever, and cannot be killed."""
    with silent_fs.Mounted(room.new(), len(BIG)) as fs:
        fd = os.open(fs.file, os.O_RDONLY)
        fs.silence()
        head = dict(flags=SENT_HANDED, meta=Meta('f', 0o644, len(BIG)), identity=Identity(os.makedev(*fs.dev), fs.ino))
        case('a file of a FUSE file system that never answers', lambda s, i, _: put_with(s, [fd], id=i, **head))
        tap.ok(not fs.asked, '... which nobody has asked for anything', fs.asked)
        os.close(fd)


def to_zcpd():
    where, key, pin = os.environ['SOCK'], harness.identity(), opening.key_parse(os.environ['HOSTKEY'])

    def connect():
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(60)
        sock.connect(where)
        return sock

    def closed(reader):
        """Nobody has the other end of the pipe any more."""
        return select.select([reader], [], [], 60)[0] == [reader] and os.read(reader, 1) == b''

    def client():
        return Client(opening.client_open(connect(), key, pin=pin)).begin()

    for n in (1, 2, 200):
        c = client()
        r, w = os.pipe()
        try:
            socket.send_fds(c.s.sock, [c.s.tx.seal(wire.encode('STAT', id=1, path=b'f'))], [w] * n)
            os.close(w)
            what = c.s.get().name
        except Late:
            what = 'hangs'
        except Closed:
            what = 'closed'
        tap.ok(what == 'closed', 'a request with %d: the stream ends' % n, what)
        tap.ok(closed(r), '... and none is kept')
        os.close(r)
    sock = connect()
    r, w = os.pipe()
    o = opening.ClientOpening(sock, key)
    socket.send_fds(sock, [opening.PREFACE + opening.frame(o.noise.write())], [w])
    os.close(w)
    tap.ok(closed(r), 'one with the first message: it is not kept')
    o.offer()
    c = Client(o.choose(o.choice())).begin()
    tap.ok(c.stat(b'f').name == 'ATTR', '... and the handshake goes on')
    c.bye()
    c = client()
    id_ = c.next_id()
    c.s.put('FETCH', first=id_, items=[wire.Item(wire.FETCH_HAND, b'f')])
    m = c.answer(id_, 'FILE')
    tap.ok(not m.flags & SENT_HANDED, 'who did not choose descriptors gets none, whatever it asks for', repr(m))
    tap.ok(stat.S_ISSOCK(os.stat(where).st_mode) and client().stat(b'f').name == 'ATTR', 'it goes on serving')


if __name__ == '__main__':
    {'to_zcp': to_zcp, 'silent': silent, 'to_zcpd': to_zcpd}[sys.argv[1]]()
    tap.end()
