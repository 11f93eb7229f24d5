"""evil_client.py - what the hostile clients share: a furnished root, and a case.

Every case has a stream of its own. The daemon answers an error or ends that stream; nothing outside its root changes or gets
out, nothing appears in the root that was not stored whole; it serves an honest client afterwards.
"""
import os

import harness
import opening
import record
import wire
from client import Client, Failed
from stream import Closed, Late

PORT, ROOT, T = int(os.environ['PORT']), os.environ['ROOT'], os.environ['T']
PIN = opening.key_parse(os.environ['HOSTKEY'])
KEY = harness.identity()
tap = harness.Tap()
SECRET = b'a secret that stands outside of the root'
SMALL, BIG = harness.content(3000, 'small'), harness.content(300000, 'big')
OUT = os.path.join(T, 'outside')
ASIDE = b'.zcp-' + b'0123456789abcdef' * 2
# without a NUL: that ends the stream
SPELLING = [b'../outside/secret', b'..', b'.', b'./d', b'd/.', b'd/..', b'd/../../outside/secret', b'd/../big', b'/d', b'/', b'//', b'd//small', b'd/small/', b'd/',
            os.fsencode(OUT) + b'/secret', b'/etc/passwd', b'd/' + b'x' * 256, b'x/' * 2000 + b'yy', ASIDE, ASIDE + b'.j', b'd/' + ASIDE, ASIDE + b'/x']
THROUGH = [b'abs/secret', b'abs/none', b'rel/secret', b'up/outside/secret', b'up/root/big', b'proc/etc/passwd', b'cwd/x', b'd/far/secret', b'loop/x']
OUTWARD = [b'abs', b'abs-file', b'rel', b'rel-file', b'up', b'proc', b'loop', b'd/far']


def furnish():
    os.makedirs(os.path.join(OUT, 'dir'))
    for where in ('secret', 'dir/secret'):
        harness.write(os.path.join(OUT, where), SECRET)
    os.makedirs(os.path.join(ROOT, 'd/e'))
    harness.write(os.path.join(ROOT, 'd/small'), SMALL)
    harness.write(os.path.join(ROOT, 'big'), BIG)
    for name, target in (('abs', OUT), ('abs-file', OUT + '/secret'), ('rel', '../outside'), ('rel-file', '../outside/secret'), ('up', '..'),
                         ('proc', '/proc/self/root'), ('cwd', '/proc/self/cwd'), ('loop', 'loop'), ('d/far', '../../outside/dir')):
        os.symlink(target, os.path.join(ROOT, name))


def connect(**how):
    how.setdefault('want', 'sealed')
    return Client.connect(PORT, KEY, pin=PIN, **how)


def state():
    """Without aside files: those of the case before may still be in the way of being removed (no_litter looks at the end)."""
    root = {n: v for n, v in harness.snapshot(ROOT).items() if not os.path.basename(n).startswith(b'.zcp-')}
    return {'outside': harness.snapshot(OUT), 'root': root}


def outcome(f, **how):
    """What became of f(client): 'closed', 'error STATUS', 'ok' with f's value. The stream is closed at the end."""
    c = None
    try:
        c = connect(**how)
        value = f(c)
        if isinstance(value, list):             # fetches
            value = value[0]
        if isinstance(value, Failed):
            raise value
        return 'ok', value
    except Late:
        return 'hangs', None
    except Failed as e:
        return 'error', e.fail
    except Closed:
        return 'closed', None
    except (wire.WireError, record.RecordError, opening.Refused) as e:
        return 'strange', e
    finally:
        if c:
            c.s.close()


def status(want, f):
    """ERROR with this status, or strange"""
    def g(c):
        try:
            value = f(c)
        except Failed as e:
            value = e
        value = value[0] if isinstance(value, list) else value
        if isinstance(value, Failed) and value.fail.status not in want:
            raise wire.WireError('status %d, not %r' % (value.fail.status, want))
        return value
    return g


def said(path):
    return path if len(path) < 50 else path[:40] + b'...'


def case(what, f, allowed=('error', 'closed'), new=None, replaced=None, **how):
    """new: what may be new in the root afterwards, {name: (type, contents)}; it is taken away again. replaced: a link that may
    have become this, (name, type, contents); it is made anew."""
    before = state()
    did, value = outcome(f, **how)
    # an honest stream behind it: what the hostile one had begun is then being cleaned up or over
    after = state()
    if replaced and after['root'].get(replaced[0]) == replaced[1:]:
        link, after['root'][replaced[0]] = os.path.join(os.fsencode(ROOT), replaced[0]), before['root'][replaced[0]]
        os.unlink(link)
        os.symlink(before['root'][replaced[0]][1], link)
    fresh = {n: v for n, v in after['root'].items() if n not in before['root']}
    kept = all(after['root'].get(n) == v for n, v in before['root'].items())
    good = did in allowed and after['outside'] == before['outside'] and kept and all((new or {}).get(n) == v for n, v in fresh.items())
    good = good and not (did == 'ok' and isinstance(value, bytes) and SECRET in value)
    tap.ok(good, what, 'outcome %s %r, allowed %s\nnew in the root: %r\nroot kept: %s, outside kept: %s' % (
        did, value, allowed, {n: (k, len(d)) for n, (k, d) in fresh.items()}, kept, after['outside'] == before['outside']))
    for n in sorted(fresh, reverse=True):
        p = os.path.join(os.fsencode(ROOT), n)
        os.rmdir(p) if fresh[n][0] == 'd' else os.unlink(p)


def honest():
    c = connect()
    tap.ok(c.fetch(b'd/small', b'big') == [SMALL, BIG], 'the daemon serves an honest client')
    c.store(b'new', SMALL)
    c.bye()
    tap.ok(harness.read(os.path.join(ROOT, 'new')) == SMALL, '... and stores what it sends')


def run(groups, name):
    furnish()
    groups[name]()
    honest()
    tap.end()
