/* SPDX-License-Identifier: Apache-2.0 */
/* An engine that is reached by the user's own ssh client, which runs `docker system dial-stdio` on
 * its machine: who and where, and the words of the command. Pure. */
#ifndef CSN_TRANSPORT_SSH_H
#define CSN_TRANSPORT_SSH_H

#include <stddef.h>

struct csn_ssh {
  char *user; /* NULL: what ssh makes of it */
  char *host; /* without the brackets of an IPv6 address; NULL: no ssh at all */
  char *port; /* NULL: likewise */
  char *path; /* of the engine's socket there; NULL: what docker there makes of it */
};

/* [user@]host[:port][/path], with nothing in it that ssh could take for an option or the shell on
 * the other side for anything but a word. 0, CAISSON_E_CONFIG with *why, or CAISSON_E_NOMEM. */
int csn_ssh_parse(const char *text, struct csn_ssh *out, const char **why);
void csn_ssh_free(struct csn_ssh *ssh);

/* Digits, 1 to 65535. */
int csn_ssh_is_port(const char *text, size_t n);

#define CSN_SSH_ARGUMENTS_MAX 24
/* The command and its NULL; the words are borrowed from *ssh, url is for the --host there. */
#define CSN_SSH_URL_MAX 512
void csn_ssh_arguments(const struct csn_ssh *ssh, char url[CSN_SSH_URL_MAX],
                       const char *argv[CSN_SSH_ARGUMENTS_MAX]);

#endif
