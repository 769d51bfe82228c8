/* SPDX-License-Identifier: Apache-2.0
 *
 * caisson.h - the ABI of Caisson, major 1, minor 0.
 *
 * Caisson is a plugin, one shared object that a chat server or another agent host loads with
 * dlopen(). It gives the host's language model a sandbox: tools that run commands and code, each
 * inside a hardened container that belongs to one session (a chat, a user, a thread).
 *
 * This file is the whole contract, for whoever writes a host and for whoever writes another plugin
 * that hosts can load in Caisson's place. It includes nothing of either side.
 *
 *   #include <caisson.h>
 *   void *so = dlopen("/usr/lib/caisson/caisson.so", RTLD_NOW | RTLD_LOCAL);
 *   const caisson_plugin *p = ((caisson_entry_fn *)dlsym(so, CAISSON_ENTRY_SYMBOL))();
 *   if (p->magic != CAISSON_MAGIC) ...;                         // not ours
 *   uint64_t box, call;
 *   p->create(&host, config, strlen(config), &box, &err);       // once
 *   p->call_open(box, &request, &call, &err);                   // for each call
 *   p->call_run(box, call, &hooks, &result, &err);              // blocks; hooks fire on this thread
 *   fwrite(result.json.data, 1, result.json.size, out);         // an MCP CallToolResult
 *   p->call_close(box, call);                                   // result.json ends here
 *
 *
 * THE RULES
 *
 * 1. Every struct starts with `uint32_t struct_size`, which whoever fills the struct in sets to its
 *    own sizeof. Members are only ever appended, none that needs more alignment than the struct had
 *    or leaves padding behind it. A reader touches a member only if
 *    CAISSON_HAS(pointer, member) says that the writer knew of it. So both sides can be older or
 *    newer than the other, and memory behind the writer's struct is never read or written.
 * 2. Types are of fixed width. No struct holds an enum, a bool, a bit-field or another struct, the
 *    two-word caisson_str aside; none is passed or returned by value. So no compiler option
 *    (-fshort-enums, packing of bit-fields) and no language's FFI can disagree about a layout.
 * 3. A minor adds members at the end of structs, or extensions by name; it never changes what
 *    exists. A newer peer is never an error: each side states its minor, the plugin states the
 *    lowest host minor that it can work with, and that is all. A change that this rule does not
 *    allow is a new major, which is a new entry symbol; one file may export both.
 * 4. Inputs are borrowed for the duration of the function that takes them, and copied if they are
 *    needed longer. Outputs belong to the plugin; each function says until when they can be read.
 *    Errors are written into the caller's caisson_error. Neither side ever frees the other's
 *    memory, since two allocators may be at work.
 * 5. Strings are caisson_str: a pointer and a size in bytes, UTF-8, not NUL-terminated unless it is
 *    said. {NULL, 0} is "not given"; NULL with a size is CAISSON_E_INVALID.
 * 6. The plugin leaves the process alone. It has no constructor and no atexit handler, installs no
 *    signal handler, never calls setenv, chdir, umask or setlocale, never writes to stdout or
 *    stderr, never calls exit or abort. Running out of memory is an error code. It raises no
 *    SIGPIPE and needs no handling of SIGCHLD. It starts no programs but `ssh`, for an engine that
 *    is configured by ssh://, and the credential helpers that Docker's configuration names, and
 *    waits for each by its own pid. dlclose() leaves the file where it is, and the process may
 *    exit() while calls run. A thread that calls needs 128 KiB of stack. The few threads of its own
 *    (one that keeps paused calls alive, one that looks after the pool, and those of
 *    caisson.async/1) have every signal blocked, so that no handler of the host's runs on them, and
 *    end in destroy().
 * 7. After a fork() without exec the child's calls return CAISSON_E_FORKED and touch nothing, so a
 *    pre-forking server creates its instances after the fork: all of them, since one that was ever
 *    made before it, even if it was destroyed, makes every child a fork in this sense.
 * 8. Instances and calls are 64-bit ids that are never reused in the life of the process. A late
 *    cancel or a stale handle finds nothing (CAISSON_E_NOT_FOUND) instead of freed memory. 0 is
 *    never an id.
 * 9. A host treats a negative status that it does not know as a failure, and an outcome that it
 *    does not know as CAISSON_OUTCOME_LOST. Neither side fails over a flag that it does not know.
 *
 * Each function's comment ends with its thread tag:
 *   [any]   any thread, at any time, concurrently with everything else
 *   [ctl]   any thread, but the host serialises these calls for one instance
 *   [call]  the thread that runs the call, while it does: the one that is inside call_run, or one
 *           of the plugin's for a call that caisson.async/1 started
 *
 *
 * WHAT A CALL RETURNS
 *
 * The status is about the ABI: could the call be made and its end be learnt? The outcome and the
 * exit code are about the tool. A command that exits 1 is CAISSON_OK with exit_code 1. Whatever the
 * status, call_run leaves a result.json that is safe to show a model, unless it returned
 * CAISSON_E_INVALID, CAISSON_E_FORKED or CAISSON_E_NOT_FOUND for the instance or call itself.
 * isError is false only where a tool did what it was asked: CAISSON_OK, EXITED and exit_code 0.
 *
 *   what happened                          status            outcome    exit_code  isError
 *   -------------------------------------  ----------------  ---------  ---------  -------
 *   the command exited with N              CAISSON_OK        EXITED     N          N != 0
 *   a signal S ended it, not ours          CAISSON_OK        EXITED     128 + S    true
 *   a tool without a process succeeded     CAISSON_OK        EXITED     0          false
 *   such a tool could not do it (no file)  CAISSON_OK        EXITED     1          true
 *   cancelled: before the run, during a    CAISSON_OK        CANCELLED  130        true
 *     container start, during the command
 *   its deadline passed, at any point      CAISSON_OK        DEADLINE   124        true
 *   the sandbox ran out of memory and      CAISSON_OK        OOM        137        true
 *     the kernel ended the command for it
 *   the sandbox, the helper in it or the   CAISSON_OK        LOST       -1         true
 *     engine went away while it ran: it
 *     may or may not have had its effect
 *   the arguments are wrong                E_ARGUMENTS       NONE       -1         true
 *   no such tool or operation              E_NOT_FOUND       NONE       -1         true
 *   the request's options are wrong        E_CONFIG          NONE       -1         true
 *   policy refused it                      E_POLICY          NONE       -1         true
 *   the host's own gate refused it         E_REFUSED         NONE       -1         true
 *   the engine cannot be reached, or       E_ENGINE          NONE       -1         true
 *     refused what the call needed
 *   the sandbox could not start it (no     E_SANDBOX         NONE       -1         true
 *     such program, process limit, disk)
 *   the instance is draining               E_DRAINING        NONE       -1         true
 *   out of memory in the host process      E_NOMEM           NONE       -1         true
 *   a defect of the plugin                 E_INTERNAL        NONE       -1         true
 *
 * A status of NONE's rows means that the tool did not start: it had no effect.
 * A call that ended before its cancel arrived keeps its own outcome.
 *
 *
 * THE JSON IS ABI TOO
 *
 * configuration   `config_version` is 1. Keys that begin with "x-" are ignored, other unknown ones
 *                 are refused by path. Its JSON Schema is in the manifest, at "configSchema".
 * manifest        {"manifest_version": 1, "configSchema", "optionsSchema", "tools": [MCP Tool],
 *                 "operations": [MCP Tool]}: what is in the file, whatever is configured.
 * describe        {"describe_version": 1, "instance", "tools": [MCP Tool], "operations": [...]}:
 *                 what is offered by one instance: tools renamed, disabled, limited as configured.
 *                 A tool's "_meta" has "caisson/tool", its name in the manifest, whatever it is
 *                 called here, and "caisson/streams": true where hooks.output shows its progress.
 * operations      are described like tools, arguments and results, in the same two documents. The
 *                 key of the session they are about is the request's `session`, as for a tool.
 * result          an MCP CallToolResult: {"content": [blocks], "structuredContent": {...},
 *                 "isError": bool}, forwarded untouched by an MCP host. structuredContent is what
 *                 the tool's outputSchema promises; when a call fails it has
 *                 "error": {"reason", "message", "hint"}.
 * options         see caisson_request.
 * These documents only ever gain members.
 */
