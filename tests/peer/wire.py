"""wire.py - every message of zcp-wire(7): one row each, encoded and decoded by its fields' kinds.

    encode('STAT', id=1, path=b'a')  -> type byte and body       decode(plain) -> Message with .name and the fields
What is not given is zero or empty. Encoding never refuses: a misbehaving peer is to say what no honest one would. Decoding is
strict: short, left-over bytes or a value out of its bounds is a WireError.
"""
from collections import namedtuple
from types import SimpleNamespace

BODY_MAX, CONTENTS_MAX, INLINE_MAX, SEGMENT_MAX = 256 * 1024, 256 * 1024, 64 * 1024, 16 * 1024 * 1024
PATH_MAX, NAME_MAX = 4095, 255
SETUP_FSYNC, SETUP_PLAIN, SETUP_NO_TAGS, SETUP_HOLES, SETUP_OWNERS, SETUP_XATTRS, SETUP_ACLS, SETUP_LINKS = 1, 2, 4, 8, 16, 32, 64, 128
LOOK_FOLLOW, LOOK_RECURSE, LOOK_ONE_FS, LOOK_EXTRAS = 1, 2, 4, 8
LOOKS_LINK, LOOKS_MAX = 1, 256
LOOKED_MISSING, LOOKED_THERE, LOOKED_FAILED, LOOKED_COARSE = 0, 1, 2, 3
OK_EXISTED, OK_NO_XATTRS, OK_NO_ACLS = 1, 2, 4
EXTRA_OWNER, EXTRA_XATTR, EXTRA_ACL, EXTRA_DEFAULT_ACL, EXTRA_LINKS, EXTRA_SPARSE, EXT_MAX = 1, 2, 3, 4, 5, 6, 60000
KEEP_MODE, KEEP_TIMES, EAGER, FRESH, DROP, SPARSE = 1, 2, 4, 8, 16, 32
RUN, GAPS_MAX = 16, 256
FETCH_SEALED, FETCH_RANGE, FETCH_FOLLOW, FETCH_HAND = 1, 2, 4, 8
SENT_INLINE, SENT_SHRANK, SENT_GREW, SENT_GIVEN_UP, SENT_FAILED, SENT_SPARSE, SENT_HANDED = 1, 2, 4, 8, 16, 32, 64
CAPABILITY_HAND = 1
CARRY_SEALED, CARRY_RAW = 1, 2
OFFER_NETWORK, OFFER_ONE_MACHINE, OFFER_NONE = 1, 2, 4
EXPORT_WRITE, EXPORT_RAW = 1, 2


class WireError(Exception):
    pass


Meta = namedtuple('Meta', 'type mode size mtime mtime_ns', defaults=('f', 0o644, 0, 0, 0))
Identity = namedtuple('Identity', 'dev ino ctime ctime_ns', defaults=(0, 0, 0, 0))
Fail = namedtuple('Fail', 'status why errno', defaults=(0, 0, 0))
Item = namedtuple('Item', 'flags path offset length', defaults=(0, b'', 0, 0))
Entry = namedtuple('Entry', 'what parent meta name link fail ext', defaults=(0, 0, Meta(), b'', b'', Fail(), ()))
Look = namedtuple('Look', 'flags shared rest', defaults=(0, 0, b''))
Looked = namedtuple('Looked', 'what meta link fail', defaults=(0, Meta(), b'', Fail()))


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise WireError('a message is too short')
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n, signed=False):
        return int.from_bytes(self.take(n), 'little', signed=signed)

    def left(self):
        return len(self.data) - self.at


def number(v, n):
    return (v & (1 << 8 * n) - 1).to_bytes(n, 'little')


def put_str(s):
    return number(len(s), 2) + s


def get_str(r, most=PATH_MAX):
    s = r.take(r.number(2))
    if len(s) > most or b'\0' in s:
        raise WireError('a string is out of bounds')
    return s


def put_cc(s):
    return number(len(s), 1) + s


def get_cc(r):
    s = r.take(r.number(1))
    if len(s) > 15:
        raise WireError('a congestion control\'s name is too long')
    return s


def put_ext(fields):
    return put_str(b''.join(number(tag, 1) + put_str(value) for tag, value in fields))


