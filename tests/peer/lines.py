#!/usr/bin/python3
"""lines.py - a reader of zcp --json that believes nothing: each line against the tables of zcp-json(7), what was said on standard error against the objects, the summary against all.

    lines.py run OUT ERR [AFTER DO...] -- ZCP ARG...    runs it; OUT and ERR get what it wrote; ends with its status. Behind the first line that matches AFTER (a regular expression), or $AFTER
             such lines more:
             signal NAME    sends it        close    reads no more, through a pipe of one page        stuck SIGNAL    reads no more without closing, and sends it
    lines.py check STATUS OUT [ERR]     OUT is right as a whole, and ERR (of a run without -v and --progress) has no line without its object
    lines.py ask OUT EXPRESSION...      each expression is true: `o` objects, of(type, **fields), raw(object, field), s summary
"""
import base64
import fcntl
import json
import os
import re
import select
import signal
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNSEEN = re.compile('[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]')


PARTS = {'side': {}, 'spread': {}}         # objects in objects: {field: (types, always)}, by tables()


def part(value, fields):
    return isinstance(value, dict) and all(n in fields and fits(v, fields[n][0], ()) for n, v in value.items()) and all(n in value or not a for n, (_, a) in fields.items())


def tables():
    """{type: ({field: (types, always)}, {field: words})} from the page's source."""
    kinds, now = {}, None
    for line in open(TOP + '/man/zcp-json.7', encoding='utf-8'):
        line = line.rstrip('\n')
        if line.startswith('.SS ') and line[4:] == line[4:].lower():
            now = kinds[line[4:]] = ({}, {})
        elif line.startswith('.S'):
            now = None
        elif now and '\t' in line:
            cells = line.split('\t')
            if cells[0].endswith(':'):
                now[1][cells[0][:-1]] = cells[1].split(', ')
            else:
                now[0][cells[0]] = (cells[1], cells[2] == 'always')
    parts = {name: kinds.pop(name)[0] for name in PARTS if name in kinds}
    assert sorted(kinds) == ['bench', 'claim', 'entry', 'error', 'file', 'machine', 'progress', 'start', 'summary'], 'the tables of zcp-json.7: %r' % sorted(kinds)
    assert sorted(parts) == sorted(PARTS), 'parts of objects in zcp-json.7: %r' % sorted(parts)
    PARTS.update(parts)
    return kinds


def fits(value, types, words):
    if types == 'strings':
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    if types == 'strings or nulls':
        return isinstance(value, list) and all(v is None or isinstance(v, str) for v in value)
    if types == 'shares':
        return isinstance(value, dict) and all(v is None or isinstance(v, int) and 0 <= v <= 100 for v in value.values())
    if types == 'rates':
        return isinstance(value, dict) and all(isinstance(v, (int, float)) and v > 0 for v in value.values())
    for t in types.split('|'):
        if t == 'null' and value is None or t == 'boolean' and isinstance(value, bool) or t == 'string' and isinstance(value, str) or \
           t == 'integer' and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64 or \
           t == 'number' and isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 or \
           t in PARTS and part(value, PARTS[t]) or t == 'word' and value in words or t.startswith('"') and t == '"%s"' % value:
            return True
    return False


def pairs(items):
    assert len(dict(items)) == len(items), 'a field stands there twice: %r' % items
    return dict(items)


def one(line):
    text = line.decode('utf-8')
    assert not UNSEEN.search(text), 'a character for no terminal: %r' % text
    return json.loads(text, object_pairs_hook=pairs, parse_constant=lambda c: 1 / 0)


def raw(o, field):
    return base64.b64decode(o[field + '_base64'], validate=True) if field + '_base64' in o else o[field].encode()


def check_name(o, field):
    """_base64 only where it must be, and the text is what the bytes make."""
    if field + '_base64' not in o:
        return
    data = raw(o, field)
    try:
        data.decode('utf-8')
    except UnicodeDecodeError:
        pass
    else:
        raise AssertionError('%s is UTF-8, and has its bytes beside it: %r' % (field, o))
    shown = re.sub('[\udc80-\udcff]', '\ufffd', data.decode('utf-8', 'surrogateescape'))
    assert shown == o[field], '%s: %r is not %r' % (field, o[field], data)


