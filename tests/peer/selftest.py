#!/usr/bin/python3
"""selftest.py - the second implementation against published vectors and against itself; TAP.

Sources of the hex: the cacophony test vectors of the Noise protocol framework; draft-irtf-cfrg-aegis-aead, appendix "Test
Vectors"; RFC 8439, 2.8.2; "The Galois/Counter Mode of Operation", test case 14; the record keys' examples, which
tests/unit/seal.c has too.
"""
import socket
import sys

import aegis
import noise
import opening
import record
import wire

h = bytes.fromhex
count = failed = 0


def ok(condition, what):
    global count, failed
    count += 1
    failed += not condition
    print('%sok %d - %s' % ('' if condition else 'not ', count, what))


def refused(what, f, *args, error=(aegis.TagError, noise.NoiseError, record.RecordError, wire.WireError)):
    try:
        f(*args)
    except error:
        ok(True, what)
    else:
        ok(False, what)


NOISE = {
    'prologue': '4a6f686e2047616c74',
    'init_static': 'e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1',
    'init_ephemeral': '893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a',
    'resp_static': '4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893',
    'resp_ephemeral': 'bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b',
    'messages': [
        ('4c756477696720766f6e204d69736573',
         'ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c756477696720766f6e204d69736573'),
        ('4d757272617920526f746862617264',
         '95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843d7c6169611117c6e843085d5ec1af406d58f75d17052f76fc87b7e'
         '624027b002be220520a7766451ec44fa8388d120354c0f8c8b8a83eb281d131cd231a5f3cc6a809c5dffb06cb8d792415336b4c0'),
        ('462e20412e20486179656b',
         '438696ce0ba3e21424cad39c48b89839fc102c64e3f3e81b6431c0c915d7983d0d7d87e611485ef5bf005c25a052289c949d3e1dd51b536bfda2eb'
         '3d14988f9c3291a1ac64b7b4cba0a019'),
        ('4361726c204d656e676572', '56430f48030039cfd44539edb61a3b87e1cd461a765cb539c3f4b6'),
        ('4a65616e2d426170746973746520536179', '0709391497714d94a8f62959fe15153996001daadbc1dec326a03ba8ff416b47f5'),
        ('457567656e2042f6686d20766f6e2042617765726b', '3d5f431ceee58c3ff1bdcdf874aaca9f564b743286a995ed03dffa8b65f33ac45c8c4b196d'),
    ],
}


def noise_pair(**initiator):
    v = NOISE
    return (noise.Noise(True, h(v['prologue']), h(v['init_static']), h(v['init_ephemeral']), **initiator),
            noise.Noise(False, h(v['prologue']), h(v['resp_static']), h(v['resp_ephemeral'])))


def test_noise():
    i, r = noise_pair()
    for k, (payload, message) in enumerate(NOISE['messages'][:3]):
        writer, reader = (i, r) if k % 2 == 0 else (r, i)
        sent = writer.write(h(payload))
        ok(sent == h(message), 'noise: message %d is the vector\'s' % (k + 1))
        ok(reader.read(sent) == h(payload), 'noise: message %d is read' % (k + 1))
    ok(i.rs == noise.public(h(NOISE['resp_static'])) and r.rs == noise.public(h(NOISE['init_static'])), 'noise: each learns the other\'s key')
    i2r, r2i, hash_i = i.split()
    ok((i2r, r2i, hash_i) == r.split(), 'noise: both split into the same keys and hash')
    ways = [noise.CipherState(i2r), noise.CipherState(r2i)]
    for k, (payload, message) in enumerate(NOISE['messages'][3:]):
        ok(ways[1 - k % 2].encrypt(b'', h(payload)) == h(message), 'noise: transport message %d is the vector\'s' % (k + 4))
    for at in range(len(h(NOISE['messages'][1][1]))):
        i, _ = noise_pair()
        i.write(h(NOISE['messages'][0][0]))
        bad = bytearray(h(NOISE['messages'][1][1]))
        bad[at] ^= 1 << at % 8
        try:
            i.read(bytes(bad))
        except noise.NoiseError:
            continue
        return ok(False, 'noise: byte %d of message 2 flipped is refused' % at)
    ok(True, 'noise: every byte of message 2 flipped is refused')
    refused('noise: a point of low order is refused', noise.dh, h(NOISE['init_static']), bytes(32))
    refused('noise: a message out of turn is refused', noise_pair()[1].write)


