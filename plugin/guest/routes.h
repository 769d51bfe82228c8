/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sandbox cannot reach. `routes` sets that in a network namespace that it shares with the
 * sandbox, with CAP_NET_ADMIN and once; `host` says which addresses the engine's host has, in the
 * host's namespace and without any capability. Process 1 of the sandbox waits for the one before it
 * lets anything run. See plugin/session/network.md.
 */
#ifndef CSN_GUEST_ROUTES_H
#define CSN_GUEST_ROUTES_H

/* Lists are comma-separated, "" for none. */
struct csn_routes_options {
  const char *deny;      /* CIDRs */
  const char *allow;     /* CIDRs that stay reachable, though within those */
  const char *resolvers; /* addresses of which only port 53 stays reachable */
  const char *ports;     /* "tcp/8080/gateway", "udp/53/any": published ones, and for whom */
  const char *host;      /* "1": the gateway is denied too */
};

/* Prints a report as JSON, {"error": ...} where anything failed. */
_Noreturn void csn_routes_main(const struct csn_routes_options *options);

/* Prints {"addresses": [...], "resolvers": [...]}. */
_Noreturn void csn_routes_host_main(void);

/* Waits until the routes are all in place and none of these addresses can be reached. 0, or -1 with
 * words when that does not come to pass. */
int csn_routes_await(const char *denied, const char **words);

#endif
