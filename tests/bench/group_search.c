/* SPDX-License-Identifier: Apache-2.0 */
/* `grep` over a large tree and `glob` over many files, beside ripgrep and fd with one thread each, in
 * the same container. The two are this machine's own, carried in with the libraries they need. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define GROUP "search"
#define SESSION "search"
#define LARGE ", \"memory\": \"3g\", \"workspace\": {\"size\": \"2g\"}"
#define FOREIGN "LD_LIBRARY_PATH=/workspace/.bin /workspace/.bin/"

/* Text that looks like a program's, the same each time: 64 KiB a file. */
static const char make_tree[] =
    "python3 - <<'END'\n"
    "import os, random\n"
    "r = random.Random(1)\n"
    "words = ['%s%d' % (w, i) for i in range(40) for w in\n"
    "         'alpha beta gamma value result index buffer stream error return static'.split()]\n"
    "for d in range(int(os.environ['N'])):\n"
    "    os.makedirs('tree/d%d' % d)\n"
    "    for f in range(64):\n"
    "        lines = [' '.join(r.choices(words, k=8)) for _ in range(200)]\n"
    "        text = '\\n'.join(lines * 6)[:65535] + '\\n'\n"
    "        if f == 7: text += 'int NeedleInHaystack(void);\\n'\n"
    "        open('tree/d%d/f%d.c' % (d, f), 'w').write(text)\n"
    "END\n";

static const char make_many[] =
    "python3 -c \"\nimport os\n"
    "for d in range(int(os.environ['N'])):\n"
    "  os.makedirs('many/a%d/b' % d)\n"
    "  for f in range(100): open('many/a%d/b/f%d.%s' % (d, f, 'py' if f == 3 else 'txt'), 'w')\n"
    "\"";

static const struct {
  const char *name, *pattern, *flags, *more;
} patterns[] = {
    {"literal", "NeedleInHaystack", "", ""},
    {"class", "[A-Z][a-z]+In[A-Z]", "", ""},
    {"either", "NeedleIn|HaystackOf|WrongWord", "", ""},
    {"caseless", "needleinhaystack", "-i ", ", \"case_insensitive\": true"},
};

#define PATTERNS (sizeof patterns / sizeof *patterns)

struct search {
  const struct bench_box *box;
  char args[512];
  const char *tool;
};

static double run_search(void *ctx) {
  const struct search *s = ctx;
  struct bench_ask ask = {.name = s->tool, .args = s->args, .session = SESSION};
  return bench_must(s->box, &ask, NULL);
}

/* A program of this machine and the libraries beside the C library's that it is linked with. */
static void carry_in(struct bench *bench, const char *program, const char *as) {
  char command[256], line[512], path[300];
  (void)snprintf(command, sizeof command, "command -v %s", program);
  const char *const find[] = {"/bin/sh", "-c", command, NULL};
  (void)bench_spawn_read(find, path, sizeof path);
  path[strcspn(path, "\n")] = '\0';
  bench_upload(&bench->box, SESSION, path, as);
  (void)snprintf(command, sizeof command,
                 "ldd $(command -v %s) | sed -n 's/.*=> \\(.*lib\\(pcre2\\|gcc\\)[^ ]*\\) .*/\\1/p'",
                 program);
  const char *const libraries[] = {"/bin/sh", "-c", command, NULL};
  (void)bench_spawn_read(libraries, line, sizeof line);
  for (char *rest = line, *library; (library = strtok_r(NULL, "\n", &rest));) {
    char name[200];
    (void)snprintf(name, sizeof name, ".bin/%s", strrchr(library, '/') + 1);
    bench_upload(&bench->box, SESSION, library, name);
  }
}

/* Runs a script with $N. */
static void make(struct bench *bench, const char *script, int n) {
  char command[2048];
  (void)snprintf(command, sizeof command, "export N=%d\n%s", n, script);
  free(bench_shell(&bench->box, SESSION, command));
}

static void compare(struct bench *bench, struct search *ours, struct search *theirs,
                    const char *name) {
  char their_name[64];
  (void)snprintf(their_name, sizeof their_name, "%s_theirs", name);
  struct bench_case cases[] = {
      {.name = name, .run = run_search, .ctx = ours, .every = 1},
      {.name = their_name, .run = run_search, .ctx = theirs, .every = 1},
  };
  bench_interleave(GROUP, cases, 2, bench->quick ? 3 : 7);
}

static void compare_grep(struct bench *bench) {
  for (size_t i = 0; i < PATTERNS; i++) {
    struct search ours = {.box = &bench->box, .tool = "grep"};
    struct search theirs = {.box = &bench->box, .tool = "shell"};
    (void)snprintf(ours.args, sizeof ours.args, "{\"pattern\": \"%s\", \"path\": \"tree\"%s}",
                   patterns[i].pattern, patterns[i].more);
    (void)snprintf(theirs.args, sizeof theirs.args,
                   "{\"command\": \"" FOREIGN "rg -j1 -l %s'%s' tree | wc -l\"}", patterns[i].flags,
                   patterns[i].pattern);
    compare(bench, &ours, &theirs, patterns[i].name);
  }
}

static void compare_glob(struct bench *bench) {
  struct search ours = {.box = &bench->box, .tool = "glob"};
  struct search theirs = {.box = &bench->box, .tool = "shell"};
  strcpy(ours.args, "{\"pattern\": \"**/*.py\", \"path\": \"many\"}");
  strcpy(theirs.args, "{\"command\": \"" FOREIGN "fd -j1 -t f -g '*.py' many | wc -l\"}");
  compare(bench, &ours, &theirs, "glob");
}

void bench_group_search(struct bench *whole) {
  struct bench large = *whole, *bench = &large;
  if (!bench_has_program("rg") || !bench_has_program("fdfind")) {
    bench_note(GROUP, "not measured: ripgrep and fd-find are not installed");
    return;
  }
  bench_box_open(&large.box, whole->plugin, whole->instance, whole->image, LARGE);
  struct bench_ask start = {.name = "shell",
                            .args = "{\"command\": \"mkdir .bin\"}",
                            .session = SESSION};
  (void)bench_must(&bench->box, &start, NULL);
  carry_in(bench, "rg", ".bin/rg");
  carry_in(bench, "fdfind", ".bin/fd");
  int folders = bench->quick ? 50 : 256;
  bench_print_value(GROUP, "tree", "MiB", folders * 4);
  make(bench, make_tree, folders);
  compare_grep(bench);
  free(bench_shell(&bench->box, SESSION, "rm -rf tree"));
  make(bench, make_many, 1000);
  compare_glob(bench);
  bench_remove(&bench->box, SESSION);
  bench_box_close(&large.box);
}
