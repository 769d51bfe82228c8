/* SPDX-License-Identifier: Apache-2.0 */
/* What a host asks for one session: mounts, a workspace, a user, names and labels of its own. A
 * running sandbox that lacks them is made anew once nobody uses it, and not before; and what the
 * operator does not open, no option opens. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/host.h"
#include "tap.h"

static char root[] = "/tmp/caisson-options-XXXXXX";

/* With the root in place of each '@'; in a buffer that eight share. */
static const char *text(const char *template) {
  static char buffers[8][1024];
  static unsigned next;
  char *out = buffers[next++ % 8], *end = out;
  for (; *template && end < out + sizeof *buffers - sizeof root; template++)
    if (*template == '@')
      end = stpcpy(end, root);
    else
      *end++ = *template;
  *end = '\0';
  return out;
}

static struct call *with(struct call *c, const char *options) {
  c->options = options;
  return call_run(c);
}

static const char *said(const struct call *c) {
  return c->out.data ? c->out.data : "";
}

static void write_file(const char *name, const char *content) {
  FILE *f = fopen(name, "w");
  if (!f || fputs(content, f) < 0 || fclose(f) != 0) BAIL_OUT("cannot write %s", name);
}

static struct call *ensure(struct box *box, const char *session, const char *options) {
  struct call *c = call_new(box, session, "session.ensure");
  c->flags |= CAISSON_REQUEST_HOST;
  return with(c, options);
}

/* ---- mounts --------------------------------------------------------------------------------- */

static void test_mounts(struct box *box) {
  const char *mounts = text("{\"mounts\":[{\"type\":\"bind\",\"source\":\"@/data\","
                            "\"target\":\"/mnt/data\"}]}");
  CALL bare = shell(box, "m", "ls /mnt");
  is_str(said(bare), "", "a session without mounts");
  struct call *busy = call_start(
      call_new_shell(box, "m", "echo up; while ! [ -e end ]; do sleep 0.05; done"));
  ok(call_wait_output(busy, "up", 60000), "a command runs in it");
  CALL early = ensure(box, "m", mounts);
  ok(call_is_true(early, "older_settings") && !call_is_true(early, "recreated"),
     "mounts that are asked for meanwhile do not end it");
  CALL end = shell(box, "m", "touch end");
  exited(end, 0, "it can go on");
  exited(call_join(busy), 0, "and ends by itself");
  call_free(busy);
  CALL later = ensure(box, "m", mounts);
  ok(call_is_true(later, "recreated") && !call_is_true(later, "older_settings"),
     "once nobody uses it, it is made anew with them");
  CALL look = shell(box, "m", "cat /mnt/data/file; touch /mnt/data/x || echo refused");
  is_str(said(look), "from the host\nrefused\n", "and they are there, read-only");
  CALL same = ensure(box, "m", mounts);
  ok(!call_is_true(same, "recreated"), "asking for the same again changes nothing");
  engine_remove(engine_container(box, "m"));
  CALL next = shell(box, "m", "cat /mnt/data/file");
  is_str(said(next), "from the host\n", "a sandbox that comes back has them again");
}

/* ---- traits --------------------------------------------------------------------------------- */

static void test_traits(struct box *box) {
  CALL made = ensure(box, "t",
                     "{\"user\":\"4321:4322\",\"hostname\":\"own\",\"labels\":{\"who\":\"session\","
                     "\"team\":\"red\"},\"extra_hosts\":{\"b\":\"192.0.2.2\"},"
                     "\"dns\":[\"192.0.2.9\"],\"cap_add\":[\"KILL\"],\"tmpfs\":{\"/scratch\":{\"size\":\"1m\"}}}");
  call_ok(made, call_is_true(made, "created"), "a session with traits of its own");
  CALL look = shell(box, "t",
                    "id -u; id -g; cat /proc/sys/kernel/hostname; grep -cE '^192.0.2.[12]\\s+[ab]$' /etc/hosts; "
                    "touch /scratch/f && echo scratch");
  is_str(said(look), "4321\n4322\nown\n2\nscratch\n",
         "user, name, hosts beside the operator's, and memory");
  char *seen = engine_inspect(engine_container(box, "t"));
  ok(seen && strstr(seen, "\"who\":\"session\"") && strstr(seen, "\"team\":\"red\"") &&
         strstr(seen, "\"floor\":\"3\"") && !strstr(seen, "\"team\":\"blue\""),
     "labels over the operator's");
  ok(seen && strstr(seen, "\"Dns\":[\"192.0.2.9\"]"), "name servers in place of the operator's");
  free(seen);
}