#ifndef CAISSON_H
#define CAISSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "CSN1" in memory on a little-endian machine. */
#define CAISSON_MAGIC UINT32_C(0x314e5343)
#define CAISSON_ABI_MAJOR 1
#define CAISSON_ABI_MINOR 0
/* The one symbol that a plugin exports. The major is in its name. */
#define CAISSON_ENTRY_SYMBOL "caisson_plugin_v1"

/* True if the writer of *p knew of this member. struct_size itself is always there. */
#define CAISSON_HAS(p, member) \
  ((size_t)(p)->struct_size >= \
   (size_t)((const char *)&(p)->member - (const char *)(p)) + sizeof((p)->member))

/* A string that is not NUL-terminated. size is in bytes. */
typedef struct caisson_str {
  const char *data;
  uint64_t size;
} caisson_str;

/* ---- status ----------------------------------------------------------------------------------
 * int32_t. 0 is success; every negative value is a failure, also one that this header does not
 * name. None of them says anything about a command's own success: see the table above. */
#define CAISSON_OK 0
#define CAISSON_E_INVALID (-1)    /* a defect of the host: NULL, a bad struct_size, text not UTF-8 */
#define CAISSON_E_CONFIG (-2)     /* the configuration or the options; the message has the path */
#define CAISSON_E_NOMEM (-3)      /* no memory in this process */
#define CAISSON_E_ENGINE (-4)     /* the container engine cannot be reached, or refused */
#define CAISSON_E_NOT_FOUND (-5)  /* no such tool, operation, session, instance or call */
#define CAISSON_E_ARGUMENTS (-6)  /* the arguments that the model gave */
#define CAISSON_E_POLICY (-7)     /* the operator's policy refuses it */
#define CAISSON_E_CANCELLED (-8)  /* from functions other than call_run: cancelled by the host */
#define CAISSON_E_DEADLINE (-9)   /* likewise: it took longer than it may */
#define CAISSON_E_LOST (-10)      /* the helper went away, or said nonsense, before the call */
#define CAISSON_E_DRAINING (-11)  /* drain() or destroy() has begun */
#define CAISSON_E_FORKED (-12)    /* this process is a fork of the one that made the instance */
#define CAISSON_E_STATE (-13)     /* a call that was already run, or an instance with open calls */
#define CAISSON_E_REFUSED (-14)   /* the host's own gate said no */
#define CAISSON_E_LIMIT (-15)     /* too many calls, sessions, bytes */
#define CAISSON_E_VERSION (-16)   /* the peer's minor is below what is needed */
#define CAISSON_E_INTERNAL (-17)  /* a defect of the plugin */
#define CAISSON_E_SANDBOX (-18)   /* the sandbox could not start it: no such program, no room */

/* ---- errors ----------------------------------------------------------------------------------
 * Filled in when a function returns a negative status; untouched otherwise. May be NULL. What such a
 * function would have returned through its other pointers (*instance, *call) is then untouched. */
#define CAISSON_ERROR_RETRYABLE UINT32_C(1) /* the same request may work later, unchanged */

#define CAISSON_REASON_SIZE 64
#define CAISSON_MESSAGE_SIZE 1024

/* The stable reasons, dotted, for code and for dashboards. More may come with any version; those
 * that begin alike mean alike, so match on the part before the first dot when in doubt. */