SEQ = bytes(range(256))
K128, N128 = h('1001' + '00' * 14), h('100002' + '00' * 13)
K256, N256 = h('1001' + '00' * 30), h('100002' + '00' * 29)
AEGIS = [   # cipher, what, key, nonce, ad, msg, ct, tag128, tag256
    (aegis.AEGIS128L, '128L 1', K128, N128, b'', bytes(16), 'c1c0e58bd913006feba00f4b3cc3594e', 'abe0ece80c24868a226a35d16bdae37a',
     '25835bfbb21632176cf03840687cb968cace4617af1bd0f7d064c639a5c79ee4'),
    (aegis.AEGIS128L, '128L 2', K128, N128, b'', b'', '', 'c2b879a67def9d74e6c14f708bbcc9b4',
     '1360dc9db8ae42455f6e5b6a9d488ea4f2184c4e12120249335c4ee84bafe25d'),
    (aegis.AEGIS128L, '128L 3', K128, N128, SEQ[:8], SEQ[:32], '79d94593d8c2119d7e8fd9b8fc77845c5c077a05b2528b6ac54b563aed8efe84',
     'cc6f3372f6aa1bb82388d695c3962d9a', '022cb796fe7e0ae1197525ff67e309484cfbab6528ddef89f17d74ef8ecd82b3'),
    (aegis.AEGIS128L, '128L 4', K128, N128, SEQ[:8], SEQ[:14], '79d94593d8c2119d7e8fd9b8fc77', '5c04b3dba849b2701effbe32c7f0fab7',
     '86f1b80bfb463aba711d15405d094baf4a55a15dbfec81a76f35ed0b9c8b04ac'),
    (aegis.AEGIS128L, '128L 5', K128, N128, SEQ[:42], SEQ[16:56],
     'b31052ad1cca4e291abcf2df3502e6bdb1bfd6db36798be3607b1f94d34478aa7ede7f7a990fec10', '7542a745733014f9474417b337399507',
     'b91e2947a33da8bee89b6794e647baf0fc835ff574aca3fc27c33be0db2aff98'),
    (aegis.AEGIS256, '256 1', K256, N256, b'', bytes(16), '754fc3d8c973246dcc6d741412a4b236', '3fe91994768b332ed7f570a19ec5896e',
     '1181a1d18091082bf0266f66297d167d2e68b845f61a3b0527d31fc7b7b89f13'),
    (aegis.AEGIS256, '256 2', K256, N256, b'', b'', '', 'e3def978a0f054afd1e761d7553afba3',
     '6a348c930adbd654896e1666aad67de989ea75ebaa2b82fb588977b1ffec864a'),
    (aegis.AEGIS256, '256 3', K256, N256, SEQ[:8], SEQ[:32], 'f373079ed84b2709faee373584585d60accd191db310ef5d8b11833df9dec711',
     '8d86f91ee606e9ff26a01b64ccbdd91d', 'b7d28d0c3c0ebd409fd22b44160503073a547412da0854bfb9723020dab8da1a'),
    (aegis.AEGIS256, '256 4', K256, N256, SEQ[:8], SEQ[:14], 'f373079ed84b2709faee37358458', 'c60b9c2d33ceb058f96e6dd03c215652',
     '8c1cc703c81281bee3f6d9966e14948b4a175b2efbdc31e61a98b4465235c2d9'),
    (aegis.AEGIS256, '256 5', K256, N256, SEQ[:42], SEQ[16:56],
     '57754a7d09963e7c787583a2e7b859bb24fa1e04d49fd550b2511a358e3bca252a9b1b8b30cc4a67', 'ab8a7d53fd0e98d727accca94925e128',
     'a3aca270c006094d71c20e6910b5161c0826df233d08919a566ec2c05990f734'),
]
AEGIS_BAD = [   # vectors 6 to 9 of each: nonce and key exchanged, ct, ad, tag
    (aegis.AEGIS128L, '10000200000000000000000000000000', '10010000000000000000000000000000', SEQ[:8], '79d94593d8c2119d7e8fd9b8fc77',
     '5c04b3dba849b2701effbe32c7f0fab7', '86f1b80bfb463aba711d15405d094baf4a55a15dbfec81a76f35ed0b9c8b04ac'),
    (aegis.AEGIS128L, K128.hex(), N128.hex(), SEQ[:8], '79d94593d8c2119d7e8fd9b8fc78',
     '5c04b3dba849b2701effbe32c7f0fab7', '86f1b80bfb463aba711d15405d094baf4a55a15dbfec81a76f35ed0b9c8b04ac'),
    (aegis.AEGIS128L, K128.hex(), N128.hex(), SEQ[:7] + b'\x08', '79d94593d8c2119d7e8fd9b8fc77',
     '5c04b3dba849b2701effbe32c7f0fab7', '86f1b80bfb463aba711d15405d094baf4a55a15dbfec81a76f35ed0b9c8b04ac'),
    (aegis.AEGIS128L, K128.hex(), N128.hex(), SEQ[:8], '79d94593d8c2119d7e8fd9b8fc77',
     '6c04b3dba849b2701effbe32c7f0fab8', '86f1b80bfb463aba711d15405d094baf4a55a15dbfec81a76f35ed0b9c8b04ad'),
    (aegis.AEGIS256, '100002' + '00' * 29, '1001' + '00' * 30, SEQ[:8], 'f373079ed84b2709faee37358458',
     'c60b9c2d33ceb058f96e6dd03c215652', '8c1cc703c81281bee3f6d9966e14948b4a175b2efbdc31e61a98b4465235c2d9'),
    (aegis.AEGIS256, K256.hex(), N256.hex(), SEQ[:8], 'f373079ed84b2709faee37358459',
     'c60b9c2d33ceb058f96e6dd03c215652', '8c1cc703c81281bee3f6d9966e14948b4a175b2efbdc31e61a98b4465235c2d9'),
    (aegis.AEGIS256, K256.hex(), N256.hex(), SEQ[:7] + b'\x08', 'f373079ed84b2709faee37358458',
     'c60b9c2d33ceb058f96e6dd03c215652', '8c1cc703c81281bee3f6d9966e14948b4a175b2efbdc31e61a98b4465235c2d9'),
    (aegis.AEGIS256, K256.hex(), N256.hex(), SEQ[:8], 'f373079ed84b2709faee37358458',
     'c60b9c2d33ceb058f96e6dd03c215653', '8c1cc703c81281bee3f6d9966e14948b4a175b2efbdc31e61a98b4465235c2da'),
]


