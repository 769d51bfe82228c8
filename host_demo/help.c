/* SPDX-License-Identifier: Apache-2.0 */
/* help.c: the texts of --help, and nothing else. At most 80 columns, as terminals have them. */
#include "help.h"

#include <stddef.h>
#include <string.h>

const char csn_help_main[] =
    "caisson-host runs tools in a sandbox: a hardened container for each session.\n"
    "\n"
    "  caisson-host doctor                          is all there that it needs?\n"
    "  caisson-host call shell 'uname -a; id'       run a command\n"
    "  caisson-host call shell -- ls -la /          the same, without the quotes\n"
    "  caisson-host call run_python 'print(6 * 7)'  run a Python program\n"
    "  caisson-host repl                            an interactive session\n"
    "\n"
    "usage: caisson-host [OPTION...] COMMAND [ARGUMENT...]\n"
    "\n"
    "commands:\n"
    "  doctor            check plugin, engine, image, helper and limits, with a fix\n"
    "                    for each fault\n"
    "  tools             list the tools\n"
    "  call TOOL [ARGS]  call one, with live output; ARGS is JSON, or plain text\n"
    "  repl              type commands that run in the session\n"
    "  mcp               serve the tools to a Model Context Protocol client on stdio\n"
    "  chat              talk to a model that may use them\n"
    "  put FILE [DIR]    send a file or a folder into the session\n"
    "  get PATH [FILE]   fetch a file or a folder as an archive\n"
    "  image [NAME]      pull or build the image before it is needed\n"
    "  sessions          list the sessions\n"
    "  inspect [KEY]     show one\n"
    "  logs [KEY]        what its service has printed (--follow: and prints)\n"
    "  rm KEY...         end sessions and remove their files\n"
    "  shutdown [--all]  end all of them\n"
    "  reap              remove what sandboxes that are no more have left\n"
    "  swap PLUGIN       would this version of the plugin be taken in place of the\n"
    "                    one in use?\n"
    "  op NAME [ARGS]    run one of the plugin's operations, such as engine.info\n"
    "  help [COMMAND]    this text, or a command's own (as COMMAND --help)\n"
    "\n"
    "options:\n"
    "  --session KEY     which session; its files last from one call to the next.\n"
    "                    The default is a session named `default`\n"
    "  --ephemeral       a sandbox of the call's own instead, gone when it ends\n"
    "  --timeout TIME    for all of a call, sandbox start included: 30, 1.5s, 500ms,\n"
    "                    2m. Without it there is none but the tool's own\n"
    "  --json            print the result as JSON, exactly as a program would get it\n"
    "  --config FILE     the plugin's configuration, in JSON (or $CAISSON_CONFIG)\n"
    "  --plugin PATH     which plugin (or $CAISSON_PLUGIN). Else the first that is\n"
    "                    there of caisson.so beside this program,\n"
    "                    ../lib/caisson/caisson.so from there, and where it was\n"
    "                    installed. It is loaded only if nobody else can change it\n"
    "  --plugins DIR     several at once instead: DIR/*.conf has lines\n"
    "                    plugin PATH [config=FILE] [prefix=NAME] [sha256=HEX]\n"
    "                    Tools and operations are called NAME + their own name\n"
    "  --prefix NAME     which of them commands are about that name no tool; else\n"
    "                    the first\n"
    "  -v, --verbose     show the plugin's log, and what each call took\n"
    "  -h, --help        this text\n"
    "  --version         the program's version and the ABI's\n"
    "\n"
    "Ctrl-C cancels the running call: all that it started is ended, the session and\n"
    "its files stay. A second one leaves at once.\n"
    "\n"
    "The exit code is the tool's own, or 124 for a timeout, 130 for a cancel, 137 for\n"
    "out of memory, 125 where nothing could be run (the message says why), 2 for a\n"
    "mistake on the command line.\n"
    "\n"
    "A configuration that names an image and an engine:\n"
    "  {\"config_version\": 1, \"sandbox\": {\"image\": \"python:3.12-slim\"},\n"
    "   \"engine\": {\"endpoint\": \"unix:///var/run/docker.sock\"}}\n";

