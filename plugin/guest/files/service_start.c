/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `service_start`: have process 1 run the rest of the request as the sandbox's service, unless it
 * does already. Operands: restart (on failure), again (also one that has ended), log_size. Its
 * report says what there is then; "new" whether that is because of this.
 */
#include "guest/basics.h"
#include "guest/files/service_client.h"
#include "guest/job_given.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Memory that no file name leads to, so that nothing inside can change what a restart runs; and
 * nothing as stdin and script. */
static int collect(struct csn_op *op, const struct csn_request *request, int inputs[3]) {
  inputs[0] = memfd_create("service", MFD_CLOEXEC);
  inputs[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  inputs[2] = inputs[1];
  if (inputs[0] < 0 || inputs[1] < 0 ||
      csn_guest_write_all(inputs[0], request->bytes, request->size) < 0)
    return csn_op_fail_errno(op, errno, "keep the service's", "request");
  return 0;
}

int csn_op_service_start(struct csn_op *op) {
  const struct csn_job_given *given = csn_job_given();
  struct csn_service_client client = {0};
  struct csn_hub_request request = {
    .kind = CSN_HUB_SERVICE_START,
    .flags = (csn_op_flag(op, "restart") ? CSN_HUB_RESTART : 0) |
             (csn_op_flag(op, "again") ? CSN_HUB_AGAIN : 0),
    .output_max = csn_op_number(op, "log_size", 0),
  };
  int inputs[3];
  if (given == NULL) return csn_op_fail(op, CSN_OP_INVALID, "", "there is nothing to start");
  if (collect(op, given->request, inputs) < 0) return -1;
  if (csn_service_ask(op, &client, request, inputs, 3) < 0) return -1;
  if (client.answer.service.state == CSN_HUB_SERVICE_NONE)
    return csn_op_fail(op, CSN_OP_SERVICE_FAILED, "", "%s", client.answer.text);
  csn_service_report(&op->answer, &client.answer);
  csn_answer_bool(&op->answer, "new", client.answer.service.is_new != 0);
  return 0;
}
