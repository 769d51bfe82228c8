/* SPDX-License-Identifier: Apache-2.0 */
/* run_python: a program that arrives whole, is a real file, and finds what a program expects. */
#include "support/host.h"
#include "tap.h"

static struct box *box;

static void test_ends(void) {
  CALL c = python(box, "p", "print('hi')");
  exited(c, 0, "a program that prints");
  is_str(call_text(c), "hi\n", "its output");
  CALL d = python(box, "p", "import sys\nprint('to stderr', file=sys.stderr)\nsys.exit(3)");
  exited(d, 3, "sys.exit(3)");
  is_str(call_text(d), "[stderr]\nto stderr\n[exit 3]", "its text");
  CALL e = python(box, "p", "x = 1\n");
  exited(e, 0, "a program that prints nothing");
  is_str(call_text(e), "(no output)", "the text says so");
}

static void test_traceback(void) {
  CALL c = python(box, "p", "def inner():\n    return 1 / nothing\n\nnothing = 0\ninner()\n");
  exited(c, 1, "an exception");
  call_ok(c, strstr(call_string(c, "stderr"), "return 1 / nothing"),
          "its traceback has the source");
  call_ok(c, strstr(call_string(c, "stderr"), "line 2, in inner"), "and the line");
  call_ok(c, strstr(call_string(c, "stderr"), "script.py"), "and a file's name");
  CALL s = python(box, "p", "print(1)\nif True\n  pass\n");
  exited(s, 1, "a syntax error");
  call_ok(s, strstr(call_string(s, "stderr"), "SyntaxError"), "is told");
  is_str(call_string(s, "stdout"), "", "and nothing ran");
}

static void test_inputs(void) {
  CALL c =
      call_new_python(box, "p", "import sys\nprint(sys.argv[1:])\nprint(sys.stdin.read().upper())");
  call_arg_json(c, "args", "[\"one\", \"two words\", \"-x\", \"\", \"\\u00fc\"]");
  call_run(call_arg(c, "stdin", "from stdin"));
  exited(c, 0, "arguments and stdin");
  is_str(call_string(c, "stdout"), "['one', 'two words', '-x', '', '\xc3\xbc']\nFROM STDIN\n",
         "reach the program");
  CALL n = python(box, "p", "import sys\nprint(repr(sys.stdin.read()))");
  is_str(call_string(n, "stdout"), "''\n", "without stdin there is end-of-file");
}

static void test_utf8(void) {
  CALL c = python(box, "p",
                  "s = 'gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8b'\nprint(s, len(s))\n"
                  "open('f.txt', 'w').write(s)\nprint(open('f.txt').read() == s)\n"
                  "import sys\nprint(sys.stdout.encoding)");
  exited(c, 0, "UTF-8 in the source");
  is_str(call_string(c, "stdout"), "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8b 6\nTrue\nutf-8\n",
         "comes out as it went in, files included");
}

static void test_modules(void) {
  CALL made = shell(box, "p", "echo 'def f(): return 42' > helper_module.py");
  exited(made, 0, "a module in the working directory");
  CALL c = python(box, "p", "import helper_module, os\nprint(helper_module.f(), os.getcwd())");
  is_str(call_string(c, "stdout"), "42 /workspace\n", "can be imported");
  CALL m = python(box, "p",
                  "import multiprocessing as mp\n"
                  "def square(x):\n    return x * x\n"
                  "if __name__ == '__main__':\n"
                  "    mp.set_start_method('spawn')\n"
                  "    with mp.Pool(2) as pool:\n"
                  "        print(pool.map(square, [1, 2, 3]))\n");
  exited(m, 0, "multiprocessing by spawn");
  is_str(call_string(m, "stdout"), "[1, 4, 9]\n", "works");
}

static void test_unbuffered(void) {
  CALL c = call_new_python(box, "p", "import time\nprint('early')\ntime.sleep(600)");
  call_start(c);
  ok(call_wait_output(c, "early", 20000), "output comes while the program runs");
  call_cancel(c);
  call_join(c);
  was_cancelled(c, "and it can be cancelled");
}

/* A program of 5 MB, most of it one comment per line, with work at both ends. */
static void test_large(void) {
  static const size_t size = 5000000;
  static const char end[] = "print('end', begun)\n";
  char *code = malloc(size + 1);
  strcpy(code, "begun = 1\n");
  size_t n = strlen(code);
  while (n + 64 + sizeof end < size) n += (size_t)sprintf(code + n, "# %-58zu\n", n);
  strcpy(code + n, end);
  CALL c = python(box, "p", code);
  exited(c, 0, "a program of %zu bytes", strlen(code));
  is_str(call_string(c, "stdout"), "end 1\n", "runs whole");
  free(code);
}

static void test_leaves_no_file(void) {
  CALL c = python(box, "p",
                  "import sys, os\nprint(os.path.exists(__file__), __file__)\n"
                  "print(oct(os.stat(__file__).st_mode & 0o777))");
  call_ok(c, strncmp(call_string(c, "stdout"), "True /tmp/.caisson/", 19) == 0,
          "the program is a file while it runs");
  call_ok(c, strstr(call_string(c, "stdout"), "0o600"), "that nobody else can read");
  CALL after = shell(box, "p", "find /tmp -name '*.py'");
  is_str(call_string(after, "stdout"), "", "and gone after it");
}

int main(void) {
  box = box_open(NULL);
  test_ends();
  test_traceback();
  test_inputs();
  test_utf8();
  test_modules();
  test_unbuffered();
  test_large();
  test_leaves_no_file();
  box_close(box);
  return done_testing();
}
