/* SPDX-License-Identifier: Apache-2.0 */
/* read, write and edit on the host's side: what they ask of the helper, and what they make of its
 * answers, honest or not. */
#include "tools/file_tool.h"

#include <string.h>

#include "tap.h"
#include "tools_fake_session.h"
#include "util/alloc.h"
#include "util/json.h"

static const struct csn_tool_settings settings = {.output_limit = 50000};
static struct csn_tool_result result;
static struct csn_error err;

static int run(csn_tool_fn *tool, const char *json) {
  CSN_CLEANUP_JSON cJSON *args = cJSON_Parse(json);
  const struct csn_session_want want = {.key = "s"};
  const struct csn_tool_call call = {
      .args = args, .want = &want, .settings = &settings, .output_limit = 777};
  if (!args) BAIL_OUT("%s", json);
  cJSON_Delete(result.json);
  memset(&result, 0, sizeof result);
  csn_error_clear(&err);
  return tool(&call, &result, &err);
}

static void answers(const char *text, size_t n, const char *report, int exit_code) {
  static struct fake_chunk chunks[3];
  size_t i = 0;
  fake_reset();
  memset(chunks, 0, sizeof chunks);
  if (n) chunks[i++] = (struct fake_chunk){CAISSON_STREAM_STDOUT, text, n};
  chunks[i] = (struct fake_chunk){CAISSON_STREAM_STDERR, report, 0};
  fake.chunks = chunks;
  fake.result.exit_code = exit_code;
}

static void asked(const char *line) {
  if (!ok(strstr(csn_buffer_text(&fake.asked), line), "asked for: %s", line))
    diag("%s", csn_buffer_text(&fake.asked));
}

static void not_asked(const char *line) {
  ok(!strstr(csn_buffer_text(&fake.asked), line), "not asked for: %s", line);
}

static const cJSON *block(int i) {
  return cJSON_GetArrayItem(csn_json_get(result.json, "content"), i);
}

static const cJSON *structured(const char *name) {
  return csn_json_get(csn_json_get(result.json, "structuredContent"), name);
}

static void test_requests(void) {
  answers("", 0, "{}", 0);
  is_int(run(csn_tool_read, "{\"path\":\"a b\",\"offset\":7,\"limit\":2000}"), 0, "read");
  asked("operation read\n");
  asked("operand path=a b\n");
  asked("operand offset=7\n");
  asked("operand output_limit=777\n");
  asked("cwd /workspace\n");
  asked("timeout 30000\n");
  not_asked("stdin");
  not_asked("size=");
  answers("", 0, "{}", 0);
  is_int(run(csn_tool_write, "{\"path\":\"p\",\"content\":\"long content\\n\"}"), 0, "write");
  asked("operand size=13\n");
  asked("stdin long content\n end 0");
  not_asked("content=");
  answers("", 0, "{}", 0);
  is_int(run(csn_tool_edit, "{\"path\":\"p\",\"old_string\":\"\",\"new_string\":\"\xc3\xa9\","
                            "\"replace_all\":true}"), 0, "edit");
  asked("operand old_string=\n");
  asked("operand replace_all=true\n");
  asked("operand size=2\n");
  asked("stdin \xc3\xa9 end 0");
  answers("", 0, "{}", 0);
  run(csn_tool_write, "{\"path\":\"p\",\"content\":\"\"}");
  asked("operand size=0\n");
}

static void test_text(void) {
  answers("     1\tx\xff\n", 10, "{\"path\":\"/w/a\",\"kind\":\"text\"}", 0);
  is_int(run(csn_tool_read, "{\"path\":\"a\"}"), 0, "a text");
  is_str(csn_json_string(block(0), "text", ""), "     1\tx\xef\xbf\xbd\n", "is shown, repaired");
  is_str(cJSON_GetStringValue(structured("path")), "/w/a", "its report is the document");
  is_str(cJSON_GetStringValue(structured("outcome")), "exited", "with the outcome");
  ok(!block(1), "and nothing else");
}

