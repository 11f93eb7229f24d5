#!/usr/bin/python3
"""ranges.py - scripted clients that store and fetch files by ranges on one or several streams of a zcpd (tests/ranges.bats). Says "ok" or what was wrong.

    ranges.py COMMAND ARG...        (a daemon: PORT, HOSTKEY, T, XDG_CONFIG_HOME: helpers.bash; D: the directory it serves as "")
"""
import os
import sys
import time

import harness
import opening
import wire
from client import Client, Failed
from stream import Closed
from wire import FETCH_RANGE, FETCH_SEALED, Identity, Item, Meta

MIB = 1 << 20
SIZE = 4 * MIB + 77
DATA = harness.content(SIZE, 'ranges')
META = Meta('f', 0o640, SIZE, 1700000000, 123456789)
WHO = Identity(1, 2, 3, 4)
NAME, READ_ONLY, TOO_MANY, TAKEN, MAX_BYTES = 6, 5, 28, 34, 35
FILLING, STRANGE, RUN_OVER, NOT_HELD, GAPS = 37, 38, 39, 40, 41


def connect(key=None, **how):
    how.setdefault('want', 'sealed')
    return Client.connect(int(os.environ['PORT']), key or harness.identity(), pin=opening.key_parse(os.environ['HOSTKEY']), **how)


def must(condition, what):
    if not condition:
        raise SystemExit('ranges.py: ' + what)


def refused(f, status, why=None):
    """f() is answered with ERROR, and with this one."""
    try:
        f()
    except Failed as e:
        return must(e.fail.status == status and why in (None, e.fail.why), 'refused with %r, not %d %r' % (e.fail, status, why))
    must(False, 'it was let through')


def ended(f):
    try:
        f()
    except Closed:
        return
    must(False, 'the stream goes on')


def at(name=''):
    return os.path.join(os.environ['D'], name)


def stored(name, data=DATA):
    must(harness.read(at(name)) == data, '%s is not what was stored' % name)


def litter(where=''):
    return sorted(n for n in os.listdir(at(where)) if n.startswith('.zcp-'))


def must_be(names, what):
    must(litter() == sorted(names), '%s: %r' % (what, litter()))


def again(path=b'f', meta=META, who=WHO, c=None, **how):
    """A new stream's OPEN_ASIDE, when the last holder's process has ended: (client, ASIDE)."""
    c, end = c or connect(**how), time.monotonic() + 30
    while True:
        try:
            return c, c.open_aside(path, meta, who)
        except Failed as e:
            must(e.fail.status == 46 and time.monotonic() < end, 'opened again: %r' % (e.fail,))


def gone(names):
    """The last holder's process has removed what it held."""
    end = time.monotonic() + 30
    while litter() != names:
        must(time.monotonic() < end, 'left behind: %r' % litter())


def send(c, aside, off, n, path=b'f', **twist):
    return c.send_range(path, aside.run, off, DATA[off:off + n], **twist)


# what is right
def whole():
    c = connect(want=os.environ.get('WANT', 'sealed'))
    for size in (0, 1, 65537, MIB, SIZE):
        meta = META._replace(size=size)
        must(c.store_ranges(b'sub/f%d' % size, DATA[:size], meta, WHO, step=600000, flags=wire.KEEP_MODE | wire.KEEP_TIMES) == size, 'sent')
        st = os.stat(at('sub/f%d' % size))
        must(st.st_mode & 0o777 == 0o640 and st.st_mtime_ns == META.mtime * 10**9 + META.mtime_ns, 'mode or times: %r' % (st,))
        stored('sub/f%d' % size, DATA[:size])
    must(not litter('sub'), 'left behind: %r' % litter('sub'))
    must(c.carries == {wire.CARRY_RAW if os.environ.get('WANT') == 'raw' else wire.CARRY_SEALED}, repr(c.carries))
    c.bye()


