/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int unreachable(const struct csn_endpoint *endpoint, int sys_errno, const char *why,
                       struct csn_error *err) {
  int rc = csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE,
                    "the container engine at %s %s", endpoint->text, why);
  if (err) {
    err->sys_errno = sys_errno;
    err->flags = CAISSON_ERROR_RETRYABLE;
  }
  return rc;
}

static int no_permission(const struct csn_endpoint *endpoint, int sys_errno,
                         struct csn_error *err) {
  int rc = csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PERMISSION,
                    "no permission to use the container engine at %s: add this user to the group "
                    "that owns the socket (sudo usermod -aG docker NAME) and log in again, or use "
                    "a rootless engine",
                    endpoint->text);
  if (err) err->sys_errno = sys_errno;
  return rc;
}

int csn_failure_connect(const struct csn_endpoint *endpoint, int sys_errno,
                        struct csn_error *err) {
  static const struct {
    int sys_errno;
    const char *why;
  } known[] = {
      {ENOENT, "cannot be reached: there is no such socket; start the engine (sudo systemctl start "
               "docker) or set its endpoint"},
      {ENOTDIR, "cannot be reached: there is no such socket; set the engine's endpoint"},
      {ECONNREFUSED, "cannot be reached: nothing listens there; start the engine (sudo systemctl "
                     "start docker) or set its endpoint"},
      {EMFILE, "cannot be reached: this process has no file descriptor left; raise its limit of "
               "open files (ulimit -n)"},
      {ENFILE, "cannot be reached: this machine has no file descriptor left"},
  };
  if (sys_errno == EACCES || sys_errno == EPERM) return no_permission(endpoint, sys_errno, err);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].sys_errno == sys_errno)
      return unreachable(endpoint, sys_errno, known[i].why, err);
  char text[128] = "", why[256];
  const char *words = sys_errno ? strerror_r(sys_errno, text, sizeof text) : "no connection";
  snprintf(why, sizeof why, "cannot be reached: %s; is it running, and is its endpoint right?",
           words);
  return unreachable(endpoint, sys_errno, why, err);
}

int csn_failure_transfer(const struct csn_endpoint *endpoint, CURLcode code, int sys_errno,
                         const char *words, struct csn_error *err) {
  static const struct {
    CURLcode code;
    const char *why;
  } known[] = {
      {CURLE_COULDNT_RESOLVE_HOST, "cannot be reached: its host name is not known; check the "
                                   "endpoint and this machine's DNS"},
      {CURLE_OPERATION_TIMEDOUT, "did not accept a connection in time; is it running?"},
      {CURLE_SEND_ERROR, "closed the connection while it was asked"},
      {CURLE_RECV_ERROR, "closed the connection in the middle of its answer"},
      {CURLE_PARTIAL_FILE, "closed the connection in the middle of its answer"},
      {CURLE_GOT_NOTHING, "closed the connection without an answer"},
  };
  if (code == CURLE_OK) return 0;
  if (code == CURLE_OUT_OF_MEMORY) return csn_fail_nomem(err);
  int tls = endpoint->has_tls ? csn_tls_failure(&endpoint->tls, endpoint->text, code, words, err) : 0;
  if (tls) return tls;
  if (code == CURLE_COULDNT_CONNECT) return csn_failure_connect(endpoint, sys_errno, err);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].code == code) return unreachable(endpoint, sys_errno, known[i].why, err);
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                  "what answers at %s does not speak HTTP as an engine does: %s", endpoint->text,
                  words[0] ? words : curl_easy_strerror(code));
}

int csn_failure_ssh(const struct csn_endpoint *endpoint, const char *words, struct csn_error *err) {
  char why[1024];
  const struct csn_ssh *ssh = &endpoint->ssh;
  snprintf(why, sizeof why,
           "cannot be reached: ssh %s%.400s; try by hand: ssh%s%s%s%.255s %.255s docker version",
           words[0] ? "says: " : "ended without a word", words, ssh->port ? " -p " : "",
           ssh->port ? ssh->port : "", ssh->user ? " -l " : "", ssh->user ? ssh->user : "",
           ssh->host);
  return unreachable(endpoint, 0, why, err);
}

int csn_failure_multi(CURLMcode code, struct csn_error *err) {
  if (code == CURLM_OUT_OF_MEMORY) return csn_fail_nomem(err);
  return csn_fail(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, "libcurl: %s",
                  curl_multi_strerror(code));
}
