/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/tls.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "transport/certificate.h"
#include "util/alloc.h"
#include "util/file.h"

#define PEM_MAX ((size_t)4 << 20)

/* ---- the files ------------------------------------------------------------------------------- */

static int check_file(const struct csn_tls *tls, const char *what, const char *path,
                      struct csn_error *err) {
  struct csn_buffer text CSN_CLEANUP_BUFFER = CSN_BUFFER(PEM_MAX);
  if (!path) return 0;
  if (csn_file_read(path, &text) < 0)
    return csn_fail_errno(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, errno,
                          "%s: the %s in %.300s cannot be read", tls->origin, what, path);
  if (strstr(csn_buffer_text(&text), "-----BEGIN ")) return 0;
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "%s: %.300s holds no %s in PEM (\"-----BEGIN ...\")", tls->origin, path, what);
}

int csn_tls_check(const struct csn_tls *tls, struct csn_error *err) {
  if (!tls->cert != !tls->key)
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                    "%s: a client certificate needs its key and a key its certificate; give both, "
                    "cert and key, or neither",
                    tls->origin);
  if (tls->ca && tls->insecure)
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                    "%s: a ca is given, and verify is false, so that it would not be used; leave "
                    "one of them out",
                    tls->origin);
  int rc = check_file(tls, "CA", tls->ca, err);
  if (rc == 0) rc = check_file(tls, "client certificate", tls->cert, err);
  return rc ? rc : check_file(tls, "key", tls->key, err);
}

static int copy(char **to, const char *from) {
  *to = from ? csn_strdup(from) : NULL;
  return from && !*to;
}

int csn_tls_copy(const struct csn_tls *from, struct csn_tls *to, struct csn_error *err) {
  *to = (struct csn_tls){.insecure = from->insecure};
  int failed = copy(&to->ca, from->ca);
  failed |= copy(&to->cert, from->cert);
  failed |= copy(&to->key, from->key);
  failed |= copy(&to->origin, from->origin);
  if (!failed) return 0;
  csn_tls_free(to);
  return csn_fail_nomem(err);
}

void csn_tls_free(struct csn_tls *tls) {
  csn_free(tls->ca);
  csn_free(tls->cert);
  csn_free(tls->key);
  csn_free(tls->origin);
  memset(tls, 0, sizeof *tls);
}

int64_t csn_tls_end(const struct csn_tls *tls) {
  struct csn_buffer text CSN_CLEANUP_BUFFER = CSN_BUFFER(PEM_MAX);
  int64_t end = 0;
  if (!tls->cert || csn_file_read(tls->cert, &text) < 0) return 0;
  return csn_certificate_end(csn_buffer_text(&text), text.size, &end) == 0 ? end : 0;
}

/* ---- libcurl --------------------------------------------------------------------------------- */

int csn_tls_prepare(const struct csn_tls *tls, CURL *easy) {
  int failed = 0;
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls->insecure ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls->insecure ? 0L : 2L);
  if (tls->ca) {
    failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca) != CURLE_OK;
    /* Else whoever this machine trusts could sign the engine's certificate too. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  }
  if (tls->cert) {
    failed |= curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->cert) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key) != CURLE_OK;
    /* Else a key with a passphrase would have the TLS library ask for it at the host's terminal. */
    failed |= curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "") != CURLE_OK;
  }
  return failed ? CAISSON_E_NOMEM : 0;
}

/* ---- failures -------------------------------------------------------------------------------- */

static int is_about_the_engine(const struct csn_tls *tls, const char *where, const char *words,
                               struct csn_error *err) {
  static const struct {
    const char *said, *why;
  } known[] = {
      {"certificate has expired", "has expired; renew it there (dockerd's --tlscert)"},
      {"not yet valid", "is not valid yet; compare the clocks of the two machines"},
      {"no alternative certificate subject name",
       "is not for this host name; name the engine as its certificate does, or make that one with "
       "this name or address as a subjectAltName"},
      {"does not match target host",
       "is not for this host name; name the engine as its certificate does, or make that one with "
       "this name or address as a subjectAltName"},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strstr(words, known[i].said))
      return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_TLS,
                      "the certificate of the container engine at %s %s (%.200s)", where,
                      known[i].why, words);
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_TLS,
                  "the certificate of the container engine at %s is not signed by the CA in %.300s "
                  "(%s); give the CA that signed it (%.200s)",
                  where, tls->ca ? tls->ca : "this machine's own store",
                  tls->origin ? tls->origin : "engine.tls", words);
}

/* Did the other side end it over our certificate, or that we have none? */
static int is_alert(const char *words) {
  static const char *const alerts[] = {"alert bad certificate",     "alert certificate required",
                                       "alert certificate expired", "alert unknown ca",
                                       "alert certificate unknown", "alert certificate revoked",
                                       "alert unsupported certificate", "alert handshake failure",
                                       "alert access denied"};
  for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
    if (strstr(words, alerts[i])) return 1;
  return 0;
}

static int is_about_us(const struct csn_tls *tls, const char *where, const char *words,
                       struct csn_error *err) {
  const char *origin = tls->origin ? tls->origin : "engine.tls";
  int64_t end = csn_tls_end(tls);
  if (!tls->cert)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_TLS,
                    "the container engine at %s wants a client certificate, and %s names none; give "
                    "cert and key (%.200s)",
                    where, origin, words);
  if (end && end < time(NULL)) {
    char day[16] = "";
    struct tm utc;
    time_t t = (time_t)end;
    if (gmtime_r(&t, &utc)) strftime(day, sizeof day, "%Y-%m-%d", &utc);
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_TLS,
                    "the container engine at %s refuses the client certificate in %.300s (%s): it "
                    "has expired, on %s; renew it",
                    where, tls->cert, origin, day);
  }
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_TLS,
                  "the container engine at %s refuses the client certificate in %.300s (%s); it has "
                  "to be signed by the CA that the engine trusts (dockerd's --tlscacert) (%.200s)",
                  where, tls->cert, origin, words);
}

int csn_tls_refusal(const struct csn_tls *tls, const char *where, const char *words,
                    struct csn_error *err) {
  return is_alert(words) ? is_about_us(tls, where, words, err) : 0;
}

int csn_tls_failure(const struct csn_tls *tls, const char *where, CURLcode code, const char *words,
                    struct csn_error *err) {
  if (code == CURLE_PEER_FAILED_VERIFICATION) return is_about_the_engine(tls, where, words, err);
  int rc = csn_tls_refusal(tls, where, words, err);
  if (rc) return rc;
  if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_TLS,
                    "the files of %s cannot be used for the container engine at %s: %.300s",
                    tls->origin ? tls->origin : "engine.tls", where, words);
  if (code == CURLE_SSL_CONNECT_ERROR)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_TLS,
                    "no TLS with the container engine at %s: %.300s; is this the port on which it "
                    "speaks TLS (usually 2376)?",
                    where, words);
  return 0;
}
