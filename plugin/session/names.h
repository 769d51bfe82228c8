/* SPDX-License-Identifier: Apache-2.0 */
/* From a session's key to names: of its container, its volume, its directory. Pure. The rule is
 * frozen: versions of the plugin find each other's containers by it. */
#ifndef CSN_SESSION_NAMES_H
#define CSN_SESSION_NAMES_H

#include <stddef.h>

#define CSN_NAME_SIZE 128
#define CSN_INSTANCE_MAX 32
#define CSN_KEY_MAX 256

/* Of a name as it is configured (sandbox.name_template); this is what nobody has to configure. */
#define CSN_NAME_TEMPLATE "caisson-{instance}-{key}"

/* {key} is the key where that is 1 to 48 of [A-Za-z0-9_.-] and cannot be mistaken for one of the
 * other two forms, so that `docker ps` can be searched; else x<first 32 hex digits of
 * SHA-256(key)>. */
void csn_name_of_key(const char *template, const char *instance, const char *key,
                     char name[CSN_NAME_SIZE]);

/* {key} is e<32 hex digits>, for a sandbox that belongs to one call. */
#define CSN_EPHEMERAL_HEX 32
void csn_name_ephemeral(const char *template, const char *instance,
                        const char hex[CSN_EPHEMERAL_HEX + 1], char name[CSN_NAME_SIZE]);

/* A key as one component of a path, which no key can climb out of: as above, and hashed too
 * where it is nothing but dots. */
#define CSN_COMPONENT_SIZE 64
void csn_name_component(const char *key, char part[CSN_COMPONENT_SIZE]);

/* The template with {instance} and, for {key} and {session}, the part. 0, or -1 where it holds
 * another brace or does not fit. */
int csn_name_expand(const char *template, const char *instance, const char *part, char *out,
                    size_t size);

/* What engines take as the name of a container or a volume. */
int csn_name_is_engine_name(const char *name);
/* What is wrong with a template of such a name, which must hold `word` ("{key}"); NULL: nothing. */
const char *csn_name_template_problem(const char *template, const char *word);

/* {key} is pool.<48 hex digits>, for one that was started ahead and is nobody's yet: longer than
 * any key that stands in a name. */
#define CSN_POOL_HEX 48
void csn_name_pooled(const char *template, const char *instance, const char hex[CSN_POOL_HEX + 1],
                     char name[CSN_NAME_SIZE]);
int csn_name_is_pooled(const char *template, const char *instance, const char *name);

/* The key that stands in a name; 0 where it cannot be read there. */
int csn_name_key(const char *template, const char *instance, const char *name,
                 char key[CSN_COMPONENT_SIZE]);
int csn_name_is_ephemeral(const char *template, const char *instance, const char *name);

#endif
