/* SPDX-License-Identifier: Apache-2.0
 *
 * Every size, offset and value of caisson.h, major 1, on a machine with 64-bit pointers.
 * Compiled by the tests and by the plugin itself; a line that fails names the promise that a change
 * of the header would break. Lines are only ever added here.
 */
#include <stddef.h>
#include <stdint.h>

#include "caisson.h"

#ifdef __cplusplus
#define PROMISE(rule, claim) static_assert(claim, rule " of caisson.h: " #claim)
#else
#define PROMISE(rule, claim) _Static_assert(claim, rule " of caisson.h: " #claim)
#endif
#define HOLDS(claim) PROMISE("rule 3", claim)
/* A later minor may append, so a size is a floor. */
#define SIZE(type, bytes) PROMISE("rule 1", sizeof(type) >= (bytes))
#define AT(type, member, offset) PROMISE("rule 1", offsetof(type, member) == (offset))
#define VALUE(name, value) PROMISE("rule 3, " #name, (name) == (value))

HOLDS(sizeof(void *) == 8);
HOLDS(sizeof(caisson_str) == 16);

AT(caisson_str, data, 0);
AT(caisson_str, size, 8);

SIZE(caisson_error, 1104);
AT(caisson_error, struct_size, 0);
AT(caisson_error, code, 4);
AT(caisson_error, flags, 8);
AT(caisson_error, sys_errno, 12);
AT(caisson_error, reason, 16);
AT(caisson_error, message, 80);

SIZE(caisson_host, 48);
AT(caisson_host, struct_size, 0);
AT(caisson_host, abi_minor, 4);
AT(caisson_host, ctx, 8);
AT(caisson_host, name, 16);
AT(caisson_host, version, 24);
AT(caisson_host, get_extension, 32);
AT(caisson_host, log, 40);

SIZE(caisson_session_options, 16);
AT(caisson_session_options, struct_size, 0);
AT(caisson_session_options, reserved, 4);
AT(caisson_session_options, options, 8);

SIZE(caisson_gate, 16);
AT(caisson_gate, struct_size, 0);
AT(caisson_gate, reserved, 4);
AT(caisson_gate, allow, 8);

SIZE(caisson_request, 104);
AT(caisson_request, struct_size, 0);
AT(caisson_request, flags, 4);
AT(caisson_request, name, 8);
AT(caisson_request, args_json, 24);
AT(caisson_request, options_json, 40);
AT(caisson_request, session, 56);
AT(caisson_request, deadline_ms, 72);
AT(caisson_request, output_limit, 80);
AT(caisson_request, input, 88);
AT(caisson_request, input_ctx, 96);

SIZE(caisson_hooks, 40);
AT(caisson_hooks, struct_size, 0);
AT(caisson_hooks, reserved, 4);
AT(caisson_hooks, ctx, 8);
AT(caisson_hooks, cancelled, 16);
AT(caisson_hooks, output, 24);
AT(caisson_hooks, progress, 32);

SIZE(caisson_result, 64);
AT(caisson_result, struct_size, 0);
AT(caisson_result, outcome, 4);
AT(caisson_result, exit_code, 8);
AT(caisson_result, term_signal, 12);
AT(caisson_result, flags, 16);
AT(caisson_result, reserved, 20);
AT(caisson_result, wall_ns, 24);
AT(caisson_result, bytes_out, 32);
AT(caisson_result, bytes_dropped, 40);
AT(caisson_result, json, 48);

SIZE(caisson_plugin, 120);
AT(caisson_plugin, struct_size, 0);
AT(caisson_plugin, magic, 4);
AT(caisson_plugin, abi_minor, 8);
AT(caisson_plugin, needs_host_minor, 12);
AT(caisson_plugin, id, 16);
AT(caisson_plugin, version, 24);
AT(caisson_plugin, build_id, 32);
AT(caisson_plugin, manifest_json, 40);
AT(caisson_plugin, get_extension, 48);
AT(caisson_plugin, create, 56);
AT(caisson_plugin, describe, 64);
AT(caisson_plugin, call_open, 72);
AT(caisson_plugin, call_run, 80);
AT(caisson_plugin, call_cancel, 88);
AT(caisson_plugin, call_close, 96);
AT(caisson_plugin, drain, 104);
AT(caisson_plugin, destroy, 112);

SIZE(caisson_event, 72);
AT(caisson_event, struct_size, 0);
AT(caisson_event, kind, 4);
AT(caisson_event, call, 8);
AT(caisson_event, tag, 16);
AT(caisson_event, stream, 24);
AT(caisson_event, permille, 28);
AT(caisson_event, status, 32);
AT(caisson_event, reserved, 36);
AT(caisson_event, bytes, 40);
AT(caisson_event, result, 56);
AT(caisson_event, error, 64);

