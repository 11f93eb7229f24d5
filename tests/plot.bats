# plot.bats - the picture of --bench, from made-up tables (tests/unit/plot.c): rendered and its pixels counted, and every text measured with the font itself.
load helpers
setup() { T=$BATS_TEST_TMPDIR; cat >"$T/look.py" <<'P'
"""The picture, its parts, and what a renderer makes of it."""
import re, struct, subprocess, sys, zlib
import xml.etree.ElementTree as ET

NS = '{http://www.w3.org/2000/svg}'
FONTS = '/usr/share/fonts/truetype/dejavu/DejaVuSans%s.ttf'

class Font:
    """The advance of each character, by the font's own tables (OpenType: cmap format 12, hmtx)."""
    def __init__(self, path):
        d = open(path, 'rb').read()
        t = {}
        for i in range(struct.unpack('>H', d[4:6])[0]):
            tag, _, at, _ = struct.unpack('>4sIII', d[12 + 16 * i:28 + 16 * i])
            t[tag] = at
        self.d, self.hmtx = d, t[b'hmtx']
        self.upm, = struct.unpack('>H', d[t[b'head'] + 18:t[b'head'] + 20])
        self.metrics, = struct.unpack('>H', d[t[b'hhea'] + 34:t[b'hhea'] + 36])
        self.glyphs, c = {}, t[b'cmap']
        for i in range(struct.unpack('>H', d[c + 2:c + 4])[0]):
            s = c + struct.unpack('>HHI', d[c + 4 + 8 * i:c + 12 + 8 * i])[2]
            if struct.unpack('>H', d[s:s + 2])[0] == 12:
                for g in range(struct.unpack('>I', d[s + 12:s + 16])[0]):
                    a, b, first = struct.unpack('>III', d[s + 16 + 12 * g:s + 28 + 12 * g])
                    self.glyphs.update((x, first + x - a) for x in range(a, b + 1))
    def width(self, text, size):
        n = 0
        for ch in text:
            g = min(self.glyphs[ord(ch)], self.metrics - 1)
            n += struct.unpack('>H', self.d[self.hmtx + 4 * g:self.hmtx + 4 * g + 2])[0]
        return n * size / self.upm

def texts(root):
    """(x from, x to, y from, y to, text) of each one."""
    fonts = {None: Font(FONTS % ''), 'bold': Font(FONTS % '-Bold')}
    for t in root.iter(NS + 'text'):
        size, text = float(t.get('font-size')), t.text or ''
        w, x, y = fonts[t.get('font-weight')].width(text, size), float(t.get('x')), float(t.get('y'))
        x -= {'start': 0, 'middle': w / 2, 'end': w}[t.get('text-anchor')]
        yield x, x + w, y - 0.76 * size, y + 0.24 * size, text

def bars(root, cls):
    return [tuple(float(r.get(k)) for k in ('x', 'y', 'width', 'height')) for r in root.iter(NS + 'rect') if r.get('class') == cls]

def png(path):
    """Rows of (r, g, b)."""
    d = open(path, 'rb').read()
    at, data = 8, b''
    while at < len(d):
        n, kind = struct.unpack('>I4s', d[at:at + 8])
        if kind == b'IHDR':
            w, h, depth, color = struct.unpack('>IIBB', d[at + 8:at + 18])
        elif kind == b'IDAT':
            data += d[at + 8:at + 8 + n]
        at += 12 + n
    assert depth == 8 and color in (2, 6)
    bpp, raw, rows = color - 2 and 4 or 3, zlib.decompress(data), []
    stride, last = w * bpp, bytearray(w * bpp)
    for y in range(h):
        f, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            a, b, c = line[i - bpp] if i >= bpp else 0, last[i], last[i - bpp] if i >= bpp else 0
            p = a + b - c
            near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, near)[f]) & 255
        last = line
        rows.append([tuple(line[i:i + 3]) for i in range(0, stride, bpp)])
    return w, h, rows

def render(svg, out):
    r = subprocess.run(['rsvg-convert', svg, '-o', out], capture_output=True, text=True)
    assert r.returncode == 0 and not r.stderr, r.stderr
    return png(out)
P
}
look() { PYTHONPATH=$T PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 - "$@" 3>&-; }

