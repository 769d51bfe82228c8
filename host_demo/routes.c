/* SPDX-License-Identifier: Apache-2.0 */
/* routes.c: from a name to the plugin that offers it. What a plugin offers is asked at each call,
 * since its next version may offer something else. */
#include "routes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "ui.h"

static const char *const kinds[] = {"tools", "operations"};

static const cJSON *offered(const struct csn_generation *g, const char *kind, const char *name) {
  const cJSON *one;
  cJSON_ArrayForEach(one, csn_json_get(g->offered, kind)) {
    const char *own = csn_json_string(one, "name");
    if (own && strcmp(own, name) == 0)
      return one;
  }
  return NULL;
}

static bool offers(struct csn_route *route, const char *kind, const char *name) {
  struct csn_generation *g = csn_slot_pin(&route->slot);
  bool found = g && offered(g, kind, name);
  if (g)
    csn_slot_unpin(g);
  return found;
}

/* The name without the route's prefix, if it offers that; else NULL. */
static const char *own_name(struct csn_route *route, const char *kind, const char *name) {
  size_t n = strlen(route->prefix);
  return strncmp(name, route->prefix, n) == 0 && offers(route, kind, name + n) ? name + n : NULL;
}

struct csn_route *csn_routes_find(struct csn_routes *routes, bool operation, const char *name,
                                  const char **own) {
  struct csn_route *chosen = &routes->all[routes->chosen];
  bool is_chosen = operation && offers(chosen, kinds[operation], name);
  for (size_t i = 0; i < routes->count && !is_chosen; i++)
    if ((*own = own_name(&routes->all[i], kinds[operation], name)))
      return &routes->all[i];
  *own = name;
  return operation || *chosen->prefix == '\0' ? chosen : NULL;
}

/* ---- start and end --------------------------------------------------------------------------- */

static int refuse(struct csn_failure *failure, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static int refuse(struct csn_failure *failure, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  (void)vsnprintf(failure->message, sizeof failure->message, fmt, ap);
  va_end(ap);
  return -1;
}

/* Behind the place that names the plugin. */
static int at_line(const struct csn_plugin_line *line, struct csn_failure *failure) {
  char words[CSN_LOADER_MESSAGE];
  (void)snprintf(words, sizeof words, "%s", failure->message);
  return refuse(failure, "%s:%u: %.7000s", line->file, line->line, words);
}

static int read_lines(struct csn_routes *routes, const char *folder, struct csn_failure *failure) {
  char *here = *folder == '/' ? NULL : getcwd(NULL, 0);
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%s%s%s", here ? here : "", here ? "/" : "", folder);
  free(here);
  if (n < 0 || (size_t)n >= sizeof path)
    return refuse(failure, "configuration folder %.1024s: its path is too long", folder);
  return csn_plugins_read(&routes->lines, path, failure->message);
}

static int choose(struct csn_routes *routes, const char *prefix, struct csn_failure *failure) {
  for (size_t i = 0; prefix && i < routes->count; i++)
    if (strcmp(routes->all[i].prefix, prefix) == 0) {
      routes->chosen = i;
      return 0;
    }
  return prefix ? refuse(failure, "no plugin has the prefix %.100s", prefix) : 0;
}

static const struct csn_plugin_line *line_of(const struct csn_route *route) {
  return &route->routes->lines.lines[route - route->routes->all];
}

/* Whoever else offers what `route` calls `name`. */
static int check_name(const struct csn_route *route, const char *kind, const char *name,
                      struct csn_failure *failure) {
  const struct csn_routes *routes = route->routes;
  char full[512];
  int n = snprintf(full, sizeof full, "%s%s", route->prefix, name);
  for (size_t i = 0; i < routes->count && n > 0 && (size_t)n < sizeof full; i++)
    if (&routes->all[i] != route && own_name(&routes->all[i], kind, full)) {
      const struct csn_plugin_line *a = line_of(&routes->all[i]), *b = line_of(route);
      failure->step = CSN_STEP_TEST;
      failure->status = CAISSON_E_CONFIG;
      return refuse(failure, "%s:%u and %s:%u both offer %s: give one of them another prefix=",
                    a->file, a->line, b->file, b->line, full);
    }
  return 0;
}

/* The setup's `suits`. */
static int check_names(void *ctx, const struct csn_generation *g, struct csn_failure *failure) {
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
    const cJSON *one;
    cJSON_ArrayForEach(one, csn_json_get(g->offered, kinds[k])) {
      const char *name = csn_json_string(one, "name");
      if (name && check_name(ctx, kinds[k], name, failure) < 0)
        return -1;
    }
  }
  return 0;
}

static int load_one(struct csn_routes *routes, const struct csn_setup *setup, const char *prefix,
                    struct csn_failure *failure) {
  struct csn_route *route = &routes->all[routes->count++];
  struct csn_setup own = *setup;
  own.suits = check_names;
  own.suits_ctx = route;
  route->prefix = prefix;
  route->routes = routes;
  return csn_slot_load(&route->slot, &own, failure);
}

int csn_routes_load(struct csn_routes *routes, const struct csn_options *options, bool lazy,
                    const caisson_host *offer, struct csn_failure *failure) {
  struct csn_setup setup = {
      .plugin = options->plugin, .config = options->config, .lazy = lazy, .offer = offer};
  *routes = (struct csn_routes){.count = 0};
  *failure = (struct csn_failure){.step = CSN_STEP_LOAD, .status = CAISSON_E_INVALID};
  if (options->plugins && read_lines(routes, options->plugins, failure) < 0)
    return -1;
  size_t count = routes->lines.count;
  routes->all = csn_must(calloc(count ? count : 1, sizeof routes->all[0]));
  for (size_t i = 0; i < count; i++) {
    const struct csn_plugin_line *line = &routes->lines.lines[i];
    setup.plugin = line->path;
    setup.config = *line->config ? line->config : NULL;
    setup.sha256 = *line->sha256 ? line->sha256 : NULL;
    setup.trusted_config = true;
    if (load_one(routes, &setup, line->prefix, failure) < 0)
      return at_line(line, failure);
  }
  if (!options->plugins && load_one(routes, &setup, "", failure) < 0)
    return -1;
  return choose(routes, options->prefix, failure);
}

int csn_routes_create(struct csn_routes *routes, struct csn_failure *failure) {
  for (size_t i = 0; i < routes->count; i++)
    if (csn_slot_create(&routes->all[i].slot, failure) < 0)
      return routes->lines.count ? at_line(&routes->lines.lines[i], failure) : -1;
  for (size_t i = 1; i < routes->count; i++) {
    struct csn_generation *g = csn_slot_pin(&routes->all[i].slot);
    int rc = check_names(&routes->all[i], g, failure);
    csn_slot_unpin(g);
    if (rc < 0)
      return -1;
  }
  return 0;
}

void csn_routes_place(const struct csn_routes *routes, const struct csn_route *route,
                      char place[CSN_PLACE_SIZE]) {
  *place = '\0';
  if (routes->count > 1)
    (void)snprintf(place, CSN_PLACE_SIZE, "%s:%u: ", line_of(route)->file, line_of(route)->line);
}

void csn_routes_close(struct csn_routes *routes) {
  for (size_t i = 0; i < routes->count; i++)
    csn_slot_close(&routes->all[i].slot);
  free(routes->all);
  csn_plugins_free(&routes->lines);
  *routes = (struct csn_routes){.count = 0};
}