#define CAISSON_REASON_ABI_INVALID "abi.invalid"
#define CAISSON_REASON_ABI_VERSION "abi.version"
#define CAISSON_REASON_ABI_FORKED "abi.forked"
#define CAISSON_REASON_ABI_STATE "abi.state"
#define CAISSON_REASON_NOMEM "memory.exhausted"
#define CAISSON_REASON_HOST_LIMIT "host.limit" /* threads, descriptors or queues of this process */
#define CAISSON_REASON_INTERNAL "internal.defect"
#define CAISSON_REASON_CONFIG "config.invalid"
#define CAISSON_REASON_OPTIONS "options.invalid"
#define CAISSON_REASON_ARGUMENTS "arguments.invalid"
#define CAISSON_REASON_UNKNOWN_TOOL "tool.unknown"
#define CAISSON_REASON_UNKNOWN_OPERATION "operation.unknown"
#define CAISSON_REASON_INPUT "input.failed"           /* the request's input callback failed */
#define CAISSON_REASON_CANCELLED "call.cancelled"
#define CAISSON_REASON_DEADLINE "call.deadline"
#define CAISSON_REASON_DRAINING "instance.draining"
#define CAISSON_REASON_GATE "gate.refused"
#define CAISSON_REASON_POLICY "policy.refused"
/* What the engine and the kernel made of the sandbox is not what it was to be; it is gone. The
 * message has each difference, wanted and found; a model is told only that there was one. */
#define CAISSON_REASON_ATTESTATION "policy.attestation"
#define CAISSON_REASON_ENGINE_UNREACHABLE "engine.unreachable"
#define CAISSON_REASON_ENGINE_PERMISSION "engine.permission"
#define CAISSON_REASON_ENGINE_TLS "engine.tls" /* a certificate, ours or its: which, and why */
#define CAISSON_REASON_ENGINE_PROTOCOL "engine.protocol" /* its answer makes no sense */
#define CAISSON_REASON_ENGINE_REFUSED "engine.refused"   /* 4xx, 5xx: the message has its words */
#define CAISSON_REASON_ENGINE_CONFLICT "engine.conflict" /* 409 */
#define CAISSON_REASON_ENGINE_NOT_FOUND "engine.not_found" /* 404 */
#define CAISSON_REASON_ENGINE_VERSION "engine.version"   /* too old for what is needed */
#define CAISSON_REASON_ENGINE_PLATFORM "engine.platform" /* no helper for its architecture */
#define CAISSON_REASON_IMAGE_MISSING "image.missing"     /* the engine has none, none is pulled */
#define CAISSON_REASON_IMAGE_NOT_FOUND "image.not_found" /* nor has the registry */
#define CAISSON_REASON_IMAGE_DENIED "image.denied"       /* a login is missing or not enough */
#define CAISSON_REASON_IMAGE_RATE_LIMITED "image.rate_limited"
#define CAISSON_REASON_IMAGE_PLATFORM "image.platform"   /* it is for other platforms */
#define CAISSON_REASON_IMAGE_REGISTRY "image.registry"   /* the engine does not reach it */
#define CAISSON_REASON_IMAGE_CREDENTIALS "image.credentials" /* a credential helper failed */
#define CAISSON_REASON_IMAGE_BUILD "image.build"         /* the message has the step */
#define CAISSON_REASON_IMAGE_FAILED "image.failed"       /* otherwise: the engine's words */
#define CAISSON_REASON_DISK_FULL "disk.full"
#define CAISSON_REASON_DISK_QUOTA "disk.quota" /* the workspace's; the message has the figures */
#define CAISSON_REASON_SESSION_CONFLICT "session.conflict" /* its name belongs to something else */
#define CAISSON_REASON_SESSION_MISSING "session.missing"   /* ensure: "adopt" or "never" */
#define CAISSON_REASON_SESSION_LIMIT "session.limit"       /* as many as sessions.max allows */
#define CAISSON_REASON_PORT_TAKEN "port.taken"       /* a fixed port, or a whole range of them */
#define CAISSON_REASON_PORT_UNMAPPED "port.unmapped" /* the sandbox runs, and does not publish it */
#define CAISSON_REASON_NETWORK "network.refused"     /* not as it must be, or not made safe */
#define CAISSON_REASON_SESSION_LOST "session.lost"         /* the container ended during the call */
#define CAISSON_REASON_HELPER_LOST "helper.lost"           /* the helper in it was killed */
#define CAISSON_REASON_HELPER_PROTOCOL "helper.protocol"   /* bytes that no helper sends */
#define CAISSON_REASON_EXEC_NOT_FOUND "exec.not_found"     /* no such program in the image */
#define CAISSON_REASON_EXEC_FAILED "exec.failed"           /* it could not be started */
#define CAISSON_REASON_PROCESS_LIMIT "sandbox.processes"   /* the limit on processes is reached */
#define CAISSON_REASON_SANDBOX_SQUEEZED "sandbox.squeezed" /* process 1's limits were changed */
#define CAISSON_REASON_MEMORY_LIMIT "sandbox.memory"       /* outcome OOM */
#define CAISSON_REASON_SERVICE_FAILED "service.failed"     /* with what it printed last */
#define CAISSON_REASON_SERVICE_NOT_READY "service.not_ready" /* by its deadline; likewise */
#define CAISSON_REASON_SERVICE_NONE "service.none"         /* the sandbox has none */
#define CAISSON_REASON_ARCHIVE_INVALID "archive.invalid"   /* no archive, or a damaged one */
#define CAISSON_REASON_ARCHIVE_UNSAFE "archive.unsafe"     /* the message names the entry */
#define CAISSON_REASON_ARCHIVE_LIMIT "archive.limit"       /* entries, bytes, or how it expands */
/* What work on files ends with (the tools read, write, edit, glob, grep, list; uploads, archives). */
#define CAISSON_REASON_FILE_NOT_FOUND "file.not_found"
#define CAISSON_REASON_FILE_EXISTS "file.exists"
#define CAISSON_REASON_FILE_PERMISSION "file.permission" /* also: read-only */
#define CAISSON_REASON_FILE_TYPE "file.type" /* a directory, a FIFO, a device; or no directory */
#define CAISSON_REASON_FILE_TOO_LARGE "file.too_large"
#define CAISSON_REASON_FILE_ENCODING "file.encoding"     /* not the text that it has to be */
#define CAISSON_REASON_FILE_CHANGED "file.changed"       /* since this session last read it */
#define CAISSON_REASON_FILE_SIZE "file.size"             /* not what was announced */
#define CAISSON_REASON_FILE_FAILED "file.failed"         /* any other errno, which the message has */
#define CAISSON_REASON_INPUT_INCOMPLETE "input.incomplete" /* what was sent is not whole */
#define CAISSON_REASON_EDIT_NO_MATCH "edit.no_match"     /* the message shows the nearest */
#define CAISSON_REASON_EDIT_AMBIGUOUS "edit.ambiguous"   /* several places, and one was meant */
#define CAISSON_REASON_PATTERN_INVALID "pattern.invalid" /* the message says where */
#define CAISSON_REASON_PATTERN_LIMIT "pattern.limit"     /* it would take for ever */
/* Jobs in the background. */
#define CAISSON_REASON_JOB_NOT_FOUND "job.not_found"
#define CAISSON_REASON_JOB_LIMIT "job.limit"             /* as many as jobs.max_running allows */
#define CAISSON_REASON_JOB_FAILED "job.failed"           /* it could not be started or asked */

