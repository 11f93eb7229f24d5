"""aegis.py - AEGIS-128L and AEGIS-256 (draft-irtf-cfrg-aegis-aead), in Python alone, fast enough for the tests' megabytes.

An update makes 8 (128L) or 6 (256) independent AES rounds. They are made at once: the state is ONE integer in which byte
(row r, column c) of word w lies at position (4r + c) * W + w, W words side by side. So
  SubBytes    is bytes.translate() over the whole state,
  ShiftRows   turns each row, 4W bytes, by r * W bytes: slices,
  MixColumns  turns the whole state by rows: 2a ^ 3a[r+1] ^ a[r+2] ^ a[r+3],
  word w - 1 feeding word w is a shift by one byte within each group of W.
Messages are brought into that order once, all blocks together, by strided slices. Proof: selftest.py, the draft's vectors.
"""


def _tables():
    """AES' S-box (FIPS 197, 5.1.1) and multiplication by two, computed."""
    log, exp, x = [0] * 256, [0] * 510, 1
    for i in range(255):
        exp[i] = exp[i + 255] = x
        log[x] = i
        x ^= (x << 1) ^ (0x11b if x & 0x80 else 0)     # times 3, a generator
        x &= 0xff
    box = bytearray(256)
    for v in range(256):
        inverse = exp[255 - log[v]] if v else 0
        y = 0x63
        for turn in range(5):
            y ^= (inverse << turn | inverse >> (8 - turn)) & 0xff
        box[v] = y
    return bytes(box), bytes((v << 1 ^ (0x1b if v & 0x80 else 0)) & 0xff for v in range(256))


SBOX, TWICE = _tables()
C0 = bytes.fromhex('000101020305080d1522375990e97962')
C1 = bytes.fromhex('db3d18556dc22ff12011314273b528dd')


class TagError(Exception):
    """The tag is wrong: nothing of the message is given out."""


