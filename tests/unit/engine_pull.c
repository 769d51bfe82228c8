/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine tells of a pull or a build: lines of JSON in pieces, layers summed up, steps
 * followed, and a registry's words made into reasons. */
#include <string.h>

#include "engine/build_bases.h"
#include "engine/build_log.h"
#include "engine/image_failure.h"
#include "engine/image_name.h"
#include "engine/json_lines.h"
#include "engine/pull_progress.h"
#include "tap.h"
#include "util/alloc.h"
#include "util/json.h"

/* ---- lines ----------------------------------------------------------------------------------- */

static int count(void *ctx, const cJSON *message, struct csn_error *err) {
  (void)err;
  (*(int *)ctx)++;
  return csn_json_get(message, "stop") ? 7 : 0;
}

static int feed(const char *text, size_t piece, int *seen, struct csn_error *err) {
  struct csn_json_lines lines;
  int rc = 0;
  *seen = 0;
  csn_json_lines_init(&lines);
  for (size_t at = 0, n = strlen(text); rc == 0 && at < n; at += piece)
    rc = csn_json_lines_feed(&lines, text + at, piece < n - at ? piece : n - at, count, seen, err);
  if (rc == 0) rc = csn_json_lines_end(&lines, count, seen, err);
  csn_json_lines_free(&lines);
  return rc;
}

static void test_lines(void) {
  struct csn_error err;
  int seen;
  for (size_t piece = 1; piece < 20; piece++) {
    int rc = feed("{\"a\":1}\r\n\n{\"b\":{\"c\":2}}\n{}", piece, &seen, &err);
    ok(rc == 0 && seen == 3, "three objects in pieces of %zu", piece);
  }
  is_int(feed("{\"stop\":1}\n{}\n", 100, &seen, &err), 7, "the callback can end it");
  is_int(seen, 1, "at once");
  static const char *const bad[] = {"{\"a\":}\n", "[]\n", "{} {}\n", "x", "{\"a\":1", "\x01\n"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    is_int(feed(bad[i], 3, &seen, &err), CAISSON_E_ENGINE, "%zu: no object", i);
    is_str(err.reason, CAISSON_REASON_ENGINE_PROTOCOL, "is a mistake of the engine");
  }
  char *endless = csn_alloc(CSN_JSON_LINE_MAX + 2);
  memset(endless, ' ', CSN_JSON_LINE_MAX + 1);
  endless[CSN_JSON_LINE_MAX + 1] = '\0';
  is_int(feed(endless, 4096, &seen, &err), CAISSON_E_ENGINE, "a line without an end");
  csn_free(endless);
}

/* ---- layers ---------------------------------------------------------------------------------- */

static struct csn_pull_progress progress;

static int take(const char *text) {
  cJSON *message CSN_CLEANUP_JSON = cJSON_Parse(text);
  return csn_pull_progress_take(&progress, message);
}

static const char *note(void) {
  static char text[200];
  csn_pull_progress_note(&progress, "img", text, sizeof text);
  return text;
}

static void test_progress(void) {
  csn_pull_progress_init(&progress);
  is_str(note(), "pulling img", "nothing is known yet");
  is_int(progress.permille, -1, "so there is no number");
  take("{\"status\":\"Pulling from x\",\"id\":\"latest\"}");
  is_str(note(), "pulling img", "a tag is no layer");
  take("{\"status\":\"Already exists\",\"id\":\"a\"}");
  ok(take("{\"status\":\"Pulling fs layer\",\"id\":\"b\"}") == 0, "a new layer waits");
  take("{\"status\":\"Pulling fs layer\",\"id\":\"c\"}");
  is_str(note(), "pulling img: 1 of 3 layers", "one is there");
  is_int(progress.permille, 0, "nothing of the rest");
  is_int(take("{\"status\":\"Downloading\",\"id\":\"b\",\"progressDetail\":"
              "{\"current\":5000000,\"total\":10000000}}"), 1, "another stage is news");
  is_str(note(), "pulling img: 1 of 3 layers, 5 of 10 MB", "megabytes");
  is_int(progress.permille, 200, "a quarter, and downloads are four fifths of it");
  is_int(take("{\"status\":\"Downloading\",\"id\":\"b\",\"progressDetail\":"
              "{\"current\":9000000,\"total\":10000000}}"), 0, "more of the same is none");
  take("{\"status\":\"Downloading\",\"id\":\"c\",\"progressDetail\":{\"current\":0,\"total\":90000000}}");
  note();
  is_int(progress.permille, 200, "it never goes back");
  take("{\"status\":\"Download complete\",\"id\":\"b\"}");
  take("{\"status\":\"Download complete\",\"id\":\"c\"}");
  is_str(note(), "pulling img: 1 of 3 layers, 100 of 100 MB", "all is here");
  is_int(progress.permille, 800, "and not unpacked");
  take("{\"status\":\"Extracting\",\"id\":\"c\",\"progressDetail\":{\"current\":1,\"total\":2}}");
  note();
  is_int(progress.permille, 890, "half of the large one is");
  take("{\"status\":\"Pull complete\",\"id\":\"b\"}");
  take("{\"status\":\"Pull complete\",\"id\":\"c\"}");
  is_str(note(), "pulling img: 3 of 3 layers, 100 of 100 MB", "the end");
  is_int(progress.permille, 1000, "all of it");
}

