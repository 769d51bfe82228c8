/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_image.c: `image`: the image before the first call, with a line that says how far it is. */
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "json.h"
#include "report.h"
#include "text.h"
#include "ui.h"

/* "pulled caisson:1, sha256:0123456789ab" */
static void print_image(const cJSON *image) {
  char *action = csn_json_line(csn_json_get(image, "action"));
  char *name = csn_json_line(csn_json_get(image, "image"));
  char *id = csn_json_line(csn_json_get(image, "id"));
  char *safe = csn_text_line(name ? name : "?");
  (void)printf("%s %s, %.19s\n", action ? action : "?", safe, id ? id : "?");
  free(safe);
  free(id);
  free(name);
  free(action);
}

static int ensure(struct csn_host *host, const struct csn_options *options, const char *args) {
  struct csn_reply reply;
  const struct csn_call call = {
      .name = "image.ensure",
      .args = args,
      .session = "",
      .timeout_ms = options->timeout_ms,
      .input = -1,
      .operation = true,
      .live = !options->json,
  };
  csn_host_call(host, &call, &reply);
  int code = csn_report_exit(&reply);
  if (code == 0 && !options->json)
    print_image(csn_reply_structured(&reply));
  else
    code = csn_report_call(&reply, options->json, options->verbose);
  csn_reply_free(&reply);
  return code;
}

int csn_cmd_image(const struct csn_options *options) {
  struct csn_host host;
  char *args = options->arg_count > 0 ? csn_json_pair("image", options->args[0]) : NULL;
  int code = csn_host_start(&host, options, false);
  if (!code) {
    code = ensure(&host, options, args);
    csn_host_stop(&host);
  }
  free(args);
  return code;
}
