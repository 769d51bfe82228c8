/* SPDX-License-Identifier: Apache-2.0 */
/* options.c: takes the command line apart, without knowing what the commands do. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ui.h"

/* `val` is the option's bit with this one, which is above all of them and above every character
 * that getopt could return. */
#define OPTION_BASE 0x40000000
#define THREADS_MAX 256
#define COUNT_MAX 1000000

static const struct option long_options[] = {
    {"plugin", required_argument, NULL, OPTION_BASE | CSN_OPT_PLUGIN},
    {"plugins", required_argument, NULL, OPTION_BASE | CSN_OPT_PLUGINS},
    {"prefix", required_argument, NULL, OPTION_BASE | CSN_OPT_PREFIX},
    {"config", required_argument, NULL, OPTION_BASE | CSN_OPT_CONFIG},
    {"session", required_argument, NULL, OPTION_BASE | CSN_OPT_SESSION},
    {"ephemeral", no_argument, NULL, OPTION_BASE | CSN_OPT_EPHEMERAL},
    {"json", no_argument, NULL, OPTION_BASE | CSN_OPT_JSON},
    {"timeout", required_argument, NULL, OPTION_BASE | CSN_OPT_TIMEOUT},
    {"input", required_argument, NULL, OPTION_BASE | CSN_OPT_INPUT},
    {"options", required_argument, NULL, OPTION_BASE | CSN_OPT_OPTIONS},
    {"all", no_argument, NULL, OPTION_BASE | CSN_OPT_ALL},
    {"force", no_argument, NULL, OPTION_BASE | CSN_OPT_FORCE},
    {"follow", no_argument, NULL, OPTION_BASE | CSN_OPT_FOLLOW},
    {"extract", no_argument, NULL, OPTION_BASE | CSN_OPT_EXTRACT},
    {"stats", no_argument, NULL, OPTION_BASE | CSN_OPT_STATS},
    {"dry-run", no_argument, NULL, OPTION_BASE | CSN_OPT_DRY_RUN},
    {"grace", required_argument, NULL, OPTION_BASE | CSN_OPT_GRACE},
    {"threads", required_argument, NULL, OPTION_BASE | CSN_OPT_THREADS},
    {"count", required_argument, NULL, OPTION_BASE | CSN_OPT_COUNT},
    {"base-url", required_argument, NULL, OPTION_BASE | CSN_OPT_BASE_URL},
    {"model", required_argument, NULL, OPTION_BASE | CSN_OPT_MODEL},
    {"transcript", required_argument, NULL, OPTION_BASE | CSN_OPT_TRANSCRIPT},
    {"price", required_argument, NULL, OPTION_BASE | CSN_OPT_PRICE},
    {"approve", no_argument, NULL, OPTION_BASE | CSN_OPT_APPROVE},
    {"verbose", no_argument, NULL, OPTION_BASE | CSN_OPT_VERBOSE},
    {"help", no_argument, NULL, OPTION_BASE | CSN_OPT_HELP},
    {"version", no_argument, NULL, OPTION_BASE | CSN_OPT_VERSION},
    {NULL, 0, NULL, 0},
};

/* "30", "1.5s", "500ms", "2m", "1h" to milliseconds; 0 where it is none of these. */
static uint64_t parse_duration(const char *text) {
  static const struct {
    const char *suffix;
    double ms;
  } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60e3}, {"h", 3600e3}};
  const double longest = 1e12;
  char *end = NULL;
  errno = 0;
  double value = strtod(text, &end);
  if (end == text || errno != 0 || !(value > 0))
    return 0;
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    if (strcmp(end, units[i].suffix) == 0 && value * units[i].ms <= longest)
      return value * units[i].ms < 1 ? 1 : (uint64_t)(value * units[i].ms);
  return 0;
}

/* A whole number of 1 to `most`; 0 where it is none. */
static unsigned parse_number(const char *text, unsigned most) {
  char *end = NULL;
  errno = 0;
  long value = strtol(text, &end, 10);
  return end == text || *end || errno != 0 || value < 1 || value > (long)most ? 0 : (unsigned)value;
}