typedef struct caisson_error {
  uint32_t struct_size; /* set by the caller */
  int32_t code;         /* the status returned */
  uint32_t flags;       /* CAISSON_ERROR_* */
  int32_t sys_errno;    /* errno where one was at the root, else 0 */
  char reason[CAISSON_REASON_SIZE];   /* NUL-terminated, one of CAISSON_REASON_* or newer */
  char message[CAISSON_MESSAGE_SIZE]; /* NUL-terminated: what, why, and what to do about it */
} caisson_error;

/* ---- what the host offers to the plugin ------------------------------------------------------ */

/* Levels of `log`, as syslog has them. */
#define CAISSON_LOG_ERROR 3
#define CAISSON_LOG_WARNING 4
#define CAISSON_LOG_AUDIT 5 /* a line of the audit, and nothing else: see below */
#define CAISSON_LOG_INFO 6
#define CAISSON_LOG_DEBUG 7

/* The audit: what was done, for whom, and what came and went for it. Each line is one JSON object
 * that begins with {"audit":1, as no other line does; at the level CAISSON_LOG_AUDIT, which is
 * syslog's "notice", so that a host that does not know it takes it for one between its neighbours.
 * Whatever texts it holds (keys, principals), it is one line of valid UTF-8 in which control
 * characters, separators of lines and marks of direction are escaped. The operator's "audit" turns
 * it off. Members are always there, null where there is nothing to say; more may come.
 *
 *   audit        1
 *   time         "2026-01-31T12:00:00.123Z", when the line was made
 *   event        below
 *   instance     its name
 *   principal, trace_id   of the options of the call that it was done for; null also of what an
 *                instance does by itself
 *
 * "call": a call has ended, however it did.
 *   session      its key; null: a sandbox of the call's own, or none
 *   name         of the tool or operation, as it was asked for
 *   operation    true with CAISSON_REQUEST_HOST
 *   outcome      "none", "exited", "cancelled", "deadline", "oom", "lost"
 *   status       what call_run returned
 *   reason       CAISSON_REASON_* or newer
 *   exit_code    as in caisson_result; null for CAISSON_EXIT_UNKNOWN
 *   signal       that ended it
 *   sandbox      "created", "recreated"
 *   bytes_arguments, arguments_sha256   of args_json as it was given, of "{}" where it was not
 *   bytes_in, input_sha256   of what `input` gave; the digest of at most 1 MiB
 *   bytes_out, bytes_dropped   as in caisson_result
 *   output_sha256   of a download
 *   wall_ms      since call_run; with fractions
 *   wait_ms      the part of it in which no command ran: for the sandbox, and for the helper
 *   arguments    only with "audit": {"arguments": true}: the arguments as they were taken, defaults
 *                filled in; null where they or the options were not valid, or are more than 8 KiB
 *
 * "sandbox.created", "sandbox.recreated" (the session had one before), "sandbox.taken" (one that
 * was started ahead), "sandbox.adopted" (it ran, and this instance did not know it),
 * "sandbox.ended" (seen to have ended, or ended to make room), "sandbox.removed" (by us, also what
 * was left over), "sandbox.refused" (it may not be used).
 *   session      its key; null: a call's own, one that was started ahead, or not known
 *   name         of the container
 *   container    its id; null where there is none (any more)
 *   reason       why, where that is known
 *   message      of "sandbox.refused": the words of the error
 *
 * "image.pulled", "image.built": by each call that waited for it.
 *   image, id
 *
 * "instance.created", "instance.destroyed"
 *   version      of the plugin
 *   engine       its endpoint
 *   image        as configured
 *
 * "audit.lost": there was no memory for a line; only "audit", "event" and "reason". */

/* The struct, its strings and what its callbacks need stay valid from create() until destroy()
 * has returned; the plugin keeps the pointer. */
typedef struct caisson_host {
  uint32_t struct_size;
  uint32_t abi_minor; /* CAISSON_ABI_MINOR of the header that the host was built with */
  void *ctx;          /* handed back in every callback below */
  const char *name;    /* of the host program, NUL-terminated; "" if it has none */
  const char *version; /* NUL-terminated */

  /* An extension that the host offers (CAISSON_EXT_* below), or NULL. May be NULL itself.
   * Called during create() only; what it returns lives as long as the host struct.
   * [ctl] */
  const void *(*get_extension)(void *ctx, const char *id);

  /* One line of text, without its newline. May be NULL: then nothing is logged. It must not call
   * back into the plugin, since locks may be held.
   * [any] from the host's threads that are inside the plugin, and from the plugin's own, at any
   *       time between create() and the end of destroy() */
  void (*log)(void *ctx, int32_t level, const char *text, uint64_t n);
} caisson_host;