@test "it renders at its own size, and a row with twice the rate has a bar of twice the pixels" {
	run -0 unit plot twice "$T/p.svg"
	refute_output
	look "$T/p.svg" "$T/p.png" <<-'P'
	import sys
	from look import *
	root = ET.parse(sys.argv[1]).getroot()
	w, h, rows = render(sys.argv[1], sys.argv[2])
	assert (w, h) == (1600, int(root.get('height'))) and root.get('viewBox') == '0 0 1600 %d' % h, (w, h)
	def run(bar, color):            # pixels of that colour from the bar's left edge, a third down so that no whisker is met
	    x, y, _, height = bar
	    line, n = rows[int(y + height * 0.2)], 0
	    while line[round(x) + 2 + n] == color: n += 1
	    return n + 2
	green, blue, brown = (0x00, 0x9e, 0x73), (0x00, 0x72, 0xb2), (0xb3, 0x47, 0x00)
	rate = {round(b[1]): b for b in bars(root, 'rate')}
	beyond, reaches, one, two, spread = (rate[y] for y in sorted(rate))
	assert abs(run(two, green) - 2 * run(one, green)) <= 2, (run(one, green), run(two, green))
	assert abs(run(one, green) - one[2]) <= 2 and abs(run(spread, green) - 1.5 * run(one, green)) <= 2
	assert beyond[2] == max(b[2] for b in rate.values()) and beyond[2] < 2.6 * one[2], beyond     # 20 would be 20 times that: a break
	assert len([p for p in root.iter(NS + 'path') if p.get('class') == 'break']) == 2
	# a whisker goes from the least to the most, and has no end where the most is beyond the axis
	def strokes(bar):
	    mid = bar[1] + bar[3] / 2
	    return {tuple(float(l.get(k)) for k in ('x1', 'y1', 'x2', 'y2')) for l in root.iter(NS + 'line')
	            if bar[1] <= float(l.get('y1')) <= mid and mid <= float(l.get('y2')) <= bar[1] + bar[3]}
	x, unit, (y, h) = one[0], one[2], (spread[1], spread[3])
	near = lambda got, want: len(got) == len(want) and all(any(max(abs(p - q) for p, q in zip(g, w)) < 0.02 for g in got) for w in want)
	assert near(strokes(spread), [(x + a * unit, y + h / 2 - s, x + b * unit, y + h / 2 + s) for a, b, s in ((1.2, 1.8, 0), (1.2, 1.2, h / 4), (1.8, 1.8, h / 4))])
	assert not strokes(one) and len(strokes(reaches)) == 2 and max(l[2] for l in strokes(reaches)) == x + beyond[2]
	# user before system, and they add up; the receiver stands below the sender
	for side, color in ('sender', blue), ('receiver', brown):
	    user, system = bars(root, side + ' user'), bars(root, side + ' system')
	    a, b = user[-3:-1]
	    assert abs(run(b, color) - 2 * run(a, color)) <= 2 and abs(run(a, color) - a[2]) <= 2, side
	    assert all(abs(s[0] - u[0] - u[2]) < 0.02 and s[1] == u[1] for u, s in zip(user, system)), side
	s, r = bars(root, 'sender user')[2:], bars(root, 'receiver user')
	assert len(s) == len(r) == 3 and all(q[1] >= p[1] + p[3] for p, q in zip(s, r))
	assert abs(s[0][2] - r[0][2]) < 0.02 and abs(bars(root, 'sender system')[2][2] - 2 * s[0][2]) < 0.02     # 0.1 and 0.1, 0.2 and 0.1
	# the axis: each number stands where a bar of that length ends
	ticks = {}
	for t in root.iter(NS + 'text'):
	    if t.get('text-anchor') == 'middle' and float(t.get('x')) < s[0][0] - 5: ticks[float(t.text)] = float(t.get('x'))
	assert {0.0, 0.5, 1.0, 1.5, 2.0} <= set(ticks), ticks
	assert abs(ticks[0] - one[0]) < 0.02 and abs(ticks[1] - one[0] - one[2]) < 0.02 and abs(ticks[2] - two[0] - two[2]) < 0.02
	P
}