static int take_option(struct csn_options *options, unsigned bit, const char *value) {
  options->given |= bit;
  if (bit == CSN_OPT_PLUGIN)
    options->plugin = value;
  else if (bit == CSN_OPT_CONFIG)
    options->config = value;
  else if (bit == CSN_OPT_PLUGINS)
    options->plugins = value;
  else if (bit == CSN_OPT_PREFIX)
    options->prefix = value;
  else if (bit == CSN_OPT_INPUT)
    options->input = value;
  else if (bit == CSN_OPT_OPTIONS)
    options->request = value;
  else if (bit == CSN_OPT_SESSION)
    options->session = value;
  else if (bit == CSN_OPT_BASE_URL)
    options->base_url = value;
  else if (bit == CSN_OPT_MODEL)
    options->model = value;
  else if (bit == CSN_OPT_TRANSCRIPT)
    options->transcript = value;
  else if (bit == CSN_OPT_PRICE)
    options->price = value;
  else if (bit == CSN_OPT_EPHEMERAL)
    options->session = "";
  else if (bit == CSN_OPT_JSON)
    options->json = true;
  else if (bit == CSN_OPT_VERBOSE)
    options->verbose = true;
  else if (bit == CSN_OPT_TIMEOUT && (options->timeout_ms = parse_duration(value)) == 0)
    return csn_ui_usage("--timeout %s: give a time such as 30, 1.5s, 500ms or 2m", value);
  else if (bit == CSN_OPT_GRACE && (options->grace_ms = parse_duration(value)) == 0)
    return csn_ui_usage("--grace %s: give a time such as 30, 1.5s, 500ms or 2m", value);
  else if (bit == CSN_OPT_THREADS && (options->threads = parse_number(value, THREADS_MAX)) == 0)
    return csn_ui_usage("--threads %s: give a number of 1 to %d", value, THREADS_MAX);
  else if (bit == CSN_OPT_COUNT && (options->count = parse_number(value, COUNT_MAX)) == 0)
    return csn_ui_usage("--count %s: give a number of 1 to %d", value, COUNT_MAX);
  return 0;
}

static void take_argument(struct csn_options *options, char *text) {
  if (!options->command)
    options->command = text;
  else
    options->args[options->arg_count++] = text;
}

static int refuse_option(int found, char **argv) {
  /* getopt has the letter in optopt; a long option's text it has just stepped over. */
  char letter[] = {'-', (char)optopt, '\0'};
  const char *text = optopt > 0 && optopt < OPTION_BASE ? letter : argv[optind - 1];
  if (found == ':')
    return csn_ui_usage("option %s needs a value", text);
  return csn_ui_usage("unknown option %s (`caisson-host --help` lists them; words for a tool that "
                      "begin with - go behind a --)",
                      text);
}

static int check(const struct csn_options *options) {
  const unsigned both = CSN_OPT_SESSION | CSN_OPT_EPHEMERAL;
  if ((options->given & both) == both)
    return csn_ui_usage("--session and --ephemeral exclude each other");
  if (options->plugins && (options->given & (CSN_OPT_PLUGIN | CSN_OPT_CONFIG)))
    return csn_ui_usage("--plugins names plugins and their configurations: neither --plugin nor "
                        "--config goes with it");
  if (options->prefix && !options->plugins)
    return csn_ui_usage("--prefix says which of several plugins, so it takes --plugins");
  if (options->plugin && *options->plugin == '\0')
    return csn_ui_usage("--plugin needs the path of a plugin, and this one is empty");
  if (options->plugins && *options->plugins == '\0')
    return csn_ui_usage("--plugins needs the path of a folder, and this one is empty");
  if ((options->given & CSN_OPT_SESSION) && *options->session == '\0')
    return csn_ui_usage("--session needs a key; --ephemeral is a sandbox of the call's own");
  return 0;
}

int csn_options_parse(int argc, char **argv, struct csn_options *options) {
  *options = (struct csn_options){
      .session = CSN_DEFAULT_SESSION,
      .config = getenv("CAISSON_CONFIG"),
  };
  options->args = csn_must(calloc((size_t)argc + 1, sizeof options->args[0]));
  if (options->config && *options->config == '\0')
    options->config = NULL;
  int found, failed = 0;
  opterr = 0;
  /* The leading "-" hands over plain arguments as option 1, in their order, so that it is known
   * which of them came after a "--". */
  while (!failed && (found = getopt_long(argc, argv, "-:hv", long_options, NULL)) != -1) {
    if (found == 1)
      take_argument(options, optarg);
    else if (found == 'h')
      failed = take_option(options, CSN_OPT_HELP, NULL);
    else if (found == 'v')
      failed = take_option(options, CSN_OPT_VERBOSE, NULL);
    else if (found & OPTION_BASE)
      failed = take_option(options, (unsigned)found & ~(unsigned)OPTION_BASE, optarg);
    else
      failed = refuse_option(found, argv);
  }
  if (failed)
    return failed;
  if (strcmp(argv[optind - 1], "--") == 0) {
    options->words = argv + optind;
    options->word_count = (size_t)(argc - optind);
  }
  return check(options);
}

void csn_options_merge_words(struct csn_options *options) {
  for (size_t i = 0; i < options->word_count; i++)
    take_argument(options, options->words[i]);
  options->words = NULL;
  options->word_count = 0;
}

void csn_options_free(struct csn_options *options) {
  free(options->args);
  options->args = NULL;
}

int csn_options_restrict(const struct csn_options *options, unsigned allowed) {
  for (const struct option *o = long_options; o->name; o++) {
    unsigned bit = (unsigned)o->val & ~(unsigned)OPTION_BASE;
    if ((options->given & bit) && !(allowed & bit))
      return csn_ui_usage("--%s means nothing to `%s` (see `caisson-host %s --help`)", o->name,
                          options->command, options->command);
  }
  return 0;
}
