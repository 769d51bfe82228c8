/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps libcurl's inner descriptors out of the programs that the host executes. */
#ifndef CSN_TRANSPORT_WAKEUP_H
#define CSN_TRANSPORT_WAKEUP_H

#include <curl/curl.h>

/* Makes the pair of sockets that a new multi handle wakes itself with close-on-exec, where libcurl
 * did not. What cannot be told apart for sure is left alone. */
void csn_wakeup_close_on_exec(CURLM *multi);

#endif
