/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/ssh.h"

#include <stdio.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define PATH_MAX_THERE 400

int csn_ssh_is_port(const char *text, size_t n) {
  unsigned port = 0;
  if (n == 0 || n > 5 || strspn(text, "0123456789") < n) return 0;
  for (size_t i = 0; i < n; i++) port = port * 10 + (unsigned)(text[i] - '0');
  return port > 0 && port <= 65535;
}

/* A word that begins with '-' would be an option of ssh's, such as one that runs a program here. */
static int is_word(const char *text, size_t n, const char *allowed) {
  return n > 0 && n <= 255 && text[0] != '-' && strspn(text, allowed) >= n;
}

static int refuse(const char **why, const char *words) {
  *why = words;
  return CAISSON_E_CONFIG;
}

static int take(char **to, const char *text, size_t n) {
  *to = csn_strndup(text, n);
  return *to ? 0 : CAISSON_E_NOMEM;
}

static int take_host(const char *text, size_t n, struct csn_ssh *out, const char **why) {
  const char *end = text[0] == '[' ? memchr(text, ']', n) : NULL;
  const char *host = end ? text + 1 : text;
  size_t size = end ? (size_t)(end - host) : strcspn(text, ":/");
  size_t used = end ? size + 2 : size;
  if (!is_word(host, size, end ? "0123456789abcdefABCDEF:.%" LETTERS : LETTERS))
    return refuse(why, "has no host that ssh could be given");
  int rc = take(&out->host, host, size);
  if (rc || used == n) return rc;
  if (text[used] != ':' || !csn_ssh_is_port(text + used + 1, n - used - 1))
    return refuse(why, "has no valid port");
  return take(&out->port, text + used + 1, n - used - 1);
}

static int take_path(const char *path, struct csn_ssh *out, const char **why) {
  if (!path[0] || strcmp(path, "/") == 0) return 0;
  if (strlen(path) > PATH_MAX_THERE || strspn(path, LETTERS "/+@:,=") < strlen(path))
    return refuse(why, "has a path of a socket with characters that the shell there would see");
  return take(&out->path, path, strlen(path));
}

static int parse(const char *text, struct csn_ssh *out, const char **why) {
  size_t n = strcspn(text, "/");
  const char *at = memchr(text, '@', n);
  const char *host = at ? at + 1 : text;
  if (at && memchr(text, ':', (size_t)(at - text)))
    return refuse(why, "has a password, which ssh takes from nobody but its user; use a key");
  if (at && !is_word(text, (size_t)(at - text), LETTERS "+"))
    return refuse(why, "has a user that ssh could not be given");
  int rc = at ? take(&out->user, text, (size_t)(at - text)) : 0;
  if (rc == 0) rc = take_host(host, n - (size_t)(host - text), out, why);
  return rc ? rc : take_path(text + n, out, why);
}

int csn_ssh_parse(const char *text, struct csn_ssh *out, const char **why) {
  memset(out, 0, sizeof *out);
  int rc = parse(text, out, why);
  if (rc) csn_ssh_free(out);
  return rc;
}

void csn_ssh_free(struct csn_ssh *ssh) {
  csn_free(ssh->user);
  csn_free(ssh->host);
  csn_free(ssh->port);
  csn_free(ssh->path);
  memset(ssh, 0, sizeof *ssh);
}

/* As docker's own client builds it, but nothing may ask anybody: there is nobody to answer. */
void csn_ssh_arguments(const struct csn_ssh *ssh, char url[CSN_SSH_URL_MAX],
                       const char *argv[CSN_SSH_ARGUMENTS_MAX]) {
  size_t n = 0;
  argv[n++] = "ssh";
  argv[n++] = "-T";
  argv[n++] = "-o";
  argv[n++] = "BatchMode=yes";
  argv[n++] = "-o";
  argv[n++] = "ConnectTimeout=30";
  if (ssh->user) {
    argv[n++] = "-l";
    argv[n++] = ssh->user;
  }
  if (ssh->port) {
    argv[n++] = "-p";
    argv[n++] = ssh->port;
  }
  argv[n++] = "--";
  argv[n++] = ssh->host;
  argv[n++] = "docker";
  if (ssh->path) {
    snprintf(url, CSN_SSH_URL_MAX, "unix://%s", ssh->path);
    argv[n++] = "--host";
    argv[n++] = url;
  }
  argv[n++] = "system";
  argv[n++] = "dial-stdio";
  argv[n] = NULL;
}