static const char help_call[] =
    "usage: caisson-host call [OPTION...] TOOL [JSON | TEXT | -]\n"
    "       caisson-host call [OPTION...] TOOL -- WORD...\n"
    "\n"
    "Calls a tool. Its output appears as it is written, stdout on stdout and stderr\n"
    "on stderr, and its exit code becomes this program's.\n"
    "\n"
    "  JSON     the tool's arguments: '{\"command\": \"ls\", \"cwd\": \"/tmp\"}'\n"
    "  TEXT     for a tool that requires one argument and no more, that argument\n"
    "           (shell: the command; run_python: the code). It must not begin with {\n"
    "  -        JSON or TEXT from stdin\n"
    "  -- WORD  TEXT made of all words with blanks between them, as ssh does,\n"
    "           whatever they begin with\n"
    "\n"
    "  --input FILE  what the program in the sandbox reads on its stdin; - for our own\n"
    "                stdin. Without this option it has none\n"
    "  --options JSON  what the sandbox is made of, and secrets of this call:\n"
    "                '{\"env\": {\"STAGE\": \"test\"}}'; `optionsSchema` in the plugin's\n"
    "                manifest has them all\n"
    "  --options @FILE  the same from a file, @- from our own stdin: other users of\n"
    "                this machine see our command line, so secrets go this way\n"
    "  --session KEY, --ephemeral, --timeout TIME, --json, ...: caisson-host --help\n"
    "\n"
    "A tool may have a time limit of its own among its arguments (shell: timeout_ms,\n"
    "120000 if not given). `caisson-host tools` lists tools and arguments.\n"
    "\n"
    "  caisson-host call shell 'echo $((6 * 7)) > answer'   files stay in the session\n"
    "  caisson-host call shell 'cat answer'                 for the next call\n"
    "  caisson-host call --session other shell 'ls'         another session\n"
    "  caisson-host call --ephemeral shell 'ls'             one for this call alone\n"
    "  caisson-host call shell '{\"command\": \"make\", \"timeout_ms\": 400000}'\n"
    "  caisson-host call run_python - < program.py\n"
    "  sort -r names | caisson-host call --input - shell 'head -3'\n"
    "  caisson-host call --json shell 'exit 3'              what a model is shown\n";

static const char help_op[] =
    "usage: caisson-host op [OPTION...] NAME [JSON | -]\n"
    "\n"
    "Runs one of the plugin's operations: what a host may do and a model may not. The\n"
    "session, where an operation is about one, is that of --session. `tools --json`\n"
    "lists them all. --input FILE, --options JSON|@FILE: as for `call`.\n"
    "\n"
    "  caisson-host op engine.info\n"
    "  caisson-host op session.ensure --session work\n"
    "  caisson-host op session.ensure --options '{\"limits\": {\"memory\": \"2g\"}}'\n"
    "  caisson-host op session.inspect --session work --json\n"
    "  caisson-host op session.shutdown '{\"scope\": \"instance\"}'\n";

static const char help_tools[] =
    "usage: caisson-host tools [--json]\n"
    "\n"
    "Lists the tools as the configuration offers them, with their arguments; what is\n"
    "[optional] stands in brackets. --json prints the whole description, schemas\n"
    "included. No engine is needed.\n";

static const char help_repl_command[] =
    "usage: caisson-host repl [--session KEY | --ephemeral] [--timeout TIME]\n"
    "                         [--grace TIME]\n"
    "\n"
    "Each line that you type runs in the sandbox of the session. Ctrl-C cancels what\n"
    "runs, or clears the line; Ctrl-D leaves. With --ephemeral the session is a new\n"
    "one and is removed when you leave. Lines are kept in\n"
    "${XDG_STATE_HOME:-~/.local/state}/caisson/history.\n"
    "\n"
    "Lines may come from a pipe as well: then there is no prompt, and the exit code\n"
    "is that of the last line. :help lists the commands that begin with a colon.\n"
    "\n"
    "SIGHUP takes the version of the plugin that its path leads to by now, and reads\n"
    "the configuration anew; sessions, files and background jobs go on. A call that\n"
    "runs ends on the old version, however long it takes; with --grace it is\n"
    "cancelled after that time. What cannot be taken changes nothing. (A terminal\n"
    "that hangs up still ends the program.)\n"
    "\n"
    "  caisson-host repl --session work\n"
    "  printf '%s\\n' 'date > now' 'cat now' | caisson-host repl\n";

static const char help_mcp[] =
    "usage: caisson-host mcp [--session KEY] [--timeout TIME] [--options JSON]\n"
    "                        [--grace TIME]\n"
    "\n"
    "Serves the tools on stdin and stdout by the Model Context Protocol, revisions\n"
    "2026-07-28, 2025-11-25 and 2025-06-18. Calls run at the same time; what they\n"
    "print comes as progress messages where the client asks for them; a cancelled\n"
    "one is ended with all that it started. Messages for people go to stderr.\n"
    "\n"
    "The sandbox belongs to the connection and goes with it, unless --session names\n"
    "a session that stays. --timeout is for each call, --options what the sandbox is\n"
    "made of. SIGHUP takes another version of the plugin, as in `repl`, and clients\n"
    "are told that the tools may have changed.\n"
    "\n"
    "A client's configuration, for most of them:\n"
    "  {\"mcpServers\": {\"sandbox\": {\"command\": \"/usr/local/bin/caisson-host\",\n"
    "                               \"args\": [\"mcp\"]}}}\n";