@test "no text leaves the picture, none lies on another one or on a bar, by the font's own widths" {
	local kind
	for kind in likely twice hostile empty; do
		run -0 unit plot $kind "$T/$kind.svg"
		look "$T/$kind.svg" <<-'P'
		import sys
		from look import *
		root = ET.parse(sys.argv[1]).getroot()
		height, seen = float(root.get('height')), list(texts(root))
		assert len(seen) > 10
		for x, X, y, Y, text in seen:
		    assert x >= 20 and X <= 1580 and y >= 0 and Y <= height, (text, x, X, y, Y)
		hits = [(a[4], b[4]) for i, a in enumerate(seen) for b in seen[:i]
		        if a[0] < b[1] - 1 and b[0] < a[1] - 1 and a[2] + 2 < b[3] - 2 and b[2] + 2 < a[3] - 2]
		assert not hits, hits
		boxes = [b for c in ('rate', 'sender user', 'sender system', 'receiver user', 'receiver system', 'legend') for b in bars(root, c)]
		over = [(text, b) for x, X, y, Y, text in seen for b in boxes
		        if b[2] > 0 and x < b[0] + b[2] - 1 and b[0] < X - 1 and y + 4 < b[1] + b[3] and b[1] < Y - 4]
		assert not over, over
		P
	done
}

@test "nothing is drawn outside of it: with a margin around it, that stays empty" {
	run -0 unit plot hostile "$T/p.svg"
	look "$T/p.svg" "$T/p.png" <<-'P'
	import sys
	from look import *
	text = open(sys.argv[1]).read()
	w, h = 1600, int(ET.fromstring(text.encode()).get('height'))
	wide = re.sub(r'width="1600" height="\d+" viewBox="[^"]*"', 'width="%d" height="%d" viewBox="-40 -40 %d %d"' % ((w + 80) // 2, (h + 80) // 2, w + 80, h + 80), text, count=1)
	wide = re.sub(r'<rect class="ground"[^>]*>', '<rect x="-40" y="-40" width="%d" height="%d" fill="#ffffff"/>' % (w + 80, h + 80), wide)
	assert wide != text
	open(sys.argv[1], 'w').write(wide)
	W, H, rows = render(sys.argv[1], sys.argv[2])
	drawn = [(x, y) for y, row in enumerate(rows) for x, p in enumerate(row) if p != (255, 255, 255)]
	assert len(drawn) > 10000
	assert min(x for x, y in drawn) >= 20 and max(x for x, y in drawn) < 20 + w // 2, 'sideways'
	assert min(y for x, y in drawn) >= 20 and max(y for x, y in drawn) < 20 + h // 2, 'up and down'
	P
}

@test "every row is there: measured ones with a bar, the others with their reason; groups in their order, and senders' receiver labelled" {
	run -0 unit plot likely "$T/p.svg"
	look "$T/p.svg" <<-'P'
	import sys
	from look import *
	root = ET.parse(sys.argv[1]).getroot()
	said = [t.text for t in root.iter(NS + 'text')]
	assert len(bars(root, 'rate')) == 18
	heads = [t.text for t in root.iter(NS + 'text') if t.get('font-weight') == 'bold' and t.get('font-size') == '22'][2:]
	assert heads == ['Baselines: no network', 'Senders: the receiver discards what comes, and stores nothing', 'Receivers',
	                 'Sender and receiver, from file to file', 'Local copies'], heads
	for want in ('memcpy', 'sendfile', 'readwrite, MAC', 'not measured: this kernel forbids it (kernel.io_uring_disabled = 2)', '15.3', '7.90', '0.081',
	             'Throughput, GiB/s', 'CPU time, seconds per GiB', 'user', 'system', 'plaintext', 'encrypted',
	             'zcp --bench, a file of 1.0 GiB: medians of 5 rounds, and the least and most of them'):
	    assert want in said, want
	assert ' '.join(said[-1:]).startswith('Linux 6.18.44 x86_64 · AMD EPYC 9R45 · 2 cores, each side on its own · ext4 to tmpfs · TCP cubic · libsodium 1.0.22 · lo: scatter-gather on')
	hatched = [r for r in root.iter(NS + 'rect') if r.get('class') == 'rate' and r.get('fill') == 'url(#sealed)']
	assert len(hatched) == 3 and root.find('.//' + NS + "pattern[@id='sealed']") is not None
	P
	run -0 unit plot cold "$T/cold.svg"
	run -0 grep -o '>[^<]*cold[^<]*<\|>[^<]*page cache[^<]*<' "$T/cold.svg"
	assert_output '>zcp --bench, a file of 1.0 GiB, dropped from the page cache each time: medians of 5 rounds, and the least and most of them<'
	run -0 unit plot mixed "$T/mixed.svg"
	run -0 grep -o '>[^<]*cold[^<]*<\|>[^<]*page cache[^<]*<' "$T/mixed.svg"
	assert_output '>mmap, cold<'
	local rows
	rows=$(grep -c 'class="rate"' "$T/p.svg")
	run -0 unit plot twice "$T/q.svg"
	[ "$(sed -n 's/.* height="\([0-9]*\)" viewBox.*/\1/p' "$T/p.svg")" -gt "$(sed -n 's/.* height="\([0-9]*\)" viewBox.*/\1/p' "$T/q.svg")" ] || fail "$rows rows are no higher than four"
}

@test "colours differ in grey: each neighbour of a bar by a tenth of the way from black to white at least" {
	run -0 unit plot likely "$T/p.svg"
	look "$T/p.svg" <<-'P'
	import sys
	from look import *
	root = ET.parse(sys.argv[1]).getroot()
	def grey(c):                    # relative luminance, as WCAG has it; its root is about what the eye sees
	    v = [int(c[i:i + 2], 16) / 255 for i in (1, 3, 5)]
	    v = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in v]
	    return (0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]) ** 0.5
	fill = {r.get('class'): r.get('fill') for r in root.iter(NS + 'rect')}
	hatch = [r.get('fill') for r in root.find('.//' + NS + 'pattern').iter(NS + 'rect')]
	pairs = [(fill['sender user'], fill['sender system']), (fill['receiver user'], fill['receiver system']), hatch]
	pairs += [(c, '#ffffff') for c in fill.values() if c.startswith('#') and c not in ('#ffffff', '#eeeeee')]
	for a, b in pairs:
	    assert abs(grey(a) - grey(b)) > 0.1, (a, b)
	P
}