def get_ext(r):
    inner, fields = Reader(r.take(r.number(2))), []
    if inner.left() > EXT_MAX:
        raise WireError('ext is too long')
    while inner.left():
        fields.append((inner.number(1), inner.take(inner.number(2))))
    return fields


def put_meta(m):
    return m.type.encode('latin-1') + number(m.mode, 4) + number(m.size, 8) + number(m.mtime, 8) + number(m.mtime_ns, 4)


def get_meta(r):
    m = Meta(r.take(1).decode('latin-1'), r.number(4), r.number(8), r.number(8, True), r.number(4))
    if m.type not in 'fdlo' or m.mode > 0o7777 or m.size >= 1 << 63 or m.mtime_ns >= 10**9:
        raise WireError('file attributes are out of bounds: %r' % (m,))
    return m


def put_identity(i):
    return number(i.dev, 8) + number(i.ino, 8) + number(i.ctime, 8) + number(i.ctime_ns, 4)


def get_identity(r):
    return Identity(r.number(8), r.number(8), r.number(8, True), r.number(4))


def put_fail(f):
    return number(f.status, 1) + number(f.why, 1) + number(f.errno, 2)


def get_fail(r):
    return Fail(r.number(1), r.number(1), r.number(2))


def put_item(i):
    where = number(i.offset, 8) + number(i.length, 8) if i.flags & FETCH_RANGE else b''
    return number(i.flags, 1) + where + put_str(i.path)


def get_item(r):
    flags = r.number(1)
    where = (r.number(8), r.number(8)) if flags & FETCH_RANGE else (0, 0)
    return Item(flags, get_str(r), *where)


def put_entry(e):
    what = number(e.what | (2 if e.ext else 0), 1)
    return what + number(e.parent, 4) + put_meta(e.meta) + put_str(e.name) + put_str(e.link) + put_fail(e.fail) + (put_ext(e.ext) if e.ext else b'')


def get_entry(r):
    what = r.number(1)
    e = Entry(what & ~6, r.number(4), get_meta(r), get_str(r, NAME_MAX), get_str(r), get_fail(r), get_ext(r) if what & 2 else ())
    if e.what > 1 or (e.what == 1) != (e.fail.status != 0):
        raise WireError('an entry contradicts itself')
    return e


def looks(names, flags=0):
    """The items of LOOKS for these names: each says how many bytes it shares with the one before."""
    items, last = [], b''
    for name in names:
        shared = 0
        while shared < min(len(name), len(last)) and name[shared] == last[shared]:
            shared += 1
        items.append(Look(flags, shared, name[shared:]))
        last = name
    return items


def names_of(items):
    """And back."""
    names, last = [], b''
    for i in items:
        if i.shared > len(last) or not 0 < i.shared + len(i.rest) <= PATH_MAX:
            raise WireError('a name is out of bounds')
        last = last[:i.shared] + i.rest
        names.append(last)
    return names


def put_look(i):
    return number(i.flags, 1) + number(i.shared, 2) + put_str(i.rest)


def get_look(r):
    return Look(r.number(1), r.number(2), get_str(r))


def put_looked(i):
    there, failed = put_meta(i.meta) + put_str(i.link), put_fail(i.fail)
    return number(i.what, 1) + (there if i.what in (LOOKED_THERE, LOOKED_COARSE) else failed if i.what == LOOKED_FAILED else b'')


def get_looked(r):
    what = r.number(1)
    i = Looked(what)
    if what in (LOOKED_THERE, LOOKED_COARSE):
        i = Looked(what, get_meta(r), get_str(r, 255))
    elif what == LOOKED_FAILED:
        i = Looked(what, fail=get_fail(r))
    if what > LOOKED_COARSE or what == LOOKED_FAILED and not i.fail.status:
        raise WireError('an item of LOOKED contradicts itself')
    return i


def get_items(get):
    def read(r):
        items = []
        while r.left():
            items.append(get(r))
        return items
    return read


def get_exports(r):
    return [(get_str(r, NAME_MAX), r.number(1)) for _ in range(r.number(2))]