def turn(data):
    """Every 16-byte block between AES' order (columns) and rows: byte 4c + r <-> 4r + c. Its own inverse."""
    out = bytearray(len(data))
    for i in range(16):
        out[i::16] = data[i % 4 * 4 + i // 4::16]
    return bytes(out)


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class _Aegis:
    """The parts that both have. Words travel as 16 bytes in rows (see turn())."""
    words = rate = None
    slots = ()                          # the words that a message's blocks go into, one per 16 bytes of rate

    def __init__(self):
        w = self.words
        self.size = 16 * w
        self.row = 4 * w
        self.first = int.from_bytes((b'\xff' + bytes(w - 1)) * 16, 'little')
        self.rest = int.from_bytes((b'\0' + b'\xff' * (w - 1)) * 16, 'little')
        self.masks = [self.first << 8 * k for k in range(w)]

    def pack(self, words):
        out = bytearray(self.size)
        for k, word in enumerate(words):
            out[k::self.words] = turn(word)
        return int.from_bytes(out, 'little')

    def unpack(self, state):
        data = state.to_bytes(self.size, 'little')
        return [turn(data[k::self.words]) for k in range(self.words)]

    def spread(self, data):
        """Whole blocks of rate bytes -> one integer per block, in the state's places."""
        n = len(data) // self.rate
        wide, rows, step = bytearray(n * self.size), turn(data), len(self.slots)
        for k, slot in enumerate(self.slots):
            part = bytearray(n * 16)
            for i in range(16):
                part[i::16] = rows[16 * k + i::16 * step]
            wide[slot::self.words] = part
        return [int.from_bytes(wide[i:i + self.size], 'little') for i in range(0, len(wide), self.size)]

    def gather(self, blocks):
        wide, step = b''.join(b.to_bytes(self.size, 'little') for b in blocks), len(self.slots)
        rows = bytearray(len(blocks) * self.rate)
        for k, slot in enumerate(self.slots):
            part = wide[slot::self.words]
            for i in range(16):
                rows[16 * k + i::16 * step] = part[i::16]
        return turn(rows)

    def update(self, state, message):
        w, row, size, bits = self.words, self.row, self.size, 8 * self.words
        s = state.to_bytes(size, 'little').translate(SBOX)
        s = b''.join((s[:row], s[row + w:2 * row], s[row:row + w], s[2 * row + 2 * w:3 * row], s[2 * row:2 * row + 2 * w],
                      s[4 * row - w:], s[3 * row:4 * row - w]))
        two, s2 = s.translate(TWICE), s + s
        x = (int.from_bytes(two, 'little')
             ^ int.from_bytes(two[row:] + two[:row], 'little') ^ int.from_bytes(s2[row:row + size], 'little')
             ^ int.from_bytes(s2[2 * row:2 * row + size], 'little') ^ int.from_bytes(s2[3 * row:3 * row + size], 'little'))
        return (x << 8 & self.rest | x >> bits - 8 & self.first) ^ state ^ message

    def absorb(self, state, data):
        update = self.update
        for block in self.spread(data + bytes(-len(data) % self.rate)):
            state = update(state, block)
        return state

    def crypt(self, state, data, opening):
        """Whole blocks, and the last one padded: (state, result)."""
        update, key, out = self.update, self.keystream, []
        whole = len(data) - len(data) % self.rate
        for block in self.spread(data[:whole]):
            other = block ^ key(state)
            out.append(other)
            state = update(state, other if opening else block)
        result = self.gather(out)
        if whole < len(data):
            tail = data[whole:]
            stream = self.gather([key(state)])
            other = _xor(tail, stream)
            state = update(state, self.spread((other if opening else tail).ljust(self.rate, b'\0'))[0])
            result += other
        return state, result

    def finish(self, state, ad_len, msg_len, tag_len):
        lengths = (8 * ad_len).to_bytes(8, 'little') + (8 * msg_len).to_bytes(8, 'little')
        t = _xor(self.unpack(state)[self.length_word], lengths)
        block = self.spread(t * len(self.slots))[0]
        for _ in range(7):
            state = self.update(state, block)
        return self.tag(self.unpack(state), tag_len)

    def encrypt(self, key, nonce, plain, ad, tag_len=32):
        state, sealed = self.crypt(self.absorb(self.start(key, nonce), ad), plain, False)
        return sealed + self.finish(state, len(ad), len(plain), tag_len)

    def decrypt(self, key, nonce, sealed, ad, tag_len=32):
        if len(sealed) < tag_len:
            raise TagError
        body, tag = sealed[:-tag_len], sealed[-tag_len:]
        state, plain = self.crypt(self.absorb(self.start(key, nonce), ad), body, True)
        if self.finish(state, len(ad), len(body), tag_len) != tag:
            raise TagError
        return plain

    def mac(self, key, nonce, ad, tag_len=32):
        """The tag of the empty message with this associated data."""
        return self.finish(self.absorb(self.start(key, nonce), ad), len(ad), 0, tag_len)


def _sum(words):
    out = bytes(16)
    for word in words:
        out = _xor(out, word)
    return out


class _Aegis128L(_Aegis):
    words, rate, slots, length_word = 8, 32, (0, 4), 2

    def start(self, key, nonce):
        kn = _xor(key, nonce)
        state = self.pack([kn, C1, C0, C1, kn, _xor(key, C0), _xor(key, C1), _xor(key, C0)])
        block = self.spread(nonce + key)[0]
        for _ in range(10):
            state = self.update(state, block)
        return state

    def keystream(self, s):
        """z0 = S6 ^ S1 ^ (S2 & S3) in word 0's place, z1 = S2 ^ S5 ^ (S6 & S7) in word 4's."""
        both = s >> 8 ^ s >> 16 & s >> 24
        return (both ^ s >> 48) & self.masks[0] | (both ^ s << 16) & self.masks[4]

    @staticmethod
    def tag(s, tag_len):
        return _sum(s[:7]) if tag_len == 16 else _sum(s[:4]) + _sum(s[4:])


class _Aegis256(_Aegis):
    words, rate, slots, length_word = 6, 16, (0,), 3

    def start(self, key, nonce):
        k0, k1, n0, n1 = key[:16], key[16:], nonce[:16], nonce[16:]
        kn0, kn1 = _xor(k0, n0), _xor(k1, n1)
        state = self.pack([kn0, kn1, C1, C0, _xor(k0, C0), _xor(k1, C1)])
        for _ in range(4):
            for block in self.spread(k0 + k1 + kn0 + kn1):
                state = self.update(state, block)
        return state

    def keystream(self, s):
        """z = S1 ^ S4 ^ S5 ^ (S2 & S3) in word 0's place."""
        return (s >> 8 ^ s >> 32 ^ s >> 40 ^ s >> 16 & s >> 24) & self.masks[0]

    @staticmethod
    def tag(s, tag_len):
        return _sum(s) if tag_len == 16 else _sum(s[:3]) + _sum(s[3:])


AEGIS128L, AEGIS256 = _Aegis128L(), _Aegis256()