/* Extension: what a session is to be made of, asked for when a call that brings no options of its
 * own has to create a session. So a sandbox that ended while idle comes back with its mounts.
 * Register by get_extension(CAISSON_EXT_SESSION_OPTIONS) -> const caisson_session_options *. */
#define CAISSON_EXT_SESSION_OPTIONS "caisson.session_options/1"
typedef struct caisson_session_options {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */

  /* Calls emit(sink, json, n) once with an options document (see caisson_request), or not at all
   * if it has none for this key, and returns 0. A non-zero return fails the call: the session is
   * not created. emit copies; it may not be kept.
   * [call] */
  int32_t (*options)(void *ctx, const char *key, uint64_t key_size,
                     void (*emit)(void *sink, const char *json, uint64_t n), void *sink);
} caisson_session_options;

/* Extension: the host's own say over every run, for quotas and approvals.
 * Register by get_extension(CAISSON_EXT_GATE) -> const caisson_gate *. */
#define CAISSON_EXT_GATE "caisson.gate/1"
typedef struct caisson_gate {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */

  /* Asked before each run, after the arguments were found valid and before anything is created.
   * 0 lets it run. Otherwise it does not run, call_run returns CAISSON_E_REFUSED, and what the
   * gate wrote into words (UTF-8, at most `capacity` bytes with its NUL) is shown to the model.
   * It may block (an approval dialogue): the plugin holds no lock; hooks.cancelled is not polled
   * meanwhile. `name` is the name the plugin knows the tool by, before any renaming.
   * [call] */
  int32_t (*allow)(void *ctx, uint32_t request_flags, const caisson_str *name,
                   const caisson_str *session, const caisson_str *args_json, char *words,
                   uint64_t capacity);
} caisson_gate;

/* ---- a request ------------------------------------------------------------------------------- */

/* `name` is an operation (session.list, engine.info, ...), not a tool. Never set it for a name that
 * a model chose: it selects the table of operations and only that; without it there are only tools.
 * A tool's name never holds a dot. */
#define CAISSON_REQUEST_HOST UINT32_C(1)

/* Special returns of `input`. */
#define CAISSON_INPUT_END INT64_C(0)
#define CAISSON_INPUT_AGAIN INT64_C(-2) /* nothing yet; asked again within 25 ms */
#define CAISSON_INPUT_ERROR INT64_C(-1) /* ends the call: cancelled, reason "input.failed" */

typedef struct caisson_request {
  uint32_t struct_size;
  uint32_t flags;        /* CAISSON_REQUEST_* */
  caisson_str name;      /* of the tool, as describe() has it, or of the operation */
  caisson_str args_json; /* a JSON object, from the model; not given means {} */

  /* A JSON object, from the host alone; never shown to a model and never taken from one:
   *   ensure      "create" (default), "adopt" (only what runs), "never" (do not touch the engine
   *               for it: only a session this instance already holds), "fresh" (a new sandbox)
   *   image, env, limits, mounts, ...: what the session is made of; "optionsSchema" in the
   *               manifest has them all
   *   secrets     {NAME: value}: environment of this call that is in nothing but its command (and
   *               the service that it starts). In all that leaves a call of this session, from now
   *               on and for as long as this instance knows it, each of these values is "***":
   *               hooks.output, result.json, error messages, events. Give them with every call
   *               whose output may hold them: another process knows of none. Not masked: values
   *               of less than 4 bytes, encodings (base64, URLs), what archive.get hands over
   *   mask        [value]: masked likewise, and no environment
   *   pull        "never", "missing", "always": whether this call may fetch the image it needs
   *   principal, trace_id: for the lines of the audit
   * A call without options adopts what runs. Options that differ from what a running sandbox was
   * made with recreate it once it is idle, or at once with ensure "fresh"; until then it is used
   * as it is and the result carries CAISSON_RESULT_OLDER_SETTINGS. */
  caisson_str options_json;

  /* The key of the session: any UTF-8 of at most 256 bytes without NUL. Empty means a sandbox of
   * this call's own, which is removed by call_close. */
  caisson_str session;

  uint64_t deadline_ms;  /* for the whole of call_run, container start included; 0: none */
  uint64_t output_limit; /* characters of output in result.json; 0: as configured. Does not limit
                            hooks.output. */

  /* stdin of the command, or the bytes of an upload. NULL: what the arguments have. Copies at most
   * `capacity` bytes into `buffer` and returns how many (> 0), or CAISSON_INPUT_*. It is called
   * only when the command can take more. Takes precedence over a "stdin" argument.
   * [call] */
  int64_t (*input)(void *ctx, void *buffer, uint64_t capacity);
  void *input_ctx;
} caisson_request;

/* ---- hooks and results ----------------------------------------------------------------------- */

#define CAISSON_STREAM_STDOUT 1
#define CAISSON_STREAM_STDERR 2

/* May be NULL as a whole, and so may each member. All fire on the thread inside call_run; a call
 * that caisson.async/1 started has events in their place. */
typedef struct caisson_hooks {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
  void *ctx;

  /* Non-zero cancels the call. Polled at least every 25 ms while call_run blocks.
   * [call] */
  int32_t (*cancelled)(void *ctx);

  /* The command's output as it comes: live, whole and as the command wrote it (any bytes; a UTF-8
   * sequence may be split between two calls), whatever output_limit says. Only secrets are masked
   * (see options_json); bytes that may be the beginning of one are held back until more come, or
   * the end. Non-zero cancels the call. While it blocks, the command's pipe fills and the command
   * waits.
   * [call] */
  int32_t (*output)(void *ctx, uint32_t stream, const void *bytes, uint64_t n);

  /* How far slow work has come, in thousandths, or -1 where that is not known, and what it is
   * doing: the start of a sandbox, for one. Calls that need none of it never fire it. Shown to
   * people, not parsed.
   * [call] */
  void (*progress)(void *ctx, int32_t permille, const char *note, uint64_t n);
} caisson_hooks;