static void test_hostile_progress(void) {
  static const char *const odd[] = {
      "{\"status\":\"Downloading\",\"id\":\"x\",\"progressDetail\":{\"current\":-5,\"total\":1e300}}",
      "{\"status\":\"Downloading\",\"id\":\"x\",\"progressDetail\":{\"current\":9,\"total\":3}}",
      "{\"status\":\"Downloading\",\"id\":\"x\",\"progressDetail\":[1]}",
      "{\"status\":7,\"id\":{}}",
      "{\"status\":\"Waiting\",\"id\":\"an id that is much longer than any id can be\"}",
  };
  csn_pull_progress_init(&progress);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) take(odd[i]);
  for (int i = 0; i < 2 * CSN_PULL_LAYERS_MAX; i++) {
    char text[80];
    snprintf(text, sizeof text, "{\"status\":\"Waiting\",\"id\":\"%d\"}", i);
    take(text);
  }
  note();
  is_int(progress.count, CSN_PULL_LAYERS_MAX, "no more layers than can be");
  ok(progress.permille >= 0 && progress.permille <= 1000, "and a number that is one");
}

/* ---- names, reasons -------------------------------------------------------------------------- */

static void test_names(void) {
  static const struct {
    const char *text, *registry, *repository, *tag;
  } names[] = {
      {"python", "docker.io", "python", "latest"},
      {"python:3.12-slim", "docker.io", "python", "3.12-slim"},
      {"user/image:1", "docker.io", "user/image", "1"},
      {"docker.io/library/x", "docker.io", "docker.io/library/x", "latest"},
      {"index.docker.io/x", "docker.io", "index.docker.io/x", "latest"},
      {"localhost/x", "localhost", "localhost/x", "latest"},
      {"127.0.0.1:5000/a/b", "127.0.0.1:5000", "127.0.0.1:5000/a/b", "latest"},
      {"reg.example:5000/a/b:c", "reg.example:5000", "reg.example:5000/a/b", "c"},
      {"ghcr.io/a@sha256:12", "ghcr.io", "ghcr.io/a", "sha256:12"},
      {"ghcr.io/a:7@sha256:12", "ghcr.io", "ghcr.io/a", "sha256:12"},
      {"", "docker.io", "", "latest"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct csn_image_name n CSN_CLEANUP_IMAGE_NAME = {0};
    is_int(csn_image_name_parse(names[i].text, &n, NULL), 0, "\"%s\"", names[i].text);
    is_str(n.registry, names[i].registry, "its registry");
    is_str(n.repository, names[i].repository, "its repository");
    is_str(n.tag, names[i].tag, "its tag");
    is_int(n.has_digest, strchr(names[i].text, '@') != NULL, "is it pinned?");
    ok(!n.is_id, "it is no id");
  }
  struct csn_image_name id CSN_CLEANUP_IMAGE_NAME = {0};
  csn_image_name_parse("sha256:0123456789012345678901234567890123456789012345678901234567890123", &id,
                       NULL);
  ok(id.is_id, "an id is one");
}

static void test_failures(void) {
  static const struct {
    const char *words, *reason;
  } known[] = {
      {"toomanyrequests: You have reached your pull rate limit", CAISSON_REASON_IMAGE_RATE_LIMITED},
      {"no matching manifest for linux/arm64/v8 in the manifest list", CAISSON_REASON_IMAGE_PLATFORM},
      {"pull access denied for x, repository does not exist or may require 'docker login'",
       CAISSON_REASON_IMAGE_DENIED},
      {"Head \"https://r/v2/\": unauthorized", CAISSON_REASON_IMAGE_DENIED},
      {"manifest for x:y not found: manifest unknown", CAISSON_REASON_IMAGE_NOT_FOUND},
      {"dial tcp: lookup r on 1.1.1.1:53: no such host", CAISSON_REASON_IMAGE_REGISTRY},
      {"write /x: no space left on device", CAISSON_REASON_DISK_FULL},
      {"something else", CAISSON_REASON_IMAGE_FAILED},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    struct csn_error err = {0};
    is_int(csn_image_failure("r/img:1", "r", known[i].words, &err), CAISSON_E_ENGINE, "it fails");
    is_str(err.reason, known[i].reason, "%s", known[i].words);
    ok(strstr(err.message, "\"r/img:1\"") && strstr(err.message, known[i].words), "%s", err.message);
    struct csn_error refused = {0};
    csn_fail(&refused, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_NOT_FOUND, "404 %s", known[i].words);
    csn_image_failure_of("r/img:1", "r", &refused);
    is_str(refused.reason, known[i].reason, "the same where the engine refuses at once");
  }
  struct csn_error err = {0};
  csn_fail(&err, CAISSON_E_CANCELLED, CAISSON_REASON_CANCELLED, "denied");
  is_int(csn_image_failure_of("i", "r", &err), CAISSON_E_CANCELLED, "a cancel stays one");
  csn_fail(&err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE, "connection refused");
  csn_image_failure_of("i", "r", &err);
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "so does an engine that is not there");
}

