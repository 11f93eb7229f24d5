/* metrics_text.c - the scoreboard as OpenMetrics text; see metrics.h */
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "zcpd/metrics.h"

static void family(FILE *to, const char *name, const char *type, const char *unit, const char *help)
{
	fprintf(to, "# TYPE %s %s\n", name, type);
	if (unit)
		fprintf(to, "# UNIT %s %s\n", name, unit);
	fprintf(to, "# HELP %s %s\n", name, help);
}

static void value(FILE *to, const char *labelled, uint64_t n)
{
	fprintf(to, "%s %llu\n", labelled, (unsigned long long)n);
}

static void counter(FILE *to, const char *name, const char *help, uint64_t n)
{
	family(to, name, "counter", NULL, help);
	fprintf(to, "%s_total %llu\n", name, (unsigned long long)n);
}

static void streams(FILE *to, const struct board_sum *s)
{
	family(to, "zcp_streams", "gauge", NULL, "Streams that are open, by what they do.");
	for (unsigned i = BOARD_FREE + 1; i < BOARD_STATES; i++)
		fprintf(to, "zcp_streams{state=\"%s\"} %llu\n", board_state_name(i), (unsigned long long)s->states[i]);
	counter(to, "zcp_streams_accepted", "Streams accepted since the start.", s->streams);
}

static void contents(FILE *to, const struct board_sum *s)
{
	static const char *const ways[BOARD_WAYS] = { "sent", "received" };

	family(to, "zcp_bytes", "counter", "bytes", "File contents moved, by direction and engine; inline: inside records.");
	for (size_t w = 0; w < BOARD_WAYS; w++)
		for (unsigned e = 0; e < ENGINE_IDS; e++)
			fprintf(to, "zcp_bytes_total{direction=\"%s\",engine=\"%s\"} %llu\n", ways[w], board_engine_name(e), (unsigned long long)s->bytes[w][e]);
	family(to, "zcp_files", "counter", NULL, "Files moved as a whole, by direction.");
	for (size_t w = 0; w < BOARD_WAYS; w++)
		fprintf(to, "zcp_files_total{direction=\"%s\"} %llu\n", ways[w], (unsigned long long)s->files[w]);
}

static void failures(FILE *to, const struct board_sum *s)
{
	const char *unknown = status_name((enum status)BOARD_STATUSES);

	family(to, "zcp_errors", "counter", NULL, "Requests answered with an error, by exit status of zcp(1).");
	for (unsigned i = 0; i < BOARD_STATUSES; i++) {
		const char *name = status_name((enum status)i);
		if (i > ST_OK && (s->errors[i] || strcmp(name, unknown) != 0))
			fprintf(to, "zcp_errors_total{number=\"%u\",status=\"%s\"} %llu\n", i, name, (unsigned long long)s->errors[i]);
	}
	family(to, "zcp_handshake_failures", "counter", NULL, "Streams that never came to a request, by cause.");
	for (unsigned i = CAUSE_NONE + 1; i < CAUSE_COUNT; i++)
		fprintf(to, "zcp_handshake_failures_total{cause=\"%s\"} %llu\n", board_cause_name(i), (unsigned long long)s->causes[i]);
	counter(to, "zcp_crashes", "Stream processes that were ended by a signal.", s->crashes);
	counter(to, "zcp_reloads", "Configurations taken since the start.", s->reloads);
}

/* "0.00005", "1.0", "100.0": a decimal number with a point, as OpenMetrics wants its bounds. */
static const char *seconds(uint64_t us, char buf[static 32])
{
	int n = snprintf(buf, 32, "%llu.%06u", (unsigned long long)us / 1000000, (unsigned)(us % 1000000));

	while (n > 2 && buf[n - 1] == '0' && buf[n - 2] != '.')
		buf[--n] = '\0';
	return buf;
}

static void latency(FILE *to, const struct board_sum *s)
{
	uint64_t all = 0;
	char     buf[32];

	family(to, "zcp_request_seconds", "histogram", "seconds", "From a request that was read to the last byte of its answer.");
	for (size_t i = 0; i < BOARD_BUCKETS; i++) {
		all += s->latency[i];
		fprintf(to, "zcp_request_seconds_bucket{le=\"%s\"} %llu\n", seconds(board_bounds_us[i], buf), (unsigned long long)all);
	}
	all += s->latency[BOARD_BUCKETS];
	value(to, "zcp_request_seconds_bucket{le=\"+Inf\"}", all);
	value(to, "zcp_request_seconds_count", all);
	fprintf(to, "zcp_request_seconds_sum %s\n", seconds(s->latency_us, buf));
}

static void keep(uint64_t *high, uint64_t *now, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		high[i] = high[i] > now[i] ? high[i] : now[i];
		now[i] = high[i];
	}
}

/* A slot's numbers are its process': one that takes them back would look like a restart of zcpd. */
static void never_back(struct board_sum *high, struct board_sum *now)
{
	for (size_t w = 0; w < BOARD_WAYS; w++)
		keep(high->bytes[w], now->bytes[w], ENGINE_IDS);
	keep(high->files, now->files, BOARD_WAYS);
	keep(high->errors, now->errors, BOARD_STATUSES);
	keep(high->latency, now->latency, BOARD_BUCKETS + 1);
	keep(&high->latency_us, &now->latency_us, 1);
	keep(high->causes, now->causes, CAUSE_COUNT);
	keep(&high->crashes, &now->crashes, 1);
	keep(&high->reloads, &now->reloads, 1);
	keep(&high->streams, &now->streams, 1);
}

/* Asked once: a clock that is set meanwhile must not look like a restart. */
static double started(uint64_t began_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9 - ((double)board_now_ms() - (double)began_ms) / 1000;
}

void metrics_text(FILE *to, const struct board *b, struct metrics_memory *memory)
{
	struct board_sum sum;

	board_sum(b, &sum);
	never_back(&memory->high, &sum);
	if (memory->started == 0)
		memory->started = started(sum.began_ms);
	streams(to, &sum);
	contents(to, &sum);
	failures(to, &sum);
	latency(to, &sum);
	family(to, "zcp_build_info", "gauge", NULL, "Always 1; the version is a label.");
	value(to, "zcp_build_info{version=\"" ZCP_VERSION "\"}", 1);
	family(to, "process_start_time_seconds", "gauge", "seconds", "When zcpd started, in seconds since 1970.");
	fprintf(to, "process_start_time_seconds %.3f\n", memory->started);
	fputs("# EOF\n", to);
}
