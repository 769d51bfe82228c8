/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.seccomp "strict": ordinary work and the helper's own go on under it, a session can choose
 * it and never leave it, and a sandbox that was made without it is made anew. escape_kernel.c has
 * what it refuses. */
#include <stdio.h>

#include "attack.h"

#define STRICT "{\"sandbox\":{\"seccomp\":\"strict\"}}"

static struct box *box;

/* ---- what code does -------------------------------------------------------------------------- */

static const struct {
  const char *name, *code;
} works[] = {
    {"threads", "from concurrent.futures import ThreadPoolExecutor as T\n"
                "assert list(T(8).map(abs, range(-50, 0))) == list(range(50, 0, -1))"},
    {"processes",
     "import multiprocessing as m\n"
     "if __name__ == '__main__':\n"
     "  for way in 'fork', 'spawn', 'forkserver':\n"
     "    with m.get_context(way).Pool(2) as p: assert p.map(abs, [-1, -2]) == [1, 2]\n"
     "    q = m.get_context(way).Queue(); q.put(1); assert q.get() == 1"},
    {"shared memory", "from multiprocessing.shared_memory import SharedMemory as S\n"
                      "s = S(create=True, size=4096); s.buf[0] = 7; s.close(); s.unlink()"},
    {"commands",
     "import subprocess as s\n"
     "assert s.run('seq 3 | sort -r | head -1', shell=True, capture_output=True).stdout == "
     "b'3\\n'\n"
     "assert s.run(['nice', '-n', '5', 'nice'], capture_output=True).stdout.strip().isdigit()\n"
     "assert s.run(['timeout', '0.1', 'sleep', '9']).returncode == 124"},
    {"asyncio",
     "import asyncio\n"
     "async def f():\n"
     "  s = await asyncio.start_server(lambda r, w: w.write(b'hi') or w.close(), '127.0.0.1', 0)\n"
     "  r, w = await asyncio.open_connection(*s.sockets[0].getsockname())\n"
     "  assert await r.read() == b'hi'\n"
     "  p = await asyncio.create_subprocess_exec('echo', 'x', stdout=-1)\n"
     "  assert (await p.communicate())[0] == b'x\\n'\n"
     "asyncio.run(f())"},
    {"sockets", "import socket as s\n"
                "assert s.getaddrinfo('localhost', 80) and s.if_nameindex()\n"
                "for f, k, a in ((2, 1, '127.0.0.1'), (2, 2, '127.0.0.1'), (1, 1, None)):\n"
                "  l = s.socket(f, k); l.bind((a, 0) if a else '/tmp/sock')\n"
                "  c = s.socket(f, k); k == 1 and l.listen(); c.connect(l.getsockname())\n"
                "a, b = s.socketpair(); a.send(b'x'); assert b.recv(9) == b'x'\n"
                "s.socket(10, 1); s.socket(10, 2)"},
    {"files",
     "import os, shutil, tempfile, sqlite3, mmap, fcntl\n"
     "open('f', 'w').write('x' * 9999); shutil.copy2('f', 'g'); shutil.copytree('.', '/tmp/tree')\n"
     "os.mkfifo('fifo'); os.link('f', 'h'); os.symlink('f', 'l')\n"
     "d = sqlite3.connect('db'); d.execute('create table t(a)'); d.commit()\n"
     "with open('f', 'r+') as f:\n"
     "  m = mmap.mmap(f.fileno(), 0); m[0] = 65; m.flush(); m.close(); fcntl.flock(f, 2)\n"
     "os.fsync(os.open('f', 2)); tempfile.TemporaryFile().write(b'x')"},
    {"one's own limits", "import os, resource as r\n"
                         "r.setrlimit(r.RLIMIT_NOFILE, (64, 64)); os.nice(3)\n"
                         "assert r.getrlimit(r.RLIMIT_NOFILE) == (64, 64)\n"
                         "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))"},
    {"ctypes and machine code", "import ctypes, mmap\n"
                                "assert ctypes.CDLL(None).getpid() > 1\n"
                                "mmap.mmap(-1, 4096, prot=7)"},
};

static void test_work(void) {
  for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
    CALL c = python(box, "a", works[i].code);
    exited(c, 0, "%s", works[i].name);
  }
}

/* ---- what the helper does -------------------------------------------------------------------- */

