/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads to structs. Each message is a table of slots, one for each field that may stand in it; a
 * field without a slot, or one that comes twice, is refused. No field is required: an absent number
 * is 0 and an absent text is empty. What a request must have is checked by the side that runs it.
 */
#include "wire/message.h"

#include <stdio.h>
#include <string.h>

struct slot {
  uint16_t tag;
  uint64_t *number;               /* one of these three is set */
  struct csn_wire_text *text;
  const char **string;
};

#define SLOTS(slots) (slots), sizeof(slots) / sizeof((slots)[0])

static int refuse(const struct csn_field *field, const char *why, char *error) {
  const struct csn_field_type *type = csn_field_type_find(field->tag);
  snprintf(error, CSN_FRAME_ERROR_MAX, "field %s %s", type != NULL ? type->name : "?", why);
  return -1;
}

static void fill_slot(const struct slot *slot, const struct csn_field *field) {
  if (slot->number != NULL)
    *slot->number = field->number;
  if (slot->text != NULL)
    *slot->text = (struct csn_wire_text){(const char *)field->bytes, field->size};
  if (slot->string != NULL)
    *slot->string = (const char *)field->bytes;
}

static int fill(const struct csn_field *field, const struct slot *slots, size_t count,
                uint64_t *seen, char *error) {
  for (size_t i = 0; i < count; i++) {
    if (slots[i].tag != field->tag)
      continue;
    if ((*seen & (1ull << i)) != 0)
      return refuse(field, "stands twice", error);
    *seen |= 1ull << i;
    fill_slot(&slots[i], field);
    return 0;
  }
  return refuse(field, "does not belong into this message", error);
}

static int fill_all(const uint8_t *payload, size_t size, const struct slot *slots, size_t count,
                    char *error) {
  struct csn_field field;
  uint64_t seen = 0;
  int got;
  while ((got = csn_field_read(&payload, &size, &field, error)) > 0) {
    if (fill(&field, slots, count, &seen, error) < 0)
      return -1;
  }
  return got;
}

int csn_wire_get_status(const uint8_t *payload, size_t size, bool hello,
                        struct csn_wire_status *out, char *error) {
  memset(out, 0, sizeof *out);
  const struct slot slots[] = {
    {CSN_FIELD_BUSY_OTHERS, &out->busy_others, NULL, NULL},
    {CSN_FIELD_CHANNELS_OTHERS, &out->channels_others, NULL, NULL},
    {CSN_FIELD_AGE_MS, &out->age_ms, NULL, NULL},
    {CSN_FIELD_IDLE_MS, &out->idle_ms, NULL, NULL},
    {CSN_FIELD_KEY, NULL, &out->key, NULL},
    {CSN_FIELD_BUILD, NULL, &out->build, NULL},   /* from here on HELLO only */
    {CSN_FIELD_PID, &out->pid, NULL, NULL},
    {CSN_FIELD_UID, &out->uid, NULL, NULL},
    {CSN_FIELD_GID, &out->gid, NULL, NULL},
  };
  if (!hello)
    return fill_all(payload, size, slots, 5, error);
  if (size < 1) {
    snprintf(error, CSN_FRAME_ERROR_MAX, "HELLO is empty");
    return -1;
  }
  return fill_all(payload + 1, size - 1, SLOTS(slots), error);
}