/* caisson_result.outcome */
#define CAISSON_OUTCOME_NONE 0      /* the tool did not start; see the status */
#define CAISSON_OUTCOME_EXITED 1    /* it ended by itself */
#define CAISSON_OUTCOME_CANCELLED 2 /* all its processes are dead */
#define CAISSON_OUTCOME_DEADLINE 3  /* likewise */
#define CAISSON_OUTCOME_OOM 4       /* the sandbox's memory limit */
#define CAISSON_OUTCOME_LOST 5      /* nobody can say how it ended */

/* caisson_result.exit_code where the command has none of its own */
#define CAISSON_EXIT_UNKNOWN (-1)
#define CAISSON_EXIT_DEADLINE 124
#define CAISSON_EXIT_CANCELLED 130
#define CAISSON_EXIT_OOM 137

/* caisson_result.flags */
#define CAISSON_RESULT_TRUNCATED UINT32_C(1)      /* result.json has less than all the output */
#define CAISSON_RESULT_RECREATED UINT32_C(2)      /* the session's sandbox is new: files are gone,
                                                   * unless its workspace is kept */
#define CAISSON_RESULT_CREATED UINT32_C(4)        /* the session did not exist before this call */
#define CAISSON_RESULT_OLDER_SETTINGS UINT32_C(8) /* it runs under other settings than asked for */
#define CAISSON_RESULT_SURVIVORS UINT32_C(16)     /* a process could not be killed (see the json) */
#define CAISSON_RESULT_STILL_RUNNING UINT32_C(32) /* it left processes in the background */

/* Filled in whenever call_run leaves a result.json, also with a negative status; else untouched. */
typedef struct caisson_result {
  uint32_t struct_size; /* set by the caller */
  int32_t outcome;      /* CAISSON_OUTCOME_* */
  int32_t exit_code;
  int32_t term_signal;    /* the signal that ended the command, else 0 */
  uint32_t flags;         /* CAISSON_RESULT_* */
  uint32_t reserved;      /* 0 */
  uint64_t wall_ns;       /* of call_run, or of what a start() made run */
  uint64_t bytes_out;     /* that the command wrote, both streams; of a secret those of "***" */
  uint64_t bytes_dropped; /* of these, not in json */
  caisson_str json;       /* also NUL-terminated, the NUL not counted; until call_close */
} caisson_result;

/* ---- the plugin ------------------------------------------------------------------------------ */

/* All members are set in a plugin of minor 0, none is NULL. */
typedef struct caisson_plugin {
  uint32_t struct_size;
  uint32_t magic;            /* CAISSON_MAGIC; look at nothing else if it is not */
  uint32_t abi_minor;        /* that the plugin was built with */
  uint32_t needs_host_minor; /* the lowest caisson_host.abi_minor that it works with */
  const char *id;            /* "caisson": which plugin; NUL-terminated, as are the next three */
  const char *version;       /* "1.2.3" */
  const char *build_id;      /* tells two builds of one version apart */
  const char *manifest_json; /* see THE JSON IS ABI TOO */

  /* An extension that the plugin offers, by its id ("caisson.async/1"), or NULL. The pointer is
   * valid as long as the object is loaded.
   * [any] */
  const void *(*get_extension)(const char *id);

  /* Makes an instance: checks the configuration (JSON text of `len` bytes; NULL or 0 means {}),
   * and that the engine answers, within 2 s (by ssh 17 s; where nothing names an engine, 1.5 s more
   * to find one), unless "engine": {"lazy": true} leaves that to the first call. Creates no
   * container. A process may have several instances, with different configurations.
   * Returns CAISSON_OK and the id, or CAISSON_E_CONFIG, _ENGINE, _POLICY (the engine has known holes
   * and "vulnerable" is "refuse"), _VERSION, _INVALID, _NOMEM, _LIMIT, _FORKED, or _INTERNAL (also
   * where the library libcjson is missing).
   * [any] */
  int32_t (*create)(const caisson_host *host, const char *config_json, uint64_t len,
                    uint64_t *instance, caisson_error *err);

  /* What this instance offers, for the model's list of tools. Read it until destroy().
   * Returns CAISSON_OK, _NOT_FOUND, _INVALID or _FORKED.
   * [any] */
  int32_t (*describe)(uint64_t instance, caisson_str *json);

  /* Makes a call: copies the request and checks its form. It starts nothing and waits for nothing.
   * Mistakes of the model (unknown tool, bad arguments) are kept for call_run, which puts them
   * into words; only defects of the host fail here. Each open call must be closed.
   * Returns CAISSON_OK and the id, or CAISSON_E_INVALID, _NOT_FOUND, _DRAINING, _LIMIT (no
   * descriptor is left: reason "host.limit", CAISSON_ERROR_RETRYABLE), _NOMEM, _FORKED.
   * [any] */
  int32_t (*call_open)(uint64_t instance, const caisson_request *request, uint64_t *call,
                       caisson_error *err);

  /* Runs it, on this thread, and returns when it has ended: everything that the call started is
   * then dead or named in the result. Once for each call. Many calls run at once, each on a thread
   * of its own, on the same session too. `hooks` and `err` may be NULL; `result` may not.
   * Returns as the table above says; also CAISSON_E_STATE if it was run before.
   * [any]; its hooks are [call] */
  int32_t (*call_run)(uint64_t instance, uint64_t call, const caisson_hooks *hooks,
                      caisson_result *result, caisson_error *err);

  /* Cancels it, from any thread and in any state: before call_run it will not start, during it
   * everything it started is killed, after it nothing happens. Returns at once, without waiting
   * for the call's end. Must not be called from a signal handler.
   * Returns CAISSON_OK, also where it was too late, or CAISSON_E_NOT_FOUND or _FORKED.
   * [any] */
  int32_t (*call_cancel)(uint64_t instance, uint64_t call);

  /* Ends the call's outputs and forgets its id; an ephemeral session's container is removed. Not
   * while call_run is running it, nor between start() and the collecting of its DONE: that returns
   * CAISSON_E_STATE.
   * [any] */
  int32_t (*call_close)(uint64_t instance, uint64_t call);

  /* Refuses new calls (CAISSON_E_DRAINING) and waits for the running ones; those that still run
   * after grace_ms are cancelled and waited for. Sessions and their files stay. When it returns,
   * the DONE of every call that was started before is there to be collected.
   * Returns CAISSON_OK if all ended within the grace, CAISSON_E_DEADLINE if some were cancelled, or
   * CAISSON_E_NOT_FOUND, _FORKED, or CAISSON_E_STATE from inside one of the instance's own hooks.
   * [ctl] */
  int32_t (*drain)(uint64_t instance, uint64_t grace_ms);

  /* Drains with no grace, closes what is still open (queues and calls, so it ends every
   * result.json), and frees the instance. Containers of sessions go on: the next process, or the
   * next version of the plugin, adopts them. When it has returned, no callback of the host will be
   * used any more and no thread of the instance is left.
   * Returns CAISSON_OK, CAISSON_E_NOT_FOUND, _FORKED, or CAISSON_E_STATE when it is called from
   * inside one of the instance's own hooks (it would wait for itself).
   * [ctl] */
  int32_t (*destroy)(uint64_t instance);
} caisson_plugin;

