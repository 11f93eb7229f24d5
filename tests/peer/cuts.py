#!/usr/bin/python3
"""cuts.py - a copy between the real zcp and zcpd is cut after so many bytes, by FIN or by RST: never a success that is none,
never a final name with anything but the whole content. TAP.

    cuts.py down|up small|big|tree [sealed|raw]         (a daemon: ROOT, PORT, HOSTKEY, ZCPD: helpers.bash)
"""
import os
import sys

import harness
from relay import C2S, S2C, Relay

PORT, ROOT, ZCPD = int(os.environ['PORT']), os.environ['ROOT'], int(os.environ['ZCPD'])
way, what, carry = sys.argv[1], sys.argv[2], (sys.argv[3:] or ['sealed'])[0]
room, tap = harness.Room(), harness.Tap()
COUNT = {'small': 12, 'big': 16, 'tree': 16}[what]


def source(top):
    """The thing to copy, named `it`, below top; and what a whole copy has, by name."""
    it = os.path.join(top, 'it')
    if what != 'tree':
        data = harness.content({'small': 3000, 'big': 3 * (1 << 20) + 17}[what], what)
        harness.write(it, data)
        return {b'it': ('f', data)}
    os.makedirs(os.path.join(it, 'a/b'))
    os.mkdir(os.path.join(it, 'empty'))
    for n, size in enumerate((0, 1, 100, 4096, 65536, 65537, 200000, 1 << 20, 30, 31)):
        harness.write(os.path.join(it, ('', 'a', 'a/b')[n % 3], 'f%d' % n), harness.content(size, 'tree %d' % n))
    return harness.snapshot(top)


def copy(port, n):
    """(result, the receiver's directory)"""
    how = ['-r', '--encrypt' if carry == 'sealed' else '--plaintext']
    if way == 'down':
        dst = room.new()
        return harness.zcp(*how, '127.0.0.1:it', dst + '/', port=port), dst
    dst = os.path.join(ROOT, 'to%d' % n)
    os.mkdir(dst)
    return harness.zcp(*how, os.path.join(room.path, 'it'), '127.0.0.1:to%d/' % n, port=port), dst


wanted = source(ROOT if way == 'down' else room.path)
relay = Relay(PORT).start()
r, dst = copy(relay.port, 0)
relay.stop()
tap.ok(r.status == 0 and harness.snapshot(dst) == wanted, 'uncut, it is whole', r)
total = dict(relay.passed)
tap.note('seed %s, %s' % (harness.SEED, ', '.join('%s: %d bytes' % t for t in total.items())))

cases = []
for d in (C2S, S2C):
    ends = {1, 16, 50, total[d] - 1, total[d] - 20, total[d] - 60} if harness.LONG else {total[d] - 1}
    spread = set(harness.rng('cuts %s %s %s' % (way, what, d)).sample(range(total[d]), min(total[d], 400)))
    chosen = sorted(ends | set(harness.sample('cut %s %s %s' % (way, what, d), sorted(spread), COUNT)))
    cases += [(d, n, ('fin', 'rst')[k % 2]) for k, n in enumerate(chosen) if 0 <= n < total[d]]

dirs, reached = [], 0
for k, (d, n, how) in enumerate(cases):
    relay = Relay(PORT, 'cut:%s:%d:%s' % (d, n, how)).start()
    r, dst = copy(relay.port, k + 1)
    relay.stop()
    reached += relay.acted
    right, why = harness.only_right(dst, wanted)
    whole = harness.snapshot(dst) == wanted
    # sizes of segments follow the clock: the cut may not have been reached, then it is a copy like any other
    good = right and r.status not in (harness.HANGS,) and isinstance(r.status, int)
    good = good and (r.status != 0 or whole and not relay.acted)
    tap.ok(good, '%s after %d of %d bytes, %s' % (d, n, total[d], how), '%r\nacted: %s, whole: %s, %s' % (r, relay.acted, whole, why))
    if way == 'up':
        dirs.append(dst)
    else:
        aside = [x for x in harness.snapshot(dst) if os.path.basename(x).startswith(b'.zcp-')]
        tap.ok(not aside, '... and nothing is left beside it', aside)
        room.drop(dst)

tap.ok(reached * 4 >= len(cases) * 3, '%d of %d cuts were reached' % (reached, len(cases)))
tap.ok(harness.wait_children(ZCPD), 'every stream\'s process ends')
for dst in dirs:
    right, why = harness.only_right(dst, wanted)
    aside = [x for x in harness.snapshot(dst) if os.path.basename(x).startswith(b'.zcp-')]
    tap.ok(right and not aside, '%s: only whole files, nothing beside them' % os.path.basename(dst), '%s %s' % (why, aside))
r, dst = copy(PORT, len(cases) + 1)
tap.ok(r.status == 0 and harness.snapshot(dst) == wanted, 'the daemon still serves', r)
tap.end()
