/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes attestation: what comes from inside a sandbox (or, where the first byte is odd, from the
 * engine) against a create body. Whatever it is, there are findings, each within its bounds, and
 * only a document that shows everything may hold. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session/attest.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char body_text[] =
    "{\"Image\":\"i\",\"User\":\"30123:30124\",\"Hostname\":\"sandbox\",\"WorkingDir\":\"/\","
    "\"Entrypoint\":[\"/.caisson/guest-0123456789abcdef\"],\"Cmd\":[\"init\"],\"Env\":[\"A=b\"],"
    "\"Labels\":{\"caisson.version\":\"1\",\"caisson.routes\":\"{\\\"deny\\\":\\\"10.0.0.0/8,fc00::/7\\\"}\"},"
    "\"Tty\":false,\"Healthcheck\":{\"Test\":[\"NONE\"]},\"HostConfig\":{\"SecurityOpt\":["
    "\"no-new-privileges\",\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_ERRNO\\\"}\"],"
    "\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"CHOWN\"],\"ReadonlyRootfs\":true,\"NetworkMode\":\"n\","
    "\"IpcMode\":\"private\",\"CgroupnsMode\":\"private\",\"Memory\":1073741824,"
    "\"MemorySwap\":1073741824,\"NanoCpus\":1000000000,\"PidsLimit\":256,\"ShmSize\":16777216,"
    "\"OomScoreAdj\":500,\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":4096,\"Hard\":4096}],"
    "\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"9000-9010\"}]},"
    "\"Tmpfs\":{\"/tmp\":\"rw,exec,nosuid,nodev,size=134217728\"},\"Mounts\":[{\"Type\":\"volume\","
    "\"Source\":\"caisson-guest\",\"Target\":\"/.caisson\",\"ReadOnly\":true}],"
    "\"Binds\":[\"/srv/a:/data:ro,z\"],\"AutoRemove\":true}}";

static void check(const struct csn_attestation *a) {
  struct csn_error err;
  if (a->count > CSN_ATTEST_MAX) abort();
  for (size_t i = 0; i < a->count; i++) {
    const struct csn_finding *f = &a->items[i];
    if (memchr(f->name, 0, sizeof f->name) == NULL) abort();
    if (memchr(f->wanted, 0, sizeof f->wanted) == NULL) abort();
    if (memchr(f->found, 0, sizeof f->found) == NULL) abort();
  }
  /* Neither half alone can hold for all that is wanted. */
  if (csn_attest_count(a, CSN_DIFFERS) == 0) abort();
  if (csn_attest_refuse(a, CSN_DIFFERS, &err) == 0) abort();
  cJSON *list = csn_attest_list(a);
  if (list && cJSON_GetArraySize(list) != (int)a->count) abort();
  cJSON_Delete(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct csn_attestation a = {0};
  struct csn_error err;
  cJSON *foreign = NULL, *body = cJSON_Parse(body_text);
  if (size < 1 || !body ||
      csn_json_parse((const char *)data + 1, size - 1, 65536, "it", CAISSON_E_LOST,
                     CAISSON_REASON_HELPER_PROTOCOL, &foreign, &err) != 0) {
    cJSON_Delete(body);
    return 0;
  }
  const struct csn_attest_wanted w = {body, (data[0] & 2) != 0};
  csn_attest_inspect(&w, data[0] & 1 ? foreign : NULL, &a);
  csn_attest_report(&w, data[0] & 1 ? foreign : NULL, data[0] & 1 ? NULL : foreign, &a);
  csn_attest_excuse(&a, data[0] >> 2);
  csn_attest_excuse(&a, 0);
  check(&a);
  csn_attestation_free(&a);
  cJSON_Delete(foreign);
  cJSON_Delete(body);
  return 0;
}
