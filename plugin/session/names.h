/* SPDX-License-Identifier: Apache-2.0 */
/* From a session's key to its container's name. Pure. The rule is frozen: versions of the plugin
 * find each other's containers by it. */
#ifndef CSN_SESSION_NAMES_H
#define CSN_SESSION_NAMES_H

#include <stddef.h>

#define CSN_NAME_SIZE 128
#define CSN_INSTANCE_MAX 32
#define CSN_KEY_MAX 256

/* caisson-<instance>-<key> where the key is 1 to 48 of [A-Za-z0-9_.-] and cannot be mistaken for
 * one of the other two forms, so that `docker ps` can be searched; else
 * caisson-<instance>-x<first 32 hex digits of SHA-256(key)>. */
void csn_name_of_key(const char *instance, const char *key, char name[CSN_NAME_SIZE]);

/* caisson-<instance>-e<32 hex digits>, for a sandbox that belongs to one call. */
#define CSN_EPHEMERAL_HEX 32
void csn_name_ephemeral(const char *instance, const char hex[CSN_EPHEMERAL_HEX + 1],
                        char name[CSN_NAME_SIZE]);

#endif