static const char help_chat[] =
    "usage: caisson-host chat --model NAME [--base-url URL] [--session KEY]\n"
    "                         [--approve] [--transcript FILE] [--price IN/OUT]\n"
    "                         [--timeout TIME] [--options JSON] [--grace TIME]\n"
    "\n"
    "Talks to a model that may use the tools, at any endpoint that speaks OpenAI's\n"
    "chat completions; its key is read from OPENAI_API_KEY. Calls that the model\n"
    "makes together run at the same time; what they print is shown as they run.\n"
    "Ctrl-C ends what runs, a tool or an answer, and the conversation goes on; a\n"
    "second one before that has ended leaves at once. Ctrl-D leaves.\n"
    "\n"
    "  --base-url URL     https://api.openai.com/v1 if not given\n"
    "  --approve          ask before each tool that may destroy something\n"
    "  --transcript FILE  append the messages, one a line, in JSON\n"
    "  --price IN/OUT     dollars for a million tokens, to show what a turn costs\n"
    "  --timeout TIME     for each call of a tool; and how long the endpoint may say\n"
    "                     nothing, 60s if not given\n"
    "\n"
    "The sandbox goes with the conversation, unless --session names a session that\n"
    "stays. A turn ends after 50 answers with calls. Prompts may come from a pipe,\n"
    "one a line: then stdout has the model's answers and nothing else.\n"
    "\n"
    "  caisson-host chat --base-url http://localhost:11434/v1 --model qwen3\n"
    "  echo 'which Python is there?' | caisson-host chat --model gpt-4.1-mini\n";

const char csn_help_repl[] =
    "A line is a command for the sandbox's shell. Each has a shell of its own; files\n"
    "last.\n"
    "  :cd DIR          where the following lines run; alone: the workspace\n"
    "  :python [CODE]   a program: CODE, or the lines up to one with a lone .\n"
    "  :call TOOL JSON  any tool; plain text for one that requires one argument\n"
    "  :tools           list the tools\n"
    "  :sessions        list the sessions\n"
    "  :session [KEY]   say which session this is, or go to another\n"
    "  :rm [KEY]        end this session, or another, and remove its files\n"
    "  :version         say which plugin this is\n"
    "  :swap [PLUGIN]   change to another version; alone: as SIGHUP does\n"
    "  :help            this text\n"
    "  :quit            leave (also Ctrl-D); the session lives on\n";

static const char help_put[] =
    "usage: caisson-host put [OPTION...] FILE [DIR]\n"
    "       caisson-host put [OPTION...] FOLDER [DIR]\n"
    "       caisson-host put [OPTION...] --extract ARCHIVE [DIR]\n"
    "       caisson-host put [OPTION...] - DIR/NAME\n"
    "\n"
    "Sends a file into DIR of the session (uploads if not given), a folder with all\n"
    "in it, or what an archive holds, into DIR (the workspace if not given). - is\n"
    "stdin. It is there as a whole or not at all.\n"
    "\n"
    "  --extract  the file is an archive (tar, compressed or not, cpio, zip, 7z):\n"
    "             unpack it\n"
    "  --force    replace files that are there. Else a file gets another name, and an\n"
    "             archive or folder is refused\n"
    "  --session KEY, --ephemeral, --timeout TIME, --json, ...: caisson-host --help\n"
    "\n"
    "  caisson-host put report.csv\n"
    "  caisson-host put --session work project/ src\n"
    "  curl -s https://example.org/a.tar.xz | caisson-host put --extract - src\n";

static const char help_get[] =
    "usage: caisson-host get [OPTION...] PATH [FILE | -]\n"
    "\n"
    "Fetches a file or folder of the session as an archive. FILE's name says which\n"
    "kind: .tar, .tar.gz, .tgz or .zip; without it, it is the name of PATH with\n"
    ".tar.gz. - is stdout. FILE appears when all of it is there.\n"
    "\n"
    "  --force    replace FILE\n"
    "  --session KEY, --ephemeral, --timeout TIME, --json, ...: caisson-host --help\n"
    "\n"
    "  caisson-host get results\n"
    "  caisson-host get --session work . backup.zip\n"
    "  caisson-host get results - | tar -xz\n";

static const char help_image[] =
    "usage: caisson-host image [NAME] [--timeout TIME] [--json]\n"
    "\n"
    "Sees that the engine has the image of the configuration, or NAME: pulls or builds\n"
    "it as sandbox.pull and sandbox.build say, and shows how far it has come. A first\n"
    "call does the same by itself. What a build prints goes to stderr.\n"
    "\n"
    "  caisson-host image\n"
    "  caisson-host image python:3.12-slim\n"
    "  caisson-host op image.ensure '{\"pull\": \"always\"}'    is there a newer one?\n";