int csn_wire_get_exit(const uint8_t *payload, size_t size, struct csn_wire_exit *out, char *error) {
  memset(out, 0, sizeof *out);
  const struct slot slots[] = {
    {CSN_FIELD_OUTCOME, &out->outcome, NULL, NULL},
    {CSN_FIELD_HOW, &out->how, NULL, NULL},
    {CSN_FIELD_STATUS, &out->status, NULL, NULL},
    {CSN_FIELD_DURATION_NS, &out->duration_ns, NULL, NULL},
    {CSN_FIELD_OUT_BYTES, &out->out_bytes, NULL, NULL},
    {CSN_FIELD_ERR_BYTES, &out->err_bytes, NULL, NULL},
    {CSN_FIELD_SPILL_PATH, NULL, &out->spill_path, NULL},
    {CSN_FIELD_SPILL_BYTES, &out->spill_bytes, NULL, NULL},
    {CSN_FIELD_SPILL_WHOLE, &out->spill_whole, NULL, NULL},
    {CSN_FIELD_STILL_RUNNING, &out->still_running, NULL, NULL},
    {CSN_FIELD_SURVIVORS, &out->survivors, NULL, NULL},
    {CSN_FIELD_SURVIVOR_TEXT, NULL, &out->survivor_text, NULL},
    {CSN_FIELD_OOM, &out->oom, NULL, NULL},
    {CSN_FIELD_KILL_ROUNDS, &out->kill_rounds, NULL, NULL},
  };
  return fill_all(payload, size, SLOTS(slots), error);
}

int csn_wire_get_fault(const uint8_t *payload, size_t size, struct csn_wire_fault *out,
                       char *error) {
  memset(out, 0, sizeof *out);
  const struct slot slots[] = {
    {CSN_FIELD_REASON, NULL, &out->reason, NULL},
    {CSN_FIELD_ERRNO, &out->number, NULL, NULL},
    {CSN_FIELD_TEXT, NULL, &out->text, NULL},
  };
  return fill_all(payload, size, SLOTS(slots), error);
}

/* The fields of a request that may stand more than once. 1 when it was one of them. */
static int count_repeated(const struct csn_field *field, struct csn_wire_run *out, char *error) {
  switch (field->tag) {
  case CSN_FIELD_PROGRAM:
    if (out->program_count == CSN_RUN_PROGRAMS_MAX)
      return refuse(field, "stands too often", error);
    out->programs[out->program_count++] = (const char *)field->bytes;
    return 1;
  case CSN_FIELD_ARG:
    out->arg_count++;
    break;
  case CSN_FIELD_ENV:
    out->env_count++;
    break;
  case CSN_FIELD_OPERAND:
    out->operand_count++;
    break;
  default:
    return 0;
  }
  if (out->arg_count + out->env_count + out->operand_count > CSN_RUN_STRINGS_MAX)
    return refuse(field, "stands too often", error);
  return 1;
}

int csn_wire_get_run(const uint8_t *request, size_t size, struct csn_wire_run *out, char *error) {
  memset(out, 0, sizeof *out);
  const struct slot slots[] = {
    {CSN_FIELD_CWD, NULL, NULL, &out->cwd},
    {CSN_FIELD_TIMEOUT_MS, &out->timeout_ms, NULL, NULL},
    {CSN_FIELD_SPILL_AFTER, &out->spill_after, NULL, NULL},
    {CSN_FIELD_SPILL_MAX, &out->spill_max, NULL, NULL},
    {CSN_FIELD_STDIN, &out->stdin_follows, NULL, NULL},
    {CSN_FIELD_SCRIPT_SIZE, &out->script_size, NULL, NULL},
    {CSN_FIELD_SCRIPT_NAME, NULL, NULL, &out->script_name},
    {CSN_FIELD_SCRIPT_MARK, NULL, NULL, &out->script_mark},
    {CSN_FIELD_OPERATION, NULL, NULL, &out->operation},
  };
  struct csn_field field;
  uint64_t seen = 0;
  int got;
  while ((got = csn_field_read(&request, &size, &field, error)) > 0) {
    int repeated = count_repeated(&field, out, error);
    if (repeated < 0 || (repeated == 0 && fill(&field, SLOTS(slots), &seen, error) < 0))
      return -1;
  }
  return got;
}

size_t csn_wire_get_run_strings(const uint8_t *request, size_t size, uint16_t tag,
                                const char **strings, size_t capacity) {
  char error[CSN_FRAME_ERROR_MAX];
  struct csn_field field;
  size_t count = 0;
  while (csn_field_read(&request, &size, &field, error) > 0) {
    if (field.tag != tag)
      continue;
    if (count < capacity)
      strings[count] = (const char *)field.bytes;
    count++;
  }
  return count;
}
