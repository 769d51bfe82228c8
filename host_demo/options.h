/* SPDX-License-Identifier: Apache-2.0 */
/* options.h: the command line, taken apart. */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The session of calls that name none: files then last from one call to the next. */
#define CSN_DEFAULT_SESSION "default"

/* One bit for each option; csn_options.given has those that were on the command line. */
#define CSN_OPT_PLUGIN 1u
#define CSN_OPT_CONFIG 2u
#define CSN_OPT_VERBOSE 4u
#define CSN_OPT_HELP 8u
#define CSN_OPT_VERSION 16u
#define CSN_OPT_SESSION 32u
#define CSN_OPT_EPHEMERAL 64u
#define CSN_OPT_JSON 128u
#define CSN_OPT_TIMEOUT 256u
#define CSN_OPT_INPUT 512u
#define CSN_OPT_ALL 1024u
#define CSN_OPT_FORCE 2048u
#define CSN_OPT_EXTRACT 4096u
#define CSN_OPT_FOLLOW 8192u
#define CSN_OPT_STATS 16384u
#define CSN_OPT_DRY_RUN 32768u
#define CSN_OPT_GRACE 65536u
#define CSN_OPT_OPTIONS 131072u
#define CSN_OPT_THREADS 262144u
#define CSN_OPT_COUNT 524288u
#define CSN_OPT_PLUGINS 1048576u
#define CSN_OPT_PREFIX 2097152u
#define CSN_OPT_BASE_URL 4194304u
#define CSN_OPT_MODEL 8388608u
#define CSN_OPT_TRANSCRIPT 16777216u
#define CSN_OPT_PRICE 33554432u
#define CSN_OPT_APPROVE 67108864u
/* What every command takes. */
#define CSN_OPT_COMMON \
  (CSN_OPT_PLUGIN | CSN_OPT_PLUGINS | CSN_OPT_PREFIX | CSN_OPT_CONFIG | CSN_OPT_VERBOSE | \
   CSN_OPT_HELP | CSN_OPT_VERSION)

/* All strings are borrowed from argv or the environment. */
struct csn_options {
  unsigned given;
  const char *plugin;  /* NULL: look for it */
  const char *config;  /* a file; NULL: the plugin's defaults */
  const char *plugins; /* a folder that names several, each with its own; NULL: there is one */
  const char *prefix;  /* which of these, where no tool is named; NULL: the first */
  const char *session; /* "" for one of the call's own */
  const char *input;   /* a file or "-"; NULL: none */
  const char *request; /* JSON: caisson_request.options_json; NULL: none */
  const char *base_url, *model, *transcript, *price; /* of chat; NULL: not given */
  bool json;
  bool verbose;
  uint64_t timeout_ms; /* 0: none */
  uint64_t grace_ms;   /* of shutdown and swap; 0: none given */
  unsigned threads;    /* of swap; 0: none */
  unsigned count;      /* of swaps; 0: not given */
  const char *command; /* NULL where there was none */
  char **args;         /* what follows the command, up to a "--"; NULL-terminated */
  size_t arg_count;
  char **words; /* what follows a "--"; NULL where there was none */
  size_t word_count;
};

/* Returns 0, or the exit code of a usage error that it has reported. Options may stand anywhere
 * before a "--". */
int csn_options_parse(int argc, char **argv, struct csn_options *options);

/* For commands that make no difference between the two: what follows a "--" joins the arguments. */
void csn_options_merge_words(struct csn_options *options);

void csn_options_free(struct csn_options *options);

/* Reports the first given option that is not in `allowed`; 0 if there is none. */
int csn_options_restrict(const struct csn_options *options, unsigned allowed);

#endif
