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
from client import Failed
from ranged import (FILLING, NOT_HELD, RUN_OVER, DATA, META, MIB, SIZE, WHO, again, at, connect, ended, gone, litter, must, refused, run, send,
                    stored)
from stream import Closed
from wire import FETCH_RANGE, FETCH_SEALED, Item


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
    run(globals())
