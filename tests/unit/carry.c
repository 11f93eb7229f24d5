/* carry.c - who may send plaintext: every combination of the facts, and what counts as one machine. */
#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>
#include "common/carry.h"
#include "tests/unit/tap.h"

static const struct {
	struct carry_facts facts;       /* wish, network named, one machine, daemon allows auto */
	enum carry         carry;
	enum carry_reason  why;
} table[] = {
	{ { WISH_AUTO,   false, false, false }, CARRY_SEALED, BECAUSE_DAEMON_SEALS },
	{ { WISH_AUTO,   false, false, true  }, CARRY_SEALED, BECAUSE_NOT_ONE_MACHINE },
	{ { WISH_AUTO,   false, true,  false }, CARRY_SEALED, BECAUSE_DAEMON_SEALS },
	{ { WISH_AUTO,   false, true,  true  }, CARRY_RAW,    BECAUSE_ONE_MACHINE },
	{ { WISH_AUTO,   true,  false, false }, CARRY_SEALED, BECAUSE_NOT_ONE_MACHINE },
	{ { WISH_AUTO,   true,  false, true  }, CARRY_SEALED, BECAUSE_NOT_ONE_MACHINE },
	{ { WISH_AUTO,   true,  true,  false }, CARRY_RAW,    BECAUSE_NETWORK },
	{ { WISH_AUTO,   true,  true,  true  }, CARRY_RAW,    BECAUSE_ONE_MACHINE },
	{ { WISH_PLAIN,  false, false, false }, CARRY_SEALED, BECAUSE_DAEMON_SEALS },
	{ { WISH_PLAIN,  false, false, true  }, CARRY_SEALED, BECAUSE_DAEMON_SEALS },
	{ { WISH_PLAIN,  false, true,  false }, CARRY_SEALED, BECAUSE_DAEMON_SEALS },
	{ { WISH_PLAIN,  false, true,  true  }, CARRY_RAW,    BECAUSE_ONE_MACHINE },
	{ { WISH_PLAIN,  true,  false, false }, CARRY_RAW,    BECAUSE_NETWORK },
	{ { WISH_PLAIN,  true,  false, true  }, CARRY_RAW,    BECAUSE_NETWORK },
	{ { WISH_PLAIN,  true,  true,  false }, CARRY_RAW,    BECAUSE_NETWORK },
	{ { WISH_PLAIN,  true,  true,  true  }, CARRY_RAW,    BECAUSE_NETWORK },
	{ { WISH_SEALED, false, false, false }, CARRY_SEALED, BECAUSE_ENCRYPT },
	{ { WISH_SEALED, false, false, true  }, CARRY_SEALED, BECAUSE_ENCRYPT },
	{ { WISH_SEALED, false, true,  false }, CARRY_SEALED, BECAUSE_ENCRYPT },
	{ { WISH_SEALED, false, true,  true  }, CARRY_SEALED, BECAUSE_ENCRYPT },
	{ { WISH_SEALED, true,  false, false }, CARRY_SEALED, BECAUSE_ENCRYPT },
	{ { WISH_SEALED, true,  false, true  }, CARRY_SEALED, BECAUSE_ENCRYPT },
	{ { WISH_SEALED, true,  true,  false }, CARRY_SEALED, BECAUSE_ENCRYPT },
	{ { WISH_SEALED, true,  true,  true  }, CARRY_SEALED, BECAUSE_ENCRYPT },
	{ { WISH_NETWORK, false, false, false }, CARRY_SEALED, BECAUSE_DAEMON_SEALS },
	{ { WISH_NETWORK, false, false, true  }, CARRY_SEALED, BECAUSE_DAEMON_SEALS },
	{ { WISH_NETWORK, false, true,  false }, CARRY_SEALED, BECAUSE_DAEMON_SEALS },
	{ { WISH_NETWORK, false, true,  true  }, CARRY_RAW,    BECAUSE_ONE_MACHINE },
	{ { WISH_NETWORK, true,  false, false }, CARRY_RAW,    BECAUSE_CONFIGURED },
	{ { WISH_NETWORK, true,  false, true  }, CARRY_RAW,    BECAUSE_CONFIGURED },
	{ { WISH_NETWORK, true,  true,  false }, CARRY_RAW,    BECAUSE_CONFIGURED },
	{ { WISH_NETWORK, true,  true,  true  }, CARRY_RAW,    BECAUSE_ONE_MACHINE },
};

