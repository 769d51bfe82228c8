/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of a sandbox that are published on the engine's host: what is configured, made into a
 * create body, and what became of it, read from the engine's answers. Pure. */
#ifndef CSN_SESSION_PORTS_H
#define CSN_SESSION_PORTS_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "engine/body.h"
#include "util/error.h"

#define CSN_PORTS_MAX 64
#define CSN_PORT_ADDRESS 46

struct csn_port {
  uint16_t container;
  const char *protocol;           /* "tcp" or "udp" */
  char address[CSN_PORT_ADDRESS]; /* where it is published */
  uint16_t first, last;           /* on the host; both 0: the engine's pick */
};

/* Reads "[[ADDRESS:]HOST[-HOST]:]PORT[/PROTOCOL]", as `docker run -p` takes it, or {container,
 * protocol, address, host}. NULL, or what is wrong with it, to complete "it ..." (static). */
const char *csn_port_read(const cJSON *item, struct csn_port *out);

/* Are these all ports, each given once, and is there a network to publish them from? Otherwise
 * `code` with `reason`, by path ("sandbox." or ""). ports may be NULL. */
int csn_ports_check(const cJSON *ports, const cJSON *network, const char *path, int code,
                    const char *reason, struct csn_error *err);

/* Does any of them name one port of the host, which only one sandbox can have? */
int csn_ports_are_fixed(const cJSON *ports);

/* ExposedPorts and PortBindings. A range begins so many ports later: engines skip those that they
 * gave away, but some fail at the first that another program has. */
void csn_ports_add(struct csn_body *b, cJSON *body, cJSON *host, const cJSON *ports, unsigned skip);

/* What the answers of published ports need among deny routes: "tcp/8080/gateway,udp/53/any", where
 * clients of a port on the loopback come by way of the gateway and others from anywhere. To be
 * freed by csn_free; NULL: no memory. */
char *csn_ports_plan(const cJSON *ports);

/* {"8080/tcp": {"host", "port", "url"}} of an engine's answer about a container, by inspect or in a
 * list. `host` is the name to say in place of the address, or NULL. NULL: no memory. */
cJSON *csn_ports_mapped(const cJSON *container, const char *host);

/* Why a start failed that skipped so many ports of ranges. A port that is taken gets words of its
 * own, unless it is of a range that has more. */
enum csn_ports_failure { CSN_PORTS_FINE, CSN_PORTS_TAKEN, CSN_PORTS_TRY_NEXT };
enum csn_ports_failure csn_ports_explain(const cJSON *ports, unsigned skipped,
                                         struct csn_error *err);

#endif