static void test_helper(void) {
  CALL job = call_new_shell(box, "a", "echo begun; sleep 9999");
  call_run(call_arg_json(job, "background", "true"));
  CALL seen = call_arg(call_new(box, "a", "shell_output"), "job_id", call_string(job, "job_id"));
  call_run(call_arg_number(seen, "wait_ms", 20000));
  is_str(call_string(seen, "new_stdout"), "begun\n", "a background job");
  CALL killed =
      call_run(call_arg(call_new(box, "a", "shell_kill"), "job_id", call_string(job, "job_id")));
  call_ok(killed, !call_is_error(killed), "which can be killed");
  CALL written =
      call_arg(call_arg(call_new(box, "a", "write"), "path", "text"), "content", "ab12cd\n");
  exited(call_run(written), 0, "write");
  CALL grep = call_run(call_arg(call_new(box, "a", "grep"), "pattern", "b(\\d+)c(?=d)"));
  call_ok(grep, strstr(call_text(grep), "text\n"), "grep, with its compiled patterns");
  CALL edit = call_arg(call_arg(call_new(box, "a", "edit"), "path", "text"), "old_string", "12");
  exited(call_run(call_arg(edit, "new_string", "34")), 0, "edit");
  CALL archive = operation(box, "archive.get", "a", "{\"path\":\"/workspace/text\"}");
  call_ok(archive, archive->status == CAISSON_OK, "archive.get");
}

/* A tree that forks without end is ended by freezing it. */
static void test_freezing(void) {
  attack_put(box, "a", "starve");
  CALL c = call_start(call_new_shell(box, "a", "./starve storm"));
  ok(call_wait_output(c, "ready", 60000), "processes come and go");
  call_cancel(c);
  was_cancelled(call_join(c), "a cancel freezes and ends them");
  is_int((long long)call_number(c, "survivors"), 0, "all of them");
}

/* Under the default profile code can lower the limits of process 1, which ends the sandbox. */
static void test_squeezing(void) {
  CALL c = python(box, "a",
                  "import os, resource as r\n"
                  "for f in (lambda: r.prlimit(1, r.RLIMIT_NOFILE, (0, 0)),\n"
                  "          lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),\n"
                  "          lambda: os.setpriority(os.PRIO_USER, 0, 19),\n"
                  "          lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))):\n"
                  "  try: f(); print('it worked')\n"
                  "  except PermissionError: pass\n");
  exited(c, 0, "nobody can squeeze process 1");
  is_str(call_string(c, "stdout"), "", "in any of four ways");
}

/* ---- which sandbox gets it ------------------------------------------------------------------- */

static bool is_strict(struct box *which, const char *session) {
  CALL c = python(which, session, "import os\nos.setpriority(os.PRIO_PROCESS, os.getpid(), 19)");
  return c->result.exit_code == 1 && strstr(call_string(c, "stderr"), "PermissionError");
}

static void test_adoption(void) {
  struct box *loose = box_open_as("adopt", NULL);
  CALL first = shell(loose, "s", "echo x > kept");
  exited(first, 0, "a sandbox of the default");
  ok(!is_strict(loose, "s"), "is not strict");
  struct box *strict = box_open_as("adopt", STRICT);
  CALL next = shell(strict, "s", "true");
  exited(next, 0, "the setting is changed");
  call_ok(next, next->result.flags & CAISSON_RESULT_RECREATED,
          "and its sandbox made anew, as it is idle");
  ok(is_strict(strict, "s"), "now it is strict");
  CALL job = call_new_shell(strict, "s", "exec sleep 9999");
  call_run(call_arg_json(job, "background", "true"));
  CALL back = shell(loose, "s", "true");
  exited(back, 0, "changed back while a job runs");
  call_ok(back, back->result.flags & CAISSON_RESULT_OLDER_SETTINGS,
          "it is used as it is, and says so");
  box_close(loose);
  box_close(strict);
}

static void test_option(void) {
  struct box *loose = box_open_as("option", NULL);
  CALL chosen = call_new_shell(loose, "s", "true");
  chosen->options = "{\"seccomp\":\"strict\"}";
  exited(call_run(chosen), 0, "a session that wants it stricter");
  ok(is_strict(loose, "s"), "is so, also for calls without options");
  CALL looser = call_new_shell(loose, "t", "true");
  looser->options = "{\"seccomp\":\"default\"}";
  call_run(looser);
  is_str(call_reason(looser), CAISSON_REASON_OPTIONS, "no option makes one looser") ||
      (diag("%s", call_describe(looser)), false);
  box_close(loose);
}

int main(void) {
  box = box_open(STRICT);
  test_work();
  test_helper();
  test_freezing();
  test_squeezing();
  ok(is_strict(box, "a"), "all of it was strict");
  test_adoption();
  test_option();
  box_close(box);
  return done_testing();
}