def test_aegis():
    a = aegis.AEGIS128L
    before = [h(x) for x in ('9b7e60b24cc873ea894ecc07911049a3', '330be08f35300faa2ebf9a7b0d274658', '7bbd5bd2b049f7b9b515cf26fbe7756c',
                             'c35a00f55ea86c3886ec5e928f87db18', '9ebccafce87cab446396c4334592c91f', '58d83e31f256371e60fc6bb257114601',
                             '1639b56ea322c88568a176585bc915de', '640818ffb57dc0fbc2e72ae93457e39a')]
    after = [h(x) for x in ('596ab773e4433ca0127c73f60536769d', '790394041a3d26ab697bde865014652d', '38cf49e4b65248acd533041b64dd0611',
                            '16d8e58748f437bfff1797f780337cee', '69761320f7dd738b281cc9f335ac2f5a', 'a21746bb193a569e331e1aa985d0d729',
                            '09d714e6fcf9177a8ed1cde7e3d259a6', '61279ba73167f0ab76f0a11bf203bdff')]
    m = h('033e6975b94816879e42917650955aa0') * 2
    ok(a.unpack(a.update(a.pack(before), a.spread(m)[0])) == after, 'aegis: 128L update')
    a = aegis.AEGIS256
    before = [h(x) for x in ('1fa1207ed76c86f2c4bb40e8b395b43e', 'b44c375e6c1e1978db64bcd12e9e332f', '0dab84bfa9f0226432ff630f233d4e5b',
                             'd7ef65c9b93e8ee60c75161407b066e7', 'a760bb3da073fbd92bdc24734b1f56fb', 'a828a18d6a964497ac6e7e53c5f55c73')]
    after = [h(x) for x in ('e6bc643bae82dfa3d991b1b323839dcd', '648578232ba0f2f0a3677f617dc052c3', 'ea788e0e572044a46059212dd007a789',
                            '2f1498ae19b80da13fba698f088a8590', 'a54c2ee95e8c2a2c3dae2ec743ae6b86', 'a3240fceb68e32d5d114df1b5363ab67')]
    ok(a.unpack(a.update(a.pack(before), a.spread(h('b165617ed04ab738afb2612c6d18a1ec'))[0])) == after, 'aegis: 256 update')
    for cipher, what, key, nonce, ad, msg, ct, t128, t256 in AEGIS:
        ok(cipher.encrypt(key, nonce, msg, ad, 16) == h(ct + t128) and cipher.encrypt(key, nonce, msg, ad) == h(ct + t256)
           and cipher.decrypt(key, nonce, h(ct + t256), ad) == msg, 'aegis: vector ' + what)
        if not msg:
            ok(cipher.mac(key, nonce, ad) == h(t256), 'aegis: the tag alone, vector ' + what)
    for n, (cipher, key, nonce, ad, ct, t128, t256) in enumerate(AEGIS_BAD):
        refused('aegis: vector %s %d is refused' % ('128L' if n < 4 else '256', n % 4 + 6), cipher.decrypt, h(key), h(nonce), h(ct + t256), ad)
        refused('aegis: ... and with the short tag', cipher.decrypt, h(key), h(nonce), h(ct + t128), ad, 16)


