/* SPDX-License-Identifier: Apache-2.0 */
/* Code that fills what it was given: memory in every form, disks, inodes, /dev/shm. Each ends in
 * words that say what is full, the sandbox goes on, and the neighbour notices nothing. */
#include <stdio.h>

#include "attack.h"

static struct box *box;

#define SETTINGS                                                                                   \
  "{\"sandbox\":{\"memory\":\"96m\",\"workspace\":{\"size\":\"24m\"},\"tmp\":{\"size\":\"16m\"},"  \
  "\"shm\":{\"size\":\"1m\"},\"pids\":64}}"

/* ---- memory ---------------------------------------------------------------------------------- */

static const struct {
  const char *name, *code;
} memories[] = {
    {"one large object", "x = bytearray(1 << 30)"},
    {"many processes", "import os, time\n"
                       "for i in range(40):\n"
                       "  if os.fork() == 0:\n    x = bytearray(20 << 20)\n    time.sleep(600)\n"
                       "os.wait(); os.killpg(0, 9)"},
    {"a file in memory",
     "import os\nf = os.memfd_create('x')\nwhile True: os.write(f, bytes(1 << 20))"},
    {"shared memory", "import mmap\nm = mmap.mmap(-1, 1 << 30)\n"
                      "for i in range(0, 1 << 30, 4096): m[i] = 1"},
    {"full pipes and sockets",
     "import os, socket\nkeep = []\n"
     "while True:\n"
     "  a, b = socket.socketpair(); keep.append((a, b)); a.setblocking(0)\n"
     "  try:\n    while True: a.send(bytes(65536))\n"
     "  except BlockingIOError: pass\n"},
};

static bool has_ended(void *session) {
  return host_count_processes(box, session, "python") == 0;
}

static void test_memory(struct neighbour *neighbour, const char *name, const char *code) {
  char session[] = "a";
  CALL c = python(box, session, code);
  ended(c, CAISSON_OK, CAISSON_OUTCOME_OOM, 137, "%s: out of memory", name);
  is_str(call_reason(c), CAISSON_REASON_MEMORY_LIMIT, "%s: which is the reason", name);
  CALL next = shell(box, "a", "cat kept");
  exited(next, 0, "%s: the next call works", name);
  is_str(call_string(next, "stdout"), "mine\n", "%s: with the session's files", name);
  is_int(next->result.flags, 0, "%s: in the same sandbox", name);
  /* The kernel may still be clearing up after those that it killed. */
  ok(host_wait(has_ended, session, 20000), "%s: nothing of it runs", name);
  neighbour_is_well(neighbour, name);
}

/* ---- disks ----------------------------------------------------------------------------------- */

static struct call *write_file(const char *path, size_t size) {
  char *content = malloc(size + 1);
  if (!content) BAIL_OUT("out of memory");
  memset(content, 'x', size);
  content[size] = '\0';
  struct call *c =
      call_arg(call_arg(call_new(box, "a", "write"), "path", path), "content", content);
  free(content);
  return call_run(c);
}

static void test_disk(const char *place) {
  char command[128];
  snprintf(command, sizeof command, "cat /dev/zero > %s/full", place);
  CALL c = shell(box, "a", command);
  exited(c, 1, "%s is filled", place);
  call_ok(c, strstr(call_string(c, "stderr"), "No space left on device"), "in so many words");
  snprintf(command, sizeof command, "%s/other", place);
  CALL other = write_file(command, 100000);
  is_str(call_reason(other), CAISSON_REASON_DISK_FULL, "%s: no tool has room then, and says so",
         place);
  CALL small = shell(box, "a", "echo works");
  exited(small, 0, "%s: commands run all the same", place);
  CALL code = python(box, "a", "print('works')");
  call_ok(code,
          strcmp(call_string(code, "stdout"), "works\n") == 0 ||
              strcmp(call_reason(code), CAISSON_REASON_DISK_FULL) == 0,
          "%s: Python runs, or says that the disk is full", place);
  snprintf(command, sizeof command, "rm %s/full", place);
  CALL freed = shell(box, "a", command);
  exited(freed, 0, "%s: what fills it can be removed", place);
  CALL again = write_file("again", 100000);
  exited(again, 0, "%s: and all is as before", place);
}

static void test_shm(void) {
  CALL c = shell(box, "a", "cat /dev/zero > /dev/shm/full; s=$?; rm /dev/shm/full; exit $s");
  exited(c, 1, "/dev/shm is filled");
  call_ok(c, strstr(call_string(c, "stderr"), "No space left on device"), "in so many words");
}

/* Each costs memory of the sandbox's, or there is a number of them: either way it ends. */
static void test_inodes(struct neighbour *neighbour) {
  CALL c = python(box, "a",
                  "import os\nos.mkdir('many')\ni = 0\n"
                  "while True:\n  os.close(os.open('many/%d' % i, os.O_CREAT))\n  i += 1");
  bool is_full = c->result.outcome == CAISSON_OUTCOME_OOM ||
                 strstr(call_string(c, "stderr"), "No space left on device");
  call_ok(c, is_full, "files without end: memory or the file system is full, in so many words");
  CALL freed = shell(box, "a", "rm -rf many; cat kept");
  exited(freed, 0, "they can be removed");
  is_str(call_string(freed, "stdout"), "mine\n", "and the session's files are there");
  neighbour_is_well(neighbour, "files without end");
}

int main(void) {
  box = box_open(SETTINGS);
  struct neighbour *neighbour = neighbour_new(box);
  CALL lay = shell(box, "a", "echo mine > kept");
  exited(lay, 0, "a session with a file");
  for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
    test_memory(neighbour, memories[i].name, memories[i].code);
  test_disk("/workspace");
  test_disk("/tmp");
  test_shm();
  test_inodes(neighbour);
  neighbour_free(neighbour);
  box_close(box);
  return done_testing();
}
