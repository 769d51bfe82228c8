/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that is a child process: ssh, with a socket of ours as its stdin and stdout. The one
 * place where the plugin starts a program. It needs no SIGCHLD and disturbs nobody's: each child is
 * waited for by its own pid, and signalled by a descriptor that can mean no other process. */
#ifndef CSN_TRANSPORT_TUNNEL_H
#define CSN_TRANSPORT_TUNNEL_H

#include <sys/types.h>
#include <sys/un.h>

#include "transport/ssh.h"
#include "util/error.h"

#define CSN_TUNNEL_WORDS 1024

/* Those of one libcurl handle: it may hold two for a moment, an old connection and its successor. */
struct csn_tunnel {
  pid_t pid; /* 0 until it was started */
  int pidfd;
  int listener; /* until it was started, with its path */
  char path[sizeof ((struct sockaddr_un *)NULL)->sun_path];
  int fd;       /* our end; whoever it was given to does not close it */
  int words_fd; /* the child's stderr */
  struct csn_tunnel *next;
};

/* libcurl insists on connecting a socket itself (7.88 also where it is told that it is connected),
 * so it gets one, in fd, close-on-exec and non-blocking, and an address to connect it to, that of a
 * socket which is of this process alone. It is a path, for libcurl keeps no connection to a peer
 * without a name. The tunnel is put at the head of the list. 0, CAISSON_E_NOMEM or
 * CAISSON_E_ENGINE. */
int csn_tunnel_new(struct csn_tunnel **list, struct sockaddr_un *address, struct csn_error *err);
/* Once that is done: starts ssh at the other end. 0, also where it is not done or was started
 * before; CAISSON_E_ENGINE where ssh cannot be started. */
int csn_tunnel_start(struct csn_tunnel *tunnel, const struct csn_ssh *ssh, struct csn_error *err);

/* Appends what the child has said on stderr to words, as one line of plain text; of more than fits
 * the end stays. */
void csn_tunnel_words(struct csn_tunnel *tunnel, char words[CSN_TUNNEL_WORDS]);

/* Closes that which has this fd, ends its child and takes what it had to say. 1, or 0 if there is
 * none. */
int csn_tunnel_close(struct csn_tunnel **list, int fd, char words[CSN_TUNNEL_WORDS]);

#endif