static const char help_sessions[] =
    "usage: caisson-host sessions [--stats] [--json]\n"
    "\n"
    "Lists the sessions of this configuration's instance. Looking does not keep them\n"
    "alive. --stats asks each for how long it has been idle, its memory and CPU time.\n";

static const char help_inspect[] =
    "usage: caisson-host inspect [KEY] [--json]\n"
    "\n"
    "Shows what is known of a session (without KEY: the default one), and, item by\n"
    "item, whether it is what its settings make it, as the engine and as the kernel\n"
    "have it: what differs first. Never makes one. The exit code is 1 where there is\n"
    "none.\n";

static const char help_logs[] =
    "usage: caisson-host logs [KEY] [--follow | --json]\n"
    "\n"
    "Shows what the service of a session (without KEY: the default one) has printed,\n"
    "the last 64 KiB of it. With --follow also what it prints from then on, until it\n"
    "ends or Ctrl-C. Looking does not keep a session alive.\n";

static const char help_rm[] =
    "usage: caisson-host rm KEY... [--json]\n"
    "\n"
    "Ends sessions and all that runs in them, and removes their files. The exit code\n"
    "is 1 where one was not there. A key that begins with - goes behind a --.\n";

static const char help_shutdown[] =
    "usage: caisson-host shutdown [--all] [--grace TIME] [--json]\n"
    "\n"
    "Ends every session of this configuration's instance and removes their files,\n"
    "those of other processes too. Lists them and asks first; --all does not ask.\n"
    "--grace lets calls that run go on for so long, such as 30s.\n";

static const char help_reap[] =
    "usage: caisson-host reap [--dry-run] [--json]\n"
    "\n"
    "Removes leftovers: containers of this configuration's instance that never started\n"
    "or that ended and stayed, and helpers of other versions that no container needs.\n"
    "What runs stays. --dry-run only says what would go.\n";

static const char help_swap[] =
    "usage: caisson-host [--plugin OLD] swap NEW [--json]\n"
    "       caisson-host [--plugin OLD] swap NEW --threads N [--count N]\n"
    "              [--grace TIME] [--session KEY] [--json] [TOOL [JSON | TEXT]]\n"
    "\n"
    "Would the plugin at NEW be taken in the place of OLD? Loads it beside OLD, makes\n"
    "an instance with the same configuration and asks it what a host asks before it\n"
    "changes over: its tools, its instance's name, the sessions that it finds.\n"
    "Nothing is changed. The exit code is 1 where it is refused; the message says at\n"
    "which step (load, create, self-test) and why. With --json that is a document.\n"
    "\n"
    "With --threads the two versions take turns, --count times (10 if not given),\n"
    "while so many threads call without pause: TOOL with those arguments, or an echo\n"
    "whose answers are checked; in sessions of their own, removed at the end, or in\n"
    "that of --session. Then it reports swaps and calls: how many failed or were\n"
    "lost, what they took beside a swap and beside none, what a swap took, and what\n"
    "the process holds before and after. The exit code is 1 where a call failed.\n"
    "\n"
    "  --grace TIME  cancel calls that are still on the old version after that\n"
    "\n"
    "  caisson-host swap /usr/local/lib/caisson/0.2.0-abc1234/caisson.so\n"
    "  caisson-host swap build/other/caisson.so --threads 16 --count 100\n";

static const char help_doctor[] =
    "usage: caisson-host doctor [--json]\n"
    "\n"
    "Checks what a sandbox needs, one line each: the plugin, its configuration, the\n"
    "engine and the permission to use it, the image, the helper inside, the limits\n"
    "that really hold. It makes one sandbox of its own, looks around inside and\n"
    "removes it. What fails comes with its fix; the exit code is then 1.\n";

const char *csn_help_command(const char *name) {
  static const struct {
    const char *name, *text;
  } texts[] = {{"call", help_call},           {"op", help_op},
               {"tools", help_tools},         {"repl", help_repl_command},
               {"put", help_put},               {"get", help_get},
               {"image", help_image},
               {"sessions", help_sessions},   {"inspect", help_inspect},
               {"logs", help_logs},           {"rm", help_rm},
               {"shutdown", help_shutdown},   {"reap", help_reap},
               {"swap", help_swap},           {"mcp", help_mcp},
               {"chat", help_chat},
               {"doctor", help_doctor}};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (strcmp(texts[i].name, name) == 0)
      return texts[i].text;
  return NULL;
}