def test_library():
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.")
    got = record.BY_NAME['chacha20poly1305'].aead.encrypt(SEQ[0x80:0xa0], h('070000004041424344454647'), text, h('50515253c0c1c2c3c4c5c6c7'))
    ok(got == h('d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b6'
                '7ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116'
                '1ae10b594f09e26a7e902ecbd0600691'), 'chacha20poly1305: RFC 8439, 2.8.2')
    got = record.BY_NAME['aes256gcm'].aead.encrypt(bytes(32), bytes(12), bytes(16), b'')
    ok(got == h('cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919'), 'aes256gcm: test case 14')


# As in tests/unit/seal.c: k = 00 01 .. 1f, h = 40 41 .. 7f, record = type 0b "zcp", chunk = i % 251 for i < 1000.
# Records 0, 1 and 65,535 of epoch 0, record 0 of epoch 1; raw tags 0 and 1 of epoch 0, tag 0 of epoch 1.
AEGIS_TAGS = [
    '7bb957f53a29f62b12fcb6fa4f6b19796ec3a4412c6cef8f16f3b9ee90b47e49',
    'd93ae1f77d152b6453ec14910cb7acc3bd86d4aaf41eda7cf8a9cac49451eb01',
    '470d4fcb88f5dbe46fbbcb025debd5b1c73d62dcb18423f178a6dda0a2dc26a1',
]
CHACHA_TAGS = [
    '3f6317049e2653444e4eb8e83c1b86af', '370db4fa299e5978b385193d3cf285e3', '9a363ca434514225bfdcc00b93f62fe0',
]
EXAMPLES = {
    'aegis128l': [
        'a318a7d579c1ac4f6f683b6d5829ac5ee8d0a8428e04dfbc7d51bf0e1afbe3a84869475c',
        '7bddf989557e0d00c01e863d72c84de3c967381b918cd2148d367dc2443fb4f373fb5ce9',
        '3986c9154cdd41721888fb2e4acf1539fc4a3a620b0a8ed652f13280ebde36a0ee5f6d2b',
        'f917a3b79a1f48b7243b11cfe5b251e8c66ce5608e73e8ca8f16ae09fa8906cbea006eb1',
    ] + AEGIS_TAGS,
    'aegis256': [
        'ea5029265675f75d91ab2e61a283ccbaab5aec29d194e4e3ccb550e3fce460330b62fc2f',
        '40d8dd52ff555511a4fe80f2a3e6901e38767841f40e276b3161124816ce66eddf3831de',
        'ddbe604fbaf3804a014b0218fde3d4883f8d6e3c31b8482e0c6d1bbbde8d2de29bd4783f',
        '145f9e4bb1d71fff4164c77f3d7ce1a460361cfee2c9ed9476f2109adfc9e9b8ec62c109',
    ] + AEGIS_TAGS,
    'aes256gcm': [
        'bd30aad6e00e3eed8c44ca4353e65fa0e16b5c6d',
        '3832736430af9b52331a0b7eeea981ad17b1a0e6',
        'f3d646a12cdae509fb022835e73ad716992a95d4',
        'e98a7006032031c98e5b7ffcc388da9d81ccbf00',
    ] + CHACHA_TAGS,
    'chacha20poly1305': [
        'f368cea55136ba92cd5e8fee0e467028f258f4cc',
        'f8ed48fecf0a97f52023649394e8d087b93aba1e',
        '2f9caf23fd5fd74fe2e55431657ce6b6d3bf9522',
        '094e16ed87bf27dcc925462f654d07391d529bab',
    ] + CHACHA_TAGS,
}