static void test_refusal(void) {
  answers("half", 4,
          "{\"error\":{\"reason\":\"file.not_found\",\"message\":\"no\",\"hint\":\"look\"}}", 1);
  is_int(run(csn_tool_read, "{\"path\":\"a\"}"), 0, "a refusal");
  is_str(csn_json_string(block(0), "text", ""), "Error: no\nlook", "is shown in words");
  ok(cJSON_IsTrue(csn_json_get(result.json, "isError")), "as an error");
  is_int(result.exit_code, 1, "with its exit code");
}

static void test_image(void) {
  answers("\x89PNG", 4,
          "{\"path\":\"/w/a.png\",\"kind\":\"image\",\"mime_type\":\"image/png\"}", 0);
  is_int(run(csn_tool_read, "{\"path\":\"a.png\"}"), 0, "an image");
  is_str(csn_json_string(block(0), "text", ""), "image/png, 4 bytes: /w/a.png", "has a text");
  is_str(csn_json_string(block(1), "type", ""), "image", "and an image");
  is_str(csn_json_string(block(1), "mimeType", ""), "image/png", "of its type");
  is_str(csn_json_string(block(1), "data", ""), "iVBORw==", "in base64");
  is_int(result.bytes_out, 4, "and its bytes are counted");
  answers("<script>", 8, "{\"path\":\"x\",\"kind\":\"image\",\"mime_type\":\"text/html\"}", 0);
  is_int(run(csn_tool_read, "{\"path\":\"x\"}"), 0, "a type that is no image's");
  ok(!block(1), "makes no block");
}

static void test_ours(void) {
  answers("", 0, "{\"outcome\":\"lost\",\"exit_code\":7,\"recreated\":true}", 0);
  run(csn_tool_read, "{\"path\":\"a\"}");
  is_str(cJSON_GetStringValue(structured("outcome")), "exited", "the outcome is ours to say");
  is_int(cJSON_GetNumberValue(structured("exit_code")), 0, "so is the exit code");
  ok(!structured("recreated"), "and what became of the sandbox");
}

static void test_late(void) {
  answers("", 0, "", 0);
  fake.result.outcome = CAISSON_OUTCOME_DEADLINE;
  fake.result.duration_ns = 31000000000;
  is_int(run(csn_tool_grep, "{\"pattern\":\"x\"}"), 0, "a search that takes too long");
  const char *text = csn_json_string(block(0), "text", "");
  if (!ok(strstr(text, "smaller steps"), "says what to do")) diag("%s", text);
  ok(!strstr(text, "timeout_ms"), "and names no argument that the tool has not");
}

static void test_long_report(void) {
  size_t n = ((size_t)4 << 20) + 100;
  char *report = csn_calloc(1, n);
  memset(report, ' ', n - 1);
  answers("", 0, report, 0);
  ok(run(csn_tool_read, "{\"path\":\"x\"}") < 0, "a report that is longer than it may be");
  is_str(err.reason, CAISSON_REASON_HELPER_PROTOCOL, "is the helper's fault, not a cancel");
  csn_free(report);
}

static void test_too_large(void) {
  size_t n = ((size_t)5 << 20) + 1;
  char *bytes = csn_calloc(1, n);
  answers(bytes, n, "{\"kind\":\"image\",\"mime_type\":\"image/png\"}", 0);
  ok(run(csn_tool_read, "{\"path\":\"x\"}") < 0, "an image that is larger than it may be");
  is_str(err.reason, CAISSON_REASON_HELPER_PROTOCOL, "is the helper's fault");
  csn_free(bytes);
}

static void test_no_memory(void) {
  int done = 0;
  for (long n = 1; n < 100; n++) {
    answers("\x89PNG", 4, "{\"path\":\"p\",\"mime_type\":\"image/png\"}", 0);
    csn_alloc_fail_after(n);
    int rc = run(csn_tool_read, "{\"path\":\"a.png\"}");
    csn_alloc_fail_after(0);
    done += rc == 0;
    if (rc < 0 && result.json) ok(0, "a failure has no result, at %ld", n);
  }
  ok(done > 0, "without memory it fails cleanly");
}

int main(void) {
  test_requests();
  test_text();
  test_refusal();
  test_image();
  test_ours();
  test_late();
  test_long_report();
  test_too_large();
  test_no_memory();
  cJSON_Delete(result.json);
  csn_buffer_free(&fake.asked);
  return done_testing();
}