def streams():
    """Three streams: one holds, two write, also at the same time; only the holder commits."""
    a, b, d = connect(), connect(), connect(want='raw')
    aside = a.open_aside(b'f', META, WHO)
    must(aside.gaps == [(0, SIZE)] and any(aside.run), repr(aside))
    ids = [x.begin_range(b'f', aside.run, off, MIB) for x, off in ((b, 3 * MIB), (d, 0))]
    for half in (0, MIB // 2):
        for x, id_, off in ((b, ids[0], 3 * MIB), (d, ids[1], 0)):
            x.s.send_segment(id_, off + half, DATA[off + half:off + half + MIB // 2])
    refused(lambda: b.commit(b'f', aside.run, META), 4, NOT_HELD)
    for x, id_ in ((b, ids[0]), (d, ids[1])):
        x.s.put('DONE', id=id_)
        x.answer(id_)
    send(d, aside, MIB, MIB)
    send(b, aside, 2 * MIB, MIB)
    send(a, aside, 4 * MIB, 77)
    must(not os.path.exists(at('f')), 'it has its name too early')
    a.commit(b'f', aside.run, META)
    stored('f')
    must(not litter(), repr(litter()))
    refused(lambda: send(b, aside, 0, MIB), 24, RUN_OVER)
    refused(lambda: a.commit(b'f', aside.run, META), 4, NOT_HELD)
    for x in (a, b, d):
        x.bye()


def twice():
    """Overlapping and repeated ranges."""
    c = connect()
    aside = c.open_aside(b'f', META, WHO)
    for off, n in ((0, 2 * MIB), (0, 2 * MIB), (MIB, 2 * MIB), (MIB + 5, 3), (3 * MIB - 1, SIZE - 3 * MIB + 1), (0, SIZE)):
        send(c, aside, off, n)
    c.commit(b'f', aside.run, META)
    stored('f')
    c.bye()


def resumed():
    """What came is not asked for again: segments of a range that was cut, and whole ranges; another source's is."""
    a, b = connect(), connect()
    aside = a.open_aside(b'f', META, WHO)
    send(a, aside, MIB, MIB)
    id_ = b.begin_range(b'f', aside.run, 2 * MIB, 2 * MIB)
    b.s.send_segment(id_, 2 * MIB, DATA[2 * MIB:2 * MIB + 300000])
    b.stat(b'')                                 # that segment is noted by now
    b.s.put('SEGMENT', id=id_, offset=2 * MIB + 300000, length=500000, carry=wire.CARRY_SEALED)
    b.s.put_plain(DATA[2 * MIB + 300000:2 * MIB + 300000 + 262144], contents=True)
    b.s.close()
    a.s.close()
    c, aside = again()
    must(aside.gaps == [(0, MIB), (2 * MIB + 300000, SIZE - 2 * MIB - 300000)], 'gaps %r' % aside.gaps)
    names = litter()
    must(len(names) == 2 and os.stat(at(names[0])).st_mode & 0o777 == 0o600, repr(names))
    c.s.close()
    for meta, who in ((META._replace(mtime_ns=5), WHO), (META._replace(mtime=5), WHO), (META._replace(size=SIZE + 1), WHO), (META, WHO._replace(ino=9)),
                      (META, WHO._replace(ctime_ns=9))):
        c, aside = again(meta=meta, who=who)
        must(aside.gaps == [(0, meta.size)], 'another source, gaps %r' % aside.gaps)
        send(c, aside, 0, MIB)
        c.s.close()
    c, aside = again()
    send(c, aside, 0, MIB)
    c.s.close()
    c, aside = again()
    must(aside.gaps == [(MIB, SIZE - MIB)], 'gaps %r' % aside.gaps)
    c.s.close()
    c = connect()
    end = time.monotonic() + 30
    while True:
        try:
            aside = c.open_aside(b'f', META, WHO, wire.FRESH)
            break
        except Failed as e:
            must(e.fail.status == 46 and time.monotonic() < end, repr(e.fail))
    must(aside.gaps == [(0, SIZE)], 'begun anew, gaps %r' % aside.gaps)
    send(c, aside, 0, SIZE)
    c.commit(b'f', aside.run, META)
    stored('f')
    c.bye()


# the daemon or a stream's process dies in between: one command before, one after
def half():
    a = connect()
    aside = a.open_aside(b'f', META, WHO)
    send(a, aside, MIB, 2 * MIB)
    print(os.getpid(), flush=True)
    try:
        a.s.get()
    except Closed:
        pass


def other_half():
    c, aside = again()
    must(aside.gaps == [(0, MIB), (3 * MIB, SIZE - 3 * MIB)], 'gaps %r' % aside.gaps)
    for off, n in aside.gaps:
        send(c, aside, off, n)
    c.commit(b'f', aside.run, META)
    stored('f')
    must(not litter(), repr(litter()))
    c.bye()


# who holds
def busy():
    a, b = connect(), connect()
    aside = a.open_aside(b'f', META, WHO)
    for c in (a, b):
        refused(lambda: c.open_aside(b'f', META, WHO), 46, FILLING)
        refused(lambda: c.open_aside(b'f', META, WHO, wire.FRESH), 46, FILLING)
    send(b, aside, 0, SIZE)
    a.commit(b'f', aside.run, META)
    b.open_aside(b'f', META, WHO)
    stored('f')
    a.bye()
    b.s.close()
    c, aside = again()
    c.commit(b'f', aside.run, flags=wire.DROP)
    c.bye()


def stale():
    a, b = connect(), connect()
    old = a.open_aside(b'f', META, WHO)
    send(b, old, 0, MIB)
    a.s.close()
    c, new = again()
    must(new.run != old.run and new.gaps == [(MIB, SIZE - MIB)], repr(new))
    refused(lambda: send(b, old, MIB, MIB), 24, RUN_OVER)
    refused(lambda: c.commit(b'f', old.run, META), 4, NOT_HELD)
    send(b, new, MIB, SIZE - MIB)
    c.commit(b'f', new.run, META)
    stored('f')
    b.bye()
    c.bye()


def two_keys():
    """Each key has an aside file of its own: whoever commits last has stored it, whole."""
    other = opening.key_load(sys.argv[2])
    a, b = connect(), connect(other)
    one, two = a.open_aside(b'f', META, WHO), b.open_aside(b'f', META._replace(size=MIB), WHO)
    must(len(litter()) == 4, repr(litter()))
    refused(lambda: b.send_range(b'f', one.run, 0, b'x'), 24, RUN_OVER)
    refused(lambda: b.commit(b'f', one.run, META), 4, NOT_HELD)
    send(a, one, 0, SIZE)
    b.send_range(b'f', two.run, 0, bytes(MIB))
    a.commit(b'f', one.run, META)
    stored('f')
    b.commit(b'f', two.run, META)
    stored('f', bytes(MIB))
    must(not litter(), repr(litter()))
    a.bye()
    b.bye()


def waits_for_ranges():
    """COMMIT, while another stream's range is being written: after 5 seconds 46, with WAITs in between; with it over in time: stored."""
    a, b = connect(), connect()
    aside = a.open_aside(b'f', META, WHO)
    send(a, aside, MIB, SIZE - MIB)
    id_ = b.begin_range(b'f', aside.run, 0, MIB)
    b.stat(b'')
    a.s.put('COMMIT', id=70, run=aside.run, meta=META, path=b'f')
    word = a.s.sock.recv(1)                     # the first WAIT
    must(len(word) == 1, 'the stream ended')
    b.s.send_segment(id_, 0, DATA[:MIB])
    b.s.put('DONE', id=id_)
    b.answer(id_)
    rest, a.s.sock = a.s.sock, Pushed(word, a.s.sock)
    a.answer(70)
    a.s.sock = rest
    stored('f')
    aside = a.open_aside(b'f', META, WHO)
    id_ = b.begin_range(b'f', aside.run, 0, MIB)
    b.stat(b'')
    refused(lambda: a.commit(b'f', aside.run, META), 46, FILLING)
    a.bye()
    b.s.close()
    c, aside = again()
    c.commit(b'f', aside.run, flags=wire.DROP)
    gone([])
    c.bye()


class Pushed:
    """A socket with a byte put back."""

    def __init__(self, byte, sock):
        self.byte, self.sock = byte, sock

    def recv(self, n):
        byte, self.byte = self.byte, b''
        return byte or self.sock.recv(n)


# what is refused
def out_of_turn():
    c = connect()
    nobody = bytes(range(16))
    refused(lambda: c.send_range(b'f', nobody, 0, DATA[:MIB]), 24, RUN_OVER)
    refused(lambda: c.commit(b'f', nobody, META), 4, NOT_HELD)
    refused(lambda: c.commit(b'f', nobody, META, wire.DROP), 4, NOT_HELD)
    aside = c.open_aside(b'f', META, WHO)
    refused(lambda: c.send_range(b'f', nobody, 0, DATA[:MIB]), 24, RUN_OVER)
    refused(lambda: c.send_range(b'g', aside.run, 0, DATA[:MIB]), 24, RUN_OVER)
    refused(lambda: c.commit(b'f', nobody, META), 4, NOT_HELD)
    refused(lambda: c.commit(b'g', aside.run, META), 4, NOT_HELD)
    must(c.stat(b'').meta.type == 'd', 'the stream goes on')
    send(c, aside, 0, MIB)
    send(c, aside, MIB + 1, SIZE - MIB - 1)
    refused(lambda: c.commit(b'f', aside.run, META), 24, GAPS)
    refused(lambda: c.commit(b'f', aside.run, META), 4, NOT_HELD)
    must(not os.path.exists(at('f')), 'a file with a hole has its name')
    aside = c.open_aside(b'f', META, WHO)
    must(aside.gaps == [(MIB, 1)], 'gaps %r' % aside.gaps)
    send(c, aside, MIB, 1)
    c.commit(b'f', aside.run, META)
    stored('f')
    c.bye()


def beyond():
    """What is out of all bounds ends the stream; nothing gets a name."""
    for off, n in ((SIZE, 1), (SIZE - 1, 2), (0, SIZE + 1), (SIZE + 5, 1), ((1 << 63) - 2, 1), (1 << 63, 1), ((1 << 64) - 1, 1), (0, 0), (0, 1 << 63)):
        c, aside = again()

        def over():
            c.begin_range(b'f', aside.run, off, n)
            c.stat(b'')
        ended(over)
        c.s.close()
    for first, length in ((0, 100), (99, 1), (101, 99), (100, 101), (200, 1), (1 << 62, 1)):        # of [100, 200)
        c, aside = again()
        id_ = c.begin_range(b'f', aside.run, 100, 100)

        def beside():
            c.s.send_segment(id_, first, DATA[:length])
            c.s.put('DONE', id=id_)
            c.answer(id_)
        ended(beside)
        c.s.close()
    for then in ((0, None), (50, None)):
        c, aside = again()
        id_ = c.begin_range(b'f', aside.run, 100, 100)

        def short():
            if then[0]:
                c.s.send_segment(id_, 100, DATA[100:100 + then[0]])
            c.s.put('DONE', id=id_)
            c.answer(id_)
        ended(short)
        c.s.close()
    for kind in ('d', 'l', 'o'):
        c = connect()
        ended(lambda: c.open_aside(b'x', META._replace(type=kind), WHO))
        c.s.close()
    must(not os.path.exists(at('f')), 'it has its name')
    c, aside = again()
    c.commit(b'f', aside.run, flags=wire.DROP)
    gone([])
    c.bye()


def many():
    """As many held files as a stream may have, a range of each at the same time, and one more of both."""
    a = connect()
    asides = [a.open_aside(b'n%d' % i, META._replace(size=10), WHO) for i in range(16)]
    refused(lambda: a.open_aside(b'n16', META, WHO), 4, TOO_MANY)
    ids = [a.begin_range(b'n%d' % i, aside.run, 0, 10) for i, aside in enumerate(asides)]
    more = a.begin_range(b'n0', asides[0].run, 0, 10)
    refused(lambda: a.answer(more), 4, TOO_MANY)
    must(a.list(b'', 0) and a.fetch(b'there') == [b'there'], 'nothing else can be opened')
    for id_ in ids:
        a.s.send_segment(id_, 0, DATA[:10])
        a.s.put('DONE', id=id_)
        a.answer(id_)
    for i, aside in enumerate(asides):
        a.commit(b'n%d' % i, aside.run, META, flags=wire.DROP if i % 2 else 0)
    must(sorted(n for n in os.listdir(at()) if n.startswith('n')) == sorted('n%d' % i for i in range(0, 16, 2)), repr(os.listdir(at())))
    must(not litter(), repr(litter()))
    a.open_aside(b'n16', META, WHO)
    a.bye()
    c, aside = again(b'n16')
    c.commit(b'n16', aside.run, flags=wire.DROP)
    c.bye()


def planted():
    """Something that zcpd did not make, under a name that is its own."""
    outside = harness.write(os.path.join(os.environ['T'], 'outside'), b'outside')
    c = connect()
    aside = c.open_aside(b'f', META, WHO)
    send(c, aside, 0, SIZE)
    c.s.close()
    c, aside = again()
    must(aside.gaps == [], repr(aside.gaps))
    names = litter()
    c.s.close()
    for name in names:
        def link():
            os.symlink(outside, at(name))

        def second():
            os.link(outside, at(name))

        def mode():
            harness.write(at(name), b'')
            os.chmod(at(name), 0o644)

        def directory():
            os.mkdir(at(name))

        def fifo():
            os.mkfifo(at(name), 0o600)
        for plant in (link, second, mode, directory, fifo):
            c, aside = again()
            os.rename(at(name), at('kept'))
            plant()
            before = os.lstat(at(name))
            if name == min(names):              # its aside file: a range would be written there
                refused(lambda: send(c, aside, 0, MIB), 45, STRANGE)
            c.s.close()
            c = connect()
            refused_in_the_end(c, 45, STRANGE)
            after = os.lstat(at(name))
            must((before.st_ino, before.st_mode, before.st_size) == (after.st_ino, after.st_mode, after.st_size), '%s was touched' % plant.__name__)
            os.rmdir(at(name)) if plant is directory else os.unlink(at(name))
            os.rename(at('kept'), at(name))
            c.bye()
    must(harness.read(outside) == b'outside', 'the outside was written to')
    c, aside = again()
    c.commit(b'f', aside.run, META)
    stored('f')
    c.bye()


def refused_in_the_end(c, status, why):
    """When the last holder has gone."""
    end = time.monotonic() + 30
    while True:
        try:
            c.open_aside(b'f', META, WHO)
        except Failed as e:
            if e.fail.status == 46 and time.monotonic() < end:
                continue
            return must((e.fail.status, e.fail.why) == (status, why), repr(e.fail))
        must(False, 'it was let through')


def places():
    """Where no file may be stored, none may be stored by ranges."""
    c = connect()
    form = b'.zcp-' + b'0123456789abcdef' * 2
    for path, status, why in ((form, 3, NAME), (form + b'.j', 3, NAME), (b'sub/' + form, 3, NAME), (b'..', 3, NAME), (b'../x', 3, NAME), (b'/x', 3, NAME), (b'', 3, NAME),
                              (b'a//b', 3, NAME), (b'x' * 256, 3, None), (b'none/x', 3, None), (b'there/x', 3, None), (b'sub', 45, None), (b'out/x', None, None),
                              (b'ro/x', 4, READ_ONLY), (b'small/x', 44, MAX_BYTES), (b'all/state/x', 3, None), (b'all/keys', 3, None), (b'all/zcpd.conf', 3, None)):
        for ask in (lambda: c.open_aside(path, META, WHO), lambda: c.send_range(path, bytes(16), 0, b'x')):
            try:
                ask()
                must(False, '%r was let through' % path)
            except Failed as e:
                ranged = e.fail.why == RUN_OVER and path in (b'sub', b'small/x')        # there is none there
                must(ranged or ((status or e.fail.status) == e.fail.status and (why or e.fail.why) == e.fail.why), '%r: %r' % (path, e.fail))
    must(c.open_aside(b'small/x', META._replace(size=MIB), WHO).gaps == [(0, MIB)], 'what fits')
    c.bye()


def raw():
    """A damaged raw chunk of a range is asked for again, sealed; it is noted when it is right, not before."""
    c = connect(want='raw')
    must(c.s.carry == wire.CARRY_RAW, 'raw was not granted')
    aside = c.open_aside(b'f', META, WHO)

    def flip(d):
        return d[:300000] + bytes((d[300000] ^ 1,)) + d[300001:]
    id_ = c.begin_range(b'f', aside.run, MIB, MIB)
    c.s.send_segment(id_, MIB, DATA[MIB:2 * MIB], tamper=flip)
    c.stat(b'')
    c.s.close()
    c, aside = again(want='raw')
    must(aside.gaps == [(0, MIB), (MIB + 262144, 262144), (2 * MIB, SIZE - 2 * MIB)], 'gaps %r' % aside.gaps)
    send(c, aside, 0, 2 * MIB, tamper=flip)
    must(c.resent == [(262144, 262144), (MIB + 262144, 262144)], repr(c.resent))
    send(c, aside, 2 * MIB, SIZE - 2 * MIB)
    must(not c.resent, repr(c.resent))
    c.commit(b'f', aside.run, META)
    stored('f')
    c.bye()


def damaged():
    """A chunk that never becomes right: 43; the file can be dropped, or goes with its holder."""
    for drop in (True, False):
        c = connect(want='raw')
        aside = c.open_aside(b'f', META, WHO)
        id_ = c.begin_range(b'f', aside.run, 0, MIB)
        c.s.send_segment(id_, 0, DATA[:MIB], tamper=lambda d: b'!' + d[1:])
        for _ in range(2):
            c.s.put('DONE', id=id_)
            must(c.answer(id_, 'RESEND').offset == 0, 'another chunk')
        c.s.put('DONE', id=id_)
        refused(lambda: c.answer(id_), 43)
        must(c.stat(b'').meta.type == 'd' and len(litter()) == 2, repr(litter()))
        if drop:
            c.commit(b'f', aside.run, flags=wire.DROP)
            must(not litter(), repr(litter()))
        c.bye()
        gone([])


def full():
    """A disk that fills up: 44 for the range, and nothing is left of it, dropped or not."""
    for drop in (True, False):
        c = connect()
        aside = c.open_aside(b'f', META, WHO)
        refused(lambda: send(c, aside, 0, SIZE), 44)
        must(c.stat(b'').meta.type == 'd', 'the stream ended')
        if drop:
            c.commit(b'f', aside.run, flags=wire.DROP)
        c.bye()
        gone([])


def changed():
    """Sources that vanish or change under a range: an ERROR each, and the run goes on."""
    c = connect()
    aside = c.open_aside(b'f', META, WHO)
    for flags, fail, status in ((wire.SENT_SHRANK, wire.Fail(), 24), (wire.SENT_GIVEN_UP, wire.Fail(), 24), (wire.SENT_FAILED, wire.Fail(11, 1, 5), 11)):
        id_ = c.begin_range(b'f', aside.run, 0, MIB)
        c.s.send_segment(id_, 0, DATA[:MIB])
        c.s.put('DONE', id=id_, flags=flags, fail=fail)
        refused(lambda: c.answer(id_), status)
    id_ = c.begin_range(b'f', aside.run, 2 * MIB, MIB)
    c.s.send_segment(id_, 2 * MIB, bytes(MIB), flags=wire.SENT_SHRANK)
    c.s.put('DONE', id=id_, flags=wire.SENT_SHRANK)
    refused(lambda: c.answer(id_), 24)
    refused(lambda: c.commit(b'f', aside.run, META), 24, GAPS)
    aside = c.open_aside(b'f', META, WHO)
    must(aside.gaps == [(MIB, SIZE - MIB)], 'zeros in the place of what was lost were noted: %r' % aside.gaps)
    c.commit(b'f', aside.run, flags=wire.DROP)
    gone([])
    c.bye()


def revoked():
    """The range whose contents come is finished; after it there is none, no COMMIT either, and nothing stays."""
    c = connect()
    aside = c.open_aside(b'f', META, WHO)
    id_ = c.begin_range(b'f', aside.run, 0, 2 * MIB)
    c.s.send_segment(id_, 0, DATA[:MIB])
    c.stat(b'')
    print('open', flush=True)
    sys.stdin.readline()
    c.s.send_segment(id_, MIB, DATA[MIB:2 * MIB])
    c.s.put('DONE', id=id_)
    c.answer(id_)
    if sys.argv[2] == 'RANGE':
        id_ = c.begin_range(b'f', aside.run, 2 * MIB, MIB)
    elif sys.argv[2] == 'OPEN_ASIDE':
        id_ = c.next_id()
        c.s.put('OPEN_ASIDE', id=id_, meta=META, path=b'g')
    else:
        id_ = c.next_id()
        c.s.put('COMMIT', id=id_, run=aside.run, meta=META, path=b'f')
    refused(lambda: c.answer(id_), 40, TAKEN)
    ended(c.s.get)
    gone([])


# down
def down():
    """Ranges of a file on two streams, what it is without any contents, and what lies behind its end."""
    a, b = connect(), connect(want='raw')
    harness.write(at('big'), DATA)
    must(a.fetch_items([Item(FETCH_RANGE, b'big', 0, 0)]) == [b''], 'no bytes')
    seen = a.file.meta, a.file.identity
    st = os.stat(at('big'))
    must(seen[0].size == SIZE and seen[1].ino == st.st_ino and not a.file.flags, repr(seen))
    parts = {}
    for c, off, n in ((a, 0, MIB), (b, MIB, MIB), (a, 2 * MIB, 1), (b, 2 * MIB + 1, MIB), (a, 3 * MIB + 1, 5 * MIB), (b, SIZE, 5), (b, SIZE, 0)):
        parts[c, off] = c.fetch_items([Item(FETCH_RANGE, b'big', off, n)])[0]
        must(parts[c, off] == DATA[off:off + n] and (c.file.meta, c.file.identity) == seen, 'range %d' % off)
    must(a.carries == {wire.CARRY_SEALED} and b.carries == {wire.CARRY_RAW}, 'carried')
    must(b.fetch_items([Item(FETCH_RANGE | FETCH_SEALED, b'big', 5, 10)]) == [DATA[5:15]], 'a part asked for again')
    must(a.fetch(b'there') == [b'there'], 'another file')
    got = b.fetch_items([Item(FETCH_RANGE, b'big', SIZE + 1, 1), Item(FETCH_RANGE, b'none', 0, 1), Item(FETCH_RANGE, b'big', 7, 7)])
    must(got[0].fail.status == 24 and got[1].fail.status == 3 and got[2] == DATA[7:14], repr(got[:2]))
    a.bye()
    b.bye()


# what is left
def swept():
    """MKDIR of a directory that was there, or a file that comes by ranges into it: once a stream."""
    c = connect()
    if sys.argv[2] == 'mkdir':
        c.mkdir(b'old')
        c.mkdir(b'old')
    elif sys.argv[2] == 'top':
        c.mkdir(b'')
    else:
        aside = c.open_aside(b'old/f', META, WHO)
        c.commit(b'old/f', aside.run, flags=wire.DROP)
    c.bye()


def hold():
    """Holds `old/mine`, for a week by its time, until standard input ends."""
    c = connect()
    aside = c.open_aside(b'old/mine', META, WHO)
    send(c, aside, 0, MIB, path=b'old/mine')
    for name in litter('old'):
        os.utime(at('old/' + name), (1, 1))
    print('held', flush=True)
    sys.stdin.read()
    must(len(litter('old')) == 2, repr(litter('old')))
    send(c, aside, MIB, SIZE - MIB, path=b'old/mine')
    c.commit(b'old/mine', aside.run, META)
    stored('old/mine')
    c.bye()


if __name__ == '__main__':
    {name.replace('_', '-'): f for name, f in list(globals().items()) if callable(f)}[sys.argv[1]]()
    print('ok')