static void test_workspace(struct box *box) {
  const char *own = text("{\"workspace\":{\"type\":\"bind\",\"path\":\"@/ws/{session}\","
                         "\"quota\":\"64k\",\"dirs\":{\"in\":\"0700\"}}}");
  struct call *first = call_new_shell(box, "w", "echo kept > f; stat -c %a in");
  CALL made = with(first, own);
  is_str(said(made), "700\n", "a session with a workspace of its own");
  CALL gone = operation(box, "session.remove", "w", NULL);
  ok(call_is_true(gone, "removed"), "is removed");
  CALL plain = shell(box, "w", "ls");
  is_str(said(plain), "", "without its options it is another one's");
  CALL gone_too = operation(box, "session.remove", "w", NULL);
  ok(call_is_true(gone_too, "removed"), "and is removed");
  CALL back = with(call_new_shell(box, "w", "cat f"), own);
  is_str(said(back), "kept\n", "with them its files are there");
  char big[100001];
  memset(big, 'x', sizeof big - 1);
  big[sizeof big - 1] = '\0';
  struct call *large = call_arg(call_new(box, "w", "write"), "path", "big");
  CALL over = call_run(call_arg(large, "content", big));
  is_str(call_reason(over), "disk.quota", "and its quota holds for calls without options");
}

/* ---- what no option opens ------------------------------------------------------------------- */

static void test_refused(struct box *box) {
  static const struct {
    const char *options, *words;
  } cases[] = {
      {"{\"mounts\":[{\"type\":\"bind\",\"source\":\"/opt\",\"target\":\"/x\"}]}", "bind_roots"},
      {"{\"mounts\":[{\"type\":\"bind\",\"source\":\"/\",\"target\":\"/x\"}]}", "never given"},
      {"{\"mounts\":[{\"type\":\"bind\",\"source\":\"/var/run/docker.sock\",\"target\":\"/x\"}]}",
       "never given"},
      {"{\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/workspace\"}]}", "options.mounts[0].target"},
      {"{\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/fixed\"}]}", "already"},
      {"{\"mounts\":[{\"type\":\"volume\",\"source\":\"caisson-guest\",\"target\":\"/x\","
       "\"read_only\":false}]}", "helper"},
      {"{\"bind_roots\":[\"/opt\"]}", "bind_roots"},
      {"{\"workspace\":{\"type\":\"bind\",\"path\":\"/opt/{session}\"}}", "bind_roots"},
      {"{\"user\":\"0:0\"}", "sandbox.user"},
      {"{\"user\":\"root\"}", "sandbox.user"},
      {"{\"cap_add\":[\"SYS_ADMIN\"]}", "cap_add"},
      {"{\"labels\":{\"caisson.instance\":\"other\"}}", "caisson."},
      {"{\"uid_range\":[0,1]}", "uid_range"},
      {"{\"name_template\":\"{key}\"}", "name_template"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CALL c = ensure(box, "no", cases[i].options);
    call_ok(c, c->status == CAISSON_E_CONFIG && strstr(c->err.message, cases[i].words),
            "refused: %s", cases[i].options);
    CALL model = with(call_new_shell(box, "no", "true"), cases[i].options);
    call_ok(model, !strstr(model->text, "/opt") && !strstr(model->text, "docker.sock"),
            "and a model is not told where the host keeps what");
  }
  is_str(engine_state(engine_container(box, "no")), "", "no container was made");
}

int main(void) {
  if (!mkdtemp(root)) BAIL_OUT("no directory in /tmp");
  if (mkdir(text("@/data"), 0755) != 0) BAIL_OUT("no directory");
  write_file(text("@/data/file"), "from the host\n");
  struct box *box = box_open(
      text("{\"sandbox\":{\"bind_roots\":[\"@\"],\"labels\":{\"team\":\"blue\",\"floor\":\"3\"},"
           "\"extra_hosts\":{\"a\":\"192.0.2.1\"},"
           "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/fixed\"}]}}"));
  test_mounts(box);
  test_traits(box);
  test_workspace(box);
  test_refused(box);
  box_close(box);
  int rc = done_testing();
  char *command = NULL;
  if (asprintf(&command, "rm -rf '%s'", root) < 0 || system(command) != 0) rc = 1;
  free(command);
  return rc;
}