def get_gaps(r):
    """[(offset, length)]: ascending, no two of them touch."""
    gaps = [(r.number(8), r.number(8)) for _ in range(r.number(2))]
    ends = [off + length for off, length in gaps]
    if len(gaps) > GAPS_MAX or any(not length for _, length in gaps) or any(end >= 1 << 63 for end in ends):
        raise WireError('gaps are out of bounds: %r' % gaps)
    if any(off <= end for (off, _), end in zip(gaps[1:], ends)):
        raise WireError('gaps are out of order: %r' % gaps)
    return gaps


def _number_kind(n, signed=False):
    return 0, lambda v: number(v, n), lambda r: r.number(n, signed)


KINDS = {                               # default, put, get
    'u8': _number_kind(1), 'u16': _number_kind(2), 'u32': _number_kind(4), 'u64': _number_kind(8),
    'str': (b'', put_str, get_str), 'cc': (b'', put_cc, get_cc), 'ext': ((), put_ext, get_ext),
    'meta': (Meta(), put_meta, get_meta), 'identity': (Identity(), put_identity, get_identity), 'fail': (Fail(), put_fail, get_fail),
    'run': (bytes(RUN), bytes, lambda r: r.take(RUN)),
    'gaps': ((), lambda v: number(len(v), 2) + b''.join(number(o, 8) + number(n, 8) for o, n in v), get_gaps),
    'key': (bytes(32), bytes, lambda r: r.take(32)),
    'looks': ((), lambda v: b''.join(map(put_look, v)), get_items(get_look)),
    'looked': ((), lambda v: b''.join(map(put_looked, v)), get_items(get_looked)),
    'calls': ((), lambda v: number(len(v), 1) + b''.join(number(c, 8) for c in v), lambda r: [r.number(8) for _ in range(r.number(1))]),
    'rest': (b'', bytes, lambda r: r.take(r.left())),
    'items': ((), lambda v: b''.join(map(put_item, v)), get_items(get_item)),
    'entries': ((), lambda v: b''.join(map(put_entry, v)), get_items(get_entry)),
    'exports': ((), lambda v: number(len(v), 2) + b''.join(put_str(p) + number(f, 1) for p, f in v), get_exports),
}
_PATH = 'id:u32 flags:u8 path:str ext:ext'
_META = 'id:u32 flags:u8 meta:meta path:str ext:ext'
_ROWS = {
    'SETUP': (1, 'send_engine:u8 recv_engine:u8 flags:u8 cc:cc ext:ext'),
    'STAT': (2, _PATH), 'LIST': (3, _PATH), 'NEXT': (4, 'id:u32'),
    'FETCH': (5, 'first:u32 count:u16 items:items'),
    'STORE': (6, _META + ' contents:rest'), 'OPEN': (7, _META), 'MKDIR': (8, _META),
    'SYMLINK': (9, 'id:u32 meta:meta path:str target:str ext:ext'), 'SETMETA': (10, _META),
    'OPEN_ASIDE': (12, 'id:u32 flags:u8 meta:meta identity:identity path:str ext:ext'),
    'RANGE': (13, 'id:u32 run:run offset:u64 length:u64 path:str ext:ext'),
    'COMMIT': (14, 'id:u32 flags:u8 run:run meta:meta path:str ext:ext'),
    'LOOKS': (15, 'id:u32 flags:u8 count:u16 dir:str items:looks'),
    'HASH': (16, 'id:u32 flags:u8 offset:u64 length:u64 key:key path:str ext:ext'),
    'REMOVE': (17, 'id:u32 directory:u8 path:str ext:ext'), 'LINK': (18, 'id:u32 path:str to:str ext:ext'),
    'USAGE': (19, ''), 'USED': (51, 'user_us:u64 system_us:u64 scheduled:u64 faults:u64 disk:u64 through:u64 calls:calls'),
    'HOLE': (34, 'id:u32 offset:u64 length:u64'),
    'LOOKED': (49, 'id:u32 count:u16 items:looked'),
    'DIGEST': (50, 'id:u32 meta:meta identity:identity length:u64 digest:key'),
    'BYE': (11, 'disk_ns:u64 cipher_ns:u64 wait_ns:u64 rate_ns:u64'), 'CANCEL': (20, 'id:u32'), 'WAIT': (21, ''),
    'FILE': (30, 'id:u32 flags:u8 meta:meta identity:identity ext:ext contents:rest'),
    'SEGMENT': (31, 'id:u32 offset:u64 length:u32 carry:u8'),
    'SEGMENT_END': (32, 'id:u32 offset:u64 length:u32 flags:u8 engine:u8 tags:rest'),
    'DONE': (33, 'id:u32 flags:u8 fail:fail'),
    'WELCOME': (40, 'carry:u8 reason:u8 exports:exports ext:ext'),
    'REFUSED': (41, 'fail:fail'), 'OK': (42, 'id:u32 engine:u8 flags:u8'), 'ERROR': (43, 'id:u32 fail:fail'),
    'ATTR': (44, 'id:u32 meta:meta identity:identity link:str ext:ext'),
    'ENTRIES': (45, 'id:u32 entries:entries'), 'END': (46, 'id:u32 fail:fail entries:u32'),
    'RESEND': (47, 'id:u32 offset:u64 length:u32'),
    'ASIDE': (48, 'id:u32 run:run gaps:gaps ext:ext'),
}
TYPES = {name: type_ for name, (type_, _) in _ROWS.items()}
ROWS = {type_: (name, [f.split(':') for f in fields.split()]) for name, (type_, fields) in _ROWS.items()}