/* ---- an extension of the plugin's: calls for hosts with an event loop --------------------------
 *
 * plugin->get_extension(CAISSON_EXT_ASYNC) -> const caisson_async *, or NULL where there is none.
 *
 * A host that sits in epoll, libuv or asyncio needs no thread for each call: it starts calls,
 * watches one descriptor, and collects what has happened. A queue is such a descriptor with the
 * events behind it; one is enough for an instance, and a host with several loops opens one for each.
 *
 *   const caisson_async *a = p->get_extension(CAISSON_EXT_ASYNC);
 *   a->queue_open(box, &queue, &fd, &err);                      // once; then watch fd for reading
 *   p->call_open(box, &request, &call, &err);                   // for each call, as ever
 *   a->start(queue, call, CAISSON_START_OUTPUT, (uintptr_t)chat, &err);
 *                                                               // whenever fd is readable:
 *   caisson_event e = {.struct_size = sizeof e};
 *   while (a->collect(queue, &e) == 1) {
 *     if (e.kind == CAISSON_EVENT_OUTPUT) show((struct chat *)e.tag, e.bytes);
 *     if (e.kind == CAISSON_EVENT_DONE) answer((struct chat *)e.tag, e.status, e.result);
 *     if (e.kind == CAISSON_EVENT_DONE) p->call_close(box, e.call);
 *   }
 *
 * THE DESCRIPTOR is an eventfd, or the reading end of a pipe where the process may not make one. It
 * is readable exactly while there are events to collect, so a loop that stops collecting early is
 * called again (and one that is told of edges only collects until 0). It is non-blocking and closed
 * on exec. The host only watches it: it never reads from it, never closes it, and takes it out of
 * its loop before queue_close() or destroy(), after which the number may be another file's.
 *
 * THE CALL goes the way it goes in call_run, from the gate to result.json, on a thread of the
 * plugin's. There the host's gate and session_options extensions, and request.input unless
 * CAISSON_START_INPUT took its place, are called: a host whose callbacks must run on its own thread
 * does without them. Everything else about a call is as it was: deadline_ms counts from start(),
 * call_cancel() cancels, drain() and destroy() wait for calls that were started as for those inside
 * call_run. A call has an end of its own only once its DONE was collected: call_close() before that
 * is CAISSON_E_STATE, and call_run() or a second start() too.
 *
 * ITS EVENTS come in order, DONE once and last. Those of different calls come in turn, one of each,
 * so that a loud one does not keep the others waiting.
 *
 * BACK PRESSURE. Of one call at most 256 KiB of output lie there uncollected. Then its command's
 * pipe fills and the command waits, as behind a blocking hooks.output; the other calls go on. A
 * cancel or the deadline ends it all the same, at once; the output that then has no room is dropped,
 * and what lies there is followed by DONE. PROGRESS that has no room is dropped. Where the process
 * has no memory for output the call is cancelled, and the log says so.
 *
 * INPUT. With CAISSON_START_INPUT stdin, or the bytes of an upload, come by feed(), into a buffer
 * of 256 KiB from which the call takes them. INPUT says that the call takes input and that half of
 * the buffer or more is free: it comes once at the start, and then at most once for each feed(). So
 * a host may feed one piece for each INPUT, or as much as feed() takes and the rest at the next
 * INPUT. A call that takes no input, or no more of it, has no further INPUT; one that was on its way
 * when the end was fed is ignored. A host that cannot go on (its source failed) cancels the call:
 * feeding an end would pass off a part as the whole.
 *
 * A FORK without exec leaves the queue with the parent: all functions return CAISSON_E_FORKED. */
#define CAISSON_EXT_ASYNC "caisson.async/1"

/* caisson_event.kind. More may come; a host skips one that it does not know. */
#define CAISSON_EVENT_OUTPUT 1   /* `stream`, `bytes`: as hooks.output has them */
#define CAISSON_EVENT_PROGRESS 2 /* `permille`, `bytes` is the note: as hooks.progress has them */
#define CAISSON_EVENT_INPUT 3    /* there is room: answer with feed(), now or at any time later */
#define CAISSON_EVENT_DONE 4     /* `status`, `result`, `error`: the call's last one */