def check_object(o, kinds):
    fields, words = kinds[o['type']]
    for name, value in o.items():
        assert name in fields, 'a field that is in no table: %s in %r' % (name, o)
        assert fits(value, fields[name][0], words.get(name, ())), 'not as in the table: %s of %r' % (name, o)
    for name, (_, always) in fields.items():
        assert name in o or not always, 'there is no %s: %r' % (name, o)
    for name in ('path', 'target', 'destination'):
        if name in o:
            check_name(o, name)
    if o['type'] == 'bench':
        assert all((o['why'] is None) == (name in o) for name in ('rate', 'sender', 'receiver')), 'numbers or a reason: %r' % o
        for s in (o.get('sender'), o.get('receiver')):
            assert s is None or len({'calls', 'through', 'mode_switches'} & set(s)) in (0, 3), 'counts, or none: %r' % o
            assert s is None or 'calls' not in s or abs(s['mode_switches'] - 2 * sum(s['calls'].values())) <= 1e-6 * s['mode_switches'], 'switches: %r' % o
        assert 'rate' not in o or o['rate']['least'] <= o['rate']['median'] <= o['rate']['most'], 'spread: %r' % o
    if o['type'] == 'file':
        assert ('size' in o) == (o['action'] == 'copy') and ('target' in o) == (o['action'] in ('symlink', 'hardlink')), 'size and target: %r' % o
    if o['type'] == 'entry':
        assert ('target' in o) == (o['kind'] == 'symlink') and re.fullmatch('[0-7]{4}', o['mode']), 'target and mode: %r' % o
        assert o['mtime'] is None or re.fullmatch(r'-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z', o['mtime']), 'mtime: %r' % o
    if o['type'] == 'summary':
        assert sorted(o['limits']) == sorted(words['limited_by']) and (o['limited_by'] is None or o['limits'][o['limited_by']] >= 40), 'limits: %r' % o
    if o['type'] == 'error':
        assert ('host' in o) == ('path' in o) and (o['status'] is None) == (o['name'] is None), 'host, path, status, name: %r' % o
        assert o['status'] is not None or o['level'] == 'warning', 'an error without a status: %r' % o


def objects(path):
    data = open(path, 'rb').read()
    assert data.endswith(b'\n'), 'the last line is torn: %r' % data[-200:]
    return [one(line) for line in data[:-1].split(b'\n')]


def vis(data):
    """As common/vis.c shows bytes."""
    out = ''
    for c in data.decode('utf-8', 'surrogateescape'):
        if c == '\\':
            out += '\\\\'
        elif '\udc80' <= c <= '\udcff':
            out += '\\x%02x' % (ord(c) - 0xdc00)
        elif UNSEEN.match(c):
            out += ''.join('\\x%02x' % b for b in c.encode())
        else:
            out += c
    return out


def said(o):
    """The line on standard error that this object is of."""
    where = '' if 'path' not in o else (vis(raw(o, 'path')) if o['host'] == 'local' else '%s:%s' % (o['host'], vis(raw(o, 'path')))) + ': '
    return 'zcp: ' + where + o['message']


def check(status, out, err):
    kinds, all_ = tables(), objects(out)
    for o in all_:
        check_object(o, kinds)
    kind = [o['type'] for o in all_]
    assert kind[0] == 'start' and kind.count('start') == 1 and all_[0]['schema'] == 1, 'the first one: %r' % all_[0]
    assert kind[-1] == 'summary' and kind.count('summary') == 1, 'the last one: %r' % all_[-1]
    check_summary(status, all_)
    if err:
        lines = open(err, encoding='utf-8').read().split('\n')[:-1]
        told = [said(o) for o in all_ if o['type'] == 'error']
        more = [t for t in told if t not in lines and not t.endswith('no space left on device')]
        assert sorted(set(lines)) == sorted(set(t for t in told if t in lines)), 'said, and not told: %r' % sorted(set(lines) - set(told))
        assert not more, 'told, and not said: %r' % more
        assert len(lines) == len([t for t in told if t in lines]), 'twice: %r, %r' % (lines, told)


