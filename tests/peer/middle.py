#!/usr/bin/python3
"""middle.py - a real zcp and a real zcpd with a relay between them that does one thing wrong: nobody is ever fooled.

    middle.py flips | messages | records        (a daemon with ROOT, PORT, HOSTKEY in the environment: helpers.bash)
Every case: zcp's status is neither 0 nor a hang, nothing stands under a final name on the receiver's side, and after all cases
the daemon serves an honest client.
"""
import os
import sys

import harness
from relay import C2S, S2C, Frames, Relay

PORT, ROOT = int(os.environ['PORT']), os.environ['ROOT']
room, tap = harness.Room(), harness.Tap()
small = harness.content(5000, 'small')
FINE = {b'down': ('f', small)}


def copy(relay, way):
    """One download or upload of a small file through the relay: (result, what is under the final name)."""
    if way == 'down':
        dst = room.new()
        r = harness.zcp('--encrypt', '127.0.0.1:down', dst + '/', port=relay.port)
        there = os.path.join(dst, 'down')
    else:
        src = harness.write(os.path.join(room.path, 'up'), small)
        there = os.path.join(ROOT, 'up')
        r = harness.zcp('--encrypt', src, '127.0.0.1:up', port=relay.port)
    found = harness.read(there) if os.path.lexists(there) else None
    if os.path.lexists(there):
        os.unlink(there)
    if way == 'down':
        room.drop(dst)
    return r, found


def honest():
    for way in ('down', 'up'):
        with Relay(PORT) as relay:
            r, found = copy(relay, way)
        tap.ok(r.status == 0 and found == small, 'with nothing wrong, the %sload works' % way, r)


def wrong(spec, way, may_be_there=False):
    """may_be_there: what is wrong comes after the last byte of the contents: complete is right, 0 is not."""
    relay = Relay(PORT, spec).start()
    r, found = copy(relay, way)
    over = relay.stop(30)
    good = r.status not in (0, harness.HANGS) and isinstance(r.status, int) and (found is None or may_be_there and found == small)
    tap.ok(good and relay.acted and over, '%s, %sload' % (spec, way),
           '%r\nunder the final name: %s\nacted: %s, over: %s' % (r, found and len(found), relay.acted, over))


def frames(way):
    """Lengths of an honest run's frames: {direction: [length]}."""
    relay = Relay(PORT, record=True).start()
    copy(relay, way)
    relay.stop()
    return {d: [len(f) for f, _, _ in Frames(d).feed(bytes(relay.captured[d]))] for d in (C2S, S2C)}


def flips():
    sizes = frames('down')
    places = [(C2S, n) for n in range(sum(sizes[C2S][:3]))] + [(S2C, n) for n in range(sizes[S2C][0])]
    chosen = harness.sample('flips', places, 200)
    tap.note('seed %s, %d of %d bytes of the handshake: %s' % (harness.SEED, len(chosen), len(places), ' '.join('%s:%d' % c for c in chosen)))
    r = harness.rng('masks')
    for k, (d, n) in enumerate(chosen):
        for way in ('down', 'up') if harness.LONG else (('down', 'up')[k % 2],):
            wrong('flip:%s:%d:%d' % (d, n, 1 << r.randrange(8)), way)


def messages():
    for what in ('drop', 'double', 'swap'):
        for d, k in ((C2S, 0), (C2S, 1), (C2S, 2), (S2C, 0)):
            for way in ('down', 'up'):
                wrong('%s:%s:%d' % (what, d, k), way)


def records():
    """Every record after the handshake dropped, doubled, swapped with the next, and a byte of each flipped."""
    for way in ('down', 'up'):
        sizes = frames(way)
        cases = []
        for d, first in ((C2S, 3), (S2C, 1)):
            starts = [sum(sizes[d][:k]) for k in range(len(sizes[d]))]
            for k in range(first, len(sizes[d])):
                cases += [('flip:%s:%d:%d' % (d, starts[k] + at, m), d, k) for at, m in ((0, 1), (1, 4), (3, 0x80), (3, 2), (5, 1), (sizes[d][k] - 1, 1))]
                cases += [('%s:%s:%d' % (what, d, k), d, k) for what in ('drop', 'double', 'swap')]
        last = {d: len(sizes[d]) - 1 for d in sizes}
        for spec, d, k in harness.sample('records ' + way, cases, 24):
            # a doubled last record comes when all has been said; a swap needs one after it
            if spec.startswith('double') and k == last[d]:
                continue
            wrong(spec, way, may_be_there=True)


harness.write(os.path.join(ROOT, 'down'), small)
{'flips': flips, 'messages': messages, 'records': records}[sys.argv[1]]()
honest()
tap.end()