/* The flags of start(). */
#define CAISSON_START_OUTPUT UINT32_C(1)   /* OUTPUT events are wanted */
#define CAISSON_START_PROGRESS UINT32_C(2) /* PROGRESS events are wanted */
#define CAISSON_START_INPUT UINT32_C(4)    /* input comes by feed(); request.input must be NULL */

/* Filled in by collect(). What a kind has no use for is 0 or NULL. */
typedef struct caisson_event {
  uint32_t struct_size; /* set by the caller */
  uint32_t kind;        /* CAISSON_EVENT_* */
  uint64_t call;
  uint64_t tag;      /* the one that start() was given */
  uint32_t stream;   /* OUTPUT: CAISSON_STREAM_* */
  int32_t permille;  /* PROGRESS: thousandths, or -1 */
  int32_t status;    /* DONE: what call_run would have returned */
  uint32_t reserved; /* 0 */
  caisson_str bytes; /* OUTPUT, PROGRESS: until the next collect() on this queue, or its close */
  const caisson_result *result; /* DONE: what call_run would have left; until call_close */
  const caisson_error *error;   /* DONE with a negative status, else NULL; until call_close */
} caisson_event;

/* All members are set in a plugin that offers it. */
typedef struct caisson_async {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */

  /* Makes a queue and gives its id and its descriptor. At most 1,024 of an instance are open at
   * once: a call whose events may lie for long can have one of its own.
   * Returns CAISSON_OK, or CAISSON_E_INVALID, _NOT_FOUND, _DRAINING, _LIMIT (queues, or no
   * descriptor is left: reason "host.limit"), _NOMEM, _FORKED.
   * [any] */
  int32_t (*queue_open)(uint64_t instance, uint64_t *queue, int32_t *fd, caisson_error *err);

  /* Runs a call of the queue's instance that was opened and not run, and returns at once: how it
   * ends is told by its DONE, also where it could not even begin (arguments, the gate, an instance
   * that drains). Where start() itself fails, there will be no event, and the call is as it was
   * before: to be started again, or closed. `flags` are CAISSON_START_*, of which unknown ones are
   * ignored; `tag` is handed back in each event. An instance runs up to 1,024 of them at once, each
   * on a thread that is there before start() returns: none waits in line for another.
   * Returns CAISSON_OK, or CAISSON_E_NOT_FOUND (the queue, or the call in its instance), _STATE (it
   * was run or started before), _INVALID (CAISSON_START_INPUT beside request.input), _LIMIT (too
   * many at once, or the process may not have the thread or the descriptor: reason "host.limit",
   * CAISSON_ERROR_RETRYABLE), _NOMEM, _FORKED.
   * [any] */
  int32_t (*start)(uint64_t queue, uint64_t call, uint32_t flags, uint64_t tag, caisson_error *err);

  /* Takes the next event. Never blocks. It also ends the `bytes` of the event before it.
   * Returns 1 with an event, 0 if there is none now, or CAISSON_E_NOT_FOUND, _INVALID, _FORKED.
   * [any], but one thread at a time for one queue */
  int32_t (*collect)(uint64_t queue, caisson_event *event);

  /* Bytes for a call that was started with CAISSON_START_INPUT; they are copied. `n` of 0 is the
   * end of the input. Never blocks. May be called before the first INPUT.
   * Returns how many were taken, from 0 (no room, or the call has ended) to n, and 0 for the end;
   * or CAISSON_E_NOT_FOUND (the queue, or the call on it), _STATE (started without
   * CAISSON_START_INPUT, or its end was given before), _INVALID, _NOMEM, _FORKED.
   * [any] */
  int64_t (*feed)(uint64_t queue, uint64_t call, const void *bytes, uint64_t n);

  /* Cancels what still runs on it, waits until that has ended, and closes the descriptor. Events
   * that were not collected are gone, also DONE: the calls can then be closed, and have to be. What
   * DONE events pointed to stays until call_close. destroy() does this for every queue left open.
   * Returns CAISSON_OK, or CAISSON_E_NOT_FOUND, _FORKED, or CAISSON_E_STATE when it is called from
   * inside a callback of a call (it would wait for itself).
   * [ctl] */
  int32_t (*queue_close)(uint64_t queue);
} caisson_async;

/* The entry point. Pure: it returns the same pointer each time, starts nothing, allocates nothing.
 * [any] */
typedef const caisson_plugin *caisson_entry_fn(void);

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const caisson_plugin *
caisson_plugin_v1(void);

/* ---- the note --------------------------------------------------------------------------------
 * What a host can know of a file before it runs any of it. An ELF note, in a section of its own that
 * is loaded (".note.caisson", flag A, 4 bytes aligned), with the owner CAISSON_NOTE_NAME, the type
 * CAISSON_NOTE_TYPE and this struct as its content, in the machine's byte order. caisson.so has one.
 * A plugin may do without, since not every language can write one: then a host learns the same from
 * the table, after it has loaded it. One that is there agrees with the table. A file that exports
 * several majors has a note for each. */
#define CAISSON_NOTE_NAME "Caisson" /* with its NUL: 8 bytes */
#define CAISSON_NOTE_TYPE 1
#define CAISSON_NOTE_VERSION_SIZE 32
#define CAISSON_NOTE_BUILD_ID_SIZE 64

/* The strings are NUL-terminated, visible ASCII without blanks, and not empty. */
typedef struct caisson_note {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor; /* this and what follows as in caisson_plugin */
  uint32_t needs_host_minor;
  char version[CAISSON_NOTE_VERSION_SIZE];
  char build_id[CAISSON_NOTE_BUILD_ID_SIZE];
} caisson_note;

#ifdef __cplusplus
}
#endif
#endif