@test "a file that cannot be made: 3, 11, 45, with its name; nothing stays; an ordinary user" {
	run -3 unit plot twice "$T/none/p.svg"
	assert_output "zcp: --plot=$T/none/p.svg: there is no such directory to make it in"
	mkdir "$T/closed" "$T/closed/d"
	run -45 unit plot twice "$T/closed/d"
	assert_output --partial "stands there"
	chmod 555 "$T/closed"
	run -11 as_user "$ZCP_BUILD/unit/plot" twice "$T/closed/p.svg"
	assert_output --regexp "^zcp: --plot=$T/closed/p.svg: [Pp]ermission denied"
	chmod 755 "$T/closed"
	assert_equal "$(ls -A "$T/closed")" d
	echo old >"$T/q.svg"
	chmod 600 "$T/q.svg"
	run -0 unit plot twice "$T/q.svg"
	assert_equal "$(stat -c %a "$T/q.svg")" 600
	run -0 unit plot twice "$T/new.svg"
	assert_equal "$(stat -c %a "$T/new.svg")" 644
	no_litter "$T"
}

@test "a link of any kind, a FIFO and - are refused before anything is measured, and when it is written; they stay as they are" {
	private_home
	local l
	mkdir "$T/dir"
	mkfifo "$T/fifo"
	echo old >"$T/file"
	ln -s file "$T/to-file"
	ln -s nowhere "$T/to-nothing"
	ln -s /dev/null "$T/to-device"
	ln -s /proc/self/fd/1 "$T/stdout"
	for l in to-file to-nothing to-device stdout; do
		run -45 --separate-stderr zcp_raw --bench --plot="$T/$l" "$T/dir"
		assert_equal "$stderr" "zcp: --plot=$T/$l: a symbolic link stands there, which is neither followed nor replaced: name a file, as --plot=bench.svg"
		run -45 unit plot twice "$T/$l"
		[ -L "$T/$l" ]
	done
	assert_equal "$(cat "$T/file")" old
	run -45 --separate-stderr zcp_raw --bench --plot="$T/fifo" "$T/dir"
	assert_equal "$stderr" "zcp: --plot=$T/fifo: what stands there is no regular file, and is not replaced: name a file, as --plot=bench.svg"
	[ -p "$T/fifo" ]
	cd "$T"
	run -1 --separate-stderr zcp_raw --bench --plot=- "$T/dir"
	assert_equal "$stderr" "zcp: --plot=-: a picture does not go to standard output: name a file, as --plot=bench.svg"
	[ -z "$(ls -A "$T/dir")" ]
	[ ! -e "$T/-" ]
	no_litter "$T"
}

@test "--plot goes with --bench only" {
	private_home
	run -1 zcp_raw --plot="$T/p.svg" a b
	assert_output "zcp: --plot: only with --bench"
	run -1 zcp_raw --plot= a b
	[ ! -e "$T/p.svg" ]
}
