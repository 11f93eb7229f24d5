"""stream.py - records over a socket, and files over records: what scripted client and scripted server share."""
import socket

import holes
import record
import wire


class Closed(Exception):
    """The other side closed, or reset, in the middle of something."""


class Late(Closed):
    """Nothing moved for the socket's timeout: the other side hangs."""


def recv_exact(sock, n):
    parts, left = [], n
    while left:
        try:
            piece = sock.recv(min(left, 1 << 20))
        except (ConnectionResetError, BrokenPipeError):
            raise Closed('reset') from None
        except socket.timeout:
            raise Late('nothing came in time') from None
        if not piece:
            raise Closed('%d bytes of %d' % (n - left, n))
        parts.append(piece)
        left -= len(piece)
    return b''.join(parts)


def send_all(sock, data):
    try:
        sock.sendall(data)
    except (ConnectionResetError, BrokenPipeError):
        raise Closed('reset') from None
    except socket.timeout:
        raise Late('nothing was taken in time') from None


def send_fin(sock):
    """No more will come from here; the other side may have closed long ago."""
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Contents(bytes):
    """A record of file contents."""
    name = 'CONTENTS'


class Stream:
    def __init__(self, sock, tx, rx, carry=wire.CARRY_SEALED, integrity=0):
        self.sock, self.tx, self.rx, self.carry, self.integrity = sock, tx, rx, carry, integrity
        self.suite = tx.suite
        self.ahead = []                         # messages taken back by unget()
        self.gaps = []                          # holes of the contents taken last
        self.keeps = False                      # the client asked for holes

    # records
    def put(self, name, **fields):
        self.put_plain(wire.encode(name, **fields))

    def put_plain(self, plain, contents=False, word=None, skipped=False):
        send_all(self.sock, self.tx.seal(plain, contents, word, skipped))

    def put_many(self, *messages):
        """Several records in one write: (name, fields)."""
        send_all(self.sock, b''.join(self.tx.seal(wire.encode(n, **f)) for n, f in messages))

    def raw(self, data):
        send_all(self.sock, data)

    def get(self, waits=False):
        """The next message, or Contents. WAIT is swallowed, but where it is waited for."""
        if self.ahead:
            return self.ahead.pop(0)
        while True:
            ad = recv_exact(self.sock, 4)
            word = int.from_bytes(ad, 'little')
            length = word & record.LENGTH
            most = (wire.CONTENTS_MAX if word & record.CONTENTS else wire.BODY_MAX + 1) + self.suite.tag
            if word & ~(record.CONTENTS | record.SKIPPED | record.LENGTH) or not self.suite.tag < length <= most:
                raise record.RecordError('a record word is out of bounds: %#x' % word)
            plain = self.rx.open(ad, recv_exact(self.sock, length))
            if word & record.CONTENTS:
                return Contents(plain)
            message = wire.decode(plain)
            if waits or message.name != 'WAIT':
                return message

    def unget(self, message):
        self.ahead.insert(0, message)

    def expect(self, *names):
        message = self.get()
        if message.name not in names:
            raise wire.WireError('%s came, not %s: %r' % (message.name, ' or '.join(names), message))
        return message

    def close(self):
        self.sock.close()

    # files
    def send_segment(self, id_, offset, data, carry=None, engine=4, flags=0, **twist):
        """One segment. twist: tamper(bytes) after the tags were made, tags, length, end_offset, end_length: as no honest peer would."""
        carry = carry or self.carry
        self.put('SEGMENT', id=id_, offset=offset, length=twist.get('length', len(data)), carry=carry)
        tags = b''
        if carry == wire.CARRY_RAW:
            if self.integrity == 0:
                tags = self.tx.raw_tags(data)
            self.raw(twist['tamper'](data) if 'tamper' in twist else data)
        else:
            for i in range(0, len(data), wire.CONTENTS_MAX):
                self.put_plain(data[i:i + wire.CONTENTS_MAX], contents=True)
        self.put('SEGMENT_END', id=twist.get('end_id', id_), offset=twist.get('end_offset', offset),
                 length=twist.get('end_length', len(data)), flags=flags, engine=engine, tags=twist.get('tags', tags))

    def send_contents(self, id_, data, segment=1 << 20, carry=None, offset=0, gaps=()):
        """gaps: [(from, end)] of the file, announced as holes."""
        for at, end, hole in holes.parts(offset, offset + len(data), gaps):
            if hole:
                self.put('HOLE', id=id_, offset=at, length=end - at)
                continue
            for i in range(at, end, segment):
                self.send_segment(id_, i, data[i - offset:min(i + segment, end) - offset], carry)

    def take_segment(self, head):
        """After SEGMENT: (bytes, offsets of the chunks whose tag is wrong, SEGMENT_END)."""
        bad, tags = [], b''
        if head.carry == wire.CARRY_RAW:
            if self.carry != wire.CARRY_RAW:
                raise wire.WireError('a raw segment where raw was not granted')
            data = recv_exact(self.sock, head.length)
            if self.integrity == 0:
                tags = self.rx.raw_tags(data)
        else:
            parts, left = [], head.length
            while left:
                piece = self.expect('CONTENTS')
                if len(piece) != min(left, wire.CONTENTS_MAX):
                    raise wire.WireError('a contents record of %d bytes, %d are left' % (len(piece), left))
                parts.append(piece)
                left -= len(piece)
            data = b''.join(parts)
        end = self.expect('SEGMENT_END')
        if (end.id, end.offset, end.length) != (head.id, head.offset, head.length) or len(end.tags) != len(tags):
            raise wire.WireError('SEGMENT and SEGMENT_END differ: %r %r' % (head, end))
        size = self.rx.mac.tag
        for i in range(0, len(tags), size):
            if tags[i:i + size] != end.tags[i:i + size]:
                bad.append(head.offset + i // size * record.RAW_CHUNK)
        return data, bad, end

    def take_contents(self, id_, size, raw_seen=None):
        """Segments and holes in order up to DONE: (bytes, bad chunks, DONE). raw_seen: a list that gets each segment's carry. The holes are in .gaps."""
        data, bad, self.gaps = bytearray(), [], []
        while True:
            m = self.expect('SEGMENT', 'HOLE', 'DONE')
            if m.id != id_:
                raise wire.WireError('a segment of another request: %r' % m)
            if m.name == 'DONE':
                return bytes(data), bad, m
            if m.offset != len(data) or m.offset + m.length > size:
                raise wire.WireError('a segment out of place: %r' % m)
            if m.name == 'HOLE':
                self.gaps.append((m.offset, m.offset + m.length))
                data += bytes(m.length)
                continue
            piece, wrong, _ = self.take_segment(m)
            data += piece
            bad += wrong
            if raw_seen is not None:
                raw_seen.append(m.carry)