def sealed_pair(suite):
    return [record.Seal(suite, SEQ[:32], SEQ[64:128]) for _ in range(2)]


def example(suite):
    s, plain, chunk = sealed_pair(suite)[0], b'\x0bzcp', bytes(i % 251 for i in range(1000))
    got = [s.seal(plain)[4:], s.seal(plain)[4:]]
    tags = [s.raw_tag(chunk), s.raw_tag(chunk)]
    while s.n_record < record.EPOCH_RECORDS - 1:
        s.skip()
    got.append(s.seal(plain)[4:])
    tags.append(s.raw_tag(chunk))
    got.append(s.seal(plain)[4:])
    return [x.hex() for x in got + tags]


def test_record():
    for suite in record.SUITES:
        ok(example(suite) == EXAMPLES[suite.name], '%s: the worked example' % suite.name)
        tx, rx = sealed_pair(suite)
        sealed = tx.seal(b'\x15')
        flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
        refused('%s: a flipped tag is refused' % suite.name, sealed_pair(suite)[0].open, flipped[:4], flipped[4:])
        ok(rx.open(sealed[:4], sealed[4:]) == b'\x15', '%s: a record is opened' % suite.name)
        refused('%s: the same record twice is refused' % suite.name, rx.open, sealed[:4], sealed[4:])
        tx, rx = sealed_pair(suite)
        sealed = tx.seal(b'\x15', skipped=True)
        ok(rx.open(sealed[:4], sealed[4:]) == b'\x15' and tx.n_record == rx.n_record == 2, '%s: a counter that was skipped' % suite.name)
        bare = bytes([sealed[0], sealed[1], sealed[2], sealed[3] & 0xbf])
        refused('%s: skipped without saying so is refused' % suite.name, sealed_pair(suite)[0].open, bare, sealed[4:])
    tx, rx = sealed_pair(record.BY_ID[4])
    for n in range(record.EPOCH_RECORDS + 2):
        if n == record.EPOCH_RECORDS - 1:
            ok(tx.epoch == 0 and tx.n_record == n, 'epoch: the last record of an epoch')
            tx.raw_tag(b'x')
        sealed = tx.seal(b'\x15')
        if rx.open(sealed[:4], sealed[4:]) != b'\x15':
            return ok(False, 'epoch: record %d' % n)
    ok(tx.epoch == rx.epoch == 1 and tx.n_record == 2 and tx.n_raw == 0, 'epoch: both ends go on with new keys and counters')