def check_summary(status, all_):
    s, files = all_[-1], [o for o in all_ if o['type'] == 'file']

    def count(*actions):
        return sum(o['action'] in actions for o in files)
    assert s['status'] == status, 'status %d, and the summary says %d' % (status, s['status'])
    assert s['files'] == count('copy') and s['directories'] == count('mkdir') and s['links'] == count('symlink', 'hardlink') and s['removed'] == count('remove'), \
        'the summary counts otherwise: %r' % s
    assert s['meta'] == count('meta') and s['listed'] == sum(o['type'] == 'entry' for o in all_), 'the summary counts otherwise: %r' % s
    assert s['bytes'] == sum(o.get('size', 0) for o in files), 'bytes: %r' % s
    assert status or not s['failed'], 'status 0, and something failed: %r' % s
    assert s['changed'] <= s['failed'], 'changed: %r' % s
    copied = [raw(o, 'path') for o in files if o['action'] == 'copy']
    assert len(copied) == len(set(copied)) or s['attempts'] > 1, 'a file was copied twice: %r' % sorted(copied)
    want = status == 0 or any(o['type'] == 'error' and o['level'] == 'error' for o in all_)
    assert want, 'status %d, and no error: %r' % (status, s)
    for a, b in zip([o for o in all_ if o['type'] == 'progress'], [o for o in all_ if o['type'] == 'progress'][1:]):
        assert all(a[n] <= b[n] for n in ('files', 'files_total', 'bytes', 'bytes_total')), 'it goes back: %r, %r' % (a, b)


def ask(out, expressions):
    all_ = objects(out)

    def of(kind, **fields):
        return [o for o in all_ if o['type'] == kind and all(o.get(k) == v for k, v in fields.items())]
    names = {'o': all_, 'of': of, 'raw': raw, 's': all_[-1], 'os': os, 'T': os.environb.get(b'T')}
    for e in expressions:
        assert eval(e, dict(names)), 'not so: %s\n%s' % (e, '\n'.join(map(repr, all_[-40:])))


def do(action, zcp, pipe):
    if action[0] == 'close':
        os.close(pipe)
        return True
    zcp.send_signal(getattr(signal, 'SIG' + action[1]))
    return action[0] == 'stuck'


def run(out, err, after, action, argv):
    """Line by line, through a pipe that holds no more than a page: zcp cannot be far ahead."""
    mine, its = os.pipe()
    fcntl.fcntl(mine, fcntl.F_SETPIPE_SZ, 4096)
    with open(err, 'wb') as to:
        zcp = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=its, stderr=to, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    os.close(its)
    want, got, gone, more = re.compile(after) if after else None, b'', False, int(os.environ.get('AFTER', '0'))
    while not gone:
        if not select.select([mine], [], [], 100)[0]:
            zcp.kill()
            raise AssertionError('it hangs: %r' % got[-400:])
        piece = os.read(mine, 1 if want else 65536)
        if not piece:
            break
        got += piece
        if want and got.endswith(b'\n') and want.search(got[:-1].rsplit(b'\n', 1)[-1].decode('utf-8', 'replace')):
            more -= 1
            if more < 0:
                want = None
                gone = do(action, zcp, mine)
    try:
        status = zcp.wait(60)
    except subprocess.TimeoutExpired:
        zcp.kill()
        raise AssertionError('it did not end')
    assert status >= 0, 'it died of signal %d' % -status
    assert want is None or not after, 'no line like %s: %r' % (after, got[-400:])
    open(out, 'wb').write(got)
    return status


def main(argv):
    if argv[0] == 'run':
        at = argv.index('--')
        mine = argv[1:at]
        return run(mine[0], mine[1], mine[2] if len(mine) > 2 else None, mine[3:], argv[at + 1:])
    if argv[0] == 'check':
        return check(int(argv[1]), argv[2], argv[3] if len(argv) > 3 else None)
    return ask(argv[1], argv[2:])


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv[1:]))
    except AssertionError as e:
        print('lines.py: %s' % e, file=sys.stderr)
        sys.exit(99)
