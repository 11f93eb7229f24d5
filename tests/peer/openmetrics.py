"""openmetrics.py - a strict reader of OpenMetrics 1.0 text: what zcpd may send, and nothing more lenient.

read(text) -> {sample line's name and labels, sorted: value}; Wrong says which line and why. As a program: reads standard input, prints
"NAME{label="value"} VALUE" lines, status 1 on anything wrong. `--classic` prints the text with counters' metadata under their samples' names,
which is all that the older text format, which promtool reads, wants otherwise.
"""
import re
import sys

TYPES = {'gauge', 'counter', 'histogram'}
NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*\Z')
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)\Z')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|\Z)')
NUMBER = re.compile(r'[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?\Z')
SUFFIXES = {'gauge': [''], 'counter': ['_total'], 'histogram': ['_bucket', '_count', '_sum']}


class Wrong(Exception):
    pass


def labels_of(text, n):
    out, at = [], 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m:
            raise Wrong('line %d: labels %r' % (n, text))
        out.append((m[1], m[2]))
        at = m.end()
        if m[3] == ',' and at == len(text):
            raise Wrong('line %d: a comma too much' % n)
    if len({name for name, _ in out}) != len(out):
        raise Wrong('line %d: a label twice' % n)
    return tuple(sorted(out))


def check_histogram(name, samples):
    groups = {}
    for (sample, labels), value in samples.items():
        if sample.startswith(name + '_'):
            rest = tuple(x for x in labels if x[0] != 'le')
            groups.setdefault(rest, {'buckets': []})
            if sample == name + '_bucket':
                le = dict(labels).get('le')
                if le is None or not (le == '+Inf' or re.match(r'[0-9.]+\Z', le) and '.' in le):
                    raise Wrong('%s: bound %r' % (name, le))
                groups[rest]['buckets'].append((float(le), value))
            else:
                groups[rest][sample[len(name):]] = value
    for g in groups.values():
        bounds = [b for b, _ in g['buckets']]
        counts = [c for _, c in g['buckets']]
        if bounds != sorted(bounds) or len(set(bounds)) != len(bounds) or bounds[-1] != float('inf'):
            raise Wrong('%s: bounds %r' % (name, bounds))
        if counts != sorted(counts) or g.get('_count') != counts[-1] or '_sum' not in g:
            raise Wrong('%s: counts %r' % (name, counts))


def read(text):
    if not text.endswith('# EOF\n') or text.count('# EOF') != 1:
        raise Wrong('it does not end with one # EOF')
    families, samples, family = {}, {}, None
    for n, line in enumerate(text[:-len('# EOF\n')].split('\n')[:-1], 1):
        if line.startswith('#'):
            m = re.match(r'# (TYPE|UNIT|HELP) (\S+) (.+)\Z', line)
            if not m or not NAME.match(m[2]):
                raise Wrong('line %d: %r' % (n, line))
            kind, name, value = m.groups()
            if name not in families:
                family = families[name] = {'name': name}
            elif family['name'] != name or kind in family or 'samples' in family:
                raise Wrong('line %d: %s of %s is late, or there twice' % (n, kind, name))
            family[kind] = value
            if kind == 'TYPE' and value not in TYPES:
                raise Wrong('line %d: type %r' % (n, value))
            if kind == 'UNIT' and not name.endswith('_' + value):
                raise Wrong('line %d: %s does not end with its unit %s' % (n, name, value))
            continue
        m = SAMPLE.match(line)
        if not m or not NUMBER.match(m[3]):
            raise Wrong('line %d: %r' % (n, line))
        if not family or 'TYPE' not in family or 'HELP' not in family:
            raise Wrong('line %d: a sample without TYPE and HELP' % n)
        if m[1] not in [family['name'] + s for s in SUFFIXES[family['TYPE']]]:
            raise Wrong('line %d: %s is none of %s %s' % (n, m[1], family['TYPE'], family['name']))
        key = (m[1], labels_of(m[2] or '', n))
        if key in samples:
            raise Wrong('line %d: there twice' % n)
        samples[key] = float(m[3])
        family['samples'] = True
    for name, f in families.items():
        if 'samples' not in f:
            raise Wrong('%s: no sample' % name)
        if f['TYPE'] == 'histogram':
            check_histogram(name, samples)
        for other in families:
            if other != name and other in [name + s for s in SUFFIXES[f['TYPE']]]:
                raise Wrong('%s and %s clash' % (name, other))
    return samples


def classic(text):
    counters = set(re.findall(r'^# TYPE (\S+) counter$', text, re.M))
    out = []
    for line in text.split('\n'):
        m = re.match(r'# (TYPE|HELP|UNIT|EOF)(?: (\S+))?( .*)?\Z', line)
        if m and m[1] in ('UNIT', 'EOF'):
            continue
        out.append('# %s %s_total%s' % (m[1], m[2], m[3]) if m and m[2] in counters else line)
    return '\n'.join(out)


def key_text(key):
    name, labels = key
    return name + ('{%s}' % ','.join('%s="%s"' % x for x in labels) if labels else '')


def main():
    text = sys.stdin.buffer.read().decode('utf-8')
    try:
        samples = read(text)
    except Wrong as e:
        sys.exit('not OpenMetrics: %s' % e)
    if '--classic' in sys.argv:
        sys.stdout.write(classic(text))
    else:
        for key, value in samples.items():
            print(key_text(key), '%d' % value if value == int(value) else value)


if __name__ == '__main__':
    main()
