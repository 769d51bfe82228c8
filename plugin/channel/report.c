/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's report from inside its sandbox: asked for, and taken as the hostile input that it
 * is. What it means is for others to say. */
#include <string.h>

#include "channel/internal.h"

#define REPORT_WAIT (10 * CSN_SECOND)

/* One whose asking was given up is dropped: only the last one is wanted. */
int csn_channel_take_report(struct csn_channel *ch, const struct csn_frame *frame,
                            struct csn_error *err) {
  if (ch->reports_owed == 0)
    return csn_channel_malformed("conversation", "a report that nobody asked for", err);
  if (--ch->reports_owed > 0) return 1;
  cJSON_Delete(ch->report);
  ch->report = NULL;
  int rc = csn_json_parse((const char *)frame->bytes, frame->size, CSN_FRAME_MAX,
                          "the report of the helper in the sandbox", CAISSON_E_LOST,
                          CAISSON_REASON_HELPER_PROTOCOL, &ch->report, err);
  if (rc) return rc;
  return cJSON_IsObject(ch->report) ? 1 : csn_channel_malformed("report", "it is no object", err);
}

static int ask(struct csn_channel *ch, struct csn_error *err) {
  struct csn_wire_out frames;
  int rc = csn_link_reserve(&ch->link, CSN_FRAME_HEAD, &frames, err);
  if (rc) return rc;
  csn_wire_put_empty(&frames, CSN_FRAME_INSPECT);
  csn_link_commit(&ch->link, &frames);
  ch->reports_owed++;
  return 0;
}

int csn_channel_report(struct csn_channel *ch, const struct csn_control *control, cJSON **report,
                       struct csn_error *err) {
  int64_t until = csn_clock_after(REPORT_WAIT);
  int rc = ask(ch, err);
  while (rc >= 0 && ch->reports_owed > 0) {
    rc = csn_channel_pump_idle(ch, control, until, err);
    if (rc == 0 && csn_clock_now() >= until)
      rc = csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_LOST,
                    "the helper in the sandbox gave no report within 10 s");
  }
  if (rc < 0) return rc;
  *report = ch->report;
  ch->report = NULL;
  csn_link_rest(&ch->link);
  return 0;
}