class Message(SimpleNamespace):
    pass


def encode(name, **given):
    fields = ROWS[TYPES[name]][1]
    if name in ('FETCH', 'LOOKS', 'LOOKED'):
        given.setdefault('count', len(given.get('items', ())))
    unknown = set(given) - {f for f, _ in fields}
    if unknown:
        raise TypeError('%s has no %s' % (name, ', '.join(sorted(unknown))))
    return number(TYPES[name], 1) + b''.join(KINDS[kind][1](given.get(f, KINDS[kind][0])) for f, kind in fields)


def decode(plain):
    r = Reader(plain)
    type_ = r.number(1)
    if type_ not in ROWS or len(plain) - 1 > BODY_MAX:
        raise WireError('no such message: type %d, %d bytes' % (type_, len(plain)))
    name, fields = ROWS[type_]
    m = Message(name=name, **{f: KINDS[kind][2](r) for f, kind in fields})
    if r.left():
        raise WireError('%s: %d bytes left over' % (name, r.left()))
    _check(m)
    return m


def _check(m):
    """What a row's fields must be to each other."""
    bad = False
    if m.name == 'STORE' or m.name == 'FILE' and m.flags & SENT_INLINE:
        bad = len(m.contents) != m.meta.size or m.meta.size > INLINE_MAX
    elif m.name == 'FILE':
        bad = m.contents != b''
    elif m.name == 'FETCH':
        bad = len(m.items) != m.count or not m.items
    elif m.name == 'SEGMENT':
        bad = not 0 < m.length <= SEGMENT_MAX or m.carry not in (CARRY_SEALED, CARRY_RAW)
    elif m.name == 'LOOKS':
        bad = len(names_of(m.items)) != m.count or not 0 < m.count <= LOOKS_MAX
    elif m.name == 'LOOKED':
        bad = len(m.items) != m.count
    elif m.name == 'HOLE':
        bad = not 0 < m.length < 1 << 63 or m.offset + m.length >= 1 << 63
    elif m.name == 'HASH':
        bad = m.offset + m.length >= 1 << 63
    elif m.name == 'RANGE':
        bad = not 0 < m.length < 1 << 63 or m.offset + m.length >= 1 << 63
    elif m.name in ('OPEN_ASIDE', 'COMMIT'):
        bad = m.meta.type != 'f'
    elif m.name in ('ERROR', 'REFUSED'):
        bad = m.fail.status == 0
    if bad:
        raise WireError('%s contradicts itself' % m.name)


def put_tlvs(values):
    """{tag: value} in ascending order; a list of pairs as it stands, for who wants to misbehave."""
    pairs = sorted(values.items()) if isinstance(values, dict) else values
    return b''.join(number(tag, 1) + number(len(value), 1) + value for tag, value in pairs)


def get_tlvs(data, required):
    r, out, last = Reader(data), {}, 0
    while r.left():
        tag = r.number(1)
        if tag <= last:
            raise WireError('tags are out of order')
        last, out[tag] = tag, r.take(r.number(1))
    if not required <= set(out):
        raise WireError('a tag is missing')
    return out
