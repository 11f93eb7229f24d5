/*
 * option_values.h - what follows an option: text -> a field of struct options.
 *
 * Returns  ST_OK, or the status to end with, said on stderr already. Numbers are strictly base 10 (num_parse).
 * Proof    tests/cli.bats, tests/rate.bats.
 */
#pragma once
#include "zcp/cli/options.h"

enum { KBIT = 1024 / 8, RETRIES_MAX = 1000 };

enum status option_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *out);
enum status option_name(const char *option, const char *text, char **out);     /* not empty; *out is freed and becomes a copy */
enum status option_size(const char *option, const char *text, uint64_t *bytes);       /* bytes, or K, M, G, T of 1,024 */
enum status option_bench_size(const char *text, uint64_t *bytes);       /* 1 MiB to 1 TiB */
enum status option_port(const char *text, uint64_t *out);
enum status option_pin(struct options *, const char *text);
enum status option_ciphers(struct options *, const char *text);
enum status option_engines(struct options *, char *text);
enum status option_integrity(struct options *, const char *text);
enum status option_cc(struct options *, const char *text);
enum status option_kbit(struct options *, const char *text);
enum status option_bwlimit(struct options *, const char *text);
enum status option_rates_agree(struct options *);       /* -l and --bwlimit, both given: they must be the same. Then bytes_per_s counts */