SIZE(caisson_async, 48);
AT(caisson_async, struct_size, 0);
AT(caisson_async, reserved, 4);
AT(caisson_async, queue_open, 8);
AT(caisson_async, start, 16);
AT(caisson_async, collect, 24);
AT(caisson_async, feed, 32);
AT(caisson_async, queue_close, 40);

VALUE(CAISSON_MAGIC, 0x314e5343);
VALUE(CAISSON_ABI_MAJOR, 1);
HOLDS(CAISSON_ABI_MINOR >= 0);
VALUE(CAISSON_OK, 0);
SIZE(caisson_note, 112);
AT(caisson_note, struct_size, 0);
AT(caisson_note, abi_major, 4);
AT(caisson_note, abi_minor, 8);
AT(caisson_note, needs_host_minor, 12);
AT(caisson_note, version, 16);
AT(caisson_note, build_id, 48);
HOLDS(sizeof CAISSON_NOTE_NAME == 8);
VALUE(CAISSON_NOTE_TYPE, 1);
VALUE(CAISSON_NOTE_VERSION_SIZE, 32);
VALUE(CAISSON_NOTE_BUILD_ID_SIZE, 64);

VALUE(CAISSON_E_INVALID, -1);
VALUE(CAISSON_E_CONFIG, -2);
VALUE(CAISSON_E_NOMEM, -3);
VALUE(CAISSON_E_ENGINE, -4);
VALUE(CAISSON_E_NOT_FOUND, -5);
VALUE(CAISSON_E_ARGUMENTS, -6);
VALUE(CAISSON_E_POLICY, -7);
VALUE(CAISSON_E_CANCELLED, -8);
VALUE(CAISSON_E_DEADLINE, -9);
VALUE(CAISSON_E_LOST, -10);
VALUE(CAISSON_E_DRAINING, -11);
VALUE(CAISSON_E_FORKED, -12);
VALUE(CAISSON_E_STATE, -13);
VALUE(CAISSON_E_REFUSED, -14);
VALUE(CAISSON_E_LIMIT, -15);
VALUE(CAISSON_E_VERSION, -16);
VALUE(CAISSON_E_INTERNAL, -17);
VALUE(CAISSON_E_SANDBOX, -18);
VALUE(CAISSON_ERROR_RETRYABLE, 1);
VALUE(CAISSON_REASON_SIZE, 64);
VALUE(CAISSON_MESSAGE_SIZE, 1024);
VALUE(CAISSON_LOG_ERROR, 3);
VALUE(CAISSON_LOG_WARNING, 4);
VALUE(CAISSON_LOG_AUDIT, 5);
VALUE(CAISSON_LOG_INFO, 6);
VALUE(CAISSON_LOG_DEBUG, 7);
VALUE(CAISSON_REQUEST_HOST, 1);
VALUE(CAISSON_INPUT_END, 0);
VALUE(CAISSON_INPUT_AGAIN, -2);
VALUE(CAISSON_INPUT_ERROR, -1);
VALUE(CAISSON_STREAM_STDOUT, 1);
VALUE(CAISSON_STREAM_STDERR, 2);
VALUE(CAISSON_OUTCOME_NONE, 0);
VALUE(CAISSON_OUTCOME_EXITED, 1);
VALUE(CAISSON_OUTCOME_CANCELLED, 2);
VALUE(CAISSON_OUTCOME_DEADLINE, 3);
VALUE(CAISSON_OUTCOME_OOM, 4);
VALUE(CAISSON_OUTCOME_LOST, 5);
VALUE(CAISSON_EXIT_UNKNOWN, -1);
VALUE(CAISSON_EXIT_DEADLINE, 124);
VALUE(CAISSON_EXIT_CANCELLED, 130);
VALUE(CAISSON_EXIT_OOM, 137);
VALUE(CAISSON_RESULT_TRUNCATED, 1);
VALUE(CAISSON_RESULT_RECREATED, 2);
VALUE(CAISSON_RESULT_CREATED, 4);
VALUE(CAISSON_RESULT_OLDER_SETTINGS, 8);
VALUE(CAISSON_RESULT_SURVIVORS, 16);
VALUE(CAISSON_RESULT_STILL_RUNNING, 32);
VALUE(CAISSON_EVENT_OUTPUT, 1);
VALUE(CAISSON_EVENT_PROGRESS, 2);
VALUE(CAISSON_EVENT_INPUT, 3);
VALUE(CAISSON_EVENT_DONE, 4);
VALUE(CAISSON_START_OUTPUT, 1);
VALUE(CAISSON_START_PROGRESS, 2);
VALUE(CAISSON_START_INPUT, 4);
