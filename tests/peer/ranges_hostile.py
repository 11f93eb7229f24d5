#!/usr/bin/python3
"""ranges_hostile.py - clients that store by ranges what they may not, or as no honest one would (tests/ranges.bats). Says "ok" or what was wrong.

    ranges_hostile.py COMMAND ARG...        (as ranges.py)
"""
import os
import sys
import time

import harness
import wire
from client import Failed
from ranged import (GAPS, NAME, NOT_HELD, READ_ONLY, RUN_OVER, STRANGE, TAKEN, TOO_MANY, MAX_BYTES, DATA, META, MIB, SIZE, WHO, again, at, connect,
                    ended, gone, litter, must, refused, run, send, stored)


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


def raw_over():
    """A stream is given up in mid-segment; another brings the same range, right; then somebody lets tampered raw bytes through to the first, and cuts it."""
    holder, a, b = connect(), connect(want='raw'), connect()
    aside = holder.open_aside(b'f', META, WHO)
    id_ = a.begin_range(b'f', aside.run, 0, MIB)
    a.stat(b'')                                             # it has joined
    a.s.put('SEGMENT', id=id_, offset=0, length=MIB, carry=wire.CARRY_RAW)
    send(b, aside, 0, SIZE)
    a.s.raw(b'EVIL' * (MIB // 4))
    a.s.close()
    refused(lambda: holder.commit(b'f', aside.run, META), 24, GAPS)     # waits for the first one's lock
    must(not os.path.exists(at('f')), 'wrong bytes have the name')
    aside = holder.open_aside(b'f', META, WHO)
    must(aside.gaps and aside.gaps[0][0] == 0, 'gaps %r' % aside.gaps)
    for off, n in aside.gaps:
        send(b, aside, off, n)
    holder.commit(b'f', aside.run, META)
    stored('f')
    holder.bye()
    b.bye()


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


if __name__ == '__main__':
    run(globals())