def test_wire():
    plain = {
        'SETUP': dict(send_engine=1, cc=b'cubic'), 'STAT': dict(id=1, path=b'a/b'), 'FETCH': dict(first=7, items=[wire.Item(0, b'x'), wire.Item(2, b'y', 5, 6)]),
        'STORE': dict(id=2, meta=wire.Meta('f', 0o600, 3, -5, 999999999), path=b'p', contents=b'abc'),
        'FILE': dict(id=3, flags=1, meta=wire.Meta(size=2), identity=wire.Identity(1, 2, 3, 4), contents=b'zz'),
        'SEGMENT': dict(id=3, offset=1 << 40, length=1 << 24, carry=2), 'SEGMENT_END': dict(id=3, offset=1, length=2, engine=1, tags=b't' * 32),
        'WELCOME': dict(carry=1, reason=2, exports=[(b'', 1), (b'x', 2)], ext=[(9, b'later')]), 'BYE': {},
        'ENTRIES': dict(id=4, entries=[wire.Entry(0, 0, wire.Meta('d')), wire.Entry(1, 1, wire.Meta('o'), b'n', b'', wire.Fail(3, 1, 2))]),
        'ERROR': dict(id=1, fail=wire.Fail(3, 1, 2)), 'SYMLINK': dict(id=1, meta=wire.Meta('l'), path=b'l', target=b't'),
        'LOOKS': dict(id=5, dir=b'd', items=wire.looks([b'a/one', b'a/on', b'b'], wire.LOOKS_LINK)), 'HASH': dict(id=6, offset=1, length=2, key=bytes(range(32)), path=b'p'),
        'LOOKED': dict(id=5, items=[wire.Looked(), wire.Looked(1, wire.Meta(size=4), b't'), wire.Looked(2, fail=wire.Fail(11, 1, 13)), wire.Looked(3, wire.Meta(size=5))]),
        'REMOVE': dict(id=7, directory=1, path=b'p'), 'LINK': dict(id=8, path=b'p', to=b'q'), 'HOLE': dict(id=9, offset=1 << 40, length=1 << 41),
        'DIGEST': dict(id=6, meta=wire.Meta(size=4), identity=wire.Identity(1, 2, 3, 4), length=4, digest=bytes(range(32))),
        'SETMETA': dict(id=10, meta=wire.Meta('d'), path=b'p', ext=[(wire.EXTRA_XATTR, b'\x06user.av'), (wire.EXTRA_ACL, b'acl')]),
    }
    ok(wire.names_of(wire.looks([b'a/one', b'a/on', b'b'])) == [b'a/one', b'a/on', b'b'], 'wire: names that share their beginnings')
    for name, fields in plain.items():
        body = wire.encode(name, **fields)
        m = wire.decode(body)
        ok(all(list(getattr(m, f)) == list(v) if isinstance(v, (list, tuple)) else getattr(m, f) == v for f, v in fields.items()), 'wire: %s' % name)
        if name not in ('FETCH', 'ENTRIES', 'STORE', 'FILE', 'SEGMENT_END', 'LOOKS', 'LOOKED'):
            refused('wire: %s and one byte more' % name, wire.decode, body + b'\0')
        refused('wire: %s cut short' % name, wire.decode, body[:-1]) if len(body) > 1 and name != 'SEGMENT_END' else None
    refused('wire: a type that is none', wire.decode, b'\x63')
    ok(wire.get_tlvs(wire.put_tlvs({2: b'b', 1: b'a', 9: b''}), {1, 2}) == {1: b'a', 2: b'b', 9: b''}, 'wire: an offer\'s tags')
    for what, data in (('out of order', b'\x02\0\x01\0'), ('twice', b'\x01\0\x01\0'), ('cut', b'\x01\x05a'), ('missing', b'\x01\0')):
        refused('wire: tags %s' % what, wire.get_tlvs, data, {1, 2})


def test_opening():
    listener = socket.create_server(('127.0.0.1', 0))
    here = socket.create_connection(listener.getsockname())
    there, _ = listener.accept()
    a, b = opening.place(here, SEQ[:32], SEQ[32:64]), opening.place(there, SEQ[:32], SEQ[32:64])
    ok(len(a) == 68 and opening.mirrors(a, b) and opening.mirrors(b, a), 'place: both ends of one connection mirror each other')
    ok(not opening.mirrors(a, a) and not opening.mirrors(a, opening.place(there, SEQ[:32], SEQ[:32])), 'place: another end or another proof does not')
    key = noise.public(SEQ[:32])
    ok(opening.key_parse(opening.key_text(key) + ' someone') == key and opening.key_parse(opening.key_text(key).split()[1]) == key, 'keys: text and back')


if __name__ == '__main__':
    for test in (test_noise, test_aegis, test_library, test_record, test_wire, test_opening):
        test()
    print('1..%d' % count)
    sys.exit(1 if failed else 0)
