/* links: zcp */
/* attempt.c - how long is waited before the next attempt; and how many streams for which round trip */
#include "tests/unit/tap.h"
#include "zcp/attempt.h"
#include "zcp/pool.h"

int main(void)
{
	static const unsigned seconds[] = { 1, 2, 4, 8, 16, 32, 60, 60 };

	for (unsigned i = 0; i < 8; i++) {
		uint64_t least = attempt_backoff_ms(i + 1, 0), most = attempt_backoff_ms(i + 1, UINT32_MAX);
		ok(least == seconds[i] * 1000 && most == seconds[i] * 1250, "attempt %u: %u s, and up to a quarter more", i + 1, seconds[i]);
	}
	ok(attempt_backoff_ms(1000, 0) == 60000, "never more than a minute");
	ok(pool_streams(40, 1) == 1, "a network that waits for nobody, one core: one stream");
	ok(pool_streams(40, 2) == 2 && pool_streams(40, 7) == 2 && pool_streams(999, 64) == 4, "... several: two, many: four");
	ok(pool_streams(1000, 1) == 4 && pool_streams(4999, 64) == 4, "from a millisecond on: 4");
	ok(pool_streams(5000, 2) == 8 && pool_streams(29999, 2) == 8, "5 ms: 8");
	ok(pool_streams(30000, 2) == 16 && pool_streams(2000000, 2) == 16, "30 ms: 16");
	return done();
}
