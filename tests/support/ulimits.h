/* SPDX-License-Identifier: Apache-2.0 */
/* For containers that tests make past the plugin: an engine's own default limits may be more than
 * its machine lets it set (Podman without CAP_SYS_RESOURCE). A member of HostConfig. */
#ifndef SUPPORT_ULIMITS_H
#define SUPPORT_ULIMITS_H

#define HOST_ULIMITS                                          \
  "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":4096,\"Hard\":4096}," \
  "{\"Name\":\"nproc\",\"Soft\":32768,\"Hard\":32768}]"

#endif
