/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions and orders to the kernel's routing, in rtnetlink(7) messages: one at a time, each
 * acknowledged. It knows messages, and not what they are for.
 */
#ifndef CSN_GUEST_NETLINK_H
#define CSN_GUEST_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#define CSN_NETLINK_MESSAGE 512

/* An order under construction: a fixed head, then attributes. */
struct csn_netlink_message {
  union {
    struct nlmsghdr head;
    uint8_t bytes[CSN_NETLINK_MESSAGE];
  };
};

/* A socket, or -1 with errno. */
int csn_netlink_open(void);

void csn_netlink_begin(struct csn_netlink_message *message, uint16_t type, uint16_t flags,
                       const void *body, size_t size);
void csn_netlink_add(struct csn_netlink_message *message, uint16_t attribute, const void *bytes,
                     size_t size);
/* Sends it and waits for the answer: 0, or -1 with errno as the kernel says. */
int csn_netlink_order(int fd, struct csn_netlink_message *message);

/* Asks for all of a kind (RTM_GETROUTE, ...) in a family, and hands each answer on. 0, or -1 with
 * errno. */
typedef void csn_netlink_take_fn(void *ctx, const struct nlmsghdr *answer);
int csn_netlink_dump(int fd, uint16_t type, uint8_t family, csn_netlink_take_fn *take, void *ctx);

/* The fixed head of an answer's body; NULL where it is shorter than that. */
const void *csn_netlink_body(const struct nlmsghdr *answer, size_t size);
/* The bytes of an attribute behind `fixed` bytes of body, and how many; NULL where it has none. */
const void *csn_netlink_attribute(const struct nlmsghdr *answer, size_t fixed, uint16_t attribute,
                                  size_t *size);
/* The same if it has exactly `size`; else NULL. */
const void *csn_netlink_find(const struct nlmsghdr *answer, size_t fixed, uint16_t attribute,
                             size_t size);

#endif