static void check_table(void)
{
	static const char *const wishes[] = { "auto", "--plaintext", "--encrypt", "the configuration's network" };
	unsigned seen = 0;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct carry_facts *f = &table[i].facts;
		enum carry_reason         why = BECAUSE_NOTHING;
		enum carry                carry = carry_decide(f, &why);

		seen |= 1u << (f->wish * 8 + f->network_named * 4 + f->one_machine * 2 + f->daemon_allows_auto);
		ok(carry == table[i].carry && why == table[i].why, "%s%s%s%s: %s", wishes[f->wish], f->network_named ? ", network named" : "",
		   f->one_machine ? ", one machine" : "", f->daemon_allows_auto ? ", daemon allows auto" : "", carry_words(carry, why));
	}
	ok(seen == 0xffffffff, "that was every combination");
	enum carry_reason why;
	ok(carry_decide(&(struct carry_facts){ (enum carry_wish)7, true, true, true }, &why) == CARRY_SEALED, "a wish nobody knows is sealed");
}

static void check_words(void)
{
	bool plain = true, sealed = true;

	for (int why = 0; why < 20; why++) {
		plain &= !strncmp(carry_words(CARRY_RAW, (enum carry_reason)why), "plaintext", 9);
		sealed &= !strncmp(carry_words(CARRY_SEALED, (enum carry_reason)why), "encrypted", 9);
	}
	ok(plain && sealed, "the words begin with what happens, whatever the reason");
	ok(!!strcmp(carry_words(CARRY_NONE, BECAUSE_NOTHING), carry_words(CARRY_SEALED, BECAUSE_NOTHING)), "nothing decided is neither");
}

/* Two ends of a connection over loopback. */
static bool ends(int fd[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int       l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = bind(l, (struct sockaddr *)&a, len) == 0 && listen(l, 1) == 0 && getsockname(l, (struct sockaddr *)&a, &len) == 0 &&
	            connect(fd[0], (struct sockaddr *)&a, len) == 0;
	fd[1] = good ? accept4(l, NULL, NULL, SOCK_CLOEXEC) : -1;
	close(l);
	return fd[1] >= 0;
}

static void check_places(void)
{
	const uint8_t e_i[32] = { 1 }, e_r[32] = { 2 };
	char          boot[PLACE_BOOT_ID], other[PLACE_BOOT_ID];
	struct place  c = { 0 }, d = { 0 }, x = { 0 };
	int           one[2] = { -1, -1 }, two[2] = { -1, -1 }, unix_pair[2] = { -1, -1 };

	if (!ok(ends(one) && ends(two) && place_boot_id(boot) == 0, "two connections over loopback, and a boot id"))
		return;
	memcpy(other, boot, sizeof other);
	other[0] = other[0] == 'a' ? 'b' : 'a';
	ok(place_here(&c, one[0], boot, e_i, e_r) == 0 && place_here(&d, one[1], boot, e_i, e_r) == 0, "both ends have a place");
	ok(place_mirrors(&c, &d) && place_mirrors(&d, &c), "and mirror each other");
	ok(!place_mirrors(&c, &c) && !place_mirrors(&c, NULL) && !place_mirrors(NULL, &c) && !place_mirrors(NULL, NULL), "nobody mirrors itself, or nothing");
	ok(place_here(&x, two[1], boot, e_i, e_r) == 0 && !place_mirrors(&c, &x), "the end of another connection does not: a relay");
	ok(place_here(&x, one[1], other, e_i, e_r) == 0 && !place_mirrors(&c, &x), "nor another machine, or one that has booted since");
	ok(place_here(&x, one[1], boot, e_r, e_i) == 0 && !place_mirrors(&c, &x), "nor another handshake");
	bool bits = true;
	for (size_t i = 0; i < 8 * sizeof x.proof; i++) {
		x = d;
		x.proof[i / 8] ^= (uint8_t)(1 << i % 8);
		bits &= !place_mirrors(&c, &x);
	}
	ok(bits, "nor a proof with a flipped bit");
	x = d;
	x.own.port ^= 1;
	ok(!place_mirrors(&c, &x), "nor another port");
	struct place far_c = c, far_d = d;
	far_c.own.ip[12] = far_d.peer.ip[12] = 10;
	ok(!place_mirrors(&far_c, &far_d), "nor mirrored addresses that are not loopback");
	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair) == 0 && place_here(&x, unix_pair[0], boot, e_i, e_r) < 0, "a Unix socket has no place yet");
	ok(place_here(&x, -1, boot, e_i, e_r) == -EBADF, "nor has nothing");
	for (int i = 0; i < 2; i++) {
		close(one[i]);
		close(two[i]);
		close(unix_pair[i]);
	}
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	check_table();
	check_words();
	check_places();
	return done();
}