/* ---- builds ---------------------------------------------------------------------------------- */

static void test_log(void) {
  struct csn_build_log log = {0};
  char base[64], lengthy[1000];
  is_int(csn_build_log_take(&log, "Step 1/3 : FROM --platform=linux/arm64  a/b:1 AS x"), 1, "a step");
  is_int(csn_build_log_take(&log, "\n"), 0, "the rest of its line is none");
  csn_build_log_base(&log, base, sizeof base);
  is_str(base, "a/b:1", "the image it begins with");
  is_int(csn_build_log_take(&log, "Step 2/3 : RUN make all\n"), 1, "the next");
  is_int(log.step * 10 + log.steps, 23, "2 of 3");
  is_str(log.what, "RUN make all", "what it does");
  csn_build_log_base(&log, base, sizeof base);
  is_str(base, "", "begins with no image");
  csn_build_log_take(&log, " ---> Running in 0123\n");
  csn_build_log_take(&log, "one\ntwo");
  csn_build_log_take(&log, " and a half\n\n");
  is_int(csn_build_log_take(&log, "three\n"), 0, "output is no step");
  is_str(log.tail, "one / two and a half / three", "what it said, in one line");
  memset(lengthy, 'x', sizeof lengthy - 1);
  lengthy[sizeof lengthy - 1] = '\0';
  csn_build_log_take(&log, lengthy);
  csn_build_log_take(&log, "Step 3/3 : NO");
  is_int((long long)log.tail_size, CSN_BUILD_TAIL_SIZE - 1, "only the last of it");
  is_int(log.step, 2, "a step begins a line");
  static const char *const none[] = {"Step 4/3 : x", "Step 0/1 : x", "Step 1", "Step a/b : x",
                                     "Step 9999999/9999999 : x"};
  csn_build_log_take(&log, "\n");
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    is_int(csn_build_log_take(&log, none[i]), 0, "%s is none", none[i]);
    csn_build_log_take(&log, "\n");
  }
  is_int(csn_build_log_take(&log, "STEP 2/4: RUN make\n"), 1, "a step as Podman says it");
  is_str(log.what, "RUN make", "what it is");
  is_int(csn_build_log_take(&log, "[1/2] STEP 3/4: RUN test\n"), 1, "and of one stage of several");
  is_int((int)log.step, 3, "its number");
}

static void test_bases(void) {
  static const char text[] = "# FROM no.example/x\nARG v=1\nfrom  --platform=$P  one.example/a:1 as b\r\n"
                             "FROM b\nFROM scratch\nFROM $v.example/x\nFROM python\n"
                             "FROM one.example/c\nRUN echo FROM two.example/x\nFROM";
  cJSON *registries CSN_CLEANUP_JSON = NULL;
  is_int(csn_build_bases(text, sizeof text - 1, &registries, NULL), 0, "a Dockerfile");
  char *found = csn_json_print(registries);
  is_str(found, "[\"one.example\",\"docker.io\"]", "whom it names");
  csn_free(found);
}

int main(void) {
  test_lines();
  test_progress();
  test_hostile_progress();
  test_names();
  test_failures();
  test_log();
  test_bases();
  return done_testing();
}
