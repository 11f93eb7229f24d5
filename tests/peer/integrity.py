#!/usr/bin/python3
"""integrity.py - bytes that change or stop on the way between zcp and zcpd: the right file or none, and never 0 without it.

    integrity.py once|always|sealed|cut down|up     (a daemon with ROOT, PORT, HOSTKEY and --plaintext-from: helpers.bash)
"""
import os
import sys

import harness
from gate import Gate
from relay import C2S, S2C, Relay

PORT, ROOT = int(os.environ['PORT']), os.environ['ROOT']
SIZE = 3 << 20
data = harness.content(SIZE, 'contents')
room, tap = harness.Room(), harness.Tap()


def copy(way, port, *options):
    """(result, what is under the final name, what else is there)"""
    here = room.new()
    if way == 'down':
        harness.write(os.path.join(ROOT, 'big'), data)
        dst = here
        r = harness.zcp('-v', *options, '127.0.0.1:big', dst + '/', port=port)
    else:
        dst = os.path.join(ROOT, os.path.basename(here))
        os.mkdir(dst)
        src = harness.write(os.path.join(here, 'big'), data)
        r = harness.zcp('-v', *options, src, '127.0.0.1:' + os.path.basename(dst) + '/', port=port)
    return r, dst


def look(dst):
    names = os.listdir(dst)
    found = harness.read(os.path.join(dst, 'big')) if 'big' in names else None
    room.drop(dst)
    return found, [n for n in names if n != 'big']


def flipped(offset, way, options, label, good):
    """One byte at this place of the stream."""
    relay = Relay(PORT, 'flipbyte:%s:%d:%d' % (S2C if way == 'down' else C2S, offset, 1 << offset % 8)).start()
    r, dst = copy(way, relay.port, *options)
    over = relay.stop()
    found, others = look(dst)
    tap.ok(good(r, found) and relay.acted and over, '%s, byte %d, %sload' % (label, offset, way),
           '%r\nfound %s, acted %s' % (r, found is not None and len(found), relay.acted))
    tap.ok(not others, '%s, byte %d, %sload: no litter' % (label, offset, way), others)


def once(way):
    """In raw bytes: the chunk comes again, sealed. The first segment is 256 KiB and starts a few hundred bytes in."""
    for offset in harness.sample('once', range(5000, 250000, 997), 6):
        flipped(offset, way, ['--plaintext'], 'a raw byte flipped once', lambda r, found: r.status == 0 and found == data)


def sealed(way):
    for offset in harness.sample('sealed', range(5000, SIZE, 9973), 6):
        flipped(offset, way, ['--encrypt'], 'a sealed byte flipped',
                lambda r, found: (r.status == 43 if way == 'down' else r.status in (10, 43)) and found is None)


def always(way):
    """Everything from the first contents on: the chunk that comes again is wrong too."""
    def change(at, piece):
        return piece if at < 5000 else bytes(b ^ 1 for b in piece[:1]) + piece[1:]
    for option in ('--plaintext', '--encrypt'):
        gate = Gate(PORT, way, change=change)
        r, dst = copy(way, gate.port, option)
        gate.stop()
        found, others = look(dst)
        tap.ok(r.status == 43 if way == 'down' else r.status in (10, 43), 'bytes flipped all the way, %s, %sload: status' % (option, way), r)
        tap.ok(found is None and not others, 'bytes flipped all the way, %s, %sload: nothing is there' % (option, way), others)


def cut(way):
    for option in ('--plaintext', '--encrypt'):
        for n, offset in enumerate(harness.sample('cut' + option, list(range(0, 4000, 97)) + list(range(5000, SIZE, 70001)), 10)):
            how = ('fin', 'rst')[n % 2]
            relay = Relay(PORT, 'cut:%s:%d:%s' % (S2C if way == 'down' else C2S, offset, how)).start()
            r, dst = copy(way, relay.port, option)
            relay.stop()
            found, _ = look(dst)
            tap.ok(r.status == 10 and found is None, '%s, %sload, cut after %d bytes by %s' % (option, way, offset, how), r)


def honest():
    for way in ('down', 'up'):
        r, dst = copy(way, PORT, '--plaintext')
        found, others = look(dst)
        tap.ok(r.status == 0 and found == data and not others, 'the daemon goes on, %sload' % way, r)


{'once': once, 'always': always, 'sealed': sealed, 'cut': cut}[sys.argv[1]](sys.argv[2])
honest()
tap.end()
