/* SPDX-License-Identifier: Apache-2.0 */
/* A channel to a sandbox that runs: by the helper that its engine's machine executes. */
#include "channel/delivery.h"
#include "session/internal.h"

static int open_channel(struct csn_sessions *all, const char *container,
                        const struct csn_control *control, struct csn_channel **ch,
                        struct csn_error *err) {
  return csn_channel_open_exec(all->engine, container, csn_delivery_path(&all->delivery),
                               all->keeper, control, ch, err);
}

int csn_session_reach(struct csn_sessions *all, const char *container,
                      const struct csn_control *control, struct csn_channel **ch,
                      struct csn_error *err) {
  int rc = csn_delivery_choose(&all->delivery, all->engine, control, err);
  if (rc == 0) rc = open_channel(all, container, control, ch, err);
  if (rc && csn_delivery_learns(&all->delivery, err))
    rc = open_channel(all, container, control, ch, err);
  return rc;
}
