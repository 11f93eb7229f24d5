/* limits.c - see limits.h */
#include "zcpd/limits.h"

void limits_defaults(struct limits_set *l)
{
	*l = (struct limits_set){
		.streams = 512, .per_source = 128, .per_key = 128, .start = 64, .rate = 30, .full = 256,
		.greeting_s = 10, .idle_s = 60, .stall_s = 60, .drain_s = 0,
		.penalty_crash_s = 90, .penalty_refused_s = 5, .penalty_most_s = 600, .exempt_count = 2,
	};
	net_cidr_parse("127.0.0.0/8", &l->exempt[0]);
	net_cidr_parse("::1", &l->exempt[1]);
}
